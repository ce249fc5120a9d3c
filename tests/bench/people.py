#!/usr/bin/env python3
"""`make bench`, join: from `connect()` to the first decoded picture of somebody who is there already,
with the unmodified SDK; and what the box takes before anybody comes.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path += [str(HERE.parent / "demo"), str(HERE.parent / "e2e")]

import demo

JOINS = 20
JOIN_PATIENCE = 20
KEYFRAME_PAUSE = 1.2


async def join_times(http: str, panel, clips: Path) -> list[float]:
    """Milliseconds, one a join."""
    import players
    from livekit import rtc

    room = (await asyncio.to_thread(panel.call, "POST", "/rooms", {"name": "Joins"}))["id"]
    ws = http.replace("http", "ws")
    there = players.Player("Ada", clips, (640, 360))
    await there.join(ws, await asyncio.to_thread(panel.join_token, room, "Ada"))
    times = []
    for number in range(JOINS):
        token = await asyncio.to_thread(panel.join_token, room, f"Guest {number}")
        guest, seen = rtc.Room(), asyncio.Event()

        async def watch(track):
            stream = rtc.VideoStream(track)
            async for _ in stream:
                seen.set()
                break
            await stream.aclose()

        watching = []
        guest.on(
            "track_subscribed",
            lambda track, *_: track.kind == rtc.TrackKind.KIND_VIDEO
            and watching.append(asyncio.create_task(watch(track))),
        )
        begun = time.monotonic()
        await guest.connect(ws, token)
        try:
            await asyncio.wait_for(seen.wait(), JOIN_PATIENCE)
        except TimeoutError:
            sys.exit(f"guest {number} saw no picture within {JOIN_PATIENCE} s of connect()")
        times.append((time.monotonic() - begun) * 1000)
        await guest.disconnect()
        # Publishers are asked for a keyframe once a second at most: people rarely come faster.
        await asyncio.sleep(KEYFRAME_PAUSE)
        await asyncio.gather(*watching)
    await there.leave()
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "release")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    arguments = parser.parse_args()
    demo.inside_the_environment(__file__)
    import players
    from panel_client import PanelClient

    binary = arguments.bin.resolve()
    clips = players.clips(ROOT / "target" / "demo" / "clips", sys.executable)
    results = {"binary_bytes": {name: os.path.getsize(binary / name) for name in
                                ("roomboxd", "roombox-media")}}
    with tempfile.TemporaryDirectory() as folder:
        data, log_path = Path(folder) / "data", Path(folder) / "roomboxd.log"
        with open(log_path, "w") as log:
            box, http, code = demo.start_box(binary / "roomboxd", data, log)
            try:
                results["idle_resident_bytes"] = demo.resident(box.pid)
                panel = PanelClient(http)
                panel.claim(code, demo.PASSWORD)
                times = sorted(asyncio.run(join_times(http, panel, clips["Grace"])))
                results["join_to_first_picture_ms"] = times
                median, worst = statistics.median(times), times[-1]
                print(f"join to first decoded picture, {JOINS} joins by the Python SDK: "
                      f"median {median:.0f} ms, worst {worst:.0f} ms")
            finally:
                box.terminate()
                box.wait(20)
    sizes = results["binary_bytes"]
    print(f"roomboxd {sizes['roomboxd'] / 1e6:.1f} MB, roombox-media {sizes['roombox-media'] / 1e6:.1f} MB, "
          f"idle resident {results['idle_resident_bytes'] / 1e6:.1f} MB")
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "people.json"
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(f"raw results in {path}")


if __name__ == "__main__":
    main()
