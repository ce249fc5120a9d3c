//! One film that is merged, as it lies on the disk with what lies beside it.

use super::super::error::FilmError;
use super::super::material::chain;
use super::super::output::hex;
use super::super::report::Work;
use roombox_capture::manifest::Codec;
use roombox_capture::matroska::PartInfo;
use roombox_jobs::spec::MergePart;
use roombox_transcode::mp4::TrackFormat;
use roombox_transcode::mp4::reader::{ReadError, ReadFilm, read_film};
use roombox_transcode::plan::Chapter;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path};
use std::sync::Arc;

/// Texts beside a film are shorter.
const LONGEST_TEXT: u64 = 64 << 20;
/// Bytes of a film that are summed up at a time.
const BLOCK: usize = 1 << 20;

/// A film and what is known of it.
pub struct Source {
    recording: String,
    pub title: String,
    pub file: Arc<File>,
    pub film: ReadFilm,
    /// What a decoder of its picture must know.
    pub head: PartInfo,
    pub chapters: Vec<Chapter>,
    pub captions: Option<String>,
    /// Who made its picture, if it says so.
    pub encoder: Option<String>,
}

/// What is read of a film's index.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Index {
    chapters: Vec<Chapter>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    encoder: String,
}

/// A job may come from elsewhere: its films are films of recordings.
pub fn is_inside(part: &MergePart) -> bool {
    let plain =
        |path: &str| Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
    plain(&part.recording)
        && Path::new(&part.recording).components().count() == 1
        && plain(&part.film)
}

impl Source {
    /// # Errors
    /// The film is gone or is none of ours, or the disk refuses.
    pub fn open(root: &Path, part: &MergePart) -> Result<Self, FilmError> {
        let refused =
            |why: String| FilmError::Unmergeable { recording: part.recording.clone(), why };
        let path = root.join(&part.recording).join(&part.film);
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => refused("it is not there any more".to_owned()),
            _ => FilmError::Read { path: path.clone(), source },
        };
        let file = File::open(&path).map_err(failed)?;
        let film = read_film(&mut BufReader::new(&file)).map_err(|error| match error {
            ReadError::Disk(source) => failed(source),
            other @ ReadError::NotOurs(_) => refused(chain(&other)),
        })?;
        let picture = &film.picture.track;
        let TrackFormat::Avc { avcc, width, height, .. } = &picture.format else {
            return Err(refused("its picture is no H.264".to_owned()));
        };
        if picture.samples.is_empty() || picture.delay_ms != 0 || picture.skip != 0 {
            return Err(refused("its picture does not begin with it".to_owned()));
        }
        if film.sound.as_ref().is_some_and(|sound| sound.track.delay_ms != 0) {
            return Err(refused("its sound does not begin with it".to_owned()));
        }
        let codec_private = avcc.clone();
        let head = PartInfo { codec: Codec::H264, codec_private, width: *width, height: *height };
        let beside = |name: &str| text(&path.with_file_name(name));
        let index = beside("film.json").and_then(|text| serde_json::from_str::<Index>(&text).ok());
        let Index { chapters, format } = index.unwrap_or_default();
        Ok(Self {
            recording: part.recording.clone(),
            title: part.title.clone(),
            file: Arc::new(file),
            head,
            chapters,
            captions: beside("captions.vtt"),
            encoder: format.map(|format| format.encoder),
            film,
        })
    }

    /// A film must be, byte for byte, what was made; `sha256`: of that, or empty where nobody knows. What a disk
    /// has lost is not copied into a film that people keep instead of this one.
    ///
    /// # Errors
    /// It is another one, the disk refuses, or the job was cancelled.
    pub fn verify(&self, sha256: &str, work: &Work) -> Result<(), FilmError> {
        if sha256.is_empty() {
            return Ok(());
        }
        let mut hash = Sha256::new();
        let (mut block, mut at) = (vec![0; BLOCK], 0);
        loop {
            work.beat()?;
            let read = self.file.read_at(&mut block, at);
            let read =
                read.map_err(|error| self.refused(&format!("it cannot be read: {error}")))?;
            if read == 0 {
                break;
            }
            hash.update(&block[..read]);
            at += read as u64;
        }
        match hex(hash).eq_ignore_ascii_case(sha256) {
            true => Ok(()),
            false => Err(self.refused(
                "its file is not what was made: the disk may be failing. Have its film made again, and merge again",
            )),
        }
    }

    /// How long its picture is.
    pub fn duration_us(&self) -> u64 {
        let track = &self.film.picture.track;
        (u128::from(track.duration()) * 1_000_000 / u128::from(track.timescale)) as u64
    }

    pub fn refused(&self, why: &str) -> FilmError {
        FilmError::Unmergeable { recording: self.recording.clone(), why: why.to_owned() }
    }
}

/// A text beside the film; without it the film has fewer chapters, or no captions.
fn text(path: &Path) -> Option<String> {
    let known = std::fs::metadata(path).ok()?;
    let text = std::fs::read_to_string(path).ok().filter(|_| known.len() <= LONGEST_TEXT);
    if text.is_none() {
        tracing::warn!(path = %path.display(), "what lies beside a film cannot be read");
    }
    text
}
