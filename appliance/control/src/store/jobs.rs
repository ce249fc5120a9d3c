//! Jobs, as the desk knows them.

use super::recordings::{insert_files, set_state};
use super::{Store, StoreError, signed};
use crate::recordings::RecordingState;
use roombox_jobs::spec::MadeFile;
use roombox_jobs::{JobRow, JobState};
use rusqlite::{OptionalExtension, Transaction, params};

/// A job that is to be kept for the first time.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob(pub JobRow);

pub(super) fn insert_job(sql: &Transaction<'_>, NewJob(row): &NewJob) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO jobs (id, recording, state, created_ms, row) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            row.spec.job,
            row.spec.recording,
            row.state.name(),
            signed(row.created_ms),
            serde_json::to_string(row)?
        ],
    )?;
    Ok(())
}

fn update_job(sql: &Transaction<'_>, row: &JobRow) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE jobs SET state = ?2, row = ?3 WHERE id = ?1",
        params![row.spec.job, row.state.name(), serde_json::to_string(row)?],
    )?;
    Ok(())
}

impl Store {
    pub async fn job_insert(&self, job: NewJob) -> Result<(), StoreError> {
        self.call(move |sql| insert_job(sql, &job)).await
    }

    /// Keeps a row as the desk wants it. A job that is parked parks its recording, unless a film
    /// was made before.
    pub async fn job_update(&self, row: JobRow) -> Result<(), StoreError> {
        self.call(move |sql| {
            update_job(sql, &row)?;
            let recording = &row.spec.recording;
            let films: i64 = sql.query_row(
                "SELECT COUNT(*) FROM files WHERE recording = ?1",
                [recording],
                |found| found.get(0),
            )?;
            match row.state {
                JobState::Parked if films == 0 => {
                    set_state(sql, recording, RecordingState::Parked)?;
                }
                JobState::Queued if films == 0 => {
                    set_state(sql, recording, RecordingState::Captured)?;
                }
                _ => {}
            }
            Ok(())
        })
        .await
    }

    /// The job is done and its files are there: one transaction.
    pub async fn job_finish(&self, row: JobRow, files: Vec<MadeFile>) -> Result<(), StoreError> {
        self.call(move |sql| {
            update_job(sql, &row)?;
            insert_files(sql, &row.spec.recording, &row.spec.job, &files)?;
            let state = match files.is_empty() {
                true => RecordingState::Empty,
                false => RecordingState::Ready,
            };
            set_state(sql, &row.spec.recording, state)
        })
        .await
    }

    /// All jobs, newest first.
    pub async fn job_list(&self) -> Result<Vec<JobRow>, StoreError> {
        self.call(|sql| {
            let mut statement = sql.prepare("SELECT row FROM jobs ORDER BY id DESC")?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            let mut jobs = Vec::new();
            for row in rows {
                jobs.push(serde_json::from_str(&row?)?);
            }
            Ok(jobs)
        })
        .await
    }

    pub async fn job_get(&self, id: String) -> Result<Option<JobRow>, StoreError> {
        self.call(move |sql| {
            let row: Option<String> = sql
                .query_row("SELECT row FROM jobs WHERE id = ?1", [id], |row| row.get(0))
                .optional()?;
            Ok(row.map(|row| serde_json::from_str(&row)).transpose()?)
        })
        .await
    }

    /// The newest job of a recording.
    pub async fn job_of(&self, recording: String) -> Result<Option<JobRow>, StoreError> {
        self.call(move |sql| {
            let row: Option<String> = sql
                .query_row(
                    "SELECT row FROM jobs WHERE recording = ?1 ORDER BY id DESC LIMIT 1",
                    [recording],
                    |row| row.get(0),
                )
                .optional()?;
            Ok(row.map(|row| serde_json::from_str(&row)).transpose()?)
        })
        .await
    }
}
