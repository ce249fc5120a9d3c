"""What the box is for, on the image: people on this host meet in it with Chromium, and are recorded."""

import json
import ssl
import subprocess
import urllib.request

from conftest import OWNER, PASSWORD
from vm import CLAIM


def download(machine, path, target):
    request = urllib.request.Request(f"{machine.base}{path}", headers={"Cookie": machine.cookie})
    with urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=120) as answer:
        target.write_bytes(answer.read())
    return target


def test_two_people_meet_and_the_film_has_both(booted, visitors, tmp_path):
    if not booted.answers()["claimed"]:
        code = booted.wait_console(CLAIM).group(1)
        booted.cookie = visitors.claim(code, OWNER, PASSWORD)
    room = booted.get("/api/v1/rooms", "POST", {"name": "Hall"})
    visitors.meet(f"{booted.base}/meet/{room['id']}#invite={room['invite']}", "Grace", "Edsger")
    recording = booted.get(f"/api/v1/rooms/{room['id']}/recording", "POST", {})
    seen = lambda: booted.get(f"/api/v1/recordings/{recording['id']}")
    booted.wait(lambda: seen()["duration_ms"] > 6000, "the recording never grew")
    booted.get(f"/api/v1/rooms/{room['id']}/recording", "DELETE")
    visitors.leave()
    booted.wait(lambda: seen()["state"] == "ready", f"the film was never ready: {seen()}")
    film = next(file for file in seen()["files"] if file["name"].endswith(".mp4"))
    path = download(booted, f"/api/v1/recordings/{recording['id']}/files/{film['name']}", tmp_path / "film.mp4")
    asked = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_type,width,height:format=duration", "-of", "json", path]
    probed = json.loads(subprocess.run(asked, capture_output=True, check=True, text=True).stdout)
    assert {stream["codec_type"] for stream in probed["streams"]} == {"audio", "video"}, probed
    assert float(probed["format"]["duration"]) > 5, probed
    # Every picture decodes.
    subprocess.run(["ffmpeg", "-v", "error", "-xerror", "-i", path, "-f", "null", "-"], check=True)
