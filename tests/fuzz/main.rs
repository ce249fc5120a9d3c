//! Fuzz targets for bytes that strangers send and disks return.
//!
//! `cargo test -p roombox-tests --test fuzz` runs the corpora in `__fuzz__/` and a second of random
//! inputs a target; `cargo bolero test -p roombox-tests z1_signalling` fuzzes by coverage for as long
//! as one likes. An input that ever broke something stays in the corpus.

use bolero::check;
use roombox_capture::matroska::{PartReader, repair_part};
use roombox_sfu::{Command, RoomOptions, Sfu, SfuConfig};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Under `cargo test`; a fuzzer takes its own time.
const MOMENT: Duration = Duration::from_secs(1);

#[test]
fn z1_signalling() {
    check!().with_test_time(MOMENT).for_each(|bytes: &[u8]| {
        roombox_api::livekit::fuzz_signal(bytes);
    });
}

#[test]
fn z1_join_request() {
    check!().with_test_time(MOMENT).for_each(|bytes: &[u8]| {
        roombox_api::livekit::fuzz_join_request(&String::from_utf8_lossy(bytes));
    });
}

/// An `Sfu` with a room, and datagrams from nowhere: none may be answered with more than it sent.
#[test]
fn z3_datagrams() {
    let now = Instant::now();
    let address: SocketAddr = "192.0.2.1:7882".parse().unwrap();
    let mut sfu = Sfu::new(SfuConfig { addresses: vec![address] });
    let options = RoomOptions {
        sid: "RM_1".to_owned(),
        metadata: String::new(),
        created_unix_ms: 0,
        max_participants: 0,
        empty_timeout: Duration::from_secs(300),
        departure_timeout: Duration::from_secs(20),
    };
    sfu.command(now, Command::OpenRoom { room: "room".into(), options });
    let source: SocketAddr = "198.51.100.7:40000".parse().unwrap();
    let sfu = std::sync::Mutex::new(sfu);
    check!().with_test_time(MOMENT).for_each(move |bytes: &[u8]| {
        let mut sfu = sfu.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        sfu.datagram(now, source, address, bytes);
        let sent: usize = std::iter::from_fn(|| sfu.poll_output())
            .map(|output| match output {
                roombox_sfu::Output::Transmit { contents, .. } => contents.len(),
                _ => 0,
            })
            .sum();
        assert!(sent <= bytes.len(), "{sent} bytes for {}", bytes.len());
    });
}

#[test]
fn z5_depacketisers() {
    check!().with_test_time(MOMENT).for_each(|bytes: &[u8]| {
        roombox_capture::depacketise::fuzz_depacketise(bytes);
    });
}

/// A part from a broken disk: mended or refused, and what is mended can be read to its end.
#[test]
fn z8_matroska_recovery() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.mkv");
    check!().with_test_time(MOMENT).for_each(move |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        if repair_part(&path, None).is_ok() {
            let mut reader = PartReader::open(&path).expect("a mended part opens");
            while reader.next_frame().expect("a mended part is readable").is_some() {}
        }
    });
}

/// A timeline with torn and foreign lines.
#[test]
fn z8_timeline() {
    check!().with_test_time(MOMENT).for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let lines = roombox_capture::timeline::parse_timeline(&text);
        assert!(lines.len() <= text.lines().count());
    });
}

#[test]
fn z7_settings() {
    check!().with_test_time(MOMENT).for_each(|bytes: &[u8]| {
        if let Err(error) = roombox_control::settings::parse_import(&String::from_utf8_lossy(bytes))
        {
            assert!(error.line >= 1 && !error.what.is_empty());
        }
    });
}
