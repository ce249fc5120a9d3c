//! Live outputs: a room is sent to somebody else's server (RTMP, SRT), or to players that fetch it from
//! the box (HLS), while it meets.
//!
//! ```text
//! ordered ─► connecting ─► live ─► ended: stopped, or the recording is over
//!                ▲          │
//!                └ retrying ◄ broke off: tried again until it is stopped
//! ```
//! What is sent is what is recorded: a room that nobody records is recorded for its first output, and no
//! longer than for its last. Orders are in the store, how they go is not: after a restart they go on.

mod address;
mod orders;
mod view;

pub use address::shown;
pub use view::{LiveOutput, OutputKind, OutputRow, OutputState};

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Events, Happening};
use crate::finish::to_the_end;
use crate::people::random_text;
use crate::recordings::{RecordingState, Recordings};
use crate::store::Store;
use roombox_jobs::live::{Destination, OutputReport};
use roombox_jobs::spec::{JobSpec, Layout, LayoutName};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard as Held, Notify};
use ulid::Ulid;
use view::Seen;

/// Outputs of one room.
const MOST: usize = 8;
/// Letters of a token: 5 bits each.
const TOKEN: usize = 43;
/// A recording that is ending is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Players fetch the last seconds for so long after a meeting; then what they fetched goes.
const AFTERWARDS: Duration = Duration::from_secs(30);

/// What somebody wants.
#[derive(Debug, Clone)]
pub struct NewOutput {
    /// `None`: players fetch it from the box.
    pub url: Option<String>,
    /// `None`: as the room is recorded.
    pub layout: Option<LayoutName>,
}

/// One picture and sound, and everything that it goes to.
#[derive(Debug, Clone)]
pub struct Broadcast {
    pub spec: JobSpec,
    /// By the output's id.
    pub outputs: Vec<(String, Destination)>,
}

/// Live outputs of the box.
pub struct Outputs {
    store: Arc<Store>,
    recordings: Arc<Recordings>,
    events: Arc<Events>,
    /// Folder of what players fetch.
    root: PathBuf,
    /// Pictures that the machine can draw at a time.
    most: usize,
    /// Two orders for a room that nobody records make one recording; the last to stop ends it. The orders of programs
    /// wait for the same turn: whether a recording is wanted is decided in one place at a time.
    turn: Mutex<()>,
    /// How those go that are in the store, by id.
    seen: std::sync::Mutex<HashMap<String, Seen>>,
    /// Outputs whose meeting has just ended, by token.
    parting: Arc<std::sync::Mutex<HashMap<String, String>>>,
    changed: Notify,
}

/// Nobody else decides meanwhile whether a recording is wanted.
pub(crate) struct Turn<'a> {
    _held: Held<'a, ()>,
}

impl Outputs {
    pub fn new(
        store: Arc<Store>,
        recordings: Arc<Recordings>,
        events: Arc<Events>,
        root: PathBuf,
        most: usize,
    ) -> Arc<Self> {
        // Of before: whatever goes on is begun anew.
        if let Err(error) = std::fs::remove_dir_all(&root)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %root.display(), %error, "old segments stay");
        }
        let (turn, seen, parting, changed) = Default::default();
        Arc::new(Self { store, recordings, events, root, most, turn, seen, parting, changed })
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parting(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.parting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else decides what is recorded for whom.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        Turn { _held: self.turn.lock().await }
    }

    /// Sends a room somewhere from now on.
    ///
    /// # Errors
    /// There is no such room or nobody is in it, the address will not do, too much is sent already, or
    /// the room cannot be recorded.
    pub async fn add(
        self: &Arc<Self>,
        room: String,
        wanted: NewOutput,
    ) -> Result<LiveOutput, ControlError> {
        let outputs = self.clone();
        to_the_end(async move { outputs.add_now(&room, wanted).await }).await
    }

    async fn add_now(&self, room: &str, wanted: NewOutput) -> Result<LiveOutput, ControlError> {
        let url = wanted.url.as_deref().map(str::trim).map(str::to_owned);
        if let Some(url) = &url {
            address::destination(url)?;
        }
        let _turn = self.turn().await;
        let found = self.store.room_get(room.to_owned()).await?;
        let found = found.ok_or(ControlError::NotFound("room"))?;
        let running = self.recordings.running_in(&found.name);
        let all = self.store.output_list().await?;
        let here = |row: &OutputRow| {
            running.as_ref().is_some_and(|running| running.id == row.spec.recording)
        };
        if all.iter().filter(|row| here(row)).count() >= MOST {
            return Err(ControlError::TooManyOutputs { most: MOST });
        }
        if let Some(url) = &url {
            unused(url, &all)?;
        }
        let given_up = tokio::time::Instant::now() + PATIENCE;
        let row = loop {
            if let Some((recording, began)) =
                self.place_in(room, &found.name, wanted.layout).await?
            {
                let row = self.place(&recording, (room, &url), wanted.layout, began, &all).await;
                if began && row.is_err() {
                    // Nobody would ever end it.
                    self.recordings.end(&recording).await?;
                }
                if let Some(row) = row? {
                    break row;
                }
            }
            // The recording before is being made whole; the next one is ours.
            if tokio::time::Instant::now() > given_up {
                return Err(ControlError::AlreadyRecording);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        };
        tracing::info!(output = %row.id, recording = %row.spec.recording,
            to = row.url.as_deref().map(address::shown), "a live output was ordered");
        let output = self.view(&row);
        self.events.publish(&row.id, Happening::OutputChanged(Box::new(output.clone())));
        self.changed.notify_one();
        Ok(output)
    }

    /// The recording that is sent, and whether it runs for outputs alone; `None` while one that ends
    /// is in the way.
    async fn place_in(
        &self,
        room: &str,
        name: &str,
        layout: Option<LayoutName>,
    ) -> Result<Option<(String, bool)>, ControlError> {
        if let Some(running) = self.recordings.running_in(name) {
            let goes_on = self.recordings.time_of(&running.id).await.is_some();
            return Ok(goes_on.then_some((running.id, false)));
        }
        match self.recordings.start_or_go_on(room, layout).await {
            Ok((recording, began)) => Ok(began.then_some((recording.id, true))),
            // Somebody was faster.
            Err(ControlError::AlreadyRecording) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn place(
        &self,
        recording: &str,
        (room, url): (&str, &Option<String>),
        layout: Option<LayoutName>,
        began: bool,
        all: &[OutputRow],
    ) -> Result<Option<OutputRow>, ControlError> {
        let recorded = self.store.recording_get(recording.to_owned()).await?;
        let recorded = recorded.ok_or(ControlError::NotRecording)?;
        let name = layout.unwrap_or(recorded.layout);
        let layout = Layout { name, ..Layout::default() };
        let spec = JobSpec::new(String::new(), recording.to_owned(), recorded.room_name.clone());
        let here = |row: &&OutputRow| row.spec.recording == recording;
        let orders = self.store.egress_list_of(recording.to_owned()).await?;
        let began = began
            || all.iter().filter(here).any(|row| row.began)
            || orders.iter().any(|order| order.began);
        let row = OutputRow {
            id: format!("out_{}", Ulid::new()),
            room: room.to_owned(),
            url: url.clone(),
            token: url.is_none().then(|| random_text(TOKEN)).transpose()?,
            spec: JobSpec { layout, ..spec },
            began,
            egress: None,
            created_ms: UnixMs::now().0,
        };
        self.drawable(&row.spec, all.iter())?;
        Ok(self.store.output_insert(row.clone()).await?.then_some(row))
    }

    /// Whether the machine can draw this picture beside those that it draws.
    fn drawable<'a>(
        &self,
        spec: &JobSpec,
        all: impl Iterator<Item = &'a OutputRow>,
    ) -> Result<(), ControlError> {
        let mut drawn: Vec<&JobSpec> = Vec::new();
        for one in all.map(|row| &row.spec) {
            if !drawn.contains(&one) {
                drawn.push(one);
            }
        }
        match drawn.contains(&spec) || drawn.len() < self.most {
            true => Ok(()),
            false => Err(ControlError::TooManyBroadcasts { most: self.most }),
        }
    }

    /// Outputs of a room, oldest first.
    ///
    /// # Errors
    /// There is no such room.
    pub async fn list(&self, room: &str) -> Result<Vec<LiveOutput>, ControlError> {
        self.store.room_get(room.to_owned()).await?.ok_or(ControlError::NotFound("room"))?;
        let rows = self.store.output_list().await?;
        Ok(rows.iter().filter(|row| row.room == room).map(|row| self.view(row)).collect())
    }

    /// Nothing is sent there any more. The recording goes on while others want it.
    ///
    /// # Errors
    /// The room has no such output.
    pub async fn stop(self: &Arc<Self>, room: String, id: String) -> Result<(), ControlError> {
        let outputs = self.clone();
        to_the_end(async move { outputs.stop_now(&room, &id).await }).await
    }

    async fn stop_now(&self, room: &str, id: &str) -> Result<(), ControlError> {
        let _turn = self.turn().await;
        let rows = self.store.output_list().await?;
        let row = rows.into_iter().find(|row| row.id == id && row.room == room);
        let row = row.ok_or(ControlError::NotFound("output"))?;
        self.end(&row).await?;
        let recording = &row.spec.recording;
        if self.recordings.unwanted(recording, row.began, None).await? {
            self.recordings.end(recording).await?;
        }
        Ok(())
    }

    async fn end(&self, row: &OutputRow) -> Result<(), ControlError> {
        let why = self.seen().get(&row.id).and_then(Seen::why);
        self.store.output_end(row.clone(), UnixMs::now().0, why).await?;
        self.seen().remove(&row.id);
        tracing::info!(output = %row.id, "a live output has ended");
        let (folder, parting) = (self.root.join(&row.id), self.parting.clone());
        let token = row.token.clone();
        tokio::spawn(async move {
            // Whoever writes there has ended by then.
            tokio::time::sleep(AFTERWARDS).await;
            // An output to somebody's server has none.
            let _ = tokio::fs::remove_dir_all(folder).await;
            if let Some(token) = token {
                parting.lock().unwrap_or_else(PoisonError::into_inner).remove(&token);
            }
        });
        let (room, egress) = (row.room.clone(), row.egress.clone());
        self.events.publish(&row.id, Happening::OutputEnded { room, egress });
        self.changed.notify_one();
        Ok(())
    }

    fn view(&self, row: &OutputRow) -> LiveOutput {
        let seen = self.seen().get(&row.id).cloned().unwrap_or_default();
        view::view(row, &seen, row.url.as_deref().map(address::shown))
    }

    /// What is to be broadcast now. Outputs whose recording is over end.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn wanted(&self) -> Result<Vec<Broadcast>, ControlError> {
        let mut wanted: Vec<Broadcast> = Vec::new();
        for row in self.store.output_list().await? {
            if !self.recordings.runs(&row.spec.recording) {
                let recording = self.store.recording_get(row.spec.recording.clone()).await?;
                // One that was cut short may go on.
                if recording.is_none_or(|found| found.state != RecordingState::Recording) {
                    if let Some(token) = row.token.clone() {
                        self.parting().insert(token, row.id.clone());
                    }
                    self.end(&row).await?;
                }
                continue;
            }
            let to = match &row.url {
                Some(url) => match address::destination(url) {
                    Ok(to) => to,
                    // The others are sent all the same.
                    Err(error) => {
                        tracing::warn!(output = %row.id, %error, "an output goes nowhere");
                        continue;
                    }
                },
                None => Destination::Hls { folder: self.root.join(&row.id) },
            };
            match wanted.iter_mut().find(|one| one.spec == row.spec) {
                Some(one) => one.outputs.push((row.id, to)),
                None => wanted.push(Broadcast { spec: row.spec, outputs: vec![(row.id, to)] }),
            }
        }
        Ok(wanted)
    }

    /// Waits until something else is to be broadcast.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How an output goes.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn report(&self, report: OutputReport) -> Result<(), ControlError> {
        let rows = self.store.output_list().await?;
        let Some(row) = rows.into_iter().find(|row| row.id == report.output) else {
            return Ok(());
        };
        let elsewhere = self.seen().entry(row.id.clone()).or_default().hear(report, UnixMs::now());
        let output = Box::new(self.view(&row));
        match elsewhere {
            true => self.events.publish(&row.id, Happening::OutputChanged(output)),
            false => self.events.mention(&row.id, Happening::OutputProgressed(output)),
        }
        Ok(())
    }

    /// A file that players fetch.
    ///
    /// # Errors
    /// No output has this token, or the name is none of a broadcast.
    pub async fn file(&self, token: &str, name: &str) -> Result<PathBuf, ControlError> {
        let ours = |name: &str| {
            let stem =
                name.rsplit_once('.').filter(|(_, end)| matches!(*end, "m3u8" | "m4s" | "mp4"));
            stem.is_some_and(|(stem, _)| {
                !stem.is_empty() && stem.chars().all(|c| c.is_ascii_alphanumeric())
            })
        };
        let parting = self.parting().get(token).cloned();
        let id = match parting {
            Some(id) => Some(id),
            None => self.store.output_by_token(token.to_owned()).await?,
        };
        let id = id.filter(|_| ours(name)).ok_or(ControlError::NotFound("broadcast"))?;
        Ok(self.root.join(id).join(name))
    }
}

fn unused(url: &str, all: &[OutputRow]) -> Result<(), ControlError> {
    match all.iter().any(|row| row.url.as_deref() == Some(url)) {
        false => Ok(()),
        true => {
            let why = "is in use already: stop that output first";
            Err(ControlError::InvalidOutput { field: "url", why })
        }
    }
}
