"""The image's kernel and its NetworkManager carry VLANs; the kernel of who tests may not."""

import subprocess

import pytest
from vm import lan_missing

ADDRESS = "198.51.100.5"
SETTINGS = {
    "ipv4": {"way": "static", "address": ADDRESS, "prefix": 24, "gateway": ""},
    "ipv6": {"way": "off"},
}


@pytest.fixture
def at_vlan(owned):
    """Asks the box at its address in the VLAN, over the cable: Linux answers for it there, too."""
    if why := lan_missing():
        pytest.skip(f"SKIPPED: the box is kept from an address of its own: {why}")
    way = [f"{ADDRESS}/32", "via", owned.lan.guest, "dev", owned.lan.tap]
    subprocess.run(["ip", "route", "add", *way], check=True)

    def ask(*call):
        usual, owned.host = owned.host, ADDRESS
        try:
            return owned.get(*call)
        finally:
            owned.host = usual

    yield ask
    subprocess.run(["ip", "route", "delete", *way], check=False)


def test_a_vlan_goes_unless_it_is_kept_from_its_address(owned, at_vlan):
    parent = owned.run(f"ip -o -4 route get {owned.lan.host}").split(" dev ")[1].split()[0]
    name, new = f"{parent}.7", {"parent": parent, "id": 7, "settings": SETTINGS}
    listed = lambda: {one["name"]: one for one in owned.get("/api/v1/network")["interfaces"]}
    carried = lambda: "vlan protocol 802.1Q id 7 " in owned.ask(f"ip -d link show {name}")[1]
    trial = lambda: owned.get("/api/v1/network/trial")["trial"]

    owned.get("/api/v1/network/vlans", "POST", new | {"confirm_within_s": 10})
    owned.wait(carried, "the kernel has no VLAN")
    owned.wait(lambda: not carried() and trial() is None, "nobody kept it, and it is still there")

    made = owned.get("/api/v1/network/vlans", "POST", new)
    assert (made["interface"], made["addresses"]) == (name, [f"{ADDRESS}/24"])
    owned.wait(lambda: carried() and trial()["in_force"], "it never came into force")
    at_vlan("/api/v1/network/trial/confirm", "POST", {"id": made["id"]})
    assert listed()[name]["vlan"] == {"parent": parent, "id": 7}
    assert at_vlan("/api/v1/box")["claimed"]

    owned.get(f"/api/v1/network/vlans/{name}", "DELETE")
    owned.wait(lambda: not carried() and trial()["in_force"], "it does not go")
    owned.get("/api/v1/network/trial/confirm", "POST", {"id": trial()["id"]})
    assert name not in listed() and not carried()
