"""A box whose NetworkManager has a radio (fake_radio.py): no machine of the tests has one."""

import json
import os
import subprocess
import sys
import threading
import urllib.parse
from pathlib import Path

from box import WITH_US, Box, address
from machine import Bus

HERE = Path(__file__).resolve().parent
PASSPHRASE = "canary4711 passphrase"
PSK, SAE, EAP, OWE = 0x188, 0x488, 0x288, 0x888
AIR = [
    {"ssid": "Office", "strength": 82, "mhz": 5180, "flags": 1, "rsn": PSK | SAE, "passphrase": PASSPHRASE},
    {"ssid": "Office", "strength": 61, "mhz": 2412, "flags": 1, "rsn": PSK | SAE, "passphrase": PASSPHRASE},
    {"ssid": "Campus", "strength": 55, "mhz": 5955, "flags": 1, "rsn": SAE, "passphrase": PASSPHRASE},
    {"ssid": "eduroam", "strength": 70, "mhz": 5500, "flags": 1, "rsn": EAP},
    {"ssid": "Guests", "strength": 30, "mhz": 2437},
    {"ssid": "Secret", "strength": 44, "mhz": 2462, "flags": 1, "rsn": PSK, "passphrase": PASSPHRASE, "hides": True},
    {"ssid": "Foyer", "strength": 40, "mhz": 5240, "rsn": OWE, "hides": True},
]


class Radio:
    def __init__(self, folder: Path):
        self.disk, self.said = folder / "profiles", []
        self.disk.mkdir()
        self.at = address()
        self.bus = Bus(folder)
        self.process = subprocess.Popen(
            [*WITH_US, sys.executable, HERE / "fake_radio.py", "--address", self.at, "--air", json.dumps(AIR),
             "--disk", self.disk],
            stdout=subprocess.PIPE, text=True, env=os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": self.bus.address})
        assert json.loads(self.process.stdout.readline()) == {"ready": True}
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.said.append(json.loads(line))

    def profiles(self) -> list[dict]:
        """Those on the disk."""
        return [json.loads(file.read_text()) for file in self.disk.iterdir()]

    def joined(self) -> list[str]:
        return sorted(bytes(profile["802-11-wireless"]["ssid"]).decode() for profile in self.profiles())

    def close(self):
        self.process.kill()
        self.process.wait()
        self.bus.stop()


class BoxWithRadio(Box):
    """It is asked at an address of its own: from loopback nothing can be kept."""

    def __init__(self, folder: Path, radio: Radio):
        super().__init__(folder, 1, ["--http", "0.0.0.0:0", "--address", radio.at],
                         {"DBUS_SYSTEM_BUS_ADDRESS": radio.bus.address})
        port = urllib.parse.urlsplit(self.url).port
        self.url = self.http = f"http://{radio.at}:{port}"
