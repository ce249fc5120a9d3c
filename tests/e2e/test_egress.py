"""LiveKit's Egress API: films that programs order, by the unmodified server SDKs of Python and JavaScript."""

import asyncio
import json
import subprocess
from pathlib import Path

import aiohttp
import pytest
from livekit import api

from box import KEY, SECRET
from clients import meeting
from receivers import BROWSER, Receiver, until

FILM = 60.0
ACTIVE, ENDING, COMPLETE = (api.EgressStatus.Value(f"EGRESS_{name}") for name in ("ACTIVE", "ENDING", "COMPLETE"))


@pytest.fixture(scope="module")
def owner(box):
    box.claim()
    box.ask("PATCH", "/settings", {"meeting": {"departure_timeout_s": 1, "empty_timeout_s": 60}})
    return box


def composite(room, **more):
    file = api.EncodedFileOutput(filepath="{room_name}")
    return api.RoomCompositeEgressRequest(room_name=room, file_outputs=[file], **more)


async def one(server, egress):
    listed = await server.egress.list_egress(api.ListEgressRequest(egress_id=egress))
    return listed.items[0]


async def ended(server, egress):
    async with asyncio.timeout(FILM):
        while (info := await one(server, egress)).ended_at == 0 or info.status in (ACTIVE, ENDING):
            await asyncio.sleep(0.2)
    return info


async def fetch(box, info, folder: Path) -> Path:
    """The file, as a program with the owner's session fetches it from where the egress says."""
    path = folder / f"{info.egress_id}.mp4"
    async with aiohttp.ClientSession(headers=box.owner) as session:
        async with session.get(box.http + info.file_results[0].location) as answer:
            assert answer.status == 200, await answer.text()
            path.write_bytes(await answer.read())
    assert path.stat().st_size == info.file_results[0].size
    return path


def probe(path: Path):
    """Streams by kind, and the length in seconds."""
    asked = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)]
    seen = json.loads(subprocess.run(asked, check=True, capture_output=True).stdout)
    streams = {stream["codec_type"]: stream for stream in seen["streams"]}
    return streams, float(seen["format"]["duration"])


async def test_two_films_are_ordered_of_one_meeting_which_is_recorded_once(owner, tmp_path):
    room = "two-films"
    with Receiver(KEY, SECRET) as receiver:
        hook = owner.ask("POST", "/integrations/webhooks", {"url": receiver.url, "key": KEY})
        async with meeting(owner, "alice", "bob", room=room) as (alice, bob), owner.api() as server:
            tone, picture = await alice.publish_tone(), await alice.publish_video()
            await bob.publish_video()
            await bob.until(lambda: tone.sid in bob.audio and picture.sid in bob.video)
            preset = api.EncodingOptionsPreset.H264_1080P_30
            first = await server.egress.start_room_composite_egress(composite(room, layout="grid", preset=preset))
            assert (first.status, first.room_name) == (ACTIVE, room)
            assert first.egress_id.startswith("EG_") and first.room_id.startswith("RM_")
            assert first.room_composite.layout == "grid"
            await alice.until(lambda: alice.room.is_recording)
            before = bob.video[picture.sid].frames
            await bob.until(lambda: bob.video[picture.sid].frames > before + 60)
            second = await server.egress.start_participant_egress(api.ParticipantEgressRequest(
                room_name=room, identity="alice", file_outputs=[api.EncodedFileOutput(filepath="alice.mp4")]))
            before = bob.video[picture.sid].frames
            await bob.until(lambda: bob.video[picture.sid].frames > before + 60)
            active = await server.egress.list_egress(api.ListEgressRequest(room_name=room, active=True))
            assert [info.egress_id for info in active.items] == [second.egress_id, first.egress_id]
            stopped = await server.egress.stop_egress(api.StopEgressRequest(egress_id=first.egress_id))
            assert stopped.status == ENDING and stopped.ended_at > stopped.started_at
            # The other one goes on, and so does the recording.
            await bob.until(lambda: bob.video[picture.sid].frames > before + 90)
            assert alice.room.is_recording and (await one(server, second.egress_id)).status == ACTIVE
            await server.egress.stop_egress(api.StopEgressRequest(egress_id=second.egress_id))
            await alice.until(lambda: not alice.room.is_recording)
            films = [await ended(server, info.egress_id) for info in (first, second)]
            assert [info.status for info in films] == [COMPLETE, COMPLETE], films
        recordings = [item for item in owner.ask("GET", "/recordings")["items"] if item["room_name"] == room]
        assert len(recordings) == 1 and recordings[0]["state"] == "ready"
        (whole, long), (single, short) = [probe(await fetch(owner, info, tmp_path)) for info in films]
        assert (whole["video"]["width"], whole["video"]["height"]) == (1920, 1080)
        assert (single["video"]["width"], single["video"]["height"]) == (1280, 720)
        assert "audio" in whole and "audio" in single
        for info, length in zip(films, (long, short)):
            assert abs(info.file_results[0].duration / 1e9 - length) < 1.0, (info, length)
        assert films[0].file_results[0].filename == f"{room}.mp4"
        assert long > 5.0 and short > 3.5
        told = lambda: [event for event in receiver.events if event.event.startswith("egress_")]
        until(lambda: [event.event for event in told()].count("egress_ended") == 2)
        for film in films:
            story = [(event.event, event.egress_info.status) for event in told()
                     if event.egress_info.egress_id == film.egress_id]
            assert story == [("egress_started", ACTIVE), ("egress_updated", ENDING), ("egress_ended", COMPLETE)]
        assert not receiver.refused
        owner.request("DELETE", f"/integrations/webhooks/{hook['id']}")


async def test_a_recording_of_the_panel_goes_on_when_an_ordered_film_ends(owner):
    room = "on-top"
    async with meeting(owner, "alice", "bob", room=room) as (alice, bob), owner.api() as server:
        tone = await alice.publish_tone()
        await bob.until(lambda: tone.sid in bob.audio)
        rooms = {item["name"]: item["id"] for item in owner.ask("GET", "/rooms")["items"]}
        recording = owner.ask("POST", f"/rooms/{rooms[room]}/recording", {})
        order = await server.egress.start_room_composite_egress(composite(room, audio_only=True))
        frames = bob.audio[tone.sid].frames
        await bob.until(lambda: bob.audio[tone.sid].frames > frames + 250)
        await server.egress.stop_egress(api.StopEgressRequest(egress_id=order.egress_id))
        assert owner.ask("GET", f"/recordings/{recording['id']}")["state"] == "recording"
        owner.ask("DELETE", f"/rooms/{rooms[room]}/recording")
        info = await ended(server, order.egress_id)
        assert info.status == COMPLETE and info.file_results[0].filename == f"{room}.m4a"
        whole = owner.ask("GET", f"/recordings/{recording['id']}")["duration_ms"]
        assert 2_000 < info.file_results[0].duration / 1e6 < whole
        ready = lambda: {file["kind"] for file in owner.ask("GET", f"/recordings/{recording['id']}")["files"]}
        await asyncio.to_thread(until, lambda: {"mp4", "sound"} <= ready(), FILM)


async def test_the_javascript_sdk_orders_films(owner):
    room = "in-javascript"
    async with meeting(owner, "alice", "bob", room=room) as (alice, bob):
        tone = await alice.publish_tone()
        await bob.until(lambda: tone.sid in bob.audio)
        node = await asyncio.create_subprocess_exec(
            "node", "egress.mjs", owner.http, KEY, SECRET, room, cwd=BROWSER,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started, listed, changed, again = [json.loads(await node.stdout.readline()) for _ in range(4)]
        assert started == listed == changed, "it is active all the time"
        assert started["filename"] == f"films/{room}.mp4" and started["status"] == ACTIVE
        assert again["filename"] == "again.mp4" and again["egressId"] != started["egressId"]
        frames = bob.audio[tone.sid].frames
        await bob.until(lambda: bob.audio[tone.sid].frames > frames + 250)
        out, _ = await node.communicate(b"\n")
        assert node.returncode == 0, out
        *stopped, web = [json.loads(line) for line in out.decode().splitlines()]
        assert {one["egressId"] for one in stopped} == {started["egressId"], again["egressId"]}
        assert [one["status"] for one in stopped] == [ENDING, ENDING]
        assert web["status"] == 501 and "no browser" in web["refused"]
        async with owner.api() as server:
            for one in stopped:
                info = await ended(server, one["egressId"])
                assert info.status == COMPLETE and info.file_results[0].size > 1000, info


async def test_who_orders_while_the_film_before_ends_gets_a_film_of_its_own(owner, tmp_path):
    room = "one-after-the-other"
    async with meeting(owner, "alice", "bob", room=room) as (alice, bob), owner.api() as server:
        tone = await alice.publish_tone()
        await bob.until(lambda: tone.sid in bob.audio)
        films = []
        for _ in range(2):
            films.append(await server.egress.start_room_composite_egress(composite(room)))
            frames = bob.audio[tone.sid].frames
            await bob.until(lambda: bob.audio[tone.sid].frames > frames + 250)
            stopped = await server.egress.stop_egress(api.StopEgressRequest(egress_id=films[-1].egress_id))
            assert stopped.ended_at - stopped.started_at > 2e9, "what is told at once is true"
        infos = [await ended(server, film.egress_id) for film in films]
        recordings = {info.file_results[0].location.split("/")[4] for info in infos}
        assert [info.status for info in infos] == [COMPLETE, COMPLETE] and len(recordings) == 2
        for info in infos:
            length = probe(await fetch(owner, info, tmp_path))[1]
            assert 2.0 < length < 8.0, "each film is of its own time"


async def test_what_cannot_be_filmed_is_refused_and_nothing_is_recorded(owner):
    codes = api.TwirpErrorCode

    async def refused(call, code, words):
        with pytest.raises(api.TwirpError) as error:
            await call
        assert error.value.code == code and words in error.value.message, error.value

    async with owner.api() as server:
        film = server.egress
        await refused(film.start_room_composite_egress(composite("nowhere")), codes.NOT_FOUND, "room")
        await refused(film.stop_egress(api.StopEgressRequest(egress_id="EG_x")), codes.NOT_FOUND, "egress")
        await server.room.create_room(api.CreateRoomRequest(name="refused"))
        gcp = api.EncodedFileOutput(gcp=api.GCPUpload(bucket="b"))
        upload = api.RoomCompositeEgressRequest(room_name="refused", file_outputs=[gcp])
        await refused(film.start_room_composite_egress(upload), codes.UNIMPLEMENTED, "S3")
        await refused(film.start_room_composite_egress(composite("refused", layout="spiral")),
                      codes.INVALID_ARGUMENT, "speaker")
        stream = api.StreamOutput(urls=["rtmp://example.org/live"])
        await refused(film.start_room_composite_egress(
            api.RoomCompositeEgressRequest(room_name="refused", stream_outputs=[stream])),
            codes.INVALID_ARGUMENT, "stream key")
        segments = api.SegmentedFileOutput(filename_prefix="a")
        await refused(film.start_room_composite_egress(
            api.RoomCompositeEgressRequest(room_name="refused", segment_outputs=[segments])),
            codes.UNIMPLEMENTED, "HLS")
        assert not [item for item in owner.ask("GET", "/recordings")["items"] if item["room_name"] == "refused"]
    token = api.AccessToken(KEY, SECRET).with_grants(api.VideoGrants(room_admin=True, room="refused")).to_jwt()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        async with session.post(f"{owner.http}/twirp/livekit.Egress/ListEgress", json={}) as answer:
            assert answer.status == 401 and (await answer.json())["code"] == "unauthenticated"
        async with session.post(f"{owner.http}/twirp/livekit.Egress/Sing", json={}) as answer:
            assert answer.status == 404


async def test_a_film_of_a_room_that_empties_ends_with_it(owner):
    room = "emptied"
    async with owner.api() as server:
        async with meeting(owner, "alice", "bob", room=room) as (alice, bob):
            tone = await alice.publish_tone()
            await bob.until(lambda: tone.sid in bob.audio)
            order = await server.egress.start_room_composite_egress(composite(room))
            frames = bob.audio[tone.sid].frames
            await bob.until(lambda: bob.audio[tone.sid].frames > frames + 150)
        info = await ended(server, order.egress_id)
        assert info.status == COMPLETE and info.ended_at > info.started_at
        with pytest.raises(api.TwirpError) as error:
            await server.egress.stop_egress(api.StopEgressRequest(egress_id=order.egress_id))
        assert error.value.code == api.TwirpErrorCode.FAILED_PRECONDITION
