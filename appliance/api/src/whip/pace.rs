//! How often one place may ask: sessions cost more than the requests that begin them.
//!
//! Pure: time is an argument. Nothing lasts: a restart forgives.

use roombox_control::guard::place;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Requests at once from one place: a wall of players behind one router that comes back after a
/// power cut. In the long run one in [`EACH`].
const AT_ONCE: u32 = 60;
const EACH: Duration = Duration::from_millis(250);
/// Places that are remembered. Whoever has more of them is not stopped by this, but by the keys that
/// a session needs.
const PLACES: usize = 1024;

/// When the requests of each place so far are forgiven.
#[derive(Debug, Default)]
pub(super) struct Pace(HashMap<IpAddr, Instant>);

impl Pace {
    /// Counts a request.
    ///
    /// # Errors
    /// The place must wait for so many seconds.
    pub(super) fn ask(&mut self, now: Instant, address: IpAddr) -> Result<(), u64> {
        let place = place(address);
        if self.0.len() >= PLACES && !self.0.contains_key(&place) {
            self.0.retain(|_, forgiven| *forgiven > now);
        }
        if self.0.len() >= PLACES
            && !self.0.contains_key(&place)
            && let Some(calmest) = self.0.iter().min_by_key(|(_, at)| **at).map(|(at, _)| *at)
        {
            self.0.remove(&calmest);
        }
        let forgiven = self.0.get(&place).map_or(now, |at| (*at).max(now)) + EACH;
        let over = forgiven.saturating_duration_since(now).saturating_sub(EACH * AT_ONCE);
        if !over.is_zero() {
            return Err(over.as_secs_f64().ceil() as u64);
        }
        self.0.insert(place, forgiven);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_at_once_are_let_in_and_then_each_in_its_time() {
        let (now, here) = (Instant::now(), IpAddr::from([192, 0, 2, 1]));
        let mut pace = Pace::default();
        let let_in = (0..1000).filter(|_| pace.ask(now, here).is_ok()).count();
        assert_eq!(let_in, AT_ONCE as usize);
        assert_eq!(pace.ask(now, here), Err(1));
        assert_eq!(pace.ask(now, IpAddr::from([192, 0, 2, 2])), Ok(()), "another place");
        assert_eq!(pace.ask(now + EACH, here), Ok(()));
        assert!(pace.ask(now + EACH, here).is_err());
    }

    #[test]
    fn no_more_places_are_remembered_than_may_be() {
        let now = Instant::now();
        let mut pace = Pace::default();
        for n in 0..5000u32 {
            pace.ask(now, IpAddr::from(n.to_be_bytes())).unwrap();
        }
        assert!(pace.0.len() <= PLACES);
    }
}
