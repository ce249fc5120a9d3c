"""The stand-in, built once a run; machines that boot copies of it."""

import json
import os
import shutil
from pathlib import Path

import pytest
from standin import ROOT, StandIn

GIB = 1 << 30
BIN = Path(os.environ["ROOMBOX_BIN"])
VERSION = "0.1.0"


def pytest_collection_modifyitems(items):
    if os.getuid() != 0 or shutil.which("mmdebstrap") is None or shutil.which("qemu-system-x86_64") is None:
        why = "assembling an image needs root, mmdebstrap and qemu-system-x86 (scripts/setup.sh test)"
        print(f"SKIPPED image suite: {why}")
        for item in items:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def standin():
    return StandIn(ROOT / "target" / "image", BIN)


@pytest.fixture(scope="session")
def release(standin):
    """The root of the release image, unpacked: nothing boots it, it is looked at."""
    standin.stage(VERSION)
    return standin.root


@pytest.fixture(scope="session")
def image(standin):
    """The debug image: the release with a root shell on the second serial line."""
    standin.stage(VERSION, debug=True)
    squashfs = standin.squashfs("rootfs.squashfs")
    return standin.disk(squashfs)


def diary(machine) -> list[dict]:
    """The diary of boots, as the guest has it."""
    return [json.loads(line) for line in machine.run("cat /data/boots.jsonl").splitlines()]


def pytest_terminal_summary(terminalreporter):
    count = {what: len(terminalreporter.stats.get(what, [])) for what in ("passed", "failed", "skipped", "error")}
    failed = count["failed"] + count["error"]
    terminalreporter.write_line(f"{count['passed']} passed, {failed} failed, {count['skipped']} skipped")
