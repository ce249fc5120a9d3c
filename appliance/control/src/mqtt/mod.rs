//! MQTT: the owner's broker, what it may order, and how the box's way to it is.
//!
//! ```text
//! settings ─ put ─▶ store ─ watch ─▶ the daemon's link ─▶ broker ─▶ Home Assistant
//!                                       │      ▲
//!             link_is ◀─────────────────┘      └─ scene: what is so now
//!             obey    ◀─ an order, if orders are allowed
//! ```
//!
//! What is published and how an order is spelled is `roombox-federation`'s; whether it is carried out is
//! decided here.

mod orders;
mod scene;
mod settings;
mod view;

pub use orders::Order;
pub use scene::{BoxScene, Problem, RoomScene, Scene};
pub use settings::{MqttError, MqttPut, MqttRow, MqttSettings, MqttTls};
pub use view::{MqttCause, MqttLink, MqttOrders, MqttState, MqttTrial, MqttView};

use crate::clock::UnixMs;
use crate::conference::Later;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::health::Health;
use crate::identity::BoxIdentity;
use crate::recordings::Recordings;
use crate::rooms::Rooms;
use crate::status::Status;
use crate::store::Store;
use crate::updates::Updates;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::watch;

/// Why a broker was not reached, or refused. `text` goes to the owner, in English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub cause: MqttCause,
    pub text: String,
}

/// Who speaks with brokers; the daemon's.
pub trait Caller: Send + Sync {
    /// Whether these certificates, or this fingerprint, can be trusted at all.
    ///
    /// # Errors
    /// What is wrong with them.
    fn check(&self, tls: &MqttTls) -> Result<(), String>;

    /// Connects as the box would, publishes something and waits until it comes back.
    fn try_out<'a>(&'a self, row: &'a MqttRow) -> Later<'a, Result<(), Refusal>>;
}

/// What MQTT needs of the house.
pub struct MqttParts {
    pub store: Arc<Store>,
    pub events: Arc<Events>,
    pub identity: Arc<BoxIdentity>,
    pub status: Arc<Status>,
    pub rooms: Arc<Rooms>,
    pub recordings: Arc<Recordings>,
    pub updates: Arc<Updates>,
    pub health: Arc<Health>,
    pub caller: Arc<dyn Caller>,
}

/// What is so at the moment.
#[derive(Debug, Default)]
struct Now {
    link: MqttLink,
    orders: MqttOrders,
}

/// The box at the owner's broker.
pub struct Mqtt {
    parts: MqttParts,
    row: watch::Sender<Arc<MqttRow>>,
    now: Mutex<Now>,
    /// Two who save at once must not mix.
    saving: tokio::sync::Mutex<()>,
}

impl Mqtt {
    /// # Errors
    /// The store refuses.
    pub async fn load(parts: MqttParts) -> Result<Arc<Self>, ControlError> {
        let row = parts.store.mqtt_get().await?.unwrap_or_default();
        let (row, saving) = (watch::channel(Arc::new(row)).0, tokio::sync::Mutex::default());
        Ok(Arc::new(Self { parts, row, now: Mutex::default(), saving }))
    }

    /// Settings and password as they are now, and whenever they change.
    pub fn watch(&self) -> watch::Receiver<Arc<MqttRow>> {
        self.row.subscribe()
    }

    /// What happens on the box: reason to look at [`Self::scene`] again.
    pub fn events(&self) -> &Arc<Events> {
        &self.parts.events
    }

    /// The box's id: its topics are named after it.
    pub fn box_id(&self) -> &str {
        self.parts.identity.id()
    }

    pub fn view(&self) -> MqttView {
        let row = self.row.borrow().clone();
        let now = self.now();
        MqttView {
            settings: row.settings.clone(),
            has_password: !row.password.is_empty(),
            topic: format!("roombox/{}", self.box_id()),
            link: now.link.clone(),
            orders: now.orders,
        }
    }

    /// Replaces the settings. A password that is absent stays, as long as it goes to the same broker as
    /// before.
    ///
    /// # Errors
    /// Something of it will not do, or the store refuses.
    pub async fn put(&self, put: MqttPut) -> Result<MqttView, ControlError> {
        let _turn = self.saving.lock().await;
        let kept = self.row.borrow().clone();
        let row = put.over(&kept)?;
        self.parts.caller.check(&row.settings.tls).map_err(MqttError::Trust)?;
        self.parts.store.mqtt_put(row.clone()).await?;
        self.row.send_replace(Arc::new(row));
        self.parts.events.publish("mqtt", Happening::MqttChanged);
        Ok(self.view())
    }

    /// Connects beside the connection that stands, and tells what came of it.
    ///
    /// # Errors
    /// No broker is named.
    pub async fn test(&self) -> Result<MqttTrial, ControlError> {
        let row = self.row.borrow().clone();
        if row.settings.host.is_empty() {
            return Err(MqttError::Host.into());
        }
        let begun = Instant::now();
        let tried = self.parts.caller.try_out(&row).await;
        let took_ms = begun.elapsed().as_millis() as u64;
        Ok(match tried {
            Ok(()) => MqttTrial { works: true, took_ms, cause: None, error: None },
            Err(Refusal { cause, text }) => {
                MqttTrial { works: false, took_ms, cause: Some(cause), error: Some(text) }
            }
        })
    }

    /// The broker is tried, for the first time or again: why it was not reached before stays to be seen.
    pub fn link_begins(&self) {
        if matches!(self.now().link.state, MqttState::Off | MqttState::Connected) {
            self.link_is(MqttState::Connecting, None);
        }
    }

    /// The way to the broker stands so.
    pub fn link_is(&self, state: MqttState, refusal: Option<Refusal>) {
        let (cause, error) = refusal.map_or((None, None), |no| (Some(no.cause), Some(no.text)));
        let mut now = self.now();
        let (link, since) = (&mut now.link, UnixMs::now());
        if (link.state, link.cause, &link.error) == (state, cause, &error) {
            return;
        }
        match &error {
            Some(error) => tracing::warn!(error, "the MQTT broker is not reached"),
            None => tracing::info!(?state, "the way to the MQTT broker"),
        }
        *link = MqttLink { state, since, cause, error };
        drop(now);
        self.parts.events.publish("mqtt", Happening::MqttChanged);
    }

    /// A message that is no order came to where orders are expected. Whoever sends many fills no log.
    pub fn misread(&self, why: &dyn std::error::Error) {
        let mut now = self.now();
        now.orders.unreadable += 1;
        let so_far = now.orders.unreadable;
        drop(now);
        if so_far.is_power_of_two() {
            tracing::warn!(so_far, why = %why, "a message by MQTT is no order");
        }
    }

    fn now(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
