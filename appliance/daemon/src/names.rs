//! Under which names and addresses this machine is reached at the moment.

use crate::certificates::Names;
use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;

/// The name under which every box is looked for first.
pub const WELL_KNOWN: &str = "roombox.local";

/// How much of the box's id its own name has: of a thousand boxes two have the same once in two thousand
/// networks.
const TAIL: usize = 6;

/// This machine's host name, in small letters; without one (or with one that is no host name,
/// RFC 1123 §2.1), `roombox`.
pub fn host() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy().to_ascii_lowercase();
    let fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match name.len() <= 253 && name.split('.').all(fits) {
        true => name,
        false => "roombox".to_owned(),
    }
}

/// The name on its network that this box has alone, whatever its host is called.
pub fn own(id: &str) -> String {
    let tail: String = id.chars().rev().filter(char::is_ascii_alphanumeric).take(TAIL).collect();
    let tail: String = tail.chars().rev().collect();
    format!("roombox-{}.local", tail.to_ascii_lowercase())
}

/// All names and addresses of this machine, and the addresses that it was told. `id`: the box's.
///
/// # Errors
/// The kernel does not tell.
pub fn all(id: &str, told: impl IntoIterator<Item = IpAddr>) -> io::Result<Names> {
    let host = host();
    let mut dns: BTreeSet<String> = [WELL_KNOWN, "localhost"].map(str::to_owned).into();
    dns.insert(own(id));
    if !host.contains('.') {
        dns.insert(format!("{host}.local"));
    }
    dns.insert(host);
    let interfaces = if_addrs::get_if_addrs()?.into_iter().map(|interface| interface.ip());
    let mut addresses: BTreeSet<IpAddr> = interfaces.filter(in_addresses_of_pages).collect();
    addresses.extend(told);
    Ok(Names { dns, addresses })
}

/// Link-local IPv6 addresses mean something only together with an interface, which browsers do not
/// take.
fn in_addresses_of_pages(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(v6) => !v6.is_unicast_link_local(),
    }
}
