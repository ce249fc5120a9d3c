"""A TCP proxy between boxes and their hub that fails as networks do."""

import selectors
import socket
import struct
import threading


class Proxy:
    """`cut` resets and refuses; `half_open` accepts and swallows; `heal` lets through again."""

    def __init__(self, target: int):
        self.target, self.state = target, "open"
        self.pairs, self.lock = [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        self.state = "cut"
        self._reset()

    def half_open(self):
        self.state = "half_open"

    def heal(self):
        # What was swallowed is gone: no connection survives that.
        if self.state == "half_open":
            self._reset()
        self.state = "open"

    def _reset(self):
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for one in (one for pair in pairs for one in pair):
            # Linger 0: a reset instead of an orderly end.
            try:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while True:
            near, _ = self.listener.accept()
            if self.state == "cut":
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                near.close()
                continue
            with self.lock:
                self.pairs.append((near, far))
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near, far):
        watched = selectors.DefaultSelector()
        watched.register(near, selectors.EVENT_READ, far)
        watched.register(far, selectors.EVENT_READ, near)
        try:
            while True:
                for key, _ in watched.select():
                    data = key.fileobj.recv(65536)
                    if not data:
                        return
                    if self.state == "open":
                        key.data.sendall(data)
        except OSError:
            pass
        finally:
            near.close()
            far.close()
