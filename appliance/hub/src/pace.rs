//! How often a box may say that it is alive. Pure: time is an argument.

use roombox_federation::subjects::BoxId;
use std::collections::HashMap;
use std::time::Duration;

/// In the long run one every so often: heartbeats come every ten seconds, and when something changes once a second.
const EACH: Duration = Duration::from_millis(500);
/// So many at once: after a cut some wait on the way.
const AT_ONCE: u32 = 40;

/// When what each box has said so far is paid off.
#[derive(Debug, Default)]
pub struct Pace(HashMap<BoxId, Duration>);

impl Pace {
    /// Whether one more is heard.
    pub fn may(&mut self, now: Duration, of: &BoxId) -> bool {
        let paid = self.0.get(of).map_or(now, |at| (*at).max(now)) + EACH;
        if paid.saturating_sub(now) > EACH * AT_ONCE {
            return false;
        }
        self.0.insert(of.clone(), paid);
        true
    }

    /// Only these boxes are in the fleet.
    pub fn keep(&mut self, boxes: &[BoxId]) {
        self.0.retain(|id, _| boxes.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_that_says_too_often_that_it_is_alive_is_heard_in_part_and_others_as_before() {
        let mut pace = Pace::default();
        let [loud, quiet] = ["A", "B"].map(|name| BoxId::of_key(&name.repeat(56)));
        let second = Duration::from_secs;
        let mut heard = |at, of: &BoxId, times| (0..times).filter(|_| pace.may(at, of)).count();
        assert_eq!(heard(second(1), &loud, 10_000), 40);
        assert_eq!(heard(second(1), &quiet, 5), 5);
        assert_eq!(heard(second(2), &loud, 10_000), 2);
        assert_eq!(heard(second(60), &loud, 10_000), 40);
        // What a healthy box says, whatever changes on it.
        assert!((61..3600).all(|at| heard(second(at), &quiet, 1) == 1));
        pace.keep(&[]);
        assert!(pace.0.is_empty());
    }
}
