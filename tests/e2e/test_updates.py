"""Updates of the box, with RAUC and systemd as they are on the bus (fake_rauc.py)."""

import asyncio
import http.client
import http.server
import json
import socket
import ssl
import subprocess
import threading
import urllib.parse

import pytest

from clients import meeting
from machine import BOARD, Machine, until

NEW = {"compatible": BOARD, "version": "0.3"}


@pytest.fixture
def made(tmp_path):
    """Makes machines, and stops them."""
    machines = []

    def make(start=True, **options):
        folder = tmp_path / f"machine-{len(machines)}"
        folder.mkdir()
        machines.append(Machine(folder, **options))
        if start:
            machines[-1].start()
        return machines[-1]

    yield make
    for machine in machines:
        machine.stop()


def slots(machine):
    return {slot["name"]: slot for slot in machine.view()["slots"]}


def whats(machine):
    return [(past["what"], past["version"]) for past in machine.history()]


@pytest.mark.parametrize("flags", [(), ("--old",)], ids=["rauc-1.15", "rauc-1.8"])
def test_an_update_from_its_upload_to_its_health_check(made, flags):
    machine = made(flags=flags)
    view = machine.view()
    assert (view["available"], view["version"], view["confirmed"]) == (True, "0.2", True)
    assert view["now"] == {"state": "idle"} and view["setback"] is None
    a, b = slots(machine)["A"], slots(machine)["B"]
    assert (a["booted"], a["next"], a["state"], a["version"]) == (True, True, "good", "0.2")
    # A box as it comes: nobody ever installed anything on the other side.
    assert (b["booted"], b["next"], b["state"], b["version"]) == (False, False, "empty", None)

    assert machine.upload(NEW | {"hold": 70})[0] == 202
    asked = machine.updater.asked("install")
    assert asked["install"].endswith("/data/updates/upload.raucb")
    # What was looked at is what is installed.
    assert ("require-manifest-hash" in asked["args"]) == (not flags)
    machine.updater.asked("held")
    now = machine.reaches("installing")
    assert (now["version"], now["percent"], now["step"]) == ("0.3", 70, "Copying image to rootfs.1")
    machine.updater.go()
    assert machine.reaches("installed")["version"] == "0.3"
    assert not list((machine.folder / "data/updates").iterdir())
    b = slots(machine)["B"]
    assert (b["state"], b["version"], b["next"]) == ("trying", "0.3", True)

    # The daemon alone starts anew: it still waits for the restart.
    machine.halt()
    machine.run()
    assert machine.reaches("installed")["version"] == "0.3"
    machine.ask("POST", "/updates/restart", {})
    machine.updater.asked("reboot")
    assert machine.view()["now"]["state"] == "restarting"
    machine.halt()

    machine.start("B", "0.3", good=False)
    view = machine.view()
    assert (view["version"], view["confirmed"]) == ("0.3", False)
    assert slots(machine)["B"]["state"] == "trying"
    assert machine.refuses("POST", "/updates/installation", machine.stick(NEW)) == (
        409, "update_unconfirmed")
    assert machine.upload(NEW)[2]["code"] == "update_unconfirmed"
    machine.good()
    until(lambda: whats(machine)[0] == ("confirmed", "0.3"))
    assert whats(machine) == [("confirmed", "0.3"), ("installed", "0.3")]
    assert machine.history()[0]["from_version"] == "0.2"
    assert machine.view()["setback"] is None
    a = slots(machine)["A"]
    assert (a["state"], a["version"]) == ("good", "0.2")


REFUSED = [
    # What is wrong; code, what the reason says.
    ({"compatible": "roombox-other", "version": "0.3"}, "update_other_board", "roombox-other"),
    ({"compatible": BOARD, "version": "0.1"}, "update_too_old", "older than 0.1.5"),
    ({"compatible": BOARD, "version": "newest"}, "update_unreadable", "newest"),
    ({"refuse": "signature verification failed: Verify error: self-signed certificate"},
     "update_refused", "self-signed certificate"),
    ({"refuse": "rauc info error"}, "update_refused", "fetch it again from its maker"),
    (b"half a bundle", "update_refused", "Signature size exceeds bundle size"),
]


def test_what_must_not_be_installed_is_refused_before_anything_is_written(made):
    machine = made(floor="0.1.5")
    for bundle, code, says in REFUSED:
        assert machine.upload(bundle)[0] == 202
        now = machine.reaches("failed")
        assert (now["code"], says in now["reason"]) == (code, True), now
        assert machine.history()[0]["detail"] == now["reason"]
        assert machine.ask("DELETE", "/updates/installation")["now"]["state"] == "idle"
    assert machine.updater.said.empty(), "it was asked to do something"
    assert not list((machine.folder / "data/updates").iterdir())
    # What fails in the middle says what the updater did last.
    assert machine.upload(NEW | {"fail": "Failed to copy: No space left on device"})[0] == 202
    now = machine.reaches("failed")
    assert now["reason"] == "Failed to copy: No space left on device"
    assert now["log"][-1] == "70 % Copying image to rootfs.1"


def test_the_floor_of_a_good_version_counts_for_ever(made):
    machine = made(start=False, version="0.5", floor="0.4")
    machine.start(good=False)
    machine.halt()
    # It was never good: its floor says nothing.
    (machine.image / "usr/lib/roombox/floor").unlink()
    machine.start("A", "0.2")
    assert machine.upload(NEW)[0] == 202
    machine.reaches("installed")
    machine.halt()
    (machine.image / "usr/lib/roombox/floor").write_text("0.3\n")
    machine.start("B", "0.3")
    until(lambda: whats(machine)[0] == ("confirmed", "0.3"))
    machine.halt()
    (machine.image / "usr/lib/roombox/floor").write_text("0.1\n")
    machine.start("A", "0.3.1")
    machine.upload(NEW | {"version": "0.2.9"})
    assert machine.reaches("failed")["code"] == "update_too_old"


def test_one_at_a_time_and_only_what_is_listed(made):
    machine = made()
    (machine.usb / "sda1/notes.txt").write_text("{}")
    (machine.usb / "sda1/link.raucb").symlink_to("/etc/hostname")
    request = machine.stick(NEW | {"hold": 70})
    found = machine.view()["found"]
    assert [(one["from"], one["name"]) for one in found] == [("usb", "sda1/new.raucb")]
    for name in ["sda1/none.raucb", "../image/etc/os-release", "sda1/link.raucb", "sda1/notes.txt"]:
        refused = machine.refuses("POST", "/updates/installation", {"from": "usb", "name": name})
        assert refused == (404, "update_no_bundle"), name
    for url in ["", "http://example.com/x.raucb", "file:///etc/passwd", "https://a b/"]:
        refused = machine.refuses("POST", "/updates/installation", {"from": "url", "url": url})
        assert refused == (422, "update_bad_url"), url
    for way in ["upload", "channel"]:
        assert machine.refuses("POST", "/updates/installation", {"from": way})[0] == 404
    machine.ask("POST", "/updates/installation", request)
    machine.updater.asked("held")
    assert machine.refuses("POST", "/updates/installation", request) == (409, "update_busy")
    status, _, answer = machine.upload(NEW)
    assert (status, answer["code"]) == (409, "update_busy")
    for method, path, body in [("DELETE", "/updates/installation", None),
                               ("PATCH", "/updates/installation", {"now": True}),
                               ("POST", "/updates/restart", {}),
                               ("POST", "/updates/restart", {"other": True})]:
        assert machine.refuses(method, path, body)[0] == 409, (method, path)
    # The daemon dies in the middle: the updater goes on, and the box follows it.
    machine.box.process.kill()
    machine.box.process.wait()
    machine.run()
    assert machine.reaches("installing")["version"] is None
    machine.updater.go()
    assert machine.reaches("installed")["version"] == "0.3"
    assert (machine.usb / "sda1/new.raucb").exists()


def test_the_version_that_runs_is_installed_only_if_it_is_meant(made):
    machine = made()
    request = machine.stick(NEW | {"version": "0.2"})
    machine.ask("POST", "/updates/installation", request)
    assert machine.reaches("confirming")["version"] == "0.2"
    assert machine.refuses("PATCH", "/updates/installation", {"now": True})[0] == 409
    machine.ask("DELETE", "/updates/installation")
    machine.reaches("idle")
    machine.ask("POST", "/updates/installation", request)
    machine.reaches("confirming")
    machine.ask("PATCH", "/updates/installation", {"again": True})
    machine.reaches("installed")


def test_an_upload_that_breaks_off_leaves_nothing(made):
    machine = made()
    folder = machine.folder / "data/updates"
    where = urllib.parse.urlsplit(machine.box.http)
    with socket.create_connection((where.hostname, where.port)) as half:
        head = f"PUT /api/v1/updates/bundle HTTP/1.1\r\nHost: {where.netloc}\r\n"
        head += f"Cookie: {machine.owner['Cookie']}\r\nContent-Length: 1000\r\n\r\nhalf"
        half.sendall(head.encode())
        assert machine.reaches("receiving")["total_bytes"] == 1000
        until(lambda: [path.name for path in folder.iterdir()] == ["upload.partial"])
        assert machine.upload(NEW)[2]["code"] == "update_busy"
    machine.reaches("idle")
    assert not list(folder.iterdir())
    # A power cut leaves half of one, and the next start takes it away.
    (folder / "upload.partial").write_bytes(b"half")
    machine.halt()
    machine.run()
    assert not list(folder.iterdir())

    def begun(length):
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
        connection.putrequest("PUT", "/api/v1/updates/bundle")
        connection.putheader("Cookie", machine.owner["Cookie"])
        if length is None:
            connection.putheader("Transfer-Encoding", "chunked")
        else:
            connection.putheader("Content-Length", str(length))
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())["code"]

    where = urllib.parse.urlsplit(machine.box.http)
    assert begun(None) == (411, "update_no_length")
    assert begun(5 << 30) == (413, "update_too_large")
    machine.ask("PATCH", "/settings", {"recording": {"reserve_bytes": 10_000_000_000_000}})
    machine.halt()
    machine.run()
    where = urllib.parse.urlsplit(machine.box.http)
    assert begun(1000) == (507, "update_no_space")
    assert machine.view()["now"]["state"] == "idle"


def test_a_box_without_an_updater_says_so(made):
    machine = made(fake=False)
    view = machine.view()
    assert (view["available"], view["trouble"], view["slots"]) == (False, None, [])
    assert machine.upload(NEW)[0] == 503
    assert machine.refuses("POST", "/updates/installation", machine.stick(NEW)) == (
        503, "update_no_updater")
    assert machine.history() == []
    # It comes later than the daemon, as it may at a start.
    machine.start_updater()
    assert until(lambda: machine.view()["available"])
    # It goes away in the middle.
    machine.ask("POST", "/updates/installation", machine.stick(NEW | {"hold": 70}))
    machine.updater.asked("held")
    machine.updater.stop()
    assert machine.reaches("failed")["code"] == "update_updater_gone"


def came_back(machine, why):
    """0.3 was installed, and did not stay: `why` writes the journal of its starts."""
    machine.upload(NEW)
    machine.reaches("installed")
    machine.ask("POST", "/updates/restart", {})
    machine.updater.asked("reboot")
    machine.halt()
    why(machine)
    machine.start("A", "0.2", good=False)
    return until(lambda: machine.view()["setback"])


def failed_checks(machine):
    for n in range(3):
        machine.note(f"try-{n}", "B", "0.3", "started")
        machine.note(f"try-{n}", "B", "0.3", "failed", "no room could be recorded (encoder)")


FALLS = [
    (failed_checks, "health", "no room could be recorded (encoder)", 3),
    (lambda machine: machine.note("try", "B", "0.3", "started"), "no_health_check", None, 1),
    (lambda machine: None, "never_started", None, 0),
]


@pytest.mark.parametrize("why, kind, detail, tries", FALLS, ids=[fall[1] for fall in FALLS])
def test_after_a_fall_the_box_says_why(made, why, kind, detail, tries):
    machine = made()
    setback = came_back(machine, why)
    told = {name: setback[name] for name in ("version", "from_version", "why", "detail", "tries")}
    assert told == {
        "version": "0.3", "from_version": "0.2", "why": kind, "detail": detail, "tries": tries}
    assert slots(machine)["B"]["state"] == "bad", "whatever the boot loader thinks of it"
    # The image's health gate gives the fallen side up (test_gate.py).
    machine.give_up("B")
    machine.good()
    assert until(lambda: machine.view()["confirmed"])
    assert machine.updater.said.empty(), "the boot state is not the daemon's to mend"
    a, b = slots(machine)["A"], slots(machine)["B"]
    assert (a["next"], b["state"], b["version"]) == (True, "bad", "0.3")
    assert whats(machine) == [("rolled_back", "0.3"), ("installed", "0.3")]
    # Told once, and still there after another start; gone with the next good update.
    machine.halt()
    machine.start("A", "0.2")
    assert machine.view()["setback"]["why"] == kind
    assert len(machine.history()) == 2
    machine.upload(NEW | {"version": "0.3.1"})
    machine.reaches("installed")
    machine.halt()
    machine.start("B", "0.3.1")
    until(lambda: whats(machine)[0] == ("confirmed", "0.3.1"))
    assert machine.view()["setback"] is None


def test_the_other_side_starts_by_hand(made):
    machine = made()
    assert machine.refuses("POST", "/updates/restart", {"other": True}) == (
        409, "update_other_empty")
    assert machine.refuses("POST", "/updates/restart", {}) == (409, "update_not_now")
    machine.upload(NEW)
    machine.reaches("installed")
    machine.halt()
    machine.start("B", "0.3")
    until(lambda: whats(machine)[0] == ("confirmed", "0.3"))
    machine.ask("POST", "/updates/restart", {"other": True})
    assert machine.updater.asked("mark") == {"mark": "active", "slot": "rootfs.0"}
    machine.updater.asked("reboot")
    assert whats(machine)[0] == ("switched", "0.2")
    machine.halt()
    machine.start("A", "0.2")
    until(lambda: whats(machine)[0] == ("confirmed", "0.2"))
    assert machine.updater.said.empty(), "that was no fall"


async def test_nobody_is_disturbed_unless_the_owner_says_so(made):
    # Not in a thread of its own: the box would end with it.
    machine = made()
    ask = lambda *request: asyncio.to_thread(machine.ask, *request)
    reaches = lambda state: asyncio.to_thread(machine.reaches, state)
    room = await ask("POST", "/rooms", {"name": "Library"})
    async with meeting(machine.box, "alice", "bob", room="Library"):
        recording = f"/rooms/{room['id']}/recording"
        await ask("POST", recording, {})
        await ask("POST", "/updates/installation", machine.stick(NEW))
        waiting = await reaches("waiting")
        assert (waiting["version"], waiting["people"], waiting["recordings"]) == ("0.3", 2, 1)
        assert machine.updater.said.empty()
        await ask("PATCH", "/updates/installation", {"now": True})
        await reaches("installed")
        # The restart waits for the meeting; nothing new begins meanwhile, but who is here may return.
        await ask("POST", "/updates/restart", {})
        draining = await reaches("draining")
        assert draining["people"] == 2
        await ask("DELETE", recording)
        refused = await asyncio.to_thread(machine.refuses, "POST", recording, {})
        assert refused == (503, "draining")
        with pytest.raises(Exception):
            async with meeting(machine.box, "carol", room="Elsewhere"):
                pass
        async with meeting(machine.box, "dave", room="Library"):
            pass
        # The owner thinks better of it, and then not.
        await ask("DELETE", "/updates/installation")
        await reaches("installed")
        async with meeting(machine.box, "carol", room="Elsewhere"):
            pass
        await ask("POST", "/updates/restart", {})
        await reaches("draining")
        assert machine.updater.said.qsize() == 1, "only the installation was asked for"
    # They have left.
    await asyncio.to_thread(machine.updater.asked, "reboot")


class Channel:
    """A web server with one file, over TLS."""

    def __init__(self, folder):
        make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-days", "2", "-subj", "/CN=channel", "-addext",
                "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:false",
                "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
        subprocess.run(make, check=True, capture_output=True)
        channel = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/moved":
                    self.send_response(302)
                    self.send_header("Location", channel.plain)
                    self.end_headers()
                    return
                body = channel.text.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.text, self.plain = "", "http://127.0.0.1:9/"
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}/channel.json"


def test_a_channel_offers_what_is_newer(made, tmp_path, monkeypatch):
    channel = Channel(tmp_path)
    machine = made(start=False)
    machine.start()
    assert machine.refuses("POST", "/updates/check") == (409, "update_no_channel")
    machine.ask("PATCH", "/settings", {"updates": {"channel": channel.url}})
    # Nobody vouches for this server.
    said = machine.ask("POST", "/updates/check")["channel"]
    assert said["offer"] is None and "no certificate that this box trusts" in said["error"]
    machine.halt()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    machine.run()
    file = {"format": 1, "compatible": BOARD, "version": "0.3", "size": 5,
            "url": "https://127.0.0.1:9/new.raucb", "notes": "Better sound."}
    channel.text = json.dumps(file)
    offer = machine.ask("POST", "/updates/check")["channel"]["offer"]
    assert (offer["version"], offer["size_bytes"], offer["notes"]) == ("0.3", 5, "Better sound.")
    for text, says in [("<html>", "no channel file"), ("x" * 70_000, "longer than 65536 bytes"),
                       (json.dumps(file | {"compatible": "other"}), "for other")]:
        channel.text = text
        said = machine.ask("POST", "/updates/check")["channel"]
        assert said["offer"] is None and says in said["error"], said
    moved = channel.url.replace("channel.json", "moved")
    machine.ask("PATCH", "/settings", {"updates": {"channel": moved}})
    assert "plain HTTP" in machine.ask("POST", "/updates/check")["channel"]["error"]


def test_what_the_channel_offers_is_installed_at_night_and_not_twice_in_vain(made, tmp_path):
    """A plain channel on the same network; the night is the whole day."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=tmp_path)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    where = f"http://127.0.0.1:{server.server_address[1]}"

    def offers(version, **bundle):
        (tmp_path / "new.raucb").write_text(json.dumps(NEW | {"version": version} | bundle))
        file = {"format": 1, "compatible": BOARD, "version": version, "url": f"{where}/new.raucb"}
        (tmp_path / "channel.json").write_text(json.dumps(file))

    offers("0.3", fail="Failed to copy")
    machine = made()
    machine.ask("PATCH", "/settings", {"updates": {
        "channel": f"{where}/channel.json", "check_daily": True, "install_at_night": True,
        "night_from": "00:00", "night_to": "00:00"}})
    assert machine.updater.asked("install")["install"] == f"{where}/new.raucb"
    machine.reaches("failed")
    machine.ask("DELETE", "/updates/installation")
    offers("0.4")
    machine.ask("POST", "/updates/check")
    machine.updater.asked("install")
    machine.updater.asked("reboot")
    assert whats(machine) == [("installed", "0.4"), ("failed", "0.3")]
    server.shutdown()
