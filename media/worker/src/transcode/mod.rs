//! `roombox-media transcode`: one recording, one job, one film.
//!
//! ```text
//! manifest, timeline ─► plan ─┬─ picture: decode ► compose ► H.264 ► reels ─┐
//!                             │  (or: copy the recorded H.264)              ├─► MP4 ─► film.mp4
//!                             └─ sound:   decode ► mix ► AAC ► reels ───────┘
//! ```
//! Beside or instead of it: what each person sent, as files of their own ([`tracks`]), and the film for HLS
//! players ([`files`]). A job may join films of other recordings instead ([`merge`]).
//! Picture and sound are made at the same time, ten seconds a reel; reels that are there already,
//! from an attempt before or made while the recording ran ([`ahead`]), are taken as they are. The MP4
//! is laid out when all are known, and beside it what players show with it: chapters, small pictures
//! for seeking, an index. Memory does not grow with the recording's length but for the sample tables
//! (about 8 MB in three hours).

mod aac;
pub mod ahead;
mod captions;
mod check;
pub mod codecs;
mod copy;
mod encode;
mod error;
mod extents;
mod files;
mod frames;
pub mod live;
mod material;
mod merge;
mod output;
mod pictures;
mod recorded;
mod reels;
mod report;
mod sound;
mod sound_file;
mod stills;
mod tracks;
mod video;
mod voice;
mod watch;

pub use error::FilmError;

use files::{Made, Samples};
use gstreamer as gst;
use material::{Material, chain};
use output::DerivedFolder;
use reels::Reels;
use report::{Reporter, Work};
use roombox_capture::matroska::PartInfo;
use roombox_jobs::spec::{EncoderChoice, JobSpec, MadeFile, Output, Receipt};
use roombox_transcode::plan::{Plan, Scene, VideoPlan, narrow, plan};
use sound_file::SoundFile;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use stills::Stills;

/// Exit status of a job that fails the same way again.
const FINAL: u8 = 2;
/// Of a process that SIGTERM ended.
const CANCELLED: u8 = 128 + 15;

/// What the command line asks for.
pub struct Request {
    /// The recording's folder.
    pub recording: PathBuf,
    /// The job's file; `-` is the standard input.
    pub spec: PathBuf,
    /// Nobody tries again by themselves.
    pub last_try: bool,
}

/// Runs the job and tells the daemon.
pub fn command(request: &Request) -> ExitCode {
    let made = film(request).and_then(|receipt| {
        let path = PathBuf::from("standard output");
        report::say(&receipt).map_err(|source| FilmError::Write { path, source })
    });
    exit_code(made)
}

fn exit_code(done: Result<(), FilmError>) -> ExitCode {
    let Err(error) = done else { return ExitCode::SUCCESS };
    if let Some(fault) = error.fault() {
        watch::blame(&fault);
        return ExitCode::from(watch::BLAMED);
    }
    // Nobody may be left to read it.
    let _ = writeln!(io::stderr(), "roombox-media: {}", chain(&error));
    match error {
        FilmError::Cancelled => ExitCode::from(CANCELLED),
        error if error.is_final() => ExitCode::from(FINAL),
        _ => ExitCode::FAILURE,
    }
}

/// Makes the film.
///
/// # Errors
/// See [`FilmError`]; nothing unfinished is left.
pub fn film(request: &Request) -> Result<Receipt, FilmError> {
    let work = Work::cancelled_by_signals().map_err(|error| FilmError::Start(error.to_string()))?;
    let work = Arc::new(work);
    let job = read_spec(&request.spec)?;
    // From here on: a long recording takes a while to look through, and a driver to begin.
    let _reporter = Reporter::start(work.clone(), job.job.clone());
    if let Some(parts) = &job.merge {
        return merge::film(&request.recording, &job, parts, &work);
    }
    let mut material = Material::read(&request.recording, &work, request.last_try)?;
    if job.recording != material.manifest.recording {
        return Err(FilmError::UnusableSpec("it is for another recording"));
    }
    narrow(&mut material.manifest, &mut material.timeline, &job.only);
    work.open(job.video.element.as_ref())?;
    gst::init().map_err(|error| FilmError::Start(error.to_string()))?;
    let (plan, picture) = planned(&material, &job)?;
    let encoder = picture.encoder();
    let duration_us = plan.duration_us();
    let apart = (job.makes(Output::Tracks) || job.makes(Output::TracksMp4))
        && !material.manifest.parts.is_empty();
    let silent = plan.audio.is_empty() && !apart;
    let sound_alone = job.makes(Output::Sound) && !job.has_picture();
    let files = match picture {
        Picture::Nothing if silent && sound_alone => {
            return Err(FilmError::UnusableSpec("the recording has no sound"));
        }
        Picture::Nothing if silent => {
            tracing::info!("the recording has no media: there is nothing to film");
            Vec::new()
        }
        picture => {
            let anew = match job.makes(Output::TracksMp4) {
                true => tracks::mp4::coded_anew(&material),
                false => 0,
            };
            if matches!(picture, Picture::Nothing) && anew == 0 {
                work.expect_sound_alone();
            }
            let films = anew + u64::from(job.has_picture());
            work.begin(plan.duration_us() * films.max(1), encoder);
            produce(&material, &plan, &job, picture, &work)?
        }
    };
    let encoder = encoder.to_owned();
    Ok(Receipt { job: job.job, files, duration_us, encoder, cpu_s: report::cpu_s() })
}

fn read_spec(path: &Path) -> Result<JobSpec, FilmError> {
    let unreadable = |source| FilmError::ReadSpec { path: path.to_owned(), source };
    let text = match path.as_os_str().as_encoded_bytes() {
        b"-" => {
            let mut text = Vec::new();
            io::stdin().lock().read_to_end(&mut text).map_err(unreadable)?;
            text
        }
        _ => std::fs::read(path).map_err(unreadable)?,
    };
    parse_spec(&text, path)
}

fn parse_spec(text: &[u8], path: &Path) -> Result<JobSpec, FilmError> {
    let job: JobSpec = serde_json::from_slice(text)
        .map_err(|source| FilmError::ParseSpec { path: path.to_owned(), source })?;
    match unusable(&job) {
        Some(why) => Err(FilmError::UnusableSpec(why)),
        None => Ok(job),
    }
}

/// Why a job cannot be done.
fn unusable(job: &JobSpec) -> Option<&'static str> {
    let (width, height) = job.layout.canvas;
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let sensible_loudness =
        job.audio.loudness_lufs.is_none_or(|lufs| (-40.0..=-5.0).contains(&lufs));
    let rules = [
        (job.v == 1, "its version is not 1"),
        (!job.job.is_empty() && job.job.chars().all(harmless), "its id is no file name"),
        // Rows of planes are handed over without padding: eights.
        (width % 8 == 0 && height % 2 == 0, "its canvas is not a multiple of 8×2"),
        ((160..=3840).contains(&width), "its canvas is not 160 to 3840 pixels wide"),
        ((90..=2160).contains(&height), "its canvas is not 90 to 2160 pixels high"),
        ((1..=60).contains(&job.layout.fps), "its frame rate is not 1 to 60"),
        (job.video.max_bps >= 50_000, "its video rate is below 50 kbit/s"),
        ((1..=60).contains(&job.video.gop_s), "its keyframes are not 1 to 60 s apart"),
        ((1..=2).contains(&job.audio.channels), "its sound is neither mono nor stereo"),
        (!job.outputs.is_empty(), "it makes nothing"),
        (job.merge.as_ref().is_none_or(merge::is_sensible), "it merges fewer than two films"),
        (sensible_loudness, "its loudness is not -40 to -5 LUFS"),
        ((16_000..=320_000).contains(&job.audio.bps), "its audio rate is not 16 to 320 kbit/s"),
    ];
    rules.into_iter().find_map(|(kept, why)| (!kept).then_some(why))
}

/// How the picture is made, and with what.
enum Picture {
    Nothing,
    Copy { parts: Vec<usize>, head: PartInfo },
    Compose { scenes: Vec<Scene>, shape: codecs::FilmShape, encoder: &'static str },
}

impl Picture {
    fn encoder(&self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Copy { .. } => "copy",
            Self::Compose { encoder, .. } => encoder,
        }
    }
}

fn planned(material: &Material, job: &JobSpec) -> Result<(Plan, Picture), FilmError> {
    let planned = plan(&material.manifest, &material.timeline, job);
    if !job.has_picture() {
        return Ok((planned, Picture::Nothing));
    }
    match &planned.video {
        VideoPlan::Nothing => Ok((planned, Picture::Nothing)),
        VideoPlan::Copy { parts } => match copy::common_head(material, parts)? {
            Some(head) => {
                let parts = parts.clone();
                Ok((planned, Picture::Copy { parts, head }))
            }
            // The parts differ in what only their heads tell: drawn, then.
            None => {
                let mut job = job.clone();
                job.video.encoder = EncoderChoice::Openh264;
                self::planned(material, &job)
            }
        },
        VideoPlan::Compose { scenes } => {
            let (width, height) = job.layout.canvas;
            let shape = codecs::FilmShape { width, height, fps: job.layout.fps };
            let encoder = encode::chosen(&job.video)?.element;
            let scenes = scenes.clone();
            Ok((planned, Picture::Compose { scenes, shape, encoder }))
        }
    }
}

/// Makes picture and sound side by side, then the files.
fn produce(
    material: &Material,
    plan: &Plan,
    job: &JobSpec,
    picture: Picture,
    work: &Work,
) -> Result<Vec<MadeFile>, FilmError> {
    let folder = DerivedFolder::open(&material.folder, &job.job, work.pulse())?;
    ahead::wait(&material.folder, work)?;
    let reels = Reels::of_job(&folder, &material.folder);
    let mut another = SoundFile::wanted(job, plan, &folder)?;
    let encoder = picture.encoder();
    let heard = (job.has_picture() || job.makes(Output::Sound)) && !plan.audio.is_empty();
    if heard {
        codecs::load_sound(&job.audio)?;
    }
    let (pictured, mixed) = std::thread::scope(|scope| {
        let mixing = heard.then(|| {
            scope.spawn(|| {
                let score = sound::Score { material, plan, preset: &job.audio };
                stop_others(sound::mix(score, &reels, another.as_mut(), work), work)
            })
        });
        let pictured = film_pictures(material, plan, job, picture, &reels, work);
        let pictured = stop_others(pictured, work);
        let mixed = mixing.map(|thread| thread.join().map_err(|_| FilmError::Panicked)).transpose();
        (pictured, mixed.and_then(Option::transpose))
    });
    let made = first_cause(pictured, mixed).and_then(|(picture, mixed)| {
        let sound = mixed.map(|made| {
            let track = sound::track(&made, &job.audio, plan.duration_us())?;
            Ok::<_, FilmError>(Made { track, samples: Samples::Reels(made) })
        });
        Ok((picture, sound.transpose()?))
    });
    let (picture, sound) = match made {
        Ok(made) => made,
        Err(error) => {
            // Another attempt must not find them again.
            if matches!(error, FilmError::Misfit { .. }) {
                reels.remove();
            }
            return Err(error);
        }
    };
    let sound = (sound, another);
    let mut files = files::publish(&folder, (material, plan, job), picture, sound, encoder, work)?;
    if job.makes(Output::Tracks) {
        files.extend(tracks::publish((material, plan, job), work)?);
    }
    if job.makes(Output::TracksMp4) {
        files.extend(tracks::mp4::publish((material, plan, job), &reels, work)?);
    }
    reels.remove();
    Ok(files)
}

fn film_pictures(
    material: &Material,
    plan: &Plan,
    job: &JobSpec,
    picture: Picture,
    reels: &Reels,
    work: &Work,
) -> Result<Option<(Made, Stills)>, FilmError> {
    match picture {
        Picture::Nothing => Ok(None),
        Picture::Copy { parts, head } => {
            let (track, recorded, stills) = copy::copy(material, plan, &parts, &head, work)?;
            Ok(Some((Made { track, samples: Samples::Recorded(recorded) }, stills)))
        }
        Picture::Compose { scenes, shape, encoder } => {
            let (scenes, preset) = (scenes.as_slice(), &job.video);
            let scenery = video::Scenery { material, plan, scenes, shape, preset };
            let made = video::compose(scenery, None, reels, work)?;
            let track = video::track(&made, shape, encoder)?;
            let stills = stills::of_reels(&made, shape, plan.duration_us(), work)?;
            Ok(Some((Made { track, samples: Samples::Reels(made) }, stills)))
        }
    }
}

/// When one half of the film fails the other need not go on.
fn stop_others<T>(made: Result<T, FilmError>, work: &Work) -> Result<T, FilmError> {
    made.inspect_err(|_| work.cancel())
}

/// Both halves, or why there is no film: being cancelled is a consequence where the other half
/// failed.
fn first_cause<A, B>(
    a: Result<A, FilmError>,
    b: Result<B, FilmError>,
) -> Result<(A, B), FilmError> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(FilmError::Cancelled), Err(cause)) | (Err(cause), _) | (_, Err(cause)) => Err(cause),
    }
}
