//! What recordings take on the disk.

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
        self.call(move |sql| {
            let mut stored = sql.query_row(
                "SELECT COALESCE(SUM(bytes), 0),
                     COALESCE(SUM(CASE WHEN started_ms >= ?1 THEN bytes END), 0), MIN(started_ms)
                 FROM recordings",
                [signed(since_ms)],
                |row| {
                    Ok(Stored {
                        tracks_bytes: unsigned(row.get(0)?),
                        recent_bytes: unsigned(row.get(1)?),
                        first_ms: row.get::<_, Option<i64>>(2)?.map(unsigned),
                        ..Stored::default()
                    })
                },
            )?;
            let (films, recent): (i64, i64) = sql.query_row(
                "SELECT COALESCE(SUM(files.bytes), 0),
                     COALESCE(SUM(CASE WHEN started_ms >= ?1 THEN files.bytes END), 0)
                 FROM files JOIN recordings ON recordings.id = files.recording",
                [signed(since_ms)],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            stored.films_bytes = unsigned(films);
            stored.recent_bytes += unsigned(recent);
            let mut statement = sql.prepare(
                "SELECT id, title, started_ms, recordings.bytes, COALESCE(made, 0), held
                 FROM recordings LEFT JOIN
                     (SELECT recording, SUM(bytes) AS made FROM files GROUP BY recording)
                     ON recording = id
                 WHERE recordings.bytes + COALESCE(made, 0) > 0
                 ORDER BY recordings.bytes + COALESCE(made, 0) DESC, id DESC LIMIT ?1",
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
            let mut statement = sql.prepare(
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
}
