"""Templates for rooms: kept, made rooms from, applied, and what becomes of them."""

import json

import pytest

from clients import meeting
from test_rooms import change, room_with


@pytest.fixture(scope="module", autouse=True)
def owner(box):
    box.claim()


@pytest.fixture(autouse=True)
def tidy(box):
    yield
    for template in box.ask("GET", "/room-templates")["items"]:
        box.ask("DELETE", f"/room-templates/{template['id']}")


def keep(box, name, **more):
    return box.ask("POST", "/room-templates", {"name": name} | more)


def target(box, name, rooms=(), tmp="/tmp"):
    place = {"kind": "webdav", "url": "http://127.0.0.1:9/" + name, "user": "u"}
    made = box.ask("POST", "/targets", {"name": name, "place": place, "rooms": list(rooms),
                                        "secrets": {"password": "p"}})
    # Nothing is to be sent anywhere.
    return box.ask("PATCH", f"/targets/{made['id']}", {"enabled": False})


def rooms_of(box, made):
    [found] = [one for one in box.ask("GET", "/targets")["items"] if one["id"] == made["id"]]
    return found["rooms"]


def audited(box, action):
    rows = box.ask("GET", f"/audit?action={action}")["items"]
    return [(row["subject"], row["detail"], row["result"]) for row in rows]


LECTURE = {"lobby": True, "record_always": True,
           "rules": {"guests_camera": False, "max_people": 200, "keep_days": 90, "layout": "screen",
                     "video_codecs": ["h264"]}}


def test_a_room_is_made_from_a_template_and_keeps_what_it_got(box):
    template = keep(box, "Lecture", settings=LECTURE)
    assert template["id"].startswith("rt_") and not template["default"]
    room = box.ask("POST", "/rooms", {"name": "Physics", "template": template["id"]})
    assert room["lobby"] and room["record_always"]
    expected = {"guests": "anyone", "guests_share": True, "guests_chat": True, "guests_muted": False}
    assert room["rules"] == expected | LECTURE["rules"]
    assert box.ask("GET", f"/rooms/{room['id']}") == room
    where = f"/room-templates/{template['id']}"
    box.ask("PATCH", where, {"settings": {"lobby": False, "rules": {"max_people": 3}}})
    assert box.ask("GET", f"/rooms/{room['id']}") == room, "copied, not linked"
    changed = box.ask("PATCH", where, {"name": "Lectures"})
    assert (changed["name"], changed["settings"]["rules"]["max_people"]) == ("Lectures", 3)
    box.ask("DELETE", where)
    assert box.ask("GET", f"/rooms/{room['id']}") == room
    assert box.refuses("DELETE", where) == (404, "not_found")
    assert box.refuses("POST", "/rooms", {"name": "x", "template": template["id"]}) == (404, "not_found")
    assert (room["id"], "from the template Lecture", "ok") in audited(box, "room_create")


def test_one_template_is_the_default_unless_somebody_says_otherwise(box):
    assert not box.ask("POST", "/rooms", {"name": "Before"})["lobby"]
    lecture = keep(box, "Lecture", default=True, settings=LECTURE)
    exam = keep(box, "Exam", default=True, settings={"rules": {"guests": "with_pin"}})
    by_name = {one["name"]: one["default"] for one in box.ask("GET", "/room-templates")["items"]}
    assert by_name == {"Exam": True, "Lecture": False}
    room = box.ask("POST", "/rooms", {"name": "An exam"})
    assert room["rules"]["guests"] == "with_pin"
    assert len(box.ask("GET", f"/rooms/{room['id']}/pin")["pin"]) == 6, "the box has made one"
    assert box.ask("POST", "/rooms", {"name": "Plain", "template": None})["rules"]["guests"] == "anyone"
    assert box.ask("POST", "/rooms", {"name": "Other", "template": lecture["id"]})["lobby"]
    box.ask("PATCH", f"/room-templates/{exam['id']}", {"default": False})
    assert box.ask("POST", "/rooms", {"name": "After"})["rules"]["guests"] == "anyone"


async def test_a_room_that_a_client_opens_gets_no_template_and_none_is_applied_to_it(box):
    template = keep(box, "Lecture", default=True, settings=LECTURE)
    async with meeting(box, "alice", room="by a client"):
        [room] = [room for room in box.ask("GET", "/rooms")["items"] if room["name"] == "by a client"]
        assert not room["lobby"] and not room["record_always"] and room["meeting"]["recording"] is None
        where = f"/room-templates/{template['id']}/previews"
        assert box.refuses("POST", where, {"rooms": [room["id"]]}) == (409, "room_forgotten")
        body = {"template": template["id"]}
        assert box.refuses("POST", f"/rooms/{room['id']}/template", body) == (409, "room_forgotten")


def test_the_settings_of_a_room_are_saved_without_what_is_its_own(box):
    room = room_with(box, "A model", guests="with_pin", guests_chat=False, video_codecs=["vp8"])
    box.ask("PATCH", f"/rooms/{room['id']}", {"lobby": True})
    pin = box.ask("GET", f"/rooms/{room['id']}/pin")["pin"]
    template = keep(box, "Like the model", room=room["id"], settings={"rules": {"max_people": 5}})
    said = template["settings"]
    assert said["lobby"] and said["targets"] is None
    assert said["rules"] == box.ask("GET", f"/rooms/{room['id']}")["rules"] | {"max_people": 5}
    kept = json.dumps(template)
    assert pin not in kept and room["invite"] not in kept
    again = box.ask("POST", "/rooms", {"name": "Like it", "template": template["id"]})
    assert box.ask("GET", f"/rooms/{again['id']}/pin")["pin"] != pin


def test_what_would_change_is_shown_and_then_done_with_a_row_for_each_room(box):
    template = keep(box, "Lecture", settings=LECTURE)
    one, two = room_with(box, "One", guests_muted=True), box.ask("POST", "/rooms", {"name": "Two"})
    alike = box.ask("POST", "/rooms", {"name": "Alike", "template": template["id"]})
    where = f"/room-templates/{template['id']}/previews"
    shown = box.ask("POST", where, {"rooms": [one["id"], two["id"], alike["id"]]})["items"]
    plain = ["lobby", "max_people", "guests_camera", "layout", "video_codecs", "record_always", "keep_days"]
    assert [preview["name"] for preview in shown] == ["One", "Two", "Alike"]
    assert sorted(shown[0]["changes"]) == sorted(plain + ["guests_muted"])
    assert sorted(shown[1]["changes"]) == sorted(plain) and shown[2]["changes"] == []
    assert shown[0]["before"]["rules"]["guests_muted"] and not shown[0]["after"]["rules"]["guests_muted"]
    assert box.ask("GET", f"/rooms/{one['id']}")["lobby"] is False, "only looked at"
    # Somebody was faster: what was read is not what would happen.
    change(box, one, max_people=7)
    body = {"template": template["id"], "of": shown[0]["of"]}
    assert box.refuses("POST", f"/rooms/{one['id']}/template", body) == (409, "template_changed")
    assert box.ask("GET", f"/rooms/{one['id']}")["lobby"] is False
    for room, of in [(one, None), (two, shown[1]["of"])]:
        body = {"template": template["id"]} | ({"of": of} if of else {})
        done = box.ask("POST", f"/rooms/{room['id']}/template", body)
        got = box.ask("GET", f"/rooms/{room['id']}")
        assert got["lobby"] and got["record_always"] and got["rules"] == template["settings"]["rules"]
        assert done["after"]["rules"] == got["rules"] and got["invite"] == room["invite"]
    rows = {subject: detail for subject, detail, result in audited(box, "room_template_apply") if result == "ok"}
    assert set(rows) == {one["id"], two["id"]}
    assert rows[two["id"]].startswith("Lecture: lobby, max_people")
    assert audited(box, "room_template_preview") == [], "looking changes nothing"


def test_copies_follow_the_template_and_what_cannot_be_done_is_said(box):
    archive, public = target(box, "Archive", ["rm_other"]), target(box, "Public", ["rm_other"])
    everything = target(box, "Everything")
    old = target(box, "Old", ["rm_other"])
    wanted = [archive["id"], everything["id"], old["id"]]
    template = keep(box, "Board", settings={"targets": wanted})
    room = box.ask("POST", "/rooms", {"name": "Board", "template": template["id"]})
    assert rooms_of(box, archive) == ["rm_other", room["id"]]
    assert rooms_of(box, public) == ["rm_other"] and rooms_of(box, everything) == []
    # One of its targets is removed: the rest holds, and it is said at each step.
    box.ask("DELETE", f"/targets/{old['id']}")
    [shown] = box.ask("GET", "/room-templates")["items"]
    gone = {one["name"]: one["gone"] for one in shown["settings"]["targets"]}
    assert gone == {"Archive": False, "Everything": False, "Old": True}
    other = box.ask("POST", "/rooms", {"name": "Committee"})
    box.ask("PATCH", f"/targets/{public['id']}", {"rooms": ["rm_other", other["id"]]})
    lonely = target(box, "Lonely", [other["id"]])
    [look] = box.ask("POST", f"/room-templates/{template['id']}/previews", {"rooms": [other["id"]]})["items"]
    names = lambda settings: sorted(one["name"] for one in settings["targets"])  # noqa: E731
    assert look["changes"] == ["targets"] and look["missing"] == ["Old"] and look["kept"] == ["Lonely"]
    assert names(look["before"]) == ["Everything", "Lonely", "Public"]
    assert names(look["after"]) == ["Archive", "Everything", "Lonely"]
    box.ask("POST", f"/rooms/{other['id']}/template", {"template": template["id"], "of": look["of"]})
    assert rooms_of(box, archive) == ["rm_other", room["id"], other["id"]]
    assert rooms_of(box, public) == ["rm_other"], "the template does not want it there"
    assert rooms_of(box, lonely) == [other["id"]], "an empty list would mean every room"
    [detail] = [row[1] for row in audited(box, "room_template_apply") if row[0] == other["id"]]
    assert "removed targets: Old" in detail and "still copied to: Lonely" in detail
    # Those that are listed go with a room that is saved; and null says nothing of it.
    saved = keep(box, "As the committee", room=other["id"])
    assert sorted(one["name"] for one in saved["settings"]["targets"]) == ["Archive", "Lonely"]
    silent = box.ask("PATCH", f"/room-templates/{saved['id']}", {"settings": {"targets": None}})
    assert silent["settings"]["targets"] is None
    [look] = box.ask("POST", f"/room-templates/{saved['id']}/previews", {"rooms": [other["id"]]})["items"]
    assert look["changes"] == []
    assert box.refuses("POST", "/room-templates", {"name": "x", "settings": {"targets": ["tgt_none"]}}) == (
        404, "not_found")
    for made in (archive, public, everything, lonely):
        box.ask("DELETE", f"/targets/{made['id']}")


def test_who_runs_rooms_keeps_templates_and_who_runs_targets_says_where_copies_go(box):
    archive = target(box, "Archive", ["rm_other"])
    theirs = keep(box, "With copies", settings={"targets": [archive["id"]]})
    secret = box.ask("POST", "/api-tokens", {"name": "moderator", "role": "moderator"})["token"]
    box.owner, owner = {"Authorization": f"Bearer {secret}"}, box.owner
    try:
        mine = keep(box, "Of a moderator", settings={"lobby": True})
        body = {"name": "x", "settings": {"targets": [archive["id"]]}}
        assert box.refuses("POST", "/room-templates", body) == (403, "not_permitted")
        where = f"/room-templates/{mine['id']}"
        assert box.refuses("PATCH", where, {"settings": {"targets": []}}) == (403, "not_permitted")
        # What an operator has kept may be used.
        room = box.ask("POST", "/rooms", {"name": "Made by a moderator", "template": theirs["id"]})
        saved = keep(box, "Saved by a moderator", room=room["id"])
        assert saved["settings"]["targets"] is None
    finally:
        box.owner = owner
    assert rooms_of(box, archive) == ["rm_other", room["id"]]
    box.ask("DELETE", f"/targets/{archive['id']}")


def test_what_will_not_do_is_refused(box):
    keep(box, "Lecture")
    assert box.refuses("POST", "/room-templates", {"name": "LECTURE"}) == (409, "template_name_taken")
    assert box.refuses("POST", "/room-templates", {"name": " "}) == (422, "invalid_name")
    body = {"name": "x", "settings": {"rules": {"keep_days": 40_000}}}
    assert box.refuses("POST", "/room-templates", body) == (422, "out_of_range")
    assert box.refuses("POST", "/room-templates", {"name": "x", "room": "rm_none"}) == (404, "not_found")
    [template] = box.ask("GET", "/room-templates")["items"]
    where = f"/room-templates/{template['id']}/previews"
    assert box.refuses("POST", where, {"rooms": ["rm_none"]}) == (404, "not_found")
    assert box.refuses("POST", where, {"rooms": ["x"] * 201}) == (422, "too_many_rooms")
    for n in range(63):
        keep(box, f"Template {n}")
    assert box.refuses("POST", "/room-templates", {"name": "One more"}) == (409, "too_many_templates")
