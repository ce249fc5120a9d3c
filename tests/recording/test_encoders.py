"""Hardware encoders that break: the film is whole, the next encoder makes it, and three failures are enough.

The daemon is the real one; its worker is `fake_media`, which is roombox-media with elements that have the names
of the real ones and break when they are told to (media/worker/examples). A board's file lists them.
"""

import json
import time
from datetime import datetime

import pytest
from meeting import Meeting
from panel_client import Refused
from recbox import BIN, RecBox, decode

LOW_POWER, FULL, SOFTWARE = "vah264lpenc", "vah264enc", "openh264enc"


class Hardware:
    """A box with two encoders."""

    def __init__(self, folder):
        self.knobs = folder / "hardware.json"
        self.breaks()
        image = folder / "image"
        board = image / "usr/share/roombox/board.json"
        board.parent.mkdir(parents=True)
        codec = {"codec": "h264", "direction": "encode", "api": "va", "driver": "iHD", "max": "3840x2160@60"}
        board.write_text(json.dumps({"id": "x", "codecs": [codec | {"elements": [LOW_POWER, FULL]}]}))
        more = ("--worker", BIN / "examples" / "fake_media", "--image", image)
        self.box = RecBox(folder / "data", arguments=more, environment={"ROOMBOX_FAKE_ENCODERS": str(self.knobs)})

    def breaks(self, low_power="", full=""):
        """Whole or not at all: a worker may be reading it."""
        new = self.knobs.with_suffix(".new")
        new.write_text(json.dumps({LOW_POWER: low_power, FULL: full}))
        new.replace(self.knobs)

    def encoders(self):
        seen = self.box.panel.call("GET", "/encoders")
        return seen, {one["element"]: one for one in seen["items"]}

    def wait(self, element, state):
        return self.box.wait(lambda: (one := self.encoders()[1][element])["state"] == state and one)

    def again(self, element=LOW_POWER):
        """Somebody has it tried again, and it works."""
        self.box.panel.call("POST", f"/encoders/{element}/trials")
        one = self.wait(element, "verified")
        assert one["failures"] == []

    def job(self, recording, found):
        jobs = self.box.panel.call("GET", "/jobs")["items"]
        return next((one for one in jobs if one["recording_id"] == recording and found(one)), None)

    def film(self, recording, encoder="auto"):
        """Two seconds, made again: the job."""
        wanted = {"layout": "grid", "encoder": encoder, "range": {"from_ms": 0, "to_ms": 2000}}
        ordered = self.box.panel.call("POST", f"/recordings/{recording}/jobs", wanted)["id"]
        ended = ("finished", "parked", "cancelled")
        job = self.box.wait(lambda: self.job(recording, lambda one: one["id"] == ordered and one["state"] in ended))
        assert (job["state"], job["attempts"]) == ("finished", 1), job
        decode(self.box.folder(recording) / "derived" / ordered / "film.mp4")
        return job


@pytest.fixture(scope="module")
def hardware(tmp_path_factory):
    hardware = Hardware(tmp_path_factory.mktemp("encoders"))
    with hardware.box:
        yield hardware


@pytest.fixture(scope="module")
def recording(hardware):
    """One that broke its first encoder while it ran, and was filmed."""
    box = hardware.box
    hardware.wait(LOW_POWER, "verified")
    hardware.wait(FULL, "verified")
    hardware.breaks(low_power="error:20")
    with Meeting(box, people=("Ada",)) as meeting:
        recording = meeting.record()
        box.wait(lambda: hardware.encoders()[1][LOW_POWER]["failures"])
        # Whoever goes on has another encoder.
        box.wait(lambda: list((box.folder(recording) / "ahead").glob("picture-00000-*.reel")))
        meeting.stop_recording()
    box.until(recording, lambda seen: seen["state"] == "ready")
    return recording


def test_an_encoder_is_used_once_its_trial_has_passed_and_says_that_nobody_has_seen_it_on_hardware(hardware):
    hardware.wait(FULL, "verified")
    one = hardware.wait(LOW_POWER, "verified")
    seen, _ = hardware.encoders()
    assert (seen["in_use"], seen["software"]) == (LOW_POWER, SOFTWARE)
    assert (one["seen_by"], one["falls_back_to"]) == (None, FULL)
    assert one["psnr_db"] > 30 and one["fps"] > 5 and one["failures"] == []
    with pytest.raises(Refused) as refused:
        hardware.box.panel.call("POST", "/encoders/nonsense/trials")
    assert refused.value.status == 404


def test_a_film_that_loses_its_encoder_during_the_meeting_is_made_by_the_next_one_from_its_first_picture_on(
    hardware, recording
):
    job = hardware.job(recording, lambda one: True)
    assert (job["encoder"], job["attempts"]) == (FULL, 1)
    for film in hardware.box.folder(recording).glob("derived/*/film.mp4"):
        decode(film)
    _, all = hardware.encoders()
    assert [failure["fault"] for failure in all[LOW_POWER]["failures"]] == ["error"], "it is not asked twice"
    assert all[LOW_POWER]["failures"][0]["recording_id"] == recording
    assert all[FULL]["failures"] == []


def test_one_that_hangs_and_one_that_crawls_are_left_within_fifteen_seconds_each(hardware, recording):
    hardware.breaks()
    hardware.again()
    hardware.breaks(low_power="hang:20", full="slow:5")
    begun = time.time()
    job = hardware.film(recording)
    assert job["encoder"] == SOFTWARE
    _, all = hardware.encoders()
    stalled, slow = (all[element]["failures"][-1] for element in (LOW_POWER, FULL))
    assert (stalled["fault"], slow["fault"]) == ("stalled", "slow")
    at = [time_of(failure) for failure in (stalled, slow)]
    assert at[0] - begun < 15 and at[1] - at[0] < 15, (begun, at)


def time_of(failure) -> float:
    return datetime.fromisoformat(failure["at"].replace("Z", "+00:00")).timestamp()


def test_three_failures_switch_it_off_over_a_restart_until_somebody_has_it_tried_again(hardware, recording):
    hardware.breaks()
    hardware.again()
    hardware.again(FULL)
    faults = []
    for breaks, fault in (("start", "start"), ("garbage:20", "garbage"), ("crash:20", "crashed")):
        assert hardware.encoders()[1][LOW_POWER]["state"] == "verified"
        hardware.breaks(low_power=breaks)
        # Whatever it does, the film is whole.
        assert hardware.film(recording)["encoder"] == FULL
        faults.append(fault)
        failures = hardware.encoders()[1][LOW_POWER]["failures"]
        assert [failure["fault"] for failure in failures] == faults and failures[-1]["why"]
    off = hardware.wait(LOW_POWER, "off")
    hardware.breaks(low_power="crash")
    assert hardware.film(recording)["encoder"] == FULL, "it is not asked any more"
    assert hardware.film(recording, encoder="openh264")["encoder"] == SOFTWARE
    hardware.box.stop()
    hardware.box.start()
    hardware.wait(FULL, "verified")
    again = hardware.wait(LOW_POWER, "off")
    assert again["tried_at"] == off["tried_at"], "nothing has changed: a trial says what it said"
    assert hardware.encoders()[0]["in_use"] == FULL
    # It still breaks: the trial says so.
    hardware.box.panel.call("POST", f"/encoders/{LOW_POWER}/trials")
    refused = hardware.wait(LOW_POWER, "refused")
    assert "crashed" in refused["why"]
    hardware.breaks()
    hardware.again()
    assert hardware.film(recording)["encoder"] == LOW_POWER
