"""A box from the image is in a fleet: it brings its own nats-server."""

import pytest
from fleetbox import FleetBox
from vm import lan_missing


@pytest.fixture(scope="module")
def hub(owned, tmp_path_factory):
    """A hub on this host, where the machine's cable ends."""
    if why := lan_missing():
        pytest.skip(f"SKIPPED: the machine reaches a hub by its cable alone: {why}")
    with FleetBox(tmp_path_factory.mktemp("hub") / "hub", host=owned.lan.host) as hub:
        hub.found(f"{owned.lan.host}:{hub.leaf_port}")
        yield hub


def test_a_box_joins_is_heard_and_leaves(owned, hub):
    assert owned.get("/api/v1/fleet")["possible"] is True
    owned.get("/api/v1/fleet/membership", "POST", {"code": hub.invite()})
    link = lambda: owned.get("/api/v1/fleet")["link"]
    owned.wait(lambda: link()["state"] == "up", f"there is no link: {link()}")
    listed = lambda: next(box for box in hub.fleet()["boxes"] if box["id"] == owned.get("/api/v1/fleet")["id"])
    hub.wait(lambda: listed()["state"] == "here", 90)
    room = owned.get("/api/v1/rooms", "POST", {"name": "Seen from afar"})
    hub.wait(lambda: any(kind == "room.created" and room["id"] in body for *_, kind, body in hub.heard()), 90)
    # It has the daemon's user and rights, and is nobody's to reach.
    assert owned.run("ps -o user= -C nats-server") == "roombox"
    assert ":7422" not in owned.run("ss -Hltn")
    owned.get("/api/v1/fleet", "DELETE")
    owned.wait(lambda: owned.ask("pgrep -x nats-server")[0] == 1, "the server runs on without a fleet")
    owned.get(f"/api/v1/rooms/{room['id']}", "DELETE")
