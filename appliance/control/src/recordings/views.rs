//! Recordings as people see them.

use super::{Interruption, MergedPart, RecordingState, Recordings};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::jobs::Job;
use crate::store::RecordingRow;
use crate::words;
use roombox_capture::manifest::{
    Codec, EndReason, Manifest, MediaKind, RecordedLayer, TrackSource,
};
use roombox_capture::recovery::found_in;
use roombox_capture::{read_manifest, read_timeline};
use roombox_jobs::spec::{FileKind, MadeFile};
use serde::Serialize;
use std::path::{Component, Path, PathBuf};
use utoipa::ToSchema;

/// A recording.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Recording {
    pub id: String,
    pub room_id: String,
    pub room_name: String,
    pub title: String,
    pub state: RecordingState,
    pub started_at: UnixMs,
    #[schema(required)]
    pub ended_at: Option<UnixMs>,
    pub duration_ms: u64,
    /// Bytes of all tracks.
    pub bytes: u64,
    #[schema(value_type = Option<words::EndReason>, required)]
    pub end_reason: Option<EndReason>,
    pub interruptions: Vec<Interruption>,
    /// Pieces that are missing from tracks because they never arrived or could not be written.
    pub gaps: u64,
    /// Packets that were not written because the disk was slower than the meeting.
    pub dropped_packets: u64,
    /// It runs, and somebody paused it.
    pub paused: bool,
    /// The box never deletes it by itself.
    pub held: bool,
    /// Names of those who were in it, once it has ended.
    pub people: Vec<String>,
    /// Only when one recording is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tracks: Option<Vec<RecordedTrack>>,
    /// The recordings of which it was made; only when one recording is asked for, and only of one that was.
    /// Empty: the box does not know them any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub merged_from: Option<Vec<MergedPart>>,
    /// What was made of it, newest first.
    pub files: Vec<RecordedFile>,
    /// The newest job.
    #[schema(required)]
    pub job: Option<Job>,
}

/// One quality of one track.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RecordedTrack {
    pub id: String,
    /// Name of the person.
    pub participant: String,
    #[schema(value_type = words::MediaKind)]
    pub kind: MediaKind,
    #[schema(value_type = words::TrackSource)]
    pub source: TrackSource,
    #[schema(value_type = words::TrackLayer)]
    pub layer: RecordedLayer,
    #[schema(value_type = words::TrackCodec)]
    pub codec: Codec,
    /// Pixels; 0 for sound.
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
    pub duration_ms: u64,
    /// Matroska files, in order.
    pub files: Vec<TrackFile>,
}

/// A piece of a track between two breaks.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TrackFile {
    pub name: String,
    pub bytes: u64,
}

/// A file that was made of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RecordedFile {
    #[schema(value_type = words::FileKind)]
    pub kind: FileKind,
    /// Name to fetch it by.
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

impl Recordings {
    /// One recording with its tracks.
    ///
    /// # Errors
    /// There is no such recording, or the store refuses.
    pub async fn get(&self, id: &str) -> Result<Recording, ControlError> {
        let row = self.row(id).await?;
        let folder = self.folder(id);
        let known = row.clone();
        let manifest = tokio::task::spawn_blocking(move || list_of(&folder, &known))
            .await
            .map_err(|error| ControlError::Files(error.into()))?;
        let merged_from = self.merged_from(&row).await?;
        let mut view =
            self.views(vec![row]).await?.pop().ok_or(ControlError::NotFound("recording"))?;
        view.merged_from = merged_from;
        view.tracks = Some(manifest.as_ref().map(tracks).unwrap_or_default());
        Ok(view)
    }

    /// As many questions to the store for many rows as for one.
    pub(super) async fn views(
        &self,
        rows: Vec<RecordingRow>,
    ) -> Result<Vec<Recording>, ControlError> {
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        let mut files = self.store.file_list_of(ids.clone()).await?;
        let mut jobs = self.jobs.newest_of(ids).await?;
        let view = |row: RecordingRow| {
            let files = files.remove(&row.id).unwrap_or_default();
            let job = jobs.remove(&row.id);
            self.view(row, files, job)
        };
        Ok(rows.into_iter().map(view).collect())
    }

    fn view(&self, row: RecordingRow, files: Vec<MadeFile>, job: Option<Job>) -> Recording {
        let file = |file: MadeFile| RecordedFile {
            kind: file.kind,
            name: file.path,
            bytes: file.bytes,
            sha256: file.sha256,
        };
        let live = match row.state {
            RecordingState::Recording => self.recorder.figures(&row.id),
            _ => None,
        };
        let paused = self.running().values().any(|now| now.paused && now.recording == row.id);
        Recording {
            id: row.id,
            room_id: row.room,
            room_name: row.room_name,
            title: row.title,
            state: row.state,
            started_at: UnixMs(row.started_ms),
            ended_at: row.ended_ms.map(UnixMs),
            duration_ms: live.map_or(row.duration_ms, |live| live.elapsed_us / 1000),
            bytes: live.map_or(row.bytes, |live| live.bytes),
            end_reason: row.end_reason,
            interruptions: row.interruptions,
            gaps: live.map_or(row.gaps, |live| live.gaps),
            dropped_packets: live.map_or(row.dropped, |live| live.dropped),
            paused,
            held: row.held,
            people: row.people,
            tracks: None,
            merged_from: None,
            files: files.into_iter().map(file).collect(),
            job,
        }
    }

    /// Path, a text that is another one for other contents (`None`: the file still grows) and a
    /// readable name of a file of a recording.
    ///
    /// # Errors
    /// There is no such file.
    pub async fn file(
        &self,
        id: &str,
        name: &str,
    ) -> Result<(PathBuf, Option<String>, String), ControlError> {
        let row = self.row(id).await?;
        let missing = || ControlError::NotFound("file");
        let folder = self.folder(id);
        // Only names that the store or the manifest has, and never a way out of the folder.
        let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if !plain {
            return Err(missing());
        }
        let made = self.store.file_list_of(vec![id.to_owned()]).await?.remove(id);
        let extension = Path::new(name).extension().and_then(|text| text.to_str()).unwrap_or("bin");
        if let Some(file) = made.into_iter().flatten().find(|file| file.path == name) {
            let readable = match self.ordered_name(name).await? {
                Some(ordered) => ordered,
                // A playlist names what lies beside it.
                None if matches!(file.kind, FileKind::Playlist | FileKind::Segments) => {
                    name.rsplit('/').next().unwrap_or(name).to_owned()
                }
                None if file.kind == FileKind::Track => {
                    let own = name.rsplit('/').next().unwrap_or(name);
                    format!("{} · {own}", row.title)
                }
                None => format!("{}.{extension}", row.title),
            };
            return Ok((folder.join(name), Some(file.sha256), readable));
        }
        let (in_folder, known) = (folder.clone(), row.clone());
        let manifest = tokio::task::spawn_blocking(move || list_of(&in_folder, &known))
            .await
            .map_err(|error| ControlError::Files(error.into()))?
            .ok_or_else(missing)?;
        let part = manifest.parts.iter().find(|part| part.file == name).ok_or_else(missing)?;
        let person = manifest.tracks.iter().find(|track| track.track == part.track);
        let person = person.map_or("track", |track| track.name.as_str());
        let layer = part.layer.file_stem();
        let readable = format!("{} · {person} · {layer} · {}.mkv", row.title, part.number + 1);
        // A sealed part never changes.
        let sealed = part.bytes.map(|bytes| format!("{id}.{name}.{bytes}"));
        Ok((folder.join(name), sealed, readable))
    }
}

impl Recordings {
    /// The name that a program wanted for a film that it ordered, without folders.
    async fn ordered_name(&self, path: &str) -> Result<Option<String>, ControlError> {
        let Some((job, file)) = path.strip_prefix("derived/job_").and_then(|p| p.split_once('/'))
        else {
            return Ok(None);
        };
        // Of a track there is one file for each order, and a person's for everybody's.
        let ordered = matches!(file, "film.mp4" | "sound.m4a" | "sound.ogg");
        if !ordered && !file.starts_with("tracks/") {
            return Ok(None);
        }
        let order = self.store.egress_get(format!("EG_{job}")).await?;
        let name = order.and_then(|order| order.filename.rsplit('/').next().map(str::to_owned));
        Ok(name.filter(|name| !name.is_empty()))
    }
}

/// What was recorded: by the manifest, and of a recording whose manifest cannot be read by what lies there.
fn list_of(folder: &Path, row: &RecordingRow) -> Option<Manifest> {
    let unreadable = row.end_reason == Some(EndReason::Unreadable);
    let found =
        || unreadable.then(|| found_in(folder, &row.id, &row.room_name, &read_timeline(folder)));
    read_manifest(folder).ok().or_else(found)
}

fn tracks(manifest: &Manifest) -> Vec<RecordedTrack> {
    let mut tracks: Vec<RecordedTrack> = Vec::new();
    for part in &manifest.parts {
        let bytes = part.bytes.unwrap_or(0);
        let duration_ms = part.end_us.unwrap_or(part.start_us).saturating_sub(part.start_us) / 1000;
        let known = tracks.iter_mut().find(|t| t.id == part.track && t.layer == part.layer);
        let file = TrackFile { name: part.file.clone(), bytes };
        if let Some(track) = known {
            track.bytes += bytes;
            track.duration_ms += duration_ms;
            (track.width, track.height) = (part.width, part.height);
            track.files.push(file);
            continue;
        }
        let of = manifest.tracks.iter().find(|track| track.track == part.track);
        tracks.push(RecordedTrack {
            id: part.track.clone(),
            participant: of.map(|track| track.name.clone()).unwrap_or_default(),
            kind: of.map_or(MediaKind::Video, |track| track.kind),
            source: of.map_or(TrackSource::Unknown, |track| track.source),
            layer: part.layer,
            codec: part.codec,
            width: part.width,
            height: part.height,
            bytes,
            duration_ms,
            files: vec![file],
        });
    }
    tracks
}
