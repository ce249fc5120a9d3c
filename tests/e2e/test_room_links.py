"""Personal links into a room: past the PIN and the lobby, as a guest or a moderator, until somebody revokes them."""

import asyncio
import contextlib
import json
import sqlite3
import time
import urllib.error
import urllib.request

import jwt
import pytest
from livekit import rtc

from box import PASSWORD
from clients import meeting
from test_lobby import Scenario, guest, guest_token, let_in, waits_for
from test_media import PURE
from test_rooms import at_door, change, room_with, says


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


@contextlib.contextmanager
def asking_as(box, headers):
    owner, box.owner = box.owner, headers
    try:
        yield
    finally:
        box.owner = owner


def moderate(box, room, what, who, token):
    """What somebody without an account does in a meeting."""
    with asking_as(box, {}):
        body = {"token": token, "participant": who, "act": what}
        status, _, answer = box.request("POST", f"/rooms/{room['id']}/moderation", body)
        return status, (answer or {}).get("code")


def in_store(box, query, *values):
    with sqlite3.connect(box.log_path.parent / "data" / "roombox.db", timeout=10) as sql:
        return sql.execute(query, values).fetchall()


def over(box, room, link):
    """The link's time is over, and the box knows it."""
    in_store(box, "UPDATE room_links SET expires_ms = created_ms WHERE id = ?", link["id"])
    change(box, room, layout="speaker")


def knocks(box, token):
    """What the LiveKit door says of a token, before anybody has come in."""
    try:
        with urllib.request.urlopen(f"{box.http}/rtc/validate?access_token={token}") as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


async def cannot_come(box, room, token):
    with pytest.raises(Exception):
        async with guest(box, room, "refused", token=token):
            pass


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
        assert knocks(box, token) == 200
        box.ask("DELETE", f"/rooms/{room['id']}/links/{link['id']}")
        assert knocks(box, token) == 401, "at the door, and not only when the connection looks"
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
        return moderate(box, where, what, who, by)

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


async def test_when_a_links_time_is_over_nobody_comes_in_anew_and_who_is_in_stays_and_comes_back(box):
    room = closed(box, "Over")
    link = link_for(box, room, "Grace", expires_in_s=3600)
    token = token_by(box, room, link)
    async with guest(box, room, "grace", token=token) as grace:
        over(box, room, link)
        await grace.room.simulate_scenario(Scenario.SIMULATE_SIGNAL_RECONNECT)
        await grace.until(lambda: grace.seen("reconnected"), 30)
        await cannot_come(box, room, token)
        assert grace.room.isconnected() and not grace.seen("disconnected")
    await cannot_come(box, room, token)


async def test_who_is_signed_in_comes_by_their_link_too_and_goes_with_it(box):
    room = closed(box, "Signed in")
    wanted = {"name": "Vera", "role": "viewer", "expires_in_s": 600}
    secret = box.ask("POST", "/invites", wanted)["secret"]
    with asking_as(box, {}):
        accepted = {"secret": secret, "name": "Vera", "password": PASSWORD}
        status, headers, _ = box.request("POST", "/invitation/acceptance", accepted)
        assert status == 201
    viewer = {"Cookie": headers["Set-Cookie"].split(";")[0]}
    link = link_for(box, room, "Vera", role="moderator", name_fixed=True)

    def token(invite):
        with asking_as(box, viewer):
            door = box.ask("GET", f"/rooms/{room['id']}/door?invite={invite}")
            body = {"name": "Somebody", "invite": invite}
            return door, box.ask("POST", f"/rooms/{room['id']}/join-token", body)["token"]

    door, without = token(room["invite"])
    assert (door["lobby"], door["name"]) == (True, None)
    door, by_link = token(link["invite"])
    assert (door["lobby"], door["name"], door["share"]) == (False, "Vera", True)
    async with guest(box, room, "vera", token=by_link) as vera:
        assert waits_for(vera) is None and vera.room.local_participant.name == "Vera"
        async with guest(box, room, "again", token=without) as again:
            assert waits_for(again) == "host_present"
            sid = again.room.local_participant.sid
            assert moderate(box, room, "let_in", sid, by_link) == (204, None)
            await again.until(lambda: waits_for(again) is None)
        box.ask("DELETE", f"/rooms/{room['id']}/links/{link['id']}")
        await vera.until(lambda: vera.seen("disconnected"))
    door, _ = token(link["invite"])
    assert (door["lobby"], door["name"]) == (True, None), "the account lets them as far as before"


async def test_a_fixed_name_cannot_be_changed_and_a_hand_can_be_raised(box):
    room = closed(box, "Called so")
    fixed = link_for(box, room, "Grace", name_fixed=True)
    free = link_for(box, room, "Linus")
    async with (
        meeting(box, "alice", room=room["name"]) as (alice,),
        guest(box, room, "grace", token=token_by(box, room, fixed)) as grace,
        guest(box, room, "linus", token=token_by(box, room, free)) as linus,
    ):
        async def rename(one):
            # The SDK waits for its new name.
            with contextlib.suppress(Exception):
                await asyncio.wait_for(one.room.local_participant.set_name("The chair"), 6)
            return one.room.local_participant.identity

        who = await rename(linus)
        await alice.until(lambda: alice.other(who).name == "The chair")
        who = await rename(grace)
        await grace.room.local_participant.set_attributes({"hand": "up"})
        await alice.until(lambda: alice.other(who).attributes.get("hand") == "up")
        assert alice.other(who).name == "Grace"


@pytest.mark.parametrize("role", ["guest", "moderator"])
async def test_who_was_sent_out_comes_back_as_any_guest_until_the_meeting_ends(box, role):
    room = closed(box, f"Sent out {role}")
    where = f"/rooms/{room['id']}"
    link, other = (link_for(box, room, name, role=role) for name in ["Grace", "Linus"])
    pin = box.ask("GET", f"{where}/pin")["pin"]
    token = token_by(box, room, link)
    async with meeting(box, "alice", room=room["name"], room_admin=True) as (alice,):
        async with guest(box, room, "grace", token=token) as grace:
            assert waits_for(grace) is None
            box.ask("DELETE", f"{where}/participants/{grace.room.local_participant.sid}")
            await grace.until(lambda: grace.seen("disconnected"))
        door = at_door(box, room, "GET", invite=link["invite"])[2]
        assert door["lobby"] and door["pin"] and not door["share"]
        assert says(at_door(box, room, invite=link["invite"])) == (403, "pin_needed")
        anew = at_door(box, room, invite=link["invite"], pin=pin)[2]["token"]
        for again in [token, anew]:
            async with guest(box, room, "grace", token=again) as grace:
                assert waits_for(grace) == "host_present"
                let_in(box, room, grace)
                await grace.until(lambda: waits_for(grace) is None)
                assert moderate(box, room, "mute", "PA_x", again) == (403, "invite_invalid")
        async with guest(box, room, "linus", token=token_by(box, room, other)) as linus:
            assert waits_for(linus) is None, "another one's link is another matter"
        change(box, room, guests="nobody")
        assert says(at_door(box, room, invite=link["invite"])) == (403, "no_guests")
        box.ask("DELETE", f"{where}/meeting")
        await alice.until(lambda: alice.seen("disconnected"))
    # The box hears of the end right after those who were in.
    async def forgotten():
        while at_door(box, room, "GET", invite=link["invite"])[0] != 200:
            await asyncio.sleep(0.05)
    await asyncio.wait_for(forgotten(), 10)
    async with guest(box, room, "grace", token=token) as grace:
        assert waits_for(grace) is None


async def test_a_moderators_token_does_in_the_meeting_what_it_did_when_it_has_ended(box):
    room = closed(box, "Twelve hours")
    link = link_for(box, room, "Grace", role="moderator")
    token = token_by(box, room, link)
    [(secret,)] = in_store(box, "SELECT secret FROM livekit_keys WHERE own = 1")
    claims = jwt.decode(token, options={"verify_signature": False})
    now = int(time.time())

    def signed(key=secret, **other):
        return jwt.encode(claims | {"exp": now - 3600, "nbf": now - 7200} | other, key, "HS256")

    def tools(bearer):
        with asking_as(box, {}):
            status, _, answer = box.request("GET", "/meeting", Authorization=f"Bearer {bearer}")
            return status, (answer or {}).get("code")

    ended = signed()
    await cannot_come(box, room, ended)
    assert moderate(box, room, "mute", "PA_x", ended) == (403, "invite_invalid"), "not in the meeting"
    assert moderate(box, room, "mute", "PA_x", token) == (403, "invite_invalid"), "not in the meeting"
    async with guest(box, room, "grace", token=token) as grace:
        assert moderate(box, room, "mute", grace.room.local_participant.sid, ended) == (204, None)
        assert tools(ended)[0] == 200
        for wrong in [signed("forged"), signed(sub=claims["sub"] + "x")]:
            assert moderate(box, room, "mute", "PA_x", wrong) == (403, "invite_invalid")
            assert tools(wrong)[0] in (401, 403)
    assert moderate(box, room, "mute", "PA_x", ended) == (403, "invite_invalid")
    # Who was in the meeting is known for 0.3 s.
    async with asyncio.timeout(10):
        while tools(ended)[0] != 403:
            await asyncio.sleep(0.02)


async def test_a_link_that_was_half_revoked_is_revoked_by_the_second_try_or_by_itself(box):
    room, other = closed(box, "Half"), closed(box, "Other half")
    first, second = link_for(box, room, "Grace"), link_for(box, room, "Linus")
    async with (
        guest(box, room, "grace", token=token_by(box, room, first)) as grace,
        guest(box, room, "linus", token=token_by(box, room, second)) as linus,
    ):
        # The row had gone when the media plane was too busy to hear of it.
        in_store(box, "DELETE FROM room_links WHERE id = ?", first["id"])
        box.ask("DELETE", f"/rooms/{room['id']}/links/{first['id']}")
        await grace.until(lambda: grace.seen("disconnected"))
        assert box.refuses("DELETE", f"/rooms/{room['id']}/links/{first['id']}") == (404, "not_found")
        assert box.refuses("DELETE", f"/rooms/{other['id']}/links/{second['id']}") == (404, "not_found")
        assert box.refuses("DELETE", f"/rooms/{room['id']}/links/guest") == (404, "not_found")
        assert not linus.seen("disconnected")
        # Nobody tries again: the connection itself looks.
        in_store(box, "DELETE FROM room_links WHERE id = ?", second["id"])
        change(box, other, layout="speaker")
        await linus.until(lambda: linus.seen("disconnected"), 15)
        assert linus.seen("disconnected")[0][0] == rtc.DisconnectReason.PARTICIPANT_REMOVED


async def test_a_guests_link_moderates_nothing_whoever_comes_by_it(box):
    room = closed(box, "No moderator's")
    link = link_for(box, room, "Grace")
    by_account = box.ask("POST", f"/rooms/{room['id']}/join-token", {"name": "Ada", "invite": link["invite"]})
    for token in [token_by(box, room, link), by_account["token"]]:
        async with guest(box, room, "grace", token=token) as grace:
            assert waits_for(grace) is None
            # Who has an account moderates by that, and by its routes.
            sid = grace.room.local_participant.sid
            assert moderate(box, room, "mute", sid, token) == (403, "invite_invalid")
