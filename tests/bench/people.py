#!/usr/bin/env python3
"""The part of `make bench` that needs real clients and real pictures, with the unmodified SDK:

1. join: from `connect()` to the first decoded picture of somebody who is there already;
2. film: four people at 720p who play real clips are recorded; the film's CPU seconds per minute,
   and beside it FFmpeg's for the same grid of the same recorded files.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
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
RECORD_SECONDS = 60
PEOPLE = ["Ada", "Grace", "Jürgen", "Linus"]


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


async def record(http: str, panel, clips: dict) -> str:
    """Four people for a minute; the answer is the recording's id."""
    import players

    room = (await asyncio.to_thread(panel.call, "POST", "/rooms", {"name": "Film"}))["id"]
    paths = list(clips.values())
    people = []
    for number, name in enumerate(PEOPLE):
        person = players.Player(name, paths[number % len(paths)], (1280, 720))
        token = await asyncio.to_thread(panel.join_token, room, name)
        await person.join(http.replace("http", "ws"), token)
        people.append(person)
    begun = await asyncio.to_thread(panel.call, "POST", f"/rooms/{room}/recording")
    await asyncio.sleep(RECORD_SECONDS)
    await asyncio.to_thread(panel.call, "DELETE", f"/rooms/{room}/recording")
    for person in people:
        await person.leave()
    return begun["id"]


def longest_parts(folder: Path) -> list[tuple[Path, Path]]:
    """Picture and sound of each participant: the longest part of the small layer, and the voice."""
    manifest = json.loads((folder / "manifest.json").read_text())
    timeline = [json.loads(line) for line in (folder / "timeline.jsonl").read_text().splitlines()]
    owner = {line["track"]: line["participant"] for line in timeline if line["e"] == "pub"}
    longest: dict = {}
    for part in manifest["parts"]:
        if part["layer"] not in ("low", "audio"):
            continue
        key = owner[part["track"]], part["layer"]
        # A part that nobody closed has no end: the worker finds it, this comparison does without.
        if part.get("end_us") is None:
            continue
        length = part["end_us"] - part["start_us"]
        if key not in longest or length > longest[key][0]:
            longest[key] = length, folder / part["file"]
    people = sorted({who for who, _ in longest})
    missing = [f"{layer} of {who}" for who in people for layer in ("low", "audio")
               if (who, layer) not in longest]
    if len(people) != len(PEOPLE) or missing:
        sys.exit(f"the film has {len(people)} of {len(PEOPLE)} people, without {missing}: nothing to compare")
    return [(longest[who, "low"][1], longest[who, "audio"][1]) for who in people]


def children_cpu_s() -> float:
    """CPU seconds of the processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ffmpeg_film(pairs, out: Path) -> dict:
    """The same grid of four by FFmpeg; veryfast as our own x264, and at our bitrate."""
    command = ["ffmpeg", "-v", "error", "-y"]
    for picture, voice in pairs:
        command += ["-i", str(picture), "-i", str(voice)]
    tiles = "".join(
        f"[{2 * n}:v]fps=30,scale=640:360,setsar=1[v{n}];" for n in range(len(pairs))
    )
    grid = "".join(f"[v{n}]" for n in range(len(pairs)))
    voices = "".join(f"[{2 * n + 1}:a]" for n in range(len(pairs)))
    layout = "0_0|w0_0|0_h0|w0_h0"
    graph = f"{tiles}{grid}xstack=inputs={len(pairs)}:layout={layout}[v];{voices}amix={len(pairs)}[a]"
    command += ["-filter_complex", graph, "-map", "[v]", "-map", "[a]", "-c:v", "libx264"]
    command += ["-preset", "veryfast", "-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "5000k"]
    command += ["-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart", str(out)]
    before = children_cpu_s()
    subprocess.run(command, check=True)
    spent = children_cpu_s() - before
    ask = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(out)]
    length = float(subprocess.run(ask, check=True, capture_output=True, text=True).stdout)
    return {"encoder": "ffmpeg libx264 veryfast", "cpu_s_per_minute": spent / length * 60}


def again_with(binary: Path, folder: Path, recording: str, encoder: str) -> dict | None:
    """The worker by hand with another encoder; None where the plug-in is not installed."""
    spec = {"v": 1, "job": "job_bench", "recording": recording, "title": "Bench"}
    spec |= {"layout": {"name": "grid"}, "video": {"encoder": encoder}}
    command = [binary / "roombox-media", "transcode", "--recording", folder, "--spec", "-"]
    before = children_cpu_s()
    done = subprocess.run(command, input=json.dumps(spec), capture_output=True, text=True)
    spent = children_cpu_s() - before
    if done.returncode != 0:
        print(f"  {encoder}: SKIPPED: {done.stderr.strip().splitlines()[-1:]}")
        return None
    made = json.loads(done.stdout.strip().splitlines()[-1])
    return {"encoder": made["encoder"], "cpu_s_per_minute": spent / (made["duration_us"] / 1e6) * 60}


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
                recording = asyncio.run(record(http, panel, clips))
                seen = demo.wait_for_film(panel, recording)
                if seen["state"] != "ready":
                    sys.exit(f"no film: {seen['state']}; see {log_path.read_text()[-2000:]}")
                own = demo.receipt(log_path, seen["job"]["id"])
            finally:
                box.terminate()
                box.wait(20)
        records = data / "recordings" / recording
        films = [{key: own[key] for key in ("encoder", "cpu_s_per_minute")}]
        films += filter(None, [again_with(binary, records, recording, "x264")])
        films.append(ffmpeg_film(longest_parts(records), Path(folder) / "ffmpeg.mp4"))
    peer = films[-1]["cpu_s_per_minute"]
    print("film of 4 people at 720p, CPU seconds per recorded minute")
    for film in films:
        film["ratio_to_ffmpeg"] = film["cpu_s_per_minute"] / peer
        print(f"  {film['encoder']:<26} {film['ratio_to_ffmpeg']:.2f} of FFmpeg's   "
              f"{film['cpu_s_per_minute']:.1f} s")
    results["films"] = films
    sizes = results["binary_bytes"]
    print(f"roomboxd {sizes['roomboxd'] / 1e6:.1f} MB, roombox-media {sizes['roombox-media'] / 1e6:.1f} MB, "
          f"idle resident {results['idle_resident_bytes'] / 1e6:.1f} MB")
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "people.json"
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(f"raw results in {path}")


if __name__ == "__main__":
    main()
