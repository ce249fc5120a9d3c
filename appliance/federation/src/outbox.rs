//! What is sent next, and when: the order of events on their way to the hub. Pure: time is an
//! argument.
//!
//! ```text
//! Flowing ── an event failed, or its answer is late ──► Draining: nothing new is sent
//!    ▲                                                     │ all answers are there, or late
//!    └── a pause has passed, try the oldest unsent ◄────── Pausing
//! ```
//!
//! What was sent behind a failed event may have arrived before it: order is kept by numbers, and a
//! window that stops at the first failure keeps such turns rare.

use std::collections::BTreeMap;
use std::time::Duration;

/// Events on their way at a time.
pub const WINDOW: usize = 256;
/// An answer that takes longer does not come.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// After a failure; each further one before anything arrives doubles it.
pub const PAUSE: Duration = Duration::from_millis(300);
/// While nothing arrives at all.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send what is unsent after this number, at most so many.
    Send { after: u64, most: usize },
    /// Nothing until then, unless an answer comes.
    Wait { until: Duration },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Flowing,
    Draining,
    Pausing { until: Duration },
}

/// The window.
#[derive(Debug)]
pub struct Outbox {
    phase: Phase,
    /// The highest number that was sent since the beginning, or the last failure.
    sent: u64,
    /// What was sent and is not answered, with its moment.
    open: BTreeMap<u64, Duration>,
    /// Pauses since something arrived. Meanwhile one event at a time is tried.
    pauses: u32,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { phase: Phase::Flowing, sent: 0, open: BTreeMap::new(), pauses: 0 }
    }
}

impl Outbox {
    /// What to do. `idle`: how long to wait where there was nothing to send.
    pub fn step(&mut self, now: Duration, idle: Duration) -> Step {
        if self.open.values().any(|at| now.saturating_sub(*at) >= PATIENCE) {
            self.open.retain(|_, at| now.saturating_sub(*at) < PATIENCE);
            self.phase = Phase::Draining;
        }
        if self.phase == Phase::Draining && self.open.is_empty() {
            let pause = PAUSE.saturating_mul(1 << self.pauses.min(8)).min(LONGEST_PAUSE);
            self.pauses += 1;
            self.phase = Phase::Pausing { until: now + pause };
        }
        if let Phase::Pausing { until } = self.phase
            && now >= until
        {
            (self.phase, self.sent) = (Phase::Flowing, 0);
        }
        let late = self.open.values().min().map(|oldest| *oldest + PATIENCE);
        let window = if self.pauses == 0 { WINDOW } else { 1 };
        match self.phase {
            Phase::Flowing if self.open.len() < window => {
                Step::Send { after: self.sent, most: window - self.open.len() }
            }
            Phase::Pausing { until } => Step::Wait { until },
            Phase::Flowing | Phase::Draining => Step::Wait { until: late.unwrap_or(now + idle) },
        }
    }

    /// This was handed over; numbers rise.
    pub fn sent(&mut self, seq: u64, now: Duration) {
        self.sent = self.sent.max(seq);
        self.open.insert(seq, now);
    }

    /// The hub's stream has it. False: its answer was given up, and it is sent again.
    pub fn answered(&mut self, seq: u64) -> bool {
        self.pauses = 0;
        self.open.remove(&seq).is_some()
    }

    /// It could not be sent, or was refused.
    pub fn failed(&mut self, seq: u64) {
        self.open.remove(&seq);
        self.phase = Phase::Draining;
    }

    /// There is more to send before what was sent: begin at the oldest.
    pub fn again(&mut self) {
        if self.phase == Phase::Flowing {
            self.phase = Phase::Draining;
        }
    }
}

#[cfg(test)]
mod tests;
