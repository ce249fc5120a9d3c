//! The only lasting truth: SQLite, one connection on one thread. SQL appears in this folder alone.
//!
//! Every call is one transaction that is on the disk when it returns (WAL, `synchronous = FULL`).

mod jobs;
mod keys;
mod people;
mod provision;
mod recordings;
mod rooms;
mod settings;
mod updates;

pub use jobs::NewJob;
pub use keys::LivekitKey;
pub use people::{ApiTokenRow, Person, Role};
pub use provision::Provisioned;
pub use recordings::{RecordingEnd, RecordingRow};
pub use rooms::RoomRow;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Calls that may wait for the thread.
const QUEUE: usize = 1024;

/// Schema steps, in order: step n takes `user_version` from n to n + 1. Only ever append, and only
/// add: a box that goes back to its old version must find what that knows. A step that takes
/// something away raises `readable.by_schema` to its own number, and nobody goes back behind it.
const STEPS: [&str; 4] = [
    include_str!("0001_first.sql"),
    include_str!("0002_dropped.sql"),
    include_str!("0003_updates.sql"),
    include_str!("0004_language.sql"),
];

/// What the store could not do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open the database {path}")]
    Open { path: String, source: rusqlite::Error },
    #[error("cannot bring the database to schema {step}")]
    Migrate { step: usize, source: rusqlite::Error },
    #[error("the database was written by a newer version (schema {found}, this knows {known})")]
    Newer { found: usize, known: usize },
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

type Call = Box<dyn FnOnce(&mut Connection) + Send>;

/// The box's database.
pub struct Store {
    calls: SyncSender<Call>,
    thread: Mutex<Option<JoinHandle<()>>>,
    known_bytes: recordings::KnownBytes,
}

impl Store {
    /// Opens or makes the database and brings it to this version's schema.
    ///
    /// # Errors
    /// The file cannot be opened, is newer than this program, or a step fails (then nothing of
    /// that step has happened).
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let refused = |source| StoreError::Open { path: path.display().to_string(), source };
        let mut connection = Connection::open(path).map_err(refused)?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
            )
            .map_err(refused)?;
        migrate(&mut connection)?;
        let (calls, inbox) = mpsc::sync_channel::<Call>(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                for call in inbox {
                    call(&mut connection);
                }
            })
            .map_err(StoreError::Start)?;
        Ok(Self { calls, thread: Mutex::new(Some(thread)), known_bytes: Default::default() })
    }

    /// Runs `work` in one transaction; what it changed is durable when this returns.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let call: Call = Box::new(move |connection| {
            let outcome = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(StoreError::from)
                .and_then(|transaction| {
                    let value = work(&transaction)?;
                    transaction.commit()?;
                    Ok(value)
                });
            if reply.send(outcome).is_err() {
                tracing::debug!("nobody waits for this answer of the database any more");
            }
        });
        self.calls.try_send(call).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Stopped,
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

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let known = STEPS.len();
    let version = connection
        .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
        .map_err(|source| StoreError::Migrate { step: 0, source })?;
    let found = usize::try_from(version).unwrap_or(0);
    if found > known {
        let query = "SELECT by_schema FROM readable";
        let by_schema = connection.query_row(query, [], |row| row.get::<_, i64>(0));
        let by_schema = by_schema.map_or(found, |by| usize::try_from(by).unwrap_or(found));
        if by_schema > known {
            return Err(StoreError::Newer { found, known });
        }
        tracing::warn!(
            found,
            known,
            "a newer version wrote the database: this one uses what it knows"
        );
        return Ok(());
    }
    for (step, sql) in STEPS.iter().enumerate().skip(found) {
        let run = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "user_version", (step + 1) as i64)?;
            transaction.commit()
        };
        run(connection).map_err(|source| StoreError::Migrate { step: step + 1, source })?;
    }
    Ok(())
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

    #[test]
    fn a_newer_database_is_opened_if_it_was_only_added_to_and_else_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("box.db");
        drop(Store::open(&path).unwrap());
        // What the newer version did; whether this one may open it.
        for (change, may) in [
            ("CREATE TABLE more (id INTEGER) STRICT", true),
            ("ALTER TABLE rooms ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'", true),
            ("UPDATE readable SET by_schema = 98", false),
            ("DROP TABLE readable", false),
        ] {
            let connection = Connection::open(&path).unwrap();
            connection.execute_batch(change).unwrap();
            connection.pragma_update(None, "user_version", 99).unwrap();
            drop(connection);
            let opened = Store::open(&path);
            assert_eq!(opened.is_ok(), may, "{change}");
            assert!(may || matches!(opened, Err(StoreError::Newer { found: 99, .. })));
            drop(opened);
            let connection = Connection::open(&path).unwrap();
            let version: i64 =
                connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
            assert_eq!(version, 99, "it stays the newer one's");
        }
    }

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
