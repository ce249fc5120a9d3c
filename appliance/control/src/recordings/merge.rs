//! Recordings that are made of others: their films one after the other, as a recording of its own.
//!
//! It has no tracks. All else is as with any recording: a job makes its film, it is shared, copied, held and
//! deleted like others, and it stays when those go of which it was made.

use super::found_films::{LONGEST_INDEX, LONGEST_US};
use super::{Recording, RecordingState, Recordings};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::Happening;
use crate::jobs::BY_HAND;
use crate::store::{RecordingRow, StoreError};
use roombox_capture::manifest::{EndReason, Ended, Manifest};
use roombox_capture::storage::LocalDisk;
use roombox_capture::{read_manifest, write_manifest};
use roombox_jobs::JobRow;
use roombox_jobs::spec::{FileKind, JobSpec, Merge, MergePart, VideoPreset};
use roombox_provision::NAME_MOST;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use ulid::Ulid;
use utoipa::ToSchema;

/// So many recordings can be merged at a time.
pub const MOST_MERGED: usize = 20;
/// Who makes pictures in one format here; its films fit together whenever they were made.
const SOFTWARE: &str = "openh264enc";
/// Pixels of a picture's sides that the encoder takes: multiples of these.
const STEPS: (u32, u32) = (8, 2);

/// What a merged recording would be.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MergePlan {
    /// In order.
    pub parts: Vec<PlannedPart>,
    pub duration_ms: u64,
    /// Whether no picture is coded anew; `null`: a film of an older version does not say what it is.
    #[schema(required)]
    pub lossless: Option<bool>,
}

/// A recording that would be merged.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PlannedPart {
    pub recording_id: String,
    pub title: String,
    pub duration_ms: u64,
    /// Whether its picture stays as it is; `null`: nobody knows before it is tried.
    #[schema(required)]
    pub kept: Option<bool>,
}

/// A recording of which another one was made.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MergedPart {
    pub recording_id: String,
    /// What it was called then.
    pub title: String,
    pub duration_ms: u64,
    /// Whether it is on the box still.
    pub exists: bool,
}

/// What a film says of itself beside it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Index {
    duration_us: u64,
    format: Option<Format>,
    merge: Option<Merge>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Format {
    picture: String,
    width: u32,
    height: u32,
    encoder: String,
    sound: Option<String>,
}

/// A recording with the film that is taken.
struct Chosen {
    row: RecordingRow,
    film: String,
    bytes: u64,
    /// Of the film when it was made.
    sha256: String,
    index: Index,
}

impl Chosen {
    fn duration_us(&self) -> u64 {
        match self.index.duration_us {
            0 => self.row.duration_ms.saturating_mul(1000).min(LONGEST_US),
            known => known.min(LONGEST_US),
        }
    }

    /// The title, with the date where it does not say it.
    fn name(&self) -> String {
        let begun = UnixMs(self.row.started_ms).minute_here();
        // Titles of before had UTC.
        let dates = [begun.clone(), UnixMs(self.row.started_ms).minute()];
        match dates.iter().any(|date| self.row.title.contains(date)) {
            true => self.row.title.clone(),
            false => format!("{} · {begun}", self.row.title),
        }
    }

    /// The same, no longer than a title is.
    fn short_name(&self) -> String {
        let (name, title) = (self.name(), &self.row.title);
        let over = name.chars().count().saturating_sub(NAME_MOST);
        if over == 0 {
            return name;
        }
        let kept = title.chars().count().saturating_sub(over + 1);
        let begin: String = title.chars().take(kept).collect();
        format!("{}…{}", begin.trim_end(), name.get(title.len()..).unwrap_or_default())
    }
}

/// Which pictures stay as they are: all, if all have one format; else those that have what our encoder
/// makes in the first one's size. `None`: one does not say what it is.
fn kept(formats: &[Option<&Format>]) -> Option<Vec<bool>> {
    let known: Vec<&Format> = formats.iter().copied().collect::<Option<_>>()?;
    let first = known.first()?;
    if known.iter().all(|format| format.picture == first.picture) {
        return Some(vec![true; known.len()]);
    }
    let size = (first.width / STEPS.0 * STEPS.0, first.height / STEPS.1 * STEPS.1);
    let ours = known
        .iter()
        .find(|format| format.encoder == SOFTWARE && (format.width, format.height) == size);
    let stays = |format: &&Format| ours.is_some_and(|ours| ours.picture == format.picture);
    Some(known.iter().map(stays).collect())
}

fn planned(chosen: &[Chosen]) -> MergePlan {
    let formats: Vec<Option<&Format>> =
        chosen.iter().map(|one| one.index.format.as_ref()).collect();
    let kept = kept(&formats);
    let part = |(n, one): (usize, &Chosen)| PlannedPart {
        recording_id: one.row.id.clone(),
        title: one.row.title.clone(),
        duration_ms: one.duration_us() / 1000,
        kept: kept.as_ref().and_then(|kept| kept.get(n).copied()),
    };
    let duration_us: u64 = chosen.iter().map(Chosen::duration_us).sum();
    MergePlan {
        parts: chosen.iter().enumerate().map(part).collect(),
        duration_ms: duration_us / 1000,
        lossless: kept.map(|kept| kept.into_iter().all(|stays| stays)),
    }
}

impl Recordings {
    /// What would be made of these recordings, in this order.
    ///
    /// # Errors
    /// There are fewer than two or more than [`MOST_MERGED`], one is named twice, is not there, still runs
    /// or has no film, or their sounds are of different kinds.
    pub async fn merge_plan(&self, ids: &[String]) -> Result<MergePlan, ControlError> {
        Ok(planned(&self.chosen(ids).await?))
    }

    /// Has these recordings made into one more, in this order; without a title it gets the first one's room
    /// and time.
    ///
    /// # Errors
    /// As for [`Recordings::merge_plan`]; the title will not do, or the disk has no room for the film.
    pub async fn merge(
        &self,
        ids: &[String],
        title: Option<&str>,
    ) -> Result<Recording, ControlError> {
        let title = title.map(crate::error::checked_name).transpose()?;
        // None of them may go between now and the moment in which the job keeps it.
        let turn = self.keeping().await;
        let chosen = self.chosen(ids).await?;
        let needed: u64 = chosen.iter().map(|one| one.bytes).sum();
        let needed = needed.saturating_add(self.owed_to_merges().await?);
        let (free, reserve) = self.recorder.space().map_err(ControlError::Files)?;
        if free < reserve.saturating_add(needed) {
            return Err(ControlError::NoRoomToMerge { needed, free: free.saturating_sub(reserve) });
        }
        let (row, spec) = self.merged(&chosen, title)?;
        let now_ms = UnixMs::now().0;
        let media_ms = row.duration_ms;
        let job = JobRow { media_ms, ..JobRow::new(spec, BY_HAND, now_ms) };
        let id = row.id.clone();
        self.store.recording_insert_merged(row, job.clone()).await?;
        if let Err(error) = self.make_folder(&job.spec).await {
            self.store.recording_delete(id).await?;
            return Err(error);
        }
        drop(turn);
        tracing::info!(recording = %id, films = chosen.len(), "recordings are to be merged");
        self.jobs.queued(job).await;
        let recording = self.get(&id).await?;
        self.events.publish(&id, Happening::RecordingCaptured(Box::new(recording.clone())));
        Ok(recording)
    }

    fn merged(
        &self,
        chosen: &[Chosen],
        title: Option<String>,
    ) -> Result<(RecordingRow, JobSpec), ControlError> {
        let few = || ControlError::InvalidMerge { why: "are two at least" };
        let first = chosen.first().ok_or_else(few)?;
        // Recordings are found by the time in their ids: this one's is when its first part began.
        let id = Ulid::from_parts(first.row.started_ms, Ulid::new().random());
        let (id, job) = (format!("rec_{id}"), format!("job_{}", Ulid::new()));
        let title = title.unwrap_or_else(|| first.short_name());
        let ended_ms = chosen.iter().filter_map(|one| one.row.ended_ms).max();
        let duration_us: u64 = chosen.iter().map(Chosen::duration_us).sum();
        let mut seen = HashSet::new();
        let people = chosen.iter().flat_map(|one| &one.row.people);
        let people = people.filter(|person| seen.insert(person.as_str())).cloned().collect();
        let part = |one: &Chosen| MergePart {
            recording: one.row.id.clone(),
            film: one.film.clone(),
            duration_us: one.duration_us(),
            title: one.name(),
            sha256: one.sha256.clone(),
        };
        let merge = Merge {
            room: first.row.room_name.clone(),
            started_unix_ms: first.row.started_ms,
            parts: chosen.iter().map(part).collect(),
        };
        let encoder = self.settings.get().recording.encoder;
        let spec = JobSpec {
            video: VideoPreset { encoder, ..VideoPreset::default() },
            merge: Some(merge),
            ..JobSpec::new(job, id.clone(), title.clone())
        };
        let row = RecordingRow {
            id,
            room: first.row.room.clone(),
            room_name: first.row.room_name.clone(),
            title,
            state: RecordingState::Captured,
            layout: first.row.layout,
            started_ms: first.row.started_ms,
            ended_ms: ended_ms.or(Some(first.row.started_ms)),
            duration_ms: duration_us / 1000,
            end_reason: Some(EndReason::Stopped),
            people,
            ..RecordingRow::default()
        };
        Ok((row, spec))
    }

    /// The recordings with their newest films.
    async fn chosen(&self, ids: &[String]) -> Result<Vec<Chosen>, ControlError> {
        let invalid = |why| Err(ControlError::InvalidMerge { why });
        match ids.len() {
            0 | 1 => return invalid("are two at least"),
            2..=MOST_MERGED => {}
            _ => return invalid("are 20 at most: merge some of them first"),
        }
        if ids.iter().collect::<HashSet<_>>().len() < ids.len() {
            return invalid("are different ones: name each once");
        }
        let mut files = self.store.file_list_of(ids.to_vec()).await?;
        let mut chosen = Vec::new();
        for id in ids {
            let row = self.row(id).await?;
            if row.state == RecordingState::Recording || self.runs(id) {
                return Err(ControlError::StillRecording);
            }
            let films = files.remove(id).unwrap_or_default();
            let film = films.into_iter().find(|file| file.kind == FileKind::Mp4);
            let film = film.ok_or_else(|| ControlError::NoFilm { title: row.title.clone() })?;
            let (bytes, index) = read_index(self.folder(id).join(&film.path)).await?;
            let bytes = bytes.ok_or_else(|| ControlError::NoFilm { title: row.title.clone() })?;
            chosen.push(Chosen { row, film: film.path, bytes, sha256: film.sha256, index });
        }
        let sounds = chosen.iter().filter_map(|one| one.index.format.as_ref()?.sound.as_ref());
        let sounds: HashSet<&String> = sounds.collect();
        match sounds.len() {
            0 | 1 => Ok(chosen),
            _ => Err(ControlError::SoundsDiffer),
        }
    }

    /// Bytes that films need which are to be merged and are not yet.
    async fn owed_to_merges(&self) -> Result<u64, ControlError> {
        let open = self.store.job_list_undone().await?;
        let open = open.into_iter().filter(|job| !job.state.is_final());
        let parts = open.filter_map(|job| job.spec.merge).flat_map(|merge| merge.parts);
        let films: Vec<PathBuf> =
            parts.map(|part| self.folder(&part.recording).join(part.film)).collect();
        let sum = move || {
            let found = films.iter().filter_map(|film| std::fs::metadata(film).ok());
            found.map(|film| film.len()).sum()
        };
        tokio::task::spawn_blocking(sum)
            .await
            .map_err(|error| ControlError::Files(io::Error::other(error)))
    }

    /// What a recording was made of; `None`: it is one of a meeting. Its job says so; where a database has lost
    /// that its film does, and of an older one without parts nobody knows them any more.
    pub(super) async fn merge_of(&self, row: &RecordingRow) -> Result<Option<Merge>, ControlError> {
        let id = || row.id.clone();
        let jobs = self.store.job_list_of(id()).await?;
        let told = jobs.into_iter().find_map(|job| job.spec.merge);
        // Whose tracks there are was not merged.
        if told.is_some() || row.bytes > 0 {
            return Ok(told);
        }
        let files = self.store.file_list_of(vec![id()]).await?.remove(&row.id).unwrap_or_default();
        let Some(film) = files.into_iter().find(|file| file.kind == FileKind::Mp4) else {
            return Ok(None);
        };
        let folder = self.folder(&row.id);
        tokio::task::spawn_blocking(move || told_by_folder(&folder, &film.path))
            .await
            .map_err(|error| ControlError::Files(error.into()))
    }

    pub(super) async fn merged_from(
        &self,
        row: &RecordingRow,
    ) -> Result<Option<Vec<MergedPart>>, ControlError> {
        let Some(merge) = self.merge_of(row).await? else { return Ok(None) };
        let mut parts = Vec::new();
        for MergePart { recording, title, duration_us, .. } in merge.parts {
            let exists = self.store.recording_get(recording.clone()).await?.is_some();
            let duration_ms = duration_us / 1000;
            parts.push(MergedPart { recording_id: recording, title, duration_ms, exists });
        }
        Ok(Some(parts))
    }

    /// At start: a crash may have come between the row of a merged recording and its folder.
    pub(super) async fn mend_merged(&self) -> Result<(), ControlError> {
        for job in self.store.job_list_undone().await? {
            if job.spec.merge.is_some() && !self.folder(&job.spec.recording).exists() {
                self.make_folder(&job.spec).await?;
            }
        }
        Ok(())
    }

    /// The folder of a merged recording says that it has ended and that there are no tracks.
    async fn make_folder(&self, spec: &JobSpec) -> Result<(), ControlError> {
        let Some(merge) = spec.merge.clone() else { return Ok(()) };
        let (folder, id) = (self.folder(&spec.recording), spec.recording.clone());
        tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder).map_err(ControlError::Files)?;
            let begun = merge.started_unix_ms;
            let ended = Some(Ended { reason: EndReason::Stopped, at_us: merge.duration_us() });
            let manifest =
                Manifest { ended, ..Manifest::new(&id, &merge.room, begun, String::new()) };
            write_manifest(&LocalDisk, &folder, &manifest)
                .map_err(|error| ControlError::Recorder(error.into()))
        })
        .await
        .map_err(|error| ControlError::Files(error.into()))?
    }

    /// Whether a film is being made of this recording's and others'.
    pub(crate) async fn is_being_merged(&self, id: &str) -> Result<bool, StoreError> {
        self.store.job_merges(id.to_owned()).await
    }
}

/// How long a film's file is (`None`: there is none), and what its index says: nothing where there is none,
/// or one that nobody understands.
async fn read_index(film: PathBuf) -> Result<(Option<u64>, Index), ControlError> {
    let look = move || {
        let bytes = std::fs::metadata(&film).ok().map(|found| found.len());
        (bytes, index_beside(&film).unwrap_or_default())
    };
    let looked = tokio::task::spawn_blocking(look).await;
    looked.map_err(|error| ControlError::Files(io::Error::other(error)))
}

/// Whether a recording has ended without tracks, as those are that were made of others.
pub(super) fn is_of_films(manifest: &Manifest) -> bool {
    manifest.ended.is_some() && manifest.parts.is_empty()
}

/// What the folder of a recording without tracks says of what its film was made of.
fn told_by_folder(folder: &Path, film: &str) -> Option<Merge> {
    let manifest = read_manifest(folder).ok().filter(is_of_films)?;
    let told = index_beside(&folder.join(film)).and_then(|index| index.merge);
    let unknown = || Merge {
        room: manifest.room,
        started_unix_ms: manifest.started_unix_ms,
        parts: Vec::new(),
    };
    // It may have been brought from elsewhere.
    Some(told.filter(|merge| merge.parts.len() <= MOST_MERGED).unwrap_or_else(unknown))
}

fn index_beside(film: &Path) -> Option<Index> {
    let file = File::open(film.with_file_name("film.json")).ok()?;
    serde_json::from_reader(BufReader::new(file.take(LONGEST_INDEX))).ok()
}

#[cfg(test)]
mod tests;
