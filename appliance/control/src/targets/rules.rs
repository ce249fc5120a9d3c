//! When a copy is tried, and what it is called: pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const MINUTE_MS: u64 = 60_000;
const FIRST_PAUSE_MS: u64 = MINUTE_MS / 2;
/// A server that comes back is found within this time.
pub const LONGEST_PAUSE_MS: u64 = 60 * MINUTE_MS;
/// What did not get there in this time is left for somebody to look at.
pub const GIVE_UP_MS: u64 = 14 * 24 * 60 * MINUTE_MS;
/// Bytes of a room's name, in a folder's: file systems take 255 in all, some of them fewer.
const LONGEST_ROOM: usize = 80;

/// A part of the day, in the box's time zone; may reach over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// Minutes since midnight, 0 to 1439.
    pub from: u16,
    /// Not any more from this minute on.
    pub until: u16,
}

impl Hours {
    pub(super) fn is_valid(self) -> bool {
        self.from < 1440 && self.until < 1440 && self.from != self.until
    }

    pub fn contains(self, minute: u16) -> bool {
        match self.from < self.until {
            true => (self.from..self.until).contains(&minute),
            false => minute >= self.from || minute < self.until,
        }
    }
}

/// How long to wait after so many attempts have failed.
pub fn pause_ms(failed: u32) -> u64 {
    let doubled = FIRST_PAUSE_MS.saturating_mul(1 << failed.saturating_sub(1).min(20));
    doubled.min(LONGEST_PAUSE_MS)
}

/// The folder of a recording at a target: sorts by time, says whose it is, and is nobody else's.
pub fn folder_name(started: &str, room: &str, recording: &str) -> String {
    let mut plain = String::new();
    for letter in room.chars() {
        if plain.len() + letter.len_utf8() > LONGEST_ROOM {
            break;
        }
        match letter.is_alphanumeric() {
            true => plain.push(letter),
            false if plain.is_empty() || plain.ends_with('-') => {}
            false => plain.push('-'),
        }
    }
    let day = started.replace(':', "").replace(' ', "_");
    match plain.trim_end_matches('-') {
        "" => format!("{day}_{recording}"),
        plain => format!("{day}_{plain}_{recording}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hours_may_reach_over_midnight() {
        let night = Hours { from: 22 * 60, until: 6 * 60 };
        let seen: Vec<bool> =
            [1319, 1320, 1439, 0, 359, 360].map(|minute| night.contains(minute)).to_vec();
        assert_eq!(seen, [false, true, true, true, true, false]);
        let day = Hours { from: 480, until: 1020 };
        let seen: Vec<bool> = [479, 480, 1019, 1020].map(|minute| day.contains(minute)).to_vec();
        assert_eq!(seen, [false, true, true, false]);
        assert!(
            !Hours { from: 5, until: 5 }.is_valid() && !Hours { from: 0, until: 1440 }.is_valid()
        );
    }

    #[test]
    fn pauses_grow_to_an_hour() {
        let pauses: Vec<u64> = [1, 2, 3, 8, 9, 1000].map(pause_ms).to_vec();
        assert_eq!(pauses, [30_000, 60_000, 120_000, 3_600_000, 3_600_000, 3_600_000]);
    }

    #[test]
    fn a_folder_says_when_and_whose() {
        let name = |room| folder_name("2026-11-28 14:05", room, "rec_1");
        assert_eq!(name("Große Runde / Q4 (neu)"), "2026-11-28_1405_Große-Runde-Q4-neu_rec_1");
        assert_eq!(name("../.."), "2026-11-28_1405_rec_1");
    }

    proptest! {
        #[test]
        fn no_room_leads_out_of_the_folder(room in ".*") {
            let name = folder_name("2026-11-28 14:05", &room, "rec_1");
            prop_assert!(!name.contains(['/', '\\', '\0', ':']) && !name.starts_with('.'));
            prop_assert!(name.len() < 140, "{}", name);
            prop_assert!(name.ends_with("_rec_1"));
        }
    }
}
