"""Faults that take their time: see the table in docs/faults.md."""

import os
import subprocess

import pytest
from test_retention import record
from test_targets import MIB, add, all_there, same, waits_with, with_ballast

pytestmark = pytest.mark.skipif(
    "ROOMBOX_FULL" not in os.environ, reason="SKIPPED: only in make test-full (ROOMBOX_FULL)"
)


def test_a_disk_that_is_full_has_nothing_half_and_gets_all_when_there_is_room(box, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("SKIPPED: a disk can only be mounted as root")
    try:
        (recording,) = record(box, 1)
        with_ballast(box, recording, 9 * MIB)
        stick = add(box, {"kind": "folder", "path": str(disk)}, megabits=40)
        box.panel.call("POST", f"/recordings/{recording}/copies", {"target": stick})
        box.wait(lambda: waits_with(box, recording, stick, "full"))
        there = [path.name for path in disk.rglob("*") if path.is_file()]
        assert not [name for name in there if name == "ballast.mp4"], there
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        box.panel.call("POST", f"/recordings/{recording}/copies/retries")
        found = box.wait(lambda: all_there(box, recording, stick))
        same(box, recording, found, lambda name: (disk / name).read_bytes())
        assert not list(disk.rglob("*.unfinished"))
    finally:
        subprocess.run(["umount", "-l", str(disk)], capture_output=True)
