//! When a certificate is renewed, and when an order that failed is tried again. Pure.

use crate::clock::UnixMs;

const MINUTE_MS: u64 = 60 * 1000;
/// After the first failure, and doubled after each further one.
const FIRST_MS: u64 = 5 * MINUTE_MS;
/// Servers count failures by the hour, and so do we.
const MOST_MS: u64 = 12 * 60 * MINUTE_MS;

/// When two thirds of the time have passed for which it is good, and up to a twentieth of it earlier, by
/// `chance` from 0 to 1: boxes that were set up together do not come back together.
pub(super) fn renewed_at(not_before: UnixMs, not_after: UnixMs, chance: f64) -> UnixMs {
    let good_for = not_after.0.saturating_sub(not_before.0);
    let early = (good_for as f64 / 20.0 * chance.clamp(0.0, 1.0)) as u64;
    UnixMs(not_before.0.saturating_add(good_for / 3 * 2).saturating_sub(early))
}

/// What passes after so many failures in a row.
pub(super) fn pause_ms(failures: u32, chance: f64) -> u64 {
    let doubled = FIRST_MS.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(MOST_MS);
    // Up to a quarter more.
    doubled + (doubled as f64 / 4.0 * chance.clamp(0.0, 1.0)) as u64
}

/// Whether a pause holds still. One that is longer than any comes of a clock that ran ahead when it began.
pub(super) fn waits(next_at: UnixMs, now: UnixMs) -> bool {
    now < next_at && next_at.0 - now.0 <= MOST_MS + MOST_MS / 4
}

/// What passes after an order that went well: nothing, unless what came of it is to be renewed by now. Then the
/// clock is wrong, and orders without end would use the server's patience up.
pub(super) fn rest_ms(renewed_at: Option<UnixMs>, now: UnixMs) -> u64 {
    match renewed_at.is_some_and(|at| at <= now) {
        true => MOST_MS,
        false => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: u64 = 24 * 60 * MINUTE_MS;

    #[test]
    fn a_third_of_the_time_is_left_when_it_is_renewed() {
        let at = |days, chance| renewed_at(UnixMs(0), UnixMs(days * DAY), chance).0;
        assert_eq!(at(90, 0.0), 60 * DAY);
        assert_eq!(at(90, 1.0), 60 * DAY - 9 * DAY / 2);
        assert_eq!(at(6, 0.0), 4 * DAY);
        assert_eq!(renewed_at(UnixMs(9), UnixMs(3), 1.0).0, 9);
    }

    #[test]
    fn a_clock_that_ran_a_year_ahead_renews_once_and_leaves_no_pause_of_a_year() {
        let (now, year) = (UnixMs(1_764_460_800_000), 365 * DAY);
        let ahead = UnixMs(now.0 + year);
        let (made, until) = (UnixMs(now.0 - 10 * DAY), UnixMs(now.0 + 80 * DAY));
        assert!(renewed_at(made, until, 0.0) > now, "nothing to do");
        assert!(renewed_at(made, until, 0.0) <= ahead, "it has ended by that clock: it is renewed");
        // It failed, for by that clock the server's own certificate has ended, too: a pause as always...
        let next_at = UnixMs(ahead.0 + pause_ms(1, 0.0));
        assert!(waits(next_at, ahead) && !waits(next_at, UnixMs(next_at.0)));
        // ... and none of a year, once the clock is right again.
        assert!(!waits(next_at, now));
        for failures in [1, 5, 100] {
            let longest = UnixMs(now.0 + pause_ms(failures, 1.0));
            assert!(waits(longest, now), "as long as it may be");
        }
        // It went well: the server knows what time it is, and what it made has ended by that clock as well.
        assert_eq!(rest_ms(Some(renewed_at(now, UnixMs(now.0 + 90 * DAY), 0.0)), ahead), MOST_MS);
        assert_eq!(rest_ms(Some(renewed_at(now, UnixMs(now.0 + 90 * DAY), 0.0)), now), 0);
        assert_eq!(rest_ms(None, now), 0);
        // A day back: what was just made is not good yet, and nobody orders another.
        assert!(renewed_at(now, UnixMs(now.0 + 90 * DAY), 0.0) > UnixMs(now.0 - DAY));
    }

    #[test]
    fn pauses_double_and_end_at_half_a_day() {
        let pauses: Vec<u64> = (1..9).map(|n| pause_ms(n, 0.0) / MINUTE_MS).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640]);
        assert_eq!(pause_ms(9, 0.0), MOST_MS);
        assert_eq!(pause_ms(u32::MAX, 1.0), MOST_MS + MOST_MS / 4);
    }

    proptest! {
        #[test]
        fn renewal_is_never_after_two_thirds(from: u32, days in 1_u64..400, chance in 0.0..1.0) {
            let (from, to) = (UnixMs(from.into()), UnixMs(u64::from(from) + days * DAY));
            let at = renewed_at(from, to, chance);
            prop_assert!(at.0 <= from.0 + days * DAY / 3 * 2 && at >= from);
        }
    }
}
