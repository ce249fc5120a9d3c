"""A network of its own for a client: a namespace with one cable to this machine, and no way further.

The box stays where it is and is told its end of the cable. What a firewall would block is blocked by
nftables inside the namespace, for every program in it."""

import itertools
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from ipaddress import ip_address
from pathlib import Path

from box import PATIENCE

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
TCP, UDP = 6, 17
# Linux's packet(7): everything, and what this machine sent itself.
EVERYTHING, OUTGOING = 0x0003, 4
# RFC 2544 §C.2.2 keeps 198.18.0.0/15 for tests of networks; fd00::/8 is for private use (RFC 4193).
_numbers = itertools.count(os.getpid() % 50 * 4)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def missing() -> str | None:
    """Why there can be no such network here, or None."""
    for program in ("ip", "nft"):
        if not shutil.which(program):
            return f"{program} is not installed (scripts/setup.sh test)"
    probe = f"rbx-probe-{os.getpid()}"
    for command in (["ip", "netns", "add", probe], ["ip", "netns", "exec", probe, "nft", "list", "ruleset"]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            break
    subprocess.run(["ip", "netns", "del", probe], capture_output=True)
    return f"{' '.join(command)}: {done.stderr.strip()}" if done.returncode else None


class Lan:
    """One client's network. `box` is this machine's address in it, `client` the other end's."""

    def __init__(self, ipv6=False):
        number = next(_numbers) % 250
        self.ipv6 = ipv6
        self.name, self.here, self.there = f"rbx-lan{number}", f"rbxh{number}", f"rbxc{number}"
        if ipv6:
            self.box, self.client, length = f"fd52:6278:{number:x}::1", f"fd52:6278:{number:x}::2", 64
        else:
            self.box, self.client, length = f"198.18.{number}.1", f"198.18.{number}.2", 24
        self.close()
        run("ip", "netns", "add", self.name)
        try:
            run("ip", "link", "add", self.here, "type", "veth", "peer", "name", self.there, "netns", self.name)
            flags = ["nodad"] if ipv6 else []
            run("ip", "addr", "add", f"{self.box}/{length}", "dev", self.here, *flags)
            run("ip", "link", "set", self.here, "up")
            inside = ["ip", "-n", self.name]
            run(*inside, "addr", "add", f"{self.client}/{length}", "dev", self.there, *flags)
            run(*inside, "link", "set", "lo", "up")
            run(*inside, "link", "set", self.there, "up")
            self.wait()
        except BaseException:
            self.close()
            raise

    def wait(self):
        """Until the cable carries."""
        end = time.monotonic() + PATIENCE
        while "LOWER_UP" not in run("ip", "link", "show", self.here) or "tentative" in run("ip", "addr", "show", self.here):
            assert time.monotonic() < end, "the cable never carries"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        # The cable goes with its end.
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)
        subprocess.run(["ip", "link", "del", self.here], capture_output=True)
        shutil.rmtree(Path("/etc/netns") / self.name, ignore_errors=True)

    @property
    def host(self) -> str:
        """This machine's address as URLs have it."""
        return f"[{self.box}]" if self.ipv6 else self.box

    @property
    def inside(self) -> list[str]:
        """What runs a command in the client's network."""
        return ["ip", "netns", "exec", self.name]

    def pretend_a_way_out(self):
        """Until a page has the camera, Firefox offers no address but that of the default route. It leads to
        the box, and the box forwards nothing."""
        run("ip", "-n", self.name, "route", "replace", "default", "via", self.box)

    def allow_only(self, *rules: str):
        """Nothing leaves the client but what these nftables expressions match, and what stays inside."""
        lines = ["oifname lo accept", "meta l4proto ipv6-icmp accept", *(f"{rule} accept" for rule in rules)]
        chain = "; ".join(lines)
        table = f"table inet wall {{ chain out {{ type filter hook output priority 0; policy drop; {chain}; }}; }}"
        subprocess.run([*self.inside, "nft", "delete", "table", "inet", "wall"], capture_output=True)
        run(*self.inside, "nft", table)

    def narrow(self, kbit: int, loss=0):
        """What comes to the client passes a bottleneck that queues for 200 ms; both ways lose `loss` percent."""
        run("tc", "qdisc", "replace", "dev", self.here, "root", "tbf", "rate", f"{kbit}kbit", "burst", "4kb", "latency", "200ms")
        if loss:
            lose = f"numgen random mod 100 < {loss} drop"
            chains = (f"chain {hook} {{ type filter hook {hook} priority 1; {name} lo accept; {lose}; }}"
                      for hook, name in (("input", "iifname"), ("output", "oifname")))
            run(*self.inside, "nft", "table inet loss {{\n{}\n}}".format("\n".join(chains)))

    def clear(self):
        """The cable is wide and keeps everything again."""
        subprocess.run(["tc", "qdisc", "del", "dev", self.here, "root"], capture_output=True)
        subprocess.run([*self.inside, "nft", "delete", "table", "inet", "loss"], capture_output=True)

    def unplug(self):
        run("ip", "link", "set", self.here, "down")

    def plug(self):
        run("ip", "link", "set", self.here, "up")
        self.wait()

    def move(self):
        """The client gets another address of the same network, and the one it had is gone (IPv4)."""
        network, number = self.client.rsplit(".", 1)
        device = ["ip", "-n", self.name, "addr"]
        run(*device, "del", f"{self.client}/24", "dev", self.there)
        self.client = f"{network}.{int(number) + 1}"
        run(*device, "add", f"{self.client}/24", "dev", self.there)

    def names_are_asked_here(self):
        """The client asks this machine for names; nobody answers."""
        folder = Path("/etc/netns") / self.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text(f"nameserver {self.box}\n")


class Overheard:
    """What leaves the client by its cable: (protocol, address, port) of each packet that is not of the cable's own
    housekeeping (ARP, neighbours and groups of IPv6, groups of IPv4)."""

    def __init__(self, lan: Lan):
        self.seen = set()
        self.ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERYTHING))
        self.ear.bind((lan.here, 0))
        self.ear.settimeout(0.2)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._hear, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self.ear.close()

    def _hear(self):
        while not self.ended.is_set():
            try:
                frame, (_, kind, way, *_) = self.ear.recvfrom(65_535)
            except TimeoutError:
                continue
            if way == OUTGOING:
                continue
            packet = frame[14:]
            if kind == IPV4:
                protocol, there, rest = packet[9], packet[16:20], packet[(packet[0] & 15) * 4:]
            elif kind == IPV6:
                protocol, there, rest = packet[6], packet[24:40], packet[40:]
            else:
                if kind != ARP:
                    self.seen.add((f"ethernet {kind:#06x}", "", 0))
                continue
            # 0 is hop-by-hop options, before MLD; 2 IGMP; 58 ICMPv6, as which neighbours are looked for.
            if protocol in (2,) or kind == IPV6 and protocol in (0, 58):
                continue
            port = struct.unpack("!H", rest[2:4])[0] if protocol in (TCP, UDP) else 0
            name = {TCP: "tcp", UDP: "udp"}.get(protocol, str(protocol))
            self.seen.add((name, str(ip_address(there)), port))
