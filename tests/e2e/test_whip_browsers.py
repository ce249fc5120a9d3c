"""Eyevinn's WHIP client and WHEP player, unmodified, and layers, in headless Chromium."""

import asyncio

import pytest
from livekit import rtc

from browsers import Browser, missing
from clients import meeting
from test_whip import sees_and_hears, tracks
from whip import Room


@pytest.fixture(scope="module", autouse=True)
def owner(box):
    box.claim()


@pytest.fixture
def room(box):
    return Room(box)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if why := missing("chromium"):
        pytest.skip(why)
    browser = Browser("chromium", tmp_path_factory.mktemp("browser") / "log")
    yield browser
    browser.close()


async def test_a_page_sends(box, browser, room):
    async with meeting(box, "ada", room=room.name) as (ada,):
        browser.whipSend("page", box.http + "/whip", room.token("Page"))
        seen = await sees_and_hears(ada, "whip_Page")
        assert seen.moving
        browser.whipStop("page")
        await ada.until(lambda: not ada.other("whip_Page"))


async def test_a_page_plays_whoever_comes(box, browser, room):
    browser.whepPlay("player", box.http + "/whep", room.token("Page", "watch"))
    async with meeting(box, "ada", room=room.name) as (ada,):
        await ada.publish_tone()
        await ada.publish_video(size=(640, 360))
        # In a thread, or nobody would send meanwhile.
        seen = await asyncio.to_thread(browser.whepSees, "player", 20, 360)
        assert seen["energy"] > 0
    async with meeting(box, "bob", room=room.name) as (bob,):
        await bob.publish_video(size=(320, 240), codec="H264")
        # Another codec even, on the section of the first.
        await asyncio.to_thread(browser.whepSees, "player", 20, 240)
    browser.whepStop("player")


async def test_layers_are_chosen_and_ice_restarts_under_them(box, browser, room):
    async with meeting(box, "ada", room=room.name) as (ada,):
        browser.whipLayers("page", box.http + "/whip", room.token("Page"))
        await ada.until(lambda: len(tracks(ada, "whip_Page")) == 1)
        publication = tracks(ada, "whip_Page")[rtc.TrackSource.SOURCE_CAMERA]
        assert publication.simulcasted
        await ada.until(lambda: publication.sid in ada.video)
        seen = ada.video[publication.sid]
        await ada.until(lambda: seen.size == (1280, 720), 30)
        for quality, size in [("LOW", (320, 180)), ("MEDIUM", (640, 360)), ("HIGH", (1280, 720))]:
            publication.set_video_quality(getattr(rtc.VideoQuality, f"VIDEO_QUALITY_{quality}"))
            await ada.until(lambda: seen.size == size, 20, why=f"size {size}")
        browser.whipRestartIce("page")
        frames = seen.frames
        await ada.until(lambda: seen.frames >= frames + 40)
        assert ada.other("whip_Page")
