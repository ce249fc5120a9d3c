//! What str0m's estimator does not notice: a queue that is always full, a link that is gone, and that
//! it has stopped to look.
//!
//! It looks for delay that grows. Padding up to an estimate a little above the link keeps the queue
//! before it full: nothing grows any more, padding is no media whose loss would count, and speech
//! drowns. And where nearly nothing arrives there is hardly a report to learn from. Round trips and
//! losses, once a second, tell of both.
//!
//! A probe whose answer came late because the other side was busy counts as the truth, and what
//! would correct it (more probes, growth) may then wait for a change that never comes. An estimate
//! that lives is never twice the same.

use std::time::Duration;

/// How often str0m is asked for its statistics.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// A round trip that is so much longer than the shortest one is spent in a queue: more than shaky
/// links shake.
const STANDING: Duration = Duration::from_millis(100);
/// Links that lose more are overloaded: no radio is so bad and still in use.
const OVERLOADED: f64 = 0.4;
/// Fewer packets a second say nothing of their losses: a muted microphone sends three.
const ENOUGH: u64 = 20;
/// Bits per second with which estimating begins anew at least.
const LEAST: u64 = 20_000;
/// An estimate that stays the same for so many looks, although more is wanted, is asleep; each time
/// that waking it brought nothing it may sleep twice as long, up to half a minute.
const ASLEEP: u32 = 3;
const ASLEEP_AT_MOST: u32 = 32;
/// On links that lose more there are reasons to stay.
const LOSSY: f64 = 0.1;

/// One connection's round trips and losses.
#[derive(Debug, Default)]
pub(super) struct Congestion {
    shortest: Option<Duration>,
    standing: bool,
    reports: Reports,
    sleep: Sleep,
}

/// For how long the estimate has not moved.
#[derive(Debug, Default)]
struct Sleep {
    estimate: u64,
    looks: u32,
    /// Looks until it is woken; 0 stands for [`ASLEEP`].
    patience: u32,
    /// What it was when it was woken last.
    woken_at: u64,
}

/// What was sent since the last look, and what receivers reported to be lost of it, in packets.
#[derive(Debug, Default)]
struct Reports {
    sent: u64,
    /// Of streams that were reported on.
    covered: u64,
    lost: f64,
}

impl Congestion {
    /// Takes how many packets of one stream were sent, and the share that its receiver reports
    /// (RFC 3550 §6.4.2) say was lost. Transport-wide feedback may miss it: the gaps between two of
    /// its reports are in neither.
    pub(super) fn reported(&mut self, sent: u64, lost: Option<f32>) {
        self.reports.sent += sent;
        if let Some(lost) = lost {
            self.reports.covered += sent;
            self.reports.lost += sent as f64 * f64::from(lost);
        }
    }

    /// Takes the newest round trip, the share of packets that the last second lost, and what is
    /// wanted of the connection. Returns where estimating should begin anew, if `estimate` cannot be
    /// true or is asleep (bits per second all three).
    pub(super) fn look(
        &mut self,
        round_trip: Option<Duration>,
        lost: Option<f32>,
        estimate: u64,
        desired: u64,
    ) -> Option<u64> {
        if let Some(round_trip) = round_trip {
            let shortest = self.shortest.unwrap_or(round_trip).min(round_trip);
            self.standing = round_trip > shortest + STANDING;
            // Routes change: what is long for half a minute is how long it is.
            self.shortest = Some(shortest + (round_trip - shortest) / 32);
        }
        let Reports { sent, covered, lost: reported } = std::mem::take(&mut self.reports);
        let lost = f64::from(lost.unwrap_or(0.0)).max(reported / covered.max(1) as f64);
        let arrives = estimate as f64 * (1.0 - lost.min(1.0));
        if sent >= ENOUGH && lost > OVERLOADED && estimate > LEAST {
            return Some((arrives as u64).max(LEAST));
        }
        let content = estimate >= desired || sent < ENOUGH || lost > LOSSY || self.standing;
        self.sleep.look(estimate, content).then_some(estimate)
    }

    /// Whether a queue stands before the link: padding would only feed it.
    pub(super) fn is_standing(&self) -> bool {
        self.standing
    }
}

impl Sleep {
    /// Whether to wake it.
    fn look(&mut self, estimate: u64, content: bool) -> bool {
        if std::mem::replace(&mut self.estimate, estimate) != estimate || content {
            self.looks = 0;
            if estimate > self.woken_at + self.woken_at / 10 {
                self.patience = ASLEEP;
            }
            return false;
        }
        self.looks += 1;
        if self.looks < self.patience.max(ASLEEP) {
            return false;
        }
        self.looks = 0;
        self.patience = (self.patience.max(ASLEEP) * 2).min(ASLEEP_AT_MOST);
        self.woken_at = estimate;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(congestion: &mut Congestion, ms: u64) -> bool {
        congestion.look(Some(Duration::from_millis(ms)), Some(0.1), 500_000, 0);
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
        let look = |estimate, feedback, reports: &[(u64, Option<f32>)]| {
            let mut congestion = Congestion::default();
            reports.iter().for_each(|(sent, lost)| congestion.reported(*sent, *lost));
            let anew = congestion.look(None, feedback, estimate, 0);
            assert_eq!(
                congestion.look(None, Some(1.0), estimate, 0),
                None,
                "nothing was sent since"
            );
            anew
        };
        let busy = [(100, None)];
        assert_eq!(look(1_000_000, None, &busy), None);
        assert_eq!(look(1_000_000, Some(0.35), &busy), None, "a bad radio");
        assert_eq!(look(1_000_000, Some(0.75), &busy), Some(250_000));
        assert_eq!(look(1_000_000, Some(1.0), &busy), Some(LEAST));
        assert_eq!(look(LEAST, Some(1.0), &busy), None, "it has only just begun");
        assert_eq!(look(1_000_000, Some(1.0), &[(3, Some(1.0))]), None, "too little to know");
        // Streams count by their packets, those without a report not at all.
        let most = [(60, Some(0.5)), (20, Some(1.0)), (400, None)];
        assert_eq!(look(1_000_000, Some(0.0), &most), Some(375_000));
        assert_eq!(look(1_000_000, Some(0.0), &[(100, Some(0.0)), (5, Some(1.0))]), None);
    }

    /// After how many looks at this estimate, which never changes, it is woken, three times over.
    fn naps(round_trip: u64, lost: f32, estimate: u64, desired: u64) -> Vec<usize> {
        let mut congestion = Congestion::default();
        congestion.look(Some(Duration::from_millis(20)), Some(0.0), estimate, desired);
        let woken = (1..100).filter(|_| {
            congestion.reported(50, None);
            let round_trip = Some(Duration::from_millis(round_trip));
            congestion.look(round_trip, Some(lost), estimate, desired).is_some()
        });
        woken.take(3).collect()
    }

    #[test]
    fn an_estimate_that_sleeps_is_woken_ever_less_often() {
        assert_eq!(naps(20, 0.0, 500_000, 2_000_000), [3, 9, 21]);
        assert_eq!(naps(20, 0.0, 2_000_000, 2_000_000), [], "nobody wants more");
        assert_eq!(naps(20, 0.2, 500_000, 2_000_000), [], "the link is bad");
        assert_eq!(naps(20, 0.0, 500_000, 0), []);
    }

    #[test]
    fn an_estimate_that_lives_is_left_alone_and_one_that_grew_has_its_patience_again() {
        let mut congestion = Congestion::default();
        let mut look = |estimate| {
            congestion.reported(50, None);
            congestion.look(None, Some(0.0), estimate, 5_000_000).is_some()
        };
        assert!((0..50).all(|n| !look(500_000 + n % 2)));
        let woken = |look: &mut dyn FnMut(u64) -> bool, estimate| {
            (1..99).find(|_| look(estimate)).expect("it is woken")
        };
        look(600_000);
        assert_eq!(woken(&mut look, 600_000), 3);
        assert_eq!(woken(&mut look, 600_000), 6);
        look(610_000);
        assert_eq!(woken(&mut look, 610_000), 12, "that was no growth");
        look(900_000);
        assert_eq!(woken(&mut look, 900_000), 3);
    }
}
