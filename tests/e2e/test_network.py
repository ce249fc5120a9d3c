"""The network is changed by a real NetworkManager, and every change goes back by itself unless it is kept."""

import time

import pytest

import office as offices
from box import Box
from machine import until

why_not = offices.missing()
pytestmark = pytest.mark.skipif(why_not is not None, reason=str(why_not))

AUTO = {"ipv4": {"way": "dhcp"}, "ipv6": {"way": "auto"}}
OFF6 = {"way": "off"}


@pytest.fixture
def office(tmp_path):
    office = offices.Office(tmp_path)
    yield office
    office.close()


@pytest.fixture
def box(office):
    with offices.BoxAtHome(office) as box:
        box.claim()
        yield box


def fixed(address, prefix=24, gateway=""):
    return {"ipv4": {"way": "static", "address": address, "prefix": prefix, "gateway": gateway}, "ipv6": OFF6}


def link(box, name="lan0"):
    found = box.ask("GET", "/network")["interfaces"]
    return next((one for one in found if one["name"] == name), None)


def put(box, settings, name="lan0", within=None):
    return box.ask("PUT", f"/network/interfaces/{name}",
                   {"settings": settings} | ({"confirm_within_s": within} if within else {}))


def moved(box, address):
    """The box is there, and says that its new settings are in force."""
    until(lambda: box.answers_at(address), f"the box at {address}")
    box.at = address
    return until(lambda: (t := box.ask("GET", "/network/trial")["trial"]) and t["in_force"] and t, "in force")


def refused(box, method, path, body=None, **how):
    status, _, answer = box.request(method, path, body, **how)
    return status, answer["code"], answer.get("field")


def test_interfaces_are_shown_as_they_are(box, office):
    seen = box.ask("GET", "/network")
    assert seen["managed"] and seen["trial"] is None and seen["hostname"]
    assert [one["name"] for one in seen["interfaces"]] == ["lan0", "lan1"]
    lan0 = seen["interfaces"][0]
    assert (lan0["kind"], lan0["carrier"], lan0["changeable"]) == ("wired", True, True)
    assert f"{office.leased()}/24" in lan0["addresses"]
    assert lan0["gateways"] == [f"{office.net(0)}.1"] == lan0["dns"]
    assert lan0["search"] == ["office.test"]
    assert (lan0["settings"]["ipv4"]["way"], lan0["settings"]["ipv6"]["way"]) == ("dhcp", "auto")
    assert len(lan0["mac"].split(":")) == 6


def test_a_change_that_is_kept_stays_over_a_power_cut(box, office):
    new = f"{office.net(0)}.77"
    wanted = fixed(new, gateway=f"{office.net(0)}.1") | {"dns": ["192.0.2.53"], "search": ["box.test"]}
    trial = put(box, wanted)
    assert trial["interface"] == "lan0" and trial["addresses"] == [f"{new}/24"]
    assert 55 <= trial["left_s"] <= 60 and not trial["in_force"]
    old = box.at
    trial = moved(box, new)
    assert office.profiles() == [], "what is tried is on the disk"
    assert not box.answers_at(old)
    kept = box.ask("POST", "/network/trial/confirm", {"id": trial["id"]})
    assert kept["trial"] is None and kept["past"]["outcome"] == "kept"
    settings = link(box)["settings"]
    assert settings["ipv4"] == wanted["ipv4"]
    assert (settings["dns"], settings["search"]) == (["192.0.2.53"], ["box.test"])
    assert office.profiles() == ["Roombox lan0.nmconnection"]
    office.cut_power()
    until(lambda: office.addresses() == [new], "the address after a power cut")
    until(lambda: box.answers_at(new), "the box after a power cut")
    # What was fixed becomes automatic again, by the same profile.
    put(box, AUTO)
    until(office.leased, "an address by DHCP")
    trial = moved(box, office.leased())
    box.ask("POST", "/network/trial/confirm", {"id": trial["id"]})
    assert office.profiles() == ["Roombox lan0.nmconnection"]
    assert new not in office.addresses()


def test_a_change_that_nobody_keeps_goes_back(box, office):
    old, new = box.at, f"{office.net(0)}.78"
    put(box, fixed(new), within=10)
    moved(box, new)
    until(lambda: office.leased() == old and new not in office.addresses(), "the old address")
    until(lambda: box.answers_at(old), "the box at its old address")
    box.at = old
    assert box.ask("GET", "/network/trial") == {"trial": None}
    past = box.ask("GET", "/network")["past"]
    assert (past["interface"], past["outcome"]) == ("lan0", "timed_out")
    assert office.profiles() == []
    assert refused(box, "POST", "/network/trial/confirm", {"id": "1"})[:2] == (409, "network_no_trial")


def test_a_change_that_cuts_the_box_off_goes_back_though_the_daemon_is_dead(office):
    box = offices.BoxAtHome(office)
    box.claim()
    old = box.at
    # Nobody in the office has an address there.
    put(box, fixed("203.0.113.9"), within=12)
    until(lambda: office.addresses() == ["203.0.113.9"], "the address that nobody reaches")
    box.kill()
    until(lambda: office.leased() == old, "the old address")
    with offices.BoxAtHome(office) as again:
        again.owner = box.owner
        assert again.ask("GET", "/network/trial") == {"trial": None}
        assert again.at == old


def test_a_daemon_that_starts_anew_in_a_trial_knows_it(office):
    box = offices.BoxAtHome(office)
    box.claim()
    put(box, fixed(f"{office.net(0)}.120"))
    moved(box, f"{office.net(0)}.120")
    box.kill()
    with offices.BoxAtHome(office) as again:
        again.owner = box.owner
        trial = again.ask("GET", "/network/trial")["trial"]
        assert trial["interface"] == "lan0" and trial["in_force"] and trial["left_s"] <= 60
        again.ask("POST", "/network/trial/confirm", {"id": trial["id"]})
        assert office.profiles() == ["Roombox lan0.nmconnection"]


def test_a_power_cut_in_a_trial_leaves_the_old_settings(box, office):
    new = f"{office.net(0)}.79"
    put(box, fixed(new))
    moved(box, new)
    office.cut_power()
    until(office.leased, "an address by DHCP")
    assert new not in office.addresses() and office.profiles() == []


def test_a_network_manager_that_starts_anew_in_a_trial_ends_it(box, office):
    old, new = box.at, f"{office.net(0)}.76"
    put(box, fixed(new))
    moved(box, new)
    office.stop_manager()
    office.start_manager()
    until(lambda: box.answers_at(new), "the box at its new address")
    until(lambda: box.ask("GET", "/network/trial") == {"trial": None}, "no trial")
    until(lambda: office.leased() == old and new not in office.addresses(), "the old address")
    until(lambda: box.answers_at(old), "the box at its old address")
    box.at = old
    assert office.profiles() == []


def test_what_is_tried_without_a_cable_goes_back_too(box, office):
    kept, wrong = f"{office.net(1)}.9", "198.51.100.66"
    put(box, fixed(kept), "lan1")
    trial = until(lambda: (t := box.ask("GET", "/network/trial")["trial"])["in_force"] and t, "in force")
    box.ask("POST", "/network/trial/confirm", {"id": trial["id"]})
    plug = lambda state: offices.lan.run("ip", "-n", office.name, "link", "set", "desk1", state)
    plug("down")
    until(lambda: not link(box, "lan1")["ready"], "no cable")
    put(box, fixed(wrong), "lan1", within=10)
    until(lambda: box.ask("GET", "/network/trial") == {"trial": None}, "the end of the trial")
    plug("up")
    until(lambda: office.addresses("lan1") == [kept], "the address that was kept")
    # Nor does it come with what is kept next.
    put(box, AUTO)
    trial = moved(box, office.leased())
    box.ask("POST", "/network/trial/confirm", {"id": trial["id"]})
    assert office.profiles() == ["Roombox lan0.nmconnection", "Roombox lan1.nmconnection"]
    assert wrong not in (office.folder / "profiles/Roombox lan1.nmconnection").read_text()


def test_one_change_at_a_time_and_back_at_once(box, office):
    old, new = box.at, f"{office.net(1)}.9"
    put(box, fixed(new), "lan1")
    body = {"settings": AUTO}
    assert refused(box, "PUT", "/network/interfaces/lan0", body)[:2] == (409, "network_on_trial")
    assert refused(box, "POST", "/network/vlans", {"parent": "lan0", "id": 7} | body)[:2] == (409, "network_on_trial")
    until(lambda: office.addresses("lan1") == [new], "the other cable's address")
    trial = until(lambda: (t := box.ask("GET", "/network/trial")["trial"])["in_force"] and t, "in force")
    # Whoever asks from the box itself proves nothing.
    keep = {"id": trial["id"]}
    itself = refused(box, "POST", "/network/trial/confirm", keep, at="127.0.0.1", by=office.itself)
    assert itself[:2] == (409, "network_from_itself")
    back = box.ask("DELETE", "/network/trial")
    assert back["trial"] is None and back["past"]["outcome"] == "went_back"
    until(lambda: office.addresses("lan1") == [], "no address on the other cable")
    assert office.profiles() == [] and office.leased() == old
    assert refused(box, "DELETE", "/network/trial")[:2] == (409, "network_no_trial")


def test_a_vlan_is_tried_by_its_profile_and_goes_back_where_the_kernel_has_none(box, office):
    """What is asked of the kernel is right; whether it can is the kernel's."""
    body = {"parent": "lan0", "id": 7, "settings": fixed("198.51.100.5")}
    trial = box.ask("POST", "/network/vlans", body)
    assert (trial["interface"], trial["addresses"]) == ("lan0.7", ["198.51.100.5/24"])
    tried = (office.folder / "run/NetworkManager/system-connections/Roombox lan0.7.nmconnection").read_text()
    assert "type=vlan" in tried and "interface-name=lan0.7" in tried
    assert "id=7" in tried and "parent=lan0" in tried and "address1=198.51.100.5/24" in tried
    if offices.carries_vlans():
        box.ask("DELETE", "/network/trial")
    else:
        until(lambda: box.ask("GET", "/network/trial")["trial"] is None, "the end of the trial")
        past = box.ask("GET", "/network")["past"]
        assert (past["interface"], past["outcome"]) == ("lan0.7", "failed") and past["why"]
    assert office.profiles() == [] and office.leased() == box.at
    assert not list((office.folder / "run/NetworkManager/system-connections").glob("Roombox*"))


@pytest.mark.skipif(why_not is None and not offices.carries_vlans(), reason="this machine's kernel has no 802.1Q")
def test_a_vlan_comes_and_goes_and_both_go_back(box, office):
    there, here = "198.51.100.1", "198.51.100.5"
    for command in (["link", "add", "link", "desk0", "name", "desk0.7", "type", "vlan", "id", "7"],
                    ["addr", "add", f"{there}/24", "dev", "desk0.7"], ["link", "set", "desk0.7", "up"]):
        offices.lan.run("ip", "-n", office.name, *command)
    new = {"parent": "lan0", "id": 7, "settings": fixed(here)}

    # Nobody keeps it.
    box.ask("POST", "/network/vlans", new | {"confirm_within_s": 10})
    until(lambda: office.addresses("lan0.7") == [here], "the VLAN")
    until(lambda: link(box, "lan0.7") is None and box.ask("GET", "/network/trial")["trial"] is None, "no VLAN")

    trial = box.ask("POST", "/network/vlans", new)
    assert trial["interface"] == "lan0.7"
    until(lambda: box.answers_at(here), "the box in the VLAN")
    until(lambda: box.ask("GET", "/network/trial")["trial"]["in_force"], "in force")
    status, _, kept = box.request("POST", "/network/trial/confirm", {"id": trial["id"]}, at=here)
    assert status == 200, kept
    vlan = link(box, "lan0.7")
    assert (vlan["kind"], vlan["vlan"]) == ("vlan", {"parent": "lan0", "id": 7})
    assert office.profiles() == ["Roombox lan0.7.nmconnection"]
    assert refused(box, "POST", "/network/vlans", new) == (422, "network_invalid", "id")

    # It is gone, and comes back.
    box.ask("DELETE", "/network/vlans/lan0.7")
    until(lambda: link(box, "lan0.7") is None, "no VLAN")
    box.ask("DELETE", "/network/trial")
    until(lambda: office.addresses("lan0.7") == [here], "the VLAN again")
    assert office.profiles() == ["Roombox lan0.7.nmconnection"]

    box.ask("DELETE", "/network/vlans/lan0.7")
    trial = until(lambda: (t := box.ask("GET", "/network/trial")["trial"]) and t["in_force"] and t, "in force")
    box.ask("POST", "/network/trial/confirm", {"id": trial["id"]})
    assert link(box, "lan0.7") is None and office.profiles() == []
    assert refused(box, "DELETE", "/network/vlans/lan0")[:2] == (409, "network_no_vlan")


def test_what_will_not_do_is_refused_before_anything_is_touched(box, office):
    net, leased = office.net(0), office.leased()
    cases = [
        ("ipv4.address", fixed("127.0.0.9")),
        ("ipv4.address", fixed("")),
        ("ipv4.address", fixed(f"{net}.255")),
        ("ipv4.address", fixed(leased)),  # lan0 has it
        ("ipv4.prefix", fixed(f"{net}.9", 33)),
        ("ipv4.gateway", fixed(f"{net}.9", gateway="192.0.2.1")),
        ("ipv6.address", {"ipv4": {"way": "dhcp"}, "ipv6": {"way": "static", "address": "ff02::1", "prefix": 64}}),
        ("dns", AUTO | {"dns": ["127.0.0.1"]}),
        ("search", AUTO | {"search": ["a b"]}),
        ("ipv6.way", {"ipv4": {"way": "off"}, "ipv6": OFF6}),
    ]
    for field, settings in cases:
        answer = refused(box, "PUT", "/network/interfaces/lan1", {"settings": settings})
        assert answer == (422, "network_invalid", field), (settings, answer)
    for within in (9, 601):
        body = {"settings": AUTO, "confirm_within_s": within}
        assert refused(box, "PUT", "/network/interfaces/lan1", body)[2] == "confirm_within_s"
    assert refused(box, "PUT", "/network/interfaces/lan9", {"settings": AUTO})[:2] == (404, "network_no_interface")
    for vlan, field in [({"id": 0}, "id"), ({"id": 4095}, "id")]:
        body = {"parent": "lan0", "settings": AUTO} | vlan
        assert refused(box, "POST", "/network/vlans", body) == (422, "network_invalid", field)
    assert box.ask("GET", "/network")["trial"] is None


def test_ipv6_is_fixed_or_off(box, office):
    offices.lan.run("ip", "-n", office.name, "addr", "add", "fd52:6278::1/64", "dev", "desk0", "nodad")
    six = {"way": "static", "address": "fd52:6278::5", "prefix": 64, "gateway": "fd52:6278::1"}
    trial = put(box, {"ipv4": {"way": "dhcp"}, "ipv6": six, "dns": ["fd52:6278::1"]})
    assert trial["addresses"] == ["fd52:6278::5/64"]
    trial = until(lambda: (t := box.ask("GET", "/network/trial")["trial"])["in_force"] and t, "in force")
    box.ask("POST", "/network/trial/confirm", {"id": trial["id"]})
    lan0 = link(box)
    assert "fd52:6278::5/64" in lan0["addresses"] and "fd52:6278::1" in lan0["dns"]
    assert lan0["settings"]["ipv6"] == six
    put(box, {"ipv4": {"way": "dhcp"}, "ipv6": OFF6})
    trial = until(lambda: (t := box.ask("GET", "/network/trial")["trial"])["in_force"] and t, "in force")
    box.ask("POST", "/network/trial/confirm", {"id": trial["id"]})
    assert not [one for one in link(box)["addresses"] if ":" in one]


def test_a_machine_without_networkmanager_shows_its_interfaces_and_changes_none(tmp_path):
    with Box(tmp_path, environment={"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/none"}) as box:
        box.claim()
        seen = box.ask("GET", "/network")
        assert not seen["managed"] and "NetworkManager" in seen["unmanaged_because"]
        assert not [one for one in seen["interfaces"] if one["changeable"] or one["name"] == "lo"]
        status, code = box.refuses("PUT", "/network/interfaces/eth0", {"settings": AUTO})
        assert (status, code) == (503, "network_not_managed")
        assert box.ask("GET", "/network/trial") == {"trial": None}
        time_view = box.ask("GET", "/time")
        assert not time_view["managed"] and time_view["zone"] and time_view["now"][:2] == "20"
        assert box.refuses("PUT", "/time", {"ntp": True}) == (503, "time_not_managed")
        assert time.strptime(time_view["now"][:19], "%Y-%m-%dT%H:%M:%S")
