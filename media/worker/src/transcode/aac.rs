//! One reel of sound through the encoder.

use super::codecs;
use super::error::FilmError;
use super::reels::Content;
use super::report::Work;
use crate::driven::{Driven, ElementError};
use gstreamer as gst;
use roombox_jobs::spec::AudioPreset;
use roombox_transcode::mix::BLOCK;
use roombox_transcode::reel::{AAC_FRAME, SoundReel};
use std::sync::mpsc::Receiver;

/// An encoder at work on one reel.
pub struct Encoder {
    element: Driven,
    channels: u32,
    /// Frames that came before the reel and are not kept.
    lead: u64,
    wanted: u64,
    bytes: Vec<u8>,
    content: Content,
}

impl Encoder {
    /// # Errors
    /// No encoder is installed or it refuses the bit rate.
    pub fn new(preset: &AudioPreset, reel: &SoundReel) -> Result<Self, ElementError> {
        Ok(Self {
            element: codecs::aac_encoder(preset.bps, preset.channels)?,
            channels: preset.channels,
            lead: reel.frames.start - reel.lead,
            wanted: reel.frames.end - reel.frames.start,
            bytes: Vec::new(),
            content: Content::default(),
        })
    }

    fn is_full(&self) -> bool {
        self.content.samples.len() as u64 >= self.wanted
    }

    /// Takes blocks, the first one from sample frame `from` of the film on, until the reel is full: what is known
    /// of its samples, and they.
    ///
    /// # Errors
    /// The encoder fails or gives less than it was given, or the job was cancelled.
    pub fn encode(
        mut self,
        blocks: Receiver<Vec<i16>>,
        from: i64,
        work: &Work,
    ) -> Result<(Content, Vec<u8>), FilmError> {
        let starts = (from..).step_by(BLOCK);
        for (at, block) in starts.zip(blocks) {
            if self.is_full() {
                break;
            }
            work.turn()?;
            self.push(at.unsigned_abs(), &block)?;
        }
        match self.is_full() {
            true => Ok((self.content, self.bytes)),
            false => Err(FilmError::LostSound {
                given: self.wanted,
                made: self.content.samples.len() as u64,
            }),
        }
    }

    fn push(&mut self, at: u64, block: &[i16]) -> Result<(), FilmError> {
        self.element.push(codecs::sound_buffer(self.channels, at, block))?;
        self.collect();
        Ok(())
    }

    fn collect(&mut self) {
        while let Some(made) = self.element.take() {
            if self.content.config.is_empty()
                && let Some(shape) = made.caps.as_ref().and_then(|caps| caps.structure(0))
                && let Ok(config) = shape.get::<gst::Buffer>("codec_data")
                && let Ok(bytes) = config.map_readable()
            {
                self.content.config = bytes.to_vec();
            }
            if self.lead > 0 {
                self.lead -= 1;
                continue;
            }
            if !self.is_full()
                && let Ok(bytes) = made.buffer.map_readable()
            {
                self.bytes.extend_from_slice(&bytes);
                self.content.samples.push((bytes.len() as u32, AAC_FRAME as u32, true));
            }
        }
    }
}
