"""The local API under bad input: every route of its document is asked, and every no is in one shape."""

import http.client
import json
import re
import time
import urllib.parse
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs/api/openapi.json").read_text())
PASSWORD = "correct horse battery"
JSON = "application/json"


def ask(box, method, path, body=None, kind=JSON, source="127.0.0.1", **headers):
    """Status, headers and body as JSON (or None) of one request."""
    where = urllib.parse.urlsplit(box.http).netloc
    connection = http.client.HTTPConnection(where, timeout=10, source_address=(source, 0))
    try:
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if body is not None:
            headers["Content-Type"] = kind
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        is_json = (answer.headers["Content-Type"] or "").split(";")[0] == JSON
        return answer.status, answer.headers, json.loads(text) if is_json and text else None
    finally:
        connection.close()


@pytest.fixture(scope="module")
def owner(box):
    """Headers of somebody who may everything."""
    claim = {"code": box.code, "name": "Ada", "password": PASSWORD}
    status, headers, _ = ask(box, "POST", "/api/v1/claim", claim)
    assert status == 201
    cookie = {"Cookie": headers["Set-Cookie"].split(";")[0]}
    status, _, token = ask(box, "POST", "/api/v1/api-tokens", {"name": "test"}, **cookie)
    assert status == 201
    return {"Authorization": f"Bearer {token['token']}"}


def is_problem(answer):
    return isinstance(answer, dict) and answer["code"] and answer["message"] and (
        set(answer) <= {"code", "message", "field"}
    )


def routes():
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield pytest.param(path, method, operation, id=f"{method} {path}")


@pytest.mark.parametrize("path, method, operation", list(routes()))
def test_who_is_nobody_gets_only_what_the_document_says(box, path, method, operation):
    where = re.sub(r"\{[^}]+\}", "x", path)
    status, _, answer = ask(box, method.upper(), where, {} if "requestBody" in operation else None)
    closed = operation["security"] and {} not in operation["security"]
    assert (status == 401) == bool(closed), answer
    # Who follows a link that leads nowhere is told so by a page.
    page = "text/html" in operation["responses"].get(str(status), {}).get("content", {})
    assert status < 400 or page or is_problem(answer), answer
    assert str(status) in operation["responses"]


BAD = [
    # Method, path, body, its kind; status, code, what the message says.
    ("GET", "/nothing", None, JSON, 404, "not_found", "/api/v1"),
    ("GET", "/rooms/", None, JSON, 404, "not_found", "/api/v1"),
    ("GET", "/../v2/rooms", None, JSON, 404, "not_found", "/api/v1"),
    ("GET", "/rooms/none", None, JSON, 404, "not_found", "no such room"),
    ("PUT", "/rooms", {}, JSON, 405, "method_not_allowed", "POST"),
    ("DELETE", "/box", None, JSON, 405, "method_not_allowed", "PATCH"),
    ("POST", "/rooms", None, JSON, 400, "malformed_request", "JSON object"),
    ("POST", "/rooms", "", JSON, 400, "malformed_request", "JSON object"),
    ("POST", "/rooms", "{", JSON, 400, "malformed_request", "not JSON"),
    ("POST", "/rooms", ["Room"], JSON, 422, "malformed_request", "not a list"),
    ("POST", "/rooms", "name=Room", "application/x-www-form-urlencoded", 415,
     "malformed_request", "Content-Type"),
    ("POST", "/rooms", b"--x\r\nContent-Disposition: form-data; name=name\r\n\r\nRoom\r\n--x--\r\n",
     "multipart/form-data; boundary=x", 415, "malformed_request", "Content-Type"),
    ("POST", "/rooms", '{"name":' + "[" * 50_000, JSON, 400, "malformed_request", "recursion"),
    ("POST", "/rooms", '{"name":' * 20_000, JSON, 400, "malformed_request", "recursion"),
    ("POST", "/rooms", b'{"name": "\xff\xfe"}', JSON, 400, "malformed_request", "not JSON"),
    ("POST", "/rooms", '{"name": "\\ud800"}', JSON, 400, "malformed_request", "not JSON"),
    ("POST", "/rooms", {"name": "a\u0000b"}, JSON, 422, "invalid_name", "that can be seen"),
    ("POST", "/rooms", {"name": "x" * 10_000_000}, JSON, 413, "too_large", "256 KiB"),
    ("PATCH", "/settings", {"security": {"contact": "x" * 10_000_000}}, JSON, 413, "too_large", "256 KiB"),
    ("GET", "/recordings?text=" + "x" * 60_000, None, JSON, 422, "invalid_search", "at most 200 characters"),
    ("GET", "/recordings/..%2f..%2fbox.db", None, JSON, 404, "not_found", "no such recording"),
    ("POST", "/rooms", {"name": "x" * 300_000}, JSON, 413, "too_large", "256 KiB"),
    ("POST", "/rooms", {"name": "a\nb"}, JSON, 422, "invalid_name", "that can be seen"),
    ("POST", "/rooms/none/recording", None, JSON, 404, "not_found", "no such room"),
    ("POST", "/rooms/none/recording", "", JSON, 404, "not_found", "no such room"),
    ("POST", "/rooms/none/recording", [], JSON, 422, "malformed_request", "not a list"),
    ("POST", "/recordings/none/jobs", None, JSON, 400, "malformed_request", "JSON object"),
    ("POST", "/recordings/none/jobs", {"layout": "round"}, JSON, 422, "malformed_request", "grid"),
    ("POST", "/jobs/none/attempts", None, JSON, 404, "not_found", "no such job"),
    ("GET", "/recordings?limit=0", None, JSON, 422, "out_of_range", "from 1 to 200"),
    ("GET", "/recordings?limit=500", None, JSON, 422, "out_of_range", "from 1 to 200"),
    ("GET", "/recordings?limit=-1", None, JSON, 400, "malformed_request", "limit"),
    ("GET", "/recordings/%ff", None, JSON, 400, "malformed_request", "UTF-8"),
    ("GET", "/events", None, JSON, 400, "malformed_request", "upgrade"),
    ("GET", "/events?after=x", None, JSON, 400, "malformed_request", "after"),
    ("PATCH", "/settings", [], JSON, 422, "malformed_request", "not a list"),
    ("PATCH", "/settings", {"meeting": []}, JSON, 422, "invalid_setting", "by their names"),
    ("PATCH", "/settings", {"recording": {"reserve_bytes": 2**64 - 1}}, JSON, 422,
     "invalid_setting", "at most 10 TB"),
    ("PATCH", "/settings", {"recording": {"reserve_bytes": -1}}, JSON, 422, "invalid_setting",
     "expected u64"),
]


@pytest.mark.parametrize("method, path, body, kind, status, code, says", BAD)
def test_bad_input_is_refused_in_one_shape(box, owner, method, path, body, kind, status, code, says):
    before = ask(box, "GET", "/api/v1/settings", **owner)[2]
    got, headers, answer = ask(box, method, "/api/v1" + path, body, kind, **owner)
    assert (got, is_problem(answer), answer["code"]) == (status, True, code), answer
    assert says in answer["message"], answer
    assert (status == 405) == ("Allow" in headers)
    assert ask(box, "GET", "/api/v1/settings", **owner)[2] == before


@pytest.mark.parametrize("name", ["Hörsaal 3", "会议室", "غرفة", "🎓🏫", "e\u0301", "a\u200db", "<b>Room</b>", "Robert'); DROP TABLE rooms;--"])
def test_names_are_kept_as_people_write_them(box, owner, name):
    status, _, room = ask(box, "POST", "/api/v1/rooms", {"name": name}, **owner)
    assert (status, room["name"]) == (201, name)
    assert ask(box, "GET", f"/api/v1/rooms/{room['id']}", **owner)[2]["name"] == name


def test_what_may_be_left_out_may_be_left_out(box, owner):
    for path in ["/recordings", "/recordings?limit=200", "/recordings?after=rec_0"]:
        assert ask(box, "GET", "/api/v1" + path, **owner)[0] == 200, path
    query = {parameter["name"]: parameter
             for parameter in DOCUMENT["paths"]["/api/v1/recordings"]["get"]["parameters"]}
    assert set(query) == {"limit", "after", "text", "from", "to", "room", "state"}
    assert all(one["in"] == "query" and not one.get("required") for one in query.values())


def test_wrong_passwords_make_only_their_sender_wait(box, owner):
    log_in = lambda password, source: ask(
        box, "POST", "/api/v1/session", {"password": password}, source=source
    )
    for _ in range(10):
        status, headers, answer = log_in("wrong", "127.0.0.3")
        if status != 401:
            break
    assert (status, answer["code"]) == (429, "too_many_attempts")
    assert 0 < int(headers["Retry-After"]) <= 30
    assert log_in(PASSWORD, "127.0.0.3")[0] == 429
    assert log_in(PASSWORD, "127.0.0.2")[0] == 200


def test_a_hundred_sign_ins_a_second_are_refused_and_the_box_stays_free_for_others(box, owner):
    """Whoever's name it is: the owner's, or one that nobody has."""
    for name in ("Ada", "Nobody"):
        one = {"name": name, "password": "guess"}
        guess = lambda _: ask(box, "POST", "/api/v1/session", one, source="127.0.0.9")
        begun = time.monotonic()
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(guess, range(100)))
            took = time.monotonic() - begun
        told = Counter((status, answer["code"]) for status, _, answer in answers)
        # Five are free, and only those cost the box a hash.
        assert told == {(401, "wrong_sign_in"): 5, (429, "too_many_attempts"): 95}, told
        assert all(int(headers["Retry-After"]) > 0 for status, headers, _ in answers if status == 429)
        assert took < 10, "a second on a machine that has nothing else to do"
        assert ask(box, "POST", "/api/v1/session", {"password": PASSWORD}, source="127.0.0.2")[0] == 200


def test_whom_to_tell_of_a_weakness_is_said_to_everybody_once_the_owner_names_somebody(box, owner):
    """RFC 9116: Contact and Expires are there once, the second less than a year ahead."""
    path = "/.well-known/security.txt"
    status, _, answer = ask(box, "GET", path)
    assert (status, answer["code"]) == (404, "not_found") and "contact" in answer["message"]
    for contact in ("security@example.org", "https://example.org/security"):
        name = {"security": {"contact": contact}}
        assert ask(box, "PATCH", "/api/v1/settings", name, **owner)[0] == 200
        with urllib.request.urlopen(f"{box.http}{path}", timeout=10) as file:
            assert file.headers["Content-Type"] == "text/plain; charset=utf-8"
            fields = [line.split(": ", 1) for line in file.read().decode().splitlines()]
        uri = contact if contact.startswith("https:") else f"mailto:{contact}"
        assert [name for name, _ in fields] == ["Contact", "Expires"] and fields[0][1] == uri
        ahead = datetime.fromisoformat(fields[1][1]) - datetime.now(UTC)
        assert timedelta(days=30) < ahead < timedelta(days=365)
    for wrong in ("somebody", "tel:+49", "a@b.example\nContact: mailto:c@d.example", 7):
        name = {"security": {"contact": wrong}}
        status, _, answer = ask(box, "PATCH", "/api/v1/settings", name, **owner)
        assert (status, answer["field"]) == (422, "security.contact"), wrong
    assert ask(box, "PATCH", "/api/v1/settings", {"security": {"contact": None}}, **owner)[0] == 200
    assert ask(box, "GET", path)[0] == 404
