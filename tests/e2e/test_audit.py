"""The audit log: who did what, who was refused, no secrets, and a chain that shows changes."""

import hashlib
import http.client
import json
import os
import subprocess
import urllib.parse

import pytest

from test_doors import PASSWORD, ask, owner  # noqa: F401
from test_permissions import people  # noqa: F401


def log(box, who, query=""):
    status, _, page = ask(box, "GET", f"/api/v1/audit?limit=200{query}", **who)
    assert status == 200, page
    return page


def export(box, who):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(box.http).netloc, timeout=10)
    connection.request("GET", "/api/v1/audit/export", headers=who)
    answer = connection.getresponse()
    assert answer.status == 200
    text = answer.read().decode()
    connection.close()
    return text


def is_whole(text):
    """The program that docs/OPERATIONS.md prints."""
    lines = [json.loads(line) for line in text.splitlines()]
    seq, before = lines[0]["anchor"]["seq"], lines[0]["anchor"]["hash"]
    for row in (line["row"] for line in lines[1:]):
        seq, before = seq + 1, hashlib.sha256((before + row["entry"]).encode()).hexdigest()
        if before != row["hash"] or json.loads(row["entry"])["seq"] != seq:
            return False
    return True


def newest(box, who, action):
    return log(box, who, f"&action={action}")["items"][0]


def test_what_people_and_tokens_do_is_written_with_whom_and_to_what(box, owner, people):  # noqa: F811
    status, _, room = ask(box, "POST", "/api/v1/rooms", {"name": "Hall"}, **people["moderator"])
    assert status == 201
    row = newest(box, owner, "room_create")
    assert (row["name"], row["subject"], row["result"], row["from"], row["token"]) == (
        "A moderator", room["id"], "ok", "127.0.0.1", "")
    assert ask(box, "DELETE", f"/api/v1/rooms/{room['id']}", **owner)[0] == 204
    row = newest(box, owner, "room_delete")
    assert (row["name"], row["subject"]) == ("Ada", room["id"])
    assert row["token"].startswith("tok_")
    listed = ask(box, "GET", "/api/v1/people", **owner)[2]["items"]
    viewer = next(one for one in listed if one["role"] == "viewer")
    ask(box, "PATCH", f"/api/v1/people/{viewer['id']}", {"role": "moderator"}, **owner)
    ask(box, "PATCH", f"/api/v1/people/{viewer['id']}", {"role": "viewer"}, **owner)
    rows = log(box, owner, "&action=person_patch")["items"]
    assert [row["detail"] for row in rows] == ["A viewer, viewer", "A viewer, moderator"]
    mine = log(box, owner, f"&person={viewer['id']}")["items"]
    assert [row["action"] for row in mine] == ["invitation_accept"]


def test_refusals_are_written_and_what_only_looks_is_not(box, owner, people):  # noqa: F811
    before = log(box, owner)["state"]["newest"]
    assert ask(box, "GET", "/api/v1/rooms", **people["viewer"])[0] == 200
    assert ask(box, "GET", "/api/v1/rooms")[0] == 401
    assert log(box, owner)["state"]["newest"] == before
    assert ask(box, "GET", "/api/v1/people", **people["operator"])[0] == 403
    assert ask(box, "DELETE", "/api/v1/rooms/rm_1", **people["viewer"])[0] == 403
    wrong = {"name": "Ada", "password": "incorrect horse battery"}
    assert ask(box, "POST", "/api/v1/session", wrong, source="127.0.0.9")[0] == 401
    rows = log(box, owner, "&refused=true")["items"][:3]
    assert rows[0]["detail"] == "Ada", "at whose account"
    assert [(row["action"], row["name"], row["result"], row["from"]) for row in rows] == [
        ("session_post", "", "wrong_sign_in", "127.0.0.9"),
        ("room_delete", "A viewer", "not_permitted", "127.0.0.1"),
        ("person_list", "A operator", "not_permitted", "127.0.0.1"),
    ]


def test_only_owners_and_operators_read_it(box, people):  # noqa: F811
    for who, expected in [("owner", 200), ("operator", 200), ("moderator", 403), ("viewer", 403)]:
        for path in ["/audit", "/audit/export"]:
            assert ask(box, "GET", f"/api/v1{path}", **people[who])[0] == expected, (who, path)


def test_no_secret_is_in_it(box, owner, people):  # noqa: F811
    canary = "canary horse battery"
    invite = {"name": "Eve", "role": "viewer", "expires_in_s": 600}
    _, _, made = ask(box, "POST", "/api/v1/invites", invite, **owner)
    accepted = {"secret": made["secret"], "name": "Eve", "password": canary}
    assert ask(box, "POST", "/api/v1/invitation/acceptance", accepted)[0] == 201
    ask(box, "POST", "/api/v1/session", {"name": "canary user", "password": canary})
    _, _, token = ask(box, "POST", "/api/v1/api-tokens", {"name": "t"}, **owner)
    _, _, key = ask(box, "POST", "/api/v1/livekit-keys", **owner)
    ask(box, "POST", "/s/CANARYCANARY/session", {"password": canary})
    text = export(box, owner)
    for secret in [canary, "canary user", "CANARY", made["secret"], token["token"],
                   token["token"].removeprefix("rbx_"), key["secret"], PASSWORD]:
        assert secret not in text, secret
    for id in [made["id"], token["id"]]:
        assert id in text


def test_the_export_is_whole_and_shows_whatever_was_changed(box, owner, people, tmp_path):  # noqa: F811
    text = export(box, owner)
    lines = text.splitlines(keepends=True)
    assert len(lines) > 10 and is_whole(text)
    assert log(box, owner)["state"]["broken"] is None

    def checked(text):
        file = tmp_path / "audit.jsonl"
        file.write_text(text)
        done = subprocess.run([os.environ["ROOMBOX_BOX"], "--check-audit", file], capture_output=True, text=True)
        return done.returncode, done.stdout

    code, says = checked(text)
    assert code == 0 and f"{len(lines) - 1} rows" in says
    for changed in [text.replace("A moderator", "A viewer", 1), "".join(lines[:5] + lines[6:]),
                    "".join(lines[1:])]:
        assert checked(changed)[0] == 1
    assert not is_whole(text.replace("A moderator", "A viewer", 1))


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "from=yesterday", "after=x"])
def test_odd_questions_are_refused(box, owner, query):  # noqa: F811
    assert ask(box, "GET", f"/api/v1/audit?{query}", **owner)[0] in (400, 422)
