"""By whose word somebody comes in: an account's for as long as it may, an invitation's for as long as it is the room's."""

import json
import urllib.error
import urllib.request

import pytest
from livekit import rtc

from box import PASSWORD
from test_lobby import Scenario, guest, guest_token
from test_room_links import asking_as, knocks
from test_rooms import at_door, change, room_with, says


@pytest.fixture(scope="module", autouse=True)
def owner(box):
    box.claim()


def person(box, name, role) -> dict:
    """A new account, signed in."""
    invite = box.ask("POST", "/invites", {"name": name, "role": role, "expires_in_s": 600})
    accepted = {"secret": invite["secret"], "name": name, "password": PASSWORD}
    with asking_as(box, {}):
        status, headers, made = box.request("POST", "/invitation/acceptance", accepted)
    assert status == 201, made
    return {"id": made["id"], "name": name, "cookie": {"Cookie": headers["Set-Cookie"].split(";")[0]}}


def token_of(box, room, who) -> str:
    with asking_as(box, who["cookie"]):
        return box.ask("POST", f"/rooms/{room['id']}/join-token", {"name": who["name"]})["token"]


def served(box, method, token, room, **fields) -> int:
    """What RoomService answers to the bearer of a token."""
    request = urllib.request.Request(
        f"{box.http}/twirp/livekit.RoomService/{method}", json.dumps({"room": room["name"]} | fields).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


@pytest.mark.parametrize("what", ["removed", "locked out"])
async def test_tokens_of_an_account_that_is_gone_open_nothing_and_who_is_in_by_one_is_put_out(box, what):
    room = room_with(box, f"Hall {what}")
    grace = person(box, f"Grace {what}", "moderator")
    token = token_of(box, room, grace)
    async with guest(box, room, "linus") as linus, guest(box, room, "grace", token=token) as inside:
        await linus.until(lambda: linus.room.remote_participants)
        assert (knocks(box, token), served(box, "ListParticipants", token, room)) == (200, 200)
        if what == "removed":
            box.ask("DELETE", f"/people/{grace['id']}", {"name": grace["name"]})
        else:
            box.ask("PATCH", f"/people/{grace['id']}", {"disabled": True})
        assert (knocks(box, token), served(box, "ListParticipants", token, room)) == (401, 401)
        identity = linus.room.local_participant.identity
        assert served(box, "RemoveParticipant", token, room, identity=identity) == 401
        await inside.until(lambda: inside.seen("disconnected"))
        assert inside.seen("disconnected")[0][0] == rtc.DisconnectReason.PARTICIPANT_REMOVED
        await linus.until(lambda: not linus.room.remote_participants)
        assert not linus.seen("disconnected")


async def test_who_may_moderate_no_more_still_comes_in_and_moderates_nothing(box):
    room = room_with(box, "Demoted")
    grace = person(box, "Grace demoted", "moderator")
    token = token_of(box, room, grace)
    assert served(box, "ListParticipants", token, room) in (200, 404)
    async with guest(box, room, "linus") as linus:
        identity = linus.room.local_participant.identity
        box.ask("PATCH", f"/people/{grace['id']}", {"role": "viewer"})
        # As livekit-server says that a token lacks roomAdmin.
        assert served(box, "ListParticipants", token, room) == 401
        assert served(box, "RemoveParticipant", token, room, identity=identity) == 401
        assert knocks(box, token) == 200
        # And again, without a new token.
        box.ask("PATCH", f"/people/{grace['id']}", {"role": "moderator"})
        assert served(box, "ListParticipants", token, room) == 200


async def test_a_renewed_invitation_a_pin_and_no_guests_hold_for_tokens_of_before(box):
    room = room_with(box, "Doors")
    first = guest_token(box, room, "ada")
    async with guest(box, room, "ada", token=first) as ada:
        renewed = box.ask("POST", f"/rooms/{room['id']}/invite")
        assert renewed["invite"] != room["invite"]
        assert knocks(box, first) == 401
        second = guest_token(box, renewed, "bob")
        assert knocks(box, second) == 200
        change(box, room, guests="with_pin")
        assert knocks(box, second) == 401
        pin = box.ask("GET", f"/rooms/{room['id']}/pin")["pin"]
        third = at_door(box, room, invite=renewed["invite"], pin=pin)[2]["token"]
        assert knocks(box, third) == 200
        # What has nothing to do with who comes in.
        change(box, room, guests_chat=False, max_people=9)
        assert knocks(box, third) == 200
        box.ask("PUT", f"/rooms/{room['id']}/pin", {"pin": "998877"})
        assert knocks(box, third) == 401
        change(box, room, guests="nobody")
        assert says(at_door(box, room, invite=renewed["invite"], pin="998877")) == (403, "no_guests")
        change(box, room, guests="with_pin")
        fourth = at_door(box, room, invite=renewed["invite"], pin="998877")[2]["token"]
        assert knocks(box, fourth) == 200
        change(box, room, guests="nobody")
        assert knocks(box, fourth) == 401
        # Who is in stays in, and comes back to their place.
        seen = len(ada.seen("reconnected"))
        await ada.room.simulate_scenario(Scenario.SIMULATE_SIGNAL_RECONNECT)
        await ada.until(lambda: len(ada.seen("reconnected")) > seen, 30)
        assert not ada.seen("disconnected")


async def test_an_invitation_opens_no_other_room_of_its_name(box):
    room = room_with(box, "Twice")
    token = guest_token(box, room, "ada")
    box.ask("DELETE", f"/rooms/{room['id']}")
    again = room_with(box, "Twice")
    assert (knocks(box, token), knocks(box, guest_token(box, again, "ada"))) == (401, 200)
