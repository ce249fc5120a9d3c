//! Jobs, as the desk knows them.

use super::recordings::{insert_files, set_state};
use super::remembered::Of;
use super::{Store, StoreError, rows, signed, unsigned};
use crate::recordings::RecordingState;
use roombox_jobs::spec::MadeFile;
use roombox_jobs::{JobRow, JobState};
use rusqlite::{OptionalExtension, Transaction, params};

/// States in which a job still concerns somebody.
const CONCERN: [JobState; 3] = [JobState::Queued, JobState::Running, JobState::Parked];

/// How many jobs wait, run, and were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobCounts {
    pub queued: u64,
    pub running: u64,
    pub parked: u64,
}

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
            let count = |query: &str, values: &[&str]| -> Result<i64, StoreError> {
                let values = rusqlite::params_from_iter(values);
                Ok(sql.query_row(query, values, |found| found.get(0))?)
            };
            let recording = row.spec.recording.as_str();
            let [queued, running] = [JobState::Queued, JobState::Running].map(JobState::name);
            let made = count("SELECT COUNT(*) FROM files WHERE recording = ?1", &[recording])?;
            let open = "SELECT COUNT(*) FROM jobs WHERE recording = ?1 AND state IN (?2, ?3)";
            let open = count(open, &[recording, queued, running])?;
            // A film of a part may be empty though the recording is not.
            let of_all = row.spec.range.is_none() && row.spec.only.is_empty();
            let state = match (made, open) {
                (0, 1..) => return Ok(()),
                (0, _) if of_all => RecordingState::Empty,
                _ => RecordingState::Ready,
            };
            set_state(sql, &row.spec.recording, state)
        })
        .await
    }

    /// Jobs that still concern somebody: those that wait, run or were given up; and as many of the newest,
    /// however they ended. Newest first.
    pub async fn job_list(&self, newest: u32) -> Result<Vec<JobRow>, StoreError> {
        let query = "SELECT row FROM jobs WHERE state IN (?1, ?2, ?3)
                OR id IN (SELECT id FROM jobs ORDER BY id DESC LIMIT ?4) ORDER BY id DESC";
        let [queued, running, parked] = CONCERN.map(JobState::name);
        self.ask(Of::Jobs, "jobs", newest, move |sql| {
            rows(sql, query, params![queued, running, parked, newest])
        })
        .await
    }

    /// Jobs that are not done: also those that somebody cancelled, who may try them again.
    pub async fn job_list_undone(&self) -> Result<Vec<JobRow>, StoreError> {
        let query = "SELECT row FROM jobs WHERE state IN (?1, ?2, ?3, ?4) ORDER BY id DESC";
        let [queued, running, parked] = CONCERN.map(JobState::name);
        let cancelled = JobState::Cancelled.name();
        self.call(move |sql| rows(sql, query, params![queued, running, parked, cancelled])).await
    }

    /// All jobs of a recording, newest first.
    pub async fn job_list_of(&self, recording: String) -> Result<Vec<JobRow>, StoreError> {
        let query = "SELECT row FROM jobs WHERE recording = ?1 ORDER BY id DESC";
        self.call(move |sql| rows(sql, query, [recording])).await
    }

    /// Jobs of a recording that wait or run.
    pub async fn job_list_open_of(&self, recording: String) -> Result<Vec<JobRow>, StoreError> {
        let open = [JobState::Queued, JobState::Running].map(JobState::name);
        let query = "SELECT row FROM jobs WHERE recording = ?1 AND state IN (?2, ?3) ORDER BY id";
        self.call(move |sql| rows(sql, query, params![recording, open[0], open[1]])).await
    }

    /// Whether a job that waits or runs merges the film of this recording with others.
    pub async fn job_merges(&self, recording: String) -> Result<bool, StoreError> {
        let open = [JobState::Queued, JobState::Running].map(JobState::name);
        self.call(move |sql| {
            let query = "SELECT EXISTS (SELECT 1
                FROM jobs, json_each(jobs.row, '$.spec.merge.parts') AS part
                WHERE jobs.state IN (?2, ?3) AND json_extract(part.value, '$.recording') = ?1)";
            Ok(sql.query_row(query, params![recording, open[0], open[1]], |row| row.get(0))?)
        })
        .await
    }

    /// The newest job of each of these recordings that has one.
    pub async fn job_list_newest_of(
        &self,
        recordings: Vec<String>,
    ) -> Result<Vec<JobRow>, StoreError> {
        // Ids are ULIDs: the greatest is the newest.
        let query = "SELECT row FROM jobs WHERE id IN (
                SELECT MAX(id) FROM jobs WHERE recording IN (SELECT value FROM json_each(?1))
                GROUP BY recording)";
        let recordings = serde_json::to_string(&recordings)?;
        let about = recordings.clone();
        self.ask(Of::Jobs, "newest jobs", about, move |sql| rows(sql, query, [recordings])).await
    }

    /// How many jobs still concern somebody.
    pub async fn job_counts(&self) -> Result<JobCounts, StoreError> {
        self.ask(Of::Jobs, "job counts", (), |sql| {
            let count = |state: JobState| {
                let query = "SELECT COUNT(*) FROM jobs WHERE state = ?1";
                sql.query_row(query, [state.name()], |row| row.get(0)).map(unsigned)
            };
            let [queued, running, parked] = CONCERN.map(count);
            Ok(JobCounts { queued: queued?, running: running?, parked: parked? })
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
}

#[cfg(test)]
mod tests {
    use super::super::{RecordingEnd, RecordingRow};
    use super::*;
    use roombox_capture::manifest::EndReason;
    use roombox_jobs::spec::{FileKind, JobSpec};

    fn spec(job: &str, recording: &str) -> JobSpec {
        let spec = serde_json::json!({ "v": 1, "job": job, "recording": recording, "title": "" });
        serde_json::from_value(spec).unwrap()
    }

    fn row(job: &str, recording: &str, state: JobState) -> JobRow {
        JobRow { state, ..JobRow::new(spec(job, recording), 0, 1) }
    }

    fn film(job: &str, bytes: u64) -> MadeFile {
        let path = format!("derived/{job}/film.mp4");
        MadeFile { kind: FileKind::Mp4, path, bytes, sha256: String::new() }
    }

    /// A store with these recordings, and the folder that it lives in.
    async fn store(recordings: &[&str]) -> (Store, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("box.db")).unwrap();
        for id in recordings {
            let row = RecordingRow { id: (*id).to_owned(), ..RecordingRow::default() };
            store.recording_insert(row).await.unwrap();
        }
        (store, folder)
    }

    fn end(recording: &str, bytes: u64) -> RecordingEnd {
        RecordingEnd {
            recording: recording.to_owned(),
            state: RecordingState::Captured,
            ended_ms: 2,
            duration_ms: 1,
            bytes,
            gaps: 0,
            dropped: 3,
            reason: EndReason::Stopped,
            interruptions: Vec::new(),
            people: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_page_gets_each_recording_its_own_files_and_its_newest_job() {
        let (store, _folder) = store(&["rec_1", "rec_2", "rec_3", "rec_4"]).await;
        for (job, recording) in [("job_1", "rec_1"), ("job_2", "rec_1"), ("job_3", "rec_2")] {
            let row = row(job, recording, JobState::Finished);
            store.job_insert(NewJob(row.clone())).await.unwrap();
            store.job_finish(row, vec![film(job, 1)]).await.unwrap();
        }
        let page = ["rec_1", "rec_3", "rec_4"].map(str::to_owned).to_vec();
        let files = store.file_list_of(page.clone()).await.unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!(files["rec_1"], [film("job_2", 1), film("job_1", 1)], "newest first");
        let jobs = store.job_list_newest_of(page).await.unwrap();
        let names: Vec<&str> = jobs.iter().map(|row| row.spec.job.as_str()).collect();
        assert_eq!(names, ["job_2"]);
    }

    #[tokio::test]
    async fn open_jobs_are_those_of_one_recording_that_wait_or_run() {
        use JobState as S;
        let (store, _folder) = store(&["rec_1", "rec_2"]).await;
        for (n, state) in
            [S::Queued, S::Running, S::Finished, S::Parked, S::Cancelled].into_iter().enumerate()
        {
            let row = row(&format!("job_{n}"), "rec_1", state);
            store.job_insert(NewJob(row)).await.unwrap();
        }
        store.job_insert(NewJob(row("job_9", "rec_2", S::Queued))).await.unwrap();
        let open = store.job_list_open_of("rec_1".to_owned()).await.unwrap();
        assert_eq!(open.iter().map(|row| row.state).collect::<Vec<_>>(), [S::Queued, S::Running]);
        assert!(open.iter().all(|row| !row.state.is_final()));
    }

    #[tokio::test]
    async fn of_the_jobs_of_years_those_that_concern_somebody_and_the_newest_are_listed() {
        use JobState as S;
        let (store, _folder) = store(&["rec_1"]).await;
        let states =
            [S::Finished, S::Parked, S::Cancelled, S::Queued, S::Running, S::Finished, S::Finished];
        for (n, state) in states.into_iter().enumerate() {
            store.job_insert(NewJob(row(&format!("job_{n}"), "rec_1", state))).await.unwrap();
        }
        let names = |rows: Vec<JobRow>| -> Vec<String> {
            rows.into_iter().map(|row| row.spec.job.replace("job_", "")).collect()
        };
        assert_eq!(names(store.job_list(0).await.unwrap()), ["4", "3", "1"]);
        assert_eq!(names(store.job_list(3).await.unwrap()), ["6", "5", "4", "3", "1"]);
        assert_eq!(store.job_list(100).await.unwrap().len(), 7);
        let of_it = names(store.job_list_of("rec_1".to_owned()).await.unwrap());
        assert_eq!(of_it, ["6", "5", "4", "3", "2", "1", "0"]);
        assert!(store.job_list_of("rec_2".to_owned()).await.unwrap().is_empty());
        let undone = names(store.job_list_undone().await.unwrap());
        assert_eq!(undone, ["4", "3", "2", "1"], "a cancelled one may be tried again");
        let counts = store.job_counts().await.unwrap();
        assert_eq!(counts, JobCounts { queued: 1, running: 1, parked: 1 });
    }

    #[tokio::test]
    async fn the_sum_of_sizes_follows_what_comes_and_goes() {
        let (store, _folder) = store(&["rec_1", "rec_2"]).await;
        assert_eq!(store.recording_bytes().await.unwrap(), 0);
        store.recording_end(end("rec_1", 10), |_| Vec::new()).await.unwrap();
        assert_eq!(store.recording_bytes().await.unwrap(), 10);
        let row = row("job_1", "rec_1", JobState::Finished);
        store.job_insert(NewJob(row.clone())).await.unwrap();
        store.job_finish(row, vec![film("job_1", 5)]).await.unwrap();
        assert_eq!(store.recording_bytes().await.unwrap(), 15);
        store.recording_end(end("rec_2", 100), |_| Vec::new()).await.unwrap();
        assert_eq!(store.recording_bytes().await.unwrap(), 115);
        store.recording_delete("rec_2".to_owned()).await.unwrap();
        assert_eq!(store.recording_bytes().await.unwrap(), 15);
    }

    #[tokio::test]
    async fn what_a_slow_disk_cost_is_kept() {
        let (store, _folder) = store(&["rec_1"]).await;
        store.recording_end(end("rec_1", 10), |_| Vec::new()).await.unwrap();
        let row = store.recording_get("rec_1".to_owned()).await.unwrap().unwrap();
        assert_eq!(row.dropped, 3);
    }
}
