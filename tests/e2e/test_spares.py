"""A database that is damaged at a start: the newest copy takes its place, and nobody gets in who should not."""

import contextlib
import json
import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from box import PASSWORD, Box
from test_backup import PASSPHRASE, fixed, restarted, rooms, sign_in, start, wait

ROOM = "Library"


def spares(folder: Path) -> list[Path]:
    return sorted((folder / "data/spares").glob("*.db"))


def owned(folder: Path) -> Box:
    """A box with an owner, a room and a copy of its database; it was stopped, and `folder` is as it left it."""
    with start(folder) as box:
        box.claim()
        box.ask("PATCH", "/box", {"name": "Hall"})
        box.ask("POST", "/rooms", {"name": ROOM})
    with start(folder, box) as box:
        wait(lambda: spares(folder), "no copy was made")
    return box


def standing(box: Box) -> list[dict]:
    return [alarm for alarm in box.ask("GET", "/health")["items"] if alarm["kind"] == "database_replaced"]


def replaced(box: Box) -> dict:
    wait(lambda: standing(box), "nobody is told that a copy took the database's place")
    return standing(box)[0]


def damage(path: Path, how: str):
    chance = random.Random(how)
    contents = bytearray(path.read_bytes())
    match how:
        case "text":
            contents = bytearray(b"no database at all " * 1000)
        case "empty":
            contents = bytearray()
        case "torn":
            contents = contents[: len(contents) // 3]
        case "pages":
            for _ in range(40):
                at = chance.randrange(1, len(contents) // 4096) * 4096
                contents[at : at + 4096] = chance.randbytes(4096)
    path.write_bytes(contents)
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def test_after_a_stop_the_database_is_whole_alone(tmp_path):
    folder = tmp_path / "hall"
    owned(folder)
    database = folder / "data/roombox.db"
    log = database.with_name("roombox.db-wal")
    assert not log.exists() or log.stat().st_size == 0
    alone = tmp_path / "alone.db"
    shutil.copy(database, alone)
    with contextlib.closing(sqlite3.connect(alone)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM rooms").fetchone()[0] == 1


@pytest.mark.parametrize("how", ["text", "empty", "torn", "pages"])
def test_a_damaged_database_gives_way_to_the_newest_copy(tmp_path, how):
    folder = tmp_path / "hall"
    before = owned(folder)
    kept = folder / "data/recordings/rec_kept/part.mkv"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"somebody speaks")
    # The newest is damaged as well: the one before it does.
    newest = spares(folder)[-1]
    shutil.copy(newest, newest.with_name("0000000002.db"))
    damage(newest.with_name("0000000002.db"), "torn")
    damage(folder / "data/roombox.db", how)
    with start(folder, before) as box:
        assert box.ask("GET", "/box")["claimed"], "anybody could claim it"
        # Who was signed in is not.
        assert box.refuses("GET", "/rooms")[0] == 401
        sign_in(box)
        assert rooms(box) == [ROOM] and box.ask("GET", "/box")["name"] == "Hall"
        assert kept.read_bytes() == b"somebody speaks"
        told = [row for row in box.ask("GET", "/audit")["items"] if row["action"] == "database_mended"]
        assert len(told) == 1 and "as of" in told[0]["detail"], told
        # An owner is told until they have seen it, over restarts.
        alarm = replaced(box)
        assert alarm["severity"] == "broken" and alarm["figures"]["at"][:2] == "20", alarm
        assert "removed may be there again" in alarm["cause"]
        note = json.loads((folder / "data/mended.json").read_text())
        aside = folder / "data" / note["kept_in"] / "roombox.db"
        assert aside.exists() and note["as_of"], note
        log = box.log_path.read_text()
        assert "the database is a copy" in log and "panicked" not in log
    # Once is enough.
    with start(folder, box) as box:
        sign_in(box)
        assert len([row for row in box.ask("GET", "/audit")["items"] if row["action"] == "database_mended"]) == 1
        again = replaced(box)
        assert again["id"] == alarm["id"]
        box.ask("POST", f"/health/{again['id']}/acknowledgement")
        wait(lambda: not standing(box), "it stands although somebody has seen it")


def test_without_any_copy_the_box_is_still_its_owners(tmp_path):
    folder = tmp_path / "hall"
    before = owned(folder)
    for copy in spares(folder):
        copy.unlink()
    damage(folder / "data/roombox.db", "text")
    with start(folder, before) as box:
        assert box.ask("GET", "/box")["claimed"]
        code = {"code": box.code or "AAAA-AAAA", "name": "Mallory", "password": PASSWORD}
        assert box.request("POST", "/claim", code)[0] >= 400, "a stranger owns it"
        sign_in(box)
        assert rooms(box) == []


def test_a_restored_box_knows_nothing_of_the_database_before(tmp_path):
    folder = tmp_path / "hall"
    owned(folder)
    with fixed(folder) as box:
        sign_in(box)
        box.ask("POST", "/backups", {"passphrase": PASSPHRASE, "password": PASSWORD})
        wait(lambda: box.ask("GET", "/backups")["work"] is None, "the backup was never made")
        box.ask("POST", "/rooms", {"name": "Cellar"})
        old, begun = spares(folder), box.ask("GET", "/box")["started_at"]
        restore = {"source": "made", "restore_as": "itself", "passphrase": PASSPHRASE, "name": "Hall",
                   "password": PASSWORD}
        box.ask("POST", "/backups/restore", restore)
        restarted(box, begun)
        wait(lambda: spares(folder), "no copy of what was restored was made")
        assert len(spares(folder)) == 1 and old
    # Its own copy is the one that counts.
    damage(folder / "data/roombox.db", "text")
    with start(folder, box) as box:
        sign_in(box)
        assert rooms(box) == [ROOM]
