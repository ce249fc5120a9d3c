#!/usr/bin/env python3
"""Runs the fleet suite: real daemons, real nats-servers, and a network between them that fails.

`--seeds N` runs the faults with N seeds instead of one, `--events N` lets a box tell so many after seven days without its hub
(20 000; the design's figure is 1 000 000). Its last line is always `N passed, N failed,
N skipped`.
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
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--events", type=int, default=20_000)
    arguments, for_pytest = parser.parse_known_args()
    python = e2e.prepare_python()
    environment = os.environ | {
        "ROOMBOX_BIN": str(arguments.bin.resolve()),
        "ROOMBOX_CLIPS": str(e2e.TARGET / "clips"),
        "ROOMBOX_FLEET_SEEDS": str(arguments.seeds),
        "ROOMBOX_FLEET_EVENTS": str(arguments.events),
        "ROOMBOX_NATS_SERVER": str(python.parent / "nats-server"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(str(HERE.parent / name) for name in ("demo", "e2e", "recording")),
    }
    command = [python, "-m", "pytest", "-q", "-ra", "-o", f"cache_dir={e2e.TARGET}/pytest/fleet"]
    return subprocess.run([*command, *(for_pytest or ["."])], cwd=HERE, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
