"""Meet, record, watch: the main job, asked of the box as its panel asks."""

import hashlib
import json
import time
import urllib.request

import pytest
from meeting import Meeting
from panel_client import Refused
from recbox import PASSWORD, decode, probe


def fetch(box, recording, name, method="GET", **headers):
    url = f"{box.http}/api/v1/recordings/{recording}/files/{name}"
    request = urllib.request.Request(url, headers=box.panel.headers | headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.status, response.headers, response.read()


def grown(box, recording, seconds):
    """Waits until so much was recorded."""
    return box.until(recording, lambda seen: seen["duration_ms"] >= seconds * 1000)


def test_a_meeting_becomes_a_film_that_plays_everywhere(box):
    with Meeting(box) as meeting:
        recording = meeting.record()
        meeting.say("Ada")
        grown(box, recording, 4)
        box.panel.call("PATCH", f"/rooms/{meeting.room['id']}/recording", {"marker": "Decision"})
        grown(box, recording, 8)
        meeting.stop_recording()
    seen = box.until(recording, lambda seen: seen["state"] == "ready", 240)
    assert seen["end_reason"] == "stopped" and seen["gaps"] == 0 and seen["interruptions"] == []
    layers = {(track["participant"], track["layer"]) for track in seen["tracks"]}
    assert layers >= {("Ada", "audio"), ("Ada", "top"), ("Grace", "audio"), ("Grace", "top")}
    files = {file["kind"]: file for file in seen["files"]}
    film = box.folder(recording) / files["mp4"]["name"]
    found = probe(film, "stream=codec_name,codec_type,width,height:format=duration:chapter")
    played = {stream["codec_name"] for stream in found["streams"] if stream["codec_type"] != "data"}
    assert played == {"h264", "aac"}
    assert "Decision" in [chapter["tags"]["title"] for chapter in found["chapters"]]
    assert float(found["format"]["duration"]) == pytest.approx(seen["duration_ms"] / 1000, abs=0.5)
    decode(film)
    content = film.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    # By range, whole, unchanged, and under a readable name.
    name, etag = files["mp4"]["name"], f'"{files["mp4"]["sha256"]}"'
    for asked, answered in [
        ({"Range": "bytes=100-199"}, content[100:200]),
        ({"Range": "bytes=-7"}, content[-7:]),
        ({"Range": "bytes=100-199", "If-Range": etag}, content[100:200]),
        ({"Range": "bytes=100-199", "If-Range": '"older"'}, content),
        ({"Range": "bytes=0-1,5-6"}, content),
        ({"Range": "pages=1-2"}, content),
    ]:
        status, headers, body = fetch(box, recording, name, **asked)
        assert (status, body == answered) == (200 if answered is content else 206, True), asked
        assert headers["ETag"] == etag and headers["Accept-Ranges"] == "bytes"
    for asked, status in [({"Range": f"bytes={len(content)}-"}, 416), ({"If-None-Match": etag}, 304),
                          ({"If-Match": '"older"'}, 412)]:
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(box, recording, name, **asked)
        assert refused.value.code == status
        if status == 416:
            assert refused.value.headers["Content-Range"] == f"bytes */{len(content)}"
    status, headers, body = fetch(box, recording, name, method="HEAD", Range="bytes=0-1")
    assert (status, body, headers["ETag"]) == (200, b"", etag)
    assert int(headers["Content-Length"]) == len(content)
    # A part of a track is sealed by now, and goes on from where it broke off, too.
    part = box.manifest(recording)["parts"][0]["file"]
    whole, etag = fetch(box, recording, part)[2], fetch(box, recording, part)[1]["ETag"]
    status, _, body = fetch(box, recording, part, **{"Range": "bytes=9-", "If-Range": etag})
    assert (status, body) == (206, whole[9:])
    status, headers, body = fetch(box, recording, files["mp4"]["name"] + "?download=1")
    assert hashlib.sha256(body).hexdigest() == files["mp4"]["sha256"]
    assert headers["ETag"] == f'"{files["mp4"]["sha256"]}"'
    assert headers["Content-Disposition"].startswith('attachment; filename="Room 1')
    assert fetch(box, recording, files["thumbnail"]["name"])[2][:2] == b"\xff\xd8"
    kinds = [item["kind"] for item in box.panel.call("GET", f"/recordings/{recording}/timeline")["items"]]
    assert kinds.count("join") == 2 and "marker" in kinds and kinds[-1] == "end"
    for part in box.manifest(recording)["parts"]:
        decode(box.folder(recording) / part["file"])
    # Names, codes, tokens and keys are nobody's business who reads the log.
    log = plain(box.log_path)
    token = box.panel.headers["Authorization"].split("_", 1)[1]
    for secret in ("Ada", "Grace", "Room 1", PASSWORD, box.code, token, meeting.room["invite"], "eyJ"):
        assert secret not in log, f"the log holds {secret!r}"


def test_only_files_of_the_recording_can_be_fetched(box):
    with Meeting(box, people=("Ada",)) as meeting:
        recording = meeting.record()
        grown(box, recording, 2)
        meeting.stop_recording()
    box.until(recording, lambda seen: seen["state"] != "recording")
    for name in ("../../roombox.db", "manifest.json", "%2e%2e/%2e%2e/roombox.db", "/etc/passwd", "x.mp4"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(box, recording, name)
        assert refused.value.code == 404, name


def test_one_person_in_h264_is_copied_not_encoded(box):
    from livekit import rtc

    with Meeting(box, people=("Grace",), codec=rtc.VideoCodec.H264) as meeting:
        recording = meeting.record(layout="single")
        grown(box, recording, 6)
        meeting.stop_recording()
    seen = box.until(recording, lambda seen: seen["state"] == "ready", 240)
    film = box.folder(recording) / next(f["name"] for f in seen["files"] if f["kind"] == "mp4")
    decode(film)
    assert 'encoder="copy"' in box.log_path.read_text() or "encoder=copy" in plain(box.log_path)


def plain(path):
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", path.read_text())


def test_a_second_press_records_once_and_an_empty_room_not_at_all(box):
    room = box.panel.call("POST", "/rooms", {"name": "Empty"})
    with pytest.raises(Refused) as refused:
        box.panel.call("POST", f"/rooms/{room['id']}/recording")
    assert refused.value.code == "no_meeting"
    with Meeting(box, people=("Ada",)) as meeting:
        recording = meeting.record()
        with pytest.raises(Refused) as refused:
            meeting.record()
        assert refused.value.code == "already_recording"
        with pytest.raises(Refused) as refused:
            box.panel.call("DELETE", f"/recordings/{recording}")
        assert refused.value.code == "still_recording"
        meeting.stop_recording()
        box.until(recording, lambda seen: seen["state"] != "recording")


def test_everybody_sees_that_the_room_is_recorded(box):
    with Meeting(box, people=("Ada",)) as meeting:
        ada = meeting.people["Ada"].room
        recording = meeting.record()
        begun = time.monotonic()
        while not ada.is_recording and time.monotonic() - begun < 10:
            time.sleep(0.05)
        assert ada.is_recording
        meeting.stop_recording()
        while ada.is_recording and time.monotonic() - begun < 20:
            time.sleep(0.05)
        assert not ada.is_recording
        box.until(recording, lambda seen: seen["state"] != "recording")


def test_a_job_can_be_cancelled_and_tried_again(box):
    with Meeting(box) as meeting:
        recording = meeting.record()
        grown(box, recording, 12)
        meeting.stop_recording()
    seen = box.until(recording, lambda seen: (seen["job"] or {}).get("state") == "running")
    job = seen["job"]["id"]
    box.panel.call("DELETE", f"/jobs/{job}")
    box.until(recording, lambda seen: seen["job"]["state"] == "cancelled")
    assert not list(box.folder(recording).glob("derived/*/*.mp4"))
    box.panel.call("POST", f"/jobs/{job}/attempts")
    seen = box.until(recording, lambda seen: seen["state"] == "ready", 240)
    assert seen["job"]["id"] == job


def test_sigterm_ends_recordings_whole(box):
    with Meeting(box, people=("Ada",)) as meeting:
        recording = meeting.record()
        grown(box, recording, 3)
        begun = time.monotonic()
        assert box.stop() == 0
        assert time.monotonic() - begun < 5
        manifest = box.manifest(recording)
        assert manifest["ended"]["reason"] == "shutdown"
        for part in manifest["parts"]:
            assert part["bytes"] == (box.folder(recording) / part["file"]).stat().st_size
    box.start()
    box.until(recording, lambda seen: seen["state"] == "ready", 240)


def test_what_was_deleted_is_gone_and_what_is_unknown_is_imported(box):
    with Meeting(box, people=("Ada",)) as meeting:
        recording = meeting.record()
        grown(box, recording, 2)
        meeting.stop_recording()
    box.until(recording, lambda seen: seen["state"] == "ready", 240)
    # The database is lost; the files are not.
    box.stop()
    for file in box.data.glob("roombox.db*"):
        file.unlink()
    foreign = box.data / "recordings" / "holiday"
    foreign.mkdir()
    (foreign / "photo.jpg").write_bytes(b"not ours")
    box.start()
    box.panel.claim(box.code, "correct horse battery")
    box.until(recording, lambda seen: seen["state"] == "ready", 240)
    box.panel.call("DELETE", f"/recordings/{recording}")
    with pytest.raises(Refused):
        box.recording(recording)
    assert not box.folder(recording).exists()
    assert (foreign / "photo.jpg").read_bytes() == b"not ours"


def test_what_is_paused_is_not_recorded_not_even_after_a_crash(box):
    with Meeting(box, people=("Ada",)) as meeting:
        ada = meeting.people["Ada"].room
        recording = meeting.record()
        route = f"/rooms/{meeting.room['id']}/recording"
        grown(box, recording, 3)
        box.panel.call("PATCH", route, {"paused": True})
        paused = grown(box, recording, 5)
        assert paused["paused"] and not ada.is_recording
        kept = {part["file"]: part["bytes"] for part in box.manifest(recording)["parts"]}
        assert kept and all(kept.values()), "every part is sealed"
        grown(box, recording, 7)
        box.kill()
        box.start()
        # Ada comes back by herself, and the recording with her: still paused.
        box.until(recording, lambda seen: seen["paused"] and seen["duration_ms"] > 9_000)
        assert {part["file"]: part["bytes"] for part in box.manifest(recording)["parts"]} == kept
        box.panel.call("PATCH", route, {"paused": False})
        resumed = box.recording(recording)
        assert not resumed["paused"]
        grown(box, recording, resumed["duration_ms"] / 1000 + 3)
        meeting.stop_recording()
    seen = box.until(recording, lambda seen: seen["state"] == "ready", 240)
    items = box.panel.call("GET", f"/recordings/{recording}/timeline")["items"]
    pause, resume = [next(item["t_ms"] for item in items if item["kind"] == kind) for kind in ("pause", "resume")]
    index = next(file["name"] for file in seen["files"] if file["kind"] == "index")
    index = json.loads((box.folder(recording) / index).read_text())
    pieces = [(piece["from_us"] / 1000, piece["to_us"] / 1000) for piece in index["pieces"]]
    assert len(pieces) == 2 and pieces[0][1] == pytest.approx(pause, abs=300) and pieces[1][0] == pytest.approx(resume, abs=1)
    film = box.folder(recording) / next(f["name"] for f in seen["files"] if f["kind"] == "mp4")
    length = float(probe(film, "format=duration")["format"]["duration"])
    assert length == pytest.approx(index["duration_us"] / 1e6, abs=0.2)


def test_an_ordered_film_is_made_although_the_box_died_and_its_maker_stops_it_meanwhile(box):
    import asyncio

    from livekit import api

    async def ask(what):
        async with api.LiveKitAPI(box.http, "devkey", "secret") as server:
            return await what(server.egress)

    def egress(what):
        return asyncio.run(ask(what))

    with Meeting(box, people=("Ada",)) as meeting:
        file = api.EncodedFileOutput(filepath="ordered")
        request = api.RoomCompositeEgressRequest(room_name=meeting.room["name"], file_outputs=[file])
        order = egress(lambda service: service.start_room_composite_egress(request)).egress_id
        recording = box.panel.call("GET", "/recordings")["items"][0]["id"]
        grown(box, recording, 3)
        box.kill()
    box.start()
    # Nobody is there any more: the recording waits for its room.
    assert box.recording(recording)["state"] == "recording"
    stopped = egress(lambda service: service.stop_egress(api.StopEgressRequest(egress_id=order)))
    assert stopped.status == api.EgressStatus.EGRESS_ENDING
    box.until(recording, lambda seen: seen["state"] == "ready", 240)
    listed = egress(lambda service: service.list_egress(api.ListEgressRequest(egress_id=order)))
    info = listed.items[0]
    assert info.status == api.EgressStatus.EGRESS_COMPLETE
    assert info.file_results[0].size > 10_000 and info.file_results[0].duration > 2e9
