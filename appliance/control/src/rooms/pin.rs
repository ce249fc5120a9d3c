//! A room's PIN: a second word beside the invite link, which travels by another way than the link does.
//!
//! It is short, so guesses are counted, per room and place, as wrong passwords are. It is shown to those who
//! run rooms, and so kept as the invite link's secret is.

use crate::error::ControlError;
use crate::guard::Guard;
use crate::rooms::entry::EntryError;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const LEAST: usize = 4;
const MOST: usize = 8;
/// Digits of one that the box makes.
const MADE: usize = 6;
/// Rooms of which tries are counted. More than a box has; strangers cannot name others.
const ROOMS: usize = 4096;

/// A new PIN.
///
/// # Errors
/// The system gives no randomness.
pub(super) fn made() -> Result<String, ControlError> {
    let mut pin = String::new();
    while pin.len() < MADE {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| ControlError::Randomness)?;
        // 250 is a multiple of ten: each digit is as likely as the others.
        let digits = bytes.iter().filter(|byte| **byte < 250);
        let digits = digits.map(|byte| char::from(b'0' + byte % 10));
        pin.extend(digits.take(MADE - pin.len()));
    }
    Ok(pin)
}

/// A PIN that somebody chose.
///
/// # Errors
/// It has another form.
pub(super) fn checked(pin: &str) -> Result<String, ControlError> {
    let pin = pin.trim();
    let form = (LEAST..=MOST).contains(&pin.len()) && pin.bytes().all(|byte| byte.is_ascii_digit());
    match form {
        true => Ok(pin.to_owned()),
        false => Err(EntryError::PinForm { least: LEAST, most: MOST }.into()),
    }
}

/// Counts tries.
#[derive(Debug, Default)]
pub(super) struct PinDoor(Mutex<HashMap<String, Guard>>);

impl PinDoor {
    /// Whether this is the room's PIN, tried from this address.
    ///
    /// # Errors
    /// None was sent, it is another one, or there were too many wrong ones.
    pub(super) fn enter(
        &self,
        room: &str,
        pin: &str,
        typed: Option<&str>,
        (now, from): (Instant, IpAddr),
    ) -> Result<(), EntryError> {
        // People write them in groups.
        let typed: String =
            typed.unwrap_or_default().chars().filter(|typed| !typed.is_whitespace()).collect();
        if typed.is_empty() {
            return Err(EntryError::PinNeeded);
        }
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() >= ROOMS && !rooms.contains_key(room) {
            rooms.clear();
        }
        let guard = rooms.entry(room.to_owned()).or_default();
        guard.try_from(now, from).map_err(|seconds| EntryError::PinWait { seconds })?;
        // An empty one would be a room without a PIN: none opens it.
        let alike = verify_slices_are_equal(typed.as_bytes(), pin.as_bytes()).is_ok();
        let right = !pin.is_empty() && alike;
        if !right {
            return Err(EntryError::PinWrong);
        }
        guard.right(now, from);
        Ok(())
    }

    /// The room is gone.
    pub(super) fn forget(&self, room: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn from(now: Instant) -> (Instant, IpAddr) {
        (now, "192.0.2.1".parse().unwrap())
    }

    #[test]
    fn a_pin_has_four_to_eight_digits_and_made_ones_differ() {
        for right in ["0000", "12345678", " 1234 "] {
            assert_eq!(checked(right).unwrap(), right.trim());
        }
        for wrong in ["", "123", "123456789", "12a4", "１２３４", "12 34", "-123"] {
            assert_eq!(checked(wrong).unwrap_err().code(), "pin_form", "{wrong}");
        }
        let pins: std::collections::HashSet<_> = (0..50).map(|_| made().unwrap()).collect();
        assert!(pins.len() > 45, "{pins:?}");
        assert!(pins.iter().all(|pin| pin.len() == MADE && checked(pin).is_ok()));
    }

    #[test]
    fn the_right_one_opens_and_wrong_ones_make_their_place_wait_at_this_room_only() {
        let (door, start) = (PinDoor::default(), Instant::now());
        let try_at = |room: &str, typed, at| door.enter(room, "123456", typed, from(at));
        for none in [None, Some(""), Some("  ")] {
            assert_eq!(try_at("one", none, start), Err(EntryError::PinNeeded));
        }
        assert_eq!(try_at("one", Some("123 456"), start), Ok(()));
        for wrong in ["000000", "1234567", "12345", "654321", "x"] {
            assert_eq!(try_at("one", Some(wrong), start), Err(EntryError::PinWrong));
        }
        let wait = Err(EntryError::PinWait { seconds: 30 });
        assert_eq!(try_at("one", Some("123456"), start), wait, "the right one waits as well");
        assert_eq!(try_at("two", Some("123456"), start), Ok(()));
        assert_eq!(try_at("one", Some("123456"), start + Duration::from_secs(31)), Ok(()));
        assert_eq!(
            try_at("one", Some("000000"), start + Duration::from_secs(31)),
            Err(EntryError::PinWrong)
        );
    }

    #[test]
    fn a_room_without_a_pin_is_opened_by_none() {
        let door = PinDoor::default();
        let tried = door.enter("one", "", Some("0"), from(Instant::now()));
        assert_eq!(tried, Err(EntryError::PinWrong));
    }
}
