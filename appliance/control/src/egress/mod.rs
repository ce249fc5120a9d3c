//! Films that programs order of a meeting while it goes on, and what they have it sent to: LiveKit's
//! Egress, as the box means it.
//!
//! A room is recorded once, track by track, however many films are ordered of it. An order says which
//! part of the recording its film is of: from now until somebody stops it.
//!
//! ```text
//! active ─ stopped, or the recording ends ─► ending ─ its job is done, and carried ─► complete
//!                                              ├─ its job is parked, or its place refuses ──► failed
//!                                              └─ nothing to film, cancelled ─► aborted
//! ```
//! An order that is only sent is complete when it is stopped, when its last address is taken away, or when
//! the recording ends; its addresses are live outputs like those of the panel.
//!
//! Where an order stands follows from its recording, its job and its upload; nothing else is kept of it.

mod manifest;
mod news;
mod order;
mod stream;
mod upload;

pub use order::{EgressRow, EgressState, EgressView, Order};
pub use stream::{StreamRow, StreamView};
pub use upload::{UploadRow, UploadState, Uploads, Wanted, ordered};

#[cfg(test)]
pub(crate) use order::tests::row;

use crate::clock::UnixMs;
use crate::conference::RoomInfo;
use crate::error::ControlError;
use crate::finish::to_the_end;
use crate::outputs::{Outputs, Turn};
use crate::recordings::{RecordingState, Recordings};
use crate::rooms::Rooms;
use crate::store::Store;
use crate::targets::Secrets;
use order::state;
use roombox_jobs::JobState;
use roombox_jobs::spec::{JobSpec, LayoutName, MadeFile, Range, Relayout};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use ulid::Ulid;

/// Films of one recording that go on at a time, and those that were ordered of it in all.
const MOST: usize = 20;
const MOST_IN_ALL: usize = 200;
/// Orders in one answer.
const MOST_LISTED: u32 = 500;
/// A recording that is ending is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// News that may wait for whoever tells receivers of webhooks.
const NEWS: usize = 64;

/// Orders of the box.
pub struct Egress {
    store: Arc<Store>,
    rooms: Arc<Rooms>,
    recordings: Arc<Recordings>,
    outputs: Arc<Outputs>,
    news: mpsc::Sender<EgressView>,
    /// What was told in this life, of the newest orders: nothing twice.
    told: std::sync::Mutex<BTreeMap<String, EgressState>>,
}

impl Egress {
    /// With what receivers of webhooks are to be told.
    pub fn new(
        store: Arc<Store>,
        rooms: Arc<Rooms>,
        recordings: Arc<Recordings>,
        outputs: Arc<Outputs>,
    ) -> (Arc<Self>, mpsc::Receiver<EgressView>) {
        let (news, told) = mpsc::channel(NEWS);
        (Arc::new(Self { store, rooms, recordings, outputs, news, told: Default::default() }), told)
    }

    /// Films a room from now on, or sends it somewhere, or both.
    ///
    /// # Errors
    /// The room is not open, too much is ordered of it or sent, an address will not do, or the room cannot
    /// be recorded.
    pub async fn start(
        self: &Arc<Self>,
        room: String,
        order: Order,
    ) -> Result<EgressView, ControlError> {
        let egress = self.clone();
        to_the_end(async move { egress.start_now(&room, order).await }).await
    }

    async fn start_now(&self, room: &str, order: Order) -> Result<EgressView, ControlError> {
        Outputs::check(&order.streams)?;
        let turn = self.outputs.turn().await;
        let open = self.rooms.open(room).await?;
        let given_up = tokio::time::Instant::now() + PATIENCE;
        loop {
            let place = self.place_in(room, order.spec.layout.name).await?;
            if let Some((recording, from_us, began)) = place {
                let placed =
                    self.place(&turn, (room, &open), &order, (&recording, from_us, began)).await;
                if began && placed.is_err() {
                    // Nobody would ever end it.
                    self.recordings.end(&recording).await?;
                }
                if let Some(row) = placed? {
                    let view = self.view(row).await?;
                    self.tell(&view, true);
                    return Ok(view);
                }
            }
            // The recording before is being made whole; the next one is ours.
            if tokio::time::Instant::now() > given_up {
                return Err(ControlError::AlreadyRecording);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The recording that an order belongs to, its time now, and whether it runs for orders alone;
    /// `None` while one that ends is in the way.
    async fn place_in(
        &self,
        room: &str,
        layout: LayoutName,
    ) -> Result<Option<(String, u64, bool)>, ControlError> {
        if let Some(running) = self.recordings.running_in(room) {
            let now = self.recordings.elapsed_us(&running.id);
            return Ok(now.map(|now| (running.id, now, false)));
        }
        let known = self.rooms.known(room).await?;
        match self.recordings.start_or_go_on(&known.id, Some(layout)).await {
            Ok((recording, true)) => Ok(Some((recording.id, 0, true))),
            // One that was cut short goes on instead.
            Ok((_, false)) => Ok(None),
            // Somebody was faster.
            Err(ControlError::AlreadyRecording) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps an order; `None` if its recording is ending.
    async fn place(
        &self,
        turn: &Turn<'_>,
        (room, open): (&str, &RoomInfo),
        order: &Order,
        (recording, from_us, began): (&str, u64, bool),
    ) -> Result<Option<EgressRow>, ControlError> {
        let recording = recording.to_owned();
        let others = self.store.egress_list_of(recording.clone()).await?;
        let going = others.iter().filter(|other| !other.stopped).count();
        if going >= MOST || others.len() >= MOST_IN_ALL {
            return Err(ControlError::TooManyOrders { most: MOST });
        }
        let sent = self.store.output_list_of(recording.clone()).await?;
        let unwanted = others.iter().all(|other| other.began && other.stopped);
        if !others.is_empty() && unwanted && sent.is_empty() {
            return Ok(None);
        }
        let (ulid, now) = (Ulid::new(), UnixMs::now());
        let range = Some(Range { from_us, to_us: None });
        let (job, title) = (format!("job_{ulid}"), format!("{room} · {}", now.minute_here()));
        let row = EgressRow {
            id: format!("EG_{ulid}"),
            room_name: room.to_owned(),
            room_sid: open.sid.clone(),
            opened_with: open.opened_with.clone(),
            filename: order.filename.replace("{room_id}", &open.sid),
            request: order.request.clone(),
            spec: JobSpec { job, recording, title, range, ..order.spec.clone() },
            started_ms: now.0,
            updated_ms: now.0,
            // Whoever joins a recording that an order or a live output began keeps it alive as well.
            began: began
                || others.iter().any(|other| other.began)
                || sent.iter().any(|output| output.began),
            stopped: false,
            streams: Vec::new(),
        };
        let upload = order.upload.clone();
        let upload = upload.map(|to| UploadRow::new(row.id.clone(), row.filename.clone(), to));
        let known = self.rooms.known(room).await?.id;
        let (id, films) = (row.id.clone(), row.films());
        let kept = self.outputs.place_order(turn, &known, row, upload, &order.streams).await?;
        tracing::info!(egress = %id, films, streams = order.streams.len(), kept = kept.is_some(),
            "a program ordered something of a room");
        Ok(kept)
    }

    /// The film ends here, and nothing of it is sent any more. The recording goes on while others want it.
    ///
    /// # Errors
    /// There is no such order, or it has ended.
    pub async fn stop(self: &Arc<Self>, id: String) -> Result<EgressView, ControlError> {
        let egress = self.clone();
        to_the_end(async move { egress.stop_now(&id).await }).await
    }

    async fn stop_now(&self, id: &str) -> Result<EgressView, ControlError> {
        let turn = self.outputs.turn().await;
        let (row, recording) = self.unended(id).await?;
        let last = self.recordings.unwanted(&recording, row.began, Some(&row.id)).await?;
        if row.stopped && !last {
            return Err(ControlError::EgressEnded);
        }
        // While the time is not known the recording ends, and the film with it.
        let to_us = if last { None } else { self.recordings.time_of(&recording).await };
        self.outputs.end_order(&turn, &row, None).await?;
        let stop = move |row: &mut EgressRow| {
            if row.spec.range.is_some_and(|range| range.to_us.is_none()) && !last {
                row.spec.range = row.spec.range.map(|range| Range { to_us, ..range });
            }
            if !row.stopped {
                row.updated_ms = UnixMs::now().0;
            }
            row.stopped = true;
        };
        let view = self.changed(&row.id, stop).await?;
        if last {
            self.recordings.end(&recording).await?;
        }
        self.tell(&view, false);
        Ok(view)
    }

    /// The film, and what is sent, have another layout from now on.
    ///
    /// # Errors
    /// There is no such order, it has ended, or the machine cannot draw one more picture.
    pub async fn relayout(&self, id: &str, layout: LayoutName) -> Result<EgressView, ControlError> {
        let turn = self.outputs.turn().await;
        let (row, recording) = self.unended(id).await?;
        let now = self.recordings.time_of(&recording).await.filter(|_| !row.stopped);
        let from_us = now.ok_or(ControlError::EgressEnded)?;
        self.outputs.relayout_order(&turn, &row, layout).await?;
        let relayout = move |row: &mut EgressRow| {
            row.updated_ms = UnixMs::now().0;
            row.spec.relayouts.push(Relayout { from_us, layout });
        };
        let view = self.changed(&row.id, relayout).await?;
        self.tell(&view, true);
        Ok(view)
    }

    /// An order is sent to some addresses as well, and to others no more: all of that, or nothing.
    ///
    /// # Errors
    /// There is no such order, it has ended, or is not sent to what is to go; an address will not do, or too
    /// much is sent already.
    pub async fn resend(
        self: &Arc<Self>,
        id: String,
        add: Vec<String>,
        remove: Vec<String>,
    ) -> Result<EgressView, ControlError> {
        let egress = self.clone();
        to_the_end(async move { egress.resend_now(&id, &add, &remove).await }).await
    }

    async fn resend_now(
        &self,
        id: &str,
        add: &[String],
        remove: &[String],
    ) -> Result<EgressView, ControlError> {
        let turn = self.outputs.turn().await;
        let (row, _) = self.unended(id).await?;
        if row.stopped {
            return Err(ControlError::EgressEnded);
        }
        let gone = row.sending(remove).map_err(ControlError::NoSuchStream)?;
        if !add.is_empty() {
            let room = self.rooms.known(&row.room_name).await?.id;
            let sent = self.outputs.send_order(&turn, &room, &row, add).await?;
            sent.ok_or(ControlError::EgressEnded)?;
        }
        if !gone.is_empty() {
            self.outputs.end_order(&turn, &row, Some(&gone)).await?;
        }
        let view = self.get(id).await?;
        // An order that ended without being stopped: its recording ends with it unless others want it.
        let EgressRow { began, stopped, spec, .. } = &view.row;
        if *stopped && self.recordings.unwanted(&spec.recording, *began, None).await? {
            self.recordings.end(&spec.recording).await?;
        }
        self.tell(&view, view.state == EgressState::Active);
        Ok(view)
    }

    async fn changed(
        &self,
        id: &str,
        change: impl FnOnce(&mut EgressRow) + Send + 'static,
    ) -> Result<EgressView, ControlError> {
        let row = self.store.egress_change(id.to_owned(), change).await?;
        self.view(row.ok_or(ControlError::NotFound("egress"))?).await
    }

    /// An order whose recording has not ended, and that recording.
    async fn unended(&self, id: &str) -> Result<(EgressRow, String), ControlError> {
        let row = self.store.egress_get(id.to_owned()).await?;
        let row = row.ok_or(ControlError::NotFound("egress"))?;
        let id = row.spec.recording.clone();
        let recording = self.store.recording_get(id.clone()).await?;
        match recording.is_some_and(|found| found.state == RecordingState::Recording) {
            true => Ok((row, id)),
            false => Err(ControlError::EgressEnded),
        }
    }

    /// One order.
    ///
    /// # Errors
    /// There is none, or the store refuses.
    pub async fn get(&self, id: &str) -> Result<EgressView, ControlError> {
        let row = self.store.egress_get(id.to_owned()).await?;
        self.view(row.ok_or(ControlError::NotFound("egress"))?).await
    }

    /// The newest orders, of one room or of all.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn list(&self, room: Option<String>) -> Result<Vec<EgressView>, ControlError> {
        let mut views = Vec::new();
        for row in self.store.egress_list(room, MOST_LISTED).await? {
            match self.view(row).await {
                Ok(view) => views.push(view),
                // Its recording was deleted meanwhile, and it with that.
                Err(ControlError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(views)
    }

    async fn view(&self, row: EgressRow) -> Result<EgressView, ControlError> {
        let id = row.spec.recording.clone();
        let recording = self.store.recording_get(id.clone()).await?;
        let recording = recording.ok_or(ControlError::NotFound("egress"))?;
        let job = self.store.job_get(row.spec.job.clone()).await?;
        let own = format!("derived/{}/", row.spec.job);
        let files = self.store.file_list_of(vec![id.clone()]).await?.remove(&id);
        let files: Vec<MadeFile> =
            files.into_iter().flatten().filter(|file| file.path.starts_with(&own)).collect();
        let mut upload = self.store.upload_get(row.id.clone()).await?;
        if let Some(upload) = &mut upload {
            // Nobody who looks needs it.
            upload.secrets = Secrets::default();
        }
        let carried = upload.as_ref().map(|upload| upload.state);
        let state = state(&row, recording.state, job.as_ref(), !files.is_empty(), carried);
        let range = row.spec.range.unwrap_or(Range { from_us: 0, to_us: None });
        let recorded_ms = match recording.state {
            // As far as it is known; between two looks of the recorder, by the clock.
            RecordingState::Recording => match self.recordings.elapsed_us(&id) {
                Some(us) => us / 1000,
                None => UnixMs::now().0.saturating_sub(recording.started_ms),
            },
            _ => recording.duration_ms,
        };
        let to_ms = range.to_us.map_or(recorded_ms, |to| (to / 1000).min(recorded_ms));
        let duration_ms = to_ms.saturating_sub(range.from_us / 1000);
        let finished = job.as_ref().is_some_and(|job| job.state == JobState::Finished);
        let made = job.filter(|_| state == EgressState::Failed).and_then(|job| job.last_error);
        let refused = upload.as_ref().filter(|_| finished).and_then(|upload| upload.error.as_ref());
        let error = made.or(refused.cloned());
        let runs = recording.state == RecordingState::Recording;
        let over = (!runs).then_some(recording.started_ms + recording.duration_ms);
        let stream = |stream: &StreamRow| stream.view(self.outputs.troubles(&stream.output), over);
        let streams: Vec<StreamView> = row.streams.iter().map(stream).collect();
        let mut ended_ms = (state != EgressState::Active).then(|| row.started_ms + duration_ms);
        if !row.films() {
            let last = streams.iter().filter_map(|stream| stream.ended_ms).max();
            ended_ms = ended_ms.and(last);
        }
        Ok(EgressView {
            state,
            duration_ms,
            ended_ms,
            error,
            finished,
            upload,
            files,
            streams,
            row,
        })
    }
}

#[cfg(test)]
mod tests;
