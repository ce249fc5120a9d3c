"""Boxes of a fleet with two sides each: a bus and an updater of their own, and starts that a test decides about."""

import http.server
import json
import threading
from pathlib import Path

from fleetbox import FleetBox
from machine import BOARD, Machine


class WaveBox(Machine):
    """A machine whose box is one of a fleet."""

    def __init__(self, fleet, name: str):
        folder = fleet.folder / name
        folder.mkdir()
        super().__init__(folder, version="0.2")
        self.fleet, self.name, self.member = fleet, name, None

    def run(self):
        if self.member:
            self.member.start()
            return
        arguments = ["--image", self.image, "--boots", self.boots, "--usb", self.usb]
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": self.bus.address}
        self.member = self.fleet._box(f"{self.name}/box", further=arguments, environment=environment)
        self.member.panel.call("PATCH", "/box", {"name": self.name})
        self.member.join(self.fleet.hub.invite())
        self.member.until_link("up")
        self.id = self.member.fleet()["id"]

    def updates(self) -> dict:
        return self.member.panel.call("GET", "/updates")

    def comes_up(self, version="0.3"):
        """It was asked to restart, and the new side is good."""
        self.updater.asked("reboot")
        self.member.stop()
        self.start("B", version)

    def falls_back(self, version="0.3"):
        """It was asked to restart, and the new side fails its health check."""
        self.updater.asked("reboot")
        self.member.stop()
        self.note("try-1", "B", version, "started")
        self.note("try-1", "B", version, "failed", "no room could be recorded (encoder)")
        self.start("A", "0.2")
        self.give_up("B")


class Maker:
    """Serves bundles and a channel file by plain HTTP, as a test may."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        handler = lambda *args: http.server.SimpleHTTPRequestHandler(*args, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def makes(self, version: str, **more) -> str:
        name = f"{version}.raucb"
        (self.folder / name).write_text(json.dumps({"compatible": BOARD, "version": version} | more))
        return f"{self.url}/{name}"

    def offers(self, version: str):
        offer = {"format": 1, "compatible": BOARD, "version": version, "url": self.makes(version)}
        (self.folder / "channel.json").write_text(json.dumps(offer))

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
