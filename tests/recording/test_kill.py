"""c1: kill -9 in the middle of a recording, while real clients publish.

Every part stays readable, never more than 2 s are lost, and the recording goes on under the same
id when its room does.
"""

import os
import random
import time

import pytest
from meeting import Meeting
from recbox import decode, probe, started

KILLS = int(os.environ.get("ROOMBOX_KILLS", "4"))
# One recording after another: a film of an hour says nothing that one of minutes does not.
KILLS_A_RECORDING = 50
SEEDS = range(1, 1 + -(-KILLS // KILLS_A_RECORDING))
MOST_LOST_S = 2.0
# In 99 of a hundred.
USUALLY_LOST_S = 1.0


def live_tracks(box, recording):
    """Track and layer of every part that grows now."""
    return {
        (part["track"], part["layer"])
        for part in box.manifest(recording)["parts"]
        if part.get("bytes") is None
    }


def all_flow(box, recording, since_part_count):
    new = box.parts(recording)[since_part_count:]
    return len({part["track"] for part in new}) >= 4


@pytest.mark.parametrize("seed", SEEDS)
def test_c1_kill9_while_recording(box, seed, record_property):
    chance = random.Random(seed)
    kills = min(KILLS, KILLS_A_RECORDING)
    losses, back = [], []
    with Meeting(box) as meeting:
        recording = meeting.record()
        parts_before = 0
        for round_number in range(kills):
            begun = time.monotonic()
            while not all_flow(box, recording, parts_before):
                assert time.monotonic() - begun < 120, f"round {round_number}: tracks do not come back\n" + box.log_path.read_text()[-4000:]
                time.sleep(0.1)
            if round_number:
                back.append(time.monotonic() - up)
            time.sleep(1.5 + chance.random() * 1.5)
            growing = live_tracks(box, recording)
            zero = started(box.timeline(recording))
            box.kill()
            died = time.time() - zero
            box.start()
            up = time.monotonic()
            # Mended before the door opens.
            manifest = box.manifest(recording)
            newest = {}
            for part in manifest["parts"]:
                key = (part["track"], part["layer"])
                if part.get("end_us") is not None:
                    newest[key] = max(newest.get(key, 0), part["end_us"])
            for key in growing:
                lost = died - newest.get(key, 0) / 1e6
                losses.append(lost)
                assert lost <= MOST_LOST_S, f"round {round_number}: {key} lost {lost:.2f} s"
            for part in manifest["parts"][parts_before:]:
                probe(box.folder(recording) / part["file"], "stream=codec_name")
            parts_before = len(manifest["parts"])
        begun = time.monotonic()
        while not all_flow(box, recording, parts_before):
            assert time.monotonic() - begun < 120
            time.sleep(0.1)
        back.append(time.monotonic() - up)
        box.until(recording, lambda seen: seen["state"] == "recording")
        meeting.stop_recording()
    seen = box.until(recording, lambda seen: seen["state"] == "ready", 240 + 20 * kills)
    assert len(seen["interruptions"]) == kills
    for part in box.manifest(recording)["parts"]:
        decode(box.folder(recording) / part["file"])
    film = box.folder(recording) / next(f["name"] for f in seen["files"] if f["kind"] == "mp4")
    decode(film)
    losses.sort()
    if len(losses) >= 100:
        assert losses[int(len(losses) * 0.99)] <= USUALLY_LOST_S
    record_property("c1", {"kills": kills, "losses": losses, "back": back})


def test_a_recording_whose_room_does_not_come_back_ends_with_its_reason(box):
    box.panel.call("PATCH", "/settings", {"recording": {"resume_window_s": 1}})
    with Meeting(box, people=("Ada",)) as meeting:
        recording = meeting.record()
        box.until(recording, lambda seen: seen["duration_ms"] > 2500)
        box.kill()
    box.start()
    seen = box.until(recording, lambda seen: seen["state"] == "ready", 240)
    assert seen["end_reason"] == "interrupted"
