//! Which boxes are alive, from their heartbeats. Pure: time is an argument.

use crate::silence::Moment;
use roombox_control::clock::UnixMs;
use roombox_control::fleet::{BoxPulse, BoxState, RosterEntry};
use roombox_federation::link::HEARTBEAT;
use roombox_federation::subjects::BoxId;
use std::collections::BTreeMap;
use std::time::Duration;

/// Three heartbeats, and what one takes.
pub const STALE: Duration = HEARTBEAT.saturating_mul(3).saturating_add(Duration::from_secs(2));
/// An alarm stays so long after the last sign of it.
const ALARM: Duration = Duration::from_secs(120);

#[derive(Debug)]
struct Entry {
    pulse: BoxPulse,
    heard: Duration,
    heard_at: UnixMs,
    /// Nonces of earlier runs, newest last: one that is heard again is another box.
    earlier: Vec<String>,
    alarm_until: Duration,
}

/// Earlier runs that are remembered.
const RUNS: usize = 16;

/// The boxes that were heard.
#[derive(Debug, Default)]
pub struct Roster(BTreeMap<BoxId, Entry>);

impl Roster {
    /// A heartbeat. True: two boxes are alive under this id.
    pub fn heard(&mut self, now: Duration, at: UnixMs, of: BoxId, pulse: BoxPulse) -> bool {
        let new = || Entry {
            pulse: pulse.clone(),
            heard: now,
            heard_at: at,
            earlier: Vec::new(),
            alarm_until: Duration::ZERO,
        };
        let entry = self.0.entry(of).or_insert_with(new);
        if entry.pulse.nonce != pulse.nonce {
            if entry.earlier.contains(&pulse.nonce) {
                entry.alarm_until = now + ALARM;
            }
            entry.earlier.retain(|nonce| *nonce != pulse.nonce);
            entry.earlier.push(entry.pulse.nonce.clone());
            let old = entry.earlier.len().saturating_sub(RUNS);
            entry.earlier.drain(..old);
        }
        (entry.pulse, entry.heard, entry.heard_at) = (pulse, now, at);
        entry.alarm_until > now
    }

    /// Box, epoch and the last number that it says was sent.
    pub fn told(&self) -> Vec<(String, String, u64)> {
        let told = |(id, entry): (&BoxId, &Entry)| {
            let BoxPulse { epoch, last, .. } = &entry.pulse;
            (!epoch.is_empty()).then(|| (id.to_string(), epoch.clone(), *last))
        };
        self.0.iter().filter_map(told).collect()
    }

    /// What a box said of itself last.
    pub fn pulse(&self, of: &BoxId) -> Option<&BoxPulse> {
        self.0.get(of).map(|entry| &entry.pulse)
    }

    /// The boxes that are alive, and whose key no other one has.
    pub fn alive(&self, now: Duration) -> Vec<(BoxId, BoxPulse)> {
        let alive = self.0.iter().filter(|(_, entry)| {
            now.saturating_sub(entry.heard) < STALE && entry.alarm_until <= now
        });
        alive.map(|(id, entry)| (id.clone(), entry.pulse.clone())).collect()
    }

    /// How far the clocks of those are ahead of this machine's, milliseconds, as far as they say it.
    pub fn clocks(&self, now: Duration) -> Vec<(BoxId, i64)> {
        let alive = self.0.iter().filter(|(_, entry)| {
            now.saturating_sub(entry.heard) < STALE && entry.alarm_until <= now
        });
        let ahead = |(id, entry): (&BoxId, &Entry)| {
            let (theirs, ours) = (entry.pulse.clock?.0, entry.heard_at.0);
            Some((id.clone(), i64::try_from(i128::from(theirs) - i128::from(ours)).ok()?))
        };
        alive.filter_map(ahead).collect()
    }

    /// When a box was heard last.
    pub fn last(&self, of: &BoxId) -> Option<Moment> {
        self.0.get(of).map(|entry| Moment { now: entry.heard, at: entry.heard_at })
    }

    /// Only these boxes are in the fleet.
    pub fn keep(&mut self, boxes: &[BoxId]) {
        self.0.retain(|id, _| boxes.contains(id));
    }

    pub fn entries(&self, now: Duration) -> Vec<RosterEntry> {
        let entry = |(id, entry): (&BoxId, &Entry)| RosterEntry {
            id: id.to_string(),
            state: match now.saturating_sub(entry.heard) >= STALE {
                _ if entry.alarm_until > now => BoxState::Cloned,
                true => BoxState::Stale,
                false => BoxState::Here,
            },
            heard_at: entry.heard_at,
            pulse: entry.pulse.clone(),
            refused: 0,
        };
        self.0.iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse(nonce: &str) -> BoxPulse {
        BoxPulse { nonce: nonce.to_owned(), ..BoxPulse::default() }
    }

    #[test]
    fn a_box_is_stale_after_three_heartbeats_and_here_again_after_one() {
        let (mut roster, of) = (Roster::default(), BoxId::of_key(&"a".repeat(56)));
        let at = Duration::from_secs;
        assert!(!roster.heard(at(0), UnixMs(1), of.clone(), pulse("one")));
        assert_eq!(roster.entries(at(31))[0].state, BoxState::Here);
        assert_eq!(roster.entries(at(32))[0].state, BoxState::Stale);
        roster.heard(at(60), UnixMs(2), of, pulse("one"));
        assert_eq!(roster.entries(at(61))[0].state, BoxState::Here);
        roster.keep(&[]);
        assert!(roster.entries(at(61)).is_empty());
    }

    #[test]
    fn a_restart_is_no_clone_and_two_that_take_turns_are() {
        let (mut roster, of) = (Roster::default(), BoxId::of_key(&"a".repeat(56)));
        let mut heard = |second, nonce| {
            roster.heard(Duration::from_secs(second), UnixMs(1), of.clone(), pulse(nonce))
        };
        assert!(!heard(0, "one") && !heard(10, "two") && !heard(20, "three"));
        assert!(!heard(30, "three"));
        assert!(heard(33, "two"), "an earlier run is alive");
        assert!(heard(40, "two") && heard(150, "two"));
        assert!(!heard(160, "two"), "the other one is gone");
    }
}
