"""aiortc, unmodified, as WHIP sender and WHEP player: what HTTP it needs, signals, and measuring."""

import asyncio
import contextlib
import fractions
import itertools
import time
from types import SimpleNamespace

import aiohttp
import av
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from clients import PATIENCE, SAMPLE_RATE, TONE, HeardAudio, SeenVideo

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
FRAME = SAMPLE_RATE // 50


class Tone(MediaStreamTrack):
    kind = "audio"

    def __init__(self, frequency=TONE):
        super().__init__()
        self.frequency, self.at, self.began = frequency, 0, time.monotonic()

    async def recv(self):
        await asyncio.sleep(self.began + self.at / SAMPLE_RATE - time.monotonic())
        phase = 2 * np.pi * self.frequency * np.arange(self.at, self.at + FRAME) / SAMPLE_RATE
        samples = (np.sin(phase) * 12_000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.time_base = SAMPLE_RATE, fractions.Fraction(1, SAMPLE_RATE)
        frame.pts, self.at = self.at, self.at + FRAME
        return frame


class Picture(MediaStreamTrack):
    """A ramp that moves."""

    kind = "video"

    def __init__(self, size=(640, 360), fps=20):
        super().__init__()
        self.size, self.fps, self.count, self.began = size, fps, 0, time.monotonic()

    async def recv(self):
        await asyncio.sleep(self.began + self.count / self.fps - time.monotonic())
        width, height = self.size
        ramp = (np.arange(width) + 7 * self.count) % 256
        rgb = np.broadcast_to(ramp[None, :, None], (height, width, 3)).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        frame.time_base = fractions.Fraction(1, 90_000)
        frame.pts, self.count = self.count * 90_000 // self.fps, self.count + 1
        return frame


class Session:
    """One session, from the offer to whatever ends it."""

    def __init__(self, box, path: str, token: str):
        self.url, self.path, self.token = box.http, path, token
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.audio, self.video = HeardAudio(), SeenVideo()
        self.tasks, self.resource, self.etag, self.links = [], None, None, []
        self.peer.on("track", self._track)

    async def ask(self, method, path, body=None, kind=None, token=True, **headers):
        """Status, headers and text of one request."""
        if token:
            headers["Authorization"] = f"Bearer {self.token}"
        if kind:
            headers["Content-Type"] = kind
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        async with aiohttp.ClientSession() as http:
            async with http.request(method, self.url + path, data=body, headers=headers) as answer:
                return answer.status, answer.headers, await answer.text()

    async def connect(self):
        await self.peer.setLocalDescription(await self.peer.createOffer())
        offer = self.peer.localDescription.sdp
        status, headers, answer = await self.ask("POST", self.path, offer, SDP)
        assert status == 201, answer
        assert headers["Content-Type"] == SDP
        self.resource, self.etag = headers["Location"], headers["ETag"]
        self.links = headers.getall("Link", [])
        await self.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return self

    def _track(self, track):
        take = self._hear if track.kind == "audio" else self._see
        self.tasks.append(asyncio.create_task(take(track)))

    async def _hear(self, track):
        # A player's sound card has one rate and one channel here.
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        while True:
            for frame in resampler.resample(await track.recv()):
                self.audio.take(SimpleNamespace(data=frame.to_ndarray().tobytes()))

    async def _see(self, track):
        while True:
            frame = await track.recv()
            luma = frame.to_ndarray(format="gray")
            self.video.take(SimpleNamespace(width=frame.width, height=frame.height, data=luma.tobytes()))

    async def until(self, what, seconds=PATIENCE):
        async def look():
            while not what():
                await asyncio.sleep(0.05)

        try:
            await asyncio.wait_for(look(), seconds)
        except TimeoutError:
            seen = (self.peer.connectionState, self.video.frames, self.video.sizes, self.audio.purity())
            raise AssertionError(f"waited {seconds} s; {seen}") from None

    async def delete(self):
        return (await self.ask("DELETE", self.resource))[0]

    async def close(self):
        """As a program that is told to stop; the box is told by DTLS alone."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.peer.close()


class Sender(Session):
    def __init__(self, box, token, *, frequency=TONE, size=(640, 360)):
        super().__init__(box, "/whip", token)
        self.peer.addTrack(Tone(frequency))
        self.peer.addTrack(Picture(size))


class Player(Session):
    def __init__(self, box, token, *, participant=None):
        super().__init__(box, "/whep" + (f"?participant={participant}" if participant else ""), token)
        self.peer.addTransceiver("audio", direction="recvonly")
        self.peer.addTransceiver("video", direction="recvonly")


@contextlib.asynccontextmanager
async def connected(session):
    try:
        yield await session.connect()
    finally:
        await session.close()


_rooms = itertools.count()


class Room:
    """A room of the owner's, with keys."""

    def __init__(self, box):
        self.box, self.name = box, f"stage {next(_rooms)}"
        self.id = box.ask("POST", "/rooms", {"name": self.name})["id"]

    def key(self, name, scope="publish"):
        return self.box.ask("POST", f"/rooms/{self.id}/whip-keys", {"name": name, "scope": scope})

    def token(self, name, scope="publish"):
        return self.key(name, scope)["token"]
