"""A room on two media threads: whoever lives on the second is like anybody."""

import asyncio
import json

import pytest
from livekit import api, rtc

from box import Box
from clients import meeting
from test_data import payloads
from test_media import BOTH, PURE, options

ROOM = "big"


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    # All but the first of each room live on the second shard.
    with Box(tmp_path_factory.mktemp("box"), shards=2, arguments=["--spill-at", "0"]) as box:
        box.claim()
        yield box
        box.check_alive()


def shards(box):
    return box.ask("GET", "/status")["shards"]


def spans(box):
    """On how many shards people are: those that have any."""
    return sum(shard["participants"] > 0 for shard in shards(box))


async def poll(what, seconds=15.0):
    """Waits for something that no client is told of."""
    async with asyncio.timeout(seconds):
        while not (found := await asyncio.to_thread(what)):
            await asyncio.sleep(0.1)
    return found


def written(box, recording):
    """Bytes of each track file of a recording."""
    files = (box.log_path.parent / "data" / "recordings" / recording).rglob("*.mk?")
    return [file.stat().st_size for file in files]


@BOTH
async def test_everybody_sees_and_hears_everybody(box, single):
    async with meeting(box, "alice", "bob", "carol", options=options(single)) as people:
        tones, pictures = {}, {}
        for n, person in enumerate(people):
            tones[person.identity] = (await person.publish_tone(frequency=400 + 200 * n), 400 + 200 * n)
            pictures[person.identity] = await person.publish_video(size=(320, 180), fps=10)
        for me in people:
            for other in people:
                if me is other:
                    continue
                tone, frequency = tones[other.identity]
                await me.until(lambda: tone.sid in me.audio and me.audio[tone.sid].purity(frequency) > PURE)
                sid = pictures[other.identity].sid
                await me.until(lambda: sid in me.video and me.video[sid].frames > 10 and me.video[sid].moving)
        await poll(lambda: spans(box) == 2)
        await poll(lambda: all(shard["relayed_in"] > 100 and shard["relayed_out"] > 100 for shard in shards(box)))
        report = shards(box)
        assert sorted(shard["spilled_rooms"] for shard in report) == [0, 1]
        assert sum(shard["relay_drops"] for shard in report) == 0


async def test_a_speaker_is_shown_to_both_shards(box):
    async with meeting(box, "alice", "bob", "carol") as (alice, bob, carol):
        await bob.publish_tone()
        for person in [alice, carol, bob]:
            await person.until(lambda: any(
                speaker.identity == "bob" for args in person.seen("active_speakers_changed") for speaker in args[0]))


async def test_data_goes_to_both_shards_in_order_and_to_whom_it_names(box):
    async with meeting(box, "alice", "bob", "carol") as (alice, bob, carol):
        sent = [n.to_bytes(2) * 100 for n in range(200)]
        for message in sent:
            await bob.room.local_participant.publish_data(message)
        await bob.room.local_participant.publish_data(b"for alice", destination_identities=["alice"])
        for person, end in [(alice, [b"for alice"]), (carol, [])]:
            await person.until(lambda: len(payloads(person)) >= len(sent) + len(end))
            assert payloads(person) == sent + end
        assert not payloads(bob)
        # And from the home to the others: streams of text are messages, too.
        got = asyncio.get_running_loop().create_future()

        def read(reader, identity):
            asyncio.create_task(finish(reader, identity))

        async def finish(reader, identity):
            got.set_result((identity, await reader.read_all()))

        carol.room.register_text_stream_handler("long", read)
        text = "Roombox " * 8000
        await alice.room.local_participant.send_text(text, topic="long")
        assert await asyncio.wait_for(got, 15) == ("alice", text)


async def test_the_server_api_reaches_people_wherever_they_live(box):
    async with meeting(box, "alice", "bob", "carol", room="api") as (alice, bob, carol), box.api() as server:
        tone = await bob.publish_tone()
        for person in [alice, carol]:
            await person.until(lambda: tone.sid in person.audio)
        listed = await server.room.list_rooms(api.ListRoomsRequest(names=["api"]))
        assert [room.num_participants for room in listed.rooms] == [3]
        people = await server.room.list_participants(api.ListParticipantsRequest(room="api"))
        assert sorted(p.identity for p in people.participants) == ["alice", "bob", "carol"]
        bobs = next(p for p in people.participants if p.identity == "bob")
        assert [track.sid for track in bobs.tracks] == [tone.sid]
        assert bobs.state == api.ParticipantInfo.State.ACTIVE
        await server.room.mute_published_track(
            api.MuteRoomTrackRequest(room="api", identity="bob", track_sid=tone.sid, muted=True))
        for person in [alice, bob, carol]:
            await person.until(lambda: person.seen("track_muted"))
        await server.room.update_participant(api.UpdateParticipantRequest(
            room="api", identity="bob", metadata="chair", attributes={"k": "v"},
            permission=api.ParticipantPermission(can_subscribe=True, can_publish=False)))
        for person in [alice, carol]:
            await person.until(lambda: person.other("bob").metadata == "chair")
            await person.until(lambda: person.other("bob").attributes == {"k": "v"})
            await person.until(lambda: person.seen("track_unpublished"))
        await server.room.update_room_metadata(api.UpdateRoomMetadataRequest(room="api", metadata="topic"))
        for person in [alice, bob, carol]:
            await person.until(lambda: person.room.metadata == "topic")
        await server.room.send_data(api.SendDataRequest(
            room="api", data=b"to carol", kind=api.DataPacket.Kind.RELIABLE, destination_identities=["carol"]))
        await carol.until(lambda: b"to carol" in payloads(carol))
        await server.room.remove_participant(api.RoomParticipantIdentity(room="api", identity="bob"))
        await bob.until(lambda: bob.seen("disconnected"))
        assert bob.seen("disconnected")[0][0] == rtc.DisconnectReason.PARTICIPANT_REMOVED
        for person in [alice, carol]:
            await person.until(lambda: "bob" not in person.room.remote_participants)
        await server.room.delete_room(api.DeleteRoomRequest(room="api"))
        for person in [alice, carol]:
            await person.until(lambda: person.seen("disconnected"))
            assert person.seen("disconnected")[0][0] == rtc.DisconnectReason.ROOM_DELETED
        assert not (await server.room.list_rooms(api.ListRoomsRequest(names=["api"]))).rooms


async def test_a_recording_has_the_tracks_of_both_shards(box):
    room = await asyncio.to_thread(box.ask, "POST", "/rooms", {"name": ROOM})
    people = ["alice", "bob", "carol"]
    async with meeting(box, *people, room=ROOM) as clients:
        for person in clients:
            tone = await person.publish_tone()
            await person.publish_video(size=(320, 180), fps=10)
            for other in clients:
                if other is not person:
                    await other.until(lambda: tone.sid in other.audio)
        begun = await asyncio.to_thread(box.ask, "POST", f"/rooms/{room['id']}/recording", {})
        for person in clients:
            await person.until(lambda: person.room.is_recording)
        where = f"/recordings/{begun['id']}"
        sid = clients[1].room.local_participant.sid
        await poll(lambda: sid in json.dumps(box.ask("GET", f"{where}/timeline")))
        # A microphone and a camera of each, and all of them grow.
        await poll(lambda: sum(size > 20_000 for size in written(box, begun["id"])) == 6, 30)
        await asyncio.to_thread(box.ask, "DELETE", f"/rooms/{room['id']}/recording")


async def test_whoever_comes_again_or_is_too_many_is_found_out_on_both_shards(box):
    async with box.api() as server:
        await server.room.create_room(api.CreateRoomRequest(name="few", max_participants=3))
    async with meeting(box, "alice", "bob", "carol", room="few") as (alice, bob, carol):
        with pytest.raises((rtc.ConnectError, asyncio.TimeoutError)):
            async with meeting(box, "dave", room="few"):
                pass
        async with meeting(box, "bob", room="few") as (again,):
            await bob.until(lambda: bob.seen("disconnected"))
            assert bob.seen("disconnected")[0][0] == rtc.DisconnectReason.DUPLICATE_IDENTITY
            tone = await again.publish_tone()
            for person in [alice, carol]:
                await person.until(lambda: tone.sid in person.audio and person.audio[tone.sid].purity() > PURE)


async def test_an_empty_shard_has_nothing_left_of_the_room(box):
    async with meeting(box, "alice", "bob") as (alice, bob):
        await poll(lambda: spans(box) == 2)
        await bob.close()
        await alice.until(lambda: not alice.room.remote_participants)
        await poll(lambda: sum(shard["spilled_rooms"] for shard in shards(box)) == 0)
    log = box.log_path.read_text()
    assert "a room spills over to another shard" in log and "a room has left a shard" in log
