//! Small pictures of the film: the one that stands for it in lists, and the sheet for seeking.

use super::codecs::{self, FilmShape};
use super::error::FilmError;
use super::pictures::{PartDecoder, Shown};
use super::reels::Reel;
use super::report::Work;
use crate::driven::ElementError;
use gstreamer as gst;
use roombox_capture::manifest::Codec;
use roombox_capture::matroska::{Frame, PartInfo};
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
#[derive(Default)]
pub struct Poster {
    best: Option<Picture>,
}

impl Poster {
    pub fn is_empty(&self) -> bool {
        self.best.is_none()
    }

    /// Keeps this picture and no other.
    pub fn choose(&mut self, frame: &PictureView<'_>) {
        self.best = Some(thumbnail::shrink(frame));
    }

    /// The picture; `None` if nothing was chosen.
    pub fn finish(self) -> Option<Picture> {
        self.best
    }
}

/// A keyframe of a reel.
struct Keyframe<'a> {
    film_us: u64,
    reel: &'a Reel,
    sample: usize,
    pictured: usize,
}

fn keyframes(reels: &[Reel], fps: u32) -> Vec<Keyframe<'_>> {
    let mut before = 0;
    let mut all = Vec::new();
    for reel in reels {
        let samples = reel.content.samples.iter().enumerate();
        let keys = samples.filter(|(_, (.., keyframe))| *keyframe).map(|(sample, _)| sample);
        for (n, sample) in keys.enumerate() {
            let film_us = (before + sample as u64) * 1_000_000 / u64::from(fps);
            let pictured = reel.content.pictured.get(n).copied().unwrap_or(0);
            all.push(Keyframe { film_us, reel, sample, pictured });
        }
        before += reel.content.samples.len() as u64;
    }
    all
}

/// Of a film that was drawn: from its keyframes.
///
/// # Errors
/// The disk refuses, or the job was cancelled.
pub fn of_reels(
    reels: &[Reel],
    shape: FilmShape,
    duration_us: u64,
    work: &Work,
) -> Result<Stills, FilmError> {
    let (width, height) = (shape.width, shape.height);
    let mut stills =
        Stills { poster: Poster::default(), sheet: SpriteSheet::new(duration_us, (width, height)) };
    let Some(first) = reels.first() else { return Ok(stills) };
    let codec_private = first.content.config.clone();
    let head = PartInfo { codec: Codec::H264, codec_private, width, height };
    let all = keyframes(reels, shape.fps);
    // Where several show as many people: in the middle, beginnings and ends are empty.
    let moments = (0..MOMENTS).filter_map(|n| {
        let moment = duration_us * n / MOMENTS;
        all.iter().position(|keyframe| keyframe.film_us >= moment)
    });
    let middle = duration_us / 2;
    let poster = moments
        .max_by_key(|n| (all[*n].pictured, std::cmp::Reverse(all[*n].film_us.abs_diff(middle))));
    let mut decoder = Keyframes::new(&head);
    for (n, keyframe) in all.iter().enumerate() {
        work.beat()?;
        let chosen = Some(n) == poster;
        if !chosen && !stills.sheet.wants(keyframe.film_us) {
            continue;
        }
        let data = keyframe.reel.sample(keyframe.sample)?;
        let frame = Frame { pts_us: keyframe.film_us.cast_signed(), keyframe: true, data };
        let Some(shown) = decoder.decoded(&frame) else { continue };
        let Some(view) = shown.view() else { continue };
        stills.sheet.offer(keyframe.film_us, &view);
        if chosen {
            stills.poster.choose(&view);
        }
    }
    Ok(stills)
}

/// Pictures of keyframes, each without what is between them.
pub struct Keyframes<'a> {
    head: &'a PartInfo,
    /// From one to the next: to begin one takes as long as to decode a small picture.
    decoder: Option<PartDecoder>,
    /// What the decoder that is there at once cannot decode the usual one does.
    usual: bool,
}

impl<'a> Keyframes<'a> {
    /// Of a stream with this head.
    pub fn new(head: &'a PartInfo) -> Self {
        Self { head, decoder: None, usual: false }
    }

    /// The picture of a keyframe; without a decoder the film has no small pictures.
    pub fn decoded(&mut self, frame: &Frame) -> Option<Shown> {
        if !self.usual {
            if let Ok(Some(shown)) = self.decode(frame) {
                return Some(shown);
            }
            self.usual = true;
        }
        self.decode(frame).unwrap_or_else(|error| {
            tracing::warn!(%error, "a moment of the film has no small picture");
            None
        })
    }

    fn decode(&mut self, frame: &Frame) -> Result<Option<Shown>, FilmError> {
        let decoder = match (self.decoder.take(), self.usual) {
            (Some(decoder), _) => Ok(decoder),
            (None, true) => PartDecoder::new(self.head),
            (None, false) => PartDecoder::quick(self.head),
        };
        let mut decoder = decoder?;
        decoder.push(frame)?;
        let shown = decoder.take_last(&mut 0);
        if shown.is_some() {
            self.decoder = Some(decoder);
            return Ok(shown);
        }
        // Of a stream in another order than it is shown in it holds pictures back, and gives them out at its end.
        decoder.finish();
        Ok(decoder.take_last(&mut 0))
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
