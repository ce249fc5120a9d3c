"""A real HTTP proxy (proxy.py), which writes down what goes through it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from box import PATIENCE, WITH_US


class Middleman:
    """It keeps its port over `stop` and `start`. With `authority` it opens what is encrypted."""

    def __init__(self, folder: Path, basic=None, authority=None):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.log, self.port = folder / "proxy.log", 0
        self.more = ["--basic-auth", basic] if basic else []
        if authority:
            for name, text in authority.items():
                (folder / name).write_text(text)
            self.more += ["--ca-cert-file", folder / "ca.pem", "--ca-key-file", folder / "ca.key",
                          "--ca-signing-key-file", folder / "signing.key", "--ca-cert-dir", folder / "made",
                          "--insecure-tls-interception"]
        self.process = None
        self.start()

    def start(self):
        told = self.folder / "port"
        told.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [*WITH_US, sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", str(self.port),
             "--port-file", told, "--num-workers", "1", "--num-acceptors", "1", "--log-file", self.log,
             "--log-level", "INFO", "--data-dir", self.folder / "data", *self.more],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        end = time.monotonic() + PATIENCE
        while not (told.exists() and told.read_text().strip()):
            assert time.monotonic() < end and self.process.poll() is None, "the proxy does not start"
            time.sleep(0.05)
        self.port = int(told.read_text().split()[0])
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self):
        # Its acceptor and its worker, too: they would go on without it.
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def passed(self) -> list[str]:
        """Method and host with its port of each exchange that has ended."""
        text = self.log.read_text() if self.log.exists() else ""
        return [f"{method} {where}" for method, where in re.findall(r" - ([A-Z]+) ([^\s/]+:\d+)", text)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
