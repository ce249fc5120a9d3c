"""WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): aiortc sends and plays, LiveKit's SDK is there too."""

import pytest
from livekit import api, rtc

from clients import meeting
from whip import FRAGMENT, SDP, Player, Room, Sender, Session, connected

PURE = 0.9


@pytest.fixture(scope="module", autouse=True)
def owner(box):
    box.claim()


@pytest.fixture
def room(box):
    return Room(box)


def tracks(client, identity):
    """A participant's published tracks by source, as a LiveKit client knows them."""
    other = client.other(identity)
    return {track.source: track for track in other.track_publications.values()} if other else {}


async def sees_and_hears(client, identity, frequency=440.0, frames=20):
    """A LiveKit client decodes a WHIP sender's picture and sound."""
    # Of both, and of nobody whose place is being taken.
    both = {rtc.TrackSource.SOURCE_MICROPHONE, rtc.TrackSource.SOURCE_CAMERA}
    await client.until(lambda: both <= tracks(client, identity).keys())
    found = tracks(client, identity)
    sound = found[rtc.TrackSource.SOURCE_MICROPHONE].sid
    picture = found[rtc.TrackSource.SOURCE_CAMERA].sid
    await client.until(
        lambda: sound in client.audio and client.audio[sound].purity(frequency) > PURE)
    await client.until(lambda: picture in client.video and client.video[picture].frames >= frames)
    return client.video[picture]


async def test_a_sender_is_a_participant_like_any_other(box, room):
    async with meeting(box, "ada", room=room.name) as (ada,):
        async with connected(Sender(box, room.token("Main camera"))) as sender:
            seen = await sees_and_hears(ada, "whip_Main camera")
            assert seen.moving and seen.size == (640, 360)
            other = ada.other("whip_Main camera")
            assert (other.name, other.kind) == ("Main camera", rtc.ParticipantKind.PARTICIPANT_KIND_INGRESS)
            assert await sender.delete() == 200
            await ada.until(lambda: not ada.other("whip_Main camera"))
            assert await sender.delete() == 404


async def test_a_sender_that_stops_without_a_word_leaves_at_once(box, room):
    async with meeting(box, "ada", room=room.name) as (ada,):
        async with connected(Sender(box, room.token("OBS"))):
            await sees_and_hears(ada, "whip_OBS", frames=1)
        await ada.until(lambda: not ada.other("whip_OBS"), 5)


async def test_who_comes_back_with_its_key_takes_its_old_place(box, room):
    token = room.token("OBS")
    async with meeting(box, "ada", room=room.name) as (ada,):
        async with connected(Sender(box, token)) as first:
            await sees_and_hears(ada, "whip_OBS", frames=1)
            async with connected(Sender(box, token, frequency=700)) as second:
                await sees_and_hears(ada, "whip_OBS", frequency=700)
                assert await first.delete() == 404
                assert len(ada.room.remote_participants) == 1
                assert await second.delete() == 200


async def test_a_revoked_key_sends_its_user_out(box, room):
    key = room.key("OBS")
    async with meeting(box, "ada", room=room.name) as (ada,):
        async with connected(Sender(box, key["token"])) as sender:
            await sees_and_hears(ada, "whip_OBS", frames=1)
            listed, = box.ask("GET", f"/rooms/{room.id}/whip-keys")["items"]
            assert listed["connected"] == 1 and listed["last_used_at"] and "token" not in listed
            box.ask("DELETE", f"/rooms/{room.id}/whip-keys/{key['id']}")
            await ada.until(lambda: not ada.other("whip_OBS"), 5)
            status, _, answer = await sender.ask("POST", "/whip", "v=0", SDP)
            assert (status, "no key has this token" in answer) == (401, True)
    assert box.ask("GET", f"/rooms/{room.id}/whip-keys")["items"] == []


async def test_a_moderator_silences_a_sender_although_it_cannot_be_told(box, room):
    token = room.token("OBS")
    async with meeting(box, "ada", room=room.name) as (ada,), box.api() as service:
        async with connected(Sender(box, token)):
            await sees_and_hears(ada, "whip_OBS")
            found = tracks(ada, "whip_OBS")
            for source in (rtc.TrackSource.SOURCE_MICROPHONE, rtc.TrackSource.SOURCE_CAMERA):
                await service.room.mute_published_track(api.MuteRoomTrackRequest(
                    room=room.name, identity="whip_OBS", track_sid=found[source].sid, muted=True))
            sound = ada.audio[found[rtc.TrackSource.SOURCE_MICROPHONE].sid]
            await ada.until(lambda: len(ada.seen("track_muted")) == 2 and sound.purity() == 0.0)
            picture = ada.video[found[rtc.TrackSource.SOURCE_CAMERA].sid]
            frames = picture.frames
            # Silence is played, frame by frame: time passes.
            heard = sound.frames
            await ada.until(lambda: sound.frames >= heard + 100)
            assert picture.frames == frames
            # Nobody else can unmute it, so it begins anew.
            async with connected(Sender(box, token)):
                await sees_and_hears(ada, "whip_OBS")


async def test_a_sender_is_recorded_like_any_other(box, room):
    async with meeting(box, "ada", room=room.name) as (ada,):
        async with connected(Sender(box, room.token("OBS"))):
            await sees_and_hears(ada, "whip_OBS", frames=1)
            recording = box.ask("POST", f"/rooms/{room.id}/recording")["id"]
            await sees_and_hears(ada, "whip_OBS", frames=ada.video[
                tracks(ada, "whip_OBS")[rtc.TrackSource.SOURCE_CAMERA].sid].frames + 60)
            box.ask("DELETE", f"/rooms/{room.id}/recording")
    found = {track["source"]: track for track in box.ask("GET", f"/recordings/{recording}")["tracks"]}
    assert found.keys() == {"camera", "microphone"}
    for track in found.values():
        assert track["participant"] == "OBS" and track["bytes"] > 1000
        assert track["duration_ms"] > 1500, track
    assert (found["camera"]["width"], found["camera"]["height"]) == (640, 360)


async def test_a_player_sees_and_hears_who_is_there(box, room):
    async with meeting(box, "ada", room=room.name) as (ada,):
        await ada.publish_tone()
        await ada.publish_video()
        async with connected(Player(box, room.token("Foyer", "watch"))) as player:
            await player.until(lambda: player.video.frames >= 40 and player.video.moving)
            await player.until(lambda: player.audio.purity() > PURE)
            # An audience is not in the meeting.
            assert not ada.room.remote_participants
            assert box.ask("GET", f"/rooms/{room.id}/participants")["items"][0]["name"] == "ada"
            assert await player.delete() == 200


async def test_a_player_waits_for_the_first_to_send_and_for_the_next(box, room):
    """No other answer is ever given: one after the other comes on the sections of the first."""
    async with connected(Player(box, room.token("Foyer", "watch"))) as player:
        async with meeting(box, "ada", room=room.name) as (ada,):
            await ada.publish_tone()
            await ada.publish_video()
            await player.until(lambda: player.video.frames >= 20 and player.audio.purity() > PURE)
        async with connected(Sender(box, room.token("OBS"), frequency=700, size=(320, 240))):
            await player.until(lambda: player.video.size == (320, 240))
            frames = player.video.frames
            await player.until(lambda: player.video.frames >= frames + 20)
            await player.until(lambda: player.audio.purity(700) > PURE)


async def test_a_player_may_ask_for_one_person(box, room):
    token = room.token("Foyer", "watch")
    async with meeting(box, "ada", "bob", room=room.name) as (ada, bob):
        await ada.publish_video(size=(640, 360))
        await bob.publish_video(size=(320, 240))
        for name, ratio in [("ada", 640 / 360), ("bob", 320 / 240)]:
            async with connected(Player(box, token, participant=name)) as player:
                await player.until(lambda: player.video.frames >= 10)
                width, height = player.video.size
                assert abs(width / height - ratio) < 0.05, (name, player.video.sizes)


async def test_a_shared_screen_comes_before_cameras(box, room):
    async with meeting(box, "ada", "bob", room=room.name) as (ada, bob):
        await ada.publish_video(size=(640, 360))
        async with connected(Player(box, room.token("Foyer", "watch"))) as player:
            await player.until(lambda: player.video.frames >= 10)
            screen = await bob.publish_video(size=(320, 240), screen=True)
            await player.until(lambda: player.video.size == (320, 240))
            await bob.room.local_participant.unpublish_track(screen.sid)
            await player.until(lambda: player.video.size != (320, 240))


def restart(ufrag):
    return f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{'p' * 22}\r\n"


async def test_ice_requests_go_by_the_session_s_etag(box, room):
    async with connected(Sender(box, room.token("OBS"))) as sender:
        candidate = "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"

        async def patch(body, kind=FRAGMENT, **headers):
            return await sender.ask("PATCH", sender.resource, body, kind, **headers)

        assert (await patch(candidate, If_Match=sender.etag))[::2] == (204, "")
        assert (await patch(candidate))[0] == 428
        assert (await patch(candidate, If_Match='"other"'))[0] == 412
        assert (await patch("v=0", SDP, If_Match="*"))[0] == 415
        assert (await patch("hello", If_Match="*"))[0] == 400
        status, headers, ours = await patch(restart("new1"), If_Match="*")
        assert status == 200 and headers["Content-Type"] == FRAGMENT
        assert headers["ETag"] != sender.etag and "a=ice-lite" in ours and "a=candidate:" in ours
        assert f'a=ice-ufrag:{headers["ETag"].strip(chr(34))}' in ours
        assert (await patch(candidate, If_Match=sender.etag))[0] == 412
        assert (await patch(candidate, If_Match=headers["ETag"]))[0] == 204


async def test_refusals_say_what_to_do(box, room):
    sender = Sender(box, room.token("OBS"))
    await sender.peer.setLocalDescription(await sender.peer.createOffer())
    offer = sender.peer.localDescription.sdp
    # Method, path, body, type, headers; status, what the message says.
    for method, path, body, kind, headers, status, says in [
        ("POST", "/whip", offer, SDP, {"token": False}, 401, "no key has this token"),
        ("POST", "/whip", offer, SDP, {"token": False, "Authorization": "Bearer x"}, 401, "no key"),
        ("POST", "/whep", offer, SDP, {}, 403, "may only send"),
        ("POST", "/whip", offer, "text/plain", {}, 415, SDP),
        ("POST", "/whip", "", SDP, {}, 400, "no session description"),
        ("POST", "/whip", offer.replace("a=ice-pwd", "a=x"), SDP, {}, 400, "ice-pwd"),
        ("POST", "/whip", offer.replace("fingerprint:", "x:"), SDP, {}, 400, "fingerprint"),
        ("POST", "/whip", offer.replace("sendrecv", "recvonly"), SDP, {}, 400, "sendonly"),
        ("POST", "/whip", offer.replace("opus/48000/2", "other/48000"), SDP, {}, 406, "Opus"),
        ("POST", "/whip", "v=0\r\n" + "a" * 200_000, SDP, {}, 413, "128 KiB"),
        ("PUT", "/whip", None, None, {}, 405, "POST"),
        ("DELETE", "/whip", None, None, {}, 405, "POST"),
        ("POST", "/whip/nothing", offer, SDP, {}, 405, "DELETE"),
        ("DELETE", "/whip/nothing", None, None, {}, 404, "no such session"),
        ("PATCH", "/whip/nothing", restart("new1"), FRAGMENT, {"If-Match": "*"}, 404, "no such session"),
    ]:
        got, answered, text = await sender.ask(method, path, body, kind, **headers)
        assert (got, says in text) == (status, True), (method, path, got, text)
        assert answered["Access-Control-Allow-Origin"] == "*"
        assert status != 405 or "OPTIONS" in answered["Allow"]
    await sender.close()
    assert box.ask("GET", f"/rooms/{room.id}/participants")["items"] == []


async def test_browsers_may_ask_from_any_page(box, room):
    session = Session(box, "/whip", "")
    preflight = {"Origin": "https://anybody.example", "Access-Control-Request-Method": "POST",
                 "Access-Control-Request-Headers": "authorization, content-type"}
    for path in ("/whip", "/whep"):
        status, headers, _ = await session.ask("OPTIONS", path, token=False, **preflight)
        assert status == 200 and headers["Accept-Post"] == SDP
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert "Authorization" in headers["Access-Control-Allow-Headers"]
        assert "POST" in headers["Access-Control-Allow-Methods"]
        assert "Location" in headers["Access-Control-Expose-Headers"]
        assert (await session.ask("GET", path, token=False))[::2] == (204, "")
    await session.close()


async def test_the_relay_is_a_link(box, room):
    turn = {"urls": ["turn:relay.example:3478?transport=udp", "turns:relay.example:5349"], "secret": "between us"}
    box.ask("PATCH", "/settings", {"turn": turn})
    try:
        async with connected(Sender(box, room.token("OBS"))) as sender:
            assert len(sender.links) == 2 and "between us" not in str(sender.links)
            for url, link in zip(turn["urls"], sender.links, strict=True):
                assert link.startswith(f"<{url}>; rel=\"ice-server\"; username=\"") and "credential=" in link
    finally:
        box.ask("PATCH", "/settings", {"turn": None})


async def test_another_room_s_key_does_not_end_a_session(box, room):
    other = Session(box, "/whip", Room(box).token("OBS"))
    async with connected(Sender(box, room.token("OBS"))) as sender:
        status, _, answer = await other.ask("DELETE", sender.resource)
        assert (status, "another key" in answer) == (403, True)
        # The address is a secret: browsers' clients do not send the key again.
        assert (await sender.ask("DELETE", sender.resource, token=False))[0] == 200
    await other.close()


async def test_who_asks_too_often_must_wait(box, room):
    session = Session(box, "/whip", "nobody")
    outcomes = [await session.ask("POST", "/whip", "v=0", SDP) for _ in range(120)]
    late = [headers for status, headers, _ in outcomes if status == 429]
    assert late and int(late[0]["Retry-After"]) >= 1
    assert {status for status, _, _ in outcomes} == {401, 429}
    await session.close()
