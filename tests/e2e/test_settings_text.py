"""Settings as a text: taken along without secrets, put in after a look, all of it or nothing."""

import http.client
import re
import urllib.parse

import pytest

from test_audit import newest
from test_doors import ask, owner  # noqa: F401

CANARY = "canary4711"
TEXT, LOOK = "/api/v1/settings/text", "/api/v1/settings/text/previews"

# As a plugnmeet-server's file is laid out: each section that it can have, in words of our own.
SERVER = f"""# of a server
client:
  port: 8080
  api_key: "us"
  secret: "{CANARY}"
  webhook_conf:
    enable: true
    url: "https://hooks.example.org/{CANARY}"
  proxy_conf:
    enabled: false
    trusted_proxy_ips: [ "10.0.0.0/8", "::1/128" ]
  copyright_conf:
    text: 'By <a href="https://x.example">us</a>'

room_default_settings:
  max_duration: 0
  max_participants: 40 # people
  max_num_breakout_rooms: 6
log_settings:
  log_level: "debug"
livekit_info:
  host: "http://10.0.0.2:7880"
  secret: "{CANARY}"
livekit_sip_info:
  phone_numbers: ["+441632960961"]
turn_server:
  enabled: false
redis_info:
  host: redis:6379
#  use_tls: false
database_info:
  password: "{CANARY}"
nats_info:
  nats_urls:
    - "nats://10.0.0.2:4222"
  nkey: "{CANARY}"
  recorder:
    recorder_channel: "recorderChannel"
upload_file_settings:
  keep_forever: false
recorder_info:
  recording_files_path: "/srv/recordings"
  token_validity: 30m
analytics_settings:
  enabled: true
artifacts_settings:
  storage_path: "./artifacts"
insights:
  providers:
    azure:
      - id: "east"
        credentials:
          api_key: "{CANARY}"
hooks:
  post_recording:
    - "./upload.sh"
weather:
  sun: true
"""

RECORDER = """recorder:
  id: node_01
  mode: "recorderOnly"
  max_limit: 10
  copy_to_path:
    main_path: "/srv/recordings"
ffmpeg_settings:
  recording:
    pre_input: "-loglevel error"
plugNmeet_info:
  host: http://localhost:8080
"""


def export(box, who):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(box.http).netloc, timeout=10)
    connection.request("GET", TEXT, headers=who)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/toml; charset=utf-8")
    assert "roombox-settings.toml" in answer.headers["Content-Disposition"]
    return text


def look(box, who, text):
    status, _, seen = ask(box, "POST", LOOK, {"text": text}, **who)
    assert status == 200, seen
    assert CANARY not in str(seen)
    return seen


def put(box, who, text, of):
    return ask(box, "PUT", TEXT, {"text": text, "of": of}, **who)


def settings(box, who):
    return ask(box, "GET", "/api/v1/settings", **who)[2]


@pytest.fixture(scope="module", autouse=True)
def with_a_secret(box, owner):  # noqa: F811
    turn = {"urls": ["turn:turn.example.org:3478"], "secret": CANARY, "relay_only": False}
    assert ask(box, "PATCH", "/api/v1/settings", {"turn": turn}, **owner)[0] == 200


def test_what_is_taken_along_and_changed_is_put_in_and_comes_out_the_same(box, owner):  # noqa: F811
    text = export(box, owner)
    assert CANARY not in text and "# The secret is set and not shown" in text
    assert look(box, owner, text)["changes"] == []
    changed = text.replace("keep_days = 0", "keep_days = 30").replace('layout = "auto"', 'layout = "speaker"')
    seen = look(box, owner, changed)
    assert (seen["kind"], seen["problems"], seen["keys"]) == ("settings", [], [])
    says = {change["key"]: (change["from"], change["to"], changed.splitlines()[change["line"] - 1])
            for change in seen["changes"]}
    assert says == {
        "recording.layout": ('"auto"', '"speaker"', 'layout = "speaker"'),
        "recording.keep_days": ("0", "30", "keep_days = 30"),
    }
    assert export(box, owner) == text, "looking changes nothing"
    status, _, after = put(box, owner, changed, seen["of"])
    assert (status, after["recording"]["keep_days"]) == (200, 30)
    assert export(box, owner) == changed
    row = newest(box, owner, "settings_text_put")
    assert (row["name"], row["result"], row["detail"]) == ("Ada", "ok", "recording.layout, recording.keep_days")
    # The secret has stayed: without it the box would refuse the address beside it.
    status, _, _ = ask(box, "PATCH", "/api/v1/settings", {"turn": {"relay_only": True}}, **owner)
    assert status == 200


def test_of_a_text_with_a_fault_nothing_is_taken_over(box, owner):  # noqa: F811
    before = settings(box, owner)
    text = (f'[recording]\nkeep_days = 7\nlayouts = "{CANARY}"\nencoder = "{CANARY}"\n'
            "[meeting]\nempty_timeout_s = 0\n[owner]\nname = \"Eve\"\n")
    seen = look(box, owner, text)
    assert [(one["line"], one["key"]) for one in seen["problems"]] == [
        (3, "recording.layouts"), (4, "recording.encoder"), (6, "meeting.empty_timeout_s"), (7, "owner")]
    assert "did you mean layout?" in seen["problems"][0]["what"]
    assert [change["line"] for change in seen["changes"]] == [2]
    status, _, answer = put(box, owner, text, seen["of"])
    assert (status, answer["code"]) == (422, "invalid_settings_text") and CANARY not in str(answer)
    assert answer["message"].startswith("line 3: recording.layouts") and "Nothing was changed" in answer["message"]
    assert newest(box, owner, "settings_text_put")["result"] == "invalid_settings_text"
    # What was looked at is no longer what would happen.
    fine = "[recording]\nkeep_days = 7\n"
    of = look(box, owner, fine)["of"]
    ask(box, "PATCH", "/api/v1/settings", {"meeting": {"max_participants": 9}}, **owner)
    status, _, answer = put(box, owner, fine, of)
    assert (status, answer["code"]) == (409, "settings_changed")
    ask(box, "PATCH", "/api/v1/settings", {"meeting": {"max_participants": 0}}, **owner)
    assert settings(box, owner) == before


@pytest.mark.parametrize("text, what", [
    ("", None),
    ("# nothing\n", None),
    ("[recording\n", "no TOML"),
    ("#" * 70_000, "64 KiB"),
    ("client:\n" + "".join(f"  a{n}: 1\n" for n in range(2_500)), "too many keys"),
    ("a: 1\n" * 30_000, "128 KiB"),
    ("{\"recording\": {}}", "no TOML"),
    ("name: x\n", "neither"),
    ("[recording]\nkeep_days = 1\nkeep_days = 2\n", "no TOML"),
    ("\0\ud7ff", "no TOML"),
], ids=range(10))
def test_any_text_has_an_answer(box, owner, text, what):  # noqa: F811
    problems = look(box, owner, text)["problems"]
    assert (what is None) == (problems == []), problems
    assert what is None or what in problems[0]["what"], problems


def test_a_text_of_megabytes_is_not_read(box, owner):  # noqa: F811
    status, _, answer = ask(box, "POST", LOOK, {"text": "#" * 4_000_000}, **owner)
    assert (status, bool(answer["message"])) == (413, True)


def test_each_key_of_a_servers_file_has_an_answer(box, owner):  # noqa: F811
    seen = look(box, owner, SERVER)
    assert (seen["kind"], seen["problems"]) == ("plugnmeet", [])
    said = {key["line"]: key for key in seen["keys"]}
    # A line of a key that no line answers for is one that only has others below it, or is part of a list.
    lines = SERVER.splitlines()
    for number, line in enumerate(lines, 1):
        if re.match(r" *[\w]+: *\S", line) and number not in said:
            assert line.strip().split(":")[0] in ("credentials", "api_key", "id"), line
    verdict = {key["key"]: (key["verdict"], key["code"]) for key in seen["keys"]}
    assert verdict["room_default_settings.max_participants"] == ("taken", "")
    assert verdict["livekit_info.host"] == ("by_hand", "livekit")
    assert verdict["client.webhook_conf.url"] == ("by_hand", "webhooks")
    assert verdict["recorder_info.recording_files_path"] == ("by_hand", "recordings")
    assert verdict["hooks.post_recording"] == ("by_hand", "hooks")
    assert verdict["turn_server.enabled"] == ("not_needed", "off")
    assert verdict["nats_info.nkey"] == ("not_needed", "nats")
    assert [key for key, (what, _) in verdict.items() if what == "unknown"] == ["weather.sun"]
    assert all(key["why"] for key in seen["keys"] if key["verdict"] != "unknown")
    status, _, after = put(box, owner, SERVER, seen["of"])
    assert (status, after["meeting"]["max_participants"]) == (200, 40)
    seen = look(box, owner, RECORDER)
    assert [change["to"] for change in seen["changes"]] == ['"recorderOnly"']
    assert {key["verdict"] for key in seen["keys"]} == {"taken", "by_hand", "not_needed"}


def test_no_secret_is_in_the_log(box, owner):  # noqa: F811
    secret = look(box, owner, f'[turn]\nsecret = "another {CANARY}"\n')
    assert [(change["from"], change["to"]) for change in secret["changes"]] == [("(hidden)", "(hidden)")]
    assert put(box, owner, f'[turn]\nsecret = "another {CANARY}"\n', secret["of"])[0] == 200
    assert CANARY not in box.log_path.read_text()
