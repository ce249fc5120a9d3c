"""Without internet, DNS, NTP and gateway: a box alone at a cable with those who meet in it."""

import json
import os
import time
import urllib.request

import lan
import pytest
from meeting import Meeting
from recbox import RecBox, decode

WHY_NOT = lan.missing()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=f"SKIPPED: no network of its own: {WHY_NOT}")
# RFC 6762: what a box calls on its own cable, so that it is found by name.
CALLS = {("udp", "224.0.0.251", 5353), ("udp", "ff02::fb", 5353)}
# How long it is listened for packets of a box that nobody uses.
IDLE_S = 600 if "ROOMBOX_FULL" in os.environ else 20
# TEST-NET-2 (RFC 5737).
STRANGER = "198.51.100.7"
STARTS = 3
# What a box may take longer to start without all that, in seconds.
LATER_S = 2


@pytest.fixture
def network():
    with lan.Lan() as network:
        yield network


def test_people_meet_and_are_recorded_without_gateway_names_and_time(network, tmp_path):
    assert "default" not in lan.run("ip", "-n", network.name, "route"), "there is a way out"
    inside = {"host": network.client, "inside": network.inside}
    with RecBox(tmp_path / "data", **inside) as box:
        with Meeting(box) as meeting:
            recording = meeting.record()
            meeting.say("Ada")
            box.until(recording, lambda seen: seen["duration_ms"] > 5000)
            meeting.stop_recording()
        seen = box.until(recording, lambda seen: seen["state"] == "ready", 240)
        assert {track["participant"] for track in seen["tracks"]} == {"Ada", "Grace"}
        film = next(file["name"] for file in seen["files"] if file["kind"] == "mp4")
        decode(box.folder(recording) / film)


def started(folder, **where) -> float:
    """Seconds from the first instruction to the first answer."""
    folder.mkdir()
    begun = time.monotonic()
    with RecBox(folder / "data", **where) as box:
        with urllib.request.urlopen(box.http + "/", timeout=20) as answer:
            assert answer.status == 200
        return time.monotonic() - begun


def test_a_box_starts_as_fast_where_nothing_answers(network, tmp_path):
    """A way out and a server of names that swallow everything: each wait for them would be seen here."""
    network.pretend_a_way_out()
    network.names_are_asked_here()
    inside = {"host": network.client, "inside": network.inside}
    # In turns, and the fastest of each: this machine has more to do.
    pairs = [(started(tmp_path / f"here-{turn}"), started(tmp_path / f"alone-{turn}", **inside)) for turn in range(STARTS)]
    here, alone = (min(times) for times in zip(*pairs))
    assert alone < here + LATER_S, pairs


def test_a_box_that_nobody_told_to_calls_nobody(network, tmp_path):
    """Neither at its start, nor while people meet, nor when it is idle (EN 303 645 5.10): with a way out open."""
    network.pretend_a_way_out()
    network.names_are_asked_here()
    with lan.Overheard(network) as overheard:
        with RecBox(tmp_path / "data", host=network.client, inside=network.inside) as box:
            with Meeting(box, people=("Ada",)) as meeting:
                recording = meeting.record()
                box.until(recording, lambda seen: seen["duration_ms"] > 3000)
                meeting.stop_recording()
            box.until(recording, lambda seen: seen["state"] == "ready", 240)
            ended = time.monotonic() + IDLE_S
            while time.monotonic() < ended:
                box.panel.call("GET", "/health")
                time.sleep(1)
            before = set(overheard.seen)
            # Told to, it calls, and that is heard.
            told = {"enabled": True, "by": "udp", "host": STRANGER, "port": 514, "trust": {"kind": "off"}}
            box.panel.call("PUT", "/integrations/syslog", told)
            box.wait(lambda: ("udp", STRANGER, 514) in overheard.seen, 30)
    # Ada offers each address of her machine (ICE).
    hers = {one["local"] for link in json.loads(lan.run("ip", "-j", "addr")) for one in link["addr_info"]}
    strangers = {one for one in before - CALLS if one[1] not in hers}
    assert not strangers, strangers
    # Of names, nobody was asked for either.
    assert not [one for one in before if one[2] == 53], before
