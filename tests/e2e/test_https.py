"""A box as it ships, without --dev: claimed, given a key and joined over its own HTTPS."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request

import pytest

from box import die_with_parent
from livekit import api

PASSWORD = "correct horse battery"
PATIENCE = 30

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


class ShippedBox:
    def __init__(self, folder):
        self.log = open(folder / "roomboxd.log", "w")
        console = folder / "console.txt"
        arguments = ["--data", folder / "data", "--udp", "0", "--shards", "1"]
        arguments += ["--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--console", console]
        self.process = subprocess.Popen(
            [os.environ["ROOMBOX_BOX"], *arguments],
            stdout=subprocess.DEVNULL,
            stderr=self.log,
            preexec_fn=die_with_parent,
        )
        deadline = time.monotonic() + PATIENCE
        while not (console.exists() and "Trust" in (text := console.read_text())):
            assert time.monotonic() < deadline and self.process.poll() is None
            time.sleep(0.05)
        self.https = text.split("listens on ")[1].split()[0]
        self.code = text.split("claim#")[1][:9]
        self.authority = folder / "ca.crt"
        plain = "http://" + text.split("http://")[1].split("/")[0]
        self.authority.write_bytes(urllib.request.urlopen(plain + "/ca.crt").read())
        self.trust = ssl.create_default_context(cafile=self.authority)

    def ask(self, path, body, cookie=""):
        headers = {"Content-Type": "application/json", "Cookie": cookie}
        url = self.https + "/api/v1" + path
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, context=self.trust, timeout=PATIENCE) as answer:
            return answer.headers, json.load(answer)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    box = ShippedBox(tmp_path_factory.mktemp("shipped"))
    yield box
    box.process.send_signal(signal.SIGTERM)
    assert box.process.wait(15) == 0
    box.log.close()


@pytest.fixture(scope="module")
def key(shipped):
    claim = {"code": shipped.code, "name": "Ada", "password": PASSWORD}
    headers, _ = shipped.ask("/claim", claim)
    cookie = headers["Set-Cookie"]
    assert "; Secure" in cookie
    _, made = shipped.ask("/livekit-keys", {}, cookie.split(";")[0])
    return made["key"], made["secret"]


def join(shipped, key, secret, **environment):
    token = api.AccessToken(key, secret).with_identity("ada")
    token = token.with_grants(api.VideoGrants(room_join=True, room="Library")).to_jwt()
    url = shipped.https.replace("https://", "wss://")
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
