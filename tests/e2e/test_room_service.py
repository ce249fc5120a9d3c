"""LiveKit's server API over Twirp, as protobuf (the Python SDK) and as JSON."""

import asyncio
import json
import urllib.error
import urllib.request

import pytest
from livekit import api, rtc

from box import Box
from clients import meeting
from test_data import payloads
from test_media import BOTH, PURE, options
from test_people import Scenario


async def test_rooms_are_made_listed_described_and_deleted(box):
    async with box.api() as server:
        made = await server.room.create_room(
            api.CreateRoomRequest(name="made", metadata="m", empty_timeout=60, max_participants=2)
        )
        assert made.sid.startswith("RM_") and made.metadata == "m" and made.max_participants == 2
        again = await server.room.create_room(api.CreateRoomRequest(name="made"))
        assert again.sid == made.sid
        listed = await server.room.list_rooms(api.ListRoomsRequest(names=["made"]))
        assert [room.sid for room in listed.rooms] == [made.sid]
        await server.room.delete_room(api.DeleteRoomRequest(room="made"))
        listed = await server.room.list_rooms(api.ListRoomsRequest(names=["made"]))
        assert not listed.rooms
        with pytest.raises(api.TwirpError) as error:
            await server.room.delete_room(api.DeleteRoomRequest(room="made"))
        assert error.value.code == api.TwirpErrorCode.NOT_FOUND


async def test_participants_are_listed_and_removed(box):
    async with meeting(box, "alice", "bob", room="list") as (alice, bob), box.api() as server:
        tone = await alice.publish_tone()
        await bob.until(lambda: tone.sid in bob.audio)
        people = await server.room.list_participants(api.ListParticipantsRequest(room="list"))
        assert sorted(p.identity for p in people.participants) == ["alice", "bob"]
        who = api.RoomParticipantIdentity(room="list", identity="alice")
        info = await server.room.get_participant(who)
        assert [track.sid for track in info.tracks] == [tone.sid]
        assert info.state == api.ParticipantInfo.State.ACTIVE
        await server.room.remove_participant(who)
        await alice.until(lambda: alice.seen("disconnected"))
        assert alice.seen("disconnected")[0][0] == rtc.DisconnectReason.PARTICIPANT_REMOVED
        await bob.until(lambda: not bob.room.remote_participants)
        with pytest.raises(api.TwirpError) as error:
            await server.room.get_participant(who)
        assert error.value.code == api.TwirpErrorCode.NOT_FOUND


async def test_moderators_mute_and_never_unmute(box):
    async with meeting(box, "alice", "bob", room="hush") as (alice, bob), box.api() as server:
        tone = await alice.publish_tone()
        await bob.until(lambda: tone.sid in bob.audio)
        request = dict(room="hush", identity="alice", track_sid=tone.sid)
        answer = await server.room.mute_published_track(
            api.MuteRoomTrackRequest(**request, muted=True)
        )
        assert answer.track.muted
        await bob.until(lambda: bob.seen("track_muted"))
        await alice.until(lambda: alice.seen("track_muted"))
        with pytest.raises(api.TwirpError) as error:
            await server.room.mute_published_track(api.MuteRoomTrackRequest(**request, muted=False))
        assert error.value.code == api.TwirpErrorCode.FAILED_PRECONDITION


async def test_the_server_changes_people_and_rooms(box):
    async with meeting(box, "alice", "bob", room="edit") as (alice, bob), box.api() as server:
        changed = await server.room.update_participant(api.UpdateParticipantRequest(
            room="edit", identity="alice", metadata="chair", name="Chair", attributes={"k": "v"},
        ))
        assert (changed.metadata, changed.name) == ("chair", "Chair")
        await bob.until(lambda: bob.other("alice").metadata == "chair")
        # Each kind of change is an event of its own in the SDK.
        await bob.until(lambda: bob.other("alice").attributes == {"k": "v"})
        await server.room.update_room_metadata(
            api.UpdateRoomMetadataRequest(room="edit", metadata="topic")
        )
        await bob.until(lambda: bob.room.metadata == "topic")


async def test_the_server_subscribes_for_people(box):
    async with meeting(box, "alice", "bob", room="force") as (alice, bob), box.api() as server:
        tone = await alice.publish_tone()
        await bob.until(lambda: tone.sid in bob.audio)
        async def subscribe(on):
            await server.room.update_subscriptions(api.UpdateSubscriptionsRequest(
                room="force", identity="bob", track_sids=[tone.sid], subscribe=on,
            ))

        await bob.until(lambda: bob.audio[tone.sid].purity() > PURE)
        # The SDK tells nothing when the server unsubscribes; the track coming anew it does.
        await subscribe(False)
        await subscribe(True)
        await bob.until(lambda: len(bob.seen("track_subscribed")) == 2)
        frames = bob.audio[tone.sid].frames
        await bob.until(lambda: bob.audio[tone.sid].frames > frames + 60)
        assert bob.audio[tone.sid].purity() > PURE


async def test_the_server_sends_data(box):
    async with meeting(box, "alice", "bob", room="tell") as (alice, bob), box.api() as server:
        # Channels are open once a message went from one to the other.
        await alice.room.local_participant.publish_data(b"ready")
        await bob.until(lambda: payloads(bob))
        await bob.room.local_participant.publish_data(b"ready")
        await alice.until(lambda: payloads(alice))
        reliable = api.DataPacket.Kind.RELIABLE
        await server.room.send_data(api.SendDataRequest(
            room="tell", data=b"only bob", kind=reliable, destination_identities=["bob"], topic="t",
        ))
        await server.room.send_data(api.SendDataRequest(room="tell", data=b"all", kind=reliable))
        await alice.until(lambda: b"all" in payloads(alice))
        await bob.until(lambda: b"all" in payloads(bob))
        assert b"only bob" in payloads(bob) and b"only bob" not in payloads(alice)
        assert bob.seen("data_received")[-1][0].participant is None


@BOTH
async def test_people_are_moved_to_another_room(box, single):
    here, there = f"here-{single}", f"there-{single}"
    async with (
        meeting(box, "alice", "bob", room=here, options=options(single)) as (alice, bob),
        box.api() as server,
    ):
        tone = await alice.publish_tone()
        await bob.publish_tone(frequency=600)
        await bob.until(lambda: tone.sid in bob.audio and bob.audio[tone.sid].purity() > PURE)
        await alice.until(lambda: any(heard.purity(600) > PURE for heard in alice.audio.values()))
        # A room that is not open yet, and then one in which somebody is.
        async def go(identity):
            await server.room.move_participant(api.MoveParticipantRequest(
                room=here, identity=identity, destination_room=there,
            ))

        await go("alice")
        await alice.until(lambda: alice.seen("moved"))
        await bob.until(lambda: not bob.room.remote_participants)
        assert alice.room.name == there and not alice.room.remote_participants
        # The same tracks come anew: what is heard from here on is what counts.
        for person in [alice, bob]:
            person.audio.clear()
        await go("bob")
        await bob.until(lambda: bob.seen("moved"))
        for me, other, frequency in [(alice, "bob", 600), (bob, "alice", 440)]:
            await me.until(lambda: other in me.room.remote_participants)
            heard = sum(audio.frames for audio in me.audio.values())
            await me.until(lambda: sum(audio.frames for audio in me.audio.values()) > heard + 100)
            await me.until(lambda: any(a.purity(frequency) > PURE for a in me.audio.values()))
        people = await server.room.list_participants(api.ListParticipantsRequest(room=there))
        assert sorted(person.identity for person in people.participants) == ["alice", "bob"]
        # Whoever was moved comes back to where it is now.
        await alice.room.simulate_scenario(Scenario.SIMULATE_SIGNAL_RECONNECT)
        await alice.until(lambda: alice.seen("reconnected"))
        assert alice.room.name == there
        with pytest.raises(api.TwirpError) as error:
            await go("alice")
        assert error.value.code == api.TwirpErrorCode.NOT_FOUND


async def test_nobody_is_moved_where_it_cannot_be(tmp_path):
    with Box(tmp_path, shards=2) as box:
        async with meeting(box, "alice", room="here"), box.api() as server:
            async def refusal(**request):
                with pytest.raises(api.TwirpError) as error:
                    await server.room.move_participant(api.MoveParticipantRequest(**request))
                return error.value.code

            # The media thread with fewer people.
            await server.room.create_room(api.CreateRoomRequest(name="elsewhere"))
            alice = dict(room="here", identity="alice")
            assert await refusal(**alice, destination_room="elsewhere") == "failed_precondition"
            assert await refusal(**alice, destination_room="here") == "invalid_argument"
            assert await refusal(**alice, destination_room="x" * 300) == "invalid_argument"
            bob = dict(room="here", identity="bob")
            assert await refusal(**bob, destination_room="there") == "not_found"
        box.check_alive()


async def call(box, room, identity, method, payload="", **more):
    """By hand: no server SDK has it as yet."""
    body = dict(room=room, destination_identity=identity, method=method, payload=payload, **more)
    return await asyncio.to_thread(post, box, "PerformRpc", body, room=room, room_admin=True)


@BOTH
async def test_the_server_calls_people(box, single):
    room = f"call-{single}"
    people = meeting(box, "alice", "bob", room=room, options=options(single))
    async with people as (alice, bob), box.api() as server:
        me = bob.room.local_participant

        @me.register_rpc_method("reverse")
        async def reverse(call):
            return call.payload[::-1]

        @me.register_rpc_method("fail")
        async def fail(call):
            raise rtc.RpcError(42, "no luck", "today")

        @me.register_rpc_method("sleep")
        async def sleep(call):
            await asyncio.sleep(4)
            return ""

        # Channels are open once a message went from one to the other.
        await alice.room.local_participant.publish_data(b"ready")
        await bob.until(lambda: payloads(bob))
        status, answer = await call(box, room, "bob", "reverse", "abc" * 5000)
        assert (status, answer) == (200, {"payload": "cba" * 5000})
        for method, expected in [
            ("fail", (500, "internal", "RpcError 42: no luck: today")),
            ("missing", (400, "invalid_argument", "RpcError 1400: Method not supported at destination")),
        ]:
            status, answer = await call(box, room, "bob", method)
            assert (status, answer["code"], answer["msg"]) == expected
        status, answer = await call(box, room, "bob", "sleep", response_timeout_ms=1500)
        assert (status, answer["msg"]) == (408, "RpcError 1502: Response timeout")
        status, answer = await call(box, room, "bob", "reverse", "x" * 16_000)
        assert (status, answer["msg"]) == (400, "RpcError 1402: Request payload too large")
        assert (await call(box, room, "carol", "reverse"))[0] == 404
        assert (await call(box, room, "", "reverse"))[0] == 400
        gone = asyncio.create_task(call(box, room, "bob", "sleep"))
        await asyncio.sleep(1)
        await server.room.remove_participant(api.RoomParticipantIdentity(room=room, identity="bob"))
        status, answer = await gone
        assert (status, answer["msg"]) == (503, "RpcError 1503: Recipient disconnected")
        assert not alice.seen("data_received"), "nobody else hears of it"


async def test_deleting_a_room_sends_everybody_home(box):
    async with meeting(box, "alice", room="over") as (alice,), box.api() as server:
        await server.room.delete_room(api.DeleteRoomRequest(room="over"))
        await alice.until(lambda: alice.seen("disconnected"))
        assert alice.seen("disconnected")[0][0] == rtc.DisconnectReason.ROOM_DELETED


async def test_a_full_room_takes_nobody_else(box):
    async with box.api() as server:
        await server.room.create_room(api.CreateRoomRequest(name="full", max_participants=1))
        async with meeting(box, "alice", room="full"):
            with pytest.raises(Exception):
                async with meeting(box, "bob", room="full"):
                    pass


# JSON, as the JavaScript server SDK and curl speak it.


def post(box, method, body, *, service="RoomService", token=None, content="application/json",
         **grants):
    if token is None:
        token = box.token(grants.pop("room", ""), "admin", room_join=False, **grants)
    request = urllib.request.Request(
        f"{box.http}/twirp/livekit.{service}/{method}",
        body if isinstance(body, bytes) else json.dumps(body).encode(),
        {"Content-Type": content, "Authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_json_in_both_spellings(box):
    for field in ["max_participants", "maxParticipants"]:
        name = f"json-{field}"
        status, room = post(box, "CreateRoom", {"name": name, field: 3}, room_create=True)
        assert status == 200 and room["name"] == name
        assert room.get("maxParticipants", room.get("max_participants")) == 3
    status, listed = post(box, "ListRooms", {"names": ["json-max_participants"]}, room_list=True)
    assert status == 200 and len(listed["rooms"]) == 1


def test_unknown_fields_are_ignored(box):
    body = {"name": "future", "aFieldOfTomorrow": {"x": 1}}
    assert post(box, "CreateRoom", body, room_create=True)[0] == 200


@pytest.mark.parametrize("method,body,grants", [
    ("CreateRoom", {"name": "x"}, {}),
    ("ListRooms", {}, {}),
    ("DeleteRoom", {"room": "x"}, {"room_admin": True, "room": "x"}),
    ("ListParticipants", {"room": "x"}, {"room_admin": True, "room": "other"}),
    ("GetParticipant", {"room": "x", "identity": "a"}, {"room_list": True}),
    ("RemoveParticipant", {"room": "x", "identity": "a"}, {"room_create": True}),
    ("MutePublishedTrack", {"room": "x", "identity": "a"}, {}),
    ("UpdateParticipant", {"room": "x", "identity": "a"}, {}),
    ("UpdateSubscriptions", {"room": "x", "identity": "a"}, {}),
    ("SendData", {"room": "x"}, {}),
    ("UpdateRoomMetadata", {"room": "x"}, {"room_admin": True, "room": "y"}),
    ("MoveParticipant", {"room": "x", "identity": "a", "destination_room": "y"}, {"room_admin": True, "room": "x"}),
    ("PerformRpc", {"room": "x", "destination_identity": "a"}, {"room_admin": True, "room": "y"}),
])
def test_every_method_needs_its_grant(box, method, body, grants):
    status, error = post(box, method, body, **grants)
    assert (status, error["code"]) == (401, "unauthenticated")


def test_what_is_not_there_says_so(box):
    admin = {"room_create": True, "room_admin": True, "room": "x"}
    assert post(box, "ForwardParticipant", {}, **admin)[0] == 501
    assert post(box, "Nonsense", {}, **admin)[0] == 404
    assert post(box, "ListIngress", {}, service="Ingress", **admin)[0] == 501
    assert post(box, "StartWebEgress", {}, service="Egress", room_record=True)[0] == 501
    status, error = post(box, "CreateRoom", b"{]", room_create=True)
    assert status == 400 and error["code"] == "malformed"
    status, _ = post(box, "CreateRoom", b"\xff\xff", content="application/protobuf",
                     room_create=True)
    assert status == 400
    assert post(box, "CreateRoom", {"name": ""}, room_create=True)[0] == 400
    status, listed = post(box, "ListSIPDispatchRule", {}, service="SIP", **admin)
    assert status == 200 and listed.get("items", []) == []


def test_a_body_that_is_too_large_is_refused(box):
    try:
        status, _ = post(box, "CreateRoom", {"name": "x" * (11 * 1024 * 1024)}, room_create=True)
    except (urllib.error.URLError, json.JSONDecodeError):
        status = 413  # Refused before the body was read.
    assert status == 413
