"""The job desk: who goes first, when films start and are ready, and boxes that do one thing only."""

import shutil
import sqlite3
from datetime import datetime, timedelta, timezone

import pytest
from meeting import Meeting
from panel_client import Refused
from recbox import RecBox


def record(box, count):
    made = []
    with Meeting(box, people=("Ada",)) as meeting:
        for _ in range(count):
            recording = meeting.record()
            box.until(recording, lambda seen: seen["duration_ms"] > 2500)
            meeting.stop_recording()
            box.until(recording, lambda seen: seen["job"])
            made.append(recording)
    return made


def jobs(box):
    return {one["recording_id"]: one for one in box.panel.call("GET", "/jobs")["items"]}


def mode(box, wanted):
    assert box.panel.call("PATCH", "/settings", {"recorder": {"mode": wanted}})["recorder"]["mode"] == wanted


def refused(box, method, path, body, code):
    with pytest.raises(Refused) as refusal:
        box.panel.call(method, path, body)
    assert refusal.value.code == code, refusal.value
    return refusal.value


def test_films_wait_while_the_box_only_records_and_what_somebody_wants_next_goes_first(box):
    mode(box, "recorderOnly")
    first, second, third = record(box, 3)
    waiting = jobs(box)
    for recording in (first, second, third):
        job = waiting[recording]
        assert (job["state"], job["attempts"], job["priority"]) == ("queued", 0, 0)
        assert job["waits"]["reason"] == "records_only"
        assert job["starts_at"] is None and job["ready_at"] is None
    at = {recording: f"/jobs/{job['id']}" for recording, job in waiting.items()}
    refused(box, "PATCH", at[first], {"priority": 101}, "invalid_job")
    refused(box, "PATCH", at[first], {"deadline": "tonight"}, "invalid_job")
    refused(box, "PATCH", at[first], {"soon": True}, "malformed_request")
    refused(box, "PATCH", "/jobs/job_none", {"next": True}, "not_found")
    # All wait over a restart, and what somebody wants of them is kept.
    late = (datetime.now(timezone.utc) + timedelta(seconds=1)).isoformat()
    box.panel.call("PATCH", at[second], {"priority": 5})
    box.panel.call("PATCH", at[first], {"deadline": late})
    assert box.panel.call("PATCH", at[third], {"next": True})["next"]
    box.stop()
    box.start()
    assert {job["state"] for job in jobs(box).values()} == {"queued"}
    mode(box, "both")
    box.wait(lambda: jobs(box)[third]["state"] != "queued")
    seen = jobs(box)
    if seen[third]["state"] == "running":
        assert seen[second]["state"] == seen[first]["state"] == "queued"
        assert seen[third]["ready_at"] <= seen[second]["starts_at"] < seen[second]["ready_at"]
        assert seen[second]["ready_at"] <= seen[first]["starts_at"], "5 goes before 0"
        assert seen[second]["waits"] == {"reason": "turn", "before": 1, "meetings": 0, "until": None}
        assert seen[first]["late_by_s"] > 0 and seen[second]["late_by_s"] is None
    box.wait(lambda: jobs(box)[second]["state"] == "finished")
    for recording in (first, second, third):
        box.until(recording, lambda found: found["state"] == "ready")
    refused(box, "PATCH", at[third], {"next": True}, "job_state")
    # What they took is remembered.
    with sqlite3.connect(box.data / "roombox.db") as sql:
        shapes = dict(sql.execute("SELECT shape, jobs FROM job_costs"))
    assert shapes["film"] == 3 and len(shapes) == 2, shapes


def test_films_are_made_by_a_box_that_only_makes_films_of_what_another_recorded(tmp_path):
    for one in ("recorder", "maker"):
        (tmp_path / one).mkdir()
    with RecBox(tmp_path / "recorder" / "data", config='[recorder]\nmode = "recorderOnly"\n') as recorder:
        (recording,) = record(recorder, 1)
        folder = recorder.folder(recording)
        recorder.stop()
        with RecBox(tmp_path / "maker" / "data", config='[recorder]\nmode = "transcoderOnly"\n') as maker:
            with Meeting(maker, people=("Ada",)) as meeting:
                refusal = refused(maker, "POST", f"/rooms/{meeting.room['id']}/recording", {}, "only_transcodes")
                assert "only makes films" in str(refusal)
            maker.stop()
            shutil.copytree(folder, maker.folder(recording))
            maker.start()
            seen = maker.until(recording, lambda seen: seen["state"] == "ready")
            assert any(file["kind"] == "mp4" for file in seen["files"])
            # It may record again at once.
            mode(maker, "both")
            record(maker, 1)
