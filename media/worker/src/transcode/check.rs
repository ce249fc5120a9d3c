//! Whether what the hardware's encoder makes is the picture that it was given: everything is decoded again
//! on the way, and compared roughly. Garbage counts as a failure, not as a film.

use super::codecs::{self, FilmShape};
use crate::driven::{Driven, ElementError};
use gstreamer as gst;
use roombox_capture::manifest::Codec;
use roombox_transcode::picture::{Colour, PictureView};
use roombox_transcode::testcard::Gist;
use std::collections::VecDeque;

/// Less like the picture than this is another picture. Coding leaves 35 dB and more of a gist.
const LEAST_DB: f64 = 20.0;
/// A scene may change in a way that costs an encoder a picture or two.
const MOST_UNLIKE: u32 = 2;
/// Pictures that a decoder may hold back.
const HELD: usize = 20;

/// Follows one reel through a decoder.
pub struct PictureCheck {
    shape: FilmShape,
    decoder: Driven,
    /// Of pictures that were given and are not decoded yet.
    wanted: VecDeque<Gist>,
    unlike: u32,
}

impl PictureCheck {
    /// # Errors
    /// There is no decoder.
    pub fn new(shape: FilmShape) -> Result<Self, ElementError> {
        let decoder = codecs::video_decoder(Codec::H264)?;
        Ok(Self { shape, decoder, wanted: VecDeque::new(), unlike: 0 })
    }

    /// The encoder is given this picture.
    pub fn given(&mut self, picture: &gst::Buffer) {
        let FilmShape { width, height, .. } = self.shape;
        let bytes = picture.map_readable().ok();
        let view = bytes.as_ref().and_then(|bytes| view(width, height, bytes));
        self.wanted.extend(view.map(|view| Gist::of(&view)));
    }

    /// The encoder made this of the oldest one.
    ///
    /// # Errors
    /// It is not that picture: what it is instead.
    pub fn made(&mut self, unit: &gst::Buffer) -> Result<(), String> {
        // A part of the encoder's memory must not be held on to.
        let mut copy = unit.copy_deep().map_err(|_| "no memory to look at it".to_owned())?;
        if let Some(copy) = copy.get_mut() {
            copy.set_dts(None);
        }
        self.decoder.push(copy).map_err(|error| format!("it cannot be decoded: {error}"))?;
        self.compare()?;
        match self.wanted.len() {
            0..=HELD => Ok(()),
            waiting => Err(format!("{waiting} pictures cannot be decoded")),
        }
    }

    /// The reel is whole.
    ///
    /// # Errors
    /// As for [`PictureCheck::made`].
    pub fn finish(mut self) -> Result<(), String> {
        self.decoder.finish();
        self.compare()?;
        match self.wanted.len() {
            0 => Ok(()),
            missing => Err(format!("{missing} pictures cannot be decoded")),
        }
    }

    fn compare(&mut self) -> Result<(), String> {
        while let Some(made) = self.decoder.take() {
            let Some(wanted) = self.wanted.pop_front() else {
                return Err("there are more pictures than it was given".to_owned());
            };
            let size = made.caps.as_ref().and_then(|caps| {
                let shape = caps.structure(0)?;
                let side = |name| shape.get::<i32>(name).ok().map(i32::unsigned_abs);
                Some((side("width")?, side("height")?))
            });
            let (width, height) = size.unwrap_or_default();
            let bytes = made.buffer.map_readable().ok();
            let seen = bytes.as_ref().and_then(|bytes| view(width, height, bytes));
            let like = seen.map_or(0.0, |seen| wanted.likeness_db(&Gist::of(&seen)));
            if like >= LEAST_DB {
                continue;
            }
            self.unlike += 1;
            if self.unlike > MOST_UNLIKE {
                return Err(format!("what it makes is another picture ({like:.0} dB alike)"));
            }
        }
        Ok(())
    }
}

fn view(width: u32, height: u32, bytes: &[u8]) -> Option<PictureView<'_>> {
    PictureView::of_i420(width, height, Colour::FILM, bytes)
}
