//! The desk that sends copies on their way, one at a time to each target.

use super::carrier::{Load, Receipt};
use super::rules::{GIVE_UP_MS, LONGEST_PAUSE_MS, pause_ms};
use super::{CopyState, TargetRow, Targets};
use crate::clock::{Ticks, UnixMs};
use crate::error::ControlError;
use crate::events::{Envelope, Happening};
use crate::store::CopyRow;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

/// The desk looks this often at what time alone changes: pauses and hours.
const TICK: Duration = Duration::from_secs(2);
/// A target that did not take one file is given this rest at most before the next one.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// Without so many attempts nothing is given up, whatever the clock says.
const LEAST_ATTEMPTS: u32 = 100;

/// What is being sent.
#[derive(Default)]
pub(super) struct Desk {
    /// By target.
    pub moving: HashMap<String, Transfer>,
    /// Targets from which something is taken away.
    pub clearing: HashSet<String>,
    /// Targets from which something was taken away since a file went there last: a file is next.
    pub cleared: HashSet<String>,
    /// Targets that did not take something lately.
    pub resting: HashMap<String, Instant>,
    /// Counts transfers, so that one that was ended cannot end its successor.
    begun: u64,
}

/// A file on its way.
pub(super) struct Transfer {
    number: u64,
    pub row: CopyRow,
    pub sent: Arc<AtomicU64>,
    resume: Arc<Mutex<Option<String>>>,
    kept: Option<String>,
    /// Somebody wants it tried at once, since it began: then its failure is no reason to wait.
    pub hurried: bool,
    task: AbortHandle,
}

/// How a transfer ended.
#[derive(Clone)]
struct Ending {
    /// Of the target that it went to.
    version: u64,
    ended: Result<Receipt, String>,
    resume: Option<String>,
    hurried: bool,
}

impl Targets {
    /// Sends what is due, for as long as the box runs.
    pub async fn run(self: Arc<Self>) {
        let (_, _, mut live) = self.events.listen(None);
        let mut ticks = Ticks::every(TICK);
        // What a power cut kept from being planned.
        self.unplanned(|unplanned| unplanned.all = true);
        loop {
            self.plan().await;
            if let Err(error) = self.start_due().await {
                tracing::error!(%error, "copies that are due cannot be started");
            }
            tokio::select! {
                event = live.recv() => match event {
                    Ok(event) => self.heard(&event).await,
                    Err(RecvError::Lagged(_)) => self.unplanned(|unplanned| unplanned.all = true),
                    Err(RecvError::Closed) => return,
                },
                () = self.wake.notified() => {}
                _ = ticks.tick() => {}
            }
        }
    }

    /// Of which recording there may be new files to copy, and which is gone.
    async fn heard(&self, event: &Envelope) {
        match &event.what {
            Happening::RecordingDeleted => {
                for (row, resume) in self.stop(|moving| moving.row.recording == event.subject) {
                    let kept = self.store.leftover_keep(row.target, row.name, resume).await;
                    if let Err(error) = kept {
                        tracing::error!(%error, "what is left of a copy may stay at its target");
                    }
                }
            }
            Happening::RecordingCaptured(_)
            | Happening::RecordingReady { .. }
            | Happening::RecordingParked { .. } => {
                let recording = event.subject.clone();
                self.unplanned(|unplanned| _ = unplanned.recordings.insert(recording));
            }
            _ => {}
        }
    }

    /// Ends transfers; their rows wait on. Answers what was sent, and how it could go on.
    pub(super) fn stop(&self, which: impl Fn(&Transfer) -> bool) -> Vec<(CopyRow, Option<String>)> {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = desk.moving.extract_if(|_, transfer| which(transfer));
        let end = |(_, transfer): (String, Transfer)| {
            transfer.task.abort();
            let resume = transfer.resume.lock().unwrap_or_else(PoisonError::into_inner).clone();
            (transfer.row, resume)
        };
        ended.map(end).collect()
    }

    /// What is on its way now is wanted at once: see [`Transfer::hurried`].
    pub(super) fn hurry(&self, which: impl Fn(&Transfer) -> bool) {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        for transfer in desk.moving.values_mut() {
            transfer.hurried |= which(transfer);
        }
    }

    async fn start_due(self: &Arc<Self>) -> Result<(), ControlError> {
        self.keep_resumes().await?;
        let rows = self.rows.lock().await.clone();
        let minute = minute_of_day();
        for target in rows {
            let open = target.enabled && target.hours.is_none_or(|hours| hours.contains(minute));
            if !open {
                let why = match target.enabled {
                    true => "its hours ended before it was there",
                    false => "the target was switched off before it was there",
                };
                self.put_off(&target.id, why).await?;
                continue;
            }
            let (busy, cleared) = {
                let desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
                let rests =
                    desk.resting.get(&target.id).is_some_and(|until| *until > Instant::now());
                let moves = desk.moving.contains_key(&target.id);
                let busy = rests || moves || desk.clearing.contains(&target.id);
                (busy, desk.cleared.contains(&target.id))
            };
            // In turns: neither holds up the other for long.
            if busy || !cleared && self.clear_next(&target).await? {
                continue;
            }
            let now = UnixMs::now().0;
            let far = now + 2 * LONGEST_PAUSE_MS;
            if let Some(row) = self.store.copy_next(target.id.clone(), now, far).await? {
                // Locked while it starts: whoever changes the target ends what was begun before.
                let rows = self.rows.lock().await;
                if rows.contains(&target) {
                    self.start(target, row);
                }
            } else if cleared {
                self.clear_next(&target).await?;
            }
        }
        Ok(())
    }

    /// Ends what goes to a target that may get nothing now. Others go first when it may again: what
    /// never fits into the hours must not hold them up for ever.
    pub(super) async fn put_off(
        &self,
        target: &str,
        why: &'static str,
    ) -> Result<(), ControlError> {
        for (row, resume) in self.stop(|moving| moving.row.target == target) {
            self.store.copy_put_off(row, resume, UnixMs::now().0, why).await?;
            self.events.publish(target, Happening::TargetChanged);
        }
        Ok(())
    }

    /// After a crash a transfer goes on from what was kept here.
    pub(super) async fn keep_resumes(&self) -> Result<(), ControlError> {
        let mut newer = Vec::new();
        {
            let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
            for (target, transfer) in &mut desk.moving {
                let resume = transfer.resume.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if resume != transfer.kept {
                    newer.push((target.clone(), transfer.number, transfer.row.clone(), resume));
                }
            }
        }
        for (target, number, row, resume) in newer {
            self.store.copy_keep_resume(row, resume.clone()).await?;
            // Only now: what the store refuses is kept at the next look.
            let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
            let now = desk.moving.get_mut(&target).filter(|transfer| transfer.number == number);
            if let Some(transfer) = now {
                transfer.kept = resume;
            }
        }
        Ok(())
    }

    fn start(self: &Arc<Self>, target: TargetRow, row: CopyRow) {
        let version = target.version;
        let sent = Arc::new(AtomicU64::new(0));
        let resume = Arc::new(Mutex::new(row.resume.clone()));
        let load = Load {
            place: target.place,
            secrets: target.secrets,
            local: self.root.join(&row.recording).join(&row.path),
            name: row.name.clone(),
            sha256: Some(row.sha256.clone()).filter(|sum| !sum.is_empty()),
            resume: row.resume.clone(),
            pace: target.megabits.map(|megabits| u64::from(megabits) * 1_000_000 / 8),
        };
        let told = {
            let (targets, sent, resume) = (self.clone(), sent.clone(), resume.clone());
            Box::new(move |bytes, newer: Option<String>| {
                sent.store(bytes, Ordering::Relaxed);
                let mut known = resume.lock().unwrap_or_else(PoisonError::into_inner);
                let begun = known.is_none() && newer.is_some();
                *known = newer;
                drop(known);
                if begun {
                    // At once: an upload of which a dead box knows nothing costs its owner money for ever.
                    targets.wake.notify_one();
                }
            })
        };
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.cleared.remove(&target.id);
        desk.begun += 1;
        let number = desk.begun;
        // It cannot end before it is on the desk: the desk is locked.
        let task = tokio::spawn({
            let (targets, resume) = (self.clone(), resume.clone());
            async move {
                let ended = targets.carrier.carry(load, told).await;
                let resume = resume.lock().unwrap_or_else(PoisonError::into_inner).clone();
                targets.ended(number, Ending { version, ended, resume, hurried: false }).await;
            }
        });
        let kept = row.resume.clone();
        let task = task.abort_handle();
        let transfer = Transfer { number, row, sent, resume, kept, hurried: false, task };
        desk.moving.insert(transfer.row.target.clone(), transfer);
    }

    async fn ended(&self, number: u64, mut ending: Ending) {
        let row = {
            let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
            let found = desk.moving.values().find(|transfer| transfer.number == number);
            let Some(transfer) = found else { return };
            ending.hurried = transfer.hurried;
            let row = transfer.row.clone();
            if ending.ended.is_err() && !ending.hurried {
                let rest = Duration::from_millis(pause_ms(row.attempts + 1)).min(LONGEST_REST);
                desk.resting.insert(row.target.clone(), Instant::now() + rest);
            }
            row
        };
        loop {
            if let Err(error) = self.settle(row.clone(), ending.clone()).await {
                // It will be sent again, and found to be there.
                tracing::error!(%error, recording = row.recording, file = row.path,
                    "what became of a copy cannot be kept");
            }
            let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
            let of_this = |transfer: &Transfer| transfer.number == number;
            let hurried = desk.moving.values().any(|one| of_this(one) && one.hurried);
            if ending.ended.is_ok() || ending.hurried || !hurried {
                // Only now: the next attempt must find this one's outcome in the store.
                desk.moving.retain(|_, transfer| !of_this(transfer));
                break;
            }
            // Somebody wants it at once, and said so while it was being kept.
            ending.hurried = true;
            desk.resting.remove(&row.target);
        }
        self.wake.notify_one();
    }

    async fn settle(&self, mut row: CopyRow, ending: Ending) -> Result<(), ControlError> {
        let Ending { version, ended, resume, hurried } = ending;
        let (now, sent, failed) = (UnixMs::now().0, row.sha256.clone(), row.attempts);
        row.attempts += 1;
        let (recording, target) = (row.recording.clone(), row.target.clone());
        match ended {
            Ok(receipt) => {
                tracing::info!(%target, %recording, file = row.path, bytes = receipt.bytes,
                    sha256 = receipt.sha256, "a file was copied and read back");
                row.state = CopyState::Delivered;
                (row.bytes, row.sha256) = (receipt.bytes, receipt.sha256);
                (row.error, row.resume, row.delivered_ms) = (None, None, Some(now));
                self.store.copy_settle(row, sent, version).await?;
                if failed > 0 {
                    // It is back: the others need not wait for their pauses to end.
                    self.store.copy_end_pauses(target.clone(), now).await?;
                }
                if self.store.copy_all_there(recording.clone(), target.clone()).await? {
                    let copied = Happening::RecordingCopied { target: target.clone() };
                    self.events.publish(&recording, copied);
                }
            }
            Err(error) => {
                tracing::warn!(%target, %recording, file = row.path, attempts = row.attempts, error,
                    "a file could not be copied");
                let old = now.saturating_sub(row.since_ms) > GIVE_UP_MS;
                if old && row.attempts >= LEAST_ATTEMPTS {
                    row.state = CopyState::GivenUp;
                }
                row.next_ms = now + pause_ms(row.attempts);
                if hurried {
                    (row.state, row.attempts, row.next_ms) = (CopyState::Waiting, 0, now);
                }
                (row.error, row.resume) = (Some(error), resume);
                self.store.copy_settle(row, sent, version).await?;
            }
        }
        self.events.publish(&target, Happening::TargetChanged);
        Ok(())
    }
}

pub(super) fn minute_of_day() -> u16 {
    let now = jiff::Zoned::now();
    u16::from(now.hour().unsigned_abs()) * 60 + u16::from(now.minute().unsigned_abs())
}
