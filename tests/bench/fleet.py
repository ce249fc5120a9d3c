#!/usr/bin/env python3
"""`make bench`, fleet: what a hub costs, and how fast a box that was away tells it everything.

1. **Drain**: a box tells what happened in seven days without its hub, a million events, through its own nats-server and
   the hub's into the hub's database. Floor: as many messages of that size published to a bare nats-server with a stream
   of the hub's kind, each answered, as many at a time as a box has on their way; before and after.
2. **A thousand boxes**: leaves by NATS's own protocol (`leaves.py`), each with its heartbeats and an event a minute.
   CPU and memory of the hub and of its nats-server, against the same hub with ten; bytes a box and hour on its wire (without
   TLS's own); and the first paint of the Fleet page with all of them.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
for part in ("demo", "e2e", "recording", "fleet"):
    sys.path.insert(0, str(HERE.parent / part))

import demo  # noqa: E402

WINDOW, EVENT_BYTES = 256, 330
FEW = 10
EVENT_EVERY_S = 60


def wait(what, seconds: float, why: str):
    end = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > end:
            sys.exit(why)
        time.sleep(0.2)
    return found


def program(flag: str, plan: dict) -> dict:
    command = ["cargo", "bench", "--quiet", "--locked", "-p", "roombox-tests", "--bench", "roombox-bench", "--", flag]
    if given := os.environ.get("ROOMBOX_BENCH"):
        command = [given, flag]
    done = subprocess.run(command, cwd=ROOT, input=json.dumps(plan), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{flag}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def floor(folder: Path, messages: int) -> dict:
    """A nats-server with nothing behind it."""
    folder.mkdir()
    conf = folder / "nats.conf"
    conf.write_text(f'listen: "127.0.0.1:-1"\nports_file_dir: "{folder}"\njetstream {{ store_dir: "{folder}/store", max_file: 4GB }}\n')
    server = subprocess.Popen([os.environ["ROOMBOX_NATS_SERVER"], "-c", conf], stderr=subprocess.DEVNULL)
    try:
        ports = wait(lambda: next(folder.glob("*.ports"), None), 20, "the bare nats-server did not start")
        url = json.loads(wait(ports.read_text, 5, "its ports are empty"))["nats"][0]
        report = program("--publish", {"url": url, "messages": messages, "bytes": EVENT_BYTES, "window": WINDOW})
        return {"a_second": messages / report["seconds"], "cpu_s": demo.cpu_seconds(server.pid), "resident": demo.resident(server.pid)}
    finally:
        server.kill()
        server.wait()


class Watched:
    """CPU and the most memory of processes, from `with` on."""

    def __init__(self, **pids: int):
        self.pids, self.most, self.over = pids, dict.fromkeys(pids, 0), False

    def __enter__(self):
        self.spent = {name: demo.cpu_seconds(pid) for name, pid in self.pids.items()}
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()
        return self

    def _look(self):
        while not self.over:
            for name, pid in self.pids.items():
                with contextlib.suppress(OSError, StopIteration):
                    self.most[name] = max(self.most[name], demo.resident(pid))
            time.sleep(0.2)

    def __exit__(self, *_):
        self.over = True
        self.spent = {name: demo.cpu_seconds(pid) - self.spent[name] for name, pid in self.pids.items()}


def drain(folder: Path, events: int) -> dict:
    from fleetbox import FleetBox, audit, drained
    from test_faults import offline_days

    floors = [floor(folder / "floor-before", events)]
    with FleetBox(folder / "hub") as hub, FleetBox(folder / "box") as box:
        hub.found(f"127.0.0.1:{hub.leaf_port}")
        box.join(hub.invite())
        box.until_link("up")
        drained(hub, box)
        own = box.fleet()["id"]
        # By an index: what is counted is the box's own, and nothing else happens on it.
        count = lambda: hub.sql("SELECT heard FROM fleet_shares WHERE box = ?", own)[0][0]
        box.stop()
        offline_days(box, events)
        before = count()
        box.start()
        started = time.monotonic()
        wait(lambda: count() > before, 60, "nothing arrived in a minute")
        first, begun, at = time.monotonic() - started, time.monotonic(), count()
        pids = {"hub": hub.process.pid, "hub's server": hub.nats_pid(), "box": box.process.pid, "box's server": box.nats_pid()}
        with Watched(**pids) as watched:
            wait(lambda: count() >= before + events, 60 + events / 100, "it did not end")
            took = time.monotonic() - begun
        drained(hub, box)
        found = audit(hub, box)
    floors.append(floor(folder / "floor-after", events))
    rate = (before + events - at) / took
    best = max(one["a_second"] for one in floors)
    report = {"events": events, "first_s": first, "a_second": rate, "floor": floors, "ratio": best / rate, "cpu_s": watched.spent,
              "resident": watched.most, **found}
    print(f"drain of {events} events: {rate:.0f} a second, {best / rate:.1f} times as long as a bare nats-server takes "
          f"({best:.0f} a second); first after {first:.1f} s; {found['lost']} lost, {found['doubled']} doubled, {found['turned']} turned")
    for name in pids:
        print(f"  {name:13} {watched.spent[name] / events * 1e6:7.1f} CPU-µs an event, {watched.most[name] / 1e6:6.1f} MB at most")
    return report


def crowd(hub, leaves, seconds: int) -> dict:
    """The hub with so many boxes, once all are here."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    async def run():
        begun = time.monotonic()
        for some in range(0, len(leaves), 50):
            await asyncio.gather(*(leaf.link(hub.leaf_port, context) for leaf in leaves[some:some + 50]))
        linked = time.monotonic() - begun
        living = [asyncio.create_task(leaf.live(EVENT_EVERY_S)) for leaf in leaves]
        here = lambda: sum(one["state"] == "here" for one in hub.fleet()["boxes"])
        end = time.monotonic() + 120
        while (now := await asyncio.to_thread(here)) < len(leaves) + 1:
            if time.monotonic() > end:
                sys.exit(f"only {now} of {len(leaves)} boxes are here after two minutes")
            await asyncio.sleep(1)
        sent, heard = sum(leaf.sent for leaf in leaves), sum(leaf.heard for leaf in leaves)
        begun = time.monotonic()
        with Watched(hub=hub.process.pid, server=hub.nats_pid()) as watched:
            await asyncio.sleep(seconds)
        took = time.monotonic() - begun
        wire = [(sum(leaf.sent for leaf in leaves) - sent, sum(leaf.heard for leaf in leaves) - heard)]
        there = await asyncio.to_thread(here)
        painted = await asyncio.to_thread(page, hub)
        for task in living:
            task.cancel()
        for leaf in leaves:
            leaf.writer.close()
        hourly = [one / len(leaves) / took * 3600 for one in wire[0]]
        return {"boxes": len(leaves), "linked_s": linked, "here": there - 1, "seconds": took, "cpu_s": watched.spent,
                "resident": watched.most, "bytes_a_box_and_hour": hourly, "page": painted}

    report = asyncio.run(run())
    cpu = {name: 100 * spent / report["seconds"] for name, spent in report["cpu_s"].items()}
    print(f"{report['boxes']} boxes, {report['here']} of them here: hub {cpu['hub']:.1f} % of a core and "
          f"{report['resident']['hub'] / 1e6:.0f} MB, its server {cpu['server']:.1f} % and {report['resident']['server'] / 1e6:.0f} MB; "
          f"a box and hour {report['bytes_a_box_and_hour'][0] / 1e3:.0f} kB sent, {report['bytes_a_box_and_hour'][1] / 1e3:.1f} kB heard; "
          f"linked in {report['linked_s']:.1f} s")
    if report["page"]:
        print(f"  its Fleet page: first paint {report['page']['paint']:.0f} ms, all boxes listed after {report['page']['listed']:.0f} ms, "
              f"{report['page']['bytes'] / 1e3:.0f} kB")
    return report


def page(hub) -> dict | None:
    """The Fleet page in an empty cache over 10 Mbit/s, as `panel.py` has its pages."""
    import panel
    from recbox import PASSWORD

    suite = panel.panel_suite()
    suite.prepare_node()
    environment = os.environ | {"CHROMIUM": suite.CHROMIUM, "NODE_NO_WARNINGS": "1"}
    asked = ["node", HERE / "fleet.mjs", hub.http, PASSWORD]
    done = subprocess.run(asked, env=environment, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def crowds(folder: Path, boxes: int, seconds: int) -> dict:
    from fleetbox import FleetBox
    from leaves import Leaf

    # A connection each, here and there.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65_536), most))
    leaves = [Leaf(number) for number in range(1, boxes + 1)]
    reports = {}
    with FleetBox(folder / "crowd") as hub:
        hub.found(f"127.0.0.1:{hub.leaf_port}")
        hub.until_link("up")
        for some in sorted({min(FEW, boxes), boxes}):
            hub.stop()
            with contextlib.closing(sqlite3.connect(hub.data / "roombox.db")) as database, database:
                database.executemany("INSERT OR IGNORE INTO fleet_boxes (box, key, name, joined_ms) VALUES (?, ?, ?, 1)",
                                     [(leaf.id, leaf.key, f"Room {leaf.number}") for leaf in leaves[:some]])
            hub.start()
            hub.until_link("up")
            reports[some] = crowd(hub, leaves[:some], seconds)
    few, many = reports[min(reports)], reports[max(reports)]
    cost = lambda one: sum(one["cpu_s"].values()) / one["seconds"]
    each = (cost(many) - cost(few)) / max(1, many["boxes"] - few["boxes"])
    print(f"each further box: {1e3 * each:.2f} ‰ of a core at the hub; {cost(many) / cost(few):.1f} × the CPU of {few['boxes']} boxes")
    return reports


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "release")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--boxes", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60, help="how long a hub with boxes is watched")
    arguments = parser.parse_args()
    demo.inside_the_environment(__file__)
    import run

    os.environ |= {
        "ROOMBOX_BIN": str(arguments.bin.resolve()),
        "ROOMBOX_CLIPS": str(run.TARGET / "clips"),
        "ROOMBOX_NATS_SERVER": str(Path(sys.executable).parent / "nats-server"),
        "ROOMBOX_FLEET_SEEDS": "1",
        "ROOMBOX_FLEET_EVENTS": "0",
    }
    if arguments.bin.resolve().name == "debug":
        print("a debug build: whether it works, not what it costs")
    with tempfile.TemporaryDirectory() as folder:
        results = {"build": arguments.bin.resolve().name, "drain": drain(Path(folder), arguments.events),
                   "crowds": crowds(Path(folder), arguments.boxes, arguments.seconds)}
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "fleet.json"
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(f"raw results in {path}")


if __name__ == "__main__":
    main()
