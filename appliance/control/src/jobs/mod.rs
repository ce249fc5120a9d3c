//! Jobs: the desk decides, this service keeps its rows, starts workers and tells people.
//! When jobs start and are ready follows from what earlier ones cost, and is told with each.
//!
//! One task owns the desk. Everything that happens to it comes through its inbox, in order; what
//! the desk wants kept is on the disk before a worker starts.

mod task;
mod view;

pub use roombox_jobs::order::{BY_HAND, ROUTINE};
pub use roombox_jobs::spec::{
    Ahead, EncoderChoice, FileKind, JobSpec, LayoutName, MadeFile, Only, Output, Pauses, Progress,
    Receipt, SoundContainer,
};
pub use roombox_jobs::{
    Attempt, Borrower, Governor, JobState, Load, MAX_ATTEMPTS, Machine, Offer, SLOWLY,
};
pub use task::DeskTask;
pub use view::{Job, JobPatch, JobProgress, JobWait, WaitReason};

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::settings::SettingsDesk;
use crate::store::{JobCounts, NewJob, Store};
use roombox_jobs::{Input, JobRow, Outlook};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// So many of the newest are listed although nobody needs to do anything about them: a box that has run for
/// years has made a hundred thousand films.
pub const NEWEST: u32 = 200;
/// Messages that may wait for the desk.
const INBOX: usize = 1024;

/// Whoever runs workers: in the daemon, child processes.
pub trait Workers: Send + Sync {
    /// Starts a worker; what it does is told by [`Jobs::report`].
    fn start(&self, attempt: Attempt, spec: JobSpec);
    /// Stops the worker of this attempt, if it still runs.
    fn kill(&self, attempt: Attempt);
    /// Nobody wants the job's film any more: what attempts have left for the next one can go, once
    /// none of them runs.
    fn clear(&self, spec: &JobSpec);
    /// Meetings need the machine: workers have one second of [`SLOWLY`]; or no longer.
    fn slow(&self, slowly: bool);
}

/// What a worker tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    Progress(Attempt, Progress),
    /// It begins anew within the same attempt: an encoder is to blame, not the job.
    Lives(Attempt),
    Finished(Attempt, Receipt),
    /// With the end of its log.
    Failed(Attempt, String),
    /// No further try can help.
    Hopeless(Attempt, String),
    /// Another box gives it back, and nothing is wrong with it.
    Returned(Attempt, String),
}

/// What this box and others of its fleet can do for each other, as the desk saw it last.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trade {
    /// What others may do.
    pub offers: Vec<Offer>,
    /// Nothing runs or waits here, no meeting needs the machine, and the box makes films.
    pub idle: bool,
    /// What a minute of a usual recording takes here, milliseconds.
    pub minute_ms: u64,
}

#[derive(Debug)]
enum Message {
    Input(Input),
    Report(Report),
    /// Another box wants to do a job as this attempt.
    Lend {
        job: String,
        number: u32,
        borrower: Borrower,
        answer: oneshot::Sender<Option<JobSpec>>,
    },
}

/// Jobs of the box.
pub struct Jobs {
    store: Arc<Store>,
    events: Arc<Events>,
    inbox: mpsc::Sender<Message>,
    progress: Mutex<HashMap<String, JobProgress>>,
    /// When jobs start and are ready, as the desk saw it last.
    outlook: Mutex<HashMap<String, Outlook>>,
    trade: Mutex<Trade>,
    /// Attempts that run at other boxes, by job: number and borrower.
    lent: Mutex<HashMap<String, (u32, String)>>,
    slowed: AtomicBool,
}

/// What [`Jobs`] are built from.
pub struct JobsParts {
    pub store: Arc<Store>,
    pub events: Arc<Events>,
    pub settings: Arc<SettingsDesk>,
    pub workers: Arc<dyn Workers>,
    /// What is left of the machine at the start.
    pub machine: Machine,
}

impl Jobs {
    /// The service, and the half of it that [`DeskTask::run`] needs.
    pub fn new(parts: JobsParts) -> (Arc<Self>, DeskTask) {
        let JobsParts { store, events, settings, workers, machine } = parts;
        let (sender, inbox) = mpsc::channel(INBOX);
        let (progress, outlook, trade, lent, slowed) = Default::default();
        let jobs =
            Arc::new(Self { store, events, inbox: sender, progress, outlook, trade, lent, slowed });
        let task = DeskTask::new(jobs.clone(), settings, workers, machine, inbox);
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

    /// Keeps a new job and has it done. `media_ms`: how much of its recording it is made of.
    ///
    /// # Errors
    /// What is wanted will not do, or the store refuses.
    pub async fn create(
        &self,
        spec: JobSpec,
        media_ms: u64,
        wanted: &JobPatch,
    ) -> Result<Job, ControlError> {
        let (wish, now_ms) = (wanted.wish()?, UnixMs::now().0);
        let mut row = JobRow::new(spec, wish.priority.unwrap_or(BY_HAND), now_ms);
        row.media_ms = media_ms;
        row.deadline_ms = wish.deadline_ms.flatten();
        row.front_ms = wish.front.unwrap_or(false).then_some(now_ms);
        self.store.job_insert(NewJob(row.clone())).await?;
        self.queued(row.clone()).await;
        Ok(self.view(&row))
    }

    /// Has a job that waits done sooner or later, or by another time.
    ///
    /// # Errors
    /// There is no such job, it has ended, or what is wanted will not do.
    pub async fn change(&self, id: &str, patch: &JobPatch) -> Result<Job, ControlError> {
        let wish = patch.wish()?;
        let mut row = self.row(id).await?;
        if !matches!(row.state, JobState::Queued | JobState::Running) {
            return Err(ControlError::JobState { state: row.state.name() });
        }
        self.tell(Message::Input(Input::Wish { job: id.to_owned(), wish })).await;
        row.priority = wish.priority.unwrap_or(row.priority);
        row.deadline_ms = wish.deadline_ms.unwrap_or(row.deadline_ms);
        if let Some(front) = wish.front {
            row.front_ms = front.then(|| UnixMs::now().0);
        }
        Ok(self.view(&row))
    }

    /// What meetings leave of the machine has changed, or what this box does.
    pub async fn machine(&self, machine: Machine) {
        self.tell(Message::Input(Input::Machine(machine))).await;
    }

    /// A worker tells something.
    pub async fn report(&self, report: Report) {
        self.tell(Message::Report(report)).await;
    }

    /// Lends a job that waits, if this attempt would be its next one; what is to be made.
    pub async fn lend(&self, job: &str, number: u32, borrower: Borrower) -> Option<JobSpec> {
        let (answer, answered) = oneshot::channel();
        self.tell(Message::Lend { job: job.to_owned(), number, borrower, answer }).await;
        answered.await.ok().flatten()
    }

    /// Whether this attempt still runs at that box.
    pub fn is_lent(&self, job: &str, number: u32, borrower: &str) -> bool {
        let lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        lent.get(job).is_some_and(|(known, id)| *known == number && id == borrower)
    }

    /// What can be done for others, and by others.
    pub fn trade(&self) -> Trade {
        self.trade.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those that wait, run or were given up, and the [`NEWEST`] however they ended; newest first.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn list(&self) -> Result<Vec<Job>, ControlError> {
        Ok(self.store.job_list(NEWEST).await?.iter().map(|row| self.view(row)).collect())
    }

    /// All of a recording, newest first.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn list_of(&self, recording: &str) -> Result<Vec<Job>, ControlError> {
        let rows = self.store.job_list_of(recording.to_owned()).await?;
        Ok(rows.iter().map(|row| self.view(row)).collect())
    }

    /// How many there are that still concern somebody.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn counts(&self) -> Result<JobCounts, ControlError> {
        Ok(self.store.job_counts().await?)
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
        let job = &row.spec.job;
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = progress.get(job).cloned();
        let outlook = self.outlook.lock().unwrap_or_else(PoisonError::into_inner);
        view::view(row, progress, outlook.get(job), self.slowed.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests;
