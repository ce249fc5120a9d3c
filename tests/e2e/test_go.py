"""LiveKit's Go server SDK, unmodified: its own integration tests, and what a backend written in Go does.

Its tests know one address, ws://localhost:7880, so box and tests get a network of their own."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lan
from box import PATIENCE, WITH_US
from run import TARGET, stale

# RFC 2544 §C.2.2.
ADDRESS = "198.18.255.1"
HERE = Path(__file__).resolve().parent / "go"
SDK = "github.com/livekit/server-sdk-go/v2"
GO = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
# Those of its tests that want a server. Left out are TestForceTLS, since the box has no TURN of its own, and
# TestSimulcastCodec/audio, since PCMU is telephones'.
INTEGRATION = """TestJoin TestPublishDTMF TestJoinError TestJoinSinglePeerConnection TestPublishRequiresSinglePC TestPubSub
TestSubscribeMutedTrack TestResume TestLimitPayloadSize TestPublishTrackMimeType TestSimulcastCodec/video TestE2EE_H264RoundTrip
TestDynacastRepublish""".split()
OWN = """TestRoomsAreMadeListedDescribedAndDeleted TestPeopleAreChangedSpokenToAndRemoved TestATokenOpensOnlyWhatItGrants
TestWhatThereIsNotSaysSo""".split()


def go(*words) -> subprocess.CompletedProcess:
    # No other toolchain is fetched than the one that is here.
    environment = os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    return subprocess.run([GO, *words], cwd=HERE, env=environment, capture_output=True, text=True)


def missing() -> str | None:
    if why := lan.missing():
        return f"no network of its own: {why}"
    if GO is None:
        return "Go is not installed (https://go.dev/dl)"
    listed = go("list", "-m", "all")
    return f"go list: {listed.stderr.strip()}" if listed.returncode else None


WHY_NOT = missing()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=f"SKIPPED: {WHY_NOT}")


@pytest.fixture(scope="module")
def programs():
    """The tests as programs, by package."""
    folder = TARGET / "go"
    folder.mkdir(parents=True, exist_ok=True)
    made = {SDK: folder / "sdk.test", ".": folder / "rooms.test"}
    stamp = folder / "sources.sha256"
    if digest := stale(stamp, HERE / "go.sum", HERE / "rooms_test.go"):
        for package, program in made.items():
            built = go("test", "-c", "-o", str(program), package)
            assert built.returncode == 0, built.stderr
        stamp.write_text(digest)
    return made


@pytest.fixture(scope="module")
def inside(tmp_path_factory):
    """A network with nothing but a box at 7880 in it: what a command in it begins with."""
    folder, name = tmp_path_factory.mktemp("go"), f"rbx-go{os.getpid()}"
    lan.run("ip", "netns", "add", name)
    try:
        # Pion offers no candidates of the loopback: a cable whose two ends are both here.
        lan.run("ip", "-n", name, "link", "add", "rbxgo0", "type", "veth", "peer", "name", "rbxgo1")
        lan.run("ip", "-n", name, "addr", "add", f"{ADDRESS}/24", "dev", "rbxgo0")
        for link in ("lo", "rbxgo0", "rbxgo1"):
            lan.run("ip", "-n", name, "link", "set", link, "up")
        inside = ["ip", "netns", "exec", name]
        box = [*inside, os.environ["ROOMBOX_BOX"], "--dev", "--data", folder / "data", "--http", "127.0.0.1:7880"]
        box += ["--udp", "7882", "--tcp", "0", "--shards", "1", "--address", ADDRESS]
        with open(folder / "log", "w") as log:
            process = subprocess.Popen([*WITH_US, *box], stdout=log, stderr=log)
        asked = [*inside, sys.executable, "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:7880/')"]
        end = time.monotonic() + PATIENCE
        while subprocess.run(asked, stderr=subprocess.DEVNULL).returncode:
            assert process.poll() is None and time.monotonic() < end, (folder / "log").read_text()
        yield inside
        assert process.poll() is None, "roomboxd died"
        process.terminate()
        assert process.wait(PATIENCE) == 0
        said = (folder / "log").read_text()
        assert "panicked" not in said and " ERROR " not in said, said[-2000:]
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)


@pytest.mark.parametrize("test", [*INTEGRATION, *OWN])
def test_with_the_go_sdk(programs, inside, test):
    program = programs[SDK if test in INTEGRATION else "."]
    wanted = "/".join(f"^{part}$" for part in test.split("/"))
    environment = os.environ | {"LIVEKIT_KEYS": "devkey: secret"}
    command = [*inside, program, "-test.v", "-test.timeout", "60s", "-test.run", wanted]
    ran = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True)
    said = f"{ran.stdout}\n{ran.stderr}"
    assert ran.returncode == 0 and f"--- PASS: {test.partition('/')[0]} " in said, ran.stdout[-2500:] + ran.stderr[-1500:]
