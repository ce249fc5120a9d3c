//! What is to be seen now of a recording that runs.

use super::super::ahead::now_us;
use super::super::codecs::FilmShape;
use super::super::error::FilmError;
use super::super::material::{Material, chain};
use super::super::report::Work;
use super::super::video::Drawing;
use super::of_now;
use gstreamer as gst;
use roombox_capture::timeline::{TimelineEvent, TimelineLine};
use roombox_jobs::spec::{JobSpec, LayoutName, Relayout};
use roombox_transcode::layout::Rect;
use roombox_transcode::plan::{PAUSED, Plan, Scene, Tile, VideoPlan, narrow, plan, until};
use std::path::Path;
use std::time::{Duration, Instant};

/// Of what was longer ago nothing is planned any more.
const PLANNED_US: u64 = 15_000_000;
/// A recording that has just begun has a manifest by then.
const PATIENCE: Duration = Duration::from_secs(20);
const NAP: Duration = Duration::from_millis(50);
/// Looks at a recording that cannot be read before it counts as gone.
const MOST_FAILURES: u32 = 10;
/// Pictures in a row that cannot be made before others see that there is none, and for how long.
const MOST_UNREADABLE: u32 = 30;
const BLIND: Duration = Duration::from_secs(5);
/// After the last part has ended its last picture stands for so long.
const LINGER_US: u64 = 500_000;

/// The recording, looked at again and again.
pub struct Stage<'a> {
    recording: &'a Path,
    job: JobSpec,
    material: Material,
    /// Recording time at a moment of ours.
    known: (u64, Instant),
    ended_us: Option<u64>,
    pauses: Vec<(u64, bool)>,
    plan: Plan,
    scenes: Vec<Scene>,
    drawing: Drawing,
    canvas: Rect,
    /// What was drawn last.
    tiles: Option<Vec<Tile>>,
    failures: u32,
    unreadable: u32,
    /// Until then nothing is tried: a part cannot be read.
    blind: Option<Instant>,
}

impl<'a> Stage<'a> {
    /// Waits until the recording has begun.
    ///
    /// # Errors
    /// It does not, or the broadcast was cancelled.
    pub fn open(
        recording: &'a Path,
        job: JobSpec,
        shape: FilmShape,
        work: &Work,
    ) -> Result<Self, FilmError> {
        let begun = Instant::now();
        let (material, now) = loop {
            work.beat()?;
            let material = Material::running(recording);
            match material {
                Ok(material) => {
                    if let Some(now) = now_us(&material) {
                        break (material, now);
                    }
                    if begun.elapsed() > PATIENCE {
                        return Err(FilmError::Start("the recording does not run".to_owned()));
                    }
                }
                Err(error) if begun.elapsed() > PATIENCE => return Err(error),
                Err(_) => {}
            }
            std::thread::sleep(NAP);
        };
        let empty = Plan { pieces: Vec::new(), video: VideoPlan::Nothing, audio: Vec::new() };
        let mut stage = Self {
            recording,
            job,
            material,
            known: (now, Instant::now()),
            ended_us: None,
            pauses: Vec::new(),
            plan: empty,
            scenes: Vec::new(),
            drawing: Drawing::new(shape)?,
            canvas: Rect { x: 0, y: 0, width: shape.width, height: shape.height },
            tiles: None,
            failures: 0,
            unreadable: 0,
            blind: None,
        };
        stage.look()?;
        Ok(stage)
    }

    pub fn job(&self) -> &JobSpec {
        &self.job
    }

    pub fn material(&self) -> &Material {
        &self.material
    }

    /// The recording's time.
    pub fn now_us(&self) -> u64 {
        let (us, at) = self.known;
        us + at.elapsed().as_micros() as u64
    }

    /// When it ended, if it has.
    pub fn ended_us(&self) -> Option<u64> {
        self.ended_us
    }

    /// Another layout from now on.
    pub fn relayout(&mut self, layout: LayoutName) {
        self.job.relayouts.push(Relayout { from_us: self.now_us(), layout });
    }

    /// Reads what was recorded since.
    ///
    /// # Errors
    /// It cannot be read again and again.
    pub fn look(&mut self) -> Result<(), FilmError> {
        let mut material = match Material::running(self.recording) {
            Ok(material) => material,
            Err(error) if self.failures < MOST_FAILURES => {
                self.failures += 1;
                tracing::debug!(error = %chain(&error), "the recording is looked at again");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.failures = 0;
        if let Some(now) = now_us(&material) {
            self.known = (now, Instant::now());
        }
        let now = self.now_us();
        self.ended_us = material.manifest.ended.as_ref().map(|ended| ended.at_us);
        narrow(&mut material.manifest, &mut material.timeline, &self.job.only);
        until(&mut material.manifest, &mut material.timeline, now);
        self.pauses = pauses(&material.timeline);
        let job = of_now(&self.job, now.saturating_sub(PLANNED_US));
        self.plan = plan(&material.manifest, &material.timeline, &job);
        self.scenes = match &self.plan.video {
            VideoPlan::Compose { scenes } => scenes.clone(),
            _ => Vec::new(),
        };
        self.material = material;
        self.drawing.learn(&self.material);
        Ok(())
    }

    /// Whether nothing was recorded at a moment, because somebody did not want it.
    pub fn is_paused(&self, at_us: u64) -> bool {
        let before = self.pauses.iter().rev().find(|(from, _)| *from <= at_us);
        before.is_some_and(|(_, paused)| *paused)
    }

    /// The picture of a moment; `None` if there is none now and the next may be better.
    ///
    /// # Errors
    /// An element is missing or fails.
    pub fn picture(&mut self, at_us: u64) -> Result<Option<gst::Buffer>, FilmError> {
        let now = at_us + 500_000 / u64::from(self.job.layout.fps.max(1));
        let begun = self.scenes.partition_point(|scene| scene.from_us <= now).checked_sub(1);
        let gone = now > self.plan.last_us() + LINGER_US;
        let scene = begun.and_then(|begun| self.scenes.get(begun));
        let scene = match scene.filter(|scene| !gone && !scene.tiles.is_empty()) {
            _ if self.is_paused(at_us) => self.sign(PAUSED),
            Some(scene) if self.blind.is_none_or(|until| until <= Instant::now()) => scene.clone(),
            _ => self.sign(&self.material.manifest.room),
        };
        let anew = self.tiles.as_ref() != Some(&scene.tiles);
        let time = gst::ClockTime::from_useconds(at_us);
        match self.drawing.moment(&self.material, (&scene, anew), now, time) {
            Ok((buffer, _)) => {
                if anew {
                    self.tiles = Some(scene.tiles);
                }
                self.unreadable = 0;
                Ok(Some(buffer))
            }
            Err(FilmError::Recording(error)) => {
                self.unreadable += 1;
                if self.unreadable == 1 || self.unreadable > MOST_UNREADABLE {
                    tracing::warn!(error = %chain(&error), "a part cannot be read yet");
                }
                if self.unreadable > MOST_UNREADABLE {
                    // Without any picture every output would stand still.
                    self.blind = Some(Instant::now() + BLIND);
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A picture with nothing but a name.
    fn sign(&self, name: &str) -> Scene {
        let tile = Tile {
            rect: self.canvas,
            name: name.to_owned(),
            label: true,
            muted: false,
            fill: true,
            source: None,
        };
        Scene { from_us: 0, tiles: vec![tile] }
    }
}

/// When it paused and went on.
fn pauses(timeline: &[TimelineLine]) -> Vec<(u64, bool)> {
    let pause = |line: &TimelineLine| match line.event {
        TimelineEvent::Pause => Some((line.t, true)),
        TimelineEvent::Resume => Some((line.t, false)),
        _ => None,
    };
    timeline.iter().filter_map(pause).collect()
}
