//! Dynacast: a publisher learns which layers anybody wants, and need not send the others.
//!
//! More is asked for at once. Less is asked for only once nobody wanted more for a while: a speaker
//! change or a scrolled grid must not stop and start an encoder each time. So a publisher is always
//! told the most that was wanted within the last [`LINGER`].

use std::time::{Duration, Instant};

/// As long as livekit-server waits.
const LINGER: Duration = Duration::from_secs(5);

/// What is wanted of one track, and what its publisher was told of it. A demand is the index of the
/// best layer that is wanted, with all below it as fall-backs; `None`: nobody wants the track.
#[derive(Debug)]
pub(crate) struct Demand {
    /// Publishers send everything until they hear otherwise.
    told: Option<usize>,
    wanted: Option<usize>,
    /// By layer: when it, or a better one, was last seen to be wanted.
    last_wanted: Vec<Option<Instant>>,
}

impl Demand {
    /// Of a track with so many layers, of which nothing was said yet.
    pub(crate) fn of(layers: usize) -> Self {
        let top = Some(layers.saturating_sub(1));
        Self { told: top, wanted: top, last_wanted: Vec::new() }
    }

    /// Of an encoding that its publisher sends only when it hears so.
    pub(crate) fn unsent() -> Self {
        Self { told: None, wanted: None, last_wanted: Vec::new() }
    }

    pub(crate) fn told(&self) -> Option<usize> {
        self.told
    }

    /// Notes what is wanted from now on; true if the publisher is to be told.
    pub(crate) fn is_news(&mut self, now: Instant, wanted: Option<usize>) -> bool {
        if let Some(until_now) = self.wanted {
            self.last_wanted.resize(self.last_wanted.len().max(until_now + 1), None);
            self.last_wanted[..=until_now].fill(Some(now));
        }
        self.wanted = wanted;
        let fresh =
            |at: &Option<Instant>| at.is_some_and(|at| now.saturating_duration_since(at) < LINGER);
        let most = wanted.max(self.last_wanted.iter().rposition(fresh));
        std::mem::replace(&mut self.told, most) != most
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
    fn what_is_not_sent_by_itself_is_asked_for_at_once() {
        let start = Instant::now();
        let mut demand = Demand::unsent();
        assert!(!demand.is_news(start, None));
        assert!(demand.is_news(at(start, 1.0), Some(0)));
        assert!(!demand.is_news(at(start, 5.0), None), "somebody may come back");
        assert!(demand.is_news(at(start, 10.1), None));
    }

    #[test]
    fn the_most_that_was_wanted_within_the_wait_holds() {
        let start = Instant::now();
        // Seconds, what is wanted from then on, what the publisher is told then (if anything).
        let nobody: Option<usize> = None;
        for story in [
            // A moment of less is forgotten, and the wait begins anew.
            &[(0.0, nobody, None), (4.0, Some(1), None), (8.9, None, None), (13.8, None, None)][..],
            // Somebody wanted the small layer a moment ago: it stays when the large one goes.
            &[
                (8.0, None, None),
                (12.9, Some(0), None),
                (13.1, None, Some(Some(0))),
                (18.0, None, None),
                (18.2, None, Some(None)),
                (18.3, Some(0), Some(Some(0))),
            ],
            // Wishes that change all the time are not told one by one.
            &[
                (0.0, Some(0), None),
                (2.0, None, None),
                (4.0, Some(0), None),
                (5.1, Some(0), Some(Some(0))),
            ],
        ] {
            let mut demand = Demand::of(2);
            for (seconds, wanted, told) in story {
                let news = demand.is_news(at(start, *seconds), *wanted);
                assert_eq!(news.then(|| demand.told()), *told, "at {seconds} s of {story:?}");
            }
        }
    }
}
