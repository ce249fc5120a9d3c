//! The best of the latest estimates: what a link carries although its estimate dips.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// An estimate that is less counts only when it has been so for this long.
const DIP: Duration = Duration::from_millis(1500);
/// Likewise one that is less than half: links break down, and speech would drown meanwhile.
const BREAKDOWN: Duration = Duration::from_millis(750);

/// The latest estimates of one connection in bits per second, best first, and until when each was the
/// newest; only those that nothing better has followed.
#[derive(Debug, Default)]
pub(super) struct Steady(VecDeque<(u64, Instant)>);

impl Steady {
    /// Takes the newest estimate; the best of the last moment, at least that one.
    pub(super) fn best(&mut self, now: Instant, estimate: u64) -> u64 {
        match self.0.back_mut() {
            Some((before, until)) if *before > estimate => *until = now,
            _ => {
                while self.0.back().is_some_and(|(before, _)| *before <= estimate) {
                    self.0.pop_back();
                }
            }
        }
        self.0.push_back((estimate, now));
        while let Some((best, until)) = self.0.front() {
            let patience = if best / 2 > estimate { BREAKDOWN } else { DIP };
            if now.saturating_duration_since(*until) < patience {
                break;
            }
            self.0.pop_front();
        }
        self.0.front().map_or(estimate, |(best, _)| *best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The best after each of these, in milliseconds and bits per second.
    fn best(story: &[(u64, u64)]) -> Vec<u64> {
        let (start, mut steady) = (Instant::now(), Steady::default());
        story
            .iter()
            .map(|(ms, bps)| steady.best(start + Duration::from_millis(*ms), *bps))
            .collect()
    }

    #[test]
    fn a_dip_is_passed_over_and_what_stays_counts() {
        assert_eq!(
            best(&[(0, 200), (9000, 150), (10_400, 150), (10_500, 150)]),
            [200, 200, 200, 150]
        );
        assert_eq!(
            best(&[(0, 200), (9000, 150), (9500, 180), (10_600, 160)]),
            [200, 200, 200, 180]
        );
        assert_eq!(best(&[(0, 200), (9000, 150), (9100, 210), (9200, 190)]), [200, 200, 210, 210]);
    }

    #[test]
    fn a_breakdown_counts_sooner() {
        assert_eq!(best(&[(0, 200), (9000, 90), (9700, 90), (9750, 90)]), [200, 200, 200, 90]);
        assert_eq!(best(&[(0, 200), (9000, 90), (9700, 150), (9800, 150)]), [200, 200, 200, 200]);
    }
}
