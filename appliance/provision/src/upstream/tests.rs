//! plugnmeet's files: each key has a verdict, and what cannot be read is refused with its line.

use super::*;

/// What the servers' samples are made of, with secrets of our own.
const SERVER: &str = r#"## a comment
client:
  port: 8080
  api_key: "plugnmeet"
  secret: "canary4711"
  webhook_conf:
    enable: false
    url: ""
  copyright_conf:
    text: 'Powered by <a href="https://x">x: y</a>'

room_default_settings:
  max_duration: 0 # minutes
  max_participants: 40 # 0 means unlimited

livekit_info:
  host: "http://host.docker.internal:7880"
  password:
  secret: "canary4711"
redis_info:
  host: redis:6379
#  use_tls: false
nats_info:
  nats_urls:
    - "nats://host:4222"
  nkey: "canary4711"
  subjects:
    chat: "chat"
shared_notepad:
  etherpad_hosts:
    -
      # a comment
      id: "node_01"
      client_secret: "canary4711"
upload_file_settings:
  allowed_types:
  - "jpg"
  - "png"
  keep_forever: false
recorder_info:
  recording_files_path: "/srv/recordings"
  token_validity: 30m
hooks:
  post_recording:
    - "./upload.sh"
  pre_transcoding:
turn_server:
  provider: "x"
weather:
  sun: true
"#;

fn of<'a>(read: &'a Upstream, key: &str) -> &'a UpstreamKey {
    let found = read.keys.iter().find(|found| found.key == key);
    found.unwrap_or_else(|| panic!("{key} is not said: {:?}", read.keys))
}

#[test]
fn each_key_of_a_servers_file_is_taken_or_not_needed_or_unknown() {
    let read = read_upstream(SERVER, &Settings::default());
    let taken = of(&read, "room_default_settings.max_participants");
    assert_eq!(
        (taken.verdict, taken.line, taken.why.as_str()),
        (Verdict::Taken, 14, "meeting.max_participants")
    );
    assert_eq!(read.text.changes.len(), 1);
    assert_eq!(read.text.clone().taken().unwrap().meeting.max_participants, 40);
    for (key, code) in [
        ("client.port", "serves"),
        ("client.secret", "their_key"),
        ("client.webhook_conf.url", "off"),
        ("client.copyright_conf.text", "serves"),
        ("room_default_settings.max_duration", "their_rooms"),
        ("livekit_info.password", "off"),
        ("redis_info.host", "database"),
        ("nats_info.nats_urls", "nats"),
        ("nats_info.subjects.chat", "nats"),
        ("shared_notepad.etherpad_hosts", "their_tools"),
        ("upload_file_settings.allowed_types", "their_files"),
        ("upload_file_settings.keep_forever", "their_files"),
    ] {
        let found = of(&read, key);
        assert_eq!((found.verdict, found.code), (Verdict::NotNeeded, code), "{key}");
        assert!(!found.why.is_empty());
    }
    for (key, code) in [
        ("livekit_info.host", "livekit"),
        ("livekit_info.secret", "livekit"),
        ("recorder_info.recording_files_path", "recordings"),
        ("hooks.post_recording", "hooks"),
        ("turn_server.provider", "turn"),
    ] {
        let found = of(&read, key);
        assert_eq!((found.verdict, found.code), (Verdict::ByHand, code), "{key}");
    }
    assert_eq!(of(&read, "hooks.pre_transcoding").code, "off");
    let unknown = of(&read, "weather.sun");
    assert_eq!((unknown.verdict, unknown.line), (Verdict::Unknown, 50));
    assert!(!format!("{:?}", read.keys).contains("canary"));
    assert!(
        !read.keys.iter().any(|key| key.key == "client" || key.key.contains("node")),
        "{:?}",
        read.keys
    );
}

fn refused(text: &str) -> TextError {
    read_upstream(text, &Settings::default()).text.taken().unwrap_err().remove(0)
}

#[test]
fn what_would_be_lost_in_silence_is_refused() {
    let twice = "room_default_settings:\n  max_participants: 3\n  max_participants: 4\n";
    let error = refused(twice);
    assert_eq!((error.line, error.key.as_str()), (3, "room_default_settings.max_participants"));
    assert!(error.what.contains("line 2"), "{error:?}");
    let on_one_line = "client:\n  port: 1\nroom_default_settings: {max_participants: 3}\n";
    let error = refused(on_one_line);
    assert_eq!((error.line, error.key.as_str()), (3, "room_default_settings"));
    let nothing_there = "client:\n  port: 1\nroom_default_settings:\n";
    assert!(read_upstream(nothing_there, &Settings::default()).text.taken().is_ok());
}

#[test]
fn a_recorders_mode_is_this_boxs() {
    let read =
        read_upstream("recorder:\n  id: node_01\n  mode: \"recorderOnly\"\n", &Settings::default());
    assert_eq!(of(&read, "recorder.id").code, "recorder");
    assert_eq!(read.text.taken().unwrap().recorder.mode, crate::Mode::RecorderOnly);
    let wrong = refused("recorder:\n  mode: canary4711\n");
    assert_eq!((wrong.line, wrong.key.as_str()), (2, "recorder.mode"));
    assert!(wrong.what.contains("recorderOnly") && !wrong.what.contains("canary"), "{wrong:?}");
}

#[test]
fn what_is_no_such_file_is_refused_with_its_line() {
    for (text, line) in [
        ("", 1),
        ("hello", 1),
        ("client:\n\tport: 1\n", 2),
        ("client:\n  port: 1\njust words\n", 3),
        ("  client:\n", 1),
        ("name: x\nother: y\n", 1),
    ] {
        let error = refused(text);
        assert_eq!(error.line, line, "{text:?}: {error:?}");
        assert!(!error.what.is_empty());
    }
    let many: String = (0..3_000).map(|number| format!("  a{number}: 1\n")).collect();
    let many = format!("client:\n{many}");
    assert!(refused(&many).what.contains("too many"));
}

#[test]
fn values_over_many_lines_are_passed_over() {
    let text =
        "client:\n  a: |\n    port: 1\n    - x\n  b: [1,\n    2]\n  c: \"x: y\"\n  port: 2\n";
    let read = read_upstream(text, &Settings::default());
    let keys: Vec<_> = read.keys.iter().map(|key| key.key.as_str()).collect();
    assert_eq!(keys, ["client.a", "client.b", "client.c", "client.port"]);
}
