//! Estimates dip: who sends too much for a moment finds a queue, and while that drains the estimator takes
//! what little arrives for all there is. A second later it knows better. Layers may follow it down; a picture
//! that is dark for seconds because of one second is what people remember.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// For so long an estimate that fell is not the last word on pictures that are shown.
const LASTS: Duration = Duration::from_secs(2);
/// Nor by more than this factor, however much it was before: where many are shown, a link that did become
/// narrow would carry none of them, nor speech.
const MANY: u64 = 2;
/// The same for the most important picture.
const FIRST: u64 = 4;

/// All in all pictures are kept over what is believed for so long: probes find too much now and then, and a peak
/// every other second would keep them for ever.
const LONGEST: Duration = Duration::from_secs(4);
/// After so long without the next dip is another one.
const OVER: Duration = Duration::from_secs(1);

/// What is believed of a connection, in bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Belief {
    /// Now.
    pub now: u64,
    /// The most that was estimated in the last seconds.
    pub lately: u64,
}

impl Belief {
    /// What audio and the lowest layers of pictures that are shown may take. `first`: what audio and the most
    /// important picture need.
    pub(super) fn lasting(self, first: u64) -> u64 {
        let most = self.now.saturating_mul(MANY).max(first.min(self.now.saturating_mul(FIRST)));
        self.lately.min(most).max(self.now)
    }
}

/// The estimates of the last seconds that no later one was above, oldest (and highest) first.
#[derive(Debug, Default)]
pub(crate) struct Dips {
    seen: VecDeque<(Instant, u64)>,
    /// Estimates of before this moment count for themselves alone.
    deaf_until: Option<Instant>,
}

impl Dips {
    /// Takes the estimate of now. Returns the highest of the last seconds.
    pub(crate) fn lately(&mut self, now: Instant, estimate: u64) -> u64 {
        if self.deaf_until.is_some_and(|until| now < until) {
            return estimate;
        }
        while self.seen.back().is_some_and(|(_, seen)| *seen <= estimate) {
            self.seen.pop_back();
        }
        self.seen.push_back((now, estimate));
        while self.seen.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > LASTS) {
            self.seen.pop_front();
        }
        self.seen.front().map_or(estimate, |(_, seen)| *seen)
    }

    /// What was estimated was tried, in vain, and the estimator takes a moment to come down from it.
    pub(super) fn forget(&mut self, now: Instant) {
        self.seen.clear();
        self.deaf_until = Some(now + LASTS);
    }
}

/// For how long pictures have been kept over what is believed.
#[derive(Debug, Default)]
pub(super) struct Bridge {
    since: Option<Instant>,
    fits_since: Option<Instant>,
}

impl Bridge {
    /// Whether it has borne for too long.
    pub(super) fn is_worn(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now.saturating_duration_since(since) >= LONGEST)
    }

    /// Takes whether more is given than is believed.
    pub(super) fn bears(&mut self, now: Instant, load: bool) {
        if load {
            self.since.get_or_insert(now);
            self.fits_since = None;
        } else if self.since.is_some() {
            let fits = *self.fits_since.get_or_insert(now);
            if now.saturating_duration_since(fits) >= OVER {
                *self = Self::default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_estimate_of_two_seconds_counts() {
        let (mut dips, start) = (Dips::default(), Instant::now());
        let mut at = |ms, estimate| dips.lately(start + Duration::from_millis(ms), estimate);
        assert_eq!(at(0, 400), 400);
        assert_eq!(at(100, 900), 900);
        assert_eq!(at(1000, 500), 900);
        assert_eq!(at(2100, 300), 900);
        assert_eq!(at(2101, 200), 500);
        assert_eq!(at(3001, 290), 300, "what was before the dip is too old");
        assert_eq!(at(9000, 290), 290);
        let ms = |ms| start + Duration::from_millis(ms);
        dips.forget(ms(9100));
        assert_eq!([ms(9200), ms(11_099)].map(|at| dips.lately(at, 900)), [900, 900]);
        assert_eq!(dips.lately(ms(11_100), 300), 300, "nothing is bridged after a trial in vain");
    }

    #[test]
    fn a_dip_is_bridged_by_a_factor_and_for_the_first_picture_by_more() {
        let at = |now, first| Belief { now, lately: 900_000 }.lasting(first);
        assert_eq!([at(500_000, 0), at(200_000, 0)], [900_000, 400_000]);
        assert_eq!([at(80_000, 250_000), at(50_000, 250_000)], [250_000, 200_000]);
        assert_eq!(Belief { now: 300_000, lately: 200_000 }.lasting(0), 300_000);
    }
}
