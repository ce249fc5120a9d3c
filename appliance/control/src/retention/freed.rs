//! Room that was made a moment ago: it becomes free only when nobody reads the files any more.

use std::time::Duration;

/// So long after a deletion its room is taken for free.
const BECOMES_FREE: Duration = Duration::from_secs(60);

/// What was deleted, and when, by a clock that nobody sets.
#[derive(Debug, Default)]
pub(super) struct Freed(Vec<(Duration, u64)>);

impl Freed {
    pub fn add(&mut self, at: Duration, bytes: u64) {
        self.0.push((at, bytes));
    }

    /// What is still missing: a file that somebody reads takes its room until then, and must not cost
    /// another recording every few seconds.
    pub fn still_short(&mut self, now: Duration, short_by: u64) -> u64 {
        self.0.retain(|(at, _)| now.saturating_sub(*at) < BECOMES_FREE);
        short_by.saturating_sub(self.0.iter().map(|(_, bytes)| bytes).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_deleted_counts_for_a_minute_though_somebody_still_reads_it() {
        let at = Duration::from_secs;
        let mut freed = Freed::default();
        assert_eq!(freed.still_short(at(100), 7), 7);
        freed.add(at(100), 10);
        assert_eq!((freed.still_short(at(105), 7), freed.still_short(at(159), 12)), (0, 2));
        assert_eq!(freed.still_short(at(160), 7), 7, "it does not come");
    }
}
