//! A recording's life beyond the buttons: endings, crashes, continuation, import, deletion.

use super::film::media_ms;
use super::search::people_in;
use super::{Interruption, RecordingState, Recordings, Running};
use crate::clock::UnixMs;
use crate::conference::{Command, RoomName};
use crate::egress::EgressRow;
use crate::error::ControlError;
use crate::events::Happening;
use crate::jobs::ROUTINE;
use crate::schedule::conduct::Fate;
use crate::store::{RecordingEnd, RecordingRow};
use roombox_capture::manifest::{EndReason, Manifest};
use roombox_capture::recovery::{self, Recovered};
use roombox_capture::timeline::{GapReason, TimelineEvent};
use roombox_capture::{OpenRecording, read_timeline};
use roombox_jobs::JobRow;
use roombox_jobs::spec::{JobSpec, LayoutName};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// A recording that was cut short and may go on.
pub(super) struct Interrupted {
    recovered: Recovered,
    until: Instant,
}

/// What could not be ended is tried again after this.
const AGAIN: Duration = Duration::from_secs(60);
/// Where folders go that are being deleted.
const TRASH: &str = ".trash";

/// What a folder says beyond its manifest.
struct Summary {
    bytes: u64,
    duration_us: u64,
    gaps: u64,
    interruptions: Vec<Interruption>,
    people: Vec<String>,
}

fn summarise(folder: &Path, manifest: &Manifest) -> Summary {
    let timeline = read_timeline(folder);
    let gap = |event: &TimelineEvent| matches!(event, TimelineEvent::Gap { reason, .. } if *reason != GapReason::Silence);
    let interruptions = timeline.iter().filter_map(|line| match line.event {
        TimelineEvent::PowerLoss { from, to } => {
            Some(Interruption { at_ms: from / 1000, lost_ms: to.saturating_sub(from) / 1000 })
        }
        _ => None,
    });
    let ended = manifest.ended.as_ref().map(|ended| ended.at_us);
    Summary {
        bytes: manifest.parts.iter().filter_map(|part| part.bytes).sum(),
        duration_us: ended
            .or_else(|| manifest.parts.iter().filter_map(|part| part.end_us).max())
            .unwrap_or(0),
        gaps: timeline.iter().filter(|line| gap(&line.event)).count() as u64,
        interruptions: interruptions.collect(),
        people: people_in(&timeline),
    }
}

impl Recordings {
    /// Shows or takes away the red dot.
    pub(super) fn show(&self, room: &RoomName, recording: bool) {
        let command = Command::SetRecording { room: room.clone(), recording };
        if self.conference.command(room, command).is_err() {
            tracing::warn!("the media plane is too busy to show that a room is recorded");
        }
    }

    /// A recording is whole and durable: it becomes `captured`, and its job exists.
    ///
    /// # Errors
    /// The store refuses; the next start finds the recording again.
    pub async fn ended(&self, manifest: Manifest) -> Result<(), ControlError> {
        let id = manifest.recording.clone();
        let room = RoomName::from(manifest.room.as_str());
        let ours = {
            let mut running = self.running();
            let ours = running.get(&manifest.room).is_some_and(|found| found.recording == id);
            ours.then(|| running.remove(&manifest.room)).is_some()
        };
        if ours {
            self.show(&room, false);
        }
        let row = self.row(&id).await?;
        self.capture(row, &manifest).await
    }

    /// Puts what the folder says into the store, with a job if there is anything to film.
    async fn capture(&self, row: RecordingRow, manifest: &Manifest) -> Result<(), ControlError> {
        let (folder, found) = (self.folder(&row.id), manifest.clone());
        let summary = tokio::task::spawn_blocking(move || summarise(&folder, &found))
            .await
            .map_err(|error| ControlError::Files(error.into()))?;
        let reason = manifest.ended.as_ref().map_or(EndReason::Interrupted, |ended| ended.reason);
        let state = match manifest.parts.is_empty() {
            true => RecordingState::Empty,
            false => RecordingState::Captured,
        };
        let duration_ms = summary.duration_us / 1000;
        let end = RecordingEnd {
            recording: row.id.clone(),
            state,
            ended_ms: row.started_ms + duration_ms,
            duration_ms,
            bytes: summary.bytes,
            gaps: summary.gaps,
            dropped: manifest.dropped,
            reason,
            interruptions: summary.interruptions,
            people: summary.people,
        };
        // Its film, unless it only ran because others were ordered, and those: as of the moment in which
        // it is whole, and nobody can order any more.
        let own = self.spec(&row, row.layout, self.settings.get().recording.encoder);
        let (made, last_us, now) =
            (!manifest.parts.is_empty(), summary.duration_us, UnixMs::now().0);
        let follows = self.settings.get().recorder.mode.transcodes();
        let jobs_for = move |orders: Vec<EgressRow>| -> Vec<JobRow> {
            let own = orders.iter().all(|order| !order.is_the_film()).then_some((own, follows));
            let films = orders.iter().filter(|order| order.films());
            let ordered = films.map(|order| (order.job(last_us), false));
            let all = own.into_iter().chain(ordered).filter(|_| made);
            let row = |(spec, followed): (JobSpec, bool)| {
                let media_ms = media_ms(&spec, duration_ms);
                JobRow { media_ms, followed, ..JobRow::new(spec, ROUTINE, now) }
            };
            all.map(row).collect()
        };
        let Some(jobs) = self.store.recording_end(end, jobs_for).await? else { return Ok(()) };
        tracing::info!(recording = %row.id, ?state, ?reason, duration_ms, "recording captured");
        let captured = Happening::RecordingCaptured(Box::new(self.get(&row.id).await?));
        self.events.publish(&row.id, captured);
        for job in jobs {
            self.jobs.queued(job).await;
        }
        Ok(())
    }

    /// What the films of recordings that run will be made of and how, the oldest first and no more
    /// than `most`; of those that run only because others were ordered
    /// there is none, and on a box that only records of none at all.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn films_to_come(
        &self,
        wanted: impl Fn(&str) -> bool,
        most: usize,
    ) -> Result<Vec<JobSpec>, ControlError> {
        if !self.settings.get().recorder.mode.transcodes() {
            return Ok(Vec::new());
        }
        let mut running: Vec<(u64, String)> = {
            let all = self.running();
            let begun = all.values().filter(|running| running.begun && !running.ending);
            let ours = begun.filter(|running| wanted(&running.recording));
            ours.map(|running| (running.started_ms, running.recording.clone())).collect()
        };
        running.sort_unstable();
        let mut specs = Vec::new();
        for (_, id) in running {
            if specs.len() == most {
                break;
            }
            let orders = self.store.egress_list_of(id.clone()).await?;
            if orders.iter().all(|order| !order.is_the_film()) {
                let row = self.row(&id).await?;
                specs.push(self.spec(&row, row.layout, self.settings.get().recording.encoder));
            }
        }
        Ok(specs)
    }

    /// Whether a recording runs, or is being made whole.
    pub fn runs(&self, id: &str) -> bool {
        self.running().values().any(|running| running.recording == id)
    }

    /// The disk is filling.
    pub fn disk_warned(&self, free_bytes: u64, reserve_bytes: u64) {
        self.events.mention("box", Happening::StorageWarned { free_bytes, reserve_bytes });
    }

    /// At start: mends what a crash left, imports what the store does not know, and finishes
    /// deletions. Nothing unknown is deleted.
    ///
    /// # Errors
    /// The folder cannot be read or the store refuses.
    pub async fn recover(&self) -> Result<(), ControlError> {
        self.finish_deletions().await?;
        self.store.recording_mend_words().await?;
        let root = self.root.clone();
        let scan = tokio::task::spawn_blocking(move || recovery::scan(&root))
            .await
            .map_err(|error| ControlError::Files(error.into()))?
            .map_err(|error| ControlError::Recorder(error.into()))?;
        for (name, why) in &scan.unreadable {
            tracing::warn!(folder = %name, %why, "a folder was left as it is");
        }
        for manifest in scan.whole {
            let row = self.known_or_imported(&manifest).await?;
            if row.state == RecordingState::Recording {
                self.capture(row, &manifest).await?;
            }
        }
        let window = Duration::from_secs(u64::from(self.settings.get().recording.resume_window_s));
        for recovered in scan.interrupted {
            let row = self.known_or_imported(&recovered.manifest).await?;
            tracing::info!(recording = %row.id, window_s = window.as_secs(),
                "a recording was cut short: it goes on if its room opens in time");
            let room = recovered.manifest.room.clone();
            let interrupted = Interrupted { recovered, until: Instant::now() + window };
            let earlier = self.interrupted().insert(room, interrupted);
            if let Some(earlier) = earlier {
                self.give_up(earlier.recovered).await?;
            }
        }
        for row in self.store.recording_list_running().await? {
            if !self.folder(&row.id).join("manifest.json").exists() {
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
        Ok(())
    }

    fn interrupted(
        &self,
    ) -> std::sync::MutexGuard<'_, std::collections::HashMap<String, Interrupted>> {
        self.interrupted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn known_or_imported(&self, manifest: &Manifest) -> Result<RecordingRow, ControlError> {
        let id = manifest.recording.clone();
        if let Some(row) = self.store.recording_get(id.clone()).await? {
            return Ok(row);
        }
        tracing::warn!(recording = %id, "imported a recording that the store did not know");
        let room = self.store.room_by_name(manifest.room.clone()).await?;
        let started = UnixMs(manifest.started_unix_ms);
        let row = RecordingRow {
            id,
            room: room.map(|room| room.id).unwrap_or_default(),
            title: format!("{} · {}", manifest.room, started.minute()),
            room_name: manifest.room.clone(),
            layout: LayoutName::Auto,
            started_ms: started.0,
            ..RecordingRow::default()
        };
        self.store.recording_insert(row.clone()).await?;
        Ok(row)
    }

    async fn give_up(&self, recovered: Recovered) -> Result<(), ControlError> {
        let root = self.root.clone();
        let manifest =
            tokio::task::spawn_blocking(move || recovery::end_interrupted(&root, recovered))
                .await
                .map_err(|error| ControlError::Files(error.into()))?
                .map_err(|error| ControlError::Recorder(error.into()))?;
        let row = self.row(&manifest.recording).await?;
        self.capture(row, &manifest).await
    }

    /// A room has opened: its interrupted recording goes on under the same id.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn room_opened(&self, room_name: &str) -> Result<(), ControlError> {
        self.go_on_in(room_name).await.map(|_| ())
    }

    /// True if a recording that was cut short goes on in this room.
    pub(super) async fn go_on_in(&self, room_name: &str) -> Result<bool, ControlError> {
        if !self.settings.get().recorder.mode.records() {
            return Ok(false);
        }
        let Some(Interrupted { recovered, .. }) = self.interrupted().remove(room_name) else {
            return Ok(false);
        };
        let row = self.row(&recovered.manifest.recording).await?;
        if self.unwanted(&row.id, false, None).await? {
            // Whoever ordered it has stopped it meanwhile.
            self.give_up(recovered).await?;
            return Ok(false);
        }
        let room = RoomName::from(room_name);
        let taken = {
            let mut all = self.running();
            let taken = all.contains_key(room_name);
            if !taken {
                all.insert(room_name.to_owned(), Running::new(&row, recovered.manifest.paused));
            }
            taken
        };
        if taken {
            self.give_up(recovered).await?;
            return Ok(false);
        }
        let open = OpenRecording {
            recording: row.id.clone(),
            room: room_name.to_owned(),
            resume: Some(Box::new(recovered.manifest.clone())),
        };
        if let Err(error) = self.recorder.begin(&room, open) {
            tracing::error!(recording = %row.id, %error, "an interrupted recording cannot go on");
            self.running().remove(room_name);
            self.give_up(recovered).await?;
            return Ok(false);
        }
        self.begun(&room, &row.id);
        let continued = Happening::RecordingContinued(Box::new(self.get(&row.id).await?));
        self.events.publish(&row.id, continued);
        Ok(true)
    }

    /// Ends a recording wherever it stands: running, or waiting for its room after a crash.
    ///
    /// # Errors
    /// The store refuses.
    pub(crate) async fn end(&self, id: &str) -> Result<(), ControlError> {
        let running = self
            .running()
            .iter()
            .find(|(_, now)| now.recording == id)
            .map(|(room, _)| RoomName::from(room.as_str()));
        if let Some(room) = running {
            self.end_running(&room, id);
            return Ok(());
        }
        let waiting = {
            let mut all = self.interrupted();
            let of = |found: &Interrupted| found.recovered.manifest.recording == id;
            let room = all.iter().find(|(_, found)| of(found)).map(|(room, _)| room.clone());
            room.and_then(|room| all.remove(&room))
        };
        match waiting {
            Some(interrupted) => self.give_up(interrupted.recovered).await,
            None => Ok(()),
        }
    }

    /// Ends interrupted recordings whose room did not come back. To be called every few seconds.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn tick(&self, now: Instant) -> Result<(), ControlError> {
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
            tracing::info!(recording = %recovered.manifest.recording,
                "the room did not come back: the recording ends where it was cut");
            let room = recovered.manifest.room.clone();
            if let Err(error) = self.give_up(recovered.clone()).await {
                tracing::error!(recording = %recovered.manifest.recording, %error,
                    "a recording that was cut short cannot be ended: it is tried again");
                let until = now + AGAIN;
                self.interrupted().entry(room).or_insert(Interrupted { recovered, until });
            }
        }
        Ok(())
    }

    /// What has become of a recording that its room does not have any more.
    pub(crate) async fn fate(&self, id: &str) -> Result<Fate, ControlError> {
        let row = self.store.recording_get(id.to_owned()).await?;
        Ok(match row {
            None => Fate::Deleted,
            Some(row) => row
                .end_reason
                .map_or(Fate::Waits, |reason| Fate::Ended { reason, began_ms: row.started_ms }),
        })
    }

    /// Deletes a recording with everything that was made of it.
    ///
    /// # Errors
    /// There is no such recording, it still runs, or its folder cannot be moved away.
    pub async fn delete(&self, id: &str) -> Result<(), ControlError> {
        let row = self.row(id).await?;
        if row.state == RecordingState::Recording {
            return Err(ControlError::StillRecording);
        }
        self.jobs.forget(id).await?;
        let (folder, trash) = (self.folder(id), self.trash());
        let gone = trash.join(id);
        let own = gone.clone();
        // Out of sight first, then out of the store, then off the disk: a crash between any two
        // leaves something that the next start finishes, and never half a recording.
        let moved = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&trash)?;
            match std::fs::rename(&folder, &gone) {
                // It is gone itself, and not the place where it was to go.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !folder.exists() => {
                    Ok(())
                }
                moved => moved,
            }
        });
        moved
            .await
            .map_err(|error| ControlError::Files(error.into()))?
            .map_err(ControlError::Files)?;
        self.store.recording_delete(id.to_owned()).await?;
        tracing::info!(recording = %id, "recording deleted");
        self.events.publish(id, Happening::RecordingDeleted);
        // Others may be on their way to the same place.
        self.empty_trash(own).await
    }

    pub(super) fn folder(&self, id: &str) -> PathBuf {
        self.root.join(id)
    }

    fn trash(&self) -> PathBuf {
        self.root.join(TRASH)
    }

    async fn finish_deletions(&self) -> Result<(), ControlError> {
        let Ok(entries) = std::fs::read_dir(self.trash()) else { return Ok(()) };
        for entry in entries.filter_map(Result::ok) {
            let id = entry.file_name().to_string_lossy().into_owned();
            self.store.recording_delete(id).await?;
        }
        self.empty_trash(self.trash()).await
    }

    /// Removes this of the trash, or all of it: only [`Recordings::delete`] puts anything there.
    async fn empty_trash(&self, trash: PathBuf) -> Result<(), ControlError> {
        tokio::task::spawn_blocking(move || match std::fs::remove_dir_all(&trash) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
        .await
        .map_err(|error| ControlError::Files(error.into()))?
        .map_err(ControlError::Files)
    }
}
