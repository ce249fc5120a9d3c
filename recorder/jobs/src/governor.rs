//! The governor: work that could be done later yields to meetings.
//!
//! Pure: what was measured and a time in, a decision out. It holds at once and lets go only after
//! the machine has been calm for a while, so that work does not flap.

use std::time::Duration;

/// Where a thread of the daemon waits so long for a core each time that it has something to do, people
/// begin to hear it, and work that could wait is in the way; below the other it is not.
const WAITED: Duration = Duration::from_millis(5);
const HARDLY_WAITED: Duration = Duration::from_millis(2);
/// The same of tasks that all waited for the disk or for memory (PSI "full", share of ten seconds).
const STALLED: f64 = 0.20;
const HARDLY_STALLED: f64 = 0.10;
/// It must have been calm for so long.
const CALM: Duration = Duration::from_secs(5);

/// What the machine was like since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Load {
    /// What that thread of the daemon that waits longest waited for a core before it ran, on average.
    pub waited: Duration,
    /// Share of the last ten seconds in which nothing went on because of the disk or of memory, the
    /// larger one.
    pub stalled: f64,
}

impl Load {
    fn is_high(self) -> bool {
        self.waited >= WAITED || self.stalled >= STALLED
    }

    fn is_low(self) -> bool {
        self.waited < HARDLY_WAITED && self.stalled < HARDLY_STALLED
    }
}

/// Decides whether work that could be done later is held.
#[derive(Debug, Default)]
pub struct Governor {
    held: bool,
    /// Since when it is calm.
    calm: Option<Duration>,
}

impl Governor {
    /// Looks at the machine at a time that never falls; true: work is held from now on.
    pub fn look(&mut self, now: Duration, load: Load) -> bool {
        if load.is_high() {
            (self.held, self.calm) = (true, None);
        } else if !load.is_low() {
            // Neither here nor there: it stays as it is.
            self.calm = None;
        } else {
            let since = *self.calm.get_or_insert(now);
            self.held &= now.saturating_sub(since) < CALM;
        }
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM_LOAD: Load = Load { waited: Duration::from_micros(300), stalled: 0.0 };
    const BETWEEN: Load = Load { waited: Duration::from_millis(3), stalled: 0.0 };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn work_is_held_at_once_and_let_go_after_a_while_of_calm() {
        for busy in [
            Load { waited: Duration::from_millis(9), ..CALM_LOAD },
            Load { stalled: 0.5, ..CALM_LOAD },
        ] {
            let mut governor = Governor::default();
            assert!(!governor.look(at(0), CALM_LOAD));
            assert!(governor.look(at(1), busy));
            for second in 2..7 {
                assert!(governor.look(at(second), CALM_LOAD), "{second}");
            }
            assert!(!governor.look(at(7), CALM_LOAD));
        }
    }

    #[test]
    fn what_is_neither_busy_nor_calm_changes_nothing() {
        let mut governor = Governor::default();
        assert!((0..60).all(|second| !governor.look(at(second), BETWEEN)));
        governor.look(at(60), Load { waited: Duration::from_secs(1), stalled: 0.0 });
        assert!((61..120).all(|second| governor.look(at(second), BETWEEN)));
        // A moment of it begins the calm anew.
        for second in 120..124 {
            governor.look(at(second), CALM_LOAD);
        }
        governor.look(at(124), BETWEEN);
        assert!(governor.look(at(126), CALM_LOAD));
        assert!(!governor.look(at(131), CALM_LOAD));
    }
}
