"""systemd-timedated and systemd-timesyncd as they are on the bus: the same names, paths, members and errors.

The real ones would set this machine's clock. Run by a test on a bus of its own (DBUS_SYSTEM_BUS_ADDRESS). Says
what it was asked for on standard output, one JSON object a line. With `--read-only` the root cannot be written:
what is to last is refused after it was done for this start, as systemd does it.
"""

import argparse
import asyncio
import json
import os

from dbus_fast import BusType, DBusError
from dbus_fast.aio import MessageBus
from dbus_fast.constants import PropertyAccess
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

READ_ONLY = "System.Error.EROFS"


def say(**what):
    print(json.dumps(what), flush=True)


class Timedate(ServiceInterface):
    def __init__(self, read_only: bool):
        super().__init__("org.freedesktop.timedate1")
        self.read_only, self.zone, self.ntp = read_only, "Etc/UTC", True

    @dbus_method()
    def SetTimezone(self, timezone: "s", interactive: "b"):
        say(zone=timezone, interactive=interactive)
        if not os.path.exists(f"/usr/share/zoneinfo/{timezone}"):
            raise DBusError("org.freedesktop.DBus.Error.InvalidArgs", f"Invalid or not installed time zone '{timezone}'")
        self.zone = timezone

    @dbus_method()
    def SetNTP(self, use_ntp: "b", interactive: "b"):
        say(ntp=use_ntp)
        self.ntp = use_ntp
        if self.read_only and not use_ntp:
            raise DBusError(READ_ONLY, "Read-only file system")

    @dbus_method()
    def SetTime(self, usec_utc: "x", relative: "b", interactive: "b"):
        if self.ntp:
            raise DBusError("org.freedesktop.timedate1.AutomaticTimeSyncEnabled", "Automatic time synchronization is enabled")
        say(time=usec_utc, relative=relative)

    @dbus_property(access=PropertyAccess.READ)
    def Timezone(self) -> "s":
        return self.zone

    @dbus_property(access=PropertyAccess.READ)
    def CanNTP(self) -> "b":
        return True

    @dbus_property(access=PropertyAccess.READ)
    def NTP(self) -> "b":
        return self.ntp

    @dbus_property(access=PropertyAccess.READ)
    def NTPSynchronized(self) -> "b":
        return self.ntp


class Timesync(ServiceInterface):
    def __init__(self):
        super().__init__("org.freedesktop.timesync1.Manager")
        self.servers = []

    @dbus_method()
    def SetRuntimeNTPServers(self, runtime_servers: "as"):
        say(servers=runtime_servers)
        self.servers = runtime_servers

    @dbus_property(access=PropertyAccess.READ)
    def RuntimeNTPServers(self) -> "as":
        return self.servers

    @dbus_property(access=PropertyAccess.READ)
    def ServerName(self) -> "s":
        return ""

    @dbus_property(access=PropertyAccess.READ)
    def ServerAddress(self) -> "(iay)":
        return [2, bytes([192, 0, 2, 123])]


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--read-only", action="store_true")
    arguments = parser.parse_args()
    bus = await MessageBus(bus_address=os.environ["DBUS_SYSTEM_BUS_ADDRESS"], bus_type=BusType.SYSTEM).connect()
    bus.export("/org/freedesktop/timedate1", Timedate(arguments.read_only))
    bus.export("/org/freedesktop/timesync1", Timesync())
    await bus.request_name("org.freedesktop.timedate1")
    await bus.request_name("org.freedesktop.timesync1")
    say(ready=True)
    await asyncio.get_running_loop().create_future()


asyncio.run(main())
