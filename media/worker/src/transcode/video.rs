//! The film's picture, drawn frame by frame on a fixed clock and encoded beside it.

use super::codecs::{FilmShape, H264Encoder};
use super::error::FilmError;
use super::material::Material;
use super::output::SampleFile;
use super::pictures::PictureStream;
use super::report::Work;
use super::stills::{Poster, Stills};
use crate::driven::ElementError;
use gst::prelude::*;
use gstreamer as gst;
use roombox_transcode::compositor::{Compositor, Content, TileView};
use roombox_transcode::h264;
use roombox_transcode::mp4::{Sample, Track, TrackFormat};
use roombox_transcode::picture::Colour;
use roombox_transcode::plan::{Plan, Scene, VideoSource};
use roombox_transcode::sprite::SpriteSheet;
use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, SyncSender};

/// Frames that wait for the encoder. More would only take memory.
const AHEAD: usize = 3;
/// Units of the track's clock in one frame.
const FRAME_UNITS: u32 = 1000;

/// Draws and encodes the scenes; samples go to `out`.
///
/// # Errors
/// An element is missing or fails, the disk refuses, or the job was cancelled.
pub fn compose(
    material: &Material,
    plan: &Plan,
    scenes: &[Scene],
    shape: FilmShape,
    encoder: H264Encoder,
    out: &mut SampleFile,
    work: &Work,
) -> Result<(Track, Stills), FilmError> {
    let (sender, frames) = mpsc::sync_channel(AHEAD);
    std::thread::scope(|scope| {
        let encoding = scope.spawn(move || encode(encoder, &frames, shape, out, work));
        let drawn = draw(material, plan, scenes, shape, sender, work);
        let encoded = encoding.join().map_err(|_| FilmError::Panicked)?;
        // When the encoder fails, drawing ends too, and for that reason alone.
        let track = encoded?;
        Ok((track, drawn?))
    })
}

/// Draws every frame of the film.
fn draw(
    material: &Material,
    plan: &Plan,
    scenes: &[Scene],
    shape: FilmShape,
    sender: SyncSender<gst::Buffer>,
    work: &Work,
) -> Result<Stills, FilmError> {
    let mut compositor = Compositor::new(shape.width, shape.height);
    let mut canvases = Canvases::new(shape)?;
    let mut streams: HashMap<VideoSource, PictureStream> = HashMap::new();
    let mut stills = Stills {
        poster: Poster::new(plan.frames(shape.fps)),
        sheet: SpriteSheet::new(plan.duration_us(), (shape.width, shape.height)),
    };
    let mut ids = 0;
    let mut scene = 0;
    for n in 0..plan.frames(shape.fps) {
        work.beat()?;
        let film_us = n * 1_000_000 / u64::from(shape.fps);
        // A frame is shown from the film's nearest one on, not always from a later one.
        let now = plan.recording_us(film_us) + 500_000 / u64::from(shape.fps);
        let begun = scenes.partition_point(|scene| scene.from_us <= now).saturating_sub(1);
        let Some(shown) = scenes.get(begun) else { break };
        let sources = || shown.tiles.iter().filter_map(|tile| tile.source.as_ref());
        if begun != scene || n == 0 {
            scene = begun;
            // A decoder that is not seen costs memory; it begins anew when it is seen again.
            streams.retain(|source, _| sources().any(|used| used == source));
        }
        for source in sources() {
            let stream = streams
                .entry(source.clone())
                .or_insert_with(|| PictureStream::new(material, source, now));
            stream.advance(now, &mut ids)?;
        }
        let mut pictured = 0;
        let tiles: Vec<TileView<'_>> = shown
            .tiles
            .iter()
            .map(|tile| {
                let stream = tile.source.as_ref().and_then(|source| streams.get(source));
                let frame = stream.and_then(PictureStream::shown);
                let content = match frame.and_then(|frame| Some((frame.view()?, frame.id))) {
                    Some((picture, id)) => {
                        pictured += 1;
                        Content::Frame { picture, id }
                    }
                    None => Content::Avatar,
                };
                let (rect, label, fill) = (tile.rect, tile.label, tile.fill);
                TileView { rect, name: &tile.name, label, muted: tile.muted, fill, content }
            })
            .collect();
        let changed = compositor.draw(&tiles);
        stills.poster.offer(n, pictured, compositor.canvas());
        stills.sheet.offer(film_us, &compositor.canvas().view());
        let time = gst::ClockTime::from_useconds(film_us);
        let buffer = canvases.buffer(&compositor, changed, time)?;
        if sender.send(buffer).is_err() {
            // The encoder has failed and says why.
            break;
        }
    }
    Ok(stills)
}

/// Canvases as buffers, their memory used again and again.
struct Canvases {
    pool: gst::BufferPool,
    last: Option<gst::Buffer>,
}

impl Canvases {
    fn new(shape: FilmShape) -> Result<Self, FilmError> {
        let refused = |error: gst::glib::BoolError| FilmError::Start(error.to_string());
        let pool = gst::BufferPool::new();
        let mut config = pool.config();
        config.set_params(None, shape.width * shape.height * 3 / 2, 2, 0);
        pool.set_config(config).map_err(refused)?;
        pool.set_active(true).map_err(refused)?;
        Ok(Self { pool, last: None })
    }

    /// The canvas at a time of the film. One that did not change is not copied.
    fn buffer(
        &mut self,
        compositor: &Compositor,
        changed: bool,
        time: gst::ClockTime,
    ) -> Result<gst::Buffer, FilmError> {
        let refused = || FilmError::Start("no memory for a picture".to_owned());
        let mut buffer = match &self.last {
            // Shares the memory.
            Some(last) if !changed => last.copy(),
            _ => {
                let mut fresh = self.pool.acquire_buffer(None).map_err(|_| refused())?;
                let mut bytes =
                    fresh.get_mut().and_then(|b| b.map_writable().ok()).ok_or_else(refused)?;
                bytes.copy_from_slice(&compositor.canvas().data);
                drop(bytes);
                fresh
            }
        };
        buffer.get_mut().ok_or_else(refused)?.set_pts(time);
        self.last = Some(buffer.clone());
        Ok(buffer)
    }
}

impl Drop for Canvases {
    fn drop(&mut self) {
        self.last = None;
        if let Err(error) = self.pool.set_active(false) {
            tracing::debug!(%error, "the picture pool does not stop");
        }
    }
}

/// Encodes what comes, in the order of the film.
fn encode(
    encoder: H264Encoder,
    frames: &Receiver<gst::Buffer>,
    shape: FilmShape,
    out: &mut SampleFile,
    work: &Work,
) -> Result<Track, FilmError> {
    let mut samples = VideoSamples { encoder, out, head: None, samples: Vec::new() };
    let mut given = 0;
    for frame in frames {
        samples.encoder.element.push(frame)?;
        given += 1;
        samples.collect()?;
        work.frame_done(samples.samples.len() as u64 * 1_000_000 / u64::from(shape.fps))?;
    }
    // openh264enc holds nothing back, and complains when it is asked for more.
    if (samples.samples.len() as u64) < given {
        samples.encoder.element.finish();
        samples.collect()?;
    }
    let made = samples.samples.len() as u64;
    let lost = FilmError::LostPictures { encoder: samples.encoder.name, given, made };
    let Some((sps, pps)) = samples.head.filter(|_| made == given) else { return Err(lost) };
    let Some(avcc) = h264::avcc(&sps, &pps) else { return Err(lost) };
    let (width, height, colour) = (shape.width, shape.height, Some(Colour::FILM));
    Ok(Track {
        format: TrackFormat::Avc { avcc, width, height, colour },
        timescale: shape.fps * FRAME_UNITS,
        samples: samples.samples,
        skip: 0,
    })
}

struct VideoSamples<'a> {
    encoder: H264Encoder,
    out: &'a mut SampleFile,
    /// Parameter sets of the whole film.
    head: Option<(Vec<u8>, Vec<u8>)>,
    samples: Vec<Sample>,
}

impl VideoSamples<'_> {
    fn collect(&mut self) -> Result<(), FilmError> {
        while let Some(made) = self.encoder.element.take() {
            let Ok(bytes) = made.buffer.map_readable() else { continue };
            let unit = h264::to_avc(&bytes);
            if let (Some(sps), Some(pps)) = (unit.sps, unit.pps) {
                let head = self.head.get_or_insert_with(|| (sps.clone(), pps.clone()));
                if *head != (sps, pps) {
                    return Err(FilmError::Element(ElementError::Failed {
                        element: self.encoder.name.to_owned(),
                        what: "it changed its parameters half way".to_owned(),
                    }));
                }
            }
            self.out.write(&unit.data)?;
            self.samples.push(Sample {
                bytes: unit.data.len() as u32,
                duration: FRAME_UNITS,
                keyframe: unit.keyframe,
            });
        }
        Ok(())
    }
}
