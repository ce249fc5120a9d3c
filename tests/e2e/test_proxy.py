"""What the box sends out by HTTP goes by the owner's proxy, and nothing is lost when that is away."""

import http.server
import json
import ssl
import sys
import threading
import urllib.parse
from contextlib import contextmanager
from pathlib import Path

import pytest
from box import BESIDE, KEY, SECRET, ShippedBox
from middleman import Middleman
from pki import Authority, pem
from receivers import Receiver, until

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recording"))
import counterparts  # noqa: E402

HOOKS = "/integrations/webhooks"
CANARY = "canary4711canary"
CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nEND:VCALENDAR\r\n"


@pytest.fixture(scope="module")
def owner(box):
    box.claim()
    return box


@pytest.fixture(scope="module")
def middle(tmp_path_factory):
    with Middleman(tmp_path_factory.mktemp("middle")) as middle:
        yield middle


@pytest.fixture
def by_proxy(owner, middle):
    """Everything goes by the proxy, also what is in the house."""
    owner.ask("PATCH", "/settings", {"proxy": {"url": middle.url, "local_direct": False, "exceptions": []}})
    yield middle
    owner.ask("PATCH", "/settings", {"proxy": None})


@contextmanager
def hook(box, url):
    one = box.ask("POST", HOOKS, {"url": url, "key": KEY})["id"]
    yield one
    box.ask("DELETE", f"{HOOKS}/{one}")


def state(box, one):
    return next(item for item in box.ask("GET", HOOKS)["items"] if item["id"] == one)


def went(middle, method, url):
    """The proxy has led there."""
    where = urllib.parse.urlsplit(url).netloc
    return until(lambda: f"{method} {where}" in middle.passed(), why=f"{method} {where}: {middle.log.read_text()}")


@contextmanager
def web(answers, certificate=None):
    """A server that answers each path with what is given for it; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            found = answers.get(self.path)
            self.send_response(404 if found is None else 200)
            body = (found or "").encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"{'https' if certificate else 'http'}://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """An authority, and certificate and key of localhost as files."""
    folder, authority = tmp_path_factory.mktemp("pki"), Authority()
    certificate, key = authority.issue("localhost")
    (folder / "chain.pem").write_text(certificate + pem(authority.between))
    (folder / "key.pem").write_text(key)
    return pem(authority.root), (folder / "chain.pem", folder / "key.pem")


def test_webhooks_go_by_the_proxy_at_once_and_exceptions_go_around_it(owner, by_proxy):
    with Receiver(KEY, SECRET) as receiver, hook(owner, receiver.url) as one:
        assert owner.ask("POST", f"{HOOKS}/{one}/tests")["delivered"]
        went(by_proxy, "POST", receiver.url)
        assert not receiver.refused and receiver.requests[0][0]["Host"] == urllib.parse.urlsplit(receiver.url).netloc
        assert "Proxy-Authorization" not in receiver.requests[0][0]
        before = len(by_proxy.passed())
        owner.ask("PATCH", "/settings", {"proxy": {"exceptions": ["localhost"]}})
        assert owner.ask("POST", f"{HOOKS}/{one}/tests")["delivered"]
        owner.ask("PATCH", "/settings", {"proxy": {"exceptions": [], "local_direct": True}})
        assert owner.ask("POST", f"{HOOKS}/{one}/tests")["delivered"]
        assert len(receiver.requests) == 3 and len(by_proxy.passed()) == before


def test_a_proxy_that_is_away_is_said_and_nothing_is_lost(owner, by_proxy):
    with Receiver(KEY, SECRET) as receiver, hook(owner, receiver.url) as one:
        by_proxy.stop()
        trial = owner.ask("POST", f"{HOOKS}/{one}/tests")
        assert not trial["delivered"]
        assert f"the proxy 127.0.0.1:{by_proxy.port}: it cannot be reached" in trial["error"], trial
        livekit_room(owner, "away")
        told = until(lambda: (now := state(owner, one))["failing"] and now, why="it does not fail")
        assert "the proxy" in told["last_error"] and told["waiting"] >= 1 and told["delivered"] == 0
        by_proxy.start()
        until(lambda: state(owner, one)["waiting"] == 0, seconds=90)
        assert any(event.event == "room_started" and event.room.name == "away" for event in receiver.events)
        went(by_proxy, "POST", receiver.url)


def livekit_room(box, name):
    import asyncio

    from livekit import api

    async def make():
        async with box.api() as server:
            await server.room.create_room(api.CreateRoomRequest(name=name))
            await server.room.delete_room(api.DeleteRoomRequest(room=name))

    asyncio.run(make())


def test_targets_calendars_sign_in_and_certificates_go_by_the_proxy(owner, by_proxy, pki):
    trust, certificate = pki
    with counterparts.s3() as s3, counterparts.webdav() as dav:
        for place, secrets, url, method in [
            ({"kind": "s3", "endpoint": s3.endpoint, "bucket": s3.bucket, "access_key": s3.access_key},
             {"secret_key": s3.secret_key}, s3.endpoint, "PUT"),
            ({"kind": "webdav", "url": dav.url, "user": dav.user}, {"password": dav.password}, dav.url, "PROPFIND"),
        ]:
            one = owner.ask("POST", "/targets", {"name": place["kind"], "place": place, "secrets": secrets})["id"]
            trial = owner.ask("POST", f"/targets/{one}/tests")
            assert trial["works"], trial
            went(by_proxy, method, url)
            owner.ask("DELETE", f"/targets/{one}")
    with web({"/cal.ics": CALENDAR}) as plain:
        owner.ask("POST", "/schedule/feeds", {"name": "Campus", "url": f"{plain}/cal.ics"})
        went(by_proxy, "GET", plain)
    with web({}, certificate) as there:
        settings = owner.ask("GET", "/integrations/oidc")["settings"]
        settings |= {"issuer": there, "client_id": "box", "authority": trust, "name": "Campus", "enabled": True, "admit_others": True,
                     "address": "https://box.example.org"}
        owner.ask("PUT", "/integrations/oidc", {"settings": settings, "secret": "s"})
        trial = owner.ask("POST", "/integrations/oidc/tests")
        assert "404" in trial["error"], trial
        went(by_proxy, "CONNECT", there)


def test_acme_goes_by_the_proxy(tmp_path, middle, pki):
    trust, certificate = pki
    with ShippedBox(tmp_path, BESIDE) as box, web({}, certificate) as there:
        box.claim()
        box.ask("PATCH", "/settings", {"proxy": {"url": middle.url, "local_direct": False}})
        settings = {"directory": f"{there}/dir", "authority": trust, "names": ["box.example.org"],
                    "terms_accepted": True}
        box.ask("PUT", "/certificates/acme", {"settings": settings})
        until(lambda: box.ask("GET", "/certificates/acme")["failure"])
        went(middle, "CONNECT", there)
        # As it ships, webhooks lead neither into the box nor to where only the proxy knows.
        for url, says in [("https://localhost:1/x", "this box itself"), ("http://hook.invalid/", "looked up by the proxy")]:
            key = box.ask("POST", "/livekit-keys")["key"]
            one = box.ask("POST", HOOKS, {"url": url, "key": key})["id"]
            trial = box.ask("POST", f"{HOOKS}/{one}/tests")
            assert says in trial["error"], trial
        assert not any("hook.invalid" in line or "localhost:1" in line.split() for line in middle.passed())


def attempt(box, asked, **settings):
    settings = {"local_direct": False} | settings
    return box.ask("POST", "/network/proxy/tests", {"proxy": settings, "url": asked})


def test_an_attempt_says_in_words_what_came_back(owner, middle, tmp_path, pki):
    closed = counterparts.free_port()
    with web({"/": "hello"}) as plain:
        assert attempt(owner, f"{plain}/", url=middle.url)["outcome"] == "works"
        for url, settings, outcome in [
            (plain, {"url": f"http://127.0.0.1:{closed}"}, "proxy_away"),
            (plain, {"url": "http://proxy.invalid:1"}, "proxy_name"),
            (plain.replace("http:", "https:"), {"url": plain}, "refused"),
            ("https://127.0.0.1:1/", {"url": middle.url}, "beyond"),
            ("ftp://x", {"url": middle.url}, "address"),
            (plain, {"url": middle.url, "exceptions": ["localhost"]}, "direct"),
        ]:
            found = attempt(owner, url, **settings)
            assert found["outcome"] == outcome, (url, found)
        with Middleman(tmp_path / "closed", basic=f"box:{CANARY}") as asks:
            for settings, outcome in [({}, "password_wanted"), ({"user": "box", "password": "no"}, "password_wrong"),
                                      ({"user": "box", "password": CANARY}, "works")]:
                assert attempt(owner, plain, url=asks.url, **settings)["outcome"] == outcome
            owner.ask("PATCH", "/settings", {"proxy": {
                "url": asks.url, "user": "box", "password": CANARY, "local_direct": False}})
            # What is kept is for that proxy and user, and shown nowhere.
            kept = owner.ask("GET", "/settings")["proxy"]
            assert kept["password"] == "(hidden)"
            assert attempt(owner, plain, **kept)["outcome"] == "works"
            other = kept | {"url": middle.url}
            status, _, answer = owner.request("POST", "/network/proxy/tests", {"proxy": other, "url": plain})
            assert (status, answer["field"]) == (422, "proxy.password")
            assert owner.request("PATCH", "/settings", {"proxy": {"url": middle.url}})[0] == 422
            with Receiver(KEY, SECRET) as receiver, hook(owner, receiver.url) as one:
                assert owner.ask("POST", f"{HOOKS}/{one}/tests")["delivered"]
                went(asks, "POST", receiver.url)
                assert "Proxy-Authorization" not in receiver.requests[0][0]
            assert CANARY not in json.dumps(owner.ask("GET", "/settings"))
            assert CANARY not in owner.log_path.read_text()
    owner.ask("PATCH", "/settings", {"proxy": None})


def test_a_proxy_that_opens_what_is_encrypted_is_trusted_by_its_own_authority(owner, tmp_path, pki):
    from cryptography.hazmat.primitives.asymmetric import rsa

    ours = Authority("Proxy")
    key = rsa.generate_private_key(65537, 2048)
    root = ours.sign("Proxy CA", "Proxy CA", key.public_key(), key, 3000, ca=True)
    signing = rsa.generate_private_key(65537, 2048)
    parts = {"ca.pem": pem(root), "ca.key": pem(key), "signing.key": pem(signing)}
    with Middleman(tmp_path / "opens", authority=parts) as opens, web({"/": "hello"}, pki[1]) as there:
        found = attempt(owner, f"{there}/", url=opens.url)
        assert found["outcome"] == "opened" and "Network, Proxy" in found["detail"], found
        found = attempt(owner, f"{there}/", url=opens.url, authority=pem(root))
        assert (found["outcome"], found["status"]) == ("works", 200), found
        owner.ask("PATCH", "/settings", {"proxy": {"url": opens.url, "local_direct": False, "authority": pem(root)}})
        with Receiver(KEY, SECRET, certificate=pki[1]) as receiver, hook(owner, receiver.url) as one:
            assert owner.ask("POST", f"{HOOKS}/{one}/tests")["delivered"]
            assert receiver.requests
    owner.ask("PATCH", "/settings", {"proxy": None})
