//! The coded frames of one part, read one ahead: when the next is due is known before it is taken.

use super::error::FilmError;
use super::material::{Material, chain, is_damage, next_frame};
use roombox_capture::CaptureError;
use roombox_capture::manifest::Part;
use roombox_capture::matroska::{Clusters, Frame, PartInfo, PartReader};
use std::path::Path;

/// Nearer than this to a part's beginning it is read from there.
const NEAR_US: u64 = 1_000_000;

/// A part that is being read.
pub struct PartFrames {
    pub name: String,
    start_us: u64,
    reader: PartReader,
    next: Option<Frame>,
    /// It is still being written: where it ends now it may go on later.
    grows: bool,
    last_try: bool,
}

impl PartFrames {
    /// From the last keyframe at `from_us` (recording time) on. `None`: the part is damaged, and is said
    /// to be.
    ///
    /// # Errors
    /// It cannot be read now, or while the recording runs: another try may be better.
    pub fn open(material: &Material, part: &Part, from_us: u64) -> Result<Option<Self>, FilmError> {
        let path = material.path(part);
        let opened = PartReader::open(&path).and_then(|mut reader| {
            let offset_us = from_us.saturating_sub(part.start_us);
            if offset_us > NEAR_US {
                go_to(&mut reader, &path, offset_us)?;
            }
            reader.next_frame().map(|next| (reader, next))
        });
        match opened {
            Ok((reader, next)) => {
                let (name, start_us) = (part.file.clone(), part.start_us);
                let (grows, last_try) = (material.grows(part), material.last_try);
                Ok(Some(Self { name, start_us, reader, next, grows, last_try }))
            }
            Err(error) if material.runs || !is_damage(&error, material.last_try) => {
                Err(FilmError::Recording(error))
            }
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(part = %part.file, %error, "a part cannot be read: it is skipped");
                Ok(None)
            }
        }
    }

    pub fn info(&self) -> &PartInfo {
        self.reader.info()
    }

    /// Whether the part was still being written when it was opened.
    pub fn grows(&self) -> bool {
        self.grows
    }

    /// Recording time of the next frame; `None` at the end.
    pub fn next_us(&mut self) -> Option<u64> {
        if self.next.is_none() && self.grows {
            self.next = self.reader.next_frame().unwrap_or_else(|error| {
                let error = chain(&error);
                tracing::warn!(part = %self.name, %error, "a part cannot be read on yet");
                None
            });
        }
        let next = self.next.as_ref()?;
        Some(self.start_us.saturating_add_signed(next.pts_us))
    }

    /// The next frame. A part that breaks off ends there.
    ///
    /// # Errors
    /// The disk does not give what follows: a film without it would be a shorter one.
    pub fn take(&mut self) -> Result<Option<Frame>, FilmError> {
        let next = next_frame(&mut self.reader, &self.name, self.last_try)?;
        Ok(std::mem::replace(&mut self.next, next))
    }
}

/// Goes to the last cluster before a time of the part that needs none before it.
fn go_to(reader: &mut PartReader, path: &Path, offset_us: u64) -> Result<(), CaptureError> {
    let mut clusters = Clusters::open(path)?;
    let mut last = None;
    while let Some(cluster) = clusters.next_whole()? {
        if cluster.start_us > 0 && cluster.start_us.unsigned_abs() > offset_us {
            break;
        }
        if cluster.keyframe {
            last = Some(cluster);
        }
    }
    last.map_or(Ok(()), |cluster| reader.go_to(&cluster))
}
