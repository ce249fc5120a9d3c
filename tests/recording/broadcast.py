"""What broadcasts are received with: a clapper in the room, nginx with its RTMP module, ffmpeg.

The clapper flashes and beeps every two seconds of the wall clock, its brightness counting to four, so
that whoever sees a flash knows when it was made.
"""

import asyncio
import contextlib
import json
import subprocess
import time
from pathlib import Path

import numpy as np
from counterparts import running

RATE = 48_000
BLOCK = RATE // 50
PERIOD_S = 2.0
FLASH_S = 0.3
LEVELS = (110, 150, 190, 230)
TONE_HZ = 1000
SMALL = (32, 18)


class Clapper:
    """A participant that can be joined to a meeting's loop."""

    def __init__(self, size=(640, 360), fps=25):
        from livekit import rtc

        self.rtc, self.size, self.fps = rtc, size, fps
        self.room = rtc.Room()
        self.camera = rtc.VideoSource(*size)
        self.microphone = rtc.AudioSource(RATE, 1, queue_size_ms=60)
        self.tasks = []

    async def join(self, url: str, token: str):
        rtc = self.rtc
        await self.room.connect(url, token, rtc.RoomOptions(auto_subscribe=False))
        video = rtc.LocalVideoTrack.create_video_track("camera", self.camera)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=False)
        await self.room.local_participant.publish_track(video, options)
        audio = rtc.LocalAudioTrack.create_audio_track("microphone", self.microphone)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(audio, options)
        self.tasks = [asyncio.create_task(self._flash()), asyncio.create_task(self._beep())]

    async def _flash(self):
        width, height = self.size
        chroma = bytes([128]) * (width * height // 2)
        n = 0
        while True:
            now = time.time()
            level = LEVELS[int(now / PERIOD_S) % 4] if now % PERIOD_S < FLASH_S else 40
            luma = np.full((height, width), level, np.uint8)
            # Something always moves, at the edge.
            luma[-24:, (n * 8) % (width - 24) :][:, :24] = 90
            n += 1
            frame = luma.tobytes() + chroma
            self.camera.capture_frame(self.rtc.VideoFrame(width, height, self.rtc.VideoBufferType.I420, frame))
            await asyncio.sleep(1 / self.fps - time.time() % (1 / self.fps))

    async def _beep(self):
        at = time.time()
        while True:
            # What is handed over now is heard now: the source keeps no more than its queue.
            times = at + np.arange(BLOCK) / RATE
            tone = np.sin(2 * np.pi * TONE_HZ * times) * 8000 * (times % PERIOD_S < FLASH_S)
            piece = tone.astype(np.int16).tobytes()
            await self.microphone.capture_frame(self.rtc.AudioFrame(piece, RATE, 1, BLOCK))
            at = max(at + BLOCK / RATE, time.time() - 0.04)

    async def leave(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.room.disconnect()


@contextlib.contextmanager
def nginx(folder: Path, port: int):
    """A real RTMP server; yields its process. Who comes between two keyframes waits for the next one."""
    folder.mkdir(exist_ok=True)
    config = folder / "nginx.conf"
    config.write_text(
        f"""load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
        daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
        events {{}}
        rtmp {{ access_log off; server {{ listen 127.0.0.1:{port};
            application app {{ live on; wait_key on; wait_video on; }} }} }}
        """
    )
    with running(["/usr/sbin/nginx", "-c", str(config), "-p", str(folder)], port) as process:
        yield process


def receive(url: str, into: Path, seconds: float) -> dict:
    """Reads a broadcast for some seconds, as it is, and says when each flash arrived."""
    patience = str(seconds * 2 + 30)
    command = ["timeout", patience, "ffmpeg", "-v", "error", "-y", "-fflags", "nobuffer"]
    command += ["-analyzeduration", "1500000", "-i", url]
    command += ["-map", "0", "-c", "copy", "-t", str(seconds), str(into)]
    command += ["-map", "0:v", "-vf", f"scale={SMALL[0]}:{SMALL[1]},format=gray", "-t", str(seconds)]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    delays, dark, frames = [], True, 0
    size = SMALL[0] * SMALL[1]
    while len(frame := process.stdout.read(size)) == size:
        frames += 1
        level = float(np.frombuffer(frame, np.uint8)[: size // 2].mean())
        if level > 90 and dark and frames > 1:
            now = time.time()
            count = min(range(4), key=lambda n: abs(LEVELS[n] - level))
            # The newest moment at which it was made with this brightness.
            period = PERIOD_S * 4
            made = now - (now - count * PERIOD_S) % period
            delays.append(now - made)
        dark = level < 75
    complaints = process.stderr.read().decode()
    process.wait()
    return {"frames": frames, "delays": delays, "complaints": complaints}


def keyframes(path: Path) -> list[float]:
    ask = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time,flags"]
    done = subprocess.run([*ask, "-of", "json", str(path)], capture_output=True, text=True, check=True)
    packets = json.loads(done.stdout)["packets"]
    return [float(packet["pts_time"]) for packet in packets if packet["flags"].startswith("K")]


def decoded(path: Path, *how: str) -> bytes:
    command = ["ffmpeg", "-v", "error", "-copyts", "-i", str(path), *how, "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def onsets(path: Path) -> tuple[list[float], list[float], float]:
    """When it flashes and when it beeps, in seconds of the file, and how loud the beeps' tone is
    beside everything else."""
    ask = ["ffprobe", "-v", "error", "-show_entries", "frame=media_type,pts_time", "-of", "json", str(path)]
    frames = json.loads(subprocess.run(ask, capture_output=True, text=True, check=True).stdout)["frames"]
    pictures = [float(frame["pts_time"]) for frame in frames if frame["media_type"] == "video"]
    sounds = [float(frame["pts_time"]) for frame in frames if frame["media_type"] == "audio"]
    scale = f"scale={SMALL[0]}:{SMALL[1]},format=gray"
    raw = decoded(path, "-map", "0:v", "-vf", scale, "-fps_mode", "passthrough", "-f", "rawvideo")
    levels = np.frombuffer(raw, np.uint8).reshape(-1, SMALL[0] * SMALL[1])[:, : SMALL[0] * SMALL[1] // 2].mean(1)
    flashes = [pictures[n] for n in range(1, min(len(levels), len(pictures))) if levels[n] > 90 and levels[n - 1] < 75]
    pcm = np.frombuffer(decoded(path, "-map", "0:a", "-ac", "1", "-ar", str(RATE), "-f", "s16le"), np.int16)
    blocks = pcm[: len(pcm) // 240 * 240].reshape(-1, 240).astype(float)
    loud = np.sqrt((blocks**2).mean(1)) > 500
    beeps = [sounds[0] + n * 240 / RATE for n in range(3, len(loud)) if loud[n] and not loud[n - 3 : n].any()]
    spectrum = np.abs(np.fft.rfft(blocks[loud].reshape(-1))) if loud.any() else np.zeros(2)
    frequency = np.argmax(spectrum) * RATE / 2 / max(1, len(spectrum) - 1)
    return flashes, beeps, float(frequency)

