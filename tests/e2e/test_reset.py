"""The image's factory reset on a real block device: what was on it cannot be read from it any more."""

import os
import subprocess
from pathlib import Path

import pytest

RESET = Path(__file__).resolve().parents[2] / "yocto/meta-roombox/recipes-core/roombox-disk/files/root/usr/lib/roombox/reset"
MIB = 1 << 20
SIZE = 300 * MIB
CANARY = b"somebody's meeting"


@pytest.fixture
def disk(tmp_path):
    """A data partition with a canary in its beginning, its middle and its end."""
    file = tmp_path / "data.img"
    with file.open("wb") as out:
        out.truncate(SIZE)
    made = subprocess.run(["losetup", "--find", "--show", file], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"SKIPPED: no loop device here: {made.stderr.strip()}")
    device = made.stdout.strip()
    subprocess.run(["mkfs.ext4", "-q", "-F", device], check=True)
    with open(device, "r+b") as out:
        for at in (100 * MIB, SIZE // 2, SIZE - 4096):
            out.seek(at)
            out.write(CANARY)
        os.fsync(out.fileno())
    yield device, file
    subprocess.run(["losetup", "-d", device], check=True)


def reset(tmp_path, device: str, words: str = "", discards: bool = True):
    fat = tmp_path / "fat"
    fat.mkdir(exist_ok=True)
    (tmp_path / "cmdline").write_text(f"quiet {words}\n")
    path = f"{os.environ['PATH']}:/sbin:/usr/sbin"
    if not discards:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/blkdiscard").write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / "bin/blkdiscard").chmod(0o755)
        path = f"{tmp_path}/bin:{path}"
    environment = os.environ | {"PATH": path, "ROOMBOX_FAT": str(fat), "ROOMBOX_DATA_DEVICE": device, "ROOMBOX_CMDLINE": str(tmp_path / "cmdline")}
    return subprocess.run(["sh", RESET], env=environment, capture_output=True, text=True)


def found(file: Path) -> int:
    return file.read_bytes().count(CANARY)


@pytest.mark.parametrize("discards", [True, False], ids=["flash", "a disk that cannot discard"])
def test_nothing_of_what_was_there_can_be_read(disk, tmp_path, discards):
    device, file = disk
    (tmp_path / "fat").mkdir()
    (tmp_path / "fat/roombox.reset").touch()
    assert found(file) == 3
    done = reset(tmp_path, device, discards=discards)
    assert done.returncode == 0, done.stderr
    assert "asked by the file roombox.reset" in done.stdout
    assert ("100 % of 300 MiB" in done.stdout) != discards
    assert found(file) == 0
    label = subprocess.run(["blkid", "-o", "value", "-s", "LABEL", "-p", device], capture_output=True, text=True)
    assert label.stdout.strip() == "data"
    assert not (tmp_path / "fat/roombox.reset").exists()


def test_it_is_asked_by_the_boot_menu_too(disk, tmp_path):
    device, file = disk
    assert "asked by the boot menu" in reset(tmp_path, device, "roombox.reset=1").stdout
    assert found(file) == 0


def test_unasked_it_touches_nothing(disk, tmp_path):
    device, file = disk
    done = reset(tmp_path, device, "roombox.reset=0")
    assert (done.returncode, done.stdout) == (0, "")
    assert found(file) == 3


def test_without_a_data_partition_the_wish_is_kept(tmp_path):
    (tmp_path / "fat").mkdir()
    (tmp_path / "fat/roombox.reset").touch()
    done = reset(tmp_path, str(tmp_path / "nothing"))
    assert done.returncode == 1 and "nothing is erased" in done.stderr
    assert (tmp_path / "fat/roombox.reset").exists()
