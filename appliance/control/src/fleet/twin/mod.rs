//! What the fleet wants of this box's settings, what came of it, and what its owner refuses the hub.
//!
//! ```text
//! hub: signed wish ─► kept, merged with what the box has ─► settings, in one transaction with
//!                        ▲                                   what is known of each, and the report
//!  somebody changes a setting here, or decides ─────────────┘      └─► event ─► hub
//! ```
//! Every step follows from what is kept: a power cut loses none, and a wish that comes twice changes nothing.

mod merge;
mod wish;

pub use merge::{Standing, TwinEntry};
pub use wish::{Choice, Decision, LONGEST, MOST, Named, Variables, Wish};

use super::{Fleet, FleetError};
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::hex::hex;
use crate::settings::{Settings, SettingsDesk};
use crate::store::Store;
use merge::{Hands, Merged, Shape, decide, merge};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep;
use utoipa::ToSchema;

/// After the store refused.
const AGAIN: Duration = Duration::from_secs(2);

/// What a hub may want of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// Other settings.
    Settings,
    /// Another version.
    Updates,
    /// Doing jobs of other boxes.
    Jobs,
    /// Knowing its recordings, and having others make their films.
    Recordings,
}

/// What the owner of a box refuses its hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Refusals {
    /// The fleet's settings.
    #[schema(required)]
    pub settings: bool,
    /// Updates in waves.
    #[schema(required)]
    pub updates: bool,
    /// Jobs of other boxes.
    #[schema(required)]
    pub jobs: bool,
    /// That the hub lists its recordings, and that other boxes make films of them.
    #[schema(required)]
    pub recordings: bool,
}

/// A change of that; what is absent stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RefusalsPatch {
    #[schema(nullable = false)]
    pub settings: Option<bool>,
    #[schema(nullable = false)]
    pub updates: Option<bool>,
    #[schema(nullable = false)]
    pub jobs: Option<bool>,
    #[schema(nullable = false)]
    pub recordings: Option<bool>,
}

/// How often something was refused, since the box joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RefusedCounts {
    #[schema(required)]
    pub settings: u64,
    #[schema(required)]
    pub updates: u64,
    #[schema(required)]
    pub jobs: u64,
    #[schema(required)]
    pub recordings: u64,
}

/// What a heartbeat says of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct TwinPulse {
    /// Of the newest wish that the box has.
    #[schema(required)]
    pub revision: u64,
    /// Names what it wants; empty: nothing.
    #[schema(required)]
    pub mark: String,
    #[schema(required)]
    pub refuses: Refusals,
    #[schema(required)]
    pub refused: RefusedCounts,
}

/// What a box tells its hub of its settings. Secrets are hidden.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Report {
    pub revision: u64,
    pub mark: String,
    pub refuses: Refusals,
    pub settings: Value,
    pub entries: Vec<TwinEntry>,
}

/// The box and its fleet's settings, as the panel shows them.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TwinView {
    /// Name of the fleet's hub; absent: it has wanted nothing yet.
    #[schema(required)]
    pub fleet: Option<String>,
    pub revision: u64,
    pub refuses: Refusals,
    pub refused: RefusedCounts,
    /// What the fleet wants; nothing while the owner refuses that.
    pub entries: Vec<TwinEntry>,
}

/// What is kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    wish: Wish,
    hands: Hands,
    refuses: Refusals,
    refused: RefusedCounts,
}

impl State {
    fn merged(&self, settings: &Settings) -> Merged {
        match self.refuses.settings {
            true => Merged {
                settings: settings.clone(),
                hands: self.hands.clone(),
                entries: Vec::new(),
            },
            false => {
                let Wish { settings: wanted, decisions, .. } = &self.wish;
                merge(settings, &self.hands, wanted, decisions, self.refuses)
            }
        }
    }

    fn pulse(&self) -> TwinPulse {
        let Self { wish, refuses, refused, .. } = self;
        let (revision, mark) = (wish.revision, wish.mark());
        TwinPulse { revision, mark, refuses: *refuses, refused: *refused }
    }
}

/// The box's settings and its fleet.
pub struct Twin {
    store: Arc<Store>,
    settings: Arc<SettingsDesk>,
    events: Arc<Events>,
    /// One change at a time.
    turn: tokio::sync::Mutex<()>,
    pulse: Mutex<TwinPulse>,
    /// Names the last report of this run: each start tells anew, since what is kept may come from a copy.
    told: Mutex<String>,
}

impl Twin {
    /// # Errors
    /// The store refuses.
    pub async fn load(
        store: Arc<Store>,
        settings: Arc<SettingsDesk>,
        events: Arc<Events>,
    ) -> Result<Self, ControlError> {
        let (turn, pulse, told) = Default::default();
        let twin = Self { store, settings, events, turn, pulse, told };
        let state = twin.state().await?;
        twin.shows(&state);
        Ok(twin)
    }

    /// What heartbeats say.
    pub fn pulse(&self) -> TwinPulse {
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the owner refuses this.
    pub fn refuses(&self, what: Power) -> bool {
        let Refusals { settings, updates, jobs, recordings } = self.pulse().refuses;
        match what {
            Power::Settings => settings,
            Power::Updates => updates,
            Power::Jobs => jobs,
            Power::Recordings => recordings,
        }
    }

    /// Something was refused: it is counted, and the hub hears it with the next heartbeat.
    pub async fn refused(&self, what: Power) {
        let _turn = self.turn.lock().await;
        let counted = async {
            let mut state = self.state().await?;
            count(&mut state.refused, what);
            self.keep(state, None, None, false).await
        };
        if let Err(error) = counted.await {
            tracing::warn!(%error, "what was refused could not be counted");
        }
    }

    /// The hub wants this; whoever calls has checked that it is the hub.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn hear(&self, wish: &[u8]) -> Result<(), ControlError> {
        let wish = match serde_json::from_slice::<Wish>(wish) {
            Ok(wish) if wish.fits() => wish,
            read => {
                let error = read.err().map(tracing::field::display);
                tracing::warn!(error, "what the hub wants of the settings cannot be read");
                return Ok(());
            }
        };
        let _turn = self.turn.lock().await;
        let mut state = self.state().await?;
        if state.refuses.settings {
            tracing::info!("the hub wants other settings: the owner of this box refuses that");
            count(&mut state.refused, Power::Settings);
            return self.keep(state, None, None, false).await;
        }
        if wish.revision <= state.wish.revision {
            // The same once more, or a hub that came from an older copy: it sees what this box has.
            let (has, revision) = (state.wish.revision, wish.revision);
            tracing::info!(has, revision, "the hub wants nothing newer of the settings");
            return Ok(());
        }
        state.wish = wish;
        self.settle(state, false).await
    }

    /// # Errors
    /// The store refuses.
    pub async fn view(&self) -> Result<TwinView, ControlError> {
        let state = self.state().await?;
        let Merged { entries, .. } = state.merged(&self.settings.get());
        let State { wish: Wish { fleet, revision, .. }, refuses, refused, .. } = state;
        let fleet = Some(fleet).filter(|fleet| !fleet.is_empty());
        Ok(TwinView { fleet, revision, refuses, refused, entries })
    }

    /// The owner refuses the hub other things from now on.
    ///
    /// # Errors
    /// The box is in no fleet, or the store refuses.
    pub async fn refuse(&self, patch: RefusalsPatch) -> Result<TwinView, ControlError> {
        {
            let _turn = self.turn.lock().await;
            if self.store.fleet_get().await?.is_none() {
                return Err(FleetError::NotIn.into());
            }
            let mut state = self.state().await?;
            let before = state.refuses;
            let RefusalsPatch { settings, updates, jobs, recordings } = patch;
            state.refuses = Refusals {
                settings: settings.unwrap_or(before.settings),
                updates: updates.unwrap_or(before.updates),
                jobs: jobs.unwrap_or(before.jobs),
                recordings: recordings.unwrap_or(before.recordings),
            };
            // What the hub was not to know it hears now.
            let again = before.recordings && !state.refuses.recordings;
            self.settle(state, again).await?;
        }
        self.view().await
    }

    /// Somebody at the box decides about a setting that box and fleet want otherwise.
    ///
    /// # Errors
    /// There is nothing to decide about it, or the store refuses.
    pub async fn decide(&self, setting: &str, choice: Choice) -> Result<TwinView, ControlError> {
        {
            let _turn = self.turn.lock().await;
            let mut state = self.state().await?;
            let merged = state.merged(&self.settings.get());
            let open = |one: &&TwinEntry| {
                let open = matches!(one.standing, Standing::Differs | Standing::Kept);
                one.setting == setting && open
            };
            let entry = merged.entries.iter().find(open).ok_or(FleetError::NothingToDecide)?;
            let own = entry.own.clone().unwrap_or_default();
            state.hands = merged.hands;
            let hand = state.hands.entry(setting.to_owned()).or_default();
            decide(hand, choice, &entry.wanted, &own);
            self.settle(state, false).await?;
        }
        self.view().await
    }

    /// Follows what changes at the box, for as long as the daemon lives.
    pub async fn follow(self: Arc<Self>, fleet: Arc<Fleet>) {
        let mut places = fleet.watch();
        let (_, _, mut events) = self.events.listen(None);
        loop {
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "the fleet's settings cannot be looked at now");
                sleep(AGAIN).await;
                continue;
            }
            loop {
                tokio::select! {
                    changed = places.changed() => match changed {
                        Ok(()) => break,
                        Err(_) => return,
                    },
                    event = events.recv() => match event {
                        Ok(event) if !matches!(event.what, Happening::SettingsChanged(_)) => {}
                        Ok(_) | Err(RecvError::Lagged(_)) => break,
                        Err(RecvError::Closed) => return,
                    },
                }
            }
        }
    }

    /// Brings settings and report to what is so now.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn look(&self) -> Result<(), ControlError> {
        let _turn = self.turn.lock().await;
        let state = self.state().await?;
        self.settle(state, false).await
    }

    async fn state(&self) -> Result<State, ControlError> {
        let text = self.store.twin_get().await?;
        let read = |text: String| match serde_json::from_str(&text) {
            Ok(state) => state,
            Err(error) => {
                // A version that the box went back from wrote it. The hub says again what it wants; what the owner
                // refuses it does not know, and nobody may guess that it was nothing.
                tracing::error!(%error, "what the owner refuses the fleet cannot be read: everything is refused \
                    until the owner says otherwise (Fleet page)");
                let refuses =
                    Refusals { settings: true, updates: true, jobs: true, recordings: true };
                State { refuses, ..State::default() }
            }
        };
        Ok(text.map(read).unwrap_or_default())
    }

    async fn settle(&self, mut state: State, again: bool) -> Result<(), ControlError> {
        let Some(place) = self.store.fleet_get().await? else {
            self.shows(&State::default());
            return Ok(());
        };
        let _settings = self.settings.turn().await;
        let now = self.settings.get();
        let Merged { settings, hands, entries } = state.merged(&now);
        state.hands = hands;
        let TwinPulse { revision, mark, refuses, .. } = state.pulse();
        let shown = serde_json::to_value(&settings).unwrap_or_default();
        let report = Report { revision, mark, refuses, settings: shown, entries };
        let report = serde_json::to_value(report).unwrap_or_default();
        // In another run of numbers the hub may have heard something else since.
        let told = hex(&Sha256::digest(format!("{} {report}", place.epoch)));
        let news = (*self.told() != told).then_some(report);
        let changed = (settings != *now).then_some(settings);
        self.keep(state, changed, news, again).await?;
        *self.told() = told;
        Ok(())
    }

    async fn keep(
        &self,
        state: State,
        changed: Option<Settings>,
        report: Option<Value>,
        again: bool,
    ) -> Result<(), ControlError> {
        let text = serde_json::to_string(&state).map_err(crate::store::StoreError::from)?;
        let same = self.store.twin_get().await?.as_ref() == Some(&text);
        if same && changed.is_none() && report.is_none() && !again {
            return Ok(());
        }
        if self.store.twin_put(text, changed.clone(), report, again).await? {
            self.shows(&state);
            if let Some(changed) = changed {
                tracing::info!(revision = state.wish.revision, "the fleet has set settings");
                self.settings.adopted(changed);
            }
        }
        Ok(())
    }

    fn told(&self) -> MutexGuard<'_, String> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shows(&self, state: &State) {
        *self.pulse.lock().unwrap_or_else(PoisonError::into_inner) = state.pulse();
    }
}

fn count(refused: &mut RefusedCounts, what: Power) {
    let count = match what {
        Power::Settings => &mut refused.settings,
        Power::Updates => &mut refused.updates,
        Power::Jobs => &mut refused.jobs,
        Power::Recordings => &mut refused.recordings,
    };
    *count = count.saturating_add(1);
}

/// Whether a hub may want these values; `null` wants nothing.
///
/// # Errors
/// The first that no box could have, as this version knows them.
pub(super) fn checked(settings: &Named, with: &Variables) -> Result<(), ControlError> {
    let invalid = |field: &str, why: String| {
        Err(ControlError::InvalidSetting { field: field.to_owned(), why })
    };
    if settings.len() > MOST {
        return invalid("settings", format!("are {MOST} at most"));
    }
    let mut due = Vec::new();
    for (name, value) in settings {
        if wish::SECRETS.contains(&name.as_str()) {
            return invalid(name, "is a secret: it is typed at the box itself".to_owned());
        }
        let shape = Shape(Settings::default());
        if shape.get(name).is_none() {
            return invalid(name, "is no setting that this hub knows: update it".to_owned());
        }
        if value.is_null() {
            continue;
        }
        let filled = with.fill(value);
        let read = filled.and_then(|filled| shape.read(name, &filled));
        match read {
            Ok(value) => due.push((name.clone(), value)),
            Err(why) => return invalid(name, why),
        }
    }
    // The boxes' own secrets are theirs to have.
    let mut whole = Settings::default();
    whole.turn.secret = serde_json::from_value("set".into()).unwrap_or_default();
    let mut refused: BTreeMap<_, _> = Shape(whole).take(due);
    match refused.pop_first() {
        Some((name, why)) => invalid(&name, why),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
