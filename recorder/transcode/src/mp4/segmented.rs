//! A film as one fragmented file, whose fragments players fetch by byte ranges (RFC 8216 §4.3.2.2): each
//! begins with a keyframe and stands for itself.

use super::fragments::{Stretch, fragment, head};
use super::{Sample, Track};
use std::io::{self, Read, Write};

/// Fragments are not shorter; they end where keyframes are.
const SHORTEST_S: u64 = 6;

/// A fragment of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub bytes: u64,
    pub duration_us: u64,
}

/// What [`write_segmented`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segmented {
    /// Bytes of the head, which come first.
    pub head: u64,
    /// In the order in which they follow it.
    pub segments: Vec<Segment>,
}

/// Samples of a track that were not written yet.
struct Rest<'a> {
    track: &'a Track,
    /// Index of the next one, and when it is, in units of the track's timescale.
    next: usize,
    at: u64,
}

impl<'a> Rest<'a> {
    fn new(track: &'a Track) -> Self {
        Self { track, next: 0, at: 0 }
    }

    fn samples(&self) -> &'a [Sample] {
        &self.track.samples[self.next..]
    }

    /// How many samples begin before a moment of the film, which is a fraction of seconds.
    fn before(&self, (count, per_second): (u64, u64)) -> usize {
        let scale = u128::from(self.track.timescale);
        let end = u128::from(count) * scale / u128::from(per_second) + u128::from(self.track.skip);
        let mut at = u128::from(self.at);
        let begins_before = |sample: &&Sample| {
            let before = at < end;
            at += u128::from(sample.duration);
            before
        };
        self.samples().iter().take_while(begins_before).count()
    }

    /// Takes so many: when they begin, and they.
    fn take(&mut self, count: usize) -> (u64, &'a [Sample]) {
        let (taken, _) = self.samples().split_at(count);
        let at = self.at;
        self.next += count;
        self.at += taken.iter().map(|sample| u64::from(sample.duration)).sum::<u64>();
        (at, taken)
    }
}

/// Writes a film. The first track is its picture; `data` holds each track's samples one after another,
/// in order. A fragment is in memory while it is written.
///
/// # Errors
/// Reading or writing fails, or `data` is shorter than the samples say.
pub fn write_segmented<R: Read, W: Write>(
    out: &mut W,
    tracks: &[Track],
    data: &mut [R],
) -> io::Result<Segmented> {
    let head = head(tracks);
    out.write_all(&head)?;
    let mut rests: Vec<Rest<'_>> = tracks.iter().map(Rest::new).collect();
    let mut segments = Vec::new();
    while let Some(picture) = rests.first()
        && !picture.samples().is_empty()
    {
        let scale = u64::from(picture.track.timescale);
        let count = until_keyframe(picture.samples(), SHORTEST_S * scale);
        let is_last = count == picture.samples().len();
        let began = picture.at;
        let length: u64 =
            picture.samples()[..count].iter().map(|sample| u64::from(sample.duration)).sum();
        let mut taken = Vec::new();
        for (n, rest) in rests.iter_mut().enumerate() {
            let count = match n {
                0 => count,
                _ if is_last => rest.samples().len(),
                _ => rest.before((began + length, scale)),
            };
            let (at, samples) = rest.take(count);
            let bytes: u64 = samples.iter().map(|sample| u64::from(sample.bytes)).sum();
            let mut read = Vec::new();
            if let Some(data) = data.get_mut(n) {
                data.take(bytes).read_to_end(&mut read)?;
            }
            if read.len() as u64 != bytes {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "samples are missing"));
            }
            taken.push((n as u32 + 1, at, samples, read));
        }
        let stretches: Vec<Stretch<'_>> = taken
            .iter()
            .map(|(track, at, samples, data)| Stretch { track: *track, at: *at, samples, data })
            .collect();
        let made = fragment(segments.len() as u32 + 1, &stretches);
        out.write_all(&made)?;
        let duration_us = length * 1_000_000 / scale;
        segments.push(Segment { bytes: made.len() as u64, duration_us });
    }
    Ok(Segmented { head: head.len() as u64, segments })
}

/// How many samples come before the first keyframe that is so far away; all, if there is none.
fn until_keyframe(samples: &[Sample], least: u64) -> usize {
    let mut at = 0;
    for (n, sample) in samples.iter().enumerate() {
        if sample.keyframe && n > 0 && at >= least {
            return n;
        }
        at += u64::from(sample.duration);
    }
    samples.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::TrackFormat;

    /// Twenty seconds with a keyframe every two and a third, the sound being a little longer.
    fn film() -> Vec<Track> {
        let format =
            TrackFormat::Avc { avcc: vec![1, 66, 0, 31], width: 64, height: 36, colour: None };
        let picture = (0..600u32)
            .map(|n| Sample { bytes: 5 + n % 7, duration: 1000, keyframe: n % 70 == 0 })
            .collect();
        let sound = vec![Sample { bytes: 3, duration: 1024, keyframe: true }; 940];
        let aac = TrackFormat::Aac { config: vec![0x11, 0x90], channels: 2, rate: 48_000, bps: 1 };
        vec![
            Track { format, timescale: 30_000, samples: picture, skip: 0, delay_ms: 0 },
            Track { format: aac, timescale: 48_000, samples: sound, skip: 1024, delay_ms: 0 },
        ]
    }

    fn bytes(track: &Track) -> Vec<u8> {
        let length = track.samples.iter().map(|sample| sample.bytes as usize).sum();
        (0..length).map(|n| (n % 251) as u8).collect()
    }

    #[test]
    fn a_film_is_cut_at_keyframes_and_nothing_of_it_is_lost() {
        let tracks = film();
        let data: Vec<Vec<u8>> = tracks.iter().map(bytes).collect();
        let mut readers: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
        let mut out = Vec::new();
        let made = write_segmented(&mut out, &tracks, &mut readers).unwrap();
        let lengths: Vec<u64> = made.segments.iter().map(|segment| segment.duration_us).collect();
        assert_eq!(lengths, [7_000_000, 7_000_000, 6_000_000]);
        let media: u64 = made.segments.iter().map(|segment| segment.bytes).sum();
        assert_eq!(made.head + media, out.len() as u64);
        assert!(readers.iter().all(|left| left.is_empty()));
        // Each fragment is where its length says.
        let mut at = made.head as usize;
        for segment in &made.segments {
            assert_eq!(&out[at + 4..at + 8], b"moof");
            at += segment.bytes as usize;
        }
    }

    #[test]
    fn sound_goes_with_the_picture_that_it_is_heard_with() {
        let tracks = film();
        // Six seconds are 281.25 frames, and the first one is not heard.
        assert_eq!(Rest::new(&tracks[1]).before((180_000, 30_000)), 283);
    }

    #[test]
    fn missing_samples_are_an_error_not_a_short_file() {
        let tracks = film();
        let data: Vec<Vec<u8>> = tracks.iter().map(bytes).collect();
        let mut readers: Vec<&[u8]> = vec![&data[0][..50], &data[1]];
        assert!(write_segmented(&mut Vec::new(), &tracks, &mut readers).is_err());
    }
}
