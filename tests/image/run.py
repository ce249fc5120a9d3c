#!/usr/bin/env python3
"""Runs the image suite: a stand-in of the product's image in QEMU.

It scans the image and boots it once: about eight minutes under emulation. `-k` and other words go to
pytest. Its last line is always
`N passed, N failed, N skipped`.
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
    arguments, for_pytest = parser.parse_known_args()
    environment = os.environ | {
        "ROOMBOX_BIN": str(arguments.bin.resolve()),
        "ROOMBOX_CLIPS": str(e2e.TARGET / "clips"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(HERE.parent / "demo"),
    }
    command = [e2e.prepare_python(), "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", *for_pytest]
    if not any((HERE / word.partition("::")[0]).exists() for word in for_pytest):
        command.append(".")
    return subprocess.run(command, cwd=HERE, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
