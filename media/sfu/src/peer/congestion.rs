//! What str0m's estimator does not notice: a queue that is always full, a link that is gone, and that
//! more is wanted than it found.
//!
//! It looks for delay that grows. Padding up to an estimate a little above the link keeps the queue
//! before it full: nothing grows any more, padding is no media whose loss would count, and speech
//! drowns. And where nearly nothing arrives there is hardly a report to learn from. Round trips and
//! losses, once a second, tell of both.
//!
//! It takes the answer to a probe for the truth, although one comes late when the other side is busy,
//! and probes again only once more is wanted than before; by itself it grows by 8 % a second, or not
//! at all: what would let it grow may wait for a change of an estimate that does not change. So it is
//! asked again as long as more is wanted, and begins anew when it stands still.

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
/// Looks from one probe to the next while more is wanted: at first, and when nothing was found.
const OFTEN: u32 = 2;
const SELDOM: u32 = 16;
/// An estimate that lives is never twice the same: after so many looks it is asleep.
const ASLEEP: u32 = 3;
/// Links that lose more are not asked for more.
const LOSSY: f64 = 0.03;

/// One connection's round trips and losses.
#[derive(Debug, Default)]
pub(super) struct Congestion {
    shortest: Option<Duration>,
    standing: bool,
    troubled: bool,
    reports: Reports,
    hunger: Hunger,
}

/// What to do about an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    Nothing,
    /// Find out whether there is more.
    Probe,
    /// Estimate anew from so many bits per second.
    Anew(u64),
}

/// More is wanted than the estimate has.
#[derive(Debug, Default)]
struct Hunger {
    estimate: u64,
    /// For how many looks it has been the same.
    same: u32,
    /// Since the last probe.
    looks: u32,
    /// From one probe to the next; 0 stands for [`OFTEN`].
    patience: u32,
    /// What it was at the last probe.
    probed_at: u64,
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
    /// wanted of the connection (both in bits per second).
    pub(super) fn look(
        &mut self,
        round_trip: Option<Duration>,
        lost: Option<f32>,
        estimate: u64,
        desired: u64,
    ) -> Advice {
        if let Some(round_trip) = round_trip {
            let shortest = self.shortest.unwrap_or(round_trip).min(round_trip);
            self.standing = round_trip > shortest + STANDING;
            // Routes change: what is long for half a minute is how long it is.
            self.shortest = Some(shortest + (round_trip - shortest) / 32);
        }
        let Reports { sent, covered, lost: reported } = std::mem::take(&mut self.reports);
        let lost = f64::from(lost.unwrap_or(0.0)).max(reported / covered.max(1) as f64);
        self.troubled = sent >= ENOUGH && (lost > LOSSY || self.standing);
        let arrives = estimate as f64 * (1.0 - lost.min(1.0));
        if sent >= ENOUGH && lost > OVERLOADED && estimate > LEAST {
            return Advice::Anew((arrives as u64).max(LEAST));
        }
        // Who is sent nearly nothing is asked in any case, or would stay without pictures for ever.
        self.hunger.look(estimate, estimate >= desired || self.troubled)
    }

    /// Whether more was lost in the last second than links that are not full lose, or a queue stands.
    pub(super) fn is_troubled(&self) -> bool {
        self.troubled
    }

    /// Whether a queue stands before the link: padding would only feed it.
    pub(super) fn is_standing(&self) -> bool {
        self.standing
    }
}

impl Hunger {
    fn look(&mut self, estimate: u64, content: bool) -> Advice {
        let moved = std::mem::replace(&mut self.estimate, estimate) != estimate;
        self.same = if moved || content { 0 } else { self.same + 1 };
        if estimate > self.probed_at + self.probed_at / 10 {
            self.patience = OFTEN;
        }
        self.looks += 1;
        if content || self.looks < self.patience.max(OFTEN) {
            return Advice::Nothing;
        }
        self.looks = 0;
        self.patience = (self.patience.max(OFTEN) * 2).min(SELDOM);
        self.probed_at = estimate;
        match std::mem::take(&mut self.same) {
            ASLEEP.. => Advice::Anew(estimate),
            _ => Advice::Probe,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Advice::*;
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
                Nothing,
                "nothing was sent since"
            );
            anew
        };
        let busy = [(100, None)];
        assert_eq!(look(1_000_000, None, &busy), Nothing);
        assert_eq!(look(1_000_000, Some(0.35), &busy), Nothing, "a bad radio");
        assert_eq!(look(1_000_000, Some(0.75), &busy), Anew(250_000));
        assert_eq!(look(1_000_000, Some(1.0), &busy), Anew(LEAST));
        assert_eq!(look(LEAST, Some(1.0), &busy), Nothing, "it has only just begun");
        assert_eq!(look(1_000_000, Some(1.0), &[(3, Some(1.0))]), Nothing, "too little to know");
        // Streams count by their packets, those without a report not at all.
        let most = [(60, Some(0.5)), (20, Some(1.0)), (400, None)];
        assert_eq!(look(1_000_000, Some(0.0), &most), Anew(375_000));
        assert_eq!(look(1_000_000, Some(0.0), &[(100, Some(0.0)), (5, Some(1.0))]), Nothing);
    }

    /// What is advised after which look at this estimate, which never changes.
    fn advised(round_trip: u64, lost: f32, estimate: u64, desired: u64) -> Vec<(usize, Advice)> {
        let mut congestion = Congestion::default();
        congestion.look(Some(Duration::from_millis(20)), Some(0.0), estimate, desired);
        let looks = (2..60).map(|n| {
            congestion.reported(50, None);
            let round_trip = Some(Duration::from_millis(round_trip));
            (n, congestion.look(round_trip, Some(lost), estimate, desired))
        });
        looks.filter(|(_, advice)| *advice != Nothing).collect()
    }

    #[test]
    fn while_more_is_wanted_it_is_looked_for_ever_less_often() {
        let anew = Anew(500_000);
        let all = [(2, Probe), (6, anew), (14, anew), (30, anew), (46, anew)];
        assert_eq!(advised(20, 0.0, 500_000, 2_000_000), all);
        assert_eq!(advised(20, 0.0, 2_000_000, 2_000_000), [], "nobody wants more");
        assert_eq!(advised(20, 0.2, 500_000, 2_000_000), [], "the link is bad");
        assert_eq!(advised(20, 0.0, 500_000, 0), []);
    }

    #[test]
    fn who_is_sent_nearly_nothing_is_not_forgotten() {
        let mut congestion = Congestion::default();
        let mut asked = 0;
        for _ in 0..60 {
            congestion.reported(3, Some(0.5));
            let advice = congestion.look(None, Some(0.5), 100_000, 2_000_000);
            asked += usize::from(advice != Nothing);
        }
        assert!(asked >= 4, "{asked}");
    }

    #[test]
    fn an_estimate_that_lives_is_probed_and_one_that_grew_often() {
        let mut congestion = Congestion::default();
        let mut look = |estimate| {
            congestion.reported(50, None);
            congestion.look(None, Some(0.0), estimate, 5_000_000)
        };
        let advice: Vec<_> = (0..31).map(|n| look(500_000 + n % 2)).collect();
        let probes = advice.iter().enumerate().filter(|(_, a)| **a == Probe).map(|(n, _)| n + 1);
        assert_eq!(probes.collect::<Vec<_>>(), [2, 6, 14, 30]);
        assert!(advice.iter().all(|a| matches!(a, Probe | Nothing)));
        assert_eq!([look(510_000), look(511_000)], [Nothing; 2], "that was no growth");
        assert_eq!(look(600_000), Probe, "that was");
        assert_eq!([look(700_000), look(700_001)], [Nothing, Probe]);
    }
}
