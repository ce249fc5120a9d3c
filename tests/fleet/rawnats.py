"""A NATS client of a few lines, which says whatever a broken or bad box might say."""

import base64
import json
import re
import socket
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def seed_of(conf: str) -> str:
    """The seed in a leaf's configuration: its key."""
    return re.search(r'nkey: "(SU[A-Z2-7]+)"', conf).group(1)


def key_of(nats: Path) -> Ed25519PrivateKey:
    seed = seed_of((nats / "nats.conf").read_text())
    raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
    return Ed25519PrivateKey.from_private_bytes(raw[2:34])


def signer(data: Path):
    """Signs commands with the key of the box whose data these are: subject and payload."""
    pem = (data / "secrets" / "box.key").read_text().splitlines()
    der = base64.b64decode("".join(line for line in pem if not line.startswith("-")))
    # The private key of PKCS #8 for ed25519 (RFC 8410 §7).
    at = der.index(b"\x04\x22\x04\x20") + 4
    key, before = Ed25519PrivateKey.from_private_bytes(der[at:at + 32]), [0]

    def sign(to: str, verb: str, body) -> tuple[str, bytes]:
        # Each is newer than the one before, also than what the hub itself has said meanwhile.
        at = before[0] = max(before[0] + 1, int(time.time() * 1000) + 1000)
        subject, body = f"cmd.{to}.{verb}", json.dumps(body)
        signature = base64.b64encode(key.sign(f"{subject}\n{at}\n{body}".encode())).decode()
        return subject, json.dumps({"at": at, "body": body, "signature": signature}).encode()

    return sign


class RawNats:
    """Connects to the leaf of a box as that box; `nats` is the folder of its server."""

    def __init__(self, nats: Path):
        ports = json.loads(next(nats.glob("*.ports")).read_text())
        key = key_of(nats)
        host, port = ports["nats"][0].removeprefix("nats://").rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), 10)
        self.lines = self.socket.makefile("rb")
        nonce = json.loads(self.lines.readline().split(b" ", 1)[1])["nonce"]
        public = re.search(r'nkey: "(U[A-Z2-7]+)"', (nats / "nats.conf").read_text()).group(1)
        signature = base64.urlsafe_b64encode(key.sign(nonce.encode())).decode().rstrip("=")
        hello = {"verbose": False, "pedantic": False, "nkey": public, "sig": signature, "headers": True}
        self.socket.sendall(b"CONNECT " + json.dumps(hello).encode() + b"\r\n")
        self.flush()

    def publish(self, subject: str, payload: bytes, reply: str = ""):
        self.socket.sendall(f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n")

    def flush(self):
        """Waits until the server has read everything."""
        self.socket.sendall(b"PING\r\n")
        while not (line := self.lines.readline()).startswith(b"PONG"):
            assert line and not line.startswith(b"-ERR"), line

    def close(self):
        self.lines.close()
        self.socket.close()
