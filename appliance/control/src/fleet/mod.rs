//! The box's place in a fleet: none, a member, or the hub.
//!
//! It decides who may be in, and keeps it. What it needs of keys, certificates and the network the
//! daemon gives it ([`Gear`]); the daemon follows [`Fleet::watch`] and brings server and link to what
//! the place asks for.

mod error;
mod invite;
mod told;
mod view;

pub use error::FleetError;
pub use invite::Invite;
pub use told::{BoxName, Outage, OutagePage, Told, ToldEvent, ToldPage, ToldWanted};
pub use view::{
    BoxOffer, BoxPulse, BoxState, CutReason, FleetBox, FleetRole, FleetView, HeardView, HubView,
    LinkState, LinkView, NewInvite, RosterEntry,
};

use crate::clock::UnixMs;
use crate::conference::Later;
use crate::error::{ControlError, checked_name};
use crate::identity::BoxIdentity;
use crate::people::{hashed, random_text};
use crate::store::{FleetBoxRow, FleetRow, Store};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use utoipa::ToSchema;

/// A code is typed or scanned at once.
const INVITE_GOOD_FOR_MS: u64 = 60 * 60 * 1000;
/// Boxes of one hub: what a page and a configuration can survey.
const MOST_BOXES: usize = 500;
/// Addresses of one hub.
const MOST_ADDRESSES: usize = 8;
/// Where other boxes come to a hub, unless told otherwise.
pub const LEAF_PORT: u16 = 7422;

/// The box's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Place {
    Hub {
        /// Where members' servers connect, `host:port`, in order.
        addresses: Vec<String>,
        /// On which it listens.
        port: u16,
    },
    Member {
        /// The hub's id.
        hub: String,
        hub_name: String,
        /// Where its server is, `host:port`, in order.
        addresses: Vec<String>,
        /// The certificate authority that certifies it, PEM.
        authority: String,
    },
}

/// What a box says when it comes with a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FleetJoin {
    /// Of the code.
    pub token: String,
    /// The box's public key, as NATS writes it; its id follows from it.
    pub key: String,
    pub name: String,
    /// Of the token, by the key; base64.
    pub signature: String,
}

/// What a hub answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FleetJoined {
    /// The hub's id.
    pub hub: String,
    pub name: String,
    /// Where its server is, `host:port`, in order.
    pub addresses: Vec<String>,
    /// The certificate authority that certifies it, PEM.
    pub authority: String,
}

/// How others reach this box by HTTPS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// `host:port`, in order.
    pub https: Vec<String>,
    /// SHA-256 of its certificate authority, hex.
    pub fingerprint: String,
    /// PEM.
    pub authority: String,
}

/// What the fleet needs of the box and of the network.
pub trait Gear: Send + Sync {
    /// Whether there is a nats-server.
    fn possible(&self) -> bool;
    /// Id and public key of the box.
    ///
    /// # Errors
    /// There is no key, and none can be made.
    fn who(&self) -> Result<(String, String), FleetError>;
    /// Signs with the box's key.
    ///
    /// # Errors
    /// As above.
    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, FleetError>;
    /// The id that follows from a public key that signed this.
    fn signer(&self, key: &str, text: &[u8], signature: &[u8]) -> Option<String>;
    /// What this hub has ordered that box to do, of the order as the box got it; `None`: it has not.
    fn ordered(&self, hub: &str, to: &str, order: &[u8]) -> Option<Vec<u8>>;
    /// `None`: it serves no HTTPS.
    fn reach(&self) -> Option<Reach>;
    /// Asks a hub to let this box in; the hub is known by its authority.
    fn ask<'a>(
        &'a self,
        hub: &'a str,
        fingerprint: &'a str,
        request: Vec<u8>,
    ) -> Later<'a, Result<Vec<u8>, FleetError>>;
}

/// What is so at the moment.
#[derive(Debug, Default)]
struct Now {
    link: LinkView,
    roster: Vec<RosterEntry>,
    heard: HeardView,
}

/// The box in a fleet.
pub struct Fleet {
    store: Arc<Store>,
    identity: Arc<BoxIdentity>,
    gear: Arc<dyn Gear>,
    now: Mutex<Now>,
    changed: watch::Sender<u64>,
}

impl Fleet {
    pub fn new(store: Arc<Store>, identity: Arc<BoxIdentity>, gear: Arc<dyn Gear>) -> Self {
        Self { store, identity, gear, now: Mutex::default(), changed: watch::channel(0).0 }
    }

    /// Changes whenever the place or the boxes of the hub do.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// # Errors
    /// The store refuses.
    pub async fn view(&self) -> Result<FleetView, ControlError> {
        let row = self.store.fleet_get().await?;
        let (waiting, _) = self.store.fleet_progress().await?;
        let rows = self.store.fleet_box_list().await?;
        let id = row.as_ref().and_then(|_| self.gear.who().ok()).map(|(id, _)| id);
        let now = self.now();
        let boxes = rows.into_iter().map(|row| listed(row, &now.roster)).collect();
        let (role, hub) = match row.map(|row| row.place) {
            None => (None, None),
            Some(Place::Hub { .. }) => (Some(FleetRole::Hub), None),
            Some(Place::Member { hub, hub_name, addresses, .. }) => {
                let hub = HubView { id: hub, name: hub_name, addresses };
                (Some(FleetRole::Member), Some(hub))
            }
        };
        let possible = self.gear.possible();
        let (link, heard) = (now.link.clone(), now.heard);
        Ok(FleetView { possible, role, id, hub, link, waiting, boxes, heard })
    }

    /// Makes this box the hub of a new fleet. `leaf_address` is where others reach its server, if that
    /// is not under the box's own addresses.
    ///
    /// # Errors
    /// The box is in a fleet, has no nats-server or HTTPS, or the address is none.
    pub async fn found(&self, leaf_address: Option<String>, port: u16) -> Result<(), ControlError> {
        if !self.gear.possible() {
            return Err(FleetError::NoServer.into());
        }
        let reach = self.gear.reach().ok_or(FleetError::NoHttps)?;
        let (id, key) = self.gear.who()?;
        let addresses = match leaf_address {
            Some(address) => vec![checked_address(address)?],
            None => reach.https.iter().filter_map(|at| with_port(at, port)).collect(),
        };
        if port == 0 || addresses.is_empty() {
            return Err(FleetError::Address(format!(":{port}")).into());
        }
        let (name, joined_ms) = (self.identity.name(), UnixMs::now().0);
        let row = FleetBoxRow { id, key, name, joined_ms };
        self.enter(Place::Hub { addresses, port }, Some(row)).await
    }

    /// Makes a code with which one box can join.
    ///
    /// # Errors
    /// This box is no hub, or the fleet is full.
    pub async fn invite(&self) -> Result<NewInvite, ControlError> {
        self.hub().await?;
        if self.store.fleet_box_list().await?.len() >= MOST_BOXES {
            return Err(FleetError::TooMany { most: MOST_BOXES }.into());
        }
        let Reach { https, fingerprint, .. } = self.gear.reach().ok_or(FleetError::NoHttps)?;
        let (token, now) = (random_text(32)?, UnixMs::now().0);
        let expires_ms = now + INVITE_GOOD_FOR_MS;
        self.store.fleet_invite(hashed(&token), expires_ms, now).await?;
        let code = Invite { hubs: https, fingerprint, token, expires_ms }.code();
        Ok(NewInvite { code, expires_at: UnixMs(expires_ms) })
    }

    /// At a hub: lets a box in that comes with a code.
    ///
    /// # Errors
    /// This box is no hub, the code is not good, or the box has not the key that it names.
    pub async fn admit(&self, request: FleetJoin) -> Result<FleetJoined, ControlError> {
        // Whoever has no key costs the store nothing.
        let signature = BASE64_STANDARD.decode(&request.signature).unwrap_or_default();
        let id = self.gear.signer(&request.key, request.token.as_bytes(), &signature);
        let id = id.ok_or(FleetError::Signature)?;
        let name = checked_name(&request.name)?;
        let addresses = self.hub().await?;
        let now = UnixMs::now().0;
        let row = FleetBoxRow { id, key: request.key, name, joined_ms: now };
        if !self.store.fleet_admit(hashed(&request.token), row.clone(), now, MOST_BOXES).await? {
            return Err(FleetError::Token.into());
        }
        tracing::info!(id = row.id, name = row.name, "a box has joined the fleet");
        self.changed();
        let Reach { authority, .. } = self.gear.reach().ok_or(FleetError::NoHttps)?;
        let (hub, _) = self.gear.who()?;
        Ok(FleetJoined { hub, name: self.identity.name(), addresses, authority })
    }

    /// Joins a fleet with a code.
    ///
    /// # Errors
    /// The box is in one, the code is none, or the hub cannot be reached or refuses.
    pub async fn join(&self, code: &str) -> Result<(), ControlError> {
        if !self.gear.possible() {
            return Err(FleetError::NoServer.into());
        }
        if self.store.fleet_get().await?.is_some() {
            return Err(FleetError::AlreadyIn.into());
        }
        let invite = Invite::read(code, UnixMs::now())?;
        let (_, key) = self.gear.who()?;
        let signature = self.gear.sign(invite.token.as_bytes())?;
        let (token, name) = (invite.token.clone(), self.identity.name());
        let signature = BASE64_STANDARD.encode(signature);
        let request = serde_json::to_vec(&FleetJoin { token, key, name, signature });
        let request = request.map_err(|_| FleetError::Answer)?;
        let mut last = FleetError::NoCode;
        for hub in &invite.hubs {
            match self.gear.ask(hub, &invite.fingerprint, request.clone()).await {
                Ok(answer) => {
                    let answer: FleetJoined =
                        serde_json::from_slice(&answer).map_err(|_| FleetError::Answer)?;
                    let FleetJoined { hub, name, addresses, authority } = answer;
                    // They go into a configuration: the hub may be older, or another program.
                    let addresses = addresses.into_iter().take(MOST_ADDRESSES);
                    let addresses: Result<Vec<_>, _> = addresses.map(checked_address).collect();
                    let addresses = addresses.map_err(|_| FleetError::Answer)?;
                    if addresses.is_empty() {
                        return Err(FleetError::Answer.into());
                    }
                    let name = checked_name(&name)?;
                    let place = Place::Member { hub, hub_name: name, addresses, authority };
                    return self.enter(place, None).await;
                }
                // The hub has spoken: another address of it says the same.
                Err(error @ FleetError::Refused(_)) => return Err(error.into()),
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }

    /// Gives the place up. A hub's boxes stay members of a hub that is no more, until they leave.
    ///
    /// # Errors
    /// The box is in no fleet, or the store refuses.
    pub async fn leave(&self) -> Result<(), ControlError> {
        self.store.fleet_get().await?.ok_or(FleetError::NotIn)?;
        self.store.fleet_leave().await?;
        *self.now() = Now::default();
        self.changed();
        Ok(())
    }

    /// At a hub: puts a box out. Its key is good for nothing any more.
    ///
    /// # Errors
    /// This box is no hub, or has no such box.
    pub async fn expel(&self, id: &str) -> Result<(), ControlError> {
        self.hub().await?;
        if self.gear.who()?.0 == id {
            return Err(FleetError::Itself.into());
        }
        if !self.store.fleet_expel(id.to_owned()).await? {
            return Err(ControlError::NotFound("box"));
        }
        tracing::info!(id, "a box was put out of the fleet");
        self.changed();
        Ok(())
    }

    /// At a hub: what its boxes told.
    pub fn told(&self) -> Told<'_> {
        Told { fleet: self }
    }

    /// The link stands so.
    pub fn link_is(&self, link: LinkView) {
        self.now().link = link;
    }

    /// The hub knows this of its boxes.
    pub fn roster_is(&self, roster: Vec<RosterEntry>, heard: HeardView) {
        let mut now = self.now();
        (now.roster, now.heard) = (roster, heard);
    }

    async fn enter(&self, place: Place, hub: Option<FleetBoxRow>) -> Result<(), ControlError> {
        if !self.store.fleet_enter(place, random_text(16)?, hub).await? {
            return Err(FleetError::AlreadyIn.into());
        }
        self.changed();
        Ok(())
    }

    /// Where the hub's server is.
    async fn hub(&self) -> Result<Vec<String>, ControlError> {
        match self.store.fleet_get().await? {
            Some(FleetRow { place: Place::Hub { addresses, .. }, .. }) => Ok(addresses),
            Some(_) => Err(FleetError::NotHub.into()),
            None => Err(FleetError::NotIn.into()),
        }
    }

    fn changed(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn now(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listed(row: FleetBoxRow, roster: &[RosterEntry]) -> FleetBox {
    let heard = roster.iter().find(|entry| entry.id == row.id);
    let pulse = heard.map(|entry| entry.pulse.clone());
    FleetBox {
        name: pulse
            .as_ref()
            .map(|pulse| &pulse.name)
            .and_then(|name| checked_name(name).ok())
            .unwrap_or(row.name),
        id: row.id,
        state: heard.map_or(BoxState::Unheard, |entry| entry.state),
        joined_at: UnixMs(row.joined_ms),
        heard_at: heard.map(|entry| entry.heard_at),
        pulse,
    }
}

/// The same host at another port.
fn with_port(address: &str, port: u16) -> Option<String> {
    address.rsplit_once(':').map(|(host, _)| format!("{host}:{port}"))
}

/// `host:port`, and nothing that a configuration could take for more.
fn checked_address(address: String) -> Result<String, FleetError> {
    let good = |sign: char| sign.is_ascii_alphanumeric() || ".-_[]:".contains(sign);
    let fits = address.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && host.chars().all(good) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    match fits {
        true => Ok(address),
        false => Err(FleetError::Address(address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_a_port_and_nothing_that_a_configuration_takes_for_more() {
        for good in ["box.lan:7422", "192.168.0.9:1", "[fd00::1]:7422"] {
            assert_eq!(checked_address(good.to_owned()).unwrap(), good);
        }
        for bad in ["", "box.lan", ":7422", "box.lan:0", "box.lan:70000", "a\" }:1", "tls://a:1"] {
            assert!(checked_address(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
