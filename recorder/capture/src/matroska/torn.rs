//! Parts as power cuts leave them: mended to the byte, or refused; never accepted broken.

use super::ebml::{self, id};
use super::head::Head;
use super::{PartFormat, PartReader, PartWriter, repair_part};
use crate::CaptureError;
use crate::manifest::Codec;
use crate::storage::LocalDisk;
use std::fs;
use std::path::{Path, PathBuf};

/// What a disk writes as one.
const SECTORS: [usize; 2] = [512, 4096];

fn formats() -> Vec<PartFormat> {
    let video = |codec, private: usize| PartFormat {
        codec,
        // Longer than any real one, so that a whole sector lies within a head.
        codec_private: (0..private).map(|n| n as u8 | 1).collect(),
        width: 640,
        height: 360,
    };
    let audio = PartFormat { codec: Codec::Opus, codec_private: Vec::new(), width: 0, height: 0 };
    vec![audio, video(Codec::Vp8, 0), video(Codec::H264, 40), video(Codec::H264, 9000)]
}

/// In memory where that can be had: the tests sync thousands of times.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self(folder.unwrap())
    }

    fn part(&self) -> PathBuf {
        self.0.path().join("TR_1.top.0.mkv")
    }

    /// A part of five seconds, open as a crash leaves it, and the same sealed.
    fn written(&self, format: &PartFormat) -> (Vec<u8>, Vec<u8>) {
        let write = || {
            if self.part().exists() {
                fs::remove_file(self.part()).unwrap();
            }
            let mut part = PartWriter::create(&LocalDisk, &self.part(), format, 400_000).unwrap();
            for n in 0..50u8 {
                let key = format.codec == Codec::Opus || n % 10 == 0;
                part.frame(i64::from(n) * 100_000, key, &[n | 1; 60]).unwrap();
            }
            part.flush().unwrap();
            part
        };
        drop(write());
        let open = fs::read(self.part()).unwrap();
        write().seal().unwrap();
        (open, fs::read(self.part()).unwrap())
    }

    /// What mending makes of a file; `None` if it is refused, and then it must be left alone.
    fn mended(&self, torn: &[u8], listed: Option<&PartFormat>) -> Option<Vec<u8>> {
        fs::write(self.part(), torn).unwrap();
        match repair_part(&self.part(), listed) {
            Ok(_) => Some(fs::read(self.part()).unwrap()),
            Err(CaptureError::NotAPart { .. }) => {
                assert_eq!(fs::read(self.part()).unwrap(), torn, "a refused file was touched");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Reads as strictly as RFC 9559 allows: every byte belongs to an element that may be there, every
/// size and position is right.
fn strict(part: &[u8]) {
    let level = |bytes: &[u8], from: usize, to: usize| {
        let mut at = from;
        let mut found = Vec::new();
        while at < to {
            let header = ebml::header(&bytes[at..to]).unwrap_or_else(|| panic!("garbage at {at}"));
            let end = at + header.length + header.size.expect("a size") as usize;
            assert!(end <= to, "the element at {at} is longer than its parent");
            found.push((header.id, at, at + header.length, end));
            at = end;
        }
        found
    };
    let top = level(part, 0, part.len());
    assert_eq!(top.iter().map(|e| e.0).collect::<Vec<_>>(), [id::EBML, id::SEGMENT]);
    let doc_type = level(part, top[0].2, top[0].3).into_iter().find(|e| e.0 == id::DOC_TYPE);
    assert!(doc_type.is_some_and(|e| [&b"webm"[..], b"matroska"].contains(&&part[e.2..e.3])));
    let body = top[1].2;
    let segment = level(part, body, top[1].3);
    let of = |wanted: u32| segment.iter().filter(move |e| e.0 == wanted).copied();
    for once in [id::SEEK_HEAD, id::INFO, id::TRACKS, id::CUES] {
        assert_eq!(of(once).count(), 1, "{once:x} is there once");
    }
    let known = [id::SEEK_HEAD, id::VOID, id::INFO, id::TRACKS, id::CLUSTER, id::CUES];
    assert!(segment.iter().all(|e| known.contains(&e.0)));
    let number = |e: (u32, usize, usize, usize)| ebml::uint(&part[e.2..e.3]) as usize;
    let child = |e: (u32, usize, usize, usize), wanted| {
        level(part, e.2, e.3).into_iter().find(|c| c.0 == wanted).expect("a child")
    };
    for seek in
        level(part, of(id::SEEK_HEAD).next().unwrap().2, of(id::SEEK_HEAD).next().unwrap().3)
    {
        let at = body + number(child(seek, id::SEEK_POSITION));
        assert_eq!(
            number(child(seek, id::SEEK_ID)),
            ebml::header(&part[at..]).unwrap().id as usize
        );
    }
    let duration = child(of(id::INFO).next().unwrap(), id::DURATION);
    let duration = f64::from_be_bytes(part[duration.2..duration.3].try_into().unwrap());
    assert!((duration - 5000.0).abs() < 1.0, "{duration} ms");
    for checked in of(id::CLUSTER).chain(of(id::TRACKS)) {
        let crc = level(part, checked.2, checked.3)[0];
        assert_eq!((crc.0, crc.1), (id::CRC_32, checked.2));
        assert_eq!(ebml::crc(&[&part[crc.3..checked.3]]), part[crc.2..crc.3]);
    }
    for point in level(part, of(id::CUES).next().unwrap().2, of(id::CUES).next().unwrap().3) {
        let place = child(point, id::CUE_TRACK_POSITIONS);
        let at = body + number(child(place, id::CUE_CLUSTER_POSITION));
        let cluster = of(id::CLUSTER).find(|e| e.1 == at).expect("a cue points at a cluster");
        assert_eq!(number(child(cluster, id::TIMESTAMP)), number(child(point, id::CUE_TIME)));
    }
}

#[test]
fn a_part_that_was_cut_is_mended_to_what_sealing_makes() {
    let scratch = Scratch::new();
    for format in formats() {
        let (open, sealed) = scratch.written(&format);
        strict(&sealed);
        assert_eq!(scratch.mended(&open, None).as_ref(), Some(&sealed));
        assert_eq!(scratch.mended(&sealed, None).as_ref(), Some(&sealed));
        // Sealing was cut: at its end, or before its head was written, or in the middle of that.
        let tail = sealed.len() - open.len();
        for kept in 0..=tail {
            let cues = [&open[..], &sealed[open.len()..open.len() + kept]].concat();
            assert_eq!(scratch.mended(&cues, None).as_ref(), Some(&sealed), "{kept} of {tail}");
        }
        for sector in SECTORS {
            let mut half = sealed.clone();
            half[..sector.min(open.len())].copy_from_slice(&open[..sector.min(open.len())]);
            assert_eq!(scratch.mended(&half, None).as_ref(), Some(&sealed), "sector {sector}");
        }
    }
}

#[test]
fn a_torn_head_is_written_anew_or_refused_whatever_byte_is_torn() {
    let scratch = Scratch::new();
    for format in formats() {
        let (open, sealed) = scratch.written(&format);
        let head = Head::new(&format).length() as usize;
        for at in (0..head).filter(|at| *at < 500 || at % 97 == 0) {
            for byte in [0, !open[at]].into_iter().filter(|byte| *byte != open[at]) {
                for whole in [&open, &sealed] {
                    let mut torn = whole.clone();
                    torn[at] = byte;
                    assert_eq!(
                        scratch.mended(&torn, Some(&format)).as_ref(),
                        Some(&sealed),
                        "{at}"
                    );
                    let unlisted = scratch.mended(&torn, None);
                    assert!(unlisted.is_none_or(|mended| mended == sealed), "{at} is {byte}");
                }
            }
        }
    }
}

#[test]
fn where_sectors_never_came_nothing_is_taken_for_whole() {
    let scratch = Scratch::new();
    for format in formats() {
        let (open, sealed) = scratch.written(&format);
        let head = Head::new(&format).length() as usize;
        for sector in SECTORS {
            for (n, whole) in (0..head.div_ceil(sector)).flat_map(|n| [(n, &open), (n, &sealed)]) {
                let mut torn = whole.clone();
                let end = ((n + 1) * sector).min(torn.len());
                torn[n * sector..end].fill(0);
                let only_head = (n + 1) * sector <= head;
                match scratch.mended(&torn, Some(&format)) {
                    mended if only_head => {
                        assert_eq!(mended.as_ref(), Some(&sealed), "sector {n} of {sector}");
                    }
                    // What lies behind the hole is whole.
                    Some(mended) => {
                        assert_eq!(scratch.mended(&mended, None).as_ref(), Some(&mended));
                    }
                    None => assert!(end + 500 > open.len(), "sector {n} of {sector}"),
                }
                assert_eq!(scratch.mended(&torn, None), None, "sector {n} of {sector}");
            }
        }
    }
}

#[test]
fn a_torn_cluster_ends_the_part_before_it() {
    let scratch = Scratch::new();
    let format = &formats()[1];
    let (open, _) = scratch.written(format);
    let marks = |at: &usize| open[*at..].starts_with(&id::CLUSTER.to_be_bytes());
    let clusters: Vec<usize> = (0..open.len()).filter(marks).collect();
    let last = *clusters.last().unwrap();
    let without = scratch.mended(&open[..last], None);
    assert!(clusters.len() > 5 && without.is_some());
    for at in (last..open.len()).filter(|at| open[*at] != 0) {
        let mut torn = open.clone();
        torn[at] = 0;
        assert_eq!(scratch.mended(&torn, None), without, "byte {at}");
    }
    // The same cluster without its checksum: whole as far as anybody can tell, and none of ours.
    let mut bare = open[..last].to_vec();
    let header = ebml::header(&open[last..]).unwrap();
    let crc = 6;
    ebml::put_bytes(&mut bare, id::CLUSTER, &open[last + header.length + crc..]);
    assert_eq!(scratch.mended(&bare, None), without);
}

#[test]
fn a_part_without_a_whole_frame_is_none() {
    let scratch = Scratch::new();
    for format in formats() {
        let (open, _) = scratch.written(&format);
        let head = Head::new(&format).length() as usize;
        for length in [0, 1, 40, head - 1, head, head + 1, head + 70] {
            assert_eq!(scratch.mended(&open[..length], Some(&format)), None, "{length} bytes");
        }
    }
}

#[test]
fn where_the_head_is_whole_the_head_rules() {
    let scratch = Scratch::new();
    let (open, sealed) = scratch.written(&formats()[1]);
    let other = PartFormat { width: 1, ..formats()[1].clone() };
    assert_eq!(scratch.mended(&open, Some(&other)), Some(sealed));
    assert_eq!(PartReader::open(&scratch.part()).unwrap().info().width, 640);
}

#[test]
fn a_hole_in_the_middle_costs_what_was_in_it_and_nothing_behind() {
    let scratch = Scratch::new();
    let format = &formats()[1];
    let (open, _) = scratch.written(format);
    let marks = |at: &usize| open[*at..].starts_with(&id::CLUSTER.to_be_bytes());
    let clusters: Vec<usize> = (0..open.len()).filter(marks).collect();
    let frames = |part: &[u8]| {
        fs::write(scratch.part(), part).unwrap();
        let mut reader = PartReader::open(&scratch.part()).unwrap();
        let frames = std::iter::from_fn(|| reader.next_frame().unwrap());
        frames.map(|frame| frame.pts_us).collect::<Vec<_>>()
    };
    let all = frames(&open);
    for (from, to) in [(1, 2), (0, 1), (2, 5), (clusters.len() - 2, clusters.len() - 1)] {
        let (begin, end) = (clusters[from], clusters[to]);
        let at_ms = |n: usize| frames(&open[..clusters[n]]).len();
        let (first, last) = (at_ms(from), at_ms(to));
        // Zeros, one torn byte, and what no size can be read of.
        let mut zeros = open.clone();
        zeros[begin..end].fill(0);
        let mut torn = open.clone();
        torn[end - 1] ^= 1;
        torn[begin + 40] ^= 1;
        let mut noise = open.clone();
        noise[begin..end].fill(0xff);
        for hole in [zeros, torn, noise].into_iter().take(if to - from > 1 { 1 } else { 3 }) {
            let mended = scratch.mended(&hole, None).expect("it is a part");
            strict(&mended);
            let left = [&all[..first], &all[last..]].concat();
            assert_eq!(frames(&mended), left, "clusters {from} to {to}");
            assert_eq!(scratch.mended(&mended, None).as_ref(), Some(&mended));
        }
    }
}
