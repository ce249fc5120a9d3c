#!/usr/bin/env python3
"""Runs the recording suite: the real daemon, real clients, real files.

`--kills N` runs N rounds of kill -9 instead of the few of a normal run, `--cuts N` so many power
cuts; each runs only its own tests, whatever else is handed to pytest (`-s`, `-k`, …), unless files
are named. Its last line is always `N passed, N failed, N skipped`.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "e2e"))


def main() -> int:
    import run as e2e

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "debug")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--cuts", type=int, default=0)
    arguments, for_pytest = parser.parse_known_args()
    environment = os.environ | {
        "ROOMBOX_BIN": str(arguments.bin.resolve()),
        "ROOMBOX_CLIPS": str(e2e.TARGET / "clips"),
        "ROOMBOX_HOMEASSISTANT": os.pathsep.join(map(str, e2e.prepare_homeassistant())),
        "ROOMBOX_NATS_SERVER": str(e2e.VENV / "bin" / "nats-server"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(str(HERE.parent / folder) for folder in ("demo", "e2e")),
    }
    if arguments.kills:
        environment["ROOMBOX_KILLS"] = str(arguments.kills)
    if arguments.cuts:
        environment["ROOMBOX_CUTS"] = str(arguments.cuts)
    command = [e2e.prepare_python(), "-m", "pytest", "-q", "-ra", "-o", f"cache_dir={e2e.TARGET}/pytest/recording"]
    if arguments.kills or arguments.cuts or "ROOMBOX_FULL" in os.environ:
        command += ["--timeout=0"]
    command += [*for_pytest, *selected(arguments, for_pytest)]
    return subprocess.run(command, cwd=HERE, env=environment).returncode


def selected(arguments, for_pytest) -> list[str]:
    """The files to run: those that are named, else those of the options, else all."""
    if any((HERE / word.partition("::")[0]).exists() for word in for_pytest):
        return []
    files = [("test_kill.py", arguments.kills), ("test_power.py", arguments.cuts)]
    return [file for file, asked in files if asked] or ["."]


if __name__ == "__main__":
    sys.exit(main())
