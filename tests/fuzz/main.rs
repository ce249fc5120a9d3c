//! Fuzz targets for bytes that strangers send and disks return, and the attacks that they found.
//!
//! `cargo test` gives each target its corpus in `__fuzz__/`, which is made of what real clients
//! send, and for a moment seeded changes of it ([`mutate`]), always the same; `make fuzz` goes on
//! for minutes with other seeds. `cargo bolero test -p roombox-tests z1_signalling` fuzzes by
//! coverage. An input that ever broke something stays in the corpus.

#[path = "../sim/chance.rs"]
mod chance;
#[path = "../sim/client.rs"]
#[allow(dead_code, reason = "the simulation uses the rest")]
mod client;
#[path = "../sim/picture.rs"]
#[allow(dead_code, reason = "the simulation uses the rest")]
mod picture;
#[path = "../sim/world.rs"]
#[allow(dead_code, reason = "the simulation uses the rest")]
mod world;

mod attacks;
mod born;
mod meeting;
mod mutate;
mod plain;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bolero::check;
use meeting::{Meeting, cost, new_sfu, packets};
use roombox_api::token::{self, Claims};
use roombox_capture::matroska::{PartReader, repair_part};
use roombox_sfu::{Command, Output, Sfu, Transport, TransportMode};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes without any sense, beside the corpus; a fuzzer takes its own time.
const NONSENSE: usize = 200;

/// One input of one stranger: generous for a development build on a busy machine, and far below
/// what an input that multiplies costs.
const DEAR: Duration = Duration::from_secs(2);

/// Names of a target's test and of its corpus are one.
macro_rules! target {
    ($name:ident, $check:expr) => {
        #[test]
        fn $name() {
            let check: Box<dyn FnMut(&[u8]) + Send> = Box::new($check);
            let check = Mutex::new(check);
            let check = move |bytes: &[u8]| {
                let mut check = check.lock().unwrap_or_else(PoisonError::into_inner);
                let spent = cost(|| (*check)(bytes));
                assert!(spent < DEAR, "{spent:?} for {} bytes", bytes.len());
            };
            check!().with_iterations(NONSENSE).for_each(&check);
            mutate::explore(stringify!($name), &check);
        }
    };
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

target!(z1_signalling, |bytes: &[u8]| roombox_api::livekit::fuzz_signal(bytes));

// Data messages, as the reader of captions finds them.
target!(z1_captions, |bytes: &[u8]| roombox_api::livekit::fuzz_captions(bytes));

target!(z1_join_request, |bytes: &[u8]| roombox_api::livekit::fuzz_join_request(&text(bytes)));

// What a program orders of a meeting.
target!(z1_egress_orders, |bytes: &[u8]| roombox_api::livekit::fuzz_egress(bytes));

// An offer by WHIP or WHEP, and what such a client says of ICE.
target!(z1_whip_bodies, |bytes: &[u8]| roombox_api::whip::fuzz_whip(&text(bytes)));

/// A description from a client, as an offer and as an answer to ours. None breaks the connection's
/// state machine, and a fresh client is served after it.
fn description() -> impl FnMut(&[u8]) {
    let now = Instant::now();
    move |bytes: &[u8]| {
        let mut sfu = new_sfu();
        for (id, mode) in [("single", TransportMode::Single), ("dual", TransportMode::Dual)] {
            sfu.command(now, meeting::join(id, mode));
            let (participant, sdp) = (id.into(), text(bytes).into_owned());
            sfu.command(now, Command::Offer { participant, id: 1, sdp });
        }
        let (participant, sdp) = ("dual".into(), text(bytes).into_owned());
        sfu.command(now, Command::Answer { participant, sdp });
        sfu.timeout(now + Duration::from_secs(1));
        let said: usize = std::iter::from_fn(|| sfu.poll_output()).count();
        assert!(said < 200, "{said} outputs");
        assert_eq!(sfu.counters().broken, 0);
    }
}

target!(z2_descriptions, description());

/// Datagrams from nowhere: none may be answered with more than it sent.
fn stray() -> impl FnMut(&[u8]) {
    let (now, mut sfu) = (Instant::now(), new_sfu());
    sfu.command(now, meeting::join("somebody", TransportMode::Single));
    while sfu.poll_output().is_some() {}
    let source: SocketAddr = "198.51.100.7:40000".parse().expect("an address");
    move |bytes: &[u8]| {
        sfu.datagram(now, Transport::Udp, source, meeting::HERE, bytes);
        let sent = transmitted(&mut sfu);
        assert!(sent <= bytes.len(), "{sent} bytes for {}", bytes.len());
    }
}

fn transmitted(sfu: &mut Sfu) -> usize {
    std::iter::from_fn(|| sfu.poll_output())
        .map(|output| match output {
            Output::Transmit { contents, .. } => contents.len(),
            _ => 0,
        })
        .sum()
}

target!(z3_datagrams, stray());

/// RTP and RTCP of people in a room, as they are after decryption. What a sender breaks is its own
/// connection: a third person stays.
fn media() -> impl FnMut(&[u8]) {
    // Past this many the people would miss their clients' connectivity checks.
    const INPUTS: u32 = 100;
    let (mut meeting, mut inputs) = (Meeting::new(1), 0);
    move |bytes: &[u8]| {
        if inputs == INPUTS || meeting.broken() > 0 {
            (meeting, inputs) = (Meeting::new(1), 0);
        }
        inputs += 1;
        let (sent, mut came) = (meeting.sent, 0);
        for (name, packet) in packets(bytes) {
            came += 1;
            meeting.send(name, packet);
        }
        meeting.wait(Duration::from_millis(60));
        // Each is forwarded to two; and NACKs are answered within their bound, for two people.
        let sent = meeting.sent - sent;
        assert!(sent < 2 * came + 3 * 1100, "{sent} datagrams for {came}");
        assert!(meeting.broken() <= 2);
        assert_eq!(meeting.people(), 3);
    }
}

target!(z3_media, media());

// What comes on a media connection by TCP (RFC 4571).
target!(z3_framing, |bytes: &[u8]| roombox_net::fuzz_framing(bytes));

target!(z4_red, |bytes: &[u8]| roombox_sfu::fuzz_red(bytes));

// Dependency descriptors, and the layer indices of VP9.
target!(z4_scalable, |bytes: &[u8]| roombox_sfu::fuzz_scalable(bytes));

target!(z5_depacketisers, |bytes: &[u8]| roombox_capture::depacketise::fuzz_depacketise(bytes));

/// A token, and the same bytes as the claims of a token that is signed as it should be.
fn access_token(bytes: &[u8]) {
    const SECRET: &str = "secret";
    let secret_of = |key: &str| (key == "devkey").then(|| SECRET.to_owned());
    let check = |token: &str| {
        if let Ok(Claims { iss, exp, video, .. }) = token::verify(token, secret_of) {
            assert!(iss == "devkey" && exp > 0);
            let _rights = (video.may_publish(), video.administers("room"));
        }
    };
    check(&text(bytes));
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(bytes));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, signed.as_bytes()));
    check(&format!("{signed}.{tag}"));
}

target!(z6_access_tokens, access_token);

target!(z7_settings, |bytes: &[u8]| {
    if let Err(error) = roombox_provision::parse(&text(bytes)) {
        assert!(error.line >= 1 && !error.what.is_empty());
    }
});

// Settings as people bring them: read whole, or each fault with its line; what is written out is read back.
target!(z7_settings_texts, |bytes: &[u8]| {
    let (text, now) = (text(bytes), roombox_provision::Settings::default());
    let lines = text.lines().count() + 1;
    let read = roombox_provision::read_text(&text, &now);
    let upstream = roombox_provision::read_upstream(&text, &now).text;
    for read in [read, upstream] {
        match read.taken() {
            Ok(settings) => {
                assert!(settings.check().is_ok());
                let written = roombox_provision::export(&settings);
                let again = roombox_provision::read_text(&written, &settings);
                assert!(again.changes.is_empty() && again.errors.is_empty(), "{again:?}");
            }
            Err(errors) => {
                assert!(!errors.is_empty());
                for error in errors {
                    assert!(
                        (1..=lines).contains(&error.line) && !error.what.is_empty(),
                        "{error:?}"
                    );
                }
            }
        }
    }
});

/// A part from a broken disk: mended or refused; what was mended opens and can be read to its end.
fn part() -> impl FnMut(&[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    move |bytes: &[u8]| {
        let path = folder.path().join("part.mkv");
        std::fs::write(&path, bytes).expect("room for a part");
        if repair_part(&path, None).is_ok() {
            let mut reader = PartReader::open(&path).expect("a mended part opens");
            while reader.next_frame().expect("a mended part is readable").is_some() {}
        }
    }
}

target!(z8_matroska_recovery, part());

// A timeline with torn and foreign lines.
target!(z8_timeline, |bytes: &[u8]| {
    let text = text(bytes);
    let lines = roombox_capture::timeline::parse_timeline(&text);
    assert!(lines.len() <= text.lines().count());
});

// The head of a film that is to be a part of another one.
target!(z8_films, |bytes: &[u8]| roombox_transcode::mp4::reader::fuzz_film(bytes));

/// What lies beside and in an image, before any signature of it was checked: manifest, partition
/// table, block map. What is let through keeps its own rules.
fn image_manifest(bytes: &[u8]) {
    use roombox_flash::gpt::Gpt;
    use roombox_flash::manifest::{Manifest, read_bmap};
    if let Ok(manifest) = Manifest::parse(bytes) {
        let ends = manifest.ranges.iter().map(|range| range.offset + range.length);
        assert!(
            ends.max().is_some_and(|end| end <= manifest.size.next_multiple_of(manifest.block))
        );
        assert!(manifest.end() <= manifest.size && manifest.fits(manifest.size / 2).is_err());
        assert!(manifest.mapped() <= manifest.size.next_multiple_of(manifest.block));
        let again = serde_json::to_vec(&manifest).expect("it can be written");
        assert_eq!(Manifest::parse(&again).as_ref(), Ok(&manifest));
    }
    for table in [Gpt::read_head(bytes), Gpt::read_tail(bytes, 512), Gpt::read_tail(bytes, 4096)] {
        if let Ok((head, _)) = table.and_then(|table| table.fitted(1 << 30, 512)) {
            assert!(Gpt::read_head(&head).is_ok());
        }
    }
    if let Ok(ranges) = read_bmap(&text(bytes), 1 << 20) {
        assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
    }
}

target!(z9_image_manifest, image_manifest);

/// A calendar that somebody publishes: whatever it says, what is on lies within the asked weeks, in order.
fn calendar(bytes: &[u8]) {
    const DAY: u64 = 24 * 3600 * 1000;
    let wanted = 1_795_000_000_000..1_795_000_000_000 + 60 * DAY;
    if let Ok(agenda) = roombox_calendar::read(&text(bytes), "Europe/Berlin", wanted.clone()) {
        let on = &agenda.occurrences;
        assert!(on.iter().all(|once| once.start_ms < wanted.end && once.end_ms > wanted.start));
        assert!(on.windows(2).all(|pair| pair[0].start_ms <= pair[1].start_ms));
    }
}

target!(z9_calendars, calendar);

// A message from the broker: a topic, a line end, a payload.
target!(z7_mqtt_messages, |bytes: &[u8]| roombox_federation::mqtt::fuzz_command(bytes));

/// A backup inside its lock: what is not refused is what its manifest says, and lies in the folder.
fn backup(bytes: &[u8]) {
    let around = tempfile::tempdir().expect("a folder");
    let folder = around.path().join("inner");
    std::fs::create_dir(&folder).expect("a folder");
    if let Ok(manifest) = roombox_control::backup::read_archive(bytes, &folder, 1 << 20) {
        for listed in manifest.files {
            let found = std::fs::metadata(folder.join(listed.name)).expect("a file");
            assert_eq!(found.len(), listed.bytes);
        }
    }
    assert_eq!(std::fs::read_dir(around.path()).expect("a folder").count(), 1);
}

target!(z7_backups, backup);

// What somebody uploads as the certificate that was asked for.
target!(z7_certificates, |bytes: &[u8]| {
    roombox_control::certificates::fuzz_certificates(&text(bytes));
});

// What a name server answers to a change of its zone.
target!(z9_dns_answers, |bytes: &[u8]| roombox_delivery::fuzz_dns_answer(bytes));
