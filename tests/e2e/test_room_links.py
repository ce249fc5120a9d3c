"""Personal links into a room: past the PIN and the lobby, as a guest or a moderator, until somebody revokes them."""

import asyncio
import json
import sqlite3

import pytest
from livekit import rtc

from clients import meeting
from test_lobby import guest, guest_token, waits_for
from test_media import PURE
from test_rooms import at_door, room_with, says


@pytest.fixture(scope="module", autouse=True)
def owner(box):
    box.claim()


def closed(box, name) -> dict:
    """A room with a PIN, a lobby, and guests who are only heard."""
    room = room_with(box, name, guests="with_pin", guests_share=False, guests_camera=False)
    return box.ask("PATCH", f"/rooms/{room['id']}", {"lobby": True})


def link_for(box, room, name, role="guest", **more) -> dict:
    """A new link; `invite` is where the room's own is, as the meeting page has it."""
    made = box.ask("POST", f"/rooms/{room['id']}/links", {"name": name, "role": role} | more)
    return made | {"invite": made["secret"], "room": room["id"]}


def by(room, link) -> dict:
    return room | {"invite": link["invite"]}


def token_by(box, room, link, name="guest") -> str:
    return guest_token(box, by(room, link), name)


def test_links_are_listed_without_their_secret_which_is_nowhere_in_the_open(box):
    room = room_with(box, "Listed")
    made = link_for(box, room, "Grace", expires_in_s=3600)
    assert made["secret"].startswith("rbl_") and made["last_used_at"] is None
    [listed] = box.ask("GET", f"/rooms/{room['id']}/links")["items"]
    assert listed["name"] == "Grace" and "secret" not in listed
    token_by(box, room, made)
    [listed] = box.ask("GET", f"/rooms/{room['id']}/links")["items"]
    assert listed["last_used_at"] is not None
    secret = made["secret"].removeprefix("rbl_")
    with sqlite3.connect(box.log_path.parent / "data" / "roombox.db") as sql:
        assert secret not in "\n".join(sql.iterdump())
    assert secret not in box.log_path.read_text()
    for wrong, code in [({"expires_in_s": 5}, "link_expiry"), ({"name": " "}, "invalid_name")]:
        body = {"name": "x", "role": "guest"} | wrong
        assert box.refuses("POST", f"/rooms/{room['id']}/links", body) == (422, code)
    assert box.refuses("POST", f"/rooms/{room['id']}/links", {"name": "x", "role": "owner"})[0] == 422


def test_a_link_is_of_its_room_for_its_time_and_until_it_is_revoked(box):
    room, other = closed(box, "Its own"), closed(box, "Another")
    link = link_for(box, room, "Grace", name_fixed=True, expires_in_s=60)
    door = at_door(box, room, "GET", invite=link["invite"])[2]
    assert (door["name"], door["name_fixed"], door["pin"], door["lobby"]) == ("Grace", True, False, False)
    assert not door["camera"] and not door["share"], "a guest's link is under the rules for guests"
    assert says(at_door(box, other, invite=link["invite"])) == (403, "invite_invalid")
    assert says(at_door(box, room, invite=link["invite"] + "x")) == (403, "invite_invalid")
    assert box.refuses("DELETE", f"/rooms/{other['id']}/links/{link['id']}") == (404, "not_found")
    assert at_door(box, room, invite=link["invite"])[0] == 201
    # Its time is over.
    with sqlite3.connect(box.log_path.parent / "data" / "roombox.db") as sql:
        sql.execute("UPDATE room_links SET expires_ms = created_ms WHERE id = ?", (link["id"],))
    assert says(at_door(box, room, invite=link["invite"])) == (403, "invite_invalid")
    assert says(at_door(box, room, "GET", invite=link["invite"])) == (403, "invite_invalid")
    # A link goes with its room.
    gone = link_for(box, room, "Grace")
    box.ask("DELETE", f"/rooms/{room['id']}")
    assert says(at_door(box, room, invite=gone["invite"])) == (403, "invite_invalid")


async def test_who_has_a_link_comes_past_pin_and_lobby_and_is_still_a_guest(box):
    room = closed(box, "Past the lobby")
    link = link_for(box, room, "Grace", name_fixed=True)
    async with meeting(box, "alice", room=room["name"]) as (alice,):
        token = token_by(box, room, link, "Somebody else")
        async with guest(box, room, "grace", token=token) as grace:
            me = grace.room.local_participant
            assert waits_for(grace) is None and me.name == "Grace"
            tone = await grace.publish_tone()
            await alice.until(lambda: tone.sid in alice.audio and alice.audio[tone.sid].purity() > PURE)
            with pytest.raises(Exception):
                await asyncio.wait_for(grace.publish_video(screen=True), 12)


async def test_who_came_by_a_revoked_link_is_put_out_and_the_token_opens_nothing(box):
    room = closed(box, "Revoked")
    link, stays = link_for(box, room, "Grace"), link_for(box, room, "Linus")
    token = token_by(box, room, link)
    async with (
        guest(box, room, "linus", token=token_by(box, room, stays)) as linus,
        guest(box, room, "grace", token=token) as grace,
    ):
        await linus.until(lambda: linus.room.remote_participants)
        box.ask("DELETE", f"/rooms/{room['id']}/links/{link['id']}")
        await grace.until(lambda: grace.seen("disconnected"))
        assert grace.seen("disconnected")[0][0] == rtc.DisconnectReason.PARTICIPANT_REMOVED
        await linus.until(lambda: not linus.room.remote_participants)
        assert says(at_door(box, room, invite=link["invite"])) == (403, "invite_invalid")
        with pytest.raises(Exception):
            async with guest(box, room, "grace", token=token):
                pass
        assert not linus.seen("disconnected")


async def test_a_token_of_a_room_that_is_gone_opens_no_room_of_its_name(box):
    room = closed(box, "Gone")
    link = link_for(box, room, "Grace", role="moderator")
    token = token_by(box, room, link)
    box.ask("DELETE", f"/rooms/{room['id']}")
    box.ask("POST", "/rooms", {"name": "Gone"})
    with pytest.raises(Exception):
        async with guest(box, room, "grace", token=token):
            pass


async def test_a_moderator_by_link_lets_in_mutes_and_removes_and_nothing_else(box):
    room, other = closed(box, "Moderated"), closed(box, "Not theirs")
    link = link_for(box, room, "Grace", role="moderator")
    token = token_by(box, room, link)
    pin = box.ask("GET", f"/rooms/{room['id']}/pin")["pin"]
    status, _, made = at_door(box, room, invite=room["invite"], pin=pin)
    assert status == 201

    def act(where, what, who, by=token):
        owner, box.owner = box.owner, {}
        try:
            body = {"token": by, "participant": who, "act": what}
            status, _, answer = box.request("POST", f"/rooms/{where['id']}/moderation", body)
            return status, (answer or {}).get("code")
        finally:
            box.owner = owner

    async with guest(box, room, "grace", token=token) as grace:
        picture = await grace.publish_video(screen=True)
        assert picture.sid, "the rules for guests are not a moderator's"
        async with guest(box, room, "bob", token=made["token"]) as bob:
            sid = bob.room.local_participant.sid
            assert waits_for(bob) == "host_present"
            for wrong in [made["token"], "x.y.z", "", box.token(room["name"], "eve", room_admin=True)]:
                assert act(room, "let_in", sid, wrong) == (403, "invite_invalid")
            assert act(other, "let_in", sid) == (403, "invite_invalid")
            assert waits_for(bob) == "host_present"
            assert act(room, "let_in", sid) == (204, None)
            await bob.until(lambda: waits_for(bob) is None)
            with pytest.raises(Exception):
                await asyncio.wait_for(bob.publish_video(screen=True), 12)
            tone = await bob.publish_tone()
            await grace.until(lambda: tone.sid in grace.audio)
            assert act(room, "mute", sid) == (204, None)
            await bob.until(lambda: bob.seen("track_muted"))
            assert act(room, "remove", sid) == (204, None)
            await bob.until(lambda: bob.seen("disconnected"))
        # No session, and nothing of the panel.
        owner, box.owner = box.owner, {}
        try:
            for bearer in [token, link["secret"]]:
                headers = {"Authorization": f"Bearer {bearer}"}
                assert box.request("GET", "/rooms", **headers)[0] == 401
                assert box.request("POST", f"/rooms/{room['id']}/recording", {}, **headers)[0] == 401
        finally:
            box.owner = owner
        rows = box.ask("GET", "/audit?action=moderation_by_link")["items"]
        assert rows and all(row["detail"] == "Grace" for row in rows if row["result"] == "ok"), json.dumps(rows)
        box.ask("DELETE", f"/rooms/{room['id']}/links/{link['id']}")
        await grace.until(lambda: grace.seen("disconnected"))
        assert act(room, "mute", "PA_x") == (403, "invite_invalid")
