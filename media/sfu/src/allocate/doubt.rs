//! The first estimates are doubted.
//!
//! An estimator that begins knows nothing, and people join when their machines have most to do: what
//! is late for that looks like a narrow link. Pausing the only picture at once would be the first
//! thing that they see.

use std::time::{Duration, Instant};

/// Bits per second with which estimating begins: less is doubted.
const FIRST: u64 = 300_000;
/// For so long after there was first something to divide.
const DOUBTED: Duration = Duration::from_millis(1500);

/// What is believed of one connection.
#[derive(Debug, Default)]
pub(crate) struct Doubt {
    begun: Option<Instant>,
}

impl Doubt {
    /// The bits per second to divide, for an estimate (`None`: not known). `idle`: there is nothing
    /// to divide.
    pub(crate) fn believed(
        &mut self,
        now: Instant,
        estimate: Option<u64>,
        idle: bool,
    ) -> Option<u64> {
        if idle {
            return estimate;
        }
        let begun = *self.begun.get_or_insert(now);
        match now.saturating_duration_since(begun) < DOUBTED {
            true => estimate.map(|estimate| estimate.max(FIRST)),
            false => estimate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_estimate_is_believed_soon_after_the_first_picture() {
        let start = Instant::now();
        let mut doubt = Doubt::default();
        let mut at =
            |ms, estimate, idle| doubt.believed(start + Duration::from_millis(ms), estimate, idle);
        assert_eq!(at(0, Some(100_000), true), Some(100_000));
        assert_eq!(at(60_000, Some(100_000), false), Some(FIRST));
        assert_eq!(at(60_100, Some(900_000), false), Some(900_000));
        assert_eq!(at(60_200, None, false), None);
        assert_eq!(at(61_400, Some(100_000), true), Some(100_000));
        assert_eq!(at(61_500, Some(100_000), false), Some(100_000));
    }
}
