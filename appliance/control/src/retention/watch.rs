//! Whether the clock can be believed: what is deleted because of its age is gone because of a clock.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// The wall clock may be set by so much.
const JUMP: Duration = Duration::from_secs(3600);
/// A box is switched off for so long now and then. When a time server says first that it was longer, or that it is
/// earlier than when the box was on, that is a jump, too: some server may be wrong.
const AWAY: Duration = Duration::from_secs(7 * 24 * 3600);
/// After a jump it must run evenly for so long before it is believed again.
const CALM: Duration = Duration::from_secs(24 * 3600);

/// A moment, by two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Wall clock, milliseconds since the Unix epoch.
    pub wall_ms: u64,
    /// Time since the box started; nobody sets it.
    pub boot: Duration,
    /// A time server has set the wall clock.
    pub set: bool,
    /// Grows whenever somebody says what the time is who is to be followed at once: a time server for the first time
    /// since the start, or an owner.
    pub words: u64,
}

/// Why the clock is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// No time server has set it since the start.
    Unset,
    /// It was set by more than an hour within the last day, or to quite another time than when the box was on last.
    Jumped,
}

/// A clock that jumped, and how long it has run evenly since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Doubted {
    pub wall_ms: u64,
    pub calm_ms: u64,
}

/// Watches the clock; to be told of every look.
#[derive(Debug, Default)]
pub struct ClockWatch {
    last: Option<Moment>,
    jumped: Option<Duration>,
    /// So long it had run evenly since, before this start.
    calm_before: Duration,
    doubted_before: Option<Doubted>,
    /// When it was believed last before this start, milliseconds since the Unix epoch; 0: nobody knows.
    before_ms: u64,
}

impl ClockWatch {
    /// It was believed last at this time, before this start.
    pub fn believed_before(&mut self, wall_ms: u64) {
        self.before_ms = wall_ms;
    }

    /// It was doubted last at this time, before this start: a clock that goes on from there is not doubted from the
    /// beginning, else a box that is off every night would doubt it for ever.
    pub(super) fn doubted_before(&mut self, doubted: Option<Doubted>) {
        self.doubted_before = doubted;
    }

    /// How far a clock that jumped is, as last looked; `None`: it is believed, or nobody has set it.
    pub(super) fn doubted(&self) -> Option<Doubted> {
        let last = self.last.filter(|last| last.set)?;
        let calm = self.calm(last.boot).filter(|calm| *calm < CALM)?;
        Some(Doubted { wall_ms: last.wall_ms, calm_ms: calm.as_millis() as u64 })
    }

    /// For how long it has run evenly since it jumped.
    fn calm(&self, boot: Duration) -> Option<Duration> {
        self.jumped.map(|at| self.calm_before + boot.saturating_sub(at))
    }

    /// It has looked at least once.
    pub fn has_looked(&self) -> bool {
        self.last.is_some()
    }

    /// The wall clock, if it can be believed.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn look(&mut self, now: Moment) -> Result<u64, Doubt> {
        if let Some(last) = self.last
            && last.set
        {
            let passed = now.boot.saturating_sub(last.boot);
            let expected = last.wall_ms + passed.as_millis() as u64;
            if now.wall_ms.abs_diff(expected) > JUMP.as_millis() as u64 {
                (self.jumped, self.calm_before) = (Some(now.boot), Duration::ZERO);
            }
        }
        let first = now.set && !self.last.is_some_and(|last| last.set);
        let away = now.wall_ms.saturating_sub(self.before_ms);
        let back = self.before_ms.saturating_sub(now.wall_ms);
        if first
            && self.before_ms > 0
            && (away > AWAY.as_millis() as u64 || back > JUMP.as_millis() as u64)
        {
            let (jump, away) = (JUMP.as_millis() as u64, AWAY.as_millis() as u64);
            let goes_on = self.doubted_before.filter(|doubted| {
                now.wall_ms + jump >= doubted.wall_ms && now.wall_ms <= doubted.wall_ms + away
            });
            let calm_ms = goes_on.map_or(0, |doubted| doubted.calm_ms);
            (self.jumped, self.calm_before) = (Some(now.boot), Duration::from_millis(calm_ms));
        }
        self.last = Some(now);
        if !now.set {
            return Err(Doubt::Unset);
        }
        match self.calm(now.boot) {
            Some(calm) if calm < CALM => Err(Doubt::Jumped),
            _ => Ok(now.wall_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn moment(wall_ms: u64, boot_ms: u64, set: bool) -> Moment {
        Moment { wall_ms, boot: Duration::from_millis(boot_ms), set, words: 0 }
    }

    #[test]
    fn a_clock_that_nobody_has_set_is_not_believed() {
        let mut watch = ClockWatch::default();
        assert_eq!(watch.look(moment(5, 0, false)), Err(Doubt::Unset));
        // Being set for the first time is no jump: it was not believed before.
        assert_eq!(watch.look(moment(1_700_000_000_000, 60_000, true)), Ok(1_700_000_000_000));
    }

    #[test]
    fn what_a_time_server_says_first_is_doubted_if_the_box_was_on_at_quite_another_time() {
        let start = 1_700_000_000_000;
        for (at, doubted) in [
            (start + HOUR, false),
            (start + 6 * 24 * HOUR, false),
            (start + 8 * 24 * HOUR, true),
            (start + 365 * 24 * HOUR, true),
            (start - 24 * HOUR, true),
            (start - HOUR / 2, false),
        ] {
            let mut watch = ClockWatch::default();
            watch.believed_before(start);
            assert_eq!(watch.look(moment(start - 5 * HOUR, 0, false)), Err(Doubt::Unset));
            let said = watch.look(moment(at, 60_000, true));
            assert_eq!(said, if doubted { Err(Doubt::Jumped) } else { Ok(at) }, "{at}");
            let day = watch.look(moment(at + 24 * HOUR, 60_000 + 24 * HOUR, true));
            assert_eq!(day, Ok(at + 24 * HOUR), "a calm day later");
        }
    }

    #[test]
    fn a_box_that_is_on_for_eight_hours_a_day_believes_its_clock_again_after_a_holiday() {
        let back = 1_700_000_000_000;
        let (mut kept, mut believed_on) = (None, None);
        for day in 0..5 {
            let mut watch = ClockWatch::default();
            watch.believed_before(back - 8 * 24 * HOUR);
            watch.doubted_before(kept);
            for quarter in 0..32 {
                let at = back + day * 24 * HOUR + quarter * HOUR / 4;
                if watch.look(moment(at, quarter * HOUR / 4, true)).is_ok() {
                    believed_on = believed_on.or(Some(day));
                }
                kept = watch.doubted();
            }
        }
        // Three days have four times a quarter of an hour less than 24 hours.
        assert_eq!(believed_on, Some(3));
    }

    #[test]
    fn a_clock_that_does_not_go_on_from_where_it_was_doubted_is_doubted_anew() {
        let then = 1_700_000_000_000;
        for (at, calm) in [(then + 12 * HOUR, 20), (then + 8 * 24 * HOUR, 0), (then - 2 * HOUR, 0)]
        {
            let mut watch = ClockWatch::default();
            watch.believed_before(then - 365 * 24 * HOUR);
            watch.doubted_before(Some(Doubted { wall_ms: then, calm_ms: 20 * HOUR }));
            assert_eq!(watch.look(moment(at, 0, true)), Err(Doubt::Jumped));
            let doubted = Doubted { wall_ms: at, calm_ms: calm * HOUR };
            assert_eq!(watch.doubted(), Some(doubted), "{at}");
            // What jumps then has no calm behind it.
            watch.look(moment(at + 9 * HOUR, 60_000, true)).unwrap_err();
            assert_eq!(watch.doubted().unwrap().calm_ms, 0);
        }
    }

    #[test]
    fn a_jump_is_doubted_for_a_day() {
        let start = 1_700_000_000_000;
        for jump in [start + 400 * 24 * HOUR, start - 2 * HOUR] {
            let mut watch = ClockWatch::default();
            watch.look(moment(start, 0, true)).unwrap();
            assert_eq!(watch.look(moment(jump, 60_000, true)), Err(Doubt::Jumped));
            let later = |hours: u64| moment(jump + hours * HOUR, 60_000 + hours * HOUR, true);
            for hour in 1..24 {
                assert_eq!(watch.look(later(hour)), Err(Doubt::Jumped));
            }
            assert!(watch.look(later(24)).is_ok());
        }
    }

    #[test]
    fn small_corrections_and_a_long_sleep_are_no_jump() {
        let mut watch = ClockWatch::default();
        let start = 1_700_000_000_000;
        watch.look(moment(start, 0, true)).unwrap();
        assert!(watch.look(moment(start + 61_500, 60_000, true)).is_ok());
        // Boot time runs on while the box sleeps.
        assert!(watch.look(moment(start + 90 * HOUR, 90 * HOUR, true)).is_ok());
    }
}
