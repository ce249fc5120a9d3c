//! Senders whose timestamps jump: what is recorded reaches the disk all the same, and lies where it came.

use super::*;
use crate::folder::RecordingFolder;
use crate::manifest::Manifest;
use crate::matroska::PartReader;
use crate::storage::LocalDisk;
use proptest::prelude::*;
use roombox_sfu::tap::TapLayer;
use roombox_sfu::track;
use std::path::Path;
use std::sync::Arc;

const LENGTH_US: u64 = 20_000_000;
const STEP_US: u64 = 20_000;
const CLUSTER_US: i64 = 400_000;

fn sound(n: u64, rtp: u64) -> TapPacket {
    TapPacket {
        track: "TR_a".into(),
        layer: TapLayer::Audio,
        codec: track::Codec::Opus,
        ssrc: 1,
        seq: n,
        rtp,
        clock_rate: 48_000,
        marker: true,
        payload: [0xfc; 60].into(),
        sender_report: None,
    }
}

/// Records a stream whose timestamps jump by so many milliseconds at each of these moments. The longest
/// that a frame waited for the disk, and the moments of all frames.
fn record(folder: &Path, jumps: &[(u64, i64)]) -> (u64, Vec<u64>) {
    let manifest = Manifest::new("rec_1", "r", 0, "b".to_owned());
    let opened = RecordingFolder::open(Arc::new(LocalDisk), folder).unwrap();
    let mut ledger = Ledger::new(opened, manifest, CLUSTER_US);
    let (mut sender, mut longest) = (SenderClock::default(), 0);
    let mut stream = Stream::new(0, &sound(0, 0));
    for n in 0..LENGTH_US / STEP_US {
        let t = n * STEP_US;
        let jumped = jumps.iter().filter(|(at, _)| *at <= t).map(|(_, by)| by * 48).sum::<i64>();
        let rtp = (1 << 40) + n * 960;
        stream.packet(t, &sound(n, rtp.wrapping_add_signed(jumped)), &mut sender, &mut ledger);
        stream.tick(t, &mut sender, &mut ledger);
        longest = longest.max(stream.part.as_ref().map_or(0, |part| part.waits_us(t)));
        let pending = stream.part.as_ref().map_or(0, |part| part.writer.pending_bytes());
        assert!(pending < 10_000, "{pending} bytes wait in memory");
    }
    stream.close(LENGTH_US, &mut sender, &mut ledger);
    let mut moments = Vec::new();
    for part in &ledger.manifest.parts {
        let mut reader = PartReader::open(&folder.join(&part.file)).unwrap();
        while let Some(frame) = reader.next_frame().unwrap() {
            moments.push(part.start_us + frame.pts_us.unsigned_abs());
        }
    }
    (longest, moments)
}

#[test]
fn an_hour_ahead_moves_nothing_and_keeps_nothing_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (longest, moments) = record(folder.path(), &[(5_000_000, 3_600_000)]);
    assert!(longest <= 500_000, "{longest} µs");
    assert_eq!(moments.len() as u64, LENGTH_US / STEP_US);
    let last = moments.iter().max().copied().unwrap_or(0);
    assert!(last <= LENGTH_US, "{last} µs");
    // After the second for which a jump may be a burst, all is where it came.
    let late = moments.iter().filter(|at| (8_000_000..19_000_000).contains(*at)).count();
    assert_eq!(late, 550, "frames of eleven seconds");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_jumps_nothing_waits_for_two_seconds_or_lies_beyond_the_end(
        jumps in prop::collection::vec((0..LENGTH_US, prop_oneof![
            -20_000..20_000i64,
            -10_000_000..10_000_000i64,
        ]), 0..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (longest, moments) = record(folder.path(), &jumps);
        prop_assert!(longest <= 2_000_000, "{longest} µs");
        let end = LENGTH_US + JUMP_US.unsigned_abs();
        prop_assert!(moments.iter().all(|at| *at <= end), "beyond the end");
    }
}
