#!/usr/bin/env python3
"""Runs the image suite: a stand-in of the product's image in QEMU.

It scans the image, boots it, meets and records in it, updates it, lets an update fall back, breaks
what a power cut breaks, and resets it. `--quick` is the scan, the verifier and the first boot; `-k` and
other words go to pytest. `--shots DIR` keeps pictures of the panel. Its last line is always
`N passed, N failed, N skipped`.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "e2e"))


def panel_suite():
    """The panel's suite drives the same Chromium by the same packages."""
    spec = importlib.util.spec_from_file_location("panel_run", HERE.parent / "panel" / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> int:
    import run as e2e

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, default=ROOT / "target" / "debug")
    parser.add_argument("--quick", action="store_true", help="the scan, the verifier and the first boot alone")
    parser.add_argument("--shots", type=Path, default=ROOT / "target" / "image-shots", help="pictures of the panel")
    arguments, for_pytest = parser.parse_known_args()
    panel = panel_suite()
    panel.prepare_node()
    python = e2e.prepare_python()
    arguments.shots.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {
        "CHROMIUM": panel.CHROMIUM,
        "ROOMBOX_SHOTS": str(arguments.shots.resolve()),
        "ROOMBOX_BIN": str(arguments.bin.resolve()),
        "ROOMBOX_CLIPS": str(e2e.TARGET / "clips"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ROOMBOX_NATS_SERVER": str(python.parent / "nats-server"),
        "PYTHONPATH": os.pathsep.join(str(HERE.parent / name) for name in ("demo", "fleet", "recording")),
    }
    command = [python, "-m", "pytest", "-q", "-ra", "-o", f"cache_dir={e2e.TARGET}/pytest/image", *for_pytest]
    if not any((HERE / word.partition("::")[0]).exists() for word in for_pytest):
        command += ["test_scan.py", "test_verifier.py", "test_first_boot.py"] if arguments.quick else ["."]
    return subprocess.run(command, cwd=HERE, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
