"""Boxes as one fleet: they join, what happens arrives, and faults lose and double nothing."""

import json
import os
import random
import shutil
import sqlite3
import time

import pytest
from fleetbox import FleetBox, audit, drained, listening, refused
from rawnats import RawNats

SEEDS = int(os.environ["ROOMBOX_FLEET_SEEDS"])


def test_a_box_joins_by_a_code_and_what_happens_on_it_arrives(fleet):
    box = fleet.join("library")
    box.until_link("up")
    room = box.panel.call("POST", "/rooms", {"name": "Reading room"})
    took = drained(fleet.hub, box)
    own = box.fleet()["id"]
    told = [(kind, body) for of, _, _, kind, body in fleet.hub.heard() if of == own]
    assert any(kind == "room.created" and room["id"] in body for kind, body in told), told
    print(f"\nfirst event after {took:.1f} s: {audit(fleet.hub, box)}")
    view = fleet.hub.wait(
        lambda: (view := fleet.hub.fleet())
        and [one for one in view["boxes"] if one["id"] == own and one["state"] == "here"]
    )[0]
    assert view["name"] == "library" and view["pulse"]["total_bytes"] > 0, view
    assert box.fleet()["hub"]["name"] == "hub"
    # A code lets one box in.
    code = fleet.hub.invite()
    other = fleet._box("other")
    other.join(code)
    third = fleet._box("third")
    assert refused(lambda: third.join(code)).code == "fleet_refused"
    assert refused(lambda: third.join(code[:-4])).code == "fleet_no_code"
    assert refused(lambda: other.join(code)).code == "fleet_already_in"
    assert third.fleet()["role"] is None


@pytest.mark.parametrize("seed", range(SEEDS))
def test_cuts_and_kills_lose_and_double_nothing(fleet, seed):
    chance = random.Random(seed)
    box, hub, proxy = fleet.join("box"), fleet.hub, fleet.proxy
    box.until_link("up")
    faults = ["cut", "half_open", "leaf", "hub_server", "daemon", "hub_daemon"]
    chance.shuffle(faults)
    for fault in faults:
        box.happen(f"{fault} {n}" for n in range(chance.randrange(20, 40)))
        {
            "cut": proxy.cut,
            "half_open": proxy.half_open,
            "leaf": box.kill_nats,
            "hub_server": hub.kill_nats,
            "daemon": box.kill,
            "hub_daemon": hub.kill,
        }[fault]()
        for victim in (box, hub):
            if victim.process.poll() is not None:
                victim.start()
        box.happen(f"{fault} then {n}" for n in range(chance.randrange(10, 30)))
        # How long the fault lasts, not a wait for something.
        time.sleep(chance.uniform(0.2, 2.0))
        proxy.heal()
    took = drained(hub, box)
    found = audit(hub, box)
    print(f"\nseed {seed}, {faults}: {found}, all there {took:.1f} s after the last fault")
    assert (found["lost"], found["doubled"]) == (0, 0), found
    assert found["made"] > 180, found


def test_a_leaf_whose_store_is_gone_loses_nothing(fleet):
    box = fleet.join("box")
    box.until_link("up")
    fleet.proxy.cut()
    box.happen(f"before {n}" for n in range(30))
    box.kill()
    box.kill_nats()
    shutil.rmtree(box.data / "nats")
    box.start()
    box.happen(f"after {n}" for n in range(30))
    fleet.proxy.heal()
    print(f"\n{drained(fleet.hub, box):.1f} s")
    found = audit(fleet.hub, box)
    # And what the box tells of itself: its settings.
    assert (found["lost"], found["doubled"]) == (0, 0) and found["made"] >= 60, found


def test_an_expelled_box_is_out_at_once_and_its_key_opens_nothing(fleet):
    box = fleet.join("box")
    box.until_link("up")
    own = box.fleet()["id"]
    assert refused(lambda: fleet.hub.panel.call("DELETE", f"/fleet/boxes/{fleet.hub.fleet()['id']}")).code == "fleet_itself"
    fleet.hub.panel.call("DELETE", f"/fleet/boxes/{own}")
    box.until_link("cut", 30)
    box.happen(["too late"])
    # Long enough for a link that would come back.
    fleet.hub.until_link("up")
    end = time.monotonic() + 8
    while time.monotonic() < end:
        assert box.fleet()["link"]["state"] != "up"
        assert box.fleet()["waiting"] > 0
        time.sleep(0.5)
    assert not any("too late" in body for *_, body in fleet.hub.heard())
    # It leaves, and comes back with another code, as a new run of numbers.
    box.panel.call("DELETE", "/fleet")
    assert box.fleet()["role"] is None and box.fleet()["link"]["state"] == "off"
    box.join(fleet.hub.invite())
    box.until_link("up")
    box.happen(["in again"])
    drained(fleet.hub, box)
    assert any("in again" in body for *_, body in fleet.hub.heard())


def test_a_box_without_a_fleet_opens_no_port_and_one_without_a_server_says_so(tmp_path):
    with FleetBox(tmp_path / "plain", nats=None) as plain:
        refusal = refused(lambda: plain.found("127.0.0.1:1"))
        assert (refusal.status, refusal.code) == (501, "fleet_no_server")
        assert plain.fleet()["possible"] is False
        plain.happen(["A room all the same"])
        assert plain.sql("SELECT COUNT(*) FROM fleet_events") == [(0,)]
    with FleetBox(tmp_path / "idle") as idle:
        assert idle.fleet()["possible"] and idle.fleet()["link"]["state"] == "off"
        assert not (idle.data / "nats").exists()
        known = {idle.port, idle.https}
        others = {port for port in listening(idle.process) if port not in known}
        assert len(others) == 1, f"beside its doors only that of media by TCP: {others}"
        assert refused(lambda: idle.panel.call("POST", "/fleet/invites")).code == "fleet_not_in"
        assert refused(lambda: idle.panel.call("DELETE", "/fleet")).code == "fleet_not_in"


def test_what_a_broken_or_bad_box_says_is_counted_and_stops_nobody(fleet):
    bad, good = fleet.join("bad"), fleet.join("good")
    for box in (bad, good):
        box.until_link("up")
    own, other = bad.fleet()["id"], good.fleet()["id"]
    event = {"v": 1, "box": own, "epoch": "made-up", "first": 1, "seq": 1, "id": "1a", "kind": "room.created",
             "at": 1, "body": {"id": "said by the bad one"}}
    said = lambda **changes: json.dumps(event | changes).encode()
    raw = RawNats(bad.data / "nats")
    subject = f"fleet.{own}.ev.room.created"
    raw.publish(subject, b"\xff no event")
    raw.publish(subject, said(v=2))
    raw.publish(subject, said(body="x" * 70_000))
    raw.publish(subject, said(box=other, body={"id": "spoofed"}))
    # In the name of another box: the hub's server lets none of these in.
    raw.publish(f"fleet.{other}.ev.room.created", said(box=other, body={"id": "in another name"}))
    raw.publish("$JS.hub.API.STREAM.DELETE.FLEET_EV", b"")
    raw.publish(f"cmd.{other}.resend", json.dumps({"epoch": "e", "from": 1}).encode())
    raw.publish(f"fleet.{own}.hb", b"[]")
    # What the hub's server answers goes to whatever subject the bad one names, with the server's rights.
    raw.publish(subject, said(seq=2, id="2b"), reply=f"cmd.{other}.cloned")
    raw.flush()
    raw.close()
    good.happen(f"meanwhile {n}" for n in range(20))
    drained(fleet.hub, good)
    wanted = {"malformed": 3, "newer": 1, "spoofed": 1}
    counts = fleet.hub.wait(
        lambda: (heard := fleet.hub.fleet()["heard"])
        and {name: heard[name] for name in wanted} == wanted
        and heard
    )
    assert counts["lost"] == 0, counts
    good.wait(lambda: "was not signed by the hub" in good.log_path.read_text())
    assert not good.fleet()["link"]["cloned"]
    heard = fleet.hub.heard()
    assert [of for of, *_, body in heard if "spoofed" in body] == [own], "the subject counts"
    assert not any("in another name" in body for *_, body in heard)
    log = fleet.hub.log_path.read_text()
    assert log.count("an event cannot be read") == 1, "said once, counted from then on"


def test_a_key_that_is_used_twice_raises_an_alarm_at_the_hub_and_at_the_box(fleet):
    box = fleet.join("box")
    box.until_link("up")
    own = box.fleet()["id"]
    raw = RawNats(box.data / "nats")
    fleet.hub.wait(lambda: (at := state_of(fleet.hub, own)) and at["state"] == "here" and at)
    begun = time.monotonic()

    def alarm():
        raw.publish(f"fleet.{own}.hb", json.dumps({"nonce": "of the copy", "name": "box"}).encode())
        return state_of(fleet.hub, own)["state"] == "cloned" and box.fleet()["link"]["cloned"]

    fleet.hub.wait(alarm)
    took = time.monotonic() - begun
    print(f"\nalarm at both after {took:.1f} s")
    assert took < 30
    raw.close()


def state_of(hub, own):
    return next(one for one in hub.fleet()["boxes"] if one["id"] == own)


def test_a_database_from_another_time_begins_another_epoch_and_its_hub_goes_on(fleet):
    box = fleet.join("box")
    box.until_link("up")
    box.happen(f"before {n}" for n in range(5))
    drained(fleet.hub, box)
    box.stop()
    copy = box.data.parent / "copy.db"
    box.copy_database(copy)
    for _ in range(2):
        box.start()
        box.until_link("up")
        box.happen([f"forgotten {time.monotonic()}"])
        drained(fleet.hub, box)
        box.stop()
    for name in ("roombox.db-wal", "roombox.db-shm"):
        (box.data / name).unlink(missing_ok=True)
    shutil.copy(copy, box.data / "roombox.db")
    box.start()
    box.happen(["after"])
    fleet.hub.wait(lambda: any('"after"' in body for *_, body in fleet.hub.heard()))
    own = box.fleet()["id"]
    epochs = {epoch for of, epoch, *_ in fleet.hub.heard() if of == own}
    assert len(epochs) == 2, epochs
    assert sum("forgotten" in body for *_, body in fleet.hub.heard()) == 2, "what was told stays told"


def test_a_hub_from_an_older_copy_is_told_again_what_it_has_forgotten(fleet):
    box = fleet.join("box")
    box.until_link("up")
    box.happen(f"told {n}" for n in range(12))
    drained(fleet.hub, box)
    own = box.fleet()["id"]
    fleet.hub.stop()
    with sqlite3.connect(fleet.hub.data / "roombox.db") as database:
        database.execute("DELETE FROM fleet_heard WHERE box = ? AND seq > 4", [own])
        database.execute("UPDATE fleet_epochs SET upto = 4 WHERE box = ?", [own])
    fleet.hub.start()
    found = audit(fleet.hub, box)
    assert found["made"] >= 12 and found["lost"] == found["made"] - 4, found
    # Nothing new happens: the box's heartbeat says how far it had told. The stream has all of it.
    took = drained(fleet.hub, box)
    print(f"\nall told again after {took:.1f} s")
    found = audit(fleet.hub, box)
    assert found["made"] >= 12 and (found["lost"], found["doubled"]) == (0, 0), found


def test_a_box_restored_from_a_copy_of_everything_is_heard_at_once(fleet):
    box = fleet.join("box")
    box.until_link("up")
    box.happen(f"before {n}" for n in range(5))
    drained(fleet.hub, box)
    box.stop()
    copy = box.data.parent / "copy"
    shutil.copytree(box.data, copy)
    box.start()
    box.until_link("up")
    box.happen(f"forgotten {n}" for n in range(4))
    drained(fleet.hub, box)
    box.stop()
    shutil.rmtree(box.data)
    shutil.copytree(copy, box.data)
    box.start()
    # Their numbers are those of what was forgotten, and they are other events.
    names = [f"after {n}" for n in range(3)]
    box.happen(names)
    fleet.hub.wait(lambda: all(any(name in body for *_, body in fleet.hub.heard()) for name in names))
    assert sum("forgotten" in body for *_, body in fleet.hub.heard()) == 4, "what was told stays told"
