//! Fragmented MP4 (ISO/IEC 14496-12 §8.8): a head without samples, then fragments that stand for
//! themselves.

use super::{FileInfo, Sample, Track, atom, be, full, join, moov};

/// Samples of one track in a fragment.
pub struct Stretch<'a> {
    /// Of the head's tracks, the first one being 1.
    pub track: u32,
    /// Time of the first sample, in units of the track's timescale.
    pub at: u64,
    pub samples: &'a [Sample],
    pub data: &'a [u8],
}

/// The head. Samples of the tracks do not matter.
pub fn head(tracks: &[Track]) -> Vec<u8> {
    let empty: Vec<Track> =
        tracks.iter().map(|track| Track { samples: Vec::new(), ..track.clone() }).collect();
    let info = FileInfo { title: String::new(), created_unix_s: 0, chapters: Vec::new() };
    let trex = |id: u32| full(b"trex", 0, 0, &be(&[id, 1, 0, 0, 0]));
    let all: Vec<u8> = (1..=tracks.len() as u32).flat_map(trex).collect();
    let mut moov = moov(&info, &empty, &[], 0, false);
    moov.extend(atom(b"mvex", &all));
    let length = moov.len() as u32;
    moov[..4].copy_from_slice(&length.to_be_bytes());
    let ftyp = atom(b"ftyp", &join(&[b"iso6", &be(&[0]), b"iso6isommp41"]));
    join(&[&ftyp, &moov])
}

/// A fragment; `number` grows from one to the next.
pub fn fragment(number: u32, stretches: &[Stretch<'_>]) -> Vec<u8> {
    // Offsets in it do not change its length.
    let length = moof(number, stretches, 0).len() as u32;
    let mut out = moof(number, stretches, length + 8);
    let bytes: usize = stretches.iter().map(|stretch| stretch.data.len()).sum();
    out.extend(be(&[bytes as u32 + 8]));
    out.extend_from_slice(b"mdat");
    stretches.iter().for_each(|stretch| out.extend_from_slice(stretch.data));
    out
}

fn moof(number: u32, stretches: &[Stretch<'_>], mut offset: u32) -> Vec<u8> {
    let mut body = full(b"mfhd", 0, 0, &be(&[number]));
    for Stretch { track, at, samples, data } in stretches {
        // Offsets count from the fragment's beginning.
        let tfhd = full(b"tfhd", 0, 0x02_0000, &be(&[*track]));
        let tfdt = full(b"tfdt", 1, 0, &at.to_be_bytes());
        let mut run = be(&[samples.len() as u32, offset]);
        for sample in *samples {
            // Needs no other sample, or needs some and is no keyframe.
            let flags = if sample.keyframe { 0x0200_0000 } else { 0x0101_0000 };
            run.extend(be(&[sample.duration, sample.bytes, flags]));
        }
        // With offset, durations, sizes and flags.
        let trun = full(b"trun", 0, 0x0701, &run);
        body.extend(atom(b"traf", &join(&[&tfhd, &tfdt, &trun])));
        offset += data.len() as u32;
    }
    atom(b"moof", &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stretch_is_where_its_fragment_says() {
        let samples = |bytes: u32| vec![Sample { bytes, duration: 10, keyframe: true }; 3];
        let (pictures, sounds) = (samples(4), samples(2));
        let made = fragment(
            7,
            &[
                Stretch { track: 1, at: 900, samples: &pictures, data: &[0xaa; 12] },
                Stretch { track: 2, at: 480, samples: &sounds, data: &[0xbb; 6] },
            ],
        );
        let runs = made.windows(4).enumerate().filter(|(_, kind)| *kind == b"trun");
        let offsets = runs
            .map(|(at, _)| u32::from_be_bytes(made[at + 12..at + 16].try_into().unwrap()) as usize);
        let first: Vec<u8> = offsets.map(|at| made[at]).collect();
        assert_eq!(first, [0xaa, 0xbb]);
        assert_eq!(made[made.len() - 1], 0xbb);
        let moof = u32::from_be_bytes(made[..4].try_into().unwrap()) as usize;
        assert_eq!(&made[moof + 4..moof + 8], b"mdat");
    }
}
