#!/usr/bin/env python3
"""An hour-long meeting, told whole: four cameras and a shared screen, recorded, the daemon killed twice,
the film carried to S3, SMB and a USB disk at once, then looked at from end to end.

`--minutes N` reads the same story faster. Writes report.md, report.json, contact-sheet.jpg and
loudness.svg to `--out`, and ends with 1 if something is not as it should be.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import platform
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Where the story has its turns, as parts of its length; kills are within a share and without.
SHARES = ((0.20, 0.42), (0.72, 0.90))
KILLS = (1 / 3, 2 / 3)
MARKERS = ((0.25, "Decision: the hall"), (0.70, "Open question"))
# Seconds of each minute: two sentences, then everybody claps once.
SPEECHES = (2, 22)
CLAPS = {"Ada": 42, "Grace": 46, "Jürgen": 50, "Radia": 54}
# What must hold.
MOST_LOST_S = 2.0
# Of which some 30 are the SDK's: it ties the first sample of a packet of sound to when the packet was sent.
MOST_OFFSET_MS = 60
LOUDNESS = (-17.0, -15.0)


def again_inside():
    """Starts this script anew with the suites' packages at hand."""
    sys.path.insert(0, str(HERE.parent / "e2e"))
    import run as e2e

    python = e2e.prepare_python()
    if Path(sys.prefix) != e2e.VENV:
        os.execv(python, [str(python), *sys.argv])
    os.environ.setdefault("ROOMBOX_BIN", str(ROOT / "target" / "debug"))
    os.environ.setdefault("ROOMBOX_CLIPS", str(e2e.TARGET / "clips"))
    sys.path[1:1] = [str(HERE), str(HERE.parent / "demo")]


class Story:
    """The meeting, and what became of it: `facts` is the report."""

    def __init__(self, box, minutes: float, folder: Path):
        from long_meeting import PEOPLE, Attendee

        self.box, self.length, self.folder = box, minutes * 60, folder
        self.facts = {"minutes": minutes, "kills": [], "said": 0}
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.room = box.panel.call("POST", "/rooms", {"name": "Quarterly meeting"})
        self.people = {}
        for name in PEOPLE:
            token = box.panel.join_token(self.room["id"], name)
            self.people[name] = self.run(self._join(Attendee, name, token))

    async def _join(self, kind, name, token):
        attendee = kind(name, self.folder)
        await attendee.join(self.box.ws, token)
        return attendee

    def run(self, what, seconds=120):
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(seconds)

    def meet(self):
        """Everything that happens, in its order; whoever is late for one thing is not late for the next."""
        box, length = self.box, self.length
        self.recording = box.panel.call("POST", f"/rooms/{self.room['id']}/recording")["id"]
        begun = time.time()
        happens = []
        for minute in range(int(length // 60)):
            for turn, second in enumerate(SPEECHES):
                happens.append((minute * 60 + second, self._speak, minute * 2 + turn))
            for name, second in CLAPS.items():
                happens.append((minute * 60 + second, self._clap, name))
        for part, name in MARKERS:
            happens.append((part * length, self._mark, name))
        for from_, to in SHARES:
            happens.append((from_ * length, self._share, True))
            happens.append((to * length, self._share, False))
        # In the middle of a sentence: what is lost can be heard.
        happens += [(int(part * length // 60) * 60 + 5.3, self._kill, None) for part in KILLS]
        for at, act, what in sorted(happens, key=lambda one: one[0]):
            time.sleep(max(0, begun + at - time.time()))
            act(what)
            for person in self.people.values():
                person.is_well()
        time.sleep(max(0, begun + length - time.time()))
        self.facts["daemon"] = f"{resident_mb(box.process.pid)} MB resident and {self._cores():.2f} cores at the end"
        box.panel.call("DELETE", f"/rooms/{self.room['id']}/recording")
        self.ended = time.monotonic()
        # A film is not made of who still sends.
        self.leave()

    def _speak(self, number: int):
        person = list(self.people.values())[number % len(self.people)]
        words = person.speak(number // len(self.people) + number)
        self.facts["said"] += 1
        with contextlib.suppress(Exception):
            self.run(caption(person.room, words, f"SG_{number}"), 5)

    def _clap(self, name: str):
        self.people[name].clap(time.time() + 0.2)

    def _mark(self, name: str):
        self.box.panel.call("PATCH", f"/rooms/{self.room['id']}/recording", {"marker": name})

    def _share(self, on: bool):
        grace = self.people["Grace"]
        self.run(grace.share() if on else grace.unshare())

    def _kill(self, _):
        from recbox import started

        box = self.box
        growing = {
            (part["track"], part["layer"])
            for part in box.manifest(self.recording)["parts"] if part.get("bytes") is None
        }
        zero = started(box.timeline(self.recording))
        before = len(box.parts(self.recording))
        spent = cpu_seconds(box.process.pid)
        box.kill()
        died = time.time() - zero
        box.start()
        newest = {}
        for part in box.manifest(self.recording)["parts"]:
            key = (part["track"], part["layer"])
            newest[key] = max(newest.get(key, 0), part.get("end_us") or 0)
        lost = [died - newest[key] / 1e6 for key in growing]
        # Until all of them are recorded again.
        box.wait(lambda: len({(p["track"], p["layer"]) for p in box.parts(self.recording)[before:]}) >= len(growing))
        back = time.time() - zero - died
        self.facts["kills"].append({
            "at_s": round(died, 1), "tracks": len(growing), "lost_s": [round(one, 2) for one in sorted(lost)],
            "recorded_again_after_s": round(back, 1), "cpu_s": round(spent, 1),
        })
        print(f"kill at {died:.0f} s: {self.facts['kills'][-1]}", flush=True)

    def _cores(self) -> float:
        """Of the daemon, over two seconds of the meeting."""
        before = cpu_seconds(self.box.process.pid)
        time.sleep(2)
        return (cpu_seconds(self.box.process.pid) - before) / 2

    def leave(self):
        for person in self.people.values():
            try:
                self.run(person.leave(), 20)
            except Exception as error:
                print("somebody did not leave:", error)
        self.loop.call_soon_threadsafe(self.loop.stop)


async def caption(room, text: str, segment: str):
    said = {"lk.segment_id": segment, "lk.transcription_final": "true"}
    writer = await room.local_participant.stream_text(topic="lk.transcription", attributes=said)
    await writer.write(text)
    await writer.aclose()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    line = next(l for l in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in l)
    return round(int(line.split()[1]) / 1024, 1)


def delivered(box, recording: str, targets: dict, patience: float) -> dict:
    """Receipts by target, compared with what is there and what is here."""
    def all_done():
        items = box.panel.call("GET", f"/recordings/{recording}/copies")["items"]
        done = {one["target"] for one in items if one["state"] == "delivered"}
        waits = [one for one in items if one["state"] != "delivered"]
        return items if not waits and done == set(targets) else None

    items = box.wait(all_done, patience)
    found = {}
    for target, (name, read) in targets.items():
        of_it = [one for one in items if one["target"] == target]
        equal = 0
        for one in of_it:
            here = hashlib.sha256((box.folder(recording) / one["file"]).read_bytes()).hexdigest()
            there = hashlib.sha256(read(one["name"])).hexdigest()
            equal += here == there == one["sha256"]
        film = next(one for one in of_it if one["file"].endswith(".mp4"))
        found[name] = {"files": len(of_it), "equal": equal, "bytes": sum(one["bytes"] for one in of_it),
                       "film_sha256": film["sha256"]}
    return found


def seen_claps(box, story: Story, film: Path, index: dict) -> tuple[list[dict], int, int]:
    """Each clap of which all was recorded, with where it is in the film; how many are not there, and how
    many fell into an outage."""
    import watched
    from long_meeting import CLAP_S, PEOPLE
    from recbox import started

    zero = started(box.timeline(story.recording))
    found, missing, outage = [], 0, 0
    for name, person in story.people.items():
        for clap in person.claps:
            begin, before = clap["at"] - zero, 0.0
            place = None
            for piece in index["pieces"]:
                from_, to = piece["from_us"] / 1e6, piece["to_us"] / 1e6
                if from_ <= begin - 0.2 and begin + CLAP_S + 0.2 <= to:
                    place = before + begin - from_
                before += to - from_
            if place is None or None in (clap["flash"], clap["beep"]):
                outage += 1
                continue
            one = watched.find(film, place, PEOPLE[name][4])
            if one.offset is None:
                missing += 1
                print(f"{name}'s clap at {place:.1f} s is not there: {one}", flush=True)
                continue
            made = clap["beep"] - clap["flash"]
            found.append({"who": name, "at_s": round(place, 1), "offset_s": one.offset - made,
                          "beep_late_s": one.beep - place - (clap["beep"] - clap["at"]),
                          "flash_late_s": one.flash - place - (clap["flash"] - clap["at"])})
    return sorted(found, key=lambda one: one["at_s"]), missing, outage


def look(box, story: Story, seen: dict, out: Path):
    """Watches the film and writes what it saw into the story's facts."""
    import watched

    facts = story.facts
    files = {file["kind"]: file for file in seen["files"]}
    path = lambda kind: box.folder(story.recording) / files[kind]["name"]
    film, index = path("mp4"), json.loads(path("index").read_text())
    probe = watched.probed(film)
    length = float(probe["format"]["duration"])
    facts["film"] = {
        "length_s": round(length, 2), "megabytes": round(int(probe["format"]["size"]) / 1e6, 1),
        "streams": [one["codec_name"] for one in probe["streams"] if one["codec_type"] != "data"],
        "of_the_meeting_s": round(sum(p["to_us"] - p["from_us"] for p in index["pieces"]) / 1e6, 2),
        "recorded_s": round(seen["duration_ms"] / 1000, 2), "gaps": seen["gaps"],
        "interruptions_s": [round(one["lost_ms"] / 1000, 2) for one in seen["interruptions"]],
        "complaints_of_a_decoder": watched.complaints(film)[:500],
        "captions": path("captions").read_text().count("-->") if "captions" in files else 0,
    }
    facts["chapters"] = watched.chapters(probe)
    watched.contact_sheet(film, length, out / "contact-sheet.jpg")
    loud = watched.loudness(film)
    course = loud.pop("course")
    kills, before = [], 0.0
    for piece in index["pieces"][:-1]:
        before += (piece["to_us"] - piece["from_us"]) / 1e6
        kills.append((before, "kill"))
    watched.plot(course, length, kills, out / "loudness.svg")
    facts["loudness"] = loud
    # Whoever speaks is heard: no minute is without its sentences and claps.
    facts["silences_longer_than_20_s"] = watched.silences(film, 20)
    claps, facts["claps_missing"], facts["claps_in_an_outage"] = seen_claps(box, story, film, index)
    facts["claps"] = claps
    offsets = lambda part: [one["offset_s"] for one in claps if part(one["at_s"])]
    # A minute at least: in each everybody claps once.
    near = max(length / 12, 60.0)
    facts["sound_after_picture"] = {
        "all": watched.spread(offsets(lambda at: True)),
        "begin": watched.spread(offsets(lambda at: at < near)),
        "middle": watched.spread(offsets(lambda at: abs(at - length / 2) < near / 2)),
        "end": watched.spread(offsets(lambda at: at > length - near)),
    }


def failures(facts: dict) -> list[str]:
    """What is not as it should be."""
    film, loud = facts["film"], facts["loudness"]
    expected = film["recorded_s"] - sum(film["interruptions_s"])
    checks = {
        "a kill cost more than 2 s": any(max(kill["lost_s"]) > MOST_LOST_S for kill in facts["kills"]),
        "not every kill happened": len(facts["kills"]) != len(KILLS),
        "the film is not as long as what was recorded": abs(film["length_s"] - expected) > 0.7,
        "a decoder complains": bool(film["complaints_of_a_decoder"]),
        "the loudness is not -16 LUFS": not LOUDNESS[0] <= loud["integrated_lufs"] <= LOUDNESS[1],
        "it is silent for long": bool(facts["silences_longer_than_20_s"]),
        "claps are missing": facts["claps_missing"] > 0,
        "there are too few claps": len(facts["claps"]) < facts["minutes"] * len(CLAPS) * 0.8,
        "a marker is no chapter": not {name for _, name in MARKERS} <= {title for _, title in facts["chapters"]},
        "captions are missing": film["captions"] < facts["said"] * 0.8,
        "a copy is not what is here": any(one["equal"] != one["files"] for one in facts["copies"].values()),
    }
    for when, spread in facts["sound_after_picture"].items():
        checks[f"{when}: sound beside its picture"] = not spread["count"] or abs(spread["median_ms"]) > MOST_OFFSET_MS
    return [what for what, wrong in checks.items() if wrong]


def report(facts: dict) -> str:
    film, loud, off = facts["film"], facts["loudness"], facts["sound_after_picture"]
    lines = [
        f"# A meeting of {facts['minutes']:g} minutes, watched", "",
        f"{facts['date']}, {facts['machine']}; four cameras (640×360 VP8), a shared screen in two stretches, "
        f"{facts['said']} sentences with captions. `tests/recording/hour.py` made this.", "",
        "![Pictures from the whole film](contact-sheet.jpg)", "", "![Its loudness](loudness.svg)", "",
        "| what | found |", "|---|---|",
        f"| film | {film['length_s'] / 60:.1f} min, {film['megabytes']} MB, {', '.join(film['streams'])}; "
        f"{film['recorded_s']:.1f} s recorded, of which the box was down {' and '.join(map(str, film['interruptions_s']))} s |",
        f"| every frame decodes | {film['complaints_of_a_decoder'] or 'yes'} |",
        f"| ready after the meeting's end | {facts['ready_after_s']:.0f} s; {facts['film_made']} |",
    ]
    for kill in facts["kills"]:
        lines.append(f"| kill -9 at {kill['at_s']:.0f} s | {kill['tracks']} tracks lost {kill['lost_s'][0]} to {kill['lost_s'][-1]} s "
                     f"of their end; all were recorded again {kill['recorded_again_after_s']} s later |")
    for when, name in (("begin", "at the begin"), ("middle", "in the middle"), ("end", "at the end"), ("all", "of all")):
        one = off[when]
        lines.append(f"| sound after picture, claps {name} | " + (
            f"{one['median_ms']:+g} ms in the middle, {one['least_ms']:+g} to {one['most_ms']:+g}, {one['count']} claps |"
            if one["count"] else "none |"))
    lines += [
        f"| claps not found | {facts['claps_missing']}; {facts['claps_in_an_outage']} fell into an outage or were never made |",
        f"| loudness | {loud['integrated_lufs']} LUFS, range {loud['range_lu']} LU, peak {loud['peak_dbfs']} dBFS; the loudest 3 s "
        f"of each minute between {min(loud['minutes'])} and {max(loud['minutes'])} LUFS |",
        f"| silent for more than 20 s | {facts['silences_longer_than_20_s'] or 'never'} |",
        f"| captions | {film['captions']} cues of {facts['said']} sentences |",
        f"| daemon | {facts['daemon']} |",
    ]
    for name, one in facts["copies"].items():
        lines.append(f"| at {name} | {one['equal']} of {one['files']} files have the local SHA-256, {one['bytes'] / 1e6:.1f} MB; "
                     f"film {one['film_sha256'][:16]}… |")
    lines += ["", "Chapters:", ""]
    lines += [f"- {int(at // 60):02d}:{int(at % 60):02d} {title}" for at, title in facts["chapters"]]
    lines += ["", "Not as it should be: " + ("; ".join(facts["failures"]) or "nothing") + "."]
    return "\n".join(lines) + "\n"


def tell(folder: Path, out: Path, minutes: float) -> dict:
    """The whole story; its facts."""
    import counterparts
    import shares
    from recbox import RecBox

    out.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as undo:
        box = undo.enter_context(RecBox(folder / "data"))
        targets = {}

        def add(name, place, secrets, read, **more):
            new = {"name": name, "place": place, "secrets": secrets, **more}
            target = box.panel.call("POST", "/targets", new)["id"]
            trial = box.panel.call("POST", f"/targets/{target}/tests")
            assert trial["works"], (name, trial)
            targets[target] = (name, read)

        s3 = undo.enter_context(counterparts.s3())
        place = {"kind": "s3", "endpoint": s3.endpoint, "bucket": s3.bucket, "access_key": s3.access_key}
        add("S3", place, {"secret_key": s3.secret_key}, s3.read)
        missing = shares.missing()
        if missing:
            print("SKIPPED: SMB and USB:", missing)
        else:
            mounted, shared = undo.enter_context(shares.smb())
            add("SMB", {"kind": "folder", "path": str(mounted)}, {}, lambda name: (shared / name).read_bytes())
            stick, _ = undo.enter_context(shares.usb_image(folder, 400 + int(minutes * 60)))
            add("USB", {"kind": "folder", "path": str(stick)}, {}, lambda name: (stick / name).read_bytes(),
                contents="everything")
        story = Story(box, minutes, folder)
        story.meet()
        seen = box.until(story.recording, lambda seen: seen["state"] in ("ready", "parked"), 7200)
        facts = story.facts
        facts["ready_after_s"] = round(time.monotonic() - story.ended, 1)
        assert seen["state"] == "ready", seen["job"]
        made = [line for line in box.log_path.read_text().splitlines() if "film made" in line][-1]
        facts["film_made"] = plain(made.partition("film made")[2])
        facts["copies"] = delivered(box, story.recording, targets, 1800)
        facts["date"] = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"
        facts["machine"] = f"{platform.machine()}, {os.cpu_count()} cores that others share"
        look(box, story, seen, out)
    facts["failures"] = failures(facts)
    (out / "report.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    (out / "report.md").write_text(report(facts))
    return facts


def plain(text: str) -> str:
    import re

    return re.sub(r"\x1b\[[0-9;]*m|(job|recording)=\S+ ?", "", text).strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--bin", type=Path)
    parser.add_argument("--folder", type=Path, required=True, help="for the box and its disk; some GB an hour")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.bin:
        os.environ["ROOMBOX_BIN"] = str(arguments.bin.resolve())
    again_inside()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    facts = tell(arguments.folder.resolve(), arguments.out.resolve(), arguments.minutes)
    print((arguments.out / "report.md").read_text())
    return 1 if facts["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
