//! Who is heard in a big room: sections for the microphones that somebody speaks into.
//!
//! Every section costs both sides memory and every renegotiation time, and in a big room most
//! microphones never say anything. So a participant has sections for the first [`ANYWAY`] of them, which
//! is all that a small meeting has, and beyond that for those that were heard lately; the others get one
//! as soon as they are heard. Nobody loses a section to a louder voice: some clients would go on playing
//! it as the one that had it before (docs/adr/0011).

use crate::command::TransportMode;
use crate::participant::{Participant, Wish};
use crate::sfu::Sfu;
use crate::track::{MediaKind, TrackSource};
use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// Microphones that a participant has sections for, heard or not.
const ANYWAY: usize = 8;
/// Who was heard within this time is part of the conversation.
const LATELY: Duration = Duration::from_secs(300);

impl Sfu {
    /// Whether the wish is for a microphone that can wait for its section until it is heard. Those that
    /// the client asked for by their ids cannot, and who offers but once gets what there is.
    fn can_wait(&self, found: &Participant, track: usize, wish: &Wish) -> bool {
        found.mode != TransportMode::Once
            && !wish.by_id
            && self.tracks.get(track).is_some_and(|published| {
                published.info.kind == MediaKind::Audio
                    && published.info.source != TrackSource::ScreenShareAudio
            })
    }

    /// Of tracks that a participant waits for, those that should have sections now.
    pub(crate) fn worth_sections(
        &self,
        now: Instant,
        key: usize,
        waiting: Vec<usize>,
    ) -> Vec<usize> {
        let found = &self.participants[key];
        let (mut voices, mut worth): (Vec<usize>, Vec<usize>) = waiting
            .into_iter()
            .partition(|track| self.can_wait(found, *track, &found.wishes[track]));
        let has = |(track, wish): &(&usize, &Wish)| {
            wish.mid.is_some() && self.can_wait(found, **track, wish)
        };
        let anyway = ANYWAY.saturating_sub(found.wishes.iter().filter(has).count());
        let heard_at = |track: usize| self.tracks[track].heard_at;
        let lately = |track: usize| {
            heard_at(track).is_some_and(|at| now.saturating_duration_since(at) < LATELY)
        };
        voices.sort_by_key(|track| Reverse(heard_at(*track)));
        let voices = voices.into_iter().enumerate();
        worth.extend(voices.filter(|(n, track)| *n < anyway || lately(*track)).map(|(_, t)| t));
        worth.sort_unstable();
        worth
    }

    /// A microphone is heard: who has no section for it gets one.
    pub(crate) fn sounds(&mut self, now: Instant, track: usize) {
        let published = &mut self.tracks[track];
        published.heard_at = Some(now);
        let room = published.room;
        for key in self.inside(room) {
            let wish = self.participants[key].wishes.get(&track);
            if wish.is_some_and(|wish| wish.mid.is_none() && !wish.barred) {
                self.unsettled.push(key);
            }
        }
    }
}
