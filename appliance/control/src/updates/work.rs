//! An installation from its beginning to its end, and the restart after it.

use super::history::What;
use super::rules::{self, Facts, Verdict};
use super::state::{Pace, UpdateState};
use super::updater::{Disturbed, Step, UpdaterError};
use super::{Decision, Source, UpdateError, Updates, upload};
use crate::clock::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use utoipa::ToSchema;

/// Who would be disturbed is looked at this often.
const LOOK_EACH: Duration = Duration::from_secs(2);
/// Lines of the updater that are kept for who wants to know why.
const LOG: usize = 20;
/// Steps that may wait to be shown.
const STEPS: usize = 64;

/// Where a bundle comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BundleOrigin {
    /// It was uploaded before.
    Upload,
    /// A stick, by the `name` that is listed.
    Usb,
    /// The updater streams it from `url`.
    Url,
    /// What the channel offers.
    Channel,
}

/// What is to be installed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallRequest {
    pub from: BundleOrigin,
    /// Of a bundle on a stick.
    #[serde(default)]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// `https://…`; plain HTTP only where the channel is plain, too.
    #[serde(default)]
    #[schema(nullable = false)]
    pub url: Option<String>,
}

/// How an installation ended without a new version.
enum Stop {
    Cancelled,
    Refused { version: Option<String>, error: UpdateError },
}

impl<E: Into<UpdateError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Refused { version: None, error: error.into() }
    }
}

impl Updates {
    /// Begins to install; how it goes on is the state's to tell.
    ///
    /// # Errors
    /// Another update is under way, there is no such bundle, or this box cannot be updated now.
    pub async fn install(self: &Arc<Self>, request: &InstallRequest) -> Result<(), UpdateError> {
        self.may_begin().await?;
        let source = self.source(request)?;
        self.begin(UpdateState::Checking)?;
        tokio::spawn(self.clone().run(source));
        Ok(())
    }

    fn source(&self, request: &InstallRequest) -> Result<Source, UpdateError> {
        let place = match request.from {
            BundleOrigin::Channel => {
                let offer = self.inner().channel.offer.clone();
                return Ok(Source {
                    place: offer.ok_or(UpdateError::NoBundle)?.url,
                    uploaded: false,
                });
            }
            BundleOrigin::Url => {
                let url = request.url.clone().unwrap_or_default();
                let plain = self.settings.get().updates.channel.starts_with("http://");
                let web = url.starts_with("https://") || (plain && url.starts_with("http://"));
                if !web || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
                    return Err(UpdateError::BadUrl(url));
                }
                return Ok(Source { place: url, uploaded: false });
            }
            BundleOrigin::Upload | BundleOrigin::Usb => {
                // Only what is listed: a name is no path.
                let asked = |name: &str| match request.from {
                    BundleOrigin::Upload => true,
                    _ => request.name.as_deref() == Some(name),
                };
                let found = self.found().into_iter();
                let mut found =
                    found.filter(|(found, _)| found.from == request.from && asked(&found.name));
                found.next().ok_or(UpdateError::NoBundle)?.1
            }
        };
        let uploaded = request.from == BundleOrigin::Upload;
        Ok(Source { place: place.display().to_string(), uploaded })
    }

    /// From the check to the end. The state was taken by who begins this.
    pub(super) async fn run(self: Arc<Self>, source: Source) {
        let mut log = VecDeque::new();
        let ended = self.go(&source, &mut log).await;
        let mut kept = false;
        match ended {
            Ok(()) => self.rest(),
            Err(Stop::Cancelled) => self.rest(),
            Err(Stop::Refused { version, error }) => {
                tracing::warn!(%error, version, "an update was not installed");
                kept = matches!(error, UpdateError::Updater(UpdaterError::Gone(_)));
                self.failed(version, &error, log).await;
            }
        }
        if source.uploaded
            && !kept
            && let Err(error) = upload::discard(&self.folders.uploads)
        {
            tracing::warn!(%error, "an uploaded bundle cannot be taken away");
        }
    }

    async fn failed(&self, version: Option<String>, error: &UpdateError, log: VecDeque<String>) {
        let mut past = self.past(What::Failed, version, String::new());
        past.detail = Some(error.to_string());
        self.note(past).await;
        let (code, reason) = (error.code().to_owned(), error.to_string());
        self.show(UpdateState::Failed { code, reason, log: log.into() });
    }

    async fn go(&self, source: &Source, log: &mut VecDeque<String>) -> Result<(), Stop> {
        let mut decision = self.inner().decision.subscribe();
        let report = self.look().await?;
        let bundle = self.updater.inspect(source.place.clone()).await?;
        let version = bundle.version.clone();
        let refused = |error: UpdateError| {
            let version = Some(version.clone()).filter(|version| !version.is_empty());
            Stop::Refused { version, error }
        };
        let floor = self.inner().floor.clone();
        let facts = Facts {
            compatible: self.image.compatible.as_deref().unwrap_or(&report.compatible),
            version: &self.image.version,
            floors: [self.image.floor.as_deref(), floor.as_deref()],
        };
        let verdict = rules::judge(&bundle, facts).map_err(refused)?;
        if verdict == Verdict::Same {
            self.show(UpdateState::Confirming { version: version.clone() });
            until(&mut decision, |decision| decision.again).await?;
        }
        let shown = |disturbed| UpdateState::Waiting { version: version.clone(), disturbed };
        self.until_nobody(&mut decision, shown).await?;
        self.read_journal();
        if !self.confirmed(Some(&report)) {
            return Err(refused(UpdateError::Unconfirmed));
        }
        let (sender, steps) = mpsc::channel(STEPS);
        let work = self.updater.install(source.place.clone(), bundle.manifest_hash, sender);
        let written = self.followed(Some(version.clone()), work, steps, log).await;
        written.map_err(|error| refused(error.into()))?;
        self.installed(Some(version.clone())).await;
        Ok(())
    }

    /// The other side was written.
    async fn installed(&self, version: Option<String>) {
        let report = self.look().await.ok();
        let running = self.slot(report.as_ref());
        let other = report.into_iter().flat_map(|report| report.slots);
        let other = other.into_iter().find(|slot| Some(&slot.name) != running.as_ref());
        let told = other.as_ref().and_then(|slot| slot.version.clone());
        let slot = other.map_or_else(String::new, |slot| slot.name);
        self.note(self.past(What::Installed, version.or(told), slot)).await;
    }

    /// Shows an installation's steps until it ends.
    async fn followed(
        &self,
        version: Option<String>,
        work: impl Future<Output = Result<(), UpdaterError>> + Send,
        mut steps: mpsc::Receiver<Step>,
        log: &mut VecDeque<String>,
    ) -> Result<(), UpdaterError> {
        let since = UnixMs::now();
        let mut pace = Pace::default();
        let mut shown = |step: Step| {
            let line = format!("{} % {}", step.percent, step.text);
            if log.back() != Some(&line) {
                log.push_back(line);
            }
            if log.len() > LOG {
                log.pop_front();
            }
            self.show(UpdateState::Installing {
                version: version.clone(),
                percent: step.percent,
                eta_s: pace.step(Instant::now(), &step),
                step: step.text,
                since,
            });
        };
        shown(Step { percent: 0, text: String::new() });
        let mut work = std::pin::pin!(work);
        let ended = loop {
            tokio::select! {
                Some(step) = steps.recv() => shown(step),
                ended = &mut work => break ended,
            }
        };
        while let Ok(step) = steps.try_recv() {
            shown(step);
        }
        ended
    }

    /// Follows an installation that ran already when the daemon started.
    pub(super) async fn follow(self: Arc<Self>) {
        let (sender, steps) = mpsc::channel(STEPS);
        let mut log = VecDeque::new();
        match self.followed(None, self.updater.follow(sender), steps, &mut log).await {
            Ok(()) => {
                self.installed(None).await;
                self.rest();
            }
            Err(error) => self.failed(None, &error.into(), log).await,
        }
    }

    /// Waits until nobody would be disturbed, or the owner does not mind.
    async fn until_nobody(
        &self,
        decision: &mut watch::Receiver<Decision>,
        shown: impl Fn(Disturbed) -> UpdateState + Send,
    ) -> Result<(), Stop> {
        loop {
            let decided = *decision.borrow_and_update();
            if decided.cancel {
                return Err(Stop::Cancelled);
            }
            let disturbed = self.premises.disturbed().await;
            if decided.now || disturbed.nobody() {
                return Ok(());
            }
            self.show(shown(disturbed));
            // Too late is as good as changed: it is looked at again.
            if let Ok(Err(gone)) = timeout(LOOK_EACH, decision.changed()).await {
                tracing::debug!(%gone, "nobody can decide about this update any more");
                return Err(Stop::Cancelled);
            }
        }
    }

    /// The owner does not want to wait, or means the version that runs.
    ///
    /// # Errors
    /// Nothing waits for that.
    pub fn decide(&self, now: bool, again: bool) -> Result<(), UpdateError> {
        let inner = self.inner();
        match inner.state {
            UpdateState::Waiting { .. } | UpdateState::Draining { .. } if now => {}
            UpdateState::Confirming { .. } if again => {}
            _ => return Err(UpdateError::NotNow("no update waits for this")),
        }
        inner.decision.send_modify(|decision| {
            decision.now |= now;
            decision.again |= again;
        });
        Ok(())
    }

    /// Gives up what waits, or forgets what failed.
    ///
    /// # Errors
    /// Nothing waits, or the other side is being written: that cannot be stopped.
    pub fn cancel(&self) -> Result<(), UpdateError> {
        let inner = self.inner();
        match inner.state {
            UpdateState::Failed { .. } => {
                drop(inner);
                self.rest();
                Ok(())
            }
            UpdateState::Waiting { .. }
            | UpdateState::Confirming { .. }
            | UpdateState::Draining { .. } => {
                inner.decision.send_modify(|decision| decision.cancel = true);
                Ok(())
            }
            UpdateState::Installing { .. } => Err(UpdateError::NotNow(
                "the other side is being written, and that cannot be stopped. What runs is safe",
            )),
            _ => Err(UpdateError::NotNow("there is nothing to cancel")),
        }
    }

    /// Restarts into what was installed, or into the other side: as soon as the last meeting has
    /// ended, or at once.
    ///
    /// # Errors
    /// Nothing is installed, the other side is empty, or something else is under way.
    pub async fn restart(self: &Arc<Self>, now: bool, other: bool) -> Result<(), UpdateError> {
        if other {
            return self.switch(now).await;
        }
        if self.installed_here().is_none() {
            return Err(UpdateError::NotNow("nothing was installed that waits for a restart"));
        }
        self.leave(now, None)
    }

    /// Restarts into the side that runs, as soon as nobody is disturbed.
    ///
    /// # Errors
    /// This box has no updater and cannot restart itself, or something else is under way.
    pub async fn restart_anew(self: &Arc<Self>) -> Result<(), UpdateError> {
        self.look().await?;
        self.leave(false, None)
    }

    /// The other side starts next, by the owner's will.
    async fn switch(self: &Arc<Self>, now: bool) -> Result<(), UpdateError> {
        let report = self.may_begin().await?;
        let view = self.view().await;
        let other = view.slots.iter().find(|slot| !slot.booted);
        let other = other.filter(|slot| slot.state != super::SlotState::Empty);
        let other = other.ok_or(UpdateError::OtherEmpty)?;
        let id = report.slots.iter().find(|slot| slot.name == other.name);
        let id = id.ok_or(UpdateError::OtherEmpty)?.id.clone();
        let past = self.past(What::Switched, other.version.clone(), other.name.clone());
        self.leave(now, Some((id, past)))
    }

    fn leave(
        self: &Arc<Self>,
        now: bool,
        other: Option<(String, super::PastUpdate)>,
    ) -> Result<(), UpdateError> {
        self.begin(UpdateState::Draining { disturbed: Disturbed::default() })?;
        self.inner().decision.send_modify(|decision| decision.now = now);
        self.premises.drain(true);
        let updates = self.clone();
        tokio::spawn(async move {
            match updates.left(other).await {
                Ok(()) => {}
                Err(Stop::Cancelled) => {
                    updates.premises.drain(false);
                    updates.rest();
                }
                Err(Stop::Refused { error, .. }) => {
                    tracing::warn!(%error, "the box cannot be restarted");
                    updates.premises.drain(false);
                    updates.failed(None, &error, VecDeque::new()).await;
                }
            }
        });
        Ok(())
    }

    async fn left(&self, other: Option<(String, super::PastUpdate)>) -> Result<(), Stop> {
        let mut decision = self.inner().decision.subscribe();
        self.until_nobody(&mut decision, |disturbed| UpdateState::Draining { disturbed }).await?;
        if let Some((id, past)) = other {
            self.updater.choose(id).await?;
            self.note(past).await;
        }
        self.show(UpdateState::Restarting);
        self.updater.restart().await?;
        Ok(())
    }
}

/// Waits for a decision of the owner's.
async fn until(
    decision: &mut watch::Receiver<Decision>,
    wanted: impl Fn(&Decision) -> bool,
) -> Result<(), Stop> {
    let decided = decision.wait_for(|decision| decision.cancel || wanted(decision)).await;
    match decided {
        Ok(decided) if !decided.cancel => Ok(()),
        _ => Err(Stop::Cancelled),
    }
}
