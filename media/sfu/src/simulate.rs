//! States that clients have simulated to test themselves. Doors let them in development only.

use crate::allocate::Belief;
use crate::command::Simulated;
use crate::event::Event;
use crate::ids::Identity;
use crate::relay::Word;
use crate::sfu::{Sfu, SfuConfig};
use crate::view::SpeakerLevel;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Somebody seems to speak for so long at most.
const LONGEST_SPEECH: Duration = Duration::from_secs(60);
/// How loud it seems to be, 0 to 1: as livekit-server says.
const LOUDNESS: f32 = 0.9;
/// Whoever asked for TCP alone gets nothing else for so long, however often it joins: as long as
/// livekit-server remembers it.
const TCP_ONLY: Duration = Duration::from_secs(5 * 60);
/// People of a room who get TCP alone; the first of more get UDP again.
const MOST_TCP_ONLY: usize = 64;

/// What one participant has simulated.
#[derive(Debug, Default)]
pub(crate) struct Pretence {
    speaks_until: Option<Instant>,
    /// Bits per second that its connection seems to carry.
    carries: Option<u64>,
}

impl Pretence {
    /// What is believed of a connection, as far as it may be.
    pub(crate) fn narrowed(&self, belief: Option<Belief>) -> Option<Belief> {
        let Some(carries) = self.carries else { return belief };
        let (now, lately) = belief.map_or((carries, carries), |all| (all.now, all.lately));
        Some(Belief { now: now.min(carries), lately: lately.min(carries) })
    }

    pub(crate) fn is_narrow(&self) -> bool {
        self.carries.is_some()
    }
}

/// People of a room whose next connection goes by TCP, and until when.
#[derive(Debug, Default)]
pub(crate) struct TcpOnly(VecDeque<(Identity, Instant)>);

impl TcpOnly {
    pub(crate) fn set(&mut self, now: Instant, identity: &Identity, on: bool) {
        self.0.retain(|(known, until)| known != identity && *until > now);
        if on {
            self.0.push_back((identity.clone(), now + TCP_ONLY));
            if self.0.len() > MOST_TCP_ONLY {
                self.0.pop_front();
            }
        }
    }

    pub(crate) fn has(&self, now: Instant, identity: &Identity) -> bool {
        self.0.iter().any(|(known, until)| known == identity && *until > now)
    }
}

impl Sfu {
    pub(crate) fn simulate(&mut self, now: Instant, key: usize, simulated: Simulated) {
        let found = &mut self.participants[key];
        match simulated {
            Simulated::Speech(duration) => {
                found.pretence.speaks_until = Some(now + duration.min(LONGEST_SPEECH));
                let (room, visible) = (found.room, found.is_visible() && !found.waits());
                let participant = found.info.id.clone();
                let speech = vec![SpeakerLevel { participant, level: LOUDNESS, active: true }];
                if visible {
                    for listener in self.inside(room) {
                        self.tell(listener, Event::Speakers(speech.clone()));
                    }
                    self.spread_levels(room, &speech);
                }
            }
            Simulated::Bandwidth(carries) => {
                found.pretence.carries = carries;
                self.divide_soon(key);
            }
            Simulated::TcpOnly(on) => {
                let identity = found.info.identity.clone();
                self.rooms[found.room].tcp_only.set(now, &identity, on);
            }
        }
    }

    /// Tells other shards of levels that no track has.
    fn spread_levels(&mut self, room: usize, told: &[SpeakerLevel]) {
        let name = self.rooms[room].info.name.clone();
        self.spread(room, None, || Word::Levels {
            room: name.clone(),
            tracks: Vec::new(),
            told: told.to_vec(),
        });
    }

    /// Those who only seemed to speak stop when it is time.
    pub(crate) fn end_simulated_speech(&mut self, now: Instant) {
        let mut silent = Vec::new();
        for (key, found) in &mut self.participants {
            if found.pretence.speaks_until.is_some_and(|until| until <= now) {
                found.pretence.speaks_until = None;
                silent.push((found.room, key));
            }
        }
        for (room, key) in silent {
            self.tell_silence(room, key);
            let found = &self.participants[key];
            if found.is_visible() {
                let participant = found.info.id.clone();
                self.spread_levels(
                    room,
                    &[SpeakerLevel { participant, level: 0.0, active: false }],
                );
            }
        }
    }

    /// Where a participant's new connection can be reached.
    pub(crate) fn reach_of(&self, now: Instant, participant: usize) -> Cow<'_, SfuConfig> {
        let found = &self.participants[participant];
        let by_tcp = self.rooms[found.room].tcp_only.has(now, &found.info.identity);
        // Without any way by TCP nobody would be helped.
        if by_tcp && !self.config.tcp_addresses.is_empty() {
            return Cow::Owned(SfuConfig { addresses: Vec::new(), ..self.config.clone() });
        }
        Cow::Borrowed(&self.config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_alone_ends_by_itself_and_is_for_so_many_people() {
        let (now, mut all) = (Instant::now(), TcpOnly::default());
        let name = |n: usize| Identity::from(format!("guest {n}"));
        for n in 0..=MOST_TCP_ONLY {
            all.set(now, &name(n), true);
        }
        assert!(!all.has(now, &name(0)) && all.has(now, &name(1)));
        all.set(now, &name(1), false);
        assert!(!all.has(now, &name(1)) && all.has(now, &name(2)));
        assert!(!all.has(now + TCP_ONLY, &name(2)));
    }
}
