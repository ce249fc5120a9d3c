"""The box's own REST API, as a program uses it: claim, then an API token."""

import json
import urllib.error
import urllib.request


class Refused(Exception):
    """The box said no: status, code and what to do."""

    def __init__(self, status: int, body: dict):
        super().__init__(f"{status} {body.get('code')}: {body.get('message')}")
        self.status, self.code = status, body.get("code")


class PanelClient:
    def __init__(self, http: str):
        self.http, self.headers = http, {}

    def call(self, method: str, path: str, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = self.headers | ({"Content-Type": "application/json"} if data else {})
        request = urllib.request.Request(self.http + "/api/v1" + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                self.cookie = response.headers.get("Set-Cookie", "").split(";")[0]
                text = response.read()
        except urllib.error.HTTPError as error:
            text = error.read()
            raise Refused(error.code, json.loads(text) if text else {}) from None
        return json.loads(text) if text else None

    def claim(self, code: str, password: str):
        """Becomes the owner and goes on with an API token."""
        owner = {"code": code, "name": "Owner", "password": password}
        self.call("POST", "/claim", owner)
        self.headers = {"Cookie": self.cookie}
        token = self.call("POST", "/api-tokens", {"name": "script"})["token"]
        self.headers = {"Authorization": f"Bearer {token}"}

    def join_token(self, room: str, name: str) -> str:
        return self.call("POST", f"/rooms/{room}/join-token", {"name": name})["token"]
