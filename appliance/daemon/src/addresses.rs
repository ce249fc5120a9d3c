//! Under which addresses clients can reach this box.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

/// IPv4 addresses of all interfaces that are up; loopback only if there is nothing else, because
/// browsers refuse to use it towards other machines.
///
/// # Errors
/// The kernel does not tell.
pub fn local_addresses() -> io::Result<Vec<Ipv4Addr>> {
    let mut found: Vec<Ipv4Addr> = if_addrs::get_if_addrs()?
        .into_iter()
        .filter_map(|interface| match interface.ip() {
            IpAddr::V4(ip) if !ip.is_loopback() => Some(ip),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        found.push(Ipv4Addr::LOCALHOST);
    }
    Ok(found)
}
