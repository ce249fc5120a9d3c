"""A thin, lossy line between two networks of one machine, packet by packet: what netem does, where the kernel has none.

Each end is a network namespace with a TUN device; between the two this process carries packets, drops some, and lets
so many through as the line's rate allows. Beside it each end has a way to this machine that costs nothing: by that one
looks at a box without using its line.
"""

import collections
import fcntl
import os
import random
import struct
import subprocess
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
# A second at 200 kb/s: a router with more would delay, not lose.
MOST_WAITING = 16


def ip(*arguments, check=True):
    subprocess.run(["ip", *map(str, arguments)], check=check, capture_output=True)


class ThinLine:
    """`ends[0]` and `ends[1]`: how a command is run there, its address on the line, and the one beside it."""

    def __init__(self, bits_a_second: int, loss: float, seed: int):
        self.rate, self.loss, self.chance = bits_a_second, loss, random.Random(seed)
        self.names = [f"rbxthin{os.getpid()}{end}" for end in "ab"]
        self.carried = self.lost = 0
        self.open = True

    def __enter__(self):
        self.ends, files = [], []
        for n, name in enumerate(self.names):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
            file = os.open("/dev/net/tun", os.O_RDWR)
            tun, veth = f"rbxt{n}{os.getpid()}", f"rbxv{n}{os.getpid()}"
            fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH", tun.encode(), IFF_TUN | IFF_NO_PI))
            ip("link", "set", tun, "netns", name)
            ip("link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("addr", "add", f"10.213.{79 + n}.1/24", "dev", veth)
            ip("link", "set", veth, "up")
            for device, address in ((tun, f"10.213.78.{n + 1}"), ("eth0", f"10.213.{79 + n}.2")):
                ip("-n", name, "addr", "add", f"{address}/24", "dev", device)
                ip("-n", name, "link", "set", device, "up")
            files.append(file)
            self.ends.append((["ip", "netns", "exec", name], f"10.213.78.{n + 1}", f"10.213.{79 + n}.2"))
        for near, far in (files, files[::-1]):
            waiting, there = collections.deque(), threading.Semaphore(0)
            threading.Thread(target=self._take, args=(near, waiting, there), daemon=True).start()
            threading.Thread(target=self._give, args=(far, waiting, there), daemon=True).start()
        self.files = files
        return self

    def __exit__(self, *_):
        self.open = False
        for name in self.names:
            ip("netns", "del", name, check=False)

    def _take(self, near, waiting, there):
        while self.open:
            try:
                packet = os.read(near, 4096)
            except OSError:
                return
            if self.chance.random() < self.loss or len(waiting) >= MOST_WAITING:
                self.lost += 1
                continue
            waiting.append(packet)
            there.release()

    def _give(self, far, waiting, there):
        free_at = time.monotonic()
        while self.open:
            there.acquire()
            packet = waiting.popleft()
            free_at = max(free_at, time.monotonic()) + len(packet) * 8 / self.rate
            time.sleep(max(0.0, free_at - time.monotonic()))
            try:
                os.write(far, packet)
                self.carried += 1
            except OSError:
                return
