"""A box that can be killed, started again on the same ports, and asked about its recordings."""

import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

from panel_client import PanelClient

BIN = Path(os.environ["ROOMBOX_BIN"])
CLIPS = Path(os.environ["ROOMBOX_CLIPS"])
PASSWORD = "correct horse battery"
PATIENCE = 120
# Before a command: a test that aborts must not leave daemons behind.
WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"]


def free_ports(count: int) -> list[int]:
    """Neighbouring UDP ports that are free now: a box that is killed needs the same ones again."""
    while True:
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
        sockets[0].bind(("127.0.0.1", 0))
        first = sockets[0].getsockname()[1]
        try:
            for port in range(first + 1, first + count):
                sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                sockets[-1].bind(("127.0.0.1", port))
            return list(range(first, first + count))
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()


class RecBox:
    """`data` is the box's folder, `arguments` are further ones. The log goes on over restarts. It is reached
    at `host`, and started by the command `inside`, if it is to be elsewhere than here."""

    def __init__(self, data: Path, config: str = "", arguments=(), environment: dict | None = None,
                 host="127.0.0.1", inside=()):
        self.data, self.host, self.inside = data, host, list(inside)
        self.arguments, self.environment = list(arguments), os.environ | (environment or {})
        self.udp = free_ports(1)[0]
        self.port = 0
        self.log_path = data.parent / "roomboxd.log"
        self.config = config
        self.code = None
        self.start()
        self.panel = PanelClient(self.http)
        self.panel.claim(self.code, PASSWORD)

    def start(self):
        arguments = [*self.inside, BIN / "roomboxd", "--dev", "--data", self.data, "--shards", "1"]
        arguments += ["--http", f"{self.host}:{self.port}", "--udp", str(self.udp), "--tcp", "0"]
        arguments += ["--address", self.host, *self.arguments]
        if self.config:
            path = self.data.parent / "roombox.toml"
            path.write_text(self.config)
            arguments += ["--config", path]
            self.config = ""
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(
                [*WITH_US, *arguments], stdout=subprocess.PIPE, stderr=log, text=True,
                env=self.environment,
            )
        for line in self.process.stdout:
            if "listens on" in line:
                self.http = line.split()[-1]
                self.port = int(self.http.rsplit(":", 1)[1])
            if line.strip().startswith("Claim"):
                self.code = line.split()[1]
                break
            if "has an owner" in line:
                break
        else:
            raise AssertionError(f"roomboxd did not start: {self.log_path.read_text()[-3000:]}")
        self.ws = self.http.replace("http", "ws")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def kill(self):
        """The plug."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.stop()
        if kind is None:
            text = self.log_path.read_text()
            assert "panicked" not in text, text[text.index("panicked") - 200 :][:2000]

    # What the box knows.

    def recording(self, recording: str) -> dict:
        return self.panel.call("GET", f"/recordings/{recording}")

    def until(self, recording: str, what, seconds=PATIENCE) -> dict:
        """Asks until `what(recording)` holds."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            seen = self.recording(recording)
            if what(seen):
                return seen
            time.sleep(0.2)
        raise AssertionError(f"never so: {json.dumps(seen, indent=1)}\n{self.log_path.read_text()[-3000:]}")

    def wait(self, what, seconds=PATIENCE):
        """Asks until `what()` holds."""
        begun = time.monotonic()
        while not (found := what()):
            assert time.monotonic() - begun < seconds, self.log_path.read_text()[-3000:]
            time.sleep(0.2)
        return found

    def folder(self, recording: str) -> Path:
        return self.data / "recordings" / recording

    def manifest(self, recording: str) -> dict:
        return json.loads((self.folder(recording) / "manifest.json").read_text())

    def parts(self, recording: str) -> list[dict]:
        """Parts so far; none before the first round."""
        path = self.folder(recording) / "manifest.json"
        return json.loads(path.read_text())["parts"] if path.exists() else []

    def timeline(self, recording: str) -> list[dict]:
        lines = (self.folder(recording) / "timeline.jsonl").read_text(errors="replace").splitlines()
        events = []
        for line in lines:
            try:
                events.append(json.loads(line))
            except ValueError:
                continue
        return events


def started(events):
    """Wall clock, seconds, of the recording's zero, by its newest anchor."""
    start = [event for event in events if event["e"] == "start"][-1]
    return start["unix_ms"] / 1000 - start["t"] / 1e6


def probe(path: Path, entries: str) -> dict:
    ask = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "json", str(path)]
    done = subprocess.run(ask, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr.strip(), f"{path}: {done.stderr}"
    return json.loads(done.stdout)


def decode(path: Path):
    """Every frame of the file decodes without a complaint."""
    run = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "null", "-"]
    done = subprocess.run(run, capture_output=True, text=True)
    # The null muxer counts in frames; a film's times are finer, which it calls non monotonic.
    noise = ("non monotonically", "Last message repeated")
    lines = [line for line in done.stderr.splitlines() if not any(text in line for text in noise)]
    complaints = "\n".join(lines).strip()
    assert done.returncode == 0 and not complaints, f"{path}: {complaints}"
