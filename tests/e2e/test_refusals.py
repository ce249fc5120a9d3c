"""Bad tokens and hostile messages: refused, and the box goes on."""

import asyncio
import base64
import gzip
import hmac
import http.client
import time
import urllib.parse
from datetime import timedelta

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from livekit.protocol import rtc as signalling

from box import SECRET
from clients import meeting

DAY = 86_400


def forged(*, secret="secret", algorithm="HS256", key="devkey", exp=DAY, nbf=None, headers=None, **more):
    claims = {"iss": key, "sub": "mallory", "video": {"roomJoin": True, "room": "r"}}
    claims["exp"] = exp and int(time.time()) + exp
    if nbf is not None:
        claims["nbf"] = int(time.time()) + nbf
    for name, value in more.items():
        place = claims if name in ("sub", "name", "metadata", "attributes") else claims["video"]
        place[name] = value
    return jwt.encode(claims, secret if algorithm != "none" else None, algorithm=algorithm, headers=headers)


def get(url, headers=()):
    """By hand: urllib would not let an upgrade through."""
    where = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(where.netloc, timeout=5)
    try:
        connection.request("GET", f"{where.path}?{where.query}", headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers
    finally:
        connection.close()


def validate(box, token, path="/rtc/validate"):
    return get(f"{box.http}{path}?access_token={token}")


def signed_by_a_key():
    """Tokens that a key pair signed, and one whose secret is the public half: the swap of algorithms."""
    rsa, edwards = generate_rsa(public_exponent=65537, key_size=2048), Ed25519PrivateKey.generate()
    public = rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    part = lambda value: base64.urlsafe_b64encode(value).rstrip(b"=")
    head, claims, _ = forged().encode().split(b".")
    mac = hmac.digest(public, head + b"." + claims, "sha256")
    return {
        "RS256": forged(secret=rsa, algorithm="RS256"),
        "EdDSA": forged(secret=edwards, algorithm="EdDSA"),
        "swapped": b".".join((head, claims, part(mac))).decode(),
    }


SIGNED_BY_A_KEY = signed_by_a_key()
BAD_TOKENS = {
    "none": "",
    "garbage": "a.b.c",
    "alg none": forged(algorithm="none"),
    "alg HS512": forged(algorithm="HS512"),
    "alg HS384": forged(algorithm="HS384"),
    "other secret": forged(secret="guess"),
    "other key": forged(key="nobody"),
    "RS256 with a key of their own": SIGNED_BY_A_KEY["RS256"],
    "EdDSA with a key of their own": SIGNED_BY_A_KEY["EdDSA"],
    "HS256 with a public key as the secret": SIGNED_BY_A_KEY["swapped"],
    "another key by its header": forged(headers={"kid": "../../secrets/devkey", "jku": "http://127.0.0.1/keys"}, secret="guess"),
    "signed for nobody": forged(key=""),
    "expired": forged(exp=-3600),
    "not yet": forged(nbf=3600),
    "no roomJoin": forged(roomJoin=False),
    "huge": "x" * 6000,
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_bad_token(box, name):
    token = urllib.parse.quote(BAD_TOKENS[name])
    for path in ["/rtc/validate", "/rtc"]:
        headers = {} if path.endswith("validate") else UPGRADE
        status, text, _ = get(f"{box.http}{path}?access_token={token}", headers)
        assert status == 401, text
        if token:
            assert BAD_TOKENS[name] not in text


# Services and WHIP ask for other grants than that of joining.
@pytest.mark.parametrize("name", [name for name in BAD_TOKENS if name != "no roomJoin"])
def test_bad_token_at_services_and_whip(box, name):
    token = BAD_TOKENS[name]
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    for path, kind in [("/twirp/livekit.RoomService/ListRooms", "application/json"),
                       ("/twirp/livekit.Egress/ListEgress", "application/json"),
                       ("/whip", "application/sdp"), ("/whep", "application/sdp")]:
        status, text = post(box, path, b"{}" if kind.endswith("json") else b"v=0", {"Content-Type": kind, **authorization})
        assert status == 401, (path, status, text)
        assert not token or token not in text


def test_a_token_for_one_room_is_none_for_another(box):
    """Of services: a grant to administrate one room opens no other."""
    admin = jwt.encode({"iss": "devkey", "exp": int(time.time()) + DAY, "video": {"roomAdmin": True, "room": "mine"}}, SECRET)
    for room, expected in (("mine", 404), ("yours", 401)):
        body = b'{"room": "%s"}' % room.encode()
        status, text = post(box, "/twirp/livekit.RoomService/ListParticipants", body,
                            {"Content-Type": "application/json", "Authorization": f"Bearer {admin}"})
        assert status == expected or (room == "mine" and status == 200), (room, text)


def post(box, path, body, headers):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(box.http).netloc, timeout=5)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode()}


def test_a_good_token_is_a_success_and_browsers_may_ask(box):
    status, text, headers = validate(box, forged())
    assert (status, text) == (200, "success")
    assert headers["Access-Control-Allow-Origin"] == "*"


def test_the_room_and_identity_of_the_token_count(box):
    assert validate(box, forged(room=""))[0] == 400
    assert validate(box, forged(room="r" * 300))[0] == 400
    for claims in [{"room": "a\nb"}, {"room": "a\0"}, {"sub": "ada\x1b[2J"}, {"sub": "\u0085"}]:
        status, text, _ = validate(box, forged(**claims))
        assert (status, "control characters" in text) == (400, True), (claims, text)


def test_a_token_that_will_not_do_is_told_why(box):
    for claims, says in [({"exp": None}, "no exp"), ({"exp": -3600}, "expired"),
                         ({"metadata": 7}, "claims cannot be read")]:
        status, text, _ = validate(box, forged(**claims))
        assert (status, says in text) == (401, True), (claims, text)
    assert validate(box, forged(metadata=None, name=None, attributes=None))[0] == 200


def test_the_404_rule(box):
    """Clients read 404 as "does not speak v1": only a request that is no upgrade gets one."""
    assert get(f"{box.http}/rtc/v1?access_token={forged()}")[0] == 404
    assert get(f"{box.http}/rtc/v1?access_token={forged()}", UPGRADE)[0] == 400
    assert validate(box, forged(), "/rtc/v1/validate")[0] == 400


def test_an_address_may_end_with_a_slash(box):
    assert validate(box, box.token("room", "ann"), "//rtc/validate")[0] == 200
    assert get(f"{box.http}//rtc/v1?access_token={forged()}", UPGRADE)[0] == 400


def wrapped(request: bytes, compress=True) -> str:
    wrapper = signalling.WrappedJoinRequest(
        compression=1 if compress else 0,
        join_request=gzip.compress(request) if compress else request,
    )
    return base64.urlsafe_b64encode(wrapper.SerializeToString()).decode().rstrip("=")


def test_unreadable_join_requests(box):
    token = forged()
    bomb = wrapped(b"\0" * 20_000_000)
    for text in ["%25%25", "AAAA", wrapped(b"\xff\xff\xff"), bomb]:
        url = f"{box.http}/rtc/v1/validate?access_token={token}&join_request={text}"
        assert get(url)[0] == 400
    good = wrapped(signalling.JoinRequest().SerializeToString())
    url = f"{box.http}/rtc/v1/validate?access_token={token}&join_request={good}"
    assert get(url)[0] == 200


def test_a_very_long_request_line(box):
    """Offers travel in the query: 32 kB must pass."""
    request = signalling.JoinRequest(metadata="")
    request.publisher_offer.sdp = base64.b64encode(bytes(n * 31 % 256 for n in range(14_000))).decode()
    text = wrapped(request.SerializeToString(), compress=False)
    assert len(text) > 24_000
    url = f"{box.http}/rtc/v1/validate?access_token={forged()}&join_request={text}"
    assert get(url)[0] == 200


async def socket(session, box, identity="mallory", room="hostile", grants=None, **query):
    token = box.token(room, identity, **(grants or {}))
    join = wrapped(signalling.JoinRequest().SerializeToString())
    return await session.ws_connect(
        f"{box.ws}/rtc/v1?access_token={token}&join_request={join}", max_msg_size=0, **query
    )


async def answer_to(ws, request, kind):
    await ws.send_bytes(request.SerializeToString())
    async for message in ws:
        response = signalling.SignalResponse.FromString(message.data)
        if response.WhichOneof("message") == kind:
            return response
    raise AssertionError("the connection closed")


async def close_code(ws):
    """What the box closes with (RFC 6455 §7.4), after everything else it says."""
    async for _ in ws:
        pass
    return ws.close_code


async def test_a_token_is_renewed(box):
    """Whoever came with a token that soon ends can come back later all the same."""
    async with aiohttp.ClientSession() as session:
        token = box.token("renewal", "ada", ttl=timedelta(seconds=5), can_publish=False)
        join = wrapped(signalling.JoinRequest().SerializeToString())
        url = f"{box.ws}/rtc/v1?access_token={token}&join_request={join}"
        kinds, new = [], None
        async with session.ws_connect(url) as ws:
            while new is None:
                response = signalling.SignalResponse.FromString((await ws.receive()).data)
                kinds.append(response.WhichOneof("message"))
                new = response.refresh_token or None
        assert kinds[0] == "join", kinds
        claims = jwt.decode(new, SECRET, algorithms=["HS256"])
        assert claims["sub"] == "ada" and claims["video"]["canPublish"] is False
        assert claims["exp"] > time.time() + 590
        assert get(f"{box.http}/rtc/v1/validate?access_token={new}&join_request={join}")[0] == 200


async def test_a_connection_that_only_publishes_keeps_the_token_of_its_person(box):
    async with aiohttp.ClientSession() as session:
        url = f"{box.ws}/rtc?access_token={box.token('cameras', 'ada')}&publish=cam"
        async with session.ws_connect(url) as ws:
            while True:
                response = signalling.SignalResponse.FromString((await ws.receive()).data)
                if response.WhichOneof("message") == "join":
                    assert response.join.participant.identity == "ada#cam"
                if response.refresh_token:
                    break
        claims = jwt.decode(response.refresh_token, SECRET, algorithms=["HS256"])
        assert claims["sub"] == "ada" and claims["video"].get("canSubscribe", True)


@pytest.mark.parametrize("frame, code", [
    (b"\x81\x02hi", 1002),  # not masked (RFC 6455 §5.1)
    (b"\xf2\x80\0\0\0\0", 1002),  # reserved bits (§5.2)
    (b"\x81\x82\0\0\0\0\xff\xff", 1007),  # text that is none (§8.1)
])
async def test_what_is_no_websocket_is_told_so(box, frame, code):
    async with aiohttp.ClientSession() as session:
        ws = await socket(session, box, "strange", "strange")
        ws._writer.transport.write(frame)
        assert await close_code(ws) == code


@pytest.mark.parametrize("last, code", [
    (signalling.SignalRequest(leave=signalling.LeaveRequest()).SerializeToString(), 1000),
    (b"\0" * (2 * 1024 * 1024 + 10), 1009),
])
async def test_the_box_waits_for_the_goodbye_of_the_client(box, last, code):
    """Clients whose answer finds no connection report a broken one (1006)."""
    async with aiohttp.ClientSession() as session:
        ws = await socket(session, box, "polite", "polite", autoclose=False)
        await ws.send_bytes(last)
        async for _ in ws:
            pass
        # Time enough for a box that does not wait.
        for _ in range(3):
            async with session.get(f"{box.http}/healthz") as answer:
                assert answer.status == 200
        await ws.close()
        assert ws.close_code == code


@pytest.mark.parametrize("query", [
    {"sdk": "x\n2026-11-26T13:00:00Z ERROR forged \x1b[31m"},
    {"reconnect": "1", "sid": "PA_x\nERROR forged"},
    {"sdk": "x" * 300},
])
async def test_nobody_writes_lines_of_their_own_into_the_log(box, query):
    query = urllib.parse.urlencode(query | {"access_token": box.token("scribe", "scribe")})
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{box.ws}/rtc?{query}")
        assert refused.value.status == 400
    assert "forged" not in box.log_path.read_text()


async def test_a_flood_of_garbage_is_told_once_and_answers_a_goodbye(box):
    """The log lies on the disk of the recordings."""
    before = box.log_path.read_text().count("cannot be read")
    async with aiohttp.ClientSession() as session:
        ws = await socket(session, box, "flood", "flood")
        for _ in range(1000):
            await ws.send_bytes(b"\xff")
        await ws.close(code=1000)
        # The box's own close frame, not an end without one (1006).
        assert ws.close_code == 1000
    assert box.log_path.read_text().count("cannot be read") == before + 1


async def test_attributes_add_up(box):
    reasons = signalling.RequestResponse.Reason
    async with aiohttp.ClientSession() as session:
        ws = await socket(session, box, "hoarder", "hoarder", grants={"can_update_own_metadata": True})
        seen = []
        for n in range(300):
            if seen and seen[-1] != reasons.OK:
                break
            update = signalling.UpdateParticipantMetadata(request_id=n + 1)
            update.attributes[f"key {n}"] = "x" * 10_000
            request = signalling.SignalRequest(update_metadata=update)
            answer = await answer_to(ws, request, "request_response")
            seen.append(answer.request_response.reason)
        assert seen[0] == reasons.OK and seen[-1] == reasons.LIMIT_EXCEEDED


async def test_who_leaves_is_closed_normally(box):
    async with aiohttp.ClientSession() as session:
        ws = await socket(session, box)
        await ws.send_bytes(signalling.SignalRequest(leave=signalling.LeaveRequest()).SerializeToString())
        assert await close_code(ws) == 1000


async def test_a_connection_that_another_replaced_is_let_go(box):
    async with aiohttp.ClientSession() as session:
        ws = await socket(session, box, "twice", "twice")
        first = signalling.SignalResponse.FromString((await ws.receive()).data)
        sid = first.join.participant.sid
        request = signalling.JoinRequest(reconnect=True, participant_sid=sid)
        join = wrapped(request.SerializeToString())
        token = box.token("twice", "twice")
        async with session.ws_connect(
            f"{box.ws}/rtc/v1?access_token={token}&join_request={join}"
        ) as second:
            assert await close_code(ws) == 1001
            response = signalling.SignalResponse.FromString((await second.receive()).data)
            assert response.WhichOneof("message") == "reconnect"


async def test_garbage_on_the_socket_costs_only_itself(box):
    async with aiohttp.ClientSession() as session:
        ws = await socket(session, box)
        first = signalling.SignalResponse.FromString((await ws.receive()).data)
        assert first.WhichOneof("message") == "join"
        for garbage in [b"", b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"\x00" * 4096]:
            await ws.send_bytes(garbage)
        await ws.send_str("{not json")
        await ws.send_bytes(signalling.SignalRequest(ping=1).SerializeToString())
        async for message in ws:
            assert message.type == aiohttp.WSMsgType.BINARY, "garbage changes no language"
            if signalling.SignalResponse.FromString(message.data).pong:
                break
        await ws.send_str('{"ping": "1"}')
        bad = signalling.SignalRequest()
        bad.offer.sdp = "v=0\r\nm=garbage"
        bad.offer.type = "offer"
        await ws.send_bytes(bad.SerializeToString())
        bad.answer.sdp = "\0\0\0"
        await ws.send_bytes(bad.SerializeToString())
        bad.trickle.candidateInit = "{"
        await ws.send_bytes(bad.SerializeToString())
        bad.subscription.track_sids.extend(["TR_x", "", "💥" * 100])
        bad.subscription.subscribe = True
        await ws.send_bytes(bad.SerializeToString())
        # The text frames made it answer in JSON; it still answers.
        await ws.send_bytes(signalling.SignalRequest(ping=1).SerializeToString())
        async for message in ws:
            if message.type == aiohttp.WSMsgType.TEXT and "pong" in message.data:
                break
        else:
            raise AssertionError("the connection closed")
        await ws.close()


async def test_ping_is_answered_in_milliseconds(box):
    async with aiohttp.ClientSession() as session:
        ws = await socket(session, box)
        request = signalling.SignalRequest()
        request.ping_req.timestamp = 12345
        response = await answer_to(ws, request, "pong_resp")
        assert response.pong_resp.last_ping_timestamp == 12345
        assert abs(response.pong_resp.timestamp / 1000 - time.time()) < 60
        await ws.close()


async def test_an_oversized_message_ends_only_its_connection(box):
    async with meeting(box, "alice", "bob", room="big") as (alice, bob):
        async with aiohttp.ClientSession() as session:
            ws = await socket(session, box, room="big")
            await bob.until(lambda: bob.other("mallory"))
            await ws.send_bytes(b"\0" * (2 * 1024 * 1024 + 10))
            assert await close_code(ws) == 1009
        await alice.room.local_participant.publish_data(b"still here")
        await bob.until(lambda: bob.seen("data_received"))


async def test_nobody_takes_the_place_of_another(box):
    """A participant's id is public; resuming with it needs the identity and the room too."""
    async with meeting(box, "alice", "bob", room="place") as (alice, bob):
        async with aiohttp.ClientSession() as session:
            for room, identity in [("place", "mallory"), ("elsewhere", "alice")]:
                request = signalling.JoinRequest(
                    reconnect=True, participant_sid=alice.room.local_participant.sid
                )
                join = wrapped(request.SerializeToString())
                token = box.token(room, identity)
                ws = await session.ws_connect(
                    f"{box.ws}/rtc/v1?access_token={token}&join_request={join}"
                )
                response = signalling.SignalResponse.FromString((await ws.receive()).data)
                assert response.WhichOneof("message") == "leave"
                assert response.leave.action == signalling.LeaveRequest.Action.RECONNECT
                assert await close_code(ws) == 1000
        # Alice is still served.
        tone = await bob.publish_tone()
        await alice.until(lambda: tone.sid in alice.audio)
        assert not alice.seen("reconnecting") and not alice.seen("disconnected")


async def test_n5_who_says_nothing_more_is_given_up(box):
    """A machine that lost its power says no goodbye: its socket stays open."""
    async with aiohttp.ClientSession() as session:
        # One that lives would answer the box's pings, whatever its program does.
        ws = await socket(session, box, "silent", "silent", autoping=False)
        begun = time.monotonic()
        assert await close_code(ws) is not None
        assert 10 < time.monotonic() - begun < 20


async def test_who_answers_pings_of_the_websocket_alone_stays(box):
    """LiveKit's Go SDK sends no pings of its own."""
    async with aiohttp.ClientSession() as session:
        ws = await socket(session, box, "waits", "silent")
        closed = asyncio.create_task(close_code(ws))
        # Longer than the box keeps who does not answer.
        done, _ = await asyncio.wait([closed], timeout=18)
        assert not done, ws.close_code
        await ws.close()


async def test_many_half_open_sockets_do_not_hinder_a_join(box):
    async with aiohttp.ClientSession() as session:
        sockets = [await socket(session, box, f"idle-{n}", "idle") for n in range(40)]
        async with asyncio.timeout(10):
            async with meeting(box, "alice", "bob", room="idle") as (alice, bob):
                tone = await alice.publish_tone()
                await bob.until(lambda: tone.sid in bob.audio)
        for ws in sockets:
            await ws.close()
