//! How near the box goes when it is told to connect: an address that somebody typed must not turn it against
//! itself.
//!
//! Everything that is typed has the same bound ([`Bound::named`]): this machine and what is on its links alone
//! (RFC 6890) are not connected to, unless who starts the program has allowed that address. What a name leads to
//! is judged where it is connected to, each time anew: a redirect, and a name that leads elsewhere than a moment
//! ago, get no further.

use crate::reach::ReachError;
use crate::zone::Zone;
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;

/// What of this machine, and of its links alone, the program may be told to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Neighbours {
    /// These addresses; of none, nothing.
    These(Vec<IpAddr>),
    /// Everything: in development, where the other side runs on the same machine.
    All,
}

impl Neighbours {
    fn has(&self, address: IpAddr) -> bool {
        match self {
            Self::All => true,
            Self::These(these) => {
                these.iter().any(|known| known.to_canonical() == address.to_canonical())
            }
        }
    }
}

static NEIGHBOURS: OnceLock<Neighbours> = OnceLock::new();

/// Says once which neighbours the program may be told to connect to; a second time changes nothing. Of a program
/// that does not say, none.
pub fn allow_neighbours(neighbours: Neighbours) {
    NEIGHBOURS.get_or_init(|| neighbours);
}

/// How near a connection may lead.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    /// Not to this machine nor what is on its links alone, but for these.
    Beyond(&'static Neighbours),
    /// No nearer than this zone, whatever was allowed.
    NoNearer(Zone),
}

impl Bound {
    /// Of all that the owner may name.
    pub(crate) fn named() -> Self {
        // Unit tests play the other side themselves.
        let none = || if cfg!(test) { Neighbours::All } else { Neighbours::These(Vec::new()) };
        Self::Beyond(NEIGHBOURS.get_or_init(none))
    }

    /// Where an address leads, if that is too near.
    pub(crate) fn refuses(self, address: IpAddr) -> Option<Zone> {
        match self {
            Self::Beyond(neighbours) => {
                let near = Zone::of(address) == Zone::Machine || is_own(address);
                (near && !neighbours.has(address)).then_some(Zone::Machine)
            }
            Self::NoNearer(nearest) => {
                let own = nearest > Zone::Machine && is_own(address);
                let zone = if own { Zone::Machine } else { Zone::of(address) };
                (zone < nearest).then_some(zone)
            }
        }
    }

    /// Whether a connection is refused that this machine answers from where it asks: it may have addresses that
    /// none of its interfaces has.
    pub(crate) fn refuses_own(self, far: IpAddr, near: IpAddr) -> bool {
        let guards = match self {
            Self::Beyond(neighbours) => !neighbours.has(far),
            Self::NoNearer(nearest) => nearest > Zone::Machine,
        };
        guards && far == near
    }

    /// What is said of a host that leads too near.
    pub(crate) fn trouble(self, host: &str, zone: Zone) -> ReachError {
        let host = host.to_owned();
        match self {
            Self::Beyond(_) => ReachError::Itself { host },
            Self::NoNearer(_) => ReachError::TooNear { host, zone },
        }
    }

    /// Whether names may be followed only where this machine has looked them up itself.
    pub(crate) fn wants_judgement(self) -> bool {
        matches!(self, Self::NoNearer(nearest) if nearest > Zone::Machine)
    }
}

/// What of `found` may be connected to.
///
/// # Errors
/// Nothing of it; where the first leads.
pub(crate) fn allowed(found: &[SocketAddr], bound: Bound) -> Result<Vec<SocketAddr>, Zone> {
    let mut refused = None;
    let mut allowed = Vec::new();
    for at in found {
        match bound.refuses(at.ip()) {
            None => allowed.push(*at),
            Some(zone) => refused = refused.or(Some(zone)),
        }
    }
    match refused {
        Some(zone) if allowed.is_empty() => Err(zone),
        _ => Ok(allowed),
    }
}

/// Whether one of this machine's interfaces has an address: packets to it come back.
fn is_own(address: IpAddr) -> bool {
    let address = address.to_canonical();
    // The kernel tells anybody; if it does not, what a connection comes from is looked at still.
    let own = if_addrs::get_if_addrs().unwrap_or_default();
    own.iter().any(|interface| interface.ip() == address)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// As on a box that ships.
    pub(crate) static NOBODY: Neighbours = Neighbours::These(Vec::new());

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn of_what_is_named_the_house_is_reached_and_neither_the_machine_nor_its_links() {
        let bound = Bound::Beyond(&NOBODY);
        for near in
            ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "0.0.0.0", "::ffff:127.0.0.1"]
        {
            assert_eq!(bound.refuses(ip(near)), Some(Zone::Machine), "{near}");
        }
        for far in ["192.168.1.2", "10.0.0.1", "fd00::1", "1.1.1.1", "2606:4700::1111"] {
            assert_eq!(bound.refuses(ip(far)), None, "{far}");
        }
        assert!(bound.refuses_own(ip("192.168.1.2"), ip("192.168.1.2")));
        assert!(!bound.refuses_own(ip("192.168.1.2"), ip("192.168.1.3")));
    }

    #[test]
    fn what_was_allowed_at_the_start_is_reached_and_its_neighbour_is_not() {
        static ONE: OnceLock<Neighbours> = OnceLock::new();
        let bound = Bound::Beyond(ONE.get_or_init(|| Neighbours::These(vec![ip("127.0.0.1")])));
        assert_eq!(bound.refuses(ip("127.0.0.1")), None);
        assert_eq!(bound.refuses(ip("::ffff:127.0.0.1")), None, "it is the same");
        assert!(!bound.refuses_own(ip("127.0.0.1"), ip("127.0.0.1")));
        assert!(bound.refuses(ip("127.0.0.2")).is_some());
        assert!(bound.refuses(ip("169.254.169.254")).is_some());
        // Who may send no nearer than the internet is not let in by it.
        assert!(Bound::NoNearer(Zone::Internet).refuses(ip("127.0.0.1")).is_some());
    }

    #[test]
    fn each_address_of_this_machine_is_known_before_anything_is_sent() {
        let own: Vec<IpAddr> =
            if_addrs::get_if_addrs().unwrap().iter().map(if_addrs::Interface::ip).collect();
        assert!(!own.is_empty());
        for address in own {
            assert_eq!(Bound::Beyond(&NOBODY).refuses(address), Some(Zone::Machine), "{address}");
            let webhooks = Bound::NoNearer(Zone::Network);
            assert_eq!(webhooks.refuses(address), Some(Zone::Machine), "{address}");
            assert_eq!(Bound::NoNearer(Zone::Machine).refuses(address), None, "{address}");
        }
    }
}
