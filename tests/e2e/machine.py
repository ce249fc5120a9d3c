"""A box with two sides: the real roomboxd, an image's files, a bus of its own, and an updater on it."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

from box import PATIENCE, Box, WITH_US

HERE = Path(__file__).resolve().parent
BOARD = "roombox-test"
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>
"""


def until(what, why="", patience=PATIENCE):
    """Asks until the answer is something."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"never came: {why or what}")


class Bus:
    """A system bus that nobody else is on."""

    def __init__(self, folder: Path):
        socket, config = folder / "bus", folder / "bus.conf"
        config.write_text(CONFIG.format(socket=socket))
        self.address = f"unix:path={socket}"
        self.process = subprocess.Popen(
            [*WITH_US, "dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE, stderr=open(folder / "bus.log", "w"), text=True,
        )
        assert self.process.stdout.readline().strip(), "dbus-daemon did not start"

    def stop(self):
        self.process.kill()
        self.process.wait()


class FakeUpdater:
    """`fake_rauc.py` on a bus, and what it was asked for."""

    def __init__(self, bus: Bus, state: Path, *flags: str):
        self.process = subprocess.Popen(
            [*WITH_US, sys.executable, HERE / "fake_rauc.py", "--state", state, *flags],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": bus.address},
        )
        self.said = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.asked("ready")

    def _listen(self):
        for line in self.process.stdout:
            self.said.put(json.loads(line))

    def asked(self, what: str) -> dict:
        """The next thing said that names `what`."""
        end = time.monotonic() + PATIENCE
        while True:
            said = self.said.get(timeout=max(0.1, end - time.monotonic()))
            if what in said:
                return said

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def stop(self):
        self.process.kill()
        self.process.wait()


class Machine:
    """What starts, and starts again, with the same data."""

    def __init__(self, folder: Path, *, version="0.2", floor=None, flags=(), fake=True):
        self.folder = folder
        self.image, self.usb = folder / "image", folder / "usb"
        self.boots, self.state = folder / "boots.jsonl", folder / "boot.json"
        self.owner = self.box = self.updater = None
        self.starts, self.slot, self.version = 0, "A", version
        (self.image / "usr/share/roombox").mkdir(parents=True)
        (self.usb / "sda1").mkdir(parents=True)
        board = {"id": "test", "compatible": BOARD}
        (self.image / "usr/share/roombox/board.json").write_text(json.dumps(board))
        if floor:
            (self.image / "usr/lib/roombox").mkdir(parents=True)
            (self.image / "usr/lib/roombox/floor").write_text(f"{floor}\n")
        self.flags = flags
        self.bus = Bus(folder)
        self.set_slots("A")
        if fake:
            self.start_updater()

    def start_updater(self):
        self.updater = FakeUpdater(self.bus, self.state, *self.flags)

    def set_slots(self, booted: str, **changes):
        """The boot loader's state: a box as it comes, or as it was left, started from `booted`."""
        if self.state.exists():
            boot = json.loads(self.state.read_text())
        else:
            of = lambda name, status: {"class": "rootfs", "bootname": name, "boot-status": status}
            boot = {
                "compatible": BOARD, "primary": "rootfs.0",
                "slots": {"rootfs.0": of("A", "good"), "rootfs.1": of("B", "bad")},
            }
        for slot in boot["slots"].values():
            slot["state"] = "booted" if slot["bootname"] == booted else "inactive"
        boot |= changes
        self.state.write_text(json.dumps(boot))

    def note(self, boot_id, slot, version, outcome, reason=None):
        """A line of the journal that the image's root units write."""
        line = {"at": int(time.time() * 1000), "boot_id": boot_id, "slot": slot,
                "version": version, "try": 1, "outcome": outcome}
        with self.boots.open("a") as journal:
            journal.write(json.dumps(line | ({"reason": reason} if reason else {})) + "\n")

    def start(self, slot=None, version=None, good=True):
        """Starts the box, as another start of the machine."""
        self.slot, self.version = slot or self.slot, version or self.version
        self.starts += 1
        self.boot_id = f"boot-{self.starts}"
        for name, text in {
            "etc/os-release": f'ID=roombox\nVERSION_ID="{self.version}"\n',
            "proc/cmdline": f"quiet rauc.slot={self.slot}\n",
            "proc/sys/kernel/random/boot_id": f"{self.boot_id}\n",
        }.items():
            path = self.image / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.set_slots(self.slot)
        self.note(self.boot_id, self.slot, self.version, "started")
        if good:
            self.good()
        self.run()

    def give_up(self, side):
        """What the image's health gate does about a side that fell."""
        boot = json.loads(self.state.read_text())
        named = {slot["bootname"]: name for name, slot in boot["slots"].items()}
        boot["slots"][named[side]]["boot-status"] = "bad"
        boot["primary"] = named[self.slot]
        self.state.write_text(json.dumps(boot))

    def good(self):
        self.note(self.boot_id, self.slot, self.version, "good")

    def run(self):
        """Starts the daemon, in the start of the machine that there is."""
        arguments = ["--image", self.image, "--boots", self.boots, "--usb", self.usb]
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": self.bus.address}
        self.box = Box(self.folder, shards=1, arguments=arguments, environment=environment)
        if self.owner is None:
            self.box.claim()
            self.owner = self.box.owner
        self.box.owner = self.owner

    def where(self):
        return {"http": self.box.http}

    def halt(self):
        self.box.__exit__()
        self.box = None

    def stop(self):
        if self.box:
            self.box.check_alive()
            self.halt()
        if self.updater:
            self.updater.stop()
        self.bus.stop()

    def request(self, *request):
        return self.box.request(*request)

    def ask(self, *request):
        return self.box.ask(*request)

    def refuses(self, *request):
        return self.box.refuses(*request)

    def upload(self, bundle):
        data = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
        return self.request("PUT", "/updates/bundle", data)

    def stick(self, bundle, name="new.raucb"):
        """A bundle on a stick; the answer is what to ask for."""
        (self.usb / "sda1" / name).write_text(json.dumps(bundle))
        return {"from": "usb", "name": f"sda1/{name}"}

    def provide(self, text):
        """A `roombox.toml` that the image has found on a stick; the daemon reads it when it starts."""
        folder = self.folder / "data/provision"
        folder.mkdir(exist_ok=True)
        (folder / "pending.toml").write_text(text)
        (folder / "source").write_text("usb\n")

    def view(self):
        return self.ask("GET", "/updates")

    def reaches(self, state):
        """Waits for a state of the update."""
        seen = {}

        def look():
            seen.update(self.view()["now"])
            return seen if seen["state"] == state else None

        try:
            return until(look)
        except AssertionError:
            raise AssertionError(f"it is {seen}, and never {state}") from None

    def history(self):
        return self.ask("GET", "/updates/history")["items"]
