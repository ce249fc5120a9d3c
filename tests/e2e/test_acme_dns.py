"""Proofs by DNS: a zone of BIND that the box changes with a key, and one that points to acme-dns.

acme-dns itself can be had from no registry: in its place stands what its documentation says of its API, over
the same BIND. Everything else is real.
"""

import base64
import json
import os
import shutil
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dns.message
import dns.query
import dns.tsigkeyring
import dns.update
import pebble
import pytest
from box import BESIDE, PATIENCE, WITH_US, ShippedBox
from pebble import Pebble, answers, free_port
from pki import Authority
from test_acme import ordered, plain_port
from visitor import seen, shows

NAME = "box.example.org"
reason = pebble.built() or ("" if shutil.which("named") else "BIND is not installed")
pytestmark = pytest.mark.skipif(bool(reason), reason=reason)


class Bind:
    """A server for example.org that lets `box-key` change proofs, and `auth-key` everything below auth."""

    def __init__(self, folder):
        self.port, self.secret = free_port(), base64.b64encode(os.urandom(32)).decode()
        keys = "".join(
            f'key "{name}" {{ algorithm hmac-sha256; secret "{self.secret}"; }};\n' for name in ("box-key", "auth-key"))
        (folder / "example.org.zone").write_text(
            "$TTL 60\n@ SOA ns admin 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\nbox A 127.0.0.99\nbox2 A 127.0.0.99\n")
        (folder / "named.conf").write_text(f"""
options {{ directory "{folder}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
           pid-file "{folder}/named.pid"; recursion no; dnssec-validation no; session-keyfile "{folder}/session.key"; }};
controls {{ }};
{keys}
zone "example.org" {{
  type primary; file "example.org.zone";
  update-policy {{
    grant box-key name _acme-challenge.example.org. TXT;
    grant box-key name _acme-challenge.box.example.org. TXT;
    grant auth-key zonesub ANY;
  }};
}};
""")
        self.log = open(folder / "named.log", "w")
        self.process = subprocess.Popen(
            [*WITH_US, "named", "-g", "-c", folder / "named.conf"], stdout=self.log, stderr=self.log)
        answers("127.0.0.1", self.port, self.process)

    def texts(self, name):
        query = dns.message.make_query(name, "TXT")
        answer = dns.query.udp(query, "127.0.0.1", PATIENCE, self.port).answer
        return sorted(text.decode() for rrset in answer for rr in rrset for text in getattr(rr, "strings", []))

    def put(self, name, kind, *values):
        change = dns.update.Update("example.org", keyring=dns.tsigkeyring.from_text({"auth-key": self.secret}),
                                   keyalgorithm="hmac-sha256")
        change.delete(name, kind)
        for value in values:
            change.add(name, 1, kind, value)
        answer = dns.query.tcp(change, "127.0.0.1", PATIENCE, self.port)
        assert answer.rcode() == 0, answer

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture(scope="module")
def zone(tmp_path_factory):
    bind = Bind(tmp_path_factory.mktemp("bind"))
    yield bind
    bind.end()


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    with ShippedBox(tmp_path_factory.mktemp("acme-dns"), BESIDE) as box:
        box.claim()
        yield box


@pytest.fixture(scope="module")
def server(shipped, zone, tmp_path_factory):
    server = Pebble(tmp_path_factory.mktemp("pebble-dns"), Authority(), plain_port(shipped), f"127.0.0.1:{zone.port}")
    yield server
    server.end()


def by_zone(bind, **change):
    proof = {"kind": "rfc2136", "server": f"127.0.0.1:{bind.port}", "zone": "example.org", "key_name": "box-key",
             "algorithm": "hmac_sha256", "wait_s": 0}
    return proof | change


def test_a_key_changes_the_zone_and_a_name_with_a_star_is_proved(shipped, zone, server):
    settings = server.settings(NAME, "example.org", "*.example.org", proof=by_zone(zone))
    view = ordered(shipped, settings, dns_secret=zone.secret)
    assert view["failure"] is None and zone.secret not in str(view), view
    shows(shipped, "hall.example.org", "Pebble")
    for name in ("_acme-challenge.example.org", "_acme-challenge.box.example.org"):
        assert zone.texts(name) == [], "a proof was left in the zone"


@pytest.mark.parametrize("change, secret, says", [
    ({}, base64.b64encode(b"another secret").decode(), "another secret for this key"),
    ({"key_name": "nobody-key"}, None, "does not know this key"),
    ({"zone": "org"}, None, "no such zone"),
    ({"server": "127.0.0.1:1"}, None, "is not reached"),
    ({"names": ["box2.example.org"]}, None, "does not let this key change"),
])
def test_a_zone_that_cannot_be_changed_says_why_and_what_is_served_stays(shipped, zone, server, change, secret, says):
    before = seen(shipped, NAME).serial_number
    names = change.pop("names", [NAME])
    settings = server.settings(*names, proof=by_zone(zone, **change))
    view = ordered(shipped, settings, dns_secret=secret or zone.secret)
    assert view["failure"]["cause"] == "show" and says in view["failure"]["text"], view
    assert seen(shipped, NAME).serial_number == before


class AcmeDns:
    """The two requests of acme-dns's API, over a zone of BIND."""

    def __init__(self, zone):
        accounts, texts = {}, {}

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/register":
                    account = {"username": str(uuid.uuid4()), "password": uuid.uuid4().hex, "subdomain": str(uuid.uuid4())}
                    account["fulldomain"] = account["subdomain"] + ".auth.example.org"
                    accounts[account["username"]] = account
                    return self.say(201, account | {"allowfrom": []})
                account = accounts.get(self.headers["X-Api-User"])
                good = account and account["password"] == self.headers["X-Api-Key"]
                if self.path != "/update" or not good or body["subdomain"] != account["subdomain"]:
                    return self.say(401, {"error": "forbidden"})
                kept = texts.setdefault(body["subdomain"], [])
                kept.append(body["txt"])
                zone.put(f"{body['subdomain']}.auth", "TXT", *kept[-2:])
                return self.say(200, {"txt": body["txt"]})

            def say(self, status, answer):
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def test_with_acme_dns_the_zone_points_there_once(shipped, zone, server):
    there = AcmeDns(zone)
    settings = server.settings("box2.example.org", proof={"kind": "acme_dns", "server": there.url})
    view = shipped.ask("PUT", "/certificates/acme", {"settings": settings})
    assert view["waits_for_owner"] and view["running"] is None and view["next_at"] is None
    zone.put("_acme-challenge.box2", "CNAME", view["points_to"] + ".")
    shipped.ask("POST", "/certificates/acme/orders")
    end = time.monotonic() + PATIENCE
    while "box2.example.org" not in shipped.ask("GET", "/certificates")["served"]["facts"]["names"]:
        view = shipped.ask("GET", "/certificates/acme")
        assert time.monotonic() < end and not view["failure"], view
        time.sleep(0.1)
    shows(shipped, "box2.example.org", "Pebble")
    gone = shipped.refuses("PUT", "/certificates/acme", {"settings": settings | {
        "proof": {"kind": "acme_dns", "server": "http://127.0.0.1:1"}}})
    assert gone == (422, "acme_dns_refused")
