"""Updates of a group: in turns, halted by the first box that goes back, and over every restart."""

from datetime import datetime, timedelta, timezone

import pytest
from fleetbox import refused
from test_twin import at_hub, group, until_state, want
from wavebox import Maker, WaveBox


@pytest.fixture
def maker(tmp_path):
    maker = Maker(tmp_path / "maker")
    yield maker
    maker.stop()


@pytest.fixture
def halls(fleet, maker):
    """Makes so many boxes, in one group whose channel is the maker's."""
    made = []

    def make(count: int) -> tuple[str, list[WaveBox]]:
        halls = group(fleet.hub, "Halls", {"updates.channel": f"{maker.url}/channel.json"})
        for number in range(count):
            box = WaveBox(fleet, f"hall-{number}")
            made.append(box)
            box.start()
            want(fleet.hub, box.id, group=halls)
            until_state(fleet.hub, box.id, "in_step")
        return halls, made

    yield make
    for box in made:
        box.stop()


def begin(hub, group, **more):
    request = {"group": group, "confirm": "Halls", "version": "0.3", "at_once": 1} | more
    return hub.panel.call("POST", "/fleet/waves", request)[0]


def wave(hub) -> dict:
    return hub.panel.call("GET", "/fleet/waves")[0]


def act(hub, what: str):
    hub.panel.call("PATCH", f"/fleet/waves/{wave(hub)['id']}", {"act": what})


def states(hub) -> dict:
    return {box["name"]: box["state"] for box in wave(hub)["boxes"]}


def until_states(hub, *wanted, seconds=60):
    hub.wait(lambda: list(states(hub).values()) == list(wanted), seconds)


def test_a_wave_goes_box_by_box_over_restarts_of_the_hub_and_the_boxes(fleet, maker, halls):
    hub = fleet.hub
    id, (first, second) = halls(2)
    maker.offers("0.3")
    for wrong, code in [
        ({"confirm": "halls"}, "fleet_wave_name"), ({"version": "new"}, "fleet_wave_version"),
        ({"url": "file:///etc"}, "fleet_wave_url"), ({"at_once": 0}, "fleet_wave_size"),
        ({"halt_after": 0}, "fleet_wave_size"),
    ]:
        assert refused(lambda: begin(hub, id, **wrong)).code == code
    assert refused(lambda: begin(hub, "grp_x")).status == 404
    # 34 of a hundred of two boxes is one.
    begin(hub, id, at_once=34, percent=True)
    assert wave(hub)["at_once"] == 1
    assert refused(lambda: begin(hub, id)).code == "fleet_wave_goes_on"
    first.updater.asked("install")
    hub.kill()
    first.updater.asked("reboot")
    first.member.stop()
    hub.start()
    hub.until_link("up")
    assert states(hub)["hall-1"] == "queued", "one at a time"
    first.start("B", "0.3", good=False)
    hub.wait(lambda: states(hub)["hall-0"] == "working", 60)
    first.good()
    second.comes_up()
    until_states(hub, "done", "done", seconds=90)
    hub.wait(lambda: wave(hub)["state"] == "done")
    assert refused(lambda: act(hub, "stop")).code == "fleet_wave_over"
    assert [box.updates()["version"] for box in (first, second)] == ["0.3", "0.3"]


def test_a_box_that_goes_back_halts_the_wave_and_somebody_has_it_go_on(fleet, maker, halls):
    hub = fleet.hub
    id, (first, second) = halls(2)
    begin(hub, id, url=maker.makes("0.3"))
    first.falls_back()
    until_states(hub, "rolled_back", "queued", seconds=90)
    hub.wait(lambda: wave(hub)["state"] == "halted")
    why = wave(hub)["boxes"][0]["why"]
    assert "no room could be recorded" in why, why
    assert second.updates()["now"]["state"] == "idle" and second.updater.said.empty()
    act(hub, "resume")
    second.comes_up()
    until_states(hub, "rolled_back", "done", seconds=90)
    hub.wait(lambda: wave(hub)["state"] == "done")


def test_what_only_waits_is_called_back_and_what_an_owner_refuses_is_no_failure(fleet, maker, halls):
    hub = fleet.hub
    id, (first, second, third) = halls(3)
    third.member.panel.call("PATCH", "/fleet/twin/refusals", {"updates": True})
    # A night of a minute that is half a day away.
    noon = datetime.now(timezone.utc) + timedelta(hours=12)
    at = lambda moment: moment.strftime("%H:%M")
    night = {"updates.night_from": at(noon), "updates.night_to": at(noon + timedelta(minutes=1))}
    for box in (first, second):
        want(hub, box.id, settings=night)
        until_state(hub, box.id, "in_step")
    begin(hub, id, url=maker.makes("0.3"), at_once=3, night=True)
    until_states(hub, "waiting", "waiting", "refused")
    hub.wait(lambda: at_hub(hub, third.id)["refused"]["updates"] == 1)
    assert wave(hub)["state"] == "running"
    # The owner of the second one refuses it after all.
    second.member.panel.call("PATCH", "/fleet/twin/refusals", {"updates": True})
    until_states(hub, "waiting", "refused", "refused")
    act(hub, "pause")
    until_states(hub, "queued", "refused", "refused")
    assert first.updates()["now"]["state"] == "idle"
    act(hub, "stop")
    assert wave(hub)["state"] == "stopped"
    for box in (first, second, third):
        assert box.updater.said.empty(), "nothing was installed"


def test_a_bundle_that_is_not_what_was_said_fails_and_halts(fleet, maker, halls):
    hub = fleet.hub
    id, (box,) = halls(1)
    maker.offers("0.4")
    begin(hub, id)
    until_states(hub, "failed")
    assert "offers 0.4" in wave(hub)["boxes"][0]["why"]
    hub.wait(lambda: wave(hub)["state"] == "halted")
    act(hub, "stop")
    begin(hub, id, url=maker.makes("0.3", compatible="roombox-other"))
    until_states(hub, "failed")
    assert "roombox-other" in wave(hub)["boxes"][0]["why"]
