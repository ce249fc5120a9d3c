"""E1: meetings are recorded on many boxes of one fleet while everything that can fail does, in an order by seed; then the audit."""

import json
import os
import random
import shutil
import subprocess
import time

import pytest
from fleetbox import audit, drained
from panel_client import Refused
from studio import Studio

SEEDS = int(os.environ["ROOMBOX_FLEET_SEEDS"])
# Ten are the design's; each has a meeting, a recording and a film, and a commit has two cores.
BOXES = 3 if SEEDS == 1 else 10
# Playable, or an explicit "no media".
ENDS = ("ready", "empty")


def strike(fault: str, fleet, box):
    match fault:
        case "cut":
            fleet.proxy.cut()
        case "half open":
            fleet.proxy.half_open()
        case "box's server":
            box.kill_nats()
        case "box's store":
            box.kill_nats()
            shutil.rmtree(box.data / "nats" / "store", ignore_errors=True)
        case "hub's server":
            fleet.hub.kill_nats()
        case "box":
            box.kill()
            box.start()
        case "hub":
            fleet.hub.kill()
            fleet.hub.start()


def plays(box, recording: str, seen: dict):
    films = [file for file in seen["files"] if file["kind"] == "mp4"]
    assert films, seen
    probe = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "json", box.folder(recording) / films[0]["name"]]
    found = json.loads(subprocess.run(probe, check=True, capture_output=True).stdout)
    assert float(found["format"]["duration"]) > 0.5, found


@pytest.mark.parametrize("seed", range(SEEDS))
def test_meetings_on_many_boxes_under_all_faults_end_as_they_should(fleet, seed):
    chance, hub = random.Random(seed), fleet.hub
    boxes = [fleet.join(f"hall {n}") for n in range(BOXES)]
    for box in boxes:
        box.until_link("up")
    begun, studios = {}, []
    for n, box in enumerate(boxes):
        studio = Studio(box, f"Lecture {n}")
        studios.append(studio)
        begun[box] = {studio.record()}
    for box in boxes:
        (recording,) = begun[box]
        box.until(recording, lambda seen: seen["duration_ms"] >= 2000)
    faults = ["cut", "half open", "box's server", "box's store", "hub's server", "box", "hub"]
    chance.shuffle(faults)
    for fault in faults:
        victim = chance.choice(boxes)
        strike(fault, fleet, victim)
        for box in boxes:
            box.happen(f"{fault} on {boxes.index(victim)}, {n}" for n in range(chance.randrange(3, 8)))
        # How long it lasts, not a wait for something.
        time.sleep(chance.uniform(0.2, 1.5))
        fleet.proxy.heal()
    healed = time.monotonic()
    for box, studio in zip(boxes, studios):
        try:
            studio.stop_recording()
        except Refused as error:
            # Its box died, and nobody came back into the room.
            assert error.status in (404, 409), error
        studio.close()
    # What a person asked for, and what the box went on with by itself: no row and no folder has gone.
    for box in boxes:
        listed = {one["id"] for one in box.panel.call("GET", "/recordings")["items"]}
        assert begun[box] <= listed, (begun[box], listed)
        assert all(box.folder(one).is_dir() for one in listed)
        begun[box] = listed
    took = max(drained(hub, box, 180) for box in boxes)
    resumed = time.monotonic() - healed
    ends = {}
    for box in boxes:
        for recording in begun[box]:
            seen = box.until(recording, lambda seen: seen["state"] in ENDS, 240)
            ends[recording] = seen["state"]
            if seen["state"] == "ready":
                plays(box, recording, seen)
    # The hub's library says the same of each.
    for box in boxes:
        own = box.fleet()["id"]
        known = lambda: {one["id"]: one["state"] for one in hub.panel.call("GET", f"/fleet/recordings?box={own}")["items"]}
        box.wait(lambda: known() == {recording: ends[recording] for recording in begun[box]}, 120)
        drained(hub, box, 120)
    found = [audit(hub, box) for box in boxes]
    print(f"\nseed {seed}, {BOXES} boxes, {faults}: {sum(one['made'] for one in found)} events, "
          f"{sum(one['lost'] for one in found)} lost, {sum(one['doubled'] for one in found)} doubled, "
          f"{sum(one['turned'] for one in found)} turned; all there {resumed:.0f} s after the last fault ({took:.1f} s of asking); "
          f"recordings {sorted(ends.values())}")
    assert all((one["lost"], one["doubled"]) == (0, 0) for one in found), found
    assert hub.fleet()["heard"]["lost"] == 0
    assert "ready" in ends.values()
