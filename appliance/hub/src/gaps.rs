//! Numbers that are missing: when they are asked for again, and when they are given up. Pure: time is
//! an argument.

use roombox_control::store::FleetMissing;
use std::collections::HashMap;
use std::time::Duration;

/// What turned around on its way arrives soon.
const SOON: Duration = Duration::from_secs(5);
/// Between asking and asking again.
const PAUSE: Duration = Duration::from_secs(30);
/// Asked so often, they are gone.
const ASKS: u32 = 10;

#[derive(Debug)]
struct Known {
    from: u64,
    next: Duration,
    asked: u32,
}

/// What to do about gaps.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    pub ask: Vec<FleetMissing>,
    pub give_up: Vec<FleetMissing>,
}

/// The gaps that are known.
#[derive(Debug, Default)]
pub struct Gaps(HashMap<(String, String), Known>);

impl Gaps {
    /// These are missing now, one of each epoch.
    pub fn look(&mut self, now: Duration, missing: Vec<FleetMissing>) -> Due {
        let key = |gap: &FleetMissing| (gap.of.clone(), gap.epoch.clone());
        let open: Vec<_> = missing.iter().map(key).collect();
        self.0.retain(|known, _| open.contains(known));
        let mut due = Due::default();
        for gap in missing {
            let new = Known { from: gap.from, next: now + SOON, asked: 0 };
            let known = self.0.entry(key(&gap)).or_insert(new);
            if known.from != gap.from {
                *known = Known { from: gap.from, next: now + SOON, asked: 0 };
            }
            if now < known.next {
                continue;
            }
            if known.asked == ASKS {
                self.0.remove(&key(&gap));
                due.give_up.push(gap);
            } else {
                known.asked += 1;
                known.next = now + PAUSE;
                due.ask.push(gap);
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(from: u64) -> FleetMissing {
        FleetMissing { of: "box-a".to_owned(), epoch: "e".to_owned(), from, until: from + 2 }
    }

    #[test]
    fn a_gap_is_asked_for_after_a_moment_and_given_up_after_many() {
        let mut gaps = Gaps::default();
        let at = Duration::from_secs;
        assert_eq!(gaps.look(at(0), vec![gap(3)]), Due::default());
        assert_eq!(gaps.look(at(4), vec![gap(3)]), Due::default());
        assert_eq!(gaps.look(at(5), vec![gap(3)]).ask, [gap(3)]);
        assert_eq!(gaps.look(at(6), vec![gap(3)]), Due::default(), "not twice at once");
        // It closed, and another one opened: that one has its moment too.
        assert_eq!(gaps.look(at(50), vec![gap(9)]), Due::default());
        let mut asked = 0;
        let given_up = (50..1000).find(|second| {
            let due = gaps.look(at(*second), vec![gap(9)]);
            asked += due.ask.len();
            !due.give_up.is_empty()
        });
        assert_eq!((asked, given_up), (10, Some(355)));
    }
}
