//! Who watches by a share link at the moment: pure, time is an argument. Nothing lasts: after a restart
//! a password is asked for again.

use crate::guard::place;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// A visit ends after this, used or not.
pub(super) const VISIT: Duration = Duration::from_secs(12 * 3600);
/// Visits that are remembered; then the oldest must give its password again.
const MOST: usize = 4096;
/// Whoever comes again from the same place within this, without the cookie of before, is no new visitor:
/// else a link that is asked for in a loop would keep the disk busy and the list of events full.
const SAME: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Visit {
    share: String,
    place: IpAddr,
    since: Instant,
}

/// The visits of all links, by the hash of their secret.
#[derive(Debug, Default)]
pub(super) struct Visits(HashMap<[u8; 32], Visit>);

impl Visits {
    /// Whether this secret is one of a visit by this link.
    pub(super) fn is_one(&self, now: Instant, secret: &[u8; 32], share: &str) -> bool {
        let lasts = |visit: &&Visit| now.saturating_duration_since(visit.since) < VISIT;
        self.0.get(secret).filter(lasts).is_some_and(|visit| visit.share == share)
    }

    /// Begins a visit; true if it is a new visitor's.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        secret: [u8; 32],
        share: &str,
        from: IpAddr,
    ) -> bool {
        let place = place(from);
        let age = |visit: &Visit| now.saturating_duration_since(visit.since);
        self.0.retain(|_, visit| age(visit) < VISIT);
        if self.0.len() >= MOST
            && let Some(oldest) = self.0.iter().min_by_key(|(_, v)| v.since).map(|(hash, _)| *hash)
        {
            self.0.remove(&oldest);
        }
        let known = self.0.values().any(|v| v.share == share && v.place == place && age(v) < SAME);
        self.0.insert(secret, Visit { share: share.to_owned(), place, since: now });
        !known
    }

    /// Ends all visits by a link.
    pub(super) fn end(&mut self, share: &str) {
        self.0.retain(|_, visit| visit.share != share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    #[test]
    fn a_visit_is_good_for_its_link_and_its_time() {
        let (mut visits, start) = (Visits::default(), Instant::now());
        assert!(visits.begin(start, [1; 32], "shr_1", address(1)));
        assert!(visits.is_one(start, &[1; 32], "shr_1"));
        assert!(!visits.is_one(start, &[1; 32], "shr_2"), "another link's");
        assert!(!visits.is_one(start, &[2; 32], "shr_1"), "nobody's");
        assert!(!visits.is_one(start + VISIT, &[1; 32], "shr_1"), "it is over");
        visits.begin(start, [3; 32], "shr_3", address(1));
        visits.end("shr_1");
        assert!(!visits.is_one(start, &[1; 32], "shr_1"), "revoked");
        assert!(visits.is_one(start, &[3; 32], "shr_3"));
    }

    #[test]
    fn who_comes_again_at_once_is_no_new_visitor() {
        let (mut visits, start) = (Visits::default(), Instant::now());
        assert!(visits.begin(start, [1; 32], "shr_1", address(1)));
        assert!(!visits.begin(start, [2; 32], "shr_1", address(1)));
        assert!(visits.begin(start, [3; 32], "shr_1", address(2)), "from elsewhere");
        assert!(visits.begin(start, [4; 32], "shr_2", address(1)), "by another link");
        assert!(visits.begin(start + SAME, [5; 32], "shr_1", address(1)), "later");
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_goes() {
        let (mut visits, start) = (Visits::default(), Instant::now());
        let secret = |n: usize| {
            let mut secret = [0; 32];
            secret[..8].copy_from_slice(&n.to_le_bytes());
            secret
        };
        for n in 0..MOST + 10 {
            let at = start + Duration::from_millis(n as u64);
            visits.begin(at, secret(n), "shr_1", address(1));
        }
        assert_eq!(visits.0.len(), MOST);
        assert!(!visits.is_one(start, &secret(9), "shr_1"));
        assert!(visits.is_one(start, &secret(10), "shr_1"));
    }
}
