//! Files of each person's own: what was recorded, joined and laid out anew, and not decoded.

pub mod mp4;

use super::error::FilmError;
use super::frames::PartFrames;
use super::material::Material;
use super::output::DerivedFolder;
use super::report::Work;
use roombox_capture::manifest::{Codec, Part};
use roombox_capture::matroska::{Frame, JoinedWriter, PartFormat};
use roombox_capture::storage::LocalDisk;
use roombox_jobs::spec::{FileKind, JobSpec, MadeFile};
use roombox_transcode::h264;
use roombox_transcode::ogg::{OggWriter, Tags};
use roombox_transcode::opus::{Place, SILENCE, Steady};
use roombox_transcode::plan::Plan;
use roombox_transcode::tracks::{Container, TrackFile, track_files};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// How long the last picture of a file is shown.
const USUAL_PICTURE_US: u64 = 33_000;

/// Makes the files of everybody. All of them begin with the film.
///
/// # Errors
/// The disk refuses or the job was cancelled.
pub fn publish(
    (material, plan, job): (&Material, &Plan, &JobSpec),
    work: &Work,
) -> Result<Vec<MadeFile>, FilmError> {
    let folder =
        DerivedFolder::open(&material.folder, &format!("{}/tracks", job.job), work.pulse())?;
    let mut made = Vec::new();
    for file in track_files(&material.manifest, Container::AsSent) {
        let parts = if file.picture.is_empty() { &file.sound } else { &file.picture };
        let mut frames = Joined::new(material, plan, parts);
        if frames.next_us().is_none() {
            frames.all()?;
            continue;
        }
        made.push(match file.picture.is_empty() {
            true => sound(&folder, (material, plan, job), &file, work)?,
            false => picture(&folder, (material, plan, job), &file, work)?,
        });
        work.beat()?;
    }
    Ok(made)
}

fn sound(
    folder: &DerivedFolder,
    (material, plan, job): (&Material, &Plan, &JobSpec),
    file: &TrackFile,
    work: &Work,
) -> Result<MadeFile, FilmError> {
    let mut failed = Ok(());
    let published = folder.publish(&file.name, FileKind::Track, |out| {
        let tags = Tags { title: job.title.clone(), artist: file.person.clone() };
        // A live stream has nothing before its sound; stereo decodes mono, too.
        let mut ogg = OggWriter::new(out, 0, 2, &tags)?;
        let mut packets = Sound::new(material, plan, &file.sound);
        while let Some((_, packet)) = packets.take() {
            work.beat().map_err(io::Error::other)?;
            ogg.packet(&packet)?;
        }
        failed = packets.frames.all();
        match failed.is_ok() {
            true => ogg.finish(None).map(|_| ()),
            false => Err(io::Error::other("the sound ends before its time")),
        }
    });
    // Cancelling shows as a failed write, and so does what could not be read.
    failed?;
    work.beat()?;
    published
}

fn picture(
    folder: &DerivedFolder,
    (material, plan, job): (&Material, &Plan, &JobSpec),
    file: &TrackFile,
    work: &Work,
) -> Result<MadeFile, FilmError> {
    // Its head is known at the end, so it is written first and hashed then.
    let path = material.folder.join(format!("derived/{}/tracks/joined.part", job.job));
    let write = |source| FilmError::Write { path: path.clone(), source };
    join(&path, (material, plan), file, work)?;
    let mut joined = File::open(&path).map_err(write)?;
    let made = folder.publish(&file.name, FileKind::Track, |out| copy(&mut joined, out, work));
    std::fs::remove_file(&path).map_err(write)?;
    work.beat()?;
    made
}

fn copy(from: &mut File, to: &mut impl Write, work: &Work) -> io::Result<()> {
    const CHUNK: u64 = 1 << 20;
    while io::copy(&mut io::Read::take(&mut *from, CHUNK), to)? > 0 {
        work.beat().map_err(io::Error::other)?;
    }
    Ok(())
}

fn join(
    path: &Path,
    (material, plan): (&Material, &Plan),
    file: &TrackFile,
    work: &Work,
) -> Result<(), FilmError> {
    let mut pictures = Joined::new(material, plan, &file.picture);
    let mut sounds = Sound::new(material, plan, &file.sound);
    let first = |parts: &[usize]| parts.first().and_then(|n| material.manifest.parts.get(*n));
    let tracks = [first(&file.picture), first(&file.sound)].into_iter().flatten();
    let tracks: Vec<PartFormat> = tracks.map(PartFormat::from).collect();
    let head = tracks.first().map(|format| format.codec_private.clone()).unwrap_or_default();
    let mut out = JoinedWriter::create(&LocalDisk, path, &tracks).map_err(FilmError::Recording)?;
    let mut end_us = 0;
    loop {
        work.beat()?;
        let picture = match (pictures.next_us(), sounds.next_us()) {
            (None, None) => break,
            (Some(picture), Some(sound)) => picture <= sound,
            (picture, _) => picture.is_some(),
        };
        let written = if picture {
            let Some((at_us, frame)) = pictures.take() else { continue };
            end_us = end_us.max(at_us + USUAL_PICTURE_US);
            let data = pictures.part().and_then(|part| with_its_sets(part, &head, &frame));
            out.frame(0, at_us, frame.keyframe, data.as_deref().unwrap_or(&frame.data))
        } else {
            let Some((at_us, packet)) = sounds.take() else { continue };
            end_us = end_us.max(sounds.steady.next_us());
            out.frame(1, at_us, true, &packet)
        };
        written.map_err(FilmError::Recording)?;
    }
    pictures.all()?;
    sounds.frames.all()?;
    out.finish(end_us).map_err(FilmError::Recording)
}

/// One person's sound without gaps.
struct Sound<'a> {
    frames: Joined<'a>,
    steady: Steady,
}

impl<'a> Sound<'a> {
    fn new(material: &'a Material, plan: &'a Plan, parts: &[usize]) -> Self {
        Self { frames: Joined::new(material, plan, parts), steady: Steady::default() }
    }

    /// The next packet's place, once those that have none are gone.
    fn place(&mut self) -> Option<Place> {
        loop {
            let (at_us, frame) = self.frames.peek()?;
            match self.steady.place(at_us, &frame.data) {
                Place::Taken => self.frames.take(),
                place => return Some(place),
            };
        }
    }

    fn next_us(&mut self) -> Option<u64> {
        self.place().map(|_| self.steady.next_us())
    }

    fn take(&mut self) -> Option<(u64, Vec<u8>)> {
        let packet = match self.place()? {
            Place::Here => self.frames.take()?.1.data,
            _ => SILENCE.to_vec(),
        };
        let at_us = self.steady.next_us();
        self.steady.add(&packet);
        Some((at_us, packet))
    }
}

/// A keyframe of H.264 with its own parameter sets, if they are others than the file's head has.
fn with_its_sets(part: &Part, head: &[u8], frame: &Frame) -> Option<Vec<u8>> {
    if part.codec != Codec::H264 || !frame.keyframe || part.codec_private == head {
        return None;
    }
    let mut data = h264::parameter_samples(&part.codec_private)?;
    data.extend_from_slice(&frame.data);
    Some(data)
}

/// Frames of several parts, one after the other, with their times in the film. What was cut is left
/// out, and pictures after that, until one that needs no other.
struct Joined<'a> {
    material: &'a Material,
    plan: &'a Plan,
    waiting: VecDeque<&'a Part>,
    open: Option<(&'a Part, PartFrames)>,
    /// The next picture would need one that was left out.
    torn: bool,
    next: Option<(u64, Frame)>,
    /// The disk did not give what follows: nothing more comes.
    failed: Option<FilmError>,
}

impl<'a> Joined<'a> {
    fn new(material: &'a Material, plan: &'a Plan, parts: &[usize]) -> Self {
        let waiting = parts.iter().filter_map(|n| material.manifest.parts.get(*n)).collect();
        let (open, torn, next, failed) = Default::default();
        Self { material, plan, waiting, open, torn, next, failed }
    }

    fn peek(&mut self) -> Option<(u64, &Frame)> {
        self.read();
        self.next.as_ref().map(|(at_us, frame)| (*at_us, frame))
    }

    fn next_us(&mut self) -> Option<u64> {
        self.peek().map(|(at_us, _)| at_us)
    }

    fn take(&mut self) -> Option<(u64, Frame)> {
        self.read();
        self.next.take()
    }

    /// The part of the newest frame.
    fn part(&self) -> Option<&'a Part> {
        self.open.as_ref().map(|(part, _)| *part)
    }

    /// What ended the frames before their time.
    ///
    /// # Errors
    /// The disk did not give all of them.
    fn all(&mut self) -> Result<(), FilmError> {
        self.failed.take().map_or(Ok(()), Err)
    }

    fn read(&mut self) {
        if let Err(error) = self.read_on() {
            (self.failed, self.open) = (Some(error), None);
            self.waiting.clear();
        }
    }

    fn read_on(&mut self) -> Result<(), FilmError> {
        while self.next.is_none() {
            let Some((part, frames)) = &mut self.open else {
                let Some(part) = self.waiting.pop_front() else { return Ok(()) };
                let frames = PartFrames::open(self.material, part, part.start_us)?;
                self.open = frames.map(|frames| (part, frames));
                self.torn = true;
                continue;
            };
            let Some(at_us) = frames.next_us() else {
                self.open = None;
                continue;
            };
            let Some(frame) = frames.take()? else { continue };
            let film_us = self.plan.film_us(at_us);
            self.torn = film_us.is_none() || (self.torn && !frame.keyframe);
            if part.codec == Codec::Opus || !self.torn {
                self.next = film_us.map(|us| (us, frame));
            }
        }
        Ok(())
    }
}
