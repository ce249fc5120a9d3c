//! Who is to be told where the hub is: pure.

use roombox_control::fleet::BoxPulse;
use roombox_federation::subjects::BoxId;
use std::collections::HashMap;
use std::time::Duration;

/// A box that was told has so long to say that it knows: its link begins anew meanwhile.
const AGAIN: Duration = Duration::from_secs(60);

/// Which boxes were told, and when.
#[derive(Debug, Default)]
pub struct Moved {
    told: HashMap<BoxId, Duration>,
}

impl Moved {
    /// Boxes that say another mark than the hub's in their heartbeats, as long as they are not told
    /// already. One that says none is the hub itself, or of a version that would not understand.
    pub fn look(&mut self, now: Duration, mark: &str, alive: &[(BoxId, BoxPulse)]) -> Vec<BoxId> {
        let knows = |pulse: &BoxPulse| pulse.hub.is_empty() || pulse.hub == mark;
        let other: Vec<_> = alive.iter().filter(|(_, pulse)| !knows(pulse)).collect();
        self.told.retain(|id, at| *at + AGAIN > now && other.iter().any(|(one, _)| one == id));
        let due: Vec<_> = other
            .into_iter()
            .map(|(id, _)| id.clone())
            .filter(|id| !self.told.contains_key(id))
            .collect();
        self.told.extend(due.iter().map(|id| (id.clone(), now)));
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knows(name: &str, mark: &str) -> (BoxId, BoxPulse) {
        let key = format!("{}{}", name.to_ascii_uppercase(), "A".repeat(56 - name.len()));
        (BoxId::of_key(&key), BoxPulse { hub: mark.to_owned(), ..BoxPulse::default() })
    }

    #[test]
    fn who_knows_another_place_is_told_once_a_minute_until_it_says_that_it_knows() {
        let second = Duration::from_secs;
        let mut moved = Moved::default();
        let boxes = [knows("a", "old"), knows("b", "new"), knows("hub", "")];
        assert_eq!(moved.look(second(0), "new", &boxes), [boxes[0].0.clone()]);
        assert!(moved.look(second(59), "new", &boxes).is_empty());
        assert_eq!(moved.look(second(60), "new", &boxes), [boxes[0].0.clone()]);
        // It knows, and the hub moves again at once.
        let there = [knows("a", "new")];
        assert!(moved.look(second(62), "new", &there).is_empty());
        assert_eq!(moved.look(second(64), "newer", &there), [there[0].0.clone()]);
    }
}
