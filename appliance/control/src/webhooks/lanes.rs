//! What waits for one receiver, by room: which event goes next and when, what is given up and what has
//! to make room. Pure: time is an argument, and nothing is sent or kept here.
//!
//! ```text
//!            push              due                 delivered
//! (no lane) ─────▶ Ready ─────────────▶ UnderWay ─────────────▶ Ready, or gone when empty
//!                    ▲                     │ failed
//!                    │  the pause is over, │
//!                    │  or `hurry`         ▼
//!                    └──────────────── Resting
//! ```
//!
//! A lane is a room. Its events go one at a time and in order, so one that is not taken holds up its
//! own room and no other.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Attempts under way at a time: a receiver that answers slowly still gets more than one room's
/// events, and one that hangs costs so many connections.
const AT_A_TIME: usize = 8;
/// After the first failure; doubles with each.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// An event that is older when an attempt fails is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24 * 3600);
/// What waits is at most so many events, and so many bytes: a meeting of ten makes about fifty events
/// of 2 kB, and a receiver that is away for a day must not fill the disk.
const MOST_EVENTS: usize = 10_000;
const MOST_BYTES: u64 = 32 << 20;

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No answer: what helps one room helps all.
    Away,
    /// It answered that it does not take this event.
    Refused,
}

/// An event that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its row in the outbox.
    pub seq: u64,
    pub bytes: u64,
    /// When it came here, and how old it was then.
    pub since: Instant,
    pub older: Duration,
    /// The receiver got it by another way while an attempt was under way.
    arrived: bool,
}

impl Waiting {
    pub fn new(seq: u64, bytes: u64, since: Instant, older: Duration) -> Self {
        Self { seq, bytes, since, older, arrived: false }
    }

    fn is_too_old(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) + self.older > GIVEN_UP_AFTER
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    UnderWay,
    Resting { until: Instant, fault: Fault },
}

#[derive(Debug)]
struct Lane {
    /// Never empty.
    queue: VecDeque<Waiting>,
    state: State,
    /// One after the other.
    failures: u32,
}

/// All rooms' events for one receiver.
#[derive(Debug, Default)]
pub struct Lanes {
    lanes: HashMap<Arc<str>, Lane>,
    /// Everything, oldest first: row, lane.
    order: BTreeMap<u64, Arc<str>>,
    /// Rows of lanes that are ready, oldest first: who waited longest goes first.
    ready: BTreeMap<u64, Arc<str>>,
    resting: BTreeSet<(Instant, Arc<str>)>,
    under_way: usize,
    bytes: u64,
}

fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (SHORTEST_PAUSE * 2u32.pow(doublings)).min(LONGEST_PAUSE)
}

impl Lanes {
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Rows that go so that so many more events of so many bytes fit: the oldest that are not under
    /// way.
    pub fn make_room(&mut self, events: usize, bytes: u64) -> Vec<u64> {
        let mut gone = Vec::new();
        while self.len() + events > MOST_EVENTS || self.bytes + bytes > MOST_BYTES {
            let waits = |(seq, lane): &(&u64, &Arc<str>)| !self.is_under_way(**seq, lane);
            let Some(oldest) = self.order.iter().find(waits) else {
                break;
            };
            let (seq, name) = (*oldest.0, oldest.1.clone());
            self.take(seq, &name);
            gone.push(seq);
        }
        gone
    }

    /// An event that comes after all others of its room.
    pub fn push(&mut self, name: &str, event: Waiting) {
        let name: Arc<str> = match self.lanes.get_key_value(name) {
            Some((known, _)) => known.clone(),
            None => name.into(),
        };
        self.bytes += event.bytes;
        self.order.insert(event.seq, name.clone());
        match self.lanes.get_mut(&name) {
            Some(lane) => lane.queue.push_back(event),
            None => {
                self.ready.insert(event.seq, name.clone());
                let queue = VecDeque::from([event]);
                self.lanes.insert(name, Lane { queue, state: State::Ready, failures: 0 });
            }
        }
    }

    /// Rows to be sent now; each is under way until [`Self::delivered`] or [`Self::failed`].
    pub fn due(&mut self, now: Instant) -> Vec<u64> {
        while let Some((until, name)) = self.resting.first().cloned()
            && until <= now
        {
            self.wake(&name);
        }
        let mut rows = Vec::new();
        while self.under_way < AT_A_TIME
            && let Some((seq, name)) = self.ready.pop_first()
        {
            if let Some(lane) = self.lanes.get_mut(&name) {
                lane.state = State::UnderWay;
                self.under_way += 1;
                rows.push(seq);
            }
        }
        rows
    }

    /// When [`Self::due`] has more, if nothing else happens.
    pub fn next(&self) -> Option<Instant> {
        self.resting.first().map(|(until, _)| *until)
    }

    /// The receiver has it. Rooms that waited for it to come back go on at once.
    pub fn delivered(&mut self, seq: u64) {
        let Some(name) = self.landed(seq) else { return };
        if let Some(lane) = self.lanes.get_mut(&name) {
            lane.failures = 0;
            lane.state = State::Ready;
        }
        self.take(seq, &name);
        self.wake_those(|fault| fault == Fault::Away);
    }

    /// This attempt did not bring it there. What of this room is too old by now is given up: these rows.
    pub fn failed(&mut self, seq: u64, fault: Fault, now: Instant) -> Vec<u64> {
        let Some(name) = self.landed(seq) else { return Vec::new() };
        let Some(lane) = self.lanes.get_mut(&name) else { return Vec::new() };
        lane.failures += 1;
        let until = now + pause(lane.failures);
        lane.state = State::Resting { until, fault };
        let old = lane.queue.iter().take_while(|event| event.is_too_old(now));
        let given_up: Vec<u64> = old.map(|event| event.seq).collect();
        self.resting.insert((until, name.clone()));
        for seq in &given_up {
            self.take(*seq, &name);
        }
        given_up
    }

    /// Nobody need wait any longer: the receiver is another one now, or has shown that it is back.
    pub fn hurry(&mut self) {
        self.wake_those(|_| true);
    }

    /// The receiver got this one by another way, and it waits no longer. One that is under way stays
    /// until its attempt has ended, and is not tried again ([`Self::has_arrived`]): `false`.
    pub fn withdraw(&mut self, seq: u64) -> bool {
        let Some(name) = self.order.get(&seq).cloned() else { return false };
        if !self.is_under_way(seq, &name) {
            self.take(seq, &name);
            return true;
        }
        if let Some(first) = self.lanes.get_mut(&name).and_then(|lane| lane.queue.front_mut()) {
            first.arrived = true;
        }
        false
    }

    /// Whether the receiver has one whose attempt is under way, however that ends.
    pub fn has_arrived(&self, seq: u64) -> bool {
        let lane = self.order.get(&seq).and_then(|name| self.lanes.get(name));
        let first = lane.and_then(|lane| lane.queue.front());
        first.is_some_and(|event| event.seq == seq && event.arrived)
    }

    fn is_under_way(&self, seq: u64, name: &Arc<str>) -> bool {
        self.lanes.get(name).is_some_and(|lane| {
            let first = lane.queue.front().is_some_and(|event| event.seq == seq);
            first && lane.state == State::UnderWay
        })
    }

    /// The lane of an attempt that has ended.
    fn landed(&mut self, seq: u64) -> Option<Arc<str>> {
        let name = self.order.get(&seq)?.clone();
        if !self.is_under_way(seq, &name) {
            return None;
        }
        self.under_way -= 1;
        Some(name)
    }

    fn wake_those(&mut self, which: impl Fn(Fault) -> bool) {
        let names: Vec<_> = self.resting.iter().map(|(_, name)| name.clone()).collect();
        for name in names {
            let state = self.lanes.get(&name).map(|lane| lane.state);
            if matches!(state, Some(State::Resting { fault, .. }) if which(fault)) {
                self.wake(&name);
            }
        }
    }

    fn wake(&mut self, name: &Arc<str>) {
        let Some(lane) = self.lanes.get_mut(name) else { return };
        if let State::Resting { until, .. } = lane.state {
            self.resting.remove(&(until, name.clone()));
        }
        lane.state = State::Ready;
        if let Some(first) = lane.queue.front() {
            self.ready.insert(first.seq, name.clone());
        }
    }

    /// Takes one event out, wherever it stands; a lane without events goes.
    fn take(&mut self, seq: u64, name: &Arc<str>) {
        self.order.remove(&seq);
        let Some(lane) = self.lanes.get_mut(name) else { return };
        if let Some(at) = lane.queue.iter().position(|event| event.seq == seq)
            && let Some(event) = lane.queue.remove(at)
        {
            self.bytes -= event.bytes;
        }
        self.ready.remove(&seq);
        match (lane.queue.front(), lane.state) {
            (None, state) => {
                if let State::Resting { until, .. } = state {
                    self.resting.remove(&(until, name.clone()));
                }
                self.lanes.remove(name);
            }
            (Some(first), State::Ready) => {
                self.ready.insert(first.seq, name.clone());
            }
            (Some(_), State::UnderWay | State::Resting { .. }) => {}
        }
    }
}

#[cfg(test)]
mod tests;
