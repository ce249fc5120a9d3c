//! The film's picture where no pixel has to change: the recorded H.264 as it is.

use super::error::FilmError;
use super::material::{Material, chain, is_damage, next_frame};
use super::recorded::Recorded;
use super::report::Work;
use super::stills::{Keyframes, Poster, Stills};
use roombox_capture::manifest::Part;
use roombox_capture::matroska::{Frame, PartInfo, PartReader};
use roombox_transcode::colour;
use roombox_transcode::mp4::{Sample, Track, TrackFormat};
use roombox_transcode::plan::Plan;
use roombox_transcode::sprite::SpriteSheet;

/// Units a second of the track's clock.
pub const TIMESCALE: u32 = 90_000;

/// What the parts have in common; `None` if one has another configuration: a film has one.
///
/// # Errors
/// The disk refuses.
pub fn common_head(material: &Material, parts: &[usize]) -> Result<Option<PartInfo>, FilmError> {
    let mut first = None;
    for n in parts {
        let Some(part) = material.manifest.parts.get(*n) else { return Ok(None) };
        let Some(reader) = opened(material, part)? else { return Ok(None) };
        let head = first.get_or_insert_with(|| reader.info().clone());
        if head != reader.info() {
            return Ok(None);
        }
    }
    Ok(first.filter(|head: &PartInfo| head.codec_private.len() > 6))
}

/// Finds the parts' frames. Each lasts until the next one; the first one stands from the film's beginning and the
/// last one to its end.
///
/// # Errors
/// The disk refuses or the job was cancelled.
pub fn copy(
    material: &Material,
    plan: &Plan,
    parts: &[usize],
    head: &PartInfo,
    work: &Work,
) -> Result<(Track, Recorded, Stills), FilmError> {
    let units = |us: u64| us * u64::from(TIMESCALE) / 1_000_000;
    let end = units(plan.duration_us());
    let (mut copied, mut recorded) = (Copied::default(), Recorded::default());
    let mut keyframes = Keyframes::new(head);
    let mut stills = Stills {
        poster: Poster::default(),
        sheet: SpriteSheet::new(plan.duration_us(), (head.width, head.height)),
    };
    let mut chosen = false;
    for part in parts.iter().filter_map(|n| material.manifest.parts.get(*n)) {
        let Some(mut reader) = opened(material, part)? else { continue };
        recorded.part(material.path(part));
        while let Some(frame) = next_frame(&mut reader, &part.file, material.last_try)? {
            let recording_us = part.start_us.saturating_add_signed(frame.pts_us);
            // A frame that was cut, or after the end: cannot be in a film of one piece.
            let Some(film_us) = plan.film_us(recording_us.min(plan.last_us())) else { continue };
            recorded.add(reader.frame_at(), frame.data.len() as u32);
            copied.add(units(film_us), &frame);
            work.copied(film_us)?;
            // A frame from the film's second quarter: the beginning is often black.
            let late = film_us * 4 >= plan.duration_us();
            let poster = stills.poster.is_empty() || (late && !chosen);
            if frame.keyframe
                && (poster || stills.sheet.wants(film_us))
                && let Some(shown) = keyframes.decoded(&frame)
                && let Some(view) = shown.view()
            {
                stills.sheet.offer(film_us, &view);
                if poster {
                    stills.poster.choose(&view);
                    chosen = late;
                }
            }
        }
    }
    copied.end(end);
    let format = TrackFormat::Avc {
        avcc: head.codec_private.clone(),
        width: head.width,
        height: head.height,
        colour: colour::of_avcc(&head.codec_private),
    };
    let track =
        Track { format, timescale: TIMESCALE, samples: copied.samples, skip: 0, delay_ms: 0 };
    Ok((track, recorded, stills))
}

/// Samples of recorded frames: each lasts until the next one.
#[derive(Default)]
pub struct Copied {
    pub samples: Vec<Sample>,
    /// When the last sample began, in the track's units.
    begun: u64,
}

impl Copied {
    /// The sample before lasts until now.
    pub fn add(&mut self, at: u64, frame: &Frame) {
        let bytes = frame.data.len() as u32;
        self.end(at);
        self.samples.push(Sample { bytes, duration: 0, keyframe: frame.keyframe });
    }

    /// The last one lasts until then.
    pub fn end(&mut self, at: u64) {
        if let Some(last) = self.samples.last_mut() {
            // Two frames of one millisecond still are two frames.
            let until = at.max(self.begun + 1);
            last.duration = (until - self.begun) as u32;
            self.begun = until;
        }
    }
}

/// `None`: the part is damaged.
fn opened(material: &Material, part: &Part) -> Result<Option<PartReader>, FilmError> {
    match PartReader::open(&material.path(part)) {
        Ok(reader) => Ok(Some(reader)),
        Err(error) if is_damage(&error, material.last_try) => {
            let error = chain(&error);
            tracing::warn!(part = %part.file, %error, "a part cannot be read: it is skipped");
            Ok(None)
        }
        Err(error) => Err(FilmError::Recording(error)),
    }
}
