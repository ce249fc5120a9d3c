//! Who was there when, with which tracks, and who spoke.

use roombox_capture::manifest::{Manifest, MediaKind, TrackSource};
use roombox_capture::timeline::{TimelineEvent, TimelineLine};
use std::collections::HashMap;

/// Time that has no end yet.
const OPEN: u64 = u64::MAX;

#[derive(Debug)]
struct TrackSpan {
    track: String,
    kind: MediaKind,
    source: TrackSource,
    from: u64,
    to: u64,
    /// Times of mute and unmute, the first being a mute.
    mutes: Vec<u64>,
}

/// One person, over all of his or her connections.
#[derive(Debug)]
pub(super) struct Person {
    identity: String,
    /// From when on which one is shown.
    names: Vec<(u64, String)>,
    /// Presence, `[from, to)`.
    spans: Vec<(u64, u64)>,
    tracks: Vec<TrackSpan>,
}

impl Person {
    /// As of this moment: what one was called later must not change how it looks.
    pub(super) fn name_at(&self, time: u64) -> &str {
        let begun = self.names.iter().rev().find(|(from, _)| *from <= time);
        begun.or(self.names.first()).map_or(&self.identity, |(_, name)| name)
    }

    /// The last one.
    pub(super) fn name(&self) -> &str {
        self.name_at(u64::MAX)
    }

    /// From the first track on: nobody knows of a listener whether he or she will ever send one, and
    /// what a moment looks like must not depend on what comes later.
    fn is_present(&self, time: u64) -> bool {
        self.spans.iter().any(|(from, to)| *from <= time && time < *to)
            && self.tracks.iter().any(|track| track.from <= time)
    }

    /// The track of this kind and source that is published and not muted.
    pub(super) fn track_at(&self, kind: MediaKind, source: TrackSource, time: u64) -> Option<&str> {
        self.tracks
            .iter()
            .rev()
            .filter(|track| track.kind == kind && track.source == source)
            .filter(|track| track.from <= time && time < track.to)
            .find(|track| track.mutes.iter().filter(|at| **at <= time).count().is_multiple_of(2))
            .map(|track| track.track.as_str())
    }

    /// Somebody whose microphone is open.
    pub(super) fn is_audible(&self, time: u64) -> bool {
        [TrackSource::Microphone, TrackSource::Unknown]
            .iter()
            .any(|source| self.track_at(MediaKind::Audio, *source, time).is_some())
    }
}

/// Everybody of a recording.
#[derive(Debug, Default)]
pub(super) struct People {
    people: Vec<Person>,
    /// When somebody began to be the loudest, or nobody was heard any more.
    speech: Vec<(u64, Option<usize>)>,
}

impl People {
    pub(super) fn read(manifest: &Manifest, timeline: &[TimelineLine]) -> Self {
        let mut all = Self::default();
        let mut by_participant: HashMap<String, usize> = HashMap::new();
        for line in timeline {
            let t = line.t;
            match &line.event {
                TimelineEvent::Join { participant, identity, name } => {
                    let person = all.person(identity, name, t);
                    by_participant.insert(participant.clone(), person);
                    all.people[person].spans.push((t, OPEN));
                }
                TimelineEvent::Leave { participant } => {
                    if let Some(person) = by_participant.get(participant) {
                        all.close(*person, t);
                    }
                }
                TimelineEvent::Pub { track, identity, participant, kind, source, muted } => {
                    let known = manifest.tracks.iter().find(|known| known.track == *track);
                    let name = known.map_or(identity.as_str(), |known| known.name.as_str());
                    let person = all.person(identity, name, t);
                    by_participant.entry(participant.clone()).or_insert(person);
                    all.people[person].tracks.push(TrackSpan {
                        track: track.clone(),
                        kind: *kind,
                        source: *source,
                        from: t,
                        to: OPEN,
                        mutes: if *muted { vec![t] } else { Vec::new() },
                    });
                }
                TimelineEvent::Unpub { track } => all.on_track(track, |span| span.to = t),
                TimelineEvent::Mute { track } => all.on_track(track, |span| {
                    if span.mutes.len().is_multiple_of(2) {
                        span.mutes.push(t);
                    }
                }),
                TimelineEvent::Unmute { track } => all.on_track(track, |span| {
                    if !span.mutes.len().is_multiple_of(2) {
                        span.mutes.push(t);
                    }
                }),
                TimelineEvent::Speaker { participants } => {
                    let loudest = participants.first().and_then(|p| by_participant.get(p)).copied();
                    let loudest = loudest.filter(|person| !all.people[*person].tracks.is_empty());
                    all.speech.push((t, loudest));
                }
                // Whoever was there comes back by a new join.
                TimelineEvent::PowerLoss { from, .. } => {
                    for person in 0..all.people.len() {
                        all.close(person, *from);
                    }
                    all.speech.push((*from, None));
                }
                _ => {}
            }
        }
        all.add_unannounced(manifest);
        // Whoever only listens has no tile.
        let active: Vec<usize> =
            (0..all.people.len()).filter(|n| !all.people[*n].tracks.is_empty()).collect();
        let renumbered = |person: usize| active.binary_search(&person).ok();
        for (_, person) in &mut all.speech {
            *person = person.and_then(renumbered);
        }
        // A loss of power is told after what happened before it.
        all.speech.sort_by_key(|(time, _)| *time);
        all.people.retain(|person| !person.tracks.is_empty());
        all
    }

    /// Tracks that the timeline does not know, because its end or all of it is lost: they were
    /// there while they were recorded.
    fn add_unannounced(&mut self, manifest: &Manifest) {
        for track in &manifest.tracks {
            let known = self.people.iter().flat_map(|p| &p.tracks).any(|t| t.track == track.track);
            let parts = || manifest.parts.iter().filter(|part| part.track == track.track);
            let Some(from) = parts().map(|part| part.start_us).min() else { continue };
            if known {
                continue;
            }
            let person = self.person(&track.identity, &track.name, from);
            let person = &mut self.people[person];
            if person.spans.is_empty() {
                person.spans.push((from, OPEN));
            }
            person.tracks.push(TrackSpan {
                track: track.track.clone(),
                kind: track.kind,
                source: track.source,
                from,
                to: OPEN,
                mutes: Vec::new(),
            });
        }
    }

    fn person(&mut self, identity: &str, name: &str, from: u64) -> usize {
        let known = self.people.iter().position(|person| person.identity == identity);
        let index = known.unwrap_or_else(|| {
            self.people.push(Person {
                identity: identity.to_owned(),
                names: Vec::new(),
                spans: Vec::new(),
                tracks: Vec::new(),
            });
            self.people.len() - 1
        });
        let shown = if name.is_empty() { identity } else { name };
        let names = &mut self.people[index].names;
        if names.last().is_none_or(|(_, last)| last != shown) {
            names.push((from, shown.to_owned()));
        }
        index
    }

    fn close(&mut self, person: usize, at: u64) {
        for (_, to) in self.people[person].spans.iter_mut().filter(|(_, to)| *to == OPEN) {
            *to = at;
        }
        for track in self.people[person].tracks.iter_mut().filter(|track| track.to == OPEN) {
            track.to = at;
        }
    }

    fn on_track(&mut self, id: &str, change: impl FnOnce(&mut TrackSpan)) {
        let mut all = self.people.iter_mut().flat_map(|person| &mut person.tracks);
        if let Some(span) = all.find(|span| span.track == id) {
            change(span);
        }
    }

    /// Times at which something may look different.
    pub(super) fn changes(&self) -> Vec<u64> {
        let mut times = Vec::new();
        for person in &self.people {
            times.extend(person.spans.iter().flat_map(|(from, to)| [*from, *to]));
            for track in &person.tracks {
                times.extend([track.from, track.to]);
                times.extend(&track.mutes);
            }
        }
        times.extend(self.speakers().map(|(time, _)| time));
        times
    }

    /// When somebody began to be the loudest: time, person.
    fn speakers(&self) -> impl DoubleEndedIterator<Item = (u64, usize)> {
        self.speech.iter().filter_map(|(time, person)| Some((*time, (*person)?)))
    }

    /// Stretches in which one person was the loudest, `(from, to, person)`, the last one until `end`.
    pub(super) fn spurts(&self, end: u64) -> Vec<(u64, u64, usize)> {
        let ends = self.speech.iter().skip(1).map(|(time, _)| *time).chain([end]);
        let all = self.speech.iter().zip(ends);
        let spurt = |((from, person), to): (&(u64, Option<usize>), u64)| {
            person.filter(|_| to > *from).map(|person| (*from, to, person))
        };
        all.filter_map(spurt).collect()
    }

    pub(super) fn name(&self, person: usize) -> &str {
        self.people[person].name()
    }

    /// Screens that were shared: from when to when, and by whom.
    pub(super) fn shares(&self) -> impl Iterator<Item = (u64, u64, &str)> {
        self.people.iter().flat_map(|person| {
            let shares =
                person.tracks.iter().filter(|track| track.source == TrackSource::ScreenShare);
            let of_video = shares.filter(|track| track.kind == MediaKind::Video);
            of_video.map(|track| (track.from, track.to, person.name()))
        })
    }

    /// Who is there, in the order of first arrival.
    pub(super) fn present_at(&self, time: u64) -> Vec<&Person> {
        self.people.iter().filter(|person| person.is_present(time)).collect()
    }

    /// Whom to show alone: the loudest who has held for `hold_us`.
    pub(super) fn speaker_at(&self, time: u64, hold_us: u64) -> Option<&Person> {
        let mut shown: Option<(u64, usize)> = None;
        for (at, person) in self.speakers().take_while(|(at, _)| *at <= time) {
            match shown {
                Some((since, _)) if at - since < hold_us => {}
                Some((_, same)) if same == person => {}
                _ => shown = Some((at, person)),
            }
        }
        shown.map(|(_, person)| &self.people[person]).filter(|person| person.is_present(time))
    }

    /// Everybody, or where there are too many, those who spoke last; in the order of arrival.
    pub(super) fn most_relevant<'a>(
        &self,
        present: &[&'a Person],
        time: u64,
        most: usize,
    ) -> Vec<&'a Person> {
        if present.len() <= most {
            return present.to_vec();
        }
        let spoke = |person: &Person| {
            let index = self.people.iter().position(|p| p.identity == person.identity);
            let until_now = self.speakers().rev().filter(|(at, _)| *at <= time);
            let mut theirs = until_now.filter(|(_, person)| Some(*person) == index);
            theirs.next().map_or(0, |(at, _)| at)
        };
        let mut ranked: Vec<(usize, u64)> =
            present.iter().enumerate().map(|(n, person)| (n, spoke(person))).collect();
        ranked.sort_by_key(|(n, at)| (std::cmp::Reverse(*at), *n));
        let mut chosen: Vec<usize> = ranked.into_iter().take(most).map(|(n, _)| n).collect();
        chosen.sort_unstable();
        chosen.into_iter().map(|n| present[n]).collect()
    }
}
