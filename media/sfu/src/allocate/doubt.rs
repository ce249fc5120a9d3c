//! Estimates are doubted: the first ones, and those that leave somebody without a picture.
//!
//! An estimator that begins knows nothing, and people join when their machines have most to do: what
//! is late for that looks like a narrow link. Pausing the only picture at once would be the first
//! thing that they see. And a machine that stays busy looks narrow for good: what is paused is tried
//! again now and then, and stays as long as it arrives without losses and without a queue, whatever
//! the estimator says.

use super::dips::{Belief, Dips};
use std::time::{Duration, Instant};

/// Bits per second with which estimating begins: less is doubted.
const FIRST: u64 = 300_000;
/// For so long after there was first something to divide.
const DOUBTED: Duration = Duration::from_millis(1500);
/// A picture that is paused is tried again after this; each time in vain doubles it.
const WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// So long after a trial began losses and queues are what it caused.
const CAUSED: Duration = Duration::from_millis(1500);
/// A trial without trouble for so long was a good one: there may be room for one more picture.
const CALM: Duration = Duration::from_secs(6);

/// What is believed of one connection.
#[derive(Debug, Default)]
pub(crate) struct Doubt {
    begun: Option<Instant>,
    /// Since when a picture is paused, or the last trial was in vain.
    paused: Option<Instant>,
    /// Trials in vain.
    vain: u32,
    trial: Option<Trial>,
    dips: Dips,
}

/// So many bits per second are sent in any case.
#[derive(Debug)]
struct Trial {
    bps: u64,
    begun: Instant,
}

impl Doubt {
    /// What to divide, for an estimate in bits per second (`None`: not known). `idle`: there is nothing to
    /// divide.
    pub(crate) fn believed(
        &mut self,
        now: Instant,
        estimate: Option<u64>,
        idle: bool,
    ) -> Option<Belief> {
        let estimate = estimate?;
        let lately = self.dips.lately(now, estimate);
        if idle {
            return Some(Belief { now: estimate, lately });
        }
        let begun = *self.begun.get_or_insert(now);
        let first = now.saturating_duration_since(begun) < DOUBTED;
        let least = if first { FIRST } else { 0 };
        let tried = self.trial.as_ref().map_or(0, |trial| trial.bps);
        Some(Belief { now: estimate.max(least).max(tried), lately })
    }

    /// Takes what came of it: the bits per second that the next picture would need, if one is paused,
    /// and whether the connection loses packets or has a queue. Returns what to try now, if anything:
    /// the connection should estimate anew from there.
    pub(crate) fn judge(
        &mut self,
        now: Instant,
        needed: Option<u64>,
        troubled: bool,
    ) -> Option<u64> {
        if let Some(trial) = &self.trial {
            let age = now.saturating_duration_since(trial.begun);
            if troubled && age >= CAUSED {
                self.trial = None;
                self.dips.forget(now);
                self.vain = if age < CALM { self.vain + 1 } else { 0 };
                self.paused = Some(now);
                return None;
            }
            if age < CALM {
                return None;
            }
            self.vain = 0;
        } else if needed.is_some() {
            let since = *self.paused.get_or_insert(now);
            let wait = WAIT.saturating_mul(1 << self.vain.min(8)).min(LONGEST_WAIT);
            if now.saturating_duration_since(since) < wait {
                return None;
            }
        } else {
            self.paused = None;
        }
        let bps = needed?;
        self.trial = Some(Trial { bps, begun: now });
        Some(bps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_estimate_is_believed_soon_after_the_first_picture() {
        let start = Instant::now();
        let mut doubt = Doubt::default();
        let mut at = |ms, estimate, idle| {
            let believed = doubt.believed(start + Duration::from_millis(ms), estimate, idle);
            believed.map(|belief| belief.now)
        };
        assert_eq!(at(0, Some(100_000), true), Some(100_000));
        assert_eq!(at(60_000, Some(100_000), false), Some(FIRST));
        assert_eq!(at(60_100, Some(900_000), false), Some(900_000));
        assert_eq!(at(60_200, None, false), None);
        assert_eq!(at(61_400, Some(100_000), true), Some(100_000));
        assert_eq!(at(61_500, Some(100_000), false), Some(100_000));
    }

    /// When something was tried within a minute, in seconds; a picture needs as much as given.
    fn trials(doubt: &mut Doubt, needed: u64, troubled: impl Fn(u64, bool) -> bool) -> Vec<u64> {
        let start = Instant::now();
        let tried = (0..240).filter(|n| {
            let now = start + Duration::from_millis(n * 250);
            let running = doubt.trial.is_some();
            let believed = doubt.believed(now, Some(50_000), false).map(|belief| belief.now);
            let paused = believed < Some(needed);
            doubt.judge(now, paused.then_some(needed), troubled(*n / 4, running)).is_some()
        });
        tried.map(|n| n / 4).collect()
    }

    #[test]
    fn a_picture_that_arrives_stays_whatever_is_estimated() {
        let mut doubt = Doubt::default();
        assert_eq!(trials(&mut doubt, 200_000, |_, _| false), [6]);
        let late = Instant::now() + Duration::from_secs(3600);
        let believed = |doubt: &mut Doubt| {
            doubt.believed(late, Some(50_000), false).map(|belief| (belief.now, belief.lately))
        };
        assert_eq!(believed(&mut doubt), Some((200_000, 50_000)));
        // Until it no longer arrives.
        assert_eq!(doubt.judge(late, None, true), None);
        assert_eq!(believed(&mut doubt), Some((50_000, 50_000)));
    }

    #[test]
    fn what_a_link_does_not_carry_is_tried_ever_less_often() {
        let narrow = |_, running| running;
        assert_eq!(trials(&mut Doubt::default(), 200_000, narrow), [6, 18, 39]);
    }

    #[test]
    fn one_picture_after_the_other_is_tried() {
        let start = Instant::now();
        let mut doubt = Doubt::default();
        let mut judge = |seconds, needed| {
            doubt.judge(start + Duration::from_secs(seconds), Some(needed), false)
        };
        assert_eq!([judge(0, 200_000), judge(4, 200_000)], [None, None]);
        assert_eq!(judge(5, 200_000), Some(200_000));
        assert_eq!([judge(7, 200_000), judge(10, 350_000)], [None, None]);
        assert_eq!(judge(11, 350_000), Some(350_000));
    }

    #[test]
    fn who_has_all_pictures_is_not_tried() {
        let start = Instant::now();
        let mut doubt = Doubt::default();
        for seconds in 0..100 {
            assert_eq!(doubt.judge(start + Duration::from_secs(seconds), None, false), None);
        }
    }
}
