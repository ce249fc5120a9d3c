"""People in a room, as many as wanted, by the unmodified LiveKit SDK: each shows a part of a film.

Reads a number a line, has that many in the room and says so; they leave when the input ends.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from livekit import api, rtc
from players import clips

NAMES = ["Grace", "Jürgen", "Alan", "Margaret", "Edsger", "Barbara", "Donald", "Radia", "Ken", "Frances", "Niklaus", "Katherine", "Dennis", "Hedy", "Tim", "Sophie", "Vint", "Lynn", "Leslie"]
SIZE = (320, 180)
# Many of them share two cores with the browser that looks at them.
FPS = 5
# Seconds of the film between what two people show.
APART = 0.25


async def film(clip: Path, begin: float):
    """Frames of a film (I420), over and over, at their pace."""
    width, height = SIZE
    picture = f"fps={FPS},scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height}"
    decode = ["-v", "error", "-re", "-stream_loop", "-1", "-ss", str(begin), "-i", str(clip), "-vf", picture, "-an"]
    process = await asyncio.create_subprocess_exec(
        "ffmpeg", *decode, "-pix_fmt", "yuv420p", "-f", "rawvideo", "-", stdout=asyncio.subprocess.PIPE
    )
    try:
        while True:
            yield await process.stdout.readexactly(width * height * 3 // 2)
    finally:
        process.kill()
        await process.wait()


async def show(camera: rtc.VideoSource, clip: Path, begin: float):
    async with contextlib.aclosing(film(clip, begin)) as frames:
        async for frame in frames:
            camera.capture_frame(rtc.VideoFrame(*SIZE, rtc.VideoBufferType.I420, frame))


async def join(url: str, name: str, token: str, clip: Path, begin: float):
    room, camera = rtc.Room(), rtc.VideoSource(*SIZE)
    await room.connect(url, token, rtc.RoomOptions(auto_subscribe=False))
    track = rtc.LocalVideoTrack.create_video_track("camera", camera)
    encoding = rtc.VideoEncoding(max_framerate=FPS, max_bitrate=150_000)
    options = rtc.TrackPublishOptions(
        source=rtc.TrackSource.SOURCE_CAMERA, simulcast=False, video_encoding=encoding
    )
    await room.local_participant.publish_track(track, options)
    microphone = rtc.LocalAudioTrack.create_audio_track("microphone", rtc.AudioSource(48_000, 1))
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await room.local_participant.publish_track(microphone, options)
    return room, asyncio.create_task(show(camera, clip, begin))


async def main(url: str, name: str):
    # The one whose pictures may be published.
    clip = clips(Path(os.environ.get("ROOMBOX_CLIPS", tempfile.gettempdir())), sys.executable)["Grace"]
    here, loop = [], asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        while len(here) < int(line):
            n = len(here)
            grants = api.VideoGrants(room_join=True, room=name)
            token = api.AccessToken("devkey", "secret").with_identity(f"crowd-{n}").with_name(NAMES[n])
            token = token.with_grants(grants).with_ttl(timedelta(hours=1)).to_jwt()
            here.append(await join(url, NAMES[n], token, clip, n * APART))
        print(len(here), flush=True)
    for _, task in here:
        task.cancel()
    await asyncio.gather(*(task for _, task in here), return_exceptions=True)
    await asyncio.gather(*(room.disconnect() for room, _ in here))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
