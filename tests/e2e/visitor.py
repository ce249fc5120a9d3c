"""Who comes to a box by HTTPS under some name, and looks at what it shows."""

import base64
import os
import socket
import ssl
import struct
import time
import urllib.parse

from box import PATIENCE
from cryptography import x509


def connect(box, name, trusted=None):
    """A connection as a browser makes it, by this name, or by address with none."""
    context = ssl.create_default_context(cadata=trusted) if trusted else ssl.create_default_context()
    if not trusted:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    at = urllib.parse.urlsplit(box.url)
    stream = socket.create_connection((at.hostname, at.port), PATIENCE)
    return context.wrap_socket(stream, server_hostname=name)


def seen(box, name):
    """The certificate that is shown at this name."""
    with connect(box, name) as stream:
        return x509.load_der_x509_certificate(stream.getpeercert(True))


def shows(box, name, who):
    """Waits for nothing: a change counts from the next connection on, once it was answered."""
    end = time.monotonic() + 5
    while (found := seen(box, name).issuer.rfc4514_string()) and who not in found:
        assert time.monotonic() < end, f"{name or 'no name'} shows {found}, not {who}"


def head(box, name, trusted):
    with connect(box, name, trusted) as stream:
        stream.sendall(f"GET /healthz HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: stream.recv(4096), b"")).decode().split("\r\n\r\n")[0].lower()


class Listener:
    """The event socket, by hand: a connection that must outlive a change of certificates."""

    def __init__(self, box):
        self.stream = connect(box, "localhost")
        key = base64.b64encode(os.urandom(16)).decode()
        cookie = box.owner["Cookie"]
        origin = box.url
        self.stream.sendall(
            f"GET /api/v1/events HTTP/1.1\r\nHost: {urllib.parse.urlsplit(box.url).netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nOrigin: {origin}\r\n"
            f"Cookie: {cookie}\r\n\r\n".encode())
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            self.data += self.stream.recv(4096)
        answer, self.data = self.data.split(b"\r\n\r\n", 1)
        assert b" 101 " in answer.split(b"\r\n")[0], answer

    def until(self, word):
        """Reads until an event has this in its text."""
        while True:
            while len(self.data) >= 2:
                length, at = self.data[1] & 127, 2
                if length == 126:
                    length, at = struct.unpack(">H", self.data[2:4])[0], 4
                if len(self.data) < at + length:
                    break
                text, self.data = self.data[at:at + length], self.data[at + length:]
                if word.encode() in text:
                    return
            more = self.stream.recv(65536)
            assert more, "the event socket was closed"
            self.data += more


class Ended:
    """In the place of a process that was killed on purpose."""

    def send_signal(self, _):
        pass

    def wait(self, _=None):
        return 0
