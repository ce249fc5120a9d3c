"""A program that transcribes, with the unmodified Python SDK.

`captions.py URL TOKEN` joins and prints `joined`. It then reads JSON, one a line, says each on
`lk.transcription` as LiveKit's agents do, and prints `said`: {"segment", "text", "final", "speaker"},
where the speaker is somebody's name, by whose microphone the segment is known. It goes when its
standard input ends.
"""

import asyncio
import json
import sys

from livekit import rtc


def microphone_of(room, name):
    for person in room.remote_participants.values():
        for publication in person.track_publications.values():
            if person.name == name and publication.source == rtc.TrackSource.SOURCE_MICROPHONE:
                return publication.sid
    return None


async def main(url, token):
    room = rtc.Room()
    await asyncio.wait_for(room.connect(url, token, rtc.RoomOptions()), 30)
    print("joined", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        said = json.loads(line)
        while (track := microphone_of(room, said["speaker"])) is None:
            await asyncio.sleep(0.1)
        attributes = {
            "lk.segment_id": said["segment"],
            "lk.transcription_final": str(said["final"]).lower(),
            "lk.transcribed_track_id": track,
        }
        await room.local_participant.send_text(
            said["text"], topic="lk.transcription", attributes=attributes)
        print("said", flush=True)
    await room.disconnect()


asyncio.run(main(*sys.argv[1:]))
