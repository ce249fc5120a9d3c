//! Films that lie in a recording's folder and that the store does not know.
//!
//! A merged recording has no tracks: once the rows of it are lost nothing can be made anew, and the recordings of
//! which it was made may be gone. What its folder holds is taken as it is, and nothing there is ever changed.

use super::Recordings;
use super::merge::is_of_films;
use crate::error::ControlError;
use crate::events::Happening;
use crate::files::digest;
use roombox_capture::read_manifest;
use roombox_jobs::spec::{FileKind, MadeFile};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

/// What a job makes beside a film, by its final name: what is not whole has another one. The film is the first.
const FILES: [(&str, FileKind); 12] = [
    (FILM, FileKind::Mp4),
    ("thumbnail.jpg", FileKind::Thumbnail),
    ("sound.m4a", FileKind::Sound),
    ("sound.ogg", FileKind::Sound),
    ("sound.flac", FileKind::Sound),
    ("chapters.vtt", FileKind::Chapters),
    ("captions.vtt", FileKind::Captions),
    ("sprite.jpg", FileKind::Sprite),
    ("sprite.vtt", FileKind::SpriteMap),
    (INDEX, FileKind::Index),
    // What a playlist names is there before it.
    ("hls.m4s", FileKind::Segments),
    ("hls.m3u8", FileKind::Playlist),
];
const FILM: &str = "film.mp4";
/// The last file that a job writes.
const INDEX: &str = "film.json";
/// The version of it that is understood.
const VERSION: u32 = 1;
/// No index is longer, in bytes.
pub(super) const LONGEST_INDEX: u64 = 64 << 20;
/// No film is longer.
pub(super) const LONGEST_US: u64 = 366 * 86_400 * 1_000_000;

/// A film with what was made beside it.
#[derive(Debug, Clone, PartialEq)]
struct FoundFilm {
    job: String,
    duration_us: u64,
    files: Vec<MadeFile>,
}

/// What a recording's folder holds: its newest film that is whole, and newer ones that are not, by their jobs.
#[derive(Debug, Default)]
struct Found {
    film: Option<FoundFilm>,
    refused: Vec<(String, Refused)>,
}

/// Why a film is not taken.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("nothing beside it says what it is: whoever made it was interrupted")]
    Unfinished,
    #[error("its film.json cannot be understood: {0}")]
    Foreign(serde_json::Error),
    #[error("its film.json is of version {0}")]
    Version(u32),
    #[error("its film.json says that it is {0} µs long")]
    Duration(u64),
    #[error("its film.mp4 is no whole film of a Roombox")]
    Torn,
    #[error("the disk does not read it out: {0}")]
    Disk(#[from] io::Error),
}

/// What is read of a film's index.
#[derive(Debug, Deserialize)]
struct Index {
    v: u32,
    duration_us: u64,
}

/// Looks for the films of a recording that has ended without tracks; of others nothing is found.
fn found_in(recording: &Path) -> Found {
    let mut found = Found::default();
    if !read_manifest(recording).is_ok_and(|manifest| is_of_films(&manifest)) {
        return found;
    }
    for job in jobs_in(&recording.join("derived")) {
        match film_of(recording, &job) {
            Ok(None) => {}
            Ok(Some(film)) => {
                found.film = Some(film);
                break;
            }
            Err(why) => found.refused.push((job, why)),
        }
    }
    found
}

/// Names of the jobs that have a folder here, newest first: they are ULIDs.
fn jobs_in(derived: &Path) -> Vec<String> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let Ok(entries) = fs::read_dir(derived) else { return Vec::new() };
    let folders = entries.flatten().filter(|one| one.file_type().is_ok_and(|kind| kind.is_dir()));
    let names = folders.filter_map(|one| one.file_name().into_string().ok());
    let mut jobs: Vec<String> =
        names.filter(|name| name.starts_with("job_") && name.chars().all(harmless)).collect();
    jobs.sort_unstable_by(|a, b| b.cmp(a));
    jobs
}

/// A job's film; `None`: it made none, or none yet.
fn film_of(recording: &Path, job: &str) -> Result<Option<FoundFilm>, Refused> {
    let relative = format!("derived/{job}");
    let folder = recording.join(&relative);
    if !is_file(&folder.join(FILM)) {
        return Ok(None);
    }
    let index = folder.join(INDEX);
    if !is_file(&index) {
        return Err(Refused::Unfinished);
    }
    let mut text = Vec::new();
    File::open(index)?.take(LONGEST_INDEX).read_to_end(&mut text)?;
    let Index { v, duration_us } = serde_json::from_slice(&text).map_err(Refused::Foreign)?;
    if v != VERSION {
        return Err(Refused::Version(v));
    }
    if !(1..=LONGEST_US).contains(&duration_us) {
        return Err(Refused::Duration(duration_us));
    }
    if !is_whole(&mut File::open(folder.join(FILM))?)? {
        return Err(Refused::Torn);
    }
    let mut files = Vec::new();
    for (name, kind) in FILES {
        let path = folder.join(name);
        if is_file(&path) {
            let (bytes, sha256) = digest(&mut File::open(&path)?)?;
            files.push(MadeFile { kind, path: format!("{relative}/{name}"), bytes, sha256 });
        }
    }
    Ok(Some(FoundFilm { job: job.to_owned(), duration_us, files }))
}

/// Never by a link, which may lead anywhere.
fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// Whether a film's boxes are ours and end with it (ISO/IEC 14496-12 §4.2).
fn is_whole(film: &mut (impl Read + Seek)) -> io::Result<bool> {
    let length = film.seek(SeekFrom::End(0))?;
    let mut at = 0u64;
    for kind in [b"ftyp", b"moov", b"mdat"] {
        if length.saturating_sub(at) < 16 {
            return Ok(false);
        }
        film.seek(SeekFrom::Start(at))?;
        let (mut small, mut named, mut large) = ([0; 4], [0; 4], [0; 8]);
        film.read_exact(&mut small)?;
        film.read_exact(&mut named)?;
        film.read_exact(&mut large)?;
        let (size, least) = match u32::from_be_bytes(small) {
            1 => (u64::from_be_bytes(large), 16),
            size => (u64::from(size), 8),
        };
        match at.checked_add(size) {
            Some(next) if named == *kind && size >= least && next <= length => at = next,
            _ => return Ok(false),
        }
    }
    Ok(at == length)
}

fn is_given_up(what: &Happening) -> bool {
    matches!(what, Happening::RecordingParked { .. })
}

impl Recordings {
    /// Finds films that the store does not know: after the start, when a folder was imported, and when a job was
    /// given up that may have made its film before. For as long as the box runs.
    pub async fn find_films(self: Arc<Self>) {
        let (_, _, mut live) = self.events.listen(None);
        loop {
            tokio::select! {
                () = self.filmless.notified() => {}
                event = live.recv() => match event.map(|event| is_given_up(&event.what)) {
                    Ok(false) => continue,
                    Ok(true) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
            }
            if let Err(error) = self.take_up_films().await {
                tracing::warn!(%error, "films in folders are not looked for: the next start does");
            }
        }
    }

    /// Recordings without tracks get the films that lie in their folders, if the store knows of none. Each file
    /// is read for its sum, so this may take minutes.
    pub(super) async fn take_up_films(&self) -> Result<(), ControlError> {
        for id in self.store.recording_list_filmless().await? {
            if let Err(error) = self.take_up_film(&id).await {
                tracing::error!(recording = %id, %error,
                    "a film that lies in a recording's folder cannot be kept: the next start tries");
            }
        }
        Ok(())
    }

    async fn take_up_film(&self, id: &str) -> Result<(), ControlError> {
        let folder = self.folder(id);
        let found = tokio::task::spawn_blocking(move || found_in(&folder))
            .await
            .map_err(|error| ControlError::Files(error.into()))?;
        for (job, why) in found.refused {
            tracing::warn!(recording = %id, %job, %why,
                "a film in a recording's folder is not taken: it stays where it is");
        }
        let Some(FoundFilm { job, duration_us, files }) = found.film else { return Ok(()) };
        let (count, duration_ms) = (files.len(), duration_us / 1000);
        let taken =
            self.store.recording_take_film(id.to_owned(), job.clone(), duration_ms, files).await?;
        if taken {
            tracing::info!(recording = %id, %job, files = count, duration_ms,
                "a film that the store did not know was found in its recording's folder");
            let changed = Happening::RecordingChanged(Box::new(self.get(id).await?));
            self.events.publish(id, changed);
            self.events.publish(id, Happening::RecordingReady { job });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
