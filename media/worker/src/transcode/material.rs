//! A recording as a film can be made of it: parts that are damaged or missing are left out.

use super::error::FilmError;
use super::report::Work;
use roombox_capture::manifest::{Manifest, Part};
use roombox_capture::matroska::PartReader;
use roombox_capture::timeline::TimelineLine;
use roombox_capture::{CaptureError, read_manifest, read_timeline};
use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

/// What a film is made of.
pub struct Material {
    pub folder: PathBuf,
    /// Holds only parts that can be opened and have a frame, with their ends.
    pub manifest: Manifest,
    pub timeline: Vec<TimelineLine>,
    /// The recording still runs.
    pub runs: bool,
    /// Files of parts that are still being written.
    growing: HashSet<String>,
}

impl Material {
    /// # Errors
    /// The folder has no manifest that can be understood, or the job was cancelled.
    pub fn read(folder: &Path, work: &Work) -> Result<Self, FilmError> {
        let mut manifest = read_manifest(folder).map_err(FilmError::Recording)?;
        let timeline = read_timeline(folder);
        let mut usable = Vec::new();
        for part in std::mem::take(&mut manifest.parts) {
            work.beat()?;
            match surveyed(folder, &part) {
                Ok(Some(part)) => usable.push(part),
                Ok(None) => tracing::warn!(part = %part.file, "a part without frames is left out"),
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(part = %part.file, %error, "a damaged part is left out");
                }
            }
        }
        manifest.parts = usable;
        let (folder, growing) = (folder.to_owned(), HashSet::new());
        Ok(Self { folder, manifest, timeline, runs: false, growing })
    }

    /// A recording that still runs, as its folder tells it: parts that are being written have no
    /// end.
    ///
    /// # Errors
    /// The folder has no manifest that can be understood.
    pub fn running(folder: &Path) -> Result<Self, FilmError> {
        let mut manifest = read_manifest(folder).map_err(FilmError::Recording)?;
        let timeline = read_timeline(folder);
        manifest.parts.retain(is_inside);
        let open = manifest.parts.iter().filter(|part| part.end_us.is_none());
        let growing = open.map(|part| part.file.clone()).collect();
        Ok(Self { folder: folder.to_owned(), manifest, timeline, runs: true, growing })
    }

    /// Whether a part is still being written.
    pub fn grows(&self, part: &Part) -> bool {
        self.growing.contains(&part.file)
    }

    pub fn path(&self, part: &Part) -> PathBuf {
        self.folder.join(&part.file)
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

/// A manifest may come from elsewhere: its files are in its folder.
fn is_inside(part: &Part) -> bool {
    Path::new(&part.file).components().all(|c| matches!(c, Component::Normal(_)))
}

/// The part with its end; `None` if it has no frame.
fn surveyed(folder: &Path, part: &Part) -> Result<Option<Part>, CaptureError> {
    let path = folder.join(&part.file);
    if !is_inside(part) {
        return Err(CaptureError::NotAPart { path, what: "it lies outside the recording" });
    }
    let mut reader = PartReader::open(&path)?;
    if reader.info().codec != part.codec {
        return Err(CaptureError::NotAPart { path, what: "it has another codec than it should" });
    }
    let Some(first) = reader.next_frame()? else { return Ok(None) };
    let mut part = part.clone();
    if part.end_us.is_none() {
        // It was never sealed: its end is its last frame.
        let mut last_us = first.pts_us;
        while let Some(frame) = reader.next_frame()? {
            last_us = frame.pts_us;
        }
        part.end_us = Some(part.start_us.saturating_add_signed(last_us));
    }
    Ok(Some(part))
}
