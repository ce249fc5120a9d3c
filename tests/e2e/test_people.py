"""Who is there, who may do what, who comes back."""

import asyncio

import pytest
from livekit import api, rtc

from clients import Client, meeting
from loss import LossyPath
from test_media import BOTH, PURE, options

Scenario = rtc._proto.room_pb2.SimulateScenarioKind


@BOTH
async def test_identity_name_metadata_and_attributes(box, single):
    say = dict(name="Alice A.", metadata="m1", attributes={"hand": "down"})
    wanted = options(single)
    async with meeting(box, "bob", room=f"p-{single}", options=wanted) as (bob,):
        async with meeting(box, "alice", room=f"p-{single}", options=wanted,
                           can_update_own_metadata=True, **say) as (alice,):
            await bob.until(lambda: bob.other("alice"))
            seen = bob.other("alice")
            assert (seen.name, seen.metadata) == ("Alice A.", "m1")
            assert seen.attributes == {"hand": "down"}
            me = alice.room.local_participant
            await me.set_metadata("m2")
            await bob.until(lambda: seen.metadata == "m2")
            await me.set_name("A.")
            await bob.until(lambda: seen.name == "A.")
            await me.set_attributes({"hand": "up", "mood": "good"})
            await bob.until(lambda: seen.attributes == {"hand": "up", "mood": "good"})
            await me.set_attributes({"mood": ""})
            await bob.until(lambda: seen.attributes.get("mood", "") == "")


async def test_metadata_needs_the_grant(box):
    async with meeting(box, "alice", "bob") as (alice, bob):
        # The SDK does not raise; others must not see it.
        await asyncio.wait_for(alice.room.local_participant.set_metadata("no"), 10)
        await bob.room.local_participant.publish_data(b"later")
        await alice.until(lambda: alice.seen("data_received"))
        assert bob.other("alice").metadata == ""


async def test_publishing_needs_the_grant(box):
    async with meeting(box, "alice", can_publish=False) as (alice,):
        with pytest.raises(Exception):
            await asyncio.wait_for(alice.publish_tone(), 12)


async def test_publishing_is_limited_to_the_sources_of_the_token(box):
    async with meeting(box, "alice", room="src", can_publish_sources=["microphone"]) as (alice,):
        async with meeting(box, "bob", room="src") as (bob,):
            tone = await alice.publish_tone()
            with pytest.raises(Exception):
                await asyncio.wait_for(alice.publish_video(), 12)
            await bob.until(lambda: tone.sid in bob.audio and bob.audio[tone.sid].purity() > PURE)


async def test_subscribing_needs_the_grant(box):
    async with meeting(box, "alice", room="deaf") as (alice,):
        async with meeting(box, "bob", room="deaf", can_subscribe=False) as (bob,):
            async with meeting(box, "carol", room="deaf") as (carol,):
                tone = await alice.publish_tone()
                await carol.until(lambda: tone.sid in carol.audio)
                assert not bob.audio


async def test_hidden_people_see_but_are_not_seen(box):
    async with meeting(box, "alice", room="hide") as (alice,):
        async with meeting(box, "ghost", room="hide", hidden=True) as (ghost,):
            async with meeting(box, "bob", room="hide") as (bob,):
                tone = await alice.publish_tone()
                await ghost.until(lambda: tone.sid in ghost.audio)
                await alice.until(lambda: alice.other("bob"))
                assert alice.other("ghost") is None and bob.other("ghost") is None
                # What a hidden one says arrives without a name.
                await ghost.room.local_participant.publish_data(b"boo")
                await bob.until(lambda: bob.seen("data_received"))
                assert bob.seen("data_received")[0][0].participant is None


async def test_a_recorder_is_shown_as_a_running_recording(box):
    async with meeting(box, "alice", room="rec") as (alice,):
        assert not alice.room.is_recording
        async with meeting(box, "robot", room="rec", hidden=True, recorder=True) as (robot,):
            await alice.until(lambda: alice.room.is_recording)
            assert alice.other("robot") is None
        await alice.until(lambda: not alice.room.is_recording)


async def test_the_same_identity_replaces_the_old_one(box):
    async with meeting(box, "alice", "bob", room="twin") as (alice, bob):
        async with meeting(box, "alice", room="twin") as (second,):
            await alice.until(lambda: alice.seen("disconnected"))
            reason = alice.seen("disconnected")[0][0]
            assert reason == rtc.DisconnectReason.DUPLICATE_IDENTITY
            tone = await second.publish_tone()
            await bob.until(lambda: tone.sid in bob.audio and bob.audio[tone.sid].purity() > PURE)
            assert len(bob.room.remote_participants) == 1


async def test_only_allowed_people_may_subscribe(box):
    async with meeting(box, "alice", "bob", "eve") as (alice, bob, eve):
        me = alice.room.local_participant
        permit = rtc.ParticipantTrackPermission(participant_identity="bob", allow_all=True)
        me.set_track_subscription_permissions(
            allow_all_participants=False, participant_permissions=[permit]
        )
        tone = await alice.publish_tone()
        await bob.until(lambda: tone.sid in bob.audio and bob.audio[tone.sid].purity() > PURE)
        assert not eve.audio
        me.set_track_subscription_permissions(allow_all_participants=True)
        await eve.until(lambda: tone.sid in eve.audio and eve.audio[tone.sid].purity() > PURE)


@BOTH
@pytest.mark.parametrize("kind", ["SIGNAL_RECONNECT", "FULL_RECONNECT", "NODE_FAILURE", "MIGRATION", "FORCE_TCP"])
async def test_coming_back(box, single, kind):
    """After each kind of interruption media flows again, both ways."""
    async with meeting(box, "alice", "bob", options=options(single)) as (alice, bob):
        tone, back = await alice.publish_tone(), await bob.publish_tone(frequency=900)
        await bob.until(lambda: tone.sid in bob.audio and bob.audio[tone.sid].purity() > PURE)
        await alice.room.simulate_scenario(getattr(Scenario, f"SIMULATE_{kind}"))
        await alice.until(lambda: alice.seen("reconnected"), 30)
        heard_by_bob = lambda: any(heard.purity() > PURE for heard in bob.audio.values())
        frames = sum(heard.frames for heard in bob.audio.values())
        await bob.until(
            lambda: sum(h.frames for h in bob.audio.values()) > frames + 100 and heard_by_bob()
        )
        frames = sum(heard.frames for heard in alice.audio.values())
        await alice.until(
            lambda: sum(h.frames for h in alice.audio.values()) > frames + 100
            and any(heard.purity(900) > PURE for heard in alice.audio.values())
        )


async def test_who_seems_to_speak_is_shown_and_stops(box):
    async with meeting(box, "alice", "bob") as (alice, bob):
        speakers = lambda: [[p.identity for p in args[0]] for args in bob.seen("active_speakers_changed")]
        await alice.room.simulate_scenario(Scenario.SIMULATE_SPEAKER)
        await bob.until(lambda: ["alice"] in speakers())
        await bob.until(lambda: speakers()[-1] == [], 8)


async def test_server_leave_ends_the_session(box):
    async with meeting(box, "alice") as (alice,):
        await alice.room.simulate_scenario(Scenario.SIMULATE_SERVER_LEAVE)
        await alice.until(lambda: alice.seen("disconnected"))


async def test_permissions_can_be_changed_during_the_meeting(box):
    async with meeting(box, "alice", "bob", room="demote") as (alice, bob), box.api() as server:
        tone = await alice.publish_tone()
        await bob.until(lambda: tone.sid in bob.audio)
        await server.room.update_participant(api.UpdateParticipantRequest(
            room="demote", identity="alice",
            permission=api.ParticipantPermission(can_subscribe=True, can_publish=False),
        ))
        await bob.until(lambda: bob.seen("track_unpublished"))
        await alice.until(lambda: alice.seen("participant_permissions_changed"))
        assert not alice.room.local_participant.permissions.can_publish


async def test_a_bad_connection_is_shown_to_everybody_and_a_good_one_too(box):
    """One that loses a fifth of what it sends."""
    async with meeting(box, "bob", room="bars") as (bob,):
        with LossyPath(box, up=0.2) as path:
            async with meeting(box, "alice", room="bars", url=path.ws) as (alice,):
                await alice.publish_tone()
                await bob.publish_tone()

                def told(listener, of):
                    changes = listener.seen("connection_quality_changed")
                    return [quality for person, quality in changes if person.identity == of]

                for listener in (alice, bob):
                    await listener.until(lambda: rtc.ConnectionQuality.QUALITY_POOR in told(listener, "alice"), 30)
                    await listener.until(lambda: rtc.ConnectionQuality.QUALITY_EXCELLENT in told(listener, "bob"), 30)
                assert rtc.ConnectionQuality.QUALITY_POOR not in told(bob, "bob")
