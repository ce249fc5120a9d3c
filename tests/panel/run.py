#!/usr/bin/env python3
"""Runs the panel suite: the embedded pages in a real Chromium against the real roomboxd.

Makes its own node_modules (pinned by package-lock.json). `--shots DIR` keeps a picture of every
page in every size and colour. Its last line is always `N passed, N failed, N skipped`.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "e2e"))
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "debug")
    parser.add_argument("--only", choices=["alarms", "backup", "certificates", "crowd", "fleet", "library", "lobby", "network", "oidc", "people", "rooms", "schedule", "setup", "tools", "updates"], help="one group, with a box of its own")
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
    failed = target() / "panel-failed"
    if arguments.last_failed and failed.exists() and (groups := failed.read_text()):
        environment["ROOMBOX_GROUPS"] = groups
    # Whoever crashes leaves none: then all of it failed.
    failed.unlink(missing_ok=True)
    environment["ROOMBOX_FAILED"] = str(failed)
    script = f"{arguments.only or 'journey'}.mjs"
    return subprocess.run(["node", script], cwd=HERE, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
