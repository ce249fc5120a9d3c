"""Who may what: every route of the document is asked as every role and as nobody, and the answer is
what docs/permissions.md says."""

import re
from pathlib import Path

import pytest

from test_doors import DOCUMENT, PASSWORD, ask, is_problem, owner  # noqa: F401

MATRIX = Path(__file__).parents[2] / "docs/permissions.md"
ROLES = ["owner", "operator", "moderator", "viewer"]
WHO = [*ROLES, "nobody"]


def written():
    """What the table says: of each method and path, who may."""
    rows = {}
    for line in MATRIX.read_text().splitlines():
        row = re.fullmatch(r"\| `([A-Z]+) (\S+)` \| (.*) \|", line)
        if row:
            says = [cell.strip() for cell in row[3].split("|")]
            assert len(says) == len(WHO), line
            rows[row[1].lower(), row[2]] = dict(zip(WHO, says))
    return rows


TABLE = written()
ROUTES = {(method, path): operation
          for path, item in DOCUMENT["paths"].items() for method, operation in item.items()}


@pytest.fixture(scope="module")
def people(box, owner):  # noqa: F811
    """Headers of one person of each role, and of nobody."""
    headers = {"nobody": {}}
    for role in ROLES:
        wanted = {"name": f"A {role}", "role": role, "expires_in_s": 600}
        status, _, invite = ask(box, "POST", "/api/v1/invites", wanted, **owner)
        assert status == 201, invite
        accepted = {"secret": invite["secret"], "name": f"A {role}", "password": PASSWORD}
        status, answer, me = ask(box, "POST", "/api/v1/invitation/acceptance", accepted)
        assert (status, me["role"]) == (201, role)
        headers[role] = {"Cookie": answer["Set-Cookie"].split(";")[0]}
    return headers


def test_the_table_and_the_document_have_the_same_routes():
    assert set(TABLE) == set(ROUTES)
    assert len(TABLE) > 90


def asked(box, who, method, path, operation):
    where = re.sub(r"\{[^}]+\}", "x", path)
    # No JSON: who may hears of the body, and nothing happens.
    body = "{" if operation and "requestBody" in operation else None
    return ask(box, method.upper(), where, body, **who)


@pytest.mark.parametrize("method, path", sorted(TABLE), ids=lambda part: part)
def test_every_role_may_what_the_table_says(box, people, method, path):
    # What signs out, or gives every key away, would change who asks next.
    harmless = (method, path) not in {
        ("delete", "/api/v1/session"), ("delete", "/api/v1/account/sessions"),
    }
    operation = ROUTES.get((method, path))
    for who in WHO:
        says = TABLE[method, path][who]
        if says == "yes" and not harmless:
            continue
        status, _, answer = asked(box, people[who], method, path, operation)
        code = (answer or {}).get("code")
        if says in ("by a loan", "in the meeting"):
            # Whoever it is: only the token of a loan, or of a meeting, opens it.
            assert (status, code) == (401, "unauthenticated"), (who, status, answer)
            continue
        refused = (status, code) == ((401, "unauthenticated") if who == "nobody"
                                     else (403, "not_permitted"))
        assert refused == (says == "–"), (who, says, status, answer)
        if refused and who != "nobody":
            assert is_problem(answer)
            assert "owners may" in answer["message"], "it says who may"
        if says == "yes":
            assert code != "not_permitted", (who, answer)


def test_a_token_that_may_less_is_refused_as_its_role_is(box, people):
    wanted = {"name": "reader", "role": "viewer", "expires_in_s": 600}
    status, _, made = ask(box, "POST", "/api/v1/api-tokens", wanted, **people["owner"])
    assert status == 201
    reader = {"Authorization": f"Bearer {made['token']}"}
    assert ask(box, "GET", "/api/v1/recordings", **reader)[0] == 200
    assert ask(box, "GET", "/metrics", **reader)[0] == 200
    status, _, answer = ask(box, "POST", "/api/v1/rooms", {"name": "Room"}, **reader)
    assert (status, answer["code"]) == (403, "not_permitted")
    status, _, answer = ask(box, "GET", "/api/v1/account/sessions", **reader)
    assert (status, answer["code"]) == (403, "narrow_token")
    # A moderator cannot make one that may more.
    wanted["role"] = "owner"
    status, _, answer = ask(box, "POST", "/api/v1/api-tokens", wanted, **people["moderator"])
    assert (status, answer["code"]) == (422, "invalid_token")


def test_who_watches_joins_as_a_guest_and_who_moderates_as_a_host(box, people):
    status, _, room = ask(box, "POST", "/api/v1/rooms", {"name": "Hall"}, **people["moderator"])
    assert status == 201
    import base64
    import json

    def grants(who):
        where = f"/api/v1/rooms/{room['id']}/join-token"
        status, _, made = ask(box, "POST", where, {"name": who}, **people[who])
        assert status == 201, made
        claims = made["token"].split(".")[1]
        return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["video"]

    assert grants("moderator").get("roomAdmin") is True
    assert not grants("viewer").get("roomAdmin")
