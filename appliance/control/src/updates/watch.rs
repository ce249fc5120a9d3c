//! What follows from starts and from the clock: updates that are confirmed or have fallen, the channel,
//! the night. The boot loader's order after a fall is mended by the image's health gate.

use super::boots::Boots;
use super::history::{Fate, PastUpdate, Running, What};
use super::state::UpdateState;
use super::updater::UpdaterError;
use super::version::Version;
use super::work::{BundleOrigin, InstallRequest};
use super::{UpdateError, Updates, channel, rules};
use crate::clock::{Ticks, UnixMs};
use crate::events::Happening;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The journal and the clock are looked at this often.
const TICK: Duration = Duration::from_secs(2);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// After a check that failed the next one comes sooner.
const AGAIN: Duration = Duration::from_secs(3600);
/// The journal grows by two lines a start; of a longer one the end must do.
const LONGEST_JOURNAL: usize = 4 << 20;

impl Updates {
    /// Follows starts and the clock for as long as the daemon lives.
    pub async fn watch(self: Arc<Self>) {
        if let Ok(report) = self.look().await
            && report.installing
            && self
                .begin(UpdateState::Installing {
                    version: None,
                    percent: 0,
                    step: String::new(),
                    eta_s: None,
                    since: UnixMs::now(),
                })
                .is_ok()
        {
            tokio::spawn(self.clone().follow());
        }
        let mut ticks = Ticks::every(TICK);
        loop {
            ticks.tick().await;
            self.tick(Instant::now()).await;
        }
    }

    /// One look at everything.
    pub(super) async fn tick(self: &Arc<Self>, now: Instant) {
        self.read_journal();
        if std::mem::take(&mut self.inner().unsettled) || self.is_open() {
            self.settle().await;
        }
        self.check_daily(now).await;
        self.at_night().await;
    }

    /// Whether something was to start next, and another start runs since.
    fn is_open(&self) -> bool {
        let inner = self.inner();
        let open = |last: &PastUpdate| matches!(last.what, What::Installed | What::Switched);
        inner.last.as_ref().is_some_and(|last| open(last) && last.boot_id != self.image.boot_id)
    }

    /// Reads the journal if it has changed.
    pub(super) fn read_journal(&self) {
        let Some(path) = &self.folders.boots else { return };
        let seen = fs::metadata(path).and_then(|file| Ok((file.modified()?, file.len()))).ok();
        if seen.is_none() || seen == self.inner().journal {
            return;
        }
        let text = fs::read(path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[text.len().saturating_sub(LONGEST_JOURNAL)..]);
        let boots = Boots::parse(&text);
        let mut inner = self.inner();
        inner.journal = seen;
        inner.unsettled |= inner.boots != boots;
        inner.boots = boots;
    }

    /// What has become of what was to start next, and of a side that fell by itself.
    async fn settle(&self) {
        let report = match self.look().await {
            Ok(report) => Some(report),
            Err(UpdaterError::Absent) => return,
            Err(error) => {
                tracing::debug!(%error, "the updater cannot tell yet how updates went");
                self.inner().unsettled = true;
                return;
            }
        };
        let Some(slot) = self.slot(report.as_ref()) else { return };
        let confirmed = self.confirmed(report.as_ref());
        let running = Running { boot_id: &self.image.boot_id, slot: &slot, confirmed };
        let (fate, last, fall) = {
            let inner = self.inner();
            let open = |last: &&PastUpdate| matches!(last.what, What::Installed | What::Switched);
            let last = inner.last.as_ref().filter(open).cloned();
            let fate = last.as_ref().map_or(Fate::Open, |last| last.fate(&inner.boots, running));
            (fate, last, inner.boots.fall_before(&self.image.boot_id))
        };
        let fell = match fate {
            Fate::Confirmed => {
                let version = last.as_ref().and_then(|last| last.version.clone());
                let from = last.as_ref().map(|last| last.from_version.clone());
                let mut past = self.past(What::Confirmed, version, slot.clone());
                past.from_version = from.unwrap_or_default();
                self.note(past).await;
                None
            }
            Fate::Fell(fall) => Some(fall),
            // The journal shows a fall that no update began: a side that had been good for long.
            Fate::Open if last.is_none() => fall,
            Fate::Open => None,
        };
        if let Some(fall) = fell {
            let version = Some(fall.version).filter(|version| !version.is_empty());
            let mut past = self.past(What::RolledBack, version, fall.slot);
            // Once a start, however often it is looked at.
            past.id = format!("back_{}", self.image.boot_id);
            past.why = Some(fall.why);
            past.detail = fall.detail;
            past.tries = Some(fall.tries);
            if let Some(boot) = self.inner().boots.find(&self.image.boot_id)
                && boot.at.0 > 0
            {
                past.at = boot.at;
            }
            self.note(past).await;
        }
        if confirmed {
            self.raise_floor().await;
        }
    }

    /// A good image's floor counts from now on, whatever is installed later.
    async fn raise_floor(&self) {
        let Some(floor) = &self.image.floor else { return };
        let kept = self.inner().floor.clone();
        let higher = Version::parse(floor) > kept.as_deref().and_then(Version::parse);
        if !higher {
            return;
        }
        match self.store.update_floor_put(floor.clone()).await {
            Ok(()) => self.inner().floor = Some(floor.clone()),
            Err(error) => tracing::error!(%error, "the oldest version cannot be remembered"),
        }
    }

    async fn check_daily(&self, now: Instant) {
        let settings = self.settings.get();
        if !settings.updates.check_daily || settings.updates.channel.is_empty() {
            return;
        }
        let due = {
            let inner = self.inner();
            let pause = if inner.channel.error.is_some() { AGAIN } else { DAY };
            inner.checked.is_none_or(|at| now.saturating_duration_since(at) >= pause)
        };
        if due && let Err(error) = self.check(now).await {
            tracing::warn!(%error, "the channel cannot be asked");
        }
    }

    /// Asks the channel for something newer.
    ///
    /// # Errors
    /// There is no channel or no updater. What is wrong with the channel is shown, and no error.
    pub async fn check(&self, now: Instant) -> Result<(), UpdateError> {
        let url = self.settings.get().updates.channel.clone();
        if url.is_empty() {
            return Err(UpdateError::NoChannel);
        }
        let report = self.look().await?;
        self.inner().checked = Some(now);
        let compatible = self.image.compatible.as_deref().unwrap_or(&report.compatible);
        let read = |text: String| channel::read(&text, &url, compatible, &self.image.version);
        let (offer, error) = match self.premises.fetch(url.clone()).await.and_then(read) {
            Ok(offer) => (offer, None),
            Err(error) => (None, Some(error)),
        };
        let new = {
            let mut inner = self.inner();
            let new = offer.is_some() && inner.channel.offer != offer;
            let checked_at = Some(UnixMs::now());
            inner.channel = super::ChannelView { checked_at, error, offer: offer.clone() };
            new
        };
        if let Some(offer) = offer.filter(|_| new) {
            self.events.publish("updates", Happening::UpdateOffered(offer));
        }
        Ok(())
    }

    /// At night, when nobody meets: installs what the channel offers, then restarts.
    async fn at_night(self: &Arc<Self>) {
        let settings = self.settings.get();
        if !(settings.updates.install_at_night && self.night()) {
            return;
        }
        let (state, offer) = {
            let inner = self.inner();
            (inner.state.clone(), inner.channel.offer.clone())
        };
        let done = match (state, offer) {
            (UpdateState::Installed { .. }, _) if self.nobody().await => {
                self.restart(false, false).await
            }
            (UpdateState::Idle, Some(offer)) if self.nobody().await => {
                // What failed once is for people to look at, not for every night.
                match self.was_refused(&offer.version).await {
                    true => return,
                    false => {
                        let from = BundleOrigin::Channel;
                        self.install(&InstallRequest { from, name: None, url: None }).await
                    }
                }
            }
            _ => return,
        };
        if let Err(error) = done {
            tracing::warn!(%error, "the update of tonight has not begun");
        }
    }

    /// Whether it is night, by the box's settings.
    pub fn night(&self) -> bool {
        let (from, to) = self.settings.get().updates.night();
        rules::in_window(self.premises.minute_of_day(), from, to)
    }

    async fn nobody(&self) -> bool {
        self.premises.disturbed().await.nobody()
    }

    async fn was_refused(&self, version: &str) -> bool {
        let past = self.store.update_list().await.unwrap_or_default();
        past.iter().any(|past| {
            matches!(past.what, What::Failed | What::RolledBack)
                && past.version.as_deref() == Some(version)
        })
    }
}
