//! The files of a job, once picture and sound are made.

use super::captions;
use super::error::FilmError;
use super::extents::{self, Extent};
use super::material::Material;
use super::output::{DerivedFolder, Hashing, SampleFile};
use super::recorded::Recorded;
use super::reels::{Reel, ReelsReader};
use super::report::Work;
use super::sound_file::SoundFile;
use super::stills::{Stills, jpeg};
use roombox_jobs::spec::{FileKind, JobSpec, MadeFile, Output};
use roombox_transcode::hls;
use roombox_transcode::index::{FilmFormat, FilmIndex, Sprite};
use roombox_transcode::mp4::segmented::{Segmented, write_segmented};
use roombox_transcode::mp4::{FileInfo, Track, write_mp4};
use roombox_transcode::plan::{Chapter, Plan, chapters};
use roombox_transcode::vtt;
use std::io::{self, Read, Write};

const SPRITE: &str = "sprite.jpg";
/// Of the film for HLS players, and what its playlist names.
const PLAYLIST: &str = "hls.m3u8";
const SEGMENTS: &str = "hls.m4s";

/// Samples of a track and where they lie.
pub struct Made {
    pub track: Track,
    pub samples: Samples,
}

/// Where a track's samples lie.
pub enum Samples {
    File(SampleFile),
    Recorded(Recorded),
    Reels(Vec<Reel>),
    Extents(Vec<Extent>),
}

impl Samples {
    fn reader(&mut self) -> Result<Box<dyn Read + '_>, FilmError> {
        Ok(match self {
            Self::File(file) => Box::new(file.reader()?),
            Self::Recorded(recorded) => Box::new(recorded.reader()),
            Self::Reels(reels) => Box::new(ReelsReader::new(reels)),
            Self::Extents(extents) => Box::new(extents::reader(extents)),
        })
    }
}

/// Writes what the job asks for; the film, where there is one, comes first.
///
/// # Errors
/// The disk refuses, an encoder of stills is missing, or the job was cancelled.
pub fn publish(
    folder: &DerivedFolder,
    (material, plan, job): (&Material, &Plan, &JobSpec),
    picture: Option<(Made, Stills)>,
    (mut sound, another): (Option<Made>, Option<SoundFile>),
    encoder: &str,
    work: &Work,
) -> Result<Vec<MadeFile>, FilmError> {
    let mut info = FileInfo {
        title: job.title.clone(),
        created_unix_s: material.manifest.started_unix_ms / 1000,
        chapters: Vec::new(),
    };
    let mut files = Vec::new();
    if let (true, Some(made)) = (job.makes(Output::Sound), &mut sound) {
        files.push(match another {
            Some(file) => file.publish(folder, &job.title, work)?,
            None => movie(folder, "sound.m4a", FileKind::Sound, &info, vec![made], work)?,
        });
    }
    let Some((mut picture, stills)) = picture else { return Ok(files) };
    if job.makes(Output::Hls) {
        let tracks = std::iter::once(&mut picture).chain(&mut sound).collect();
        files.extend(segments(folder, tracks, work)?);
    }
    if !job.makes(Output::Film) {
        return Ok(files);
    }
    info.chapters = chapters(&material.manifest, &material.timeline, plan);
    let tracks = std::iter::once(&mut picture).chain(&mut sound).collect();
    files.insert(0, movie(folder, "film.mp4", FileKind::Mp4, &info, tracks, work)?);
    let duration_us = plan.duration_us();
    let (beside, sprite) = beside(folder, stills, &info.chapters, duration_us)?;
    files.extend(beside);
    files.extend(captions::publish(folder, material, plan)?);
    let format = FilmFormat::of(&picture.track, sound.as_ref().map(|made| &made.track), encoder);
    files
        .push(index(folder, &FilmIndex { format, ..FilmIndex::new(plan, info.chapters, sprite) })?);
    Ok(files)
}

/// What players show beside a film: its thumbnail, small pictures for seeking, its chapters.
///
/// # Errors
/// The disk refuses, or an encoder of stills is missing.
pub fn beside(
    folder: &DerivedFolder,
    stills: Stills,
    chapters: &[Chapter],
    duration_us: u64,
) -> Result<(Vec<MadeFile>, Option<Sprite>), FilmError> {
    let (mut files, mut sprite) = (Vec::new(), None);
    if let Some(poster) = stills.poster.finish() {
        files.push(folder.publish("thumbnail.jpg", FileKind::Thumbnail, all(&jpeg(poster)?))?);
    }
    if let Some((sheet, spots)) = stills.sheet.finish() {
        let (width, height) = (sheet.width, sheet.height);
        files.push(folder.publish(SPRITE, FileKind::Sprite, all(&jpeg(sheet)?))?);
        let map = vtt::of_sheet(SPRITE, &spots, duration_us);
        files.push(folder.publish("sprite.vtt", FileKind::SpriteMap, all(map.as_bytes()))?);
        sprite = Some(Sprite { file: SPRITE.to_owned(), width, height, spots });
    }
    let list = vtt::of_chapters(chapters, duration_us);
    files.push(folder.publish("chapters.vtt", FileKind::Chapters, all(list.as_bytes()))?);
    Ok((files, sprite))
}

/// The film's index.
///
/// # Errors
/// The disk refuses.
pub fn index(folder: &DerivedFolder, index: &FilmIndex) -> Result<MadeFile, FilmError> {
    let write = |out: &mut Hashing| serde_json::to_writer(out, index).map_err(io::Error::from);
    folder.publish("film.json", FileKind::Index, write)
}

pub fn all(bytes: &[u8]) -> impl FnOnce(&mut Hashing) -> io::Result<()> {
    move |out| out.write_all(bytes)
}

/// An MP4 of these tracks.
///
/// # Errors
/// The disk refuses or the job was cancelled.
pub fn movie(
    folder: &DerivedFolder,
    name: &str,
    kind: FileKind,
    info: &FileInfo,
    made: Vec<&mut Made>,
    work: &Work,
) -> Result<MadeFile, FilmError> {
    let (tracks, mut data) = readers(made, work)?;
    let published =
        folder.publish(name, kind, |out| write_mp4(out, info, &tracks, &mut data).map(|_| ()));
    // Cancelling shows as a failed read.
    work.beat()?;
    published
}

/// The film for HLS players; what the playlist names is whole before it names it.
fn segments(
    folder: &DerivedFolder,
    made: Vec<&mut Made>,
    work: &Work,
) -> Result<[MadeFile; 2], FilmError> {
    let (tracks, mut data) = readers(made, work)?;
    let mut whole = Segmented { head: 0, segments: Vec::new() };
    let published = folder.publish(SEGMENTS, FileKind::Segments, |out| {
        whole = write_segmented(out, &tracks, &mut data)?;
        Ok(())
    });
    work.beat()?;
    let segments = published?;
    let list = hls::of_film(SEGMENTS, &whole);
    Ok([folder.publish(PLAYLIST, FileKind::Playlist, all(list.as_bytes()))?, segments])
}

type Readers<'a> = (Vec<Track>, Vec<Beating<'a, Box<dyn Read + 'a>>>);

fn readers<'a>(made: Vec<&'a mut Made>, work: &'a Work) -> Result<Readers<'a>, FilmError> {
    let (mut tracks, mut data) = (Vec::new(), Vec::new());
    for made in made {
        tracks.push(made.track.clone());
        data.push(Beating { input: made.samples.reader()?, work });
    }
    Ok((tracks, data))
}

/// A sample file that says that the job goes on while it is read.
struct Beating<'a, R> {
    input: R,
    work: &'a Work,
}

impl<R: Read> Read for Beating<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.work.beat().map_err(io::Error::other)?;
        let read = self.input.read(buffer)?;
        self.work.written(read).map_err(io::Error::other)?;
        Ok(read)
    }
}
