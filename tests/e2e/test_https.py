"""A box as it ships, without --dev: claimed, given a key and joined over its own HTTPS."""

import os
import subprocess
import sys

import pytest

from box import ShippedBox
from livekit import api

# A process of its own: the SDK reads which authorities it trusts once.
JOIN = """
import asyncio, sys
from livekit import rtc

async def main(url, token):
    room = rtc.Room()
    await asyncio.wait_for(room.connect(url, token), 20)
    source = rtc.AudioSource(48000, 1)
    track = rtc.LocalAudioTrack.create_audio_track("voice", source)
    await asyncio.wait_for(room.local_participant.publish_track(track), 20)
    print("joined", room.name)
    await room.disconnect()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    with ShippedBox(tmp_path_factory.mktemp("shipped")) as box:
        yield box
        box.check_alive()


@pytest.fixture(scope="module")
def key(shipped):
    cookie = shipped.claim()["Set-Cookie"]
    assert cookie.startswith("__Host-roombox_session=") and "; Secure" in cookie and "; Path=/;" in cookie, cookie
    assert "domain" not in cookie.lower(), "browsers would not take it"
    # What somebody in the domain, or a page without encryption, could plant is nobody's session.
    planted = {"Cookie": shipped.owner["Cookie"].replace("__Host-", "")}
    shipped.owner, own = planted, shipped.owner
    assert shipped.refuses("GET", "/rooms")[0] == 401
    shipped.owner = own
    assert shipped.request("GET", "/rooms")[0] == 200
    made = shipped.ask("POST", "/livekit-keys", {})
    return made["key"], made["secret"]


def join(shipped, key, secret, **environment):
    token = api.AccessToken(key, secret).with_identity("ada")
    token = token.with_grants(api.VideoGrants(room_join=True, room="Library")).to_jwt()
    url = shipped.url.replace("https://", "wss://")
    command = [sys.executable, "-c", JOIN, url, token]
    environment = os.environ | environment
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)
    return done.stdout, done.stderr


def test_an_sdk_joins_over_wss_once_it_trusts_the_box_and_not_before(shipped, key):
    said, _ = join(shipped, *key, SSL_CERT_FILE=str(shipped.authority))
    assert "joined Library" in said
    said, error = join(shipped, *key)
    assert "joined" not in said and "certificate" in error


def test_the_key_that_everybody_knows_opens_nothing(shipped):
    said, error = join(shipped, "devkey", "secret", SSL_CERT_FILE=str(shipped.authority))
    assert "joined" not in said and "certificate" not in error
