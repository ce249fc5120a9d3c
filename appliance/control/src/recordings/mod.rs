//! Recordings: started, stopped, continued after a crash, turned into jobs, listed, deleted.
//!
//! ```text
//! recording ─ ended ─► captured ─ job finished ─► ready
//!     │                   │  └─ five attempts failed ─► parked
//!     └─ nothing came ─► empty ─ a film is found in its folder ─► ready
//! ```
//! The bytes are `capture`'s; this service keeps what the box knows about them.

mod captions;
mod demand;
mod endings;
mod film;
mod found_films;
mod life;
mod merge;
mod search;
mod spelling;
mod timeline;
mod views;

#[cfg(test)]
pub(crate) use demand::tests::output;
pub use film::{Film, FilmRange};
pub use merge::{MOST_MERGED, MergePlan, MergedPart, PlannedPart};
pub use roombox_capture::captions::{About, LONGEST_TEXT, Piece, Transcribed};
pub(crate) use search::search_words;
pub use search::{Day, DayEntry, RecordingPage, Wanted};
pub(crate) use spelling::plain;
pub use timeline::TimelineItem;
pub use views::{RecordedFile, RecordedTrack, Recording, TrackFile};

use crate::clock::UnixMs;
use crate::conference::{Conference, RoomName, RoomView};
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::jobs::Jobs;
use crate::rooms::RunningRecording;
use crate::settings::SettingsDesk;
use crate::store::{RecordingRow, Store};
use endings::{Interrupted, Unkept};
use roombox_capture::manifest::EndReason;
use roombox_capture::{OpenRecording, RecordingFigures};
use roombox_jobs::spec::{EncoderChoice, JobSpec, Layout, LayoutName, VideoPreset};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use ulid::Ulid;
use utoipa::ToSchema;

/// Where a recording stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// Runs, or was cut short and may go on.
    Recording,
    /// Whole and durable; its film is being made or waits for that.
    Captured,
    /// There is a film.
    Ready,
    /// No film could be made: somebody must decide. The tracks are there.
    Parked,
    /// Nobody sent anything.
    Empty,
}

/// The box died in the middle of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Interruption {
    /// When, from the recording's start.
    pub at_ms: u64,
    /// How much of the meeting is missing.
    pub lost_ms: u64,
}

/// The recorder, as this service needs it; the daemon joins it with the media plane.
pub trait RoomRecorder: Send + Sync {
    /// Begins or goes on: what happens in the room is recorded from now on.
    ///
    /// # Errors
    /// The recorder has stopped or the media plane is too busy.
    fn begin(
        &self,
        room: &RoomName,
        recording: OpenRecording,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

    /// Ends a recording; that it is whole is told to [`Recordings::ended`].
    fn stop(&self, room: &RoomName, recording: &str, reason: EndReason);

    /// Records nothing until it goes on.
    fn pause(&self, recording: &str, paused: bool);

    /// Takes a piece of what somebody in the room transcribes; must not wait.
    fn transcribed(&self, recording: &str, said: Transcribed);

    /// Sets a marker at this moment.
    fn marker(&self, recording: &str, text: &str);

    /// Figures of a running recording.
    fn figures(&self, recording: &str) -> Option<RecordingFigures>;

    /// Packets of all recordings since the start that were not written because the disk was too
    /// slow.
    fn dropped(&self) -> u64;

    /// Bytes that are free for recordings, and that must stay free.
    ///
    /// # Errors
    /// The file system does not tell.
    fn space(&self) -> io::Result<(u64, u64)>;
}

#[derive(Debug, Clone)]
struct Running {
    recording: String,
    started_ms: u64,
    paused: bool,
    /// The recorder has it: before, there is nothing to pause.
    begun: bool,
    /// Why it was ended; it is being made whole.
    ending: Option<EndReason>,
}

impl Running {
    fn new(row: &RecordingRow, paused: bool) -> Self {
        let (recording, started_ms) = (row.id.clone(), row.started_ms);
        Self { recording, started_ms, paused, begun: false, ending: None }
    }
}

/// Who holds it decides whether recordings stay or go; others wait.
pub(crate) struct Turn<'a>(
    #[expect(dead_code, reason = "held, not read")] tokio::sync::MutexGuard<'a, ()>,
);

/// Recordings of the box.
pub struct Recordings {
    store: Arc<Store>,
    conference: Arc<dyn Conference>,
    recorder: Arc<dyn RoomRecorder>,
    jobs: Arc<Jobs>,
    settings: Arc<SettingsDesk>,
    events: Arc<Events>,
    /// Folder of all recordings.
    root: PathBuf,
    /// By the room's name.
    running: Mutex<HashMap<String, Running>>,
    /// Pauses reach the recorder and the room in the order in which they were asked.
    pausing: tokio::sync::Mutex<()>,
    /// Whether one is kept and whether it goes is decided one after the other.
    keeping: tokio::sync::Mutex<()>,
    /// Cut short by a crash, by the room's name: they go on if their room opens in time.
    interrupted: Mutex<HashMap<String, Interrupted>>,
    /// What could not be ended.
    unkept: Mutex<Unkept>,
    /// Recordings without tracks may have films that the store does not know.
    filmless: Notify,
}

/// What a [`Recordings`] is built from.
pub struct RecordingsParts {
    pub store: Arc<Store>,
    pub conference: Arc<dyn Conference>,
    pub recorder: Arc<dyn RoomRecorder>,
    pub jobs: Arc<Jobs>,
    pub settings: Arc<SettingsDesk>,
    pub events: Arc<Events>,
    pub root: PathBuf,
}

impl Recordings {
    pub fn new(parts: RecordingsParts) -> Self {
        let RecordingsParts { store, conference, recorder, jobs, settings, events, root } = parts;
        Self {
            store,
            conference,
            recorder,
            jobs,
            settings,
            events,
            root,
            running: Mutex::default(),
            pausing: tokio::sync::Mutex::default(),
            keeping: tokio::sync::Mutex::default(),
            interrupted: Mutex::default(),
            unkept: Mutex::default(),
            filmless: Notify::new(),
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The recording of a room that runs now.
    pub fn running_in(&self, room_name: &str) -> Option<RunningRecording> {
        self.running().get(room_name).map(|running| RunningRecording {
            id: running.recording.clone(),
            started_at: UnixMs(running.started_ms),
            paused: running.paused,
        })
    }

    /// The recording that runs in a room, and whether it is being made whole.
    pub(crate) fn recorded_in(&self, room_name: &str) -> Option<(String, bool)> {
        self.running().get(room_name).map(|now| (now.recording.clone(), now.ending.is_some()))
    }

    /// How many recordings run now.
    pub fn running_count(&self) -> usize {
        self.running().len()
    }

    /// Bytes that each recording has written that runs now.
    pub(crate) fn running_bytes(&self) -> Vec<(String, u64)> {
        let ids: Vec<String> = self.running().values().map(|now| now.recording.clone()).collect();
        let bytes = |id: String| Some((self.recorder.figures(&id)?.bytes, id));
        ids.into_iter().filter_map(bytes).map(|(bytes, id)| (id, bytes)).collect()
    }

    fn goes_on(&self, id: &str) -> bool {
        let this = |now: &Running| now.recording == id && now.begun && now.ending.is_none();
        self.running().values().any(this)
    }

    /// The time of a recording that goes on now; `None` for one that has only just begun, is ending,
    /// or waits for its room.
    pub(crate) fn elapsed_us(&self, id: &str) -> Option<u64> {
        let figures = self.recorder.figures(id).filter(|_| self.goes_on(id));
        figures.map(|figures| figures.elapsed_us)
    }

    /// The same, waiting for the recorder's first look at one that has only just begun.
    pub(crate) async fn time_of(&self, id: &str) -> Option<u64> {
        const LOOKS: u32 = 100;
        for _ in 0..LOOKS {
            let now = self.elapsed_us(id);
            if now.is_some() || !self.goes_on(id) {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        None
    }

    /// Records a room from now on; one that was cut short and waits for this room goes on.
    ///
    /// # Errors
    /// There is no such room, nobody is in it, it is being recorded, the disk is too full, the box
    /// only makes films, or it is about to restart.
    pub async fn start(
        &self,
        room_id: &str,
        layout: Option<LayoutName>,
    ) -> Result<Recording, ControlError> {
        self.start_or_go_on(room_id, layout).await.map(|(recording, _)| recording)
    }

    /// The same, and whether it is a new recording.
    pub(crate) async fn start_or_go_on(
        &self,
        room_id: &str,
        layout: Option<LayoutName>,
    ) -> Result<(Recording, bool), ControlError> {
        let room = self.store.room_get(room_id.to_owned()).await?;
        let room = room.ok_or(ControlError::NotFound("room"))?;
        if !self.settings.get().recorder.mode.records() {
            return Err(ControlError::OnlyTranscodes);
        }
        let open = self.conference.list().await;
        let meets = |view: &RoomView| {
            let mut people = view.participants.iter();
            view.participants.is_empty() || people.any(|person| !person.standing.waits())
        };
        if !open.iter().any(|view| view.info.name.as_str() == room.name && meets(view)) {
            return Err(ControlError::NoMeeting);
        }
        if self.conference.is_draining() {
            return Err(ControlError::Draining);
        }
        let (free, reserve) = self.recorder.space().map_err(ControlError::Files)?;
        if free < reserve {
            return Err(ControlError::DiskBelowReserve { free, reserve });
        }
        if self.go_on_in(&room.name).await?
            && let Some(running) = self.running_in(&room.name)
        {
            return Ok((self.get(&running.id).await?, false));
        }
        let now = UnixMs::now();
        let id = format!("rec_{}", Ulid::new());
        let layout = layout.or(room.rules.layout);
        let layout = layout.unwrap_or(self.settings.get().recording.layout);
        let row = RecordingRow {
            id: id.clone(),
            room: room.id,
            title: format!("{} · {}", room.name, now.minute_here()),
            room_name: room.name.clone(),
            layout,
            started_ms: now.0,
            ..RecordingRow::default()
        };
        {
            // Taken before anything is awaited: two presses make one recording.
            let mut all = self.running();
            if all.contains_key(&room.name) {
                return Err(ControlError::AlreadyRecording);
            }
            all.insert(room.name.clone(), Running::new(&row, false));
        }
        let name = RoomName::from(room.name.as_str());
        let begun = self.begin_new(&name, &row).await;
        if let Err(error) = begun {
            self.running().remove(&room.name);
            return Err(error);
        }
        self.begun(&name, &id);
        let recording = self.get(&id).await?;
        self.events.publish(&id, Happening::RecordingStarted(Box::new(recording.clone())));
        Ok((recording, true))
    }

    async fn begin_new(&self, room: &RoomName, row: &RecordingRow) -> Result<(), ControlError> {
        self.store.recording_insert(row.clone()).await?;
        let (recording, room_name) = (row.id.clone(), row.room_name.clone());
        let open = OpenRecording { recording, room: room_name, resume: None };
        if let Err(error) = self.recorder.begin(room, open) {
            self.store.recording_delete(row.id.clone()).await?;
            return Err(ControlError::Recorder(error));
        }
        Ok(())
    }

    async fn running_of(&self, room_id: &str) -> Result<(RoomName, Running), ControlError> {
        let room = self.store.room_get(room_id.to_owned()).await?;
        let name = room.ok_or(ControlError::NotFound("room"))?.name;
        let running = self.running().get(&name).cloned();
        Ok((RoomName::from(name), running.ok_or(ControlError::NotRecording)?))
    }

    /// Ends the recording of a room; it becomes `captured` when everything is on the disk.
    ///
    /// # Errors
    /// There is no such room, or it is not being recorded.
    pub async fn stop(&self, room_id: &str) -> Result<Recording, ControlError> {
        let (room, running) = self.running_of(room_id).await?;
        self.end_running(&room, &running.recording, EndReason::Stopped);
        self.get(&running.recording).await
    }

    fn end_running(&self, room: &RoomName, id: &str, reason: EndReason) {
        let mut all = self.running();
        if let Some(now) = all.get_mut(room.as_str()).filter(|now| now.recording == id) {
            // Whoever presses the button while an order's end is made whole has ended it; no order undoes that.
            if now.ending != Some(EndReason::Stopped) {
                now.ending = Some(reason);
            }
            drop(all);
            self.recorder.stop(room, id, reason);
        }
    }

    /// The recorder has it from now on, and everybody in the room sees that, unless it is paused.
    fn begun(&self, room: &RoomName, id: &str) {
        let mut all = self.running();
        if let Some(now) = all.get_mut(room.as_str()).filter(|now| now.recording == id) {
            now.begun = true;
            let paused = now.paused;
            drop(all);
            self.show(room, !paused);
        }
    }

    /// Pauses the recording of a room, or has it go on. Who is in the room sees that.
    ///
    /// # Errors
    /// There is no such room, or it is not being recorded.
    pub async fn pause(&self, room_id: &str, paused: bool) -> Result<(), ControlError> {
        let (room, running) = self.running_of(room_id).await?;
        let _turn = self.pausing.lock().await;
        {
            let mut all = self.running();
            let now = all.get_mut(room.as_str()).filter(|now| now.recording == running.recording);
            let now = now
                .filter(|now| now.begun && now.ending.is_none())
                .ok_or(ControlError::NotRecording)?;
            if std::mem::replace(&mut now.paused, paused) == paused {
                return Ok(());
            }
        }
        self.recorder.pause(&running.recording, paused);
        self.show(&room, !paused);
        let recording = self.get(&running.recording).await?;
        self.events
            .publish(&recording.id, Happening::RecordingChanged(Box::new(recording.clone())));
        Ok(())
    }

    /// Sets a marker in the recording of a room.
    ///
    /// # Errors
    /// There is no such room, it is not being recorded, or the text will not do.
    pub async fn mark(&self, room_id: &str, text: &str) -> Result<(), ControlError> {
        let text = crate::error::checked_name(text)?;
        let (_, running) = self.running_of(room_id).await?;
        self.recorder.marker(&running.recording, &text);
        Ok(())
    }

    /// # Errors
    /// There is no such recording, or the title will not do.
    pub async fn set_title(&self, id: &str, title: &str) -> Result<Recording, ControlError> {
        let title = crate::error::checked_name(title)?;
        if !self.store.recording_set_title(id.to_owned(), title).await? {
            return Err(ControlError::NotFound("recording"));
        }
        let recording = self.get(id).await?;
        self.events.publish(id, Happening::RecordingChanged(Box::new(recording.clone())));
        Ok(recording)
    }

    /// Has the box keep a recording whatever the settings say, or not any more.
    ///
    /// # Errors
    /// There is no such recording.
    pub async fn hold(&self, id: &str, held: bool) -> Result<Recording, ControlError> {
        let _turn = self.keeping().await;
        if !self.store.recording_set_held(id.to_owned(), held).await? {
            return Err(ControlError::NotFound("recording"));
        }
        let recording = self.get(id).await?;
        self.events.publish(id, Happening::RecordingChanged(Box::new(recording.clone())));
        Ok(recording)
    }

    /// While it is held nobody has a recording kept, or deleted.
    pub(crate) async fn keeping(&self) -> Turn<'_> {
        Turn(self.keeping.lock().await)
    }

    async fn row(&self, id: &str) -> Result<RecordingRow, ControlError> {
        let row = self.store.recording_get(id.to_owned()).await?;
        row.ok_or(ControlError::NotFound("recording"))
    }

    fn spec(&self, row: &RecordingRow, name: LayoutName, encoder: EncoderChoice) -> JobSpec {
        let id = format!("job_{}", Ulid::new());
        JobSpec {
            layout: Layout { name, ..Layout::default() },
            video: VideoPreset { encoder, ..VideoPreset::default() },
            ..JobSpec::new(id, row.id.clone(), row.title.clone())
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
