//! When the next spare copy is due. Pure: time is an argument.

use crate::clock::UnixMs;
use std::time::Duration;

/// A box that has just started has other things to do, and one that crashes at once must not push out good
/// copies.
const FIRST: Duration = Duration::from_secs(600);
const EACH: Duration = Duration::from_secs(24 * 3600);
const AGAIN: Duration = Duration::from_secs(3600);

/// What was done since the start, counted from it.
#[derive(Debug, Default)]
pub struct Diary {
    /// When the next try is due; `None`: nothing was tried.
    next: Option<Duration>,
}

impl Diary {
    /// Whether a copy is due, `up` after the start. The wall clock decides only once, and one that says less
    /// than the newest copy is not believed.
    pub fn is_due(&self, up: Duration, newest: Option<UnixMs>, now: UnixMs) -> bool {
        match (self.next, newest) {
            (Some(next), _) => up >= next,
            (None, None) => true,
            (None, Some(newest)) => {
                let age = now.0.checked_sub(newest.0).map(Duration::from_millis);
                up >= FIRST && age.is_none_or(|age| age >= EACH)
            }
        }
    }

    /// A copy was tried `up` after the start.
    pub fn tried(&mut self, up: Duration, made: bool) {
        self.next = Some(up + if made { EACH } else { AGAIN });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY_MS: u64 = 24 * 3600 * 1000;

    #[test]
    fn a_copy_is_due_each_day_whatever_the_clock_says() {
        let mut diary = Diary::default();
        let now = UnixMs(40 * DAY_MS);
        assert!(diary.is_due(Duration::ZERO, None, now), "the first is due at once");
        assert!(!diary.is_due(Duration::ZERO, Some(UnixMs(DAY_MS)), now), "not while it starts");
        assert!(diary.is_due(FIRST, Some(UnixMs(DAY_MS)), now));
        assert!(!diary.is_due(FIRST, Some(UnixMs(now.0 - DAY_MS / 2)), now));
        // The battery of the clock is empty: the newest copy is from the future.
        assert!(diary.is_due(FIRST, Some(now), UnixMs(0)));
        diary.tried(HOUR, false);
        assert!(!diary.is_due(HOUR * 2 - LITTLE, Some(UnixMs(0)), now));
        assert!(diary.is_due(HOUR * 2, Some(now), now), "a failure is tried again in an hour");
        diary.tried(HOUR * 2, true);
        assert!(!diary.is_due(HOUR * 25, None, UnixMs(0)));
        assert!(diary.is_due(HOUR * 26, Some(now), UnixMs(0)));
    }

    const LITTLE: Duration = Duration::from_secs(1);
}
