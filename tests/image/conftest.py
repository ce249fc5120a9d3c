"""The stand-in, built once a run; machines that boot copies of it."""

import json
import os
import shutil
from pathlib import Path

import pytest
from bundles import Bundles
from standin import ROOT, StandIn
from visitors import Visitors
from vm import Lan, Machine, copy_disk, lan_missing

GIB = 1 << 30
BIN = Path(os.environ["ROOMBOX_BIN"])
SHOTS = Path(os.environ["ROOMBOX_SHOTS"])
VERSION = "0.1.0"
OWNER, PASSWORD = "Ada", "correct horse battery"


def pytest_collection_modifyitems(items):
    if os.getuid() != 0 or shutil.which("mmdebstrap") is None or shutil.which("qemu-system-x86_64") is None:
        why = "assembling an image needs root, mmdebstrap and qemu-system-x86 (scripts/setup.sh image)"
        print(f"SKIPPED image suite: {why}")
        for item in items:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def standin():
    # Elsewhere for two runs at a time.
    return StandIn(Path(os.environ.get("ROOMBOX_IMAGE", ROOT / "target" / "image")), BIN)


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


@pytest.fixture(scope="session")
def machines(image, tmp_path_factory):
    """Makes machines with a disk of their own, on a cable of their own where there can be one."""
    made = []

    def make(name: str, disk: Path | None = None, **options) -> Machine:
        folder = tmp_path_factory.mktemp(name)
        disk = disk or copy_disk(image, folder / "disk.img", 6 * GIB)
        lan = None if lan_missing() else Lan(folder / "lan")
        made.append(Machine(folder / "machine", disk, lan=lan, **options))
        return made[-1]

    yield make
    for machine in made:
        machine.stop()
        if machine.lan:
            machine.lan.close()


@pytest.fixture(scope="session")
def booted(machines):
    """A new box, up and proven. Later modules go on with it."""
    machine = machines("box").start()
    up(machine)
    return machine


@pytest.fixture(scope="session")
def owned(booted):
    """The same with an owner."""
    if not booted.answers()["claimed"]:
        claim(booted)
    return booted


@pytest.fixture(scope="session")
def bundles(standin, image, tmp_path_factory):
    return Bundles(standin, tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="session")
def visitors(booted, tmp_path_factory):
    if why := lan_missing():
        pytest.skip(f"SKIPPED: a browser needs the machine on a cable: {why}")
    visitors = Visitors(booted.base, tmp_path_factory.mktemp("visitors") / "log")
    yield visitors
    visitors.close()


def up(machine, side: str = "A", version: str = VERSION, times: int = 1):
    """Waits for the verdict on a boot: the health gate's, and the daemon's answer."""
    machine.wait_verdict(side, version, outcome="(good|failed)", times=times)
    machine.wait(machine.answers, "the API never answered")


def claim(machine):
    machine.claim(OWNER, PASSWORD)


def diary(machine) -> list[dict]:
    """The diary of boots, as the guest has it."""
    return [json.loads(line) for line in machine.run("cat /data/boots.jsonl").splitlines()]


def grub_state(machine) -> dict:
    listed = machine.run("grub-editenv /boot/firmware/EFI/BOOT/grubenv list")
    return dict(line.split("=", 1) for line in listed.splitlines())


STORY: dict[str, list] = {}


def pytest_runtest_logreport(report):
    """How long each step of the story took, with what it had to set up."""
    step = STORY.setdefault(report.nodeid, [0.0, "passed"])
    step[0] += report.duration
    if report.outcome != "passed":
        step[1] = report.outcome


def pytest_terminal_summary(terminalreporter):
    for name, (seconds, outcome) in STORY.items():
        file, _, test = name.partition("::")
        told = test.removeprefix("test_").replace("_", " ")
        terminalreporter.write_line(f"{seconds:6.0f} s  {outcome:7} {file.removeprefix('test_').removesuffix('.py')}: {told}")
    count = {what: len(terminalreporter.stats.get(what, [])) for what in ("passed", "failed", "skipped", "error")}
    failed = count["failed"] + count["error"]
    terminalreporter.write_line(f"{count['passed']} passed, {failed} failed, {count['skipped']} skipped")
