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
