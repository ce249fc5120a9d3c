//! Whether the clocks of hub and boxes agree, and whose is the odd one. Pure: time is an argument.
//!
//! Nobody's clock is taken for right: most of them are.

use roombox_control::fleet::ClockGap;
use roombox_federation::subjects::BoxId;
use std::collections::HashMap;
use std::time::Duration;

/// Clocks may differ by so much, milliseconds: heartbeats take seconds where links are bad, and what people read
/// is minutes.
const APART_MS: u64 = 120_000;
/// Who is told is told again after this, while it is so.
const AGAIN: Duration = Duration::from_secs(60);

/// Who was told that its clock differs, and when.
#[derive(Debug, Default)]
pub struct Clocks {
    told: HashMap<BoxId, Duration>,
}

/// What a look found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// The hub's own clock differs from most.
    pub own: Option<ClockGap>,
    /// Boxes that are to be told.
    pub tell: Vec<(BoxId, ClockGap)>,
}

impl Clocks {
    /// `boxes`: the others that are alive, and how far the clock of each is ahead of the hub's, milliseconds.
    pub fn look(&mut self, now: Duration, boxes: &[(BoxId, i64)]) -> Compared {
        let mut apart: Vec<_> =
            boxes.iter().filter(|(_, ahead)| ahead.unsigned_abs() > APART_MS).collect();
        // Two that err in opposite directions are no majority against the hub.
        let most = |way: i64| {
            let same = apart.iter().filter(|(_, ahead)| ahead.signum() == way).count();
            same * 2 > boxes.len()
        };
        let own = most(1) || most(-1);
        let (differ, of) = (apart.len() as u64, boxes.len() as u64);
        // Of two clocks nobody knows which is the odd one.
        let hub_is_odd = own && of > 1;
        let gap = |ahead_ms| ClockGap { ahead_ms, differ, of, hub_is_odd };
        apart.sort_by_key(|(_, ahead)| *ahead);
        let middle = apart.get(apart.len() / 2).map_or(0, |(_, ahead)| *ahead);
        self.told.retain(|id, at| *at + AGAIN > now && apart.iter().any(|(one, _)| one == id));
        let tell: Vec<_> = apart
            .iter()
            .filter(|(id, _)| !self.told.contains_key(id))
            .map(|(id, ahead)| (id.clone(), gap(*ahead)))
            .collect();
        self.told.extend(tell.iter().map(|(id, _)| (id.clone(), now)));
        Compared { own: own.then(|| gap(middle.saturating_neg())), tell }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn id(name: &str) -> BoxId {
        BoxId::of_key(&format!("{name}{}", "A".repeat(56 - name.len())))
    }

    fn look(ahead: &[i64]) -> Compared {
        let boxes: Vec<_> = ["A", "B", "C", "D"].map(id).into_iter().zip(ahead.to_vec()).collect();
        Clocks::default().look(Duration::ZERO, &boxes)
    }

    #[test]
    fn a_hub_that_differs_from_most_is_the_odd_one_and_else_a_box_is() {
        assert_eq!(look(&[]), Compared::default());
        assert_eq!(look(&[120_000, -120_000, 5]), Compared::default());
        // The hub's clock has gone back: all others seem to be ahead.
        let back = look(&[HOUR, HOUR + 3, HOUR - 3]);
        let gap = ClockGap { ahead_ms: -HOUR, differ: 3, of: 3, hub_is_odd: true };
        assert_eq!(back.own, Some(gap));
        assert_eq!(back.tell.len(), 3);
        assert!(back.tell.contains(&(id("A"), ClockGap { ahead_ms: HOUR, ..gap })));
        // One box's.
        let one = look(&[HOUR, 0, 0]);
        let gap = ClockGap { ahead_ms: HOUR, differ: 1, of: 3, hub_is_odd: false };
        assert_eq!(one, Compared { own: None, tell: vec![(id("A"), gap)] });
        assert_eq!(look(&[HOUR, -HOUR, 0, 0]).own, None);
        assert_eq!(look(&[HOUR, -HOUR]).own, None, "they do not agree with each other either");
        assert_eq!(look(&[HOUR, 0]).own, None, "one of two is not most");
        // Whatever a box says.
        assert_eq!(look(&[i64::MIN]).own.map(|gap| gap.ahead_ms), Some(i64::MAX));
    }

    #[test]
    fn a_box_is_told_once_a_minute_for_as_long_as_it_is_so() {
        let mut clocks = Clocks::default();
        let mut told = |second, ahead| {
            clocks.look(Duration::from_secs(second), &[(id("A"), ahead)]).tell.len()
        };
        assert_eq!([told(0, HOUR), told(59, HOUR), told(60, HOUR)], [1, 0, 1]);
        assert_eq!([told(61, 0), told(62, HOUR)], [0, 1], "it was right meanwhile");
    }
}
