"""Let's Encrypt's own test server, Pebble, and a name service that answers it what a test wants.

Both are built from the Go module proxy on first use, into target/tools; without Go there are none.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from box import PATIENCE, WITH_US
from pki import pem

VERSION = "v2.10.3"
TOOLS = Path(__file__).resolve().parents[2] / "target" / "tools"


def built() -> str:
    """Why there is no Pebble; empty: there is one."""
    if (TOOLS / "pebble").exists() and (TOOLS / "pebble-challtestsrv").exists():
        return ""
    if not shutil.which("go"):
        return "Go is not installed, and Pebble is built with it"
    commands = [f"github.com/letsencrypt/pebble/v2/cmd/{name}@{VERSION}" for name in ("pebble", "pebble-challtestsrv")]
    environment = os.environ | {"GOBIN": str(TOOLS), "GOFLAGS": "-mod=mod"}
    done = subprocess.run(["go", "install", *commands], env=environment, capture_output=True, text=True)
    return "" if done.returncode == 0 else f"Pebble cannot be built: {done.stderr[-300:]}"


def free_port(kind=socket.SOCK_STREAM) -> int:
    """One that nobody has at the moment: these servers cannot choose."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def port_for_names() -> int:
    """One that is free for datagrams and for streams: names are asked for by both."""
    while True:
        port = free_port(socket.SOCK_DGRAM)
        with contextlib.suppress(OSError), socket.socket() as stream:
            stream.bind(("127.0.0.1", port))
            return port


class NameService:
    """Every name is this machine, unless a test says otherwise."""

    def __init__(self):
        self.dns, self.control = port_for_names(), free_port()
        self.process = subprocess.Popen(
            [*WITH_US, TOOLS / "pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-http01", "",
             "-https01", "", "-tlsalpn01", "", "-doh", "", "-dnsserver", f"127.0.0.1:{self.dns}",
             "-management", f"127.0.0.1:{self.control}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        answers("127.0.0.1", self.control, self.process)
        answers("127.0.0.1", self.dns, self.process)

    def name_is(self, name, *addresses):
        body = json.dumps({"host": name, "addresses": addresses}).encode()
        urllib.request.urlopen(f"http://127.0.0.1:{self.control}/add-a", body, timeout=PATIENCE).read()

    def end(self):
        self.process.kill()
        self.process.wait()


class Pebble:
    """A server of ACME that looks at port `http` of every name."""

    def __init__(self, folder: Path, authority, http: int, dns: str, bound=None):
        folder.mkdir(exist_ok=True)
        self.port = free_port()
        certificate, key = authority.issue("127.0.0.1", "localhost")
        (folder / "server.crt").write_text(authority.chain(certificate))
        (folder / "server.key").write_text(key)
        self.trust = pem(authority.root)
        config = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{free_port()}",
            "certificate": str(folder / "server.crt"),
            "privateKey": str(folder / "server.key"),
            "httpPort": http,
            "tlsPort": 1,
            "domainBlocklist": ["blocked-domain.example"],
            "externalAccountBindingRequired": bool(bound),
            "externalAccountMACKeys": bound or {},
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": config}))
        # Servers forget nonces now and then, and clients must bear it; what is left is speed.
        environment = os.environ | {
            "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "10", "PEBBLE_AUTHZREUSE": "0"}
        self.log = open(folder / "pebble.log", "w")
        self.process = subprocess.Popen(
            [*WITH_US, TOOLS / "pebble", "-config", folder / "pebble.json", "-dnsserver", dns],
            stdout=self.log, stderr=self.log, env=environment)
        answers("127.0.0.1", self.port, self.process)

    def settings(self, *names, **other):
        return {"directory": f"https://127.0.0.1:{self.port}/dir", "authority": self.trust, "names": list(names),
                "terms_accepted": True} | other

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def answers(host, port, process):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection((host, port), 1).close()
        except OSError:
            assert time.monotonic() < end and process.poll() is None, f"nothing answers at {host}:{port}"
            time.sleep(0.05)
