"""Data messages, RPC and streams between Python clients."""

import asyncio
import contextlib

import pytest
from livekit import rtc
from livekit.rtc._ffi_client import FfiClient
from livekit.rtc._proto import ffi_pb2

from clients import meeting
from test_media import BOTH, options


def payloads(client):
    return [args[0].data for args in client.seen("data_received")]


@BOTH
async def test_messages_arrive_and_name_their_sender(box, single):
    async with meeting(box, "alice", "bob", options=options(single)) as (alice, bob):
        for reliable in [True, False]:
            text = f"reliable={reliable}".encode()
            # The first lossy message may find the channel still opening at the other side.
            while text not in payloads(bob):
                await alice.room.local_participant.publish_data(text, reliable=reliable, topic="t")
                try:
                    await bob.until(lambda: text in payloads(bob), 2)
                except AssertionError:
                    assert not reliable, "a reliable message was lost"
        packet = bob.seen("data_received")[0][0]
        assert packet.participant.identity == "alice"
        assert packet.topic == "t"
        assert not alice.seen("data_received"), "an echo"


async def test_a_thousand_reliable_messages_keep_their_order(box):
    async with meeting(box, "alice", "bob") as (alice, bob):
        sent = [n.to_bytes(2) * 200 for n in range(1000)]
        for message in sent:
            await alice.room.local_participant.publish_data(message)
        await bob.until(lambda: len(bob.seen("data_received")) >= 1000)
        assert payloads(bob) == sent


async def test_named_recipients_only(box):
    async with meeting(box, "alice", "bob", "carol") as (alice, bob, carol):
        me = alice.room.local_participant
        await me.publish_data(b"for bob", destination_identities=["bob"])
        await me.publish_data(b"for all")
        for person in [bob, carol]:
            await person.until(lambda: b"for all" in payloads(person))
        assert b"for bob" in payloads(bob)
        assert payloads(carol) == [b"for all"]


async def test_without_the_grant_nothing_is_relayed(box):
    async with meeting(box, "alice", room="gagged", can_publish_data=False) as (alice,):
        async with meeting(box, "bob", "carol", room="gagged") as (bob, carol):
            try:
                await alice.room.local_participant.publish_data(b"secret")
            except rtc.participant.PublishDataError:
                pass  # The client may refuse by itself.
            await bob.room.local_participant.publish_data(b"open")
            await carol.until(lambda: b"open" in payloads(carol))
            assert b"secret" not in payloads(carol)


@BOTH
async def test_rpc_with_twenty_kilobytes(box, single):
    async with meeting(box, "alice", "bob", options=options(single)) as (alice, bob):
        @bob.room.local_participant.register_rpc_method("reverse")
        async def reverse(call):
            return call.payload[::-1]

        await alice.until(lambda: alice.other("bob"))
        payload = "".join(chr(97 + n % 26) for n in range(15_000))
        answer = await alice.room.local_participant.perform_rpc(
            destination_identity="bob", method="reverse", payload=payload
        )
        assert answer == payload[::-1]
        big = payload + payload[:5_000]
        answer = await alice.room.local_participant.perform_rpc(
            destination_identity="bob", method="reverse", payload=big
        )
        assert answer == big[::-1]


async def test_rpc_to_a_method_that_is_missing_fails_at_once(box):
    async with meeting(box, "alice", "bob") as (alice, bob):
        await alice.until(lambda: alice.other("bob"))
        with pytest.raises(rtc.RpcError) as error:
            await alice.room.local_participant.perform_rpc(
                destination_identity="bob", method="nothing", payload=""
            )
        assert error.value.code == rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD


@BOTH
async def test_text_stream_of_a_hundred_kilobytes(box, single):
    async with meeting(box, "alice", "bob", options=options(single)) as (alice, bob):
        got = asyncio.Queue()

        def take(reader, identity):
            async def read():
                got.put_nowait((identity, await reader.read_all()))
            bob.tasks.append(asyncio.create_task(read()))

        bob.room.register_text_stream_handler("book", take)
        text = "".join(f"{n} äöü " for n in range(9_000))
        assert len(text.encode()) > 100_000
        await alice.room.local_participant.send_text(text, topic="book", compress=False)
        identity, received = await asyncio.wait_for(got.get(), 15)
        assert identity == "alice" and received == text


async def test_byte_stream_of_a_megabyte(box):
    async with meeting(box, "alice", "bob") as (alice, bob):
        got = asyncio.Queue()

        def take(reader, identity):
            async def read():
                got.put_nowait(b"".join([chunk async for chunk in reader]))
            bob.tasks.append(asyncio.create_task(read()))

        bob.room.register_byte_stream_handler("file", take)
        data = bytes(n * 7 % 251 for n in range(1_000_000))
        writer = await alice.room.local_participant.stream_bytes("file.bin", topic="file")
        await writer.write(data)
        await writer.aclose()
        assert await asyncio.wait_for(got.get(), 30) == data


@BOTH
async def test_data_tracks_are_published_subscribed_to_and_end(box, single):
    async with meeting(box, "alice", "bob", "carol", options=options(single)) as (alice, bob, carol):
        track = await alice.room.local_participant.publish_data_track(name="heat")
        other = await bob.room.local_participant.publish_data_track(name="light")
        assert track.info.name == "heat" and track.is_published()
        with pytest.raises(rtc.participant.PublishDataTrackError):
            await alice.room.local_participant.publish_data_track(name="heat")
        async with data_frames(carol, "heat") as heat, data_frames(carol, "light") as light:
            # More than fits into a packet, and what the other track has must not get in.
            await frames_arrive(track, heat, b"\x07" * 5000)
            await frames_arrive(other, light, b"lux")
            assert b"lux" not in heat and b"lux" in light
            assert not bob.seen("data_track_unpublished")
        await track.unpublish()
        await carol.until(lambda: carol.seen("data_track_unpublished"))


@contextlib.asynccontextmanager
async def data_frames(client, name):
    """Payloads of a data track of somebody else, as they come."""
    await client.until(lambda: [t for (t,) in client.seen("data_track_published") if t.info.name == name])
    track = next(t for (t,) in client.seen("data_track_published") if t.info.name == name)
    stream, payloads = track.subscribe(), []

    async def read():
        async for frame in stream:
            payloads.append(frame.payload)
            client.changed.set()

    reading = asyncio.create_task(read())
    yield payloads
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    stream.close()


async def frames_arrive(track, payloads, payload):
    """Frames are never sent twice: the first ones are lost while the subscription begins."""
    for _ in range(300):
        if payload in payloads:
            return
        track.try_push(rtc.DataTrackFrame(payload=payload))
        await asyncio.sleep(0.05)
    raise AssertionError(f"no frame came: {len(payloads)} others")


async def schema(client, request, name, **more):
    """Defines or gets the schema of a data track. The SDK has it in its Rust part alone as yet."""
    asked = ffi_pb2.FfiRequest()
    part = getattr(asked, request)
    part.local_participant_handle = client.room.local_participant._ffi_handle.handle
    part.schema_id.name = name
    part.schema_id.encoding.well_known = 7  # JSON schema
    for key, value in more.items():
        setattr(part, key, value)
    answers = FfiClient.instance.queue.subscribe()
    try:
        number = getattr(FfiClient.instance.request(asked), request).async_id
        mine = lambda event: event.WhichOneof("message") == request and getattr(event, request).async_id == number
        event = await asyncio.wait_for(answers.wait_for(mine), 10)
        return getattr(event, request)
    finally:
        FfiClient.instance.queue.unsubscribe(answers)


@BOTH
async def test_a_schema_that_one_leaves_the_other_gets(box, single):
    async with meeting(box, "alice", "bob", options=options(single)) as (alice, bob):
        text = '{"type": "number"}'
        assert not (await schema(alice, "define_schema", "heat", definition=text)).error
        got = await schema(bob, "get_schema", "heat", participant_identity="alice")
        assert got.definition == text, got
        for name, owner in [("light", "alice"), ("heat", "bob"), ("heat", "nobody")]:
            got = await schema(bob, "get_schema", name, participant_identity=owner)
            assert "NotFound" in got.error, got
        got = await schema(alice, "define_schema", "large", definition="x" * 60_000)
        assert "LimitExceeded" in got.error, got
