"""Backups by the real daemon: made on one box, restored on another, as itself and in its place; kill -9 meanwhile."""

import http.client
import json
import random
import socket
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from box import PASSWORD, PATIENCE, Box

PASSPHRASE = "canary horse battery staple"
OPENS = {"passphrase": PASSPHRASE}


def start(folder: Path, before: Box | None = None) -> Box:
    """A box with keys; one that was there before keeps its port, as one that starts anew by itself must."""
    folder.mkdir(exist_ok=True)
    http = before.url.removeprefix("http://") if before else "127.0.0.1:0"
    return Box(folder, arguments=["--https", "127.0.0.1:0", "--http", http])


def fixed(folder: Path) -> Box:
    """A box whose port stays when it starts anew by itself."""
    with start(folder) as first:
        pass
    return start(folder, first)


def wait(true, what: str):
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def made(box: Box) -> bytes:
    """A backup, as the owner downloads it."""
    assert box.refuses("POST", "/backups", OPENS | {"password": "not this one"}) == (401, "wrong_password")
    box.ask("POST", "/backups", OPENS | {"password": PASSWORD})
    wait(lambda: box.ask("GET", "/backups")["work"] is None, "the backup was never made")
    view = box.ask("GET", "/backups")
    assert view["failed"] is None and view["made"], view
    request = urllib.request.Request(f"{box.url}/api/v1/backups/made", headers=box.owner)
    with urllib.request.urlopen(request) as answer:
        assert view["made"]["name"] in answer.headers["Content-Disposition"]
        return answer.read()


def hall(folder: Path) -> Box:
    """A claimed box with a name, a room and a key."""
    box = fixed(folder)
    box.claim()
    box.ask("PATCH", "/box", {"name": "Hall"})
    box.ask("POST", "/rooms", {"name": "Library"})
    box.ask("POST", "/livekit-keys", {"name": "lectures"})
    return box


def restarted(box: Box, begun: str):
    """Waits for another start of the same process."""

    def again():
        try:
            return box.request("GET", "/box")[2]["started_at"] != begun
        except OSError:
            return False

    wait(again, "the box did not start anew")


def rooms(box: Box) -> list[str]:
    return sorted(room["name"] for room in box.ask("GET", "/rooms")["items"])


def sign_in(box: Box):
    box.owner = {}
    status, headers, answer = box.request("POST", "/session", {"password": PASSWORD})
    assert status < 300, answer
    box.owner = {"Cookie": headers["Set-Cookie"].split(";")[0]}


def key_of(folder: Path) -> bytes:
    return (folder / "data/secrets/box.key").read_bytes()


@pytest.mark.parametrize("who", ["itself", "take_over"])
def test_a_new_box_takes_a_backup_by_its_claim_code(tmp_path, who):
    with hall(tmp_path / "hall") as old:
        backup, old_id = made(old), old.ask("GET", "/box")["id"]
    with fixed(tmp_path / "cellar") as box:
        own_id, begun = (box.ask("GET", "/box")[name] for name in ("id", "started_at"))
        code = {"Roombox-Claim-Code": box.code}
        restore = {"code": box.code, "restore_as": who, **OPENS}
        # Nobody without the code leaves a byte here.
        assert box.request("PUT", "/claim/backup", backup)[0] == 403
        assert box.refuses("POST", "/claim/restore", restore | {"code": "AAAA-AAAA"})[0] == 403
        assert box.refuses("POST", "/claim/restore", restore) == (404, "no_backup_here")
        status, _, answer = box.request("PUT", "/claim/backup", backup, **code)
        assert status == 204, answer
        wrong = restore | {"passphrase": "wrong horse battery staple"}
        assert box.refuses("POST", "/claim/restore", wrong) == (422, "wrong_passphrase")
        box.ask("POST", "/claim/restore", restore)
        restarted(box, begun)
        found = box.ask("GET", "/box")
        assert found["claimed"]
        assert found["id"] == (old_id if who == "take_over" else own_id)
        assert found["name"] == ("Hall" if who == "take_over" else "Roombox")
        same = key_of(tmp_path / "cellar") == key_of(tmp_path / "hall")
        assert same == (who == "take_over")
        sign_in(box)
        assert rooms(box) == ["Library"]
        # And whoever is an owner now may go back.
        begun = found["started_at"]
        assert box.refuses("POST", "/backups/restored/undo", {"password": "no"}) == (401, "wrong_password")
        box.ask("POST", "/backups/restored/undo", {"password": PASSWORD})
        restarted(box, begun)
        found = box.ask("GET", "/box")
        assert not found["claimed"] and found["id"] == own_id
        assert box.refuses("GET", "/rooms")[0] == 401
        box.check_alive()


def test_a_restore_goes_back_keeps_recordings_and_signs_everybody_out(tmp_path):
    with hall(tmp_path / "hall") as box:
        kept = tmp_path / "hall/data/recordings/rec_kept/part.mkv"
        kept.parent.mkdir(parents=True)
        kept.write_bytes(b"somebody speaks")
        backup, begun = made(box), box.ask("GET", "/box")["started_at"]
        box.ask("POST", "/rooms", {"name": "Cellar"})
        assert box.request("PUT", "/backups/uploaded", backup)[0] == 200
        drilled = box.ask("POST", "/backups/drill", {"source": "uploaded", **OPENS})
        assert (drilled["rooms"], drilled["people"], drilled["own"]) == (1, 1, True)
        assert rooms(box) == ["Cellar", "Library"]
        restore = {"source": "uploaded", "restore_as": "itself", "password": PASSWORD, **OPENS}
        stolen = restore | {"name": "Hall", "password": "not this one"}
        assert box.refuses("POST", "/backups/restore", stolen) == (401, "wrong_password")
        assert box.refuses("POST", "/backups/restore", restore | {"name": "Cellar"}) == (422, "wrong_box_name")
        box.ask("POST", "/backups/restore", restore | {"name": "Hall"})
        restarted(box, begun)
        assert box.refuses("GET", "/rooms")[0] == 401
        sign_in(box)
        assert rooms(box) == ["Library"]
        assert kept.read_bytes() == b"somebody speaks"
        # What lies here goes when somebody says so.
        assert box.request("PUT", "/backups/uploaded", backup)[0] == 200
        assert box.ask("DELETE", "/backups/uploaded")["uploaded"] is None
        assert box.refuses("DELETE", "/backups/uploaded") == (404, "no_backup_here")
        restored = box.ask("GET", "/backups")["restored"]
        assert (restored["box_name"], restored["restored_as"]) == ("Hall", "itself")
        box.ask("DELETE", "/backups/restored")
        assert box.refuses("POST", "/backups/restored/undo", {"password": PASSWORD}) == (409, "nothing_before")
        box.check_alive()


def begin_to_send(box: Box, announced: int, sent: bytes) -> socket.socket:
    """An upload that falls silent after so much."""
    where = box.url.removeprefix("http://")
    headers = {"Host": where, "Content-Type": "application/octet-stream", "Content-Length": announced} | box.owner
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    host, port = where.split(":")
    connection = socket.create_connection((host, int(port)), timeout=PATIENCE)
    connection.sendall(f"PUT /api/v1/backups/uploaded HTTP/1.1\r\n{lines}\r\n".encode() + sent)

    wait(lambda: box.ask("GET", "/backups")["work"] == "receiving", "the upload never began")
    return connection


def test_an_upload_that_breaks_off_or_is_cancelled_leaves_what_was_there(tmp_path):
    with hall(tmp_path / "hall") as box:
        backup = made(box)
        assert box.request("PUT", "/backups/uploaded", backup)[0] == 200
        before = box.ask("GET", "/backups")["uploaded"]
        idle = lambda: box.ask("GET", "/backups")["work"] is None
        # The browser is closed, the laptop sleeps.
        begin_to_send(box, len(backup) * 100, backup).close()
        wait(idle, "a broken upload went on for ever")
        # Somebody waits no longer for one that comes no further.
        with begin_to_send(box, len(backup) * 100, backup) as sender:
            assert box.refuses("PUT", "/backups/uploaded", backup) == (409, "backup_busy")
            assert box.request("DELETE", "/backups/work")[0] == 202
            answer = http.client.HTTPResponse(sender)
            answer.begin()
            told = json.loads(answer.read())
        assert (answer.status, told["code"]) == (409, "backup_cancelled")
        wait(idle, "a cancelled upload went on for ever")
        assert box.refuses("DELETE", "/backups/work") == (409, "nothing_to_cancel")
        assert box.ask("GET", "/backups")["uploaded"] == before
        sizes = [path.stat().st_size for path in (tmp_path / "hall/data/backups").iterdir()]
        assert sorted(sizes) == [len(backup)] * 2, "the one that was made and the one that was uploaded"
        drilled = box.ask("POST", "/backups/drill", {"source": "uploaded", **OPENS})
        assert (drilled["rooms"], drilled["own"]) == (1, True)
        box.check_alive()


def test_a_box_that_is_killed_while_it_restores_is_the_old_one_or_the_new_one(tmp_path):
    folder, chance = tmp_path / "hall", random.Random(4711)
    box = hall(folder)
    backup = made(box)
    box.ask("POST", "/rooms", {"name": "Cellar"})
    outcomes = set()
    for turn in range(10):
        box.request("PUT", "/backups/uploaded", backup)
        delay = chance.uniform(0, 2.5)
        restore = {"source": "uploaded", "restore_as": "take_over", "name": "Hall", "password": PASSWORD, **OPENS}
        # From before it is decrypted until after it has started anew.
        asked = threading.Thread(target=lambda box=box, restore=restore: attempt(box, restore))
        asked.start()
        time.sleep(delay)
        box.process.kill()
        box.process.wait()
        asked.join()
        box = start(folder, box)
        sign_in(box)
        found = tuple(rooms(box))
        assert found in (("Library",), ("Cellar", "Library")), f"turn {turn}, {delay:.3f} s"
        outcomes.add(found)
        assert not (folder / "data/restore").exists()
        if found == ("Library",):
            box.ask("POST", "/rooms", {"name": "Cellar"})
    print("seen:", outcomes)
    with box:
        box.check_alive()


def attempt(box: Box, restore: dict):
    try:
        box.request("POST", "/backups/restore", restore)
    except (OSError, http.client.HTTPException):
        pass
