"""Jobs that travel: a box that only records has its films made by others of its fleet."""

import hashlib
import json
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest
from studio import Studio

SEEDS = int(os.environ["ROOMBOX_FLEET_SEEDS"])


def settings(box, **recorder):
    box.panel.call("PATCH", "/settings", {"recorder": recorder})


def helper(fleet, name):
    box = fleet.join(name)
    box.until_link("up")
    return box


@pytest.fixture
def origin(fleet):
    """A member that only records; nobody helps it yet."""
    settings(fleet.hub, helps=False)
    box = fleet.join("lecture hall")
    settings(box, mode="recorderOnly")
    box.until_link("up")
    return box


def recorded(box, seconds=6) -> str:
    """A recording of so many seconds that has ended."""
    with Studio(box) as studio:
        room = studio.room["id"]
        recording = box.panel.call("POST", f"/rooms/{room}/recording")["id"]
        box.until(recording, lambda seen: seen["state"] == "recording" and seen["duration_ms"] >= seconds * 1000)
        box.panel.call("DELETE", f"/rooms/{room}/recording")
    return recording


def job_of(box, recording) -> dict | None:
    """None for a moment: a recording that was stopped is sealed first."""
    jobs = box.panel.call("GET", "/jobs")["items"]
    return next((job for job in jobs if job["recording_id"] == recording), None)


def until_job(box, recording, what, seconds=90) -> dict:
    return box.wait(lambda: (job := job_of(box, recording)) and what(job) and job, seconds)


def renderers(box) -> list[int]:
    """Programs that make films for this box."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            ours = any(str(box.data).encode() in word for word in words)
            if b"transcode" in words and ours and words[0].endswith(b"roombox-media"):
                found.append(int(folder.name))
    return found


def check_film(box, recording):
    """The one film is whole, is what its SHA-256 says, and nothing unfinished lies about."""
    seen = box.until(recording, lambda seen: seen["state"] == "ready")
    films = [file for file in seen["files"] if file["kind"] == "mp4"]
    assert len(films) == 1, seen["files"]
    for file in seen["files"]:
        bytes_ = (box.folder(recording) / file["name"]).read_bytes()
        assert (len(bytes_), hashlib.sha256(bytes_).hexdigest()) == (file["bytes"], file["sha256"])
    film = box.folder(recording) / films[0]["name"]
    probe = ["ffprobe", "-v", "error", "-show_entries", "format=duration:stream=codec_name", "-of", "json", film]
    found = json.loads(subprocess.run(probe, check=True, capture_output=True).stdout)
    assert {stream["codec_name"] for stream in found["streams"]} >= {"h264", "aac"}, found
    assert float(found["format"]["duration"]) > 5
    left = [path.name for path in box.folder(recording).rglob("*") if path.suffix == ".part" or path.name == "reels"]
    assert left == [], left


def test_a_box_that_only_records_gets_its_film_from_another_one(fleet, origin):
    recording = recorded(origin)
    waiting = until_job(origin, recording, lambda job: job["state"] == "queued" and job["waits"])
    assert waiting["waits"]["reason"] == "records_only" and waiting["made_on"] is None
    library = helper(fleet, "library")
    made = until_job(origin, recording, lambda job: job["state"] == "finished")
    assert (made["made_on"], made["attempts"], made["error"]) == ("library", 1, None)
    check_film(origin, recording)
    # The helper keeps nothing, and has no job of its own.
    library.wait(lambda: not (library.data / "errands").exists())
    assert library.panel.call("GET", "/jobs")["items"] == []
    assert library.panel.call("GET", "/recordings")["items"] == []


def test_what_a_helper_began_goes_on_without_the_hub_and_a_killed_renderer_costs_one_attempt(fleet, origin):
    first, second = helper(fleet, "first"), helper(fleet, "second")
    recording = recorded(origin, 20)
    running = until_job(origin, recording, lambda job: job["state"] == "running")
    box, other = (first, second) if running["made_on"] == "first" else (second, first)
    (renderer, *_) = box.wait(lambda: renderers(box))
    os.kill(renderer, signal.SIGKILL)
    again = until_job(origin, recording, lambda job: job["attempts"] == 2 and job["state"] == "running")
    assert again["made_on"] != running["made_on"], "who failed is asked last"
    other.wait(lambda: renderers(other))
    fleet.proxy.cut()
    made = until_job(origin, recording, lambda job: job["state"] == "finished")
    assert (made["made_on"], made["attempts"]) == (again["made_on"], 2)
    check_film(origin, recording)
    fleet.proxy.heal()


@pytest.mark.skipif(SEEDS == 1, reason="takes three minutes: run with --seeds 2 or more")
@pytest.mark.parametrize("seed", range(SEEDS if SEEDS > 1 else 1))
def test_boxes_that_die_and_links_that_break_make_one_film_of_each_recording(fleet, origin, seed):
    chance = random.Random(seed)
    helpers = [helper(fleet, name) for name in ("first", "second")]
    recordings = [recorded(origin, 12) for _ in range(2)]
    for fault in chance.sample(["helper", "origin", "hub", "cut", "renderer"], 3):
        busy = lambda: [one for one in helpers if renderers(one)]
        fleet.hub.wait(lambda: busy() or all(job_of(origin, one)["state"] == "finished" for one in recordings), 200)
        victim = (busy() or helpers)[0]
        if fault == "cut":
            fleet.proxy.cut()
            fleet.proxy.heal()
        elif fault == "renderer":
            for pid in renderers(victim):
                os.kill(pid, signal.SIGKILL)
        else:
            one = {"helper": victim, "origin": origin, "hub": fleet.hub}[fault]
            one.kill()
            one.start()
    for recording in recordings:
        job = until_job(origin, recording, lambda job: job["state"] in ("finished", "parked"), 400)
        assert job["state"] == "finished", job
        check_film(origin, recording)
        print(f"\nseed {seed}: {job['made_on']}, attempts {job['attempts']}")


def test_who_lends_nothing_waits_and_who_does_not_help_is_not_asked(fleet, origin):
    settings(origin, lends=False)
    library = helper(fleet, "library")
    recording = recorded(origin)
    until_job(origin, recording, lambda job: job["state"] == "queued")
    heard = lambda of: next(one["pulse"] for one in fleet.hub.fleet()["boxes"] if one["name"] == of)
    fleet.hub.wait(lambda: heard("library")["minute_ms"])
    assert heard("lecture hall")["offers"] == []
    settings(library, helps=False)
    settings(origin, lends=True)
    fleet.hub.wait(lambda: heard("lecture hall")["offers"] and not heard("library")["minute_ms"])
    assert job_of(origin, recording)["attempts"] == 0
    # The box may make films again: it does not wait for others.
    settings(origin, mode="both")
    made = until_job(origin, recording, lambda job: job["state"] == "finished")
    assert made["made_on"] is None
    check_film(origin, recording)
