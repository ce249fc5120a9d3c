#!/usr/bin/env python3
"""Records what real clients say, for the replay tests of appliance/api/src/livekit/session.rs.

Run by hand when an SDK is updated: target/e2e-venv/bin/python record_transcripts.py BOX FOLDER
Each file has one line a message: `join <base64url>` (the join request) or `say <base64>` (a
SignalRequest), of one participant that publishes, mutes, subscribes, sets metadata and leaves.
"""

import asyncio
import base64
import os
import sys
import tempfile
from pathlib import Path

from box import Box
from browsers import Browser
from clients import meeting
from loss import LossyPath


def save(folder, name, transcript):
    lines = [
        f"{kind} {data.decode() if kind == 'join' else base64.b64encode(data).decode()}"
        for kind, data in transcript
    ]
    (folder / f"{name}.transcript").write_text("\n".join(lines) + "\n")


async def python_client(box, url):
    async with meeting(box, "bob", room="transcript") as (bob,):
        other = await bob.publish_tone()
        async with meeting(box, "alice", room="transcript", url=url,
                           can_update_own_metadata=True) as (alice,):
            await alice.until(lambda: other.sid in alice.audio)
            tone, picture = await alice.publish_tone(), await alice.publish_video(simulcast=True)
            await bob.until(lambda: tone.sid in bob.audio and picture.sid in bob.video)
            alice.room.local_participant.track_publications[tone.sid].track.mute()
            await bob.until(lambda: bob.seen("track_muted"))
            publication = alice.other("bob").track_publications[other.sid]
            publication.set_subscribed(False)
            await alice.until(lambda: alice.seen("track_unsubscribed"))
            await alice.room.local_participant.set_metadata("m")
            await bob.until(lambda: bob.other("alice").metadata == "m")
            await alice.room.local_participant.unpublish_track(picture.sid)
            await bob.until(lambda: bob.seen("track_unpublished"))


def browser_client(box, url, which, folder):
    browser = Browser(which, folder / "log")
    browser.join("bob", box.ws, box.token("transcript", "bob"), {})
    browser.publishVideo("bob", width=320, height=180)
    token = box.token("transcript", "alice", can_update_own_metadata=True)
    browser.join("alice", url, token, {"adaptiveStream": True, "dynacast": True})
    browser.receives("alice", "bob", "camera", 5)
    browser.publishAudio("alice")
    browser.publishVideo("alice", width=640, height=360, simulcast=True)
    browser.receives("bob", "alice", "camera", 5, 25)
    browser.setMuted("alice", "microphone", True)
    browser.setSubscribed("alice", "bob", "camera", False)
    browser.metadata("alice", "bob")
    browser.unpublish("alice", "camera")
    browser.gone("bob", "alice", "camera")
    browser.leave("alice")
    browser.leaveAll()
    browser.close()


def main():
    os.environ["ROOMBOX_BOX"], folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name in ["python", "chromium", "firefox"]:
        with tempfile.TemporaryDirectory() as scratch, Box(Path(scratch)) as box:
            transcript = []
            with LossyPath(box, transcript=transcript) as path:
                if name == "python":
                    asyncio.run(python_client(box, path.ws))
                else:
                    browser_client(box, path.ws, name, Path(scratch))
            save(folder, name, transcript)
            print(f"{name}: {len(transcript)} messages")


if __name__ == "__main__":
    main()
