//! Mails about alarms: one for what belongs together, kept until the server has taken it.
//!
//! ```text
//! alarm news (store) ─ run ─▶ digest ─▶ Postman ─▶ the owner's mail server
//!        ▲                                 │ taken: the number of the last news is kept
//!        └──── after a pause, or a restart ◀┘ refused: all of it again
//! ```
//! At least once: who is killed between the server's answer and the number sends it again.

mod digest;
mod settings;

pub use digest::Said;
pub use settings::{MailError, MailPut, MailRow, MailSettings, MailTls};

use crate::clock::UnixMs;
use crate::conference::Later;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::health::{Health, Severity};
use crate::identity::BoxIdentity;
use crate::store::Store;
use digest::{GATHER, Pace, Writer};
use serde::Serialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use utoipa::ToSchema;

/// Under which the store has the settings.
const NAME: &str = "mail";
/// News that are looked at for one mail.
const AT_ONCE: u32 = 500;

/// A mail on its way.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Makes it this one: a server that gets it twice can tell.
    pub id: String,
    pub said: Said,
}

/// Who speaks with mail servers; the daemon's.
pub trait Postman: Send + Sync {
    /// Whether these certificates can be trusted at all.
    ///
    /// # Errors
    /// What is wrong with them.
    fn check(&self, authority: &str) -> Result<(), String>;

    /// Sends one to everybody who is to have it. `Some`: not all of them got it, with the server's own words,
    /// and asking again would not help.
    ///
    /// # Errors
    /// Why nobody got it, or somebody may get it later, with the server's own words.
    fn send<'a>(
        &'a self,
        row: &'a MailRow,
        letter: Letter,
    ) -> Later<'a, Result<Option<String>, String>>;
}

/// How mails go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct MailOutcome {
    /// When the last one was taken; `null`: none since the box started.
    #[schema(required)]
    pub sent_at: Option<UnixMs>,
    /// Why the newest attempt failed; `null`: it did not.
    #[schema(required)]
    pub error: Option<String>,
    #[schema(required)]
    pub failed_at: Option<UnixMs>,
}

/// Mails about alarms, as the panel shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MailView {
    pub settings: MailSettings,
    /// There is a password; which, is told to nobody.
    pub has_password: bool,
    pub outcome: MailOutcome,
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MailTrial {
    /// The server has taken it for everybody.
    pub works: bool,
    pub took_ms: u64,
    /// In the server's own words.
    #[schema(required)]
    pub error: Option<String>,
}

/// The box's mails.
pub struct Mail {
    store: Arc<Store>,
    events: Arc<Events>,
    identity: Arc<BoxIdentity>,
    health: Arc<Health>,
    postman: Arc<dyn Postman>,
    row: watch::Sender<Arc<MailRow>>,
    outcome: Mutex<MailOutcome>,
    /// Settings are new: what failed before may work now.
    wake: Notify,
    /// Two who save at once must not mix.
    saving: tokio::sync::Mutex<()>,
}

impl Mail {
    /// # Errors
    /// The store refuses.
    pub async fn load(
        store: Arc<Store>,
        events: Arc<Events>,
        identity: Arc<BoxIdentity>,
        health: Arc<Health>,
        postman: Arc<dyn Postman>,
    ) -> Result<Arc<Self>, ControlError> {
        let row = store.report_get::<MailRow>(NAME).await?.map(|(row, _)| row);
        let row = watch::channel(Arc::new(row.unwrap_or_default())).0;
        let (outcome, wake, saving) = (Mutex::default(), Notify::new(), Default::default());
        Ok(Arc::new(Self { store, events, identity, health, postman, row, outcome, wake, saving }))
    }

    fn outcome(&self) -> MutexGuard<'_, MailOutcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn view(&self) -> MailView {
        let row = self.row.borrow().clone();
        let outcome = self.outcome().clone();
        let has_password = !row.password.is_empty();
        MailView { settings: row.settings.clone(), has_password, outcome }
    }

    /// Why mails do not go out, while they should.
    pub fn trouble(&self) -> Option<String> {
        let enabled = self.row.borrow().settings.enabled;
        self.outcome().error.clone().filter(|_| enabled)
    }

    /// Mails should go, and none has been tried since the start.
    pub fn is_untried(&self) -> bool {
        let enabled = self.row.borrow().settings.enabled;
        let outcome = self.outcome();
        enabled && outcome.sent_at.is_none() && outcome.failed_at.is_none()
    }

    /// Replaces the settings. A password that is absent stays, as long as it goes to the same server. Whoever
    /// switches mails on is told of what happens from then on.
    ///
    /// # Errors
    /// Something of it will not do, or the store refuses.
    pub async fn put(&self, put: MailPut) -> Result<MailView, ControlError> {
        let _turn = self.saving.lock().await;
        let kept = self.row.borrow().clone();
        let row = put.over(&kept)?;
        if !row.settings.authority.is_empty() {
            self.postman.check(&row.settings.authority).map_err(MailError::Trust)?;
        }
        let begins = row.settings.enabled && !kept.settings.enabled;
        let done = if begins { Some(self.store.alarm_news_newest().await?) } else { None };
        self.store.report_put(NAME, row.clone(), done).await?;
        self.row.send_replace(Arc::new(row));
        self.outcome().error = None;
        self.wake.notify_one();
        self.events.publish(NAME, Happening::MailChanged);
        Ok(self.view())
    }

    fn writer(&self) -> Writer {
        Writer {
            name: self.identity.name(),
            id: self.identity.id().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Sends a test now, and tells what came of it.
    ///
    /// # Errors
    /// No server, sender or receiver is named.
    pub async fn test(&self) -> Result<MailTrial, ControlError> {
        let row = self.row.borrow().clone();
        if !row.settings.is_complete() {
            return Err(MailError::Unset.into());
        }
        let begun = Instant::now();
        let letter =
            Letter { id: ulid::Ulid::new().to_string(), said: digest::trial(&self.writer()) };
        let sent = self.postman.send(&row, letter).await;
        let took_ms = begun.elapsed().as_millis() as u64;
        if sent.is_ok() {
            self.wake.notify_one();
        }
        let (works, error) = match sent {
            Ok(refused) => (refused.is_none(), refused),
            Err(error) => (false, Some(error)),
        };
        Ok(MailTrial { works, took_ms, error })
    }

    /// Sends what there is to be told, for as long as the box runs.
    pub async fn run(self: Arc<Self>) {
        let begun = Instant::now();
        let (mut news, mut pace, mut failures) = (self.health.watch(), Pace::default(), 0_u32);
        // What a restart or a power cut kept from going out goes now.
        let mut pause = GATHER;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause), if failures > 0 || !pause.is_zero() => {}
                // A failing server is not asked more often because more happens.
                changed = news.changed(), if failures == 0 && pause.is_zero() => {
                    if changed.is_err() {
                        return;
                    }
                    tokio::time::sleep(GATHER).await;
                }
                () = self.wake.notified() => failures = 0,
            }
            let now = begun.elapsed();
            let free = pace.free_at(now);
            if free > now {
                pause = free - now;
                continue;
            }
            pause = Duration::ZERO;
            match self.send().await {
                Ok(true) => {
                    pace.sent(now);
                    failures = 0;
                    // There may be more than one mail holds.
                    pause = GATHER;
                }
                Ok(false) => failures = 0,
                Err(error) => {
                    failures += 1;
                    pause = digest::pause(failures);
                    tracing::warn!(error, failures, "a mail about alarms was not taken");
                }
            }
        }
    }

    /// Sends one mail with everything that was not told yet; false: there is nothing.
    async fn send(&self) -> Result<bool, String> {
        let row = self.row.borrow().clone();
        if !row.settings.enabled {
            return Ok(false);
        }
        let failed = |error: &dyn std::fmt::Display| error.to_string();
        let kept = self.store.report_get::<MailRow>(NAME).await.map_err(|error| failed(&error))?;
        let done = kept.map_or(0, |(_, done)| done);
        let news = self.store.alarm_news(done, AT_ONCE).await.map_err(|error| failed(&error))?;
        let Some(last) = news.last().map(|one| one.seq) else { return Ok(false) };
        let first = news[0].seq;
        // That mails fail is told where it can be told.
        let news = digest::wanted(news, row.settings.least);
        let told = !news.is_empty();
        if told {
            let open = self.health.open();
            let least = |severity: Severity| severity >= row.settings.least;
            let open: Vec<_> = open.into_iter().filter(|alarm| least(alarm.severity)).collect();
            // The same news have the same id, however often they are sent.
            let id = format!("{first}-{last}.{}", self.identity.id());
            let letter = Letter { id, said: digest::digest(&self.writer(), &news, &open) };
            let sent = self.postman.send(&row, letter).await;
            // From here on the words go to the log, the alarms and the support bundle.
            let hush = |words: String| row.settings.hush(&words);
            let sent = sent.map(|refused| refused.map(hush)).map_err(hush);
            let mut outcome = self.outcome();
            let was = outcome.error.take();
            match &sent {
                Ok(refused) => {
                    outcome.sent_at = Some(UnixMs::now());
                    outcome.error.clone_from(refused);
                }
                Err(error) => outcome.error = Some(error.clone()),
            }
            if outcome.error.is_some() {
                outcome.failed_at = Some(UnixMs::now());
            }
            let changed = was != outcome.error || sent.is_ok();
            drop(outcome);
            if changed {
                self.events.publish(NAME, Happening::MailChanged);
            }
            sent?;
        }
        self.store.report_done(NAME, last).await.map_err(|error| failed(&error))?;
        Ok(told)
    }
}

#[cfg(test)]
mod tests;
