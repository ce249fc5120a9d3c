"""A hub whose clock is wrong, or has gone back: both sides say so, nothing is lost, and all goes on by itself."""

import subprocess
from pathlib import Path

import pytest
from fleetbox import FleetBox, audit, drained

HOUR = 3600


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    """A library that sets the clock of a daemon."""
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source, "-ldl"], check=True)
    return library


class Clocked(FleetBox):
    """A box whose clock is `ahead` by so many seconds."""

    def __init__(self, folder: Path, library: Path, **options):
        self.seconds = folder.parent / f"{folder.name}.seconds"
        self.ahead(0)
        super().__init__(folder, environment={"LD_PRELOAD": str(library), "ROOMBOX_CLOCK": str(self.seconds)}, **options)

    def ahead(self, seconds: int):
        part = self.seconds.with_suffix(".part")
        part.write_text(str(seconds))
        part.rename(self.seconds)


def alarm(box) -> dict | None:
    found = [one for one in box.panel.call("GET", "/health")["items"] if one["kind"] == "fleet_clocks"]
    return found[0] if found else None


def test_a_hub_whose_clock_goes_back_is_said_at_both_ends_and_commands_on(tmp_path, clock):
    with Clocked(tmp_path / "hub", clock) as hub, FleetBox(tmp_path / "box") as box:
        box.panel.call("PATCH", "/box", {"name": "library"})
        # Three hours ahead for a while, and it has commanded something: those dates are in the box's ear.
        hub.ahead(3 * HOUR)
        hub.found(f"127.0.0.1:{hub.leaf_port}")
        box.join(hub.invite())
        box.until_link("up")
        want = lambda method, path, seconds: hub.panel.call(
            method, path, {"name": "Halls", "settings": {"meeting.empty_timeout_s": seconds}})
        has = lambda seconds: box.panel.call("GET", "/settings")["meeting"]["empty_timeout_s"] == seconds
        own = box.fleet()["id"]
        halls = want("POST", "/fleet/groups", 601)["groups"][0]["id"]
        group = f"/fleet/groups/{halls}"
        hub.panel.call("PATCH", f"/fleet/boxes/{own}/wishes", {"group": halls})
        box.wait(lambda: has(601), 60)
        # Both say it, and in which direction.
        gap = box.wait(lambda: box.fleet()["link"]["clock"], 60)
        assert not gap["hub_is_odd"] and abs(gap["ahead_ms"] + 3 * HOUR * 1000) < 60_000, gap
        theirs = hub.wait(lambda: hub.fleet()["heard"]["clock"], 60)
        assert abs(theirs["ahead_ms"] - 3 * HOUR * 1000) < 60_000 and (theirs["differ"], theirs["of"]) == (1, 1), theirs
        for one in (hub, box):
            said = one.wait(lambda: alarm(one), 60)
            assert abs(said["figures"]["seconds"] - 3 * HOUR) < 60, said
        # Back, to two hours behind: what it commands now is older than all that the box has heard.
        hub.ahead(-2 * HOUR)
        box.happen(f"while the hub lives in the past {n}" for n in range(30))
        want("PUT", group, 602)
        box.wait(lambda: has(602), 60)
        gap = box.wait(lambda: (gap := box.fleet()["link"]["clock"]) and gap["ahead_ms"] > 0 and gap, 90)
        assert abs(gap["ahead_ms"] - 2 * HOUR * 1000) < 60_000, gap
        # And so it is for a hub that starts in the past, and knows nothing of what it has sent.
        hub.kill()
        hub.start()
        hub.until_link("up")
        want("PUT", group, 603)
        box.wait(lambda: has(603), 90)
        assert "is an old one" not in box.log_path.read_text(), "no command was refused"
        drained(hub, box)
        # Right again: the alarms go by themselves.
        hub.ahead(0)
        for one in (hub, box):
            one.wait(lambda: alarm(one) is None, 200)
        assert hub.fleet()["heard"]["clock"] is None and box.fleet()["link"]["clock"] is None
        want("PUT", group, 604)
        box.wait(lambda: has(604), 60)
        drained(hub, box)
        found = audit(hub, box)
        print(f"\n{found}")
        assert (found["lost"], found["doubled"]) == (0, 0) and found["made"] >= 30, found
        assert hub.fleet()["heard"]["lost"] == 0


def test_a_box_whose_clock_is_the_odd_one_is_told_and_its_hub_is_not_blamed(tmp_path, clock):
    with FleetBox(tmp_path / "hub") as hub, Clocked(tmp_path / "odd", clock) as odd, FleetBox(tmp_path / "box") as box:
        hub.found(f"127.0.0.1:{hub.leaf_port}")
        for one in (odd, box):
            one.join(hub.invite())
            one.until_link("up")
        odd.ahead(-HOUR)
        gap = odd.wait(lambda: odd.fleet()["link"]["clock"], 60)
        assert not gap["hub_is_odd"] and abs(gap["ahead_ms"] + HOUR * 1000) < 60_000, gap
        assert (gap["differ"], gap["of"]) == (1, 2)
        odd.wait(lambda: alarm(odd), 60)
        assert hub.fleet()["heard"]["clock"] is None and alarm(hub) is None
        assert box.fleet()["link"]["clock"] is None and alarm(box) is None
