//! Answers that are remembered until what they were read from changes.
//!
//! Sums and counts over all that a box has recorded in years take tens of milliseconds, pages ask for
//! them every few seconds, and between two meetings nothing changes them. What the box itself looks up
//! each second is answered so without waking the database's thread.

use super::{Store, StoreError};
use rusqlite::{Connection, Transaction};
use std::any::Any;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Answers that are kept at a time: those of a few pages, each open in a few browsers, and what is looked up
/// by the second.
const KEPT: usize = 32;

/// Tables whose changes are counted one by one.
const COUNTED: [&str; 5] = ["recordings", "files", "people", "members", "jobs"];

/// What an answer is read from, and nothing beside it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    /// Recordings and what was made of them.
    Library,
    People,
    Jobs,
    /// Whatever else: an answer holds while nothing changes at all.
    All,
}

impl Of {
    fn tables(self) -> &'static [usize] {
        match self {
            Self::Library => &[0, 1],
            Self::People => &[2, 3],
            Self::Jobs => &[4],
            Self::All => &[],
        }
    }
}

/// A question with what it is asked about, and what was answered while the tables stood like this.
struct Answer {
    question: String,
    of: Of,
    stand: u64,
    value: Arc<dyn Any + Send + Sync>,
}

/// How often each table has changed, and what was answered since.
#[derive(Default)]
pub(super) struct Remembered {
    changes: [AtomicU64; COUNTED.len()],
    /// Rows that were changed since the start, in whichever table.
    all_changes: AtomicU64,
    /// Calls that wait or run.
    pending: AtomicUsize,
    /// The one that was asked for last is the last one.
    answers: Mutex<Vec<Answer>>,
}

impl Remembered {
    /// Counts what changes through this connection, whichever call or trigger changes it. SQLite tells of
    /// rows one by one, but not when all of a table go at once (`DELETE` without `WHERE`), and not of
    /// tables `WITHOUT ROWID`: none of these is done to the tables that are counted.
    pub fn watch(self: &Arc<Self>, connection: &mut Connection) -> rusqlite::Result<()> {
        self.all_changes.store(connection.total_changes(), Ordering::Release);
        let remembered = Arc::clone(self);
        connection.update_hook(Some(move |_action, _database: &str, table: &str, _row| {
            if let Some(at) = COUNTED.iter().position(|counted| *counted == table) {
                remembered.changes[at].fetch_add(1, Ordering::Release);
            }
        }))
    }

    /// A call is made: what it will change nobody may overlook who asks after it.
    pub fn begins(&self) {
        self.pending.fetch_add(1, Ordering::AcqRel);
    }

    /// Counts what a call has changed, before whoever made it hears so.
    pub fn ended(&self, connection: &Connection) {
        self.all_changes.store(connection.total_changes(), Ordering::Release);
        self.pending.fetch_sub(1, Ordering::AcqRel);
    }

    /// The call was not taken.
    pub fn gave_up(&self) {
        self.pending.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether nothing waits that may change something.
    fn is_calm(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// How often what an answer is read from has changed. It only grows: a sum is as good as its parts.
    fn stand(&self, of: Of) -> u64 {
        match of {
            Of::All => self.all_changes.load(Ordering::Acquire),
            of => of.tables().iter().map(|at| self.changes[*at].load(Ordering::Acquire)).sum(),
        }
    }

    fn recall<T: Clone + 'static>(&self, question: &str) -> Option<T> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|answer| answer.stand == self.stand(answer.of));
        let at = answers.iter().position(|answer| answer.question == question)?;
        let answer = answers.remove(at);
        let value = answer.value.downcast_ref::<T>().cloned();
        answers.push(answer);
        value
    }

    fn keep(&self, answer: Answer) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|kept| kept.question != answer.question);
        if answers.len() >= KEPT {
            answers.remove(0);
        }
        answers.push(answer);
    }
}

impl Store {
    /// As [`Store::call`] for a question that reads these tables alone, which `asked` and `about` name: answered
    /// without the database while none of them has changed. Like any call it comes after those that were made
    /// before it.
    pub(super) async fn ask<T: Clone + Send + Sync + 'static>(
        &self,
        of: Of,
        asked: &'static str,
        about: impl Debug,
        read: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let question = format!("{asked} {about:?}");
        if self.remembered.is_calm()
            && let Some(known) = self.remembered.recall(&question)
        {
            return Ok(known);
        }
        let remembered = Arc::clone(&self.remembered);
        self.call(move |sql| {
            if let Some(known) = remembered.recall(&question) {
                return Ok(known);
            }
            // On the store's thread nothing can change them meanwhile.
            let stand = remembered.stand(of);
            let value = read(sql)?;
            remembered.keep(Answer { question, of, stand, value: Arc::new(value.clone()) });
            Ok(value)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::RecordingRow;
    use super::*;
    use roombox_jobs::spec::{FileKind, MadeFile};
    use std::sync::atomic::AtomicU32;

    async fn bytes(store: &Store, about: u32, read: &Arc<AtomicU32>) -> i64 {
        let read = Arc::clone(read);
        store
            .ask(Of::Library, "bytes", about, move |sql| {
                read.fetch_add(1, Ordering::Relaxed);
                let query = "SELECT COALESCE(SUM(bytes + films_bytes), 0) FROM recordings";
                Ok(sql.query_row(query, [], |row| row.get(0))?)
            })
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_read_once_until_a_table_changes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        let read = Arc::new(AtomicU32::new(0));
        let reads = || read.load(Ordering::Relaxed);
        assert_eq!((bytes(&store, 1, &read).await, bytes(&store, 1, &read).await), (0, 0));
        assert_eq!(reads(), 1);
        bytes(&store, 2, &read).await;
        assert_eq!(reads(), 2, "about something else it is another question");

        // What it was not read from.
        store
            .call(|sql| Ok(sql.execute("INSERT INTO livekit_keys VALUES ('a', 'b', 1, 0)", [])?))
            .await
            .unwrap();
        bytes(&store, 1, &read).await;
        assert_eq!(reads(), 2);

        let row = RecordingRow { id: "rec_1".to_owned(), ..RecordingRow::default() };
        store.recording_insert(row).await.unwrap();
        let film = |bytes| MadeFile {
            kind: FileKind::Mp4,
            path: "film.mp4".to_owned(),
            bytes,
            sha256: String::new(),
        };
        store.files_insert("rec_1", "job_1".to_owned(), vec![film(7)]).await.unwrap();
        assert_eq!((bytes(&store, 1, &read).await, reads()), (7, 3));
        // The same row again: SQLite takes the old one away without a word, and tells of the new one.
        store.files_insert("rec_1", "job_1".to_owned(), vec![film(9)]).await.unwrap();
        assert_eq!((bytes(&store, 1, &read).await, reads()), (9, 4));
        // Its file goes by a foreign key, and the sum by a trigger.
        assert!(store.recording_delete("rec_1".to_owned()).await.unwrap());
        assert_eq!((bytes(&store, 1, &read).await, reads()), (0, 5));
    }

    #[tokio::test]
    async fn what_a_failed_call_changed_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        let row = RecordingRow { id: "rec_1".to_owned(), ..RecordingRow::default() };
        store.recording_insert(row).await.unwrap();
        let read = Arc::new(AtomicU32::new(0));
        assert_eq!(bytes(&store, 1, &read).await, 0);
        let failed = store
            .call(|sql| {
                sql.execute("UPDATE recordings SET bytes = 5", [])?;
                Ok(sql.execute("INSERT INTO nowhere VALUES (1)", [])?)
            })
            .await;
        assert!(failed.is_err());
        assert_eq!((bytes(&store, 1, &read).await, read.load(Ordering::Relaxed)), (0, 2));
    }

    #[tokio::test]
    async fn what_is_read_from_anywhere_is_read_again_after_any_change() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        let read = Arc::new(AtomicU32::new(0));
        let keys = async || {
            let counted = Arc::clone(&read);
            let keys = store.ask(Of::All, "keys", (), move |sql| {
                counted.fetch_add(1, Ordering::Relaxed);
                let query = "SELECT COUNT(*) FROM livekit_keys";
                Ok(sql.query_row(query, [], |row| row.get::<_, u32>(0))?)
            });
            (keys.await.unwrap(), read.load(Ordering::Relaxed))
        };
        assert_eq!((keys().await, keys().await), ((0, 1), (0, 1)));
        store.room_list().await.unwrap();
        assert_eq!(keys().await, (0, 1), "whoever only reads changes nothing");
        for key in ["a", "b"] {
            let add = "INSERT INTO livekit_keys VALUES (?1, 'b', 1, 0)";
            store.call(move |sql| Ok(sql.execute(add, [key])?)).await.unwrap();
        }
        assert_eq!((keys().await, keys().await), ((2, 2), (2, 2)));
        // Of all rows at once SQLite's hook tells nothing.
        store.call(|sql| Ok(sql.execute("DELETE FROM livekit_keys", [])?)).await.unwrap();
        assert_eq!((keys().await, keys().await), ((0, 3), (0, 3)));
    }

    #[tokio::test]
    async fn a_question_comes_after_the_calls_that_were_made_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        let read = Arc::new(AtomicU32::new(0));
        let row = RecordingRow { id: "rec_1".to_owned(), ..RecordingRow::default() };
        store.recording_insert(row).await.unwrap();
        assert_eq!(bytes(&store, 1, &read).await, 0);
        let (go, waits) = std::sync::mpsc::channel::<()>();
        // Made first, and waits for the disk while somebody asks.
        let change = store.call(move |sql| {
            waits.recv().unwrap();
            Ok(sql.execute("UPDATE recordings SET bytes = 7", [])?)
        });
        let asked = bytes(&store, 1, &read);
        let (changed, bytes, ()) =
            tokio::join!(biased; change, asked, async { go.send(()).unwrap() });
        assert_eq!((changed.unwrap(), bytes), (1, 7));
    }

    #[tokio::test]
    async fn old_answers_make_room_for_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        let read = Arc::new(AtomicU32::new(0));
        for about in 0..100 {
            bytes(&store, about, &read).await;
            bytes(&store, 0, &read).await;
        }
        assert_eq!(read.load(Ordering::Relaxed), 100, "what is asked for often stays");
        assert_eq!(store.remembered.answers.lock().unwrap().len(), KEPT);
    }
}
