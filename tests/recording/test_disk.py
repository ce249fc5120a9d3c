"""d1: a full disk ends recordings cleanly, and the meeting goes on."""

import os
import shutil

import pytest
from meeting import Meeting
from panel_client import Refused
from recbox import RecBox, decode


def test_d1_below_the_reserve_recordings_end_with_their_reason_and_the_meeting_goes_on(tmp_path):
    # Just under what is free now: what others on this machine write may tip it, a file of ours does.
    free = shutil.disk_usage(tmp_path).free
    reserve = free - 300_000_000
    with RecBox(tmp_path / "data", config=f"[recording]\nreserve_bytes = {reserve}\n") as box:
        # The reserve applies from the next start on.
        box.stop()
        box.start()
        with Meeting(box, people=("Ada",)) as meeting:
            recording = meeting.record()
            box.until(recording, lambda seen: seen["duration_ms"] > 2000)
            filler = tmp_path / "filler"
            with open(filler, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, 400_000_000)
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
