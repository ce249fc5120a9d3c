//! Films of several recordings as one film of a recording of its own.
//!
//! ```text
//! heads of all films ─► which can stay ─┬─ pictures: as they are, or decode ► letterbox ► H.264 ─┐
//!                                       └─ sound: frames of AAC as they are, silence where ──────┴─► MP4
//!                                          a film has none
//! ```
//! Samples that stay are read from the films themselves when the new one is written: beside it only what is
//! coded anew takes room. Of a film nothing is changed.

mod pictures;
mod source;

use super::codecs;
use super::error::FilmError;
use super::extents::{self, Extent};
use super::files::{self, Made, Samples, movie};
use super::output::DerivedFolder;
use super::report::{self, Work};
use crate::driven::ElementError;
use gstreamer as gst;
use roombox_capture::manifest::{EndReason, Ended, Manifest};
use roombox_capture::storage::{LocalDisk, Storage};
use roombox_capture::timeline::{TimelineEvent, TimelineLine};
use roombox_capture::write_manifest;
use roombox_jobs::spec::{FileKind, JobSpec, MadeFile, Merge, Receipt};
use roombox_transcode::index::{FilmFormat, FilmIndex, Piece};
use roombox_transcode::merge::{self, Frames, Part, SplicedPictures};
use roombox_transcode::mix::{BLOCK, CHANNELS};
use roombox_transcode::mp4::{FileInfo, Sample, Track, TrackFormat};
use roombox_transcode::plan::{Chapter, ChapterKind};
use roombox_transcode::reel::AAC_FRAME;
use roombox_transcode::vtt;
use source::Source;
use std::path::Path;
use std::sync::Arc;

/// Whether there is anything to merge, and what it is lies below the recordings.
pub fn is_sensible(merge: &Merge) -> bool {
    merge.parts.len() >= 2 && merge.parts.iter().all(source::is_inside)
}

/// Makes the film; `recording` is the folder of what is made, beside those of its parts.
///
/// # Errors
/// A film is gone or is none of ours, sounds differ in kind, an element is missing or fails, the disk
/// refuses, or the job was cancelled. Nothing unfinished is left.
pub fn film(
    recording: &Path,
    job: &JobSpec,
    parts: &Merge,
    work: &Work,
) -> Result<Receipt, FilmError> {
    let root = recording.parent().ok_or(FilmError::UnusableSpec("its recording has no place"))?;
    let mut sources = Vec::new();
    for part in &parts.parts {
        work.beat()?;
        sources.push(Source::open(root, part)?);
    }
    for (source, part) in sources.iter().zip(&parts.parts) {
        source.verify(&part.sha256, work)?;
    }
    let sound_format = common_sound(&sources)?;
    gst::init().map_err(|error| FilmError::Start(error.to_string()))?;
    let target = pictures::Target::of(&sources, &job.video)?;
    let total_us = sources.iter().map(Source::duration_us).sum();
    work.begin(total_us, target.encoder());
    let folder = DerivedFolder::open(recording, &job.job, work.pulse())?;
    let (shown, extents, row) = pictures::in_a_row(&sources, &target, &folder, work)?;
    let seams_us = row.seams_us();
    let duration_us = seams_us.last().copied().unwrap_or(0);
    let SplicedPictures { timescale, samples, .. } = row;
    let format = target.format();
    let mut picture = Made {
        track: Track { format, timescale, samples, skip: 0, delay_ms: 0 },
        samples: Samples::Extents(extents),
    };
    let mut sound = match sound_format {
        Some(format) => Some(sound(&sources, &seams_us, format)?),
        None => None,
    };
    let info = FileInfo {
        title: job.title.clone(),
        created_unix_s: parts.started_unix_ms / 1000,
        chapters: chapters(&sources, &seams_us),
    };
    write_folder(recording, job, parts, (&sources, &seams_us, &info.chapters))?;
    let stills = pictures::stills(&shown, &target, &picture.track, duration_us, work)?;
    let bytes =
        |made: &Made| made.track.samples.iter().map(|one| u64::from(one.bytes)).sum::<u64>();
    work.begin_to_write(bytes(&picture) + sound.as_ref().map_or(0, bytes));
    let tracks = std::iter::once(&mut picture).chain(&mut sound).collect();
    let mut files = vec![movie(&folder, "film.mp4", FileKind::Mp4, &info, tracks, work)?];
    let (beside, sprite) = files::beside(&folder, stills, &info.chapters, duration_us)?;
    files.extend(beside);
    files.extend(captions(&folder, &sources, &seams_us)?);
    let heard = sound.as_ref().map(|made| &made.track);
    files.push(files::index(
        &folder,
        &FilmIndex {
            v: 1,
            duration_us,
            pieces: vec![Piece { from_us: 0, to_us: duration_us }],
            chapters: info.chapters,
            sprite,
            format: FilmFormat::of(&picture.track, heard, target.made_by(&sources)),
            merge: Some(parts.clone()),
        },
    )?);
    let encoder = target.encoder().to_owned();
    Ok(Receipt { job: job.job.clone(), files, duration_us, encoder, cpu_s: report::cpu_s() })
}

/// What all sounds are; `None`: no film has any.
fn common_sound(sources: &[Source]) -> Result<Option<TrackFormat>, FilmError> {
    let mut first: Option<&TrackFormat> = None;
    for source in sources {
        let Some(sound) = &source.film.sound else { continue };
        let format = &sound.track.format;
        let TrackFormat::Aac { config, channels, rate, .. } = format else { continue };
        match first {
            None => first = Some(format),
            Some(TrackFormat::Aac { config: known, channels: c, rate: r, .. })
                if (known, c, r) == (config, channels, rate) => {}
            Some(_) => {
                return Err(source.refused("its sound is of another kind than the first one's"));
            }
        }
    }
    Ok(first.cloned())
}

fn sound(sources: &[Source], seams_us: &[u64], format: TrackFormat) -> Result<Made, FilmError> {
    let TrackFormat::Aac { channels, rate, bps, ref config } = format else {
        return Err(FilmError::UnusableSpec("its sound is no AAC"));
    };
    let of = |source: &Source| {
        let track = &source.film.sound.as_ref()?.track;
        Some(merge::Sound { frames: track.samples.len(), lead: track.skip })
    };
    let films: Vec<_> = sources.iter().map(of).collect();
    let row = merge::sound(&films, seams_us, rate);
    tracing::info!(skews = ?row.skews, "samples by which sounds are later than pictures");
    let silent = row.frames.iter().any(|frames| matches!(frames, Frames::Silent { .. }));
    let silence: Arc<[u8]> = match silent {
        true => silence(config, bps, channels)?.into(),
        false => Arc::new([]),
    };
    let (mut samples, mut extents) = (Vec::new(), Vec::new());
    for frames in &row.frames {
        match *frames {
            Frames::Of { film, from, count } => {
                let source = &sources[film];
                let Some(track) = &source.film.sound else { continue };
                let all = track.offsets.iter().zip(&track.track.samples);
                for (at, sample) in all.skip(from).take(count) {
                    samples.push(Sample { duration: AAC_FRAME as u32, ..*sample });
                    extents::push(&mut extents, &source.file, *at, sample.bytes.into());
                }
            }
            Frames::Silent { count } => {
                let bytes = silence.len() as u32;
                let sample = Sample { bytes, duration: AAC_FRAME as u32, keyframe: true };
                samples.extend(std::iter::repeat_n(sample, count));
                extents.extend(std::iter::repeat_n(Extent::Plain(silence.clone()), count));
            }
        }
    }
    if let Some(last) = samples.last_mut() {
        last.duration = row.last;
    }
    let track = Track { format, timescale: rate, samples, skip: row.lead, delay_ms: 0 };
    Ok(Made { track, samples: Samples::Extents(extents) })
}

/// A frame in which nothing is to be heard.
fn silence(config: &[u8], bps: u32, channels: u32) -> Result<Vec<u8>, FilmError> {
    /// The first frames are the encoder's own beginning.
    const SETTLED: usize = 4;
    let encoder = codecs::aac_encoder(bps, channels)?;
    let block = vec![0i16; BLOCK * CHANNELS];
    let mut made = Vec::new();
    for n in 0..64 {
        encoder.push(codecs::sound_buffer(channels, n * BLOCK as u64, &block))?;
        while let Some(frame) = encoder.take() {
            made.push(frame);
        }
        let Some(frame) = made.get(SETTLED) else { continue };
        let shape = frame.caps.as_ref().and_then(|caps| caps.structure(0));
        let made_config = shape.and_then(|shape| shape.get::<gst::Buffer>("codec_data").ok());
        let made_config = made_config.and_then(|config| Some(config.map_readable().ok()?.to_vec()));
        if made_config.as_deref() != Some(config) {
            return Err(FilmError::UnusableSpec(
                "a film has no sound, and silence like the sound of the others cannot be made here",
            ));
        }
        return frame
            .buffer
            .map_readable()
            .map(|bytes| bytes.to_vec())
            .map_err(|_| nothing().into());
    }
    Err(nothing().into())
}

fn nothing() -> ElementError {
    let (element, what) = ("the encoder of sound".to_owned(), "it made no silence".to_owned());
    ElementError::Failed { element, what }
}

fn chapters(sources: &[Source], seams_us: &[u64]) -> Vec<Chapter> {
    let parts: Vec<Part<'_>> = sources
        .iter()
        .zip(seams_us)
        .map(|(source, from_us)| Part {
            title: &source.title,
            from_us: *from_us,
            duration_us: source.duration_us(),
            chapters: &source.chapters,
        })
        .collect();
    merge::chapters(&parts)
}

fn captions(
    folder: &DerivedFolder,
    sources: &[Source],
    seams_us: &[u64],
) -> Result<Option<MadeFile>, FilmError> {
    let texts: Vec<(String, u64)> = sources
        .iter()
        .zip(seams_us)
        .filter_map(|(source, from_us)| Some((source.captions.clone()?, *from_us)))
        .collect();
    let Some(text) = vtt::joined(&texts) else { return Ok(None) };
    folder.publish("captions.vtt", FileKind::Captions, files::all(text.as_bytes())).map(Some)
}

/// Has the recording's folder say what is in it: no tracks, where its parts begin, what was marked in them.
fn write_folder(
    recording: &Path,
    job: &JobSpec,
    merge: &Merge,
    (sources, seams_us, chapters): (&[Source], &[u64], &[Chapter]),
) -> Result<(), FilmError> {
    let end_us = seams_us.last().copied().unwrap_or(0);
    let marker =
        |t, text: &str| TimelineLine { t, event: TimelineEvent::Marker { text: text.to_owned() } };
    let seams = sources.iter().zip(seams_us).map(|(source, at)| marker(*at, &source.title));
    let marked = chapters.iter().filter(|chapter| chapter.kind == ChapterKind::Marker);
    let marked = marked.map(|chapter| marker(chapter.from_us, &chapter.title));
    let reason = EndReason::Stopped;
    let mut lines: Vec<TimelineLine> = seams.chain(marked).collect();
    lines.sort_by_key(|line| line.t);
    lines.push(TimelineLine { t: end_us, event: TimelineEvent::End { reason } });
    let mut text = Vec::new();
    let path = recording.join("timeline.jsonl");
    let write = |source: std::io::Error| FilmError::Write { path: path.clone(), source };
    for line in &lines {
        serde_json::to_writer(&mut text, line).map_err(|error| write(error.into()))?;
        text.push(b'\n');
    }
    LocalDisk.replace(&path, &text).map_err(write)?;
    let ended = Some(Ended { reason, at_us: end_us });
    let begun = merge.started_unix_ms;
    let manifest =
        Manifest { ended, ..Manifest::new(&job.recording, &merge.room, begun, String::new()) };
    write_manifest(&LocalDisk, recording, &manifest).map_err(FilmError::Recording)
}
