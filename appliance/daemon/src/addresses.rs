//! Under which addresses clients can reach this box.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

/// Each is a candidate by UDP and up to two by TCP in every description: a machine with more has
/// bridges and tunnels that clients do not need.
const MOST: usize = 16;

/// Addresses of all interfaces that are up, IPv4 first. Those that mean something on their link only
/// (RFC 3927), and then loopback, only if there is nothing else; link-local IPv6 never, because
/// nobody can use it without naming an interface.
///
/// # Errors
/// The kernel does not tell.
pub fn local_addresses() -> io::Result<Vec<IpAddr>> {
    let all = if_addrs::get_if_addrs()?.into_iter().map(|interface| interface.ip());
    Ok(reachable(all.collect()))
}

fn reachable(all: Vec<IpAddr>) -> Vec<IpAddr> {
    let of = |worth: u8| {
        let mut found: Vec<IpAddr> = all.iter().copied().filter(|ip| rank(ip) == worth).collect();
        found.sort_by_key(IpAddr::is_ipv6);
        found.truncate(MOST);
        found
    };
    let found = (1..=2).map(of).find(|found| !found.is_empty());
    found.unwrap_or_else(|| vec![Ipv4Addr::LOCALHOST.into()])
}

/// 1: good for everybody, 2: on one link, 3: for nobody else.
fn rank(ip: &IpAddr) -> u8 {
    match ip {
        IpAddr::V4(ip) if ip.is_loopback() || ip.is_unspecified() => 3,
        IpAddr::V4(ip) if ip.is_link_local() => 2,
        IpAddr::V6(ip) if ip.is_loopback() || ip.is_unspecified() || ip.is_unicast_link_local() => {
            3
        }
        IpAddr::V4(_) | IpAddr::V6(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_advertised_if_others_can_use_it() {
        for (all, expected) in [
            (&["127.0.0.1", "::1", "fe80::1"][..], &["127.0.0.1"][..]),
            (&["127.0.0.1", "169.254.7.7", "fe80::1"], &["169.254.7.7"]),
            (&["::1", "fe80::1", "fd00::5"], &["fd00::5"]),
            (
                &["127.0.0.1", "2001:db8::5", "169.254.7.7", "192.168.1.5", "10.0.0.5", "fe80::1"],
                &["192.168.1.5", "10.0.0.5", "2001:db8::5"],
            ),
            (&[], &["127.0.0.1"]),
        ] {
            let parsed = |texts: &[&str]| -> Vec<IpAddr> {
                texts.iter().map(|text| text.parse().unwrap()).collect()
            };
            assert_eq!(reachable(parsed(all)), parsed(expected), "{all:?}");
        }
        let many = (0..100).map(|n| Ipv4Addr::new(10, 0, 0, n).into()).collect();
        assert_eq!(reachable(many).len(), MOST);
    }
}
