"""Recordings are copied to real servers, proved by reading back, and nothing that fails there costs a minute here."""

import hashlib
import json
import os
import re
import sqlite3
import subprocess
from collections import Counter

import counterparts
import pytest
from meeting import Meeting
from panel_client import Refused
from recbox import RecBox
from test_retention import aged, here, record

MIB = 1 << 20
SECRETS = ("secret_key", "password", "private_key")


def add(box, place, secrets=None, **more):
    new = {"name": place["kind"], "place": place, "secrets": secrets or {}, **more}
    return box.panel.call("POST", "/targets", new)["id"]


def works(box, target):
    trial = box.panel.call("POST", f"/targets/{target}/tests")
    assert trial["works"], trial
    return trial


def target(box, which):
    return next(one for one in box.panel.call("GET", "/targets")["items"] if one["id"] == which)


def copies(box, recording, where=None):
    items = box.panel.call("GET", f"/recordings/{recording}/copies")["items"]
    return [one for one in items if where in (None, one["target"])]


def all_there(box, recording, where):
    """Its copies there, once there are some and every one was read back."""
    found = copies(box, recording, where)
    return found if found and all(one["state"] == "delivered" for one in found) else None


def waits_with(box, recording, where, text):
    return [one for one in copies(box, recording, where) if text in (one["error"] or "")]


def same(box, recording, found, read):
    """Whether what is there is what is here, and what the receipt says."""
    for one in found:
        there = read(one["name"])
        assert there == (box.folder(recording) / one["file"]).read_bytes(), one["file"]
        assert hashlib.sha256(there).hexdigest() == one["sha256"] and len(there) == one["bytes"]


def s3_place(server, **more):
    return {"kind": "s3", "endpoint": server.endpoint, "bucket": server.bucket,
            "access_key": server.access_key, **more}


def dav_place(server):
    return {"kind": "webdav", "url": server.url, "user": server.user}


def test_a_recording_goes_to_four_places_at_once_and_each_file_is_proved(box, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    with counterparts.s3() as s3, counterparts.webdav() as dav, counterparts.sftp() as ssh:
        there = {
            add(box, s3_place(s3, prefix="hall/1"), {"secret_key": s3.secret_key}): lambda name: s3.read(f"hall/1/{name}"),
            add(box, dav_place(dav), {"password": dav.password}): dav.read,
            add(box, {"kind": "folder", "path": str(disk), "mounted": False}, contents="everything"):
                lambda name: (disk / name).read_bytes(),
            add(box, {"kind": "sftp", "host": ssh.host, "port": ssh.port, "user": ssh.user, "folder": ssh.folder},
                {"private_key": ssh.private_key}): ssh.read,
        }
        for one in there:
            works(box, one)
        seen = box.panel.call("GET", "/targets")["items"]
        assert [one["place"].get("host_key") for one in seen] == [None, None, None, ssh.host_key]
        assert [one["has_secrets"] for one in seen] == [True, True, False, True]
        assert not any(word in str(seen) for word in (*SECRETS, f"'{s3.secret_key}'", dav.password, "PRIVATE"))
        recording, = record(box, 1)
        files = {file["name"] for file in box.recording(recording)["files"]}
        assert any(name.endswith(".mp4") for name in files)
        for one, read in there.items():
            found = box.wait(lambda: all_there(box, recording, one))
            same(box, recording, found, read)
            assert {copy["file"] for copy in found} >= files
            tracks = {copy["file"] for copy in found} - files
            if target(box, one)["contents"] == "everything":
                assert {"manifest.json", "timeline.jsonl"} < tracks and any(t.endswith(".mkv") for t in tracks)
            else:
                assert not tracks
            tally = target(box, one)["tally"]
            assert tally["waiting"] == 0 and tally["delivered"] == len(found) and tally["error"] is None
        # One folder a recording, which says when and where it was; and nothing half-done beside it.
        folder, = {name.split("/")[0] for name in dav.names()}
        assert folder.endswith(f"_Room-1_{recording}"), folder
        assert not s3.uploads() and not [name for name in dav.names() + ssh.names() if name.endswith(".unfinished")]


def test_who_refuses_or_dies_gets_it_later_and_till_then_it_is_not_too_old(box):
    old, = record(box, 1)
    with counterparts.webdav() as first, counterparts.webdav() as second:
        dav = add(box, dav_place(first), {"password": "wrong"})
        trial = box.panel.call("POST", f"/targets/{dav}/tests")
        assert not trial["works"] and "password" in trial["error"], trial
        recording, = record(box, 1)
        box.wait(lambda: waits_with(box, recording, dav, "password"))
        assert target(box, dav)["tally"]["waiting"] > 0
        counterparts.kill(first.process)
        box.panel.call("PATCH", f"/targets/{dav}", {"secrets": {"password": first.password}})
        box.wait(lambda: [one for one in copies(box, recording) if one["error"] and "password" not in one["error"]])
        # What a target lacks does not get too old; what it has does.
        box.panel.call("PATCH", "/settings", {"recording": {"keep_days": 1}})
        box.stop()
        aged(box, (old, recording), days=5)
        box.start()
        # One that nobody wants copied is as old, and goes: the box has looked.
        box.wait(lambda: here(box) == {recording})
        assert all(one["state"] == "waiting" for one in copies(box, recording, dav))
        with pytest.raises(Refused) as refused:
            box.panel.call("PATCH", f"/targets/{dav}", {"place": dav_place(second)})
        assert "secrets" in str(refused.value)
        box.panel.call("PATCH", f"/targets/{dav}", {"place": dav_place(second), "secrets": {"password": second.password}})
        box.wait(lambda: here(box) == set())
        kept = [name for name in second.names() if name.endswith(".mp4")]
        assert len(kept) == 1 and second.read(kept[0])[4:8] == b"ftyp"


def test_kill9_in_mid_transfer_costs_nothing(box):
    with counterparts.s3() as s3, counterparts.sftp() as ssh:
        slow = {"megabits": 1}
        there = [
            (add(box, s3_place(s3), {"secret_key": s3.secret_key}, **slow), s3.read),
            (add(box, {"kind": "sftp", "host": ssh.host, "port": ssh.port, "user": ssh.user, "folder": ssh.folder,
                       "host_key": ssh.host_key}, {"private_key": ssh.private_key}, contents="everything", **slow), ssh.read),
        ]
        recording, = record(box, 1)
        box.wait(lambda: all(target(box, one)["moving"] for one, _ in there))
        box.kill()
        box.start()
        for one, _ in there:
            box.panel.call("PATCH", f"/targets/{one}", {"megabits": None})
        for one, read in there:
            same(box, recording, box.wait(lambda: all_there(box, recording, one)), read)
        assert not s3.uploads() and not [name for name in ssh.names() if name.endswith(".unfinished")]


def with_ballast(box, recording, size):
    """A film so large that it goes out in parts; the box is off meanwhile."""
    box.stop()
    ballast = os.urandom(size)
    (box.folder(recording) / "ballast.mp4").write_bytes(ballast)
    with sqlite3.connect(box.data / "roombox.db") as sql:
        row = (recording, "ballast.mp4", "film", size, hashlib.sha256(ballast).hexdigest(), "job_ballast")
        sql.execute("INSERT INTO files (recording, path, kind, bytes, sha256, job) VALUES (?, ?, ?, ?, ?, ?)", row)
    box.start()


def parts_kept(box):
    """Parts of the ballast that the box will know after a crash."""
    with sqlite3.connect(f"file:{box.data}/roombox.db?mode=ro", uri=True) as sql:
        found = sql.execute("SELECT resume FROM copies WHERE path = 'ballast.mp4' AND resume IS NOT NULL").fetchone()
    return len(json.loads(found[0])["parts"]) if found else 0


def test_kill9_between_parts_sends_no_part_twice(box, tmp_path):
    recording, = record(box, 1)
    with_ballast(box, recording, 30 * MIB)
    with open(tmp_path / "s3.log", "w+") as log, counterparts.s3(log=log) as s3:
        bucket = add(box, s3_place(s3), {"secret_key": s3.secret_key}, megabits=50)
        box.panel.call("POST", f"/recordings/{recording}/copies", {"target": bucket})
        kept = box.wait(lambda: parts_kept(box))
        box.kill()
        assert 1 <= kept < 4 and s3.uploads()
        box.start()
        box.panel.call("PATCH", f"/targets/{bucket}", {"megabits": None})
        same(box, recording, box.wait(lambda: all_there(box, recording, bucket)), s3.read)
        assert not s3.uploads()
        asked = (tmp_path / "s3.log").read_text()
    puts = re.findall(r'"PUT \S*/ballast\.mp4\?(\S*) HTTP', asked)
    sent = Counter(int(re.search(r"partNumber=(\d+)", one)[1]) for one in puts)
    assert set(sent) == {1, 2, 3, 4} and all(sent[part] == 1 for part in range(1, kept + 1)), sent
    assert len({re.search(r"uploadId=([^&]+)", one)[1] for one in puts}) == 1, puts


def test_a_key_that_may_not_read_sends_no_film_and_what_was_begun_of_one_that_goes_is_taken_away(box, tmp_path):
    recording, = record(box, 1)
    with_ballast(box, recording, 30 * MIB)
    with open(tmp_path / "s3.log", "w+") as log, counterparts.s3(log=log) as s3, counterparts.s3() as open_to_all:
        slow = add(box, s3_place(open_to_all), {"secret_key": open_to_all.secret_key}, megabits=5)
        access_key, secret_key = counterparts.may_only(s3, "s3:PutObject", "s3:AbortMultipartUpload")
        writes = add(box, {**s3_place(s3), "access_key": access_key}, {"secret_key": secret_key})
        trial = box.panel.call("POST", f"/targets/{writes}/tests")
        assert not trial["works"] and "may not read" in trial["error"], trial
        for one in (slow, writes):
            box.panel.call("POST", f"/recordings/{recording}/copies", {"target": one})
        box.wait(lambda: waits_with(box, recording, writes, "may not read"))
        asked = (tmp_path / "s3.log").read_text().splitlines()
        assert not [line for line in asked if recording in line and "HEAD" not in line]
        # All but the ballast is there; its upload waits for more parts.
        box.wait(open_to_all.uploads)
        box.panel.call("DELETE", f"/recordings/{recording}")
        box.wait(lambda: not open_to_all.uploads())
        assert not [name for name in open_to_all.names() if "ballast" in name]


def test_a_pulled_disk_gets_what_it_lacks_when_it_is_back_and_the_box_is_not_filled(box, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("SKIPPED: a disk can only be mounted as root")
    try:
        stick = add(box, {"kind": "folder", "path": str(disk)})
        works(box, stick)
        subprocess.run(["umount", str(disk)], check=True)
        recording, = record(box, 1)
        box.wait(lambda: waits_with(box, recording, stick, "mount"))
        assert not list(disk.iterdir())
        subprocess.run(mount, check=True)
        box.panel.call("POST", f"/recordings/{recording}/copies/retries")
        found = box.wait(lambda: all_there(box, recording, stick))
        same(box, recording, found, lambda name: (disk / name).read_bytes())
    finally:
        subprocess.run(["umount", "-l", str(disk)], capture_output=True)


def test_rules_say_what_goes_where_and_an_older_recording_goes_when_asked(box, tmp_path):
    for name in ("other", "later", "never"):
        (tmp_path / name).mkdir()
    place = lambda name: {"kind": "folder", "path": str(tmp_path / name), "mounted": False}
    elsewhere = add(box, place("other"), rooms=["room_of_nobody"])
    off = add(box, place("never"))
    box.panel.call("PATCH", f"/targets/{off}", {"enabled": False})
    recording, = record(box, 1)
    later = add(box, place("later"))
    works(box, later)
    assert not copies(box, recording)
    box.panel.call("POST", f"/recordings/{recording}/copies", {"target": later})
    box.wait(lambda: all_there(box, recording, later))
    assert not copies(box, recording, elsewhere) and not copies(box, recording, off)
    with Meeting(box, people=("Ada",)) as meeting:
        running = meeting.record()
        with pytest.raises(Refused) as refused:
            box.panel.call("POST", f"/recordings/{running}/copies", {"target": later})
        assert (refused.value.status, refused.value.code) == (409, "nothing_to_copy")
    # What is removed is forgotten; what is there stays.
    box.panel.call("DELETE", f"/targets/{later}")
    assert not copies(box, recording) and any(path.suffix == ".mp4" for path in (tmp_path / "later").rglob("*"))
    with pytest.raises(Refused) as refused:
        box.panel.call("POST", f"/recordings/{recording}/copies", {"target": later})
    assert refused.value.status == 404


@pytest.mark.parametrize("change, field", [
    ({"place": {"kind": "folder", "path": "relative"}}, "path"),
    ({"place": {"kind": "folder", "path": "/mnt/../etc"}}, "path"),
    ({"place": {"kind": "s3", "bucket": "", "access_key": "a"}}, "bucket"),
    ({"place": {"kind": "webdav", "url": "ftp://nas"}}, "url"),
    ({"place": {"kind": "sftp", "host": "sftp://nas", "user": "a"}}, "host"),
    ({"name": " "}, "name"),
    ({"megabits": 0}, "megabits"),
    ({"hours": {"from": 60, "until": 60}}, "hours"),
])
def test_what_can_never_work_is_refused(box, change, field):
    new = {"name": "disk", "place": {"kind": "folder", "path": "/mnt/disk"}} | change
    with pytest.raises(Refused) as refused:
        box.panel.call("POST", "/targets", new)
    assert (refused.value.status, refused.value.code) == (422, "invalid_target")
    assert f"the target's {field} " in str(refused.value)
    inside = {"name": "itself", "place": {"kind": "folder", "path": str(box.data)}}
    with pytest.raises(Refused):
        box.panel.call("POST", "/targets", inside)
    assert box.panel.call("GET", "/targets")["items"] == []
