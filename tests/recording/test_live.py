"""Live outputs: received by a real RTMP server, by SRT and by HTTP, broken, and taken up again."""

import os
import signal
import statistics
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from broadcast import PERIOD_S, keyframes, nginx, onsets, receive
from counterparts import free_port, kill
from panel_client import Refused
from recbox import decode, probe
from studio import Studio, live, workers

KEY = "a-very-secret-key"


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def check_claps(path: Path, seconds: float):
    flashes, beeps, frequency = onsets(path)
    print("flashes", flashes, "beeps", beeps, "Hz", frequency)
    assert len(flashes) >= seconds / PERIOD_S - 2, (flashes, beeps)
    assert frequency == pytest.approx(1000, abs=15)
    nearest = [min((beep - flash for beep in beeps), key=abs) for flash in flashes]
    # What was cut off at an end has only one of both.
    offsets = [offset for offset in nearest if abs(offset) < PERIOD_S / 2]
    assert len(offsets) >= len(nearest) - 1, (flashes, beeps)
    print("sound after picture, s:", offsets)
    assert abs(statistics.median(offsets)) < 0.12, offsets
    keys = keyframes(path)
    gaps = [b - a for a, b in zip(keys, keys[1:])]
    assert gaps and max(gaps) < 2.6, keys


def test_a_room_is_streamed_to_a_real_server_that_dies_and_comes_back(box, tmp_path):
    port = free_port()
    url = f"rtmp://127.0.0.1:{port}/app/{KEY}"
    with Studio(box) as studio, nginx(tmp_path / "nginx", port) as server:
        rtmp = studio.send(url)
        assert rtmp["state"] == "connecting" and KEY not in str(rtmp)
        recording = rtmp["recording"]
        assert box.recording(recording)["state"] == "recording"
        hls = studio.send()
        studio.until(rtmp, live)
        (worker,) = workers(box)
        spent, begun = cpu_s(worker), time.monotonic()
        seen = receive(url, tmp_path / "rtmp.mkv", 12)
        share = (cpu_s(worker) - spent) / (time.monotonic() - begun)
        print("glass to glass, s:", [round(delay, 2) for delay in seen["delays"]], f"cores: {share:.2f}")
        assert seen["frames"] > 12 * 20, seen
        assert statistics.median(seen["delays"]) < 7, seen
        check_claps(tmp_path / "rtmp.mkv", 12)
        size = probe(tmp_path / "rtmp.mkv", "stream=codec_name,width,height")["streams"]
        assert {one["codec_name"]: one.get("width") for one in size} == {"aac": None, "h264": 1280}

        # Players fetch the other one from the box.
        studio.until(hls, live)
        playlist = box.http + studio.now(hls)["playlist"]
        seen = receive(playlist, tmp_path / "hls.mkv", 6)
        print("HLS glass to glass, s:", seen["delays"])
        check_claps(tmp_path / "hls.mkv", 6)
        text = urllib.request.urlopen(playlist).read().decode()
        assert "#EXT-X-PROGRAM-DATE-TIME:" in text and "#EXT-X-ENDLIST" not in text

        # Paused: nobody is seen or heard any more, and the stream goes on.
        box.panel.call("PATCH", f"/rooms/{studio.room['id']}/recording", {"paused": True})
        seen = receive(url, tmp_path / "paused.mkv", 9)
        flashes, beeps, _ = onsets(tmp_path / "paused.mkv")
        assert seen["frames"] > 9 * 15 and len(flashes) <= 2 and len(beeps) <= 2, (seen, flashes, beeps)
        assert live(studio.now(rtmp)) and studio.now(rtmp)["breaks"] == 0
        box.panel.call("PATCH", f"/rooms/{studio.room['id']}/recording", {"paused": False})

        # The server dies: the output says so, and the other one is not disturbed.
        before = studio.now(hls)
        kill(server)
        broken = studio.until(rtmp, lambda now: now["state"] == "retrying")
        assert broken["why"] and KEY not in str(broken), broken
        print("why:", broken["why"])
        now = studio.until(hls, lambda now: now["bytes"] > before["bytes"])
        assert now["state"] == "live" and now["since"] == before["since"]
        with nginx(tmp_path / "nginx2", port):
            studio.until(rtmp, live)
            assert studio.now(rtmp)["why"] is None and studio.now(rtmp)["breaks"] >= 1
            seen = receive(url, tmp_path / "again.mkv", 5)
            assert seen["frames"] > 20, seen

            # So does the program that sends.
            os.kill(worker, signal.SIGKILL)
            studio.until(rtmp, lambda now: not live(now))
            studio.until(rtmp, live)
            studio.until(hls, live)
            assert workers(box) != [worker]
            assert box.recording(recording)["state"] == "recording"

            studio.stop(rtmp)
            assert [one["id"] for one in studio.outputs()] == [hls["id"]]
            studio.stop(hls)
        assert studio.outputs() == []
        # It ran for them alone.
        box.until(recording, lambda seen: seen["state"] != "recording")
    seen = box.until(recording, lambda seen: seen["state"] == "ready")
    film = box.folder(recording) / next(file["name"] for file in seen["files"] if file["kind"] == "mp4")
    decode(film)
    with pytest.raises(urllib.error.HTTPError) as gone:
        urllib.request.urlopen(playlist)
    assert gone.value.code == 404
    box.wait(lambda: not workers(box), 20)
    assert KEY not in box.log_path.read_text()


def test_srt_with_a_passphrase_goes_on_after_a_daemon_that_dies(box, tmp_path):
    port = free_port()
    secret = "passphrase=correct-horse"
    with Studio(box) as studio:
        recording = studio.record()
        output = studio.send(f"srt://127.0.0.1:{port}?{secret}")
        assert "correct-horse" not in str(output)
        studio.until(output, lambda now: now["state"] == "retrying")
        listen = f"srt://127.0.0.1:{port}?mode=listener&{secret}"
        got = {}

        def listener(name):
            got[name] = receive(listen, tmp_path / f"{name}.ts", 8)

        first = threading.Thread(target=listener, args=("first",))
        first.start()
        studio.until(output, live)
        first.join()
        check_claps(tmp_path / "first.ts", 8)
        # It goes on with the box, and with the recording.
        box.kill()
        box.start()
        second = threading.Thread(target=listener, args=("second",))
        second.start()
        studio.until(output, live, 90)
        second.join()
        assert got["second"]["frames"] > 8 * 15, got["second"]
        studio.stop(output)
        # Somebody wanted it recorded, output or not.
        assert box.recording(recording)["state"] == "recording"
        studio.stop_recording()
        box.until(recording, lambda seen: seen["state"] != "recording")


def test_what_cannot_be_sent_is_refused_and_leaves_nothing(box):
    with Studio(box) as studio:
        for url in ("http://a/b/c", "rtmp://a/app", "srt://a", "srt://a:1?mode=listener"):
            with pytest.raises(Refused) as refused:
                studio.send(url)
            assert (refused.value.status, refused.value.code) == (422, "invalid_output"), url
        assert studio.outputs() == []
        empty = box.panel.call("POST", "/rooms", {"name": "Nobody"})["id"]
        with pytest.raises(Refused) as refused:
            box.panel.call("POST", f"/rooms/{empty}/outputs", {})
        assert refused.value.code == "no_meeting"
        most = max(1, (os.cpu_count() or 1) // 2)
        layouts = ["grid", "speaker", "screen", "single", "auto"]
        for layout in layouts[:most]:
            studio.send(layout=layout)
        if most < len(layouts):
            with pytest.raises(Refused) as refused:
                studio.send(layout=layouts[most])
            assert refused.value.code == "too_many_broadcasts"
        # The room is left: nothing is sent any more.
    box.wait(lambda: not studio.outputs(), 60)
