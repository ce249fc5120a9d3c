//! What is wrong with the box: looked at every few seconds, told once, kept.
//!
//! ```text
//! services ─ Gatherer ─▶ Facts ─ checks ─▶ Conditions ─ Ledger ─▶ raised, cleared
//!                                                          │
//!                      store (alarms and their news) ◀─────┴─────▶ events, MQTT, mail
//! ```
//! A restart raises nothing anew: alarms that stood go on. What is wrong is decided by pure code
//! ([`checks`], [`ledger`]); the gatherer alone knows the services.

mod checks;
mod gather;
mod kinds;
mod ledger;
mod notices;
mod words;

pub use checks::{Condition, Facts, Outlet, conditions};
pub use gather::{Gatherer, host_of};
pub use kinds::{AlarmKind, Figures, KINDS, Severity};
pub use ledger::{Alarm, Change, Ledger};
pub use notices::{Notices, Standing};
pub use words::{Words, words};

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::store::{NewsKind, Store};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use utoipa::ToSchema;

/// Alarms of the past that are shown.
const SHOWN: u32 = 100;

/// Changes that wait for a store that refuses them; the oldest make room.
const UNKEPT: usize = 1000;

/// How the box is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    Fine,
    Attention,
    Broken,
}

impl From<Severity> for HealthState {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Attention => Self::Attention,
            Severity::Broken => Self::Broken,
        }
    }
}

/// One thing that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct HealthCheck {
    pub kind: AlarmKind,
    pub state: HealthState,
}

/// How the box is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct HealthView {
    /// The worst of what nobody has acknowledged.
    pub state: HealthState,
    /// What is wrong now, the worst first.
    pub items: Vec<Alarm>,
    /// Everything that is looked at.
    pub checks: Vec<HealthCheck>,
    /// What was wrong, the newest first.
    pub history: Vec<Alarm>,
}

/// The box's health.
pub struct Health {
    store: Arc<Store>,
    events: Arc<Events>,
    notices: Arc<Notices>,
    ledger: Mutex<Ledger>,
    /// What the store does not know yet, in order. Whoever holds it is the only one who keeps alarms.
    unkept: tokio::sync::Mutex<VecDeque<(Alarm, NewsKind)>>,
    /// Grows with each alarm that was raised or cleared.
    news: watch::Sender<u64>,
}

impl Health {
    /// With the alarms that stood when the box stopped.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn load(
        store: Arc<Store>,
        events: Arc<Events>,
        notices: Arc<Notices>,
    ) -> Result<Arc<Self>, ControlError> {
        let ledger = Mutex::new(Ledger::of(store.alarm_list_open().await?));
        Ok(Arc::new(Self {
            store,
            events,
            notices,
            ledger,
            unkept: Default::default(),
            news: watch::channel(0).0,
        }))
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes whenever an alarm is raised or cleared, after it was kept.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// What is wrong now, the worst first.
    pub fn open(&self) -> Vec<Alarm> {
        self.ledger().open()
    }

    /// How the box is, with what was.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn view(&self) -> Result<HealthView, ControlError> {
        let history = self.store.alarm_list_cleared(SHOWN).await?;
        let items = self.open();
        let unseen = items.iter().filter(|alarm| alarm.acknowledged_at.is_none());
        let state = unseen.map(|alarm| alarm.severity.into()).max().unwrap_or(HealthState::Fine);
        let checks = KINDS.map(|kind| {
            let is_open = items.iter().any(|alarm| alarm.kind == kind);
            let state = if is_open { kind.severity().into() } else { HealthState::Fine };
            HealthCheck { kind, state }
        });
        Ok(HealthView { state, items, checks: checks.to_vec(), history })
    }

    /// Takes a look at what was observed. What cannot be kept is told in the panel all the same; it is kept,
    /// and told by mail and webhook, when the store takes it.
    pub async fn look(&self, boot: Duration, now: UnixMs, facts: &Facts) {
        let mut unkept = self.unkept.lock().await;
        let changes = {
            let mut ledger = self.ledger();
            let found = conditions(facts, &|key| ledger.is_open(key));
            ledger.unknown.clone_from(&facts.unknown);
            ledger.look(boot, now, &found)
        };
        for change in changes {
            let (alarm, kind) = match change {
                Change::Raised(alarm) => (alarm, NewsKind::Raised),
                Change::Cleared(alarm) => (alarm, NewsKind::Cleared),
            };
            // Without what it says: there are names in it.
            let (name, subject) = (alarm.kind.name(), &alarm.subject);
            match kind {
                NewsKind::Raised => tracing::warn!(alarm = name, subject, "an alarm is raised"),
                NewsKind::Cleared => tracing::info!(alarm = name, subject, "an alarm is over"),
            }
            if unkept.len() == UNKEPT {
                unkept.pop_front();
            }
            unkept.push_back((alarm.clone(), kind));
            let id = alarm.id.clone();
            let told = match kind {
                NewsKind::Raised => Happening::AlarmRaised(Box::new(alarm)),
                NewsKind::Cleared => Happening::AlarmCleared(Box::new(alarm)),
            };
            self.events.publish(&id, told);
        }
        while let Some((alarm, kind)) = unkept.front() {
            if let Err(error) = self.store.alarm_put(alarm.clone(), Some(*kind)).await {
                let alarm = alarm.kind.name();
                tracing::error!(%error, alarm, "an alarm cannot be kept: it is tried again");
                return;
            }
            unkept.pop_front();
            self.news.send_modify(|news| *news += 1);
        }
    }

    /// Somebody has seen an alarm and takes care of it: it does not count any more, and stays until it is over. What
    /// only says that something has happened is over with that.
    ///
    /// # Errors
    /// It does not stand, or the store or the disk refuses.
    pub async fn acknowledge(&self, id: &str, by: &str) -> Result<Alarm, ControlError> {
        let _keeping = self.unkept.lock().await;
        let kind = self.open().into_iter().find(|alarm| alarm.id == id).map(|alarm| alarm.kind);
        if let Some(kind) = kind {
            self.notices.seen(kind)?;
        }
        let seen = self.ledger().acknowledge(id, by, UnixMs::now());
        let alarm = seen.ok_or(ControlError::NotFound("alarm that stands"))?;
        self.store.alarm_put(alarm.clone(), None).await?;
        self.events.publish(id, Happening::AlarmAcknowledged(Box::new(alarm.clone())));
        Ok(alarm)
    }
}

#[cfg(test)]
mod tests;
