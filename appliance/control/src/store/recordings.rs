//! Recordings and the files made of them.

use super::egress::of_recording;
use super::jobs::{NewJob, insert_job};
use super::leftovers::keep_leftovers;
use super::library::{learn_words, set_people};
use super::remembered::Of;
use super::{Store, StoreError, fleet_library, signed, unsigned};
use crate::egress::EgressRow;
use crate::recordings::{Interruption, RecordingState};
use roombox_capture::manifest::EndReason;
use roombox_jobs::spec::{FileKind, LayoutName, MadeFile};
use roombox_jobs::{JobRow, JobState};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

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
    /// Packets that were not written because the disk was too slow.
    pub dropped: u64,
    pub end_reason: Option<EndReason>,
    pub interruptions: Vec<Interruption>,
    /// Never deleted by the box itself.
    pub held: bool,
    /// Names of those who were in it, once it has ended.
    pub people: Vec<String>,
}

impl Default for RecordingRow {
    /// One that has only just begun, without a name.
    fn default() -> Self {
        Self {
            id: String::new(),
            room: String::new(),
            room_name: String::new(),
            title: String::new(),
            state: RecordingState::Recording,
            layout: LayoutName::Auto,
            started_ms: 0,
            ended_ms: None,
            duration_ms: 0,
            bytes: 0,
            gaps: 0,
            dropped: 0,
            end_reason: None,
            interruptions: Vec::new(),
            held: false,
            people: Vec::new(),
        }
    }
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
    pub dropped: u64,
    pub reason: EndReason,
    pub interruptions: Vec<Interruption>,
    pub people: Vec<String>,
}

pub(super) const COLUMNS: &str = "id, room, room_name, title, state, layout, started_ms, ended_ms,
     duration_ms, bytes, gaps, end_reason, interruptions, dropped, held, people";

/// Enums are kept by the names that the API gives them.
pub(super) fn name<T: Serialize>(value: T) -> Result<String, StoreError> {
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

pub(super) fn recording(row: &Row<'_>) -> rusqlite::Result<RecordingRow> {
    Ok(RecordingRow {
        id: row.get(0)?,
        room: row.get(1)?,
        room_name: row.get(2)?,
        title: row.get(3)?,
        state: named(row.get(4)?)?,
        // A newer version may know more of them.
        layout: named(row.get(5)?).unwrap_or(LayoutName::Auto),
        started_ms: unsigned(row.get(6)?),
        ended_ms: row.get::<_, Option<i64>>(7)?.map(unsigned),
        duration_ms: unsigned(row.get(8)?),
        bytes: unsigned(row.get(9)?),
        gaps: unsigned(row.get(10)?),
        // A newer version may know more of them: it has ended all the same.
        end_reason: row
            .get::<_, Option<String>>(11)?
            .map(|reason| named(reason).unwrap_or(EndReason::Interrupted)),
        interruptions: serde_json::from_str(&row.get::<_, String>(12)?).unwrap_or_default(),
        dropped: unsigned(row.get(13)?),
        held: row.get(14)?,
        people: row
            .get::<_, Option<String>>(15)?
            .map(|people| people.lines().map(str::to_owned).collect())
            .unwrap_or_default(),
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

/// What is known of a recording when it begins; the rest is as with one that has not ended.
fn insert_begun(sql: &Transaction<'_>, row: &RecordingRow) -> Result<(), StoreError> {
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
}

impl Store {
    pub async fn recording_insert(&self, row: RecordingRow) -> Result<(), StoreError> {
        self.call(move |sql| {
            insert_begun(sql, &row)?;
            learn_words(sql, &row.id)
        })
        .await
    }

    /// A recording that is made of others, and the job that makes it: one transaction, so that no crash can
    /// leave a recording that nobody makes.
    pub async fn recording_insert_merged(
        &self,
        row: RecordingRow,
        job: JobRow,
    ) -> Result<(), StoreError> {
        self.call(move |sql| {
            insert_begun(sql, &row)?;
            sql.execute(
                "UPDATE recordings SET ended_ms = ?2, duration_ms = ?3, end_reason = ?4 WHERE id = ?1",
                params![
                    row.id,
                    row.ended_ms.map(signed),
                    signed(row.duration_ms),
                    row.end_reason.map(name).transpose()?,
                ],
            )?;
            // Its room may be gone: its first part knows then for how long recordings of it are kept.
            let first = job.spec.merge.as_ref().and_then(|merge| merge.parts.first());
            sql.execute(
                "UPDATE recordings SET own_days = days FROM
                     (SELECT own_days AS days FROM recordings WHERE id = ?2) WHERE id = ?1",
                params![row.id, first.map(|part| &part.recording)],
            )?;
            set_people(sql, &row.id, &row.people)?;
            insert_job(sql, &NewJob(job))
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

    /// Recordings that the store believes to be running.
    pub async fn recording_list_running(&self) -> Result<Vec<RecordingRow>, StoreError> {
        self.call(|sql| {
            let query = format!("SELECT {COLUMNS} FROM recordings WHERE state = 'recording'");
            let mut statement = sql.prepare_cached(&query)?;
            let rows = statement.query_map([], recording)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The recording is whole, and its jobs exist: one transaction, so that no crash can leave a
    /// recording that nobody renders, nor an order without a job. The jobs; `None` if it had ended before.
    pub async fn recording_end(
        &self,
        end: RecordingEnd,
        jobs_for: impl FnOnce(Vec<EgressRow>) -> Vec<JobRow> + Send + 'static,
    ) -> Result<Option<Vec<JobRow>>, StoreError> {
        self.call(move |sql| {
            let changed = sql.execute(
                "UPDATE recordings SET state = ?2, ended_ms = ?3, duration_ms = ?4, bytes = ?5,
                     gaps = ?6, end_reason = ?7, interruptions = ?8, dropped = ?9
                 WHERE id = ?1 AND state = 'recording'",
                params![
                    end.recording,
                    name(end.state)?,
                    signed(end.ended_ms),
                    signed(end.duration_ms),
                    signed(end.bytes),
                    signed(end.gaps),
                    name(end.reason)?,
                    serde_json::to_string(&end.interruptions)?,
                    signed(end.dropped)
                ],
            )?;
            if changed != 1 {
                return Ok(None);
            }
            set_people(sql, &end.recording, &end.people)?;
            let jobs = jobs_for(of_recording(sql, &end.recording)?);
            for job in &jobs {
                insert_job(sql, &NewJob(job.clone()))?;
            }
            Ok(Some(jobs))
        })
        .await
    }

    /// It has no end yet after all.
    pub async fn recording_take_back(&self, id: String) -> Result<(), StoreError> {
        self.call(move |sql| {
            sql.execute(
                "UPDATE recordings SET state = ?2, end_reason = NULL, ended_ms = NULL,
                     kept_from_ms = NULL WHERE id = ?1",
                params![id, name(RecordingState::Recording)?],
            )?;
            Ok(())
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

    /// Recordings that have ended without a film that is known, and of which none is being made.
    pub async fn recording_list_filmless(&self) -> Result<Vec<String>, StoreError> {
        let [queued, running] = [JobState::Queued, JobState::Running].map(JobState::name);
        self.call(move |sql| {
            let mut statement = sql.prepare_cached(
                "SELECT id FROM recordings WHERE state IN ('empty', 'parked')
                     AND id NOT IN (SELECT recording FROM files)
                     AND id NOT IN (SELECT recording FROM jobs WHERE state IN (?1, ?2))
                 ORDER BY id",
            )?;
            let ids = statement.query_map([queued, running], |row| row.get(0))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// A film of it was found that this job had made: it is ready. False if it is not without one any more.
    pub async fn recording_take_film(
        &self,
        id: String,
        job: String,
        duration_ms: u64,
        files: Vec<MadeFile>,
    ) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let changed = sql.execute(
                "UPDATE recordings SET state = ?2, duration_ms = ?3, ended_ms = started_ms + ?3
                 WHERE id = ?1 AND state IN ('empty', 'parked')
                     AND id NOT IN (SELECT recording FROM files)",
                params![id, name(RecordingState::Ready)?, signed(duration_ms)],
            )?;
            if changed == 1 {
                insert_files(sql, &id, &job, &files)?;
            }
            Ok(changed == 1)
        })
        .await
    }

    pub async fn recording_set_title(&self, id: String, title: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            let changed =
                sql.execute("UPDATE recordings SET title = ?2 WHERE id = ?1", params![id, title])?;
            learn_words(sql, &id)?;
            fleet_library::tell(sql, Some(&id))?;
            Ok(changed == 1)
        })
        .await
    }

    pub async fn recording_delete(&self, id: String) -> Result<bool, StoreError> {
        self.call(move |sql| {
            keep_leftovers(sql, &id)?;
            Ok(sql.execute("DELETE FROM recordings WHERE id = ?1", [id])? == 1)
        })
        .await
    }

    /// Bytes of all parts and files that the store knows.
    pub async fn recording_bytes(&self) -> Result<u64, StoreError> {
        self.ask(Of::Library, "bytes", (), |sql| {
            let sum: i64 = sql.query_row(
                "SELECT COALESCE(SUM(bytes), 0) + COALESCE(SUM(films_bytes), 0) FROM recordings",
                [],
                |row| row.get(0),
            )?;
            Ok(unsigned(sum))
        })
        .await
    }

    /// Files of each of these recordings, newest job first.
    pub async fn file_list_of(
        &self,
        recordings: Vec<String>,
    ) -> Result<HashMap<String, Vec<MadeFile>>, StoreError> {
        let recordings = serde_json::to_string(&recordings)?;
        let about = recordings.clone();
        self.ask(Of::Library, "files", about, move |sql| {
            let mut statement = sql.prepare_cached(
                "SELECT recording, kind, path, bytes, sha256 FROM files
                 WHERE recording IN (SELECT value FROM json_each(?1)) ORDER BY job DESC, kind",
            )?;
            let rows = statement.query_map([recordings], |row| {
                // Of a kind that only a newer version makes: it stays, and is not shown.
                let Ok(kind) = named::<FileKind>(row.get(1)?) else { return Ok(None) };
                let file = MadeFile {
                    kind,
                    path: row.get(2)?,
                    bytes: unsigned(row.get(3)?),
                    sha256: row.get(4)?,
                };
                Ok(Some((row.get(0)?, file)))
            })?;
            let mut files: HashMap<String, Vec<MadeFile>> = HashMap::new();
            for row in rows {
                let Some((recording, file)) = row? else { continue };
                files.entry(recording).or_default().push(file);
            }
            Ok(files)
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
