//! The desk that sends copies on their way, one at a time to each target.

use super::carrier::{Load, Receipt};
use super::rules::{GIVE_UP_MS, LONGEST_PAUSE_MS, folder_name, pause_ms};
use super::{Contents, CopyState, TargetRow, Targets};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Envelope, Happening};
use crate::store::{CopyRow, MANIFEST, Missing, Source, Wanted};
use roombox_capture::read_manifest;
use std::collections::HashMap;
use std::io;
use std::path::Path;
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
const TIMELINE: &str = "timeline.jsonl";

/// What is being sent.
#[derive(Default)]
pub(super) struct Desk {
    /// By target.
    pub moving: HashMap<String, Transfer>,
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
    task: AbortHandle,
}

impl Targets {
    /// Sends what is due, for as long as the box runs.
    pub async fn run(self: Arc<Self>) {
        let (_, _, mut live) = self.events.listen(None);
        let mut ticks = tokio::time::interval(TICK);
        let mut plan = true;
        loop {
            let planned = match plan {
                true => self.plan().await,
                false => Ok(()),
            };
            if let Err(error) = &planned {
                tracing::error!(%error, "it cannot be planned what is copied where: it is tried again");
            }
            if let Err(error) = self.start_due().await {
                tracing::error!(%error, "copies that are due cannot be started");
            }
            plan = tokio::select! {
                event = live.recv() => match event {
                    Ok(event) => self.heard(&event),
                    Err(RecvError::Lagged(_)) => true,
                    Err(RecvError::Closed) => return,
                },
                () = self.wake.notified() => true,
                _ = ticks.tick() => false,
            } || planned.is_err();
        }
    }

    /// Whether there may be new files to copy.
    fn heard(&self, event: &Envelope) -> bool {
        match &event.what {
            Happening::RecordingDeleted => {
                self.stop(|moving| moving.row.recording == event.subject);
                false
            }
            Happening::RecordingCaptured(_)
            | Happening::RecordingReady { .. }
            | Happening::RecordingParked { .. } => true,
            _ => false,
        }
    }

    /// Ends transfers; their rows wait on.
    pub(super) fn stop(&self, which: impl Fn(&Transfer) -> bool) {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.moving.retain(|_, transfer| {
            let ends = which(transfer);
            if ends {
                transfer.task.abort();
            }
            !ends
        });
    }

    /// Sees to it that every file that should be at a target has its row.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn plan(&self) -> Result<(), ControlError> {
        let rows = self.rows.lock().await.clone();
        for row in rows.iter().filter(|row| row.enabled) {
            self.plan_for(row, None).await?;
        }
        Ok(())
    }

    pub(super) async fn plan_for(
        &self,
        target: &TargetRow,
        also: Option<String>,
    ) -> Result<(), ControlError> {
        let wanted = Wanted {
            target: target.id.clone(),
            since_ms: target.since_ms,
            rooms: target.rooms.clone(),
            also,
        };
        let mut missing = self.store.copy_missing(wanted.clone()).await?;
        if target.contents == Contents::Everything {
            for source in self.store.copy_missing_tracks(wanted).await? {
                let folder = self.root.join(&source.recording);
                let found = tokio::task::spawn_blocking(move || tracks(&folder, &source)).await;
                let found = found.map_err(|error| ControlError::Files(error.into()))?;
                missing.extend(found.map_err(ControlError::Files)?);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let now = UnixMs::now().0;
        let row = |one: Missing| {
            let Source { recording, room_name, started_ms } = one.source;
            let folder = folder_name(&UnixMs(started_ms).minute(), &room_name, &recording);
            CopyRow {
                name: format!("{folder}/{}", one.path),
                recording,
                target: target.id.clone(),
                path: one.path,
                bytes: one.bytes,
                sha256: one.sha256,
                state: CopyState::Waiting,
                since_ms: now,
                attempts: 0,
                next_ms: now,
                error: None,
                resume: None,
                delivered_ms: None,
            }
        };
        self.store.copy_plan(missing.into_iter().map(row).collect()).await?;
        self.events.publish(&target.id, Happening::TargetChanged);
        Ok(())
    }

    async fn start_due(self: &Arc<Self>) -> Result<(), ControlError> {
        self.keep_resumes().await?;
        let rows = self.rows.lock().await.clone();
        let minute = minute_of_day();
        for target in rows {
            let open = target.enabled && target.hours.is_none_or(|hours| hours.contains(minute));
            if !open {
                self.put_off(&target.id).await?;
                continue;
            }
            let busy = {
                let desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
                let rests =
                    desk.resting.get(&target.id).is_some_and(|until| *until > Instant::now());
                rests || desk.moving.contains_key(&target.id)
            };
            if busy {
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
            }
        }
        Ok(())
    }

    /// Ends what goes to a target that may get nothing now. Others go first when it may again: what
    /// never fits into the hours must not hold them up for ever.
    async fn put_off(&self, target: &str) -> Result<(), ControlError> {
        let row = {
            let desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
            desk.moving.get(target).map(|transfer| transfer.row.clone())
        };
        let Some(row) = row else { return Ok(()) };
        self.stop(|moving| moving.row.target == target);
        self.store
            .copy_put_off(row, UnixMs::now().0, "its hours ended before it was there")
            .await?;
        self.events.publish(target, Happening::TargetChanged);
        Ok(())
    }

    /// After a crash a transfer goes on from what was kept here.
    async fn keep_resumes(&self) -> Result<(), ControlError> {
        let mut newer = Vec::new();
        {
            let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
            for transfer in desk.moving.values_mut() {
                let resume = transfer.resume.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if resume != transfer.kept {
                    transfer.kept.clone_from(&resume);
                    newer.push((transfer.row.clone(), resume));
                }
            }
        }
        for (row, resume) in newer {
            self.store.copy_keep_resume(row, resume).await?;
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
            let (sent, resume) = (sent.clone(), resume.clone());
            Box::new(move |bytes, newer| {
                sent.store(bytes, Ordering::Relaxed);
                *resume.lock().unwrap_or_else(PoisonError::into_inner) = newer;
            })
        };
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.begun += 1;
        let number = desk.begun;
        // It cannot end before it is on the desk: the desk is locked.
        let task = tokio::spawn({
            let (targets, resume) = (self.clone(), resume.clone());
            async move {
                let ended = targets.carrier.carry(load, told).await;
                let resume = resume.lock().unwrap_or_else(PoisonError::into_inner).clone();
                targets.ended(number, version, ended, resume).await;
            }
        });
        let kept = row.resume.clone();
        let task = task.abort_handle();
        desk.moving.insert(row.target.clone(), Transfer { number, row, sent, resume, kept, task });
    }

    async fn ended(
        &self,
        number: u64,
        version: u64,
        ended: Result<Receipt, String>,
        resume: Option<String>,
    ) {
        let row = {
            let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
            let found = desk.moving.iter().find(|(_, transfer)| transfer.number == number);
            let Some(row) = found.map(|(_, transfer)| transfer.row.clone()) else { return };
            if ended.is_err() {
                let rest = Duration::from_millis(pause_ms(row.attempts + 1)).min(LONGEST_REST);
                desk.resting.insert(row.target.clone(), Instant::now() + rest);
            }
            row
        };
        if let Err(error) = self.settle(row.clone(), version, ended, resume).await {
            // It will be sent again, and found to be there.
            tracing::error!(%error, recording = row.recording, file = row.path,
                "what became of a copy cannot be kept");
        }
        // Only now: the next attempt must find this one's outcome in the store.
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.moving.retain(|_, transfer| transfer.number != number);
        drop(desk);
        self.wake.notify_one();
    }

    async fn settle(
        &self,
        mut row: CopyRow,
        version: u64,
        ended: Result<Receipt, String>,
        resume: Option<String>,
    ) -> Result<(), ControlError> {
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
                    self.store.copy_hurry(Some(target.clone()), None, false, now).await?;
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
                (row.error, row.resume) = (Some(error), resume);
                self.store.copy_settle(row, sent, version).await?;
            }
        }
        self.events.publish(&target, Happening::TargetChanged);
        Ok(())
    }
}

/// Tracks, timeline and manifest of a recording. Nothing of one without a manifest: its films are
/// copied all the same.
///
/// # Errors
/// The disk refuses: none is planned then, for what is left out now would never be copied.
fn tracks(folder: &Path, source: &Source) -> io::Result<Vec<Missing>> {
    let Ok(manifest) = read_manifest(folder) else { return Ok(Vec::new()) };
    let mut paths: Vec<String> = manifest.parts.into_iter().map(|part| part.file).collect();
    paths.extend([TIMELINE, MANIFEST].map(str::to_owned));
    let mut missing = Vec::with_capacity(paths.len());
    for path in paths {
        match std::fs::metadata(folder.join(&path)) {
            Ok(data) => missing.push(Missing {
                source: source.clone(),
                path,
                bytes: data.len(),
                sha256: String::new(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tracing::warn!(
                    recording = source.recording,
                    path,
                    "a track of the manifest is gone"
                );
            }
            Err(error) => return Err(error),
        }
    }
    Ok(missing)
}

fn minute_of_day() -> u16 {
    let now = jiff::Zoned::now();
    u16::from(now.hour().unsigned_abs()) * 60 + u16::from(now.minute().unsigned_abs())
}
