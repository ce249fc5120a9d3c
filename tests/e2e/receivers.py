"""Receivers of webhooks: unmodified ones of LiveKit's server SDKs, and ones that behave badly."""

import http.server
import json
import socketserver
import ssl
import subprocess
import threading
import time
from pathlib import Path

from livekit import api

from box import PATIENCE, WITH_US

BROWSER = Path(__file__).resolve().parent / "browser"


def until(what, seconds=PATIENCE, why=""):
    """Waits until `what()` is true; what it was then."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, why or "it did not come"
        time.sleep(0.05)
    return found


def ended(events, room=None):
    """The meeting's last event is there."""
    return any(event.event == "room_finished" and room in (None, event.room.name) for event in events)


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    # A receiver that comes back has its old port.
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        """A box that is killed or a test that ends hangs up: no news."""


class Receiver:
    """The Python SDK's receiver behind a real HTTP server. `events` is what it took."""

    def __init__(self, key, secret, *, port=0, answer=200, certificate=None):
        self.verify = api.WebhookReceiver(api.TokenVerifier(key, secret)).receive
        self.events, self.requests, self.refused = [], [], []
        # Status, or a function of the event that gives one; None hangs, 0 closes without a word.
        self.answer = answer
        self.released = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                receiver._take(self)

            def log_message(self, *_):
                pass

        self.server = _Server(("127.0.0.1", port), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://localhost:{self.port}/hook?secret=of-the-owner"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def _take(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"])).decode()
        self.requests.append((request.headers, body))
        try:
            event = self.verify(body, request.headers["Authorization"])
        except Exception as error:
            self.refused.append(error)
            request.send_error(401)
            return
        status = self.answer(event) if callable(self.answer) else self.answer
        if status is None:
            self.released.wait()
        if not status:
            request.close_connection = True
            return
        if 200 <= status < 300:
            self.events.append(event)
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.send_header("Location", "http://127.0.0.1:1/")
        request.end_headers()

    def names(self, room):
        return [event.event for event in self.events if event.room.name == room]

    def until_ended(self, room, seconds=PATIENCE):
        until(lambda: ended(self.events, room), seconds, f"{room} never ended: {self.names(room)}")
        return [event for event in self.events if event.room.name == room]


class NodeReceiver:
    """The JavaScript SDK's receiver in Node."""

    def __init__(self, key, secret):
        self.process = subprocess.Popen(
            [*WITH_US, "node", "receiver.mjs", key, secret], cwd=BROWSER, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/"
        self.events = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
