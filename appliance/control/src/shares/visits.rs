//! Who watches by a share link at the moment: pure, time is an argument. Nothing lasts: after a restart
//! a password is asked for again.

use crate::guard::place;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// A visit ends after this, used or not.
pub(super) const VISIT: Duration = Duration::from_secs(12 * 3600);
/// Visits that are remembered. Then one of the link that has most must give its password again: who
/// opens one link without end ends nobody's visit by another.
const MOST: usize = 4096;
/// Visits by one link; then its oldest goes.
const MOST_BY_ONE: usize = 1024;
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

    /// Whether somebody came by this link from there just now.
    pub(super) fn knows(&self, now: Instant, share: &str, from: IpAddr) -> bool {
        let place = place(from);
        let fresh = |visit: &Visit| now.saturating_duration_since(visit.since) < SAME;
        self.0.values().any(|visit| visit.share == share && visit.place == place && fresh(visit))
    }

    /// Begins a visit.
    pub(super) fn begin(&mut self, now: Instant, secret: [u8; 32], share: &str, from: IpAddr) {
        self.0.retain(|_, visit| now.saturating_duration_since(visit.since) < VISIT);
        let by_this = self.0.values().filter(|visit| visit.share == share).count();
        if by_this >= MOST_BY_ONE {
            self.forget_oldest(share);
        } else if self.0.len() >= MOST {
            self.make_room();
        }
        self.0.insert(secret, Visit { share: share.to_owned(), place: place(from), since: now });
    }

    fn make_room(&mut self) {
        let mut links: HashMap<&str, usize> = HashMap::new();
        for visit in self.0.values() {
            *links.entry(&visit.share).or_default() += 1;
        }
        let most = links.into_iter().max_by_key(|(_, visits)| *visits);
        if let Some(share) = most.map(|(share, _)| share.to_owned()) {
            self.forget_oldest(&share);
        }
    }

    fn forget_oldest(&mut self, share: &str) {
        let of_it = self.0.iter().filter(|(_, visit)| visit.share == share);
        let oldest = of_it.min_by_key(|(_, visit)| visit.since).map(|(secret, _)| *secret);
        if let Some(oldest) = oldest {
            self.0.remove(&oldest);
        }
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
        visits.begin(start, [1; 32], "shr_1", address(1));
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
        assert!(!visits.knows(start, "shr_1", address(1)));
        visits.begin(start, [1; 32], "shr_1", address(1));
        assert!(visits.knows(start, "shr_1", address(1)));
        assert!(!visits.knows(start, "shr_1", address(2)), "from elsewhere");
        assert!(!visits.knows(start, "shr_2", address(1)), "by another link");
        assert!(!visits.knows(start + SAME, "shr_1", address(1)), "later");
    }

    fn secret(n: usize) -> [u8; 32] {
        let mut secret = [0; 32];
        secret[..8].copy_from_slice(&n.to_le_bytes());
        secret
    }

    #[test]
    fn a_link_that_is_opened_without_end_ends_only_its_own_oldest_visits() {
        let (mut visits, start) = (Visits::default(), Instant::now());
        visits.begin(start, [1; 32], "shr_2", address(1));
        for n in 0..MOST + 10 {
            let at = start + Duration::from_millis(n as u64);
            visits.begin(at, secret(n), "shr_1", address(1));
        }
        assert!(visits.is_one(start, &[1; 32], "shr_2"), "the oldest, by another link");
        assert_eq!(visits.0.len(), MOST_BY_ONE + 1);
        let first = MOST + 10 - MOST_BY_ONE;
        assert!(!visits.is_one(start, &secret(first - 1), "shr_1"));
        assert!(visits.is_one(start, &secret(first), "shr_1"));
    }

    #[test]
    fn a_full_table_takes_from_the_link_with_most_visits() {
        let (mut visits, start) = (Visits::default(), Instant::now());
        visits.begin(start, [1; 32], "shr_few", address(1));
        for n in 0..MOST - 1 {
            visits.begin(start, secret(n), &format!("shr_{}", n % 5), address(1));
        }
        for n in MOST..MOST + 100 {
            visits.begin(start, secret(n), &format!("shr_{n}"), address(1));
        }
        assert_eq!(visits.0.len(), MOST);
        assert!(visits.is_one(start, &[1; 32], "shr_few"));
        assert!(visits.is_one(start, &secret(MOST), &format!("shr_{MOST}")));
    }
}
