"""Films that programs order with LiveKit's own SDK go to the bucket that the order names, and nowhere else."""

import asyncio
import json
import sqlite3

import counterparts
import pytest
from livekit import api
from meeting import Meeting
from receivers import Receiver

KEY, SECRET = "devkey", "secret"
CANARY = "canary4711canary4711canary4711canary"
ACTIVE, ENDING, COMPLETE, FAILED = (
    api.EgressStatus.Value(f"EGRESS_{name}") for name in ("ACTIVE", "ENDING", "COMPLETE", "FAILED")
)


def ask(box, what):
    """`what(server)` with the unmodified SDK."""

    async def run():
        async with api.LiveKitAPI(box.http, KEY, SECRET) as server:
            return await what(server.egress)

    return asyncio.run(run())


def upload(s3, **more):
    return api.S3Upload(access_key=s3.access_key, secret=CANARY, region=s3.region, endpoint=s3.endpoint,
                        bucket=s3.bucket, force_path_style=True, **more)


def order(room, filepath, s3, **more):
    output = api.EncodedFileOutput(filepath=filepath, s3=s3, **more)
    return api.RoomCompositeEgressRequest(room_name=room, file_outputs=[output])


def info(box, egress):
    listed = ask(box, lambda egresses: egresses.list_egress(api.ListEgressRequest(egress_id=egress)))
    return listed.items[0]


def filmed(box, meeting, wish):
    """An order, some seconds, and its end; as it was answered first."""
    started = ask(box, lambda egresses: egresses.start_room_composite_egress(wish))
    assert started.status == ACTIVE
    recording = box.wait(lambda: box.panel.call("GET", "/recordings?state=recording")["items"])[0]["id"]
    box.until(recording, lambda seen: seen["duration_ms"] > 3000)
    ask(box, lambda egresses: egresses.stop_egress(api.StopEgressRequest(egress_id=started.egress_id)))
    return started, recording


def no_secret(box):
    """Neither in the log nor in the store's rows, once it is over."""
    assert CANARY not in box.log_path.read_text()
    with sqlite3.connect(box.data / "roombox.db") as sql:
        kept = sql.execute("SELECT row FROM egress UNION ALL SELECT row FROM egress_uploads").fetchall()
    assert kept and not any(CANARY in row for row, in kept)


def test_a_film_is_carried_to_the_bucket_of_its_order_and_complete_only_then(box, tmp_path):
    with counterparts.s3() as s3, Receiver(KEY, SECRET) as receiver, Meeting(box, people=("Ada",)) as meeting:
        box.panel.call("POST", "/integrations/webhooks", {"url": receiver.url, "key": KEY, "rooms": "all"})
        wish = order("Room 1", "films/{room_name}/{room_id}", upload(s3))
        started, recording = filmed(box, meeting, wish)
        hidden = started.room_composite.file_outputs[0].s3
        assert (hidden.access_key, hidden.secret, hidden.bucket) == ("{access_key}", "{secret}", s3.bucket)
        box.wait(lambda: info(box, started.egress_id).status == COMPLETE)
        done = info(box, started.egress_id)
        assert CANARY not in str(done) and not done.error
        name = f"films/Room 1/{done.room_id}.mp4"
        film = done.file_results[0]
        assert film.filename == name
        assert film.location == f"{s3.endpoint}/{s3.bucket}/films/Room%201/{done.room_id}.mp4"
        there = s3.read(name)
        (made,) = [file for file in box.recording(recording)["files"] if file["kind"] == "mp4"]
        assert there == (box.folder(recording) / made["name"]).read_bytes() and film.size == len(there)
        manifest = json.loads(s3.read(f"films/Room 1/{done.egress_id}.json"))
        assert done.manifest_location.endswith(f"/{done.egress_id}.json")
        assert manifest["egress_id"] == done.egress_id and manifest["room_name"] == "Room 1"
        assert manifest["files"] == [{"filename": name, "location": film.location}]
        assert manifest["ended_at"] > manifest["started_at"] > 0
        assert sorted(s3.names()) == sorted([name, f"films/Room 1/{done.egress_id}.json"])
        ends = lambda: [event for event in receiver.events if event.event == "egress_ended"]
        (told,) = box.wait(ends)
        assert (told.egress_info.status, told.egress_info.file_results[0].location) == (COMPLETE, film.location)
        assert CANARY not in str(receiver.events)
        no_secret(box)


def test_a_bucket_that_does_not_take_it_gets_it_later_or_the_order_says_why_not(box):
    with counterparts.s3() as s3, Meeting(box, people=("Ada",)) as meeting:
        elsewhere = upload(s3)
        elsewhere.bucket = "nowhere"
        wish = order("Room 1", "film", elsewhere, disable_manifest=True)
        started, recording = filmed(box, meeting, wish)
        box.until(recording, lambda seen: seen["state"] == "ready")
        box.wait(lambda: info(box, started.egress_id).details)
        waiting = info(box, started.egress_id)
        assert waiting.status == ENDING and "nowhere" in waiting.details, waiting
        # Over a restart it still knows where to, and is not too old to be deleted.
        box.stop()
        s3.client.create_bucket(Bucket="nowhere")
        with sqlite3.connect(box.data / "roombox.db") as sql:
            sql.execute("UPDATE egress_uploads SET row = json_set(row, '$.next_ms', 0)")
        box.start()
        box.wait(lambda: info(box, started.egress_id).status == COMPLETE)
        assert [each["Key"] for each in s3.client.list_objects_v2(Bucket="nowhere")["Contents"]] == ["film.mp4"]
        no_secret(box)
    with Meeting(box, name="Room 2", people=("Ada",)) as meeting:
        # Nobody is there any more.
        wish = order("Room 2", "film", upload(s3))
        started, recording = filmed(box, meeting, wish)
        box.wait(lambda: info(box, started.egress_id).details)
        box.stop()
        with sqlite3.connect(box.data / "roombox.db") as sql:
            sql.execute("UPDATE egress_uploads SET row = json_set(row, '$.next_ms', 0, '$.since_ms', 1,"
                        " '$.attempts', 9) WHERE state = 'waiting'")
        box.start()
        box.wait(lambda: info(box, started.egress_id).status == FAILED)
        failed = info(box, started.egress_id)
        assert failed.error and "/api/v1/recordings/" in failed.file_results[0].location
        assert box.recording(recording)["state"] == "ready"
        no_secret(box)


def test_what_the_box_cannot_carry_to_is_refused_before_anything_is_recorded(box):
    with counterparts.s3() as s3, Meeting(box, people=("Ada",)):
        def refused(filepath, says, **where):
            output = api.EncodedFileOutput(filepath=filepath, **where)
            wish = api.RoomCompositeEgressRequest(room_name="Room 1", file_outputs=[output])
            with pytest.raises(api.TwirpError) as refusal:
                ask(box, lambda egresses: egresses.start_room_composite_egress(wish))
            assert says in refusal.value.message, refusal.value

        refused("a", "S3", gcp=api.GCPUpload(bucket="b"))
        refused("a", "S3", azure=api.AzureBlobUpload(container_name="b"))
        refused("a", "session tokens", s3=upload(s3, session_token="x"))
        refused("a", "metadata", s3=upload(s3, tagging="a=b"))
        refused("../a", "no ..", s3=upload(s3))
        refused("a", "s3.secret", s3=api.S3Upload(bucket="b", access_key="k"))
        assert box.panel.call("GET", "/recordings")["items"] == []
