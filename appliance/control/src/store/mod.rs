//! The only lasting truth: SQLite, one connection on one thread. SQL appears in this folder alone.
//!
//! Every call is one transaction that is on the disk when it returns (WAL, `synchronous = FULL`).

mod audit;
mod backup;
mod costs;
mod egress;
mod encoders;
mod factors;
mod facts;
mod fleet;
mod fleet_library;
mod fleet_shares;
mod health;
mod jobs;
mod keys;
mod leftovers;
mod library;
mod mqtt;
mod oidc;
mod outages;
mod outbox;
mod outputs;
mod people;
mod person_invites;
mod provision;
mod recordings;
#[cfg(test)]
mod refusing;
mod remembered;
mod retention;
mod room_links;
mod room_templates;
mod rooms;
mod safekeeping;
mod schedule;
mod schema;
mod sessions;
mod settings;
mod shares;
mod spares;
mod storage;
mod targets;
mod tokens;
mod told;
mod twin;
mod updates;
mod uploads;
mod waves;
mod webhook_log;
mod webhooks;
mod whip_keys;

pub use audit::AuditSearch;
#[cfg(test)]
pub(crate) use audit::tampered;
pub use backup::{
    Adoption, DatabaseLook, database_adopt, database_copy, database_look, schema_known,
};
#[cfg(test)]
pub(crate) use backup::{box_becomes, newer};
pub use factors::Factor;
pub use facts::DatabaseFacts;
pub use fleet::{FleetBoxRow, FleetEventRow, FleetRow, HeardRow, Hearing, Missing as FleetMissing};
pub use fleet_library::{FleetRecordingRow, FleetSearch};
pub use health::{AlarmNews, NewsKind};
pub use jobs::{JobCounts, NewJob};
pub use keys::LivekitKey;
pub use leftovers::Leftover;
pub use library::Search;
pub use oidc::{Admission, Arrival, Connected, IdentityRow, NO_PASSWORD, RemovedRow};
pub use outages::{OutageChanges, OutageRow};
pub use outbox::{NewOutboxRow, OutboxEntry};
#[cfg(test)]
pub(crate) use people::old;
pub use people::{Changed, Person, PersonChange, PersonRow};
pub use person_invites::PersonInviteRow;
pub use provision::Provisioned;
pub use recordings::{RecordingEnd, RecordingRow};
pub use room_links::{LinkRole, RoomLinkRow};
pub use room_templates::RoomTemplateRow;
pub use rooms::RoomRow;
pub use safekeeping::BackupCopyRow;
pub(crate) use safekeeping::PLAN as BACKUP_PLAN;
pub use schedule::{EventRow, FeedRow};
pub use sessions::SessionRow;
pub use shares::ShareRow;
pub use spares::{
    DatabaseState, database_before, database_mend, database_spare, database_state, fold_log,
    says_damaged,
};
pub use storage::Largest;
pub use targets::CopyRow;
pub(crate) use targets::{MANIFEST, Missing, Source, Wanted};
pub use tokens::{ApiTokenRow, TokenBearer};
pub use told::{ToldMark, ToldRow, ToldSearch};
pub use twin::{GroupRow, TwinRow};
pub use webhook_log::{Attempt, Ended, LoggedRow};
pub use webhooks::{Settlement, Tally, WebhookRow};
pub use whip_keys::{WhipKeyRow, WhipScope};

use rusqlite::{Connection, Params, Transaction, TransactionBehavior};
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Calls that may wait for the thread.
const QUEUE: usize = 1024;
/// Queries that stay read: nearly all that pages and loops ask again and again.
const STATEMENTS: usize = 128;

/// What the store could not do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open the database {path}")]
    Open { path: String, source: rusqlite::Error },
    #[error("cannot bring the database to schema {step}")]
    Migrate { step: usize, source: rusqlite::Error },
    #[error(
        "cannot keep a copy of the database ({bytes} bytes) at {to} before this version changes it: \
         nothing was changed; make room on that disk, or start the version before"
    )]
    Copy { to: String, bytes: u64, source: std::io::Error },
    #[error(
        "the database is a newer version's (schema {found}, for programs that know schema {needs}), \
         and this one knows schema {known}: start the newer version, on a box with two sides the \
         other side{}", or_copy(copy.as_deref())
    )]
    Newer { found: usize, needs: usize, known: usize, copy: Option<String> },
    #[error("the database is damaged: {0}")]
    Damaged(String),
    #[error("the database {path} cannot be looked at")]
    Read { path: String, source: std::io::Error },
    #[error("a copy of the database cannot be made durable at {path}")]
    Copied { path: String, source: std::io::Error },
    #[error("cannot start the database thread")]
    Start(#[source] std::io::Error),
    #[error("the database refused")]
    Query(#[from] rusqlite::Error),
    #[error("a row of the database cannot be understood")]
    Row(#[from] serde_json::Error),
    #[error("the database has too much waiting")]
    Busy,
    #[error("the database has stopped")]
    Stopped,
}

/// What else helps against a newer version's database.
fn or_copy(copy: Option<&str>) -> String {
    let put = |copy| {
        format!(
            ", or stop the box and put {copy} in the place of the database and its -wal and -shm \
             files: what was written after that is lost then"
        )
    };
    copy.map(put).unwrap_or_default()
}

type Call = Box<dyn FnOnce(&mut Connection) + Send>;

/// The box's database.
pub struct Store {
    calls: SyncSender<Call>,
    thread: Mutex<Option<JoinHandle<()>>>,
    remembered: Arc<remembered::Remembered>,
    clock_is_set: AtomicBool,
}

impl Store {
    /// Opens or makes the database and brings it to this version's schema, with a copy of what it
    /// was beside it.
    ///
    /// # Errors
    /// The file cannot be opened, is for newer programs only, cannot be copied before it is changed,
    /// or a step fails: then nothing has changed.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, &schema::STEPS)
    }

    fn open_with(path: &Path, steps: &[&str]) -> Result<Self, StoreError> {
        let refused = |source| StoreError::Open { path: path.display().to_string(), source };
        let mut connection = Connection::open(path).map_err(refused)?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
            )
            .map_err(refused)?;
        schema::migrate(&mut connection, path, steps)?;
        // Reading a query's text takes longer than most of them: the views of people and sessions are long.
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let remembered = Arc::<remembered::Remembered>::default();
        remembered.watch(&mut connection).map_err(refused)?;
        let (calls, inbox) = mpsc::sync_channel::<Call>(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                for call in inbox {
                    call(&mut connection);
                }
            })
            .map_err(StoreError::Start)?;
        let clock_is_set = AtomicBool::default();
        Ok(Self { calls, thread: Mutex::new(Some(thread)), remembered, clock_is_set })
    }

    /// Runs `work` in one transaction; what it changed is durable when this returns.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let remembered = Arc::clone(&self.remembered);
        remembered.begins();
        let call: Call = Box::new(move |connection| {
            let outcome = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(StoreError::from)
                .and_then(|transaction| {
                    let value = work(&transaction)?;
                    transaction.commit()?;
                    Ok(value)
                });
            remembered.ended(connection);
            if reply.send(outcome).is_err() {
                tracing::debug!("nobody waits for this answer of the database any more");
            }
        });
        self.calls.try_send(call).map_err(|error| {
            self.remembered.gave_up();
            match error {
                TrySendError::Full(_) => StoreError::Busy,
                TrySendError::Disconnected(_) => StoreError::Stopped,
            }
        })?;
        answer.await.map_err(|_| StoreError::Stopped)?
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The thread ends when the last sender is gone; this one must go first.
        let (closed, _) = mpsc::sync_channel(1);
        self.calls = closed;
        let thread = self.thread.lock().map(|mut thread| thread.take());
        if let Ok(Some(thread)) = thread
            && thread.join().is_err()
        {
            tracing::error!("the database thread had panicked");
        }
    }
}

/// The rows, kept as JSON, that a query of their column finds. One that only a newer version understands
/// stays as it is: it must not stop all others.
fn rows<T: DeserializeOwned>(
    sql: &Transaction<'_>,
    query: &str,
    values: impl Params,
) -> Result<Vec<T>, StoreError> {
    let mut statement = sql.prepare_cached(query)?;
    let texts = statement.query_map(values, |row| row.get::<_, String>(0))?;
    let mut rows = Vec::new();
    for text in texts {
        match serde_json::from_str(&text?) {
            Ok(row) => rows.push(row),
            Err(error) => tracing::warn!(%error, query, "a row is left as it is"),
        }
    }
    Ok(rows)
}

/// SQLite's integers are signed; sizes and times here never reach the sign bit.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_fails_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        let failed = store
            .call(|sql| -> Result<(), StoreError> {
                sql.execute("INSERT INTO livekit_keys VALUES ('a', 'b', 1, 0)", [])?;
                sql.execute("INSERT INTO nowhere VALUES (1)", [])?;
                Ok(())
            })
            .await;
        assert!(matches!(failed, Err(StoreError::Query(_))));
        assert!(store.livekit_key_list().await.unwrap().is_empty());
    }
}
