#!/usr/bin/env python3
"""`make bench`, films: people who play real clips meet in a box through the unmodified SDK and are recorded;
then the worker makes films of the same tracks, and beside it FFmpeg.

1. four at 720p: CPU seconds per recorded minute, openh264 and x264, and FFmpeg for the same grid;
2. nine at 1080p (the four, more than once), against FFmpeg on the 720p tracks and on the small layers;
3. one speaker whose H.264 is copied: how many times faster than the meeting, of one minute and, from the same files one
   after the other, of ten;
4. how long after a meeting of four of ten minutes its film was ready, made ahead while it went on.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path += [str(HERE.parent / "demo"), str(HERE.parent / "e2e")]

import demo

PEOPLE = ["Ada", "Grace", "Jürgen", "Linus"]
HD = (1280, 720)
SETTLE_SECONDS = 40
LOOK_SECONDS = 0.1
# The meeting of one speaker, played, and how often it is put together to a longer one.
LECTURE_SECONDS = 60
TIMES = 10
# The meeting whose film is to be there soon after its end.
AHEAD_SECONDS = 600
# A film of one speaker takes about a second: one look is none.
ROUNDS = 3


async def record(http: str, panel, room_name: str, people: list[str], seconds: float, codec=None):
    """The recording's id; somebody speaks every few seconds."""
    import players

    clips = players.clips(ROOT / "target" / "demo" / "clips", sys.executable)
    words = players.speech("Grace", ROOT / "target" / "demo" / "clips")
    room = (await asyncio.to_thread(panel.call, "POST", "/rooms", {"name": room_name}))["id"]
    there = []
    for number, name in enumerate(people):
        person = players.Player(name, list(clips.values())[number % len(clips)], HD)
        token = await asyncio.to_thread(panel.join_token, room, name)
        how = {"codec": codec, "simulcast": False} if codec is not None else {}
        await person.join(http.replace("http", "ws"), token, **how)
        there.append(person)
    if codec is not None:
        # Senders begin small and grow: what is copied has one size from its first frame on.
        await asyncio.sleep(SETTLE_SECONDS)
    begun = await asyncio.to_thread(panel.call, "POST", f"/rooms/{room}/recording")
    until = time.monotonic() + seconds
    speaker = 0
    while time.monotonic() < until:
        there[speaker % len(there)].say.put_nowait(words)
        speaker += 1
        await asyncio.sleep(min(12, max(0, until - time.monotonic())))
    await asyncio.to_thread(panel.call, "DELETE", f"/rooms/{room}/recording")
    for person in there:
        await person.leave()
    return begun["id"]


def ready_after(panel, recording: str) -> float:
    """Seconds from the end of the meeting to its film."""
    begun = time.monotonic()
    seen = demo.wait_for_film(panel, recording)
    if seen["state"] != "ready":
        sys.exit(f"no film: {seen['state']}")
    return time.monotonic() - begun


def measured(command, given: str | None = None) -> dict:
    """What a child costs, and what it says."""
    begun = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if given is not None:
        child.stdin.write(given)
    child.stdin.close()
    resident = 0
    done = threading.Event()

    def watch():
        # rusage has what this process had before the child became another program.
        nonlocal resident
        while not done.wait(LOOK_SECONDS):
            try:
                status = Path(f"/proc/{child.pid}/status").read_text()
            except OSError:
                return
            high = re.search(r"VmHWM:\s+(\d+)", status)
            resident = max(resident, int(high[1]) * 1024 if high else 0)

    watching = threading.Thread(target=watch)
    watching.start()
    said = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    done.set()
    watching.join()
    child.returncode = os.waitstatus_to_exitcode(status)
    return {
        "rc": child.returncode,
        "said": said,
        "cpu_s": used.ru_utime + used.ru_stime,
        "wall_s": time.monotonic() - begun,
        "resident_bytes": resident,
    }


def without_films(folder: Path, to: Path) -> Path:
    """A recording as it was before anything was made of it: reels that are there cost nothing."""
    ours = shutil.ignore_patterns("derived", "reels", ".*")
    return Path(shutil.copytree(folder, to, ignore=ours, copy_function=os.link))


def more_people(folder: Path, count: int) -> Path:
    """The same meeting with `count` people: those who are there, under other names."""
    manifest = json.loads((folder / "manifest.json").read_text())
    timeline = [json.loads(line) for line in (folder / "timeline.jsonl").read_text().splitlines()]
    people = sorted({track["identity"] for track in manifest["tracks"]})
    tracks, parts, lines = list(manifest["tracks"]), list(manifest["parts"]), list(timeline)
    for number in range(len(people), count):
        who = people[number % len(people)]
        theirs = [track for track in manifest["tracks"] if track["identity"] == who]
        ids = {track["track"] for track in theirs} | {track["participant"] for track in theirs}

        def other(value, of=frozenset(ids | {who}), mark=f"x{number}"):
            if isinstance(value, dict):
                return {key: other(inner) for key, inner in value.items()}
            return value + mark if isinstance(value, str) and value in of else value

        for track in theirs:
            tracks.append(other(track) | {"name": f"{track['name']} {number}"})
        for part in manifest["parts"]:
            if part["track"] in ids:
                file = part["file"].replace(part["track"], f"{part['track']}x{number}")
                os.link(folder / part["file"], folder / file)
                parts.append(other(part) | {"file": file})
        for line in timeline:
            if line["e"] in ("join", "pub") and line.get("identity") == who:
                lines.append(other(line))
    manifest |= {"tracks": tracks, "parts": parts}
    rewrite(folder, manifest, lines)
    return folder


def longer(folder: Path, times: int) -> Path:
    """The same meeting so many times on end: each track in as many parts, as after breaks of its network."""
    manifest = json.loads((folder / "manifest.json").read_text())
    timeline = [json.loads(line) for line in (folder / "timeline.jsonl").read_text().splitlines()]
    length = manifest["ended"]["at_us"]
    parts, lines = [], [line for line in timeline if line["e"] != "end"]
    counts: dict = {}
    for n in range(times):
        for part in sorted(manifest["parts"], key=lambda part: part["start_us"]):
            file = part["file"] if n == 0 else part["file"].replace(".mkv", f"x{n}.mkv")
            if n:
                os.link(folder / part["file"], folder / file)
            number = counts[part["track"], part["layer"]] = counts.get((part["track"], part["layer"]), -1) + 1
            moved = {key: part[key] + n * length for key in ("start_us", "end_us") if part.get(key) is not None}
            parts.append(part | moved | {"file": file, "number": number})
        spoken = [line for line in timeline if line["e"] == "speaker"]
        lines += [line | {"t": line["t"] + n * length} for line in spoken if n]
    lines.append({"t": times * length, "e": "end", "reason": "stopped"})
    manifest |= {"parts": parts, "ended": manifest["ended"] | {"at_us": times * length}}
    rewrite(folder, manifest, lines)
    return folder


def rewrite(folder: Path, manifest: dict, timeline: list[dict]):
    # Files are links to another recording's: what is written anew must not change those.
    for name, text in [
        ("manifest.json", json.dumps(manifest)),
        ("timeline.jsonl", "".join(json.dumps(line) + "\n" for line in sorted(timeline, key=lambda line: line["t"]))),
    ]:
        (folder / name).unlink()
        (folder / name).write_text(text)


def own_film(binary: Path, folder: Path, recording: str, layout: dict, encoder: str) -> dict | None:
    """The worker by hand; None where the encoder's plug-in is not installed."""
    spec = {"v": 1, "job": "job_bench", "recording": recording, "title": "Bench"}
    spec |= {"layout": layout, "video": {"encoder": encoder}}
    command = [binary / "roombox-media", "transcode", "--recording", folder, "--spec", "-"]
    cost = measured(command, json.dumps(spec))
    if cost["rc"] != 0:
        print(f"  {encoder}: SKIPPED: the worker ended with {cost['rc']}")
        return None
    made = json.loads(cost["said"].strip().splitlines()[-1])
    shutil.rmtree(folder / "derived", ignore_errors=True)
    return told(made["encoder"] or "copied", cost, made["duration_us"] / 1e6)


def told(name: str, cost: dict, seconds: float) -> dict:
    return {
        "encoder": name,
        "cpu_s_per_minute": cost["cpu_s"] / seconds * 60,
        "times_real_time": seconds / cost["wall_s"],
        "resident_bytes": cost["resident_bytes"],
    }


def longest_parts(folder: Path, layer: str, count: int) -> list[tuple[Path, Path]]:
    """Picture and sound of each person: the longest part of the layer, and the voice."""
    manifest = json.loads((folder / "manifest.json").read_text())
    owner = {track["track"]: track["identity"] for track in manifest["tracks"]}
    longest: dict = {}
    for part in manifest["parts"]:
        # A part that nobody closed has no end: the worker finds it, this comparison does without.
        if part["layer"] not in (layer, "audio") or part.get("end_us") is None:
            continue
        key, length = (owner[part["track"]], part["layer"]), part["end_us"] - part["start_us"]
        if key not in longest or length > longest[key][0]:
            longest[key] = length, folder / part["file"]
    people = sorted({who for who, _ in longest})
    if len(people) != count or len(longest) != 2 * count:
        sys.exit(f"the film has {sorted(longest)} of {count} people: nothing to compare")
    return [(longest[who, layer][1], longest[who, "audio"][1]) for who in people]


def ffmpeg_film(pairs, across: int, tile: tuple[int, int], rate: str, preset: str, out: Path) -> dict:
    """The same grid by FFmpeg's x264, at our bit rate."""
    command = ["ffmpeg", "-v", "error", "-y"]
    for picture, voice in pairs:
        command += ["-i", str(picture), "-i", str(voice)]
    width, height = tile
    tiles = "".join(f"[{2 * n}:v]fps=30,scale={width}:{height},setsar=1[v{n}];" for n in range(len(pairs)))
    grid = "".join(f"[v{n}]" for n in range(len(pairs)))
    voices = "".join(f"[{2 * n + 1}:a]" for n in range(len(pairs)))
    layout = "|".join(f"{n % across * width}_{n // across * height}" for n in range(len(pairs)))
    graph = f"{tiles}{grid}xstack=inputs={len(pairs)}:layout={layout}[v];{voices}amix={len(pairs)}[a]"
    command += ["-filter_complex", graph, "-map", "[v]", "-map", "[a]", "-c:v", "libx264"]
    command += ["-preset", preset, "-b:v", rate, "-maxrate", rate, "-bufsize", "5000k"]
    command += ["-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart", str(out)]
    cost = measured(command)
    if cost["rc"] != 0:
        sys.exit("FFmpeg made no film")
    return told(f"FFmpeg x264 {preset}", cost, length_of(out))


def ffmpeg_copy(pair, times: int, out: Path) -> dict:
    """The same by FFmpeg's copy, of the files so many times on end."""
    command = ["ffmpeg", "-v", "error", "-y"]
    for file in pair:
        whole = out.with_name(f"{file.stem}.txt")
        whole.write_text(f"file '{file}'\n" * times)
        command += ["-f", "concat", "-safe", "0", "-i", str(whole)]
    command += ["-map", "0:v", "-map", "1:a"]
    command += ["-c:v", "copy", "-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart", str(out)]
    cost = measured(command)
    if cost["rc"] != 0:
        sys.exit("FFmpeg made no film")
    return told("FFmpeg copy", cost, length_of(out))


def typical(films: list[dict]) -> dict:
    """Of some rounds the one in the middle, by its time."""
    return sorted(films, key=lambda film: film["times_real_time"])[len(films) // 2]


def length_of(film: Path) -> float:
    ask = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(film)]
    return float(subprocess.run(ask, check=True, capture_output=True, text=True).stdout)


def show(title: str, films: list[dict], peer: dict):
    print(title)
    for film in films:
        film["ratio_to_peer"] = film["cpu_s_per_minute"] / peer["cpu_s_per_minute"]
        print(f"  {film['encoder']:<24} {film['ratio_to_peer']:6.2f} of {peer['encoder']:<22}"
              f" {film['cpu_s_per_minute']:6.2f} CPU-s a minute, {film['times_real_time']:6.1f} × real time,"
              f" {film['resident_bytes'] / 1e6:4.0f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "release")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--seconds", type=float, default=60, help="length of the meeting of four that is compared")
    parser.add_argument("--ahead", type=float, default=AHEAD_SECONDS, help="length of the one whose film is waited for")
    parser.add_argument("--keep", type=Path, help="keep the films here, to be watched")
    arguments = parser.parse_args()
    demo.inside_the_environment(__file__)
    from livekit import rtc
    from panel_client import PanelClient

    binary = arguments.bin.resolve()
    results = {"seconds": arguments.seconds, "ahead_seconds": arguments.ahead}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        data, log_path = folder / "data", folder / "roomboxd.log"
        with open(log_path, "w") as log:
            box, http, code = demo.start_box(binary / "roomboxd", data, log)
            try:
                panel = PanelClient(http)
                panel.claim(code, demo.PASSWORD)
                long = asyncio.run(record(http, panel, "Conference", PEOPLE, arguments.ahead))
                results["ready_after_s"] = ready_after(panel, long)
                print(f"the film of {arguments.ahead:.0f} s was ready {results['ready_after_s']:.1f} s after the meeting", flush=True)
                four = asyncio.run(record(http, panel, "Film", PEOPLE, arguments.seconds))
                ready_after(panel, four)
                one = asyncio.run(
                    record(http, panel, "Lecture", ["Ada"], LECTURE_SECONDS, rtc.VideoCodec.H264))
                ready_after(panel, one)
            finally:
                box.terminate()
                box.wait(20)
        made = data / "recordings"
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            for recording in (long, four, one):
                for film in (made / recording).rglob("film.mp4"):
                    shutil.copy(film, arguments.keep / f"{recording}.mp4")
                shutil.copytree(made / recording, arguments.keep / recording, dirs_exist_ok=True)
        out = folder / "ffmpeg.mp4"

        grid = without_films(made / four, folder / "four")
        layout = {"name": "grid"}
        films = [own_film(binary, grid, four, layout, encoder) for encoder in ("openh264", "x264")]
        peer = ffmpeg_film(longest_parts(grid, "low", 4), 2, (640, 360), "2500k", "veryfast", out)
        results["four_720p"] = [*filter(None, films), peer]
        show("four people at 720p", results["four_720p"], peer)

        grid = more_people(without_films(made / four, folder / "nine"), 9)
        layout |= {"canvas": [1920, 1080]}
        films = [own_film(binary, grid, four, layout, encoder) for encoder in ("openh264", "x264")]
        tile = (640, 360)
        peers = [ffmpeg_film(longest_parts(grid, layer, 9), 3, tile, "2500k", "veryfast", out)
                 for layer in ("top", "low")]
        peers[1]["encoder"] += ", low"
        results["nine_1080p"] = [*filter(None, films), *peers]
        show("nine people at 1080p", results["nine_1080p"], peers[0])

        for name, times in [("one_copied", 1), ("one_copied_long", TIMES)]:
            lecture = without_films(made / one, folder / name)
            pair = longest_parts(lecture, "top", 1)[0]
            lecture = longer(lecture, times)
            # In turns, so that both have the same neighbours.
            rounds = [(own_film(binary, lecture, one, {"name": "auto"}, "auto"), ffmpeg_copy(pair, times, out))
                      for _ in range(ROUNDS)]
            film, peer = (typical(list(films)) for films in zip(*rounds))
            if film["encoder"] != "copy":
                sys.exit(f"the film of one speaker was encoded by {film['encoder']}")
            results[name] = [film, peer]
            show(f"one speaker, H.264 copied, a meeting of {times * LECTURE_SECONDS / 60:.0f} min", [film, peer], peer)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "films.json"
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(f"raw results in {path}")


if __name__ == "__main__":
    main()
