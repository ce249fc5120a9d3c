//! Sign-ins that were begun and are awaited: each bound to one browser, good once, for ten minutes.

use crate::guard::place;
use crate::people::hashed;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::OidcRow;

/// A sign-in takes so long at most, with a second factor and a forgotten password.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);
/// All of them,
const MOST: usize = 1024;
/// and those of one place. Of more the oldest of whoever began most go: they make nobody else begin anew.
const OF_ONE_PLACE: usize = 64;

/// What somebody wants to come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// To sign in, and to be at this page of the panel then.
    SignIn { page: String },
    /// To connect the account of this person, who has this session.
    Connect { person: String, session: String },
}

/// One that was begun.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub errand: Errand,
    pub nonce: String,
    /// Of PKCE (RFC 7636).
    pub verifier: String,
    pub redirect_uri: String,
    /// With which settings: others mean another provider.
    pub row: Arc<OidcRow>,
    /// Of the cookie of the browser that began.
    pub browser: [u8; 32],
    pub place: IpAddr,
    pub begun: Instant,
}

/// All of them. Pure: time is an argument.
#[derive(Debug, Default)]
pub(super) struct Waiting(HashMap<[u8; 32], Pending>);

impl Waiting {
    pub(super) fn add(&mut self, state: &str, pending: Pending) {
        let now = pending.begun;
        self.0.retain(|_, other| now.saturating_duration_since(other.begun) < PATIENCE);
        let mut places: HashMap<IpAddr, Vec<(Instant, [u8; 32])>> = HashMap::new();
        for (state, other) in &self.0 {
            places.entry(place(other.place)).or_default().push((other.begun, *state));
        }
        let own = places.remove(&place(pending.place)).unwrap_or_default();
        let crowded = match own.len() >= OF_ONE_PLACE {
            true => Some(&own),
            false if self.0.len() < MOST => None,
            false => places.values().chain([&own]).max_by_key(|begun| begun.len()),
        };
        if let Some((_, oldest)) = crowded.and_then(|begun| begun.iter().min()) {
            self.0.remove(oldest);
        }
        self.0.insert(hashed(state), pending);
    }

    /// The one of this state, which is used up now; `None`: there is none, or it is too old or another
    /// browser's.
    pub(super) fn take(&mut self, state: &str, browser: &str, now: Instant) -> Option<Pending> {
        let pending = self.0.remove(&hashed(state))?;
        let fresh = now.saturating_duration_since(pending.begun) < PATIENCE;
        (fresh && pending.browser == hashed(browser)).then_some(pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(browser: &str, from: u32, begun: Instant) -> Pending {
        Pending {
            errand: Errand::SignIn { page: "/panel/".to_owned() },
            nonce: String::new(),
            verifier: String::new(),
            redirect_uri: String::new(),
            row: Arc::default(),
            browser: hashed(browser),
            place: IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + from)),
            begun,
        }
    }

    #[test]
    fn a_sign_in_is_good_once_for_the_browser_that_began_it_and_not_for_long() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        for state in ["a", "b", "c"] {
            waiting.add(state, pending("mine", 1, now));
        }
        assert!(waiting.take("a", "mine", now).is_some());
        assert!(waiting.take("a", "mine", now).is_none(), "a replay");
        assert!(waiting.take("b", "theirs", now).is_none(), "another browser");
        assert!(waiting.take("b", "mine", now).is_none(), "and then it is gone");
        assert!(waiting.take("c", "mine", now + PATIENCE).is_none(), "too late");
        assert!(waiting.take("x", "mine", now).is_none());
    }

    #[test]
    fn who_begins_many_pushes_out_his_own_and_memory_is_bounded() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        waiting.add("ada", pending("ada", 7, now));
        for n in 0..1000 {
            waiting.add(&format!("eve {n}"), pending("eve", 1, now));
        }
        assert_eq!(waiting.0.len(), OF_ONE_PLACE + 1);
        assert!(waiting.take("ada", "ada", now).is_some());
        for n in 0..2000 {
            waiting.add(&format!("many {n}"), pending("many", 100 + n, now));
        }
        assert_eq!(waiting.0.len(), MOST);
        // Many places that begin many each: whoever begins one is not turned away, nor pushed out.
        let mut waiting = Waiting::default();
        for n in 0..20 * OF_ONE_PLACE as u32 {
            waiting.add(&format!("crowd {n}"), pending("crowd", 100 + n % 20, now));
        }
        waiting.add("ada", pending("ada", 7, now));
        for n in 0..20 * OF_ONE_PLACE as u32 {
            waiting.add(&format!("more {n}"), pending("crowd", 100 + n % 20, now));
        }
        assert_eq!(waiting.0.len(), MOST);
        assert!(waiting.take("ada", "ada", now).is_some());
        let later = now + PATIENCE;
        waiting.add("bob", pending("bob", 9, later));
        assert_eq!(waiting.0.len(), 1);
    }
}
