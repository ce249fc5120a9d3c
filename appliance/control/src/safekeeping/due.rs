//! When the next backup is due, and when the last good one is too old. Pure: clocks and the time zone are
//! arguments.

use super::plan::BackupPlan;
use crate::clock::UnixMs;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use std::time::Duration;

/// A box that has just started has other things to do.
const SETTLE: Duration = Duration::from_secs(60);
/// A box that is started again and again must not make backups of nothing but that.
const FIRST: Duration = Duration::from_secs(600);
/// A box that was off for long gets so long after its start to make up for it.
const CATCH_UP: Duration = Duration::from_secs(3600);
/// So much later than two turns a backup may be: uploads take their time.
const GRACE: Duration = Duration::from_secs(2 * 3600);

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Since the program's start.
    pub up: Duration,
    pub now: UnixMs,
    /// `now` can be believed.
    pub believed: bool,
}

/// What was done since the program's start.
#[derive(Debug, Default)]
pub struct Diary {
    made: Option<Duration>,
    /// After a failure, not before then.
    again: Option<Duration>,
}

impl Diary {
    /// Whether a backup is due, the last of which was made at `made`. Each turn has one, and one that was missed
    /// is made up for. By a clock that cannot be believed, or that says less than the last backup does, turns
    /// are counted from one backup to the next.
    pub fn is_due(
        &self,
        plan: &BackupPlan,
        zone: &TimeZone,
        made: Option<UnixMs>,
        moment: Moment,
    ) -> bool {
        let Moment { up, now, believed } = moment;
        if up < SETTLE || self.rests(up) {
            return false;
        }
        let Some(made) = made else { return true };
        if believed && made <= now {
            return turn(plan, zone, now, false).is_some_and(|turn| made < turn);
        }
        match self.made {
            Some(last) => up.saturating_sub(last) >= plan.period(),
            None => {
                let age = now.0.checked_sub(made.0).map(Duration::from_millis);
                up >= FIRST && age.is_none_or(|age| age >= plan.period())
            }
        }
    }

    /// One could not be made a while ago, and it is not tried again yet.
    pub fn rests(&self, up: Duration) -> bool {
        self.again.is_some_and(|again| up < again)
    }

    /// Somebody wants one: it is tried at once.
    pub fn hurry(&mut self) {
        self.again = None;
    }

    /// One was made.
    pub fn made(&mut self, up: Duration) {
        (self.made, self.again) = (Some(up), None);
    }

    /// One could not be made: it is tried again after this.
    pub fn failed(&mut self, up: Duration, pause: Duration) {
        self.again = Some(up + pause);
    }
}

/// The newest turn that has come, or the next that will; `None`: the clock shows a year that no calendar has.
pub fn turn(plan: &BackupPlan, zone: &TimeZone, now: UnixMs, next: bool) -> Option<UnixMs> {
    let at = Timestamp::from_millisecond(i64::try_from(now.0).ok()?).ok()?;
    let today = at.to_zoned(zone.clone()).date();
    let minute = plan.minute()?;
    let begins = |day: Date| {
        let time = day.at((minute / 60) as i8, (minute % 60) as i8, 0, 0);
        // A time that the day does not have comes as much later as clocks are put forward.
        Some(time.to_zoned(zone.clone()).ok()?.timestamp())
    };
    let is_day = |day: Date| {
        plan.weekday().is_none_or(|weekday| day.weekday().to_monday_one_offset() == weekday)
    };
    // A week and a day: today's may be over, or not have come yet.
    let days = (0..=8).map(|n: i64| {
        let span = n.days();
        if next { today.checked_add(span) } else { today.checked_sub(span) }
    });
    let found = days.flatten().filter(|day| is_day(*day)).filter_map(begins);
    let mut found = found.filter(|turn| if next { *turn > at } else { *turn <= at });
    found.next().and_then(|turn| u64::try_from(turn.as_millisecond()).ok()).map(UnixMs)
}

/// Whether what is at a target is too old: neither by the wall clock nor since the start did a backup come for
/// two turns. `good`: when the newest there was made, or else since when there should be one; `arrived`: when the
/// last one came there, counted from the start.
pub fn is_old(plan: &BackupPlan, good: UnixMs, arrived: Option<Duration>, moment: Moment) -> bool {
    let most = plan.period() * 2 + GRACE;
    let age = Duration::from_millis(moment.now.0.saturating_sub(good.0));
    let lately = arrived.unwrap_or_default();
    let waited = moment.up.saturating_sub(lately);
    (moment.believed && age > most && waited >= CATCH_UP) || waited > most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::safekeeping::plan::Every;
    use proptest::prelude::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY_MS: u64 = 24 * 3600 * 1000;

    fn plan(every: Every, weekday: Option<u8>, at: &str) -> BackupPlan {
        BackupPlan { every, weekday, at: at.to_owned(), targets: Vec::new(), keep: 7 }
    }

    fn daily() -> BackupPlan {
        plan(Every::Daily, None, "03:00")
    }

    fn zone() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn at(text: &str) -> UnixMs {
        UnixMs::parse(text).unwrap()
    }

    fn moment(up: Duration, now: UnixMs, believed: bool) -> Moment {
        Moment { up, now, believed }
    }

    #[test]
    fn a_turn_is_at_its_time_of_the_day_also_when_clocks_are_changed() {
        let last = |plan: &BackupPlan, now| turn(plan, &zone(), at(now), false).unwrap().rfc3339();
        let next = |plan: &BackupPlan, now| turn(plan, &zone(), at(now), true).unwrap().rfc3339();
        let daily = daily();
        assert_eq!(last(&daily, "2026-11-25T12:00:00Z"), "2026-11-25T02:00:00Z");
        assert_eq!(last(&daily, "2026-11-25T01:59:59Z"), "2026-11-24T02:00:00Z");
        assert_eq!(last(&daily, "2026-11-25T02:00:00Z"), "2026-11-25T02:00:00Z");
        assert_eq!(next(&daily, "2026-11-25T02:00:00Z"), "2026-11-26T02:00:00Z");
        assert_eq!(last(&daily, "2026-07-25T12:00:00Z"), "2026-07-25T01:00:00Z");
        // 2026-03-29 has no 02:30 there.
        let gap = plan(Every::Daily, None, "02:30");
        assert_eq!(last(&gap, "2026-03-29T12:00:00Z"), "2026-03-29T01:30:00Z");
        // 2026-11-25 is a Wednesday.
        let weekly = |day| plan(Every::Weekly, Some(day), "03:00");
        assert_eq!(last(&weekly(3), "2026-11-25T12:00:00Z"), "2026-11-25T02:00:00Z");
        assert_eq!(last(&weekly(3), "2026-11-25T01:00:00Z"), "2026-11-18T02:00:00Z");
        assert_eq!(last(&weekly(4), "2026-11-25T12:00:00Z"), "2026-11-19T02:00:00Z");
        assert_eq!(next(&weekly(3), "2026-11-25T12:00:00Z"), "2026-12-02T02:00:00Z");
        assert_eq!(next(&weekly(7), "2026-11-25T12:00:00Z"), "2026-11-29T02:00:00Z");
    }

    #[test]
    fn each_turn_has_one_backup_and_one_that_was_missed_is_made_up_for() {
        let (daily, mut diary) = (daily(), Diary::default());
        let night = at("2026-11-25T02:00:00Z");
        let due = |diary: &Diary, up, made, now| {
            diary.is_due(&daily, &zone(), made, moment(up, now, true))
        };
        assert!(due(&diary, HOUR, None, night), "the first");
        assert!(!due(&diary, HOUR, Some(UnixMs(night.0 - DAY_MS)), UnixMs(night.0 - 1)));
        assert!(due(&diary, HOUR, Some(UnixMs(night.0 - DAY_MS)), night));
        assert!(!due(&diary, HOUR, Some(night), UnixMs(night.0 + DAY_MS - 1)));
        // It was off for a week: one, and at once.
        assert!(
            !due(&diary, HOUR / 120, Some(night), UnixMs(night.0 + 7 * DAY_MS)),
            "not while it starts"
        );
        assert!(due(&diary, HOUR, Some(night), UnixMs(night.0 + 7 * DAY_MS + 1)));
        diary.failed(HOUR, HOUR / 4);
        assert!(!due(&diary, HOUR, None, night) && due(&diary, HOUR + HOUR / 4, None, night));
    }

    #[test]
    fn without_a_clock_turns_are_counted_from_one_backup_to_the_next() {
        let (daily, mut diary) = (daily(), Diary::default());
        let due = |diary: &Diary, up, made, now| {
            diary.is_due(&daily, &zone(), Some(made), moment(up, now, false))
        };
        // The clock begins where the box was switched off, or in 1970.
        for now in [UnixMs(0), UnixMs(50 * DAY_MS)] {
            assert!(!due(&diary, HOUR / 12, UnixMs(50 * DAY_MS), now), "not at each start at once");
        }
        assert!(due(&diary, HOUR, UnixMs(50 * DAY_MS), UnixMs(0)));
        assert!(!due(&diary, HOUR, UnixMs(50 * DAY_MS), UnixMs(50 * DAY_MS + 9)));
        diary.made(HOUR);
        assert!(!due(&diary, HOUR * 24, UnixMs(0), UnixMs(90 * DAY_MS)), "a jump is no day");
        assert!(due(&diary, HOUR * 25, UnixMs(90 * DAY_MS), UnixMs(0)));
        // A clock that is right again says less than the last backup: it does not wait for decades.
        let back = moment(HOUR * 25, UnixMs(10 * DAY_MS), true);
        assert!(diary.is_due(&daily, &zone(), Some(UnixMs(9_000 * DAY_MS)), back));
    }

    #[test]
    fn a_backup_is_old_after_two_turns_by_either_clock() {
        let daily = daily();
        let good = UnixMs(100 * DAY_MS);
        let old = |up, arrived, now: u64, believed| {
            is_old(&daily, good, arrived, moment(up, UnixMs(now), believed))
        };
        assert!(!old(HOUR, None, 102 * DAY_MS, true));
        assert!(old(HOUR, None, 103 * DAY_MS, true));
        assert!(!old(HOUR, None, 103 * DAY_MS, false), "nobody knows that");
        assert!(old(HOUR * 51, None, 100 * DAY_MS, false));
        assert!(!old(HOUR * 51, Some(HOUR), 100 * DAY_MS, false));
        // The clock went back; nothing has come for long.
        assert!(old(HOUR * 80, Some(HOUR), 1, true));
    }

    proptest! {
        #[test]
        fn turns_are_always_found_and_a_period_apart_at_most(
            now in 0_u64..4_000_000_000_000, weekday in proptest::option::of(1_u8..8), minute in 0_u16..1440
        ) {
            let every = if weekday.is_some() { Every::Weekly } else { Every::Daily };
            let plan = plan(every, weekday, &format!("{:02}:{:02}", minute / 60, minute % 60));
            let found = |next| turn(&plan, &zone(), UnixMs(now), next);
            let (last, next) = (found(false), found(true).unwrap());
            prop_assert!(next.0 > now);
            // Before the first days of 1970 there are none.
            if let Some(last) = last {
                prop_assert!(last.0 <= now);
                let apart = Duration::from_millis(next.0 - last.0);
                prop_assert!(apart <= plan.period() + HOUR && apart + HOUR >= plan.period());
            }
        }
    }
}
