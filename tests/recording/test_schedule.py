"""What is planned is recorded: events of the owner's, calendars of others, rooms that always record."""

import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from meeting import Meeting
from panel_client import Refused

SECRET = "private-4711"


def moment(seconds: float) -> datetime:
    return datetime.now(timezone.utc) + timedelta(seconds=seconds)


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def schedule(box):
    query = f"from={iso(moment(-86_400))}&to={iso(moment(86_400))}"
    return box.panel.call("GET", f"/schedule?{query}")["items"]


def of(box, title):
    return next(event for event in schedule(box) if event["title"] == title)


def until(box, title, state):
    return box.wait(lambda: (event := of(box, title))["state"] == state and event)


class Calendar:
    """A server with one calendar, as a room's mailbox publishes it."""

    def __init__(self, location, starts, ends):
        utc = "%Y%m%dT%H%M%SZ"
        self.body = "\r\n".join([
            "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VEVENT", "UID:42@example.org",
            "SUMMARY:Physics", f"LOCATION:{location}", f"DTSTART:{starts.strftime(utc)}",
            f"DTEND:{ends.strftime(utc)}", "RRULE:FREQ=WEEKLY", "END:VEVENT", "BEGIN:VEVENT",
            "UID:43@example.org", "SUMMARY:Holiday", "DTSTART;VALUE=DATE:20261224", "RRULE:FREQ=YEARLY", "END:VEVENT",
            "END:VCALENDAR", "",
        ])
        calendar = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                known = self.path == f"/{SECRET}/basic.ics"
                body = calendar.body.encode() if known else b""
                self.send_response(200 if known else 404)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/{SECRET}/basic.ics"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def plan(box, room, title, starts, ends):
    event = {"room": room["id"], "title": title, "starts_at": iso(starts), "ends_at": iso(ends)}
    return box.panel.call("POST", "/schedule/events", event)


def test_what_is_planned_is_recorded_from_its_start_to_its_end(box):
    with Meeting(box, people=("Ada",)) as meeting:
        event = plan(box, meeting.room, "Board", moment(2), moment(9))
        assert event["state"] == "planned"
        running = until(box, "Board", "recording")
        seen = box.recording(running["recording"])
        assert seen["title"] == "Board"
        # Another one at the same time has no place, and the answer says which one is in its way.
        with pytest.raises(Refused) as refused:
            plan(box, meeting.room, "Other", moment(1), moment(60))
        assert refused.value.status == 409 and "Board" in str(refused.value), refused.value
        over = until(box, "Board", "recorded")
    seen = box.until(over["recording"], lambda seen: seen["state"] == "ready")
    assert seen["end_reason"] == "stopped"
    # A second to notice the start, one to notice the end.
    assert 4500 < seen["duration_ms"] < 10_000, seen["duration_ms"]


def test_whoever_stops_it_has_the_last_word_and_an_extension_moves_the_end(box):
    with Meeting(box, people=("Ada",)) as meeting:
        plan(box, meeting.room, "Stopped", moment(0.5), moment(6))
        first = until(box, "Stopped", "recording")["recording"]
        box.until(first, lambda seen: seen["duration_ms"] > 1000)
        meeting.stop_recording()
        assert until(box, "Stopped", "stopped")["recording"] == first
        plan(box, meeting.room, "Extended", moment(7), moment(9))
        running = until(box, "Extended", "recording")
        extension = f"/rooms/{meeting.room['id']}/recording/extension"
        ends = box.panel.call("POST", extension, {"minutes": 1})["ends_at"]
        assert of(box, "Extended")["ends_at"] == ends > running["ends_at"]
        time_left = datetime.fromisoformat(running["ends_at"]) - datetime.now(timezone.utc)
        assert time_left < timedelta(seconds=3)
        # Beyond the old end it goes on.
        box.until(running["recording"], lambda seen: seen["duration_ms"] > 4500)
        assert of(box, "Extended")["state"] == "recording"
        meeting.stop_recording()
        # Of what was recorded by hand nobody knows when it ends.
        box.until(running["recording"], lambda seen: seen["state"] != "recording")
        by_hand = meeting.record()
        box.until(by_hand, lambda seen: seen["duration_ms"] > 500)
        with pytest.raises(Refused) as refused:
            box.panel.call("POST", extension, {"minutes": 1})
        assert refused.value.status == 409
        assert not any(one["extendable"] for one in schedule(box))


def test_a_calendar_plans_over_a_dead_server_and_a_power_cut(box):
    calendar = Calendar("hall", moment(-60), moment(35))
    feed = box.panel.call("POST", "/schedule/feeds", {"name": "Campus", "url": calendar.url})
    assert feed["upcoming"] == 0 and SECRET not in str(feed), feed
    # Its room is made after the calendar.
    assert "Physics" in [one["title"] for one in feed["left_out"]]
    room = box.panel.call("POST", "/rooms", {"name": "Hall"})
    assert of(box, "Physics")["state"] == "waiting"
    calendar.close()
    failed = box.panel.call("POST", f"/schedule/feeds/{feed['id']}/fetch")
    assert failed["error"] and failed["upcoming"] >= 4, failed
    box.stop()
    box.start()
    with Meeting(box, name="Hall", people=("Ada",)):
        recording = until(box, "Physics", "recording")["recording"]
        box.until(recording, lambda seen: seen["duration_ms"] > 2500)
        box.kill()
    box.start()
    with Meeting(box, name="Hall", people=("Ada",)):
        # It goes on under its name, and still ends with what was planned.
        assert until(box, "Physics", "recording")["recording"] == recording
        over = until(box, "Physics", "recorded")
        assert over["recording"] == recording
        whole = box.until(recording, lambda seen: seen["state"] == "ready")
        assert whole["room_id"] == room["id"] and len(whole["interruptions"]) == 1
    box.panel.call("DELETE", f"/schedule/feeds/{feed['id']}")
    assert not schedule(box)
    assert SECRET not in box.log_path.read_text()


def test_a_room_that_always_records_does_so_for_each_meeting(box):
    room = box.panel.call("POST", "/rooms", {"name": "Studio"})
    box.panel.call("PATCH", f"/rooms/{room['id']}", {"record_always": True})
    made = set()
    for _ in range(2):
        with Meeting(box, name="Studio", people=("Ada",)):
            now = box.wait(lambda: (meeting := room_of(box, room)["meeting"]) and meeting["recording"])
            made.add(now["id"])
            box.until(now["id"], lambda seen: seen["duration_ms"] > 1000)
        box.wait(lambda: room_of(box, room)["meeting"] is None)
    assert len(made) == 2
    for recording in made:
        assert box.until(recording, lambda seen: seen["state"] == "ready")["end_reason"] == "room_ended"


def test_who_stops_it_where_it_always_records_stops_it_for_that_meeting_alone(box):
    room = box.panel.call("POST", "/rooms", {"name": "Studio"})
    box.panel.call("PATCH", f"/rooms/{room['id']}", {"record_always": True})

    def recorded():
        meeting = room_of(box, room)["meeting"]
        return meeting and meeting["recording"]

    with Meeting(box, name="Studio", people=("Ada",)) as meeting:
        stopped = box.wait(recorded)["id"]
        box.until(stopped, lambda seen: seen["duration_ms"] > 1000)
        meeting.stop_recording()
        box.until(stopped, lambda seen: seen["state"] != "recording")
    box.wait(lambda: room_of(box, room)["meeting"] is None)
    assert [one["id"] for one in box.panel.call("GET", "/recordings")["items"]] == [stopped]
    with Meeting(box, name="Studio", people=("Ada",)):
        assert box.wait(recorded)["id"] != stopped


def room_of(box, room):
    return box.panel.call("GET", f"/rooms/{room['id']}")


def test_what_cannot_be_planned_is_refused_with_its_reason(box):
    room = box.panel.call("POST", "/rooms", {"name": "Hall"})
    calendar = Calendar("Hall", moment(60), moment(120))

    def refused(path, body):
        with pytest.raises(Refused) as why:
            box.panel.call("POST", path, body)
        return why.value.status, str(why.value)

    event = {"room": room["id"], "title": "A", "starts_at": iso(moment(60)), "ends_at": iso(moment(120))}
    for change, status, word in [
        ({"room": "rm_none"}, 404, "room"),
        ({"title": " "}, 422, "name"),
        ({"starts_at": "tomorrow"}, 422, "RFC 3339"),
        ({"ends_at": iso(moment(30))}, 422, "after the start"),
        ({"starts_at": iso(moment(-120)), "ends_at": iso(moment(-60))}, 422, "over already"),
        ({"ends_at": iso(moment(3 * 86_400))}, 422, "24 hours"),
    ]:
        said = refused("/schedule/events", event | change)
        assert said[0] == status and word in said[1], (change, said)
    feed = {"name": "Campus", "url": calendar.url}
    for change, status, word in [
        ({"url": "file:///etc/passwd"}, 422, "https://"),
        ({"url": calendar.url + "x"}, 422, "404"),
        ({"url": box.http + "/"}, 422, "calendar"),
        ({"url": "http://127.0.0.1:9/x"}, 422, "127.0.0.1"),
        ({"room": "rm_none"}, 404, "room"),
    ]:
        said = refused("/schedule/feeds", feed | change)
        assert said[0] == status and word in said[1] and SECRET not in said[1], (change, said)
    assert not schedule(box)
    calendar.close()
