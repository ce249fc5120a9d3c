"""A Python SDK client in a process of its own: it joins, plays a tone and listens until it hears
somebody else's. Prints `heard`; goes on until its standard input ends."""

import asyncio
import sys

from livekit import rtc

from clients import Client

JOIN_SECONDS = 40


async def main(url, token):
    guest = Client("guest")
    await asyncio.wait_for(guest.room.connect(url, token, rtc.RoomOptions()), JOIN_SECONDS)
    print("joined", flush=True)
    await guest.publish_tone()
    await guest.until(lambda: any(heard.purity() > 0.8 for heard in guest.audio.values()), 40)
    print("heard", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await guest.close()


asyncio.run(main(*sys.argv[1:]))
