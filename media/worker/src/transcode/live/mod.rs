//! `roombox-media live`: sends a recording that runs to others, some seconds behind.
//!
//! ```text
//! manifest, timeline, parts as they grow ─► picture of each moment ─► H.264 ─┬─► RTMP, SRT
//!                                        └► sound until then ───────► AAC ───┴─► segments (HLS)
//! ```
//! What is sent is what is recorded, drawn and mixed as its film will be, once for all outputs. Pictures
//! are due on a fixed clock; one that comes too late is left out. While the recording is paused, and while
//! nobody is there, a picture says so: the broadcast goes on.

mod outputs;
mod segments;
mod sink;
mod sound;
mod stage;
mod unit;

use super::ahead::job_from_daemon;
use super::codecs::FilmShape;
use super::error::FilmError;
use super::exit_code;
use super::report::{Work, cpu_s, say};
use crate::encoders;
use gstreamer as gst;
use outputs::Outputs;
use roombox_jobs::live::{Ask, Pace, Said};
use roombox_jobs::spec::{JobSpec, VideoPreset};
use roombox_transcode::h264;
use roombox_transcode::live::{Due, FrameClock};
use sound::LiveSound;
use stage::Stage;
use std::io::{self, BufRead};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use unit::Unit;

/// So far behind: clusters are written after 0.4 s, packets that were lost are waited for, and the
/// newest part is known a little later.
const LATENCY_US: u64 = 3_000_000;
/// Between keyframes: whoever comes or comes back waits no longer, and a segment has this length.
const KEYFRAMES_US: u64 = 2_000_000;
/// Pictures that wait for the encoder.
const AHEAD: usize = 3;
/// Between two looks at what the daemon wants.
const NAP: Duration = Duration::from_millis(20);
/// Between two looks at the recording, and two reports.
const LOOK: Duration = Duration::from_millis(400);
const SECOND: Duration = Duration::from_secs(1);

/// Broadcasts until the recording has ended. The job is the first line of the standard input.
pub fn command(recording: &Path) -> ExitCode {
    exit_code(broadcast(recording))
}

fn broadcast(recording: &Path) -> Result<(), FilmError> {
    let work = Work::cancelled_by_signals().map_err(|error| FilmError::Start(error.to_string()))?;
    let work = Arc::new(work);
    let job = job_from_daemon()?;
    gst::init().map_err(|error| FilmError::Start(error.to_string()))?;
    let asks = asks();
    let (width, height) = job.layout.canvas;
    let shape = FilmShape { width, height, fps: job.layout.fps };
    let outputs = Arc::new(Mutex::new(Outputs::new((width, height), job.audio.bps)));
    let stage = Stage::open(recording, job, shape, &work)?;
    let made = perform(stage, shape, &asks, &outputs, &work);
    let outputs = std::mem::replace(&mut *lock(&outputs), Outputs::new((0, 0), 0));
    outputs.end();
    made
}

fn lock(outputs: &Mutex<Outputs>) -> std::sync::MutexGuard<'_, Outputs> {
    outputs.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the daemon asks for. When it is gone nobody wants anything.
fn asks() -> Receiver<Ask> {
    let (sender, asks) = mpsc::channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(ask) => {
                    if sender.send(ask).is_err() {
                        return;
                    }
                }
                // Not the line: there are addresses in it.
                Err(error) => tracing::warn!(%error, "the daemon says something unknown"),
            }
        }
    });
    asks
}

/// A picture for the encoder: itself, its time, and whether it must stand for itself.
type Drawn = (gst::Buffer, u64, bool);

fn perform(
    mut stage: Stage<'_>,
    shape: FilmShape,
    asks: &Receiver<Ask>,
    outputs: &Mutex<Outputs>,
    work: &Work,
) -> Result<(), FilmError> {
    let preset = stage.job().video.clone();
    let (sender, drawn) = mpsc::sync_channel::<Drawn>(AHEAD);
    std::thread::scope(|scope| {
        let encoding = scope.spawn(move || encode(shape, &preset, &drawn, outputs));
        let played = play(&mut stage, shape, asks, &sender, outputs, work);
        drop(sender);
        let encoded = encoding.join().map_err(|_| FilmError::Panicked)?;
        encoded.and(played)
    })
}

fn play(
    stage: &mut Stage<'_>,
    shape: FilmShape,
    asks: &Receiver<Ask>,
    encoder: &mpsc::SyncSender<Drawn>,
    outputs: &Mutex<Outputs>,
    work: &Work,
) -> Result<(), FilmError> {
    let start_us = stage.now_us().saturating_sub(LATENCY_US);
    let mut clock = FrameClock::new(start_us, shape.fps);
    let mut sound = LiveSound::new(&stage.job().audio, start_us)?;
    let (mut looked, mut told) = (Instant::now(), Instant::now());
    let (mut frames, mut keyframe) = (0, None);
    sound.learn(stage.material());
    loop {
        work.beat()?;
        if !obey(stage, asks, outputs) {
            return Err(FilmError::Cancelled);
        }
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            stage.look()?;
            sound.learn(stage.material());
        }
        if told.elapsed() >= SECOND {
            told = Instant::now();
            lock(outputs).tell();
            let pace = Pace { frames, skipped: clock.skipped, cpu_s: cpu_s() };
            if say(&Said::Pace(pace)).is_err() {
                return Err(FilmError::Cancelled);
            }
        }
        let Some(shown_us) = stage.now_us().checked_sub(LATENCY_US) else {
            std::thread::sleep(NAP);
            continue;
        };
        if stage.ended_us().is_some_and(|end| shown_us > end) {
            return Ok(());
        }
        let at = match clock.due(shown_us) {
            Due::Wait(wait) => {
                std::thread::sleep(wait.min(NAP));
                continue;
            }
            Due::Picture(at) => at,
        };
        for unit in sound.until(stage.material(), at, stage.is_paused(at), work)? {
            lock(outputs).send(unit);
        }
        let Some(buffer) = stage.picture(at)? else { continue };
        frames += 1;
        let of = at / KEYFRAMES_US;
        let alone = keyframe.replace(of) != Some(of);
        if encoder.send((buffer, at, alone)).is_err() {
            // The encoder has failed and says why.
            return Ok(());
        }
    }
}

/// Does what the daemon asks for; false if it is gone.
fn obey(stage: &mut Stage<'_>, asks: &Receiver<Ask>, outputs: &Mutex<Outputs>) -> bool {
    loop {
        match asks.try_recv() {
            Ok(Ask::Add { output, to }) => lock(outputs).add(output, to),
            Ok(Ask::Remove { output }) => lock(outputs).remove(&output),
            Ok(Ask::Layout { layout }) => stage.relayout(layout),
            Err(TryRecvError::Empty) => return true,
            Err(TryRecvError::Disconnected) => return false,
        }
    }
}

fn encode(
    shape: FilmShape,
    preset: &VideoPreset,
    drawn: &Receiver<Drawn>,
    outputs: &Mutex<Outputs>,
) -> Result<(), FilmError> {
    let candidate = encoders::chosen(preset)?;
    let (element, name) = (encoders::start(candidate, shape, preset)?, candidate.element);
    let mut config: Arc<Vec<u8>> = Arc::default();
    let mut given = 0u64;
    let mut times = std::collections::VecDeque::new();
    while let Ok((buffer, at_us, alone)) = drawn.recv() {
        if alone {
            element.ask_for_keyframe();
        }
        times.push_back(at_us);
        given += 1;
        element.push(buffer)?;
        while let Some(made) = element.take() {
            let Some(at_us) = times.pop_front() else { continue };
            let Ok(bytes) = made.buffer.map_readable() else { continue };
            let unit = h264::to_avc(&bytes);
            if let (Some(sps), Some(pps)) = (&unit.sps, &unit.pps)
                && let Some(avcc) = h264::avcc(sps, pps)
                && avcc != *config
            {
                config = Arc::new(avcc);
            }
            let (keyframe, data) = (unit.keyframe, unit.data);
            let unit = Unit { picture: true, at_us, keyframe, data, config: config.clone() };
            lock(outputs).send(unit);
        }
        if times.len() > shape.fps as usize * 2 {
            let lost = times.len() as u64;
            return Err(FilmError::LostPictures { encoder: name, given, made: given - lost });
        }
    }
    Ok(())
}

/// What is broadcast of a job: the part that is being shown, whatever was recorded before.
fn of_now(job: &JobSpec, from_us: u64) -> JobSpec {
    use roombox_jobs::spec::Range;
    JobSpec { range: Some(Range { from_us, to_us: None }), ..job.clone() }
}
