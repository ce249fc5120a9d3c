#!/usr/bin/env python3
"""Runs the conformance suite: unmodified LiveKit clients against the real roomboxd.

Makes its own virtual environment (pinned by requirements.txt) and its own node_modules (pinned by
browser/package-lock.json), builds roomboxd unless --box names one, and hands the rest to pytest.
Its last line is always `N passed, N failed, N skipped`.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
VENV = TARGET / "e2e-venv"


def stale(stamp: Path, *sources: Path) -> str | None:
    """The sources' digest if `stamp` does not carry it, else None."""
    digest = hashlib.sha256(b"".join(s.read_bytes() for s in sources)).hexdigest()
    return None if stamp.exists() and stamp.read_text() == digest else digest


def prepare_python() -> Path:
    python = VENV / "bin" / "python"
    stamp = VENV / "requirements.sha256"
    digest = stale(stamp, HERE / "requirements.txt")
    if digest:
        venv.create(VENV, with_pip=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", HERE / "requirements.txt"], check=True)
        stamp.write_text(digest)
    return python


def prepare_homeassistant() -> tuple[Path, Path]:
    """A Python that has what Home Assistant's MQTT schemas import, and Home Assistant's wheel for its path:
    unpacked it is three times as large, and of all that it wants only this is needed."""
    folder = TARGET / "homeassistant"
    python = folder / "venv" / "bin" / "python"
    stamp, listed = folder / "requirements.sha256", HERE / "homeassistant.txt"
    digest = stale(stamp, listed)
    if digest:
        venv.create(folder / "venv", with_pip=True, clear=True)
        pip, quiet = [python, "-m", "pip"], ["--quiet", "--disable-pip-version-check", "--no-deps"]
        lines = listed.read_text().splitlines()
        itself = next(line for line in lines if line.startswith("homeassistant=="))
        others = [line for line in lines if "==" in line and line != itself]
        subprocess.run([*pip, "install", *quiet, "--no-compile", *others], check=True)
        subprocess.run([*pip, "download", *quiet, "--dest", folder, itself], check=True)
        stamp.write_text(digest)
    return python, next(folder.glob("homeassistant-*.whl"))


def prepare_node() -> None:
    browser = HERE / "browser"
    stamp = browser / "node_modules" / ".lock.sha256"
    digest = stale(stamp, browser / "package-lock.json")
    if digest:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=browser, check=True)
        stamp.write_text(digest)


def build_box() -> Path:
    subprocess.run(["cargo", "build", "--locked", "-p", "roomboxd"], cwd=ROOT, check=True)
    return TARGET / "debug" / "roomboxd"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--box", type=Path, help="a built roomboxd; default: build one")
    parser.add_argument("--spill", action="store_true",
                        help="rooms live on two media threads: all but the first of each on the second")
    parser.add_argument("--prepare", action="store_true", help="fetch what the suites run with, and nothing else")
    arguments, for_pytest = parser.parse_known_args()
    if arguments.prepare:
        prepare_python()
        prepare_homeassistant()
        prepare_node()
        return 0
    box = (arguments.box or build_box()).resolve()
    python = prepare_python()
    prepare_node()
    environment = os.environ | {"ROOMBOX_BOX": str(box), "PYTHONDONTWRITEBYTECODE": "1"}
    if arguments.spill:
        environment["ROOMBOX_SPILL"] = "0"
    command = [python, "-m", "pytest", "-q", "-o", f"cache_dir={TARGET}/pytest/e2e", *(for_pytest or ["."])]
    return subprocess.run(command, cwd=HERE, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
