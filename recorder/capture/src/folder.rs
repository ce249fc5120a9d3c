//! A recording's folder: manifest and timeline as files.

use crate::error::CaptureError;
use crate::manifest::{MANIFEST_VERSION, Manifest};
use crate::timeline::{TimelineEvent, TimelineLine};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MANIFEST: &str = "manifest.json";
const TIMELINE: &str = "timeline.jsonl";
const TRACKS: &str = "tracks";

/// The folder of one recording.
#[derive(Debug)]
pub struct RecordingFolder {
    path: PathBuf,
    timeline: Arc<File>,
}

impl RecordingFolder {
    /// Makes the folder, or opens the one that is there.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let prepare = |source| CaptureError::PrepareFolder { path: path.to_owned(), source };
        fs::create_dir_all(path.join(TRACKS)).map_err(prepare)?;
        let timeline = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path.join(TIMELINE))
            .map_err(prepare)?;
        sync_folder(path).map_err(prepare)?;
        if let Some(parent) = path.parent() {
            sync_folder(parent).map_err(prepare)?;
        }
        Ok(Self { path: path.to_owned(), timeline: Arc::new(timeline) })
    }

    /// The timeline's file, for whoever makes it durable.
    pub fn timeline_file(&self) -> Arc<File> {
        self.timeline.clone()
    }

    /// Folder of the parts.
    pub fn tracks(&self) -> PathBuf {
        self.path.join(TRACKS)
    }

    /// Appends one line, in one call: a torn line is the last one.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn log(&self, t: u64, event: TimelineEvent) -> Result<(), CaptureError> {
        let refused =
            |source| CaptureError::WriteTimeline { path: self.path.join(TIMELINE), source };
        let line = TimelineLine { t, event };
        let mut text = serde_json::to_vec(&line).map_err(|error| refused(error.into()))?;
        text.push(b'\n');
        (&*self.timeline).write_all(&text).map_err(refused)
    }

    /// Replaces the manifest: at no moment is there none, or half of one.
    ///
    /// # Errors
    /// The disk refuses; the old manifest stays.
    pub fn write_manifest(&self, manifest: &Manifest) -> Result<(), CaptureError> {
        write_manifest(&self.path, manifest)
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a new file's name durable.
///
/// # Errors
/// The disk refuses.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_folder)
}

/// See [`RecordingFolder::write_manifest`].
pub(crate) fn write_manifest(folder: &Path, manifest: &Manifest) -> Result<(), CaptureError> {
    let path = folder.join(MANIFEST);
    let write = || -> io::Result<()> {
        let new = folder.join("manifest.json.new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec_pretty(manifest)?)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        sync_folder(folder)
    };
    write().map_err(|source| CaptureError::WriteManifest { path: path.clone(), source })
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
