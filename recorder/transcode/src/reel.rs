//! Reels: ten seconds of a film's picture or of its sound, each made on its own and kept until the
//! film is whole. What a crash left need not be made again, and most of a film can be made while
//! its meeting goes on.
//!
//! A reel is known by its recipe: a digest of everything that its pictures or its sound follow
//! from. Whatever turns out differently later, a gap that was mended, a name that changed, another
//! encoder, gives another recipe, and the reel is made anew.

use crate::mix::RATE;
use crate::plan::{Plan, Scene, VideoSource};
use roombox_capture::manifest::{Manifest, Part, RecordedLayer};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::ops::Range;

/// Length of a reel. Its first picture is a keyframe.
pub const REEL_US: u64 = 10_000_000;
/// Another number whenever the same recipe gives other pictures or another sound.
const EDITION: u32 = 1;
/// Samples of one AAC frame.
pub const AAC_FRAME: u64 = 1024;
/// AAC frames that are made before a reel's first one and thrown away: an encoder must have heard
/// what came before, and the limiter too.
const LEAD: u64 = 48;
/// AAC frames of sound that an encoder may want to have heard before it gives one out.
const LAG: u64 = 4;
/// A part that begins so much later may already be seen; one that has ended is seen for so long.
const NEAR_US: u64 = 600_000;

/// After so much time nothing that happens changes what a moment looks or sounds like: scenes that
/// follow each other closely are one, and an end is told a little later.
const CERTAIN_US: u64 = 1_500_000;

/// Whether a reel of a recording that still runs will not change any more: `plan` is of what is
/// known until `now_us` of the recording.
pub fn is_certain(number: u64, plan: &Plan, now_us: u64) -> bool {
    let lag_us = LAG * AAC_FRAME * 1_000_000 / u64::from(RATE);
    let end = (number + 1) * REEL_US + lag_us;
    // Where nothing is recorded any more, what follows is not known, however late it is.
    let known_us = plan.pieces.last().map_or(0, |(_, to)| now_us.min(*to));
    end < plan.duration_us() && plan.recording_us(end) + CERTAIN_US <= known_us
}

/// Reels of a film of this length.
pub fn count(duration_us: u64) -> u64 {
    duration_us.div_ceil(REEL_US)
}

/// A reel's stretch of the film, `[from, to)`.
pub fn stretch(number: u64, duration_us: u64) -> (u64, u64) {
    let from = number * REEL_US;
    (from.min(duration_us), (from + REEL_US).min(duration_us))
}

/// A reel's frames of the film.
pub fn frames(number: u64, plan: &Plan, fps: u32) -> Range<u64> {
    let (all, each) = (plan.frames(fps), REEL_US * u64::from(fps) / 1_000_000);
    (number * each).min(all)..((number + 1) * each).min(all)
}

/// Where a reel of sound begins and ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SoundReel {
    pub number: u64,
    /// AAC frames of the film.
    pub frames: Range<u64>,
    /// The frame from which on the encoder is fed.
    pub lead: u64,
}

impl SoundReel {
    /// `delay`: samples that the encoder puts before the sound.
    pub fn new(number: u64, duration_us: u64, delay: u32) -> Self {
        let all = (samples(duration_us) + u64::from(delay)).div_ceil(AAC_FRAME);
        let begins = |number: u64| samples(number * REEL_US) / AAC_FRAME;
        let from = begins(number).min(all);
        let to = if number + 1 >= count(duration_us) { all } else { begins(number + 1) };
        Self { number, frames: from..to.max(from), lead: from.saturating_sub(LEAD) }
    }

    /// Sample frames of the film that it is made of.
    pub fn heard(&self) -> Range<u64> {
        self.lead * AAC_FRAME..(self.frames.end + LAG) * AAC_FRAME
    }

    /// The first sample frame of the film of which the next reel is made.
    pub fn next_hears_from(&self) -> u64 {
        self.frames.end.saturating_sub(LEAD) * AAC_FRAME
    }

    /// Sample frames of the film whose loudness it measures.
    pub fn measured(&self) -> Range<i64> {
        let at = |number: u64| samples(number * REEL_US) as i64;
        at(self.number)..at(self.number + 1)
    }
}

/// Sample frames of a time.
pub fn samples(us: u64) -> u64 {
    us * u64::from(RATE) / 1_000_000
}

/// Tells apart what a reel is made of and with. In hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe(pub String);

impl Recipe {
    fn of(ingredients: &impl Serialize) -> Self {
        // Numbers, strings and lists: they always are JSON.
        let text = serde_json::to_vec(&(EDITION, ingredients)).unwrap_or_default();
        Self(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// A part of the recording as a reel sees it.
#[derive(Serialize)]
struct Ingredient<'a> {
    file: &'a str,
    start_us: u64,
    /// `None`: after the reel.
    end_us: Option<u64>,
}

/// The stretch of the recording that a stretch of the film shows.
fn recorded(plan: &Plan, (from, to): (u64, u64)) -> (u64, u64) {
    (plan.recording_us(from), plan.recording_us(to.saturating_sub(1).max(from)))
}

/// The plan's pieces within a stretch of the film.
fn pieces(plan: &Plan, (from, to): (u64, u64)) -> Vec<(u64, u64)> {
    let (first, last) = recorded(plan, (from, to));
    let within = plan.pieces.iter().filter(|(begin, end)| *begin <= last && *end > first);
    within.map(|(begin, end)| ((*begin).max(first), (*end).min(last + 1))).collect()
}

/// Scenes of a reel: the one in which it begins and those that begin in it.
fn scenes<'a>(plan: &Plan, all: &'a [Scene], (number, fps): (u64, u32)) -> &'a [Scene] {
    let (first, last) = recorded(plan, stretch(number, plan.duration_us()));
    let from = all.partition_point(|scene| scene.from_us <= first).saturating_sub(1);
    // A frame shows what is nearest to it, which may be half a frame later.
    let half_a_frame = 500_000 / u64::from(fps.max(1));
    let to = all.partition_point(|scene| scene.from_us <= last + half_a_frame);
    all.get(from..to.max(from)).unwrap_or_default()
}

/// Parts of the recording whose pictures are seen in a reel.
pub fn seen<'a>(
    manifest: &'a Manifest,
    plan: &Plan,
    all: &[Scene],
    (number, fps): (u64, u32),
) -> Vec<&'a Part> {
    let tiles = scenes(plan, all, (number, fps)).iter().flat_map(|scene| &scene.tiles);
    let sources: BTreeSet<&VideoSource> = tiles.filter_map(|tile| tile.source.as_ref()).collect();
    let (first, last) = recorded(plan, stretch(number, plan.duration_us()));
    let shown = |part: &&Part| {
        let mut used = sources.iter();
        used.any(|source| source.track == part.track && source.layer == part.layer)
            && overlaps(part, first, last)
    };
    manifest.parts.iter().filter(shown).collect()
}

/// Parts of the recording that are heard in a reel.
pub fn heard<'a>(manifest: &'a Manifest, plan: &Plan, reel: &SoundReel) -> Vec<&'a Part> {
    let (first, last) = recorded(plan, heard_us(reel));
    let heard = |part: &&Part| part.layer == RecordedLayer::Audio && overlaps(part, first, last);
    manifest.parts.iter().filter(heard).collect()
}

fn heard_us(reel: &SoundReel) -> (u64, u64) {
    let heard = reel.heard();
    let us = |samples: u64| samples * 1_000_000 / u64::from(RATE);
    (us(heard.start), us(heard.end))
}

fn overlaps(part: &Part, first: u64, last: u64) -> bool {
    let end_us = part.end_us.unwrap_or(u64::MAX);
    part.start_us <= last + NEAR_US && end_us.saturating_add(NEAR_US) >= first
}

fn ingredients<'a>(parts: &[&'a Part], last: u64) -> Vec<Ingredient<'a>> {
    let ingredient = |part: &&'a Part| Ingredient {
        file: &part.file,
        start_us: part.start_us,
        end_us: part.end_us.filter(|end| *end <= last + NEAR_US),
    };
    parts.iter().map(ingredient).collect()
}

/// What a reel of pictures follows from. `maker`: the encoder, its version and its settings.
pub fn of_pictures(
    manifest: &Manifest,
    plan: &Plan,
    all: &[Scene],
    (number, fps): (u64, u32),
    maker: &str,
) -> Recipe {
    let stretch = stretch(number, plan.duration_us());
    let (first, last) = recorded(plan, stretch);
    // One that began before the reel is the same whenever it began.
    let scenes = scenes(plan, all, (number, fps)).iter();
    let tiles: Vec<_> = scenes.map(|scene| (scene.from_us.max(first), &scene.tiles)).collect();
    Recipe::of(&(
        ("pictures", maker, frames(number, plan, fps)),
        pieces(plan, stretch),
        tiles,
        ingredients(&seen(manifest, plan, all, (number, fps)), last),
    ))
}

/// What a reel of sound follows from, but for how loud it is made: that follows from the reels
/// before.
pub fn of_sound(manifest: &Manifest, plan: &Plan, reel: &SoundReel, maker: &str) -> Recipe {
    let (first, last) = heard_us(reel);
    let parts = heard(manifest, plan, reel);
    let whose: Vec<_> = parts
        .iter()
        .map(|part| manifest.tracks.iter().find(|track| track.track == part.track))
        .collect();
    Recipe::of(&(
        ("sound", maker, reel),
        pieces(plan, (first, last)),
        whose,
        ingredients(&parts, recorded(plan, (first, last)).1),
    ))
}

#[cfg(test)]
mod tests;
