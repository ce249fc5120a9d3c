//! The coded frames of one part, read one ahead: when the next is due is known before it is taken.

use super::material::chain;
use roombox_capture::manifest::Part;
use roombox_capture::matroska::{Frame, PartInfo, PartReader};
use std::path::Path;

/// A part that is being read.
pub struct PartFrames {
    pub name: String,
    start_us: u64,
    reader: PartReader,
    next: Option<Frame>,
}

impl PartFrames {
    /// `None`: the part cannot be read, and is said so.
    pub fn open(part: &Part, path: &Path) -> Option<Self> {
        let opened = PartReader::open(path)
            .and_then(|mut reader| reader.next_frame().map(|next| (reader, next)));
        match opened {
            Ok((reader, next)) => {
                Some(Self { name: part.file.clone(), start_us: part.start_us, reader, next })
            }
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(part = %part.file, %error, "a part cannot be read: it is skipped");
                None
            }
        }
    }

    pub fn info(&self) -> &PartInfo {
        self.reader.info()
    }

    /// Recording time of the next frame; `None` at the end.
    pub fn next_us(&self) -> Option<u64> {
        let next = self.next.as_ref()?;
        Some(self.start_us.saturating_add_signed(next.pts_us))
    }

    /// The next frame. A part that breaks off ends there.
    pub fn take(&mut self) -> Option<Frame> {
        let next = self.reader.next_frame().unwrap_or_else(|error| {
            let error = chain(&error);
            tracing::warn!(part = %self.name, %error, "a part ends early");
            None
        });
        std::mem::replace(&mut self.next, next)
    }
}
