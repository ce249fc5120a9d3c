//! The film's sound: every microphone decoded, brought to one loudness, mixed block by block, made
//! into AAC. How loud somebody is is known when all of it was heard: it is decoded twice.

use super::codecs;
use super::error::FilmError;
use super::frames::PartFrames;
use super::material::Material;
use super::output::SampleFile;
use super::report::Work;
use crate::driven::{Driven, ElementError};
use gstreamer as gst;
use roombox_capture::manifest::{Part, TrackSource};
use roombox_capture::matroska::Frame;
use roombox_jobs::spec::AudioPreset;
use roombox_transcode::loudness::Meter;
use roombox_transcode::mix::{BLOCK, CHANNELS, Gain, MixSource, Mixer, RATE};
use roombox_transcode::mp4::{Sample, Track, TrackFormat};
use roombox_transcode::plan::Plan;
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{self, SyncSender};

/// Samples of one AAC frame.
const AAC_FRAME: u64 = 1024;
/// Sound is decoded so far ahead of the mixer: a source must never run dry while it goes on.
const AHEAD: i64 = RATE as i64 / 10;

/// Mixed blocks that wait for the encoder: 320 ms.
const BLOCKS_AHEAD: usize = 16;

/// Sample frames of a time.
fn frames_of(us: u64) -> u64 {
    us * u64::from(RATE) / 1_000_000
}

/// Mixes the planned tracks into an AAC track; its frames go to `out`.
///
/// # Errors
/// An element is missing or fails, the disk refuses, or the job was cancelled.
pub fn mix(
    material: &Material,
    plan: &Plan,
    preset: &AudioPreset,
    out: &mut SampleFile,
    work: &Work,
) -> Result<Track, FilmError> {
    let mut streams = streams(material, plan);
    if let Some(target) = preset.loudness_lufs {
        level(&mut streams, material, plan, target, work)?;
    }
    let mut encoder = Encoder::new(preset, frames_of(plan.duration_us()), out)?;
    // Decoding and encoding each take about half of the time.
    let (sender, blocks) = mpsc::sync_channel::<Vec<i16>>(BLOCKS_AHEAD);
    std::thread::scope(|scope| {
        let encoding = scope.spawn(move || {
            for (n, block) in (0..).zip(blocks) {
                let at = n * BLOCK as u64;
                work.sound_done(at * 1_000_000 / u64::from(RATE))?;
                encoder.push(at, &block)?;
                if encoder.is_full() {
                    break;
                }
            }
            encoder.finish()
        });
        let mixed = mix_blocks(streams, material, plan, &sender, work);
        drop(sender);
        let track = encoding.join().map_err(|_| FilmError::Panicked)??;
        mixed.map(|()| track)
    })
}

/// Listens to everything once and sets how much louder each person is made, over all of his or her
/// tracks: who comes back is as loud as before. A screen's sound is only ever lowered.
fn level(
    streams: &mut [SoundStream],
    material: &Material,
    plan: &Plan,
    target: f64,
    work: &Work,
) -> Result<(), FilmError> {
    let mut meters: BTreeMap<Voice, Meter> = BTreeMap::new();
    for stream in streams.iter() {
        let meter = meters.entry(stream.voice.clone()).or_default();
        let mut listened = Decoding { waiting: stream.decoding.waiting.clone(), open: None };
        listened.fill(material, plan, i64::MAX, work, &mut |_, samples| meter.push(samples))?;
    }
    for stream in streams {
        let Some(meter) = meters.get(&stream.voice) else { continue };
        let gain = match (meter.gain_to(target), stream.voice.of_screen) {
            (Gain(gain), true) => Gain(gain.min(1.0)),
            (gain, false) => gain,
        };
        tracing::debug!(track = %stream.track, lufs = meter.lufs(), gain = gain.0, "loudness");
        stream.sound = MixSource::new(gain);
    }
    Ok(())
}

/// Mixes until nobody wants more.
fn mix_blocks(
    mut streams: Vec<SoundStream>,
    material: &Material,
    plan: &Plan,
    blocks: &SyncSender<Vec<i16>>,
    work: &Work,
) -> Result<(), FilmError> {
    let mut mixer = Mixer::default();
    let mut at = 0i64;
    loop {
        work.beat()?;
        let until = at + BLOCK as i64;
        for stream in &mut streams {
            let SoundStream { decoding, sound, .. } = stream;
            let push = &mut |at, samples: &[i16]| sound.push(at, samples);
            decoding.fill(material, plan, until + AHEAD, work, push)?;
        }
        let block = mixer.block(at, streams.iter_mut().map(|stream| &mut stream.sound));
        if blocks.send(block).is_err() {
            return Ok(());
        }
        at = until;
    }
}

/// What is brought to one loudness.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Voice {
    identity: String,
    of_screen: bool,
}

/// One track's sound.
struct SoundStream {
    track: String,
    voice: Voice,
    decoding: Decoding,
    sound: MixSource,
}

/// Reads and decodes a track's parts.
struct Decoding {
    waiting: VecDeque<Part>,
    open: Option<OpenPart>,
}

struct OpenPart {
    frames: PartFrames,
    decoder: Driven,
}

fn streams(material: &Material, plan: &Plan) -> Vec<SoundStream> {
    let mut tracks: BTreeMap<&str, Vec<&Part>> = BTreeMap::new();
    for part in plan.audio.iter().filter_map(|n| material.manifest.parts.get(*n)) {
        tracks.entry(&part.track).or_default().push(part);
    }
    let stream = |(track, mut parts): (&str, Vec<&Part>)| {
        parts.sort_by_key(|part| part.start_us);
        let known = material.manifest.tracks.iter().find(|known| known.track == track);
        let voice = Voice {
            identity: known.map_or_else(|| track.to_owned(), |known| known.identity.clone()),
            of_screen: known.is_some_and(|known| known.source == TrackSource::ScreenShareAudio),
        };
        let decoding = Decoding { waiting: parts.into_iter().cloned().collect(), open: None };
        let sound = MixSource::default();
        SoundStream { track: track.to_owned(), voice, decoding, sound }
    };
    tracks.into_iter().map(stream).collect()
}

impl Decoding {
    /// Decodes what belongs before sample frame `until` of the film and hands it on with its place.
    fn fill(
        &mut self,
        material: &Material,
        plan: &Plan,
        until: i64,
        work: &Work,
        sound: &mut impl FnMut(i64, &[i16]),
    ) -> Result<(), FilmError> {
        loop {
            work.beat()?;
            if self.open.is_none() {
                let begins = |part: &Part| {
                    plan.film_us(part.start_us).is_none_or(|us| (frames_of(us) as i64) < until)
                };
                if !self.waiting.front().is_some_and(begins) {
                    return Ok(());
                }
                let Some(part) = self.waiting.pop_front() else { return Ok(()) };
                self.open = OpenPart::open(material, &part)?;
                continue;
            }
            let Some(open) = &mut self.open else { return Ok(()) };
            let Some(next_us) = open.frames.next_us() else {
                self.open = None;
                continue;
            };
            let at = plan.film_us(next_us).map(|us| frames_of(us) as i64);
            if at.is_some_and(|at| at >= until) {
                return Ok(());
            }
            let Some(frame) = open.frames.take() else { continue };
            // What was cut is not decoded: the decoder needs no history to go on.
            if let Some(mut at) = at {
                for samples in open.decode(&frame) {
                    sound(at, &samples);
                    at += (samples.len() / CHANNELS) as i64;
                }
            }
        }
    }
}

impl OpenPart {
    fn open(material: &Material, part: &Part) -> Result<Option<Self>, ElementError> {
        let Some(frames) = PartFrames::open(part, &material.path(part)) else { return Ok(None) };
        Ok(Some(Self { frames, decoder: codecs::opus_decoder()? }))
    }

    /// Interleaved stereo of one packet; nothing if it is damaged.
    fn decode(&mut self, frame: &Frame) -> Vec<Vec<i16>> {
        let mut buffer = gst::Buffer::from_mut_slice(frame.data.clone());
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_useconds(frame.pts_us.max(0).unsigned_abs()));
        }
        if let Err(error) = self.decoder.push(buffer) {
            tracing::warn!(part = %self.frames.name, at_us = frame.pts_us, %error,
                "a packet cannot be decoded");
        }
        let mut made = Vec::new();
        while let Some(sound) = self.decoder.take() {
            if let Ok(bytes) = sound.buffer.map_readable() {
                let pairs = bytes.as_chunks::<2>().0;
                made.push(pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect());
            }
        }
        made
    }
}

/// AAC of exactly the film's length.
struct Encoder<'a> {
    out: &'a mut SampleFile,
    element: Driven,
    channels: u32,
    bps: u32,
    delay: u32,
    /// Sample frames of film and delay together.
    length: u64,
    samples: Vec<Sample>,
    config: Vec<u8>,
}

impl<'a> Encoder<'a> {
    fn new(
        preset: &AudioPreset,
        length: u64,
        out: &'a mut SampleFile,
    ) -> Result<Self, ElementError> {
        let codecs::AacEncoder { element, delay } =
            codecs::aac_encoder(preset.bps, preset.channels)?;
        let (bps, channels) = (preset.bps, preset.channels);
        let length = length + u64::from(delay);
        let (samples, config) = (Vec::new(), Vec::new());
        Ok(Self { out, element, channels, bps, delay, length, samples, config })
    }

    fn is_full(&self) -> bool {
        self.samples.len() as u64 * AAC_FRAME >= self.length
    }

    fn push(&mut self, at: u64, block: &[i16]) -> Result<(), FilmError> {
        let bytes: Vec<u8> = match self.channels {
            1 => {
                let pairs = block.as_chunks::<CHANNELS>().0.iter();
                let middle =
                    |[l, r]: &[i16; CHANNELS]| ((i32::from(*l) + i32::from(*r)) / 2) as i16;
                pairs.flat_map(|pair| middle(pair).to_le_bytes()).collect()
            }
            _ => block.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        };
        let time =
            |frames: u64| gst::ClockTime::from_nseconds(frames * 1_000_000_000 / u64::from(RATE));
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(time(at));
            buffer.set_duration(time(at + BLOCK as u64) - time(at));
        }
        self.element.push(buffer)?;
        self.collect()
    }

    fn collect(&mut self) -> Result<(), FilmError> {
        while let Some(made) = self.element.take() {
            if self.config.is_empty()
                && let Some(shape) = made.caps.as_ref().and_then(|caps| caps.structure(0))
                && let Ok(config) = shape.get::<gst::Buffer>("codec_data")
                && let Ok(bytes) = config.map_readable()
            {
                self.config = bytes.to_vec();
            }
            let done = self.samples.len() as u64 * AAC_FRAME;
            if done >= self.length {
                continue;
            }
            if let Ok(bytes) = made.buffer.map_readable() {
                let duration = AAC_FRAME.min(self.length - done) as u32;
                let bytes = bytes.as_slice();
                self.out.write(bytes)?;
                let sample = Sample { bytes: bytes.len() as u32, duration, keyframe: true };
                self.samples.push(sample);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Track, FilmError> {
        let format = TrackFormat::Aac {
            config: self.config,
            channels: self.channels,
            rate: RATE,
            bps: self.bps,
        };
        Ok(Track { format, timescale: RATE, samples: self.samples, skip: self.delay })
    }
}
