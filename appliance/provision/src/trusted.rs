//! Proxies in front of a box whose word is taken about who asks.

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Narrower than this a network is somebody's own: `0.0.0.0/0` would let anybody be anybody.
const WIDEST: (u8, u8) = (8, 16);

/// An address, or a network, of proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyNet(IpNet);

impl ProxyNet {
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl FromStr for ProxyNet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let net = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => text
                .parse::<IpNet>()
                .map_err(|_| {
                    format!("`{text}` is no address or network like 10.1.2.3 or 10.1.0.0/16")
                })?
                .trunc(),
        };
        let widest = if net.addr().is_ipv4() { WIDEST.0 } else { WIDEST.1 };
        match net.prefix_len() >= widest {
            true => Ok(Self(net)),
            false => {
                Err(format!("`{text}` is too wide: every proxy in it could speak for anybody"))
            }
        }
    }
}

/// One address is written without the length of its prefix, as people write it.
impl fmt::Display for ProxyNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.prefix_len() == self.0.max_prefix_len() {
            true => self.0.addr().fmt(f),
            false => self.0.fmt(f),
        }
    }
}

impl Serialize for ProxyNet {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ProxyNet {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_a_network_is_read_and_written_as_people_write_it() {
        for (text, written) in [
            ("192.0.2.7", Ok("192.0.2.7")),
            ("192.0.2.7/32", Ok("192.0.2.7")),
            ("10.1.2.3/16", Ok("10.1.0.0/16")),
            ("2001:db8::1", Ok("2001:db8::1")),
            ("fd00::/32", Ok("fd00::/32")),
            ("10.0.0.0/8", Ok("10.0.0.0/8")),
            ("0.0.0.0/0", Err("too wide")),
            ("128.0.0.0/1", Err("too wide")),
            ("::/0", Err("too wide")),
            ("proxy.example.org", Err("no address")),
            ("10.1.2.3/33", Err("no address")),
            ("", Err("no address")),
        ] {
            let read = text.parse::<ProxyNet>().map(|net| net.to_string());
            match (read, written) {
                (Ok(read), Ok(written)) => assert_eq!(read, written, "{text}"),
                (Err(read), Err(why)) => assert!(read.contains(why), "{text}: {read}"),
                (read, written) => panic!("{text}: {read:?}, not {written:?}"),
            }
        }
        let net: ProxyNet = "10.1.0.0/16".parse().unwrap();
        assert!(net.contains("10.1.255.1".parse().unwrap()));
        assert!(!net.contains("10.2.0.1".parse().unwrap()));
        assert!(!net.contains("2001:db8::1".parse().unwrap()));
    }
}
