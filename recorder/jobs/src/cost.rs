//! What a job costs: learnt from those that were done, and guessed sensibly before.
//!
//! A guess is corrected by what jobs of the same outputs took, and that by what jobs of the same shape
//! did: layout, size, encoder. All are sums over minutes of recordings, so that a short job that takes
//! long to begin says less than a long one.

use crate::row::JobRow;
use crate::spec::{JobSpec, Output};
use std::collections::BTreeMap;

/// So many minutes of experience weigh as much as what was believed before.
const BELIEF_MIN: f64 = 3.0;
/// So many minutes are remembered: an encoder or a disk that was changed is learnt anew.
const MEMORY_MIN: f64 = 240.0;
/// A job of which nobody knows the length.
const UNKNOWN_MS: u64 = 30 * 60_000;
/// No job takes no time at all.
const LEAST_MS: u64 = 1000;

/// What jobs took so far, per shape or outputs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    pub minutes: f64,
    pub cpu_s: f64,
    pub wall_s: f64,
    /// Of how many jobs.
    pub jobs: u64,
}

/// What a finished job took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spent {
    pub media_ms: u64,
    pub cpu_s: f64,
    /// `None`: it was slowed down, and its time says nothing.
    pub wall_s: Option<f64>,
}

/// What a job will take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    pub wall_ms: u64,
    pub cpu_s: f64,
    /// Cores that it keeps busy.
    pub cores: f64,
}

/// Per minute of recording.
#[derive(Debug, Clone, Copy)]
struct Rate {
    cpu_s: f64,
    wall_s: f64,
}

/// What the box knows about costs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Costs {
    known: BTreeMap<String, Tally>,
}

impl Costs {
    /// As they were kept.
    pub fn new(known: impl IntoIterator<Item = (String, Tally)>) -> Self {
        Self { known: known.into_iter().collect() }
    }

    pub fn of(&self, row: &JobRow) -> Cost {
        let minutes = media_ms(row) as f64 / 60_000.0;
        let [kind, shape] = names(row);
        let rate = self.corrected(&shape, self.corrected(&kind, guess(&row.spec)));
        let wall_ms = ((rate.wall_s * minutes * 1000.0) as u64).max(LEAST_MS);
        let cores = (rate.cpu_s / rate.wall_s.max(1e-6)).clamp(0.05, 64.0);
        Cost { wall_ms, cpu_s: rate.cpu_s * minutes, cores }
    }

    /// Takes in what a job took: what is to be kept now.
    pub fn learn(&mut self, row: &JobRow, spent: Spent) -> Vec<(String, Tally)> {
        let minutes = spent.media_ms as f64 / 60_000.0;
        let fine = minutes > 0.0 && spent.cpu_s.is_finite() && spent.cpu_s >= 0.0;
        if !fine {
            return Vec::new();
        }
        let wall_s = spent.wall_s.unwrap_or_else(|| spent.cpu_s / self.of(row).cores);
        let learnt = names(row).map(|name| {
            let tally = self.known.entry(name.clone()).or_default();
            let most = (MEMORY_MIN - minutes).max(0.0);
            if tally.minutes > most {
                let kept = most / tally.minutes;
                tally.minutes *= kept;
                tally.cpu_s *= kept;
                tally.wall_s *= kept;
            }
            tally.minutes += minutes;
            tally.cpu_s += spent.cpu_s;
            tally.wall_s += wall_s;
            tally.jobs += 1;
            (name, *tally)
        });
        learnt.to_vec()
    }

    fn corrected(&self, name: &str, before: Rate) -> Rate {
        let Some(tally) = self.known.get(name) else { return before };
        let of = |before: f64, sum: f64| (before * BELIEF_MIN + sum) / (BELIEF_MIN + tally.minutes);
        Rate { cpu_s: of(before.cpu_s, tally.cpu_s), wall_s: of(before.wall_s, tally.wall_s) }
    }
}

/// How much of the recording a job is made of.
pub(crate) fn media_ms(row: &JobRow) -> u64 {
    let part = row.spec.range.and_then(|range| Some(range.to_us?.saturating_sub(range.from_us)));
    match (part, row.media_ms) {
        (Some(part_us), 0) => part_us / 1000,
        (None, 0) => UNKNOWN_MS,
        (_, known) => known,
    }
}

/// The outputs, and the shape in full.
fn names(row: &JobRow) -> [String; 2] {
    let spec = &row.spec;
    // Most of it is copied: that says nothing of films that are drawn.
    if spec.merge.is_some() {
        return ["merge", "merge of films"].map(str::to_owned);
    }
    let mut outputs: Vec<String> = spec.outputs.iter().map(name).collect();
    outputs.sort();
    outputs.dedup();
    // A film that a follower has begun is a different thing to wait for.
    let kind = outputs.join("+") + if row.followed { " followed" } else { "" };
    let (layout, (width, height)) = (name(&spec.layout.name), spec.layout.canvas);
    let encoder = name(&spec.video.encoder);
    let shape = format!("{kind} {layout} {width}x{height}@{} {encoder}", spec.layout.fps);
    [kind, shape]
}

fn name(word: &impl std::fmt::Debug) -> String {
    format!("{word:?}").to_lowercase()
}

/// Before anything is known: a film of a few people in 720p on a small box.
fn guess(spec: &JobSpec) -> Rate {
    const USUAL: f64 = 1280.0 * 720.0 * 30.0;
    let (width, height) = spec.layout.canvas;
    let pixels = f64::from(width) * f64::from(height) * f64::from(spec.layout.fps) / USUAL;
    let mut rate = Rate { cpu_s: 0.1, wall_s: 0.1 };
    if spec.merge.is_some() {
        return Rate { cpu_s: 1.0, wall_s: 2.0 };
    }
    if spec.has_picture() {
        rate.cpu_s += 30.0 * pixels;
        rate.wall_s += 20.0 * pixels;
    }
    for (output, cpu_s, wall_s) in [
        (Output::Hls, 0.3, 0.5),
        (Output::Sound, 2.5, 2.5),
        (Output::Tracks, 0.5, 1.0),
        // Two cameras that are coded anew.
        (Output::TracksMp4, 50.0, 35.0),
    ] {
        if spec.makes(output) {
            rate.cpu_s += cpu_s;
            rate.wall_s += wall_s;
        }
    }
    rate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::LayoutName;

    fn row(layout: LayoutName, minutes: u64) -> JobRow {
        let mut spec = JobSpec::new("job_1".into(), "rec_1".into(), String::new());
        spec.layout.name = layout;
        JobRow { media_ms: minutes * 60_000, ..JobRow::new(spec, 0, 0) }
    }

    #[test]
    fn a_guess_is_sensible_and_experience_outweighs_it() {
        let mut costs = Costs::default();
        let grid = row(LayoutName::Grid, 60);
        let guessed = costs.of(&grid).wall_ms;
        assert!((600_000..3_600_000).contains(&guessed), "{guessed} ms for an hour");
        for _ in 0..5 {
            let spent = Spent { media_ms: 1_800_000, cpu_s: 180.0, wall_s: Some(120.0) };
            assert_eq!(costs.learn(&grid, spent).len(), 2);
        }
        // Four seconds a minute.
        let learnt = costs.of(&grid);
        assert!((240_000..264_000).contains(&learnt.wall_ms), "{learnt:?}");
        assert!((1.4..1.6).contains(&learnt.cores), "{learnt:?}");
        // Another layout is believed to be like it, until it is known better.
        let single = row(LayoutName::Single, 60);
        assert!(costs.of(&single).wall_ms < guessed / 3);
        let spent = Spent { media_ms: 3_600_000, cpu_s: 30.0, wall_s: Some(20.0) };
        costs.learn(&single, spent);
        assert!(costs.of(&single).wall_ms < learnt.wall_ms / 4);
    }

    #[test]
    fn a_box_that_became_slower_is_believed_after_a_while() {
        let mut costs = Costs::default();
        let film = row(LayoutName::Grid, 60);
        let mut spend = |wall_s: f64, times: usize| {
            for _ in 0..times {
                let spent = Spent { media_ms: 3_600_000, cpu_s: wall_s, wall_s: Some(wall_s) };
                costs.learn(&film, spent);
            }
            costs.of(&film).wall_ms as f64 / 1000.0
        };
        spend(100.0, 50);
        let after = spend(1000.0, 12);
        assert!((900.0..1050.0).contains(&after), "{after} s");
    }

    #[test]
    fn the_time_of_a_job_that_was_slowed_down_teaches_nothing() {
        let mut costs = Costs::default();
        let film = row(LayoutName::Grid, 60);
        let before = costs.of(&film);
        let spent = Spent { media_ms: 3_600_000, cpu_s: before.cpu_s, wall_s: None };
        costs.learn(&film, spent);
        let after = costs.of(&film);
        assert!(after.wall_ms.abs_diff(before.wall_ms) < 2000, "{before:?} {after:?}");
    }
}
