//! Who is to be told which settings are wanted: pure.

use roombox_control::fleet::{BoxPulse, TwinPulse, Wish};
use roombox_federation::subjects::BoxId;
use std::collections::HashMap;
use std::time::Duration;

/// A box that was told has so long to say that it has heard.
const AGAIN: Duration = Duration::from_secs(30);

/// Which boxes were told what, and when.
#[derive(Debug, Default)]
pub struct Wishing {
    told: HashMap<BoxId, (String, Duration)>,
}

impl Wishing {
    /// What is to be said to whom. Nothing is said to a box whose owner refuses settings, that has heard something
    /// at least as new, or that is of a version that would not understand.
    pub fn look<'a>(
        &mut self,
        now: Duration,
        wishes: &'a [(String, Wish)],
        alive: &[(BoxId, BoxPulse)],
    ) -> Vec<(BoxId, &'a Wish)> {
        let mut due = Vec::new();
        let mut open = HashMap::new();
        for (id, BoxPulse { twin, .. }) in alive {
            let wish = wishes.iter().find(|(of, _)| of == id.as_str()).map(|(_, wish)| wish);
            let (Some(TwinPulse { revision, mark, refuses, .. }), Some(wish)) = (twin, wish) else {
                continue;
            };
            let wanted = wish.mark();
            if refuses.settings || *mark == wanted || *revision >= wish.revision {
                continue;
            }
            let before =
                self.told.get(id).filter(|(said, at)| *said == wanted && *at + AGAIN > now);
            match before {
                Some(before) => drop(open.insert(id.clone(), before.clone())),
                None => {
                    open.insert(id.clone(), (wanted, now));
                    due.push((id.clone(), wish));
                }
            }
        }
        self.told = open;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roombox_control::fleet::{Named, Refusals};

    fn says(revision: u64, mark: &str, settings: bool) -> (BoxId, BoxPulse) {
        let refuses = Refusals { settings, ..Refusals::default() };
        let twin = TwinPulse { revision, mark: mark.to_owned(), refuses, ..TwinPulse::default() };
        let id = BoxId::of_key(&"A".repeat(56));
        (id, BoxPulse { twin: Some(twin), ..BoxPulse::default() })
    }

    fn wish(revision: u64, seconds: u64) -> Wish {
        let settings = Named::from([("meeting.empty_timeout_s".to_owned(), seconds.into())]);
        Wish { revision, settings, ..Wish::default() }
    }

    #[test]
    fn a_box_is_told_until_it_says_that_it_has_heard_and_something_newer_at_once() {
        let second = Duration::from_secs;
        let mut wishing = Wishing::default();
        let id = says(0, "", false).0.to_string();
        let [first, next] = [(id.clone(), wish(1, 5)), (id.clone(), wish(2, 6))];
        let [none, one] = [[says(0, "", false)], [says(1, &first.1.mark(), false)]];
        let mut look = |at, wish: &(String, Wish), alive: &[(BoxId, BoxPulse)]| {
            wishing.look(second(at), std::slice::from_ref(wish), alive).len()
        };
        assert_eq!(look(0, &first, &none), 1);
        assert_eq!(look(29, &first, &none), 0);
        assert_eq!(look(30, &first, &none), 1);
        assert_eq!(look(31, &next, &none), 1, "another wish does not wait");
        assert_eq!(look(32, &first, &one), 0);
        assert_eq!(look(33, &next, &one), 1);
        // Its owner refuses; it is of an older version; it is gone.
        assert_eq!(look(99, &next, &[says(1, "x", true)]), 0);
        assert_eq!(look(99, &next, &[(one[0].0.clone(), BoxPulse::default())]), 0);
        assert_eq!(look(99, &next, &[]), 0);
    }

    #[test]
    fn a_hub_that_comes_from_an_older_copy_says_nothing_to_who_has_heard_newer() {
        let mut wishing = Wishing::default();
        let id = says(0, "", false).0.to_string();
        let old = [(id, wish(3, 5))];
        for has in [says(3, "other", false), says(9, "other", false)] {
            assert!(wishing.look(Duration::ZERO, &old, &[has]).is_empty());
        }
    }
}
