//! One reel of pictures through the encoder. Hardware is watched, what it makes is looked at, and what it
//! does wrong is said to be its fault.

use super::check::PictureCheck;
use super::codecs::FilmShape;
use super::error::FilmError;
use super::reels::Content;
use super::watch::Watched;
use crate::driven::{Driven, ElementError};
use crate::encoders::{self, Candidate};
use gstreamer as gst;
use roombox_jobs::encoders::FaultKind;
use roombox_jobs::spec::VideoPreset;
use roombox_transcode::h264;

/// Units of the track's clock in one frame.
pub const FRAME_UNITS: u32 = 1000;

/// Who encodes what a job asks for. Hardware that is not there is a fault of its own.
///
/// # Errors
/// It is not installed.
pub fn chosen(preset: &VideoPreset) -> Result<Candidate, FilmError> {
    encoders::chosen(preset).map_err(|error| match &preset.element {
        Some(encoder) => FilmError::Encoder {
            encoder: encoder.clone(),
            fault: FaultKind::Start,
            why: error.to_string(),
        },
        None => error.into(),
    })
}

/// An encoder at work on one reel.
pub struct Encoding<'a> {
    candidate: Candidate,
    watched: &'a Watched,
    /// `None` once it has ended.
    element: Option<Driven>,
    check: Option<PictureCheck>,
    bytes: Vec<u8>,
    /// Parameter sets of the whole reel.
    head: Option<(Vec<u8>, Vec<u8>)>,
    content: Content,
    given: u64,
}

impl<'a> Encoding<'a> {
    /// # Errors
    /// The encoder does not start, or there is no decoder to look at what it makes.
    pub fn start(
        candidate: Candidate,
        shape: FilmShape,
        preset: &VideoPreset,
        watched: &'a Watched,
    ) -> Result<Self, FilmError> {
        let hardware = candidate.family.is_hardware();
        let check = hardware.then(|| PictureCheck::new(shape)).transpose()?;
        let element = watched.waiting(|| encoders::start(candidate, shape, preset));
        let element = element.map_err(|error| failed(candidate, FaultKind::Start, error))?;
        Ok(Self {
            candidate,
            watched,
            element: Some(element),
            check,
            bytes: Vec::new(),
            head: None,
            content: Content::default(),
            given: 0,
        })
    }

    /// Encodes a picture.
    ///
    /// # Errors
    /// The encoder fails, or makes something else of it.
    pub fn push(&mut self, picture: gst::Buffer) -> Result<(), FilmError> {
        if let Some(check) = &mut self.check {
            check.given(&picture);
        }
        self.given += 1;
        if let Some(element) = &self.element {
            let pushed = self.watched.waiting(|| element.push(picture));
            pushed.map_err(|error| failed(self.candidate, FaultKind::Error, error))?;
        }
        self.collect()
    }

    /// The reel's samples and what is known of them.
    ///
    /// # Errors
    /// The encoder has not made what it should have.
    pub fn finish(mut self) -> Result<(Content, Vec<u8>), FilmError> {
        // openh264enc holds nothing back, and complains when it is asked for more.
        if (self.content.samples.len() as u64) < self.given {
            if let Some(element) = &self.element {
                self.watched.waiting(|| element.finish());
            }
            self.collect()?;
        }
        let (element, watched) = (self.element.take(), self.watched);
        watched.waiting(|| drop(element));
        let made = self.content.samples.len() as u64;
        let avcc = self.head.as_ref().and_then(|(sps, pps)| h264::avcc(sps, pps));
        let Some(avcc) = avcc.filter(|_| made == self.given) else {
            let (encoder, given) = (self.candidate.element, self.given);
            let lost = FilmError::LostPictures { encoder, given, made };
            return Err(match self.check {
                Some(_) => garbage(self.candidate, lost.to_string()),
                None => lost,
            });
        };
        if let Some(check) = self.check.take() {
            check.finish().map_err(|why| garbage(self.candidate, why))?;
            let begins = self.content.samples.first().is_some_and(|(.., keyframe)| *keyframe);
            if !begins {
                let why = "a reel begins without a keyframe".to_owned();
                return Err(garbage(self.candidate, why));
            }
        }
        self.content.config = avcc;
        Ok((self.content, self.bytes))
    }

    fn collect(&mut self) -> Result<(), FilmError> {
        while let Some(made) = self.element.as_ref().and_then(Driven::take) {
            self.watched.made(1);
            if let Some(check) = &mut self.check {
                check.made(&made.buffer).map_err(|why| garbage(self.candidate, why))?;
            }
            let Ok(bytes) = made.buffer.map_readable() else { continue };
            let unit = h264::to_avc(&bytes);
            if let (Some(sps), Some(pps)) = (unit.sps, unit.pps) {
                let head = self.head.get_or_insert_with(|| (sps.clone(), pps.clone()));
                if *head != (sps, pps) {
                    let element = self.candidate.element.to_owned();
                    let what = "it changed its parameters half way".to_owned();
                    let error = ElementError::Failed { element, what };
                    return Err(failed(self.candidate, FaultKind::Garbage, error));
                }
            }
            self.bytes.extend_from_slice(&unit.data);
            self.content.samples.push((unit.data.len() as u32, FRAME_UNITS, unit.keyframe));
        }
        Ok(())
    }
}

/// The encoder reports an error: hardware is replaced, software has nobody behind it.
fn failed(candidate: Candidate, fault: FaultKind, error: ElementError) -> FilmError {
    match candidate.family.is_hardware() {
        true => FilmError::Encoder {
            encoder: candidate.element.to_owned(),
            fault,
            why: error.to_string(),
        },
        false => error.into(),
    }
}

fn garbage(candidate: Candidate, why: String) -> FilmError {
    let encoder = candidate.element.to_owned();
    FilmError::Encoder { encoder, fault: FaultKind::Garbage, why }
}
