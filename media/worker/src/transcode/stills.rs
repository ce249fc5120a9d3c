//! Small pictures of the film: the one that stands for it in lists, and the sheet for seeking.

use super::codecs;
use super::error::FilmError;
use crate::driven::ElementError;
use gstreamer as gst;
use roombox_transcode::picture::{Picture, PictureView};
use roombox_transcode::sprite::SpriteSheet;
use roombox_transcode::thumbnail;

/// Pictures are looked at at this many moments of the film.
const MOMENTS: u64 = 8;

/// Collects both while the film is made.
pub struct Stills {
    pub poster: Poster,
    pub sheet: SpriteSheet,
}

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

    pub fn is_empty(&self) -> bool {
        self.best.is_none()
    }

    /// Keeps this picture and no other.
    pub fn choose(&mut self, frame: &PictureView<'_>) {
        self.best = Some((usize::MAX, thumbnail::shrink(frame)));
    }

    /// The picture; `None` if nothing was offered.
    pub fn finish(self) -> Option<Picture> {
        self.best.map(|(_, picture)| picture)
    }
}

/// A picture as JPEG; its rows are a multiple of eight pixels wide.
///
/// # Errors
/// The encoder is missing or fails.
pub fn jpeg(mut picture: Picture) -> Result<Vec<u8>, FilmError> {
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
    Ok(made.ok_or_else(nothing)?)
}
