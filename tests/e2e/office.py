"""A box with NetworkManager in a network of its own, and an office that its cables lead to.

Debian's NetworkManager as it is, on a bus of its own, in a network namespace: it never sees an interface of
this machine. Its package is not installed (that would start it, and it would take this machine's interfaces);
it is unpacked where the tests keep their things. The office has an address, and hands some out by DHCP."""

import concurrent.futures
import ctypes
import http.client
import itertools
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.parse
from pathlib import Path

import lan
from box import PATIENCE, Box, WITH_US
from machine import Bus, until

ROOT = Path(__file__).resolve().parents[2]
UNPACKED = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "network-manager"
# The program, and what it is linked with beside what every Debian has.
PACKAGES = "network-manager libbluetooth3 libjansson4 libmm-glib0 libndp0 libnewt0.52 libnm0 libteamdctl0".split()
CLONE_NEWNET = 0x4000_0000
_numbers = itertools.count(os.getpid() % 50 * 4)

CONFIG = """[main]
plugins=keyfile
dhcp=internal
dns=none
rc-manager=unmanaged
auth-polkit=false
[keyfile]
path={folder}/profiles
[connectivity]
enabled=false
"""


def network_manager() -> tuple[Path, dict]:
    """The program, and its environment."""
    if installed := shutil.which("NetworkManager", path="/usr/sbin:/usr/bin"):
        return Path(installed), {}
    program, ready = UNPACKED / "root/usr/sbin/NetworkManager", UNPACKED / "ready"
    if not ready.exists():
        shutil.rmtree(UNPACKED, ignore_errors=True)
        UNPACKED.mkdir(parents=True)
        subprocess.run(["apt-get", "download", *PACKAGES], cwd=UNPACKED, capture_output=True, check=True)
        for package in UNPACKED.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, UNPACKED / "root"], check=True)
        ready.touch()
    libraries = next((UNPACKED / "root/usr/lib").glob("*/libnm.so.0")).parent
    return program, {"LD_LIBRARY_PATH": str(libraries)}


def missing() -> str | None:
    """Why there can be no such box here, or None."""
    if not shutil.which("dnsmasq", path="/usr/sbin:/usr/bin"):
        return "dnsmasq is not installed (scripts/setup.sh test)"
    try:
        network_manager()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"Debian's network-manager cannot be had: {error}"
    return lan.missing()


def carries_vlans() -> bool:
    """Whether this machine's kernel knows IEEE 802.1Q."""
    probe = f"rbx-vlan{os.getpid()}"
    lan.run("ip", "netns", "add", probe)
    done = subprocess.run(["ip", "-n", probe, "link", "add", "link", "lo", "name", "v", "type", "vlan", "id", "7"],
                          capture_output=True, text=True)
    lan.run("ip", "netns", "del", probe)
    return "Unknown device type" not in done.stderr


class Inside:
    """Asks from within a network namespace: a thread of its own lives there."""

    def __init__(self, namespace: str):
        def enter():
            with open(f"/run/netns/{namespace}") as where:
                if ctypes.CDLL(None, use_errno=True).setns(where.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")

        self.pool = concurrent.futures.ThreadPoolExecutor(1, initializer=enter)

    def ask(self, url, method, path, body, headers, patience):
        def request():
            where = urllib.parse.urlsplit(url).netloc
            connection = http.client.HTTPConnection(where, timeout=patience)
            try:
                connection.request(method, f"/api/v1{path}", body, headers)
                answer = connection.getresponse()
                text = answer.read()
                return answer.status, answer.headers, json.loads(text) if text else None
            finally:
                connection.close()

        return self.pool.submit(request).result()

    def close(self):
        self.pool.shutdown()


class BoxAtHome(Box):
    """A box in its namespace; everybody else asks from the office."""

    def __init__(self, office: "Office"):
        self.office, self.through = office, ["ip", "netns", "exec", office.home]
        arguments = ["--http", "0.0.0.0:0", "--address", office.leased()]
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": office.bus.address}
        super().__init__(office.folder, 1, arguments, environment)
        self.port = urllib.parse.urlsplit(self.url).port
        self.at = office.leased()

    def url_at(self, address) -> str:
        return f"http://[{address}]:{self.port}" if ":" in address else f"http://{address}:{self.port}"

    def request(self, method, path, body=None, at=None, by=None, patience=PATIENCE, **headers):
        """From the office to `at`, which is where the box was last, or by somebody else (`by`)."""
        headers |= self.owner
        if body is not None:
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        url = self.url_at(at or self.at)
        return (by or self.office.people).ask(url, method, path, body, headers, patience)

    def answers_at(self, address) -> bool:
        """Whether the office reaches the box there."""
        try:
            return self.request("GET", "/box", at=address, patience=1)[0] == 200
        except OSError:
            return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()


class Office:
    """Two cables from the box's namespace; on the first somebody hands out addresses."""

    def __init__(self, folder: Path):
        number = next(_numbers) % 250
        self.folder, self.number = folder, number
        self.home, self.name = f"rbx-home{number}", f"rbx-office{number}"
        self.processes, self.manager = [], None
        self.close()
        try:
            self.wire()
            self.bus = Bus(folder)
            (folder / "profiles").mkdir(mode=0o700)
            (folder / "nm.conf").write_text(CONFIG.format(folder=folder))
            self.start_manager()
            self.people, self.itself = Inside(self.name), Inside(self.home)
            until(self.leased, "an address by DHCP")
        except BaseException:
            self.close()
            raise

    def wire(self):
        for namespace in (self.home, self.name):
            lan.run("ip", "netns", "add", namespace)
            lan.run("ip", "-n", namespace, "link", "set", "lo", "up")
        for cable in range(2):
            lan.run("ip", "link", "add", f"lan{cable}", "netns", self.home, "type", "veth",
                    "peer", "name", f"desk{cable}", "netns", self.name)
            lan.run("ip", "-n", self.name, "addr", "add", f"{self.net(cable)}.1/24", "dev", f"desk{cable}")
            lan.run("ip", "-n", self.name, "link", "set", f"desk{cable}", "up")
        dnsmasq = ["dnsmasq", "-k", "-C", "/dev/null", "-p", "0", "--interface=desk0", "--bind-interfaces",
                   f"--dhcp-range={self.net(0)}.100,{self.net(0)}.150,1h", "--dhcp-option=option:domain-search,office.test",
                   f"--dhcp-option=option:dns-server,{self.net(0)}.1",
                   f"--dhcp-leasefile={self.folder}/leases", f"--pid-file={self.folder}/dnsmasq.pid"]
        self.run("ip", "netns", "exec", self.name, *dnsmasq, log="dnsmasq.log")

    def run(self, *command, log, environment=None):
        process = subprocess.Popen([*WITH_US, *command], stdin=subprocess.DEVNULL,
                                   stdout=open(self.folder / log, "a"), stderr=subprocess.STDOUT,
                                   env=os.environ | (environment or {}))
        self.processes.append(process)
        return process

    def net(self, cable: int) -> str:
        # RFC 2544 §C.2.2 keeps 198.18.0.0/15 for tests of networks.
        return f"198.{18 + cable}.{self.number}"

    def start_manager(self, power_cut=False):
        """Starts NetworkManager. What it keeps in memory it keeps over its own restarts, and not over a power
        cut."""
        program, environment = network_manager()
        state = self.folder / "run"
        if power_cut:
            shutil.rmtree(state)
        state.mkdir(exist_ok=True)
        away = self.folder / "var"
        away.mkdir(exist_ok=True)
        # Its own folders of this machine stay as they are. A read-only /sys: nobody waits for udev.
        here = (f"mount -o remount,bind,ro /sys && mount --bind {state} /run && mkdir -p /var/lib/NetworkManager && "
                f"mount --bind {away} /var/lib && mkdir -p /var/lib/NetworkManager && exec \"$@\"")
        nothing = self.folder / "nothing"
        arguments = [program, "--no-daemon", f"--config={self.folder}/nm.conf", f"--config-dir={nothing}",
                     f"--system-config-dir={nothing}", f"--intern-config={self.folder}/nm-intern.conf",
                     f"--state-file={self.folder}/nm.state", "--log-level=INFO"]
        environment |= {"DBUS_SYSTEM_BUS_ADDRESS": self.bus.address}
        self.manager = self.run("ip", "netns", "exec", self.home, "unshare", "--mount", "sh", "-c", here, "sh",
                                *arguments, log="nm.log", environment=environment)

    def stop_manager(self):
        self.manager.kill()
        self.manager.wait()

    def cut_power(self):
        """Of NetworkManager and of the kernel's interfaces: what lies in memory is gone."""
        self.stop_manager()
        for cable in range(2):
            lan.run("ip", "-n", self.home, "addr", "flush", "dev", f"lan{cable}")
            lan.run("ip", "-n", self.home, "link", "set", f"lan{cable}", "down")
        self.start_manager(power_cut=True)

    def addresses(self, interface="lan0") -> list[str]:
        """IPv4 of the box's interface."""
        found = subprocess.run(["ip", "-n", self.home, "-j", "-4", "addr", "show", "dev", interface],
                               capture_output=True, text=True)
        listed = json.loads(found.stdout or "[]") if found.returncode == 0 else []
        return [info["local"] for link in listed for info in link.get("addr_info", [])]

    def leased(self) -> str | None:
        """The box's address by DHCP, if it has one."""
        return next((a for a in self.addresses() if 100 <= int(a.rsplit(".", 1)[1]) <= 150), None)

    def profiles(self) -> list[str]:
        """What NetworkManager would find after a start."""
        return sorted(file.name for file in (self.folder / "profiles").iterdir())

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        if hasattr(self, "people"):
            self.people.close()
            self.itself.close()
        if hasattr(self, "bus"):
            self.bus.stop()
        for namespace in (self.home, self.name):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True)
