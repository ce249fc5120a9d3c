"""What a recording becomes beside its film: captions, each person's tracks, sound in other files."""

import array
import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from meeting import Meeting
from recbox import decode, probe, started
from test_story import fetch, grown

TOPIC = "lk.transcription"
RATE = 8000


async def caption(room, text, final=True, segment="SG_1", track="", topic=TOPIC, to=None):
    """A program's transcription, as LiveKit's agents send it: a stream of text in chunks."""
    said = {"lk.segment_id": segment, "lk.transcription_final": "true" if final else "false"}
    if track:
        said["lk.transcribed_track_id"] = track
    writer = await room.local_participant.stream_text(
        topic=topic, attributes=said, destination_identities=to or []
    )
    for word in text.split(" "):
        await writer.write(word + " ")
    await writer.aclose()


def cues(text):
    """Beginning, end, speaker and text of each cue; what is none fails."""
    head, *blocks = text.strip().split("\n\n")
    assert head == "WEBVTT"
    found = []
    for block in blocks:
        times, said = block.split("\n")
        begin, end = times.split(" --> ")
        seconds = [sum(float(x) * 60**n for n, x in enumerate(reversed(t.split(":")))) for t in (begin, end)]
        speaker, words = re.fullmatch(r"<v ([^>]+)>(.*)</v>", said).groups()
        found.append((*seconds, speaker, words))
    return found


def made(box, recording, **request):
    """Has something made of a recording; paths of the files by kind."""
    wish = {"layout": "auto"} | request
    job = box.panel.call("POST", f"/recordings/{recording}/jobs", wish)["id"]

    def done(seen):
        newest = seen["job"]
        assert newest["id"] != job or newest["state"] not in ("parked", "cancelled"), newest
        return newest["id"] == job and newest["state"] == "finished"

    seen = box.until(recording, done)
    return [file for file in seen["files"] if f"/{job}/" in file["name"]]


def heard(path: Path):
    """Loudness of each 5 ms, as a program hears it that counts samples and does not look at times."""
    ask = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a"]
    ask += ["-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"]
    done = subprocess.run(ask, capture_output=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    samples = array.array("h", done.stdout)
    step = RATE // 200
    return [sum(map(abs, samples[n : n + step])) / step for n in range(0, len(samples), step)]


def offset(a, b) -> float:
    """By how many seconds b comes later than a, as far as they are alike."""
    most = 60
    length = min(len(a), len(b)) - most
    a, b = ([value ** 0.5 for value in one] for one in (a, b))
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)

    def alike(shift):
        pairs = ((a[n], b[n + shift]) for n in range(max(0, -shift), length))
        return sum((x - mean_a) * (y - mean_b) for x, y in pairs)

    return max(range(-most, most), key=alike) * 0.005


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """One recorded meeting, with a pause, in which a program transcribes."""
    from recbox import RecBox

    with RecBox(tmp_path_factory.mktemp("outputs") / "data") as box:
        with Meeting(box, people=("Ada", "Grace")) as meeting:
            recording = meeting.record()
            grown(box, recording, 1)
            meeting.say("Ada")
            ada, grace = (meeting.people[who].room for who in ("Ada", "Grace"))
            microphone = next(
                track["track"] for track in box.manifest(recording)["tracks"]
                if track["name"] == "Ada" and track["source"] == "microphone"
            )
            moments = {}

            def say(room, text, **said):
                begun = time.time()
                meeting.run(caption(room, text, **said))
                moments.setdefault(text, (begun, time.time()))

            # Grace's program transcribes Ada; the first guess says when.
            say(grace, "I shall", final=False, track=microphone)
            grown(box, recording, 3)
            say(grace, "I shall <translate> & note", track=microphone)
            say(ada, "a guess that nobody takes back", final=False, segment="SG_2")
            say(ada, "a secret chat", topic="lk.chat", segment="SG_3")
            say(ada, "a secret whisper", segment="SG_4", to=["somebody"])
            meeting.run(ada.local_participant.publish_transcription(old_transcription(microphone)))
            grown(box, recording, 5)
            pause = lambda on: box.panel.call("PATCH", f"/rooms/{meeting.room['id']}/recording", {"paused": on})
            pause(True)
            paused = box.recording(recording)["duration_ms"] / 1000
            say(ada, "a secret in the pause", segment="SG_5")
            grown(box, recording, paused + 2)
            pause(False)
            meeting.say("Grace")
            resumed = box.recording(recording)["duration_ms"] / 1000
            grown(box, recording, resumed + 2)
            say(ada, "after the pause", segment="SG_6")
            grown(box, recording, resumed + 4)
            meeting.stop_recording()
        seen = box.until(recording, lambda seen: seen["state"] == "ready", 240)
        yield box, recording, seen, moments


def old_transcription(track):
    """What programs sent before there were text streams; who sends streams is heard once."""
    from livekit import rtc

    said = rtc.TranscriptionSegment(
        id="OLD_1", text="said in the older way", start_time=0, end_time=0, language="en", final=True
    )
    return rtc.Transcription(participant_identity="", track_sid=track, segments=[said])


def film_time(box, recording, unix):
    """The film's time of a moment of the wall clock: pauses are cut, and so is what was before."""
    index = next(file for file in box.recording(recording)["files"] if file["kind"] == "index")
    at = (unix - started(box.timeline(recording))) * 1e6
    before = 0
    for piece in json.loads(fetch(box, recording, index["name"])[2])["pieces"]:
        if at < piece["to_us"]:
            return (before + max(0, at - piece["from_us"])) / 1e6
        before += piece["to_us"] - piece["from_us"]
    raise AssertionError(f"{unix} is after the film")


def test_what_programs_transcribe_is_beside_the_film_under_the_speakers_name(story):
    box, recording, seen, moments = story
    file = next(file for file in seen["files"] if file["kind"] == "captions")
    status, headers, body = fetch(box, recording, file["name"])
    assert status == 200 and headers["Content-Type"].startswith("text/vtt")
    found = cues(body.decode())
    said = {text: (begin, speaker) for begin, _, speaker, text in found}
    guess, sure = "I shall", "I shall &lt;translate&gt; &amp; note"
    assert set(said) == {sure, "a guess that nobody takes back", "after the pause"}, found
    assert {speaker for _, speaker in said.values()} == {"Ada"}
    for text, moment in [(sure, guess), ("a guess that nobody takes back",) * 2, ("after the pause",) * 2]:
        # While it was sent: a machine that is busy with other things takes its time.
        first, last = (film_time(box, recording, when) for when in moments[moment])
        assert first - 0.5 <= said[text][0] <= last + 0.5, (text, first, last)
    assert "secret" not in (box.folder(recording) / "timeline.jsonl").read_text()
    kept = [line for line in box.timeline(recording) if line["e"] == "caption"]
    assert len(kept) == 3 and kept[0]["by"] != kept[0]["identity"]
    packets = probe(box.folder(recording) / file["name"], "packet=pts_time")["packets"]
    assert [float(packet["pts_time"]) for packet in packets] == [begin for begin, *_ in found]


def test_tracks_of_each_person_play_and_are_in_step_with_the_film(story):
    box, recording, seen, _ = story
    film = box.folder(recording) / next(f["name"] for f in seen["files"] if f["kind"] == "mp4")
    length = float(probe(film, "format=duration")["format"]["duration"])
    files = made(box, recording, outputs=["tracks"])
    assert {file["kind"] for file in files} == {"track"}
    paths = {Path(file["name"]).name: box.folder(recording) / file["name"] for file in files}
    identities = {track["name"]: track["identity"] for track in box.manifest(recording)["tracks"]}
    names = {f"{re.sub('[^A-Za-z0-9_-]', '_', one)}-{what}" for one in identities.values()
             for what in ("camera.webm", "microphone.ogg")}
    assert set(paths) == names
    for path in paths.values():
        decode(path)
        found = probe(path, "stream=codec_name:format=duration")
        assert float(found["format"]["duration"]) == pytest.approx(length, abs=0.6), path
        codecs = {stream["codec_name"] for stream in found["streams"]}
        assert codecs == ({"opus"} if path.suffix == ".ogg" else {"vp8", "opus"})
    # Both voices together are the film's, in either kind of file.
    for ending in (".ogg", ".webm"):
        voices = [heard(path) for path in paths.values() if path.suffix == ending]
        mixed = [a + b for a, b in zip(*voices)]
        assert abs(offset(heard(film), mixed)) <= 0.04, ending
    status, headers, _ = fetch(box, recording, files[0]["name"] + "?download=1")
    assert status == 200 and Path(files[0]["name"]).name in headers["Content-Disposition"]


def test_tracks_as_mp4_are_h264_and_aac_with_the_head_first_and_in_step_with_the_film(story):
    box, recording, seen, _ = story
    film = box.folder(recording) / next(f["name"] for f in seen["files"] if f["kind"] == "mp4")
    length = float(probe(film, "format=duration")["format"]["duration"])
    files = made(box, recording, outputs=["tracks_mp4"])
    assert {file["kind"] for file in files} == {"track"}
    paths = {Path(file["name"]).name: box.folder(recording) / file["name"] for file in files}
    identities = {track["name"]: track["identity"] for track in box.manifest(recording)["tracks"]}
    names = {f"{re.sub('[^A-Za-z0-9_-]', '_', one)}-{what}" for one in identities.values()
             for what in ("camera.mp4", "microphone.ogg")}
    assert set(paths) == names
    parts = box.manifest(recording)["parts"]
    largest = max((part["width"], part["height"]) for part in parts)
    films = [path for path in paths.values() if path.suffix == ".mp4"]
    for path in films:
        decode(path)
        found = probe(path, "stream=codec_name,width,height:format=duration")
        assert float(found["format"]["duration"]) == pytest.approx(length, abs=0.1), path
        picture, sound = found["streams"]
        # What was VP8 is coded anew, in its own size.
        assert (picture["codec_name"], sound["codec_name"]) == ("h264", "aac")
        assert (picture["width"], picture["height"]) <= largest
        head = path.read_bytes()[:1 << 20]
        assert head[4:8] == b"ftyp" and 0 < head.find(b"moov") < head.find(b"mdat")
    voices = [heard(path) for path in films]
    mixed = [a + b for a, b in zip(*voices)]
    assert abs(offset(heard(film), mixed)) <= 0.04
    mine = next(file for file in files if file["name"].endswith(".mp4"))
    status, headers, _ = fetch(box, recording, mine["name"])
    assert (status, headers["Content-Type"]) == (200, "video/mp4")


def test_sound_alone_is_as_long_as_the_film_in_every_file(story):
    box, recording, seen, _ = story
    film = box.folder(recording) / next(f["name"] for f in seen["files"] if f["kind"] == "mp4")
    length = float(probe(film, "format=duration")["format"]["duration"])
    for container, codec in [("ogg", "opus"), ("flac", "flac")]:
        (file,) = made(box, recording, outputs=["sound"], container=container)
        path = box.folder(recording) / file["name"]
        assert (file["kind"], path.name) == ("sound", f"sound.{container}")
        found = probe(path, "stream=codec_name:format=duration")
        assert [stream["codec_name"] for stream in found["streams"]] == [codec]
        assert float(found["format"]["duration"]) == pytest.approx(length, abs=0.1)
        decode(path)
        assert abs(offset(heard(film), heard(path))) <= 0.04


def test_a_film_for_hls_players_plays_from_the_box_and_a_pause_may_be_shown_in_it(story):
    box, recording, seen, _ = story
    length = lambda path: float(probe(path, "format=duration")["format"]["duration"])
    usual = length(box.folder(recording) / next(f["name"] for f in seen["files"] if f["kind"] == "mp4"))
    files = {file["kind"]: file for file in made(box, recording, outputs=["film", "hls"], pauses="slate")}
    film = box.folder(recording) / files["mp4"]["name"]
    decode(film)

    # As long as it was, and nothing is heard in it; what was said goes on after it.
    items = box.panel.call("GET", f"/recordings/{recording}/timeline")["items"]
    pause, resume = (next(item["t_ms"] for item in items if item["kind"] == kind) / 1000 for kind in ("pause", "resume"))
    assert resume - pause > 1.9
    assert length(film) == pytest.approx(usual + resume - pause, abs=0.4)
    index = json.loads((box.folder(recording) / files["index"]["name"]).read_text())
    (piece,) = index["pieces"]
    begin, end = (int((at - piece["from_us"] / 1e6) * 200) for at in (pause + 0.4, resume - 0.1))
    loud = heard(film)
    assert max(loud[begin:end]) < 5 < max(loud[:begin]) and max(loud[end:]) > 5

    # Over the network, by what the playlist names, as a player has it: of ranges.
    status, headers, body = fetch(box, recording, files["playlist"]["name"])
    assert (status, headers["Content-Type"]) == (200, "application/vnd.apple.mpegurl")
    ranges = re.findall(r"BYTERANGE[:=]\"?(\d+)@(\d+)", body.decode())
    segments = files["segments"]["name"]
    whole = (box.folder(recording) / segments).read_bytes()
    assert sum(int(count) for count, _ in ranges) == len(whole) == files["segments"]["bytes"]
    for count, at in ((int(count), int(at)) for count, at in ranges):
        asked = {"Range": f"bytes={at}-{at + count - 1}"}
        status, headers, part = fetch(box, recording, segments, **asked)
        assert (status, headers["Content-Type"], part) == (206, "video/mp4", whole[at : at + count])
    for kind, name in (("playlist", "hls.m3u8"), ("segments", "hls.m4s")):
        _, headers, _ = fetch(box, recording, files[kind]["name"] + "?download=1", method="HEAD")
        assert f'"{name}"' in headers["Content-Disposition"]
    said = "".join(f"{name}: {value}\r\n" for name, value in box.panel.headers.items() if name != "Content-Type")
    address = f"{box.http}/api/v1/recordings/{recording}/files/{files['playlist']['name']}"
    # What it decodes, counted: the playlist may say what it likes. A segment's sound comes after its pictures.
    counts, wide = {}, ["-max_muxing_queue_size", "1000", "-f", "framecrc"]
    for name, source in (("film", ["-i", str(film)]), ("hls", ["-headers", said, "-i", address])):
        run = ["ffmpeg", "-v", "error", "-nostdin", *source, "-map", "0:v", "-map", "0:a", *wide, "-"]
        done = subprocess.run(run, capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, done.stderr
        rows = [row.split(",") for row in done.stdout.splitlines() if not row.startswith("#")]
        counts[name] = [[row[-1] for row in rows if row[0] == stream] for stream in "01"]
    assert counts["hls"][0] == counts["film"][0], "the same pictures"
    assert len(counts["hls"][1]) == pytest.approx(len(counts["film"][1]), abs=2)
    played = box.data.parent / "played.mp4"
    run = ["ffmpeg", "-v", "error", "-nostdin", "-headers", said, "-i", address, "-c", "copy", str(played)]
    subprocess.run(run, check=True)
    assert length(played) == pytest.approx(length(film), abs=0.1)
    assert abs(offset(heard(film), heard(played))) <= 0.01
