//! When the disk will be full: pure, so that every case can be shown.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The present rate is that of so long.
pub(super) const WINDOW: Duration = Duration::from_secs(300);
/// Of less than this nothing is said: the first seconds of a recording are no rate.
const LEAST: Duration = Duration::from_secs(10);
pub(super) const DAY_MS: u64 = 86_400_000;
/// Nobody plans further ahead than ten years.
const FURTHEST_S: f64 = 10.0 * 365.25 * 86_400.0;

/// Seconds until `room` bytes are written at so many bytes a second; `None`: never, or in more than ten
/// years.
pub(super) fn full_in_s(room: u64, bytes_per_s: f64) -> Option<u64> {
    if room == 0 {
        return Some(0);
    }
    let seconds = room as f64 / bytes_per_s;
    (bytes_per_s > 0.0 && seconds <= FURTHEST_S).then_some(seconds as u64)
}

/// Bytes a second of what came within the last week, over as long as there have been recordings, which
/// is a day at least: the first hour of a new box is no habit.
pub(super) fn week_rate(bytes: u64, first_ms: Option<u64>, now_ms: u64) -> f64 {
    let age = first_ms.map_or(0, |first| now_ms.saturating_sub(first));
    bytes as f64 / (age.clamp(DAY_MS, 7 * DAY_MS) as f64 / 1000.0)
}

/// How fast running recordings write.
#[derive(Debug, Default)]
pub(super) struct Growth {
    /// Bytes of each running recording at the last look.
    last: HashMap<String, u64>,
    /// What had been written in all at each look.
    looks: VecDeque<(Duration, u64)>,
}

impl Growth {
    /// Looks at what runs now: each with its bytes so far. To be called every few seconds.
    pub(super) fn look(&mut self, now: Duration, running: Vec<(String, u64)>) {
        let written = |(id, bytes): &(String, u64)| {
            // One that was there before this began to look has written nothing new.
            self.last.get(id).map_or(0, |before| bytes.saturating_sub(*before))
        };
        let new: u64 = running.iter().map(written).sum();
        let before = self.looks.back().map_or(0, |(_, total)| *total);
        self.last = running.into_iter().collect();
        self.looks.push_back((now, before + new));
        while self.looks.len() > 2
            && self.looks.get(1).is_some_and(|(at, _)| now.saturating_sub(*at) >= WINDOW)
        {
            self.looks.pop_front();
        }
        if self.last.is_empty() {
            // What ended is over: the next recording's rate is its own.
            self.looks.clear();
            self.looks.push_back((now, 0));
        }
    }

    /// Bytes a second; `None`: nothing runs, or not for long enough.
    pub(super) fn rate(&self) -> Option<f64> {
        let ((since, before), (now, total)) = (self.looks.front()?, self.looks.back()?);
        let time = now.saturating_sub(*since);
        (time >= LEAST && !self.last.is_empty())
            .then(|| (total - before) as f64 / time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn running(all: &[(&str, u64)]) -> Vec<(String, u64)> {
        all.iter().map(|(id, bytes)| ((*id).to_owned(), *bytes)).collect()
    }

    #[test]
    fn the_disk_is_full_when_its_room_is_written() {
        assert_eq!(full_in_s(1000, 10.0), Some(100));
        assert_eq!(full_in_s(0, 0.0), Some(0), "it is full");
        for never in [0.0, -1.0, f64::NAN, 1e-9] {
            assert_eq!(full_in_s(1000, never), None, "{never}");
        }
        assert_eq!(full_in_s(u64::MAX, f64::INFINITY), Some(0));
    }

    #[test]
    fn a_week_is_as_long_as_the_box_has_recorded_and_a_day_at_least() {
        let day_s = DAY_MS as f64 / 1000.0;
        let now = 100 * DAY_MS;
        assert_eq!(week_rate(70, Some(now - 30 * DAY_MS), now), 10.0 / day_s);
        assert_eq!(week_rate(70, Some(now - 2 * DAY_MS), now), 35.0 / day_s);
        assert_eq!(week_rate(70, Some(now - 1), now), 70.0 / day_s);
        assert_eq!(week_rate(70, Some(now + 1), now), 70.0 / day_s, "the clock went back");
        assert_eq!(week_rate(0, None, now), 0.0);
    }

    #[test]
    fn the_present_rate_is_what_running_recordings_wrote_in_the_last_minutes() {
        let mut growth = Growth::default();
        growth.look(s(0), running(&[("a", 5000)]));
        assert_eq!(growth.rate(), None, "one look is no rate");
        growth.look(s(5), running(&[("a", 5500)]));
        assert_eq!(growth.rate(), None, "too short");
        growth.look(s(10), running(&[("a", 6000)]));
        assert_eq!(growth.rate(), Some(100.0), "what was there before does not count");
        // Another one begins: what it has written by the first look is known at the second.
        growth.look(s(15), running(&[("a", 6500), ("b", 100)]));
        growth.look(s(20), running(&[("a", 7000), ("b", 600)]));
        assert_eq!(growth.rate(), Some(2500.0 / 20.0));
        // One ends, the other goes on.
        growth.look(s(25), running(&[("b", 1100)]));
        assert_eq!(growth.rate(), Some(3000.0 / 25.0));
        growth.look(s(30), Vec::new());
        assert_eq!(growth.rate(), None, "nothing runs");
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut growth = Growth::default();
        let mut bytes = 0;
        for second in (0..=600).step_by(5) {
            bytes += if second <= 300 { 1_000_000 } else { 50 };
            growth.look(s(second), running(&[("a", bytes)]));
        }
        assert_eq!(growth.rate(), Some(10.0));
        assert!(growth.looks.len() <= 62, "{}", growth.looks.len());
    }

    proptest! {
        #[test]
        fn a_faster_rate_never_fills_later_and_no_number_breaks_it(
            room in any::<u64>(),
            rate in 0.0..1e12f64,
            faster in 0.0..1e12f64,
        ) {
            let slow = full_in_s(room, rate).unwrap_or(u64::MAX);
            let fast = full_in_s(room, rate + faster).unwrap_or(u64::MAX);
            prop_assert!(fast <= slow);
        }
    }
}
