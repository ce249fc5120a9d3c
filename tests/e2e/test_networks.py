"""Bad and broken networks, real ones: a browser in a network of its own, on a cable that is narrow, loses
packets, is pulled out or leads elsewhere (N2, N3)."""

import time

import pytest

import lan
from box import Box
from browsers import Browser, missing
from machine import until
from test_transport import Reached

WHY_NOT = lan.missing() or missing("chromium")
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=f"SKIPPED: no network of its own: {WHY_NOT}")
OPEN = ("meta l4proto udp", "meta l4proto tcp")


@pytest.fixture(scope="module")
def reached(tmp_path_factory):
    with lan.Lan() as network:
        network.allow_only(*OPEN)
        reached = Reached(tmp_path_factory.mktemp("box"), network, ["--divide-bandwidth"])
        with reached.box:
            yield reached
            reached.box.check_alive()


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A browser beside the box."""
    browser = Browser("chromium", tmp_path_factory.mktemp("outside") / "log")
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def inside(reached, tmp_path_factory):
    """A browser at the other end of the cable."""
    browser = Browser("chromium", tmp_path_factory.mktemp("inside") / "log", inside=reached.network.inside)
    yield browser
    browser.close()


@pytest.fixture
def call(reached, outside, inside, request):
    """Ann outside shows herself in three sizes and speaks; Ben, at the end of the cable, speaks."""
    room = request.node.name
    for browser, name in ((outside, "ann"), (inside, "ben")):
        browser.join(name, reached.box.ws, reached.box.token(room, name), {"adaptiveStream": False, "dynacast": True})
    outside.publishVideo("ann", width=1280, height=720, simulcast=True, busy=True)
    outside.publishAudio("ann")
    inside.publishAudio("ben")
    inside.receives("ben", "ann", "camera", 20)
    outside.receives("ann", "ben", "microphone", 50)
    yield room
    reached.network.plug()
    reached.network.clear()
    for browser in (outside, inside):
        browser.leaveAll()


def watched(browser, seconds):
    """What ben's browser counted in these seconds."""
    before = [browser.stats("ben", "ann", source) for source in ("camera", "microphone")]
    time.sleep(seconds)
    after = [browser.stats("ben", "ann", source) for source in ("camera", "microphone")]
    return [{key: b[key] - a[key] for key in ("frames", "bytes", "freezeSeconds", "concealed", "samples")} | {"height": b["height"]}
            for a, b in zip(before, after, strict=True)]


@pytest.mark.parametrize(("kbit", "loss"), [(500, 0), (500, 5), (2000, 5)])
def test_n2_on_a_narrow_and_lossy_cable_pictures_go_on_and_speech_is_whole(reached, inside, call, kbit, loss):
    reached.network.narrow(kbit, loss)
    # The estimate finds its way down, and layers settle.
    time.sleep(10)
    video, audio = watched(inside, 15)
    print(f"{video['bytes'] * 8 // 15_000} kbit/s of pictures with {video['height']} lines")
    assert video["frames"] > 15 * 8 and video["freezeSeconds"] < 1.5, (video, audio)
    assert audio["concealed"] < 0.08 * audio["samples"], (video, audio)
    assert video["height"] < 720 or kbit > 1000, video


@pytest.mark.parametrize("seconds", [2, 10, 19])
def test_after_seconds_without_a_cable_everything_goes_on(reached, outside, inside, call, seconds):
    events = len(outside.events("ann"))
    reached.network.unplug()
    time.sleep(seconds)
    reached.network.plug()
    back = time.monotonic()
    inside.receives("ben", "ann", "camera", 20, 20)
    inside.receives("ben", "ann", "microphone", 50, 20)
    outside.receives("ann", "ben", "microphone", 50, 20)
    print(f"media again {time.monotonic() - back:.1f} s after the cable")
    video, _ = watched(inside, 3)
    assert video["frames"] > 3 * 8, f"the picture is frozen: {video}"
    gone = [event for event in outside.events("ann")[events:] if event[0] == "participantDisconnected"]
    assert not gone or seconds > 15, "ben resumed: nobody should have seen him go"


def test_what_was_said_meanwhile_arrives_after_the_cable_is_back(reached, outside, inside, call):
    inside.collect("ben")
    reached.network.unplug()
    for n in range(5):
        outside.say("ann", f"message {n}")
        time.sleep(1)
    reached.network.plug()
    wanted = [f"message {n}" for n in range(5)]
    until(lambda: inside.collected("ben") == wanted, lambda: inside.collected("ben"), 40)


def test_n3_with_another_address_the_call_goes_on(reached, outside, inside, call):
    reached.network.move()
    begun = time.monotonic()
    inside.receives("ben", "ann", "camera", 20, 30)
    outside.receives("ann", "ben", "microphone", 50, 30)
    print(f"media again {time.monotonic() - begun:.1f} s after the new address")
