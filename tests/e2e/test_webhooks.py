"""Webhooks: unmodified receivers hear what happens in rooms, whatever happens to them or to the box."""

import asyncio
import ipaddress
import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.request

import aiohttp
import jwt
import pytest
from livekit import api, rtc

from box import KEY, PATIENCE, SECRET, Box, ShippedBox, address
from clients import meeting
from receivers import NodeReceiver, Receiver, until

HOOKS = "/integrations/webhooks"
MEETING = ["room_started", "participant_joined", "track_published", "participant_joined",
           "participant_left", "track_unpublished", "participant_left", "room_finished"]


@pytest.fixture(scope="module")
def owner(box):
    box.claim()
    # A room ends soon after its last participant: that is a part of the story.
    box.ask("PATCH", "/settings", {"meeting": {"departure_timeout_s": 1, "empty_timeout_s": 1}})
    return box


@pytest.fixture
def hook(owner):
    """Adds receivers; they are gone after the test."""
    added = []

    def add(url, key=KEY, **more):
        added.append(owner.ask("POST", HOOKS, {"url": url, "key": key, **more})["id"])
        return added[-1]

    yield add
    for one in added:
        owner.request("DELETE", f"{HOOKS}/{one}")


def state(box, hook):
    return next(item for item in box.ask("GET", HOOKS)["items"] if item["id"] == hook)


async def meet(box, room):
    """Alice publishes, Bob comes and goes, Alice goes: every event that a meeting has."""
    async with meeting(box, "alice", room=room) as (alice,):
        tone = await alice.publish_tone()
        await heard(box, room)
        async with meeting(box, "bob", room=room) as (bob,):
            await bob.until(lambda: tone.sid in bob.audio)
        await alice.until(lambda: alice.seen("participant_disconnected"))
    return tone.sid


async def heard(box, room):
    """A track counts as published once its media has reached the box."""
    async with box.api() as server:
        while True:
            people = await server.room.list_participants(api.ListParticipantsRequest(room=room))
            if any(one.tracks for one in people.participants):
                return
            await asyncio.sleep(0.05)


async def test_python_and_javascript_receivers_hear_a_meeting_in_order(owner, hook):
    with Receiver(KEY, SECRET) as python, NodeReceiver(KEY, SECRET) as node:
        hooks = [hook(python.url), hook(node.url)]
        track = await meet(owner, "story")
        events = await asyncio.to_thread(python.until_ended, "story")
        until(lambda: len(node.events) == len(MEETING))
        assert [event.event for event in events] == MEETING
        assert not python.refused, "each signature is right"
        assert [event["id"] for event in node.events] == [event.id for event in events]
        assert [event["event"] for event in node.events] == MEETING
        assert len({event.id for event in events}) == len(events)
        assert all(event.id.startswith("EV_") and event.created_at for event in events)
        assert len({event.room.sid for event in events}) == 1 and events[0].room.sid.startswith("RM_")
        people = [event.participant.identity for event in events]
        assert people == ["", "alice", "alice", "bob", "bob", "alice", "alice", ""]
        assert (events[2].track.sid, events[5].track.sid) == (track, track)
        assert events[2].track.mime_type in ("audio/red", "audio/opus")
        joined, left = events[1].participant, events[6].participant
        assert joined.sid == left.sid and joined.name == "alice" and joined.permission.can_publish
        assert api.ParticipantInfo.State.Name(joined.state) == "ACTIVE"
        assert api.ParticipantInfo.State.Name(left.state) == "DISCONNECTED"
        assert left.disconnect_reason == 1, "CLIENT_INITIATED"
        assert [event.room.num_participants for event in events] == [0, 1, 1, 2, 1, 1, 0, 0]
        for one in hooks:
            until(lambda: state(owner, one)["waiting"] == 0)
            told = state(owner, one)
            assert (told["delivered"], told["failing"], told["last_error"]) == (len(MEETING), False, None)


async def test_what_is_sent_is_as_livekit_sends_it(owner, hook):
    with Receiver(KEY, SECRET) as receiver:
        hook(receiver.url)
        async with owner.api() as server:
            await server.room.create_room(api.CreateRoomRequest(name="wire", metadata="m"))
            await server.room.delete_room(api.DeleteRoomRequest(room="wire"))
        await asyncio.to_thread(receiver.until_ended, "wire")
        headers, body = receiver.requests[0]
        assert headers["Content-Type"] == "application/webhook+json"
        assert "Bearer" not in headers["Authorization"] and headers["User-Agent"].startswith("roombox/")
        assert jwt.get_unverified_header(headers["Authorization"])["alg"] == "HS256"
        claims = jwt.decode(headers["Authorization"], SECRET, algorithms=["HS256"])
        assert set(claims) == {"iss", "nbf", "exp", "sha256"} and claims["iss"] == KEY
        assert 0 < claims["exp"] - time.time() <= 300
        event = json.loads(body)
        assert event["event"] == "room_started" and event["room"]["metadata"] == "m"
        assert isinstance(event["createdAt"], str), "proto-JSON writes int64 as texts"


async def test_a_receiver_that_was_away_gets_everything_in_order_once_it_is_back(owner, hook):
    receiver = Receiver(KEY, SECRET)
    receiver.close()
    one = hook(receiver.url)
    await asyncio.gather(meet(owner, "away-a"), meet(owner, "away-b"))
    until(lambda: state(owner, one)["waiting"] == 2 * len(MEETING))
    told = state(owner, one)
    assert told["failing"] and "cannot reach localhost" in told["last_error"] and told["delivered"] == 0
    assert "secret" not in told["last_error"]
    with Receiver(KEY, SECRET, port=receiver.port) as back:
        for room in ("away-a", "away-b"):
            events = await asyncio.to_thread(back.until_ended, room, 60)
            assert [event.event for event in events] == MEETING
        until(lambda: state(owner, one)["waiting"] == 0)
        assert not state(owner, one)["failing"]


@pytest.mark.parametrize("answer", [500, 302, None, 0], ids=["500", "redirects", "hangs", "closes"])
async def test_a_bad_receiver_hinders_no_other(owner, hook, answer):
    room = f"bad-{answer}"
    with Receiver(KEY, SECRET, answer=answer) as bad, Receiver(KEY, SECRET) as good:
        one = hook(bad.url)
        hook(good.url)
        begun = time.monotonic()
        await meet(owner, room)
        events = await asyncio.to_thread(good.until_ended, room)
        assert [event.event for event in events] == MEETING
        assert time.monotonic() - begun < 20
        until(lambda: state(owner, one)["failed"] > 0)
        told = state(owner, one)
        assert told["waiting"] == len(MEETING) and told["failing"] and not bad.events
        # Nothing overtakes the event that it does not take.
        assert {json.loads(body)["event"] for _, body in bad.requests} == {"room_started"}


async def test_a_room_whose_events_are_refused_holds_up_no_other_room(owner, hook):
    refuse = lambda event: 500 if event.room.name == "poison" else 200
    with Receiver(KEY, SECRET, answer=refuse) as receiver:
        one = hook(receiver.url)
        await asyncio.gather(meet(owner, "poison"), meet(owner, "healthy"))
        events = await asyncio.to_thread(receiver.until_ended, "healthy")
        assert [event.event for event in events] == MEETING
        until(lambda: state(owner, one)["waiting"] == len(MEETING))
        receiver.answer = 200
        # A change of the receiver makes it be asked at once.
        owner.ask("PATCH", f"{HOOKS}/{one}", {"url": receiver.url})
        events = await asyncio.to_thread(receiver.until_ended, "poison")
        assert [event.event for event in events] == MEETING


async def test_a_receiver_hears_of_the_rooms_of_its_key_or_of_all(owner, hook):
    other = owner.ask("POST", "/livekit-keys")
    with Receiver(KEY, SECRET) as dev, Receiver(other["key"], other["secret"]) as own, Receiver(KEY, SECRET) as every:
        hook(dev.url)
        one = hook(own.url, other["key"])
        hook(every.url, rooms="all")
        opened = {"key": other["key"], "secret": other["secret"]}
        async with meeting(owner, "carol", room="theirs", **opened), meeting(owner, "dave", room="theirs"):
            pass
        # The box's own page has a key that nobody is shown.
        room = owner.ask("POST", "/rooms", {"name": "by-invitation"})
        token = owner.ask("POST", f"/rooms/{room['id']}/join-token", {"name": "Eve"})
        async with meeting(owner, "frank", room="ours"):
            pass
        page = rtc.Room()
        await page.connect(owner.ws, token["token"])
        await page.disconnect()
        for room in ("theirs", "ours", "by-invitation"):
            await asyncio.to_thread(every.until_ended, room)
        assert {event.room.name for event in own.events} == {"theirs"}
        assert {event.room.name for event in dev.events} == {"ours"}
        assert [e.participant.identity for e in own.events if e.event == "participant_joined"] == ["carol", "dave"]
        # A revoked key signs nothing, and the owner is told.
        owner.ask("DELETE", f"/livekit-keys/{other['key']}")
        assert state(owner, one)["key_revoked"]
        trial = owner.ask("POST", f"{HOOKS}/{one}/tests")
        assert not trial["delivered"] and "revoked" in trial["error"]


async def test_who_never_arrived_is_aborted_and_has_not_left(owner, hook):
    with Receiver(KEY, SECRET) as receiver:
        hook(receiver.url)
        session = await signalling_only(owner, "aborted", "ghost")
        try:
            async with owner.api() as server:
                await server.room.delete_room(api.DeleteRoomRequest(room="aborted"))
            events = await asyncio.to_thread(receiver.until_ended, "aborted")
        finally:
            await session.close()
        assert [event.event for event in events] == ["room_started", "participant_connection_aborted", "room_finished"]
        assert events[1].participant.identity == "ghost"


async def signalling_only(box, room, identity):
    """Somebody who joins and never brings up a connection."""
    session = aiohttp.ClientSession()
    socket = await session.ws_connect(f"{box.ws}/rtc?access_token={box.token(room, identity)}&protocol=16")
    await socket.receive()
    return session


def test_a_test_tells_what_the_receiver_said(owner, hook):
    with Receiver(KEY, SECRET) as good, Receiver(KEY, "another secret") as stranger:
        trial = owner.ask("POST", f"{HOOKS}/{hook(good.url)}/tests")
        assert (trial["delivered"], trial["status"], trial["error"]) == (True, 200, None)
        assert [event.event for event in good.events] == ["test"]
        trial = owner.ask("POST", f"{HOOKS}/{hook(stranger.url)}/tests")
        assert (trial["delivered"], trial["status"]) == (False, 401)
        assert "answers 401" in trial["error"]
    assert owner.refuses("POST", f"{HOOKS}/none/tests") == (404, "not_found")


def test_what_will_not_do_is_refused_and_what_is_off_hears_nothing(owner, hook):
    for url in ["", "box", "ftp://box/", "http://", "http://ada:pw@box/", "http://box/" + "x" * 2000]:
        assert owner.refuses("POST", HOOKS, {"url": url, "key": KEY}) == (422, "invalid_webhook"), url
    assert owner.refuses("POST", HOOKS, {"url": "http://box/", "key": "none"}) == (422, "invalid_webhook")
    with Receiver(KEY, SECRET, answer=503) as receiver, Receiver(KEY, SECRET) as witness:
        one = hook(receiver.url)
        hook(witness.url)
        owner.ask("POST", "/rooms", {"name": "unheard"})
        open_room(owner, "off-a")
        until(lambda: state(owner, one)["waiting"] > 0)
        told = owner.ask("PATCH", f"{HOOKS}/{one}", {"enabled": False})
        assert told["waiting"] == 0 and told["dropped"] > 0
        open_room(owner, "off-b")
        # What happened then is news before the receiver is told of anything again.
        witness.until_ended("off-b")
        receiver.answer = 200
        told = owner.ask("PATCH", f"{HOOKS}/{one}", {"enabled": True})
        open_room(owner, "off-c")
        receiver.until_ended("off-c")
        assert {event.room.name for event in receiver.events} == {"off-c"}
        owner.ask("DELETE", f"{HOOKS}/{one}")
        assert owner.refuses("PATCH", f"{HOOKS}/{one}", {}) == (404, "not_found")
    for _ in range(16 - len(owner.ask("GET", HOOKS)["items"])):
        hook("http://127.0.0.1:1/")
    assert owner.refuses("POST", HOOKS, {"url": "http://box/", "key": KEY}) == (409, "too_many_webhooks")


def open_room(box, name):
    """A room that is opened and ended by the server API."""
    async def both():
        async with box.api() as server:
            await server.room.create_room(api.CreateRoomRequest(name=name))
            await server.room.delete_room(api.DeleteRoomRequest(room=name))
    asyncio.run(both())


def test_what_was_sent_is_listed_and_sent_again_as_it_was(owner, hook):
    with Receiver(KEY, SECRET) as receiver:
        one = hook(receiver.url)
        log = lambda: owner.ask("GET", f"{HOOKS}/{one}/deliveries")["items"]
        again = lambda event: owner.ask("POST", f"{HOOKS}/{one}/deliveries/{event}/attempts")
        assert log() == []
        open_room(owner, "log")
        receiver.until_ended("log")
        ended, started = until(lambda: len(log()) == 2 and log())
        assert [(row["what"], row["room"], row["state"], row["attempts"], row["status"], row["error"])
                for row in (started, ended)] == [
            ("room_started", "log", "delivered", 1, 200, None), ("room_finished", "log", "delivered", 1, 200, None)]
        trial = again(started["event"])
        assert (trial["delivered"], trial["status"]) == (True, 200)
        assert [event.event for event in receiver.events] == ["room_started", "room_finished", "room_started"]
        assert receiver.events[2].id == receiver.events[0].id == started["event"]
        assert receiver.requests[2][1] == receiver.requests[0][1], "byte for byte"
        receiver.answer = 500
        assert (again(started["event"])["delivered"], again(started["event"])["status"]) == (False, 500)
        newest, _ = log()
        assert (newest["event"], newest["state"], newest["attempts"]) == (started["event"], "delivered", 4)
        assert newest["status"] == 500 and "answers 500" in newest["error"]
        open_room(owner, "log-away")
        newest = until(lambda: (row := log()[0])["room"] == "log-away" and row)
        assert (newest["what"], newest["state"], newest["status"]) == ("room_started", "waiting", 500)
        # What waits and is sent by hand arrives once; what stood behind it goes on by itself.
        until(lambda: log()[0]["attempts"] == 3)
        receiver.answer = 200
        assert again(newest["event"])["delivered"]
        receiver.until_ended("log-away")
        taken = [event.event for event in receiver.events if event.room.name == "log-away"]
        assert taken == ["room_started", "room_finished"]
        until(lambda: [row["state"] for row in log()[:2]] == ["delivered", "delivered"])
        # Of one that is switched off nothing waits; what it missed can be sent by hand.
        receiver.answer = 500
        open_room(owner, "log-off")
        newest = until(lambda: (row := log()[0])["room"] == "log-off" and row)
        owner.ask("PATCH", f"{HOOKS}/{one}", {"enabled": False})
        assert log()[0]["state"] == "given_up"
        receiver.answer = 200
        assert again(newest["event"])["delivered"] and log()[0]["state"] == "delivered"
        for path in (f"{HOOKS}/none/deliveries", f"{HOOKS}/none/deliveries/EV_1/attempts", f"{HOOKS}/{one}/deliveries/EV_1/attempts"):
            assert owner.refuses("POST" if path.endswith("attempts") else "GET", path) == (404, "not_found")


def test_what_is_sent_by_hand_during_an_attempt_is_not_tried_again(owner, hook):
    tries, hangs, release = [], threading.Event(), threading.Event()

    def answer(event):
        if (event.room.name, event.event) != ("log-hangs", "room_started"):
            return 200
        tries.append(event.id)
        if len(tries) == 2:
            hangs.set()
            release.wait(PATIENCE)
        return 500 if len(tries) < 3 else 200

    with Receiver(KEY, SECRET, answer=answer) as receiver:
        one = hook(receiver.url)
        open_room(owner, "log-hangs")
        assert hangs.wait(PATIENCE)
        assert owner.ask("POST", f"{HOOKS}/{one}/deliveries/{tries[0]}/attempts")["delivered"]
        release.set()
        receiver.until_ended("log-hangs")
        assert len(tries) == 3
        newest = owner.ask("GET", f"{HOOKS}/{one}/deliveries")["items"]
        assert {row["state"] for row in newest if row["room"] == "log-hangs"} == {"delivered"}


def test_alarms_are_told_to_who_wants_them_also_after_a_power_cut(tmp_path):
    with Receiver(KEY, SECRET, answer=503) as receiver, Receiver(KEY, SECRET) as deaf:
        killed = Box(tmp_path)
        killed.claim()
        wanted = {"url": receiver.url, "key": KEY, "rooms": "none", "alarms": True}
        one = killed.ask("POST", HOOKS, wanted)["id"]
        killed.ask("POST", HOOKS, {"url": deaf.url, "key": KEY, "rooms": "all"})
        # No disk of a test has so much room.
        killed.ask("PATCH", "/settings", {"recording": {"reserve_bytes": 9_000_000_000_000}})
        until(lambda: state(killed, one)["waiting"] == 1)
        open_room(killed, "quiet")
        deaf.until_ended("quiet")
        killed.process.kill()
        killed.process.wait()
        assert not receiver.events
        receiver.answer = 200
        with Box(tmp_path) as again:
            again.owner = killed.owner
            until(lambda: len(receiver.events) == 1)
            again.ask("PATCH", "/settings", {"recording": {"reserve_bytes": 1}})
            until(lambda: len(receiver.events) == 2)
            until(lambda: state(again, one)["delivered"] == 2)
            again.check_alive()
        assert [event.event for event in receiver.events] == ["alarm.raised", "alarm.cleared"]
        raised, cleared = (json.loads(body) for _, body in receiver.requests[-2:])
        assert raised["id"] == receiver.events[0].id and raised["id"] != cleared["id"]
        assert raised["alarm"]["id"] == cleared["alarm"]["id"] and raised["alarm"]["kind"] == "disk_full"
        assert "9000.0 GB" in raised["alarm"]["what"] and raised["alarm"]["remedy"] and cleared["alarm"]["cleared_at"]
        assert raised["box"]["name"] and isinstance(raised["createdAt"], str)
        assert not receiver.refused, "each signature is right"
        assert {event.room.name for event in deaf.events} == {"quiet"}, "of alarms it was not to hear"


def test_metrics_count_what_is_sent(owner, hook):
    with Receiver(KEY, SECRET) as receiver:
        one = hook(receiver.url)
        open_room(owner, "counted")
        receiver.until_ended("counted")
        token = owner.ask("POST", "/api-tokens", {"name": "metrics"})["token"]
        request = urllib.request.Request(f"{owner.url}/metrics", headers={"Authorization": f"Bearer {token}"})

        def figures():
            lines = urllib.request.urlopen(request, timeout=10).read().decode().splitlines()
            mine = [line.split() for line in lines if one in line]
            return {line[0].split("{")[0].removeprefix("roombox_webhook_"): float(line[1]) for line in mine}

        expected = {"delivered_total": 2, "failed_total": 0, "given_up_total": 0, "dropped_total": 0, "waiting": 0}
        until(lambda: figures() == expected, why=f"{figures()}")


def test_nothing_secret_is_in_the_log(owner):
    log = owner.log_path.read_text()
    assert "a webhook is not taken" in log
    for secret in ("of-the-owner", "/hook", "eyJ"):
        assert secret not in log, secret


async def test_a_killed_box_delivers_what_waited_and_what_it_was_told_while_stopping(tmp_path):
    with Receiver(KEY, SECRET, answer=503) as receiver:
        killed = Box(tmp_path)
        killed.claim()
        killed.ask("PATCH", "/settings", {"meeting": {"departure_timeout_s": 1}})
        one = killed.ask("POST", HOOKS, {"url": receiver.url, "key": KEY})["id"]
        await meet(killed, "killed")
        until(lambda: state(killed, one)["waiting"] == len(MEETING))
        failed = until(lambda: state(killed, one)["failed"])
        killed.process.kill()
        killed.process.wait()
        assert not receiver.events
        receiver.answer = 200
        with Box(tmp_path) as again:
            again.owner = killed.owner
            events = await asyncio.to_thread(receiver.until_ended, "killed")
            assert [event.event for event in events] == MEETING
            until(lambda: state(again, one)["waiting"] == 0)
            told = state(again, one)
            assert told["delivered"] == len(MEETING) and told["failed"] >= failed and not told["failing"]
            again.check_alive()
            # Somebody is in a room while the box stops: that they left is told after the next start.
            receiver.answer = 503
            async with meeting(again, "grace", room="stopped"):
                until(lambda: state(again, one)["waiting"] == 2)
                again.process.terminate()
                assert await asyncio.to_thread(again.process.wait, 15) == 0
        receiver.answer = 200
        with Box(tmp_path):
            until(lambda: "participant_left" in receiver.names("stopped"))
            assert receiver.names("stopped")[:3] == ["room_started", "participant_joined", "participant_left"]


def test_https_is_verified_by_the_systems_authorities(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("SKIPPED: openssl is not installed")
    authority, key, certificate = (tmp_path / name for name in ("authority.pem", "key.pem", "cert.pem"))
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    signing = tmp_path / "authority.key"
    for more in (
        ["-keyout", signing, "-out", authority, "-subj", "/CN=authority"],
        ["-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-CA", authority, "-CAkey", signing,
         "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"],
    ):
        subprocess.run([*made, *more], check=True, capture_output=True)
    with Receiver(KEY, SECRET, certificate=(certificate, key)) as receiver:
        for trusted in (True, False):
            folder = tmp_path / f"trusts-{trusted}"
            folder.mkdir()
            roots = {"SSL_CERT_FILE": str(authority)} if trusted else {}
            with Box(folder, environment=roots) as box:
                box.claim()
                one = box.ask("POST", HOOKS, {"url": receiver.url, "key": KEY})["id"]
                trial = box.ask("POST", f"{HOOKS}/{one}/tests")
                assert trial["delivered"] == trusted, trial
                assert trusted or "localhost has no certificate that this box trusts" in trial["error"]


def test_nothing_is_sent_to_the_box_itself_and_to_the_house_only_where_that_is_allowed(tmp_path):
    """As it ships: in development receivers are on the same machine."""
    with ShippedBox(tmp_path) as box, socket.socket() as house:
        box.claim()
        key = box.ask("POST", "/livekit-keys", {})["key"]
        house.bind(("", 0))
        house.listen()
        house.setblocking(False)
        port = house.getsockname()[1]

        def tried(host, in_network):
            one = box.ask("POST", HOOKS, {"url": f"http://{host}:{port}/", "key": key, "in_network": in_network})["id"]
            trial = box.ask("POST", f"{HOOKS}/{one}/tests")
            box.ask("DELETE", f"{HOOKS}/{one}")
            assert not trial["delivered"] and trial["status"] is None
            return trial["error"]

        # By name too: what a name leads to is judged, and what was judged is connected to.
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "169.254.169.254", "0.0.0.0"):
            for in_network in (False, True):
                assert "this box itself or a link-local address" in tried(host, in_network), host
        own = address()
        if ipaddress.ip_address(own).is_private and not own.startswith("127."):
            for in_network in (False, True):
                assert "this box itself" in tried(own, in_network), "by whichever of its addresses"
                with pytest.raises(BlockingIOError):
                    house.accept()
        # In the house, where nobody answers: judged before anything is sent.
        assert "a private network" in tried("10.255.255.1", False)
        # What was allowed of one address is not of the next.
        one = box.ask("POST", HOOKS, {"url": "http://10.0.0.1/", "key": key, "in_network": True})
        assert box.ask("PATCH", f"{HOOKS}/{one['id']}", {"alarms": True})["in_network"]
        assert not box.ask("PATCH", f"{HOOKS}/{one['id']}", {"url": "http://10.0.0.2/"})["in_network"]
