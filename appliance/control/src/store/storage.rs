//! What recordings take on the disk.

use super::remembered::Of;
use super::{Store, StoreError, signed, unsigned};
use crate::clock::UnixMs;
use rusqlite::params;
use serde::Serialize;
use utoipa::ToSchema;

/// A recording and what it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Largest {
    pub recording: String,
    pub title: String,
    pub started_at: UnixMs,
    pub tracks_bytes: u64,
    pub films_bytes: u64,
    /// The box never deletes it by itself.
    pub held: bool,
}

/// What the store knows of the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stored {
    pub tracks_bytes: u64,
    pub films_bytes: u64,
    /// Of both, what belongs to recordings that began after a moment.
    pub recent_bytes: u64,
    /// When the first recording began that is there.
    pub first_ms: Option<u64>,
    pub largest: Vec<Largest>,
}

impl Store {
    /// What all recordings take, those since this moment, and the `most` largest.
    pub async fn storage(&self, since_ms: u64, most: u32) -> Result<Stored, StoreError> {
        self.ask(Of::Library, "storage", (since_ms, most), move |sql| {
            // An index has all of it: a hundred thousand recordings are read in some milliseconds.
            let mut stored = sql.query_row(
                "SELECT COALESCE(SUM(bytes), 0), COALESCE(SUM(films_bytes), 0), MIN(started_ms)
                 FROM recordings",
                [],
                |row| {
                    Ok(Stored {
                        tracks_bytes: unsigned(row.get(0)?),
                        films_bytes: unsigned(row.get(1)?),
                        first_ms: row.get::<_, Option<i64>>(2)?.map(unsigned),
                        ..Stored::default()
                    })
                },
            )?;
            let recent = "SELECT COALESCE(SUM(bytes + films_bytes), 0) FROM recordings
                 WHERE started_ms >= ?1";
            let recent = sql.query_row(recent, [signed(since_ms)], |row| row.get(0));
            stored.recent_bytes = recent.map(unsigned)?;
            let mut statement = sql.prepare_cached(
                "SELECT id, title, started_ms, bytes, films_bytes, held FROM recordings
                 WHERE bytes + films_bytes > 0
                 ORDER BY bytes + films_bytes DESC, id DESC LIMIT ?1",
            )?;
            let rows = statement.query_map(params![most], |row| {
                Ok(Largest {
                    recording: row.get(0)?,
                    title: row.get(1)?,
                    started_at: UnixMs(unsigned(row.get(2)?)),
                    tracks_bytes: unsigned(row.get(3)?),
                    films_bytes: unsigned(row.get(4)?),
                    held: row.get(5)?,
                })
            })?;
            stored.largest = rows.collect::<Result<_, _>>()?;
            Ok(stored)
        })
        .await
    }

    /// Titles of these recordings.
    pub async fn recording_titles(
        &self,
        ids: Vec<String>,
    ) -> Result<std::collections::HashMap<String, String>, StoreError> {
        self.call(move |sql| {
            let mut statement = sql.prepare_cached(
                "SELECT id, title FROM recordings WHERE id IN (SELECT value FROM json_each(?1))",
            )?;
            let rows = statement
                .query_map([serde_json::to_string(&ids)?], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RecordingRow;
    use roombox_jobs::spec::{FileKind, MadeFile};

    #[tokio::test]
    async fn tracks_and_films_are_added_up_and_the_largest_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        assert_eq!(store.storage(0, 10).await.unwrap(), Stored::default());
        for (id, started_ms, bytes) in [("rec_1", 5, 100), ("rec_2", 50, 30), ("rec_3", 60, 0)] {
            let row = RecordingRow { id: id.to_owned(), started_ms, ..RecordingRow::default() };
            store.recording_insert(row).await.unwrap();
            store
                .call(move |sql| {
                    let query = "UPDATE recordings SET bytes = ?2 WHERE id = ?1";
                    sql.execute(query, params![id, bytes])?;
                    Ok(())
                })
                .await
                .unwrap();
        }
        let film = MadeFile {
            kind: FileKind::Mp4,
            path: "film.mp4".to_owned(),
            bytes: 200,
            sha256: String::new(),
        };
        store.files_insert("rec_2", "job_1".to_owned(), vec![film]).await.unwrap();
        let stored = store.storage(50, 10).await.unwrap();
        assert_eq!((stored.tracks_bytes, stored.films_bytes), (130, 200));
        assert_eq!((stored.recent_bytes, stored.first_ms), (230, Some(5)));
        let largest: Vec<(&str, u64, u64)> = stored
            .largest
            .iter()
            .map(|one| (one.recording.as_str(), one.tracks_bytes, one.films_bytes))
            .collect();
        assert_eq!(largest, [("rec_2", 30, 200), ("rec_1", 100, 0)], "nothing takes no room");
        assert_eq!(store.storage(50, 1).await.unwrap().largest.len(), 1);
    }

    #[tokio::test]
    async fn what_was_made_of_a_recording_is_added_up_whoever_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("box.db");
        // A box of before there was a sum, with a film.
        let mut before = rusqlite::Connection::open(&path).unwrap();
        crate::store::schema::migrate(&mut before, &path, &crate::store::schema::STEPS[..30])
            .unwrap();
        before
            .execute_batch(
                "INSERT INTO recordings (id, room, room_name, title, state, layout, started_ms)
                     VALUES ('rec_1', '', '', '', 'ready', '', 1);
                 INSERT INTO files VALUES ('rec_1', 'a.mp4', 'mp4', 7, '', 'job_1');",
            )
            .unwrap();
        drop(before);
        let store = Store::open(&path).unwrap();
        let films = |does: &'static str| {
            let store = &store;
            async move {
                store.call(move |sql| Ok(sql.execute_batch(does)?)).await.unwrap();
                store.storage(0, 10).await.unwrap().films_bytes
            }
        };
        assert_eq!(films("").await, 7);
        // As every version writes them.
        let again =
            "INSERT OR REPLACE INTO files VALUES ('rec_1', 'a.mp4', 'mp4', 9, '', 'job_2');";
        assert_eq!(films(again).await, 9);
        let more = "INSERT INTO files VALUES ('rec_1', 'b.mp4', 'mp4', 30, '', 'job_2');";
        assert_eq!(films(more).await, 39);
        assert_eq!(films("UPDATE files SET bytes = 1 WHERE path = 'a.mp4'").await, 31);
        assert_eq!(films("DELETE FROM files WHERE path = 'b.mp4'").await, 1);
        assert_eq!(films("DELETE FROM recordings").await, 0);
    }
}
