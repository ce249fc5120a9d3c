"""A board with U-Boot, on QEMU's Arm machine: sides and tries in the real boot loader, and the whole system
started by it."""

import os
import re
import subprocess
from pathlib import Path

import arm
import pytest
from bundles import Bundles
from conftest import GIB, VERSION, claim, diary, up
from standin import ROOT
from test_updates import reaches
from vm import Lan, copy_disk, lan_missing

BIN = Path(os.environ.get("ROOMBOX_ARM_BIN", ROOT / "target/cross/aarch64-unknown-linux-gnu/debug"))
NEW = "0.2.0"
# Where Rockchip's first stage lies: after the table, before the first partition, in none.
FIRST_STAGE_AT, FIRST_STAGE = 64 * 512, b"the first stage of a boot loader" * 512


@pytest.fixture(scope="module")
def standin():
    if why := arm.missing():
        pytest.skip(f"SKIPPED: no Arm machine: {why}")
    return arm.ArmStandIn(ROOT / "target" / "image-arm64", BIN)


@pytest.fixture(scope="module")
def loader(standin):
    return standin.uboot()


def loads(machine, count: int) -> list[str]:
    """The first `count` sides that U-Boot took, "again" where it had none left."""
    words = r"^roombox: (?:side ([AB])$|no side has tries left, beginning (again))"

    def told():
        found = ["".join(pair) for pair in re.findall(words, machine.loader_said(), re.M)]
        return found[:count] if len(found) >= count else None

    return machine.wait(told, f"U-Boot did not choose {count} times: {machine.loader_said()[-1500:]}", 120)


@pytest.fixture
def empty(standin, loader, tmp_path):
    """A box whose sides hold nothing that starts: U-Boot goes round by itself."""
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "empty").touch()
    root = tmp_path / "root.squashfs"
    subprocess.run(["mksquashfs", tmp_path / "nothing", root, "-noappend", "-quiet", "-no-progress"], check=True, capture_output=True)
    return copy_disk(standin.disk(root), tmp_path / "disk.img", 4 * GIB)


def test_each_side_has_three_tries_then_the_other_and_none_stands_still(empty, loader, tmp_path):
    with arm.ArmMachine(tmp_path / "machine", empty, loader) as machine:
        assert loads(machine, 8) == ["A", "A", "A", "B", "B", "B", "again", "A"]


def copies(standin) -> list[int]:
    """Where the copies of U-Boot's environment lie on the disk."""
    lines = (standin.board / "boot/fw_env.config").read_text().splitlines()
    return [int(line.split()[1], 16) for line in lines if line.startswith("/dev/")]


@pytest.mark.parametrize("copy", [0, 1])
def test_a_torn_copy_of_the_environment_costs_one_try_at_most(standin, empty, loader, tmp_path, copy):
    with arm.ArmMachine(tmp_path / "before", empty, loader) as machine:
        loads(machine, 4)
    with empty.open("r+b") as file:
        file.seek(copies(standin)[copy])
        assert b"BOOT_ORDER=" in file.read(4096), "this is no environment"
        file.seek(copies(standin)[copy] + 100)
        file.write(b"\xff" * 64)
    with arm.ArmMachine(tmp_path / "after", empty, loader) as machine:
        # B had two tries left, three if the newer copy was the torn one, fewer if we were slow. Lost, A
        # would be tried first.
        sides = loads(machine, 5)
        assert "again" in sides and set(sides[: sides.index("again")]) <= {"B"}, sides


@pytest.fixture(scope="module")
def disk(standin):
    if not (BIN / "roomboxd").exists():
        pytest.skip(f"SKIPPED: there is no {BIN}/roomboxd (scripts/cross.sh build-arm64)")
    standin.stage(VERSION, debug=True)
    return standin.disk(standin.squashfs("rootfs.squashfs"))


@pytest.fixture(scope="module")
def board(disk, loader, tmp_path_factory):
    folder = tmp_path_factory.mktemp("board")
    lan = None if lan_missing() else Lan(folder / "lan")
    own = copy_disk(disk, folder / "disk.img", 8 * GIB)
    with own.open("r+b") as file:
        file.seek(FIRST_STAGE_AT)
        file.write(FIRST_STAGE)
    machine = arm.ArmMachine(folder / "machine", own, loader, lan).start()
    yield machine
    machine.stop()
    if lan:
        lan.close()


def environment(machine) -> dict:
    return dict(line.split("=", 1) for line in machine.run("fw_printenv BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT").splitlines())


def test_it_starts_from_a_fit_and_proves_its_side(board):
    up(board)
    print(f"Arm, boot to good: {board.cpu_seconds():.0f} CPU-s of emulation")
    assert board.run("uname -m") == "aarch64"
    assert board.run("cat /etc/rauc/system.conf").splitlines()[2] == "compatible=roombox-rock-5b"
    assert [entry["outcome"] for entry in diary(board)] == ["started", "good"]
    with board.disk.open("rb") as file:
        file.seek(FIRST_STAGE_AT)
        assert file.read(len(FIRST_STAGE)) == FIRST_STAGE, "growing has the disk forget its boot loader"
    # It is good: its tries are its own again.
    assert environment(board)["BOOT_A_LEFT"] == "3"
    claim(board)


def test_it_updates_to_the_other_side(board, standin, tmp_path):
    bundle = Bundles(standin, tmp_path).full(NEW)
    board.get("/api/v1/updates/bundle", "PUT", bundle, patience=900)
    assert reaches(board, "installed")["version"] == NEW
    assert environment(board)["BOOT_ORDER"] == "B A"
    board.get("/api/v1/updates/restart", "POST", {})
    board.shell_ready = False
    up(board, "B", NEW)
    assert environment(board) == {"BOOT_ORDER": "B A", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "3"}
    view = board.get("/api/v1/updates")
    assert (view["version"], view["confirmed"], view["setback"]) == (NEW, True, None), view
