//! The sound of a broadcast: every microphone decoded, brought to one loudness as far as it is known
//! by now, mixed block by block, made into AAC.

use super::super::codecs;
use super::super::error::FilmError;
use super::super::material::{Material, chain};
use super::super::report::Work;
use super::super::sound::{Score, SoundStream, Voice};
use super::unit::Unit;
use crate::driven::Driven;
use roombox_jobs::spec::AudioPreset;
use roombox_transcode::loudness::{Loudness, blocks};
use roombox_transcode::mix::{BLOCK, CHANNELS, Gain, MixSource, Mixer, RATE};
use roombox_transcode::plan::{Plan, VideoPlan};
use roombox_transcode::reel::{AAC_FRAME, samples};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whoever was away for longer goes on where the others are.
const LONGEST_GAP: i64 = RATE as i64 * 5;
/// How loud somebody is is measured over so much sound at a time.
const MEASURED: usize = RATE as usize * CHANNELS;
/// Of the way to another loudness, in one block: over in about a second.
const STEP: f64 = 0.06;

/// How loud somebody is made.
struct Level {
    heard: Loudness,
    /// Not measured yet.
    fresh: Vec<i16>,
    gain: f64,
    wanted: f64,
}

impl Default for Level {
    fn default() -> Self {
        Self { heard: Loudness::default(), fresh: Vec::new(), gain: 1.0, wanted: 1.0 }
    }
}

impl Level {
    fn hear(&mut self, sound: &[i16], target: f64, most: f64) {
        self.fresh.extend_from_slice(sound);
        if self.fresh.len() >= MEASURED {
            let first = self.heard.is_empty();
            self.heard.add(&blocks(std::iter::once(self.fresh.as_slice())));
            self.fresh.clear();
            let Gain(wanted) = self.heard.gain_to(target);
            self.wanted = wanted.min(most);
            if first && !self.heard.is_empty() {
                self.gain = self.wanted;
            }
        }
    }

    fn step(&mut self) -> Gain {
        self.gain += (self.wanted - self.gain) * STEP;
        Gain(self.gain)
    }
}

/// Mixes and encodes, from a moment of the recording on.
pub struct LiveSound {
    preset: AudioPreset,
    /// The film's time is the recording's: nothing is cut.
    whole: Plan,
    from_us: u64,
    streams: BTreeMap<String, SoundStream>,
    sources: BTreeMap<String, MixSource>,
    levels: BTreeMap<Voice, Level>,
    mixer: Mixer,
    encoder: Driven,
    /// Samples that the encoder puts before the sound.
    delay: i64,
    /// Sample frame of the recording that is mixed next, and that the encoder's next frame begins with.
    at: i64,
    coded: i64,
    config: Arc<Vec<u8>>,
}

impl LiveSound {
    /// # Errors
    /// No encoder is installed.
    pub fn new(preset: &AudioPreset, from_us: u64) -> Result<Self, FilmError> {
        let (_, delay) = codecs::aac_factory()?;
        let at = samples(from_us) as i64;
        Ok(Self {
            preset: preset.clone(),
            whole: Plan {
                pieces: vec![(0, u64::MAX)],
                video: VideoPlan::Nothing,
                audio: Vec::new(),
            },
            from_us,
            streams: BTreeMap::new(),
            sources: BTreeMap::new(),
            levels: BTreeMap::new(),
            mixer: Mixer::default(),
            encoder: codecs::aac_encoder(preset.bps, preset.channels)?,
            delay: i64::from(delay),
            at,
            coded: at,
            config: Arc::default(),
        })
    }

    /// Hears of tracks and of parts that were opened since.
    pub fn learn(&mut self, material: &Material) {
        SoundStream::learn_all(&mut self.streams, material, self.from_us);
    }

    /// Everything that sounds before a moment of the recording and was not made yet; `silent`: nobody
    /// is heard in it.
    ///
    /// # Errors
    /// An element is missing or fails, or the broadcast was cancelled.
    pub fn until(
        &mut self,
        material: &Material,
        until_us: u64,
        silent: bool,
        work: &Work,
    ) -> Result<Vec<Unit>, FilmError> {
        let until = samples(until_us) as i64;
        if until - self.at > LONGEST_GAP {
            let gap = until - self.at;
            (self.at, self.coded) = (self.at + gap, self.coded + gap);
        }
        let mut made = Vec::new();
        while self.at + BLOCK as i64 <= until {
            self.decode(material, work)?;
            let mut sources: Vec<&mut MixSource> = match silent {
                true => Vec::new(),
                false => self.sources.values_mut().collect(),
            };
            let block = self.mixer.block(self.at, sources.iter_mut().map(|source| &mut **source));
            let at = self.at.unsigned_abs();
            self.encoder.push(codecs::sound_buffer(self.preset.channels, at, &block))?;
            self.at += BLOCK as i64;
            self.collect(&mut made);
        }
        Ok(made)
    }

    fn decode(&mut self, material: &Material, work: &Work) -> Result<(), FilmError> {
        let score = Score { material, plan: &self.whole, preset: &self.preset };
        for (track, stream) in &mut self.streams {
            match stream.fill(score, self.at + BLOCK as i64, work) {
                Ok(()) => {}
                // The others are heard meanwhile; the next block tries it again.
                Err(FilmError::Recording(error)) => {
                    tracing::debug!(track, error = %chain(&error), "a part cannot be read yet");
                }
                Err(error) => return Err(error),
            }
            let source = self.sources.entry(track.clone()).or_default();
            let level = self.levels.entry(stream.voice.clone()).or_default();
            let most = if stream.voice.of_screen { 1.0 } else { f64::MAX };
            for (at, sound) in stream.decoded.drain(..) {
                if let Some(target) = self.preset.loudness_lufs {
                    level.hear(&sound, target, most);
                }
                source.push(at, &sound);
            }
            source.set_gain(level.step());
        }
        Ok(())
    }

    fn collect(&mut self, made: &mut Vec<Unit>) {
        while let Some(one) = self.encoder.take() {
            if self.config.is_empty()
                && let Some(shape) = one.caps.as_ref().and_then(|caps| caps.structure(0))
                && let Ok(config) = shape.get::<gstreamer::Buffer>("codec_data")
                && let Ok(bytes) = config.map_readable()
            {
                self.config = Arc::new(bytes.to_vec());
            }
            let at = self.coded - self.delay;
            self.coded += AAC_FRAME as i64;
            let Ok(bytes) = one.buffer.map_readable() else { continue };
            if at >= 0 && !self.config.is_empty() {
                made.push(Unit {
                    picture: false,
                    at_us: at.unsigned_abs() * 1_000_000 / u64::from(RATE),
                    keyframe: true,
                    data: bytes.to_vec(),
                    config: self.config.clone(),
                });
            }
        }
    }
}
