//! Where a fleet's hub is, as its members are to know it.

use super::FleetError;
use crate::error::{ControlError, checked_name};
use crate::people::hashed;
use serde::{Deserialize, Serialize};
use std::net::Ipv6Addr;

/// Addresses of one hub.
pub(super) const MOST_ADDRESSES: usize = 8;

/// What a hub says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    pub name: String,
    /// Where its server is, `host:port`, in order.
    pub addresses: Vec<String>,
}

impl Whereabouts {
    /// As it may go into a configuration.
    ///
    /// # Errors
    /// There is no address or too many, one is none, or the name is none.
    pub fn checked(self) -> Result<Self, ControlError> {
        if self.addresses.is_empty() || self.addresses.len() > MOST_ADDRESSES {
            return Err(FleetError::Addresses { most: MOST_ADDRESSES }.into());
        }
        let name = checked_name(&self.name)?;
        let addresses = self.addresses.into_iter().map(checked_address);
        Ok(Self { name, addresses: addresses.collect::<Result<_, _>>()? })
    }

    /// Names what is said here: members say it in their heartbeats.
    pub fn mark(&self) -> String {
        let text = [&self.name].into_iter().chain(&self.addresses);
        let text: Vec<_> = text.map(String::as_str).collect();
        let [a, b, c, d, e, f, g, h, ..] = hashed(&text.join("\n"));
        format!("{:016x}", u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// These addresses, and behind them those under which a member found the hub so far: a new one that
    /// does not work cuts nobody off.
    pub fn after(&self, known: &[String]) -> Vec<String> {
        let mut all = self.addresses.clone();
        all.extend(known.iter().filter(|at| !self.addresses.contains(at)).cloned());
        all.truncate(MOST_ADDRESSES);
        all
    }
}

/// `host:port`, and nothing that a configuration could take for more.
pub(super) fn checked_address(address: String) -> Result<String, FleetError> {
    let good = |sign: char| sign.is_ascii_alphanumeric() || ".-_".contains(sign);
    let fits = address.rsplit_once(':').is_some_and(|(host, port)| {
        // Without brackets nobody knows where an address of version 6 ends.
        let is_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(six) => six.parse::<Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(good),
        };
        is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    match fits {
        true => Ok(address),
        false => Err(FleetError::Address(address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(addresses: &[&str]) -> Whereabouts {
        let addresses = addresses.iter().map(|at| (*at).to_owned()).collect();
        Whereabouts { name: "hub".to_owned(), addresses }
    }

    #[test]
    fn new_addresses_come_first_and_old_ones_stay_behind_them() {
        let known: Vec<_> = (1..=8).map(|n| format!("old{n}:1")).collect();
        let all = said(&["new:1", "old2:1"]).after(&known);
        assert_eq!(all[..4], ["new:1", "old2:1", "old1:1", "old3:1"]);
        assert_eq!(all.len(), 8);
    }

    #[test]
    fn a_mark_is_of_names_and_addresses_in_their_order() {
        let marks =
            [said(&["a:1", "b:1"]), said(&["b:1", "a:1"]), said(&["a:1"])].map(|w| w.mark());
        assert!(marks[0] != marks[1] && marks[1] != marks[2] && marks[0] != marks[2]);
        assert_ne!(Whereabouts { name: "other".to_owned(), ..said(&["a:1"]) }.mark(), marks[2]);
        assert_eq!(said(&["a:1"]).mark(), marks[2]);
    }

    #[test]
    fn a_hub_has_an_address_and_not_more_than_fit() {
        for bad in [&[][..], &["a:1"; 9], &["a"]] {
            assert!(said(bad).checked().is_err(), "{bad:?}");
        }
        assert_eq!(said(&["a:1"; 8]).checked().unwrap(), said(&["a:1"; 8]));
    }

    #[test]
    fn an_address_is_a_host_with_a_port_and_nothing_that_a_configuration_takes_for_more() {
        for good in ["box.lan:7422", "192.168.0.9:1", "[fd00::1]:7422", "[::1]:7422"] {
            assert_eq!(checked_address(good.to_owned()).unwrap(), good);
        }
        for bad in ["", "box.lan", ":7422", "box.lan:0", "box.lan:70000", "a\" }:1", "tls://a:1"] {
            assert!(checked_address(bad.to_owned()).is_err(), "{bad}");
        }
        for bad in
            ["fd00::1:7422", "[fd00::1]", "[]:1", "[fd00::1:7422", "[box]:1", "[fe80::1%lo]:1"]
        {
            assert!(checked_address(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
