//! The recorder: one thread writes, another makes durable. Everything recorded enters by a
//! [`TapSink`], which never waits: the media threads must not feel a slow disk.

mod losses;
#[cfg(test)]
mod pauses;
#[cfg(test)]
mod refused;
mod resumed;
mod rounds;
#[cfg(test)]
mod slow_disk;
mod writer;

use crate::captions::Transcribed;
use crate::disk::{FreeSpace, Reserve};
use crate::error::CaptureError;
use crate::manifest::{EndReason, Manifest};
use crate::storage::{LocalDisk, Storage};
use losses::{Losses, Lost, Untold};
use roombox_sfu::ids::TrackId;
use roombox_sfu::tap::{TapItem, TapLayer};
use rounds::Rounds;
#[cfg(test)]
pub(crate) use rounds::make as make_durable;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use writer::Writer;

/// Items that may wait for the writer: about 2 s of 400 A/V pairs.
const QUEUE: usize = 65_536;
/// A cluster holds at most this much. With [`RecorderConfig::sync_every`] it is what a power cut
/// can take.
const CLUSTER: Duration = Duration::from_millis(400);

/// How the recorder is set up.
pub struct RecorderConfig {
    /// Folder of all recordings.
    pub root: PathBuf,
    pub reserve: Reserve,
    /// Pause between two rounds that make durable what was written.
    pub sync_every: Duration,
    pub cluster: Duration,
    pub free_space: FreeSpace,
    pub storage: Arc<dyn Storage>,
}

impl RecorderConfig {
    /// The box's own disk, and what keeps the loss at a power cut below a second.
    pub fn new(root: &Path, reserve: u64) -> Self {
        Self {
            root: root.to_owned(),
            reserve: Arc::new(move || reserve),
            sync_every: Duration::from_millis(400),
            cluster: CLUSTER,
            free_space: crate::disk::free_space(),
            storage: Arc::new(LocalDisk),
        }
    }
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
    /// Packets that were not written because the disk was too slow.
    pub dropped: u64,
}

enum Message {
    Open {
        request: OpenRecording,
        at: Instant,
        losses: Arc<Losses>,
    },
    Item {
        recording: Arc<str>,
        item: TapItem,
    },
    /// Packets that were dropped before whatever follows.
    Lost {
        recording: Arc<str>,
        lost: Lost,
    },
    Marker {
        recording: String,
        text: String,
    },
    Transcribed {
        recording: String,
        said: Box<Transcribed>,
        at: Instant,
    },
    Pause {
        recording: String,
        paused: bool,
        at: Instant,
    },
    Stop {
        recording: String,
        reason: EndReason,
    },
    Shutdown,
}

type Figures = Mutex<HashMap<String, RecordingFigures>>;
/// Called on both threads; must not wait.
type Tell = Arc<dyn Fn(RecorderEvent) + Send + Sync>;

/// The way into one recording; cheap to clone, never waits.
#[derive(Clone)]
pub struct TapSink {
    recording: Arc<str>,
    queue: SyncSender<Message>,
    losses: Arc<Losses>,
    /// Of all recordings.
    dropped: Arc<AtomicU64>,
}

impl TapSink {
    /// Takes an item. When the writer is behind, packets are dropped and counted; who came and went
    /// in the meantime is told later.
    pub fn push(&self, item: TapItem) {
        let found_place = match self.losses.any() && !self.losses.tell(|untold| self.tell(untold)) {
            true => Err(item),
            false => self.send_item(item),
        };
        if let Err(item) = found_place
            && self.losses.note(item)
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Losses first, so that nothing waits for what will not come.
    fn tell(&self, untold: &mut Untold) {
        if !untold.lost.is_empty() {
            let lost = std::mem::take(&mut untold.lost);
            let message = Message::Lost { recording: self.recording.clone(), lost };
            if let Err(Message::Lost { lost, .. }) = self.send(message) {
                untold.lost = lost;
                return;
            }
        }
        while let Some(item) = untold.late.pop_front() {
            if let Err(item) = self.send_item(item) {
                untold.late.push_front(item);
                return;
            }
        }
    }

    fn send_item(&self, item: TapItem) -> Result<(), TapItem> {
        match self.send(Message::Item { recording: self.recording.clone(), item }) {
            Err(Message::Item { item, .. }) => Err(item),
            _ => Ok(()),
        }
    }

    /// Gives the message back if the queue is full.
    fn send(&self, message: Message) -> Result<(), Message> {
        match self.queue.try_send(message) {
            Err(TrySendError::Full(message)) => Err(message),
            // The recorder has stopped: there is nobody to tell of losses.
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
        }
    }
}

/// The recorder.
pub struct Recorder {
    queue: SyncSender<Message>,
    figures: Arc<Figures>,
    rounds: Arc<Rounds>,
    dropped: Arc<AtomicU64>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Recorder {
    /// Starts the threads. `events` is called on them and must not wait.
    ///
    /// # Errors
    /// The folder cannot be made or a thread not be started.
    pub fn start(
        config: RecorderConfig,
        events: impl Fn(RecorderEvent) + Send + Sync + 'static,
    ) -> Result<Self, CaptureError> {
        let prepare = |source| CaptureError::PrepareFolder { path: config.root.clone(), source };
        config.storage.make_folder(&config.root).map_err(prepare)?;
        let (figures, rounds) = (Arc::<Figures>::default(), Arc::<Rounds>::default());
        let (queue, inbox) = mpsc::sync_channel(QUEUE);
        let tell: Tell = Arc::new(events);
        let (syncer, every) = (rounds.clone(), config.sync_every);
        let tell_synced = tell.clone();
        let writer = Writer::new(config, figures.clone(), rounds.clone(), tell);
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let threads = vec![
            thread("recorder")
                .spawn(move || writer.run(&inbox))
                .map_err(CaptureError::StartThread)?,
            thread("recorder-sync")
                .spawn(move || syncer.run(every, &tell_synced))
                .map_err(CaptureError::StartThread)?,
        ];
        let dropped = Arc::default();
        Ok(Self { queue, figures, rounds, dropped, threads: Mutex::new(threads) })
    }

    /// Begins a recording; its media comes by the sink.
    ///
    /// # Errors
    /// The recorder has stopped.
    pub fn open(&self, request: OpenRecording) -> Result<TapSink, CaptureError> {
        let recording: Arc<str> = request.recording.as_str().into();
        let losses = Arc::<Losses>::default();
        self.send(Message::Open { request, at: Instant::now(), losses: losses.clone() })?;
        let (queue, dropped) = (self.queue.clone(), self.dropped.clone());
        Ok(TapSink { recording, queue, losses, dropped })
    }

    /// Sets a marker at this moment.
    ///
    /// # Errors
    /// The recorder has stopped.
    pub fn marker(&self, recording: &str, text: &str) -> Result<(), CaptureError> {
        let (recording, text) = (recording.to_owned(), text.to_owned());
        self.send(Message::Marker { recording, text })
    }

    /// Takes a piece of what somebody transcribes. Never waits; false: there is no place for it, and it
    /// is lost.
    pub fn transcribed(&self, recording: &str, said: Transcribed) -> bool {
        let (recording, said, at) = (recording.to_owned(), Box::new(said), Instant::now());
        self.queue.try_send(Message::Transcribed { recording, said, at }).is_ok()
    }

    /// Nothing is recorded until the recording goes on.
    ///
    /// # Errors
    /// The recorder has stopped.
    pub fn pause(&self, recording: &str, paused: bool) -> Result<(), CaptureError> {
        let (recording, at) = (recording.to_owned(), Instant::now());
        self.send(Message::Pause { recording, paused, at })
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
        let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        figures.get(recording).copied()
    }

    /// Packets of all recordings since the start that were not written because the disk was too
    /// slow.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The longest that making everything durable has taken.
    pub fn longest_sync(&self) -> Duration {
        self.rounds.longest()
    }

    /// Ends all recordings with [`EndReason::Shutdown`] and waits until they are durable.
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
