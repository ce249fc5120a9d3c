//! Dynacast: a publisher learns which layers anybody wants, and need not send the others.
//!
//! More is asked for at once. Less is asked for only after nobody wanted more for a while: a speaker
//! change or a scrolled grid must not stop and start an encoder each time.

use std::time::{Duration, Instant};

/// As long as livekit-server waits.
const LINGER: Duration = Duration::from_secs(5);

/// What is wanted of one track, and what its publisher was told of it. A demand is the index of the
/// best layer that is wanted, with all below it as fall-backs; `None`: nobody wants the track.
#[derive(Debug)]
pub(crate) struct Demand {
    /// Publishers send everything until they hear otherwise.
    told: Option<usize>,
    less_since: Option<Instant>,
}

impl Demand {
    /// Of a track with so many layers, of which nothing was said yet.
    pub(crate) fn of(layers: usize) -> Self {
        Self { told: Some(layers.saturating_sub(1)), less_since: None }
    }

    pub(crate) fn told(&self) -> Option<usize> {
        self.told
    }

    /// Notes what is wanted now; true if the publisher is to be told.
    pub(crate) fn is_news(&mut self, now: Instant, wanted: Option<usize>) -> bool {
        if wanted == self.told {
            self.less_since = None;
            return false;
        }
        if wanted < self.told {
            let since = *self.less_since.get_or_insert(now);
            if now.saturating_duration_since(since) < LINGER {
                return false;
            }
        }
        self.told = wanted;
        self.less_since = None;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, seconds: f64) -> Instant {
        start + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn less_is_asked_for_late_and_more_at_once() {
        let start = Instant::now();
        let mut demand = Demand::of(3);
        assert!(!demand.is_news(start, Some(2)), "that is what the publisher does by itself");
        assert!(!demand.is_news(at(start, 1.0), Some(0)));
        assert!(!demand.is_news(at(start, 5.9), Some(0)));
        assert!(demand.is_news(at(start, 6.1), Some(0)));
        assert_eq!(demand.told(), Some(0));
        assert!(demand.is_news(at(start, 6.2), Some(1)));
        assert_eq!(demand.told(), Some(1));
    }

    #[test]
    fn a_moment_of_less_is_forgotten() {
        let start = Instant::now();
        let mut demand = Demand::of(2);
        assert!(!demand.is_news(at(start, 0.0), None));
        assert!(!demand.is_news(at(start, 4.0), Some(1)));
        assert!(!demand.is_news(at(start, 8.0), None), "the wait begins anew");
        assert!(!demand.is_news(at(start, 12.9), Some(0)), "whichever way less is wanted");
        assert!(demand.is_news(at(start, 13.1), None));
        assert!(demand.is_news(at(start, 13.2), Some(0)), "the first to come gets it at once");
    }
}
