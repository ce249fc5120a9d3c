//! The film's picture, drawn frame by frame on a fixed clock and encoded beside it, reel by reel.

use super::codecs::FilmShape;
use super::encode::{self, Encoding, FRAME_UNITS};
use super::error::FilmError;
use super::material::Material;
use super::pictures::PictureStream;
use super::reels::{Content, Kind, Reel, Reels};
use super::report::Work;
use super::watch::{Watch, Watched};
use crate::encoders::{self, Candidate};
use gst::prelude::*;
use gstreamer as gst;
use roombox_jobs::spec::VideoPreset;
use roombox_transcode::compositor::{Compositor, Content as TileContent, TileView};
use roombox_transcode::mp4::{Track, TrackFormat};
use roombox_transcode::picture::Colour;
use roombox_transcode::plan::{Plan, Scene, VideoSource};
use roombox_transcode::reel::{self, Recipe};
use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, SyncSender};

/// Frames that wait for the encoder. More would only take memory.
const AHEAD: usize = 3;

/// What pictures are made of and how.
#[derive(Clone, Copy)]
pub struct Scenery<'a> {
    pub material: &'a Material,
    pub plan: &'a Plan,
    pub scenes: &'a [Scene],
    pub shape: FilmShape,
    pub preset: &'a VideoPreset,
}

impl Scenery<'_> {
    /// What a reel follows from.
    ///
    /// # Errors
    /// No encoder is installed.
    pub fn recipe(&self, number: u64) -> Result<Recipe, FilmError> {
        let maker = encoders::maker(self.shape, self.preset)?;
        let (manifest, fps) = (&self.material.manifest, self.shape.fps);
        Ok(reel::of_pictures(manifest, self.plan, self.scenes, (number, fps), &maker))
    }
}

/// All reels of the film: those that are missing are made, by whoever has drawn before if there is
/// one.
///
/// # Errors
/// An element is missing or fails, the disk refuses, or the job was cancelled.
pub fn compose(
    scenery: Scenery<'_>,
    drawing: Option<Drawing>,
    reels: &Reels,
    work: &Work,
) -> Result<Vec<Reel>, FilmError> {
    let mut all = Vec::new();
    let mut missing = Vec::new();
    for number in 0..reel::count(scenery.plan.duration_us()) {
        let recipe = scenery.recipe(number)?;
        let found = reels.find(Kind::Picture, number, &recipe);
        if found.is_none() {
            missing.push((number, recipe));
        }
        all.push(found);
    }
    tracing::info!(reels = all.len(), missing = missing.len(), "the film's pictures");
    for reel in all.iter().flatten() {
        work.frames_found(reel.content.samples.len() as u64, scenery.shape.fps)?;
    }
    let numbers: Vec<u64> = missing.iter().map(|(number, _)| *number).collect();
    let mut drawing = match drawing {
        Some(drawing) => drawing,
        None => Drawing::new(scenery.shape)?,
    };
    let made = drawing.reels(scenery, missing, reels, work)?;
    for (number, reel) in numbers.into_iter().zip(made) {
        if let Some(place) = all.get_mut(number as usize) {
            *place = Some(reel);
        }
    }
    Ok(all.into_iter().flatten().collect())
}

/// The film's picture track, of all of its reels.
///
/// # Errors
/// Reels were made by encoders that do not fit together.
pub fn track(reels: &[Reel], shape: FilmShape, encoder: &'static str) -> Result<Track, FilmError> {
    let misfit = || FilmError::Misfit { encoder };
    let first = reels.first().ok_or_else(misfit)?;
    if reels.iter().any(|reel| reel.content.config != first.content.config) {
        return Err(misfit());
    }
    let (width, height, colour) = (shape.width, shape.height, Some(Colour::FILM));
    Ok(Track {
        format: TrackFormat::Avc { avcc: first.content.config.clone(), width, height, colour },
        timescale: shape.fps * FRAME_UNITS,
        samples: reels.iter().flat_map(|reel| reel.content.samples()).collect(),
        skip: 0,
        delay_ms: 0,
    })
}

/// What the encoder is given.
enum Drawn {
    /// With the people who are seen in it.
    Frame(gst::Buffer, usize),
    /// The reel is drawn.
    End,
}

/// Draws frames, and keeps decoders from one reel to the next.
pub struct Drawing {
    compositor: Compositor,
    canvases: Canvases,
    streams: HashMap<VideoSource, PictureStream>,
    /// Where in the recording the streams are.
    at_us: u64,
    ids: u64,
}

impl Drawing {
    /// # Errors
    /// There is no memory for pictures.
    pub fn new(shape: FilmShape) -> Result<Self, FilmError> {
        Ok(Self {
            compositor: Compositor::new(shape.width, shape.height),
            canvases: Canvases::new(shape)?,
            streams: HashMap::new(),
            at_us: 0,
            ids: 0,
        })
    }

    /// Makes reels, in the order of the film.
    ///
    /// # Errors
    /// An element is missing or fails, the disk refuses, or the job was cancelled.
    pub fn reels(
        &mut self,
        scenery: Scenery<'_>,
        wanted: Vec<(u64, Recipe)>,
        reels: &Reels,
        work: &Work,
    ) -> Result<Vec<Reel>, FilmError> {
        let (sender, drawn) = mpsc::sync_channel(AHEAD);
        let numbers: Vec<u64> = wanted.iter().map(|(number, _)| *number).collect();
        std::thread::scope(|scope| {
            let encoding = scope.spawn(move || {
                let candidate = encode::chosen(scenery.preset)?;
                let watched = Watch::over(candidate);
                let reel = |(number, recipe): (u64, Recipe)| {
                    encode(scenery, (candidate, &watched), &drawn, work)?
                        .map(|made| {
                            let (content, bytes) = made;
                            reels.keep(Kind::Picture, number, &recipe, (content, &bytes))
                        })
                        .transpose()
                };
                let made = wanted.into_iter().map(|one| reel(one).transpose());
                // Where drawing has failed there is no reel, and drawing says why.
                made.take_while(Option::is_some).flatten().collect::<Result<Vec<_>, _>>()
            });
            let drawing: Result<(), FilmError> =
                numbers.iter().try_for_each(|number| self.draw(scenery, *number, &sender, work));
            drop(sender);
            let encoded = encoding.join().map_err(|_| FilmError::Panicked)?;
            // When the encoder fails, drawing ends too, and for that reason alone.
            let made = encoded?;
            drawing.map(|()| made)
        })
    }

    /// Draws every frame of a reel.
    fn draw(
        &mut self,
        scenery: Scenery<'_>,
        number: u64,
        sender: &SyncSender<Drawn>,
        work: &Work,
    ) -> Result<(), FilmError> {
        let Scenery { material, plan, scenes, shape, .. } = scenery;
        let fps = u64::from(shape.fps);
        self.learn(material);
        let mut scene = None;
        for n in reel::frames(number, plan, shape.fps) {
            work.turn()?;
            let film_us = n * 1_000_000 / fps;
            // A frame is shown from the film's nearest one on, not always from a later one.
            let now = plan.recording_us(film_us) + 500_000 / fps;
            let begun = scenes.partition_point(|scene| scene.from_us <= now).saturating_sub(1);
            let Some(shown) = scenes.get(begun) else { break };
            let anew = scene.replace(begun) != Some(begun);
            let time = gst::ClockTime::from_useconds(film_us);
            let (buffer, pictured) = self.moment(material, (shown, anew), now, time)?;
            if sender.send(Drawn::Frame(buffer, pictured)).is_err() {
                // The encoder has failed and says why.
                return Ok(());
            }
        }
        // As above.
        sender.send(Drawn::End).unwrap_or_default();
        Ok(())
    }

    /// The picture of a moment of the recording, and how many people are seen in it. Moments never go
    /// back; `anew`: another scene than in the one before.
    ///
    /// # Errors
    /// An element is missing or fails.
    pub fn moment(
        &mut self,
        material: &Material,
        (shown, anew): (&Scene, bool),
        now: u64,
        time: gst::ClockTime,
    ) -> Result<(gst::Buffer, usize), FilmError> {
        let sources = || shown.tiles.iter().filter_map(|tile| tile.source.as_ref());
        if anew {
            // A decoder that is not seen costs memory; it begins anew when it is seen again, and so
            // does one that would have to decode what nobody sees.
            let skipped = now < self.at_us || now - self.at_us > reel::REEL_US / 2;
            self.streams.retain(|source, _| !skipped && sources().any(|used| used == source));
        }
        self.at_us = now;
        for source in sources() {
            let stream = self
                .streams
                .entry(source.clone())
                .or_insert_with(|| PictureStream::new(material, source, now));
            stream.advance(material, now, &mut self.ids)?;
        }
        let (pictured, changed) = self.paint(shown);
        Ok((self.canvases.buffer(&self.compositor, changed, time)?, pictured))
    }

    /// Hears of parts that were opened since.
    pub fn learn(&mut self, material: &Material) {
        self.streams.values_mut().for_each(|stream| stream.learn(material));
    }

    /// Draws a scene as its streams show it now: how many people are seen, and whether anything
    /// looks different.
    fn paint(&mut self, scene: &Scene) -> (usize, bool) {
        let mut pictured = 0;
        let streams = &self.streams;
        let tiles: Vec<TileView<'_>> = scene
            .tiles
            .iter()
            .map(|tile| {
                let stream = tile.source.as_ref().and_then(|source| streams.get(source));
                let frame = stream.and_then(PictureStream::shown);
                let content = match frame.and_then(|frame| Some((frame.view()?, frame.id))) {
                    Some((picture, id)) => {
                        pictured += 1;
                        TileContent::Frame { picture, id }
                    }
                    None => TileContent::Avatar,
                };
                let (rect, label, fill) = (tile.rect, tile.label, tile.fill);
                TileView { rect, name: &tile.name, label, muted: tile.muted, fill, content }
            })
            .collect();
        let changed = self.compositor.draw(&tiles);
        (pictured, changed)
    }
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

/// Encodes a reel; `None` if its drawing broke off.
fn encode(
    scenery: Scenery<'_>,
    (candidate, watched): (Candidate, &Watched),
    drawn: &Receiver<Drawn>,
    work: &Work,
) -> Result<Option<(Content, Vec<u8>)>, FilmError> {
    let mut encoding = Encoding::start(candidate, scenery.shape, scenery.preset, watched)?;
    let mut pictured = Vec::new();
    loop {
        match drawn.recv() {
            Ok(Drawn::Frame(frame, people)) => {
                pictured.push(people);
                encoding.push(frame)?;
                work.frame_done(scenery.shape.fps)?;
            }
            Ok(Drawn::End) => break,
            Err(_) => return Ok(None),
        }
    }
    let (mut content, bytes) = encoding.finish()?;
    let keyframes = content.samples.iter().zip(pictured).filter(|((.., key), _)| *key);
    content.pictured = keyframes.map(|(_, people)| people).collect();
    Ok(Some((content, bytes)))
}
