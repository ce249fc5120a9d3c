#!/usr/bin/env python3
"""Runs the panel suite: the embedded pages in a real Chromium against the real roomboxd.

Makes its own node_modules (pinned by package-lock.json). `--shots DIR` keeps a picture of every
page in every size and colour. Its last line is always `N passed, N failed, N skipped`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "e2e"))
# Each has a box of its own. The longest comes first.
GROUPS = ("journey", "setup", "library", "home", "names", "keyboard", "schedule", "lobby", "tools", "rooms", "people", "oidc", "alarms", "fleet", "backup", "network", "updates", "encrypted", "certificates")
# For their pictures: a room of twenty, and the first hour step by step.
ALONE = ("crowd", "walk")
# They wait for media and for pages most of the time.
LANES = 2
# How many tests there are is known only inside; without node or Chromium none of them ran.
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def prepare_node():
    import run as e2e

    stamp = HERE / "node_modules" / ".lock.sha256"
    digest = e2e.stale(stamp, HERE / "package-lock.json")
    if digest:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=HERE, check=True)
        stamp.write_text(digest)


def target() -> Path:
    import run as e2e

    return e2e.TARGET


def prepare_python() -> Path:
    """What plays the neighbours on a bus is the conformance suite's."""
    import run as e2e

    return e2e.prepare_python()


def alone(group: str, environment: dict) -> int:
    """Runs one group, seen as it goes."""
    script = [f"{group}.mjs"] if group in ALONE else ["groups.mjs", group]
    return subprocess.run(["node", *script], cwd=HERE, env=environment).returncode


def side_by_side(groups: list[str], lanes: int, environment: dict) -> list[str]:
    """Runs so many groups at a time, each shown whole when it has ended; says which failed."""
    counts = dict.fromkeys(("passed", "failed", "skipped"), 0)
    failed = []

    def run(group: str) -> tuple[str, subprocess.CompletedProcess]:
        command = ["node", "groups.mjs", group]
        told = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return group, subprocess.run(command, cwd=HERE, env=environment, **told)

    with ThreadPoolExecutor(lanes) as pool:
        for ended in as_completed([pool.submit(run, group) for group in groups]):
            group, process = ended.result()
            *lines, closing = process.stdout.splitlines() or [""]
            found = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", closing)
            if not found:
                # It crashed: what it printed says where.
                lines.append(closing)
            print(f"== {group}", *lines, sep="\n", flush=True)
            for what, number in zip(counts, found.groups() if found else ("0", "1", "0")):
                counts[what] += int(number)
            if process.returncode != 0:
                failed.append(group)
    print(", ".join(f"{number} {what}" for what, number in counts.items()))
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "debug")
    parser.add_argument("--only", choices=[*GROUPS, *ALONE], help=f"one group; {' and '.join(ALONE)} are none of the suite")
    parser.add_argument("--last-failed", action="store_true", help="only the groups in which something failed last time")
    parser.add_argument("--shots", type=Path, help="keep pictures of the pages here")
    arguments = parser.parse_args()
    for program in ("node", "npm", CHROMIUM):
        if not shutil.which(program):
            print(f"SKIPPED: {program} is not installed\n0 passed, 0 failed, 1 skipped")
            return 0
    prepare_node()
    environment = os.environ | {
        "ROOMBOX_BIN": str(arguments.bin.resolve()),
        "ROOMBOX_BOX": str(arguments.bin.resolve() / "roomboxd"),
        "ROOMBOX_PYTHON": str(prepare_python()),
        "PYTHONPATH": os.pathsep.join(str(HERE.parent / folder) for folder in ("demo", "e2e")),
        "CHROMIUM": CHROMIUM,
        "NODE_NO_WARNINGS": "1",
    }
    if arguments.shots:
        arguments.shots.mkdir(parents=True, exist_ok=True)
        environment["ROOMBOX_SHOTS"] = str(arguments.shots.resolve())
    if arguments.only:
        return alone(arguments.only, environment)
    note = target() / "panel-failed"
    groups, lanes = list(GROUPS), LANES
    if arguments.last_failed and note.exists() and (named := note.read_text().split()):
        groups, lanes = named, 1
    # Whoever crashes leaves none: then all of it failed.
    note.unlink(missing_ok=True)
    failed = side_by_side(groups, lanes, environment)
    note.write_text(" ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
