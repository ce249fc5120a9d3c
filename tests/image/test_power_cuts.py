"""P2: the plug is pulled in every stage of a box's life, one cut after the other on one machine: while it
starts for the first time, while it is claimed, while an update is written, while the new version starts
for the first time, while it is marked good. It always comes up, on one side, and says which version runs.
"""

import os
import random
import re

import pytest
from conftest import PASSWORD, claim, diary, grub_state, up
from vm import MENU

FULL = bool(os.environ.get("ROOMBOX_FULL"))
NEW = "0.2.0"
# Of the first start, and of the new version's: what the console says when the plug is pulled.
BOOT = [r"Welcome to", r"Grow File System|growfs", r"Starting .*roomboxd", r"Started .*roomboxd", r"Network Manager", r"D-Bus System"]
# Each cut costs a try: the second one is of another.
TRIAL = [r"Welcome to", r"try \d: started", r"Started .*roomboxd"]
PERCENT = [1, 5, 10, 20, 30, 50, 70, 85, 95, 99]
SEED = 20


@pytest.fixture(scope="module")
def box(machines):
    machine = machines("cuts")
    yield machine
    machine.stop()


def cut(machine):
    """Pulls the plug and puts it in again."""
    machine.stop()
    machine.start()


def comes_up(machine) -> dict:
    """The box proves a side; that side, its version and what the panel says agree."""
    machine.wait_verdict()
    machine.wait(machine.answers, "the API never answered")
    last = diary(machine)[-1]
    assert last["outcome"] == "good", last
    assert f"rauc.slot={last['slot']}" in machine.run("cat /proc/cmdline")
    if machine.cookie:
        assert machine.get("/api/v1/updates")["version"] == last["version"]
    state = grub_state(machine)
    assert state[f"{last['slot']}_OK"] == "1" and state["ORDER"].startswith(last["slot"]), state
    return last


def chosen(points: list) -> list:
    """All of them in the long run, one or two in the short."""
    return points if FULL else sorted(random.Random(SEED).sample(points, 2), key=points.index)


def test_cuts_in_the_first_start(box):
    box.start()
    for pattern in chosen(BOOT):
        box.wait_console(pattern)
        cut(box)
    assert comes_up(box)["version"] == "0.1.0"


def test_a_cut_while_it_is_claimed_leaves_it_claimed_or_not(box):
    claim(box)
    cut(box)
    comes_up(box)
    # It had been answered: it must be so.
    assert box.answers()["claimed"] is True
    box.get("/api/v1/session", "POST", {"password": PASSWORD})
    box.get("/api/v1/rooms", "POST", {"name": "Hall"})


def test_cuts_while_an_update_is_written_leave_the_old_version(box, bundles):
    bundle = bundles.full(NEW)
    for percent in chosen(PERCENT):
        box.get("/api/v1/updates/bundle", "PUT", bundle, patience=600)

        def written():
            now = box.get("/api/v1/updates")["now"]
            return now["state"] == "installed" or now["state"] == "installing" and now["percent"] >= percent

        box.wait(written, f"the update never came to {percent} %")
        cut(box)
        last = comes_up(box)
        # Between the last block and our plug it may have become the next to start.
        assert last["version"] == "0.1.0" or percent >= 95, (percent, last)
        assert [room["name"] for room in box.get("/api/v1/rooms")["items"]] == ["Hall"]
        if last["version"] == NEW:
            break


def test_cuts_while_the_new_version_is_tried_end_on_a_version_that_works(box, bundles):
    if box.get("/api/v1/updates")["version"] != NEW:
        box.get("/api/v1/updates/bundle", "PUT", bundles.full(NEW), patience=600)
        box.wait(lambda: box.get("/api/v1/updates")["now"]["state"] == "installed", "it was never installed")
        starts = box.menus()
        box.get("/api/v1/updates/restart", "POST", {})
        box.wait_console(MENU, starts + 1)
        # Of its three tries, two are cut off; the third is the one that proves it.
        for pattern in chosen(TRIAL)[:2]:
            # The console goes on over a restart that the box made by itself.
            seen = len(re.findall(pattern, box.console().rsplit(MENU, 1)[0]))
            box.wait_console(pattern, seen + 1)
            cut(box)
    last = comes_up(box)
    assert last["version"] == NEW, last
    assert [room["name"] for room in box.get("/api/v1/rooms")["items"]] == ["Hall"]


def test_a_cut_right_after_it_is_marked_good_keeps_it(box):
    cut(box)
    assert comes_up(box)["version"] == NEW
    view = box.get("/api/v1/updates")
    assert view["confirmed"] is True and view["setback"] is None, view
    up(box, "B", NEW)
