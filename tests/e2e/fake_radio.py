"""NetworkManager with a radio as it is on the bus: the same names, paths, members and signatures, for what a box asks
of Wi-Fi. No machine of the tests has a radio; wired interfaces are the real NetworkManager's (office.py).

Run by a test on a bus of its own (DBUS_SYSTEM_BUS_ADDRESS), with the machine's address in `--address` and access points
as JSON in `--air`: ssid, strength, mhz, flags, wpa, rsn, passphrase. Its profiles on the disk are files in `--disk`,
written as NetworkManager is told to; what is only in memory is in none. Says on standard output, one JSON object a
line, what it was asked for: never a passphrase.
"""

import argparse
import asyncio
import json
import time
from pathlib import Path

from dbus_fast import BusType, DBusError, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.constants import PropertyAccess
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

NM = "org.freedesktop.NetworkManager"
ROOT = "/org/freedesktop/NetworkManager"
NONE = "/"
IN_MEMORY, TO_DISK = 0x2, 0x1
READ = PropertyAccess.READ
SECURITY = "802-11-wireless-security"


def say(**what):
    print(json.dumps(what), flush=True)


def plain(value):
    """Without variants, and bytes as lists."""
    if isinstance(value, Variant):
        return plain(value.value)
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, (bytes, list, tuple)):
        return [plain(inner) for inner in value]
    return value


class World:
    def __init__(self, bus, address, air, disk):
        self.bus, self.address, self.disk = bus, address, disk
        self.points, self.profiles, self.checkpoints = [], {}, {}
        self.numbers = iter(range(1, 10_000))
        self.wired, self.radio = Device(self, 1, "lan0", 1, address), Device(self, 2, "wlan0", 2, "198.51.100.7")
        for device in (self.wired, self.radio):
            self.export(device.path, device, Config4(device), Active(device))
        self.wireless = Wireless(self)
        bus.export(self.radio.path, self.wireless)
        self.wired.active = Profile(self, {"connection": {"id": Variant("s", "auto"), "type": Variant("s", "802-3-ethernet"),
                                                          "interface-name": Variant("s", "lan0")}})
        for point in air:
            self.appear(point)

    def export(self, path, device, config, active):
        self.bus.export(path, device)
        self.bus.export(f"{path}/IP4", config)
        self.bus.export(f"{path}/Active", active)

    def appear(self, point):
        one = Point(f"{ROOT}/AccessPoint/{next(self.numbers)}", point)
        self.bus.export(one.path, one)
        self.points.append(one)

    def heard(self, ssid):
        return next((point for point in self.points if point.told["ssid"] == ssid), None)


class Point(ServiceInterface):
    def __init__(self, path, told):
        super().__init__(f"{NM}.AccessPoint")
        self.path, self.told = path, {"strength": 50, "mhz": 2412, "flags": 0, "wpa": 0, "rsn": 0} | told

    @dbus_property(access=READ)
    def Ssid(self) -> "ay":
        return b"" if self.told.get("hides") else self.told["ssid"].encode()

    @dbus_property(access=READ)
    def Strength(self) -> "y":
        return self.told["strength"]

    @dbus_property(access=READ)
    def Frequency(self) -> "u":
        return self.told["mhz"]

    @dbus_property(access=READ)
    def Flags(self) -> "u":
        return self.told["flags"]

    @dbus_property(access=READ)
    def WpaFlags(self) -> "u":
        return self.told["wpa"]

    @dbus_property(access=READ)
    def RsnFlags(self) -> "u":
        return self.told["rsn"]


class Device(ServiceInterface):
    def __init__(self, world, kind, name, number, address):
        super().__init__(f"{NM}.Device")
        self.world, self.kind, self.called, self.address = world, kind, name, address
        self.path, self.active = f"{ROOT}/Devices/{number}", None
        self.autoconnect = True

    @dbus_property(access=READ)
    def Interface(self) -> "s":
        return self.called

    @dbus_property(access=READ)
    def DeviceType(self) -> "u":
        return self.kind

    @dbus_property(access=READ)
    def Managed(self) -> "b":
        return True

    @dbus_property(access=READ)
    def Real(self) -> "b":
        return True

    @dbus_property(access=READ)
    def HwAddress(self) -> "s":
        return "02:00:00:00:00:01"

    @dbus_property(access=READ)
    def State(self) -> "u":
        return 100 if self.active else 30

    @dbus_property(access=READ)
    def InterfaceFlags(self) -> "u":
        return 0x10000 if self.active else 0

    @dbus_property(access=READ)
    def Ip4Config(self) -> "o":
        return f"{self.path}/IP4" if self.active else NONE

    @dbus_property(access=READ)
    def Ip6Config(self) -> "o":
        return NONE

    @dbus_property(access=READ)
    def ActiveConnection(self) -> "o":
        return f"{self.path}/Active" if self.active else NONE

    @dbus_property()
    def Autoconnect(self) -> "b":
        return self.autoconnect

    @Autoconnect.setter
    def Autoconnect(self, on: "b"):
        self.autoconnect = on


class Config4(ServiceInterface):
    def __init__(self, device):
        super().__init__(f"{NM}.IP4Config")
        self.device = device

    @dbus_property(access=READ)
    def AddressData(self) -> "aa{sv}":
        return [{"address": Variant("s", self.device.address), "prefix": Variant("u", 24)}]


class Active(ServiceInterface):
    def __init__(self, device):
        super().__init__(f"{NM}.Connection.Active")
        self.device = device

    @dbus_property(access=READ)
    def Connection(self) -> "o":
        return self.device.active.path if self.device.active else NONE


class Wireless(ServiceInterface):
    def __init__(self, world):
        super().__init__(f"{NM}.Device.Wireless")
        self.world, self.last = world, -1

    @dbus_property(access=READ)
    def AccessPoints(self) -> "ao":
        return [point.path for point in self.world.points]

    @dbus_property(access=READ)
    def ActiveAccessPoint(self) -> "o":
        active = self.world.radio.active
        point = active and self.world.heard(active.ssid())
        return point.path if point else NONE

    @dbus_property(access=READ)
    def LastScan(self) -> "x":
        return self.last

    @dbus_method()
    def RequestScan(self, options: "a{sv}"):
        say(scan=True)
        self.last = int(time.monotonic() * 1000)
        if not self.world.heard("Late"):
            self.world.appear({"ssid": "Late", "strength": 33})


class Profile(ServiceInterface):
    def __init__(self, world, settings):
        super().__init__(f"{NM}.Settings.Connection")
        self.world, self.settings = world, settings
        self.path = f"{ROOT}/Settings/{next(world.numbers)}"
        world.bus.export(self.path, self)
        world.profiles[self.path] = self

    def of(self, section, name):
        return plain(self.settings.get(section, {}).get(name))

    def file(self):
        return self.world.disk / f"{self.of('connection', 'uuid')}.json"

    def ssid(self):
        return bytes(self.of("802-11-wireless", "ssid") or b"").decode()

    def write(self, flags):
        if flags & TO_DISK:
            self.file().write_text(json.dumps(plain(self.settings)))

    @dbus_method()
    def GetSettings(self) -> "a{sa{sv}}":
        hidden = {section: dict(values) for section, values in self.settings.items()}
        hidden.get(SECURITY, {}).pop("psk", None)
        return hidden

    @dbus_method()
    def GetSecrets(self, setting_name: "s") -> "a{sa{sv}}":
        psk = self.settings.get(setting_name, {}).get("psk")
        if self.of(SECURITY, "key-mgmt") == "owe":
            raise DBusError(f"{NM}.AgentManager.NoSecrets", "No agents were available for this request.")
        return {setting_name: {"psk": psk} if psk else {}}

    @dbus_method()
    def Update2(self, settings: "a{sa{sv}}", flags: "u", args: "a{sv}") -> "a{sv}":
        self.settings = settings
        self.write(flags)
        return {}

    @dbus_method()
    def Delete(self):
        self.remove()

    def remove(self):
        self.world.bus.unexport(self.path)
        self.world.profiles.pop(self.path, None)
        self.file().unlink(missing_ok=True)
        if self.world.radio.active is self:
            self.world.radio.active = None


class Settings(ServiceInterface):
    def __init__(self, world):
        super().__init__(f"{NM}.Settings")
        self.world = world

    @dbus_method()
    def ListConnections(self) -> "ao":
        return list(self.world.profiles)

    @dbus_method()
    def AddConnection2(self, settings: "a{sa{sv}}", flags: "u", args: "a{sv}") -> "oa{sv}":
        profile = Profile(self.world, settings)
        profile.write(flags)
        return [profile.path, {}]


class Checkpoint(ServiceInterface):
    def __init__(self, world, seconds):
        super().__init__(f"{NM}.Checkpoint")
        self.world, self.seconds = world, seconds
        self.path = f"{ROOT}/Checkpoint/{next(world.numbers)}"
        self.created = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)
        self.before = dict(world.profiles)
        self.settings = {path: profile.settings for path, profile in self.before.items()}
        self.active = world.radio.active
        self.timer = asyncio.get_running_loop().call_later(seconds, self.roll_back)

    @dbus_property(access=READ)
    def Created(self) -> "x":
        return self.created

    @dbus_property(access=READ)
    def RollbackTimeout(self) -> "u":
        return self.seconds

    def end(self):
        self.timer.cancel()
        self.world.bus.unexport(self.path)
        self.world.checkpoints.pop(self.path, None)

    def roll_back(self):
        self.end()
        for path, profile in list(self.world.profiles.items()):
            if path not in self.before:
                profile.remove()
            else:
                profile.settings = self.settings[path]
        self.world.radio.active = self.active
        say(rolled_back=True)


class Manager(ServiceInterface):
    def __init__(self, world):
        super().__init__(NM)
        self.world = world

    @dbus_method()
    def GetDevices(self) -> "ao":
        return [self.world.wired.path, self.world.radio.path]

    @dbus_method()
    def ActivateConnection(self, connection: "o", device: "o", specific_object: "o") -> "o":
        profile, radio = self.world.profiles[connection], self.world.radio
        point = self.world.heard(profile.ssid())
        says = {"joins": profile.ssid(), "key": profile.of(SECURITY, "key-mgmt"),
                "hidden": profile.of("802-11-wireless", "hidden") or False}
        say(**says)
        # A wrong passphrase is no error of this call: the radio goes back to a network that it joins by itself.
        right = point and point.told.get("passphrase") == profile.of(SECURITY, "psk")
        others = [one for one in self.world.profiles.values() if one is not profile and self.world.heard(one.ssid())]
        back = next((one for one in others if one.of("connection", "autoconnect") is not False), None)
        radio.active = profile if right else back
        if radio.active and profile.of("ipv4", "method") == "manual":
            radio.address = profile.of("ipv4", "address-data")[0]["address"]
        return f"{radio.path}/Active"

    @dbus_method()
    def DeactivateConnection(self, active_connection: "o"):
        self.world.radio.active = None

    @dbus_method()
    def CheckpointCreate(self, devices: "ao", rollback_timeout: "u", flags: "u") -> "o":
        checkpoint = Checkpoint(self.world, rollback_timeout)
        self.world.bus.export(checkpoint.path, checkpoint)
        self.world.checkpoints[checkpoint.path] = checkpoint
        return checkpoint.path

    def checkpoint(self, path):
        if path not in self.world.checkpoints:
            raise DBusError(f"{NM}.InvalidArguments", "checkpoint does not exist")
        return self.world.checkpoints[path]

    @dbus_method()
    def CheckpointDestroy(self, checkpoint: "o"):
        self.checkpoint(checkpoint).end()

    @dbus_method()
    def CheckpointRollback(self, checkpoint: "o") -> "a{su}":
        self.checkpoint(checkpoint).roll_back()
        return {}

    @dbus_property(access=READ)
    def Checkpoints(self) -> "ao":
        return list(self.world.checkpoints)


async def main(arguments):
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    world = World(bus, arguments.address, json.loads(arguments.air), arguments.disk)
    bus.export(ROOT, Manager(world))
    bus.export(f"{ROOT}/Settings", Settings(world))
    await bus.request_name(NM)
    say(ready=True)
    await bus.wait_for_disconnect()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--air", required=True)
    parser.add_argument("--disk", type=Path, required=True)
    asyncio.run(main(parser.parse_args()))
