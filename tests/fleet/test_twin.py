"""Settings that a hub wants: they arrive, what is changed on a box stays until somebody decides, and the owner of a
box refuses what the hub may want."""

import json
import os
import random
import shutil
import time

import pytest
from fleetbox import drained, refused
from rawnats import RawNats, signer

SEEDS = int(os.environ["ROOMBOX_FLEET_SEEDS"])
EMPTY, DAYS = "meeting.empty_timeout_s", "recording.keep_days"


def setting(box, name: str):
    section, key = name.split(".")
    return box.panel.call("GET", "/settings")[section][key]


def edit(box, name: str, value):
    section, key = name.split(".")
    box.panel.call("PATCH", "/settings", {section: {key: value}})


def twin(box) -> dict:
    return box.panel.call("GET", "/fleet/twin")


def standing(box) -> dict:
    return {entry["setting"]: entry["standing"] for entry in twin(box)["entries"]}


def at_hub(hub, own: str) -> dict:
    return next(one for one in hub.panel.call("GET", "/fleet/wishes")["boxes"] if one["id"] == own)


def until_state(hub, own: str, state: str, seconds=60) -> dict:
    return hub.wait(lambda: (one := at_hub(hub, own))["state"] == state and one, seconds)


def group(hub, name: str, settings: dict) -> str:
    groups = hub.panel.call("POST", "/fleet/groups", {"name": name, "settings": settings})["groups"]
    return next(one["id"] for one in groups if one["name"] == name)


def want(hub, own: str, **patch):
    return hub.panel.call("PATCH", f"/fleet/boxes/{own}/wishes", patch)


def decide(hub, own: str, name: str, choice: str):
    hub.panel.call("POST", f"/fleet/boxes/{own}/wishes/decisions", {"setting": name, "choice": choice})


@pytest.fixture
def box(fleet):
    box = fleet.join("library")
    box.until_link("up")
    return box


def test_a_group_sets_its_boxes_and_what_somebody_changes_there_stays_until_it_is_decided(fleet, box):
    hub, own = fleet.hub, box.fleet()["id"]
    edit(box, "turn.secret", "canary4711canary")
    channel = "https://updates.example/{{site}}/{{box.name}}.json"
    halls = group(hub, "Halls", {EMPTY: 600, DAYS: 30, "updates.channel": channel})
    want(hub, own, group=halls)
    # A variable has no value on this box: the rest is wanted all the same.
    view = until_state(hub, own, "in_step")
    assert [one["setting"] for one in view["left_out"]] == ["updates.channel"] and EMPTY in view["wanted"]
    want(hub, own, site="north")
    box.wait(lambda: setting(box, "updates.channel") == "https://updates.example/north/library.json")
    assert (setting(box, EMPTY), setting(box, DAYS)) == (600, 30)
    assert set(standing(box).values()) == {"in_step"} and twin(box)["fleet"] == "hub"
    view = until_state(hub, own, "in_step")
    assert view["has"]["meeting"]["empty_timeout_s"] == 600 and view["has"]["turn"]["secret"] == "(hidden)"
    assert not any("canary4711canary" in body for *_, body in hub.heard())
    # Meanwhile cut off, the owner changes one setting and the hub wants others.
    fleet.proxy.cut()
    box.until_link("cut")
    edit(box, EMPTY, 900)
    hub.panel.call("PUT", f"/fleet/groups/{halls}", {"name": "Halls", "settings": {EMPTY: 700, DAYS: 40}})
    assert standing(box)[EMPTY] == "differs"
    box.kill()
    box.start()
    fleet.proxy.heal()
    box.until_link("up")
    view = until_state(hub, own, "differs")
    both = {one["setting"]: (one["wanted"], one["own"]) for one in view["entries"]}
    assert both == {EMPTY: (700, 900), DAYS: (40, 40)}
    assert (setting(box, EMPTY), setting(box, DAYS)) == (900, 40)
    assert setting(box, "updates.channel").startswith("https://"), "what is not wanted any more stays"
    # At the hub: the fleet's. The owner changes it again; at the hub: the box's. At the box: the fleet's.
    decide(hub, own, EMPTY, "fleet")
    box.wait(lambda: setting(box, EMPTY) == 700)
    until_state(hub, own, "in_step")
    edit(box, EMPTY, 900)
    until_state(hub, own, "differs")
    decide(hub, own, EMPTY, "box")
    box.wait(lambda: standing(box)[EMPTY] == "kept")
    until_state(hub, own, "in_step")
    # Neither an old decision nor a restart on either side brings it back.
    for one in (box, hub):
        one.kill()
        one.start()
        one.until_link("up")
    assert setting(box, EMPTY) == 900
    box.panel.call("POST", "/fleet/twin/decisions", {"setting": EMPTY, "choice": "fleet"})
    assert (setting(box, EMPTY), standing(box)[EMPTY]) == (700, "in_step")
    nothing = lambda: box.panel.call("POST", "/fleet/twin/decisions", {"setting": EMPTY, "choice": "fleet"})
    assert refused(nothing).code == "fleet_nothing_to_decide"
    # What the hub once decided is not decided again when the same is wanted anew.
    edit(box, EMPTY, 900)
    until_state(hub, own, "differs")
    decide(hub, own, EMPTY, "fleet")
    box.wait(lambda: setting(box, EMPTY) == 700)
    until_state(hub, own, "in_step")
    hub.panel.call("PUT", f"/fleet/groups/{halls}", {"name": "Halls", "settings": {DAYS: 40}})
    box.wait(lambda: EMPTY not in standing(box))
    edit(box, EMPTY, 900)
    hub.panel.call("PUT", f"/fleet/groups/{halls}", {"name": "Halls", "settings": {EMPTY: 700, DAYS: 40}})
    box.wait(lambda: standing(box).get(EMPTY) == "differs")
    assert setting(box, EMPTY) == 900
    decide(hub, own, EMPTY, "fleet")
    box.wait(lambda: setting(box, EMPTY) == 700)
    # It leaves: what it has it keeps.
    box.panel.call("DELETE", "/fleet")
    assert twin(box)["entries"] == [] and setting(box, EMPTY) == 700


@pytest.mark.parametrize("seed", range(SEEDS))
def test_cuts_and_kills_leave_box_and_hub_of_one_mind_and_undo_nobody(fleet, box, seed):
    chance = random.Random(seed)
    hub, own = fleet.hub, box.fleet()["id"]
    faults = ["cut", "leaf", "hub_server", "daemon", "hub_daemon"]
    chance.shuffle(faults)
    said = None
    for number, fault in enumerate(faults):
        want(hub, own, settings={EMPTY: 100 + number, DAYS: 10 + number})
        if chance.random() < 0.5:
            said = 1000 + number
            edit(box, EMPTY, said)
        {
            "cut": fleet.proxy.cut,
            "leaf": box.kill_nats,
            "hub_server": hub.kill_nats,
            "daemon": box.kill,
            "hub_daemon": hub.kill,
        }[fault]()
        for victim in (box, hub):
            if victim.process.poll() is not None:
                victim.start()
        want(hub, own, settings={EMPTY: 200 + number, DAYS: 20 + number})
        # How long the fault lasts, not a wait for something.
        time.sleep(chance.uniform(0.2, 2.0))
        fleet.proxy.heal()
    begun = time.monotonic()
    last = 20 + len(faults) - 1
    box.wait(lambda: setting(box, DAYS) == last, 120)
    view = until_state(hub, own, "in_step" if said is None else "differs", 120)
    print(f"\nseed {seed}, {faults}, owner {said}: of one mind {time.monotonic() - begun:.1f} s after the last fault")
    assert setting(box, EMPTY) == (said or 200 + len(faults) - 1)
    assert view["has"]["recording"]["keep_days"] == last
    drained(hub, box)


def test_an_owner_refuses_piece_by_piece_and_the_hub_shows_it_as_refused(fleet, box):
    hub, own = fleet.hub, box.fleet()["id"]
    refuse = lambda **patch: box.panel.call("PATCH", "/fleet/twin/refusals", patch)
    sign, raw = signer(hub.data), RawNats(box.data / "nats")
    refuse(settings=True)
    # Until it knows, it would send its wish itself.
    hub.wait(lambda: at_hub(hub, own)["refuses"]["settings"])
    want(hub, own, settings={EMPTY: 600})
    view = until_state(hub, own, "owner_refuses")
    assert view["refuses"] == {"settings": True, "updates": False, "jobs": False, "recordings": False}
    # A hub that has not heard it yet.
    wish = {"revision": 90, "fleet": "hub", "settings": {EMPTY: 601}}
    raw.publish(*sign(own, "wish", wish))
    hub.wait(lambda: at_hub(hub, own)["refused"]["settings"] == 1)
    assert setting(box, EMPTY) == 300 and twin(box)["entries"] == []
    refuse(jobs=True)
    raw.publish(*sign(own, "work", {"at_ms": 1}))
    raw.close()
    hub.wait(lambda: at_hub(hub, own)["refused"]["jobs"] == 1)
    assert not any(one["pulse"]["minute_ms"] for one in hub.fleet()["boxes"] if one["id"] == own)
    # A restart forgets none of it.
    box.kill()
    box.start()
    assert twin(box)["refuses"] == {"settings": True, "updates": False, "jobs": True, "recordings": False}
    assert twin(box)["refused"] == {"settings": 1, "updates": 0, "jobs": 1, "recordings": 0}
    box.until_link("up")
    refuse(settings=False)
    box.wait(lambda: setting(box, EMPTY) == 600)
    until_state(hub, own, "in_step")
    assert refused(lambda: hub.panel.call("PATCH", "/fleet/twin/refusals", {"shell": True})).status == 422


def test_recordings_that_an_owner_keeps_are_not_listed_at_the_hub_until_they_may(fleet, box):
    from studio import Studio

    hub = fleet.hub
    listed = lambda: [one["title"] for one in hub.panel.call("GET", "/fleet/recordings")["items"]]
    with Studio(box, "Reading room") as studio:
        room = studio.room["id"]
        for refuses in (False, True):
            recording = box.panel.call("POST", f"/rooms/{room}/recording")["id"]
            box.until(recording, lambda seen: seen["duration_ms"] >= 1000)
            box.panel.call("DELETE", f"/rooms/{room}/recording")
            if not refuses:
                hub.wait(lambda: len(listed()) == 1)
                box.panel.call("PATCH", "/fleet/twin/refusals", {"recordings": True})
                hub.wait(lambda: listed() == [])
    drained(hub, box)
    assert listed() == []
    bodies = [body for of, _, _, kind, body in hub.heard() if kind.startswith("recording.") and recording in body]
    assert bodies == [], "nothing of it was told"
    box.panel.call("PATCH", "/fleet/twin/refusals", {"recordings": False})
    hub.wait(lambda: len(listed()) == 2)


def test_forged_old_and_broken_wishes_change_nothing_and_of_a_newer_hub_what_is_known_is_taken(fleet, box):
    hub, own = fleet.hub, box.fleet()["id"]
    other = fleet.join("other")
    other.until_link("up")
    want(hub, own, settings={EMPTY: 600})
    until_state(hub, own, "in_step")
    at = twin(box)["revision"]
    wish = lambda revision, **settings: {"revision": revision, "fleet": "hub", "settings": settings or {EMPTY: 1}}
    sign, forged = signer(hub.data), signer(other.data)
    raw, foreign = RawNats(box.data / "nats"), RawNats(other.data / "nats")
    raw.publish(*forged(own, "wish", wish(at + 9)))
    raw.publish(*sign(own, "wish", wish(at)))
    raw.publish(*sign(own, "wish", wish(at - 1)))
    raw.publish(*sign(own, "wish", {"revision": "much"}))
    raw.publish(*sign(own, "wish", wish(-1)))
    raw.publish(*sign(own, "wish", []))
    raw.publish(*sign(own, "wish", wish(at + 9, **{"x" * 200: 1})))
    raw.publish(*sign(own, "wish", wish(at + 9) | {"fleet": "x" * 40_000}))
    # In the name of another box, and what is no report.
    report = {"v": 1, "box": own, "epoch": "e", "first": 1, "seq": 1, "id": "1", "kind": "settings.reported", "at": 1}
    body = {"revision": 99, "mark": "", "refuses": {"settings": True}, "settings": {}, "entries": []}
    foreign.publish(f"fleet.{own}.ev.settings.reported", json.dumps(report | {"body": body}).encode())
    foreign.publish(f"fleet.{other.fleet()['id']}.ev.settings.reported", json.dumps(report | {"body": [1]}).encode())
    foreign.flush()
    raw.flush()
    # The last one is of a newer hub.
    newer = wish(at + 10, **{EMPTY: 90_000, DAYS: 5, "weather.sunny": True, "recording.layout": "hologram"})
    raw.publish(*sign(own, "wish", newer))
    box.wait(lambda: setting(box, DAYS) == 5)
    assert setting(box, EMPTY) == 600
    assert standing(box) == {
        EMPTY: "refused", DAYS: "in_step", "weather.sunny": "unknown", "recording.layout": "refused",
    }
    why = {one["setting"]: one["why"] for one in twin(box)["entries"]}
    assert "between 1 and 86400" in why[EMPTY] and "hologram" in why["recording.layout"]
    assert not twin(box)["refuses"]["settings"]
    # This hub did not say that: it looks like one that came from an older copy, and says nothing by itself.
    view = until_state(hub, own, "ahead")
    assert view["refuses"]["settings"] is False
    for bad, field in [({EMPTY: 0}, EMPTY), ({"weather.sunny": 1}, "weather.sunny"), ({"turn.secret": "s"}, "turn.secret")]:
        assert refused(lambda: want(hub, own, settings=bad)).status == 422
    assert refused(lambda: want(hub, own, group="grp_x")).status == 404
    assert refused(lambda: want(hub, "box-x", site="a")).status == 404
    assert refused(lambda: box.panel.call("GET", "/fleet/wishes")).code == "fleet_not_hub"
    raw.close()
    foreign.close()


def test_a_hub_from_an_older_copy_overwrites_nothing_until_somebody_says_so(fleet, box):
    hub, own = fleet.hub, box.fleet()["id"]
    want(hub, own, settings={EMPTY: 600})
    until_state(hub, own, "in_step")
    hub.stop()
    copy = hub.data.parent / "copy.db"
    hub.copy_database(copy)
    hub.start()
    hub.until_link("up")
    want(hub, own, settings={EMPTY: 700})
    box.wait(lambda: setting(box, EMPTY) == 700)
    hub.stop()
    for name in ("roombox.db-wal", "roombox.db-shm"):
        (hub.data / name).unlink(missing_ok=True)
    shutil.copy(copy, hub.data / "roombox.db")
    hub.start()
    hub.until_link("up")
    until_state(hub, own, "ahead", 90)
    assert setting(box, EMPTY) == 700
    # However often somebody changes what is wanted: another box shows that the hub has looked.
    probe = fleet.join("probe")
    probe.until_link("up")
    halls = group(hub, "Halls", {DAYS: 1})
    for one in (own, probe.fleet()["id"]):
        want(hub, one, group=halls)
    for days in (2, 3, 4):
        hub.panel.call("PUT", f"/fleet/groups/{halls}", {"name": "Halls", "settings": {DAYS: days}})
        probe.wait(lambda: setting(probe, DAYS) == days)
    assert at_hub(hub, own)["state"] == "ahead"
    assert (setting(box, EMPTY), setting(box, DAYS)) == (700, 0)
    hub.panel.call("POST", f"/fleet/boxes/{own}/wishes/revision")
    box.wait(lambda: setting(box, EMPTY) == 600)
    until_state(hub, own, "in_step")
    again = lambda: hub.panel.call("POST", f"/fleet/boxes/{own}/wishes/revision")
    assert refused(again).code == "fleet_nothing_to_decide"


def test_a_box_from_an_older_copy_gets_what_is_wanted_now(fleet, box):
    hub, own = fleet.hub, box.fleet()["id"]
    want(hub, own, settings={EMPTY: 600})
    until_state(hub, own, "in_step")
    box.stop()
    copy = box.data.parent / "copy"
    shutil.copytree(box.data, copy)
    box.start()
    box.until_link("up")
    edit(box, EMPTY, 900)
    want(hub, own, settings={EMPTY: 700})
    until_state(hub, own, "differs")
    box.stop()
    shutil.rmtree(box.data)
    shutil.copytree(copy, box.data)
    box.start()
    # What was changed on it since is not there any more, and nobody insists.
    box.wait(lambda: setting(box, EMPTY) == 700)
    assert until_state(hub, own, "in_step")["has"]["meeting"]["empty_timeout_s"] == 700
