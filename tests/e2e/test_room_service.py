"""LiveKit's server API over Twirp, as protobuf (the Python SDK) and as JSON."""

import json
import urllib.error
import urllib.request

import pytest
from livekit import api, rtc

from clients import meeting
from test_data import payloads
from test_media import PURE


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
])
def test_every_method_needs_its_grant(box, method, body, grants):
    status, error = post(box, method, body, **grants)
    assert (status, error["code"]) == (401, "unauthenticated")


def test_what_is_not_there_says_so(box):
    admin = {"room_create": True, "room_admin": True, "room": "x"}
    assert post(box, "MoveParticipant", {}, **admin)[0] == 501
    assert post(box, "ForwardParticipant", {}, **admin)[0] == 501
    assert post(box, "Nonsense", {}, **admin)[0] == 404
    assert post(box, "StartWebEgress", {}, service="Egress", **admin)[0] == 501
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
