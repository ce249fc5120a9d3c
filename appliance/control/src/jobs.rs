//! Jobs: the desk decides, this service keeps its rows, starts workers and tells people.
//!
//! One task owns the desk. Everything that happens to it comes through its inbox, in order; what
//! the desk wants kept is on the disk before a worker starts.

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::store::{NewJob, Store};
use crate::words;
pub use roombox_jobs::spec::{
    Ahead, EncoderChoice, FileKind, JobSpec, LayoutName, MadeFile, Only, Output, Progress, Receipt,
    SoundContainer,
};
pub use roombox_jobs::{Attempt, Governor, JobState, Load};
use roombox_jobs::{Desk, Effect, Input, JobRow};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use utoipa::ToSchema;

/// Messages that may wait for the desk.
const INBOX: usize = 1024;
/// The desk is looked at this often at least.
const IDLE: Duration = Duration::from_secs(60);

/// Whoever runs workers: in the daemon, child processes.
pub trait Workers: Send + Sync {
    /// Starts a worker; what it does is told by [`Jobs::report`].
    fn start(&self, attempt: Attempt, spec: JobSpec);
    /// Stops the worker of this attempt, if it still runs.
    fn kill(&self, attempt: Attempt);
    /// Nobody wants the job's film any more: what attempts have left for the next one can go, once
    /// none of them runs.
    fn clear(&self, spec: &JobSpec);
}

/// What a worker tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    Progress(Attempt, Progress),
    Finished(Attempt, Receipt),
    /// With the end of its log.
    Failed(Attempt, String),
    /// No further try can help.
    Hopeless(Attempt, String),
}

/// A job as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Job {
    pub id: String,
    pub recording_id: String,
    pub title: String,
    #[schema(value_type = words::Layout)]
    pub layout: LayoutName,
    #[schema(value_type = words::JobState)]
    pub state: JobState,
    pub attempts: u32,
    pub created_at: UnixMs,
    /// Why the last attempt failed.
    #[schema(required)]
    pub error: Option<String>,
    #[schema(required)]
    pub progress: Option<JobProgress>,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct JobProgress {
    /// Media made and to be made.
    pub done_ms: u64,
    pub total_ms: u64,
    /// Seconds of media per second.
    pub speed: f64,
    #[schema(required)]
    pub eta_s: Option<f64>,
    pub encoder: String,
    pub cpu_s: f64,
}

#[derive(Debug)]
enum Message {
    Input(Input),
    Report(Report),
}

/// Jobs of the box.
pub struct Jobs {
    store: Arc<Store>,
    events: Arc<Events>,
    inbox: mpsc::Sender<Message>,
    progress: Mutex<HashMap<String, JobProgress>>,
}

/// The desk's task, to be run by the daemon.
pub struct DeskTask {
    jobs: Arc<Jobs>,
    desk: Desk,
    workers: Arc<dyn Workers>,
    inbox: mpsc::Receiver<Message>,
}

impl Jobs {
    /// The service, and the half of it that [`DeskTask::run`] needs. `capacity`: workers at a time.
    pub fn new(
        store: Arc<Store>,
        events: Arc<Events>,
        workers: Arc<dyn Workers>,
        capacity: usize,
    ) -> (Arc<Self>, DeskTask) {
        let (sender, inbox) = mpsc::channel(INBOX);
        let jobs = Arc::new(Self { store, events, inbox: sender, progress: Mutex::default() });
        let task = DeskTask { jobs: jobs.clone(), desk: Desk::new(capacity), workers, inbox };
        (jobs, task)
    }

    async fn tell(&self, message: Message) {
        if self.inbox.send(message).await.is_err() {
            tracing::warn!("the job desk has stopped");
        }
    }

    /// A row that is in the store is to be done.
    pub async fn queued(&self, row: JobRow) {
        self.events.publish(&row.spec.job, Happening::JobQueued(self.view(&row)));
        self.tell(Message::Input(Input::Add(Box::new(row)))).await;
    }

    /// Keeps a new job and has it done.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn create(&self, spec: JobSpec) -> Result<Job, ControlError> {
        let row = JobRow::new(spec, 0, UnixMs::now().0);
        self.store.job_insert(NewJob(row.clone())).await?;
        self.queued(row.clone()).await;
        Ok(self.view(&row))
    }

    /// A worker tells something.
    pub async fn report(&self, report: Report) {
        self.tell(Message::Report(report)).await;
    }

    /// Newest first.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn list(&self) -> Result<Vec<Job>, ControlError> {
        Ok(self.store.job_list().await?.iter().map(|row| self.view(row)).collect())
    }

    /// The newest job of each of these recordings that has one.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn newest_of(
        &self,
        recordings: Vec<String>,
    ) -> Result<HashMap<String, Job>, ControlError> {
        let rows = self.store.job_list_newest_of(recordings).await?;
        Ok(rows.iter().map(|row| (row.spec.recording.clone(), self.view(row))).collect())
    }

    async fn row(&self, id: &str) -> Result<JobRow, ControlError> {
        let row = self.store.job_get(id.to_owned()).await?;
        row.ok_or(ControlError::NotFound("job"))
    }

    /// # Errors
    /// There is no such job, or it has ended.
    pub async fn cancel(&self, id: &str) -> Result<Job, ControlError> {
        let mut row = self.row(id).await?;
        if matches!(row.state, JobState::Finished | JobState::Cancelled) {
            return Err(ControlError::JobState { state: row.state.name() });
        }
        self.tell(Message::Input(Input::Cancel { job: id.to_owned() })).await;
        row.state = JobState::Cancelled;
        Ok(self.view(&row))
    }

    /// Tries a parked or cancelled job again.
    ///
    /// # Errors
    /// There is no such job, or it waits, runs or is done.
    pub async fn retry(&self, id: &str) -> Result<Job, ControlError> {
        let mut row = self.row(id).await?;
        if !matches!(row.state, JobState::Parked | JobState::Cancelled) {
            return Err(ControlError::JobState { state: row.state.name() });
        }
        self.tell(Message::Input(Input::Retry { job: id.to_owned() })).await;
        row.state = JobState::Queued;
        Ok(self.view(&row))
    }

    /// Stops what is made of a recording that will be deleted.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn forget(&self, recording: &str) -> Result<(), ControlError> {
        for row in self.store.job_list_open_of(recording.to_owned()).await? {
            self.tell(Message::Input(Input::Cancel { job: row.spec.job })).await;
        }
        Ok(())
    }

    fn view(&self, row: &JobRow) -> Job {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let running = row.state == JobState::Running;
        Job {
            id: row.spec.job.clone(),
            recording_id: row.spec.recording.clone(),
            title: row.spec.title.clone(),
            layout: row.spec.layout.name,
            state: row.state,
            attempts: row.attempts,
            created_at: UnixMs(row.created_ms),
            error: row.last_error.clone(),
            progress: progress.get(&row.spec.job).filter(|_| running).cloned(),
        }
    }
}

impl DeskTask {
    /// Runs until every [`Jobs`] is gone.
    ///
    /// # Errors
    /// The jobs of before the start cannot be read.
    pub async fn run(mut self) -> Result<(), ControlError> {
        for row in self.jobs.store.job_list().await? {
            if row.state != JobState::Finished {
                self.input(Input::Add(Box::new(row)), None).await;
            }
        }
        loop {
            let wait = self.desk.next_ms().map_or(IDLE, |at| {
                Duration::from_millis(at.saturating_sub(UnixMs::now().0)).min(IDLE)
            });
            match tokio::time::timeout(wait, self.inbox.recv()).await {
                Err(_) => self.input(Input::Tick, None).await,
                Ok(Some(Message::Input(input))) => self.input(input, None).await,
                Ok(Some(Message::Report(report))) => self.report(report).await,
                Ok(None) => return Ok(()),
            }
        }
    }

    async fn report(&mut self, report: Report) {
        match report {
            Report::Progress(attempt, progress) => {
                let current = self.desk.row(&attempt.job).is_some_and(|row| {
                    row.state == JobState::Running && row.attempts == attempt.number
                });
                if current {
                    self.progressed(&attempt.job, &progress);
                }
                self.input(Input::Renew(attempt), None).await;
            }
            Report::Finished(attempt, receipt) => {
                self.input(Input::Finished(attempt), Some(receipt)).await;
            }
            Report::Failed(attempt, log) => {
                self.input(Input::Failed { attempt, log }, None).await;
            }
            Report::Hopeless(attempt, log) => {
                self.input(Input::Hopeless { attempt, log }, None).await;
            }
        }
    }

    fn progressed(&self, job: &str, progress: &Progress) {
        let left = progress.total_us.saturating_sub(progress.done_us) as f64 / 1e6;
        let speed = progress.eta_s.filter(|eta| *eta > 0.0).map_or(0.0, |eta| left / eta);
        let seen = JobProgress {
            done_ms: progress.done_us / 1000,
            total_ms: progress.total_us / 1000,
            speed,
            eta_s: progress.eta_s,
            encoder: progress.encoder.clone(),
            cpu_s: progress.cpu_s,
        };
        let mut all = self.jobs.progress.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(job.to_owned(), seen);
        drop(all);
        if let Some(row) = self.desk.row(job) {
            self.jobs.events.mention(job, Happening::JobProgressed(self.jobs.view(row)));
        }
    }

    async fn input(&mut self, input: Input, receipt: Option<Receipt>) {
        let effects = self.desk.handle(UnixMs::now().0, input);
        for effect in effects {
            match effect {
                Effect::Persist(row) => self.persist(*row, receipt.as_ref()).await,
                Effect::Start(attempt) => {
                    if let Some(row) = self.desk.row(&attempt.job) {
                        tracing::info!(job = %attempt.job, attempt = attempt.number, "job starts");
                        self.workers.start(attempt, row.spec.clone());
                    }
                }
                Effect::Kill(attempt) => self.workers.kill(attempt),
            }
        }
    }

    async fn persist(&self, row: JobRow, receipt: Option<&Receipt>) {
        let (job, state) = (row.spec.job.clone(), row.state);
        let finished = receipt.filter(|_| state == JobState::Finished);
        let kept = match finished {
            Some(receipt) => self.jobs.store.job_finish(row.clone(), receipt.files.clone()).await,
            None => self.jobs.store.job_update(row.clone()).await,
        };
        if let Err(error) = kept {
            tracing::error!(%job, %error, "a job's state cannot be kept");
        }
        if state.is_final() {
            let mut all = self.jobs.progress.lock().unwrap_or_else(PoisonError::into_inner);
            all.remove(&job);
        }
        let changed = match state {
            JobState::Queued => Happening::JobQueued,
            JobState::Running => Happening::JobStarted,
            JobState::Finished => Happening::JobFinished,
            JobState::Parked => Happening::JobParked,
            JobState::Cancelled => Happening::JobCancelled,
        };
        let error = row.last_error.as_deref().unwrap_or_default();
        match state {
            JobState::Cancelled => self.workers.clear(&row.spec),
            JobState::Finished => tracing::info!(%job, "job finished"),
            JobState::Parked => {
                tracing::error!(%job, error, "job parked: it needs somebody's decision");
            }
            JobState::Queued if row.attempts > 0 => {
                tracing::warn!(%job, attempt = row.attempts, error, "an attempt failed");
            }
            _ => {}
        }
        let recording = row.spec.recording.clone();
        self.jobs.events.publish(&job, changed(self.jobs.view(&row)));
        let told = match state {
            JobState::Finished => Happening::RecordingReady { job },
            JobState::Parked => Happening::RecordingParked { job },
            _ => return,
        };
        self.jobs.events.publish(&recording, told);
    }
}
