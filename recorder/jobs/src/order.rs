//! Which of the jobs that wait goes next. Pure: what waits, what it costs and a time in, an order out.
//!
//! 1. What somebody put in front, the last first.
//! 2. What has waited for [`PATIENCE_MS`], the oldest first: so nothing starves.
//! 3. What has a deadline that it can still make, the earliest first.
//! 4. All others by priority, which grows while they wait; among equals the short ones first.

use crate::row::JobRow;
use std::ops::RangeInclusive;

/// The film of a recording that has ended, and of programs.
pub const ROUTINE: i32 = 0;
/// A film that somebody asked for and probably waits for.
pub const BY_HAND: i32 = 10;
/// What can be asked for.
pub const PRIORITIES: RangeInclusive<i32> = -100..=100;
/// Who waits so long goes before everything but what somebody put in front.
pub const PATIENCE_MS: u64 = 12 * 3_600_000;
/// Waiting so long is worth one step of priority.
const STEP_MS: u64 = 3_600_000;

/// Where a job stands in the order; the least goes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank<'a> {
    class: u8,
    within: i64,
    cost_ms: u64,
    created_ms: u64,
    job: &'a str,
}

/// The place of a job that would take `cost_ms` if it began now.
pub(crate) fn rank(row: &JobRow, cost_ms: u64, now_ms: u64) -> Rank<'_> {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let waited = now_ms.saturating_sub(row.created_ms);
    let makes = |deadline: &u64| now_ms.saturating_add(cost_ms) <= *deadline;
    let (class, within, cost_ms) = if let Some(front) = row.front_ms {
        (0, -signed(front), 0)
    } else if waited >= PATIENCE_MS {
        (1, signed(row.created_ms), 0)
    } else if let Some(deadline) = row.deadline_ms.filter(makes) {
        (2, signed(deadline), 0)
    } else {
        (3, -(i64::from(row.priority) + signed(waited / STEP_MS)), cost_ms)
    };
    Rank { class, within, cost_ms, created_ms: row.created_ms, job: &row.spec.job }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::JobSpec;

    const HOUR: u64 = 3_600_000;

    fn row(name: &str, priority: i32, created_ms: u64) -> JobRow {
        JobRow::new(JobSpec::new(name.into(), "rec_1".into(), String::new()), priority, created_ms)
    }

    fn order(now_ms: u64, jobs: &[(JobRow, u64)]) -> Vec<&str> {
        let mut jobs: Vec<_> = jobs.iter().collect();
        jobs.sort_by_key(|(row, cost)| rank(row, *cost, now_ms));
        jobs.into_iter().map(|(row, _)| row.spec.job.as_str()).collect()
    }

    #[test]
    fn a_hand_comes_before_routine_and_short_before_long() {
        let jobs = [
            (row("long", ROUTINE, 1), 90),
            (row("short", ROUTINE, 2), 10),
            (row("asked", BY_HAND, 3), 99),
        ];
        assert_eq!(order(4, &jobs), ["asked", "short", "long"]);
    }

    #[test]
    fn the_earliest_deadline_goes_first_of_those_that_can_be_made() {
        let due = |name, deadline| JobRow { deadline_ms: Some(deadline), ..row(name, ROUTINE, 1) };
        let jobs = [
            (due("late", 50), 100),
            (due("second", 300), 100),
            (due("first", 200), 100),
            (row("asked", BY_HAND, 1), 100),
        ];
        assert_eq!(order(5, &jobs), ["first", "second", "asked", "late"]);
        // Nobody can make it any more: it is one of the others.
        assert_eq!(order(101, &jobs)[..2], ["second", "asked"]);
    }

    #[test]
    fn what_somebody_puts_in_front_goes_first_and_the_last_of_them_before_all() {
        let front = |name, at| JobRow { front_ms: Some(at), ..row(name, -100, 1) };
        let jobs = [(row("asked", BY_HAND, 1), 1), (front("before", 7), 99), (front("now", 8), 99)];
        assert_eq!(order(9, &jobs), ["now", "before", "asked"]);
    }

    #[test]
    fn waiting_is_worth_priority_and_in_the_end_everything() {
        let due = JobRow { deadline_ms: Some(u64::MAX), ..row("due", BY_HAND, 12 * HOUR) };
        let jobs = [(row("new", 2, 3 * HOUR), 1), (row("old", ROUTINE, 0), 1), (due, 1)];
        assert_eq!(order(3 * HOUR, &jobs)[1..], ["old", "new"], "three steps against two");
        assert_eq!(order(PATIENCE_MS - 1, &jobs)[0], "due");
        assert_eq!(order(PATIENCE_MS, &jobs)[0], "old");
    }
}
