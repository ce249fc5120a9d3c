//! Where an update stands, and how long it still takes.

use super::updater::{Disturbed, Step};
use crate::clock::UnixMs;
use serde::Serialize;
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// Before this the updater looks at things, in steps that say nothing about its pace.
const LOOKING_PERCENT: u8 = 40;
/// An estimate from less is a guess.
const LEAST_GROWTH: u8 = 4;
const LEAST_TIME: Duration = Duration::from_secs(3);

/// Where an update stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum UpdateState {
    Idle,
    /// A bundle is being uploaded.
    Receiving {
        received_bytes: u64,
        total_bytes: u64,
    },
    /// The signature is checked, and whether the bundle fits this box.
    Checking,
    /// This version runs already: the owner must say that it is meant.
    Confirming {
        version: String,
    },
    /// Somebody would be disturbed: it goes on when nobody is, or when the owner says so.
    Waiting {
        version: String,
        #[serde(flatten)]
        disturbed: Disturbed,
    },
    /// The other side is being written.
    Installing {
        /// `null`: it was begun before the daemon started.
        #[schema(required)]
        version: Option<String>,
        percent: u8,
        /// What the updater does, in its words.
        step: String,
        #[schema(required)]
        eta_s: Option<u64>,
        since: UnixMs,
    },
    /// It is there, and runs after a restart.
    Installed {
        version: String,
    },
    /// Nothing new begins; the box restarts when the last meeting has ended.
    Draining {
        #[serde(flatten)]
        disturbed: Disturbed,
    },
    Restarting,
    /// Nothing has changed.
    Failed {
        /// The error's stable name.
        code: String,
        /// In English; an updater's own words as they are.
        reason: String,
        /// What the updater did last, oldest first.
        log: Vec<String>,
    },
}

impl UpdateState {
    /// Whether something else may begin.
    pub(super) fn is_rest(&self) -> bool {
        matches!(self, Self::Idle | Self::Installed { .. } | Self::Failed { .. })
    }

    /// Whether the other is the same but for its numbers.
    pub(super) fn same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// How fast an installation goes.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// From where it is measured.
    from: Option<(Instant, u8)>,
    /// The newest estimate, and when it was made.
    left: Option<(Instant, Duration)>,
    last: u8,
}

impl Pace {
    /// Seconds that it still takes; `None` as long as nobody can know.
    pub(super) fn step(&mut self, now: Instant, step: &Step) -> Option<u64> {
        let percent = step.percent.min(100);
        if percent >= LOOKING_PERCENT && percent != self.last {
            self.last = percent;
            let (since, first) = *self.from.get_or_insert((now, percent));
            let (grown, took) =
                (percent.saturating_sub(first), now.saturating_duration_since(since));
            if grown >= LEAST_GROWTH && took >= LEAST_TIME {
                let left = took.mul_f64(f64::from(100 - percent) / f64::from(grown));
                self.left = Some((now, left));
            }
        }
        let (made, left) = self.left?;
        Some(left.saturating_sub(now.saturating_duration_since(made)).as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_known_once_there_is_a_pace() {
        let start = Instant::now();
        let mut pace = Pace::default();
        // Seconds since the start, percent; the estimate.
        for (second, percent, eta) in [
            (0, 0, None),
            (1, 20, None),
            (2, 40, None),
            (3, 41, None),
            // 10 % in 10 s: 50 more take as long again five times.
            (12, 50, Some(50)),
            (20, 50, Some(42)),
            (22, 60, Some(40)),
            (200, 60, Some(0)),
            (210, 100, Some(0)),
        ] {
            let step = Step { percent, text: String::new() };
            let now = start + Duration::from_secs(second);
            assert_eq!(pace.step(now, &step), eta, "{percent} % after {second} s");
        }
    }
}
