//! Sound alone in another file than M4A: Opus in Ogg, or FLAC. It hears the same mix as the film.

use super::codecs::mixed_sound;
use super::error::FilmError;
use super::output::{DerivedFolder, SampleFile};
use super::report::Work;
use crate::driven::{Driven, ElementError, Setting};
use gstreamer as gst;
use roombox_jobs::spec::{FileKind, JobSpec, MadeFile, Output, SoundContainer};
use roombox_transcode::mix::{CHANNELS, RATE};
use roombox_transcode::ogg::{OggWriter, Tags};
use roombox_transcode::plan::Plan;
use std::io::{self, Read, Write};
use std::ops::Range;

/// What Opus encoders put before the sound when they do not say (RFC 7845 §4.2).
const USUAL_SKIP: u16 = 312;
/// Where a FLAC file says how many samples it has: 36 bits at the end of these bytes (RFC 9639 §8.2).
const FLAC_TOTAL: Range<usize> = 18..26;
/// Bytes that are written between two signs of life.
const CHUNK: u64 = 1 << 20;

/// A file that is being made.
pub struct SoundFile {
    container: SoundContainer,
    element: Driven,
    channels: u32,
    packets: SampleFile,
    /// Bytes of each packet.
    sizes: Vec<u32>,
    skip: u16,
    /// Sample frames of the film.
    length: u64,
}

impl SoundFile {
    /// What the job asks for beside or instead of M4A; `None`: nothing.
    ///
    /// # Errors
    /// The encoder is missing or the disk refuses.
    pub fn wanted(
        job: &JobSpec,
        plan: &Plan,
        folder: &DerivedFolder,
    ) -> Result<Option<Self>, FilmError> {
        let container = job.audio.container;
        let channels = job.audio.channels;
        let silent = plan.audio.is_empty();
        let element = match container {
            _ if silent || !job.makes(Output::Sound) => return Ok(None),
            SoundContainer::M4a => return Ok(None),
            SoundContainer::Ogg => opus_encoder(job.audio.bps, channels)?,
            SoundContainer::Flac => flac_encoder(channels)?,
        };
        let length = plan.duration_us() * u64::from(RATE) / 1_000_000;
        let (packets, sizes) = (folder.sample_file("sound")?, Vec::new());
        let skip = USUAL_SKIP;
        Ok(Some(Self { container, element, channels, packets, sizes, skip, length }))
    }

    /// Hears what of a block of interleaved stereo lies within a range of sample frames; the block
    /// begins at `at`.
    ///
    /// # Errors
    /// The encoder fails or the disk refuses.
    pub fn push_within(
        &mut self,
        range: &Range<i64>,
        at: i64,
        block: &[i16],
    ) -> Result<(), FilmError> {
        let end = at + (block.len() / CHANNELS) as i64;
        let (from, to) = (at.max(range.start), end.min(range.end));
        if from >= to {
            return Ok(());
        }
        let within = (from - at) as usize * CHANNELS..(to - at) as usize * CHANNELS;
        self.push(from.unsigned_abs(), &block[within])
    }

    fn push(&mut self, at: u64, block: &[i16]) -> Result<(), FilmError> {
        let left = self.length.saturating_sub(at).min((block.len() / CHANNELS) as u64);
        if left == 0 {
            return Ok(());
        }
        let pairs = block.as_chunks::<CHANNELS>().0.iter().take(left as usize);
        let bytes: Vec<u8> = match self.channels {
            1 => {
                let middle =
                    |[l, r]: &[i16; CHANNELS]| ((i32::from(*l) + i32::from(*r)) / 2) as i16;
                pairs.flat_map(|pair| middle(pair).to_le_bytes()).collect()
            }
            _ => pairs.flatten().flat_map(|sample| sample.to_le_bytes()).collect(),
        };
        let time =
            |frames: u64| gst::ClockTime::from_nseconds(frames * 1_000_000_000 / u64::from(RATE));
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(time(at));
            buffer.set_duration(time(at + left) - time(at));
        }
        self.element.push(buffer)?;
        self.collect()
    }

    fn collect(&mut self) -> Result<(), FilmError> {
        while let Some(made) = self.element.take() {
            if let Some(skip) = made.caps.as_deref().and_then(told_skip) {
                self.skip = skip;
            }
            if let Ok(bytes) = made.buffer.map_readable() {
                self.packets.write(&bytes)?;
                self.sizes.push(bytes.len() as u32);
            }
        }
        Ok(())
    }

    /// Writes the file.
    ///
    /// # Errors
    /// The encoder fails, the disk refuses, or the job was cancelled.
    pub fn publish(
        mut self,
        folder: &DerivedFolder,
        title: &str,
        work: &Work,
    ) -> Result<MadeFile, FilmError> {
        self.element.finish();
        self.collect()?;
        let mut packets = self.packets.reader()?;
        let published = match self.container {
            SoundContainer::Flac => folder.publish("sound.flac", FileKind::Sound, |out| {
                let mut head = [0; FLAC_TOTAL.end];
                packets.read_exact(&mut head)?;
                say_total(&mut head, self.length);
                out.write_all(&head)?;
                while io::copy(&mut packets.by_ref().take(CHUNK), out)? > 0 {
                    work.beat().map_err(io::Error::other)?;
                }
                Ok(())
            }),
            _ => folder.publish("sound.ogg", FileKind::Sound, |out| {
                let tags = Tags { title: title.to_owned(), artist: String::new() };
                let mut file = OggWriter::new(out, self.skip, self.channels as u8, &tags)?;
                let mut packet = Vec::new();
                for size in &self.sizes {
                    work.beat().map_err(io::Error::other)?;
                    packet.resize(*size as usize, 0);
                    packets.read_exact(&mut packet)?;
                    file.packet(&packet)?;
                }
                file.finish(Some(self.length)).map(|_| ())
            }),
        };
        // Cancelling shows as a failed write.
        work.beat()?;
        published
    }
}

fn opus_encoder(bps: u32, channels: u32) -> Result<Driven, ElementError> {
    let makes = gst::Caps::builder("audio/x-opus").build();
    let properties =
        [Setting::must("bitrate", bps.min(256_000)), Setting::must("audio-type", "generic")];
    Driven::new("opusenc", &properties, &mixed_sound(channels), &makes)
}

fn flac_encoder(channels: u32) -> Result<Driven, ElementError> {
    let makes = gst::Caps::builder("audio/x-flac").build();
    Driven::new("flacenc", &[], &mixed_sound(channels), &makes)
}

/// How much the encoder puts before the sound: its `OpusHead` says so.
fn told_skip(caps: &gst::CapsRef) -> Option<u16> {
    let heads = caps.structure(0)?.get::<gst::Array>("streamheader").ok()?;
    let head = heads.first()?.get::<gst::Buffer>().ok()?;
    let bytes = head.map_readable().ok()?;
    let skip = bytes.strip_prefix(b"OpusHead")?.get(2..4)?;
    Some(u16::from_le_bytes([skip[0], skip[1]]))
}

/// Writes the length into the head of a FLAC file: the encoder did not know it when it wrote that.
fn say_total(head: &mut [u8; FLAC_TOTAL.end], frames: u64) {
    const ALL: u64 = (1 << 36) - 1;
    if let Some(place) = head.last_chunk_mut() {
        let rest = u64::from_be_bytes(*place) & !ALL;
        *place = (rest | (frames & ALL)).to_be_bytes();
    }
}
