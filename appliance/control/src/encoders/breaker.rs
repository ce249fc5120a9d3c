//! When an encoder is not asked any more: three failures within a day, until the box starts anew or gets
//! another version. Pure: time is an argument, counted since the box's start, so that no clock that is set
//! can undo it.

use roombox_jobs::encoders::FaultKind;
use serde::{Deserialize, Serialize};

/// So many failures switch it off.
pub const MOST_FAILURES: usize = 3;
/// Within this time.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Since the box's start.
    pub since_start_ms: u64,
    /// For people.
    pub unix_ms: u64,
    pub fault: FaultKind,
    pub why: String,
    pub recording: String,
}

/// The breaker of one encoder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Breaker {
    /// The start of the box and the version that it belongs to.
    pub life: String,
    /// Newest last; never more than switch it off.
    pub failures: Vec<Failure>,
    pub off: bool,
}

impl Breaker {
    /// Nothing has failed in this life of the box.
    pub fn new(life: &str) -> Self {
        Self { life: life.to_owned(), ..Self::default() }
    }

    /// What was kept, or a new one if that was another life.
    pub fn resumed(self, life: &str) -> Self {
        match self.life == life {
            true => self,
            false => Self::new(life),
        }
    }

    /// True if this failure switches it off.
    pub fn failed(&mut self, failure: Failure) -> bool {
        let now = failure.since_start_ms;
        self.failures.retain(|before| now.saturating_sub(before.since_start_ms) < DAY_MS);
        self.failures.push(failure);
        let skip = self.failures.len().saturating_sub(MOST_FAILURES);
        self.failures.drain(..skip);
        let was_off = self.off;
        self.off |= self.failures.len() >= MOST_FAILURES;
        self.off && !was_off
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 60 * 60 * 1000;

    fn failure(hours: u64) -> Failure {
        Failure {
            since_start_ms: hours * HOUR,
            unix_ms: 7,
            fault: FaultKind::Error,
            why: "no".into(),
            recording: "rec_1".into(),
        }
    }

    fn after(hours: &[u64]) -> Breaker {
        let mut breaker = Breaker::new("boot 1");
        for hour in hours {
            breaker.failed(failure(*hour));
        }
        breaker
    }

    #[test]
    fn the_third_failure_within_a_day_switches_it_off_once() {
        let mut breaker = after(&[1, 20]);
        assert!(!breaker.off);
        assert!(breaker.failed(failure(24)));
        assert!(breaker.off);
        // A film that had begun before fails too: that is no news.
        assert!(!breaker.failed(failure(25)));
        assert_eq!(breaker.failures.len(), MOST_FAILURES);
    }

    #[test]
    fn failures_that_are_a_day_apart_never_do() {
        assert!(!after(&[0, 12, 24, 36, 48, 60]).off);
        assert!(after(&[0, 12, 23]).off);
        // To the millisecond.
        let mut breaker = after(&[1, 2]);
        breaker.failed(Failure { since_start_ms: 25 * HOUR, ..failure(0) });
        assert!(!breaker.off);
        let mut breaker = after(&[1, 2]);
        breaker.failed(Failure { since_start_ms: 25 * HOUR - 1, ..failure(0) });
        assert!(breaker.off);
    }

    #[test]
    fn it_stays_off_until_the_box_starts_anew_or_is_another_version() {
        let off = after(&[1, 2, 3]);
        assert!(off.clone().resumed("boot 1").off);
        let fresh = off.resumed("boot 2");
        assert!(!fresh.off && fresh.failures.is_empty());
    }

    /// Whatever happens: off exactly if some three failures in a row lay within a day.
    #[test]
    fn over_random_days_it_is_off_exactly_when_three_in_a_row_were_close() {
        for seed in 1..200u64 {
            let (mut state, mut at, mut breaker) = (seed, 0, Breaker::new(""));
            let mut all: Vec<u64> = Vec::new();
            for _ in 0..40 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                at += (state >> 33) % (20 * HOUR);
                breaker.failed(Failure { since_start_ms: at, ..failure(0) });
                all.push(at);
                let close = all.windows(3).any(|three| three[2] - three[0] < DAY_MS);
                assert_eq!(breaker.off, close, "seed {seed}: {all:?}");
            }
        }
    }
}
