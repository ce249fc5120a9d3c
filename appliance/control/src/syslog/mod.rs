//! Syslog: lines of the log and rows of the audit log, for a server elsewhere.
//!
//! ```text
//! tracing ─▶ LogBook (a ring) ──┐
//!                               ├─ run ─▶ Wire ─▶ the server (UDP, TCP, TLS)
//! audit rows (store) ───────────┘
//! ```
//! Rows of the audit log wait in the database until they were sent: by TCP and TLS none is missing, and after a
//! break the last ones may come twice. Lines of the log wait in the ring; of those that it loses the server
//! learns the number.

mod format;
mod settings;

pub use settings::{SyslogBy, SyslogError, SyslogSettings};

use crate::clock::UnixMs;
use crate::conference::Later;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::identity::BoxIdentity;
use crate::logs::LogBook;
use crate::store::{Store, StoreError};
use format::Speaker;
use serde::Serialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use utoipa::ToSchema;

/// Under which the store has the settings.
const NAME: &str = "syslog";
/// Lines, and rows, in one go.
const AT_ONCE: usize = 200;
/// The audit log is looked at this often: it says nothing by itself.
const LOOK: Duration = Duration::from_secs(1);
/// After a failure, and twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A way to a server that stands.
pub trait WireEnd: Send {
    /// Sends one message.
    ///
    /// # Errors
    /// It may not have arrived, and nothing more will.
    fn send<'a>(&'a mut self, message: &'a str) -> Later<'a, Result<(), String>>;
}

/// Who reaches syslog servers; the daemon's.
pub trait Wire: Send + Sync {
    /// Whether these certificates, or this fingerprint, can be trusted at all.
    ///
    /// # Errors
    /// What is wrong with them.
    fn check(&self, settings: &SyslogSettings) -> Result<(), String>;

    /// Connects.
    ///
    /// # Errors
    /// Why not.
    fn connect<'a>(
        &'a self,
        settings: &'a SyslogSettings,
    ) -> Later<'a, Result<Box<dyn WireEnd>, String>>;
}

/// How the way to the server is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SyslogOutcome {
    /// Messages that were sent since the box started.
    pub sent: u64,
    /// Lines of the log that were lost because the server was away or too slow, since the box started.
    pub missed: u64,
    /// The way to the server stands; by UDP nobody knows.
    pub connected: bool,
    /// Why it does not.
    #[schema(required)]
    pub error: Option<String>,
    #[schema(required)]
    pub failed_at: Option<UnixMs>,
}

/// Syslog as the panel shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SyslogView {
    pub settings: SyslogSettings,
    pub outcome: SyslogOutcome,
}

/// Lines for a server elsewhere.
pub struct Syslog {
    store: Arc<Store>,
    events: Arc<Events>,
    identity: Arc<BoxIdentity>,
    book: Arc<LogBook>,
    wire: Arc<dyn Wire>,
    settings: watch::Sender<Arc<SyslogSettings>>,
    outcome: Mutex<SyslogOutcome>,
    /// Two who save at once must not mix.
    saving: tokio::sync::Mutex<()>,
}

impl Syslog {
    /// # Errors
    /// The store refuses.
    pub async fn load(
        store: Arc<Store>,
        events: Arc<Events>,
        identity: Arc<BoxIdentity>,
        book: Arc<LogBook>,
        wire: Arc<dyn Wire>,
    ) -> Result<Arc<Self>, ControlError> {
        let kept = store.report_get::<SyslogSettings>(NAME).await?.map(|(kept, _)| kept);
        let settings = watch::channel(Arc::new(kept.unwrap_or_default())).0;
        let (outcome, saving) = (Mutex::default(), Default::default());
        Ok(Arc::new(Self { store, events, identity, book, wire, settings, outcome, saving }))
    }

    fn outcome(&self) -> MutexGuard<'_, SyslogOutcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn view(&self) -> SyslogView {
        let settings = (**self.settings.borrow()).clone();
        SyslogView { settings, outcome: self.outcome().clone() }
    }

    /// Why the server is not reached, while it should be.
    pub fn trouble(&self) -> Option<String> {
        let enabled = self.settings.borrow().enabled;
        self.outcome().error.clone().filter(|_| enabled)
    }

    /// The server should be reached, and whether it is nobody knows yet.
    pub fn is_untried(&self) -> bool {
        let enabled = self.settings.borrow().enabled;
        let outcome = self.outcome();
        enabled && outcome.sent == 0 && !outcome.connected && outcome.failed_at.is_none()
    }

    /// Replaces the settings. Whoever switches it on gets what happens from then on.
    ///
    /// # Errors
    /// Something of it will not do, or the store refuses.
    pub async fn put(&self, settings: SyslogSettings) -> Result<SyslogView, ControlError> {
        let _turn = self.saving.lock().await;
        let settings = settings.checked()?;
        if settings.by == SyslogBy::Tls {
            self.wire.check(&settings).map_err(SyslogError::Trust)?;
        }
        let kept = self.settings.borrow().clone();
        let audits = |settings: &SyslogSettings| settings.enabled && settings.audit;
        let begins = audits(&settings) && !audits(&kept);
        let done = if begins { Some(self.store.audit_ends().await?.1) } else { None };
        self.store.report_put(NAME, settings.clone(), done).await?;
        self.settings.send_replace(Arc::new(settings));
        self.outcome().error = None;
        self.events.publish(NAME, Happening::SyslogChanged);
        Ok(self.view())
    }

    fn speaker(&self) -> Speaker {
        let (name, id) = (self.identity.name(), self.identity.id().to_owned());
        Speaker { name, id, process: std::process::id() }
    }

    /// Sends what there is, for as long as the box runs.
    pub async fn run(self: Arc<Self>) {
        let mut settings = self.settings.subscribe();
        // Of the lines of this start none is missing.
        let (mut next, mut failures, mut unsaid) = (0, 0_u32, 0);
        loop {
            let now = settings.borrow_and_update().clone();
            if !now.enabled {
                self.stands(false);
                if settings.changed().await.is_err() {
                    return;
                }
                next = self.book.next();
                continue;
            }
            let begun = Instant::now();
            let talk = self.talk(&now, &mut next, &mut unsaid);
            let ended = tokio::select! {
                ended = talk => ended,
                changed = settings.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    failures = 0;
                    continue;
                }
            };
            // A way that stood for a while is tried again at once.
            failures = if begun.elapsed() > LONGEST_PAUSE { 1 } else { failures.saturating_add(1) };
            self.failed(ended);
            let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures - 1));
            tokio::select! {
                () = tokio::time::sleep(pause.min(LONGEST_PAUSE)) => {}
                changed = settings.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // To be seen as new by the loop's beginning.
                    failures = 0;
                }
            }
        }
    }

    fn stands(&self, connected: bool) {
        let mut outcome = self.outcome();
        outcome.connected = connected;
        outcome.error = None;
    }

    fn failed(&self, error: String) {
        let mut outcome = self.outcome();
        let is_new = outcome.error.as_ref() != Some(&error);
        outcome.connected = false;
        outcome.failed_at = Some(UnixMs::now());
        outcome.error = Some(error);
        drop(outcome);
        if is_new {
            self.events.publish(NAME, Happening::SyslogChanged);
        }
    }

    /// Connects and sends until something fails: what.
    async fn talk(&self, settings: &SyslogSettings, next: &mut u64, unsaid: &mut u64) -> String {
        let mut end = match self.wire.connect(settings).await {
            Ok(end) => end,
            Err(error) => return error,
        };
        let mut told = false;
        loop {
            let more = self.book.more();
            tokio::pin!(more);
            // Registered before the ring is read: a line that comes in between wakes.
            more.as_mut().enable();
            let worked = async {
                let lines = self.lines(&mut *end, settings, next, unsaid).await?;
                let rows = match settings.audit {
                    true => self.rows(&mut *end).await?,
                    false => 0,
                };
                Ok::<_, String>(lines + rows)
            };
            let sent = match worked.await {
                Ok(sent) => sent,
                Err(error) => return error,
            };
            if !told && (sent > 0 || settings.by != SyslogBy::Udp) {
                told = true;
                self.stands(settings.by != SyslogBy::Udp);
                self.events.publish(NAME, Happening::SyslogChanged);
            }
            if sent == 0 {
                tokio::select! {
                    () = more => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
    }

    /// Sends lines of the log: how many.
    async fn lines(
        &self,
        end: &mut dyn WireEnd,
        settings: &SyslogSettings,
        next: &mut u64,
        unsaid: &mut u64,
    ) -> Result<usize, String> {
        let Some(level) = settings.level else {
            *next = self.book.next();
            return Ok(0);
        };
        let speaker = self.speaker();
        let read = self.book.read(*next, AT_ONCE);
        if read.missed > 0 {
            *unsaid += read.missed;
            *next += read.missed;
            self.outcome().missed += read.missed;
        }
        if *unsaid > 0 {
            let text = format::of_missed(&speaker, UnixMs::now().rfc3339(), *unsaid);
            end.send(&text).await?;
            *unsaid = 0;
        }
        let mut sent = 0;
        for line in &read.lines {
            if line.level <= level {
                end.send(&format::of_line(&speaker, line)).await?;
                self.outcome().sent += 1;
                sent += 1;
            }
            *next += 1;
        }
        Ok(sent)
    }

    /// Sends rows of the audit log: how many.
    async fn rows(&self, end: &mut dyn WireEnd) -> Result<usize, String> {
        let refused = |error: StoreError| error.to_string();
        let kept = self.store.report_get::<SyslogSettings>(NAME).await.map_err(refused)?;
        let done = kept.map_or(0, |(_, done)| done);
        let (_, rows) = self.store.audit_rows(Some(done), AT_ONCE as u32).await.map_err(refused)?;
        let Some((last, ..)) = rows.last() else { return Ok(0) };
        let (last, speaker) = (*last, self.speaker());
        for (_, entry, hash) in &rows {
            // A row that only a newer version understands is in the database all the same.
            if let Ok(entry) = serde_json::from_str(entry) {
                end.send(&format::of_audit(&speaker, &entry, hash)).await?;
                self.outcome().sent += 1;
            }
        }
        self.store.report_done(NAME, last).await.map_err(refused)?;
        Ok(rows.len())
    }
}

#[cfg(test)]
mod tests;
