//! What is on its way to a target, or is being taken away there: one thing at a time at each.

use super::Safekeeping;
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::store::BackupCopyRow;
use crate::targets::{Load, Receipt, Sent, TargetRow, pause_ms};
use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::AbortHandle;

/// Nothing was put off that far: who says so had another clock.
const FAR_MS: u64 = 2 * 60 * 60 * 1000;

/// What goes on at targets, by their ids.
#[derive(Default)]
pub(super) struct Flights {
    under_way: HashMap<String, Flight>,
    /// Counts them, so that one that was ended cannot end its successor.
    begun: u64,
}

struct Flight {
    number: u64,
    seq: u64,
    /// `None`: something is taken away.
    sent: Option<Arc<AtomicU64>>,
    resume: Arc<Mutex<Option<String>>>,
    task: AbortHandle,
}

impl Flights {
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Bytes that a target has of one that is on its way.
    pub fn sent(&self, target: &str, seq: u64) -> Option<u64> {
        let flight = self.under_way.get(target).filter(|flight| flight.seq == seq)?;
        Some(flight.sent.as_ref()?.load(Ordering::Relaxed))
    }
}

/// How one ended.
enum Ended {
    Carried(Result<Receipt, String>),
    Withdrawn(Result<bool, String>),
}

impl Safekeeping {
    pub(super) fn flights(&self) -> MutexGuard<'_, Flights> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends what goes on at these targets; its rows stay as they are.
    pub(super) fn stop_all(&self, which: impl Fn(&str) -> bool) {
        self.flights().under_way.retain(|target, flight| {
            let stays = !which(target);
            if !stays {
                flight.task.abort();
            }
            stays
        });
    }

    /// Begins what is due at each target that may get something now and has nothing to do.
    pub(super) async fn start_due(self: &Arc<Self>) -> Result<(), ControlError> {
        // Whoever changes or ends the plan stops what is under way, and must not have missed one that begins.
        let _turn = self.saving.lock().await;
        let Some(plan) = self.state().row.plan.clone() else { return Ok(()) };
        let mut rows = self.parts.store.backup_copy_list(self.box_id()).await?;
        self.keep_resumes(&rows).await?;
        self.give_up_lost(&mut rows).await?;
        let now = UnixMs::now().0;
        let due = |row: &&BackupCopyRow| row.next_ms <= now || row.next_ms > now + FAR_MS;
        for (target, open) in self.parts.targets.open_now().await {
            let busy = self.flights().under_way.contains_key(&target.id);
            if !open || busy || !plan.targets.contains(&target.id) {
                continue;
            }
            let of_it = || rows.iter().filter(|row| row.target == target.id);
            let waiting = of_it().find(|row| row.delivered_ms.is_none());
            if let Some(row) = waiting {
                if due(&row) {
                    self.carry(target, row.clone());
                }
                continue;
            }
            // Newest first; what is beyond those that stay goes, the oldest first.
            let there = of_it().filter(|row| row.delivered_ms.is_some());
            let beyond: Vec<_> = there.skip(plan.keep as usize).collect();
            if let Some(row) = beyond.into_iter().rev().find(due) {
                self.withdraw(target, row.clone());
            }
        }
        Ok(())
    }

    /// Gives up what waits without its file: the database is from another time, or the disk lost it. The next turn
    /// makes a new one, as that target has none.
    async fn give_up_lost(&self, rows: &mut Vec<BackupCopyRow>) -> Result<(), ControlError> {
        let idle = |row: &BackupCopyRow| !self.flights().under_way.contains_key(&row.target);
        let lost =
            |row: &mut BackupCopyRow| row.delivered_ms.is_none() && idle(row) && self.is_lost(row);
        for row in rows.extract_if(.., lost).collect::<Vec<_>>() {
            tracing::warn!(
                target = row.target,
                name = row.name,
                "the file of a planned backup is gone: a new one is made"
            );
            self.parts.store.backup_copy_give_up(row).await?;
        }
        Ok(())
    }

    /// Only what is sure: a disk that cannot be read now may be read later.
    fn is_lost(&self, row: &BackupCopyRow) -> bool {
        match fs::metadata(self.path(row.seq)) {
            Ok(file) => file.len() != row.bytes,
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    }

    /// After a crash a transfer goes on from what was kept here.
    async fn keep_resumes(&self, rows: &[BackupCopyRow]) -> Result<(), ControlError> {
        for row in rows.iter().filter(|row| row.delivered_ms.is_none()) {
            let resume = {
                let flights = self.flights();
                let flight = flights.under_way.get(&row.target).filter(|one| one.seq == row.seq);
                let Some(flight) = flight else { continue };
                flight.resume.lock().unwrap_or_else(PoisonError::into_inner).clone()
            };
            if resume != row.resume {
                let row = BackupCopyRow { resume, ..row.clone() };
                self.parts.store.backup_copy_resume(row).await?;
            }
        }
        Ok(())
    }

    fn carry(self: &Arc<Self>, target: TargetRow, row: BackupCopyRow) {
        let sent = Arc::new(AtomicU64::new(0));
        let resume = Arc::new(Mutex::new(row.resume.clone()));
        let load = Load {
            place: target.place.clone(),
            secrets: target.secrets.clone(),
            local: self.path(row.seq),
            name: row.name.clone(),
            sha256: Some(row.sha256.clone()),
            resume: row.resume.clone(),
            pace: target.megabits.map(|megabits| u64::from(megabits) * 1_000_000 / 8),
        };
        let told = {
            let (sent, resume) = (sent.clone(), resume.clone());
            Box::new(move |bytes, newer| {
                sent.store(bytes, Ordering::Relaxed);
                *resume.lock().unwrap_or_else(PoisonError::into_inner) = newer;
            })
        };
        let safe = self.clone();
        let work = async move { Ended::Carried(safe.parts.carrier.carry(load, told).await) };
        self.begin(target, row, (Some(sent), resume), work);
    }

    fn withdraw(self: &Arc<Self>, target: TargetRow, row: BackupCopyRow) {
        let sent = Sent {
            place: target.place.clone(),
            secrets: target.secrets.clone(),
            name: row.name.clone(),
            receipt: Receipt { bytes: row.bytes, sha256: row.sha256.clone() },
        };
        let safe = self.clone();
        let work = async move { Ended::Withdrawn(safe.parts.carrier.withdraw(sent).await) };
        self.begin(target, row, (None, Arc::default()), work);
    }

    fn begin(
        self: &Arc<Self>,
        target: TargetRow,
        row: BackupCopyRow,
        (sent, resume): (Option<Arc<AtomicU64>>, Arc<Mutex<Option<String>>>),
        work: impl Future<Output = Ended> + Send + 'static,
    ) {
        let mut flights = self.flights();
        flights.begun += 1;
        let (number, seq) = (flights.begun, row.seq);
        let (safe, kept) = (self.clone(), resume.clone());
        let id = target.id.clone();
        // It cannot end before it is among them: they are locked.
        let task = tokio::spawn(async move {
            let ended = work.await;
            let resume = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let outcome = safe.ended(&target, BackupCopyRow { resume, ..row }, ended).await;
            if let Err(error) = outcome {
                // It is done again, and found to be done.
                tracing::error!(%error, target = target.id, "what became of a backup cannot be kept");
            }
            safe.flights().under_way.retain(|_, flight| flight.number != number);
            safe.wake.notify_one();
        });
        let flight = Flight { number, seq, sent, resume, task: task.abort_handle() };
        flights.under_way.insert(id, flight);
    }

    async fn ended(
        &self,
        target: &TargetRow,
        mut row: BackupCopyRow,
        ended: Ended,
    ) -> Result<(), ControlError> {
        let now_there = self.parts.targets.open_now().await;
        let is_same =
            |(known, _): &(TargetRow, bool)| known.id == target.id && known.place == target.place;
        if !now_there.iter().any(is_same) {
            // It is elsewhere by now: what was done there says nothing.
            return Ok(());
        }
        let (id, now) = (target.id.clone(), UnixMs::now());
        let store = &self.parts.store;
        match ended {
            Ended::Carried(Ok(receipt)) => {
                tracing::info!(
                    target = id,
                    name = row.name,
                    bytes = receipt.bytes,
                    sha256 = receipt.sha256,
                    "a planned backup was copied and read back"
                );
                (row.delivered_ms, row.attempts, row.next_ms) = (Some(now.0), 0, 0);
                (row.error, row.resume) = (None, None);
                store.backup_copy_settle(row).await?;
                let up = self.moment().up;
                self.state().arrived.insert(id, up);
                self.clear_up().await
            }
            Ended::Withdrawn(Ok(same)) => {
                if !same {
                    tracing::warn!(
                        target = id,
                        name = row.name,
                        "an old backup is not there any more, or another file is in its place: that stays"
                    );
                }
                Ok(store.backup_copy_delete(id, row.seq).await?)
            }
            Ended::Carried(Err(error)) | Ended::Withdrawn(Err(error)) => {
                row.attempts += 1;
                tracing::warn!(
                    target = id,
                    name = row.name,
                    attempts = row.attempts,
                    error,
                    "a planned backup could not be carried there, or taken away"
                );
                row.next_ms = now.0 + pause_ms(row.attempts);
                row.error = Some(error);
                Ok(store.backup_copy_settle(row).await?)
            }
        }
    }
}
