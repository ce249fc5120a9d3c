//! What an interface can be set to, and what will not do. Pure: nothing is touched before this agrees.

use super::error::{NetworkError, invalid};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use utoipa::ToSchema;

/// What resolvers use at most is three of each family.
const MOST_DNS: usize = 6;
const MOST_SEARCH: usize = 6;
/// RFC 1035 §2.3.4.
const LONGEST_DOMAIN: usize = 253;
/// IFNAMSIZ of the kernel without its last zero.
const LONGEST_NAME: usize = 15;
/// IEEE 802.1Q: 0 is no VLAN and 4095 is reserved.
const VLANS: std::ops::RangeInclusive<u16> = 1..=4094;

/// How an interface gets its IPv4 address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ipv4Way {
    #[default]
    Dhcp,
    Static,
    Off,
}

/// How an interface gets its IPv6 addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ipv6Way {
    /// Router advertisements (SLAAC), and DHCPv6 where those say so.
    #[default]
    Auto,
    Static,
    Off,
}

/// IPv4 of an interface. What is not static ignores the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ipv4Settings {
    pub way: Ipv4Way,
    #[serde(default)]
    #[schema(required)]
    pub address: String,
    #[serde(default)]
    #[schema(required)]
    pub prefix: u8,
    /// Empty: none.
    #[serde(default)]
    #[schema(required)]
    pub gateway: String,
}

/// IPv6 of an interface. What is not static ignores the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ipv6Settings {
    pub way: Ipv6Way,
    #[serde(default)]
    #[schema(required)]
    pub address: String,
    #[serde(default)]
    #[schema(required)]
    pub prefix: u8,
    /// Empty: none.
    #[serde(default)]
    #[schema(required)]
    pub gateway: String,
}

/// What an interface is set to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InterfaceSettings {
    pub ipv4: Ipv4Settings,
    pub ipv6: Ipv6Settings,
    /// Asked before those that DHCP and routers name.
    #[serde(default)]
    #[schema(required)]
    pub dns: Vec<String>,
    /// Domains that are tried after a short name.
    #[serde(default)]
    #[schema(required)]
    pub search: Vec<String>,
}

/// A fixed address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed<A> {
    pub address: A,
    pub prefix: u8,
    pub gateway: Option<A>,
}

/// IPv4 as it can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanV4 {
    Dhcp,
    Fixed(Fixed<Ipv4Addr>),
    Off,
}

/// IPv6 as it can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanV6 {
    Auto,
    Fixed(Fixed<Ipv6Addr>),
    Off,
}

/// Settings that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub v4: PlanV4,
    pub v6: PlanV6,
    pub dns: Vec<IpAddr>,
    pub search: Vec<String>,
}

impl Plan {
    /// Addresses that are known before anybody was asked, with their prefix.
    pub fn addresses(&self) -> Vec<String> {
        let mut all = Vec::new();
        if let PlanV4::Fixed(fixed) = &self.v4 {
            all.push(format!("{}/{}", fixed.address, fixed.prefix));
        }
        if let PlanV6::Fixed(fixed) = &self.v6 {
            all.push(format!("{}/{}", fixed.address, fixed.prefix));
        }
        all
    }
}

/// The bits of a prefix of `bits` bits, in the upper end of `width`.
fn mask(prefix: u8, width: u8) -> u128 {
    let all = u128::MAX >> (128 - u32::from(width));
    if prefix == 0 { 0 } else { all << (width - prefix) & all }
}

fn same_network(one: u128, other: u128, prefix: u8, width: u8) -> bool {
    (one ^ other) & mask(prefix, width) == 0
}

fn v4_fits(address: Ipv4Addr) -> bool {
    let first = address.octets()[0];
    first != 0 && first < 240 && !address.is_loopback() && !address.is_multicast()
}

fn v6_fits(address: Ipv6Addr) -> bool {
    let mapped = address.to_ipv4_mapped().is_some();
    !(address.is_unspecified() || address.is_loopback() || address.is_multicast() || mapped)
}

impl Ipv4Settings {
    fn checked(&self) -> Result<PlanV4, NetworkError> {
        match self.way {
            Ipv4Way::Dhcp => return Ok(PlanV4::Dhcp),
            Ipv4Way::Off => return Ok(PlanV4::Off),
            Ipv4Way::Static => {}
        }
        let address: Ipv4Addr = self.address.trim().parse().map_err(|_| {
            invalid("ipv4.address", "the IPv4 address has four numbers with dots, like 192.168.1.5")
        })?;
        if !v4_fits(address) || address.is_link_local() {
            let why = "this IPv4 address is kept for other things: take one of your network";
            return Err(invalid("ipv4.address", why));
        }
        let prefix = self.prefix;
        if !(1..=32).contains(&prefix) {
            let why = "the prefix length is between 1 and 32: 24 is the mask 255.255.255.0";
            return Err(invalid("ipv4.prefix", why));
        }
        let bits = |address: Ipv4Addr| u128::from(u32::from(address));
        // RFC 3021: a network of two has neither its own address nor one for all.
        let host = !mask(prefix, 32) & u128::from(u32::MAX);
        let is_host = |address: Ipv4Addr| {
            prefix >= 31 || (bits(address) & host != 0 && bits(address) & host != host)
        };
        if !is_host(address) {
            let why = format!("with a prefix of {prefix} this is the network itself, or all of it");
            return Err(invalid("ipv4.address", why));
        }
        let typed = self.gateway.trim();
        let gateway = match typed.is_empty() {
            true => None,
            false => Some(typed.parse::<Ipv4Addr>().map_err(|_| {
                invalid("ipv4.gateway", "the gateway is an IPv4 address, like 192.168.1.1")
            })?),
        };
        if let Some(gateway) = gateway {
            if gateway == address {
                return Err(invalid("ipv4.gateway", "the gateway is another machine than the box"));
            }
            if !same_network(bits(gateway), bits(address), prefix, 32) || !is_host(gateway) {
                let why = format!("the gateway must be a machine in {address}/{prefix}");
                return Err(invalid("ipv4.gateway", why));
            }
        }
        Ok(PlanV4::Fixed(Fixed { address, prefix, gateway }))
    }
}

impl Ipv6Settings {
    fn checked(&self) -> Result<PlanV6, NetworkError> {
        match self.way {
            Ipv6Way::Auto => return Ok(PlanV6::Auto),
            Ipv6Way::Off => return Ok(PlanV6::Off),
            Ipv6Way::Static => {}
        }
        let address: Ipv6Addr =
            self.address.trim().parse().map_err(|_| {
                invalid("ipv6.address", "this is no IPv6 address, like 2001:db8::5")
            })?;
        if !v6_fits(address) || address.is_unicast_link_local() {
            let why = "this IPv6 address is kept for other things: take one of your network";
            return Err(invalid("ipv6.address", why));
        }
        let prefix = self.prefix;
        if !(1..=128).contains(&prefix) {
            let why = "the prefix length is between 1 and 128, and 64 in most networks";
            return Err(invalid("ipv6.prefix", why));
        }
        let typed = self.gateway.trim();
        let gateway = match typed.is_empty() {
            true => None,
            false => Some(typed.parse::<Ipv6Addr>().map_err(|_| {
                invalid("ipv6.gateway", "the gateway is an IPv6 address, like fe80::1")
            })?),
        };
        if let Some(gateway) = gateway {
            if gateway == address {
                return Err(invalid("ipv6.gateway", "the gateway is another machine than the box"));
            }
            let near = same_network(u128::from(gateway), u128::from(address), prefix, 128);
            // Routers name themselves by their address on the link (RFC 4861 §4.2).
            if !v6_fits(gateway) || !(near || gateway.is_unicast_link_local()) {
                let why = format!(
                    "the gateway must be a machine in {address}/{prefix}, or begin with fe80"
                );
                return Err(invalid("ipv6.gateway", why));
            }
        }
        Ok(PlanV6::Fixed(Fixed { address, prefix, gateway }))
    }
}

/// Letters, digits and hyphens between dots.
fn is_domain(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= LONGEST_DOMAIN && name.split('.').all(label)
}

/// Each once, in their order.
fn once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept = Vec::new();
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

impl InterfaceSettings {
    /// What can be carried out. `taken`: addresses of other interfaces, and whose they are.
    ///
    /// # Errors
    /// What will not do, with its field.
    pub fn checked(&self, taken: &[(IpAddr, &str)]) -> Result<Plan, NetworkError> {
        let (v4, v6) = (self.ipv4.checked()?, self.ipv6.checked()?);
        if (&v4, &v6) == (&PlanV4::Off, &PlanV6::Off) {
            return Err(invalid("ipv6.way", "without IPv4 and IPv6 nobody reaches this interface"));
        }
        let free = |address: IpAddr, field| match taken.iter().find(|(other, _)| *other == address)
        {
            None => Ok(()),
            Some((_, whose)) => {
                Err(invalid(field, format!("{whose} of this box has that address: take another")))
            }
        };
        if let PlanV4::Fixed(fixed) = &v4 {
            free(fixed.address.into(), "ipv4.address")?;
        }
        if let PlanV6::Fixed(fixed) = &v6 {
            free(fixed.address.into(), "ipv6.address")?;
        }
        let mut dns = Vec::new();
        for typed in self.dns.iter().map(|typed| typed.trim()).filter(|typed| !typed.is_empty()) {
            let server: IpAddr = typed
                .parse()
                .map_err(|_| invalid("dns", format!("{typed} is no address of a name server")))?;
            let fits = match server {
                IpAddr::V4(server) => v4_fits(server),
                IpAddr::V6(server) => v6_fits(server),
            };
            if !fits {
                return Err(invalid("dns", format!("{server} cannot be a name server's address")));
            }
            let unused = match server {
                IpAddr::V4(_) => v4 == PlanV4::Off,
                IpAddr::V6(_) => v6 == PlanV6::Off,
            };
            if unused {
                let why = format!("{server} cannot be asked: that kind of addresses is off here");
                return Err(invalid("dns", why));
            }
            dns.push(server);
        }
        let dns = once(dns.into_iter());
        if dns.len() > MOST_DNS {
            return Err(invalid("dns", format!("{MOST_DNS} name servers are the most")));
        }
        let tidy = |typed: &String| typed.trim().trim_end_matches('.').to_lowercase();
        let search = once(self.search.iter().map(tidy).filter(|name| !name.is_empty()));
        if let Some(wrong) = search.iter().find(|name| !is_domain(name)) {
            return Err(invalid(
                "search",
                format!("{wrong} is no domain, like office.example.org"),
            ));
        }
        if search.len() > MOST_SEARCH {
            return Err(invalid("search", format!("{MOST_SEARCH} search domains are the most")));
        }
        Ok(Plan { v4, v6, dns, search })
    }
}

/// The name of a VLAN's interface. `names`: those that there are.
///
/// # Errors
/// The id is none, or there is this VLAN.
pub(super) fn vlan_name(parent: &str, id: u16, names: &[&str]) -> Result<String, NetworkError> {
    if !VLANS.contains(&id) {
        return Err(invalid("id", "a VLAN's id is between 1 and 4094"));
    }
    let long = format!("{parent}.{id}");
    let name = if long.len() <= LONGEST_NAME { long } else { format!("vlan{id}") };
    match names.contains(&name.as_str()) {
        true => Err(invalid("id", format!("there is a VLAN {id} already: {name}"))),
        false => Ok(name),
    }
}

#[cfg(test)]
mod tests;
