//! `roombox-media ahead`: makes a film's reels while its recording still runs.
//!
//! ```text
//! manifest, timeline, parts as they grow ─► plan of what is certain ─► next reel ─► ahead/
//!                                                                        │
//! recording has ended ─► its last reels ─► the job finds them all ───────┘
//! ```
//! Nothing that is made here is promised to be used: the job asks for reels by their recipes. What
//! is not on the disk yet, or may still change, waits. So does everything while a meeting needs the
//! machine: the daemon says `hold` and `go` on the standard input.

use super::error::FilmError;
use super::material::Material;
use super::reels::{Kind, Reels, is_made_ahead, made_ahead};
use super::report::{Work, cpu_s, say};
use super::sound::{Mixing, Score};
use super::video::{self, Drawing, Scenery};
use super::{Picture, exit_code, parse_spec, planned};
use gstreamer as gst;
use roombox_capture::manifest::Part;
use roombox_capture::matroska::Clusters;
use roombox_capture::read_manifest;
use roombox_capture::timeline::elapsed_us;
use roombox_jobs::spec::{Ahead, JobSpec};
use roombox_transcode::plan::{Plan, VideoPlan, narrow, until};
use roombox_transcode::reel::{self, SoundReel};
use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Whatever happened so long ago is in the folder: clusters are written after 0.4 s, packets are
/// waited for.
const SETTLED_US: u64 = 3_000_000;
/// The recorder writes in the order of arrival, and waits no longer than this for packets that were
/// lost: once it has written what came so much later, a stream that has nothing has nothing.
const WAITED_FOR_US: u64 = 2_000_000;
/// Between two looks whether the recording has ended, or another reel can be made.
const LOOK: Duration = Duration::from_millis(500);
/// So much of the next reel is heard in one, at most.
const BEYOND_US: u64 = 500_000;
/// A job waits no longer for the last reels, or for one more of them: it makes them itself.
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE_FOR_ONE: Duration = Duration::from_secs(5);

/// What the daemon says.
const HOLD: &str = "hold";
const GO: &str = "go";

/// Makes reels until the recording has ended. The job is the first line of the standard input.
pub fn command(recording: &Path) -> ExitCode {
    exit_code(follow(recording))
}

/// A job waits while the last reels of its recording are made.
///
/// # Errors
/// It was cancelled.
pub fn wait(recording: &Path, work: &Work) -> Result<(), FilmError> {
    let begun = Instant::now();
    let (mut made, mut newest) = (made_ahead(recording), begun);
    while is_made_ahead(recording)
        && begun.elapsed() < PATIENCE
        && newest.elapsed() < PATIENCE_FOR_ONE
    {
        work.beat()?;
        std::thread::sleep(Duration::from_millis(20));
        if std::mem::replace(&mut made, made_ahead(recording)) != made {
            newest = Instant::now();
        }
    }
    Ok(())
}

fn follow(recording: &Path) -> Result<(), FilmError> {
    let work = Work::cancelled_by_signals().map_err(|error| FilmError::Start(error.to_string()))?;
    let work = Arc::new(work);
    let job = job_from_daemon()?;
    gst::init().map_err(|error| FilmError::Start(error.to_string()))?;
    let Some((reels, _lock)) = Reels::ahead(recording)? else {
        tracing::info!("reels of this recording are being made already");
        return Ok(());
    };
    let over = Arc::new(AtomicBool::new(false));
    obey(work.clone(), over.clone());
    watch(recording.to_owned(), work.clone(), over.clone());
    let mut follower = Follower {
        recording,
        job: &job,
        reels: &reels,
        work: &work,
        drawing: None,
        mixing: Mixing::default(),
        pictures: 0,
        sounds: 0,
        extents: HashMap::new(),
        written_us: 0,
    };
    let mut due = Instant::now();
    while !over.load(Ordering::Relaxed) {
        if Instant::now() >= due {
            due = Instant::now() + follower.step()?;
        }
        work.turn()?;
        std::thread::sleep(LOOK.min(due.saturating_duration_since(Instant::now())));
    }
    follower.finish()
}

/// The first line of the standard input.
pub(super) fn job_from_daemon() -> Result<JobSpec, FilmError> {
    let mut spec = String::new();
    let path = || PathBuf::from("standard input");
    io::stdin()
        .lock()
        .read_line(&mut spec)
        .map_err(|source| FilmError::ReadSpec { path: path(), source })?;
    parse_spec(spec.as_bytes(), &path())
}

/// When the recording has ended somebody waits for its film, and nothing is held any more.
fn watch(recording: PathBuf, work: Arc<Work>, over: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        // A recording that is gone has ended, too.
        while read_manifest(&recording).is_ok_and(|manifest| manifest.ended.is_none()) {
            std::thread::sleep(LOOK);
        }
        over.store(true, Ordering::Relaxed);
        work.hold(false);
    });
}

/// Listens to the daemon. When it is gone nobody wants anything.
fn obey(work: Arc<Work>, over: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            match line.trim() {
                HOLD if over.load(Ordering::Relaxed) => {}
                HOLD => work.hold(true),
                GO => work.hold(false),
                other => tracing::debug!(other, "the daemon says something unknown"),
            }
        }
        work.cancel();
    });
}

struct Follower<'a> {
    recording: &'a Path,
    job: &'a JobSpec,
    reels: &'a Reels,
    work: &'a Work,
    drawing: Option<Drawing>,
    mixing: Mixing,
    /// Reels of pictures and of sound that are there.
    pictures: u64,
    sounds: u64,
    /// How far parts have come that are being written.
    extents: HashMap<String, Extent>,
    /// Recording time of the newest that was written.
    written_us: u64,
}

struct Extent {
    clusters: Clusters,
    /// Recording time of the last whole cluster.
    until_us: u64,
}

impl Follower<'_> {
    /// Makes the next reel of each kind that is certain; says when there may be another.
    fn step(&mut self) -> Result<Duration, FilmError> {
        let mut material = Material::running(self.recording)?;
        let Some(now_us) = now_us(&material) else { return Ok(LOOK) };
        self.look(&material)?;
        let known_us = now_us.saturating_sub(SETTLED_US);
        narrow(&mut material.manifest, &mut material.timeline, &self.job.only);
        until(&mut material.manifest, &mut material.timeline, known_us);
        let (plan, picture) = planned(&material, self.job)?;
        let mut made = false;
        if let Picture::Compose { scenes, shape, .. } = &picture
            && reel::is_certain(self.pictures, &plan, known_us)
        {
            let number = (self.pictures, shape.fps);
            let seen = reel::seen(&material.manifest, &plan, scenes, number);
            if self.are_written(&material, &seen, &plan, self.pictures) {
                let (material, plan, preset) = (&material, &plan, &self.job.video);
                self.picture(Scenery { material, plan, scenes, shape: *shape, preset })?;
                made = true;
            }
        }
        let drawn = matches!(plan.video, VideoPlan::Compose { .. });
        // Side by side, as far as both are made.
        let in_turn = !drawn || self.sounds < self.pictures;
        if in_turn && reel::is_certain(self.sounds, &plan, known_us) {
            // One more sample of delay or less does not matter to who is heard.
            let sound = SoundReel::new(self.sounds, plan.duration_us(), 0);
            let heard = reel::heard(&material.manifest, &plan, &sound);
            if self.are_written(&material, &heard, &plan, self.sounds) {
                let (material, plan, preset) = (&material, &plan, &self.job.audio);
                let score = Score { material, plan, preset };
                self.mixing.next_reel(score, self.reels, None, self.work)?;
                self.sounds += 1;
                made = true;
            }
        }
        if made {
            self.tell(&plan)?;
            return Ok(Duration::ZERO);
        }
        // Not before so much more of the film is recorded.
        let next = (self.sounds.max(self.pictures) + 1) * reel::REEL_US;
        Ok(Duration::from_micros(next.saturating_sub(plan.duration_us())).max(LOOK))
    }

    fn picture(&mut self, scenery: Scenery<'_>) -> Result<(), FilmError> {
        let recipe = scenery.recipe(self.pictures)?;
        if self.reels.find(Kind::Picture, self.pictures, &recipe).is_none() {
            let drawing = match &mut self.drawing {
                Some(drawing) => drawing,
                None => self.drawing.insert(Drawing::new(scenery.shape)?),
            };
            drawing.reels(scenery, vec![(self.pictures, recipe)], self.reels, self.work)?;
        }
        self.pictures += 1;
        Ok(())
    }

    fn tell(&self, plan: &Plan) -> Result<(), FilmError> {
        let told = Ahead {
            recording: self.job.recording.clone(),
            made_us: self.pictures.max(self.sounds) * reel::REEL_US,
            recorded_us: plan.duration_us(),
            cpu_s: cpu_s(),
        };
        let path = PathBuf::from("standard output");
        say(&told).map_err(|source| FilmError::Write { path, source })
    }

    /// Sees how far the parts have come that are being written, and the recorder with them.
    fn look(&mut self, material: &Material) -> Result<(), FilmError> {
        let lines = material.timeline.iter().map(|line| line.t);
        self.written_us = lines.max().unwrap_or(0).max(self.written_us);
        let growing = || material.manifest.parts.iter().filter(|part| material.grows(part));
        self.extents.retain(|file, _| growing().any(|part| part.file == *file));
        for part in growing() {
            if !self.extents.contains_key(&part.file) {
                let opened = Clusters::open(&material.path(part)).map_err(FilmError::Recording)?;
                let extent = Extent { clusters: opened, until_us: 0 };
                self.extents.insert(part.file.clone(), extent);
            }
            let Some(extent) = self.extents.get_mut(&part.file) else { continue };
            while let Some(cluster) = extent.clusters.next_whole().map_err(FilmError::Recording)? {
                extent.until_us = part.start_us.saturating_add_signed(cluster.start_us);
            }
            self.written_us = self.written_us.max(extent.until_us);
        }
        Ok(())
    }

    /// Whether everything that a reel needs of these parts is on the disk.
    fn are_written(&self, material: &Material, parts: &[&Part], plan: &Plan, number: u64) -> bool {
        // A little of the next reel is heard, too.
        let end_us = plan.recording_us((number + 1) * reel::REEL_US + BEYOND_US);
        let reaches = |part: &&Part| {
            self.extents.get(&part.file).is_some_and(|extent| extent.until_us >= end_us)
        };
        self.written_us >= end_us + WAITED_FOR_US
            || parts.iter().filter(|part| material.grows(part)).all(reaches)
    }

    /// The recording is whole: what is missing of its film is made at once.
    fn finish(mut self) -> Result<(), FilmError> {
        let mut material = Material::read(self.recording, self.work, false)?;
        narrow(&mut material.manifest, &mut material.timeline, &self.job.only);
        let (plan, picture) = planned(&material, self.job)?;
        let (reels, work) = (self.reels, self.work);
        let score = Score { material: &material, plan: &plan, preset: &self.job.audio };
        let (from, to) = (self.sounds, reel::count(plan.duration_us()));
        let mixing = &mut self.mixing;
        std::thread::scope(|scope| {
            let sound = scope.spawn(move || {
                let all = if score.plan.audio.is_empty() { from..from } else { from..to };
                all.into_iter()
                    .try_for_each(|_| mixing.next_reel(score, reels, None, work).map(drop))
            });
            let drawn = match &picture {
                Picture::Compose { scenes, shape, .. } if self.job.has_picture() => {
                    let (material, plan, preset) = (&material, &plan, &self.job.video);
                    let scenery = Scenery { material, plan, scenes, shape: *shape, preset };
                    video::compose(scenery, self.drawing.take(), reels, work).map(drop)
                }
                _ => Ok(()),
            };
            let mixed = sound.join().map_err(|_| FilmError::Panicked)?;
            drawn.and(mixed)
        })?;
        self.pictures = to;
        self.tell(&plan)
    }
}

/// The time of a recording that runs now; `None` if it has not begun in this boot.
pub(super) fn now_us(material: &Material) -> Option<u64> {
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let boot_id = boot_id
        .inspect_err(|error| tracing::warn!(%error, "the kernel does not say which boot it is"))
        .ok()?;
    let now = clock_gettime(ClockId::Boottime);
    let boot_us = now.tv_sec.unsigned_abs() * 1_000_000 + now.tv_nsec.unsigned_abs() / 1000;
    elapsed_us(&material.timeline, boot_id.trim(), boot_us)
}
