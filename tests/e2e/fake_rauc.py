"""RAUC and systemd as they are on the bus: the same names, paths, members and errors.

Run by a test on a bus of its own (DBUS_SYSTEM_BUS_ADDRESS). The boot loader's state is a JSON file,
which lasts over restarts of this program and of the box. A bundle is a file with a JSON object:

    {"compatible": …, "version": …}   what it says of itself
    {"refuse": "…"}                   it is no bundle, in RAUC's words
    {"fail": "…"}                     its installation fails half-way, in RAUC's words
    {"hold": 70}                      its installation stops at so many percent until "go" is said

Says what it was asked for on standard output, one JSON object a line; hears "go" on standard input.
`--old` is RAUC 1.8, which knows neither InspectBundle nor a manifest's hash.
"""

import argparse
import asyncio
import hashlib
import json
import os
import sys
import urllib.request
from pathlib import Path

from dbus_fast import BusType, DBusError, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.constants import PropertyAccess
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

# What GLib calls G_IO_ERROR_FAILED_HANDLED on the bus.
FAILED = "org.gtk.GDBus.UnmappedGError.Quark._g_2dio_2derror_2dquark.Code30"
STEPS = [
    (0, "Installing"), (0, "Determining slot states"), (20, "Determining slot states done."),
    (20, "Checking bundle"), (20, "Verifying signature"), (40, "Verifying signature done."),
    (40, "Checking bundle done."), (40, "Checking manifest contents"),
    (60, "Checking manifest contents done."), (60, "Determining target install group done."),
    (60, "Updating slots"), (60, "Checking slot rootfs.1"), (70, "Copying image to rootfs.1"),
    (80, "Copying image to rootfs.1"), (90, "Copying image to rootfs.1 done."),
    (100, "Updating slots done."), (100, "Installing done."),
]


def say(**what):
    print(json.dumps(what), flush=True)


def read(source: str) -> tuple[dict, str]:
    """A bundle and its hash."""
    if source.startswith("http"):
        data = urllib.request.urlopen(source, timeout=5).read()
    else:
        try:
            data = Path(source).read_bytes()
        except OSError as error:
            raise DBusError(FAILED, f"Failed to open {source}: {error.strerror}") from None
    try:
        bundle = json.loads(data)
    except ValueError:
        raise DBusError(FAILED, "Invalid bundle format: Signature size exceeds bundle size") from None
    if "refuse" in bundle:
        raise DBusError(FAILED, bundle["refuse"])
    return bundle, hashlib.sha256(data).hexdigest()


class Installer(ServiceInterface):
    def __init__(self, state: Path):
        super().__init__("de.pengutronix.rauc.Installer")
        self.path = state
        self.operation, self.error, self.progress = "idle", "", [0, "", 0]
        self.go = asyncio.Event()
        self.work = None

    def state(self) -> dict:
        return json.loads(self.path.read_text())

    def write(self, state: dict):
        self.path.write_text(json.dumps(state))

    def idle(self):
        if self.operation != "idle":
            raise DBusError(FAILED, "Already processing a different method")

    @dbus_method()
    def Mark(self, state: "s", slot_identifier: "s") -> "ss":
        self.idle()
        say(mark=state, slot=slot_identifier)
        boot = self.state()
        if slot_identifier not in boot["slots"]:
            raise DBusError(FAILED, f"No slot with class/name {slot_identifier} found")
        slot = boot["slots"][slot_identifier]
        slot["boot-status"] = "bad" if state == "bad" else "good"
        if state == "active":
            boot["primary"] = slot_identifier
        self.write(boot)
        return [slot_identifier, f"marked slot {slot_identifier} as {state}"]

    @dbus_method()
    def GetSlotStatus(self) -> "a(sa{sv})":
        self.idle()
        slots = self.state()["slots"]
        text = lambda slot: {name: Variant("s", value) for name, value in slot.items()}
        return [[name, text(slot)] for name, slot in slots.items()]

    @dbus_method()
    def GetPrimary(self) -> "s":
        primary = self.state()["primary"]
        if primary is None:
            raise DBusError(FAILED, "Failed getting primary slot: grub backend: No bootable slot found")
        return primary

    @dbus_method()
    def Info(self, bundle: "s") -> "ss":
        self.idle()
        found, _ = read(bundle)
        return [found["compatible"], found["version"]]

    @dbus_method()
    def Install(self, source: "s"):
        self.begin(source, {})

    @dbus_method()
    def InstallBundle(self, source: "s", args: "a{sv}"):
        self.begin(source, args)

    def begin(self, source: str, args: dict):
        self.idle()
        say(install=source, args={name: value.value for name, value in args.items()})
        self.operation, self.error = "installing", ""
        self.work = asyncio.create_task(self.install(source, args))

    async def install(self, source: str, args: dict):
        self.emit_properties_changed({"Operation": self.operation})
        try:
            bundle, digest = await asyncio.to_thread(read, source)
            wanted = args.get("require-manifest-hash")
            if wanted and wanted.value != digest:
                raise DBusError(FAILED, "Manifest hash does not match the required one")
            await self.copy(bundle)
        except DBusError as refused:
            self.error = refused.text
        self.emit_properties_changed({"LastError": self.error})
        # As RAUC does: the end is told before it is idle again.
        self.Completed(1 if self.error else 0)
        self.operation = "idle"
        self.emit_properties_changed({"Operation": self.operation})

    async def copy(self, bundle: dict):
        for percent, text in STEPS:
            self.progress = [percent, text, 1]
            self.emit_properties_changed({"Progress": self.progress})
            await asyncio.sleep(0)
            if percent >= bundle.get("hold", 101):
                bundle.pop("hold")
                say(held=percent)
                await self.go.wait()
                self.go.clear()
            if percent >= 70 and "fail" in bundle:
                raise DBusError(FAILED, bundle["fail"])
        boot = self.state()
        other = next(n for n, slot in boot["slots"].items() if slot["state"] != "booted")
        boot["slots"][other] |= {
            "boot-status": "good", "bundle.version": bundle["version"],
            "bundle.compatible": bundle["compatible"], "status": "ok",
            "sha256": "0" * 64, "installed.timestamp": "2026-11-26T14:05:00Z",
        }
        boot["primary"] = other
        self.write(boot)

    @dbus_signal()
    def Completed(self, result) -> "i":
        return result

    @dbus_property(access=PropertyAccess.READ)
    def Operation(self) -> "s":
        return self.operation

    @dbus_property(access=PropertyAccess.READ)
    def LastError(self) -> "s":
        return self.error

    @dbus_property(access=PropertyAccess.READ)
    def Progress(self) -> "(isi)":
        return self.progress

    @dbus_property(access=PropertyAccess.READ)
    def Compatible(self) -> "s":
        return self.state()["compatible"]


class NewInstaller(Installer):
    """Since 1.9."""

    @dbus_method()
    def InspectBundle(self, source: "s", args: "a{sv}") -> "a{sv}":
        self.idle()
        bundle, digest = read(source)
        update = {name: Variant("s", bundle[name]) for name in ("compatible", "version")}
        return {
            "manifest-hash": Variant("s", digest),
            # A variant in a variant, as `r_manifest_to_dict` makes it.
            "update": Variant("v", Variant("a{sv}", update)),
        }


class Manager(ServiceInterface):
    def __init__(self):
        super().__init__("org.freedesktop.systemd1.Manager")

    @dbus_method()
    def StartUnit(self, unit: "s", mode: "s") -> "o":
        assert (unit, mode) == ("reboot.target", "replace-irreversibly"), (unit, mode)
        say(reboot=True)
        return "/org/freedesktop/systemd1/job/1"


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--old", action="store_true")
    arguments = parser.parse_args()
    address = os.environ["DBUS_SYSTEM_BUS_ADDRESS"]
    bus = await MessageBus(bus_address=address, bus_type=BusType.SYSTEM).connect()
    installer = (Installer if arguments.old else NewInstaller)(arguments.state)
    bus.export("/", installer)
    bus.export("/org/freedesktop/systemd1", Manager())
    await bus.request_name("de.pengutronix.rauc")
    await bus.request_name("org.freedesktop.systemd1")
    say(ready=True)
    heard = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(heard), sys.stdin)
    while line := await heard.readline():
        if line.strip() == b"go":
            installer.go.set()


asyncio.run(main())
