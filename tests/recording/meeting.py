"""Players in a room of a box, from synchronous tests."""

import asyncio
import sys
import threading

import players
from recbox import CLIPS

SMALL = (640, 360)


class Meeting:
    """Some people in a room, on an event loop of their own."""

    def __init__(self, box, name="Room 1", people=("Ada", "Grace"), size=SMALL, codec=None):
        self.box = box
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        rooms = box.panel.call("GET", "/rooms")["items"]
        known = next((room for room in rooms if room["name"] == name), None)
        self.room = known or box.panel.call("POST", "/rooms", {"name": name})
        clips = players.clips(CLIPS, sys.executable)
        self.people = {}
        for who in people:
            token = box.panel.join_token(self.room["id"], who)
            self.people[who] = self.run(self._join(who, clips[who], size, token, codec))

    async def _join(self, who, clip, size, token, codec):
        from livekit import rtc

        # Players belong to the loop that they are made on.
        player = players.Player(who, clip, size, fps=20)
        await player.join(self.box.ws, token, codec=codec or rtc.VideoCodec.VP8)
        return player

    def run(self, what, seconds=60):
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(seconds)

    def say(self, who: str):
        self.loop.call_soon_threadsafe(
            self.people[who].say.put_nowait, players.speech(who, CLIPS)
        )

    def record(self, **request) -> str:
        return self.box.panel.call("POST", f"/rooms/{self.room['id']}/recording", request or None)["id"]

    def stop_recording(self):
        self.box.panel.call("DELETE", f"/rooms/{self.room['id']}/recording")

    def close(self):
        for player in self.people.values():
            try:
                self.run(player.leave(), 10)
            except Exception as error:
                print("a player did not leave:", error)
        self.loop.call_soon_threadsafe(self.loop.stop)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
