//! Who may ask at the doors that stand open for boxes: to be let in with a code, or to borrow a job.

use super::FleetError;
use crate::guard::Guard;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Counts who came without a right, by place: whoever does it again and again waits, and costs no check of a
/// signature meanwhile. No place waits for what others did: a fleet's boxes are more than could be remembered.
#[derive(Debug, Default)]
pub struct Knocks {
    guard: Mutex<Guard>,
    refused: AtomicU64,
}

impl Knocks {
    /// Somebody asks.
    ///
    /// # Errors
    /// This place has asked without a right too often.
    pub fn ask(&self, from: IpAddr) -> Result<(), FleetError> {
        self.guard().waits(Instant::now(), from).map_err(|seconds| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            FleetError::Knocks { seconds }
        })
    }

    /// Whoever asked from there had no right to.
    pub fn wrong(&self, from: IpAddr) {
        self.guard().wrong(Instant::now(), from);
    }

    /// Whoever asked from there had a right to.
    pub fn right(&self, from: IpAddr) {
        self.guard().right(Instant::now(), from);
    }

    /// How many were not even looked at.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn guard(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_knocks_without_a_right_waits_and_is_counted_and_others_come_in() {
        let knocks = Knocks::default();
        let [eve, ada] = ["192.0.2.1", "192.0.2.2"].map(|at| at.parse::<IpAddr>().unwrap());
        let knock = |from| knocks.ask(from).map(|()| knocks.wrong(from));
        let refused = (0..100).filter(|_| knock(eve).is_err()).count();
        assert_eq!((refused, knocks.refused()), (95, 95));
        assert!(matches!(knocks.ask(eve), Err(FleetError::Knocks { seconds: 1..=30 })));
        for _ in 0..100 {
            knocks.ask(ada).unwrap();
            knocks.right(ada);
        }
        // However many strangers there are, whoever is new may ask.
        for n in 0..200 {
            knock(IpAddr::from([198, 51, 100, n])).unwrap();
        }
    }
}
