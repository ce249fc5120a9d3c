"""The box says what is wrong, since when, why and what to do; it forgets nothing, and nobody is told twice."""

import signal
import time

from box import Box
from test_doors import ask, owner  # noqa: F401
from test_permissions import people  # noqa: F401

PATIENCE = 40


def until(what, look):
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < end, f"waited for: {what}"
        time.sleep(0.1)
    return found


def standing(box, kind):
    return next((one for one in box.ask("GET", "/health")["items"] if one["kind"] == kind), None)


def checked(box, kind):
    return next(one["state"] for one in box.ask("GET", "/health")["checks"] if one["kind"] == kind)


def pull_the_plug(box):
    """The daemon is gone between two instructions; what started it does not wait for it again."""
    box.process.send_signal(signal.SIGKILL)
    box.process.wait()
    box.process.send_signal, box.process.wait = lambda _: None, lambda _=None: 0


def test_a_full_disk_is_said_once_also_after_a_power_cut_and_is_over_when_there_is_room(tmp_path):
    config = tmp_path / "roombox.toml"
    # No disk of a test has so much room.
    config.write_text("[recording]\nreserve_bytes = 9_000_000_000_000\n")
    with Box(tmp_path, arguments=["--config", config]) as box:
        box.claim()
        alarm = until("the alarm", lambda: standing(box, "disk_full"))
        assert (alarm["severity"], alarm["page"], alarm["cleared_at"]) == ("broken", "/recordings/storage", None)
        assert alarm["figures"]["bytes"] < alarm["figures"]["of_bytes"] == 9_000_000_000_000
        assert "9000.0 GB" in alarm["what"] and alarm["cause"] and alarm["remedy"]
        assert box.ask("GET", "/health")["state"] == checked(box, "disk_full") == "broken"
        seen = box.ask("POST", f"/health/{alarm['id']}/acknowledgement")
        assert seen["acknowledged_by"] == "Ada" and seen["acknowledged_at"]
        assert box.ask("GET", "/health")["state"] == "fine", "somebody takes care"
        assert box.refuses("POST", "/health/alm_none/acknowledgement") == (404, "not_found")
        owner = box.owner
        pull_the_plug(box)
    with Box(tmp_path) as box:
        box.owner = owner
        again = standing(box, "disk_full")
        assert (again["id"], again["acknowledged_by"]) == (alarm["id"], "Ada")
        # It is looked at again, and is the same.
        until("a look at the disk", lambda: box.ask("GET", "/status")["disk"]["free_bytes"])
        until("another look", lambda: standing(box, "disk_full")["figures"] != alarm["figures"]
              or box.ask("GET", "/status")["uptime_s"] > 5)
        health = box.ask("GET", "/health")
        assert [one["id"] for one in health["items"]] == [alarm["id"]] and health["history"] == []
        box.ask("PATCH", "/settings", {"recording": {"reserve_bytes": 1}})
        box.check_alive()
    with Box(tmp_path) as box:
        box.owner = owner
        until("the end", lambda: standing(box, "disk_full") is None)
        past, = box.ask("GET", "/health")["history"]
        assert past["id"] == alarm["id"] and past["cleared_at"] > past["since"]
        assert checked(box, "disk_full") == "fine"
        box.check_alive()


def test_only_owners_and_operators_see_it_and_may_acknowledge(box, people):  # noqa: F811
    for who, may in [("owner", True), ("operator", True), ("moderator", False), ("viewer", False)]:
        assert ask(box, "GET", "/api/v1/health", **people[who])[0] == (200 if may else 403), who
        path = "/api/v1/health/alm_none/acknowledgement"
        assert ask(box, "POST", path, **people[who])[0] == (404 if may else 403), who
