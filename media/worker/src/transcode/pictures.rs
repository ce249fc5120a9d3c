//! The picture of one recorded layer at any rising time: reads, decodes and holds one frame.

use super::codecs;
use super::error::FilmError;
use super::frames::PartFrames;
use super::material::Material;
use crate::driven::{Driven, ElementError};
use gst::buffer::{MappedBuffer, Readable};
use gstreamer as gst;
use roombox_capture::manifest::{Codec, Part};
use roombox_capture::matroska::{Frame, PartInfo};
use roombox_transcode::colour;
use roombox_transcode::h264;
use roombox_transcode::picture::{Colour, PictureView};
use roombox_transcode::plan::VideoSource;
use std::collections::VecDeque;

/// Coded frames that are kept while a keyframe is looked for.
const MOST_DUE: usize = 300;

/// A decoded frame where the decoder left it.
pub struct Shown {
    bytes: MappedBuffer<Readable>,
    width: u32,
    height: u32,
    colour: Colour,
    /// Differs from frame to frame.
    pub id: u64,
}

impl Shown {
    pub fn view(&self) -> Option<PictureView<'_>> {
        PictureView::of_i420(self.width, self.height, self.colour, &self.bytes)
    }
}

/// A scene may begin so much before its stream: tracks of one person start some frames apart, and
/// initials that flash up for a moment would be ugly.
const EARLY_US: u64 = 300_000;

/// One part and its decoder.
struct OpenPart {
    frames: PartFrames,
    decoder: PartDecoder,
}

/// One layer of a track, from its parts.
pub struct PictureStream {
    source: VideoSource,
    /// Parts that have not begun.
    waiting: VecDeque<Part>,
    /// When the last part that is known begins.
    newest_us: u64,
    open: Option<OpenPart>,
    shown: Option<Shown>,
}

impl PictureStream {
    /// The stream from `now` (recording time) on.
    pub fn new(material: &Material, source: &VideoSource, now: u64) -> Self {
        let parts = parts_of(material, source);
        // What a later part has replaced already need not be read.
        let begun = parts.partition_point(|part| part.start_us <= now);
        let waiting: VecDeque<Part> =
            parts.into_iter().skip(begun.saturating_sub(1)).cloned().collect();
        let newest_us = waiting.back().map_or(0, |part| part.start_us);
        Self { source: source.clone(), waiting, newest_us, open: None, shown: None }
    }

    /// Hears of parts that were opened since.
    pub fn learn(&mut self, material: &Material) {
        let known = self.newest_us;
        let parts = parts_of(material, &self.source).into_iter();
        self.waiting.extend(parts.filter(|part| part.start_us > known).cloned());
        self.newest_us = self.waiting.back().map_or(known, |part| part.start_us);
    }

    /// Goes on to `now`, which never falls. `ids` gives frames their numbers.
    ///
    /// # Errors
    /// There is no decoder for the stream. Damage is skipped.
    pub fn advance(
        &mut self,
        material: &Material,
        now: u64,
        ids: &mut u64,
    ) -> Result<(), FilmError> {
        let begun = self.waiting.front().is_some_and(|part| part.start_us <= now);
        let early = self.shown.is_none() && self.open.is_none() && !begun;
        let soon = if early { now + EARLY_US } else { now };
        while self.waiting.front().is_some_and(|part| part.start_us <= soon) {
            let Some(part) = self.waiting.pop_front() else { break };
            if self.waiting.front().is_some_and(|next| next.start_us <= now) {
                continue;
            }
            self.open = match OpenPart::open(material, &part, now) {
                Ok(open) => open,
                Err(error) => {
                    // It may only not be readable yet.
                    self.waiting.push_front(part);
                    return Err(error);
                }
            };
        }
        if let Some(open) = &mut self.open {
            open.advance(now)?;
            self.shown = open.decoder.take_last(ids).or(self.shown.take());
            if early && self.shown.is_none() {
                open.begin()?;
                self.shown = open.decoder.take_last(ids);
            }
        }
        Ok(())
    }

    /// What is to be seen now; `None` before the first frame.
    pub fn shown(&self) -> Option<&Shown> {
        self.shown.as_ref()
    }
}

/// Parts of a layer in the order of their beginnings.
fn parts_of<'a>(material: &'a Material, source: &VideoSource) -> Vec<&'a Part> {
    let of_source = |part: &&Part| part.track == source.track && part.layer == source.layer;
    let mut parts: Vec<&Part> = material.manifest.parts.iter().filter(of_source).collect();
    parts.sort_by_key(|part| part.start_us);
    parts
}

impl OpenPart {
    fn open(material: &Material, part: &Part, now: u64) -> Result<Option<Self>, FilmError> {
        let Some(frames) = PartFrames::open(material, part, now)? else { return Ok(None) };
        let decoder = PartDecoder::new(frames.info())?;
        Ok(Some(Self { frames, decoder }))
    }

    /// Decodes the first frame, though it is not due.
    fn begin(&mut self) -> Result<(), FilmError> {
        if let Some(first) = self.frames.take()? {
            self.decode(&[first]);
        }
        Ok(())
    }

    /// Decodes up to `now`. What a later keyframe makes unnecessary is not decoded.
    fn advance(&mut self, now: u64) -> Result<(), FilmError> {
        let mut due: Vec<Frame> = Vec::new();
        while self.frames.next_us().is_some_and(|time| time <= now) {
            let Some(frame) = self.frames.take()? else { break };
            if frame.keyframe {
                due.clear();
            } else if due.len() >= MOST_DUE {
                self.decode(&due);
                due.clear();
            }
            due.push(frame);
        }
        self.decode(&due);
        Ok(())
    }

    fn decode(&mut self, frames: &[Frame]) {
        for frame in frames {
            if let Err(error) = self.decoder.push(frame) {
                tracing::warn!(part = %self.frames.name, at_us = frame.pts_us, %error,
                    "a frame cannot be decoded");
            }
        }
    }
}

/// A decoder that forgives: after an error it begins anew at the next keyframe.
pub struct PartDecoder {
    codec: Codec,
    codec_private: Vec<u8>,
    /// What goes before an H.264 keyframe.
    parameter_sets: Vec<u8>,
    element: Driven,
    colour: Colour,
    needs_keyframe: bool,
    failed: bool,
}

impl PartDecoder {
    /// # Errors
    /// There is no decoder for the codec.
    pub fn new(info: &PartInfo) -> Result<Self, ElementError> {
        Self::of(info, codecs::video_decoder)
    }

    /// One of which only some frames are wanted.
    ///
    /// # Errors
    /// There is no decoder for the codec.
    pub fn quick(info: &PartInfo) -> Result<Self, ElementError> {
        Self::of(info, codecs::quick_video_decoder)
    }

    fn of(
        info: &PartInfo,
        element: fn(Codec) -> Result<Driven, ElementError>,
    ) -> Result<Self, ElementError> {
        Ok(Self {
            codec: info.codec,
            codec_private: info.codec_private.clone(),
            parameter_sets: h264::parameter_sets(&info.codec_private).unwrap_or_default(),
            element: element(info.codec)?,
            colour: Colour::CAMERA,
            needs_keyframe: true,
            failed: false,
        })
    }

    /// Decodes a frame; one that needs what is missing is passed over.
    ///
    /// # Errors
    /// The decoder refuses the frame, for the first time since a keyframe.
    pub fn push(&mut self, frame: &Frame) -> Result<(), ElementError> {
        if self.needs_keyframe && !frame.keyframe {
            return Ok(());
        }
        if std::mem::take(&mut self.failed) {
            self.element = codecs::video_decoder(self.codec)?;
        }
        if frame.keyframe {
            self.colour = colour::of_stream(self.codec, &self.codec_private, &frame.data);
        }
        self.needs_keyframe = false;
        let Some(bytes) = self.spelled(frame) else { return Ok(()) };
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_useconds(frame.pts_us.max(0).unsigned_abs()));
            if !frame.keyframe {
                buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
        }
        self.element.push(buffer).inspect_err(|_| {
            self.failed = true;
            self.needs_keyframe = true;
        })
    }

    /// The frame as the decoder wants it; `None` if it is damaged.
    fn spelled(&self, frame: &Frame) -> Option<Vec<u8>> {
        if self.codec != Codec::H264 {
            return Some(frame.data.clone());
        }
        let mut bytes = Vec::with_capacity(frame.data.len() + self.parameter_sets.len() + 16);
        if frame.keyframe {
            bytes.extend_from_slice(&self.parameter_sets);
        }
        h264::append_annex_b(&frame.data, &mut bytes).then_some(bytes)
    }

    /// What the decoder holds back comes out.
    pub fn finish(&self) {
        self.element.finish();
    }

    /// The newest decoded frame; older ones come too late to be seen.
    pub fn take_last(&self, ids: &mut u64) -> Option<Shown> {
        let made = std::iter::from_fn(|| self.element.take()).last()?;
        let caps = made.caps?;
        let shape = caps.structure(0)?;
        let (width, height) = (shape.get::<i32>("width").ok()?, shape.get::<i32>("height").ok()?);
        let bytes = made.buffer.into_mapped_buffer_readable().ok()?;
        *ids += 1;
        Some(Shown {
            bytes,
            width: width.unsigned_abs(),
            height: height.unsigned_abs(),
            colour: self.colour,
            id: *ids,
        })
    }
}
