"""Syslog by Debian's rsyslog: datagrams, TCP with counted octets, and TLS; a server that was away misses no
row of the audit log."""

import json
import os
import shutil
import signal
import socket
import subprocess

import pytest

from box import WITH_US
from pki import Authority, pem
from test_health import until

SYSLOG = "/integrations/syslog"
PROGRAM = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
pytestmark = pytest.mark.skipif(not os.path.exists(PROGRAM), reason="Debian's rsyslog and rsyslog-gnutls are missing")

TEMPLATE = """
template(name="whole" type="list" option.jsonf="on") {
  property(outname="pri" name="pri" format="jsonf")
  property(outname="version" name="protocol-version" format="jsonf")
  property(outname="at" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="kind" name="msgid" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
}
"""


class Rsyslog:
    """A syslog server on a port of its own, which writes what it got as one JSON object a line."""

    def __init__(self, folder, by):
        self.folder, self.by, self.out = folder, by, folder / f"{by}.jsonl"
        kind = socket.SOCK_DGRAM if by == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        authority = Authority("Logs")
        certificate, key = authority.issue("127.0.0.1")
        self.authority = pem(authority.root)
        for name, text in [("ca", self.authority), ("crt", certificate + pem(authority.between)), ("key", key)]:
            (folder / name).write_text(text)
        self.start()

    def start(self):
        if self.by == "udp":
            take = f'module(load="imudp")\ninput(type="imudp" address="127.0.0.1" port="{self.port}")'
        else:
            stream = ""
            if self.by == "tls":
                files = [f'defaultNetstreamDriver{what}File="{self.folder}/{name}"'
                         for what, name in [("CA", "ca"), ("Cert", "crt"), ("Key", "key")]]
                take = f'global(defaultNetstreamDriver="gtls" {" ".join(files)})\n'
                stream = 'StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon"'
            else:
                take = ""
            take += f'module(load="imtcp" {stream})\ninput(type="imtcp" address="127.0.0.1" port="{self.port}")'
        config = self.folder / "rsyslog.conf"
        config.write_text(f'{take}\n{TEMPLATE}\naction(type="omfile" file="{self.out}" template="whole" '
                          'asyncWriting="off" flushOnTXEnd="on")\n')
        self.log = open(self.folder / "rsyslog.log", "a")
        self.process = subprocess.Popen(
            [*WITH_US, PROGRAM, "-n", "-f", config, "-i", self.folder / "pid"],
            stdout=self.log, stderr=self.log)

        def listens():
            assert self.process.poll() is None, (self.folder / "rsyslog.log").read_text()
            if self.by == "udp":
                return (self.folder / "pid").exists()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        until("rsyslog listens", listens)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        (self.folder / "pid").unlink(missing_ok=True)

    def got(self, kind=None):
        lines = self.out.read_text().splitlines() if self.out.exists() else []
        all = [json.loads(line) for line in lines]
        return [one for one in all if one["version"] == "1" and kind in (None, one["kind"])]

    def settings(self, **more):
        trust = {"kind": "authority", "pem": self.authority} if self.by == "tls" else {"kind": "off"}
        return {"enabled": True, "host": "127.0.0.1", "port": self.port, "by": self.by, "trust": trust} | more


@pytest.fixture(scope="module")
def owned(box):
    box.claim()
    return box


@pytest.fixture
def servers(tmp_path, owned):
    made = []

    def make(by):
        made.append(Rsyslog(tmp_path, by))
        return made[-1]

    yield make
    owned.ask("PUT", SYSLOG, {"enabled": False, "host": ""})
    for one in made:
        one.stop()


def do(box, what):
    """Something that the audit log has a row of, and the log a line."""
    return box.ask("POST", "/rooms", {"name": what})["id"]


def row_of(server, room):
    found = [one for one in server.got("audit") if f'subject="{room}"' in one["data"]]
    return found[0] if found else None


@pytest.mark.parametrize("by", ["udp", "tcp", "tls"])
def test_rows_and_lines_arrive_with_structured_data(owned, servers, by):
    server = servers(by)
    owned.ask("PUT", SYSLOG, server.settings(level="info"))
    if by != "udp":
        until("the way stands", lambda: owned.ask("GET", SYSLOG)["outcome"]["connected"])
    room = do(owned, f"Hall by {by}")
    row = until("the row", lambda: row_of(server, room))
    # 13 is "log audit", 5 a notice.
    assert (row["pri"], row["host"], row["app"]) == (str(13 * 8 + 5), "Roombox", "roombox")
    for part in ['[origin software="roomboxd"', "[audit@32473 ", 'action="room_create"', 'result="ok"',
                 'name="Ada"', 'from="127.0.0.1"', 'hash="']:
        assert part in row["data"], row
    assert row["text"].strip() == f"Ada: room_create {room} ok"
    refused = owned.request("DELETE", "/rooms/rm_none")[0]
    assert refused == 404
    until("the refusal", lambda: any('result="not_found"' in one["data"] and one["pri"] == str(13 * 8 + 4)
                                     for one in server.got("audit")))
    # What the box does not reach, it says in its log.
    owned.ask("PUT", "/integrations/mqtt", {"settings": {"enabled": True, "host": "127.0.0.1", "port": 9}})
    owned.ask("PUT", "/integrations/mqtt", {"settings": {"enabled": False, "host": ""}})
    lines = until("lines of the log", lambda: server.got("log"))
    assert all(one["pri"] in ("27", "28", "30") and "[log@32473 " in one["data"] for one in lines)
    assert owned.ask("GET", SYSLOG)["outcome"]["error"] is None


def test_a_server_that_was_away_gets_every_row_and_the_box_says_that_it_is_away(owned, servers):
    server = servers("tcp")
    owned.ask("PUT", SYSLOG, server.settings())
    first = do(owned, "Before")
    until("the first row", lambda: row_of(server, first))
    server.stop()
    missed = [do(owned, f"Meanwhile {n}") for n in range(20)]
    until("the box knows", lambda: owned.ask("GET", SYSLOG)["outcome"]["error"])
    server.start()
    last = do(owned, "After")
    until("the last row", lambda: row_of(server, last))
    for room in missed[1:]:
        assert row_of(server, room), "a row is missing"
    # What was written into a connection of which nobody had said yet that it is broken may be lost.
    assert owned.ask("GET", SYSLOG)["outcome"]["connected"]


def test_nothing_goes_to_a_server_that_is_not_trusted(owned, servers):
    server = servers("tls")
    stranger = {"kind": "authority", "pem": pem(Authority().root)}
    owned.ask("PUT", SYSLOG, server.settings(trust=stranger))
    said = until("a refusal", lambda: owned.ask("GET", SYSLOG)["outcome"]["error"])
    assert "no certificate that this box trusts" in said
    do(owned, "Secret")
    assert not server.got()


def test_wrong_settings_are_refused(owned):
    good = {"enabled": True, "host": "logs.example.org"}
    for change, code in [({"host": ""}, "syslog_host"), ({"port": 0}, "syslog_port"), ({"trust": {"kind": "off"}}, "syslog_trust"),
                         ({"trust": {"kind": "authority", "pem": "x"}}, "syslog_trust")]:
        assert owned.refuses("PUT", SYSLOG, good | change) == (422, code)
