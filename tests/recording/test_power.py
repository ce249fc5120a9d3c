"""p1: power cuts. The recordings' volume is copied block by block while it is written to; each copy
is what a disk would hold after a cut at that moment. Mounted, mended and read, it must hold every
part readable and all but the last 2 s, a database that is whole, and every room that somebody was told is made.

The box stands still while the blocks are copied: else early blocks would be older than late ones,
and a file that was made durable in between would be torn as no disk tears it.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest
from meeting import Meeting
from recbox import BIN, RecBox, probe, started

CUTS = int(os.environ.get("ROOMBOX_CUTS", "12"))
MOST_LOST_S = 2.0
IMAGE_MIB = 192


def mount(image, folder):
    """None, or what the kernel has against it."""
    folder.mkdir(exist_ok=True)
    attached = subprocess.run(["losetup", "--find", "--show", str(image)], capture_output=True, text=True)
    if attached.returncode != 0:
        return attached.stderr
    device = attached.stdout.strip()
    # A loop device keeps the read-only mark that somebody gave it, from one file to the next.
    subprocess.run(["blockdev", "--setrw", device], check=False)
    done = subprocess.run(["mount", device, str(folder)], capture_output=True, text=True)
    # From here on the mount holds it, and lets it go.
    subprocess.run(["losetup", "--detach", device], check=True)
    return None if done.returncode == 0 else done.stderr


def umount(folder):
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def volume(tmp_path):
    image = tmp_path / "volume.img"
    with open(image, "wb") as file:
        file.truncate(IMAGE_MIB * 1024 * 1024)
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", str(image)], check=True)
    folder = tmp_path / "volume"
    if os.geteuid() != 0 or mount(image, folder) is not None:
        pytest.skip("SKIPPED: a volume can only be mounted as root")
    yield image, folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def cut(process, image, copy):
    """Copies the blocks; with the time just before."""
    at = time.time()
    process.send_signal(signal.SIGSTOP)
    try:
        shutil.copyfile(image, copy)
    finally:
        process.send_signal(signal.SIGCONT)
    return at


def mended(folder):
    """Starts a box on what the cut left and stops it when it is up."""
    log = open(folder.parent / "after.log", "w")
    arguments = [BIN / "roomboxd", "--dev", "--data", folder / "data", "--http", "127.0.0.1:0"]
    box = subprocess.Popen(
        [*arguments, "--udp", "0", "--tcp", "0", "--address", "127.0.0.1"], stdout=subprocess.PIPE, stderr=log, text=True
    )
    for line in box.stdout:
        if "listens on" in line:
            break
    else:
        raise AssertionError((folder.parent / "after.log").read_text()[-3000:])
    box.kill()
    box.wait()


def kept_rooms(database):
    """Names of the rooms in a database that is whole."""
    with closing(sqlite3.connect(database)) as sql:
        assert sql.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {name for (name,) in sql.execute("SELECT name FROM rooms")}


def test_p1_a_cut_at_any_moment_costs_at_most_two_seconds(volume, tmp_path, record_property):
    image, folder = volume
    losses, unmountable, rooms = [], [], set()
    with RecBox(folder / "data", config="[recording]\nreserve_bytes = 1000000\n") as box:
        with Meeting(box) as meeting:
            recording = meeting.record()
            box.until(recording, lambda seen: seen["duration_ms"] > 4000)
            for number in range(CUTS):
                zero = started(box.timeline(recording))
                copy, after = tmp_path / "cut.img", tmp_path / "cut"
                # Moments spread over the sync round's period.
                time.sleep(0.037 * (number % 11))
                growing = {
                    (part["track"], part["layer"])
                    for part in box.manifest(recording)["parts"]
                    if part.get("bytes") is None
                }
                rooms.add(box.panel.call("POST", "/rooms", {"name": f"Cut {number}"})["name"])
                at = cut(box.process, image, copy)
                if (why := mount(copy, after)) is not None:
                    unmountable.append(why)
                    continue
                try:
                    mended(after)
                    left = after / "data" / "recordings" / recording
                    assert not rooms - kept_rooms(after / "data" / "roombox.db"), f"cut {number}"
                    manifest = json.loads((left / "manifest.json").read_text())
                    newest = {}
                    for part in manifest["parts"]:
                        probe(left / part["file"], "stream=codec_name")
                        key = (part["track"], part["layer"])
                        newest[key] = max(newest.get(key, 0), part["end_us"])
                    for key in growing:
                        lost = at - zero - newest.get(key, 0) / 1e6
                        losses.append(lost)
                        assert lost <= MOST_LOST_S, f"cut {number}: {key} lost {lost:.2f} s"
                finally:
                    umount(after)
            meeting.stop_recording()
            box.until(recording, lambda seen: seen["state"] != "recording")
    # The kernel writes on while the box stands: a copy that tears the file system says nothing.
    assert len(losses) >= CUTS, f"{len(unmountable)} of {CUTS} copies were torn: {unmountable}"
    losses.sort()
    record_property("p1", {"cuts": CUTS - len(unmountable), "torn": len(unmountable), "losses": losses})
