"""d1: a full disk ends recordings cleanly, and the meeting goes on."""

import os
import subprocess

import pytest
from meeting import Meeting
from panel_client import Refused
from recbox import RecBox, decode

MIB = 1024 * 1024


@pytest.fixture
def small_volume(tmp_path):
    """A volume of 400 MiB of its own."""
    volume = tmp_path / "volume"
    volume.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(volume)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("SKIPPED: a volume can only be mounted as root")
    yield volume
    subprocess.run(["umount", "-l", str(volume)], check=True)


def test_d1_below_the_reserve_recordings_end_with_their_reason_and_the_meeting_goes_on(small_volume):
    config = f"[recording]\nreserve_bytes = {200 * MIB}\n"
    with RecBox(small_volume / "data", config=config) as box:
        # The reserve applies from the next start on.
        box.stop()
        box.start()
        with Meeting(box, people=("Ada",)) as meeting:
            recording = meeting.record()
            box.until(recording, lambda seen: seen["duration_ms"] > 2000)
            filler = small_volume / "filler"
            with open(filler, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, 230 * MIB)
            seen = box.until(recording, lambda seen: seen["state"] != "recording")
            assert seen["end_reason"] == "disk_low"
            with pytest.raises(Refused) as refused:
                meeting.record()
            assert refused.value.status == 507 and refused.value.code == "disk_below_reserve"
            people = box.panel.call("GET", f"/rooms/{meeting.room['id']}/participants")["items"]
            assert [one["name"] for one in people] == ["Ada"], "the meeting must go on"
            for part in box.manifest(recording)["parts"]:
                decode(box.folder(recording) / part["file"])
            filler.unlink()
            again = meeting.record()
            box.until(again, lambda seen: seen["duration_ms"] > 1000)
            meeting.stop_recording()
