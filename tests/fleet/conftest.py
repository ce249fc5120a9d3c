"""A hub, a proxy before it, and boxes that join through it."""

import pytest
from fleetbox import FleetBox
from proxy import Proxy


class Fleet:
    def __init__(self, folder):
        self.folder, self.boxes = folder, []
        self.hub = self._box("hub")
        self.proxy = Proxy(self.hub.leaf_port)
        # Members are told the proxy's address: the hub's own would lead around it.
        self.hub.found(f"127.0.0.1:{self.proxy.port}")

    def _box(self, name, **options):
        box = FleetBox(self.folder / name, **options)
        self.boxes.append(box)
        box.panel.call("PATCH", "/box", {"name": name})
        return box

    def join(self, name):
        box = self._box(name)
        box.join(self.hub.invite())
        return box

    def stop(self, good):
        for box in self.boxes:
            box.__exit__(None if good else AssertionError)
            if box.nats_pid():
                box.kill_nats()


@pytest.fixture
def fleet(tmp_path):
    fleet = Fleet(tmp_path)
    yield fleet
    fleet.stop(good=True)
