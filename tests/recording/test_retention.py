"""Recordings stay as long as the owner wants: what is due goes with its reason, what is kept stays."""

import os
import sqlite3

from meeting import Meeting
from recbox import RecBox
from test_disk import MIB, small_volume  # noqa: F401 (a fixture)

DAY_MS = 86_400_000


def record(box, count):
    """Recordings of one short meeting, with their films; oldest first."""
    made = []
    with Meeting(box, people=("Ada",)) as meeting:
        for _ in range(count):
            recording = meeting.record()
            box.until(recording, lambda seen: seen["duration_ms"] > 1500)
            meeting.stop_recording()
            box.until(recording, lambda seen: seen["state"] == "ready")
            made.append(recording)
    return made


def aged(box, recordings, days):
    """The box was off when these were made so long ago."""
    with sqlite3.connect(box.data / "roombox.db") as sql:
        for one in recordings:
            query = "UPDATE recordings SET ended_ms = ended_ms - ?1, kept_from_ms = ended_ms - ?1 WHERE id = ?2"
            assert sql.execute(query, (days * DAY_MS, one)).rowcount == 1


def here(box):
    return {one["id"] for one in box.panel.call("GET", "/recordings")["items"]}


def test_what_is_older_than_the_owner_wants_goes_and_what_is_kept_stays(box):
    old, held, new = record(box, 3)
    folder = box.folder(old)
    assert box.panel.call("PATCH", f"/recordings/{held}", {"held": True})["held"]
    box.panel.call("PATCH", "/settings", {"recording": {"keep_days": 2}})
    box.stop()
    aged(box, (old, held), days=3)
    aged(box, (new,), days=1)
    box.start()
    box.wait(lambda: here(box) == {held, new})
    assert not folder.exists()
    deletions = box.panel.call("GET", "/deletions")
    assert [(one["recording"], one["reason"]) for one in deletions["items"]] == [(old, "age")]
    assert deletions["items"][0]["bytes"] > 10_000 and deletions["clock_doubt"] is None
    assert "a recording is deleted" in box.log_path.read_text()
    # Once nobody holds it any more, it goes like the others.
    box.panel.call("PATCH", f"/recordings/{held}", {"held": False})
    box.wait(lambda: here(box) == {new})


def test_a_rooms_own_days_take_the_place_of_the_boxs_and_what_is_held_stays(box):
    old, held, young = record(box, 3)
    box.panel.call("PATCH", f"/recordings/{held}", {"held": True})
    room = box.panel.call("GET", f"/recordings/{old}")["room_id"]
    box.panel.call("PATCH", f"/rooms/{room}", {"rules": {"keep_days": 7}})
    box.panel.call("PATCH", "/settings", {"recording": {"keep_days": 2}})
    box.stop()
    aged(box, (held,), days=30)
    aged(box, (old, young), days=5)
    box.start()
    # Longer than the box: both are older than its two days, and stay.
    upcoming = box.panel.call("GET", "/storage")["next"]
    assert {one["recording"] for one in upcoming} == {old, young}
    box.panel.call("PATCH", "/settings", {"recording": {"keep_days": 0}})
    box.stop()
    aged(box, (old,), days=3)
    box.start()
    # Shorter than the box, which keeps everything.
    box.wait(lambda: here(box) == {held, young})
    [deleted] = box.panel.call("GET", "/deletions")["items"]
    assert (deleted["recording"], deleted["reason"]) == (old, "age")


def test_the_oldest_make_room_if_the_owner_says_so(small_volume):  # noqa: F811
    config = f"[recording]\nreserve_bytes = {100 * MIB}\n"
    with RecBox(small_volume / "data", config=config) as box:
        held, oldest, newest = record(box, 3)
        box.panel.call("PATCH", f"/recordings/{held}", {"held": True})
        # Of the oldest there is so much that its end makes room enough.
        with open(box.folder(oldest) / "ballast", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 60 * MIB)
        with sqlite3.connect(box.data / "roombox.db") as sql:
            sql.execute("UPDATE recordings SET bytes = ? WHERE id = ?", (60 * MIB, oldest))
        # The reserve applies from the next start on.
        box.stop()
        box.start()
        box.panel.call("PATCH", "/settings", {"recording": {"overwrite_oldest": True}})
        with open(small_volume / "filler", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 170 * MIB)
        box.wait(lambda: oldest not in here(box))
        items = box.panel.call("GET", "/deletions")["items"]
        assert [(one["recording"], one["reason"]) for one in items] == [(oldest, "space")]
        assert here(box) == {held, newest}


def test_so_many_of_the_newest_stay_as_the_owner_wants(box):
    held, old, second, newest = record(box, 4)
    box.panel.call("PATCH", f"/recordings/{held}", {"held": True})
    box.panel.call("PATCH", "/settings", {"recording": {"keep_newest": 2}})
    box.wait(lambda: here(box) == {held, second, newest})
    items = box.panel.call("GET", "/deletions")["items"]
    assert [(one["recording"], one["reason"]) for one in items] == [(old, "count")]
    # The oldest goes when a newer one is ready, and the page of the disk says so.
    upcoming = box.panel.call("GET", "/storage")["next"]
    assert [(one["recording"], one["reason"]) for one in upcoming] == [(second, "count"), (newest, "count")]
    box.panel.call("PATCH", "/settings", {"recording": {"keep_newest": 0, "keep_newest_of_room": 1}})
    box.wait(lambda: here(box) == {held, newest})
