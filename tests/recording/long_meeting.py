"""Four people and a shared screen for as long as it takes: they speak in turns, and clap.

A clap is a white picture and a tone of one's own at the same moment; whoever looks at the film later
finds each of them, and by how much the sound is beside the picture.
"""

import asyncio
import subprocess
import time
from pathlib import Path

import numpy as np
from livekit import rtc
from recbox import CLIPS

RATE = 48_000
# What an unbuffered microphone takes: ten milliseconds.
BLOCK = RATE // 100
CAMERA = (640, 360)
CAMERA_FPS = 15
SCREEN = (1280, 720)
SCREEN_FPS = 5
CLAP_S = 0.3
# Pictures of a clip are kept in memory: so many seconds of it, again and again.
CLIP_S = 8
# Name, clip, how it is turned, voice, how loud the voice is, and the tone of the claps.
PEOPLE = {
    "Ada": ("carphone_pristine.mp4", "null", "en-gb+f3", 1.0, 1000),
    "Grace": ("bigbuckbunny.mp4", "null", "en-us+f2", 0.5, 1400),
    "Jürgen": ("bikes.mp4", "null", "de+m3", 0.25, 1800),
    "Radia": ("carphone_pristine.mp4", "hflip,hue=h=120", "en-gb+f4", 0.7, 2200),
}
WORDS = (
    "The first point is the lecture hall. The term begins in two weeks, and the cameras are in place.",
    "I have looked at the figures of the second quarter, and they are better than we had expected.",
    "The new microphones have arrived. I will put them up on Thursday, and then we record a test.",
    "Let us write that down as a decision, and come back to the open question in the next meeting.",
)
SLIDES = ("Agenda", "Figures", "Lecture hall", "Microphones", "Decisions", "Next steps")


def pictures(source: list, filters: str, size, count: int) -> list[bytes]:
    width, height = size
    decode = ["ffmpeg", "-v", "error", *source, "-vf", f"{filters},format=yuv420p", "-an"]
    decode += ["-frames:v", str(count), "-f", "rawvideo", "-"]
    raw = subprocess.run(decode, check=True, capture_output=True).stdout
    step = width * height * 3 // 2
    return [raw[n : n + step] for n in range(0, len(raw), step)]


def clip(name: str, turned: str) -> list[bytes]:
    """A clip's pictures, there and back, so that it never jumps."""
    width, height = CAMERA
    fit = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height},fps={CAMERA_FPS}"
    there = pictures(["-i", str(CLIPS / name)], f"{turned},{fit}", CAMERA, CLIP_S * CAMERA_FPS)
    return there + there[-2:0:-1]


def slides() -> list[bytes]:
    width, height = SCREEN
    shown = []
    for number, title in enumerate(SLIDES, 1):
        blank = ["-f", "lavfi", "-i", f"color=0xf4f1ea:s={width}x{height}:r=1"]
        text = f"drawtext=text='{number}. {title}':fontsize=64:fontcolor=0x203040:x=90:y=90"
        text += f",drawbox=x=90:y=190:w={150 * number}:h=12:color=0xc05020:t=fill"
        shown += pictures(blank, text, SCREEN, 1)
    return shown


def spoken(voice: str, words: str, folder: Path) -> np.ndarray:
    wav = folder / "spoken.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", str(wav), words], check=True)
    decode = ["ffmpeg", "-v", "error", "-i", str(wav), "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-"]
    return np.frombuffer(subprocess.run(decode, check=True, capture_output=True).stdout, np.int16)


def white(size) -> bytes:
    width, height = size
    return bytes([235]) * (width * height) + bytes([128]) * (width * height // 2)


class Attendee:
    """Somebody with a camera, a microphone and two hands. `claps` has the moments at which the flash and
    the tone of each clap were handed to the SDK, wall clock."""

    def __init__(self, name: str, folder: Path):
        clip_name, turned, voice, level, self.tone = PEOPLE[name]
        self.name = name
        self.shown = clip(clip_name, turned)
        self.sentences = [(spoken(voice, words, folder) * level).astype(np.int16) for words in WORDS]
        self.room = rtc.Room()
        self.camera = rtc.VideoSource(*CAMERA)
        # Nothing is queued: what is handed over is sent.
        self.microphone = rtc.AudioSource(RATE, 1, queue_size_ms=0)
        self.words = np.zeros(0, np.int16)
        self.claps: list[dict] = []
        self.tasks: list[asyncio.Task] = []
        self.screen = None

    async def join(self, url: str, token: str):
        await self.room.connect(url, token, rtc.RoomOptions(auto_subscribe=False))
        await self._publish("camera", self.camera, rtc.TrackSource.SOURCE_CAMERA, CAMERA_FPS, 700_000)
        audio = rtc.LocalAudioTrack.create_audio_track("microphone", self.microphone)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(audio, options)
        self.tasks = [asyncio.create_task(self._show()), asyncio.create_task(self._sound())]

    async def _publish(self, name, source, what, fps, bps):
        track = rtc.LocalVideoTrack.create_video_track(name, source)
        encoding = rtc.VideoEncoding(max_framerate=fps, max_bitrate=bps)
        options = rtc.TrackPublishOptions(source=what, simulcast=False, video_encoding=encoding,
                                          video_codec=rtc.VideoCodec.VP8)
        return await self.room.local_participant.publish_track(track, options)

    def speak(self, number: int) -> str:
        """Begins a sentence; what it is."""
        self.words = self.sentences[number % len(WORDS)]
        return WORDS[number % len(WORDS)]

    def clap(self, at: float):
        self.claps.append({"at": at, "flash": None, "beep": None})

    def _clapping(self, now: float):
        return next((one for one in reversed(self.claps) if one["at"] <= now < one["at"] + CLAP_S), None)

    async def _show(self):
        n, bright = 0, white(CAMERA)
        while True:
            now = time.time()
            clap = self._clapping(now)
            if clap and clap["flash"] is None:
                clap["flash"] = now
            frame = bright if clap else self.shown[n % len(self.shown)]
            self.camera.capture_frame(rtc.VideoFrame(*CAMERA, rtc.VideoBufferType.I420, frame))
            n += 1
            await asyncio.sleep(1 / CAMERA_FPS - time.time() % (1 / CAMERA_FPS))

    async def _sound(self):
        """A block after the other, at its time: late ones follow at once, none is left out."""
        at = time.time()
        # Whole waves: every block of a tone is the same.
        wave = np.sin(2 * np.pi * self.tone * np.arange(BLOCK) / RATE) * 9000
        while True:
            clap = self._clapping(at)
            if clap:
                if clap["beep"] is None:
                    clap["beep"] = time.time()
                piece = wave
            else:
                piece, self.words = self.words[:BLOCK], self.words[BLOCK:]
            samples = np.zeros(BLOCK, np.int16)
            samples[: len(piece)] = piece
            await self.microphone.capture_frame(rtc.AudioFrame(samples.tobytes(), RATE, 1, BLOCK))
            at += BLOCK / RATE
            if (late := time.time() - at) > 1:
                # The machine stood still; a second of sound at once would be no microphone's.
                at += late
            await asyncio.sleep(max(0, at - time.time()))

    async def share(self):
        """Shares a screen whose slides change every ten seconds."""
        source = rtc.VideoSource(*SCREEN, is_screencast=True)
        published = await self._publish("screen", source, rtc.TrackSource.SOURCE_SCREENSHARE, SCREEN_FPS, 800_000)
        shown = slides()

        async def show():
            while True:
                frame = shown[int(time.time() / 10) % len(shown)]
                source.capture_frame(rtc.VideoFrame(*SCREEN, rtc.VideoBufferType.I420, frame))
                await asyncio.sleep(1 / SCREEN_FPS)

        self.screen = (published, asyncio.create_task(show()))

    async def unshare(self):
        published, task = self.screen
        task.cancel()
        self.screen = None
        # After a reconnection the track may be another publication of the same.
        for one in list(self.room.local_participant.track_publications.values()):
            if one.source == rtc.TrackSource.SOURCE_SCREENSHARE:
                await self.room.local_participant.unpublish_track(one.sid)

    def is_well(self):
        """Raises what ended its camera or its microphone."""
        for task in self.tasks:
            if task.done():
                task.result()

    async def leave(self):
        tasks = self.tasks + ([self.screen[1]] if self.screen else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.room.disconnect()
