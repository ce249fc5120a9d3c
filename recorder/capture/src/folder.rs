//! A recording's folder: manifest and timeline as files. Knows nothing of media.

use crate::error::CaptureError;
use crate::manifest::{MANIFEST_VERSION, Manifest};
use crate::storage::{Storage, StoredFile};
use crate::timeline::{TimelineEvent, TimelineLine};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MANIFEST: &str = "manifest.json";
const TIMELINE: &str = "timeline.jsonl";
const TRACKS: &str = "tracks";

/// The folder of one recording.
pub(crate) struct RecordingFolder {
    path: PathBuf,
    storage: Arc<dyn Storage>,
    timeline: Arc<dyn StoredFile>,
    timeline_end: u64,
}

impl RecordingFolder {
    /// Makes the folder, or opens the one that is there.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn open(storage: Arc<dyn Storage>, path: &Path) -> Result<Self, CaptureError> {
        let prepare = |source| CaptureError::PrepareFolder { path: path.to_owned(), source };
        storage.make_folder(&path.join(TRACKS)).map_err(prepare)?;
        let (timeline, length) = storage.extend(&path.join(TIMELINE)).map_err(prepare)?;
        let mut timeline_end = length;
        if length > 0 {
            // A torn last line must not spoil the next one. An empty line is skipped by readers.
            timeline.write_at(&[b"\n"], length).map_err(prepare)?;
            timeline_end += 1;
        }
        storage.sync_folder(path).map_err(prepare)?;
        if let Some(parent) = path.parent() {
            storage.sync_folder(parent).map_err(prepare)?;
        }
        Ok(Self { path: path.to_owned(), storage, timeline, timeline_end })
    }

    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The timeline's file, for whoever makes it durable.
    pub(crate) fn timeline_file(&self) -> Arc<dyn StoredFile> {
        self.timeline.clone()
    }

    /// Folder of the parts.
    pub(crate) fn tracks(&self) -> PathBuf {
        self.path.join(TRACKS)
    }

    /// Appends one line, in one call: a torn line is the last one.
    ///
    /// # Errors
    /// The disk refuses; the next line is written in this one's place.
    pub(crate) fn log(&mut self, t: u64, event: TimelineEvent) -> Result<(), CaptureError> {
        let path = &self.path;
        let refused = |source| CaptureError::WriteTimeline { path: path.join(TIMELINE), source };
        let line = TimelineLine { t, event };
        let mut text = serde_json::to_vec(&line).map_err(|error| refused(error.into()))?;
        text.push(b'\n');
        self.timeline.write_at(&[&text], self.timeline_end).map_err(refused)?;
        self.timeline_end += text.len() as u64;
        Ok(())
    }
}

/// Replaces a folder's manifest: at no moment is there none, or half of one.
///
/// # Errors
/// The disk refuses; the old manifest stays.
pub fn write_manifest(
    storage: &dyn Storage,
    folder: &Path,
    manifest: &Manifest,
) -> Result<(), CaptureError> {
    let path = folder.join(MANIFEST);
    let text = serde_json::to_vec_pretty(manifest).map_err(io::Error::from);
    let written = text.and_then(|text| storage.replace(&path, &text));
    written.map_err(|source| CaptureError::WriteManifest { path, source })
}

/// Reads a folder's manifest.
///
/// # Errors
/// There is none, it is not JSON, or it is of a newer version.
pub fn read_manifest(folder: &Path) -> Result<Manifest, CaptureError> {
    let path = folder.join(MANIFEST);
    let text = fs::read(&path)
        .map_err(|source| CaptureError::ReadManifest { path: path.clone(), source })?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|source| CaptureError::ParseManifest { path: path.clone(), source })?;
    if manifest.version > MANIFEST_VERSION {
        let source = io::Error::other("it was written by a newer version of this software");
        return Err(CaptureError::ReadManifest { path, source });
    }
    Ok(manifest)
}

/// Reads a folder's timeline; an absent one is empty.
pub fn read_timeline(folder: &Path) -> Vec<TimelineLine> {
    let text = fs::read(folder.join(TIMELINE)).unwrap_or_default();
    crate::timeline::parse_timeline(&String::from_utf8_lossy(&text))
}
