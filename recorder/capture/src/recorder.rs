//! The recorder's threads: one writes, one makes durable. Everything recorded enters by a
//! [`TapSink`], which never waits: the media threads must not feel a slow disk.

use crate::disk::{self, DiskState, FreeSpace};
use crate::error::CaptureError;
use crate::folder::{RecordingFolder, read_timeline};
use crate::manifest::{EndReason, MANIFEST_VERSION, Manifest};
use crate::recording::{Recording, Wish};
use crate::timeline::TimelineEvent;
use roombox_sfu::ids::TrackId;
use roombox_sfu::tap::{TapEvent, TapItem, TapLayer};
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Items that may wait for the writer: about 2 s of 400 A/V pairs.
const QUEUE: usize = 65_536;
/// How often streams are looked after.
const TICK: Duration = Duration::from_millis(50);
/// How often free space is asked for.
const DISK_TICK: Duration = Duration::from_secs(1);
/// A wall-clock anchor in the timeline, once in this time.
const WALL_TICK: Duration = Duration::from_secs(60);

/// How the recorder is set up.
pub struct RecorderConfig {
    /// Folder of all recordings.
    pub root: PathBuf,
    /// Bytes that stay free: below, recordings end cleanly.
    pub reserve: u64,
    /// Everything is on the disk this long after it was written. With clusters of 400 ms the loss
    /// at a power cut stays below a second.
    pub sync_every: Duration,
    pub free_space: FreeSpace,
}

/// What the recorder reports.
#[derive(Debug, Clone)]
pub enum RecorderEvent {
    /// A stream cannot go on without a keyframe.
    KeyframeWanted {
        recording: String,
        track: TrackId,
        layer: TapLayer,
    },
    /// A track is not recorded.
    TrackRefused {
        recording: String,
        track: TrackId,
        why: &'static str,
    },
    /// The recording is whole: sealed and durable.
    Ended {
        recording: String,
        manifest: Box<Manifest>,
    },
    DiskWarning {
        free: u64,
        reserve: u64,
    },
}

/// A recording to begin or to go on with.
#[derive(Debug, Clone)]
pub struct OpenRecording {
    /// `rec_` and a ULID.
    pub recording: String,
    pub room: String,
    /// What a crash left, repaired (see [`crate::recovery`]); `None` begins anew.
    pub resume: Option<Box<Manifest>>,
}

/// Figures of a running recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordingFigures {
    pub elapsed_us: u64,
    pub bytes: u64,
    pub streams: usize,
    pub gaps: u64,
}

enum Message {
    Open { request: OpenRecording, at: Instant },
    Item { recording: Arc<str>, item: TapItem },
    Marker { recording: String, text: String },
    Stop { recording: String, reason: EndReason },
    Shutdown,
}

#[derive(Default)]
struct Shared {
    /// Files that were written to since the last round.
    dirty: Mutex<Vec<Arc<File>>>,
    figures: Mutex<HashMap<String, RecordingFigures>>,
    /// Duration of the longest sync round, microseconds.
    longest_sync_us: AtomicU64,
    stopping: AtomicBool,
}

/// The way into one recording; cheap to clone, never waits.
#[derive(Clone)]
pub struct TapSink {
    recording: Arc<str>,
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl TapSink {
    /// Takes an item, or drops and counts it when the writer is behind.
    pub fn push(&self, item: TapItem) {
        let lost = self.dropped.load(Ordering::Relaxed);
        if lost > 0 {
            let notice = TapItem { at: item.at, event: TapEvent::Dropped(lost) };
            if self.send(notice).is_err() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
            self.dropped.fetch_sub(lost, Ordering::Relaxed);
        }
        if self.send(item).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn send(&self, item: TapItem) -> Result<(), ()> {
        let message = Message::Item { recording: self.recording.clone(), item };
        match self.queue.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(()),
            // The recorder has stopped: there is nobody to tell of losses.
            Err(TrySendError::Disconnected(_)) => Ok(()),
        }
    }
}

/// The recorder.
pub struct Recorder {
    queue: SyncSender<Message>,
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Recorder {
    /// Starts the threads. `events` is called on the writer's thread and must not wait.
    ///
    /// # Errors
    /// The folder cannot be made or a thread not be started.
    pub fn start(
        config: RecorderConfig,
        events: impl Fn(RecorderEvent) + Send + 'static,
    ) -> Result<Self, CaptureError> {
        std::fs::create_dir_all(&config.root)
            .map_err(|source| CaptureError::PrepareFolder { path: config.root.clone(), source })?;
        let shared = Arc::new(Shared::default());
        let (queue, inbox) = mpsc::sync_channel(QUEUE);
        let (lifeline, ended) = mpsc::channel::<()>();
        let sync_every = config.sync_every;
        let of_writer = shared.clone();
        let writer = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                let events = Box::new(events);
                let running = HashMap::new();
                let writer = Writer { config, shared: of_writer, events, running, disk_low: false };
                writer.run(&inbox);
                drop(lifeline);
            })
            .map_err(CaptureError::StartThread)?;
        let of_sync = shared.clone();
        let syncer = std::thread::Builder::new()
            .name("recorder-sync".to_owned())
            .spawn(move || sync_rounds(&of_sync, sync_every, &ended))
            .map_err(CaptureError::StartThread)?;
        let threads = Mutex::new(vec![writer, syncer]);
        Ok(Self { queue, shared, threads })
    }

    /// Begins a recording; its media comes by the sink.
    ///
    /// # Errors
    /// The recorder has stopped.
    pub fn open(&self, request: OpenRecording) -> Result<TapSink, CaptureError> {
        let recording: Arc<str> = request.recording.as_str().into();
        self.send(Message::Open { request, at: Instant::now() })?;
        Ok(TapSink { recording, queue: self.queue.clone(), dropped: Arc::default() })
    }

    /// Sets a marker at this moment.
    ///
    /// # Errors
    /// The recorder has stopped.
    pub fn marker(&self, recording: &str, text: &str) -> Result<(), CaptureError> {
        let (recording, text) = (recording.to_owned(), text.to_owned());
        self.send(Message::Marker { recording, text })
    }

    /// Ends a recording; [`RecorderEvent::Ended`] tells when it is whole.
    ///
    /// # Errors
    /// The recorder has stopped.
    pub fn stop(&self, recording: &str, reason: EndReason) -> Result<(), CaptureError> {
        self.send(Message::Stop { recording: recording.to_owned(), reason })
    }

    /// Figures of a running recording.
    pub fn figures(&self, recording: &str) -> Option<RecordingFigures> {
        let figures = self.shared.figures.lock().unwrap_or_else(PoisonError::into_inner);
        figures.get(recording).copied()
    }

    /// The longest that making everything durable has taken.
    pub fn longest_sync(&self) -> Duration {
        Duration::from_micros(self.shared.longest_sync_us.load(Ordering::Relaxed))
    }

    /// Ends all recordings with [`EndReason::Shutdown`] and waits for the threads.
    pub fn shutdown(&self) {
        if self.send(Message::Shutdown).is_err() {
            tracing::debug!("the recorder had stopped already");
        }
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a recorder thread had panicked");
            }
        }
    }

    /// Control messages wait for their place: they are few and must not be lost.
    fn send(&self, message: Message) -> Result<(), CaptureError> {
        self.queue.send(message).map_err(|_| CaptureError::Stopped)
    }
}

fn sync_rounds(shared: &Shared, every: Duration, writer: &Receiver<()>) {
    loop {
        let ended = matches!(writer.recv_timeout(every), Err(RecvTimeoutError::Disconnected));
        let files = {
            let mut dirty = shared.dirty.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *dirty)
        };
        let begun = Instant::now();
        for file in files {
            if let Err(error) = file.sync_data() {
                tracing::error!(%error, "the disk does not keep what was written");
            }
        }
        let took = begun.elapsed().as_micros() as u64;
        shared.longest_sync_us.fetch_max(took, Ordering::Relaxed);
        if ended {
            return;
        }
    }
}

struct Running {
    recording: Recording,
    /// `at` of this moment is `base_us` in the recording.
    anchor: Instant,
    base_us: u64,
    next_wall: Instant,
}

impl Running {
    fn time(&self, at: Instant) -> u64 {
        self.base_us + at.saturating_duration_since(self.anchor).as_micros() as u64
    }
}

struct Writer {
    config: RecorderConfig,
    shared: Arc<Shared>,
    events: Box<dyn Fn(RecorderEvent) + Send>,
    running: HashMap<String, Running>,
    disk_low: bool,
}

impl Writer {
    fn run(mut self, inbox: &Receiver<Message>) {
        let mut next_tick = Instant::now() + TICK;
        let mut next_disk = Instant::now();
        while !self.shared.stopping.load(Ordering::Acquire) {
            let patience = next_tick.saturating_duration_since(Instant::now());
            match inbox.recv_timeout(patience) {
                Ok(message) => self.message(message),
                Err(RecvTimeoutError::Timeout) => {}
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
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Open { request, at } => self.open(request, at),
            Message::Item { recording, item } => {
                let Some(running) = self.running.get_mut(&*recording) else { return };
                let t = running.time(item.at);
                let mut wishes = Vec::new();
                running.recording.item(t, item.event, &mut wishes);
                self.wishes(&recording, wishes);
            }
            Message::Marker { recording, text } => {
                if let Some(running) = self.running.get(&recording) {
                    let t = running.time(Instant::now());
                    running.recording.log(t, TimelineEvent::Marker { text });
                }
            }
            Message::Stop { recording, reason } => self.end(&recording, reason),
            Message::Shutdown => self.shared.stopping.store(true, Ordering::Release),
        }
    }

    fn open(&mut self, request: OpenRecording, at: Instant) {
        let OpenRecording { recording, room, resume } = request;
        let path = self.config.root.join(&recording);
        let resumed = resume.is_some();
        let (base_us, last_us) = match &resume {
            Some(manifest) => resume_point(&path, manifest),
            None => (0, 0),
        };
        let manifest = match resume {
            Some(manifest) => Manifest { boot_id: boot_id(), ended: None, ..*manifest },
            None => Manifest {
                version: MANIFEST_VERSION,
                recording: recording.clone(),
                room: room.clone(),
                started_unix_ms: unix_ms(),
                boot_id: boot_id(),
                ended: None,
                parts: Vec::new(),
                tracks: Vec::new(),
            },
        };
        let opened = RecordingFolder::open(&path)
            .and_then(|folder| Recording::new(folder, manifest.clone()));
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(%recording, %error, "the recording cannot begin");
                let manifest = Box::new(manifest);
                (self.events)(RecorderEvent::Ended { recording, manifest });
                return;
            }
        };
        if resumed {
            opened.log(base_us, TimelineEvent::PowerLoss { from: last_us, to: base_us });
        }
        let boot_us = clock_us(rustix::time::ClockId::Boottime);
        opened.log(
            base_us,
            TimelineEvent::Start {
                room,
                unix_ms: unix_ms(),
                boot_id: boot_id(),
                boot_us,
                boot_minus_monotonic_us: boot_us as i64
                    - clock_us(rustix::time::ClockId::Monotonic) as i64,
            },
        );
        tracing::info!(%recording, resumed, "recording");
        let next_wall = at + WALL_TICK;
        let running = Running { recording: opened, anchor: at, base_us, next_wall };
        self.running.insert(recording.clone(), running);
        if self.disk_low {
            self.end(&recording, EndReason::DiskLow);
        }
    }

    fn wishes(&mut self, recording: &str, wishes: Vec<Wish>) {
        for wish in wishes {
            let recording = recording.to_owned();
            match wish {
                Wish::Keyframe { track, layer } => {
                    (self.events)(RecorderEvent::KeyframeWanted { recording, track, layer });
                }
                Wish::Refused { track, why } => {
                    tracing::warn!(%recording, %track, why, "a track is not recorded");
                    (self.events)(RecorderEvent::TrackRefused { recording, track, why });
                }
                Wish::End(reason) => self.end(&recording, reason),
            }
        }
    }

    fn end(&mut self, recording: &str, reason: EndReason) {
        let Some(running) = self.running.remove(recording) else { return };
        let t = running.time(Instant::now());
        let manifest = Box::new(running.recording.end(t, reason));
        tracing::info!(%recording, ?reason, seconds = t / 1_000_000, "recording ended");
        let mut figures = self.shared.figures.lock().unwrap_or_else(PoisonError::into_inner);
        figures.remove(recording);
        drop(figures);
        (self.events)(RecorderEvent::Ended { recording: recording.to_owned(), manifest });
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
            all.push((id.clone(), wishes));
            let figures = RecordingFigures {
                elapsed_us: t,
                bytes: running.recording.bytes(),
                streams: running.recording.tracks(),
                gaps: running.recording.gaps,
            };
            let mut shared = self.shared.figures.lock().unwrap_or_else(PoisonError::into_inner);
            shared.insert(id.clone(), figures);
        }
        let files = self.running.values().flat_map(|running| running.recording.files()).collect();
        // The round takes the newest list: a file that is in it needs no second mention.
        *self.shared.dirty.lock().unwrap_or_else(PoisonError::into_inner) = files;
        for (id, wishes) in all {
            self.wishes(&id, wishes);
        }
    }

    fn guard_disk(&mut self) {
        let reserve = self.config.reserve;
        let free = match (self.config.free_space)(&self.config.root) {
            Ok(free) => free,
            Err(error) => {
                tracing::warn!(%error, "the volume does not say how much is free");
                return;
            }
        };
        let state = disk::judge(free, reserve);
        self.disk_low = state == DiskState::Low;
        if state != DiskState::Fine && !self.running.is_empty() {
            (self.events)(RecorderEvent::DiskWarning { free, reserve });
        }
        if self.disk_low {
            let all: Vec<String> = self.running.keys().cloned().collect();
            for recording in all {
                tracing::error!(%recording, free, reserve, "the disk is full: the recording ends");
                if let Some(running) = self.running.get(&recording) {
                    let t = running.time(Instant::now());
                    running.recording.log(t, TimelineEvent::DiskLow { free_bytes: free });
                }
                self.end(&recording, EndReason::DiskLow);
            }
        }
    }
}

/// Where a recording goes on, and where its media had ended. On the same boot CLOCK_BOOTTIME says
/// how long it was away; after a reboot the wall clock must do.
fn resume_point(folder: &Path, manifest: &Manifest) -> (u64, u64) {
    let ends = manifest.parts.iter().filter_map(|part| part.end_us);
    let timeline = read_timeline(folder);
    let lines = timeline.iter().map(|line| line.t);
    let last_us = ends.max().unwrap_or(0);
    let start = timeline.iter().rev().find_map(|line| match &line.event {
        TimelineEvent::Start { boot_id, boot_us, .. } => Some((line.t, boot_id.clone(), *boot_us)),
        _ => None,
    });
    let elapsed = match start {
        Some((t, boot, boot_us)) if boot == boot_id() => {
            t + clock_us(rustix::time::ClockId::Boottime).saturating_sub(boot_us)
        }
        _ => unix_ms().saturating_sub(manifest.started_unix_ms) * 1000,
    };
    (elapsed.max(last_us).max(lines.max().unwrap_or(0)), last_us)
}

/// Id of this boot of the kernel.
pub(crate) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| "unknown".to_owned(), |id| id.trim().to_owned())
}

fn clock_us(clock: rustix::time::ClockId) -> u64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
