"""What holds in a room: who comes in by the invite link, and what guests may, whatever their client."""

import asyncio
import contextlib
import json
import urllib.error
import urllib.request

import pytest
from livekit import api, rtc

from clients import Client, meeting
from test_lobby import guest
from test_media import PURE
from test_data import payloads


@pytest.fixture(scope="module", autouse=True)
def owner(box):
    box.claim()


def room_with(box, name, **rules) -> dict:
    room = box.ask("POST", "/rooms", {"name": name})
    return box.ask("PATCH", f"/rooms/{room['id']}", {"rules": rules})


def change(box, room, **rules) -> dict:
    return box.ask("PATCH", f"/rooms/{room['id']}", {"rules": rules})


def at_door(box, room, method="POST", **body):
    """Status, headers and answer of a request without a cookie."""
    where = f"{box.http}/api/v1/rooms/{room['id']}/"
    if method == "GET":
        request = urllib.request.Request(f"{where}door?invite={body['invite']}")
    else:
        request = urllib.request.Request(
            f"{where}join-token", json.dumps({"name": "guest"} | body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, json.load(refused)


def says(answer) -> tuple:
    return answer[0], answer[2].get("code")


def test_a_new_room_is_as_open_as_rooms_always_were_and_rules_change_one_by_one(box):
    room = box.ask("POST", "/rooms", {"name": "Open"})
    open_to_all = {"guests": "anyone", "max_people": 0, "guests_share": True, "guests_camera": True,
                   "guests_chat": True, "guests_muted": False, "keep_days": 0, "layout": None,
                   "video_codecs": []}
    assert room["rules"] == open_to_all
    changed = change(box, room, guests_muted=True, layout="speaker")
    assert changed["rules"] == open_to_all | {"guests_muted": True, "layout": "speaker"}
    assert change(box, room, layout=None)["rules"]["layout"] is None
    where = f"/rooms/{room['id']}"
    assert box.refuses("PATCH", where, {"rules": {"max_people": 10_001}}) == (422, "out_of_range")
    assert box.refuses("PATCH", where, {"rules": {"guests": "by_fax"}})[0] == 422
    assert box.refuses("PATCH", where, {"rules": {"guest": "nobody"}})[0] == 422
    assert box.ask("GET", where)["rules"] == open_to_all | {"guests_muted": True}
    status, _, door = at_door(box, room, "GET", invite=room["invite"])
    assert status == 200 and door["muted"] and not door["pin"]
    # Who is signed in is no guest.
    assert not box.ask("GET", f"{where}/door")["muted"]


async def test_a_room_that_a_program_opened_has_no_rules_and_stays_as_it_was(box):
    async with meeting(box, "alice", room="by a program") as (alice,):
        [room] = [room for room in box.ask("GET", "/rooms")["items"] if room["name"] == "by a program"]
        where = f"/rooms/{room['id']}"
        assert box.refuses("PATCH", where, {"rules": {"guests": "nobody"}}) == (409, "room_forgotten")
        assert box.refuses("PUT", f"{where}/pin", {}) == (409, "room_forgotten")
        assert alice.room.isconnected()


def test_a_pin_is_asked_for_after_the_link_and_wrong_ones_wait(box):
    room = room_with(box, "Seminar", guests="with_pin")
    where = f"/rooms/{room['id']}/pin"
    pin = box.ask("GET", where)["pin"]
    assert len(pin) == 6 and pin.isdigit()
    assert pin not in json.dumps(box.ask("GET", "/rooms")), "it goes to nobody who did not ask for it"
    invite = room["invite"]
    assert at_door(box, room, "GET", invite=invite)[2]["pin"] is True
    wrong = "0000" if pin != "0000" else "1111"
    # A wrong link is a wrong link, whatever else is sent.
    for more in [{}, {"pin": pin}, {"pin": wrong}]:
        assert says(at_door(box, room, invite="nonsense", **more)) == (403, "invite_invalid")
    assert says(at_door(box, {"id": "rm_none"}, invite=invite, pin=pin)) == (403, "invite_invalid")
    assert says(at_door(box, room, invite=invite)) == (403, "pin_needed")
    assert says(at_door(box, room, invite=invite, pin="")) == (403, "pin_needed")
    assert at_door(box, room, invite=invite, pin=f"{pin[:3]} {pin[3:]}")[0] == 201
    for tried in [wrong, pin + "0", pin[:-1], "x", wrong]:
        assert says(at_door(box, room, invite=invite, pin=tried)) == (403, "pin_wrong")
    blocked = at_door(box, room, invite=invite, pin=pin)
    assert says(blocked) == (429, "pin_wait") and 0 < int(blocked[1]["Retry-After"]) <= 30
    assert "try again in" in blocked[2]["message"]
    # Only at this room, and not for those who are signed in.
    other = room_with(box, "Other seminar", guests="with_pin")
    assert box.ask("PUT", f"/rooms/{other['id']}/pin", {"pin": "4711"}) == {"pin": "4711"}
    assert at_door(box, other, invite=other["invite"], pin="4711")[0] == 201
    assert box.request("POST", f"/rooms/{room['id']}/join-token", {"name": "Ada"})[0] == 201
    assert box.refuses("PUT", where, {"pin": "12a4"}) == (422, "pin_form")
    assert box.ask("GET", where)["pin"] == pin
    # Another one, made by the box: the old one opens nothing.
    assert box.ask("PUT", f"/rooms/{other['id']}/pin", {})["pin"] != "4711"
    assert says(at_door(box, other, invite=other["invite"], pin="4711")) == (403, "pin_wrong")
    log = box.log_path.read_text()
    assert pin not in log and "4711" not in log


def test_where_nobody_may_come_by_the_link_only_people_with_an_account_come(box):
    room = room_with(box, "Board", guests="nobody")
    assert says(at_door(box, room, invite=room["invite"])) == (403, "no_guests")
    assert says(at_door(box, room, "GET", invite=room["invite"])) == (403, "no_guests")
    assert says(at_door(box, room, invite="nonsense")) == (403, "invite_invalid")
    assert box.request("POST", f"/rooms/{room['id']}/join-token", {"name": "Ada"})[0] == 201
    change(box, room, guests="anyone")
    assert at_door(box, room, invite=room["invite"])[0] == 201


async def test_a_guests_own_client_cannot_share_show_or_write_what_the_room_does_not_allow(box):
    room = room_with(box, "Lecture", guests_share=False, guests_camera=False, guests_chat=False)
    async with meeting(box, "alice", room=room["name"]) as (alice,), guest(box, room, "bob") as bob:
        me = bob.room.local_participant
        tone = await bob.publish_tone()
        await alice.until(lambda: tone.sid in alice.audio and alice.audio[tone.sid].purity() > PURE)
        for screen in [True, False]:
            with pytest.raises(Exception):
                await asyncio.wait_for(bob.publish_video(screen=screen), 12)
        # The SDK does not hear that it was dropped.
        with contextlib.suppress(rtc.participant.PublishDataError):
            await me.publish_data(b"spam")
        await me.set_attributes({"sent": "spam"})
        await alice.until(lambda: alice.other(me.identity).attributes.get("sent") == "spam")
        # Who signs with a key of their own is no guest.
        picture = await alice.publish_video(screen=True)
        await bob.until(lambda: picture.sid in bob.video and bob.video[picture.sid].moving)
        await alice.room.local_participant.publish_data(b"hello")
        await bob.until(lambda: b"hello" in payloads(bob))
        assert not alice.video and not payloads(alice)
        assert [t.source for t in alice.other(me.identity).track_publications.values()] == \
            [rtc.TrackSource.SOURCE_MICROPHONE]


async def test_guests_may_what_the_room_allows_and_a_change_is_for_those_who_come(box):
    room = room_with(box, "Workshop", guests_camera=False)
    async with meeting(box, "alice", room=room["name"]) as (alice,), guest(box, room, "bob") as bob:
        screen = await bob.publish_video(screen=True)
        await alice.until(lambda: screen.sid in alice.video and alice.video[screen.sid].moving)
        change(box, room, guests_camera=True, guests_share=False)
        async with guest(box, room, "carol") as carol:
            camera = await carol.publish_video()
            await alice.until(lambda: camera.sid in alice.video and alice.video[camera.sid].moving)
            with pytest.raises(Exception):
                await asyncio.wait_for(carol.publish_video(screen=True), 12)
            assert screen.sid in {t.sid for t in bob.room.local_participant.track_publications.values()}


async def refused(box, room, name):
    client = Client(name)
    try:
        with pytest.raises(Exception):
            async with guest(box, room, name):
                pass
    finally:
        await client.close()


async def test_so_many_may_be_in_as_the_room_says_and_a_change_applies_to_those_who_come(box):
    room = room_with(box, "Small", max_people=2)
    name = room["name"]
    async with meeting(box, "alice", room=name) as (alice,), guest(box, room, "bob") as bob:
        [listed] = [one for one in (await rooms_of(box)) if one.name == name]
        assert listed.max_participants == 2
        await refused(box, room, "carol")
        change(box, room, max_people=3)
        async with guest(box, room, "carol") as carol:
            await alice.until(lambda: len(alice.room.remote_participants) == 2)
            # Who is in stays in, and nobody comes for those who leave until there is room.
            change(box, room, max_people=1)
            await refused(box, room, "dora")
            for one in [alice, bob, carol]:
                assert one.room.isconnected() and not one.seen("disconnected")
        await refused(box, room, "dora")
        change(box, room, max_people=0)
        async with guest(box, room, "dora"), guest(box, room, "erik"):
            await alice.until(lambda: len(alice.room.remote_participants) == 3)


async def rooms_of(box):
    async with box.api() as server:
        return (await server.room.list_rooms(api.ListRoomsRequest())).rooms


async def test_a_program_that_opens_the_room_with_a_number_of_its_own_keeps_it(box):
    room = room_with(box, "By program", max_people=2)
    name = room["name"]
    async with box.api() as server:
        made = await server.room.create_room(api.CreateRoomRequest(name=name, max_participants=5))
        assert made.max_participants == 5
        async with meeting(box, "a", "b", "c", room=name):
            change(box, room, guests_muted=True)
            [listed] = [one for one in (await rooms_of(box)) if one.name == name]
            assert listed.max_participants == 5, "another rule changes nothing"
        await server.room.delete_room(api.DeleteRoomRequest(room=name))
        made = await server.room.create_room(api.CreateRoomRequest(name=name))
        assert made.max_participants == 2, "without a number it is the room's"
        await server.room.delete_room(api.DeleteRoomRequest(room=name))
