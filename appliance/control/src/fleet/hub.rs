//! What only a hub does: it is founded, lets boxes in and puts them out, and says where it is.

use super::whereabouts::{MOST_ADDRESSES, checked_address};
use super::{
    Fleet, FleetError, FleetJoin, FleetJoined, Invite, NewInvite, Place, Reach, Whereabouts,
};
use crate::clock::UnixMs;
use crate::error::{ControlError, checked_name};
use crate::people::{hashed, random_text};
use crate::store::{FleetBoxRow, FleetRow};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// A code is typed or scanned at once.
const INVITE_GOOD_FOR_MS: u64 = 60 * 60 * 1000;
/// So much of a code is for addresses, bytes: the rest of a QR code that telephones still read.
const DOORS_BYTES: usize = 1200;
/// Boxes of one hub, measured with 1000: what a page and a configuration can survey.
const MOST_BOXES: usize = 2000;

/// This box as the hub of a fleet.
pub struct Hub<'a> {
    pub(super) fleet: &'a Fleet,
}

impl Hub<'_> {
    /// Makes this box the hub of a new fleet. `leaf_address` is where others reach its server, if that
    /// is not under the box's own addresses.
    ///
    /// # Errors
    /// The box is in a fleet, has no nats-server or HTTPS, or the address is none.
    pub async fn found(&self, leaf_address: Option<String>, port: u16) -> Result<(), ControlError> {
        if !self.fleet.gear.possible() {
            return Err(FleetError::NoServer.into());
        }
        let reach = self.fleet.gear.reach().ok_or(FleetError::NoHttps)?;
        let (id, key) = self.fleet.gear.who()?;
        let addresses = match leaf_address {
            Some(address) => vec![checked_address(address)?],
            None => {
                let all = reach.https.iter().filter_map(|at| with_port(at, port));
                all.take(MOST_ADDRESSES).collect()
            }
        };
        if port == 0 || addresses.is_empty() {
            return Err(FleetError::Address(format!(":{port}")).into());
        }
        let (name, joined_ms) = (self.fleet.identity.name(), UnixMs::now().0);
        let row = FleetBoxRow { id, key, name, joined_ms };
        self.fleet.enter(Place::Hub { addresses, port }, Some(row)).await
    }

    /// Makes a code with which one box can join.
    ///
    /// # Errors
    /// This box is no hub, or the fleet is full.
    pub async fn invite(&self) -> Result<NewInvite, ControlError> {
        let Whereabouts { addresses, .. } = self.whereabouts().await?;
        if self.fleet.store.fleet_box_list().await?.len() >= MOST_BOXES {
            return Err(FleetError::TooMany { most: MOST_BOXES }.into());
        }
        let Reach { https, fingerprint, .. } =
            self.fleet.gear.reach().ok_or(FleetError::NoHttps)?;
        let hubs = doors(&addresses, &https);
        let (token, now) = (random_text(32)?, UnixMs::now().0);
        let expires_ms = now + INVITE_GOOD_FOR_MS;
        self.fleet.store.fleet_invite(hashed(&token), expires_ms, now).await?;
        let code = Invite { hubs, fingerprint, token, expires_ms }.code();
        Ok(NewInvite { code, expires_at: UnixMs(expires_ms) })
    }

    /// Lets a box in that comes with a code.
    ///
    /// # Errors
    /// This box is no hub, the code is not good, or the box has not the key that it names.
    pub async fn admit(&self, request: FleetJoin) -> Result<FleetJoined, ControlError> {
        // Whoever has no key costs the store nothing.
        let signature = BASE64_STANDARD.decode(&request.signature).unwrap_or_default();
        let id = self.fleet.gear.signer(&request.key, request.token.as_bytes(), &signature);
        let id = id.ok_or(FleetError::Signature)?;
        let name = checked_name(&request.name)?;
        let Whereabouts { name: hub_name, addresses } = self.whereabouts().await?;
        let now = UnixMs::now().0;
        let row = FleetBoxRow { id, key: request.key, name, joined_ms: now };
        if !self
            .fleet
            .store
            .fleet_admit(hashed(&request.token), row.clone(), now, MOST_BOXES)
            .await?
        {
            return Err(FleetError::Token.into());
        }
        tracing::info!(id = row.id, name = row.name, "a box has joined the fleet");
        self.fleet.changed();
        let Reach { authority, .. } = self.fleet.gear.reach().ok_or(FleetError::NoHttps)?;
        let (hub, _) = self.fleet.gear.who()?;
        Ok(FleetJoined { hub, name: hub_name, addresses, authority })
    }

    /// From now on members find the hub here, `host:port`, in this order. Who is linked is told at once, the
    /// others when they come by where they know it.
    ///
    /// # Errors
    /// This box is no hub, or an address is none.
    pub async fn relocate(&self, addresses: Vec<String>) -> Result<(), ControlError> {
        self.whereabouts().await?;
        let name = self.fleet.identity.name();
        let Whereabouts { addresses, .. } = Whereabouts { name, addresses }.checked()?;
        self.fleet.store.fleet_relocate(addresses).await?;
        self.fleet.changed();
        Ok(())
    }

    /// What members are to know of this hub.
    ///
    /// # Errors
    /// This box is no hub.
    pub async fn whereabouts(&self) -> Result<Whereabouts, ControlError> {
        match self.fleet.store.fleet_get().await? {
            Some(FleetRow { place: Place::Hub { addresses, .. }, .. }) => {
                Ok(Whereabouts { name: self.fleet.identity.name(), addresses })
            }
            Some(_) => Err(FleetError::NotHub.into()),
            None => Err(FleetError::NotIn.into()),
        }
    }

    /// Puts a box out. Its key is good for nothing any more.
    ///
    /// # Errors
    /// This box is no hub, or has no such box.
    pub async fn expel(&self, id: &str) -> Result<(), ControlError> {
        self.whereabouts().await?;
        if self.fleet.gear.who()?.0 == id {
            return Err(FleetError::Itself.into());
        }
        if !self.fleet.store.fleet_expel(id.to_owned()).await? {
            return Err(ControlError::NotFound("box"));
        }
        tracing::info!(id, "a box was put out of the fleet");
        self.fleet.changed();
        Ok(())
    }

    /// A box has told at `told_ms` that it leaves. One that has joined since is another member.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn left(&self, id: &str, told_ms: u64) -> Result<(), ControlError> {
        if self.fleet.store.fleet_left(id.to_owned(), told_ms).await? {
            tracing::info!(id, "a box has left the fleet");
            self.fleet.changed();
        }
        Ok(())
    }
}

/// Where whoever has a code comes: first the hosts under which members find the hub, in the owner's order, at its
/// port of HTTPS; then all other places of that.
fn doors(addresses: &[String], https: &[String]) -> Vec<String> {
    let port = https.first().and_then(|at| at.rsplit_once(':')?.1.parse().ok());
    let named = addresses.iter().filter_map(|at| with_port(at, port?));
    let mut doors = Vec::<String>::new();
    for door in named.chain(https.iter().cloned()) {
        if !doors.contains(&door) {
            doors.push(door);
        }
    }
    let mut bytes = 0;
    doors.retain(|door| {
        bytes += door.len();
        bytes <= DOORS_BYTES
    });
    doors
}

/// The same host at another port.
fn with_port(address: &str, port: u16) -> Option<String> {
    address.rsplit_once(':').map(|(host, _)| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(addresses: &[&str]) -> Vec<String> {
        addresses.iter().map(|at| (*at).to_owned()).collect()
    }

    #[test]
    fn a_code_leads_to_where_members_find_the_hub_and_then_to_all_its_own_addresses() {
        let https = all(&["192.168.1.20:8443", "[fd00::20]:8443", "box.local:8443"]);
        let members = all(&["hub.example.org:7422", "[fd00::20]:7422"]);
        let doors = super::doors(&members, &https);
        assert_eq!(
            doors,
            ["hub.example.org:8443", "[fd00::20]:8443", "192.168.1.20:8443", "box.local:8443"]
        );
        // As long as they fit a code that a telephone reads.
        let long: Vec<_> = (1..=8).map(|n| format!("{}{n}:1", "a".repeat(250))).collect();
        let code = Invite {
            hubs: super::doors(&long, &https),
            fingerprint: "ab".repeat(32),
            token: "t".repeat(43),
            expires_ms: 1_800_000_000_000,
        };
        assert!(code.hubs.len() >= 4 && code.hubs[0].starts_with("aaa"));
        // QR at error correction M holds 2331 bytes.
        assert!(code.code().len() <= 2331, "{}", code.code().len());
    }
}
