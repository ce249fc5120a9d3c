"""Polls, the timer and files of a meeting, with unmodified LiveKit clients that join by the box's tokens."""

import asyncio
import http.client
import json
import urllib.parse

import pytest
from livekit import api

from box import Box
from clients import Client, meeting
from test_data import payloads
from test_lobby import guest, guest_token, lobby, waits_for
from test_media import options

TOPIC = "roombox.meeting"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture(scope="module", autouse=True)
def owner(box):
    box.claim()


def ask(box, method, path, token=None, body=None, **headers):
    """Status, headers and body of one request."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(box.http).netloc, timeout=20)
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if isinstance(body, (dict, list)):
        body, headers["Content-Type"] = json.dumps(body), "application/json"
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        is_json = (answer.headers["Content-Type"] or "").startswith("application/json")
        return answer.status, answer.headers, json.loads(text) if is_json and text else text
    finally:
        connection.close()


def tools(box, token, method="GET", path="", body=None, expect=None):
    status, _, answer = ask(box, method, f"/api/v1/meeting{path}", token, body)
    assert status == (expect or (200 if method == "GET" else 204)), (status, answer)
    return answer


def hand(box, token, name, content, **headers):
    where = f"/api/v1/meeting/files?name={urllib.parse.quote(name)}"
    return ask(box, "POST", where, token, content, **headers)


def host_token(box, room):
    return box.ask("POST", f"/rooms/{room['id']}/join-token", {"name": "Ada"})["token"]


def kept(box):
    """Where the box keeps what meetings have."""
    return box.log_path.parent / "data" / "meetings"


def told(client):
    return [event for event in client.seen("data_received") if event[0].topic == TOPIC]


async def test_everybody_answers_a_poll_and_sees_the_counts_when_it_has_ended(box):
    room = box.ask("POST", "/rooms", {"name": "Asked"})
    host = host_token(box, room)
    first = guest_token(box, room, "bob")
    async with guest(box, room, "ada", token=host) as ada, guest(box, room, "bob", token=first) as bob:
        poll = {"question": "Lunch?", "answers": ["Soup", "Salad"]}
        refused = tools(box, first, "POST", "/polls", poll, expect=403)
        assert refused["code"] == "not_moderator"
        tools(box, host, "POST", "/polls", poll)
        await bob.until(lambda: told(bob))
        await ada.until(lambda: told(ada))
        seen, = tools(box, first)["polls"]
        assert (seen["question"], seen["asked_by"], seen["running"]) == ("Lunch?", "Ada", True)
        assert [answer["votes"] for answer in seen["answers"]] == [None, None]
        where = f"/polls/{seen['id']}"
        tools(box, first, "PUT", f"{where}/vote", {"chosen": [0]})
        tools(box, host, "PUT", f"{where}/vote", {"chosen": [0]})
        tools(box, first, "PUT", f"{where}/vote", {"chosen": [1]})
        counts = lambda token: [a["votes"] for a in tools(box, token)["polls"][0]["answers"]]
        assert counts(host) == [1, 1] and counts(first) == [None, None]

    # Who comes again is the same voter, and not one more.
    again = guest_token(box, room, "bob", before=first)
    async with guest(box, room, "ada", token=host), guest(box, room, "bob", token=again):
        assert tools(box, again)["polls"][0]["mine"] == [1]
        tools(box, again, "PUT", f"{where}/vote", {"chosen": [0]})
        tools(box, host, "PATCH", where, {"running": False})
        assert counts(again) == [2, 0]
        over = tools(box, again, "PUT", f"{where}/vote", {"chosen": [0]}, expect=409)
        assert over["code"] == "poll_over"
        tools(box, host, "DELETE", where)
        assert tools(box, again)["polls"] == []


async def test_a_hundred_votes_ring_a_few_times(box):
    room = box.ask("POST", "/rooms", {"name": "Stormy"})
    host = host_token(box, room)
    async with guest(box, room, "ada", token=host) as ada:
        tools(box, host, "POST", "/polls", {"question": "?", "answers": ["1", "2"]})
        poll = tools(box, host)["polls"][0]["id"]
        before = asyncio.get_running_loop().time()
        for vote in range(100):
            tools(box, host, "PUT", f"/polls/{poll}/vote", {"chosen": [vote % 2]})
        tools(box, host, "PUT", "/timer", {"seconds": 60})
        lasted = asyncio.get_running_loop().time() - before
        # The last change is told too: whoever asks after that message knows all.
        await ada.until(lambda: len(told(ada)) >= 2)
        assert len(told(ada)) <= 3 + lasted, (len(told(ada)), lasted)


async def test_the_timer_says_what_is_left_and_is_the_moderators(box):
    room = box.ask("POST", "/rooms", {"name": "Timed"})
    host, first = host_token(box, room), guest_token(box, room, "bob")
    async with guest(box, room, "ada", token=host), guest(box, room, "bob", token=first):
        assert tools(box, first)["timer"] is None
        assert tools(box, first, "PUT", "/timer", {"seconds": 60}, expect=403)["code"] == "not_moderator"
        tools(box, host, "PUT", "/timer", {"seconds": 600, "title": "Break"})
        timer = tools(box, first)["timer"]
        assert (timer["title"], timer["by"]) == ("Break", "Ada") and 590_000 < timer["left_ms"] <= 600_000
        assert tools(box, host, "PUT", "/timer", {"seconds": 1}, expect=422)["field"] == "seconds"
        tools(box, host, "DELETE", "/timer")
        assert tools(box, first)["timer"] is None


async def test_a_file_goes_to_all_and_is_gone_with_the_meeting(box):
    room = box.ask("POST", "/rooms", {"name": "Handed"})
    host, first = host_token(box, room), guest_token(box, room, "bob")
    content = bytes(range(256)) * 4000
    async with guest(box, room, "ada", token=host), guest(box, room, "bob", token=first) as bob:
        status, _, made = hand(box, host, "../Plan <b>.pdf", content)
        assert (status, made["name"], made["bytes"], made["picture"]) == (201, "Plan <b>.pdf", len(content), False)
        await bob.until(lambda: told(bob))
        assert [file["name"] for file in tools(box, first)["files"]] == ["Plan <b>.pdf"]
        status, headers, got = ask(box, "GET", made["path"])
        assert (status, got) == (200, content)
        assert headers["Content-Type"] == "application/octet-stream"
        assert headers["Content-Disposition"].startswith("attachment")
        assert headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "private, no-store"
        status, headers, part = ask(box, "GET", made["path"], Range="bytes=10-19")
        assert (status, part) == (206, content[10:20])

        # A picture is one by what it begins with.
        status, _, picture = hand(box, first, "me.png", PNG)
        assert status == 201 and picture["picture"]
        status, headers, _ = ask(box, "GET", picture["path"] + "?show=1")
        assert headers["Content-Type"] == "image/png" and "Content-Disposition" not in headers
        page = b"<script>alert(1)</script>"
        status, _, fake = hand(box, first, "page.png", page)
        _, headers, _ = ask(box, "GET", fake["path"] + "?show=1")
        assert not fake["picture"] and headers["Content-Type"] == "application/octet-stream"
        assert headers["Content-Disposition"].startswith("attachment")
    box.ask("DELETE", f"/rooms/{room['id']}/meeting")
    async with asyncio.timeout(10):
        while (gone := ask(box, "GET", made["path"]))[0] == 200:
            await asyncio.sleep(0.02)
    status, _, answer = gone
    assert (status, answer["code"]) == (410, "file_gone")
    left = [path for path in kept(box).rglob("*") if path.is_file()]
    assert not any(made["path"].split("/")[-1] in str(path) for path in left), left


async def test_files_that_will_not_do_are_refused_and_leave_nothing(box):
    room = box.ask("POST", "/rooms", {"name": "Refused"})
    host = host_token(box, room)
    async with guest(box, room, "ada", token=host):
        for name, code in [("run.exe", "file_type"), ("a\u202efdp.pdf", "file_name"), ("", "file_name")]:
            status, _, answer = hand(box, host, name, b"x")
            assert (status, answer["code"]) == (422, code), name
        box.ask("PATCH", "/settings", {"meeting": {"file_mb": 1}})
        try:
            status, _, answer = hand(box, host, "large.pdf", bytes(1_000_001))
            assert (status, answer["code"]) == (413, "file_too_large")
            for number in range(20):
                status, _, _ = hand(box, host, f"{number}.pdf", bytes(1_000_000))
                assert status == 201, number
            status, _, answer = hand(box, host, "one more.pdf", b"x")
            assert (status, answer["code"]) == (409, "files_full")
            box.ask("PATCH", "/settings", {"meeting": {"file_mb": 0}})
            status, _, answer = hand(box, host, "plan.pdf", b"x")
            assert (status, answer["code"]) == (403, "files_off")
            assert not tools(box, host)["file_rules"]["allowed"]
        finally:
            box.ask("PATCH", "/settings", {"meeting": {"file_mb": None}})

        # One that breaks off on its way gives its place back.
        where = urllib.parse.urlsplit(box.http)
        before = {path.name for path in kept(box).rglob("*")}
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(f"POST /api/v1/meeting/files?name=half.pdf HTTP/1.1\r\nHost: {where.netloc}\r\n"
                     f"Authorization: Bearer {host}\r\nContent-Length: 900000\r\n\r\n".encode() + bytes(100_000))
        await writer.drain()
        files = lambda: {path.name for path in kept(box).rglob("*")}
        async with asyncio.timeout(10):
            while files() == before:
                await asyncio.sleep(0.02)
            writer.close()
            while files() != before:
                await asyncio.sleep(0.02)


async def test_a_moderator_takes_a_file_away_from_all(box):
    room = box.ask("POST", "/rooms", {"name": "Cleaned"})
    host, first = host_token(box, room), guest_token(box, room, "bob")
    async with guest(box, room, "ada", token=host), guest(box, room, "bob", token=first):
        _, _, made = hand(box, first, "rude.png", PNG)
        where = "/files/" + made["path"].split("/")[-1]
        assert tools(box, first, "DELETE", where, expect=403)["code"] == "not_moderator"
        tools(box, host, "DELETE", where)
        assert tools(box, first)["files"] == [] and ask(box, "GET", made["path"])[0] == 410
        assert not any(made["path"].split("/")[-1] in path.name for path in kept(box).rglob("*"))
        assert tools(box, host, "DELETE", where, expect=410)["code"] == "file_gone"


async def test_who_is_put_out_while_sending_hands_out_nothing(box):
    room = box.ask("POST", "/rooms", {"name": "Slow"})
    host, first = host_token(box, room), guest_token(box, room, "bob")
    async with guest(box, room, "ada", token=host), guest(box, room, "bob", token=first) as bob:
        where = urllib.parse.urlsplit(box.http)
        files = lambda: [path for path in kept(box).rglob("*") if path.is_file() and path.suffix == ""]
        slow, before = [], len(files())
        for number in range(3):
            reader, writer = await asyncio.open_connection(where.hostname, where.port)
            writer.write(f"POST /api/v1/meeting/files?name={number}.pdf HTTP/1.1\r\nHost: {where.netloc}\r\n"
                         f"Authorization: Bearer {first}\r\nContent-Length: 10\r\n\r\nhalf.".encode())
            await writer.drain()
            slow.append((reader, writer))
        # Each has a file of its own from the moment that it counts.
        async with asyncio.timeout(10):
            while len(files()) < before + 3:
                await asyncio.sleep(0.02)
        status, _, answer = hand(box, first, "fourth.pdf", b"x")
        assert (status, answer["code"]) == (409, "too_many_at_once")
        assert hand(box, host, "plan.pdf", b"x")[0] == 201, "others are not in their way"
        person = f"/rooms/{room['id']}/participants/{bob.room.local_participant.sid}"
        box.ask("DELETE", person)
        await bob.until(lambda: bob.seen("disconnected"))
        # What is known of the meeting for 0.3 s is known no more.
        async with asyncio.timeout(10):
            while ask(box, "GET", "/api/v1/meeting", first)[0] == 200:
                await asyncio.sleep(0.02)
        for reader, writer in slow:
            writer.write(b"other")
            await writer.drain()
            assert b"403" in await reader.readline()
            writer.close()
        names = [file["name"] for file in tools(box, host)["files"]]
        assert not {"0.pdf", "1.pdf", "2.pdf"} & set(names), names


async def test_whoever_is_not_in_the_meeting_gets_nothing(box):
    room = lobby(box, "Closed")
    host, first = host_token(box, room), guest_token(box, room, "bob")
    code = lambda token: tools(box, token, expect=403)["code"]
    assert code(host) == "not_in_meeting", "before the join"
    async with guest(box, room, "ada", token=host):
        async with guest(box, room, "bob", token=first) as bob:
            assert waits_for(bob) and code(first) == "not_in_meeting", "in the lobby"
            status, _, answer = hand(box, first, "plan.pdf", b"x")
            assert (status, answer["code"]) == (403, "not_in_meeting")
        assert tools(box, host)["moderates"]
    for token in (None, "x.y.z", first[:-4] + "AAAA"):
        status, _, answer = ask(box, "GET", "/api/v1/meeting", token)
        assert (status, answer["code"]) == (401, "unauthenticated")
    assert ask(box, "GET", "/f/ABCDEFGHJKLMNPQRSTUVWXYZ23456789")[0] == 410


async def test_who_may_not_write_hands_out_nothing_but_votes(box):
    name = "Quiet"
    async with meeting(box, "alice", room=name, room_admin=True) as (alice,):
        silent = Client("carol")
        grants = api.VideoGrants(room_join=True, room=name, can_publish_data=False)
        token = api.AccessToken("devkey", "secret").with_identity("carol").with_grants(grants).to_jwt()
        host = api.AccessToken("devkey", "secret").with_identity("alice").with_grants(
            api.VideoGrants(room_join=True, room=name, room_admin=True)).to_jwt()
        try:
            await silent.room.connect(box.ws, token, options(True))
            status, _, answer = hand(box, token, "plan.pdf", b"x")
            assert (status, answer["code"]) == (403, "may_not_write")
            tools(box, host, "POST", "/polls", {"question": "?", "answers": ["1", "2"], "several": True})
            poll = tools(box, token)["polls"][0]["id"]
            tools(box, token, "PUT", f"/polls/{poll}/vote", {"chosen": [0, 1]})
            assert tools(box, token)["polls"][0]["mine"] == [0, 1]
        finally:
            await silent.close()
        assert set(payloads(alice)) == {b""}, "nothing but the bell"


async def test_what_a_meeting_has_survives_that_the_box_dies(tmp_path):
    box = Box(tmp_path)
    try:
        box.claim()
        room = box.ask("POST", "/rooms", {"name": "Again"})
        host = host_token(box, room)
        async with guest(box, room, "ada", token=host):
            tools(box, host, "POST", "/polls", {"question": "Still there?", "answers": ["Yes", "No"]})
            _, _, made = hand(box, host, "plan.pdf", b"the plan")
            box.process.kill()
            box.process.wait()
        owner = box.owner
        box = Box(tmp_path)
        box.owner = owner
        async with guest(box, room, "ada", token=host):
            assert [poll["question"] for poll in tools(box, host)["polls"]] == ["Still there?"]
            assert ask(box, "GET", made["path"])[2] == b"the plan"
        # Another meeting of the room begins with nothing.
        box.ask("DELETE", f"/rooms/{room['id']}/meeting")
        async with guest(box, room, "ada", token=host):
            assert tools(box, host)["polls"] == []
            assert ask(box, "GET", made["path"])[0] == 410
    finally:
        box.__exit__()
