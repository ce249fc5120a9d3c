//! Recordings and the files made of them.

use super::jobs::{NewJob, insert_job};
use super::{Store, StoreError, signed, unsigned};
use crate::recordings::{Interruption, RecordingState};
use roombox_capture::manifest::EndReason;
use roombox_jobs::spec::{FileKind, LayoutName, MadeFile};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A recording.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingRow {
    /// `rec_` and a ULID; also the folder's name.
    pub id: String,
    pub room: String,
    pub room_name: String,
    pub title: String,
    pub state: RecordingState,
    pub layout: LayoutName,
    pub started_ms: u64,
    pub ended_ms: Option<u64>,
    pub duration_ms: u64,
    /// Bytes of all parts.
    pub bytes: u64,
    pub gaps: u64,
    pub end_reason: Option<EndReason>,
    pub interruptions: Vec<Interruption>,
}

/// How a recording ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingEnd {
    pub recording: String,
    /// `captured`, or `empty` when there is nothing to make a film of.
    pub state: RecordingState,
    pub ended_ms: u64,
    pub duration_ms: u64,
    pub bytes: u64,
    pub gaps: u64,
    pub reason: EndReason,
    pub interruptions: Vec<Interruption>,
}

const COLUMNS: &str = "id, room, room_name, title, state, layout, started_ms, ended_ms,
     duration_ms, bytes, gaps, end_reason, interruptions";

/// Enums are kept by the names that the API gives them.
fn name<T: Serialize>(value: T) -> Result<String, StoreError> {
    match serde_json::to_value(value)? {
        serde_json::Value::String(name) => Ok(name),
        other => Ok(other.to_string()),
    }
}

fn named<T: DeserializeOwned>(name: String) -> rusqlite::Result<T> {
    serde_json::from_value(serde_json::Value::String(name)).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
    })
}

fn recording(row: &Row<'_>) -> rusqlite::Result<RecordingRow> {
    Ok(RecordingRow {
        id: row.get(0)?,
        room: row.get(1)?,
        room_name: row.get(2)?,
        title: row.get(3)?,
        state: named(row.get(4)?)?,
        layout: named(row.get(5)?)?,
        started_ms: unsigned(row.get(6)?),
        ended_ms: row.get::<_, Option<i64>>(7)?.map(unsigned),
        duration_ms: unsigned(row.get(8)?),
        bytes: unsigned(row.get(9)?),
        gaps: unsigned(row.get(10)?),
        end_reason: row.get::<_, Option<String>>(11)?.map(named).transpose()?,
        interruptions: serde_json::from_str(&row.get::<_, String>(12)?).unwrap_or_default(),
    })
}

pub(super) fn set_state(
    sql: &Transaction<'_>,
    id: &str,
    state: RecordingState,
) -> Result<(), StoreError> {
    sql.execute("UPDATE recordings SET state = ?2 WHERE id = ?1", params![id, name(state)?])?;
    Ok(())
}

impl Store {
    pub async fn recording_insert(&self, row: RecordingRow) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "INSERT INTO recordings (id, room, room_name, title, state, layout, started_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    row.id,
                    row.room,
                    row.room_name,
                    row.title,
                    name(row.state)?,
                    name(row.layout)?,
                    signed(row.started_ms)
                ],
            )?;
            Ok(())
        })
        .await
    }

    pub async fn recording_get(&self, id: String) -> Result<Option<RecordingRow>, StoreError> {
        self.call(move |sql| {
            let query = format!("SELECT {COLUMNS} FROM recordings WHERE id = ?1");
            Ok(sql.query_row(&query, [id], recording).optional()?)
        })
        .await
    }

    /// Newest first, from after `after` on.
    pub async fn recording_list(
        &self,
        limit: u32,
        after: Option<String>,
    ) -> Result<Vec<RecordingRow>, StoreError> {
        self.call(move |sql| {
            // Ids are ULIDs: their order is the order of time.
            let query = format!(
                "SELECT {COLUMNS} FROM recordings WHERE ?1 IS NULL OR id < ?1
                 ORDER BY id DESC LIMIT ?2"
            );
            let mut statement = sql.prepare(&query)?;
            let rows = statement.query_map(params![after, limit], recording)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Recordings that the store believes to be running.
    pub async fn recording_list_running(&self) -> Result<Vec<RecordingRow>, StoreError> {
        self.call(|sql| {
            let query = format!("SELECT {COLUMNS} FROM recordings WHERE state = 'recording'");
            let mut statement = sql.prepare(&query)?;
            let rows = statement.query_map([], recording)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The recording is whole, and its job exists: one transaction, so that no crash can leave a
    /// recording that nobody renders. False if it had ended before.
    pub async fn recording_end(
        &self,
        end: RecordingEnd,
        job: Option<NewJob>,
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let changed = sql.execute(
                "UPDATE recordings SET state = ?2, ended_ms = ?3, duration_ms = ?4, bytes = ?5,
                     gaps = ?6, end_reason = ?7, interruptions = ?8
                 WHERE id = ?1 AND state = 'recording'",
                params![
                    end.recording,
                    name(end.state)?,
                    signed(end.ended_ms),
                    signed(end.duration_ms),
                    signed(end.bytes),
                    signed(end.gaps),
                    name(end.reason)?,
                    serde_json::to_string(&end.interruptions)?
                ],
            )?;
            if changed == 1
                && let Some(job) = job
            {
                insert_job(sql, &job)?;
            }
            Ok(changed == 1)
        })
        .await
    }

    pub async fn recording_set_state(
        &self,
        id: String,
        state: RecordingState,
    ) -> Result<(), StoreError> {
        self.call(move |sql| set_state(sql, &id, state)).await
    }

    pub async fn recording_set_title(&self, id: String, title: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let changed =
                sql.execute("UPDATE recordings SET title = ?2 WHERE id = ?1", params![id, title])?;
            Ok(changed == 1)
        })
        .await
    }

    pub async fn recording_delete(&self, id: String) -> Result<bool, StoreError> {
        self.call(move |sql| Ok(sql.execute("DELETE FROM recordings WHERE id = ?1", [id])? == 1))
            .await
    }

    /// Bytes of all parts and files that the store knows.
    pub async fn recording_bytes(&self) -> Result<u64, StoreError> {
        self.call(|sql| {
            let sum: i64 = sql.query_row(
                "SELECT (SELECT COALESCE(SUM(bytes), 0) FROM recordings)
                      + (SELECT COALESCE(SUM(bytes), 0) FROM files)",
                [],
                |row| row.get(0),
            )?;
            Ok(unsigned(sum))
        })
        .await
    }

    /// Files of a recording, newest job first.
    pub async fn file_list(&self, recording: String) -> Result<Vec<MadeFile>, StoreError> {
        self.call(move |sql| {
            let mut statement = sql.prepare(
                "SELECT kind, path, bytes, sha256 FROM files WHERE recording = ?1
                 ORDER BY job DESC, kind",
            )?;
            let rows = statement.query_map([recording], |row| {
                Ok(MadeFile {
                    kind: named::<FileKind>(row.get(0)?)?,
                    path: row.get(1)?,
                    bytes: unsigned(row.get(2)?),
                    sha256: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

pub(super) fn insert_files(
    sql: &Transaction<'_>,
    recording: &str,
    job: &str,
    files: &[MadeFile],
) -> Result<(), StoreError> {
    for file in files {
        sql.execute(
            "INSERT OR REPLACE INTO files (recording, path, kind, bytes, sha256, job)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![recording, file.path, name(file.kind)?, signed(file.bytes), file.sha256, job],
        )?;
    }
    Ok(())
}
