//! Where a film's chapters begin: from what happened, not from a clock.

use super::people::People;
use super::{Plan, end_of};
use roombox_capture::manifest::Manifest;
use roombox_capture::timeline::{TimelineEvent, TimelineLine};
use serde::{Deserialize, Serialize};

/// Whoever was the loudest for so long, within [`WINDOW_US`], has the floor.
const FLOOR_US: u64 = 8_000_000;
const WINDOW_US: u64 = 20_000_000;
/// Turns come no closer than this to the chapter before.
const NEAREST_TURN_US: u64 = 20_000_000;
/// Nor are there more than so many in a film: a list that nobody reads helps nobody.
const MOST_TURNS: u64 = 100;
/// What happens within this time is one chapter, called by what matters most.
const TOGETHER_US: u64 = 1_000_000;
/// What happened longer before the film begins is not in it.
const BEFORE_US: u64 = 5_000_000;

/// A chapter of a film.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chapter {
    /// In the film's time.
    pub from_us: u64,
    pub kind: ChapterKind,
    /// A person's name, a marker's text, the room's name: never empty.
    pub title: String,
}

/// What a chapter is about; of two at one moment the later kind gives the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChapterKind {
    /// The film begins, or one of those that were merged.
    Start,
    /// Somebody takes the floor.
    Turn,
    /// The box had died and goes on.
    Continued,
    /// The recording had been paused.
    Resumed,
    /// Somebody shares a screen.
    Share,
    /// Somebody set a marker.
    Marker,
}

/// The chapters of a film, in order; the first one begins with it. None if the film has no length.
pub fn chapters(manifest: &Manifest, timeline: &[TimelineLine], plan: &Plan) -> Vec<Chapter> {
    if plan.duration_us() == 0 {
        return Vec::new();
    }
    let people = People::read(manifest, timeline);
    let first = plan.pieces.first().map_or(0, |(from, _)| *from);
    let in_film = |recording_us: u64| recording_us + BEFORE_US >= first;
    let mut fixed = vec![chapter(0, ChapterKind::Start, &manifest.room)];
    let told = timeline.iter().filter(|line| in_film(line.t)).filter_map(|line| {
        let at = shown_at(plan, line.t)?;
        match &line.event {
            TimelineEvent::Marker { text } => Some(chapter(at, ChapterKind::Marker, text)),
            TimelineEvent::PowerLoss { to, .. } => {
                let at = shown_at(plan, *to)?;
                Some(chapter(at, ChapterKind::Continued, &manifest.room))
            }
            TimelineEvent::Resume => Some(chapter(at, ChapterKind::Resumed, &manifest.room)),
            _ => None,
        }
    });
    fixed.extend(told);
    // One that was over before the film went on is not seen in it.
    let seen = |from: u64, to: u64| plan.pieces.iter().any(|(a, b)| from < *b && to > *a);
    let shares = people.shares().filter(|(from, to, _)| in_film(*from) && seen(*from, *to));
    let shares = shares.filter_map(|(from, _, name)| Some((shown_at(plan, from)?, name)));
    fixed.extend(shares.map(|(at, name)| chapter(at, ChapterKind::Share, name)));
    fixed.sort_by(|a, b| (a.from_us, b.kind).cmp(&(b.from_us, a.kind)));
    let fixed = together(fixed);
    let end = manifest.parts.iter().map(end_of).max().unwrap_or(0);
    let turns = turns(&heard(&people.spurts(end), &plan.pieces));
    // Whoever has the floor when the film begins; who had it before does not matter.
    let begun = turns.iter().rposition(|(from, _)| *from <= first).unwrap_or(0);
    let turns = turns.into_iter().skip(begun).filter_map(|(from, person)| {
        Some(chapter(shown_at(plan, from)?, ChapterKind::Turn, people.name(person)))
    });
    let mut all = with_turns(fixed, turns, plan.duration_us());
    all.retain(|chapter| chapter.from_us < plan.duration_us());
    all
}

fn chapter(from_us: u64, kind: ChapterKind, title: &str) -> Chapter {
    let title = match title.trim() {
        "" => "–",
        title => title,
    };
    Chapter { from_us, kind, title: title.to_owned() }
}

/// The film's time of a moment, or of the next one that is shown.
fn shown_at(plan: &Plan, recording_us: u64) -> Option<u64> {
    let next = plan.pieces.iter().map(|(from, _)| *from).find(|from| *from > recording_us);
    plan.film_us(recording_us).or_else(|| plan.film_us(next?))
}

/// Chapters that begin almost at once become one.
fn together(chapters: Vec<Chapter>) -> Vec<Chapter> {
    let mut all: Vec<Chapter> = Vec::new();
    for chapter in chapters {
        match all.last_mut() {
            Some(last) if chapter.from_us - last.from_us < TOGETHER_US => {
                if chapter.kind > last.kind {
                    (last.kind, last.title) = (chapter.kind, chapter.title);
                }
            }
            _ => all.push(chapter),
        }
    }
    all
}

/// What of the spurts is in the film, or was said before it began.
fn heard(spurts: &[(u64, u64, usize)], pieces: &[(u64, u64)]) -> Vec<(u64, u64, usize)> {
    let first = pieces.first().map_or(0, |(from, _)| *from);
    let before = std::iter::once((0, first));
    let all: Vec<(u64, u64)> = before.chain(pieces.iter().copied()).collect();
    let cut = |(from, to, person): &(u64, u64, usize)| {
        let (from, to, person) = (*from, *to, *person);
        let inside = all.iter().map(move |(a, b)| (from.max(*a), to.min(*b), person));
        inside.filter(|(from, to, _)| from < to).collect::<Vec<_>>()
    };
    spurts.iter().flat_map(cut).collect()
}

/// When the floor went to whom.
fn turns(spurts: &[(u64, u64, usize)]) -> Vec<(u64, usize)> {
    let mut turns: Vec<(u64, usize)> = Vec::new();
    for (n, (_, now, _)) in spurts.iter().enumerate() {
        let begin = now.saturating_sub(WINDOW_US);
        let recent = spurts[..=n].iter().rev().take_while(|(_, to, _)| *to > begin);
        // Per person: how long in the window, and since when.
        let mut heard: Vec<(usize, u64, u64)> = Vec::new();
        for (from, to, person) in recent {
            let length = to - (*from).max(begin);
            match heard.iter_mut().find(|(known, ..)| known == person) {
                Some((_, sum, since)) => (*sum, *since) = (*sum + length, *from),
                None => heard.push((*person, length, *from)),
            }
        }
        let all: u64 = heard.iter().map(|(_, sum, _)| sum).sum();
        let Some((person, sum, since)) = heard.into_iter().max_by_key(|(_, sum, _)| *sum) else {
            continue;
        };
        let has_the_floor = sum >= FLOOR_US && sum * 2 > all;
        if has_the_floor && turns.last().is_none_or(|(_, holder)| *holder != person) {
            turns.push((since.min(alone_since(&spurts[..=n], person, since)), person));
        }
    }
    turns
}

/// Since when nobody else was heard: a long speech may have begun before the window.
fn alone_since(spurts: &[(u64, u64, usize)], person: usize, since: u64) -> u64 {
    let alone = spurts.iter().rev().take_while(|(.., who)| *who == person);
    let mut begun = since;
    for (from, to, _) in alone {
        if begun.saturating_sub(*to) >= WINDOW_US {
            break;
        }
        begun = begun.min(*from);
    }
    begun
}

/// Turns between the other chapters, where there is room for them.
fn with_turns(
    fixed: Vec<Chapter>,
    turns: impl Iterator<Item = Chapter>,
    duration_us: u64,
) -> Vec<Chapter> {
    let apart = NEAREST_TURN_US.max(duration_us / MOST_TURNS);
    let mut all = fixed;
    for mut turn in turns {
        let after = all.partition_point(|chapter| chapter.from_us <= turn.from_us);
        let next = all.get(after).map(|next| next.from_us);
        if next.is_some_and(|next| next - turn.from_us < TOGETHER_US) {
            continue;
        }
        let before = after.checked_sub(1).map(|n| &mut all[n]);
        match before {
            // The film begins with whoever speaks first.
            Some(first) if first.kind == ChapterKind::Start && turn.from_us < apart => {
                turn.from_us = first.from_us;
                *first = turn;
            }
            Some(before) if turn.from_us - before.from_us < apart => {}
            _ => all.insert(after, turn),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::VideoPlan;
    use roombox_capture::manifest::{
        Codec, MediaKind, Part, RecordedLayer, RecordedTrack, TrackSource,
    };

    const SECOND: u64 = 1_000_000;

    /// A meeting of Ada and Bob, recorded from second 2 to second 602.
    fn meeting() -> (Manifest, Vec<TimelineLine>) {
        let mut manifest = Manifest::new("rec_1", "weekly", 0, String::new());
        let mut lines = Vec::new();
        for who in ["Ada", "Bob"] {
            let (track, participant) = (format!("TR_{who}"), format!("PA_{who}"));
            manifest.tracks.push(RecordedTrack {
                track: track.clone(),
                participant: participant.clone(),
                identity: who.to_lowercase(),
                name: who.to_owned(),
                kind: MediaKind::Audio,
                source: TrackSource::Microphone,
            });
            manifest.parts.push(Part {
                file: String::new(),
                track: track.clone(),
                layer: RecordedLayer::Audio,
                codec: Codec::Opus,
                number: 0,
                start_us: 2 * SECOND,
                end_us: Some(602 * SECOND),
                bytes: None,
                width: 0,
                height: 0,
                codec_private: Vec::new(),
            });
            let (kind, source) = (MediaKind::Audio, TrackSource::Microphone);
            let identity = who.to_lowercase();
            let event =
                TimelineEvent::Pub { track, participant, identity, kind, source, muted: false };
            lines.push(TimelineLine { t: 2 * SECOND, event });
        }
        (manifest, lines)
    }

    fn speaks(lines: &mut Vec<TimelineLine>, from: u64, to: u64, who: &str) {
        let speaker = |participants| TimelineEvent::Speaker { participants };
        let event = speaker(vec![format!("PA_{who}")]);
        lines.push(TimelineLine { t: from * SECOND, event });
        lines.push(TimelineLine { t: to * SECOND, event: speaker(Vec::new()) });
    }

    fn made(manifest: &Manifest, mut lines: Vec<TimelineLine>) -> Vec<(u64, String)> {
        lines.sort_by_key(|line| line.t);
        let pieces = crate::plan::pieces(&lines, &[], 2 * SECOND, 602 * SECOND);
        let plan = Plan { pieces, video: VideoPlan::Nothing, audio: Vec::new() };
        let chapters = chapters(manifest, &lines, &plan);
        assert!(chapters.windows(2).all(|pair| pair[0].from_us < pair[1].from_us));
        chapters.into_iter().map(|chapter| (chapter.from_us / SECOND, chapter.title)).collect()
    }

    fn named(list: &[(u64, &str)]) -> Vec<(u64, String)> {
        list.iter().map(|(at, title)| (*at, (*title).to_owned())).collect()
    }

    #[test]
    fn a_turn_is_a_chapter_and_an_interjection_is_not() {
        let (manifest, mut lines) = meeting();
        speaks(&mut lines, 5, 100, "Ada");
        speaks(&mut lines, 101, 104, "Bob");
        speaks(&mut lines, 104, 200, "Ada");
        speaks(&mut lines, 210, 214, "Bob");
        speaks(&mut lines, 216, 300, "Bob");
        assert_eq!(made(&manifest, lines), named(&[(0, "Ada"), (208, "Bob")]));
    }

    #[test]
    fn markers_and_shares_are_chapters_wherever_they_are() {
        let (mut manifest, mut lines) = meeting();
        speaks(&mut lines, 5, 100, "Ada");
        let marker = TimelineEvent::Marker { text: "Decision".into() };
        lines.push(TimelineLine { t: 105 * SECOND, event: marker });
        // Too close to the marker for a chapter of its own.
        speaks(&mut lines, 106, 190, "Bob");
        let (track, participant) = ("TR_screen".to_owned(), "PA_Bob".to_owned());
        let (kind, source) = (MediaKind::Video, TrackSource::ScreenShare);
        manifest.tracks.push(RecordedTrack {
            track: track.clone(),
            participant: participant.clone(),
            identity: "bob".into(),
            name: "Bob".into(),
            kind,
            source,
        });
        let identity = "bob".to_owned();
        let event = TimelineEvent::Pub { track, participant, identity, kind, source, muted: false };
        lines.push(TimelineLine { t: 150 * SECOND, event });
        let wanted = named(&[(0, "Ada"), (103, "Decision"), (148, "Bob")]);
        assert_eq!(made(&manifest, lines), wanted);
    }

    #[test]
    fn what_was_cut_moves_its_chapters_to_where_the_film_goes_on() {
        let (manifest, mut lines) = meeting();
        let lost = TimelineEvent::PowerLoss { from: 102 * SECOND, to: 202 * SECOND };
        lines.push(TimelineLine { t: 202 * SECOND, event: lost });
        let marker = TimelineEvent::Marker { text: "Later".into() };
        lines.push(TimelineLine { t: 252 * SECOND, event: marker });
        let wanted = named(&[(0, "weekly"), (100, "weekly"), (150, "Later")]);
        assert_eq!(made(&manifest, lines), wanted);
    }

    #[test]
    fn what_happened_in_a_pause_is_no_chapter() {
        let (mut manifest, mut lines) = meeting();
        speaks(&mut lines, 5, 95, "Ada");
        lines.push(TimelineLine { t: 102 * SECOND, event: TimelineEvent::Pause });
        speaks(&mut lines, 110, 190, "Bob");
        let (track, participant) = ("TR_screen".to_owned(), "PA_Bob".to_owned());
        let (kind, source) = (MediaKind::Video, TrackSource::ScreenShare);
        let (identity, name) = ("bob".to_owned(), "Bob".to_owned());
        manifest.tracks.push(RecordedTrack {
            track: track.clone(),
            participant: participant.clone(),
            identity: identity.clone(),
            name,
            kind,
            source,
        });
        let id = track.clone();
        let event =
            TimelineEvent::Pub { track: id, participant, identity, kind, source, muted: false };
        lines.push(TimelineLine { t: 120 * SECOND, event });
        lines.push(TimelineLine { t: 130 * SECOND, event: TimelineEvent::Unpub { track } });
        lines.push(TimelineLine { t: 202 * SECOND, event: TimelineEvent::Resume });
        speaks(&mut lines, 203, 300, "Ada");
        assert_eq!(made(&manifest, lines), named(&[(0, "Ada"), (100, "weekly")]));
    }

    #[test]
    fn a_film_of_a_part_begins_with_whoever_has_the_floor_then() {
        let (manifest, mut lines) = meeting();
        speaks(&mut lines, 5, 100, "Bob");
        speaks(&mut lines, 110, 400, "Ada");
        lines.sort_by_key(|line| line.t);
        let pieces = vec![(300 * SECOND, 350 * SECOND)];
        let plan = Plan { pieces, video: VideoPlan::Nothing, audio: Vec::new() };
        let chapters = chapters(&manifest, &lines, &plan);
        assert_eq!((chapters.len(), chapters[0].title.as_str()), (1, "Ada"));
    }

    #[test]
    fn a_debate_has_chapters_that_somebody_can_read() {
        let (manifest, mut lines) = meeting();
        for n in 0..60 {
            speaks(&mut lines, 2 + n * 10, 11 + n * 10, if n % 2 == 0 { "Ada" } else { "Bob" });
        }
        let chapters = made(&manifest, lines);
        assert!(chapters.len() <= 31, "{chapters:?}");
        assert!(chapters.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 20), "{chapters:?}");
    }
}
