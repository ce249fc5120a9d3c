"""The clock: its zone, time servers and the time itself, over timedated's and timesyncd's interfaces."""

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from box import PATIENCE, Box, WITH_US
from machine import Bus

HERE = Path(__file__).resolve().parent


class Clock:
    """`fake_timedate.py` on a bus, and what it was asked for."""

    def __init__(self, bus, *flags):
        self.process = subprocess.Popen(
            [*WITH_US, sys.executable, HERE / "fake_timedate.py", *flags], stdout=subprocess.PIPE, text=True,
            env=os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": bus.address})
        self.said = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()
        assert self.asked() == {"ready": True}

    def listen(self):
        for line in self.process.stdout:
            self.said.put(json.loads(line))

    def asked(self):
        return self.said.get(timeout=PATIENCE)

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def bus(tmp_path_factory):
    bus = Bus(tmp_path_factory.mktemp("bus"))
    yield bus
    bus.stop()


@pytest.fixture
def clock(bus):
    clock = Clock(bus)
    yield clock
    clock.stop()


def start(folder, bus):
    return Box(folder, 1, environment={"DBUS_SYSTEM_BUS_ADDRESS": bus.address})


def test_zone_servers_and_time_are_set_and_told_again_after_a_start(tmp_path, bus, clock):
    with start(tmp_path, bus) as box:
        box.claim()
        seen = box.ask("GET", "/time")
        assert (seen["managed"], seen["zone"], seen["ntp"], seen["servers"]) == (True, "Etc/UTC", True, [])
        assert seen["synchronised"] and seen["server"] == "192.0.2.123" and seen["now"].endswith("+00:00")

        seen = box.ask("PUT", "/time", {"zone": "Asia/Kolkata"})
        assert clock.asked() == {"zone": "Asia/Kolkata", "interactive": False}
        assert seen["now"].endswith("+05:30")

        seen = box.ask("PUT", "/time", {"servers": [" NTP.Example.org", "192.0.2.7"]})
        assert clock.asked() == {"servers": ["ntp.example.org", "192.0.2.7"]} == {"servers": seen["servers"]}

        for body, code, field in [
            ({"zone": "Europe/Atlantis"}, "time_zone", "zone"),
            ({"zone": "../../etc/passwd"}, "time_zone", "zone"),
            ({"servers": ["ntp://x"]}, "time_server", "servers"),
            ({"now": "2026-11-29T14:05:00+01:00"}, "time_set_by_servers", "now"),
            ({"now": "today", "ntp": False}, "time_invalid", "now"),
        ]:
            status, _, answer = box.request("PUT", "/time", body)
            assert status in (409, 422) and (answer["code"], answer["field"]) == (code, field), answer
        assert box.ask("GET", "/time")["ntp"] and clock.said.empty()

        seen = box.ask("PUT", "/time", {"ntp": False, "now": "2026-11-29T14:05:00+01:00"})
        assert clock.asked() == {"ntp": False} and not seen["ntp"] and seen["server"] is None
        assert clock.asked() == {"time": 1795957500000000, "relative": False}

        # What was chosen stays, though nobody asks servers now.
        assert seen["servers"] == ["ntp.example.org", "192.0.2.7"]
        box.ask("PUT", "/time", {"ntp": True})
        assert clock.asked() == {"ntp": True}
        owner = box.owner
    # The system forgets, the box does not.
    clock.stop()
    clock = Clock(bus)
    with start(tmp_path, bus) as box:
        assert clock.asked() == {"servers": ["ntp.example.org", "192.0.2.7"]}
        box.owner = owner
        assert box.ask("GET", "/time")["servers"] == ["ntp.example.org", "192.0.2.7"]
    clock.stop()


def test_time_servers_are_switched_off_though_the_root_is_read_only(tmp_path, bus):
    clock = Clock(bus, "--read-only")
    with start(tmp_path, bus) as box:
        box.claim()
        assert box.ask("PUT", "/time", {"ntp": False})["ntp"] is False
    clock.stop()
    # The next start of the system asks servers again, until the box says no.
    clock = Clock(bus, "--read-only")
    with start(tmp_path, bus) as box:
        assert clock.asked() == {"ntp": False}
    clock.stop()


def test_a_box_on_which_nobody_chose_anything_leaves_the_clock_alone(tmp_path, bus, clock):
    with start(tmp_path, bus) as box:
        box.claim()
        assert box.ask("GET", "/time")["managed"]
    assert clock.said.empty()
