"""Codecs of a room: what real clients publish in one that takes pictures in some codecs only."""

import pytest
from aiortc import RTCRtpSender
from livekit import api, rtc

from browsers import Browser, missing
from clients import meeting
from test_rooms import at_door, change, room_with
from test_whip import sees_and_hears, tracks
from whip import SDP, Player, Room, Sender, connected


@pytest.fixture(scope="module", autouse=True)
def owner(box):
    box.claim()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if why := missing("chromium"):
        pytest.skip(why)
    browser = Browser("chromium", tmp_path_factory.mktemp("browser") / "log")
    yield browser
    browser.close()


def published(client, identity):
    """Codecs of somebody's pictures as another one is told of them."""
    other = client.other(identity)
    found = other.track_publications.values() if other else []
    return [track.mime_type.lower() for track in found if track.kind == rtc.TrackKind.KIND_VIDEO]


def video(codecs):
    return [codec.mime.lower() for codec in codecs if codec.mime.startswith("video/") and "rtx" not in codec.mime]


async def test_the_python_sdk_publishes_in_a_codec_of_the_room_and_in_no_other(box):
    """It offers the codec that it is asked for and no other: there is nothing to negotiate."""
    room = room_with(box, "H.264 only", video_codecs=["h264"])
    async with meeting(box, "alice", "bob", "carol", room=room["name"]) as (alice, bob, carol):
        await carol.publish_video(codec="VP8")
        for screen in (False, True):
            picture = await alice.publish_video(codec="H264", screen=screen)
            await bob.until(lambda: picture.sid in bob.video and bob.video[picture.sid].frames >= 30)
        assert published(bob, "alice") == ["video/h264", "video/h264"]
        assert published(bob, "carol") == []


async def test_another_choice_is_for_what_is_published_next(box):
    room = room_with(box, "Chosen later")
    async with meeting(box, "alice", "bob", room=room["name"]) as (alice, bob):
        first = await alice.publish_video(codec="VP8")
        await bob.until(lambda: first.sid in bob.video and bob.video[first.sid].frames >= 20)
        change(box, room, video_codecs=["h264"])
        second = await alice.publish_video(codec="H264", screen=True)
        await bob.until(lambda: second.sid in bob.video and bob.video[second.sid].frames >= 20)
        frames = bob.video[first.sid].frames
        await bob.until(lambda: bob.video[first.sid].frames >= frames + 20)
        assert sorted(published(bob, "alice")) == ["video/h264", "video/vp8"]
        async with box.api() as service:
            listed = await service.room.list_rooms(api.ListRoomsRequest(names=[room["name"]]))
        assert video(listed.rooms[0].enabled_codecs) == ["video/h264"]


def test_livekit_client_publishes_in_the_codec_of_the_room(box, browser):
    if not browser.canSend("h264"):
        pytest.skip("this Chromium has no h264 encoder")
    room = room_with(box, "Browser in H.264", video_codecs=["h264"])
    try:
        for name in ("alice", "bob"):
            browser.join(name, box.ws, box.token(room["name"], name), {})
        for screen, source, simulcast in [(False, "camera", True), (True, "screen_share", False)]:
            browser.publishVideo("alice", codec="vp8", screen=screen, simulcast=simulcast)
            assert browser.receives("bob", "alice", source, 30)["codec"] == "video/H264"
    finally:
        browser.leaveAll()


def test_no_second_codec_is_offered_that_the_room_does_not_take(box, browser):
    if not browser.canSend("vp9"):
        pytest.skip("this Chromium has no vp9 encoder")
    room = room_with(box, "No backup", video_codecs=["vp9"])
    try:
        browser.join("alice", box.ws, box.token(room["name"], "alice"), {})
        browser.join("bob", box.ws, box.token(room["name"], "bob"), {})
        browser.publishVideo("alice", codec="av1", width=640, height=360, backup=True)
        assert browser.receives("bob", "alice", "camera", 30)["codec"] == "video/VP9"
        assert browser.sends("alice") == ["video/VP9"]
    finally:
        browser.leaveAll()


async def test_a_whip_sender_is_answered_with_the_codec_of_the_room(box):
    room = Room(box)
    change(box, {"id": room.id}, video_codecs=["h264"])
    async with meeting(box, "ada", room=room.name) as (ada,):
        async with connected(Sender(box, room.token("OBS"))) as sender:
            answer = sender.peer.remoteDescription.sdp
            assert "H264/90000" in answer and "VP8/90000" not in answer
            seen = await sees_and_hears(ada, "whip_OBS")
            assert seen.moving
            assert tracks(ada, "whip_OBS")[rtc.TrackSource.SOURCE_CAMERA].mime_type.lower() == "video/h264"
            # Who watches is not bound by it: the offer of a player has every codec, and so has the answer.
            async with connected(Player(box, room.token("Foyer", "watch"))) as player:
                await player.until(lambda: player.video.frames >= 10)
                assert "VP8/90000" in player.peer.remoteDescription.sdp


async def test_a_whip_sender_without_the_codec_of_the_room_is_refused_with_the_reason(box):
    room = Room(box)
    change(box, {"id": room.id}, video_codecs=["h264"])
    sender = Sender(box, room.token("OBS"))
    vp8 = [codec for codec in RTCRtpSender.getCapabilities("video").codecs if codec.mimeType == "video/VP8"]
    [camera] = [t for t in sender.peer.getTransceivers() if t.kind == "video"]
    camera.setCodecPreferences(vp8)
    await sender.peer.setLocalDescription(await sender.peer.createOffer())
    status, _, text = await sender.ask("POST", "/whip", sender.peer.localDescription.sdp, SDP)
    assert status == 406, text
    assert "this room takes video in H.264 only" in text
    await sender.close()
    assert box.ask("GET", f"/rooms/{room.id}/participants")["items"] == []
    change(box, {"id": room.id}, video_codecs=["vp8"])
    again = Sender(box, room.token("OBS again"))
    async with connected(again):
        await again.until(lambda: again.peer.connectionState == "connected")


def test_the_door_says_in_which_codecs(box):
    room = room_with(box, "Said at the door", video_codecs=["h264", "vp8"])
    _, _, door = at_door(box, room, "GET", invite=room["invite"])
    assert door["video_codecs"] == ["h264", "vp8"]
    # Whoever has an account is no guest, and is bound by it all the same.
    assert box.ask("GET", f"/rooms/{room['id']}/door")["video_codecs"] == ["h264", "vp8"]
    where = f"/rooms/{room['id']}"
    for wrong, code in [(["vp8", "vp8"], "codec_twice"), (["h265"], "malformed_request")]:
        assert box.refuses("PATCH", where, {"rules": {"video_codecs": wrong}}) == (422, code)
