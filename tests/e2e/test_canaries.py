"""Secrets are planted everywhere the API takes one, and looked for everywhere the box says anything: every GET of its document,
its log at the most talkative level, the journal's fields, the settings as a text, the support bundle, its screen, the command lines of its
programs, and its files where it does not keep secrets on purpose."""

import base64
import hmac
import http.client
import os
import re
import struct
import time
import urllib.parse
from pathlib import Path

from box import BESIDE, PATIENCE, ShippedBox
from pki import Authority
from test_doors import DOCUMENT
from test_support import Calendar, calendar, fetch, forms  # noqa: F401

# Ours say everything; of others what they say when something goes wrong.
TALKS = "trace,h2=info,hyper=info,rustls=info,mio=info,polling=info,tokio=info,str0m=info,is=info,dimpl=info,sctp_proto=info,zbus=info"
# Where secrets are kept on purpose, by the box's user alone: the database and its copies, keys, and the text of a backup that waits.
KEPT = ("roombox.db", "spares", "secrets", "backup")


def canary(what: str) -> str:
    return f"canary-{what}-{os.urandom(6).hex()}"


def code_of(secret: str) -> str:
    """RFC 6238, as an app computes it."""
    key = base64.b32decode(secret.replace(" ", "") + "=" * (-len(secret.replace(" ", "")) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), "sha1")
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at:at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


class TalkingBox(ShippedBox):
    def __init__(self, folder):
        os.environ["ROOMBOX_LOG"] = TALKS
        try:
            super().__init__(folder, [*BESIDE, "--log-json"])
        finally:
            del os.environ["ROOMBOX_LOG"]


def plant(box, calendar):  # noqa: F811
    """By what each is."""
    password = canary("password")
    planted = {"the owner's first password": password}

    def secret(what):
        planted[what] = canary(what.split()[-1])
        return planted[what]

    box.claim(password=password)
    planted["the claim code"] = box.code
    another = secret("the owner's password")
    box.ask("PUT", "/account/password", {"old": password, "new": another})
    made = box.ask("POST", "/account/second-factor", {"password": another})
    planted["the second factor"] = made["secret"]
    kept = box.ask("PUT", "/account/second-factor", {"code": code_of(made["secret"])})
    codes = kept.get("recovery_codes") or kept.get("recovery") or []
    assert codes, kept
    planted |= {f"recovery code {n}": one for n, one in enumerate(codes)}
    box.ask("PATCH", "/settings", {
        "turn": {"urls": ["turn:t.example.org:1"], "secret": secret("the TURN secret"), "relay_only": False},
        "proxy": {"url": "http://127.0.0.1:9", "user": "u", "password": secret("the proxy's password"),
                  "exceptions": ["127.0.0.1", "example.org"]},
    })
    key = box.ask("POST", "/livekit-keys", {})
    planted["a LiveKit key's secret"] = key["secret"]
    planted["an API token"] = box.ask("POST", "/api-tokens", {"name": "script"})["token"]
    planted["an invitation"] = box.ask("POST", "/invites", {"name": "Bob", "role": "viewer", "expires_in_s": 600})["secret"]
    room = box.ask("POST", "/rooms", {"name": "Hall"})
    planted["a WHIP key"] = box.ask("POST", f"/rooms/{room['id']}/whip-keys", {"name": "OBS", "scope": "publish"})["token"]
    targets = []
    for place, which in [
        ({"kind": "s3", "endpoint": "http://127.0.0.1:9", "bucket": "b", "access_key": "AK"}, "secret_key"),
        ({"kind": "webdav", "url": "http://127.0.0.1:9/x", "user": "u"}, "password"),
        ({"kind": "sftp", "host": "127.0.0.1", "port": 9, "user": "u"}, "password"),
    ]:
        hidden = {which: secret(f"the {which} of {place['kind']}")}
        target = box.ask("POST", "/targets", {"name": place["kind"], "place": place, "secrets": hidden})["id"]
        box.ask("POST", f"/targets/{target}/tests")
        targets.append(target)
    hook = box.ask("POST", "/integrations/webhooks", {"url": "https://hooks.example.org/x", "key": key["key"]})
    box.ask("POST", f"/integrations/webhooks/{hook['id']}/tests")
    box.ask("PUT", "/integrations/mqtt", {
        "settings": {"enabled": True, "host": "127.0.0.1", "port": 9, "user": "u", "tls": {"kind": "off"}},
        "password": secret("the broker's password")})
    box.ask("POST", "/integrations/mqtt/tests")
    box.ask("PUT", "/integrations/mail", {
        "settings": {"enabled": True, "host": "127.0.0.1", "port": 9, "user": "u", "tls": "off", "from": "box@example.org",
                     "to": ["ada@example.org"]},
        "password": secret("the mail server's password")})
    box.ask("POST", "/integrations/mail/tests")
    oidc = box.ask("GET", "/integrations/oidc")["settings"]
    oidc |= {"issuer": "https://127.0.0.1:9", "client_id": "box", "name": "Campus", "enabled": True, "admit_others": True,
             "address": "https://box.example.org"}
    box.ask("PUT", "/integrations/oidc", {"settings": oidc, "secret": secret("the provider's secret")})
    box.ask("POST", "/integrations/oidc/tests")
    binding = base64.urlsafe_b64encode(secret("the ACME binding").encode()).decode().rstrip("=")
    planted["the ACME binding as it is typed"] = binding
    tsig = base64.b64encode(secret("the DNS key").encode()).decode()
    planted["the DNS key as it is typed"] = tsig
    box.ask("PUT", "/certificates/acme", {
        "settings": {"directory": "https://127.0.0.1:9/dir", "authority": "", "names": ["box.example.org"], "contact": "",
                     "terms_accepted": True,
                     "proof": {"kind": "rfc2136", "server": "127.0.0.1:9", "zone": "example.org", "key_name": "k",
                               "algorithm": "hmac_sha256", "wait_s": 1}},
        "binding": {"id": "kid", "key": binding}, "dns_secret": tsig})
    certificate, private = Authority().issue("box.example.org")
    planted |= {f"line {n} of a private key": line for n, line in enumerate(private.split("\n")) if len(line) > 30}
    box.ask("PUT", "/certificates/served", {"chain": certificate, "key": private})
    status, _, answer = box.request("POST", "/schedule/feeds", {
        "name": "c", "url": f"{calendar}/{secret('a calendar')}.ics?key={secret('a calendar key')}", "room": room["id"]})
    assert status < 300, answer
    # Nobody meets there: the key comes with a request that is refused, which logs might keep.
    output = {"url": f"rtmps://live.example.org/app/{secret('a stream key')}"}
    assert box.refuses("POST", f"/rooms/{room['id']}/outputs", output)[1] == "no_meeting"
    box.ask("POST", "/backups", {"password": another, "passphrase": secret("a backup passphrase")})
    box.ask("PUT", "/backups/plan", {
        "password": another, "passphrase": secret("the plan's passphrase"),
        "plan": {"every": "daily", "weekday": None, "at": "03:00", "targets": targets[:1], "keep": 3}})
    # What somebody tries at the doors.
    box.request("POST", "/session", {"name": "Ada", "password": secret("a wrong password")})
    box.request("POST", "/session", {"name": "Ada", "password": another, "code": "000000"})
    box.request("GET", f"/events?access_token={secret('a token in an address')}")
    planted["the session"] = box.owner["Cookie"].split("=", 1)[1]
    return planted


def get(box, path):
    where = urllib.parse.urlsplit(box.url).netloc
    connection = http.client.HTTPSConnection(where, timeout=PATIENCE, context=box.trust)
    try:
        connection.request("GET", path, headers=box.owner)
        answer = connection.getresponse()
        return answer.status, answer.read() + str(answer.headers).encode()
    finally:
        connection.close()


def said_by_the_api(box):
    """What every GET of the document answers, each place of an address filled with what the list above it knows;
    and which addresses of the document answered well."""
    # An upgrade; and what is read as a file below.
    asked = [path for path, item in DOCUMENT["paths"].items()
             if "get" in item and path not in ("/api/v1/events", "/api/v1/support/bundle")]
    said, well, lists = {}, set(), {}
    for path in sorted(asked, key=lambda path: path.count("{")):
        above, place, rest = path.rpartition("/{")
        rest = rest.partition("}")[2]
        filled = [f"{there}/{urllib.parse.quote(one.decode())}{rest}"
                  for there, known in lists.get(above, [(above, ())]) for one in known or [b"x"]]
        for where in filled if place else [path]:
            status, said[where] = get(box, where)
            if status == 200:
                well.add(path)
                known = set(re.findall(rb'"(?:id|name|room|element)":\s*"([^"]+)"', said[where]))
                lists.setdefault(path, []).append((where, known))
    return said, well


def test_no_secret_that_is_planted_comes_out_anywhere(tmp_path, calendar):  # noqa: F811
    with TalkingBox(tmp_path) as box:
        planted = plant(box, calendar)
        assert len(planted) > 35, planted
        end = time.monotonic() + PATIENCE
        while box.ask("GET", "/backups")["work"]:
            assert time.monotonic() < end
            time.sleep(0.1)
        said, well = said_by_the_api(box)
        assert len(well) > 50, sorted(well)
        assert {"/api/v1/rooms/{id}/whip-keys", "/api/v1/integrations/webhooks/{id}/deliveries", "/metrics"} <= well, sorted(well)
        said["the support bundle"] = b"".join(fetch(box)[2].values())
        said["its screen"] = (tmp_path / "console.txt").read_bytes()
        family = [box.process.pid, *(int(pid) for pid in Path(f"/proc/{box.process.pid}/task/{box.process.pid}/children").read_text().split())]
        said["command lines"] = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes() for pid in family)
        limits = Path(f"/proc/{box.process.pid}/limits").read_text()
        assert re.search(r"Max core file size\s+0\s+0\s", limits), limits
        for file in (tmp_path / "data").rglob("*"):
            inside = file.relative_to(tmp_path / "data").parts[0]
            if file.is_file() and not inside.startswith(KEPT):
                said[f"the file {file}"] = file.read_bytes()
        assert not box.log_path.read_text().count('"level":"ERROR"'), box.log_path.read_text()
    said["the log"] = box.log_path.read_bytes()
    assert said["the log"].count(b'"level":"DEBUG"') + said["the log"].count(b'"level":"TRACE"') > 10, "it did not talk"
    for where, text in said.items():
        for what, secret in planted.items():
            # On the screen until somebody owns the box, and nowhere else.
            if (what, where) == ("the claim code", "its screen"):
                continue
            for form in forms(secret):
                assert form not in text, (what, where, text[max(0, text.index(form) - 200):][:400])


def test_what_is_planted_is_found_where_it_is_kept(tmp_path, calendar):  # noqa: F811
    """The search itself works: the database, which keeps what the box needs again, has it."""
    with TalkingBox(tmp_path) as box:
        planted = plant(box, calendar)
    kept = (tmp_path / "data/roombox.db").read_bytes()
    for what in ("the mail server's password", "the broker's password", "a LiveKit key's secret", "a calendar key"):
        assert any(form in kept for form in forms(planted[what])), what
    # What nobody needs again but to compare it is kept as a hash.
    for what in ("the owner's password", "an API token", "an invitation", "the session", "a wrong password"):
        assert not any(form in kept for form in forms(planted[what])), what

