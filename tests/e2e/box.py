"""The real roomboxd on free ports, with a data folder of its own: with --dev, or as it ships."""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from datetime import timedelta
from pathlib import Path

from livekit import api

KEY, SECRET = "devkey", "secret"
PASSWORD = "correct horse battery"
# Before a command: a client library that aborts must not leave daemons behind. Not as `preexec_fn`, which
# runs Python after a fork: with the threads of client libraries about, that can stand still for ever.
WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"]
STOP_SECONDS = 15
# As it ships, a box connects to nothing on its own machine.
BESIDE = ("--neighbour", "127.0.0.1", "--neighbour", "::1")
# For an answer, or a start.
PATIENCE = 30.0


def address() -> str:
    """This machine's address to the outside: Firefox does not use loopback candidates. Nothing is
    sent; without any network, loopback must do."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return probe.getsockname()[0]


class Daemon:
    """A running roomboxd. Its log is in `folder`; a panic or `ERROR` in it fails the module."""

    # Where its API is, the code that makes somebody its owner, and whom a client of it must trust.
    url = code = ""
    trust = None
    # What it is started through.
    through = ()

    def __init__(self, folder: Path, arguments, environment=None, shards: int = 1):
        self.owner = {}
        self.log_path = folder / "roomboxd.log"
        self.log = open(self.log_path, "a")
        own = {"--data": folder / "data", "--http": "127.0.0.1:0", "--udp": "0", "--tcp": "0", "--shards": str(shards)}
        if "ROOMBOX_SPILL" in os.environ:
            own |= {"--spill-at": os.environ["ROOMBOX_SPILL"], "--shards": "2"}
        own = [part for flag, value in own.items() if flag not in arguments for part in (flag, value)]
        self.process = subprocess.Popen(
            [*WITH_US, *self.through, os.environ["ROOMBOX_BOX"], *own, *arguments],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=os.environ | (environment or {}),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("roomboxd did not stop on SIGTERM") from None
        finally:
            self.log.close()
        assert code == 0, f"roomboxd ended with {code}"

    def check_alive(self):
        """No panic, no error, still answering."""
        assert self.process.poll() is None, "roomboxd died"
        text = self.log_path.read_text()
        assert "panicked" not in text, text[text.index("panicked") - 200 :][:2000]
        errors = [line for line in text.splitlines() if " ERROR " in line]
        assert not errors, errors[:5]
        assert urllib.request.urlopen(self.url + "/", timeout=5, context=self.trust).status == 200

    def claim(self, name="Ada", password=PASSWORD) -> dict:
        """Makes somebody the owner, and asks as them from now on; the headers of the answer."""
        status, headers, answer = self.request(
            "POST", "/claim", {"code": self.code, "name": name, "password": password})
        assert status < 300, answer
        self.owner = {"Cookie": headers["Set-Cookie"].split(";")[0]}
        return headers

    def request(self, method, path, body=None, **headers):
        """Status, headers and JSON of one request to the local API."""
        where = urllib.parse.urlsplit(self.url).netloc
        if self.trust:
            connection = http.client.HTTPSConnection(where, timeout=PATIENCE, context=self.trust)
        else:
            connection = http.client.HTTPConnection(where, timeout=PATIENCE)
        headers |= self.owner
        try:
            if body is not None and not isinstance(body, bytes):
                body, headers["Content-Type"] = json.dumps(body), "application/json"
            connection.request(method, f"/api/v1{path}", body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, answer.headers, json.loads(text) if text else None
        finally:
            connection.close()

    def ask(self, method, path, body=None):
        """The JSON of a request that must succeed."""
        status, _, answer = self.request(method, path, body)
        assert status < 300, answer
        return answer

    def refuses(self, method, path, body=None):
        """Status and code of a request that must not succeed."""
        status, _, answer = self.request(method, path, body)
        assert status >= 400, answer
        return status, answer["code"]


class ShippedBox(Daemon):
    """As it ships: HTTPS by an authority of its own, and no key that anybody knows."""

    def __init__(self, folder: Path, arguments=()):
        """`arguments`: further ones. Whoever plays another machine at this one's address says so: `*BESIDE`."""
        console = folder / "console.txt"
        # Of an earlier run.
        console.unlink(missing_ok=True)
        super().__init__(folder, ["--https", "127.0.0.1:0", "--console", console, *arguments])
        end = time.monotonic() + PATIENCE
        while not (console.exists() and "Trust" in (text := console.read_text())):
            assert time.monotonic() < end and self.process.poll() is None, self.log_path.read_text()
            time.sleep(0.05)
        self.url = text.split("listens on ")[1].split()[0].rstrip("/")
        self.code = text.partition("claim#")[2][:9]
        self.authority = folder / "ca.crt"
        self.plain = plain = "http://" + text.split("http://")[1].split("/")[0]
        self.authority.write_bytes(urllib.request.urlopen(plain + "/ca.crt").read())
        self.trust = ssl.create_default_context(cafile=self.authority)


class Box(Daemon):
    """As in development: plain HTTP, and the key that everybody knows."""

    def __init__(self, folder: Path, shards: int = 2, arguments=(), environment=None):
        told = [] if "--address" in arguments else ["--address", address()]
        arguments = [*arguments, "--dev", *told]
        super().__init__(folder, arguments, environment, shards)
        # The first line says where it listens, a later one what makes somebody its owner.
        for line in self.process.stdout:
            if not self.url and "http://" in line:
                self.url = "http://127.0.0.1:" + line.strip().rsplit(":", 1)[1].rstrip("/")
            if line.strip().startswith("Claim"):
                self.code = line.split()[1]
                break
            if "has an owner" in line:
                break
        assert self.url, f"roomboxd did not start: {self.log_path.read_text()}"
        self.http, self.ws = self.url, self.url.replace("http://", "ws://")
        # Whatever else it prints must not fill the pipe.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def token(self, room: str, identity: str, *, ttl=timedelta(hours=1), name="", metadata="",
              attributes=None, key=KEY, secret=SECRET, **grants) -> str:
        grants = {"room_join": True, "room": room} | grants
        token = api.AccessToken(key, secret).with_identity(identity).with_ttl(ttl)
        token = token.with_name(name or identity).with_metadata(metadata)
        if attributes:
            token = token.with_attributes(attributes)
        return token.with_grants(api.VideoGrants(**grants)).to_jwt()

    def api(self) -> api.LiveKitAPI:
        return api.LiveKitAPI(self.http, KEY, SECRET)
