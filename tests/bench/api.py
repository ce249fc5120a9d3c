#!/usr/bin/env python3
"""`make bench`, api: lists of a box that has run for years, and a busy API beside meetings.

1. **Lists**: one real recording, its film and their rows are multiplied to 100,000 recordings, and the audit
   log to 1,000,000 rows with a right chain. Each page that the panel shows first is asked for, and the same of
   the box before that: the ratio says what the years cost.
2. **Busy**: mixed requests at a fixed rate, in turns over connections that stay open, by a program of its own
   (`requests.rs`), while people meet, who have what the box leaves of the processors. An answer that comes late
   counts from when it was due, not from when it was asked for. The meetings are recorded, and somebody in each
   hears and sees the others and counts the packets that did not arrive. Once on the box of years, once on a new one.
"""

import argparse
import asyncio
import hashlib
import json
import multiprocessing
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path += [str(HERE.parent / "demo"), str(HERE.parent / "e2e")]

import demo

RECORDINGS, AUDIT_ROWS = 100_000, 1_000_000
YEARS_MS = 5 * 365 * 86_400_000
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LISTS = {
    "recordings, newest": "/recordings?limit=50",
    "recordings, search by word": "/recordings?limit=50&text=Bench+77",
    "recordings of a state": "/recordings?limit=50&state=parked",
    "days of a month": "/recordings/days?starts={days}",
    "rooms with recordings": "/recordings/rooms",
    "storage": "/storage",
    "storage, with an age": "/storage",
    "jobs": "/jobs",
    "audit, newest": "/audit?limit=100",
    "audit, by action": "/audit?limit=100&action=room_create",
    "health": "/health",
    "status": "/status",
}
ROUNDS = 15
MEETINGS, PEOPLE = 4, 4
CONNECTIONS = 16


def ulid(ms: int, number: int) -> str:
    value = (ms << 80) | number
    return "".join(CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def wait_until(what, seconds: float, why: str):
    end = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > end:
            sys.exit(why)
        time.sleep(0.2)
    return found


def one_recording(http: str, panel, clips: Path):
    """A real one of some seconds, with its film: what is multiplied."""
    import players

    room = panel.call("POST", "/rooms", {"name": "Bench"})

    async def meet():
        ada = players.Player("Ada", clips, (320, 180))
        await ada.join(http.replace("http", "ws"), await asyncio.to_thread(panel.join_token, room["id"], "Ada"))
        made = await asyncio.to_thread(panel.call, "POST", f"/rooms/{room['id']}/recording")
        while (await asyncio.to_thread(panel.call, "GET", f"/recordings/{made['id']}"))["bytes"] < 100_000:
            await asyncio.sleep(0.2)
        await asyncio.to_thread(panel.call, "DELETE", f"/rooms/{room['id']}/recording")
        await ada.leave()
        return made["id"]

    recording = asyncio.run(meet())
    ready = lambda: panel.call("GET", f"/recordings/{recording}")["state"] == "ready"
    wait_until(ready, 120, "the film of the one recording was not ready in two minutes")


def columns(db, table):
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def grow(path: Path):
    """The database of a box that has run for years."""
    db = sqlite3.connect(path)
    # The box's triggers tell its fleet; this box has none. Its functions are not needed for copying.
    now = int(time.time() * 1000)
    state, = db.execute("SELECT id FROM recordings WHERE state = 'ready'").fetchone()
    base = dict(zip(columns(db, "recordings"), db.execute("SELECT * FROM recordings WHERE id = ?", [state]).fetchone()))
    parts = {}
    for table in ("files", "jobs"):
        names = columns(db, table)
        parts[table] = [dict(zip(names, row)) for row in db.execute(f"SELECT * FROM {table} WHERE recording = ?", [state])]
    insert = lambda table, row: db.execute(
        f"INSERT INTO {table} ({','.join(row)}) VALUES ({','.join('?' * len(row))})", list(row.values()))
    for number in range(RECORDINGS):
        at = now - YEARS_MS + number * (YEARS_MS // RECORDINGS)
        recording, job = f"rec_{ulid(at, number)}", f"job_{ulid(at, number)}"
        old = base["id"], parts["jobs"][0]["id"]
        row = base | {"id": recording, "title": f"Bench {number}", "started_ms": at,
                      "ended_ms": at + base["duration_ms"], "kept_from_ms": at + base["duration_ms"]}
        row["found_by"] = (base["found_by"] or "").replace(base["title"].lower(), row["title"].lower())
        insert("recordings", row)
        for one in parts["jobs"]:
            text = one["row"].replace(old[0], recording).replace(old[1], job)
            insert("jobs", one | {"id": job, "recording": recording, "row": text, "created_ms": at})
        for one in parts["files"]:
            changed = {"recording": recording, "job": job, "path": one["path"].replace(old[1], job)}
            insert("files", one | changed)
    names = columns(db, "audit")
    last = db.execute("SELECT * FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    row = dict(zip(names, last))
    entry = json.loads(row["entry"])
    chained = row["hash"]
    rows = []
    actions = ["room_create", "recording_start", "settings_patch", "session_post"]
    for number in range(1, AUDIT_ROWS + 1):
        entry |= {"seq": row["seq"] + number, "action": actions[number % len(actions)]}
        text = json.dumps(entry, separators=(",", ":"), ensure_ascii=False)
        chained = hashlib.sha256((chained + text).encode()).hexdigest()
        at = row["at_ms"] + number // 1000
        changed = {"seq": entry["seq"], "at_ms": at, "action": entry["action"], "entry": text, "hash": chained}
        rows.append(list((row | changed).values()))
        if len(rows) == 10_000:
            db.executemany(f"INSERT INTO audit ({','.join(names)}) VALUES ({','.join('?' * len(names))})", rows)
            rows.clear()
    db.commit()
    db.close()


def requests(plan: dict):
    """A program of its own asks: one that hums for sixteen people answers late itself."""
    command = ["cargo", "bench", "--quiet", "--locked", "-p", "roombox-tests", "--bench", "roombox-bench", "--", "--requests"]
    asked = subprocess.run(command, cwd=ROOT, input=json.dumps(plan), capture_output=True, text=True)
    if asked.returncode:
        sys.exit(f"the requests could not be made: {asked.stderr[-2000:]}")
    return json.loads(asked.stdout.splitlines()[-1])


class Voice:
    """Somebody who hums; one of each meeting listens and looks, too."""

    def __init__(self, listens: bool):
        self.listens = listens

    async def heard(self) -> tuple[int, int]:
        """Packets that came, and that did not, of all that it was sent (webrtc-stats, RTCInboundRtpStreamStats)."""
        came = lost = 0
        for person in self.room.remote_participants.values():
            for publication in person.track_publications.values():
                for one in await publication.track.get_stats() if publication.track else []:
                    if one.HasField("inbound_rtp"):
                        came += one.inbound_rtp.received.packets_received
                        lost += max(0, one.inbound_rtp.received.packets_lost)
        return came, lost

    async def join(self, url: str, token: str):
        from livekit import rtc

        self.room, source = rtc.Room(), rtc.AudioSource(48_000, 1, queue_size_ms=400)
        await self.room.connect(url, token, rtc.RoomOptions(auto_subscribe=self.listens))
        track = rtc.LocalAudioTrack.create_audio_track("voice", source)
        await self.room.local_participant.publish_track(track, rtc.TrackPublishOptions())
        hum = rtc.AudioFrame(bytes(range(256)) * 37 + bytes(128), 48_000, 1, 4_800)

        async def go_on():
            while True:
                await source.capture_frame(hum)

        self.humming = asyncio.create_task(go_on())

    async def leave(self):
        self.humming.cancel()
        await asyncio.gather(self.humming, return_exceptions=True)
        await self.room.disconnect()


def paths() -> dict[str, str]:
    today = int(time.time()) // 86_400 * 86_400
    days = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(today - day * 86_400)) for day in range(30, -1, -1)]
    return {what: path.format(days=urllib.parse.quote(",".join(days))) for what, path in LISTS.items()}


def list_times(panel) -> dict[str, list[float]]:
    times = {}
    for what, path in paths().items():
        days = {"storage, with an age": 5 * 365 + 30}.get(what, 0)
        panel.call("PATCH", "/settings", {"recording": {"keep_days": days}})
        for _ in range(ROUNDS):
            begun = time.monotonic()
            panel.call("GET", path)
            times.setdefault(what, []).append((time.monotonic() - begun) * 1000)
    return times


async def meet(url: str, joining: list[list[str]], clips: Path, pipe):
    """Meetings of so many tokens each, from `met` until the pipe says that it is over: what came of their media."""
    import players

    people = []
    for tokens in joining:
        for number, token in enumerate(tokens):
            # One is seen, all are heard: sixteen cameras would be a measure of this program's encoders.
            one = players.Player(f"Person {number}", clips, (320, 180), fps=10) if number == 0 else Voice(number == 1)
            await one.join(url, token)
            people.append(one)
    listeners = [person for person in people if isinstance(person, Voice) and person.listens]
    # The first packets of a track come while its section is still on its way.
    await asyncio.sleep(2)
    before = [await listener.heard() for listener in listeners]
    pipe.send("met")
    await asyncio.to_thread(pipe.recv)
    after = [await listener.heard() for listener in listeners]
    pipe.send([sum(now[part] - was[part] for now, was in zip(after, before)) for part in (0, 1)])
    for person in people:
        await person.leave()


def met(*what):
    # They and the box would be different machines: they take what it leaves.
    os.nice(10)
    asyncio.run(meet(*what))


def busy(http: str, panel, clips: Path, rate: int, seconds: int) -> dict:
    rooms = [panel.call("POST", "/rooms", {"name": f"Meeting {number}"})["id"] for number in range(MEETINGS)]
    joining = [[panel.join_token(room, f"Person {number}") for number in range(PEOPLE)] for room in rooms]
    pipe, theirs = multiprocessing.Pipe()
    meetings = multiprocessing.get_context("spawn").Process(target=met, args=(http.replace("http", "ws"), joining, clips, theirs))
    meetings.start()
    if not pipe.poll(120):
        sys.exit("the meetings did not begin in two minutes")
    pipe.recv()
    for room in rooms:
        panel.call("POST", f"/rooms/{room}/recording")
    reads = list(dict.fromkeys(paths().values())) + ["/rooms", f"/rooms/{rooms[0]}/participants"]
    wanted = [("GET", path, "") for path in reads] + [("PATCH", f"/rooms/{rooms[1]}", json.dumps({"lobby": False}))]
    answered = requests({"host": urllib.parse.urlsplit(http).netloc, "token": panel.headers["Authorization"].split()[1],
                         "requests": wanted, "rate": rate, "seconds": seconds, "connections": CONNECTIONS})
    pipe.send("over")
    came, lost = pipe.recv()
    for room in rooms:
        panel.call("DELETE", f"/rooms/{room}/recording")
    meetings.join(60)
    late = sorted(answered["late_ms"])
    return {"rate": rate, "asked": len(late), "seconds": answered["seconds"], "refused": answered["refused"],
            "bytes": answered["bytes"], "media_packets": came, "media_lost": lost,
            "p50_ms": late[len(late) // 2], "p99_ms": late[len(late) * 99 // 100], "worst_ms": late[-1]}


def lost_packets(http: str, panel) -> float:
    request = urllib.request.Request(http + "/metrics", headers=panel.headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    counters = ("roombox_recorder_dropped_packets", "roombox_shard_send_drops", "roombox_shard_relay_drops", "roombox_tcp_drops")
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(counters))


def busy_report(box, http: str, panel, clips: Path, arguments, whose: str) -> dict:
    dropped = lost_packets(http, panel)
    spent = demo.cpu_seconds(box.pid)
    report = busy(http, panel, clips, arguments.rate, arguments.seconds)
    report["cpu_ms_a_request"] = (demo.cpu_seconds(box.pid) - spent) / report["asked"] * 1000
    report["dropped"] = lost_packets(http, panel) - dropped
    report["resident_bytes"] = demo.resident(box.pid)
    print(f"{report['rate']} requests a second {whose} for {report['seconds']:.0f} s beside {MEETINGS} meetings of "
          f"{PEOPLE}: p50 {report['p50_ms']:.1f} ms, p99 {report['p99_ms']:.1f} ms, worst "
          f"{report['worst_ms']:.0f} ms; {report['refused']} refused; of {report['media_packets']} media packets "
          f"{report['media_lost']} lost, {report['dropped']:.0f} dropped by the "
          f"box, {report['cpu_ms_a_request']:.2f} CPU-ms a request with the meetings' share, "
          f"{report['resident_bytes'] / 1e6:.0f} MB")
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "release")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder")
    parser.add_argument("--seconds", type=int, default=60, help="how long the API is busy")
    parser.add_argument("--rate", type=int, default=500, help="requests a second")
    arguments = parser.parse_args()
    demo.inside_the_environment(__file__)
    import players
    from panel_client import PanelClient

    binary = arguments.bin.resolve()
    clips = players.clips(ROOT / "target" / "demo" / "clips", sys.executable)["Ada"]
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        data, log_path = Path(folder) / "data", Path(folder) / "roomboxd.log"
        with open(log_path, "w") as log:
            box, http, code = demo.start_box(binary / "roomboxd", data, log)
            panel = PanelClient(http)
            panel.claim(code, demo.PASSWORD)
            one_recording(http, panel, clips)
            young = list_times(panel)
            box.terminate()
            box.wait(30)
            begun = time.monotonic()
            grow(data / "roombox.db")
            results["database_bytes"] = os.path.getsize(data / "roombox.db")
            print(f"{RECORDINGS} recordings and {AUDIT_ROWS} rows of the audit log: "
                  f"{results['database_bytes'] / 1e6:.0f} MB, made in {time.monotonic() - begun:.0f} s")
            begun = time.monotonic()
            box, http, _ = demo.start_box(binary / "roomboxd", data, log)
            results["start_s"] = time.monotonic() - begun
            panel.http = http
            try:
                old = list_times(panel)
                print(f"start {results['start_s']:.1f} s\n  {'page':30} ratio to a young box   median ms   worst ms")
                results["lists"] = {}
                for what, times in old.items():
                    median, before = statistics.median(times), statistics.median(young[what])
                    results["lists"][what] = {"old_ms": times, "young_ms": young[what]}
                    print(f"  {what:30} {median / before:20.1f} {median:11.1f} {max(times):10.1f}")
                results["busy"] = busy_report(box, http, panel, clips, arguments, "of that box")
            finally:
                box.terminate()
                box.wait(30)
            box, http, code = demo.start_box(binary / "roomboxd", Path(folder) / "young", log)
            try:
                panel = PanelClient(http)
                panel.claim(code, demo.PASSWORD)
                one_recording(http, panel, clips)
                results["busy_young"] = busy_report(box, http, panel, clips, arguments, "of a box that is an hour old")
            finally:
                box.terminate()
                box.wait(30)
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "api.json"
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(f"raw results in {path}")


if __name__ == "__main__":
    main()
