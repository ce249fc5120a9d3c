//! Films one after the other as one film: which samples of which film, and when. Pure.
//!
//! Pictures decide how long a film is; sound follows them. AAC comes in frames of 1024 samples that are
//! copied whole, so a film's sound can begin half a frame (11 ms) off its pictures at most; where that is
//! comes from the pictures each time anew, and nothing adds up. What is too much at a seam is taken from what
//! the encoder puts before a film's sound, then from the end of the sound before; what is missing is silence.

mod seams;

pub use seams::{Part, chapters};

use crate::mp4::Sample;
use crate::reel::AAC_FRAME;

/// Units a second of a picture track that is made of tracks with different clocks.
const COMMON_SCALE: u32 = 90_000;

/// What the pictures of one film are, for [`pictures`].
#[derive(Debug, Clone, Copy)]
pub struct Pictures<'a> {
    pub timescale: u32,
    pub samples: &'a [Sample],
}

/// Pictures of all films in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplicedPictures {
    pub timescale: u32,
    pub samples: Vec<Sample>,
    /// When each film begins, and the last one ends, in units of the timescale.
    pub seams: Vec<u64>,
}

impl SplicedPictures {
    /// The same in microseconds.
    pub fn seams_us(&self) -> Vec<u64> {
        self.seams.iter().map(|at| scaled(*at, self.timescale, 1_000_000)).collect()
    }
}

fn scaled(at: u64, from: u32, to: u32) -> u64 {
    (u128::from(at) * u128::from(to) / u128::from(from.max(1))) as u64
}

/// Puts pictures in a row: each film begins where the one before ends. A clock that all have stays, and so
/// does every duration; with another clock each picture begins less than a unit off its time.
pub fn pictures(films: &[Pictures<'_>]) -> SplicedPictures {
    let first = films.first().map_or(COMMON_SCALE, |film| film.timescale);
    let same = films.iter().all(|film| film.timescale == first);
    let timescale = if same { first } else { COMMON_SCALE };
    let (mut samples, mut seams, mut begins) = (Vec::new(), vec![0], 0);
    for film in films {
        let (mut at, mut placed) = (0u64, 0u64);
        for sample in film.samples {
            at += u64::from(sample.duration);
            let next = scaled(at, film.timescale, timescale);
            samples.push(Sample { duration: (next - placed) as u32, ..*sample });
            placed = next;
        }
        begins += placed;
        seams.push(begins);
    }
    SplicedPictures { timescale, samples, seams }
}

/// What the sound of one film is, for [`sound`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sound {
    /// Frames of AAC.
    pub frames: usize,
    /// Samples that come before the film's first moment.
    pub lead: u32,
}

/// A row of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frames {
    /// Of this film's sound, from this frame on.
    Of { film: usize, from: usize, count: usize },
    /// So many silent ones.
    Silent { count: usize },
}

impl Frames {
    fn count_mut(&mut self) -> &mut usize {
        match self {
            Self::Of { count, .. } | Self::Silent { count } => count,
        }
    }

    pub fn count(self) -> usize {
        match self {
            Self::Of { count, .. } | Self::Silent { count } => count,
        }
    }
}

/// Sound of all films in a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SplicedSound {
    pub frames: Vec<Frames>,
    /// Samples that are not played at the beginning.
    pub lead: u32,
    /// Samples of the last frame that are played.
    pub last: u32,
    /// How much later than its pictures each film's sound is, in samples; 0 without sound.
    pub skews: Vec<i64>,
}

/// Puts sound under pictures. `seams`: when each film begins, and the last one ends, in microseconds; `rate`:
/// samples a second.
pub fn sound(films: &[Option<Sound>], seams: &[u64], rate: u32) -> SplicedSound {
    let frame = AAC_FRAME as i64;
    let at = |n: usize| {
        let us = seams.get(n).copied().unwrap_or(0);
        scaled(us, 1_000_000, rate).cast_signed()
    };
    let lead = films.iter().flatten().map(|film| film.lead).next().unwrap_or(0);
    let mut row = Row::default();
    let mut skews = Vec::new();
    for (n, film) in films.iter().enumerate() {
        let Some(film) = film else {
            skews.push(0);
            continue;
        };
        let wanted = i64::from(lead) + at(n);
        let begins = wanted - i64::from(film.lead);
        let missing = (begins - row.length() * frame + frame / 2).div_euclid(frame);
        let mut from = 0;
        if missing > 0 {
            row.push(Frames::Silent { count: missing.unsigned_abs() as usize });
        } else {
            let spare = film.lead as usize / AAC_FRAME as usize;
            let surplus = missing.unsigned_abs() as usize;
            from = surplus.min(spare).min(film.frames);
            // What the row does not have is missed by the film itself: it is shorter than a frame or two.
            let left = row.drop_last(surplus - from);
            from = (from + left).min(film.frames);
        }
        let begun = row.length() - from as i64;
        skews.push(begun * frame + i64::from(film.lead) - wanted);
        row.push(Frames::Of { film: n, from, count: film.frames - from });
    }
    let whole = i64::from(lead) + at(films.len());
    let most = (whole + frame - 1).div_euclid(frame);
    row.drop_last((row.length() - most).max(0).unsigned_abs() as usize);
    let before = (row.length() - 1).max(0) * frame;
    let last = (whole - before).clamp(0, frame) as u32;
    SplicedSound { frames: row.frames, lead, last, skews }
}

/// Frames that are chosen so far.
#[derive(Default)]
struct Row {
    frames: Vec<Frames>,
}

impl Row {
    fn length(&self) -> i64 {
        self.frames.iter().map(|frames| frames.count() as i64).sum()
    }

    fn push(&mut self, frames: Frames) {
        if frames.count() > 0 {
            self.frames.push(frames);
        }
    }

    /// Takes frames from the end; how many there were not.
    fn drop_last(&mut self, mut most: usize) -> usize {
        while most > 0
            && let Some(last) = self.frames.last_mut()
        {
            let count = last.count_mut();
            let taken = most.min(*count);
            *count -= taken;
            most -= taken;
            if *count == 0 {
                self.frames.pop();
            }
        }
        most
    }
}

#[cfg(test)]
mod tests;
