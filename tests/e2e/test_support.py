"""The support bundle: whole, listed, for owners and operators, and without any secret that a box can have."""

import base64
import gzip
import http.client
import http.server
import io
import json
import re
import tarfile
import threading
import urllib.parse

import pytest

from box import BESIDE, PASSWORD, ShippedBox
from pki import Authority, pem
from test_doors import ask, owner  # noqa: F401
from test_permissions import people  # noqa: F401

CANARY = "canary4711"


def fetch(box):
    """The bundle's name, its bytes, and its files."""
    where = urllib.parse.urlsplit(box.url).netloc
    connection = http.client.HTTPSConnection(where, timeout=30, context=box.trust)
    connection.request("GET", "/api/v1/support/bundle", headers=box.owner)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/gzip")
    data = answer.read()
    connection.close()
    name = re.search(r'filename="(roombox-support-\d+-\d+)\.tar\.gz"', answer.headers["Content-Disposition"])[1]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = {one.name: archive.extractfile(one).read() for one in archive}
    return name, data, files


def plant(box, folder, calendar):
    """Secrets in every place that takes one: all texts that must not be in a bundle."""
    secrets, n = [], 0

    def canary(ending=""):
        nonlocal n
        n += 1
        secrets.append(f"{CANARY}-{n}")
        return f"{CANARY}-{n}{ending}"

    box.ask("PATCH", "/settings", {"turn": {"urls": ["turn:t.example.org:1"], "secret": canary(), "relay_only": False}})
    made = box.ask("POST", "/livekit-keys")
    key = made["key"]
    secrets.append(made["secret"])
    token = box.ask("POST", "/api-tokens", {"name": canary()})
    secrets.append(token["token"])
    made = box.ask("POST", "/invites", {"name": canary(), "role": "viewer", "expires_in_s": 600})
    secrets.append(made["secret"])
    room = box.ask("POST", "/rooms", {"name": canary()})
    secrets.append(room["invite"])
    whip = box.ask("POST", f"/rooms/{room['id']}/whip-keys", {"name": canary(), "scope": "publish"})
    secrets += [whip["token"]]
    for place, hidden in [
        ({"kind": "s3", "bucket": "b", "access_key": canary()}, {"secret_key": canary()}),
        ({"kind": "webdav", "url": "https://dav.example.org/x", "user": canary()}, {"password": canary()}),
        ({"kind": "sftp", "host": "sftp.example.org", "user": canary()}, {"password": canary()}),
    ]:
        target = {"name": place["kind"], "place": place, "secrets": hidden, "contents": "films"}
        status, _, answer = box.request("POST", "/targets", target)
        assert status < 300, answer
    box.ask("POST", "/integrations/webhooks", {"url": f"https://hooks.example.org/{canary()}?k={canary()}", "key": key})
    box.ask("PUT", "/integrations/mqtt", {
        "settings": {"enabled": True, "host": "127.0.0.1", "port": 9, "user": canary()}, "password": canary()})
    box.ask("PUT", "/integrations/mail", {
        "settings": {"enabled": True, "host": "127.0.0.1", "port": 9, "user": canary(),
                     "from": canary("@example.org"), "to": [canary("@example.org")]},
        "password": canary()})
    box.ask("POST", "/integrations/mail/tests")
    box.ask("PUT", "/integrations/syslog", {"enabled": True, "host": "127.0.0.1", "port": 9, "by": "tcp"})
    status, _, answer = box.request("POST", "/schedule/feeds", {
        "name": canary(), "url": f"{calendar}/{canary()}.ics?key={canary()}", "room": room["id"]})
    assert status < 300, answer
    box.request("POST", f"/rooms/{room['id']}/outputs", {"url": f"rtmps://live.example.org/app/{canary()}"})
    factor = box.ask("POST", "/account/second-factor", {"password": PASSWORD})
    secrets.append(factor["secret"])
    certificate, private = Authority().issue("box.example.org")
    box.ask("PUT", "/certificates/served", {"chain": certificate + private})
    # What somebody tries at the door is a secret, too.
    box.request("POST", "/session", {"name": canary(), "password": canary()})
    box.request("GET", f"/events?access_token={canary()}")
    box.request("GET", f"/s/{canary()}")
    secrets.append(box.owner["Cookie"].split("=", 1)[1])
    secrets.append(box.code)
    # Everything that the box itself keeps as a secret: each line of each file.
    for file in (folder / "data" / "secrets").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            if b"CERTIFICATE-----" in content and b"PRIVATE" not in content:
                continue
            blocks = re.findall(rb"PRIVATE KEY-----\n(.*?)-----END", content, re.S) or [content]
            secrets += [line for block in blocks for line in block.decode("latin-1").split() if len(line) > 20]
    return [one for one in secrets if one]


def forms(secret):
    """As it is, and as it might be written elsewhere."""
    raw = secret.encode("latin-1")
    escaped = json.dumps(secret)[1:-1].encode()
    return {raw, escaped, base64.b64encode(raw).rstrip(b"=")[:-2], raw.hex().encode(), urllib.parse.quote(secret).encode()}


class Calendar(http.server.BaseHTTPRequestHandler):
    """An empty one, at whatever address."""

    def do_GET(self):
        body = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nEND:VCALENDAR\r\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/calendar")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def calendar():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Calendar) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_no_secret_of_the_box_is_in_it_and_everything_that_it_lists_is(tmp_path, calendar):
    with ShippedBox(tmp_path, BESIDE) as box:
        box.claim()
        secrets = plant(box, tmp_path, calendar)
        assert len(secrets) > 30
        name, data, files = fetch(box)
        listed = box.ask("GET", "/support")
        assert set(files) == {f"{name}/{part['name']}" for part in listed["parts"]} | {f"{name}/README.txt"}
        readme = files[f"{name}/README.txt"].decode()
        assert "Not there" not in readme
        for part in listed["parts"]:
            assert part["what"] in readme
        whole = gzip.decompress(data)
        assert len(whole) < listed["most_bytes"]
        for secret in secrets:
            for form in forms(secret):
                assert form not in whole, (secret, next(file for file, text in files.items() if form in text))
        assert CANARY.encode() not in whole
        # It is of use: versions, what fails and the log.
        database = json.loads(files[f"{name}/database.json"])
        assert database["check"] == "ok" and database["rows"]["targets"] == 3
        assert json.loads(files[f"{name}/mail.json"])["outcome"]["error"] is None
        assert "the box" in files[f"{name}/log.txt"].decode() or len(files[f"{name}/log.txt"]) > 100
        assert json.loads(files[f"{name}/webhooks.json"])[0]["server"] == "hooks.example.org"
        assert b'"disk"' in files[f"{name}/status.json"]
        box.check_alive()


def test_only_owners_and_operators_take_one(box, people):  # noqa: F811
    for who, status in [("owner", 200), ("operator", 200), ("moderator", 403), ("viewer", 403)]:
        for path in ["/support", "/support/bundle"]:
            assert ask(box, "GET", f"/api/v1{path}", **people[who])[0] == status, (who, path)
