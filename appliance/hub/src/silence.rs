//! When a box falls silent, and when it is back. Pure: time is an argument.
//!
//! ```text
//! not known ── heard ──► heard ── nothing for 32 s ──► silent ── heard ──► heard
//!      └── nothing for 90 s ──► silent
//! ```
//!
//! Only silence counts in which this hub could hear. While it was off, had no server or stood still, its
//! boxes may have spoken: it waits for them anew, and longer, since all of them come at once.

use crate::roster::STALE;
use roombox_control::clock::UnixMs;
use roombox_control::store::OutageChanges;
use roombox_federation::subjects::BoxId;
use std::collections::HashMap;
use std::time::Duration;

/// Who was not heard since the hub listens is silent after this.
const FIRST: Duration = Duration::from_secs(90);
/// Looks come every 2 s: when there was none for so long, the hub stood still.
const STOOD: Duration = Duration::from_secs(10);

/// A moment, by the clock that only goes on and by the one on the wall.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    pub now: Duration,
    pub at: UnixMs,
}

/// Who is silent.
#[derive(Debug, Default)]
pub struct Silence {
    /// Since when the hub hears without a break.
    listens: Moment,
    looked: Duration,
    /// `None`: since it listens, it does not know yet.
    silent: HashMap<BoxId, bool>,
}

impl Silence {
    /// The hub begins to listen.
    pub fn listens(&mut self, now: Moment) {
        (self.listens, self.looked) = (now, now.now);
    }

    /// What has changed. `boxes`: when each was heard last.
    pub fn look(&mut self, now: Moment, boxes: &[(BoxId, Option<Moment>)]) -> OutageChanges {
        if now.now.saturating_sub(self.looked) >= STOOD {
            self.listens(now);
        }
        self.looked = now.now;
        let mut changes = OutageChanges::default();
        for (id, heard) in boxes {
            let heard = heard.filter(|heard| heard.now >= self.listens.now);
            let (since, patience) = heard.map_or((self.listens, FIRST), |heard| (heard, STALE));
            let silent = now.now.saturating_sub(since.now) >= patience;
            let known = self.silent.get(id).copied();
            if silent && known != Some(true) {
                changes.fell.push((id.to_string(), since.at.0));
            } else if !silent && heard.is_some() && known != Some(false) {
                changes.came.push((id.to_string(), since.at.0));
            }
        }
        changes
    }

    /// These changes are kept: they are not told again.
    pub fn kept(&mut self, changes: &OutageChanges) {
        for (list, silent) in [(&changes.fell, true), (&changes.came, false)] {
            let ids = list.iter().filter_map(|(id, _)| BoxId::parse(id));
            self.silent.extend(ids.map(|id| (id, silent)));
        }
    }

    /// Only these boxes are in the fleet.
    pub fn keep(&mut self, boxes: &[BoxId]) {
        self.silent.retain(|id, _| boxes.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Moment {
        Moment { now: Duration::from_secs(second), at: UnixMs(second * 1000) }
    }

    /// A hub on a virtual clock that looks every 2 s, with one box.
    struct Hub {
        silence: Silence,
        heard: Option<Moment>,
        log: Vec<(&'static str, u64)>,
    }

    fn id() -> BoxId {
        BoxId::of_key(&"a".repeat(56))
    }

    impl Hub {
        fn new(second: u64) -> Self {
            let mut silence = Silence::default();
            silence.listens(at(second));
            Self { silence, heard: None, log: Vec::new() }
        }

        /// Looks over this time, in which the box beats every 10 s or not at all.
        fn over(&mut self, seconds: std::ops::Range<u64>, beats: bool) {
            for second in seconds.step_by(2) {
                if beats && second % 10 == 0 {
                    self.heard = Some(at(second));
                }
                let changes = self.silence.look(at(second), &[(id(), self.heard)]);
                self.log.extend(changes.fell.iter().map(|(_, ms)| ("fell", ms / 1000)));
                self.log.extend(changes.came.iter().map(|(_, ms)| ("came", ms / 1000)));
                self.silence.kept(&changes);
            }
        }
    }

    #[test]
    fn a_silence_lasts_from_the_last_heartbeat_to_the_next_one_and_is_told_once() {
        let mut hub = Hub::new(0);
        hub.over(0..100, true);
        hub.over(100..400, false);
        hub.over(400..500, true);
        hub.over(500..520, false);
        hub.over(520..600, true);
        assert_eq!(hub.log, [("came", 0), ("fell", 90), ("came", 400)]);
    }

    #[test]
    fn a_hub_that_was_off_or_stood_still_or_had_no_server_invents_nothing() {
        let mut hub = Hub::new(0);
        hub.over(0..100, true);
        // It stands still, and its boxes take a minute to come back.
        hub.over(400..460, false);
        hub.over(460..500, true);
        // Its server was away.
        hub.silence.listens(at(900));
        hub.over(900..960, false);
        hub.over(960..1000, true);
        assert_eq!(hub.log, [("came", 0)]);
        // Another run of it: the box was there before, and comes back at once.
        let mut next = Hub::new(2000);
        next.over(2000..2050, false);
        next.over(2050..2100, true);
        assert_eq!(next.log, [("came", 2050)]);
    }

    #[test]
    fn who_does_not_come_at_all_is_silent_since_the_hub_listens() {
        let mut hub = Hub::new(1000);
        hub.over(1000..1200, false);
        assert_eq!(hub.log, [("fell", 1000)]);
        hub.over(1200..1300, true);
        assert_eq!(hub.log[1..], [("came", 1200)]);
    }

    #[test]
    fn what_could_not_be_kept_is_told_again() {
        let mut silence = Silence::default();
        silence.listens(at(0));
        let boxes = [(id(), None)];
        silence.looked = at(88).now;
        let changes = silence.look(at(90), &boxes);
        assert_eq!(changes.fell.len(), 1);
        assert_eq!(silence.look(at(92), &boxes), changes);
        silence.kept(&changes);
        assert_eq!(silence.look(at(94), &boxes), OutageChanges::default());
        silence.keep(&[]);
        assert_eq!(silence.look(at(96), &boxes), changes, "it came anew");
    }
}
