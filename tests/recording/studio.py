"""A meeting with a clapper in it, whose live outputs are watched."""

from pathlib import Path

from broadcast import Clapper
from meeting import Meeting


class Studio(Meeting):
    """A meeting with a clapper in it."""

    def __init__(self, box, name="Studio"):
        super().__init__(box, name, people=())
        self.people["Clapper"] = self.run(self._clap(box.panel.join_token(self.room["id"], "Clapper")))

    async def _clap(self, token):
        clapper = Clapper()
        await clapper.join(self.box.ws, token)
        return clapper

    def outputs(self) -> list[dict]:
        return self.box.panel.call("GET", f"/rooms/{self.room['id']}/outputs")["items"]

    def send(self, url=None, **more) -> dict:
        request = more | ({"url": url} if url else {})
        return self.box.panel.call("POST", f"/rooms/{self.room['id']}/outputs", request)

    def stop(self, output: dict):
        self.box.panel.call("DELETE", f"/rooms/{self.room['id']}/outputs/{output['id']}")

    def now(self, output: dict) -> dict:
        return next(one for one in self.outputs() if one["id"] == output["id"])

    def until(self, output: dict, what, seconds=60) -> dict:
        def so():
            now = self.now(output)
            return now if what(now) else None

        return self.box.wait(so, seconds)


def live(output):
    return output["state"] == "live"


def workers(box) -> list[int]:
    """Programs that broadcast for this box."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"live" in words and any(str(box.data).encode() in word for word in words) and b"nice" not in words[0]:
                found.append(int(folder.name))
    return found
