"""Audio and video between Python clients."""

import asyncio

import pytest
from livekit import rtc

from clients import Client, meeting

BOTH = pytest.mark.parametrize("single", [True, False], ids=["v1", "v0"])
PURE = 0.9


def options(single=True, **more):
    return rtc.RoomOptions(single_peer_connection=single, **more)


@BOTH
async def test_tone_and_picture_arrive(box, single):
    async with meeting(box, "alice", "bob", options=options(single)) as (alice, bob):
        tone = await alice.publish_tone()
        picture = await alice.publish_video()
        await bob.until(lambda: tone.sid in bob.audio and bob.audio[tone.sid].purity() > PURE)
        await bob.until(lambda: picture.sid in bob.video and bob.video[picture.sid].frames >= 40)
        seen = bob.video[picture.sid]
        # A busy sender may scale down; the picture keeps its shape.
        width, height = seen.size
        assert abs(width / height - 16 / 9) < 0.05, seen.size
        assert seen.moving, "the picture stands still"


@BOTH
async def test_both_ways_at_once(box, single):
    async with meeting(box, "alice", "bob", options=options(single)) as (alice, bob):
        tone, picture = await alice.publish_tone(frequency=440), await alice.publish_video()
        tone2, picture2 = await bob.publish_tone(frequency=1000), await bob.publish_video()
        await bob.until(lambda: tone.sid in bob.audio and bob.audio[tone.sid].purity(440) > PURE)
        await alice.until(
            lambda: tone2.sid in alice.audio and alice.audio[tone2.sid].purity(1000) > PURE
        )
        await bob.until(lambda: picture.sid in bob.video and bob.video[picture.sid].frames >= 20)
        await alice.until(
            lambda: picture2.sid in alice.video and alice.video[picture2.sid].frames >= 20
        )


@BOTH
async def test_an_old_and_a_new_client_meet(box, single):
    async with meeting(box, "alice", room="mixed", options=options(single)) as (alice,):
        async with meeting(box, "bob", room="mixed", options=options(not single)) as (bob,):
            tone = await alice.publish_tone()
            await bob.until(lambda: tone.sid in bob.audio and bob.audio[tone.sid].purity() > PURE)
            back = await bob.publish_tone(frequency=700)
            await alice.until(
                lambda: back.sid in alice.audio and alice.audio[back.sid].purity(700) > PURE
            )


@pytest.mark.parametrize("codec", ["VP8", "H264", "VP9", "AV1"])
@BOTH
async def test_codec(box, codec, single):
    async with meeting(box, "alice", "bob", options=options(single)) as (alice, bob):
        picture = await alice.publish_video(codec=codec)
        await bob.until(lambda: picture.sid in bob.video and bob.video[picture.sid].frames >= 40)
        assert bob.video[picture.sid].moving
        publication = bob.other("alice").track_publications[picture.sid]
        assert publication.mime_type.lower() == f"video/{codec}".lower()


async def test_simulcast_layers_are_chosen_by_the_subscriber(box):
    async with meeting(box, "alice", "bob") as (alice, bob):
        picture = await alice.publish_video(size=(1280, 720), simulcast=True)
        await bob.until(lambda: picture.sid in bob.video)
        seen = bob.video[picture.sid]
        await bob.until(lambda: seen.size == (1280, 720), 20)
        publication = bob.other("alice").track_publications[picture.sid]
        for quality, size in [
            (rtc.VideoQuality.VIDEO_QUALITY_LOW, (320, 180)),
            (rtc.VideoQuality.VIDEO_QUALITY_MEDIUM, (640, 360)),
            (rtc.VideoQuality.VIDEO_QUALITY_HIGH, (1280, 720)),
            (rtc.VideoQuality.VIDEO_QUALITY_LOW, (320, 180)),
        ]:
            publication.set_video_quality(quality)
            await bob.until(lambda: seen.size == size, why=f"size {size}")
            frames = seen.frames
            await bob.until(lambda: seen.frames >= frames + 10, 3, f"frames of {size}")


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_end_to_end_encryption_passes_through(box, codec):
    key = rtc.KeyProviderOptions(shared_key=b"between us")
    encrypted = options(encryption=rtc.E2EEOptions(key_provider_options=key))
    room = f"secret-{codec}"
    async with meeting(box, "alice", "bob", room=room, options=encrypted) as (alice, bob):
        # Eve has no key: she gets the same packets and can do nothing with them.
        async with meeting(box, "eve", room=room) as (eve,):
            tone = await alice.publish_tone()
            picture = await alice.publish_video(codec=codec, simulcast=codec == "VP8")
            await bob.until(lambda: tone.sid in bob.audio and bob.audio[tone.sid].purity() > PURE)
            await bob.until(lambda: picture.sid in bob.video and bob.video[picture.sid].frames > 30)
            publication = bob.other("alice").track_publications[picture.sid]
            assert publication.encryption_type == rtc.EncryptionType.GCM
            heard = eve.audio.get(tone.sid)
            assert heard is None or heard.purity() < 0.5


@pytest.mark.parametrize("red", [True, False], ids=["red", "plain"])
async def test_redundant_audio(box, red):
    async with meeting(box, "alice", "bob") as (alice, bob):
        tone = await alice.publish_tone(red=red)
        await bob.until(lambda: tone.sid in bob.audio and bob.audio[tone.sid].purity() > PURE)
        publication = bob.other("alice").track_publications[tone.sid]
        assert publication.mime_type == ("audio/red" if red else "audio/opus")


async def test_late_joiner_gets_what_is_there(box):
    async with meeting(box, "alice", room="late") as (alice,):
        tone, picture = await alice.publish_tone(), await alice.publish_video()
        await alice.until(lambda: alice.seen("local_track_published") and True)
        async with meeting(box, "bob", room="late") as (bob,):
            await bob.until(lambda: tone.sid in bob.audio and bob.audio[tone.sid].purity() > PURE)
            await bob.until(lambda: picture.sid in bob.video and bob.video[picture.sid].frames > 20)


async def test_leaving_is_seen(box):
    async with meeting(box, "alice", room="leave") as (alice,):
        async with meeting(box, "bob", room="leave") as (bob,):
            await alice.until(lambda: alice.other("bob"))
            await alice.publish_tone()
        await alice.until(lambda: alice.seen("participant_disconnected"))
        assert not alice.room.remote_participants


async def test_mute_and_unmute(box):
    async with meeting(box, "alice", "bob") as (alice, bob):
        tone = await alice.publish_tone()
        await bob.until(lambda: tone.sid in bob.audio and bob.audio[tone.sid].purity() > PURE)
        alice.room.local_participant.track_publications[tone.sid].track.mute()
        await bob.until(lambda: bob.seen("track_muted"))
        assert bob.other("alice").track_publications[tone.sid].muted
        alice.room.local_participant.track_publications[tone.sid].track.unmute()
        await bob.until(lambda: bob.seen("track_unmuted"))
        heard = bob.audio[tone.sid]
        await bob.until(lambda: heard.purity() > PURE)


@BOTH
async def test_publish_and_unpublish_rounds(box, single):
    async with meeting(box, "alice", "bob", options=options(single)) as (alice, bob):
        for turn in range(30):
            picture = await alice.publish_video(size=(320, 180), name=f"video-{turn}")
            await bob.until(
                lambda: picture.sid in bob.video and bob.video[picture.sid].frames >= 5,
                why=f"frames of round {turn}",
            )
            await alice.room.local_participant.unpublish_track(picture.sid)
            await bob.until(lambda: picture.sid not in bob.other("alice").track_publications)


@BOTH
async def test_resubscribe_rounds(box, single):
    async with meeting(box, "alice", "bob", options=options(single)) as (alice, bob):
        picture = await alice.publish_video(size=(320, 180))
        tone = await alice.publish_tone()
        await bob.until(lambda: len(bob.other("alice").track_publications) == 2)
        for turn in range(6):
            for sid, frames in [(picture.sid, bob.video), (tone.sid, bob.audio)]:
                await bob.until(
                    lambda: sid in frames and frames[sid].frames >= 5,
                    why=f"frames of round {turn}",
                )
                publication = bob.other("alice").track_publications[sid]
                gone = len(bob.seen("track_unsubscribed"))
                publication.set_subscribed(False)
                await bob.until(lambda: len(bob.seen("track_unsubscribed")) > gone)
                frames.pop(sid)
                publication.set_subscribed(True)


async def test_nothing_comes_without_auto_subscribe(box):
    wanted = options(auto_subscribe=False)
    async with meeting(box, "alice", "bob", options=wanted) as (alice, bob):
        tone, picture = await alice.publish_tone(), await alice.publish_video()
        await bob.until(lambda: len(bob.other("alice").track_publications) == 2)
        bob.other("alice").track_publications[tone.sid].set_subscribed(True)
        await bob.until(lambda: tone.sid in bob.audio and bob.audio[tone.sid].purity() > PURE)
        assert picture.sid not in bob.video


async def test_speakers_are_named(box):
    async with meeting(box, "alice", "bob") as (alice, bob):
        tone = await alice.publish_tone()
        speaks = lambda: any(
            [p.identity for p in args[0]] == ["alice"] for args in bob.seen("active_speakers_changed")
        )
        await bob.until(speaks)
        before = len(bob.seen("active_speakers_changed"))
        await alice.room.local_participant.unpublish_track(tone.sid)
        await bob.until(
            lambda: any(not args[0] for args in bob.seen("active_speakers_changed")[before:])
        )


def stands_out(heard, frequency):
    own = heard.purity(frequency)
    others = [heard.purity(400 + 100 * n) for n in range(6) if 400 + 100 * n != frequency]
    return own > 0.3 and own > 5 * max(others)


async def test_six_people_hear_each_other(box):
    names = ["a", "b", "c", "d", "e", "f"]
    async with meeting(box, *names) as people:
        for n, person in enumerate(people):
            await person.publish_tone(frequency=400 + 100 * n)
        for person in people:
            await person.until(
                lambda: len(person.audio) == 5
                and all(heard.frames > 30 for heard in person.audio.values()),
                25,
            )
            for n, other in enumerate(people):
                if other is person:
                    continue
                sid = next(iter(person.other(other.identity).track_publications))
                heard = person.audio[sid]
                # Thirty streams in one process stretch each other's sound: the right tone must
                # stand out, not ring clear.
                await person.until(lambda: stands_out(heard, 400 + 100 * n))


async def test_in_a_room_of_many_microphones_whoever_speaks_is_heard(box):
    def subscribed(listener):
        people = listener.room.remote_participants.values()
        return {sid for person in people for sid, track in person.track_publications.items() if track.subscribed}

    only_there = rtc.RoomOptions(auto_subscribe=False)
    names = [f"silent-{n}" for n in range(10)]
    async with (
        meeting(box, "ann", room="hall", options=options(True)) as (ann,),
        meeting(box, "bea", room="hall", options=options(False)) as (bea,),
        meeting(box, *names, room="hall", options=only_there) as people,
    ):
        tones = []
        for n, person in enumerate(people):
            person.amplitude = 0
            tones.append((await person.publish_tone(frequency=400 + 100 * n)).sid)
        for listener in (ann, bea):
            await listener.until(lambda: len(listener.seen("track_published")) == len(people))
            await listener.until(lambda: subscribed(listener) == set(tones[:8]))
        for n in (9, 8):
            people[n].amplitude = 12_000
            for listener in (ann, bea):
                heard = lambda: listener.audio.get(tones[n])
                await listener.until(lambda: heard() and heard().purity(400 + 100 * n) > PURE)
            people[n].amplitude = 0


async def test_twenty_quick_joins_and_leaves(box):
    """Churn: nobody stays behind."""
    async with meeting(box, "anchor", room="churn") as (anchor,):
        await anchor.publish_tone()

        async def visit(n):
            client = Client(f"guest-{n}")
            await client.connect(box, "churn")
            await client.close()

        for batch in range(5):
            await asyncio.gather(*(visit(batch * 4 + n) for n in range(4)))
        # Who goes without a word, as a busy client may, keeps the place for 25 s.
        await anchor.until(lambda: not anchor.room.remote_participants, 40)
        assert len(anchor.seen("participant_disconnected")) == 20
