//! The task that owns the desk: inputs in, effects carried out, in order.

use super::{JobProgress, Jobs, Message, Report, Trade, Workers};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::Happening;
use crate::settings::SettingsDesk;
use roombox_jobs::spec::{Progress, Receipt};
use roombox_jobs::{Costs, Desk, Effect, Input, JobRow, JobState, Machine};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The desk is looked at this often at least.
const IDLE: Duration = Duration::from_secs(60);
/// What differs by more is no drift: the clock was set.
const SET_MS: u64 = 1_000;
/// A film that the store refuses is told it again after this; doubled each time up to the longest.
const AGAIN: Duration = Duration::from_secs(10);
const LONGEST_AGAIN: Duration = Duration::from_secs(600);

/// The desk's task, to be run by the daemon.
pub struct DeskTask {
    jobs: Arc<Jobs>,
    settings: Arc<SettingsDesk>,
    desk: Desk,
    workers: Arc<dyn Workers>,
    inbox: mpsc::Receiver<Message>,
    /// What meetings leave, as it was told last.
    told: Machine,
    /// Jobs of before the start are still being read.
    reads: bool,
    /// The same moment, by the wall clock and by one that nobody sets.
    clocks: (u64, Instant),
}

impl DeskTask {
    pub(super) fn new(
        jobs: Arc<Jobs>,
        settings: Arc<SettingsDesk>,
        workers: Arc<dyn Workers>,
        told: Machine,
        inbox: mpsc::Receiver<Message>,
    ) -> Self {
        let desk = Desk::new(told, Costs::default());
        let clocks = (UnixMs::now().0, Instant::now());
        Self { jobs, settings, desk, workers, inbox, told, reads: true, clocks }
    }

    /// The time for the desk, which hears first if somebody has set the clock.
    fn now_ms(&mut self) -> u64 {
        let (wall_ms, steady) = (UnixMs::now().0, Instant::now());
        let passed_ms = steady.duration_since(self.clocks.1).as_millis() as u64;
        let by_ms = wall_ms as i64 - self.clocks.0.saturating_add(passed_ms) as i64;
        if by_ms.unsigned_abs() > SET_MS {
            tracing::info!(by_ms, "the clock was set: jobs go on as if it had always been right");
            self.desk.clock_was_set(by_ms);
        }
        self.clocks = (wall_ms, steady);
        wall_ms
    }

    /// Runs until every [`Jobs`] is gone.
    ///
    /// # Errors
    /// The jobs of before the start cannot be read.
    pub async fn run(mut self) -> Result<(), ControlError> {
        let costs = Costs::new(self.jobs.store.job_cost_list().await?);
        self.desk = Desk::new(self.machine(self.told), costs);
        for row in self.jobs.store.job_list_undone().await? {
            self.input(Input::Add(Box::new(row)), None).await;
        }
        // All are there: the first in order begins, not the first that was read.
        self.reads = false;
        self.input(Input::Tick, None).await;
        loop {
            let now_ms = self.now_ms();
            let wait = self
                .desk
                .next_ms(now_ms)
                .map_or(IDLE, |at| Duration::from_millis(at.saturating_sub(now_ms)).min(IDLE));
            match tokio::time::timeout(wait, self.inbox.recv()).await {
                Err(_) => self.input(Input::Tick, None).await,
                Ok(Some(Message::Input(input))) => self.input(input, None).await,
                Ok(Some(Message::Report(report))) => self.report(report).await,
                Ok(Some(Message::Lend { job, number, borrower, answer })) => {
                    let id = borrower.id.clone();
                    self.input(Input::Lend { job: job.clone(), number, borrower }, None).await;
                    // Also to who has it already, and did not hear so.
                    let lent = self.desk.is_lent(&job, number, &id);
                    let row = self.desk.row(&job).filter(|_| lent);
                    // Nobody waits any more: the loan runs out.
                    let _ = answer.send(row.map(|row| row.spec.clone()));
                }
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
                let seconds = progress.eta_s.filter(|eta| eta.is_finite() && *eta >= 0.0);
                let renewed = match seconds {
                    Some(seconds) => {
                        Input::Progressed { attempt, left_ms: (seconds * 1000.0) as u64 }
                    }
                    None => Input::Renew(attempt),
                };
                self.input(renewed, None).await;
            }
            Report::Lives(attempt) => self.input(Input::Renew(attempt), None).await,
            Report::Finished(attempt, receipt) => {
                let now_ms = self.now_ms();
                let learnt = self.desk.spent(now_ms, &attempt, receipt.cpu_s);
                if !learnt.is_empty()
                    && let Err(error) = self.jobs.store.job_cost_put(learnt).await
                {
                    tracing::warn!(%error, "what a job took is forgotten");
                }
                self.input(Input::Finished(attempt), Some(receipt)).await;
            }
            Report::Failed(attempt, log) => {
                self.input(Input::Failed { attempt, log }, None).await;
            }
            Report::Hopeless(attempt, log) => {
                self.input(Input::Hopeless { attempt, log }, None).await;
            }
            Report::Returned(attempt, why) => {
                self.input(Input::Returned { attempt, why }, None).await;
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
        if let Input::Machine(machine) = input {
            self.told = machine;
        }
        // Asked each time: a box that only records from now on starts nothing more.
        let machine = self.machine(self.told);
        self.desk.adopt(machine);
        let input = if let Input::Machine(_) = input { Input::Tick } else { input };
        let now_ms = self.now_ms();
        let effects = self.desk.handle(now_ms, input);
        // Before anybody hears of it and asks.
        self.look();
        self.pace(machine.held);
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

    fn machine(&self, told: Machine) -> Machine {
        let recorder = &self.settings.get().recorder;
        let transcodes = recorder.mode.transcodes();
        Machine { transcodes: transcodes && !self.reads, lends: recorder.lends, ..told }
    }

    fn pace(&self, held: bool) {
        if self.jobs.slowed.swap(held, Ordering::Relaxed) != held {
            self.workers.slow(held);
        }
    }

    fn look(&self) {
        let now_ms = UnixMs::now().0;
        let (seen, machine) = (self.desk.outlook(now_ms), self.machine(self.told));
        let trade = Trade {
            offers: self.desk.offers(now_ms, &seen),
            idle: seen.is_empty() && machine.transcodes && !machine.held,
            minute_ms: self.desk.minute_ms(),
        };
        let seen = seen.into_iter().map(|one| (one.job.clone(), one)).collect();
        *self.jobs.outlook.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        *self.jobs.trade.lock().unwrap_or_else(PoisonError::into_inner) = trade;
        *self.jobs.lent.lock().unwrap_or_else(PoisonError::into_inner) = self.desk.lent();
    }

    async fn persist(&self, mut row: JobRow, receipt: Option<&Receipt>) {
        let (job, state) = (row.spec.job.clone(), row.state);
        let finished = receipt.filter(|_| state == JobState::Finished);
        if let Some(receipt) = finished {
            row.encoder = Some(receipt.encoder.clone());
        }
        let kept = match finished {
            Some(receipt) => self.jobs.store.job_finish(row.clone(), receipt.files.clone()).await,
            None => self.jobs.store.job_update(row.clone()).await,
        };
        if let Err(error) = kept {
            tracing::error!(%job, %error, "a job's state cannot be kept");
            if let Some(receipt) = finished {
                // Its reels are gone: the receipt is all that tells of the film.
                tokio::spawn(keep_again(self.jobs.clone(), row, receipt.clone()));
                return;
            }
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
        publish(&self.jobs, &row, changed(self.jobs.view(&row)));
    }
}

fn publish(jobs: &Jobs, row: &JobRow, changed: Happening) {
    let (job, recording) = (row.spec.job.clone(), row.spec.recording.clone());
    jobs.events.publish(&job, changed);
    let told = match row.state {
        JobState::Finished => Happening::RecordingReady { job },
        JobState::Parked => Happening::RecordingParked { job },
        _ => return,
    };
    jobs.events.publish(&recording, told);
}

/// A film is there that the store has not taken: it is told until it does, and then everybody else.
async fn keep_again(jobs: Arc<Jobs>, row: JobRow, receipt: Receipt) {
    let job = row.spec.job.clone();
    jobs.progress.lock().unwrap_or_else(PoisonError::into_inner).remove(&job);
    let mut pause = AGAIN;
    loop {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_AGAIN);
        match jobs.store.job_finish(row.clone(), receipt.files.clone()).await {
            Ok(()) => break,
            // It was deleted with its recording.
            Err(_) if matches!(jobs.store.job_get(job.clone()).await, Ok(None)) => return,
            Err(error) => tracing::error!(%job, %error, "a film still cannot be kept"),
        }
    }
    tracing::info!(%job, "job finished");
    publish(&jobs, &row, Happening::JobFinished(jobs.view(&row)));
}
