//! What our own writer wrote is read back whole, and torn or foreign files are refused.

use super::super::{FileInfo, write_mp4};
use super::*;
use crate::plan::{Chapter, ChapterKind};
use proptest::prelude::*;

fn picture(sizes: &[u32], delay_ms: u64) -> Track {
    let colour = Some(Colour { matrix: Matrix::Bt601, full_range: true });
    let samples = (0..).zip(sizes);
    Track {
        format: TrackFormat::Avc { avcc: vec![1, 66, 0, 31, 9], width: 1280, height: 720, colour },
        timescale: 30_000,
        samples: samples
            .map(|(n, bytes)| Sample { bytes: *bytes, duration: 900 + n % 3, keyframe: n % 7 == 0 })
            .collect(),
        skip: 0,
        delay_ms,
    }
}

fn sound(sizes: &[u32]) -> Track {
    let config = vec![0x11, 0x90];
    Track {
        format: TrackFormat::Aac { config, channels: 2, rate: 48_000, bps: 128_000 },
        timescale: 48_000,
        samples: sizes
            .iter()
            .map(|bytes| Sample { bytes: *bytes, duration: 1024, keyframe: true })
            .collect(),
        skip: 1600,
        delay_ms: 0,
    }
}

/// A film of these tracks; each sample's bytes are its own number.
fn film(tracks: &[Track]) -> Vec<u8> {
    let data: Vec<Vec<u8>> = tracks
        .iter()
        .map(|track| {
            let numbered = (0u8..=255).cycle().zip(&track.samples);
            numbered.flat_map(|(n, sample)| vec![n; sample.bytes as usize]).collect()
        })
        .collect();
    let mut readers: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
    let chapters =
        vec![Chapter { from_us: 0, kind: ChapterKind::Start, title: "Garden".to_owned() }];
    let info = FileInfo { title: "Garden".to_owned(), created_unix_s: 1_790_000_000, chapters };
    let mut out = Vec::new();
    write_mp4(&mut out, &info, tracks, &mut readers).unwrap();
    out
}

fn read(bytes: &[u8]) -> Result<ReadFilm, ReadError> {
    read_film(&mut io::Cursor::new(bytes))
}

proptest! {
    #[test]
    fn a_film_is_read_back_as_it_was_written(
        pictures in prop::collection::vec(1u32..900, 1..200),
        sounds in prop::collection::vec(1u32..300, 0..300),
        delay_ms in 0u64..5000,
    ) {
        let mut tracks = vec![picture(&pictures, delay_ms)];
        if !sounds.is_empty() {
            tracks.push(sound(&sounds));
        }
        let bytes = film(&tracks);
        let found = read(&bytes).unwrap();
        prop_assert_eq!(&found.picture.track, &tracks[0]);
        prop_assert_eq!(found.sound.as_ref().map(|sound| &sound.track), tracks.get(1));
        for found in std::iter::once(&found.picture).chain(&found.sound) {
            for (n, (at, sample)) in found.offsets.iter().zip(&found.track.samples).enumerate() {
                let data = &bytes[*at as usize..][..sample.bytes as usize];
                prop_assert!(data.iter().all(|byte| usize::from(*byte) == n % 256));
            }
        }
    }
}

#[test]
fn a_film_that_is_cut_anywhere_is_refused() {
    let bytes = film(&[picture(&[70; 40], 0), sound(&[30; 40])]);
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
    assert!(read(&bytes).is_ok());
}

/// The film with other bytes in the place of the first that are such.
fn changed(from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = film(&[picture(&[70; 40], 0), sound(&[30; 40])]);
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

#[test]
fn what_our_films_never_have_is_refused() {
    for (from, to, why) in [
        (&b"avc1\0\0\0\0\0\0\0\x01"[..], &b"hvc1"[..], "another codec"),
        (b"vide", b"soun", "two sounds and no picture"),
        (b"stss", b"ctts", "pictures out of order"),
        (b"stts", b"free", "no durations"),
        (b"stsz", b"free", "no sizes"),
        (b"stsc", b"free", "no chunks"),
        (b"stco", b"free", "no places"),
        (b"moov", b"free", "no head"),
    ] {
        let refused = read(&changed(from, to));
        assert!(matches!(refused, Err(ReadError::NotOurs(_))), "{why}: {refused:?}");
    }
}

#[test]
fn a_count_without_entries_behind_it_takes_no_memory() {
    for table in [&b"stsz\0\0\0\0\0\0\0\0"[..], b"stts\0\0\0\0", b"stsc\0\0\0\0", b"stco\0\0\0\0"] {
        let many = [table, &[0xff; 4]].concat();
        assert!(matches!(read(&changed(table, &many)), Err(ReadError::NotOurs(_))));
    }
}

#[test]
fn durations_that_are_too_few_or_too_many_for_the_samples_are_refused() {
    // One run: all forty frames of sound.
    let run = b"\0\0\0\x01\0\0\0\x28\0\0\x04\0";
    for count in [0x27, 0x29] {
        let mut other = *run;
        other[7] = count;
        let refused = read(&changed(run, &other));
        assert!(matches!(refused, Err(ReadError::NotOurs(_))), "{count} of 40: {refused:?}");
    }
    assert!(read(&changed(run, run)).is_ok());
}
