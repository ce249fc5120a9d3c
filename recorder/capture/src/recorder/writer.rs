//! The writer's thread: it owns every running recording and the disk guard.

use super::losses::Losses;
use super::resumed::{Now, resume_point};
use super::rounds::Rounds;
use super::{
    Figures, Message, OpenRecording, RecorderConfig, RecorderEvent, RecordingFigures, Tell,
};
use crate::disk::{self, DiskState};
use crate::folder::{RecordingFolder, read_timeline};
use crate::manifest::{EndReason, Ended, Manifest};
use crate::recording::{Recording, Round, Wish};
use crate::timeline::TimelineEvent;
use rustix::time::ClockId;
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Who waits for messages is woken for each, which costs this thread and the media thread more than the message:
/// packets that come within this time are written at one waking.
const GATHER: Duration = Duration::from_millis(5);
/// How often streams are looked after.
const TICK: Duration = Duration::from_millis(50);
/// How often free space is asked for.
const DISK_TICK: Duration = Duration::from_secs(1);
/// A wall-clock anchor in the timeline, once in this time.
const WALL_TICK: Duration = Duration::from_secs(60);

struct Running {
    recording: Recording,
    /// `at` of this moment is `base_us` in the recording.
    anchor: Instant,
    base_us: u64,
    next_wall: Instant,
    losses: Arc<Losses>,
}

impl Running {
    fn time(&self, at: Instant) -> u64 {
        self.base_us + at.saturating_duration_since(self.anchor).as_micros() as u64
    }

    /// Takes what found no place in the queue; the answer is what the recording wishes then.
    fn hear_untold(&mut self) -> Vec<Wish> {
        let untold = self.losses.take();
        self.recording.lost(&untold.lost);
        let mut wishes = Vec::new();
        for item in untold.late {
            let t = self.time(item.at);
            self.recording.item(t, item.event, &mut wishes);
        }
        wishes
    }
}

pub(super) struct Writer {
    config: RecorderConfig,
    figures: Arc<Figures>,
    rounds: Arc<Rounds>,
    tell: Tell,
    running: HashMap<String, Running>,
    stopping: bool,
}

impl Writer {
    pub fn new(
        config: RecorderConfig,
        figures: Arc<Figures>,
        rounds: Arc<Rounds>,
        tell: Tell,
    ) -> Self {
        let running = HashMap::new();
        Self { config, figures, rounds, tell, running, stopping: false }
    }

    pub fn run(mut self, inbox: &Receiver<Message>) {
        let mut next_tick = Instant::now() + TICK;
        let mut next_disk = Instant::now();
        while !self.stopping {
            let message = inbox.try_recv().or_else(|_| {
                // While nothing is recorded only the disk is looked after.
                let next = match self.running.is_empty() {
                    true => next_disk,
                    false => {
                        std::thread::sleep(GATHER);
                        next_tick
                    }
                };
                inbox.recv_timeout(next.saturating_duration_since(Instant::now()))
            });
            match message {
                Ok(message) => self.message(message),
                Err(RecvTimeoutError::Timeout) => self.catch_up(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let now = Instant::now();
            if now >= next_disk {
                self.guard_disk();
                next_disk = now + DISK_TICK;
            }
            if now >= next_tick {
                self.tick(now);
                next_tick = now + TICK;
            }
        }
        let rest: Vec<String> = self.running.keys().cloned().collect();
        for recording in rest {
            self.end(&recording, EndReason::Shutdown);
        }
        self.rounds.close();
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Open { request, at, losses } => self.open(request, at, losses),
            Message::Item { recording, item } => {
                let Some(running) = self.running.get_mut(&*recording) else { return };
                let t = running.time(item.at);
                let mut wishes = Vec::new();
                running.recording.item(t, item.event, &mut wishes);
                self.wishes(&recording, wishes);
            }
            Message::Lost { recording, lost } => {
                if let Some(running) = self.running.get_mut(&*recording) {
                    running.recording.lost(&lost);
                }
            }
            Message::Marker { recording, text } => {
                if let Some(running) = self.running.get_mut(&recording) {
                    let t = running.time(Instant::now());
                    running.recording.log(t, TimelineEvent::Marker { text });
                }
            }
            Message::Transcribed { recording, said, at } => {
                if let Some(running) = self.running.get_mut(&recording) {
                    let t = running.time(at);
                    running.recording.transcribed(t, *said);
                }
            }
            Message::Pause { recording, paused, at } => {
                let Some(running) = self.running.get_mut(&recording) else {
                    tracing::error!(%recording, paused, "there is no such recording to pause");
                    return;
                };
                let t = running.time(at);
                let mut wishes = Vec::new();
                running.recording.pause(t, paused, &mut wishes);
                tracing::info!(%recording, paused, "recording");
                self.wishes(&recording, wishes);
            }
            Message::Stop { recording, reason } => self.end(&recording, reason),
            Message::Shutdown => self.stopping = true,
        }
    }

    /// With nothing waiting any more: what found no place, and had nothing behind it that could tell.
    /// The end of a room is such a thing.
    fn catch_up(&mut self) {
        let behind: Vec<String> = self
            .running
            .iter()
            .filter(|(_, running)| running.losses.any())
            .map(|(id, _)| id.clone())
            .collect();
        for id in behind {
            let Some(running) = self.running.get_mut(&id) else { continue };
            let wishes = running.hear_untold();
            self.wishes(&id, wishes);
        }
    }

    fn open(&mut self, request: OpenRecording, at: Instant, losses: Arc<Losses>) {
        let OpenRecording { recording, room, resume } = request;
        let path = self.config.root.join(&recording);
        let resumed = resume.is_some();
        let (base_us, last_us) = match &resume {
            Some(manifest) => {
                let now = Now {
                    boot_id: boot_id(),
                    boot_us: clock_us(ClockId::Boottime),
                    unix_ms: unix_ms(),
                };
                resume_point(&read_timeline(&path), manifest, &now)
            }
            None => (0, 0),
        };
        let manifest = match resume {
            Some(manifest) => Manifest { boot_id: boot_id(), ended: None, ..*manifest },
            None => Manifest::new(&recording, &room, unix_ms(), boot_id()),
        };
        let folder = match RecordingFolder::open(self.config.storage.clone(), &path) {
            Ok(folder) => folder,
            Err(error) => {
                tracing::error!(%recording, %error, "the recording cannot begin");
                // Its end is said on the disk too: else the next start takes it for cut short.
                let ended = Some(Ended { reason: EndReason::Interrupted, at_us: last_us });
                let manifest = Manifest { ended, ..manifest };
                let storage = self.config.storage.clone();
                let round = resumed.then(|| Round::of_manifest(storage, &path, manifest.clone()));
                self.rounds.end(&recording, round, manifest);
                return;
            }
        };
        let cluster_us = self.config.cluster.as_micros() as i64;
        let mut opened = Recording::new(folder, manifest, cluster_us, losses.total.clone());
        if resumed {
            opened.log(base_us, TimelineEvent::PowerLoss { from: last_us, to: base_us });
        }
        let (boot_us, monotonic_us) = (clock_us(ClockId::Boottime), clock_us(ClockId::Monotonic));
        opened.log(
            base_us,
            TimelineEvent::Start {
                room,
                unix_ms: unix_ms(),
                boot_id: boot_id(),
                boot_us,
                boot_minus_monotonic_us: boot_us as i64 - monotonic_us as i64,
            },
        );
        // The first round writes the manifest: a folder without one is nobody's.
        opened.touch_manifest();
        if let Some(round) = opened.take_round() {
            self.rounds.add(&recording, round);
        }
        tracing::info!(%recording, resumed, "recording");
        let next_wall = at + WALL_TICK;
        let running = Running { recording: opened, anchor: at, base_us, next_wall, losses };
        self.running.insert(recording.clone(), running);
        // Asked anew: what was freed since the last look counts.
        self.guard_disk();
    }

    fn wishes(&mut self, recording: &str, wishes: Vec<Wish>) {
        for wish in wishes {
            let recording = recording.to_owned();
            match wish {
                Wish::Keyframe { track, layer } => {
                    (self.tell)(RecorderEvent::KeyframeWanted { recording, track, layer });
                }
                Wish::Refused { track, why } => {
                    tracing::warn!(%recording, %track, why, "a track is not recorded");
                    (self.tell)(RecorderEvent::TrackRefused { recording, track, why });
                }
                Wish::End(reason) => self.end(&recording, reason),
            }
        }
    }

    fn figures(&self) -> MutexGuard<'_, HashMap<String, RecordingFigures>> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&mut self, recording: &str, reason: EndReason) {
        let Some(mut running) = self.running.remove(recording) else { return };
        // What was dropped last has nothing behind it that could tell.
        running.hear_untold();
        let t = running.time(Instant::now());
        let (round, manifest) = running.recording.end(t, reason);
        tracing::info!(%recording, ?reason, seconds = t / 1_000_000, "recording ended");
        self.figures().remove(recording);
        self.rounds.end(recording, round, manifest);
    }

    fn tick(&mut self, now: Instant) {
        let mut all = Vec::new();
        for (id, running) in &mut self.running {
            let t = running.time(now);
            let mut wishes = Vec::new();
            running.recording.tick(t, &mut wishes);
            if now >= running.next_wall {
                running.recording.log(t, TimelineEvent::Wall { unix_ms: unix_ms() });
                running.next_wall = now + WALL_TICK;
            }
            if let Some(round) = running.recording.take_round() {
                self.rounds.add(id, round);
            }
            let figures = RecordingFigures {
                elapsed_us: t,
                bytes: running.recording.bytes(),
                streams: running.recording.streams(),
                gaps: running.recording.gaps(),
                dropped: running.recording.dropped(),
            };
            all.push((id.clone(), wishes, figures));
        }
        for (id, wishes, figures) in all {
            self.figures().insert(id.clone(), figures);
            self.wishes(&id, wishes);
        }
    }

    fn guard_disk(&mut self) {
        let reserve = (self.config.reserve)();
        let free = match (self.config.free_space)(&self.config.root) {
            Ok(free) => free,
            Err(error) => {
                tracing::warn!(%error, "the volume does not say how much is free");
                return;
            }
        };
        let state = disk::judge(free, reserve);
        if state != DiskState::Fine && !self.running.is_empty() {
            (self.tell)(RecorderEvent::DiskWarning { free, reserve });
        }
        if state == DiskState::Low {
            let all: Vec<String> = self.running.keys().cloned().collect();
            for recording in all {
                tracing::error!(%recording, free, reserve, "the disk is full: the recording ends");
                if let Some(running) = self.running.get_mut(&recording) {
                    let t = running.time(Instant::now());
                    running.recording.log(t, TimelineEvent::DiskLow { free_bytes: free });
                }
                self.end(&recording, EndReason::DiskLow);
            }
        }
    }
}

/// Id of this boot of the kernel.
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| "unknown".to_owned(), |id| id.trim().to_owned())
}

fn clock_us(clock: ClockId) -> u64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
