"""Python clients of the unmodified SDK: they publish test signals and measure what arrives."""

import asyncio
import contextlib
import inspect
import itertools
import typing
from collections import deque

import numpy as np
from livekit import rtc
from livekit.rtc.room import EventTypes

SAMPLE_RATE = 48_000
TONE = 440.0
PATIENCE = 15.0
# Waiting looks again this often at most: thirty streams bring 3000 frames a second, and measuring
# a tone at each of them would leave no time to play one.
LOOK_AGAIN = 0.05


class Client:
    """A participant. Remembers every event and lets tests wait for what they look for."""

    def __init__(self, identity: str):
        self.identity = identity
        # Of the tones that it plays.
        self.amplitude = 12_000
        self.room = rtc.Room()
        self.events: list[tuple] = []
        self.changed = asyncio.Event()
        self.tasks: list[asyncio.Task] = []
        self.audio: dict[str, "HeardAudio"] = {}
        self.video: dict[str, "SeenVideo"] = {}
        for name in typing.get_args(EventTypes):
            self.room.on(name, lambda *args, name=name: self._note(name, args))

    def _note(self, name, args):
        self.events.append((name, *args))
        if name == "track_subscribed":
            track, publication, participant = args
            measure = self._hear if track.kind == rtc.TrackKind.KIND_AUDIO else self._see
            self.tasks.append(asyncio.create_task(measure(track, publication.sid)))
        self.changed.set()

    async def _hear(self, track, sid):
        heard = self.audio.setdefault(sid, HeardAudio())
        # In larger pieces than the usual 10 ms: thirty streams in one process are nothing unusual here.
        stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=1, frame_size_ms=50)
        async for event in stream:
            heard.take(event.frame)
            self.changed.set()
        await stream.aclose()

    async def _see(self, track, sid):
        seen = self.video.setdefault(sid, SeenVideo())
        stream = rtc.VideoStream(track)
        async for event in stream:
            seen.take(event.frame)
            self.changed.set()
        await stream.aclose()

    async def connect(self, box, room, *, options=None, url=None, **token):
        options = options or rtc.RoomOptions()
        jwt = box.token(room, self.identity, **token)
        await asyncio.wait_for(self.room.connect(url or box.ws, jwt, options), PATIENCE)
        return self

    async def close(self):
        await self.room.disconnect()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def until(self, what, seconds=PATIENCE, why=""):
        """Waits until `what()` is true; looks again after events."""
        async def look():
            while not (found := what()):
                self.changed.clear()
                await self.changed.wait()
                await asyncio.sleep(LOOK_AGAIN)
            return found

        try:
            return await asyncio.wait_for(look(), seconds)
        except TimeoutError:
            text = why or inspect.getsource(what).strip()
            names = [event[0] for event in self.events]
            raise AssertionError(f"{self.identity} waited {seconds} s for: {text}; saw {names}") from None

    def seen(self, name) -> list[tuple]:
        return [event[1:] for event in self.events if event[0] == name]

    def other(self, identity):
        return self.room.remote_participants.get(identity)

    # Publishing.

    async def publish_tone(self, *, red=True, name="tone", frequency=TONE):
        source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=400)
        track = rtc.LocalAudioTrack.create_audio_track(name, source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, red=red)
        self.tasks.append(asyncio.create_task(self._play_tone(source, frequency)))
        return await self.room.local_participant.publish_track(track, options)

    async def _play_tone(self, source, frequency):
        # Every call of the SDK is looked at by every stream of the process: of frames of 10 ms, ten
        # tones leave gaps in each other.
        count = SAMPLE_RATE // 10
        at = 0
        while True:
            phase = 2 * np.pi * frequency * np.arange(at, at + count) / SAMPLE_RATE
            samples = (np.sin(phase) * self.amplitude).astype(np.int16)
            frame = rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE, 1, count)
            # Waits for room in the source's queue: this paces the tone.
            await source.capture_frame(frame)
            at += count

    async def publish_video(self, *, codec="VP8", size=(640, 360), simulcast=False, name="video",
                            screen=False, fps=20):
        source = rtc.VideoSource(*size)
        track = rtc.LocalVideoTrack.create_video_track(name, source)
        options = rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_SCREENSHARE if screen else rtc.TrackSource.SOURCE_CAMERA,
            video_codec=getattr(rtc.VideoCodec, codec),
            simulcast=simulcast,
        )
        self.tasks.append(asyncio.create_task(play_picture(source, size, fps)))
        return await self.room.local_participant.publish_track(track, options)


async def play_picture(source, size, fps):
    """A moving gradient, so that encoders have something to do."""
    width, height = size
    base = np.add.outer(np.arange(height), np.arange(width))
    chroma = np.full(width * height // 2, 128, np.uint8).tobytes()
    loop = asyncio.get_running_loop()
    begin, n = loop.time(), 0
    while True:
        luma = ((base + 4 * n) & 0xFF).astype(np.uint8)
        frame = rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, luma.tobytes() + chroma)
        source.capture_frame(frame)
        n += 1
        await asyncio.sleep(max(0.0, begin + n / fps - loop.time()))


class HeardAudio:
    """Last second of a received track; `frames` of 10 ms came in all."""

    def __init__(self):
        self.frames = 0
        self._pieces = deque()
        self._kept = 0

    def take(self, frame):
        new = np.frombuffer(frame.data, np.int16)
        self.frames += len(new) * 100 // SAMPLE_RATE
        self._pieces.append(new)
        self._kept += len(new)
        while self._kept - len(self._pieces[0]) >= SAMPLE_RATE:
            self._kept -= len(self._pieces.popleft())

    @property
    def samples(self):
        return np.concatenate(self._pieces)[-SAMPLE_RATE:] if self._pieces else np.zeros(0, np.int16)

    def purity(self, frequency=TONE) -> float:
        """Share of the power that is at `frequency` (Goertzel over the last half second)."""
        samples = self.samples[-SAMPLE_RATE // 2 :].astype(float)
        if len(samples) < SAMPLE_RATE // 2:
            return 0.0
        power = np.sum(samples**2)
        if power < len(samples) * 100.0**2:
            return 0.0
        turn = np.exp(-2j * np.pi * frequency * np.arange(len(samples)) / SAMPLE_RATE)
        return float(2 * np.abs(np.sum(samples * turn)) ** 2 / len(samples) / power)


class SeenVideo:
    def __init__(self):
        self.frames = 0
        self.sizes: list[tuple[int, int]] = []
        self.moving = False
        self._last = None

    def take(self, frame):
        self.frames += 1
        size = (frame.width, frame.height)
        if not self.sizes or self.sizes[-1] != size:
            self.sizes.append(size)
        if self.frames % 10 == 0:
            luma = np.frombuffer(frame.data, np.uint8)[: frame.width]
            if self._last is not None and len(self._last) == len(luma):
                self.moving |= bool(np.abs(luma.astype(int) - self._last).mean() > 2)
            self._last = luma.astype(int)

    @property
    def size(self):
        return self.sizes[-1] if self.sizes else (0, 0)


_rooms = itertools.count()


@contextlib.asynccontextmanager
async def meeting(box, *identities, room=None, **options):
    """These people, one after the other, in a room of their own; disconnected at the end."""
    room = room or f"room-{next(_rooms)}"
    clients = [Client(identity) for identity in identities]
    try:
        for client in clients:
            await client.connect(box, room, **options)
        yield clients
    finally:
        for client in clients:
            await client.close()
