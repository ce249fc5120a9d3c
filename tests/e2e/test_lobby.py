"""The lobby: who comes by an invite link waits until somebody lets them in, whatever their client."""

import asyncio
import contextlib
import json
import urllib.request

import pytest
from livekit import api, rtc

from clients import Client, meeting
from test_data import payloads
from test_media import BOTH, PURE, options

Scenario = rtc._proto.room_pb2.SimulateScenarioKind
WAITING = "roombox.waiting"


@pytest.fixture(scope="module", autouse=True)
def owner(box):
    box.claim()


def lobby(box, name) -> dict:
    """A new room that lets guests in one by one."""
    room = box.ask("POST", "/rooms", {"name": name})
    assert not room["lobby"]
    return box.ask("PATCH", f"/rooms/{room['id']}", {"lobby": True})


def guest_token(box, room, name, before=None) -> str:
    """As the meeting page gets one for the invite link, without a cookie."""
    body = {"name": name, "invite": room["invite"]} | ({"before": before} if before else {})
    request = urllib.request.Request(
        f"{box.http}/api/v1/rooms/{room['id']}/join-token", json.dumps(body).encode(),
        {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))["token"]


@contextlib.asynccontextmanager
async def guest(box, room, name, *, token=None, single=True):
    client = Client(name)
    token = token or guest_token(box, room, name)
    try:
        await asyncio.wait_for(client.room.connect(box.ws, token, options(single)), 15)
        yield client
    finally:
        await client.close()


def waits_for(client) -> str | None:
    return client.room.local_participant.attributes.get(WAITING)


def person(box, room, client) -> str:
    return f"/rooms/{room['id']}/participants/{client.room.local_participant.sid}"


def let_in(box, room, client):
    box.ask("PATCH", person(box, room, client), {"waiting": False})


@BOTH
async def test_who_waits_gets_no_media_data_or_names_and_all_of_it_once_let_in(box, single):
    room = lobby(box, f"Waiting {single}")
    name = room["name"]
    async with (
        meeting(box, "alice", room=name, room_admin=True) as (alice,),
        # By a key of somebody's own, who has decided whom they let in.
        meeting(box, "carol", room=name) as (carol,),
        box.api() as server,
    ):
        tone, picture = await alice.publish_tone(), await alice.publish_video()
        await server.room.update_room_metadata(api.UpdateRoomMetadataRequest(room=name, metadata="secret"))
        await carol.until(lambda: carol.room.metadata == "secret" and tone.sid in carol.audio)
        async with guest(box, room, "bob", single=single) as bob:
            me = bob.room.local_participant
            assert waits_for(bob) == "host_present"
            await alice.until(lambda: alice.other(me.identity))
            assert alice.other(me.identity).attributes[WAITING] == "host_present"
            assert alice.other(me.identity).name == "bob"

            with pytest.raises(Exception):
                await asyncio.wait_for(bob.publish_tone(frequency=900), 12)
            with contextlib.suppress(rtc.participant.PublishDataError):
                await me.publish_data(b"from the lobby")
            await alice.room.local_participant.publish_data(b"to all")
            await alice.room.local_participant.publish_data(
                b"to bob", destination_identities=[me.identity])
            await server.room.send_data(api.SendDataRequest(
                room=name, data=b"by the server", destination_identities=[me.identity]))
            await server.room.update_subscriptions(api.UpdateSubscriptionsRequest(
                room=name, identity=me.identity, track_sids=[tone.sid, picture.sid], subscribe=True))
            # Two seconds of sound for others, and a message behind all those.
            frames = carol.audio[tone.sid].frames
            await carol.until(lambda: carol.audio[tone.sid].frames > frames + 200)
            await carol.room.local_participant.publish_data(b"last")
            await alice.until(lambda: b"last" in payloads(alice))
            assert payloads(alice) == [b"last"] and payloads(carol) == [b"to all"]
            assert not bob.audio and not bob.video and not payloads(bob)
            assert not bob.room.remote_participants and bob.room.metadata == ""
            assert not bob.seen("active_speakers_changed")
            assert carol.other(me.identity) is None, "only hosts know who waits"
            assert waits_for(bob) == "host_present"

            let_in(box, room, bob)
            await bob.until(lambda: waits_for(bob) is None)
            await bob.until(lambda: tone.sid in bob.audio and bob.audio[tone.sid].purity() > PURE)
            await bob.until(lambda: picture.sid in bob.video and bob.video[picture.sid].moving)
            assert set(bob.room.remote_participants) == {"alice", "carol"}
            assert bob.room.metadata == "secret"
            back = await bob.publish_tone(frequency=900)
            await carol.until(lambda: back.sid in carol.audio and carol.audio[back.sid].purity(900) > PURE)
            await me.publish_data(b"from inside")
            await alice.until(lambda: b"from inside" in payloads(alice))
            assert not bob.seen("disconnected") and not bob.seen("reconnecting"), "it joined anew"


async def test_who_is_turned_away_hears_so_and_may_ask_again(box):
    room = lobby(box, "Turned away")
    token = guest_token(box, room, "bob")
    async with guest(box, room, "bob", token=token) as bob:
        assert waits_for(bob) == "host_absent"
        [listed] = box.ask("GET", f"/rooms/{room['id']}/participants")["items"]
        assert (listed["name"], listed["waiting"]) == ("bob", True)
        assert box.ask("GET", f"/rooms/{room['id']}")["meeting"]["participants"] == 0
        box.ask("DELETE", person(box, room, bob))
        await bob.until(lambda: bob.seen("disconnected"))
        assert bob.seen("disconnected")[0][0] == rtc.DisconnectReason.PARTICIPANT_REMOVED
    async with guest(box, room, "bob", token=token) as bob:
        assert waits_for(bob) == "host_absent"
        async with meeting(box, "alice", room=room["name"], room_admin=True):
            await bob.until(lambda: waits_for(bob) == "host_present")
        await bob.until(lambda: waits_for(bob) == "host_absent")


async def test_who_was_let_in_is_not_asked_twice_in_the_same_meeting(box):
    room = lobby(box, "Coming back")
    token = guest_token(box, room, "bob")
    async with meeting(box, "alice", room=room["name"], room_admin=True) as (alice,):
        async with guest(box, room, "bob", token=token) as bob:
            let_in(box, room, bob)
            await bob.until(lambda: waits_for(bob) is None)
            for kind in ["SIGNAL_RECONNECT", "FULL_RECONNECT"]:
                seen = len(bob.seen("reconnected"))
                await bob.room.simulate_scenario(getattr(Scenario, f"SIMULATE_{kind}"))
                await bob.until(lambda: len(bob.seen("reconnected")) > seen, 30)
                await bob.until(lambda: bob.other("alice"))
                assert waits_for(bob) is None
        # The page was loaded anew: another token, of the same tab.
        again = guest_token(box, room, "bob", before=token)
        async with guest(box, room, "bob", token=again) as bob:
            assert waits_for(bob) is None and bob.other("alice")
        async with guest(box, room, "eve") as eve:
            assert waits_for(eve) == "host_present"
            with_eves = guest_token(box, room, "eve", before=guest_token(box, room, "eve"))
            async with guest(box, room, "eve", token=with_eves) as second:
                assert waits_for(second) == "host_present"
    box.ask("DELETE", f"/rooms/{room['id']}/meeting")
    async with guest(box, room, "bob", token=again) as bob:
        assert waits_for(bob) == "host_absent", "another meeting"


async def test_when_the_lobby_ends_those_who_wait_come_in(box):
    room = lobby(box, "Opened")
    async with guest(box, room, "bob") as bob, guest(box, room, "dora") as dora:
        assert waits_for(bob) and waits_for(dora) and not bob.room.remote_participants
        assert not box.ask("PATCH", f"/rooms/{room['id']}", {"lobby": False})["lobby"]
        for one, other in [(bob, dora), (dora, bob)]:
            await one.until(lambda: waits_for(one) is None)
            await one.until(lambda: one.other(other.room.local_participant.identity))
        # On again: who is in stays in.
        box.ask("PATCH", f"/rooms/{room['id']}", {"lobby": True})
        async with guest(box, room, "eve") as eve:
            assert waits_for(eve) == "host_absent"
            assert waits_for(bob) is None


async def test_programs_let_people_in_by_their_permissions(box):
    """As LiveKit's users build a lobby of their own."""
    room = lobby(box, "Permitted")
    async with guest(box, room, "bob") as bob, box.api() as server:
        identity = bob.room.local_participant.identity
        await server.room.update_participant(api.UpdateParticipantRequest(
            room=room["name"], identity=identity,
            permission=api.ParticipantPermission(can_subscribe=True)))
        await bob.until(lambda: waits_for(bob) is None)
        info = await server.room.get_participant(
            api.RoomParticipantIdentity(room=room["name"], identity=identity))
        assert info.permission.can_subscribe and not info.permission.can_publish


async def test_who_waits_is_in_no_recording(box):
    room = lobby(box, "Recorded")
    async with meeting(box, "alice", room=room["name"], room_admin=True) as (alice,):
        await alice.publish_tone()
        async with guest(box, room, "never let in") as bob, guest(box, room, "let in") as dora:
            recording = box.ask("POST", f"/rooms/{room['id']}/recording", {})["id"]
            await bob.until(lambda: bob.room.is_recording, why="whoever may be recorded knows")
            let_in(box, room, dora)
            await dora.until(lambda: waits_for(dora) is None)
            await dora.publish_tone(frequency=900)
            timeline = f"/recordings/{recording}/timeline"
            for _ in range(200):
                text = json.dumps(box.ask("GET", timeline))
                if '"let in"' in text:
                    break
                await asyncio.sleep(0.05)
            box.ask("DELETE", f"/rooms/{room['id']}/recording")
            text = json.dumps([box.ask("GET", timeline), box.ask("GET", f"/recordings/{recording}")])
            assert '"alice"' in text and '"let in"' in text
            assert "never let in" not in text and bob.room.local_participant.sid not in text


async def test_what_cannot_be_done_with_the_lobby_is_refused(box):
    room = lobby(box, "Full")
    box.ask("PATCH", "/settings", {"meeting": {"max_participants": 1}})
    try:
        async with meeting(box, "alice", room=room["name"], room_admin=True) as (alice,):
            async with guest(box, room, "bob") as bob:
                who = person(box, room, bob)
                assert box.refuses("PATCH", who, {"waiting": True}) == (422, "only_let_in")
                assert box.refuses("PATCH", who, {"waiting": False}) == (409, "room_full")
                assert waits_for(bob) == "host_present"
                missing = f"/rooms/{room['id']}/participants/PA_nobody"
                assert box.refuses("PATCH", missing, {"waiting": False}) == (404, "not_found")
                # Somebody who is in is not let in again, and nothing happens to them.
                let_in(box, room, alice)
                assert box.refuses("PATCH", f"/rooms/{room['id']}", {"name": "Other"}) == (409, "room_in_use")
    finally:
        box.ask("PATCH", "/settings", {"meeting": {"max_participants": 0}})
    door = box.ask("GET", f"/rooms/{room['id']}/door")
    assert door["lobby"] is True
