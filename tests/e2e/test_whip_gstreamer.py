"""GStreamer's webrtcbin as WHIP sender and WHEP player: Debian's GStreamer has no whipclientsink."""

import contextlib
import json
import queue
import subprocess
import threading
from pathlib import Path

import pytest

from box import WITH_US
from clients import PATIENCE, meeting
from test_whip import sees_and_hears
from whip import Room

SYSTEM_PYTHON = "/usr/bin/python3"
PROGRAM = Path(__file__).with_name("gst_whip.py")
NEEDED = """
import gi
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstWebRTC
Gst.init(None)
missing = [name for name in ("webrtcbin", "nicesrc", "vp8enc", "opusenc") if not Gst.ElementFactory.find(name)]
assert not missing, missing
"""


@pytest.fixture(scope="module", autouse=True)
def owner(box):
    looked = subprocess.run([SYSTEM_PYTHON, "-c", NEEDED], capture_output=True, text=True)
    if looked.returncode:
        pytest.skip(f"GStreamer's webrtcbin for Python is not there: {looked.stderr.strip()[-200:]}")
    box.claim()


@pytest.fixture
def room(box):
    return Room(box)


@contextlib.contextmanager
def gstreamer(*arguments):
    """The program, and a function that waits until what it prints satisfies somebody."""
    program = subprocess.Popen([*WITH_US, SYSTEM_PYTHON, PROGRAM, *arguments], text=True, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    lines = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line) for line in program.stdout], daemon=True).start()

    def until(what):
        while not what(json.loads(lines.get(timeout=PATIENCE))):
            pass

    try:
        yield until
    finally:
        program.stdin.close()
        try:
            assert program.wait(PATIENCE) == 0
        finally:
            program.kill()


async def test_gstreamer_sends(box, room):
    async with meeting(box, "ada", room=room.name) as (ada,):
        with gstreamer("send", box.http + "/whip", room.token("GStreamer")):
            await sees_and_hears(ada, "whip_GStreamer")
        await ada.until(lambda: not ada.other("whip_GStreamer"))


async def test_gstreamer_plays(box, room):
    with gstreamer("send", box.http + "/whip", room.token("GStreamer")):
        with gstreamer("play", box.http + "/whep", room.token("Player", "watch")) as until:
            until(lambda line: line.get("frames", 0) >= 20 and line.get("sounds", 0) >= 20)
