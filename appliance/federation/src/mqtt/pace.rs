//! How long to wait before a broker is tried again. Pure: chance is an argument.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// Who was refused is no sooner welcome: somebody has to change something.
const REFUSED: Duration = Duration::from_secs(30);

/// Pauses that double, up to a minute.
#[derive(Debug, Default)]
pub struct Pace {
    failures: u32,
}

impl Pace {
    /// The connection stands: the next pause is a short one.
    pub fn well(&mut self) {
        self.failures = 0;
    }

    /// The pause after a failure. `chance` is from 0 to 1: a broker that comes back must not see all boxes
    /// at once.
    pub fn pause(&mut self, refused: bool, chance: f64) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let whole = if refused { doubled.max(REFUSED) } else { doubled };
        whole.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }
}
