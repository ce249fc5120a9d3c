#!/usr/bin/env python3
"""`make fleet-demo`: a hub and three boxes, each in a network of its own on one machine.

A meeting is recorded in the lecture hall, whose box makes no films. The library's box makes the film, while
the hub's cable is pulled out and put back. It ends with what the hub knows of every event of every box.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
for part in ("e2e", "recording", "fleet"):
    sys.path.insert(0, str(HERE.parent / part))

import demo  # noqa: E402

MEET_SECONDS = 20
CUT_SECONDS = 15
BOXES = ("hub", "lecture hall", "library", "studio")
# Private: the boxes' own authorities certify no others.
NET = "10.213.77"
BRIDGE = "rbxfleet"


def ip(*arguments, check=True):
    done = subprocess.run(["ip", *map(str, arguments)], capture_output=True, text=True)
    if check and done.returncode:
        sys.exit(f"ip {' '.join(map(str, arguments))}: {done.stderr.strip()} (networks need root)")


class Networks:
    """A switch, and a cable to each box."""

    def __enter__(self):
        self.__exit__()
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{NET}.254/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for n in range(len(BOXES)):
            ip("netns", "add", f"{BRIDGE}{n}")
            ip("link", "add", f"{BRIDGE}{n}", "type", "veth", "peer", "name", "eth0", "netns", f"{BRIDGE}{n}")
            ip("link", "set", f"{BRIDGE}{n}", "master", BRIDGE, "up")
            for command in (["addr", "add", f"{NET}.{n + 1}/24", "dev", "eth0"], ["link", "set", "lo", "up"],
                            ["link", "set", "eth0", "up"]):
                ip("-n", f"{BRIDGE}{n}", *command)
        return self

    def __exit__(self, *_):
        for n in range(len(BOXES)):
            ip("netns", "del", f"{BRIDGE}{n}", check=False)
            ip("link", "del", f"{BRIDGE}{n}", check=False)
        ip("link", "del", BRIDGE, check=False)

    def cable(self, n: int, plugged: bool):
        ip("link", "set", f"{BRIDGE}{n}", "up" if plugged else "down")


def say(text: str):
    print(f"[{time.monotonic() - BEGUN:5.1f}s] {text}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "release")
    parser.add_argument("--keep", action="store_true", help="leave the boxes on, to look at their pages")
    arguments = parser.parse_args()
    demo.inside_the_environment(__file__)
    import run

    os.environ |= {
        "ROOMBOX_BIN": str(arguments.bin.resolve()),
        "ROOMBOX_CLIPS": str(run.TARGET / "clips"),
        "ROOMBOX_NATS_SERVER": str(Path(sys.executable).parent / "nats-server"),
    }
    from fleetbox import FleetBox, audit
    from meeting import Meeting

    with contextlib.ExitStack() as end:
        networks = end.enter_context(Networks())
        folder = Path(end.enter_context(tempfile.TemporaryDirectory(prefix="roombox-fleet-")))
        boxes = []
        for n, name in enumerate(BOXES):
            inside = ["ip", "netns", "exec", f"{BRIDGE}{n}"]
            box = FleetBox(folder / name.replace(" ", "-"), host=f"{NET}.{n + 1}", inside=inside)
            end.callback(box.__exit__, AssertionError)
            box.panel.call("PATCH", "/box", {"name": name})
            boxes.append(box)
        hub, hall, library, studio = boxes
        hub.found(f"{hub.host}:{hub.leaf_port}")
        for box in boxes[1:]:
            box.join(hub.invite())
        for box in boxes[1:]:
            box.until_link("up")
        say(f"a hub and three boxes; the hub's panel is at {hub.http}/panel/settings/fleet")

        mode = lambda box, **recorder: box.panel.call("PATCH", "/settings", {"recorder": recorder})
        mode(hall, mode="recorderOnly")
        for box in (hub, studio):
            mode(box, helps=False)
        with Meeting(hall, "Lecture") as meeting:
            recording = meeting.record()
            say(f"a meeting of two is recorded in the {BOXES[1]} for {MEET_SECONDS} s")
            hall.until(recording, lambda seen: seen["duration_ms"] >= MEET_SECONDS * 1000)
            meeting.stop_recording()
        hall.until(recording, lambda seen: seen["state"] == "captured")
        job = lambda: next(job for job in hall.panel.call("GET", "/jobs")["items"] if job["recording_id"] == recording)
        hall.wait(lambda: job()["state"] == "running")
        say(f"the {job()['made_on']} makes the film; the hub's cable is pulled out for {CUT_SECONDS} s")
        networks.cable(0, plugged=False)
        cut = time.monotonic()
        for box in boxes[1:]:
            box.happen(f"while the hub is away {n}" for n in range(20))
        hall.wait(lambda: job()["state"] == "finished")
        say(f"the film is back in the {BOXES[1]}, made on the {job()['made_on']}")
        if cut + CUT_SECONDS < time.monotonic():
            say("(the film took longer than the hub was to be away)")
        time.sleep(max(0, cut + CUT_SECONDS - time.monotonic()))
        waiting = {name: box.fleet()["waiting"] for name, box in zip(BOXES[1:], boxes[1:])}
        say(f"events that wait for the hub: {waiting}")
        networks.cable(0, plugged=True)
        healed = time.monotonic()
        found = {}
        hub.wait(lambda: all((found := audit(hub, box))["lost"] == 0 for box in boxes) and
                 all(box.fleet()["waiting"] == 0 for box in boxes))
        say(f"all of them arrived {time.monotonic() - healed:.1f} s after the cable was back")
        print(f"\n{'box':14}{'state':8}{'events':>8}{'lost':>6}{'doubled':>9}{'turned':>8}")
        rows = hub.fleet()["boxes"]
        total = {"lost": 0, "doubled": 0}
        for name, box in zip(BOXES, boxes):
            found = audit(hub, box)
            state = next(row["state"] for row in rows if row["name"] == name)
            print(f"{name:14}{state:8}{found['made']:8}{found['lost']:6}{found['doubled']:9}{found['turned']:8}")
            total = {key: value + found[key] for key, value in total.items()}
        film = next(file for file in hall.recording(recording)["files"] if file["kind"] == "mp4")
        print(f"\nfilm: {film['name']}, {film['bytes']} bytes, SHA-256 {film['sha256']}")
        if arguments.keep:
            print(f"the boxes stay on, the password is {demo.PASSWORD!r}: Enter ends them")
            for name, box in zip(BOXES, boxes):
                print(f"  {name:14}{box.http}/panel/")
            input()
        print(f"\nlost {total['lost']}, doubled {total['doubled']}")
        return 1 if any(total.values()) else 0


BEGUN = time.monotonic()

if __name__ == "__main__":
    sys.exit(main())
