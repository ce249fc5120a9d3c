"""Clients behind walls: UDP blocked, one port open, IPv6 alone, a relay between. The wall is a real
firewall around a client in a network of its own, which leads nowhere but to the box."""

import asyncio
import contextlib
import json
import queue
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import lan
from box import Box, WITH_US
from browsers import Browser, missing
from clients import meeting
from machine import until

PATIENCE = 60.0
WHY_NOT = lan.missing()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=f"SKIPPED: no network of its own: {WHY_NOT}")


class Reached:
    """A box that is told its end of a client's network."""

    def __init__(self, folder: Path, network: lan.Lan, more=()):
        self.network = network
        arguments = ["--http", f"{network.host}:0", "--https", f"{network.host}:0", "--address", network.box, *more]
        self.box = OnCable(folder, network, arguments)
        self.box.claim()
        log = re.sub(r"\x1b\[[0-9;]*m", "", self.box.log_path.read_text())
        listeners = re.search(r" tcp=\[(.*)\] addresses=", log)[1].split(", ")
        self.tcp, self.https = (int(one.rsplit(":", 1)[1]) for one in listeners)
        self.http = int(self.box.url.rsplit(":", 1)[1])

    def signalling(self) -> str:
        """The rule that lets the client's signalling through."""
        return f"tcp dport {self.http}"

    def carried(self) -> dict:
        """How many media connections are up, by what carries them."""
        shards = self.box.ask("GET", "/status")["shards"]
        return {by: sum(shard[f"connections_{by}"] for shard in shards) for by in ("udp", "tcp")}


class OnCable(Box):
    """Development's box, but not on loopback."""

    def __init__(self, folder, network, arguments):
        self.network = network
        super().__init__(folder, shards=2, arguments=arguments)
        self.url = self.url.replace("127.0.0.1", network.host)
        self.http, self.ws = self.url, self.url.replace("http://", "ws://")


@pytest.fixture(scope="module")
def reached(tmp_path_factory):
    with lan.Lan() as network:
        reached = Reached(tmp_path_factory.mktemp("box"), network)
        with reached.box:
            yield reached
            reached.box.check_alive()


class Guest:
    """`guest.py` inside a client's network."""

    def __init__(self, network, url, token):
        here = Path(__file__).resolve().parent
        self.process = subprocess.Popen(
            [*WITH_US, *network.inside, sys.executable, here / "guest.py", url, token], cwd=here, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put(f"ended: {self.process.stderr.read()[-2000:]}")

    def says(self, what):
        said = self.lines.get(timeout=PATIENCE)
        assert said == what, said

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


async def talk(reached, room, expected):
    """Somebody outside and a guest inside the wall hear each other."""
    async with meeting(reached.box, "host", room=room) as [host]:
        await host.publish_tone()
        guest = Guest(reached.network, reached.box.ws, reached.box.token(room, "guest"))
        try:
            await asyncio.to_thread(guest.says, "joined")
            await asyncio.to_thread(guest.says, "heard")
            await host.until(lambda: any(heard.purity() > 0.8 for heard in host.audio.values()), PATIENCE)
            await asyncio.to_thread(until, lambda: reached.carried() == expected, f"{expected}", PATIENCE)
        finally:
            guest.close()


async def test_n4_with_udp_blocked_an_sdk_meets_others_by_the_media_port(reached):
    reached.network.allow_only(reached.signalling(), f"tcp dport {reached.tcp}")
    await talk(reached, "by-tcp", {"udp": 1, "tcp": 1})


async def test_n4_with_that_port_blocked_too_it_is_the_port_of_https(reached):
    reached.network.allow_only(reached.signalling(), f"tcp dport {reached.https}")
    await talk(reached, "by-https", {"udp": 1, "tcp": 1})


async def test_where_udp_works_it_is_taken(reached):
    reached.network.allow_only("meta l4proto udp", "meta l4proto tcp")
    await talk(reached, "by-udp", {"udp": 2, "tcp": 0})


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def browser(request, reached, tmp_path_factory):
    if why := missing(request.param):
        pytest.skip(f"SKIPPED: {why}")
    reached.network.allow_only("meta l4proto udp", "meta l4proto tcp")
    if request.param == "firefox":
        reached.network.pretend_a_way_out()
    log = tmp_path_factory.mktemp("browser") / "log"
    browser = Browser(request.param, log, inside=reached.network.inside)
    yield browser
    browser.close()


@pytest.mark.parametrize("port", ["tcp", "https"])
def test_n4_a_browser_behind_the_wall_sends_and_receives(reached, browser, port):
    reached.network.allow_only(reached.signalling(), f"tcp dport {getattr(reached, port)}")
    for name in ("alice", "bob"):
        browser.join(name, reached.box.ws, reached.box.token(f"behind-{port}", name), {})
    try:
        browser.publishAudio("alice")
        browser.publishVideo("alice")
        browser.receives("bob", "alice", "microphone", 50)
        assert browser.receives("bob", "alice", "camera", 30)["width"] > 0
        until(lambda: reached.carried() == {"udp": 0, "tcp": 2}, "both by TCP", PATIENCE)
        assert reached.box.ask("GET", "/status")["tcp"]["broken"] == 0
    finally:
        browser.leaveAll()


@pytest.fixture(scope="module")
def by_ipv6(tmp_path_factory):
    if not Path("/proc/sys/net/ipv6").exists():
        pytest.skip("SKIPPED: this machine has no IPv6")
    with lan.Lan(ipv6=True) as network:
        reached = Reached(tmp_path_factory.mktemp("box6"), network)
        with reached.box:
            yield reached
            reached.box.check_alive()


async def test_in_a_network_of_ipv6_alone_an_sdk_meets_others(by_ipv6):
    by_ipv6.network.allow_only("meta l4proto udp", "meta l4proto tcp")
    await talk(by_ipv6, "by-ipv6", {"udp": 2, "tcp": 0})
    by_ipv6.network.allow_only(by_ipv6.signalling(), f"tcp dport {by_ipv6.tcp}")
    await talk(by_ipv6, "by-ipv6-tcp", {"udp": 1, "tcp": 1})


def test_in_a_network_of_ipv6_alone_a_browser_does(by_ipv6, tmp_path):
    # Firefox offers no address at all in such a network before a page has the camera.
    if why := missing("chromium"):
        pytest.skip(f"SKIPPED: {why}")
    by_ipv6.network.allow_only("meta l4proto udp", "meta l4proto tcp")
    browser = Browser("chromium", tmp_path / "log", inside=by_ipv6.network.inside)
    try:
        for name in ("alice", "bob"):
            browser.join(name, by_ipv6.box.ws, by_ipv6.box.token("ipv6-browser", name), {})
        browser.publishAudio("alice")
        browser.receives("bob", "alice", "microphone", 50)
        until(lambda: by_ipv6.carried() == {"udp": 2, "tcp": 0}, "both by UDP", PATIENCE)
        browser.leaveAll()
    finally:
        browser.close()


SECRET = "canary4711canary"


class Coturn:
    """Debian's TURN server on this machine's end of a client's network."""

    def __init__(self, folder: Path, address: str):
        with socket.socket() as one:
            one.bind((address, 0))
            self.port = one.getsockname()[1]
        self.address, self.log = address, folder / "coturn.log"
        self.url = f"turn:{address}:{self.port}?transport=udp"
        self.process = subprocess.Popen(
            [*WITH_US, "turnserver", "-n", "--listening-ip", address, "--relay-ip", address, "--listening-port", str(self.port),
             "--use-auth-secret", "--static-auth-secret", SECRET, "--realm", "roombox.test", "--no-tls", "--no-dtls",
             "--no-cli", "--verbose", "--simple-log", "--log-file", self.log, "--pidfile", folder / "coturn.pid",
             "--userdb", folder / "turndb"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._listens, "coturn listens")

    def _listens(self):
        with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), 1):
            return True

    def allocated(self) -> set[str]:
        """Users whom it has let in."""
        text = self.log.read_text()
        return set(re.findall(r"user <(\d{10}:PA_\w+)>: incoming packet ALLOCATE processed, success", text))

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def coturn(reached, tmp_path):
    if not shutil.which("turnserver"):
        pytest.skip("SKIPPED: coturn is not installed (scripts/setup.sh test)")
    server = Coturn(tmp_path, reached.network.box)
    turn = {"urls": [server.url], "secret": SECRET, "relay_only": True}
    reached.box.ask("PATCH", "/settings", {"turn": turn})
    # Signalling, and the relay alone: no port for media.
    reached.network.allow_only(reached.signalling(), f"udp dport {server.port}")
    yield server
    shown = json.dumps(reached.box.ask("GET", "/settings")["turn"])
    assert SECRET not in shown and "(hidden)" in shown
    assert SECRET not in reached.box.log_path.read_text()
    reached.box.ask("PATCH", "/settings", {"turn": None})
    server.close()


async def test_through_an_external_relay_an_sdk_meets_others(reached, coturn):
    await talk(reached, "relayed", {"udp": 2, "tcp": 0})
    assert len(coturn.allocated()) == 2, coturn.log.read_text()[-3000:]


def test_through_an_external_relay_a_browser_does(reached, browser, coturn):
    for name in ("alice", "bob"):
        browser.join(name, reached.box.ws, reached.box.token("relayed-too", name), {})
    try:
        browser.publishAudio("alice")
        browser.receives("bob", "alice", "microphone", 50)
        assert len(coturn.allocated()) == 2, coturn.log.read_text()[-3000:]
    finally:
        browser.leaveAll()


def test_the_box_counts_them(reached):
    seen = reached.box.ask("GET", "/status")["tcp"]
    assert seen["opened"] >= 2 and seen["timed_out"] == 0, seen
