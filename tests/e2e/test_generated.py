"""Requests that a generator makes of the API's document (schemathesis): by its examples, at the edges of what it allows and beyond
them, and at random. None finds an error of the box, and no answer is one that the document lacks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_doors import DOCUMENT, PASSWORD, ask

from box import Box

FULL = os.environ.get("ROOMBOX_FULL") == "1"
# They end what the generator signs in with, whose ids it learns from answers: they are asked last.
LAST = ["/api/v1/account/sessions", "/api/v1/api-tokens/{id}", "/api/v1/people/{id}", "/api/v1/session"]
CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "response_headers_conformance", "unsupported_method"]
# A box that is not made for something says so; that this answer is described is another check.
CONFIGURATION = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "501", "503"]
"""


@pytest.fixture
def owned(tmp_path):
    """A box of its own, since much of what is asked succeeds, and a token of its owner."""
    with Box(tmp_path) as box:
        claim = {"code": box.code, "name": "Ada", "password": PASSWORD}
        _, headers, _ = ask(box, "POST", "/api/v1/claim", claim)
        cookie = {"Cookie": headers["Set-Cookie"].split(";")[0]}
        status, _, token = ask(box, "POST", "/api/v1/api-tokens", {"name": "generator"}, **cookie)
        assert status == 201
        yield box, token["token"]
        box.check_alive()


def without_sign_in(document: dict) -> dict:
    """The generator would make up sessions and tokens of its own."""
    paths = {
        path: {method: {name: part for name, part in operation.items() if name != "security"}
               for method, operation in item.items()}
        for path, item in document["paths"].items()
    }
    components = {name: part for name, part in document["components"].items() if name != "securitySchemes"}
    return {**document, "paths": paths, "components": components}


@pytest.mark.timeout(3600 if FULL else 900)
def test_no_generated_request_finds_an_error_of_the_box_or_an_answer_without_a_description(owned, tmp_path):
    box, token = owned
    (tmp_path / "openapi.json").write_text(json.dumps(without_sign_in(DOCUMENT)))
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)

    def generate(*which):
        command = [Path(sys.executable).parent / "schemathesis", "run", "openapi.json", "--url", box.http, *which,
                   "--header", f"Authorization: Bearer {token}", "--phases", "examples,coverage,fuzzing",
                   "--max-examples", "60" if FULL else "2", "--seed", "1", "--checks", ",".join(CHECKS),
                   "--continue-on-failure", "--no-shrink", "--output-sanitize", "false"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=os.environ | {"NO_COLOR": "1"})
        print(done.stdout, done.stderr)
        assert done.returncode == 0

    generate(*(word for path in LAST for word in ("--exclude-path", path)))
    assert ask(box, "GET", "/api/v1/people", Authorization=f"Bearer {token}")[0] == 200, "it was signed in until here"
    generate(*(word for path in LAST for word in ("--include-path", path)))
