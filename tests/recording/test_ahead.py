"""Films are made while their meetings go on."""

import re
import time

import pytest
from meeting import Meeting
from recbox import decode, probe


def made_ahead(box, recording, kind="picture"):
    return sorted(path.name for path in (box.folder(recording) / "ahead").glob(f"{kind}-*.reel"))


def test_most_of_a_film_is_made_before_its_meeting_ends_and_a_dead_box_costs_none_of_it(box):
    with Meeting(box) as meeting:
        recording = meeting.record()
        meeting.say("Grace")
        box.wait(lambda: made_ahead(box, recording))
        first = (box.folder(recording) / "ahead" / made_ahead(box, recording)[0]).stat().st_mtime_ns
        assert box.recording(recording)["state"] == "recording"
        box.kill()
        box.start()
        meeting.say("Ada")
        # Whoever was killed with the box is followed by another one, who makes nothing twice.
        box.wait(lambda: len(made_ahead(box, recording)) > 1 and len(made_ahead(box, recording, "sound")) > 1)
        again = (box.folder(recording) / "ahead" / made_ahead(box, recording)[0]).stat().st_mtime_ns
        assert again == first
        meeting.stop_recording()
        begun = time.monotonic()
    seen = box.until(recording, lambda seen: seen["state"] == "ready")
    print(f"ready {time.monotonic() - begun:.1f} s after the end")
    film = box.folder(recording) / next(file["name"] for file in seen["files"] if file["kind"] == "mp4")
    decode(film)
    played = float(probe(film, "format=duration")["format"]["duration"])
    lost = sum(gap["lost_ms"] for gap in seen["interruptions"]) / 1000
    assert played == pytest.approx(seen["duration_ms"] / 1000 - lost, abs=0.7)
    assert not (box.folder(recording) / "ahead").exists()
    # The job found what was made: at most the end, and what the death changed, was left to do.
    log = re.sub(r"\x1b\[[0-9;]*m", "", box.log_path.read_text())
    cpu_s = float(re.findall(r"film made .*?cpu_s=([0-9.]+)", log)[-1])
    assert cpu_s < played * 0.25, f"{cpu_s} CPU seconds for a film of {played} s"


def test_a_recording_that_is_deleted_at_once_stays_deleted(box):
    with Meeting(box) as meeting:
        recording = meeting.record()
        box.wait(lambda: made_ahead(box, recording))
        meeting.stop_recording()
        box.until(recording, lambda seen: seen["state"] != "recording")
        box.panel.call("DELETE", f"/recordings/{recording}")
    box.wait(lambda: not box.folder(recording).exists())
    # Nobody who was still at work on it brings it back.
    box.stop()
    box.start()
    assert not box.folder(recording).exists()
    assert box.panel.call("GET", "/recordings")["items"] == []
