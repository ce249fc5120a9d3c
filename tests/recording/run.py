#!/usr/bin/env python3
"""Runs the recording suite: the real daemon, real clients, real files.

`--kills N` runs N rounds of kill -9 instead of the few of a normal run.
Its last line is always `N passed, N failed, N skipped`.
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
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(HERE.parent / "demo"),
    }
    if arguments.kills:
        environment["ROOMBOX_KILLS"] = str(arguments.kills)
        for_pytest = for_pytest or ["test_kill.py"]
    if arguments.cuts:
        for_pytest = for_pytest or ["test_power.py"]
        environment["ROOMBOX_CUTS"] = str(arguments.cuts)
    command = [e2e.prepare_python(), "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider"]
    return subprocess.run([*command, *(for_pytest or ["."])], cwd=HERE, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
