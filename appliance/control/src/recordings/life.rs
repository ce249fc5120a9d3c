//! A recording's life beyond the buttons: its end, continuation, deletion.

use super::endings::{Interrupted, Unended};
use super::film::media_ms;
use super::search::people_in;
use super::{Interruption, RecordingState, Recordings, Running, Turn};
use crate::clock::UnixMs;
use crate::conference::{Command, RoomName};
use crate::egress::EgressRow;
use crate::error::ControlError;
use crate::events::Happening;
use crate::jobs::ROUTINE;
use crate::schedule::conduct::Fate;
use crate::store::{RecordingEnd, RecordingRow};
use roombox_capture::manifest::{EndReason, Manifest};
use roombox_capture::timeline::{GapReason, TimelineEvent};
use roombox_capture::{OpenRecording, read_timeline};
use roombox_jobs::JobRow;
use roombox_jobs::spec::JobSpec;
use std::path::{Path, PathBuf};

/// Where folders go that are being deleted.
const TRASH: &str = ".trash";

/// What a folder says beyond its manifest.
struct Summary {
    bytes: u64,
    duration_us: u64,
    gaps: u64,
    interruptions: Vec<Interruption>,
    people: Vec<String>,
    /// Something was made of it before the store knew it.
    filmed: bool,
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
        filmed: folder.join("derived").is_dir(),
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
    /// The store refuses; it is tried again in a minute, and until that is done.
    pub async fn ended(&self, mut manifest: Manifest) -> Result<(), ControlError> {
        let id = manifest.recording.clone();
        let room = RoomName::from(manifest.room.as_str());
        let ours = {
            let mut running = self.running();
            let ours = running.get(&manifest.room).is_some_and(|found| found.recording == id);
            ours.then(|| running.remove(&manifest.room)).flatten()
        };
        if let Some(now) = ours {
            self.show(&room, false);
            // The recorder had begun to end it before the person did, and does not ask twice.
            let said = manifest.ended.as_ref().map(|ended| ended.reason);
            if now.ending == Some(EndReason::Stopped) && said == Some(EndReason::OrderEnded) {
                self.say_that_a_person_ended(&mut manifest).await;
            }
        }
        let kept = self.end_in_store(&manifest).await;
        // One that never began has no row: nobody waits for its end.
        if kept.as_ref().is_err_and(|error| !matches!(error, ControlError::NotFound(_))) {
            self.end_later(Unended::Whole(Box::new(manifest)));
        }
        kept
    }

    /// Puts what the folder says into the store, with a job if there is anything to film.
    pub(super) async fn capture(
        &self,
        row: RecordingRow,
        manifest: &Manifest,
    ) -> Result<(), ControlError> {
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
        if state == RecordingState::Empty && summary.filmed {
            self.filmless.notify_one();
        }
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
            let begun = all.values().filter(|running| running.begun && running.ending.is_none());
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
        let known = async {
            let row = self.row(&recovered.manifest.recording).await?;
            let unwanted = self.unwanted(&row.id, false, None).await?;
            Ok::<_, ControlError>((row, unwanted))
        };
        let (row, unwanted) = match known.await {
            Ok(known) => known,
            Err(error) => {
                self.end_later(Unended::CutShort(Box::new(recovered)));
                return Err(error);
            }
        };
        if unwanted {
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

    /// Ends a recording that nobody has ordered any more, wherever it stands: running, or waiting for its room
    /// after a crash. No person has said that the room is not to be recorded.
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
            self.end_running(&room, id, EndReason::OrderEnded);
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
    /// There is no such recording, it still runs, a film is being made of it and others, or its folder cannot
    /// be moved away.
    pub async fn delete(&self, id: &str) -> Result<(), ControlError> {
        let turn = self.keeping().await;
        self.delete_in(id, turn).await
    }

    /// [`Recordings::delete`] for who has seen to it that nobody wants the recording kept.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn delete_in(&self, id: &str, turn: Turn<'_>) -> Result<(), ControlError> {
        let gone = self.put_away(id, &turn).await?;
        // Bytes may take long.
        drop(turn);
        self.empty_trash(gone).await
    }

    /// Has a recording gone but for its bytes, which lie where this says. Within a turn: somebody may be about
    /// to have it merged.
    async fn put_away(&self, id: &str, _turn: &Turn<'_>) -> Result<PathBuf, ControlError> {
        let row = self.row(id).await?;
        if row.state == RecordingState::Recording || self.runs(id) {
            return Err(ControlError::StillRecording);
        }
        if self.is_being_merged(id).await? {
            return Err(ControlError::BeingMerged);
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
        Ok(own)
    }

    pub(super) fn folder(&self, id: &str) -> PathBuf {
        self.root.join(id)
    }

    fn trash(&self) -> PathBuf {
        self.root.join(TRASH)
    }

    pub(super) async fn finish_deletions(&self) -> Result<(), ControlError> {
        let Ok(entries) = std::fs::read_dir(self.trash()) else { return Ok(()) };
        for entry in entries.filter_map(Result::ok) {
            let id = entry.file_name().to_string_lossy().into_owned();
            self.store.recording_delete(id).await?;
        }
        self.empty_trash(self.trash()).await
    }

    /// Removes this of the trash, where others may be on their way to, or all of it: only [`Recordings::delete`] puts anything there.
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
