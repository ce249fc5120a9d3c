//! Captions of a film: what was said when, in pieces that can be read while they are shown.

use crate::plan::Plan;
use roombox_capture::manifest::Manifest;
use roombox_capture::timeline::{TimelineEvent, TimelineLine};
use std::collections::HashMap;

/// Characters of a cue: two lines of a usual player.
const LONGEST_CUE: usize = 84;
/// Fifteen characters a second are read with ease; a cue that was said faster stays longer.
const READ_US: u64 = 1_000_000 / 15;
const SHORTEST_US: u64 = 1_000_000;
const LONGEST_US: u64 = 7_000_000;
/// What is not yet over when the same person goes on is shown for so long at least.
const GLIMPSE_US: u64 = 500_000;
/// Cues that are shown at a time: more would cover the picture.
const MOST_AT_ONCE: usize = 3;

/// One cue, in the film's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    pub from_us: u64,
    pub to_us: u64,
    /// Who says it; empty: nobody is told.
    pub name: String,
    pub text: String,
}

/// The captions of a film in order of their beginning. Those of one person do not overlap.
pub fn captions(manifest: &Manifest, timeline: &[TimelineLine], plan: &Plan) -> Vec<Cue> {
    let names = names(manifest, timeline);
    let mut said: Vec<Cue> = Vec::new();
    for line in timeline {
        let TimelineEvent::Caption { from, to, identity, text, .. } = &line.event else { continue };
        let Some((begins, ends)) = shown(plan, *from, *to) else { continue };
        let name = names.get(identity.as_str()).map_or(identity.as_str(), |name| name);
        let texts = cut(text);
        let all = texts.iter().map(|text| length(text)).sum::<u64>().max(1);
        let mut done = 0;
        for text in texts {
            let at =
                |part: u64| begins + ((ends - begins) as u128 * part as u128 / all as u128) as u64;
            let (from_us, until) = (at(done), at(done + length(&text)));
            done += length(&text);
            let read = (length(&text) * READ_US).clamp(SHORTEST_US, LONGEST_US);
            let to_us = until.clamp(from_us + read, from_us + LONGEST_US.max(read));
            said.push(Cue { from_us, to_us, name: name.to_owned(), text });
        }
    }
    said.sort_by_key(|cue| cue.from_us);
    laid_out(said, plan.duration_us())
}

/// The newest name of each identity.
fn names<'a>(manifest: &'a Manifest, timeline: &'a [TimelineLine]) -> HashMap<&'a str, &'a str> {
    let tracks = manifest.tracks.iter().map(|one| (one.identity.as_str(), one.name.as_str()));
    let joins = timeline.iter().filter_map(|line| match &line.event {
        TimelineEvent::Join { identity, name, .. } => Some((identity.as_str(), name.as_str())),
        _ => None,
    });
    tracks.chain(joins).filter(|(_, name)| !name.trim().is_empty()).collect()
}

/// When in the film something is said; `None`: nothing of it is in the film.
fn shown(plan: &Plan, from: u64, to: u64) -> Option<(u64, u64)> {
    // What is said in a moment is said in one.
    let to = to.max(from.saturating_add(1));
    let inside = plan.pieces.iter().map(|(a, b)| (from.max(*a), to.min(*b)));
    let inside: Vec<(u64, u64)> = inside.filter(|(a, b)| a < b).collect();
    let (first, last) = (inside.first()?, inside.last()?);
    Some((plan.film_us(first.0)?, plan.film_us(last.1 - 1)?))
}

fn length(text: &str) -> u64 {
    text.chars().count() as u64
}

/// A text in cues: between words where it has some, about equally long.
fn cut(text: &str) -> Vec<String> {
    let all = length(text) as usize;
    let pieces = all.div_ceil(LONGEST_CUE).max(1);
    let wanted = all.div_ceil(pieces);
    let mut cues: Vec<String> = Vec::new();
    let mut now = String::new();
    let mut put = |now: &mut String| {
        if !now.is_empty() {
            cues.push(std::mem::take(now));
        }
    };
    for word in text.split_whitespace() {
        let with = length(&now) as usize + 1 + length(word) as usize;
        if with > LONGEST_CUE || length(&now) as usize >= wanted {
            put(&mut now);
        }
        if !now.is_empty() {
            now.push(' ');
        }
        for c in word.chars() {
            // Languages without spaces.
            if length(&now) as usize == LONGEST_CUE {
                put(&mut now);
            }
            now.push(c);
        }
    }
    put(&mut now);
    cues
}

/// Ends cues early where the same person goes on or too many would be shown, and begins those a
/// little later that would hide the one before.
fn laid_out(said: Vec<Cue>, duration_us: u64) -> Vec<Cue> {
    let mut cues: Vec<Cue> = Vec::new();
    let mut last: HashMap<String, usize> = HashMap::new();
    for mut cue in said {
        if let Some(before) = last.get(&cue.name).map(|n| &mut cues[*n]) {
            let begins = cue.from_us.max(before.from_us + GLIMPSE_US);
            cue.to_us += begins - cue.from_us;
            cue.from_us = begins;
            before.to_us = before.to_us.min(begins);
        }
        cue.to_us = cue.to_us.min(duration_us);
        if cue.from_us >= cue.to_us {
            continue;
        }
        last.insert(cue.name.clone(), cues.len());
        cues.push(cue);
    }
    cues.sort_by_key(|cue| cue.from_us);
    thin_out(&mut cues);
    cues
}

fn thin_out(cues: &mut Vec<Cue>) {
    let mut open: Vec<usize> = Vec::new();
    for n in 0..cues.len() {
        let now = cues[n].from_us;
        open.retain(|one| cues[*one].to_us > now);
        if open.len() == MOST_AT_ONCE {
            let oldest = open.remove(0);
            cues[oldest].to_us = now;
        }
        open.push(n);
    }
    // Those that began together with too many others.
    cues.retain(|cue| cue.from_us < cue.to_us);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::VideoPlan;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000;

    fn said(from: u64, to: u64, who: &str, text: &str) -> TimelineLine {
        let (identity, text) = (who.to_owned(), text.to_owned());
        let event = TimelineEvent::Caption { from, to, identity, track: None, by: None, text };
        TimelineLine { t: to, event }
    }

    fn film(pieces: &[(u64, u64)], lines: &[TimelineLine]) -> Vec<Cue> {
        let plan = Plan { pieces: pieces.to_vec(), video: VideoPlan::Nothing, audio: Vec::new() };
        captions(&Manifest::new("rec_1", "weekly", 0, String::new()), lines, &plan)
    }

    fn times(cues: &[Cue]) -> Vec<(u64, u64)> {
        cues.iter().map(|cue| (cue.from_us / 1000, cue.to_us / 1000)).collect()
    }

    #[test]
    fn a_caption_begins_when_it_was_said_and_stays_until_it_is_read() {
        let join = TimelineEvent::Join {
            participant: "PA_1".into(),
            identity: "ada".into(),
            name: "Ada".into(),
        };
        let lines = [
            TimelineLine { t: 0, event: join },
            said(4 * SECOND, 4 * SECOND, "ada", "Yes."),
            said(10 * SECOND, 12 * SECOND, "ada", &"x".repeat(75)),
            said(20 * SECOND, 23 * SECOND, "bob", "I said it slowly"),
        ];
        let cues = film(&[(2 * SECOND, 60 * SECOND)], &lines);
        assert_eq!(times(&cues), [(2000, 3000), (8000, 12_999), (18_000, 20_999)]);
        assert_eq!(
            cues.iter().map(|cue| cue.name.as_str()).collect::<Vec<_>>(),
            ["Ada", "Ada", "bob"]
        );
    }

    #[test]
    fn what_was_cut_is_not_said_and_the_rest_moves_along() {
        let lines = [
            said(SECOND, 2 * SECOND, "ada", "before"),
            said(12 * SECOND, 13 * SECOND, "ada", "in the pause"),
            said(9 * SECOND, 22 * SECOND, "bob", "all the time"),
            said(25 * SECOND, 26 * SECOND, "ada", "after"),
        ];
        let cues = film(&[(0, 10 * SECOND), (20 * SECOND, 30 * SECOND)], &lines);
        let wanted = [("before", 1), ("all the time", 9), ("after", 15)];
        let shown = cues.iter().map(|cue| (cue.text.as_str(), cue.from_us / SECOND));
        assert_eq!(shown.collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn a_speech_becomes_cues_that_follow_each_other_between_words() {
        let text = "and then we went on to say what had to be said about it all ".repeat(5);
        let cues = film(&[(0, 60 * SECOND)], &[said(0, 20 * SECOND, "ada", &text)]);
        assert_eq!(cues.len(), 4);
        assert!(cues.windows(2).all(|pair| pair[0].to_us == pair[1].from_us), "{cues:?}");
        let together: Vec<&str> = cues.iter().map(|cue| cue.text.as_str()).collect();
        assert_eq!(together.join(" "), text.trim());
        assert!(cues.iter().all(|cue| cue.text.len() > 60), "{cues:?}");
    }

    #[test]
    fn a_burst_of_one_person_is_shown_one_after_the_other() {
        let lines = [1, 2, 3].map(|n| said(SECOND, SECOND + n, "ada", &format!("number {n}")));
        let cues = film(&[(0, 60 * SECOND)], &lines);
        assert_eq!(times(&cues), [(1000, 1500), (1500, 2000), (2000, 3000)]);
    }

    #[test]
    fn of_many_who_speak_at_once_the_newest_are_shown() {
        let lines: Vec<_> = (0..6)
            .map(|n| said(n * SECOND, n * SECOND + 20 * SECOND, &format!("p{n}"), "something"))
            .collect();
        let cues = film(&[(0, 60 * SECOND)], &lines);
        assert_eq!(cues[0].to_us, 3 * SECOND);
    }

    proptest! {
        #[test]
        fn cues_are_in_order_in_the_film_and_readable(
            lines in prop::collection::vec(
                (0..60 * SECOND, 0..20 * SECOND, 0..5u8, ".{0,300}"), 0..40,
            ),
            cuts in prop::collection::btree_set(0..60 * SECOND, 0..6),
        ) {
            let ends: Vec<u64> = cuts.into_iter().collect();
            let pieces: Vec<(u64, u64)> = ends.chunks_exact(2).map(|p| (p[0], p[1])).collect();
            let lines: Vec<_> = lines
                .iter()
                .map(|(from, length, who, text)| said(*from, from + length, &format!("p{who}"), text))
                .collect();
            let cues = film(&pieces, &lines);
            let film_us: u64 = pieces.iter().map(|(from, to)| to - from).sum();
            prop_assert!(cues.windows(2).all(|pair| pair[0].from_us <= pair[1].from_us));
            for (n, cue) in cues.iter().enumerate() {
                prop_assert!(cue.from_us < cue.to_us && cue.to_us <= film_us, "{cue:?}");
                prop_assert!(!cue.text.is_empty() && cue.text.chars().count() <= LONGEST_CUE);
                let with = cues[..n].iter().filter(|before| before.to_us > cue.from_us);
                prop_assert!(with.clone().all(|before| before.name != cue.name));
                prop_assert!(with.count() < MOST_AT_ONCE);
            }
        }
    }
}
