"""A hub has several addresses: boxes try them in order, say which one is used, and their owners change them."""

import base64
import json

from fleetbox import FleetBox, audit, drained, free_port, refused
from proxy import Proxy


def at(port: int) -> str:
    return f"127.0.0.1:{port}"


def goes_by(box, address: str, seconds=90):
    box.wait(lambda: (link := box.fleet()["link"])["state"] == "up" and link["address"] == address, seconds)


def test_a_dead_address_and_one_that_dies_later_lose_and_double_nothing(fleet):
    hub, first = fleet.hub, fleet.proxy
    second = Proxy(hub.leaf_port)
    # Nothing listens on it.
    dead = at(free_port())
    hub.panel.call("PATCH", "/fleet/hub", {"addresses": [dead, at(first.port), at(second.port)]})
    box = fleet.join("library")
    assert box.fleet()["hub"]["addresses"] == [dead, at(first.port), at(second.port)]
    goes_by(box, at(first.port))
    box.happen(f"by the second address {n}" for n in range(20))
    # It dies in mid-flow, and so does the next one once the other is there again.
    for dying, living in [(first, second), (second, first)]:
        living.heal()
        dying.cut()
        box.happen(f"from {dying.port} to {living.port}, {n}" for n in range(20))
        goes_by(box, at(living.port))
        print(f"\nall there {drained(hub, box):.1f} s after the link came up by {living.port}")
    # One that takes connections and carries nothing is no way either; nats-server hears no pings for 40 s.
    second.heal()
    first.half_open()
    box.happen(["while nothing is carried"])
    goes_by(box, at(second.port), 120)
    drained(hub, box)
    found = audit(hub, box)
    assert (found["lost"], found["doubled"]) == (0, 0) and found["made"] >= 61, found
    assert box.fleet()["link"]["restarts"] == 0, "its server finds the way by itself"
    second.cut()
    box.until_link("cut")
    assert box.fleet()["link"]["address"] is None


def test_a_hub_is_joined_and_reached_by_an_address_of_version_6_alone(tmp_path):
    further = ["--address", "::1"]
    with FleetBox(tmp_path / "hub", further=further, https="[::]") as hub, FleetBox(tmp_path / "box") as box:
        for wrong in [f"::1:{hub.leaf_port}", f"[::1:{hub.leaf_port}", f"[hub]:{hub.leaf_port}"]:
            assert refused(lambda: hub.found(wrong)).code == "fleet_address"
        hub.found(f"[::1]:{hub.leaf_port}")
        code = hub.invite()
        said = json.loads(base64.urlsafe_b64decode(code.split(".")[1] + "=="))
        assert said["h"][0] == f"[::1]:{hub.https}", "whoever has the code comes where members come"
        # Nobody can come another way.
        said["h"] = said["h"][:1]
        box.join("rbf1." + base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("="))
        goes_by(box, f"[::1]:{hub.leaf_port}")
        box.happen(["Seen by version 6"])
        drained(hub, box)
        assert any("Seen by version 6" in body for *_, body in hub.heard())


def test_the_owner_of_a_box_says_where_a_hub_is_that_moved_without_a_word(fleet):
    box, hub = fleet.join("library"), fleet.hub
    box.until_link("up")
    look = lambda of, *addresses: of.panel.call("PATCH", "/fleet/membership", {"addresses": list(addresses)})
    fleet.proxy.cut()
    box.until_link("cut")
    box.happen(f"while it was away {n}" for n in range(20))
    new = Proxy(hub.leaf_port)
    assert refused(lambda: look(box)).code == "fleet_addresses"
    assert refused(lambda: look(box, "hub")).code == "fleet_address"
    assert refused(lambda: look(hub, at(new.port))).code == "fleet_not_member"
    alone = fleet._box("alone")
    assert refused(lambda: look(alone, at(new.port))).code == "fleet_not_in"
    # Another hub is none, whatever the owner says.
    other = fleet._box("other")
    other.found(at(other.leaf_port))
    other.until_link("up")
    look(box, at(other.leaf_port))
    box.wait(lambda: box.fleet()["link"]["cut"] == "stranger", 60)
    look(box, at(other.leaf_port), at(new.port))
    goes_by(box, at(new.port))
    drained(hub, box)
    found = audit(hub, box)
    assert (found["lost"], found["doubled"]) == (0, 0), found
    # What the hub says of itself comes first from then on.
    later = at(Proxy(hub.leaf_port).port)
    hub.panel.call("PATCH", "/fleet/hub", {"addresses": [later]})
    box.wait(lambda: box.fleet()["hub"]["addresses"] == [later, at(other.leaf_port), at(new.port)], 90)
