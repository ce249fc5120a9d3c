"""The real roomboxd on free ports, with a data folder of its own."""

import ctypes
import os
import signal
import socket
import subprocess
import threading
import urllib.request
from datetime import timedelta
from pathlib import Path

from livekit import api

KEY, SECRET = "devkey", "secret"
STOP_SECONDS = 15


def address() -> str:
    """This machine's address to the outside: Firefox does not use loopback candidates. Nothing is
    sent; without any network, loopback must do."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return probe.getsockname()[0]


def die_with_parent():
    """A client library that aborts must not leave daemons behind (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Box:
    """A running daemon. Its log is in `folder`; a panic or `ERROR` in it fails the module."""

    def __init__(self, folder: Path, shards: int = 2, arguments=(), environment=None):
        self.log_path = folder / "roomboxd.log"
        self.log = open(self.log_path, "a")
        arguments = [*arguments, "--dev", "--data", folder / "data", "--http", "127.0.0.1:0", "--udp", "0"]
        arguments += ["--address", address(), "--shards", str(shards)]
        self.process = subprocess.Popen(
            [os.environ["ROOMBOX_BOX"], *arguments],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=os.environ | (environment or {}),
            preexec_fn=die_with_parent,
        )
        # The first line says where it listens, a later one what makes somebody its owner.
        self.http = self.code = ""
        for line in self.process.stdout:
            if not self.http and "http://" in line:
                self.http = "http://127.0.0.1:" + line.strip().rsplit(":", 1)[1].rstrip("/")
            if line.strip().startswith("Claim"):
                self.code = line.split()[1]
                break
            if "has an owner" in line:
                break
        assert self.http, f"roomboxd did not start: {self.log_path.read_text()}"
        self.ws = self.http.replace("http://", "ws://")
        # Whatever else it prints must not fill the pipe.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

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
        assert urllib.request.urlopen(self.http + "/", timeout=5).status == 200

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
