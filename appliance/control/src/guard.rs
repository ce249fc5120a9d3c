//! Who may try a password, and when: wrong ones make their sender wait, not everybody.
//!
//! Pure: time is an argument. Nothing lasts: a restart forgives.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Wrong passwords in a row from one place before it must pause.
const FREE_FAILURES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(900);
/// Places that are remembered. Whoever has more can make the box forget his pauses, and then meets
/// the account's own limit.
const PLACES: usize = 256;
/// Wrong passwords from all strange places together: so many at once, one a minute in the long run.
/// A password of ten characters outlasts that, and a few guessing machines do not use it up.
const STRANGERS: u32 = 60;
const STRANGER_EACH: Duration = Duration::from_secs(60);
/// Places from which the right password came: the account's limit is not theirs.
const FAMILIAR: usize = 64;
const FAMILIAR_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// The place behind an address, as far as limits are concerned: whoever has an IPv6 address has all
/// of its /64 (RFC 6177), and IPv4 in IPv6 clothes (RFC 4291 §2.5.5.2) is IPv4.
pub fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)))
        }
        other => other,
    }
}

fn seconds(wait: Duration) -> u64 {
    wait.as_secs_f64().ceil() as u64
}

#[derive(Debug)]
struct Tries {
    failures: u32,
    last: Instant,
    blocked_until: Option<Instant>,
}

/// Counts tries by place and for the account as a whole.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    places: HashMap<IpAddr, Tries>,
    familiar: HashMap<IpAddr, Instant>,
    /// When the tries of strangers so far are forgiven.
    forgiven: Option<Instant>,
}

impl Guard {
    /// Counts a try before it is checked: many guesses at once are many guesses.
    ///
    /// # Errors
    /// The place must wait for so many seconds, or strangers must.
    pub(crate) fn try_from(&mut self, now: Instant, address: IpAddr) -> Result<(), u64> {
        self.waits(now, address)?;
        let place = place(address);
        let wait = |until: Instant| until.saturating_duration_since(now);
        if !self.is_familiar(now, place) {
            let forgiven = self.forgiven.map_or(now, |at| at.max(now)) + STRANGER_EACH;
            let over = wait(forgiven).saturating_sub(STRANGER_EACH * STRANGERS);
            if !over.is_zero() {
                return Err(seconds(over));
            }
            self.forgiven = Some(forgiven);
        }
        self.wrong(now, address);
        Ok(())
    }

    /// Whether this place must wait, whatever strangers have tried.
    ///
    /// # Errors
    /// For so many seconds.
    pub(crate) fn waits(&self, now: Instant, address: IpAddr) -> Result<(), u64> {
        let tries = self.places.get(&place(address));
        let until = tries.and_then(|tries| tries.blocked_until).filter(|until| *until > now);
        until.map_or(Ok(()), |until| Err(seconds(until.saturating_duration_since(now))))
    }

    /// Counts a try from there that was wrong, or is until [`Guard::right`] says otherwise.
    pub(crate) fn wrong(&mut self, now: Instant, address: IpAddr) {
        let place = place(address);
        self.make_room(now, place);
        let tries = self.places.entry(place).or_insert(Tries {
            failures: 0,
            last: now,
            blocked_until: None,
        });
        tries.last = now;
        tries.failures += 1;
        if tries.failures >= FREE_FAILURES {
            let doublings = (tries.failures - FREE_FAILURES).min(8);
            tries.blocked_until = Some(now + (FIRST_PAUSE * (1 << doublings)).min(LONGEST_PAUSE));
        }
    }

    /// The try that was just counted had the right password.
    pub(crate) fn right(&mut self, now: Instant, address: IpAddr) {
        let place = place(address);
        self.places.remove(&place);
        if !self.is_familiar(now, place) {
            self.forgiven = self.forgiven.and_then(|at| at.checked_sub(STRANGER_EACH));
        }
        if self.familiar.len() >= FAMILIAR && !self.familiar.contains_key(&place) {
            let oldest = self.familiar.iter().min_by_key(|(_, since)| **since);
            if let Some(oldest) = oldest.map(|(place, _)| *place) {
                self.familiar.remove(&oldest);
            }
        }
        self.familiar.insert(place, now);
    }

    fn is_familiar(&self, now: Instant, place: IpAddr) -> bool {
        let since = self.familiar.get(&place);
        let fresh = |since: &Instant| now.saturating_duration_since(*since) < FAMILIAR_FOR;
        place.is_loopback() || since.is_some_and(fresh)
    }

    /// Forgets the place that matters least: one that need not wait, else the one that has waited
    /// longest.
    fn make_room(&mut self, now: Instant, new: IpAddr) {
        if self.places.len() < PLACES || self.places.contains_key(&new) {
            return;
        }
        let worth = |tries: &Tries| (tries.blocked_until.filter(|until| *until > now), tries.last);
        let least = self.places.iter().min_by_key(|(_, tries)| worth(tries));
        if let Some(least) = least.map(|(place, _)| *place) {
            self.places.remove(&least);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// The n-th address of a network with many.
    fn stranger(n: u32) -> IpAddr {
        IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n))
    }

    #[test]
    fn wrong_passwords_make_their_own_place_wait_and_no_other() {
        let start = Instant::now();
        let mut guard = Guard::default();
        let (eve, ada) = (address("192.0.2.1"), address("192.0.2.2"));
        for _ in 0..FREE_FAILURES {
            guard.try_from(start, eve).unwrap();
        }
        assert_eq!(guard.try_from(start, eve), Err(30));
        assert_eq!(guard.try_from(start, ada), Ok(()));
        let later = start + FIRST_PAUSE;
        assert_eq!(guard.try_from(later, eve), Ok(()));
        assert_eq!(guard.try_from(later, eve), Err(60), "each pause is twice as long");
        guard.right(later, ada);
        assert_eq!(guard.try_from(later, eve), Err(60), "another's success forgives nothing");
    }

    #[test]
    fn who_has_an_ipv6_address_has_all_of_its_network() {
        for (one, other, same) in [
            ("2001:db8::1", "2001:db8::ffff:0:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("::1", "::2", false),
        ] {
            assert_eq!(place(address(one)) == place(address(other)), same, "{one} {other}");
        }
        assert!(place(address("::1")).is_loopback());
    }

    #[test]
    fn many_places_together_guess_no_faster_and_do_not_lock_the_owner_out() {
        let start = Instant::now();
        let mut guard = Guard::default();
        let ada = address("192.0.2.2");
        guard.try_from(start, ada).unwrap();
        guard.right(start, ada);
        let guesses = |guard: &mut Guard, at: Instant, first: u32| {
            (first..first + 1000).filter(|n| guard.try_from(at, stranger(*n)).is_ok()).count()
        };
        assert_eq!(guesses(&mut guard, start, 0), STRANGERS as usize);
        assert_eq!(guard.try_from(start, stranger(5000)), Err(60));
        let later = start + STRANGER_EACH * 30;
        assert_eq!(guesses(&mut guard, later, 1000), 30);
        assert_eq!(guard.try_from(later, ada), Ok(()), "the right password came from here before");
        assert_eq!(
            guard.try_from(later, address("::1")),
            Ok(()),
            "who is at the box is no stranger"
        );
    }

    #[test]
    fn the_table_is_bounded_and_keeps_who_must_wait() {
        let start = Instant::now();
        let mut guard = Guard::default();
        // A machine has so many addresses of its own that the account's limit does not bound them.
        let own = |n: u32| IpAddr::V4(std::net::Ipv4Addr::from_bits(0x7f00_0001 + n));
        for _ in 0..FREE_FAILURES {
            guard.try_from(start, own(0)).unwrap();
        }
        for n in 1..2000 {
            guard.try_from(start + Duration::from_millis(1) * n, own(n)).unwrap();
        }
        assert_eq!(guard.places.len(), PLACES);
        assert!(guard.try_from(start + Duration::from_secs(3), own(0)).is_err());
    }
}
