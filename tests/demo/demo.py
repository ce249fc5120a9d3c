#!/usr/bin/env python3
"""`make demo`: a box on a free port, three people who play real clips, recorded and rendered.

Prints the film's path, a contact sheet and what it cost.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "e2e"))

MEET_SECONDS = 40
RENDER_PATIENCE = 240
PASSWORD = "correct horse battery"


def inside_the_environment(script: str):
    """Starts `script` again with the SDK at hand."""
    import run

    python = run.prepare_python()
    if Path(sys.prefix) != run.VENV:
        os.execv(python, [str(python), script, *sys.argv[1:]])


def start_box(binary: Path, data: Path, log):
    """The process, its address, and its claim code; `None` if it has an owner already."""
    arguments = [binary, "--dev", "--data", data, "--http", "127.0.0.1:0", "--udp", "0", "--tcp", "0", "--log-json"]
    box = subprocess.Popen(
        [*arguments, "--address", "127.0.0.1"], stdout=subprocess.PIPE, stderr=log, text=True
    )
    http = code = None
    owned = False
    for line in box.stdout:
        if "listens on" in line:
            http = line.split()[-1]
        if line.strip().startswith("Claim"):
            code = line.split()[1]
            break
        if owned := "has an owner" in line:
            break
    if not (http and (code or owned)):
        sys.exit("roomboxd did not start: see its log")
    return box, http, code


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Resident memory in bytes."""
    line = next(l for l in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in l)
    return int(line.split()[1]) * 1024


def receipt(log: Path, job: str) -> dict:
    """What the daemon noted of a film."""
    for line in log.read_text().splitlines():
        fields = json.loads(line).get("fields", {})
        if fields.get("message") == "film made" and fields.get("job") == job:
            return fields
    sys.exit(f"no receipt for {job} in {log}")


def progress(text: str):
    print(f"\r\033[K{text}", end="", flush=True) if sys.stdout.isatty() else print(text, flush=True)


async def meet(panel, http: str, folder: Path, box) -> tuple[str, float]:
    import asyncio

    import players

    room = panel.call("POST", "/rooms", {"name": "Weekly meeting"})
    clips = players.clips(folder / "clips", sys.executable)
    sizes = {"Ada": (640, 480), "Grace": (1280, 720), "Jürgen": (640, 360)}
    people = {who: players.Player(who, clip, sizes[who]) for who, clip in clips.items()}
    for who, player in people.items():
        token = panel.join_token(room["id"], who)
        await player.join(http.replace("http", "ws"), token)
        print(f"  {who} has joined and plays {clips[who].name}")
    before = cpu_seconds(box.pid)
    recording = panel.call("POST", f"/rooms/{room['id']}/recording")
    print(f"  recording {recording['id']}")
    speeches = {who: players.speech(who, folder / "clips") for who in people}
    begun = time.monotonic()
    turns = [(1, "Ada"), (13, "Grace"), (26, "Jürgen")]
    while (elapsed := time.monotonic() - begun) < MEET_SECONDS:
        if turns and elapsed >= turns[0][0]:
            who = turns.pop(0)[1]
            people[who].say.put_nowait(speeches[who])
        seen = await asyncio.to_thread(panel.call, "GET", f"/recordings/{recording['id']}")
        progress(f"  meeting {elapsed:4.0f} of {MEET_SECONDS} s, {seen['bytes'] / 1e6:.1f} MB recorded")
        await asyncio.sleep(2)
    print()
    await asyncio.to_thread(panel.call, "DELETE", f"/rooms/{room['id']}/recording")
    spent = cpu_seconds(box.pid) - before
    for player in people.values():
        await player.leave()
    return recording["id"], spent


def wait_for_film(panel, recording: str) -> dict:
    begun = time.monotonic()
    while time.monotonic() - begun < RENDER_PATIENCE:
        seen = panel.call("GET", f"/recordings/{recording}")
        if seen["state"] in ("ready", "parked", "empty"):
            print()
            return seen
        job = seen["job"] or {}
        done = job.get("progress") or {"done_ms": 0, "total_ms": 1, "speed": 0, "eta_s": None}
        share = 100 * done["done_ms"] / max(done["total_ms"], 1)
        eta = f", {done['eta_s']:.0f} s left" if done["eta_s"] else ""
        progress(f"  film {share:3.0f} %, {done['speed']:.1f}× real time{eta}")
        time.sleep(1)
    sys.exit("the film was not ready in time")


def probe(film: Path) -> str:
    entries = "stream=codec_name,width,height,r_frame_rate,sample_rate,channels:format=duration"
    ask = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "compact", str(film)]
    return subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()


def contact_sheet(film: Path, sheet: Path):
    picture = f"fps=1/5,scale=480:-2,tile=3x3:padding=6:color=0x202020"
    make = ["ffmpeg", "-v", "error", "-y", "-i", str(film), "-vf", picture, "-frames:v", "1", str(sheet)]
    subprocess.run(make, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "release")
    parser.add_argument("--out", type=Path, default=ROOT / "target" / "demo")
    arguments = parser.parse_args()
    inside_the_environment(__file__)
    import asyncio

    from panel_client import PanelClient

    folder = arguments.out.resolve()
    data = folder / f"box-{int(time.time())}"
    data.mkdir(parents=True)
    log_path = data / "roomboxd.log"
    with open(log_path, "w") as log:
        box, http, code = start_box(arguments.bin.resolve() / "roomboxd", data, log)
        try:
            print(f"box on {http}, log in {log_path}")
            panel = PanelClient(http)
            panel.claim(code, PASSWORD)
            recording, spent = asyncio.run(meet(panel, http, folder, box))
            seen = wait_for_film(panel, recording)
        finally:
            box.terminate()
            box.wait(20)
    if seen["state"] != "ready":
        sys.exit(f"no film: {seen['state']}, {(seen['job'] or {}).get('error')}; see {log_path}")
    film = data / "recordings" / recording / next(f["name"] for f in seen["files"] if f["kind"] == "mp4")
    sheet = folder / "contact-sheet.png"
    contact_sheet(film, sheet)
    minutes = seen["duration_ms"] / 60_000
    cost = receipt(log_path, seen["job"]["id"])
    print(f"film           {film}")
    print(f"contact sheet  {sheet}")
    print(f"what it is     {probe(film)}".replace("\n", "\n               "))
    print(f"meeting cost   {spent / (minutes * 60) * 100:.1f} % of a core: receiving and recording")
    print(f"film cost      {cost['cpu_s_per_minute']:.1f} CPU seconds a minute, {cost['encoder']}")
    print(f"gaps           {seen['gaps']}")


if __name__ == "__main__":
    main()
