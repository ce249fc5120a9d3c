"""A box is found by name, by a client of multicast DNS that is not ours, in a network of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lan
from box import PATIENCE, WITH_US

WHY_NOT = lan.missing()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=f"SKIPPED: no network of its own: {WHY_NOT}")
FIND = Path(__file__).with_name("find_boxes.py")


@pytest.fixture
def network():
    with lan.Lan() as network:
        yield network


class Found:
    """A box as it ships, at one end of the cable."""

    def __init__(self, folder: Path, at: str, inside=()):
        folder.mkdir()
        self.console = folder / "console.txt"
        self.log = open(folder / "roomboxd.log", "a")
        arguments = ["--data", folder / "data", "--http", f"{at}:0", "--https", f"{at}:0", "--udp", "0", "--tcp", "0"]
        arguments += ["--address", at, "--shards", "1", "--console", self.console]
        self.process = subprocess.Popen([*WITH_US, *inside, os.environ["ROOMBOX_BOX"], *map(str, arguments)],
                                        stdout=subprocess.DEVNULL, stderr=self.log)
        # Its own name, once it is announced.
        self.name = self.wait("Or      https://").split(":")[0]

    def wait(self, after: str) -> str:
        end = time.monotonic() + PATIENCE
        while not (self.console.exists() and after in (text := self.console.read_text())):
            assert time.monotonic() < end and self.process.poll() is None, Path(self.log.name).read_text()
            time.sleep(0.05)
        return text.split(after)[1].split("/")[0].split()[0]

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(PATIENCE)
        self.log.close()


def find(network, *names) -> dict:
    command = [*network.inside, sys.executable, FIND, *names]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def until(network, what, *names, seconds=40) -> dict:
    end = time.monotonic() + seconds
    while not what(found := find(network, *names)):
        assert time.monotonic() < end, found
    return found


def test_boxes_are_found_by_names_of_their_own_and_the_first_is_roombox_local(network, tmp_path):
    first = Found(tmp_path / "first", network.box)
    found = until(network, lambda found: found["addresses"]["roombox.local"], first.name, "roombox.local")
    assert found["addresses"] == {first.name: [network.box], "roombox.local": [network.box]}
    (box,) = found["boxes"]
    assert box["host"] == first.name + "." and box["addresses"] == [network.box], box
    assert box["facts"]["claimed"] == "0" and box["facts"]["path"] == "/panel/", box
    assert box["port"] > 0 and box["facts"]["id"].startswith("box_")

    # A second one leaves that name alone, and has one of its own.
    second = Found(tmp_path / "second", network.client, network.inside)
    assert second.name != first.name
    names = (first.name, second.name, "roombox.local", "roombox-2.local")
    found = until(network, lambda found: len(found["boxes"]) == 2, *names)
    assert found["addresses"] == {first.name: [network.box], second.name: [network.client],
                                  "roombox.local": [network.box], "roombox-2.local": []}
    # Two of one name are told apart.
    assert len({box["name"] for box in found["boxes"]}) == 2, found["boxes"]

    # The first one says goodbye, and its names with it.
    first.end()
    found = until(network, lambda found: len(found["boxes"]) == 1, first.name, second.name)
    assert found["addresses"] == {first.name: [], second.name: [network.client]}
    # Nobody is it any more: the other one is, after a while.
    until(network, lambda found: found["addresses"]["roombox.local"] == [network.client], "roombox.local", seconds=60)
    second.end()
