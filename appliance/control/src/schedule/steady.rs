//! The clock by which what is planned goes. Pure.
//!
//! A wall clock that somebody sets by a lot must neither end what is recorded, nor have it recorded a second time, nor
//! forget what was planned: for a while the schedule goes on as if it had run evenly, and only if the new time
//! stays it counts. Only the first word of a time server and what an owner sets count at once.

use crate::retention::Moment;
use std::time::Duration;

/// Steps that are followed at once: what a time server corrects, at its first word too.
const STEP: Duration = Duration::from_secs(120);
/// A new time that has run evenly for so long counts.
const HOLD: Duration = Duration::from_secs(600);
/// So long after a step nothing is forgotten because of its age.
const CALM: Duration = Duration::from_secs(24 * 3600);

/// What the time is for the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    /// Milliseconds since the Unix epoch.
    pub ms: u64,
    /// The clock has not been set by a lot within the last day.
    pub calm: bool,
    pub turn: Option<Turn>,
}

/// What has just become of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It was set: its new time does not count yet.
    Held,
    /// It is as it was before.
    Back,
    /// Its new time counts. It was this before.
    Taken { was_ms: u64 },
}

/// Watches the clock; to be told of every look.
#[derive(Debug, Default)]
pub(crate) struct Steady {
    /// When it was as it should be.
    base: Option<Moment>,
    /// The words that were said at the last look.
    words: Option<u64>,
    /// It is not: since when it has run evenly, and the last look.
    astray: Option<(Duration, Moment)>,
    jumped: Option<Duration>,
}

fn expected(from: Moment, boot: Duration) -> u64 {
    from.wall_ms.saturating_add(boot.saturating_sub(from.boot).as_millis() as u64)
}

fn is_even(from: Moment, now: Moment) -> bool {
    now.wall_ms.abs_diff(expected(from, now.boot)) <= STEP.as_millis() as u64
}

impl Steady {
    pub(crate) fn look(&mut self, now: Moment) -> Now {
        // Before anybody has set it nothing goes by it, and being set for the first time is no jump.
        let base = self.base.filter(|base| base.set && now.set).unwrap_or(now);
        let said = self.words.replace(now.words).is_some_and(|words| now.words > words);
        let (ms, turn) = if is_even(base, now) {
            let back = self.astray.take().map(|_| Turn::Back);
            self.base = Some(now);
            (now.wall_ms, back)
        } else {
            let goes_on = self.astray.filter(|(_, last)| is_even(*last, now));
            let since = goes_on.map_or(now.boot, |(since, _)| since);
            if goes_on.is_none() {
                self.jumped = Some(now.boot);
            }
            let was_ms = expected(base, now.boot);
            match !said && now.boot.saturating_sub(since) < HOLD {
                true => {
                    let first = self.astray.replace((since, now)).is_none();
                    (was_ms, first.then_some(Turn::Held))
                }
                false => {
                    (self.base, self.astray) = (Some(now), None);
                    (now.wall_ms, Some(Turn::Taken { was_ms }))
                }
            }
        };
        let jumped = self.jumped.is_some_and(|at| now.boot.saturating_sub(at) < CALM);
        Now { ms, calm: !jumped, turn }
    }
}

#[cfg(test)]
mod tests {
    use super::super::conduct::{
        Fate, Planned, RecordedNow, RoomNow, Run, Step, next, was_too_early,
    };
    use super::*;
    use roombox_capture::manifest::EndReason;

    const MINUTE: u64 = 60;
    const DAY: i64 = 24 * 3600;
    /// Of a day, in seconds since the Unix epoch.
    const TODAY: u64 = 1_764_460_800;
    const TEN: u64 = TODAY + 10 * 3600;
    const ELEVEN: u64 = TEN + 3600;

    /// When a planned recording from ten to eleven began and ended, by a clock that nobody sets, and what was said of
    /// the clock; the wall clock is off by what `off` says at a moment.
    fn day(off: impl Fn(u64) -> i64) -> (Vec<u64>, Vec<u64>, Vec<Turn>) {
        day_with_words(off, |_| 0)
    }

    /// The same, with what is said of the time at a moment.
    fn day_with_words(
        off: impl Fn(u64) -> i64,
        words: impl Fn(u64) -> u64,
    ) -> (Vec<u64>, Vec<u64>, Vec<Turn>) {
        day_with_a_stop(off, words, None)
    }

    /// The same, and a person ends the recording at a moment.
    fn day_with_a_stop(
        off: impl Fn(u64) -> i64,
        words: impl Fn(u64) -> u64,
        stop: Option<u64>,
    ) -> (Vec<u64>, Vec<u64>, Vec<Turn>) {
        let meeting = Planned {
            key: "evn".to_owned(),
            title: "Talk".to_owned(),
            start_ms: TEN * 1000,
            end_ms: Some(ELEVEN * 1000),
        };
        let (mut steady, mut runs) = (Steady::default(), Vec::<Run>::new());
        let (mut recorded, mut begins, mut ends, mut turns) = (None, vec![], vec![], vec![]);
        for t in TEN - 90 * MINUTE..ELEVEN + 60 * MINUTE {
            let wall_ms = t.saturating_add_signed(off(t)) * 1000;
            let boot = Duration::from_secs(t - TODAY);
            let now = steady.look(Moment { wall_ms, boot, set: true, words: words(t) });
            turns.extend(now.turn);
            if let Some(Turn::Taken { was_ms }) = now.turn {
                runs.retain(|run| !was_too_early(run, now.ms, was_ms));
            }
            if stop == Some(t) {
                recorded = None;
            }
            let room = RoomNow { id: "rm".to_owned(), open: true, recorded: recorded.clone() };
            let fate = |_: &str| Fate::Ended { reason: EndReason::Stopped, began_ms: TEN * 1000 };
            let planned = std::slice::from_ref(&meeting);
            let kept = match next(now.ms, &room, planned, &runs, fate) {
                None => continue,
                Some(Step::End) => {
                    recorded = None;
                    ends.push(t);
                    continue;
                }
                Some(Step::Begin(run)) => {
                    begins.push(t);
                    let recording = format!("rec_{}", begins.len());
                    recorded = Some(RecordedNow { recording: recording.clone(), ending: false });
                    Run { recording: Some(recording), ..run }
                }
                Some(
                    Step::Adopt(run) | Step::Found(run) | Step::Follow(run) | Step::Leave(run),
                ) => run,
            };
            runs = vec![kept];
        }
        (begins, ends, turns)
    }

    /// Off by so much from one moment to another.
    fn off(by: i64, from: u64, to: u64) -> impl Fn(u64) -> i64 {
        move |t| if (from..to).contains(&t) { by } else { 0 }
    }

    #[test]
    fn what_is_planned_is_recorded_once_whatever_happens_to_the_clock_meanwhile() {
        let (year, middle) = (365 * DAY, TEN + 20 * MINUTE);
        let for_a_while = middle + 5 * MINUTE;
        for (what, by, from, to) in [
            ("nothing", 0, middle, for_a_while),
            ("a year ahead", year, middle, for_a_while),
            ("a day back", -DAY, middle, for_a_while),
            ("a year ahead, from before it", year, TEN - MINUTE, TEN + MINUTE),
            ("a day back, from before it", -DAY, TEN - MINUTE, TEN + MINUTE),
            ("a day back, at its end", -DAY, ELEVEN - MINUTE, ELEVEN + MINUTE),
            ("a day ahead, after it", DAY, ELEVEN + MINUTE, ELEVEN + 2 * MINUTE),
        ] {
            let (begins, ends, turns) = day(off(by, from, to));
            assert_eq!((begins, ends), (vec![TEN], vec![ELEVEN]), "{what}");
            let said = if by == 0 { vec![] } else { vec![Turn::Held, Turn::Back] };
            assert_eq!(turns, said, "{what}");
        }
    }

    #[test]
    fn a_step_of_half_a_minute_is_followed_at_once() {
        for by in [30, -30] {
            let (begins, ends, turns) = day(off(by, TEN - 10 * MINUTE, u64::MAX));
            let expected = |at: u64| vec![at.saturating_add_signed(-by)];
            assert_eq!((begins, ends), (expected(TEN), expected(ELEVEN)));
            assert!(turns.is_empty());
        }
        // In the midst of it, too; and back over its beginning.
        let (begins, ends, _) = day(off(-30, TEN + 10, u64::MAX));
        assert_eq!((begins, ends), (vec![TEN], vec![ELEVEN + 30]));
    }

    #[test]
    fn a_new_time_that_stays_counts_and_it_is_said() {
        let middle = TEN + 20 * MINUTE;
        let (begins, ends, turns) = day(off(DAY, middle, u64::MAX));
        assert_eq!((begins, ends), (vec![TEN], vec![middle + 10 * MINUTE]));
        assert_eq!(turns, [Turn::Held, Turn::Taken { was_ms: (middle + 10 * MINUTE) * 1000 }]);
        // Back for good: it goes on, and is neither begun again nor cut.
        let (begins, ends, _) = day(off(-DAY, middle, u64::MAX));
        assert_eq!((begins, ends), (vec![TEN], vec![]));
    }

    #[test]
    fn a_time_servers_first_word_counts_at_once_where_a_battery_had_the_time() {
        let quarter = 15 * MINUTE as i64;
        // When it speaks; how far off the battery's clock was; what was recorded.
        for (at, by, begins, ends) in [
            // Slow: in time, or as soon as it is known.
            (TEN - 20 * MINUTE, -quarter, vec![TEN], vec![ELEVEN]),
            (TEN - 5, -quarter, vec![TEN], vec![ELEVEN]),
            (TEN + 5 * MINUTE, -quarter, vec![TEN + 5 * MINUTE], vec![ELEVEN]),
            // An hour fast: what runs goes on, and what was recorded in a wrong hour is recorded in its own, too.
            (TEN - 30 * MINUTE, 3600, vec![TEN - 3600], vec![ELEVEN]),
            (TEN + 5 * MINUTE, 3600, vec![TEN - 3600, TEN + 5 * MINUTE], vec![TEN, ELEVEN]),
        ] {
            let (begun, ended, turns) = day_with_words(off(by, 0, at), |t| u64::from(t >= at));
            assert_eq!((begun, ended), (begins, ends), "{by} until {at}");
            assert_eq!(turns.len(), 1, "{turns:?}");
        }
        // The word comes a moment after the time.
        let (begun, ended, _) = day_with_words(off(-quarter, 0, TEN), |t| u64::from(t > TEN + 2));
        assert_eq!((begun, ended), (vec![TEN + 3], vec![ELEVEN]));
    }

    #[test]
    fn what_a_person_ended_in_a_wrong_hour_stays_ended_in_the_right_one() {
        let at = TEN - 30 * MINUTE;
        let words = |t| u64::from(t >= at);
        let stop = Some(TEN - 50 * MINUTE);
        // By a clock that was an hour fast until a time server spoke.
        let (begins, ends, turns) = day_with_a_stop(off(3600, 0, at), words, stop);
        assert_eq!((begins, ends), (vec![TEN - 3600], vec![]));
        assert_eq!(turns.len(), 1, "{turns:?}");
        // The same where the hour of the wrong clock was over before it was set right.
        let late = TEN + 5 * MINUTE;
        let words = |t| u64::from(t >= late);
        let (begins, ends, _) = day_with_a_stop(off(3600, 0, late), words, stop);
        assert_eq!((begins, ends), (vec![TEN - 3600], vec![]));
    }

    #[test]
    fn for_a_day_after_a_step_nothing_is_forgotten() {
        let mut steady = Steady::default();
        let at = |wall_s: u64, boot_s, set| Moment {
            wall_ms: wall_s * 1000,
            boot: Duration::from_secs(boot_s),
            set,
            words: 0,
        };
        // The first word of a time server is no jump: nothing went by the clock before.
        assert!(steady.look(at(5, 0, false)).calm);
        assert!(steady.look(at(TEN, 60, true)).calm);
        let hour = 3600;
        assert!(!steady.look(at(TEN + 9000 * hour, 120, true)).calm);
        assert!(!steady.look(at(TEN + 9023 * hour, 120 + 23 * hour, true)).calm);
        assert!(steady.look(at(TEN + 9025 * hour, 120 + 25 * hour, true)).calm);
    }
}
