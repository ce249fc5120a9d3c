//! The picture that stands for the film in lists.

use super::codecs;
use super::error::FilmError;
use crate::driven::ElementError;
use gstreamer as gst;
use roombox_transcode::picture::{Picture, PictureView};
use roombox_transcode::thumbnail;

/// Pictures are looked at at this many moments of the film.
const MOMENTS: u64 = 8;

/// Keeps the picture that shows most people.
pub struct Poster {
    every: u64,
    best: Option<(usize, Picture)>,
}

impl Poster {
    /// For a film of so many frames.
    pub fn new(frames: u64) -> Self {
        Self { every: (frames / MOMENTS).max(1), best: None }
    }

    /// Shows it frame `n` with so many people in it.
    pub fn offer(&mut self, n: u64, pictured: usize, canvas: &Picture) {
        // The first moment is a last resort: people are still arriving.
        let better = self.best.as_ref().is_none_or(|(most, _)| pictured > *most);
        if n.is_multiple_of(self.every) && better {
            self.best = Some((pictured, thumbnail::shrink(&canvas.view())));
        }
    }

    /// Of a single frame.
    pub fn of(frame: &PictureView<'_>) -> Self {
        Self { every: 1, best: Some((1, thumbnail::shrink(frame))) }
    }

    /// The JPEG; `None` if nothing was offered.
    ///
    /// # Errors
    /// The encoder is missing or fails.
    pub fn jpeg(self) -> Result<Option<Vec<u8>>, FilmError> {
        let Some((_, mut picture)) = self.best else { return Ok(None) };
        thumbnail::spread_for_jpeg(&mut picture);
        let encoder = codecs::jpeg_encoder(picture.width, picture.height)?;
        let mut buffer = gst::Buffer::from_mut_slice(picture.data);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::ZERO);
        }
        encoder.push(buffer)?;
        encoder.finish();
        let made = encoder.take().and_then(|made| Some(made.buffer.map_readable().ok()?.to_vec()));
        let nothing = || ElementError::Failed {
            element: "jpegenc".to_owned(),
            what: "it made no picture".to_owned(),
        };
        Ok(Some(made.ok_or_else(nothing)?))
    }
}
