"""Boxes that are only their wire: each a leaf of a hub by NATS's own protocol, with a key of its own.

A task each, in one process: TLS from the first byte, the server's nonce signed, then heartbeats and events as a box
sends them, and ears for commands.
"""

import asyncio
import base64
import json
import random
import ssl
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

USER = 20 << 3
HEARTBEAT_S = 10


def crc16(data: bytes) -> int:
    """XMODEM's, as nkeys have it."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc


class Leaf:
    def __init__(self, number: int):
        self.number = number
        self.secret = Ed25519PrivateKey.from_private_bytes(random.Random(number).randbytes(32))
        raw = bytes([USER]) + self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key = base64.b32encode(raw + crc16(raw).to_bytes(2, "little")).decode().rstrip("=")
        self.id = f"box-{self.key.lower()}"
        self.sent = self.heard = self.seq = 0
        self.linked = False

    def _say(self, subject: str, body: bytes, header: bytes = b""):
        if header:
            line = f"HMSG {subject} {len(header)} {len(header) + len(body)}\r\n"
        else:
            line = f"LMSG {subject} {len(body)}\r\n"
        self._write(line.encode() + header + body + b"\r\n")

    def _write(self, data: bytes):
        self.sent += len(data)
        self.writer.write(data)

    def pulse(self):
        said = {
            "nonce": f"n{self.number}", "name": f"Room {self.number}", "version": "0.3.0", "recordings": self.number % 3 // 2,
            "alarms": self.number % 7 // 6, "free_bytes": 5 * 10**11, "total_bytes": 10**12, "waiting": 0,
            "epoch": "e", "last": self.seq, "hub": "", "offers": [], "at": [f"10.0.{self.number >> 8}.{self.number & 255}:443"],
            "fingerprint": "ab" * 32, "minute_ms": 20000, "helps": None, "order": None, "commanded": 0,
            "twin": {"revision": 0, "mark": "", "refuses": {}, "refused": {}},
            "clock": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        }
        self._say(f"fleet.{self.id}.hb", json.dumps(said, separators=(",", ":")).encode())

    def event(self):
        self.seq += 1
        body = {"v": 1, "box": self.id, "epoch": "e", "first": 1, "seq": self.seq, "id": f"{self.seq:x}", "kind": "room.created",
                "at": int(time.time() * 1000), "body": {"id": f"rm_{self.seq}", "name": f"Room {self.seq}"}}
        header = f"NATS/1.0\r\nNats-Msg-Id: {self.id}.{self.seq:x}\r\n\r\n".encode()
        self._say(f"fleet.{self.id}.ev.room.created", json.dumps(body, separators=(",", ":")).encode(), header)

    async def link(self, port: int, context: ssl.SSLContext):
        reader, self.writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="127.0.0.1", limit=1 << 20)
        info = json.loads((await reader.readline()).split(b" ", 1)[1])
        signature = base64.urlsafe_b64encode(self.secret.sign(info["nonce"].encode())).decode().rstrip("=")
        hello = {"version": info["version"], "nkey": self.key, "sig": signature, "server_id": f"SIM{self.number:05}", "name": self.id,
                 "domain": self.id, "headers": True, "protocol": 1}
        self._write(b"CONNECT " + json.dumps(hello).encode() + b"\r\nPING\r\n" + f"LS+ cmd.{self.id}.>\r\n".encode())
        self.reading = asyncio.create_task(self._read(reader))
        self.linked = True

    async def _read(self, reader):
        while line := await reader.readline():
            self.heard += len(line)
            if line.startswith(b"PING"):
                self._write(b"PONG\r\n")
            elif line.startswith(b"-ERR"):
                self.linked = False
            elif line.startswith((b"LMSG", b"HMSG")):
                size = int(line.split()[-1]) + 2
                self.heard += len(await reader.readexactly(size))
        self.linked = False

    async def live(self, event_every_s: float):
        """A box's days: not all at one moment."""
        await asyncio.sleep(self.number % 1000 / 1000 * HEARTBEAT_S)
        told = time.monotonic() - event_every_s * (self.number % 97) / 97
        while self.linked:
            self.pulse()
            if time.monotonic() - told >= event_every_s:
                told = time.monotonic()
                self.event()
            await asyncio.sleep(HEARTBEAT_S)
