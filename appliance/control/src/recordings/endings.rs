//! Recordings whose end is still to be kept: cut short by a crash and waiting for their room, or refused by
//! the disk or the store. One that cannot be ended holds nothing else up and is tried again.

use super::search::people_in;
use super::{RecordingState, Recordings};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::Happening;
use crate::store::{RecordingEnd, RecordingRow};
use roombox_capture::manifest::{EndReason, Manifest};
use roombox_capture::recovery::{self, Cause, Recovered, Scan, Unreadable};
use roombox_capture::storage::LocalDisk;
use roombox_capture::timeline::TimelineLine;
use roombox_capture::{read_timeline, write_manifest};
use roombox_jobs::spec::LayoutName;
use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A recording that was cut short and may go on.
pub(super) struct Interrupted {
    pub recovered: Recovered,
    until: Instant,
}

/// A recording that has no end yet, though nobody records it any more.
pub(super) enum Unended {
    /// Its folder is whole, and the store does not know.
    Whole(Box<Manifest>),
    /// A crash left it, and it does not go on.
    CutShort(Box<Recovered>),
    /// Its folder is not mended yet, or its row not known; how often that was found.
    Unread(String, u32),
    /// Folders that were deleted lie about.
    Trash,
}

/// What is tried again, and when.
#[derive(Default)]
pub(super) struct Unkept {
    list: Vec<Unended>,
    due: Option<Instant>,
}

/// What lies in a folder whose manifest cannot be read.
struct Found {
    manifest: Manifest,
    told: Vec<TimelineLine>,
}

/// What could not be ended is tried again after this.
const AGAIN: Duration = Duration::from_secs(60);
/// A folder that was not readable so often stays as it is.
const MOST_LOOKS: u32 = 10;

impl Recordings {
    pub(super) fn interrupted(&self) -> MutexGuard<'_, HashMap<String, Interrupted>> {
        self.interrupted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So long after a start a meeting that comes back is the same one.
    pub(crate) fn resume_window(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.get().recording.resume_window_s))
    }

    /// Has [`Recordings::tick`] try it in a while.
    pub(super) fn end_later(&self, what: Unended) {
        let mut unkept = self.unkept.lock().unwrap_or_else(PoisonError::into_inner);
        unkept.list.push(what);
        unkept.due.get_or_insert_with(|| Instant::now() + AGAIN);
    }

    /// At start: mends what a crash left, imports what the store does not know, and finishes
    /// deletions. Nothing unknown is deleted, and one that cannot be mended yet waits for
    /// [`Recordings::tick`].
    ///
    /// # Errors
    /// The folder of all recordings cannot be read or the store refuses.
    pub async fn recover(&self) -> Result<(), ControlError> {
        self.tidy().await;
        self.store.recording_mend_words().await?;
        self.mend_merged().await?;
        let root = self.root.clone();
        let scan = tokio::task::spawn_blocking(move || recovery::scan(&root))
            .await
            .map_err(|error| ControlError::Files(error.into()))?
            .map_err(|error| ControlError::Recorder(error.into()))?;
        self.take_up(scan, 0).await;
        for row in self.store.recording_list_running().await? {
            if !self.folder(&row.id).join("manifest.json").exists() {
                let found = self.found_in(&row).await?;
                if !found.manifest.parts.is_empty() {
                    self.end_unreadable(row, found).await?;
                    continue;
                }
                tracing::warn!(recording = %row.id, "nothing of a recording reached the disk");
                // It has an end all the same: who wants the rest recorded begins another one.
                let end = RecordingEnd {
                    recording: row.id,
                    state: RecordingState::Empty,
                    ended_ms: row.started_ms,
                    duration_ms: 0,
                    bytes: 0,
                    gaps: 0,
                    dropped: 0,
                    reason: EndReason::Interrupted,
                    interruptions: Vec::new(),
                    people: Vec::new(),
                };
                self.store.recording_end(end, |_| Vec::new()).await?;
            }
        }
        self.filmless.notify_one();
        Ok(())
    }

    async fn tidy(&self) {
        if let Err(error) = self.finish_deletions().await {
            tracing::error!(%error, "deleted recordings still take room: it is tried again");
            self.end_later(Unended::Trash);
        }
    }

    /// What was found in folders that nobody writes to: each by itself.
    async fn take_up(&self, scan: Scan, looks: u32) {
        for Unreadable { folder, why, cause } in scan.unreadable {
            let known = self.store.recording_get(folder.clone()).await;
            let row = match known {
                Ok(row) => match row.filter(|row| row.state == RecordingState::Recording) {
                    Some(row) => Some(row),
                    None => {
                        tracing::warn!(%folder, %why, "a folder was left as it is");
                        continue;
                    }
                },
                Err(_) => None,
            };
            let is_lost = match cause {
                Cause::Damaged => true,
                Cause::Disk => looks >= MOST_LOOKS,
                Cause::Waits => false,
            };
            if let Some(row) = row.filter(|_| is_lost) {
                tracing::error!(recording = %folder, %why,
                    "a recording that was cut short cannot be read: it has ended, and its files stay");
                let ended = match self.found_in(&row).await {
                    Ok(found) => self.end_unreadable(row, found).await,
                    Err(error) => Err(error),
                };
                match ended {
                    Ok(()) => continue,
                    Err(error) => tracing::error!(%error, "its end cannot be kept"),
                }
            }
            tracing::error!(recording = %folder, %why,
                "a recording that was cut short cannot be mended: it is tried again");
            self.end_later(Unended::Unread(folder, looks + 1));
        }
        for manifest in scan.whole {
            if let Err(error) = self.end_found(&manifest).await {
                tracing::error!(recording = %manifest.recording, %error,
                    "a recording's end cannot be kept: it is tried again");
                self.end_later(Unended::Whole(Box::new(manifest)));
            }
        }
        for recovered in scan.interrupted {
            let id = recovered.manifest.recording.clone();
            if let Err(error) = self.await_room(recovered).await {
                tracing::error!(recording = %id, %error,
                    "a recording that was cut short is not known yet: it is tried again");
                self.end_later(Unended::Unread(id, 0));
            }
        }
    }

    async fn found_in(&self, row: &RecordingRow) -> Result<Found, ControlError> {
        let (folder, id, room) = (self.folder(&row.id), row.id.clone(), row.room_name.clone());
        tokio::task::spawn_blocking(move || {
            let told = read_timeline(&folder);
            Found { manifest: recovery::found_in(&folder, &id, &room, &told), told }
        })
        .await
        .map_err(|error| ControlError::Files(error.into()))
    }

    /// A recording cannot be read, and never will: it is over, nothing is made of it, and its files stay for
    /// whoever wants them.
    async fn end_unreadable(&self, row: RecordingRow, found: Found) -> Result<(), ControlError> {
        let Found { manifest, told } = found;
        let duration_ms = told.iter().map(|line| line.t).max().unwrap_or(0) / 1000;
        let end = RecordingEnd {
            recording: row.id.clone(),
            state: RecordingState::Parked,
            ended_ms: row.started_ms + duration_ms,
            duration_ms,
            bytes: manifest.parts.iter().filter_map(|part| part.bytes).sum(),
            gaps: 0,
            dropped: 0,
            reason: EndReason::Unreadable,
            interruptions: Vec::new(),
            people: people_in(&told),
        };
        if self.store.recording_end(end, |_| Vec::new()).await?.is_some() {
            let ended = Happening::RecordingChanged(Box::new(self.get(&row.id).await?));
            self.events.publish(&row.id, ended);
        }
        Ok(())
    }

    /// A folder says that it is whole: so does the store then, which may not know it at all.
    async fn end_found(&self, manifest: &Manifest) -> Result<(), ControlError> {
        let row = self.known_or_imported(manifest).await?;
        match row.state {
            RecordingState::Recording => self.capture(row, manifest).await,
            _ => Ok(()),
        }
    }

    /// A recording was cut short: it goes on if its room opens in time.
    async fn await_room(&self, recovered: Recovered) -> Result<(), ControlError> {
        let row = self.known_or_imported(&recovered.manifest).await?;
        if row.state != RecordingState::Recording {
            // It had ended, and only the manifest does not say so: nothing may be added to it.
            tracing::warn!(recording = %row.id, "an end that the disk had not kept is written");
            return self.write_end(recovered).await.map(drop);
        }
        let window = self.resume_window();
        tracing::info!(recording = %row.id, window_s = window.as_secs(),
            "a recording was cut short: it goes on if its room opens in time");
        let room = recovered.manifest.room.clone();
        let interrupted = Interrupted { recovered, until: Instant::now() + window };
        let earlier = self.interrupted().insert(room, interrupted);
        if let Some(earlier) = earlier
            && let Err(error) = self.give_up(earlier.recovered).await
        {
            tracing::error!(%error, "an earlier recording of the same room has no end yet");
        }
        Ok(())
    }

    /// A person has ended what was ending because nobody had ordered it any more: so says its folder, too.
    pub(super) async fn say_that_a_person_ended(&self, manifest: &mut Manifest) {
        let Some(ended) = &mut manifest.ended else { return };
        ended.reason = EndReason::Stopped;
        let (folder, told) = (self.folder(&manifest.recording), manifest.clone());
        let written =
            tokio::task::spawn_blocking(move || write_manifest(&LocalDisk, &folder, &told)).await;
        // The store is told all the same.
        if !matches!(written, Ok(Ok(()))) {
            tracing::warn!(recording = %manifest.recording, "its folder does not say that a person ended it");
        }
    }

    pub(super) async fn end_in_store(&self, manifest: &Manifest) -> Result<(), ControlError> {
        let row = self.row(&manifest.recording).await?;
        self.capture(row, manifest).await
    }

    async fn known_or_imported(&self, manifest: &Manifest) -> Result<RecordingRow, ControlError> {
        let id = manifest.recording.clone();
        if let Some(mut row) = self.store.recording_get(id.clone()).await? {
            // The disk did not read it out then, and does now.
            if row.end_reason == Some(EndReason::Unreadable) {
                tracing::warn!(recording = %id, "a recording that could not be read can be");
                self.store.recording_take_back(id).await?;
                (row.state, row.end_reason) = (RecordingState::Recording, None);
            }
            return Ok(row);
        }
        tracing::warn!(recording = %id, "imported a recording that the store did not know");
        let room = self.store.room_by_name(manifest.room.clone()).await?;
        let started = UnixMs(manifest.started_unix_ms);
        let row = RecordingRow {
            id,
            room: room.map(|room| room.id).unwrap_or_default(),
            title: format!("{} · {}", manifest.room, started.minute_here()),
            room_name: manifest.room.clone(),
            layout: LayoutName::Auto,
            started_ms: started.0,
            ..RecordingRow::default()
        };
        self.store.recording_insert(row.clone()).await?;
        Ok(row)
    }

    async fn write_end(&self, recovered: Recovered) -> Result<Manifest, ControlError> {
        let root = self.root.clone();
        tokio::task::spawn_blocking(move || recovery::end_interrupted(&root, recovered))
            .await
            .map_err(|error| ControlError::Files(error.into()))?
            .map_err(|error| ControlError::Recorder(error.into()))
    }

    async fn end_cut_short(&self, recovered: Recovered) -> Result<(), ControlError> {
        let manifest = self.write_end(recovered).await?;
        self.end_in_store(&manifest).await
    }

    /// Ends a recording where it was cut; if that is refused it is tried again later.
    pub(super) async fn give_up(&self, recovered: Recovered) -> Result<(), ControlError> {
        let ended = self.end_cut_short(recovered.clone()).await;
        if ended.as_ref().is_err_and(|error| !matches!(error, ControlError::NotFound(_))) {
            self.end_later(Unended::CutShort(Box::new(recovered)));
        }
        ended
    }

    /// Ends interrupted recordings whose room did not come back, and tries again what could not be
    /// ended. To be called every few seconds.
    pub async fn tick(&self, now: Instant) {
        let late: Vec<Recovered> = {
            let mut all = self.interrupted();
            let rooms: Vec<String> = all
                .iter()
                .filter(|(_, interrupted)| interrupted.until <= now)
                .map(|(room, _)| room.clone())
                .collect();
            rooms.iter().filter_map(|room| all.remove(room)).map(|found| found.recovered).collect()
        };
        for recovered in late {
            let id = recovered.manifest.recording.clone();
            tracing::info!(recording = %id,
                "the room did not come back: the recording ends where it was cut");
            if let Err(error) = self.give_up(recovered).await {
                tracing::error!(recording = %id, %error,
                    "a recording that was cut short cannot be ended: it is tried again");
            }
        }
        let again = {
            let mut unkept = self.unkept.lock().unwrap_or_else(PoisonError::into_inner);
            match unkept.due.filter(|due| *due <= now) {
                Some(_) => std::mem::take(&mut *unkept).list,
                None => Vec::new(),
            }
        };
        for one in again {
            self.end_again(one).await;
        }
    }

    async fn end_again(&self, unended: Unended) {
        let (again, refused) = match unended {
            Unended::Whole(manifest) => {
                let refused = self.end_found(&manifest).await.err();
                (Unended::Whole(manifest), refused)
            }
            Unended::CutShort(recovered) => {
                let refused = self.end_cut_short((*recovered).clone()).await.err();
                (Unended::CutShort(recovered), refused)
            }
            // They see to it themselves that they come again.
            Unended::Unread(id, looks) => {
                let root = self.root.clone();
                let found = tokio::task::spawn_blocking(move || recovery::scan_one(&root, &id));
                if let Ok(scan) = found.await {
                    self.take_up(scan, looks).await;
                }
                return;
            }
            Unended::Trash => return self.tidy().await,
        };
        if let Some(error) = refused.filter(|error| !matches!(error, ControlError::NotFound(_))) {
            tracing::error!(%error, "a recording's end still cannot be kept");
            self.end_later(again);
        }
    }
}
