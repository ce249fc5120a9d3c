//! How many connections there are, and whose.

use super::Limits;
use roombox_control::guard::place;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Refusals are told to the log once in this time.
const SAID_EACH: Duration = Duration::from_secs(60);

/// Why there is no seat. The texts go to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("the box has too many connections: close some, or try again in a moment")]
    Everybody,
    #[error(
        "your address has too many connections to the box: close some, or try again in a moment"
    )]
    OneAddress,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_place: HashMap<IpAddr, usize>,
    refused: u64,
    said: Option<Instant>,
}

/// All seats.
#[derive(Debug)]
pub(super) struct Seats {
    limits: Limits,
    taken: Mutex<Taken>,
}

/// One connection's seat; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    place: IpAddr,
}

impl Seats {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, taken: Mutex::default() }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A trusted proxy sits there for many.
    ///
    /// # Errors
    /// Everybody together, or this address, has as many as may be.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr, for_many: bool) -> Result<Seat, Full> {
        let place = place(peer);
        let most = match (for_many, place.is_loopback()) {
            (true, _) => self.limits.connections,
            (false, true) => self.limits.of_this_machine,
            (false, false) => self.limits.of_one_address,
        };
        let mut taken = self.taken();
        if taken.all >= self.limits.connections {
            return Err(Full::Everybody);
        }
        // Counted only where it is kept: the table is as long as there are seats.
        if taken.by_place.get(&place).is_some_and(|count| *count >= most) {
            return Err(Full::OneAddress);
        }
        taken.all += 1;
        *taken.by_place.entry(place).or_default() += 1;
        Ok(Seat { seats: self.clone(), place })
    }

    /// Counts a refusal; now and then, how many there were since that was last told.
    pub(super) fn refused(&self, now: Instant) -> Option<u64> {
        let mut taken = self.taken();
        taken.refused += 1;
        let lately = |said: Instant| now.saturating_duration_since(said) < SAID_EACH;
        if taken.said.is_some_and(lately) {
            return None;
        }
        taken.said = Some(now);
        Some(std::mem::take(&mut taken.refused))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.all -= 1;
        if let Some(count) = taken.by_place.get_mut(&self.place) {
            *count -= 1;
            if *count == 0 {
                taken.by_place.remove(&self.place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats() -> Arc<Seats> {
        let limits =
            Limits { connections: 6, of_one_address: 2, of_this_machine: 4, ..Limits::default() };
        Arc::new(Seats::new(limits))
    }

    #[test]
    fn seats_are_bounded_by_place_and_in_all_and_come_back() {
        // Addresses in order, and what becomes of the last.
        for (peers, last) in [
            (&["192.0.2.1", "192.0.2.1"][..], Ok(())),
            (&["192.0.2.1", "192.0.2.1", "192.0.2.1"], Err(Full::OneAddress)),
            (&["192.0.2.1", "192.0.2.1", "192.0.2.2"], Ok(())),
            (&["2001:db8::1", "2001:db8::2", "2001:db8::3"], Err(Full::OneAddress)),
            (&["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"], Err(Full::OneAddress)),
            (&["127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"], Ok(())),
            (&["::1", "::1", "::1", "::1", "::1"], Err(Full::OneAddress)),
            (
                &["::1", "::1", "::1", "::1", "192.0.2.1", "192.0.2.1", "192.0.2.2"],
                Err(Full::Everybody),
            ),
        ] {
            let seats = seats();
            let mut taken = Vec::new();
            let mut outcome = Ok(());
            for peer in peers {
                outcome = seats.take(peer.parse().unwrap(), false).map(|seat| taken.push(seat));
            }
            assert_eq!(outcome, last, "{peers:?}");
            taken.clear();
            assert!(seats.taken().all == 0 && seats.taken().by_place.is_empty());
        }
    }

    #[test]
    fn refusals_are_told_once_a_minute_with_their_number() {
        let (seats, start) = (seats(), Instant::now());
        assert_eq!(seats.refused(start), Some(1));
        for _ in 0..9 {
            assert_eq!(seats.refused(start + SAID_EACH / 2), None);
        }
        assert_eq!(seats.refused(start + SAID_EACH), Some(10));
    }
}
