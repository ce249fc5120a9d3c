//! The film's sound, reel by reel: every microphone decoded, brought to one loudness, mixed block by
//! block, made into AAC.
//!
//! How loud somebody is made follows from all that was heard of him or her until the reel's end: it
//! is soon right, changes little from then on, and does not wait for the meeting's end.

use super::aac::Encoder;
use super::codecs;
use super::error::FilmError;
use super::frames::PartFrames;
use super::material::Material;
use super::reels::{Content, Kind, Reel, Reels, VoiceHeard};
use super::report::Work;
use super::sound_file::SoundFile;
use super::voice::VoiceDecoder;
use roombox_capture::manifest::{Part, RecordedLayer, TrackSource};
use roombox_capture::matroska::Frame;
use roombox_jobs::spec::AudioPreset;
use roombox_transcode::loudness::{Loudness, blocks};
use roombox_transcode::mix::{BLOCK, CHANNELS, Gain, MixSource, Mixer, RATE, placed};
use roombox_transcode::mp4::{Sample, Track, TrackFormat};
use roombox_transcode::plan::Plan;
use roombox_transcode::reel::{self, AAC_FRAME, Recipe, SoundReel, samples};
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc;
use std::thread::{Scope, ScopedJoinHandle, available_parallelism};

/// So many reels are encoded at a time at most: each holds what was mixed for it, 2 MB.
const MOST_AT_ONCE: usize = 4;
/// A decoder that begins in the middle of a part is right after 80 ms (RFC 7845 §4.6), and the same to the bit as
/// one that went on, as an attempt that goes on after a crash must be, after some hundred.
const PRE_ROLL_US: u64 = 1_000_000;
/// Somebody is made louder or quieter over so many samples: a second.
const RAMP: i64 = RATE as i64;

/// Makes the film's sound, and keeps decoders from one reel to the next.
#[derive(Default)]
pub struct Mixing {
    streams: BTreeMap<String, SoundStream>,
    /// How loud everybody was before the next reel.
    heard: BTreeMap<Voice, Loudness>,
    next: u64,
}

/// What sound is made of and how.
#[derive(Clone, Copy)]
pub struct Score<'a> {
    pub material: &'a Material,
    pub plan: &'a Plan,
    pub preset: &'a AudioPreset,
}

impl Score<'_> {
    fn reel(&self, number: u64) -> Result<(SoundReel, Recipe), FilmError> {
        let (_, delay) = codecs::aac_factory()?;
        let reel = SoundReel::new(number, self.plan.duration_us(), delay);
        let AudioPreset { bps, channels, loudness_lufs, .. } = *self.preset;
        let maker = format!("{} {loudness_lufs:?}", codecs::aac_maker(bps, channels)?);
        let recipe = reel::of_sound(&self.material.manifest, self.plan, &reel, &maker);
        Ok((reel, recipe))
    }
}

/// All reels of the film's sound: those that are missing are made, and all where another file wants
/// to hear what is mixed.
///
/// # Errors
/// An element is missing or fails, the disk refuses, or the job was cancelled.
pub fn mix(
    score: Score<'_>,
    reels: &Reels,
    mut also: Option<&mut SoundFile>,
    work: &Work,
) -> Result<Vec<Reel>, FilmError> {
    let mut mixing = Mixing::default();
    // Encoding takes most of the time, and each reel has an encoder of its own: those of several are at work while
    // the next one is mixed.
    let at_once = available_parallelism().map_or(1, usize::from).min(MOST_AT_ONCE);
    std::thread::scope(|scope| {
        let (mut made, mut begun) = (Vec::new(), VecDeque::<Begun<'_>>::new());
        for _ in 0..reel::count(score.plan.duration_us()) {
            if begun.len() >= at_once
                && let Some(oldest) = begun.pop_front()
            {
                made.push(oldest.made()?);
            }
            begun.push_back(mixing.begin(scope, score, reels, also.as_deref_mut(), work)?);
        }
        for reel in begun {
            made.push(reel.made()?);
        }
        Ok(made)
    })
}

/// A reel that is there, or is being encoded.
enum Begun<'a> {
    Found(Reel),
    Encodes(ScopedJoinHandle<'a, Result<Reel, FilmError>>),
}

impl Begun<'_> {
    /// # Errors
    /// The encoder is missing or fails, the disk refuses, or the job was cancelled.
    fn made(self) -> Result<Reel, FilmError> {
        match self {
            Self::Found(reel) => Ok(reel),
            Self::Encodes(thread) => thread.join().map_err(|_| FilmError::Panicked)?,
        }
    }
}

/// The film's sound track, of all of its reels.
///
/// # Errors
/// Reels were made by encoders that do not fit together, or none is installed.
pub fn track(reels: &[Reel], preset: &AudioPreset, duration_us: u64) -> Result<Track, FilmError> {
    let (factory, delay) = codecs::aac_factory()?;
    let config = reels.first().map(|reel| reel.content.config.clone()).unwrap_or_default();
    if reels.iter().any(|reel| reel.content.config != config) {
        return Err(FilmError::Misfit { encoder: factory });
    }
    let mut all: Vec<Sample> = reels.iter().flat_map(|reel| reel.content.samples()).collect();
    // Of exactly the film's length.
    let before = all.len().saturating_sub(1) as u64 * AAC_FRAME;
    let length = samples(duration_us) + u64::from(delay);
    if let Some(last) = all.last_mut() {
        last.duration = length.saturating_sub(before).min(AAC_FRAME) as u32;
    }
    let (bps, channels) = (preset.bps, preset.channels);
    let format = TrackFormat::Aac { config, channels, rate: RATE, bps };
    Ok(Track { format, timescale: RATE, samples: all, skip: delay, delay_ms: 0 })
}

impl Mixing {
    /// The reel after the last one, found or made; made where `also` wants to hear it.
    ///
    /// # Errors
    /// An element is missing or fails, the disk refuses, or the job was cancelled.
    pub fn next_reel(
        &mut self,
        score: Score<'_>,
        reels: &Reels,
        also: Option<&mut SoundFile>,
        work: &Work,
    ) -> Result<Reel, FilmError> {
        std::thread::scope(|scope| self.begin(scope, score, reels, also, work)?.made())
    }

    /// The same, but it may still be being encoded.
    fn begin<'scope, 'env>(
        &mut self,
        scope: &'scope Scope<'scope, 'env>,
        score: Score<'env>,
        reels: &'env Reels,
        also: Option<&mut SoundFile>,
        work: &'env Work,
    ) -> Result<Begun<'scope>, FilmError> {
        let (reel, recipe) = score.reel(self.next)?;
        self.next += 1;
        let until_us = (self.next * reel::REEL_US).min(score.plan.duration_us());
        let found = reels.find(Kind::Sound, reel.number, &recipe).filter(|_| also.is_none());
        let fits = |found: &Reel| {
            let now = self.gains(score.preset, &found.content.heard);
            found.content.heard.iter().all(|voice| now.get(&Voice::of(voice)) == Some(&voice.gains))
        };
        if let Some(found) = found.filter(fits) {
            // They begin anew where they are wanted again.
            self.streams.clear();
            self.hear(&found.content.heard);
            work.sound_done(until_us)?;
            return Ok(Begun::Found(found));
        }
        let heard = self.listen(score, &reel, work)?;
        self.hear(&heard);
        let gains = heard.iter().map(|voice| (Voice::of(voice), voice.gains)).collect();
        let (sender, mixed) = mpsc::channel();
        let (number, from) = (reel.number, reel.heard().start as i64);
        let encoder = Encoder::new(score.preset, &reel)?;
        let encoding = scope.spawn(move || {
            let (content, bytes) = encoder.encode(mixed, from, work)?;
            let content = Content { heard, ..content };
            let made = reels.keep(Kind::Sound, number, &recipe, (content, &bytes))?;
            work.sound_done(until_us)?;
            Ok(made)
        });
        self.mix(&reel, &gains, &sender, also)?;
        Ok(Begun::Encodes(encoding))
    }

    /// Remembers how loud everybody was.
    fn hear(&mut self, heard: &[VoiceHeard]) {
        for voice in heard {
            self.heard.entry(Voice::of(voice)).or_default().add(&voice.blocks);
        }
    }

    /// How much louder everybody is made who is heard in the next reel: at its beginning, and then.
    fn gains(&self, preset: &AudioPreset, heard: &[VoiceHeard]) -> BTreeMap<Voice, (f64, f64)> {
        let gain = |voice: &Voice, loudness: &Loudness| {
            let Some(target) = preset.loudness_lufs else { return 1.0 };
            let Gain(gain) = loudness.gain_to(target);
            // A screen's sound is only ever lowered. Numbers that survive being written down.
            let most = if voice.of_screen { 1.0 } else { f64::MAX };
            (gain.min(most) * 4096.0).round() / 4096.0
        };
        let mut gains = BTreeMap::new();
        for heard in heard {
            let voice = Voice::of(heard);
            let before = self.heard.get(&voice).cloned().unwrap_or_default();
            let mut now = before.clone();
            now.add(&heard.blocks);
            let to = gain(&voice, &now);
            // Whoever is heard for the first time is heard so from the first word on.
            let from = match before.is_empty() && !heard.already {
                true => to,
                false => gain(&voice, &before),
            };
            gains.insert(voice, (from, to));
        }
        gains
    }

    /// Decodes what is heard in a reel: how loud everybody is in it, and is to be made.
    fn listen(
        &mut self,
        score: Score<'_>,
        reel: &SoundReel,
        work: &Work,
    ) -> Result<Vec<VoiceHeard>, FilmError> {
        let range = reel.heard();
        let (from, until) = (range.start as i64, range.end as i64);
        self.learn(score, from);
        let mut heard: BTreeMap<Voice, (Vec<i16>, bool)> = BTreeMap::new();
        for stream in self.streams.values_mut() {
            stream.fill(score, until, work)?;
            // What brought the decoder there is not heard, as if it had gone on from before.
            stream.forget(from);
            let measured = reel.measured();
            let sound = stream.decoded.iter().filter(|(at, _)| measured.contains(at));
            let blocks = blocks(sound.map(|(_, samples)| samples.as_slice()));
            let already = stream.decoded.front().is_some_and(|(at, _)| *at < measured.start);
            let voice = heard.entry(stream.voice.clone()).or_default();
            voice.0.extend(blocks);
            voice.1 |= already;
        }
        let mut heard: Vec<VoiceHeard> = heard
            .into_iter()
            .map(|(Voice { identity, of_screen }, (blocks, already))| VoiceHeard {
                identity,
                of_screen,
                already,
                blocks,
                gains: (1.0, 1.0),
            })
            .collect();
        let gains = self.gains(score.preset, &heard);
        for voice in &mut heard {
            voice.gains = gains.get(&Voice::of(voice)).copied().unwrap_or((1.0, 1.0));
        }
        Ok(heard)
    }

    /// Mixes a reel for its encoder, which says when it has enough by hanging up.
    fn mix(
        &mut self,
        reel: &SoundReel,
        gains: &BTreeMap<Voice, (f64, f64)>,
        encoder: &mpsc::Sender<Vec<i16>>,
        mut also: Option<&mut SoundFile>,
    ) -> Result<(), FilmError> {
        let range = reel.heard();
        let (from, until) = (range.start as i64, range.end as i64);
        let mut sources = self.sources(gains);
        let mut mixer = Mixer::default();
        let (measured, mut full) = (reel.measured(), false);
        // An encoder that does not give what it was given ends, too.
        for at in (from..until + i64::from(RATE)).step_by(BLOCK) {
            if full && (also.is_none() || at >= measured.end) {
                break;
            }
            for (source, gains) in &mut sources {
                source.set_gain(gain_at(*gains, at - measured.start));
            }
            let block = mixer.block(at, sources.iter_mut().map(|(source, _)| source));
            if let Some(file) = &mut also {
                file.push_within(&measured, at, &block)?;
            }
            full = full || encoder.send(block).is_err();
        }
        // The next reel hears a little of what was before it.
        let next = reel.next_hears_from() as i64;
        self.streams.values_mut().for_each(|stream| stream.forget(next));
        Ok(())
    }

    /// Streams of all tracks, and of what was opened since.
    fn learn(&mut self, score: Score<'_>, from: i64) {
        let from_us = from.unsigned_abs() * 1_000_000 / u64::from(RATE);
        let from_us = score.plan.recording_us(from_us).saturating_sub(PRE_ROLL_US);
        SoundStream::learn_all(&mut self.streams, score.material, from_us);
    }

    fn sources(&self, gains: &BTreeMap<Voice, (f64, f64)>) -> Vec<(MixSource, (f64, f64))> {
        let source = |stream: &SoundStream| {
            let mut source = MixSource::default();
            for (at, samples) in &stream.decoded {
                source.push(*at, samples);
            }
            (source, gains.get(&stream.voice).copied().unwrap_or((1.0, 1.0)))
        };
        let sounding = self.streams.values().filter(|stream| !stream.decoded.is_empty());
        sounding.map(source).collect()
    }
}

/// The gain so many samples after a reel's beginning.
fn gain_at((from, to): (f64, f64), at: i64) -> Gain {
    let along = at.clamp(0, RAMP) as f64 / RAMP as f64;
    Gain(from + (to - from) * along)
}

/// What is brought to one loudness: a person over all of his or her tracks, who comes back as loud
/// as before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Voice {
    pub identity: String,
    pub of_screen: bool,
}

impl Voice {
    fn of(heard: &VoiceHeard) -> Self {
        Self { identity: heard.identity.clone(), of_screen: heard.of_screen }
    }
}

/// One track's sound: reads and decodes its parts.
pub(super) struct SoundStream {
    pub voice: Voice,
    /// Where in the recording it begins.
    from_us: u64,
    waiting: VecDeque<Part>,
    /// When the last part that is known begins.
    newest_us: Option<u64>,
    open: Option<OpenPart>,
    /// Interleaved stereo, and where on the film's time it begins.
    pub decoded: VecDeque<(i64, Vec<i16>)>,
    /// Where the last of it ends.
    end: Option<i64>,
}

struct OpenPart {
    frames: PartFrames,
    decoder: VoiceDecoder,
}

impl SoundStream {
    fn new(voice: Voice, from_us: u64) -> Self {
        let (waiting, decoded) = (VecDeque::new(), VecDeque::new());
        Self { voice, from_us, waiting, newest_us: None, open: None, decoded, end: None }
    }

    /// Streams of all tracks from a moment on, and what was opened since.
    pub fn learn_all(streams: &mut BTreeMap<String, Self>, material: &Material, from_us: u64) {
        let audio = |part: &&Part| part.layer == RecordedLayer::Audio;
        let mut parts: Vec<&Part> = material.manifest.parts.iter().filter(audio).collect();
        parts.sort_by_key(|part| part.start_us);
        for part in parts {
            let known = material.manifest.tracks.iter().find(|known| known.track == part.track);
            let stream = streams.entry(part.track.clone()).or_insert_with(|| {
                let identity = known.map_or(&part.track, |known| &known.identity).clone();
                let of_screen =
                    known.is_some_and(|known| known.source == TrackSource::ScreenShareAudio);
                Self::new(Voice { identity, of_screen }, from_us)
            });
            stream.learn(part);
        }
    }

    fn learn(&mut self, part: &Part) {
        if self.newest_us.is_none_or(|newest| part.start_us > newest) {
            self.newest_us = Some(part.start_us);
            if part.end_us.is_none_or(|end| end >= self.from_us) {
                self.waiting.push_back(part.clone());
            }
        }
    }

    /// Decodes what belongs before sample frame `until` of the film.
    pub fn fill(&mut self, score: Score<'_>, until: i64, work: &Work) -> Result<(), FilmError> {
        let Score { material, plan, .. } = score;
        let film_at = |us: u64| plan.film_us(us).map(|us| samples(us) as i64);
        loop {
            work.turn()?;
            let Some(open) = &mut self.open else {
                let begins = |part: &Part| film_at(part.start_us).is_none_or(|at| at < until);
                if !self.waiting.front().is_some_and(begins) {
                    return Ok(());
                }
                let Some(part) = self.waiting.front() else { return Ok(()) };
                // One that cannot be read yet stays for another try.
                self.open = OpenPart::open(material, part, self.from_us)?;
                self.waiting.pop_front();
                continue;
            };
            let Some(next_us) = open.frames.next_us() else {
                if open.frames.grows() && self.waiting.is_empty() {
                    return Ok(());
                }
                self.open = None;
                continue;
            };
            let at = film_at(next_us);
            // What is later than anything that is known is no cut: it is heard when it is known.
            if at.is_some_and(|at| at >= until) || next_us > plan.last_us() {
                return Ok(());
            }
            let Some(frame) = open.frames.take()? else { continue };
            // What was cut is not decoded: the decoder needs no history to go on.
            if let Some(mut at) = at
                && next_us >= self.from_us
            {
                for samples in open.decode(&frame) {
                    let length = (samples.len() / CHANNELS) as i64;
                    // Once and for all: where it lies must not follow from where a reel begins.
                    at = placed(at, self.end);
                    self.decoded.push_back((at, samples));
                    at += length;
                    self.end = Some(at);
                }
            }
        }
    }

    /// Forgets what ended before a sample frame of the film.
    fn forget(&mut self, before: i64) {
        let ended =
            |(at, samples): &(i64, Vec<i16>)| at + (samples.len() / CHANNELS) as i64 <= before;
        while self.decoded.front().is_some_and(ended) {
            self.decoded.pop_front();
        }
    }
}

impl OpenPart {
    fn open(material: &Material, part: &Part, from_us: u64) -> Result<Option<Self>, FilmError> {
        let Some(frames) = PartFrames::open(material, part, from_us)? else { return Ok(None) };
        Ok(Some(Self { frames, decoder: VoiceDecoder::new()? }))
    }

    /// Interleaved stereo of one packet; nothing if it is damaged.
    fn decode(&mut self, frame: &Frame) -> Vec<Vec<i16>> {
        let decoded = self.decoder.decode(frame);
        if let Some(error) = decoded.error {
            tracing::warn!(part = %self.frames.name, at_us = frame.pts_us, %error,
                "a packet cannot be decoded");
        }
        decoded.sound
    }
}
