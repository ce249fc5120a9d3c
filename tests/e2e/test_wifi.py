"""The box joins a Wi-Fi network, is in it only once that is kept, and never keeps or shows a passphrase itself."""

import json

import pytest
from box import address
from machine import until
from radio import PASSPHRASE, BoxWithRadio, Radio

pytestmark = pytest.mark.skipif(address() == "127.0.0.1", reason="this machine has no address but its own")
WIFI = "/network/wifi/wlan0"


@pytest.fixture
def radio(tmp_path):
    radio = Radio(tmp_path)
    yield radio
    radio.close()


@pytest.fixture
def box(tmp_path, radio):
    with BoxWithRadio(tmp_path, radio) as box:
        box.claim()
        yield box
        for path in ("/network", WIFI, "/network/trial", "/settings", "/support", "/audit"):
            assert PASSPHRASE not in str(box.request("GET", path)[2]), path
        assert PASSPHRASE not in box.log_path.read_text()
        for file in (tmp_path / "data").rglob("*"):
            assert not file.is_file() or PASSPHRASE.encode() not in file.read_bytes(), file


def link(box):
    return next(one for one in box.ask("GET", "/network")["interfaces"] if one["name"] == "wlan0")


def join(box, **wanted):
    return box.ask("PUT", WIFI, {"key": "wpa2", "passphrase": PASSPHRASE} | wanted)


def in_force(box):
    return until(lambda: (t := box.ask("GET", "/network/trial")["trial"]) and t["in_force"] and t, "in force")


def keep(box):
    return box.ask("POST", "/network/trial/confirm", {"id": in_force(box)["id"]})


def over(box):
    return until(lambda: box.ask("GET", "/network/trial")["trial"] is None, "the end of the trial")


def test_networks_are_listed_with_what_protects_them_and_a_search_finds_more(box, radio):
    found = box.ask("GET", WIFI)["networks"]
    assert [(one["ssid"], one["strength"], one["security"], one["bands"], one["joinable"]) for one in found] == [
        ("Office", 82, "wpa2_wpa3", ["2.4", "5"], True),
        ("eduroam", 70, "enterprise", ["5"], False),
        ("Campus", 55, "wpa3", ["6"], True),
        ("Guests", 30, "open", ["2.4"], True),
    ]
    found = box.ask("POST", f"{WIFI}/scans")["networks"]
    assert "Late" in [one["ssid"] for one in found] and {"scan": True} in radio.said
    assert box.refuses("GET", "/network/wifi/lan0") == (409, "network_no_wifi")
    assert box.refuses("GET", "/network/wifi/wlan9")[0] == 404


def test_a_network_that_is_kept_is_joined_and_another_takes_its_place(box, radio):
    trial = join(box, ssid="Office")
    assert trial["interface"] == "wlan0" and not trial["in_force"]
    in_force(box)
    assert radio.profiles() == [], "what is tried is on the disk"
    kept = keep(box)
    assert kept["past"]["outcome"] == "kept"
    now = link(box)
    assert now["wifi"] == {"ssid": "Office", "strength": 82, "band": "5"} and now["settings"]["ipv4"]["way"] == "dhcp"
    [profile] = radio.profiles()
    assert profile["802-11-wireless-security"] == {"key-mgmt": "wpa-psk", "psk": PASSPHRASE}
    assert "user" not in profile and profile["connection"]["id"] == "Roombox wlan0"
    assert next(one for one in box.ask("GET", WIFI)["networks"] if one["connected"])["ssid"] == "Office"
    # Other addresses in the same network keep its passphrase.
    settings = {"ipv4": {"way": "static", "address": "198.51.100.44", "prefix": 24}, "ipv6": {"way": "off"}}
    box.ask("PUT", "/network/interfaces/wlan0", {"settings": settings})
    keep(box)
    [profile] = radio.profiles()
    assert profile["802-11-wireless-security"]["psk"] == PASSPHRASE
    assert link(box)["settings"]["ipv4"]["address"] == "198.51.100.44"
    join(box, ssid="Campus", key="wpa3")
    keep(box)
    assert radio.joined() == ["Campus"] and radio.said[-1]["key"] == "sae"
    # Nothing that the box tells has it.
    for path in ["/network", WIFI, "/settings", "/network/trial"]:
        assert PASSPHRASE not in json.dumps(box.ask("GET", path))


def test_what_nobody_keeps_goes_back_to_the_network_of_before(box, radio):
    join(box, ssid="Office")
    keep(box)
    office = link(box)["wifi"]
    join(box, ssid="Guests", key="open", passphrase="", confirm_within_s=10)
    until(lambda: (link(box)["wifi"] or {}).get("ssid") == "Guests", "the other network")
    over(box)
    assert link(box)["wifi"]["ssid"] == "Office" and radio.joined() == ["Office"]
    assert box.ask("GET", "/network")["past"]["outcome"] == "timed_out"
    # With a wrong passphrase it is never in force, though the radio is back in the network of before by itself.
    trial = join(box, ssid="Campus", key="wpa3", passphrase="wrong", confirm_within_s=10)
    until(lambda: {"joins": "Campus", "key": "sae", "hidden": False} in radio.said, "the attempt")
    until(lambda: link(box)["wifi"] == office, "the network of before")
    assert not box.ask("GET", "/network/trial")["trial"]["in_force"]
    assert box.refuses("POST", "/network/trial/confirm", {"id": trial["id"]}) == (409, "network_not_yet")
    box.ask("DELETE", "/network/trial")
    assert link(box)["wifi"]["ssid"] == "Office" and radio.joined() == ["Office"]


def test_a_network_is_forgotten_once_that_is_kept_and_hidden_ones_are_called_by_name(box, radio):
    join(box, ssid="Secret", hidden=True)
    keep(box)
    assert {"joins": "Secret", "key": "wpa-psk", "hidden": True} in radio.said
    box.ask("DELETE", WIFI)
    in_force(box)
    assert radio.joined() == ["Secret"], "it is forgotten before that is kept"
    box.ask("DELETE", "/network/trial")
    assert link(box)["settings"] is not None
    box.ask("DELETE", WIFI)
    keep(box)
    assert radio.joined() == [] and link(box)["wifi"] is None
    assert box.refuses("DELETE", WIFI)[1] == "network_refused"
    for wanted, field in [({"ssid": "x" * 33}, "ssid"), ({"ssid": "Office", "passphrase": "short"}, "passphrase"),
                          ({"ssid": "Guests", "key": "open"}, "passphrase")]:
        status, _, answer = box.request("PUT", WIFI, {"key": "wpa2", "passphrase": PASSPHRASE} | wanted)
        assert (status, answer["field"]) == (422, field), answer
        assert PASSPHRASE not in json.dumps(answer)


def test_a_network_that_encrypts_without_a_passphrase_is_kept_and_forgotten(box, radio):
    """NetworkManager has no secrets of it, and says so by an error."""
    join(box, ssid="Foyer", key="owe", passphrase="", hidden=True)
    keep(box)
    assert radio.joined() == ["Foyer"] and radio.said[-1]["key"] == "owe"
    box.ask("DELETE", WIFI)
    keep(box)
    assert radio.joined() == []
