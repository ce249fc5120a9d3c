"""Real browsers, one process per module, driven through browser/driver.mjs."""

import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from pathlib import Path

from box import WITH_US

HERE = Path(__file__).resolve().parent / "browser"
BINARIES = {
    "chromium": os.environ.get("CHROMIUM", "/usr/bin/chromium"),
    "firefox": os.environ.get("FIREFOX", "/usr/bin/firefox-esr"),
}


def missing(which: str) -> str | None:
    """Why this browser cannot run here, or None."""
    if not shutil.which("node"):
        return "node is not installed"
    if not Path(BINARIES[which]).exists():
        return f"{BINARIES[which]} is not installed"
    return None


class Browser:
    """Calls functions of browser/people.js in one page; `inside` runs it in another network."""

    def __init__(self, which: str, log: Path, inside=()):
        self.log = open(log, "w")
        self.process = subprocess.Popen(
            [*WITH_US, *inside, "node", "driver.mjs", which], cwd=HERE, text=True, stderr=self.log,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.version = self._line(90)["ready"]
        self.calls = 0

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def _line(self, seconds):
        line = self.lines.get(timeout=seconds)
        assert line, f"the browser ended: {Path(self.log.name).read_text()[-2000:]}"
        return json.loads(line)

    def __getattr__(self, function):
        def call(*args, **options):
            self.calls += 1
            args = [*args, options] if options else args
            request = {"id": self.calls, "call": function, "args": args}
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            answer = self._line(120)
            assert answer["id"] == self.calls
            assert "error" not in answer, f"{function}{args[:3]}: {answer['error']}"
            return answer["result"]

        return call

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
        self.log.close()
