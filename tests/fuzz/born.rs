//! Where corpora come from: what real clients said, and files that the recorder wrote.
//!
//! `cargo test -p roombox-tests --test fuzz -- --ignored` writes them anew, after a change of a
//! format. Inputs that were added by hand, or broke something, stay.

#![allow(clippy::unwrap_used, reason = "what cannot be read or written is no corpus")]

use crate::attacks::feedback;
use crate::client::Client;
use crate::meeting::{HERE, Meeting, input};
use crate::plain::{self, TAG};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use livekit_protocol as pb;
use livekit_protocol::signal_request::Message;
use prost::Message as _;
use roombox_api::token::{Claims, VideoGrant, sign};
use roombox_capture::manifest::Codec;
use roombox_capture::matroska::{PartFormat, PartWriter};
use roombox_capture::storage::LocalDisk;
use roombox_control::backup::{Listed, Manifest, write_archive};
use roombox_control::clock::UnixMs;
use roombox_sfu::Transport;
use roombox_transcode::mp4::{FileInfo, Sample, Track, TrackFormat, write_mp4};
use roombox_transcode::plan::{Chapter, ChapterKind};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use str0m::media::MediaKind;

/// Larger ones slow every change of them down and find nothing that smaller ones do not.
const LARGEST: usize = 9000;

fn keep(target: &str, name: &str, bytes: &[u8]) {
    if bytes.len() <= LARGEST {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/__fuzz__");
        let folder = root.join(target).join("corpus");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }
}

#[test]
#[ignore = "writes the corpora anew"]
fn corpora_are_written_anew() {
    signalling();
    media();
    codecs();
    claims();
    files();
    films();
}

/// Films with and without sound and chapters.
fn films() {
    let track = |format, timescale, skip| Track {
        format,
        timescale,
        samples: (0..40u32)
            .map(|n| Sample { bytes: 9 + n % 3, duration: 1000 + n % 2, keyframe: n % 10 == 0 })
            .collect(),
        skip,
        delay_ms: 0,
    };
    let (avcc, colour) = (vec![1, 66, 0xc0, 31, 0xff, 0xe1, 0, 1, 0x67, 1, 0, 1, 0x68], None);
    let picture = track(TrackFormat::Avc { avcc, width: 1280, height: 720, colour }, 30_000, 0);
    let config = vec![0x11, 0x90];
    let sound = TrackFormat::Aac { config, channels: 2, rate: 48_000, bps: 128_000 };
    let sound = track(sound, 48_000, 1600);
    let chapter = |from_us| Chapter { from_us, kind: ChapterKind::Start, title: "Ada".to_owned() };
    for (name, tracks, chapters) in [
        ("silent", vec![picture.clone()], vec![]),
        ("usual", vec![picture, sound], vec![chapter(0), chapter(700_000)]),
    ] {
        let data = vec![7; 1000];
        let mut readers: Vec<&[u8]> = tracks.iter().map(|_| data.as_slice()).collect();
        let info = FileInfo { title: name.to_owned(), created_unix_s: 1_790_000_000, chapters };
        let mut film = Vec::new();
        write_mp4(&mut film, &info, &tracks, &mut readers).unwrap();
        keep("z8_films", name, &film);
    }
}

/// Each kind of message that each recorded client sent, once; and its offers.
fn signalling() {
    let folder = "../appliance/api/src/livekit/transcripts";
    for client in ["python", "chromium", "firefox"] {
        let text = fs::read_to_string(format!("{folder}/{client}.transcript")).unwrap();
        let (mut kinds, mut offers) = (BTreeSet::new(), 0);
        for line in text.lines() {
            let (verb, said) = line.split_once(' ').unwrap();
            if verb == "join" {
                keep("z1_join_request", client, said.as_bytes());
                continue;
            }
            let bytes = STANDARD.decode(said).unwrap();
            if kinds.insert(bytes[0]) {
                keep("z1_signalling", &format!("{client}-{}", bytes[0] >> 3), &bytes);
            }
            let request = pb::SignalRequest::decode(&*bytes).unwrap();
            if let Some(Message::Offer(offer)) = request.message
                && offers < 2
            {
                offers += 1;
                keep("z2_descriptions", &format!("{client}-{offers}"), offer.sdp.as_bytes());
            }
        }
    }
}

/// What the simulation's clients send while they are in a meeting, and what they never would.
fn media() {
    let mut meeting = Meeting::new(1);
    let here = (Transport::Udp, HERE);
    let mut client = Client::new(meeting.world.now, "dave".to_owned(), here, 1, (true, false));
    client.publish(meeting.world.now, MediaKind::Video, "camera".to_owned(), 1, 3, [0; 3]);
    let (_, sdp) = client.offer(meeting.world.now, 0, 2, &[]).unwrap();
    keep("z2_descriptions", "simulcast", sdp.as_bytes());
    let mut now = meeting.world.now;
    let mut sent = Vec::new();
    for _ in 0..60 {
        now += Duration::from_millis(20);
        for name in ["alice", "bob"] {
            let client = meeting.world.clients.get_mut(name).unwrap();
            client.wake(now);
            sent.extend(client.sent.drain(..).map(|datagram| (name, datagram)));
        }
    }
    let (media, rest): (Vec<_>, Vec<_>) = sent.iter().partition(|(_, d)| d[0] >= 128);
    let opened: Vec<_> = media
        .iter()
        .map(|(name, datagram)| {
            let index = if plain::is_rtcp(datagram) { 4 } else { 0 };
            (*name, &datagram[..datagram.len() - TAG - index])
        })
        .collect();
    let only = |rtcp: bool, name: &str, most: usize| {
        let these = opened.iter().filter(|(n, p)| *n == name && plain::is_rtcp(p) == rtcp);
        input(these.take(most).copied())
    };
    keep("z3_media", "pictures", &only(false, "alice", 6));
    keep("z3_media", "sender-reports", &only(true, "alice", 4));
    keep("z3_media", "receiver-reports", &only(true, "bob", 6));
    keep("z3_media", "both", &input(opened.iter().take(12).copied()));
    if let Some((_, stun)) = rest.first() {
        keep("z3_datagrams", "stun", stun);
    }
    keep("z3_datagrams", "rtp", &media[0].1);
    // The first byte says how the stream is cut.
    let mut stream = vec![100];
    for datagram in rest.iter().chain(&media).take(4).map(|(_, datagram)| datagram) {
        stream.extend((datagram.len() as u16).to_be_bytes());
        stream.extend(datagram);
    }
    keep("z3_framing", "check-and-media", &stream);
    keep("z3_framing", "empty-then-torn", &[1, 0, 0, 0, 2, 7, 7, 0, 9, 1]);
    keep("z3_framing", "too-long", &[3, 0, 1, 7, 0xff, 0xff, 1, 2, 3]);

    let ssrc = *meeting.world.clients["bob"].received.keys().next().unwrap();
    let nack = [&[0x81, 205, 0, 3, 0, 0, 0, 1][..], &ssrc.to_be_bytes(), &[3, 0xe8, 0xff, 0xff]];
    let pli = [&[0x81, 206, 0, 2, 0, 0, 0, 1][..], &ssrc.to_be_bytes()];
    let feedbacks = [
        feedback(1, 1, &[0x2000, 0x4001], &[0, 1]),
        feedback(1, 21, &[0x8000 | 0x2aaa, 0xc000 | 0x1111], &[4; 21]),
        feedback(65_530, 20, &[0x2014], &[9; 20]),
    ];
    let (nack, pli) = (nack.concat(), pli.concat());
    let from_bob = feedbacks.iter().chain([&nack, &pli]).map(|p| ("bob", p.as_slice()));
    keep("z3_media", "feedback", &input(from_bob));
    let numbers = [(1, 0), (2, 32_768), (3, 65_535), (4, 30_000), (5, 60_000), (6, 10)];
    let jumps: Vec<_> =
        numbers.iter().map(|(seq, n)| meeting.picture(9, *seq, 0, Some(*n))).collect();
    keep("z3_media", "jumps", &input(jumps.iter().map(|p| ("alice", p.as_slice()))));
    let red = meeting.picture(10, 65_535, 0xffff_ffff, Some(7));
    keep("z3_media", "last-numbers", &input([("alice", red.as_slice())]));
}

fn codecs() {
    // A block of two bytes before the primary, none, two (RFC 2198 §3).
    keep("z4_red", "one", &[0xef, 0, 0, 2, 111, 1, 2, 9, 9, 9]);
    keep("z4_red", "none", &[111, 5, 6]);
    keep("z4_red", "two", &[0xef, 3, 0xc0, 1, 0xef, 0, 0, 2, 111, 7, 1, 2, 9, 9, 9]);
    // The beginnings of keyframes as they are packed (RFC 6184 §5.6 to 5.8, RFC 7741 §4, RFC 9628
    // §4.2, AV1 RTP §4.4), and Opus.
    let sets = [0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 4, 0x68, 0xce, 0x3c, 0x80];
    keep("z5_depacketisers", "h264-sets", &sets);
    keep("z5_depacketisers", "h264-fragment", &[0x7c, 0x85, 0x88, 0x84, 0, 0x33, 0xff, 0xfe]);
    let vp8 = [0x90, 0x80, 5, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1, 0x39, 0x4b];
    keep("z5_depacketisers", "vp8", &vp8);
    let vp9 = [0x8a, 0x80, 7, 0x18, 0, 0x27, 0x2c, 0x82, 0x49, 0x83, 0x42, 0, 0x27, 0xf0, 0x16];
    keep("z5_depacketisers", "vp9", &vp9);
    let av1 = [0x18, 0x0b, 0x0a, 0, 0, 0, 0x42, 0xa7, 0xbf, 0xe6, 0x2e, 0xdf, 0xc8, 0x42, 0x32, 1];
    keep("z5_depacketisers", "av1", &av1);
    keep("z5_depacketisers", "opus", &[0x78, 0x80, 1, 2, 3, 4]);
}

fn claims() {
    let video = VideoGrant { room: "room".into(), room_join: true, ..VideoGrant::default() };
    let claims = Claims {
        iss: "devkey".into(),
        sub: "somebody".into(),
        exp: 4_000_000_000,
        name: "Somebody".into(),
        attributes: [("colour".to_owned(), "green".to_owned())].into(),
        video,
        ..Claims::default()
    };
    keep("z6_access_tokens", "claims", &serde_json::to_vec(&claims).unwrap());
    let token = sign(&claims, "secret").unwrap();
    keep("z6_access_tokens", "token", token.as_bytes());
    let least = br#"{"iss":"devkey","exp":4000000000,"video":{"canPublish":false}}"#;
    keep("z6_access_tokens", "least", least);
}

fn files() {
    keep("z7_settings", "defaults", &fs::read("../docs/roombox.toml").unwrap());
    let folder = tempfile::tempdir().unwrap();
    for (codec, name, width, height) in [(Codec::Vp8, "vp8", 640, 360), (Codec::Opus, "opus", 0, 0)]
    {
        let path = folder.path().join(name);
        let format = PartFormat { codec, codec_private: Vec::new(), width, height };
        let part = |seal: bool, path: &Path| {
            let mut writer = PartWriter::create(&LocalDisk, path, &format, 200_000).unwrap();
            for n in 0..40u8 {
                writer.frame(i64::from(n) * 20_000, n % 10 == 0, &[n; 12]).unwrap();
            }
            writer.flush().unwrap();
            if seal {
                writer.seal().unwrap();
            }
        };
        part(true, &path);
        keep("z8_matroska_recovery", &format!("{name}-sealed"), &fs::read(&path).unwrap());
        fs::remove_file(&path).unwrap();
        part(false, &path);
        let open = fs::read(&path).unwrap();
        keep("z8_matroska_recovery", &format!("{name}-torn"), &open[..open.len() - 17]);
    }
    let timeline = concat!(
        r#"{"t":0,"e":"start","room":"r","unix_ms":1,"boot_id":"b","boot_us":5,"#,
        r#""boot_minus_monotonic_us":-3}"#,
        "\n",
        r#"{"t":9,"e":"join","participant":"PA_1","identity":"a","name":"A"}"#,
        "\n",
        r#"{"t":12,"e":"pub","track":"TR_1","participant":"PA_1","identity":"a","kind":"video","#,
        r#""source":"camera","muted":false}"#,
        "\n",
        r#"{"t":15,"e":"of a later version","x":[1,2]}"#,
        "\n",
        r#"{"t":20,"e":"mute","tra"#
    );
    keep("z8_timeline", "torn", timeline.as_bytes());
    keep("z7_backups", "small", &backup(folder.path()));
}

/// A backup inside its lock, of a database that is none.
fn backup(folder: &Path) -> Vec<u8> {
    fs::write(folder.join("roombox.db"), "rows").unwrap();
    fs::create_dir(folder.join("secrets")).unwrap();
    fs::write(folder.join("secrets/box.key"), "a key").unwrap();
    let files = ["roombox.db", "secrets/box.key"].map(|name| Listed::of(folder, name).unwrap());
    let manifest = Manifest {
        format: 1,
        schema: 20,
        version: "0.1.0".to_owned(),
        box_id: "box_1".to_owned(),
        box_name: "Hall".to_owned(),
        made_at: UnixMs(1_764_072_345_678),
        inside: vec!["rooms".to_owned()],
        outside: vec!["recordings: too large".to_owned()],
        files: files.to_vec(),
    };
    write_archive(&manifest, folder, Vec::new(), &|_| Ok(())).unwrap()
}
