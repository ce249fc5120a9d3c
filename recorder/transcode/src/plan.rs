//! What the film shows when: scenes on the recording's time, cuts, and whether anything must be
//! drawn at all.

mod chapters;
mod people;

pub use chapters::{Chapter, ChapterKind, chapters};

use crate::layout::{self, MAX_TILES, Rect};
use crate::scale::magnification;
use people::{People, Person};
use roombox_capture::manifest::{Codec, Manifest, MediaKind, Part, RecordedLayer, TrackSource};
use roombox_capture::timeline::{TimelineEvent, TimelineLine};
use roombox_jobs::spec::{EncoderChoice, JobSpec, LayoutName, Only, Pauses, Range};
use serde::Serialize;
use std::collections::HashSet;

/// A stream's last frame stands for this long after its part ended: scene changes come a little
/// later than the last frame.
const LINGER_US: u64 = 500_000;
/// A copied stream may pause for so long: its last picture stands. Where it pauses for longer, the
/// person's initials are drawn.
const LONGEST_STILL_US: u64 = 1_000_000;
/// What is shown while the recording is paused; the same word in both languages.
pub const PAUSED: &str = "Pause";
/// Scenes shorter than this are merged into their neighbour: tracks of one person start and stop
/// some frames apart.
const SHORTEST_SCENE_US: u64 = 300_000;

/// Where a tile's picture comes from: a track's layer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct VideoSource {
    pub track: String,
    pub layer: RecordedLayer,
}

/// One tile of a scene.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tile {
    pub rect: Rect,
    pub name: String,
    pub label: bool,
    /// A person whose microphone is off or missing.
    pub muted: bool,
    /// Cut to the tile's shape instead of leaving bars.
    pub fill: bool,
    /// `None`: the person's initials.
    pub source: Option<VideoSource>,
}

/// What is shown from `from_us` on, in recording time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    pub from_us: u64,
    pub tiles: Vec<Tile>,
}

/// How the film's picture is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VideoPlan {
    /// Nobody sent a picture and nobody was there.
    Nothing,
    /// One H.264 stream is the picture: its frames are copied. Indexes into the manifest's parts.
    Copy {
        parts: Vec<usize>,
    },
    Compose {
        scenes: Vec<Scene>,
    },
}

/// The film.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Pieces of the recording that the film shows, in order, `[from, to)`.
    pub pieces: Vec<(u64, u64)>,
    pub video: VideoPlan,
    /// Indexes of the audio parts in the manifest.
    pub audio: Vec<usize>,
}

impl Plan {
    /// Length of the film.
    pub fn duration_us(&self) -> u64 {
        self.pieces.iter().map(|(from, to)| to - from).sum()
    }

    /// The last moment of the recording that the film shows.
    pub fn last_us(&self) -> u64 {
        self.pieces.last().map_or(0, |(_, to)| to.saturating_sub(1))
    }

    /// Frames of the film at a rate: the last one begins before the end.
    pub fn frames(&self, fps: u32) -> u64 {
        (self.duration_us() * u64::from(fps)).div_ceil(1_000_000)
    }

    /// The recording's time of a moment of the film.
    pub fn recording_us(&self, mut film_us: u64) -> u64 {
        for (from, to) in &self.pieces {
            if film_us < to - from {
                return from + film_us;
            }
            film_us -= to - from;
        }
        self.pieces.last().map_or(0, |(_, to)| *to)
    }

    /// The film's time of a moment of the recording; `None` if it was cut.
    pub fn film_us(&self, recording_us: u64) -> Option<u64> {
        let mut before = 0;
        for (from, to) in &self.pieces {
            if recording_us < *from {
                return None;
            }
            if recording_us < *to {
                return Some(before + recording_us - from);
            }
            before += to - from;
        }
        None
    }
}

fn end_of(part: &Part) -> u64 {
    part.end_us.unwrap_or(part.start_us)
}

/// Plans a film.
pub fn plan(manifest: &Manifest, timeline: &[TimelineLine], job: &JobSpec) -> Plan {
    let nothing = || Plan { pieces: Vec::new(), video: VideoPlan::Nothing, audio: Vec::new() };
    let first = manifest.parts.iter().map(|part| part.start_us).min();
    let last = manifest.parts.iter().map(end_of).max();
    let (Some(first), Some(last)) = (first, last) else { return nothing() };
    // What comes after its end is of no recording: a sender's clock that jumped, or what was ordered too late.
    let last = manifest.ended.as_ref().map_or(last, |ended| last.min(ended.at_us));
    if last < first {
        return nothing();
    }
    let paused = match job.pauses {
        Pauses::Cut => Vec::new(),
        Pauses::Slate => pauses(timeline),
    };
    let mut pieces = pieces(timeline, &paused, first, last);
    if let Some(range) = job.range {
        pieces = cut(&pieces, range);
    }
    let (Some((start, _)), Some((_, end))) = (pieces.first(), pieces.last()) else {
        return nothing();
    };
    let (start, end) = (*start, *end);
    let audio = (0..manifest.parts.len())
        .filter(|n| manifest.parts[*n].layer == RecordedLayer::Audio)
        .filter(|n| is_shown(&pieces, &manifest.parts[*n]))
        .collect();
    let video = match copyable(manifest, timeline, job, (start, end)) {
        Some(parts) if pieces == [(first, last)] && paused.is_empty() => VideoPlan::Copy { parts },
        _ => compose(manifest, timeline, (job, &paused), start, end),
    };
    Plan { pieces, video, audio }
}

fn is_shown(pieces: &[(u64, u64)], part: &Part) -> bool {
    pieces.iter().any(|(from, to)| part.start_us < *to && end_of(part) > *from)
}

/// What of the pieces lies in a range.
fn cut(pieces: &[(u64, u64)], range: Range) -> Vec<(u64, u64)> {
    let to_us = range.to_us.unwrap_or(u64::MAX);
    let inside = pieces.iter().map(|(from, to)| ((*from).max(range.from_us), (*to).min(to_us)));
    inside.filter(|(from, to)| from < to).collect()
}

/// Leaves out what came later than `now_us`: a recording that still runs as it was at that moment.
pub fn until(manifest: &mut Manifest, timeline: &mut Vec<TimelineLine>, now_us: u64) {
    manifest.parts.retain(|part| part.start_us < now_us);
    for part in &mut manifest.parts {
        part.end_us = Some(part.end_us.map_or(now_us, |end| end.min(now_us)));
    }
    timeline.retain(|line| line.t < now_us);
}

/// Leaves out what a job does not want: tracks, their parts and their news.
pub fn narrow(manifest: &mut Manifest, timeline: &mut Vec<TimelineLine>, only: &Only) {
    if only.is_empty() {
        return;
    }
    manifest.tracks.retain(|track| only.wants(&track.track, &track.identity));
    let tracks: HashSet<&str> = manifest.tracks.iter().map(|track| track.track.as_str()).collect();
    manifest.parts.retain(|part| tracks.contains(part.track.as_str()));
    timeline.retain(|line| match &line.event {
        TimelineEvent::Pub { track, identity, .. } => only.wants(track, identity),
        TimelineEvent::Caption { track, identity, .. } => {
            only.wants(track.as_deref().unwrap_or_default(), identity)
        }
        _ => true,
    });
}

/// The time while the box was down or the recording was paused is not shown, but for the pauses that are
/// `kept`.
fn pieces(timeline: &[TimelineLine], kept: &[(u64, u64)], start: u64, end: u64) -> Vec<(u64, u64)> {
    let mut pieces = Vec::new();
    let mut from = start;
    for (lost_from, lost_to) in hidden(timeline, kept.is_empty()) {
        let lost_to = lost_to.min(end);
        if lost_from > from {
            pieces.push((from, lost_from.min(end)));
        }
        from = from.max(lost_to);
        if from >= end {
            break;
        }
    }
    if end > from {
        pieces.push((from, end));
    }
    pieces
}

/// Outages, and pauses unless they are shown, in order of their beginning.
fn hidden(timeline: &[TimelineLine], and_pauses: bool) -> Vec<(u64, u64)> {
    let lost = timeline.iter().filter_map(|line| match line.event {
        TimelineEvent::PowerLoss { from, to } => Some((from, to.max(from))),
        _ => None,
    });
    let mut hidden: Vec<(u64, u64)> = lost.collect();
    if and_pauses {
        hidden.extend(pauses(timeline));
    }
    hidden.sort_unstable();
    hidden
}

/// Pauses in order of their beginning; the last one may have no end.
fn pauses(timeline: &[TimelineLine]) -> Vec<(u64, u64)> {
    let mut pauses = Vec::new();
    let mut paused = None;
    for line in timeline {
        match line.event {
            TimelineEvent::Pause => paused = paused.or(Some(line.t)),
            TimelineEvent::Resume => {
                pauses.extend(paused.take().map(|from| (from, line.t.max(from))));
            }
            _ => {}
        }
    }
    pauses.extend(paused.map(|from| (from, u64::MAX)));
    pauses
}

/// What is shown instead of what was not kept.
fn slate((width, height): (u32, u32)) -> Vec<Tile> {
    let rect = Rect { x: 0, y: 0, width, height };
    let name = PAUSED.to_owned();
    vec![Tile { rect, name, label: true, muted: false, fill: true, source: None }]
}

/// Parts that are the film's picture as they are: one H.264 stream of one size that never stops,
/// and nothing that would have to be drawn beside it or instead of it.
fn copyable(
    manifest: &Manifest,
    timeline: &[TimelineLine],
    job: &JobSpec,
    (start, end): (u64, u64),
) -> Option<Vec<usize>> {
    let all = job.range.is_none() && job.relayouts.is_empty();
    let may = job.layout.name != LayoutName::Grid && job.video.encoder == EncoderChoice::Auto;
    if !all || !may {
        return None;
    }
    let mut video: Vec<usize> = (0..manifest.parts.len())
        .filter(|n| matches!(manifest.parts[*n].layer, RecordedLayer::Top | RecordedLayer::Screen))
        .collect();
    video.sort_by_key(|n| manifest.parts[*n].start_us);
    let first = &manifest.parts[*video.first()?];
    let same = video.iter().all(|n| {
        let part = &manifest.parts[*n];
        part.codec == Codec::H264
            && part.track == first.track
            && (part.width, part.height) == (first.width, first.height)
    });
    let mut covered = start;
    let unbroken = video.iter().all(|n| {
        let part = &manifest.parts[*n];
        let joins = part.start_us <= covered + LONGEST_STILL_US;
        covered = covered.max(end_of(part));
        joins
    }) && end <= covered + LONGEST_STILL_US;
    let off = timeline.iter().any(|line| match &line.event {
        TimelineEvent::Mute { track } => *track == first.track,
        TimelineEvent::Pub { track, muted, .. } => *muted && *track == first.track,
        _ => false,
    });
    let people: std::collections::BTreeSet<&str> =
        manifest.tracks.iter().map(|track| track.identity.as_str()).collect();
    (same && unbroken && !off && people.len() == 1).then_some(video)
}

fn compose(
    manifest: &Manifest,
    timeline: &[TimelineLine],
    (job, paused): (&JobSpec, &[(u64, u64)]),
    start: u64,
    end: u64,
) -> VideoPlan {
    let people = People::read(manifest, timeline);
    let mut times: Vec<u64> = people.changes();
    for part in &manifest.parts {
        times.push(part.start_us);
        times.push(end_of(part) + LINGER_US);
    }
    times.extend(job.relayouts.iter().map(|change| change.from_us));
    times.extend(paused.iter().flat_map(|(from, to)| [*from, *to]));
    times.push(start);
    times.retain(|time| *time >= start && *time < end);
    times.sort_unstable();
    times.dedup();
    let mut scenes: Vec<Scene> = Vec::new();
    for time in times {
        let is_paused = paused.iter().any(|(from, to)| (*from..*to).contains(&time));
        let tiles = match is_paused {
            true => slate(job.layout.canvas),
            false => tiles_at(manifest, &people, job, time),
        };
        match scenes.last_mut() {
            Some(last) if last.tiles == tiles => {}
            Some(last) if time - last.from_us < SHORTEST_SCENE_US => last.tiles = tiles,
            _ => scenes.push(Scene { from_us: time, tiles }),
        }
    }
    scenes.dedup_by(|b, a| a.tiles == b.tiles);
    VideoPlan::Compose { scenes }
}

/// What is arranged how at a moment.
enum Arrangement<'a> {
    /// Equal tiles: shared screens first, then people.
    Equal(Vec<&'a str>, Vec<&'a Person>),
    /// A shared screen large, people small.
    Stage(&'a str, Vec<&'a Person>),
    /// The first one large, the others small.
    Led(Vec<&'a Person>),
}

fn arrangement<'a>(
    manifest: &Manifest,
    people: &'a People,
    job: &JobSpec,
    time: u64,
) -> Arrangement<'a> {
    let present = people.present_at(time);
    let shared: Vec<&str> = present
        .iter()
        .filter_map(|person| person.track_at(MediaKind::Video, TrackSource::ScreenShare, time))
        .filter(|track| part_at(manifest, track, time).is_some())
        .collect();
    let leader = || {
        let hold_us = u64::from(job.layout.hold_ms) * 1000;
        people.speaker_at(time, hold_us).or(present.first().copied())
    };
    let strip = |most: &[&'a Person]| people.most_relevant(most, time, layout::LONGEST_STRIP);
    match (job.layout_at(time), shared.first().copied()) {
        (LayoutName::Grid, _) => {
            let shared: Vec<&str> = shared.into_iter().take(MAX_TILES / 2).collect();
            let people = people.most_relevant(&present, time, MAX_TILES - shared.len());
            Arrangement::Equal(shared, people)
        }
        (LayoutName::Single, Some(shared)) => Arrangement::Stage(shared, Vec::new()),
        (_, Some(shared)) => Arrangement::Stage(shared, strip(&present)),
        (LayoutName::Single | LayoutName::Screen, None) if !present.is_empty() => {
            Arrangement::Led(leader().into_iter().collect())
        }
        (LayoutName::Speaker, None) if !present.is_empty() => {
            let leader = leader();
            let other = |person: &&&Person| leader.is_none_or(|led| !std::ptr::eq(**person, led));
            let others: Vec<&Person> = present.iter().filter(other).copied().collect();
            Arrangement::Led(leader.into_iter().chain(strip(&others)).collect())
        }
        _ => Arrangement::Equal(Vec::new(), people.most_relevant(&present, time, MAX_TILES)),
    }
}

fn tiles_at(manifest: &Manifest, people: &People, job: &JobSpec, time: u64) -> Vec<Tile> {
    let canvas = job.layout.canvas;
    let screen = |track: &str, rect: Rect| Tile {
        rect,
        name: String::new(),
        label: false,
        muted: false,
        fill: false,
        source: source_for(manifest, track, (rect, false), time),
    };
    let (screens, shown, rects) = match arrangement(manifest, people, job, time) {
        Arrangement::Equal(screens, shown) => {
            let rects = layout::grid(canvas, screens.len() + shown.len());
            (screens, shown, rects)
        }
        Arrangement::Stage(track, shown) => {
            let rects = layout::stage(canvas, shown.len());
            (vec![track], shown, rects)
        }
        Arrangement::Led(shown) => {
            let rects = layout::stage(canvas, shown.len().saturating_sub(1));
            (Vec::new(), shown, rects)
        }
    };
    let places = rects.split_at(screens.len().min(rects.len()));
    let of_screens = screens.iter().zip(places.0).map(|(track, rect)| screen(track, *rect));
    let of_people = shown.iter().zip(places.1);
    of_screens
        .chain(of_people.map(|(person, rect)| person_tile(manifest, person, *rect, job, time)))
        .collect()
}

fn person_tile(manifest: &Manifest, person: &Person, rect: Rect, job: &JobSpec, time: u64) -> Tile {
    let camera = person.track_at(MediaKind::Video, TrackSource::Camera, time);
    let other = || person.track_at(MediaKind::Video, TrackSource::Unknown, time);
    let track = camera.or_else(other);
    Tile {
        rect,
        name: person.name_at(time).to_owned(),
        label: job.layout.labels,
        // Of a film of some tracks nobody knows which microphones were open.
        muted: job.only.tracks.is_empty() && !person.is_audible(time),
        fill: true,
        source: track.and_then(|track| source_for(manifest, track, (rect, true), time)),
    }
}

fn covers(part: &Part, time: u64) -> bool {
    part.start_us <= time && time < end_of(part) + LINGER_US
}

fn part_at<'a>(manifest: &'a Manifest, track: &str, time: u64) -> Option<&'a Part> {
    manifest.parts.iter().find(|part| part.track == track && covers(part, time))
}

/// The smallest recorded layer that need not be enlarged by more than a tenth; else the largest.
fn source_for(
    manifest: &Manifest,
    track: &str,
    (rect, fill): (Rect, bool),
    time: u64,
) -> Option<VideoSource> {
    const LARGEST: u64 = 1100;
    let mut parts: Vec<&Part> = manifest
        .parts
        .iter()
        .filter(|part| part.track == track && covers(part, time) && part.width > 0)
        .collect();
    parts.sort_by_key(|part| part.width * part.height);
    let enough = |part: &&&Part| magnification(part.width, part.height, rect, fill) <= LARGEST;
    let part = parts.iter().find(enough).or(parts.last())?;
    Some(VideoSource { track: track.to_owned(), layer: part.layer })
}

#[cfg(test)]
mod tests;
