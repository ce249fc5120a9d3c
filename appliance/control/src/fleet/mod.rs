//! The box's place in a fleet: none, a member, or the hub.
//!
//! It decides who may be in, and keeps it. What it needs of keys, certificates and the network the
//! daemon gives it ([`Gear`]); the daemon follows [`Fleet::watch`] and brings server and link to what
//! the place asks for.

mod error;
mod hub;
mod invite;
mod knocks;
mod library;
mod ordered;
mod told;
mod twin;
mod view;
mod waves;
mod whereabouts;
mod wishes;

pub use error::FleetError;
pub use hub::Hub;
pub use invite::Invite;
pub use knocks::Knocks;
pub use library::{FleetRecording, FleetRecordingPage, FleetWanted};
pub use ordered::{OrderPhase, OrderPulse, Ordered, UpdateOrder};
pub use told::{BoxName, Outage, OutagePage, Told, ToldEvent, ToldPage, ToldWanted};
pub use twin::{
    Choice, Decision, Named, Power, Refusals, RefusalsPatch, RefusedCounts, Report, Standing, Twin,
    TwinEntry, TwinPulse, TwinView, Variables, Wish,
};
pub use view::{
    BoxOffer, BoxPulse, BoxState, ClockGap, CutReason, FleetBox, FleetRole, FleetView, HeardView,
    HubView, LinkState, LinkView, NewInvite, RosterEntry,
};
pub use waves::{Wave, WaveAct, WaveBox, WaveBoxState, WaveRequest, WaveState, Waves};
pub use whereabouts::Whereabouts;
pub use wishes::{
    BoxWish, BoxWishPatch, FleetGroup, GroupRequest, Unfilled, WishState, Wishes, WishesView,
};

use crate::clock::UnixMs;
use crate::conference::Later;
use crate::error::{ControlError, checked_name};
use crate::identity::BoxIdentity;
use crate::people::random_text;
use crate::store::{FleetBoxRow, Store};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;
use whereabouts::MOST_ADDRESSES;

/// What waits for the hub is sent before the box leaves it, if that takes no longer.
const FAREWELL: Duration = Duration::from_secs(10);
const GLANCE: Duration = Duration::from_millis(100);
/// The kind of the last event of a box that leaves.
pub const LEFT: &str = "box.left";
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
        /// [`Whereabouts::mark`] of what the hub said of itself last; empty: nothing since it was joined.
        #[serde(default)]
        mark: String,
    },
}

impl Place {
    /// The hub's id; `own` is this box's.
    pub fn hub<'a>(&'a self, own: &'a str) -> &'a str {
        match self {
            Self::Hub { .. } => own,
            Self::Member { hub, .. } => hub,
        }
    }
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
    knocks: Knocks,
    /// Wishes and waves are read, changed and kept by one at a time.
    turn: tokio::sync::Mutex<()>,
}

impl Fleet {
    pub fn new(store: Arc<Store>, identity: Arc<BoxIdentity>, gear: Arc<dyn Gear>) -> Self {
        Self {
            store,
            identity,
            gear,
            now: Mutex::default(),
            changed: watch::channel(0).0,
            knocks: Knocks::default(),
            turn: tokio::sync::Mutex::default(),
        }
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
            Some(Place::Hub { addresses, .. }) => {
                let id = id.clone().unwrap_or_default();
                (Some(FleetRole::Hub), Some(HubView { id, name: self.identity.name(), addresses }))
            }
            Some(Place::Member { hub, hub_name, addresses, .. }) => {
                let hub = HubView { id: hub, name: hub_name, addresses };
                (Some(FleetRole::Member), Some(hub))
            }
        };
        let possible = self.gear.possible();
        let heard = HeardView { knocks: self.knocks.refused(), ..now.heard };
        let link = now.link.clone();
        Ok(FleetView { possible, role, id, hub, link, waiting, boxes, heard })
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
                    let addresses = addresses.into_iter().take(MOST_ADDRESSES).collect();
                    let said = Whereabouts { name, addresses }.checked();
                    let said = said.map_err(|_| FleetError::Answer)?;
                    let mark = said.mark();
                    let Whereabouts { name: hub_name, addresses } = said;
                    let place = Place::Member { hub, hub_name, addresses, authority, mark };
                    return self.enter(place, None).await;
                }
                // The hub has spoken: another address of it says the same.
                Err(error @ FleetError::Refused(_)) => return Err(error.into()),
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }

    /// Gives the place up. A member that reaches its hub tells it so, after all that waits; one that does
    /// not stays on the hub's list, as silent. A hub's boxes stay members of a hub that is no more, until
    /// they leave.
    ///
    /// # Errors
    /// The box is in no fleet, or the store refuses.
    pub async fn leave(&self) -> Result<(), ControlError> {
        let row = self.store.fleet_get().await?.ok_or(FleetError::NotIn)?;
        let linked = self.now().link.state == LinkState::Up;
        if linked && matches!(row.place, Place::Member { .. }) {
            let (id, _) = self.gear.who()?;
            self.store.fleet_say(LEFT, json!({"id": id, "name": self.identity.name()})).await?;
            let end = Instant::now() + FAREWELL;
            // The hub's stream has it then: the hub itself may be busy.
            while self.store.fleet_progress().await?.0 > 0 && Instant::now() < end {
                sleep(GLANCE).await;
            }
        }
        self.store.fleet_leave().await?;
        *self.now() = Now::default();
        self.changed();
        Ok(())
    }

    /// At a member: from now on its hub is looked for here, `host:port`, in this order. What the hub says of itself
    /// later comes before it.
    ///
    /// # Errors
    /// The box is no member, or an address is none.
    pub async fn look_at(&self, addresses: Vec<String>) -> Result<(), ControlError> {
        let row = self.store.fleet_get().await?.ok_or(FleetError::NotIn)?;
        let Place::Member { hub_name: name, .. } = row.place else {
            return Err(FleetError::NotMember.into());
        };
        let Whereabouts { addresses, .. } = Whereabouts { name, addresses }.checked()?;
        self.store.fleet_relocate(addresses).await?;
        self.changed();
        Ok(())
    }

    /// What only a hub does.
    pub fn as_hub(&self) -> Hub<'_> {
        Hub { fleet: self }
    }

    /// At a hub: what its boxes told.
    pub fn told(&self) -> Told<'_> {
        Told { fleet: self }
    }

    /// At a hub: which settings its boxes are to have.
    pub fn wishes(&self) -> Wishes<'_> {
        Wishes { fleet: self }
    }

    /// At a hub: updates of groups.
    pub fn waves(&self) -> Waves<'_> {
        Waves { fleet: self }
    }

    /// Who asks at the doors for boxes.
    pub fn knocks(&self) -> &Knocks {
        &self.knocks
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
        refused: heard.map_or(0, |entry| entry.refused),
        joined_at: UnixMs(row.joined_ms),
        heard_at: heard.map(|entry| entry.heard_at),
        pulse,
    }
}
