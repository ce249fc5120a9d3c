"""Lines of the log reach systemd's journal with their fields (its native protocol), and nothing twice."""

import contextlib
import shutil
import socket
import struct
import subprocess
import threading

import pytest

from box import Box

# The journal's socket has a fixed address: in a mount namespace of its own, ours lies there. What the manager
# tells a service of its standard error is device and inode (systemd.exec(5)).
THROUGH = """
mkdir -p /run/systemd/journal && mount --bind {folder} /run/systemd/journal &&
JOURNAL_STREAM={stream} exec "$@"
"""
OWN_STDERR = "$(stat -Lc %d:%i /proc/self/fd/2)"


def fields(datagram: bytes) -> dict[str, str]:
    """systemd's JOURNAL_NATIVE_PROTOCOL: NAME=text, or NAME, a length of 64 bits and that many bytes."""
    found = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        name, mark, text = line.partition(b"=")
        if not mark:
            (length,) = struct.unpack_from("<Q", rest)
            text, rest = rest[8:8 + length], rest[9 + length:]
        found[name.decode()] = text.decode()
        datagram = rest
    return found


class Journal:
    """Collects what is sent to the journal's socket."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder, self.lines, self.closed = folder, [], False
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(folder / "socket"))
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        with contextlib.suppress(OSError):
            while not self.closed:
                # An empty one only asks whether somebody is there.
                if datagram := self.socket.recv(1 << 20):
                    self.lines.append(fields(datagram))

    def close(self):
        self.closed = True
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(10)


def run(tmp_path, monkeypatch, stream):
    """A box that started and stopped: what the journal has of it, and its standard error."""
    journal = Journal(tmp_path / "journal")
    command = THROUGH.format(folder=journal.folder, stream=stream)
    monkeypatch.setattr(Box, "through", ["unshare", "-m", "sh", "-ec", command, "sh"], raising=False)
    with Box(tmp_path) as box:
        text = box.log_path
    journal.close()
    return journal.lines, text.read_text()


@pytest.fixture(autouse=True)
def namespaces():
    tried = shutil.which("unshare") and subprocess.run(["unshare", "-m", "true"], capture_output=True)
    if not tried or tried.returncode != 0:
        pytest.skip("mount namespaces are not allowed here")


def test_the_journal_gets_level_and_fields_of_each_line(tmp_path, monkeypatch):
    lines, text = run(tmp_path, monkeypatch, OWN_STDERR)
    assert {line["SYSLOG_IDENTIFIER"] for line in lines} == {"roomboxd"}
    began = next(line for line in lines if "ROOMBOX_HTTP" in line)
    assert began["PRIORITY"] in "56" and began["ROOMBOX_HTTP"].startswith("127.0.0.1:")
    assert any(line["MESSAGE"] == "stopping" for line in lines)
    assert "stopping" not in text, "twice"


def test_whose_standard_error_is_no_journal_writes_text(tmp_path, monkeypatch):
    lines, text = run(tmp_path, monkeypatch, "1:1")
    assert (lines, "stopping" in text) == ([], True)
