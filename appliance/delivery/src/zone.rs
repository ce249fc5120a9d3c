//! How near an address is to the box: what it is told to send must not turn against its neighbours.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address leads, by the registries of RFC 6890; nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Zone {
    /// To the box itself, to everybody on a link, or to nobody.
    Machine,
    /// To the network of the house.
    Network,
    /// To anywhere else.
    Internet,
}

impl Zone {
    /// Where an address leads. One with an IPv4 address in it leads where that one does.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => match inner(address) {
                Some(inner) => of_v4(inner),
                None => of_v6(address),
            },
        }
    }

    /// What helps whoever may send no nearer.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Machine => "nothing is sent there",
            Self::Network => "say in the settings that the receiver is in your own network",
            Self::Internet => "it may be sent there",
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machine => "this box itself or a link-local address",
            Self::Network => "a private network",
            Self::Internet => "the internet",
        })
    }
}

fn of_v4(address: Ipv4Addr) -> Zone {
    let [first, second, ..] = address.octets();
    // "This network", reserved and broadcast (RFC 1122 §3.2.1.3, RFC 1112 §4).
    let nobody = first == 0 || first >= 240 || address.is_multicast();
    // Shared by customers of a provider (RFC 6598), and for measurements (RFC 2544).
    let shared = first == 100 && second & 0xc0 == 64 || first == 198 && second & 0xfe == 18;
    // What no router outside knows, some labs use (RFC 5737, RFC 6890 §2.2.2).
    let unrouted = address.is_documentation() || address.octets()[..3] == [192, 0, 0];
    if nobody || address.is_loopback() || address.is_link_local() {
        Zone::Machine
    } else if address.is_private() || shared || unrouted {
        Zone::Network
    } else {
        Zone::Internet
    }
}

fn of_v6(address: Ipv6Addr) -> Zone {
    let first = address.segments()[0];
    // Site-local addresses are no more, and networks that still have them are private (RFC 3879).
    let site_local = first & 0xffc0 == 0xfec0;
    // NAT64 of a network's own (RFC 8215).
    let own_nat64 = address.segments()[..3] == [0x64, 0xff9b, 1];
    // RFC 3849, RFC 9637.
    let documentation = address.segments()[..2] == [0x2001, 0xdb8] || first & 0xfff0 == 0x3ff0;
    if address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unicast_link_local()
    {
        Zone::Machine
    } else if address.is_unique_local() || site_local || own_nat64 || documentation {
        Zone::Network
    } else {
        Zone::Internet
    }
}

/// The IPv4 address to which packets for this one go in the end: mapped (RFC 4291 §2.5.5), NAT64
/// (RFC 6052 §2.1) or 6to4 (RFC 3056 §2).
fn inner(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let joined = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d, e, f] {
        // `::` and `::1` are no IPv4 addresses.
        [0, 0, 0, 0, 0, 0] if g == 0 => None,
        [0, 0, 0, 0, 0, 0 | 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(joined(g, h)),
        [0x2002, high, low, ..] => Some(joined(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_where_the_registries_say() {
        for (zone, addresses) in [
            (
                Zone::Machine,
                "127.0.0.1 127.9.9.9 0.0.0.0 0.1.2.3 169.254.169.254 224.0.0.251 240.0.0.1 \
                 255.255.255.255 ::1 :: fe80::1 febf::1 ff02::fb ::ffff:127.0.0.1 \
                 ::ffff:169.254.169.254 ::127.0.0.1 64:ff9b::7f00:1 2002:7f00:1::1 2002:a9fe:a9fe::",
            ),
            (
                Zone::Network,
                "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.127.255.255 198.18.0.1 \
                 198.19.255.255 fc00::1 fd12:3456::1 fec0::1 64:ff9b:1::1 ::ffff:10.0.0.1 \
                 64:ff9b::c0a8:101 2002:c0a8:101::1 ::192.168.1.1 192.0.2.2 198.51.100.1 \
                 203.0.113.255 192.0.0.8 2001:db8::1 3fff::1",
            ),
            (
                Zone::Internet,
                "1.1.1.1 9.255.255.255 11.0.0.0 126.255.255.255 128.0.0.1 100.63.255.255 100.128.0.0 \
                 169.253.0.1 172.15.0.1 172.32.0.1 192.167.0.1 198.17.0.1 198.20.0.1 223.255.255.255 \
                 192.0.1.0 192.0.3.0 2001:db9::1 4000::1 2606:4700::1111 fbff::1 ::ffff:1.1.1.1 64:ff9b::101:101 2002:101:101::1",
            ),
        ] {
            for address in addresses.split_whitespace() {
                assert_eq!(Zone::of(address.parse().unwrap()), zone, "{address}");
            }
        }
    }
}
