//! Software updates: what may be installed, when, and what became of it.
//!
//! ```text
//! idle ─ upload ► receiving ─┐             ┌► confirming (the version that runs) ─┐
//!   └─ stick, URL, channel ──┴► checking ──┴──────────────────────────────────────┴► waiting
//!                                 │ refused                     nobody, or "install now" │
//!                                 ▼                                                      ▼
//!                              failed ◄─────────────────────────────────────────── installing
//!                                                                                        │
//!                     restarting ◄ nobody, or "restart now" ─ draining ◄ restart ─ installed
//! ```
//! One installation at a time, in a task of its own ([`work`]); what follows from starts and from
//! the clock is in [`watch`]. The bytes, the boot loader and the signature are the updater's
//! ([`updater::Updater`]); D-Bus is not known here.

mod boots;
mod channel;
mod error;
mod history;
mod rules;
mod state;
pub mod updater;
mod upload;
mod version;
mod view;
mod watch;
mod work;

pub use boots::Why;
pub use channel::Offer;
pub use error::UpdateError;
pub use history::{PastUpdate, What};
pub use roombox_provision::UpdateSettings;
pub use state::UpdateState;
pub use upload::Upload;
pub use version::{is_version, same_version};
pub use view::{ChannelView, FoundBundle, Slot, SlotState, UpdatesView};
pub use work::{BundleOrigin, InstallRequest};

use crate::clock::UnixMs;
use crate::events::{Events, Happening};
use crate::settings::SettingsDesk;
use crate::store::{Store, StoreError};
use boots::{Boots, Outcome};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};
use tokio::sync::watch as tokio_watch;
use ulid::Ulid;
use updater::{Premises, SystemReport, Updater, UpdaterError};

/// The system image that runs.
#[derive(Debug, Clone, Default)]
pub struct Image {
    pub version: String,
    /// Day until which whoever made it mends its weaknesses (`SUPPORT_END` of os-release(5)), `YYYY-MM-DD`.
    pub support_end: Option<String>,
    /// The oldest version that may be installed over it.
    pub floor: Option<String>,
    /// The board; `None`: as the updater says.
    pub compatible: Option<String>,
    /// The side that the kernel was started with.
    pub slot: Option<String>,
    pub boot_id: String,
}

/// Where things lie.
#[derive(Debug, Clone)]
pub struct Folders {
    pub uploads: PathBuf,
    /// Sticks are mounted below, each in a folder of its own.
    pub usb: PathBuf,
    /// The journal of starts, if there is one.
    pub boots: Option<PathBuf>,
}

/// What an [`Updates`] is built from.
pub struct UpdatesParts {
    pub store: Arc<Store>,
    pub events: Arc<Events>,
    pub settings: Arc<SettingsDesk>,
    pub updater: Arc<dyn Updater>,
    pub premises: Arc<dyn Premises>,
    pub image: Image,
    pub folders: Folders,
}

/// A bundle to be installed.
#[derive(Debug, Clone)]
struct Source {
    /// Path or URL, for the updater.
    place: String,
    /// It lies in our folder, and is taken away afterwards.
    uploaded: bool,
}

/// What the owner says to an update under way.
#[derive(Debug, Clone, Copy, Default)]
struct Decision {
    /// Whoever is disturbed, is.
    now: bool,
    /// The version that runs is meant.
    again: bool,
    cancel: bool,
}

struct Inner {
    state: UpdateState,
    decision: tokio_watch::Sender<Decision>,
    /// What was last to start next, and what has become of it.
    last: Option<PastUpdate>,
    floor: Option<String>,
    boots: Boots,
    /// The journal as it was read last.
    journal: Option<(SystemTime, u64)>,
    /// What became of updates is still to be found out.
    unsettled: bool,
    /// What the updater said last: while it installs it does not tell.
    report: Option<SystemReport>,
    channel: ChannelView,
    checked: Option<Instant>,
}

/// Updates of the box.
pub struct Updates {
    store: Arc<Store>,
    events: Arc<Events>,
    settings: Arc<SettingsDesk>,
    updater: Arc<dyn Updater>,
    premises: Arc<dyn Premises>,
    image: Image,
    folders: Folders,
    inner: Mutex<Inner>,
}

impl Updates {
    /// Remembers what was installed, and clears what a crash left.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn load(parts: UpdatesParts) -> Result<Arc<Self>, StoreError> {
        let UpdatesParts { store, events, settings, updater, premises, image, folders } = parts;
        if let Err(error) = upload::clear(&folders.uploads) {
            tracing::warn!(%error, "half an upload cannot be taken away");
        }
        let past = store.update_list().await?;
        let last = past.into_iter().find(|past| past.what != What::Failed);
        let inner = Inner {
            state: UpdateState::Idle,
            decision: tokio_watch::Sender::new(Decision::default()),
            last,
            floor: store.update_floor().await?,
            boots: Boots::default(),
            journal: None,
            unsettled: true,
            report: None,
            channel: ChannelView::default(),
            checked: None,
        };
        let updates = Self {
            store,
            events,
            settings,
            updater,
            premises,
            image,
            folders,
            inner: inner.into(),
        };
        updates.rest();
        Ok(Arc::new(updates))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the state for something that begins.
    fn begin(&self, state: UpdateState) -> Result<(), UpdateError> {
        {
            let mut inner = self.inner();
            if !inner.state.is_rest() {
                return Err(UpdateError::Busy);
            }
            inner.state = state.clone();
            inner.decision.send_replace(Decision::default());
        }
        self.events.publish("updates", Happening::UpdateChanged(state));
        Ok(())
    }

    /// The state is another now.
    fn show(&self, state: UpdateState) {
        let mut inner = self.inner();
        if inner.state == state {
            return;
        }
        let progress = inner.state.same_kind(&state);
        inner.state = state.clone();
        drop(inner);
        match progress {
            true => self.events.mention("updates", Happening::UpdateProgressed(state)),
            false => self.events.publish("updates", Happening::UpdateChanged(state)),
        }
    }

    /// Nothing is under way any more.
    fn rest(&self) {
        self.show(match self.installed_here() {
            Some(version) => UpdateState::Installed { version },
            None => UpdateState::Idle,
        });
    }

    /// The version that was installed and waits for a restart.
    fn installed_here(&self) -> Option<String> {
        let inner = self.inner();
        let last = inner.last.as_ref().filter(|last| last.what == What::Installed)?;
        (last.boot_id == self.image.boot_id).then(|| last.version.clone().unwrap_or_default())
    }

    /// Asks the updater; while it is busy, what it said last is still so.
    async fn look(&self) -> Result<SystemReport, UpdaterError> {
        match self.updater.look().await {
            Ok(report) if report.installing && report.slots.is_empty() => {
                let before = self.inner().report.clone().unwrap_or(report);
                Ok(SystemReport { installing: true, ..before })
            }
            Ok(report) => {
                self.inner().report = Some(report.clone());
                Ok(report)
            }
            Err(UpdaterError::Absent) => Err(UpdaterError::Absent),
            Err(error) => self.inner().report.clone().ok_or(error),
        }
    }

    /// The side that runs.
    fn slot(&self, report: Option<&SystemReport>) -> Option<String> {
        let noted = self.inner().boots.find(&self.image.boot_id).map(|boot| boot.slot.clone());
        let told = || Some(report?.slots.iter().find(|slot| slot.booted)?.name.clone());
        noted.filter(|slot| !slot.is_empty()).or_else(|| self.image.slot.clone()).or_else(told)
    }

    /// Whether the start that runs has passed its health check. Without a journal the boot loader's
    /// word must do: it counts a try until then.
    fn confirmed(&self, report: Option<&SystemReport>) -> bool {
        let noted =
            self.inner().boots.find(&self.image.boot_id).map(|boot| boot.outcome == Outcome::Good);
        let told = || report?.slots.iter().find(|slot| slot.booted).map(|slot| slot.good);
        noted.or_else(told).unwrap_or(true)
    }

    /// Whether an update may begin at all.
    async fn may_begin(&self) -> Result<SystemReport, UpdateError> {
        if !self.inner().state.is_rest() {
            return Err(UpdateError::Busy);
        }
        let report = self.look().await?;
        self.read_journal();
        if !self.confirmed(Some(&report)) {
            return Err(UpdateError::Unconfirmed);
        }
        Ok(report)
    }

    /// Keeps what happened, and tells it.
    async fn note(&self, past: PastUpdate) {
        match self.store.update_insert(past.clone()).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::error!(%error, "what became of an update cannot be kept"),
        }
        tracing::info!(what = ?past.what, version = past.version, why = ?past.why,
            detail = past.detail, "update");
        if past.what != What::Failed {
            self.inner().last = Some(past.clone());
        }
        self.events.publish("updates", Happening::UpdateNoted(past));
    }

    fn past(&self, what: What, version: Option<String>, slot: String) -> PastUpdate {
        PastUpdate {
            id: format!("upd_{}", Ulid::new()),
            at: UnixMs::now(),
            what,
            version,
            from_version: self.image.version.clone(),
            why: None,
            detail: None,
            tries: None,
            boot_id: self.image.boot_id.clone(),
            slot,
        }
    }

    /// Past updates, newest first.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn history(&self) -> Result<Vec<PastUpdate>, StoreError> {
        self.store.update_list().await
    }
}
