//! Pictures of all films in one format: most stay as they are, others are decoded and coded anew.

use super::super::codecs::FilmShape;
use super::super::encode::{self, Encoding};
use super::super::error::FilmError;
use super::super::extents::{self, Extent};
use super::super::output::DerivedFolder;
use super::super::pictures::{PartDecoder, Shown};
use super::super::report::Work;
use super::super::stills::{Keyframes, Poster, Stills};
use super::super::tracks::mp4::{fitted, preset_for};
use super::super::watch::Watch;
use super::source::Source;
use crate::encoders::Candidate;
use gstreamer as gst;
use roombox_capture::manifest::Codec;
use roombox_capture::matroska::{Frame, PartInfo};
use roombox_jobs::spec::{EncoderChoice, VideoPreset};
use roombox_transcode::colour;
use roombox_transcode::compositor::{Compositor, Content, TileView};
use roombox_transcode::layout::Rect;
use roombox_transcode::merge::{Pictures, SplicedPictures, pictures};
use roombox_transcode::mp4::{Sample, Track, TrackFormat};
use roombox_transcode::picture::Colour;
use roombox_transcode::sprite::SpriteSheet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// What encoders are told of the rate of pictures; films are drawn at it.
const FPS: u32 = 30;
/// Of the whole work: the rest is writing the film.
const CODING_TENTHS: u64 = 9;
/// An encoder begins anew after so many pictures: what it makes waits in memory.
const RUN: usize = 300;

/// The format that all pictures have in the end.
pub struct Target {
    head: PartInfo,
    colour: Option<Colour>,
    /// Who makes it where pictures have another one; `None`: all have it.
    anew: Option<(Candidate, VideoPreset)>,
}

impl Target {
    /// What all films have if that is one format; else what our encoder makes in the first one's size.
    ///
    /// # Errors
    /// There is no encoder, or it fails.
    pub fn of(sources: &[Source], preset: &VideoPreset) -> Result<Self, FilmError> {
        let first = sources.first().ok_or(FilmError::UnusableSpec("it merges nothing"))?;
        if sources.iter().all(|source| source.head == first.head) {
            let colour = match &first.film.picture.track.format {
                TrackFormat::Avc { colour, .. } => *colour,
                _ => None,
            };
            return Ok(Self { head: first.head.clone(), colour, anew: None });
        }
        let (width, height) = fitted((first.head.width, first.head.height));
        let preset = VideoPreset { encoder: EncoderChoice::Openh264, ..preset.clone() };
        let preset = preset_for((width, height), &preset);
        let candidate = encode::chosen(&preset)?;
        let shape = FilmShape { width, height, fps: FPS };
        let watched = Watch::over(candidate);
        let mut trial = Encoding::start(candidate, shape, &preset, &watched)?;
        trial.push(buffer(&Compositor::new(width, height), 0))?;
        let (content, _) = trial.finish()?;
        let codec_private = content.config;
        let head = PartInfo { codec: Codec::H264, codec_private, width, height };
        Ok(Self { head, colour: Some(Colour::FILM), anew: Some((candidate, preset)) })
    }

    /// How much film is coded anew.
    pub fn coded_us(&self, sources: &[Source]) -> u64 {
        let others =
            sources.iter().filter(|source| self.anew.is_some() && source.head != self.head);
        others.map(Source::duration_us).sum()
    }

    /// GStreamer factory of who codes anew, or `copy`.
    pub fn encoder(&self) -> &'static str {
        self.anew.as_ref().map_or("copy", |(candidate, _)| candidate.element)
    }

    /// The same of who made this format.
    pub fn made_by<'a>(&self, sources: &'a [Source]) -> &'a str {
        match &self.anew {
            Some((candidate, _)) => candidate.element,
            None => sources.first().and_then(|source| source.encoder.as_deref()).unwrap_or("copy"),
        }
    }

    pub fn format(&self) -> TrackFormat {
        let PartInfo { codec_private, width, height, .. } = &self.head;
        let colour = self.colour.or_else(|| colour::of_avcc(codec_private));
        TrackFormat::Avc { avcc: codec_private.clone(), width: *width, height: *height, colour }
    }
}

/// Where a picture of the row lies.
#[derive(Clone)]
pub struct Place {
    file: Arc<File>,
    at: u64,
}

/// All pictures in a row: where each lies, what is to be written, and when each is shown.
///
/// # Errors
/// An element is missing or fails, the disk refuses, or the job was cancelled.
pub fn in_a_row(
    sources: &[Source],
    target: &Target,
    folder: &DerivedFolder,
    work: &Work,
) -> Result<(Vec<Place>, Vec<Extent>, SplicedPictures), FilmError> {
    let (mut places, mut all) = (Vec::new(), Vec::new());
    let mut coding = Coding { done_us: 0, all_us: target.coded_us(sources), work };
    for (n, source) in sources.iter().enumerate() {
        let picture = &source.film.picture;
        let (file, samples) = match &target.anew {
            Some(anew) if source.head != target.head => {
                let name = format!("picture-{n}");
                let made = coded(source, (target, anew), (folder, &name), &coding)?;
                coding.done_us += source.duration_us();
                made
            }
            _ => {
                work.beat()?;
                (source.file.clone(), picture.track.samples.clone())
            }
        };
        let kept = Arc::ptr_eq(&file, &source.file);
        let mut next = 0;
        for (sample, at) in samples.iter().zip(&picture.offsets) {
            places.push(Place { file: file.clone(), at: if kept { *at } else { next } });
            next += u64::from(sample.bytes);
        }
        all.push((picture.track.timescale, samples));
    }
    let films: Vec<Pictures<'_>> = all
        .iter()
        .map(|(timescale, samples)| Pictures { timescale: *timescale, samples })
        .collect();
    let row = pictures(&films);
    let mut extents = Vec::new();
    for (place, sample) in places.iter().zip(&row.samples) {
        extents::push(&mut extents, &place.file, place.at, sample.bytes.into());
    }
    Ok((places, extents, row))
}

/// How far pictures are that are coded anew, of several films one after the other.
struct Coding<'a> {
    /// Of the films before.
    done_us: u64,
    /// Of all of them.
    all_us: u64,
    work: &'a Work,
}

impl Coding<'_> {
    /// Up to this time of the film that is coded now.
    fn coded(&self, at_us: u64) -> Result<(), FilmError> {
        let share = 0..self.work.total_us() / 10 * CODING_TENTHS;
        self.work.part_done(share, self.done_us + at_us, self.all_us)
    }
}

/// A film's pictures coded anew, one for one: each stays as long as it was.
fn coded(
    source: &Source,
    (target, (candidate, preset)): (&Target, &(Candidate, VideoPreset)),
    (folder, name): (&DerivedFolder, &str),
    coding: &Coding<'_>,
) -> Result<(Arc<File>, Vec<Sample>), FilmError> {
    let PartInfo { width, height, .. } = target.head;
    let shape = FilmShape { width, height, fps: FPS };
    let watched = Watch::over(*candidate);
    let mut out = folder.sample_file(name)?;
    let mut drawer = Drawer::new(source, (width, height))?;
    let track = &source.film.picture.track;
    let mut samples = Vec::with_capacity(track.samples.len());
    let mut units = 0;
    let pictures: Vec<(u64, Sample)> =
        source.film.picture.offsets.iter().copied().zip(track.samples.iter().copied()).collect();
    for run in pictures.chunks(RUN) {
        let mut encoding = Encoding::start(*candidate, shape, preset, &watched)?;
        for (at, sample) in run {
            let at_us = units * 1_000_000 / u64::from(track.timescale);
            encoding.push(drawer.drawn(source, (*at, *sample), at_us)?)?;
            units += u64::from(sample.duration);
            coding.coded(at_us)?;
        }
        let (content, bytes) = encoding.finish()?;
        if content.config != target.head.codec_private {
            return Err(FilmError::Misfit { encoder: candidate.element });
        }
        out.write(&bytes)?;
        let made = content.samples.iter().zip(run);
        samples.extend(made.map(|((bytes, _, keyframe), (_, sample))| Sample {
            bytes: *bytes,
            duration: sample.duration,
            keyframe: *keyframe,
        }));
    }
    Ok((Arc::new(out.written()?), samples))
}

/// Decodes a film and draws its pictures on a canvas of another size.
struct Drawer {
    decoder: PartDecoder,
    compositor: Compositor,
    rect: Rect,
    shown: Option<Shown>,
    ids: u64,
}

impl Drawer {
    fn new(source: &Source, (width, height): (u32, u32)) -> Result<Self, FilmError> {
        Ok(Self {
            decoder: PartDecoder::new(&source.head)?,
            compositor: Compositor::new(width, height),
            rect: Rect { x: 0, y: 0, width, height },
            shown: None,
            ids: 0,
        })
    }

    /// The picture after this sample; the one before where the sample is damaged.
    fn drawn(
        &mut self,
        source: &Source,
        (at, sample): (u64, Sample),
        at_us: u64,
    ) -> Result<gst::Buffer, FilmError> {
        let data = read(&source.file, at, sample.bytes)
            .map_err(|error| source.refused(&format!("it cannot be read: {error}")))?;
        let frame = Frame { pts_us: at_us.cast_signed(), keyframe: sample.keyframe, data };
        if let Err(error) = self.decoder.push(&frame) {
            tracing::warn!(at_us, %error, "a picture cannot be decoded");
        }
        self.shown = self.decoder.take_last(&mut self.ids).or(self.shown.take());
        if let Some(shown) = &self.shown
            && let Some(picture) = shown.view()
        {
            let content = Content::Frame { picture, id: shown.id };
            let (rect, label, muted, fill) = (self.rect, false, false, false);
            self.compositor.draw(&[TileView { rect, name: "", label, muted, fill, content }]);
        }
        Ok(buffer(&self.compositor, at_us))
    }
}

fn buffer(drawn: &Compositor, at_us: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(drawn.canvas().data.clone());
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(gst::ClockTime::from_useconds(at_us));
    }
    buffer
}

fn read(file: &File, at: u64, bytes: u32) -> std::io::Result<Vec<u8>> {
    let mut data = vec![0; bytes as usize];
    file.read_exact_at(&mut data, at)?;
    Ok(data)
}

/// Small pictures of the row: of keyframes, as for a film that was copied.
///
/// # Errors
/// The job was cancelled.
pub fn stills(
    places: &[Place],
    target: &Target,
    track: &Track,
    duration_us: u64,
    work: &Work,
) -> Result<Stills, FilmError> {
    let (width, height) = (target.head.width, target.head.height);
    let sheet = SpriteSheet::new(duration_us, (width, height));
    let mut stills = Stills { poster: Poster::default(), sheet };
    let (mut units, mut chosen) = (0, false);
    let mut keyframes = Keyframes::new(&target.head);
    for (place, sample) in places.iter().zip(&track.samples) {
        work.beat()?;
        let film_us = units * 1_000_000 / u64::from(track.timescale);
        units += u64::from(sample.duration);
        // A picture from the film's second quarter: the beginning is often black.
        let late = film_us * 4 >= duration_us;
        let poster = stills.poster.is_empty() || (late && !chosen);
        if !sample.keyframe || !(poster || stills.sheet.wants(film_us)) {
            continue;
        }
        let Ok(data) = read(&place.file, place.at, sample.bytes) else { continue };
        let frame = Frame { pts_us: film_us.cast_signed(), keyframe: true, data };
        let Some(shown) = keyframes.decoded(&frame) else { continue };
        let Some(view) = shown.view() else { continue };
        stills.sheet.offer(film_us, &view);
        if poster {
            stills.poster.choose(&view);
            chosen = late;
        }
    }
    Ok(stills)
}
