"""A box that can be in a fleet, with its parts that can be killed and what it knows."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

from panel_client import Refused
from recbox import RecBox

NATS_SERVER = os.environ["ROOMBOX_NATS_SERVER"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


class FleetBox(RecBox):
    def __init__(self, folder: Path, nats=NATS_SERVER, host="127.0.0.1", inside=(), further=(), environment=None,
                 https=None):
        self.https, self.leaf_port = free_port(), free_port()
        folder.mkdir(parents=True)
        arguments = ["--https", f"{https or host}:{self.https}", *(["--nats-server", nats] if nats else []), *further]
        super().__init__(folder / "data", arguments=arguments, host=host, inside=inside, environment=environment)

    def fleet(self) -> dict:
        return self.panel.call("GET", "/fleet")

    def found(self, leaf_address: str):
        request = {"leaf_address": leaf_address, "port": self.leaf_port}
        return self.panel.call("POST", "/fleet/hub", request)

    def invite(self) -> str:
        return self.panel.call("POST", "/fleet/invites")["code"]

    def join(self, code: str):
        return self.panel.call("POST", "/fleet/membership", {"code": code})

    def happen(self, names) -> None:
        """Each room is an event."""
        for name in names:
            self.panel.call("POST", "/rooms", {"name": name})

    def nats_pid(self) -> int | None:
        try:
            pid = int((self.data / "nats" / "nats.pid").read_text())
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if str(self.data).encode() in line else None

    def kill_nats(self):
        if pid := self.nats_pid():
            os.kill(pid, signal.SIGKILL)

    def copy_database(self, to: Path):
        """Of a box that is stopped; with what is in its log still."""
        with contextlib.closing(sqlite3.connect(self.data / "roombox.db")) as kept, contextlib.closing(sqlite3.connect(to)) as copy:
            kept.backup(copy)

    def sql(self, query: str, *values) -> list:
        connection = sqlite3.connect(f"file:{self.data}/roombox.db?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def heard(self) -> list:
        """What a hub wrote down, in the order in which it did: box, epoch, number, kind."""
        return self.sql("SELECT box, epoch, seq, kind, body FROM fleet_heard ORDER BY rowid")

    def made(self) -> set:
        """Numbers of this box's own events."""
        return {seq for (seq,) in self.sql("SELECT seq FROM fleet_events")}

    def until_link(self, state: str, seconds=90) -> dict:
        return self.wait(lambda: (view := self.fleet())["link"]["state"] == state and view, seconds)


def audit(hub: FleetBox, box: FleetBox) -> dict:
    """Lost, doubled and turned events of a box at its hub."""
    made = box.made()
    # In the order in which the hub wrote them down; of a million their texts are not needed.
    seen = [seq for (seq,) in hub.sql("SELECT seq FROM fleet_heard WHERE box = ? ORDER BY rowid", box.fleet()["id"])]
    return {
        "made": len(made),
        "lost": len(made - set(seen)),
        "doubled": len(seen) - len(set(seen)),
        "turned": sum(a > b for a, b in zip(seen, seen[1:])),
    }


def drained(hub: FleetBox, box: FleetBox, seconds=90) -> float:
    """Waits until the hub has all of the box: how long that took."""
    begun = time.monotonic()
    hub.wait(lambda: box.fleet()["waiting"] == 0 and audit(hub, box)["lost"] == 0, seconds)
    return time.monotonic() - begun


def refused(call) -> Refused:
    try:
        call()
    except Refused as error:
        return error
    raise AssertionError("it was not refused")


def listening(process: subprocess.Popen) -> set[int]:
    """TCP ports on which a process and its children listen."""
    inodes = set()
    for fd in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            inodes.add(os.readlink(fd).removeprefix("socket:[").rstrip("]"))
        except OSError:
            continue
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    return ports
