"""Recordings that become one: made by a real box, looked at with FFmpeg."""

import json
import shutil
import subprocess

import pytest
from meeting import Meeting
from panel_client import Refused
from recbox import decode, probe

# Sound may be so much off its pictures at a seam: half a frame of AAC, and what two clocks round away.
LIMIT_S = 0.040


def recorded(box, room, seconds, **more):
    """A recording with a film."""
    with Meeting(box, room, people=("Ada",), **more) as meeting:
        recording = meeting.record()
        meeting.say("Ada")
        box.until(recording, lambda seen: seen["duration_ms"] >= seconds * 1000)
        box.panel.call("PATCH", f"/rooms/{meeting.room['id']}/recording", {"marker": f"In {room}"})
        box.until(recording, lambda seen: seen["duration_ms"] >= seconds * 1000 + 1500)
        meeting.stop_recording()
    return box.until(recording, lambda seen: seen["state"] == "ready", 240)


def film(box, seen, kind="mp4"):
    return box.folder(seen["id"]) / next(file["name"] for file in seen["files"] if file["kind"] == kind)


def packets(path, stream):
    # Also those that lie behind a film's end and are not played.
    ask = ["ffprobe", "-v", "error", "-ignore_editlist", "1", "-select_streams", stream, "-show_data_hash", "md5"]
    ask += ["-show_entries", "packet=data_hash", "-of", "csv=p=0", str(path)]
    said = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.split()
    # Where something is not played a field follows.
    return [line.split(",")[0] for line in said if line.startswith("MD5")]


def lengths(path):
    found = probe(path, "stream=codec_type,duration")["streams"]
    return {one["codec_type"]: float(one["duration"]) for one in found if one["codec_type"] != "data"}


def merge(box, *ids, **more):
    return box.panel.call("POST", "/recordings/merges", {"recordings": list(ids), **more})


def refused(box, code, *ids, **more):
    with pytest.raises(Refused) as error:
        merge(box, *ids, **more)
    assert error.value.code == code, error.value


def test_two_meetings_become_one_film_in_order_and_nothing_of_them_is_coded_again(box):
    first, second = recorded(box, "Garden", 4), recorded(box, "Attic", 3)
    parts = [film(box, first), film(box, second)]
    before = [path.read_bytes() for path in parts]
    asked = ",".join((first["id"], second["id"]))
    plan = box.panel.call("GET", f"/recordings/merges?recordings={asked}")
    assert plan["lossless"] is True and [part["kept"] for part in plan["parts"]] == [True, True]
    made = merge(box, first["id"], second["id"], title="All day")
    assert [part["recording_id"] for part in made["merged_from"]] == [first["id"], second["id"]]
    seen = box.until(made["id"], lambda seen: seen["state"] == "ready", 120)
    assert seen["job"]["merges"] == 2 and seen["job"]["encoder"] == "copy"
    path = film(box, seen)
    decode(path)
    # Pictures: packet by packet those of the films.
    assert packets(path, "v") == packets(parts[0], "v") + packets(parts[1], "v")
    lasts = [lengths(part) for part in parts]
    now = lengths(path)
    assert now["video"] == pytest.approx(sum(last["video"] for last in lasts), abs=0.002)
    assert now["audio"] == pytest.approx(now["video"], abs=LIMIT_S)
    # A film's last picture stands for a whole thirtieth, also where the meeting ended within it.
    assert plan["duration_ms"] == pytest.approx(now["video"] * 1000, abs=2 * 34)
    assert seen["duration_ms"] == plan["duration_ms"]
    # Sound: theirs in order, but for what seams cost, and no hole where they meet.
    heard, known = packets(path, "a"), packets(parts[0], "a") + packets(parts[1], "a")
    rest = iter(known)
    assert all(any(packet == one for one in rest) for packet in heard)
    assert len(known) - len(heard) <= 3
    seam = lasts[0]["video"]
    ask = ["ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "packet=pts_time", "-of", "csv=p=0"]
    times = subprocess.run([*ask, str(path)], capture_output=True, text=True, check=True).stdout.split()
    times = [float(time.rstrip(",")) for time in times]
    assert max(b - a for a, b in zip(times, times[1:])) < 0.0225, "frames follow each other"
    # What people look for in it.
    chapters = probe(path, "chapter")["chapters"]
    titles = [chapter["tags"]["title"] for chapter in chapters]
    assert titles[0] == first["title"] and second["title"] in titles and {"In Garden", "In Attic"} <= set(titles)
    begins = float(chapters[titles.index(second["title"])]["start_time"])
    assert begins == pytest.approx(seam, abs=0.01)
    tags = probe(path, "format_tags")["format"]["tags"]
    assert tags["title"] == "All day"
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    kinds = {file["kind"] for file in seen["files"]}
    assert kinds >= {"mp4", "thumbnail", "chapters", "sprite", "sprite_map", "index"}
    markers = [item["text"] for item in box.panel.call("GET", f"/recordings/{made['id']}/timeline")["items"]
               if item["kind"] == "marker"]
    assert markers == [first["title"], "In Garden", second["title"], "In Attic"]
    assert [part.read_bytes() for part in parts] == before, "nothing of them changed"
    # It stays when those are gone, also over a start, and says of what it was made.
    box.panel.call("DELETE", f"/recordings/{first['id']}")
    box.stop()
    box.start()
    again = box.recording(made["id"])
    assert again["state"] == "ready" and again["tracks"] == []
    assert [part["exists"] for part in again["merged_from"]] == [False, True]
    for outputs, code in [({"layout": "grid"}, "merged"),
                          ({"layout": "auto", "range": {"from_ms": 0, "to_ms": 2000}}, "merged")]:
        with pytest.raises(Refused) as error:
            box.panel.call("POST", f"/recordings/{made['id']}/jobs", outputs)
        assert error.value.code == code
    # Where the database is lost with its spare copies its film says so.
    box.stop()
    for file in box.data.glob("roombox.db*"):
        file.unlink()
    shutil.rmtree(box.data / "spares")
    box.start()
    box.panel.claim(box.code, "correct horse battery")
    found = box.until(made["id"], lambda seen: seen["state"] == "ready", 60)
    assert [part["exists"] for part in found["merged_from"]] == [False, True]
    assert [part["title"] for part in found["merged_from"]] == [part["title"] for part in again["merged_from"]]
    with pytest.raises(Refused) as error:
        box.panel.call("POST", f"/recordings/{made['id']}/jobs", {"layout": "grid"})
    assert error.value.code == "merged"
    box.panel.call("DELETE", f"/recordings/{made['id']}")
    assert not box.folder(made["id"]).exists()


def test_a_film_of_another_format_is_coded_again_and_the_others_are_not(box):
    from livekit import rtc

    drawn = recorded(box, "Garden", 3)
    with Meeting(box, "Cellar", people=("Grace",), codec=rtc.VideoCodec.H264) as meeting:
        recording = meeting.record(layout="single")
        box.until(recording, lambda seen: seen["duration_ms"] >= 5000)
        meeting.stop_recording()
    copied = box.until(recording, lambda seen: seen["state"] == "ready", 240)
    assert copied["job"]["encoder"] == "copy"
    asked = ",".join((drawn["id"], copied["id"]))
    plan = box.panel.call("GET", f"/recordings/merges?recordings={asked}")
    assert plan["lossless"] is False and [part["kept"] for part in plan["parts"]] == [True, False]
    made = merge(box, drawn["id"], copied["id"])
    assert made["title"] == drawn["title"]
    seen = box.until(made["id"], lambda seen: seen["state"] == "ready", 240)
    path, parts = film(box, seen), [film(box, drawn), film(box, copied)]
    decode(path)
    now, kept = packets(path, "v"), packets(parts[0], "v")
    assert now[:len(kept)] == kept and len(now) == len(kept) + len(packets(parts[1], "v"))
    size = probe(path, "stream=width,height")["streams"][0]
    assert (size["width"], size["height"]) == (1280, 720)
    lasts = [lengths(part)["video"] for part in parts]
    assert lengths(path)["video"] == pytest.approx(sum(lasts), abs=0.01)
    assert lengths(path)["audio"] == pytest.approx(sum(lasts), abs=LIMIT_S)


def test_what_cannot_be_merged_is_refused(box):
    one = recorded(box, "Garden", 2)
    refused(box, "invalid_merge", one["id"])
    refused(box, "invalid_merge", one["id"], one["id"])
    refused(box, "invalid_merge", *[f"rec_{n}" for n in range(21)])
    refused(box, "not_found", one["id"], "rec_none")
    refused(box, "invalid_name", one["id"], "rec_none", title=" ")
    with Meeting(box, "Attic", people=("Ada",)) as meeting:
        running = meeting.record()
        box.until(running, lambda seen: seen["duration_ms"] >= 1000)
        refused(box, "still_recording", one["id"], running)
        meeting.stop_recording()
    box.until(running, lambda seen: seen["state"] == "ready", 240)
    taken = film(box, one)
    made = merge(box, running, one["id"])
    box.until(made["id"], lambda seen: seen["state"] == "ready", 120)
    assert json.loads(film(box, box.recording(made["id"]), "index").read_text())["format"]["encoder"]
    taken.rename(taken.with_suffix(".away"))
    refused(box, "no_film", running, one["id"])
    taken.with_suffix(".away").rename(taken)
    # A film of which the disk has lost something is not copied; whole again, it is tried again.
    whole = taken.read_bytes()
    taken.write_bytes(whole[:-500] + bytes(byte ^ 1 for byte in whole[-500:]))
    made = merge(box, running, one["id"])
    parked = box.until(made["id"], lambda seen: seen["state"] == "parked", 120)
    assert "not what was made" in parked["job"]["error"] and one["id"] in parked["job"]["error"]
    taken.write_bytes(whole)
    box.panel.call("POST", f"/jobs/{parked['job']['id']}/attempts")
    box.until(made["id"], lambda seen: seen["state"] == "ready", 120)
