"""What browsers may make of an answer: a snapshot of the security headers of every kind of answer."""

import http.client
import json
import urllib.parse
from pathlib import Path

import pytest

from test_doors import ask, owner  # noqa: F401  (a fixture)

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs/api/openapi.json").read_text())
PERMISSIONS = ("camera=(self), microphone=(self), display-capture=(self), "
               "geolocation=(), payment=(), usb=(), serial=(), hid=(), midi=()")
PAGE = ("default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
        "img-src 'self' blob: data:; media-src 'self' blob: mediastream:; font-src 'self'; "
        "worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
NO_PAGE = "default-src 'none'; frame-ancestors 'none'"
WATCHED = ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy", "Cache-Control")


def headers_of(box, path, **headers):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(box.http).netloc, timeout=10)
    try:
        connection.request("GET", path, headers={"Accept": "text/html", **headers})
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name: answer.headers[name] for name in WATCHED}
    finally:
        connection.close()


def snapshot(policy, cache):
    return dict(zip(WATCHED, (policy, "nosniff", "no-referrer", PERMISSIONS, cache)))


@pytest.mark.parametrize("path", ["/panel/", "/panel/rooms/any", "/meet/any"])
def test_pages_run_and_load_only_what_is_the_boxs_own(box, path):
    assert headers_of(box, path) == (200, snapshot(PAGE, "no-cache"))


def test_every_answer_of_the_api_is_no_page_and_is_kept_by_nobody(box, owner):  # noqa: F811
    seen = 0
    for path, item in DOCUMENT["paths"].items():
        # An upgrade, and a film that is counted as read, are no answers in JSON.
        if "get" not in item or path.endswith("/events"):
            continue
        for who in ({}, owner):
            where = path.replace("{", "").replace("}", "")
            status, headers = headers_of(box, where, **who)
            told = {**headers, "Cache-Control": headers["Cache-Control"] and "no-store"}
            if "text/html" in item["get"]["responses"].get(str(status), {}).get("content", {}):
                # Nobody keeps it, either.
                assert told == snapshot(PAGE, "no-store"), (status, path)
                continue
            kinds = list(item["get"]["responses"].get("200", {}).get("content", {"application/json": 0}))
            if status >= 400 or kinds == ["application/json"]:
                assert told == snapshot(NO_PAGE, "no-store"), (status, path)
                assert "no-store" in headers["Cache-Control"], path
                seen += 1
            else:
                # Files may be opened in a tab; what they are is not guessed there either.
                assert headers["X-Content-Type-Options"] == "nosniff", path
    assert seen > 100


def test_meetings_are_framed_by_whom_the_owner_names_and_the_panel_by_nobody(box, owner):  # noqa: F811
    named = {"security": {"framed_by": ["https://lms.example.org", "https://*.school.example"]}}
    assert ask(box, "PATCH", "/api/v1/settings", named, **owner)[0] == 200
    by = PAGE.replace("frame-ancestors 'none'", "frame-ancestors 'self' https://lms.example.org https://*.school.example")
    assert headers_of(box, "/meet/any") == (200, snapshot(by, "no-cache"))
    assert headers_of(box, "/panel/") == (200, snapshot(PAGE, "no-cache"))
    for wrong in ("*", "lms.example.org", "https://a.example; script-src *", "https://a.example/page", 7):
        status, _, answer = ask(box, "PATCH", "/api/v1/settings", {"security": {"framed_by": [wrong]}}, **owner)
        assert (status, answer["field"].split("[")[0]) == (422, "security.framed_by"), wrong
    assert ask(box, "PATCH", "/api/v1/settings", {"security": {"framed_by": None}}, **owner)[0] == 200
    assert headers_of(box, "/meet/any") == (200, snapshot(PAGE, "no-cache"))
