//! What str0m's estimator does not notice: a queue that is always full, and a link that is gone.
//!
//! It looks for delay that grows. Padding up to an estimate a little above the link keeps the queue
//! before it full: nothing grows any more, padding is no media whose loss would count, and speech
//! drowns. And where nearly nothing arrives there is hardly a report to learn from. Round trips and
//! losses, once a second, tell of both.

use std::time::Duration;

/// How often str0m is asked for its statistics.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// A round trip that is so much longer than the shortest one is spent in a queue: more than shaky
/// links shake.
const STANDING: Duration = Duration::from_millis(100);
/// Links that lose more are overloaded: no radio is so bad and still in use.
const OVERLOADED: f32 = 0.4;
/// Bits per second with which estimating begins anew at least.
const LEAST: u64 = 20_000;

/// One connection's round trips and losses.
#[derive(Debug, Default)]
pub(super) struct Congestion {
    shortest: Option<Duration>,
    standing: bool,
    /// Shares of packets that receivers reported to be lost since the last look.
    reports: Vec<f32>,
}

impl Congestion {
    /// Takes what a receiver report (RFC 3550 §6.4.2) says of one stream: the share that was lost.
    /// Transport-wide feedback may miss it: the gaps between two of its reports are in neither.
    pub(super) fn reported(&mut self, lost: Option<f32>) {
        self.reports.extend(lost);
    }

    /// Takes the newest round trip and the share of packets that the last second lost. Returns where
    /// estimating should begin anew, if `estimate` cannot be true (bits per second both).
    pub(super) fn look(
        &mut self,
        round_trip: Option<Duration>,
        lost: Option<f32>,
        estimate: u64,
    ) -> Option<u64> {
        if let Some(round_trip) = round_trip {
            let shortest = self.shortest.unwrap_or(round_trip).min(round_trip);
            self.standing = round_trip > shortest + STANDING;
            // Routes change: what is long for half a minute is how long it is.
            self.shortest = Some(shortest + (round_trip - shortest) / 32);
        }
        let reports = std::mem::take(&mut self.reports);
        let mean = reports.iter().sum::<f32>() / reports.len().max(1) as f32;
        let lost = Some(lost.unwrap_or(0.0).max(mean)).filter(|lost| *lost > OVERLOADED)?;
        let arrives = estimate as f64 * f64::from(1.0 - lost.min(1.0));
        (estimate > LEAST).then_some((arrives as u64).max(LEAST))
    }

    /// Whether a queue stands before the link: padding would only feed it.
    pub(super) fn is_standing(&self) -> bool {
        self.standing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(congestion: &mut Congestion, ms: u64) -> bool {
        congestion.look(Some(Duration::from_millis(ms)), Some(0.1), 500_000);
        congestion.is_standing()
    }

    #[test]
    fn a_queue_is_told_from_a_long_way_and_from_jitter() {
        let mut congestion = Congestion::default();
        assert!(!look(&mut congestion, 900), "far away");
        for ms in [80, 150, 60, 150, 70] {
            assert!(!look(&mut congestion, ms));
        }
        assert!(look(&mut congestion, 360));
        assert!(!look(&mut congestion, 120));
    }

    #[test]
    fn a_way_that_became_longer_is_no_queue_for_ever() {
        let mut congestion = Congestion::default();
        assert!(!look(&mut congestion, 50));
        assert!((0..20).all(|_| look(&mut congestion, 400)));
        while look(&mut congestion, 400) {}
        assert!(!look(&mut congestion, 400));
    }

    #[test]
    fn what_hardly_arrives_is_estimated_anew() {
        let mut congestion = Congestion::default();
        assert_eq!(congestion.look(None, None, 1_000_000), None);
        assert_eq!(congestion.look(None, Some(0.35), 1_000_000), None, "a bad radio");
        assert_eq!(congestion.look(None, Some(0.75), 1_000_000), Some(250_000));
        assert_eq!(congestion.look(None, Some(1.0), 1_000_000), Some(LEAST));
        assert_eq!(congestion.look(None, Some(1.0), LEAST), None, "it has only just begun");
        [Some(0.5), Some(1.0), None].into_iter().for_each(|lost| congestion.reported(lost));
        assert_eq!(congestion.look(None, Some(0.0), 1_000_000), Some(250_000));
        assert_eq!(congestion.look(None, Some(0.0), 1_000_000), None, "reports count once");
    }
}
