"""Faults that take long or a machine's root: a full disk below nats-server, days without a hub, a thin line."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from fleetbox import FleetBox, audit, drained
from thinline import ThinLine

SEEDS = int(os.environ["ROOMBOX_FLEET_SEEDS"])
EVENTS = int(os.environ["ROOMBOX_FLEET_EVENTS"])
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="SKIPPED: mounts and networks can only be made as root")


def resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def alarms(box) -> list[str]:
    return [one["kind"] for one in box.panel.call("GET", "/health")["items"]]


@pytest.fixture
def small_store(tmp_path):
    """A hub whose nats-server has a disk of 24 MB."""
    folder = tmp_path / "hub" / "data" / "nats"
    mounted = []

    def mount():
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True)
        if done.returncode:
            pytest.skip("SKIPPED: a volume can only be mounted as root")
        mounted.append(folder)
        return folder

    yield mount
    for one in mounted:
        subprocess.run(["umount", "-l", str(one)], check=True)


@ROOT_ONLY
def test_a_full_disk_below_the_hubs_server_is_said_and_heals_once_there_is_room(tmp_path, small_store):
    with FleetBox(tmp_path / "hub") as hub, FleetBox(tmp_path / "box") as box:
        folder = small_store()
        hub.found(f"127.0.0.1:{hub.leaf_port}")
        box.join(hub.invite())
        box.until_link("up")
        box.happen(f"before {n}" for n in range(20))
        drained(hub, box)
        filler = folder / "filler"
        with open(filler, "wb") as file:
            try:
                while True:
                    file.write(bytes(65_536))
                    file.flush()
            except OSError:
                pass
        begun = time.monotonic()
        n = 0
        # Until it is said: an event now and then, as on any day.
        while not (said := set(alarms(hub)) & {"fleet_failed", "fleet_cut", "fleet_store"}):
            box.happen([f"while it is full {n}"])
            n += 1
            assert time.monotonic() - begun < 180, hub.fleet()
            time.sleep(0.5)
        alarmed = time.monotonic() - begun
        waiting = box.fleet()["waiting"]
        filler.unlink()
        healed = drained(hub, box, 120)
        found = audit(hub, box)
        print(f"\n{said} after {alarmed:.0f} s with {n} events; with room all there after {healed:.1f} s "
              f"({waiting} had waited); {found}; hub's server started again {hub.fleet()['link']['restarts']} times")
        assert (found["lost"], found["doubled"]) == (0, 0) and waiting > 0, found
        assert healed < 60
        hub.wait(lambda: not set(alarms(hub)) & said, 120)


def offline_days(box, events: int):
    """What happens in seven days on a box that is off the net, in the tables of one that is stopped."""
    with closing(sqlite3.connect(box.data / "roombox.db")) as database, database:
        database.execute(
            """WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?1)
               INSERT INTO fleet_events (kind, body, made_ms)
               SELECT 'room.created', json_object('id', 'rm_' || x, 'name', 'Offline ' || x),
                   ?2 - 604800000 + x * 604800000 / ?1 FROM n""",
            [events, int(time.time() * 1000)])


def test_seven_days_without_a_hub_arrive_once_and_in_bounded_memory(fleet):
    box, hub = fleet.join("box"), fleet.hub
    box.until_link("up")
    drained(hub, box)
    own = box.fleet()["id"]
    count = lambda: hub.sql("SELECT COUNT(*) FROM fleet_heard WHERE box = ?", own)[0][0]
    box.stop()
    offline_days(box, EVENTS)
    before, here = count(), {"hub": hub.process.pid, "hub's server": hub.nats_pid()}
    least = {name: resident(pid) for name, pid in here.items()}
    box.start()
    begun = time.monotonic()
    hub.wait(lambda: count() > before, 45)
    first = time.monotonic() - begun
    here |= {"box": box.process.pid, "box's server": box.nats_pid()}
    most = dict.fromkeys(here, 0)
    at, heard = time.monotonic(), count()
    # A debug build on a shared machine: slow, but it moves.
    while (now := count()) < before + EVENTS:
        most = {name: max(most[name], resident(pid)) for name, pid in here.items()}
        assert time.monotonic() - at < 60 + EVENTS / 50, f"{now} of {EVENTS}"
        time.sleep(0.5)
    took = time.monotonic() - at
    rate = (now - heard) / max(took, 0.001)
    drained(hub, box, 120)
    found = audit(hub, box)
    said = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in most.items())
    print(f"\n{EVENTS} events: first after {first:.1f} s, {rate:.0f} a second; {found}; at most MB: {said}")
    assert (found["lost"], found["doubled"]) == (0, 0), found
    assert hub.fleet()["heard"]["lost"] == 0
    assert first < 45
    for name, was in least.items():
        assert most[name] - was < 250_000_000, (name, was, most[name])


SINK = """import socket
with socket.create_server(('{0}', 7999)) as at:
    while True:
        one, _ = at.accept()
        while one.recv(65536): pass
"""
UPLOAD = """import socket, time
while True:
    try:
        with socket.create_connection(('{0}', 7999), 30) as to:
            while True: to.sendall(bytes(65536))
    except OSError: time.sleep(0.2)
"""


@ROOT_ONLY
@pytest.mark.parametrize("seed", range(SEEDS))
def test_events_pass_beside_an_upload_on_a_thin_line_that_loses(tmp_path, seed):
    if not os.access("/dev/net/tun", os.W_OK):
        pytest.skip("SKIPPED: there is no /dev/net/tun")
    events = 60 if SEEDS == 1 else 200
    with ThinLine(200_000, 0.10, seed) as line:
        (at_hub, hub_line, hub_beside), (at_box, box_line, box_beside) = line.ends
        far = lambda address: {"further": ["--address", address], "https": "0.0.0.0"}
        with FleetBox(tmp_path / "hub", host=hub_beside, inside=at_hub, **far(hub_line)) as hub, \
                FleetBox(tmp_path / "box", host=box_beside, inside=at_box, **far(box_line)) as box:
            hub.found(f"{hub_line}:{hub.leaf_port}")
            box.join(hub.invite())
            assert box.until_link("up")["link"]["address"] == f"{hub_line}:{hub.leaf_port}"
            drained(hub, box)
            others = [subprocess.Popen([*inside, sys.executable, "-c", code.format(hub_line)])
                      for inside, code in ((at_hub, SINK), (at_box, UPLOAD))]
            try:
                took, carried = [], line.carried
                begun = time.monotonic()
                for n in range(events):
                    name = f"beside the upload {n}"
                    said = time.monotonic()
                    box.happen([name])
                    there = lambda: hub.sql("SELECT 1 FROM fleet_heard WHERE body LIKE ?", f'%"{name}"%')
                    while not there():
                        assert time.monotonic() - said < 60, name
                        time.sleep(0.02)
                    took.append(time.monotonic() - said)
                packets = (line.carried - carried) / (time.monotonic() - begun)
            finally:
                for one in others:
                    one.kill()
                    one.wait()
            drained(hub, box)
            found = audit(hub, box)
            took.sort()
            p99 = took[int(len(took) * 0.99)] if len(took) > 99 else took[-1]
            print(f"\nseed {seed}, {events} events: median {took[len(took) // 2]:.2f} s, p99 {p99:.2f} s, worst "
                  f"{took[-1]:.2f} s; {packets:.0f} packets a second on the line; {found}")
            assert (found["lost"], found["doubled"]) == (0, 0), found
            assert p99 < 5
            assert packets > 5, "the upload went on meanwhile"
