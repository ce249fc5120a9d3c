//! Where a recording goes on that was cut short. Pure.
//!
//! On the same boot CLOCK_BOOTTIME says how long it was away; after a reboot the wall clock must do. That one may have
//! been corrected meanwhile, in the recording or since: so it counts from the last time that was written down, never for
//! less than the machine is up, and not at all for longer than any recording waits.

use crate::manifest::Manifest;
use crate::timeline::{TimelineEvent, TimelineLine, elapsed_us};

/// Who was away for longer was not: one of the two times is wrong.
const LONGEST_AWAY_US: u64 = 30 * 24 * 3600 * 1_000_000;

/// What the clocks say.
pub(super) struct Now {
    /// Id of this boot of the kernel.
    pub boot_id: String,
    /// CLOCK_BOOTTIME.
    pub boot_us: u64,
    pub unix_ms: u64,
}

/// Where a recording goes on, and where its media had ended; microseconds since its start.
pub(super) fn resume_point(
    timeline: &[TimelineLine],
    manifest: &Manifest,
    now: &Now,
) -> (u64, u64) {
    let last_us = manifest.parts.iter().filter_map(|part| part.end_us).max().unwrap_or(0);
    let told_us = timeline.iter().map(|line| line.t).max().unwrap_or(0).max(last_us);
    if let Some(elapsed) = elapsed_us(timeline, &now.boot_id, now.boot_us) {
        return (elapsed.max(told_us), last_us);
    }
    let wall = timeline.iter().rev().find_map(|line| match line.event {
        TimelineEvent::Wall { unix_ms } | TimelineEvent::Start { unix_ms, .. } => {
            Some((line.t, unix_ms))
        }
        _ => None,
    });
    let (at_us, then_ms) = wall.unwrap_or((0, manifest.started_unix_ms));
    let passed_us = Some(now.unix_ms.saturating_sub(then_ms).saturating_mul(1000));
    let passed_us = passed_us.filter(|passed| *passed <= LONGEST_AWAY_US).unwrap_or(0);
    // It was cut before the machine came up.
    ((at_us + passed_us).max(told_us + now.boot_us), last_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    /// Milliseconds since the Unix epoch.
    const NOON: u64 = 1_764_331_200_000;

    fn line(t: u64, event: TimelineEvent) -> TimelineLine {
        TimelineLine { t, event }
    }

    fn start(t: u64, unix_ms: u64) -> TimelineLine {
        let event = TimelineEvent::Start {
            room: String::new(),
            unix_ms,
            boot_id: "before".to_owned(),
            boot_us: HOUR,
            boot_minus_monotonic_us: 0,
        };
        line(t, event)
    }

    /// Where a recording of ten minutes that began at `started_ms` goes on after a reboot; `said_ms`: the clock in its
    /// tenth minute.
    fn goes_on(started_ms: u64, said_ms: u64, now_ms: u64) -> u64 {
        let wall = line(10 * MINUTE, TimelineEvent::Wall { unix_ms: said_ms });
        let timeline = [start(0, started_ms), wall];
        let manifest = Manifest::new("rec_1", "r", started_ms, "before".to_owned());
        let now = Now { boot_id: "now".to_owned(), boot_us: 30 * SECOND, unix_ms: now_ms };
        resume_point(&timeline, &manifest, &now).0
    }

    #[test]
    fn after_a_reboot_it_goes_on_as_much_later_as_the_clock_says() {
        assert_eq!(goes_on(NOON, NOON + 600_000, NOON + 720_000), 12 * MINUTE);
    }

    #[test]
    fn a_clock_that_was_corrected_while_it_ran_takes_no_time_off_it_and_adds_none() {
        // It began by a clock that stood in 1970, or an hour ahead.
        for wrong in [0, NOON + 3_600_000] {
            assert_eq!(goes_on(wrong, NOON + 600_000, NOON + 720_000), 12 * MINUTE, "{wrong}");
        }
    }

    #[test]
    fn a_clock_that_was_corrected_since_makes_it_neither_skip_years_nor_go_back() {
        // What is known then: it was cut before the machine came up.
        let least = 10 * MINUTE + 30 * SECOND;
        assert_eq!(goes_on(0, 600_000, NOON), least, "years ahead");
        assert_eq!(goes_on(NOON, NOON + 600_000, NOON - 3_600_000), least, "an hour back");
        assert_eq!(goes_on(NOON, NOON + 600_000, 0), least, "in 1970");
    }

    #[test]
    fn in_the_same_boot_no_wall_clock_counts() {
        let timeline = [start(0, NOON), line(MINUTE, TimelineEvent::Wall { unix_ms: NOON })];
        let manifest = Manifest::new("rec_1", "r", NOON, "before".to_owned());
        let now = Now { boot_id: "before".to_owned(), boot_us: HOUR + 2 * MINUTE, unix_ms: 0 };
        assert_eq!(resume_point(&timeline, &manifest, &now), (2 * MINUTE, 0));
    }
}
