"""What a hub's owner reads: what boxes told, when they were silent; and at a box, why its link is cut."""

import os
import time
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import pytest
from fleetbox import drained, refused
from proxy import Proxy
from studio import Studio

SEEDS = int(os.environ["ROOMBOX_FLEET_SEEDS"])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def read(hub, query: str) -> dict:
    return hub.panel.call("GET", f"/fleet/events?{query}")


def all_pages(hub, query: str) -> list:
    page = read(hub, query)
    items = page["items"]
    while page["next"]:
        page = read(hub, f"{query}&before={page['next']}")
        items += page["items"]
    return items


def outages(hub, own: str) -> list:
    return hub.panel.call("GET", f"/fleet/boxes/{own}/outages")["items"]


def state(hub, own: str) -> str:
    return next(one["state"] for one in hub.fleet()["boxes"] if one["id"] == own)


def test_a_hub_reads_what_its_boxes_told_newest_first_in_pages(fleet):
    first, second = fleet.join("library"), fleet.join("lecture hall")
    for box in (first, second):
        box.until_link("up")
    first.happen(f"one {n}" for n in range(7))
    room = second.panel.call("POST", "/rooms", {"name": "Aula"})
    second.panel.call("PATCH", f"/rooms/{room['id']}", {"name": "Great hall"})
    for box in (first, second):
        drained(fleet.hub, box)
    own = second.fleet()["id"]
    told = read(fleet.hub, f"box={own}")
    assert told["next"] is None
    newest, oldest = [item for item in told["items"] if item["type"].startswith("room.")]
    assert (newest["type"], newest["data"]) == ("room.changed", {"id": room["id"], "name": "Great hall"})
    assert newest["box"] == {"id": own, "name": "lecture hall"} and newest["subject"] == room["id"]
    assert newest["seq"] > oldest["seq"] and newest["id"].startswith("evt_") and newest["id"] != oldest["id"]
    assert abs(moment(newest["at"]) - datetime.now(timezone.utc)) < timedelta(minutes=2)
    everything = all_pages(fleet.hub, "limit=2")
    assert len({one["id"] for one in everything}) == len(everything) >= 9
    # As times: of fractions no noughts are written.
    times = [datetime.fromisoformat(one["at"]) for one in everything]
    assert times == sorted(times, reverse=True)
    assert len(all_pages(fleet.hub, "kind=room.created&limit=3")) == 8
    assert read(fleet.hub, f"kind=room.changed&box={first.fleet()['id']}")["items"] == []
    # A box that was put out is not forgotten, and has no name any more.
    fleet.hub.panel.call("DELETE", f"/fleet/boxes/{own}")
    assert read(fleet.hub, f"box={own}")["items"][0]["box"] == {"id": own, "name": None}
    for query, code in [("before=x", "invalid_search"), ("limit=0", "out_of_range"), ("limit=201", "out_of_range")]:
        assert refused(lambda: read(fleet.hub, query)).code == code
    for path in ("/fleet/events", f"/fleet/boxes/{own}/outages"):
        refusal = refused(lambda: first.panel.call("GET", path))
        assert (refusal.status, refusal.code) == (409, "fleet_not_hub")
    assert refused(lambda: outages(fleet.hub, own)).status == 404


def test_a_box_says_why_it_has_no_link(fleet):
    box, hub = fleet.join("box"), fleet.hub
    box.until_link("up")

    def until_cut(why: str):
        link = box.wait(lambda: (link := box.fleet()["link"])["cut"] == why and link, 60)
        assert link["state"] == "cut" and len(link["error"]) > 40, link

    assert box.fleet()["link"]["cut"] is None
    fleet.proxy.cut()
    until_cut("refused")
    fleet.proxy.heal()
    link = box.until_link("up")["link"]
    assert (link["cut"], link["error"]) == (None, None)
    # Connections come about, and everything is swallowed.
    fleet.proxy.cut()
    fleet.proxy.half_open()
    until_cut("silent")
    # Another hub has the address now, whose authority is another one.
    other = fleet._box("other")
    other.found(f"127.0.0.1:{other.leaf_port}")
    other.until_link("up")
    fleet.proxy.target = other.leaf_port
    fleet.proxy.heal()
    until_cut("stranger")
    fleet.proxy.target = hub.leaf_port
    fleet.proxy.cut()
    fleet.proxy.heal()
    box.until_link("up")
    hub.panel.call("DELETE", f"/fleet/boxes/{box.fleet()['id']}")
    until_cut("put_out")
    # A hub whose name nobody knows.
    box.panel.call("DELETE", "/fleet")
    other.panel.call("DELETE", "/fleet")
    other.found("hub.nowhere.invalid:7422")
    box.join(other.invite())
    until_cut("no_name")


@pytest.mark.skipif(SEEDS == 1, reason="takes a minute and a half: run with --seeds 2 or more")
def test_a_hub_keeps_when_a_box_was_silent_and_its_own_restart_is_no_outage(fleet):
    box, hub = fleet.join("box"), fleet.hub
    steady = hub.fleet()["id"]
    box.until_link("up")
    own = box.fleet()["id"]
    hub.wait(lambda: state(hub, own) == "here")
    assert outages(hub, own) == []
    cut = datetime.now(timezone.utc)
    fleet.proxy.cut()
    (open_one,) = hub.wait(lambda: outages(hub, own), 90)
    assert open_one["until"] is None
    # It counts from the last heartbeat.
    assert cut - timedelta(seconds=15) < moment(open_one["since"]) < cut + timedelta(seconds=5)
    # The hub dies while the box is silent: it is the same outage afterwards.
    hub.kill()
    hub.start()
    hub.until_link("up")
    assert outages(hub, own) == [open_one]
    fleet.proxy.heal()
    box.until_link("up")
    begun = time.monotonic()
    hub.wait(lambda: state(hub, own) == "here", 30)
    took = time.monotonic() - begun
    (over,) = hub.wait(lambda: (all := outages(hub, own)) and all[0]["until"] and all)
    assert over["since"] == open_one["since"] and moment(over["until"]) > cut + timedelta(seconds=30)
    print(f"\nthe hub sees the box {took:.1f} s after its link came up; silent {over}")
    # Heartbeats come every ten seconds, and one when the link comes up.
    assert took < 5
    for _ in range(2):
        hub.kill()
        hub.start()
        hub.until_link("up")
        hub.wait(lambda: state(hub, own) == "here", 60)
    # Longer than a box may take that is not silent.
    end = time.monotonic() + 40
    while time.monotonic() < end:
        assert outages(hub, own) == [over]
        time.sleep(2)
    assert outages(hub, steady) == []


def test_a_hub_that_moves_tells_its_boxes_and_a_wrong_address_cuts_nobody_off(fleet):
    box = fleet.join("library")
    box.until_link("up")
    second = Proxy(fleet.hub.leaf_port)
    there, nowhere = f"127.0.0.1:{second.port}", "nowhere.invalid:7422"
    assert refused(lambda: fleet.hub.panel.call("PATCH", "/fleet/hub", {"addresses": []})).code == "fleet_addresses"
    assert refused(lambda: fleet.hub.panel.call("PATCH", "/fleet/hub", {"addresses": ["hub"]})).code == "fleet_address"
    assert refused(lambda: box.panel.call("PATCH", "/fleet/hub", {"addresses": [there]})).code == "fleet_not_hub"
    fleet.hub.panel.call("PATCH", "/fleet/hub", {"addresses": [nowhere, there]})
    fleet.hub.panel.call("PATCH", "/box", {"name": "town hall"})
    known = lambda: box.fleet()["hub"]
    box.wait(lambda: known()["name"] == "town hall" and known()["addresses"][:2] == [nowhere, there], 90)
    assert known()["addresses"][2:] == [f"127.0.0.1:{fleet.proxy.port}"], "the old way stays, behind"
    # Under the old address there is nothing any more.
    fleet.proxy.cut()
    box.until_link("up")
    box.happen(["Seen at the new place"])
    drained(fleet.hub, box)
    assert fleet.hub.fleet()["hub"]["addresses"] == [nowhere, there]
    second.cut()


def test_a_box_that_leaves_tells_its_hub_after_all_that_waits(fleet):
    box, other = fleet.join("library"), fleet.join("aula")
    for one in (box, other):
        one.until_link("up")
    own = box.fleet()["id"]
    box.happen(f"last {n}" for n in range(20))
    box.panel.call("DELETE", "/fleet")
    assert box.fleet()["role"] is None
    fleet.hub.wait(lambda: own not in [one["id"] for one in fleet.hub.fleet()["boxes"]], 30)
    kinds = [kind for of, _, _, kind, _ in fleet.hub.heard() if of == own]
    assert [kind for kind in kinds if kind != "settings.reported"] == ["room.created"] * 20 + ["box.left"]
    assert kinds[-1] == "box.left"
    # It may come again, and what it said before does not throw it out.
    box.join(fleet.hub.invite())
    box.until_link("up")
    fleet.hub.wait(lambda: state(fleet.hub, own) == "here", 60)
    # One that cannot reach the hub leaves all the same, and stays on the list.
    fleet.proxy.cut()
    other.until_link("cut")
    gone = other.fleet()["id"]
    other.panel.call("DELETE", "/fleet")
    assert other.fleet()["role"] is None
    assert gone in [one["id"] for one in fleet.hub.fleet()["boxes"]]


def test_recordings_of_all_boxes_are_found_at_the_hub_with_those_from_before(fleet):
    box = fleet._box("library")
    with Studio(box, "Müller-Saal") as studio:
        room = studio.room["id"]
        early = box.panel.call("POST", f"/rooms/{room}/recording")["id"]
        box.until(early, lambda seen: seen["duration_ms"] >= 2000)
        box.panel.call("DELETE", f"/rooms/{room}/recording")
    box.join(fleet.hub.invite())
    box.until_link("up")
    found = lambda text: fleet.hub.panel.call("GET", f"/fleet/recordings?text={quote(text)}")["items"]
    ready = lambda: [one for one in found("muller") if one["state"] == "ready" and one["url"]]
    (one,) = fleet.hub.wait(ready, 90)
    assert one["id"] == early and one["box"] == {"id": box.fleet()["id"], "name": "library"}
    assert (one["room"], one["url"]) == ("Müller-Saal", f"https://127.0.0.1:{box.https}/panel/recordings/{early}")
    assert one["bytes"] > 0 and one["duration_ms"] >= 2000
    assert found("muller aula") == []
    box.panel.call("PATCH", f"/recordings/{early}", {"title": "Opening night"})
    fleet.hub.wait(lambda: [one["title"] for one in found("opening saal")] == ["Opening night"], 60)
    box.panel.call("DELETE", f"/recordings/{early}")
    fleet.hub.wait(lambda: found("opening") == [], 60)
    assert refused(lambda: box.panel.call("GET", "/fleet/recordings")).code == "fleet_not_hub"
