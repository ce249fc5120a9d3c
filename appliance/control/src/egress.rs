//! Films that programs order of a meeting while it goes on: LiveKit's Egress, as the box means it.
//!
//! A room is recorded once, track by track, however many films are ordered of it. An order says which
//! part of the recording its film is of: from now until somebody stops it.
//!
//! ```text
//! active ─ stopped, or the recording ends ─► ending ─ its job is done ─► complete
//!                                              ├─ its job is parked ──► failed
//!                                              └─ nothing to film, cancelled ─► aborted
//! ```
//! Where an order stands follows from its recording and its job; nothing else is kept of it.

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Envelope, Events, Happening};
use crate::recordings::{Recording, RecordingState, Recordings};
use crate::rooms::Rooms;
use crate::store::Store;
use roombox_jobs::spec::{JobSpec, LayoutName, MadeFile, Range, Relayout};
use roombox_jobs::{JobRow, JobState};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Mutex, mpsc};
use ulid::Ulid;

/// Orders of one recording at most: each is a film to be made.
const MOST: usize = 20;
/// News that may wait for whoever tells receivers of webhooks.
const NEWS: usize = 64;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EgressState {
    Active,
    Ending,
    Complete,
    Failed,
    Aborted,
}

impl EgressState {
    /// From these nothing goes on.
    pub(crate) const ENDS: [Self; 3] = [Self::Complete, Self::Failed, Self::Aborted];

    /// As the store writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ending => "ending",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }
}

/// What a program orders. What it said itself is kept for it, and means nothing here.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// What to make. Its ids, title and range are ours to fill.
    pub spec: JobSpec,
    /// The name that the program wants the film to have.
    pub filename: String,
    /// The door's encoding of the request.
    pub request: Vec<u8>,
}

/// An order as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EgressRow {
    /// `EG_` and the ULID of its job.
    pub id: String,
    pub room_name: String,
    pub room_sid: String,
    /// The API key that the meeting was opened with.
    pub opened_with: String,
    pub filename: String,
    pub request: Vec<u8>,
    /// Its range begins with the order; the job is this one, cut where the order ended.
    pub spec: JobSpec,
    pub started_ms: u64,
    /// When somebody stopped it, or changed it last.
    pub updated_ms: u64,
    /// Whether the room is recorded only because of it.
    pub began: bool,
    pub stopped: bool,
}

impl EgressRow {
    /// The job of a recording that is whole: all of it is not a range.
    pub(crate) fn job(&self, last_us: u64) -> JobSpec {
        let all = |range: &Range| range.from_us == 0 && range.to_us.is_none_or(|to| to >= last_us);
        JobSpec { range: self.spec.range.filter(|range| !all(range)), ..self.spec.clone() }
    }
}

/// An order as a program sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct EgressView {
    pub row: EgressRow,
    pub state: EgressState,
    /// Of the film that was recorded so far, or made.
    pub duration_ms: u64,
    pub ended_ms: Option<u64>,
    pub error: Option<String>,
    /// What was made, the film or the sound first.
    pub files: Vec<MadeFile>,
}

/// Orders of the box.
pub struct Egress {
    store: Arc<Store>,
    rooms: Arc<Rooms>,
    recordings: Arc<Recordings>,
    news: mpsc::Sender<EgressView>,
    /// Two orders for a room that nobody records make one recording; the last to stop ends it.
    turn: Mutex<()>,
}

impl Egress {
    /// With what receivers of webhooks are to be told.
    pub fn new(
        store: Arc<Store>,
        rooms: Arc<Rooms>,
        recordings: Arc<Recordings>,
    ) -> (Arc<Self>, mpsc::Receiver<EgressView>) {
        let (news, told) = mpsc::channel(NEWS);
        (Arc::new(Self { store, rooms, recordings, news, turn: Mutex::default() }), told)
    }

    /// Films a room from now on.
    ///
    /// # Errors
    /// The room is not open, too much is ordered of it, or it cannot be recorded.
    pub async fn start(&self, room: &str, order: Order) -> Result<EgressView, ControlError> {
        let _turn = self.turn.lock().await;
        let open = self.rooms.open(room).await?;
        let (recording, from_us, began) = match self.recordings.running_in(room) {
            Some(running) => {
                let recording = self.recordings.get(&running.id).await?;
                (recording.id, recording.duration_ms * 1000, false)
            }
            None => {
                let known = self.rooms.known(room).await?;
                let layout = order.spec.layout.name;
                (self.recordings.start(&known.id, Some(layout)).await?.id, 0, true)
            }
        };
        let others = self.store.egress_list_of(recording.clone()).await?;
        if others.iter().filter(|other| !other.stopped).count() >= MOST {
            return Err(ControlError::TooManyOrders { most: MOST });
        }
        let (ulid, now) = (Ulid::new(), UnixMs::now());
        let range = Some(Range { from_us, to_us: None });
        let (job, title) = (format!("job_{ulid}"), format!("{room} · {}", now.minute()));
        let row = EgressRow {
            id: format!("EG_{ulid}"),
            room_name: room.to_owned(),
            room_sid: open.sid,
            opened_with: open.opened_with,
            filename: order.filename,
            request: order.request,
            spec: JobSpec { job, recording, title, range, ..order.spec },
            started_ms: now.0,
            updated_ms: now.0,
            // Whoever joins a recording that an order began keeps it alive as well.
            began: began || others.iter().any(|other| other.began),
            stopped: false,
        };
        self.store.egress_insert(row.clone(), EgressState::Active).await?;
        tracing::info!(egress = %row.id, recording = %row.spec.recording, "a film was ordered");
        let view = self.view(row).await?;
        self.tell(view.clone());
        Ok(view)
    }

    /// The film ends here. The recording goes on while others want it.
    ///
    /// # Errors
    /// There is no such order, or it has ended.
    pub async fn stop(&self, id: &str) -> Result<EgressView, ControlError> {
        let _turn = self.turn.lock().await;
        let (mut row, recording) = self.active(id).await?;
        row.stopped = true;
        row.updated_ms = UnixMs::now().0;
        let from_us = row.spec.range.map_or(0, |range| range.from_us);
        row.spec.range = Some(Range { from_us, to_us: Some(recording.duration_ms * 1000) });
        self.store.egress_update(row.clone()).await?;
        let orders = self.store.egress_list_of(recording.id.clone()).await?;
        if row.began && orders.iter().all(|order| order.stopped) {
            match self.recordings.stop(&recording.room_id).await {
                // It was cut short, and waits for its room: it ends there unless that comes back.
                Ok(_) | Err(ControlError::NotRecording | ControlError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let view = self.view(row).await?;
        self.told(&view).await?;
        Ok(view)
    }

    /// The film has another layout from now on.
    ///
    /// # Errors
    /// There is no such order, or it has ended.
    pub async fn relayout(&self, id: &str, layout: LayoutName) -> Result<EgressView, ControlError> {
        let _turn = self.turn.lock().await;
        let (mut row, recording) = self.active(id).await?;
        row.updated_ms = UnixMs::now().0;
        row.spec.relayouts.push(Relayout { from_us: recording.duration_ms * 1000, layout });
        self.store.egress_update(row.clone()).await?;
        let view = self.view(row).await?;
        self.tell(view.clone());
        Ok(view)
    }

    async fn active(&self, id: &str) -> Result<(EgressRow, Recording), ControlError> {
        let row = self.store.egress_get(id.to_owned()).await?;
        let row = row.ok_or(ControlError::NotFound("egress"))?;
        let recording = self.recordings.get(&row.spec.recording).await?;
        match row.stopped || recording.state != RecordingState::Recording {
            true => Err(ControlError::EgressEnded),
            false => Ok((row, recording)),
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

    /// All orders, newest first.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn list(&self) -> Result<Vec<EgressView>, ControlError> {
        let mut views = Vec::new();
        for row in self.store.egress_list().await? {
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
        let recording = self.recordings.get(&row.spec.recording).await?;
        let job = self.store.job_get(row.spec.job.clone()).await?;
        let state = state(&row, recording.state, job.as_ref());
        let own = format!("derived/{}/", row.spec.job);
        let of_job = recording.files.into_iter().filter(|file| file.name.starts_with(&own));
        let files = of_job.map(|file| MadeFile {
            kind: file.kind,
            path: file.name,
            bytes: file.bytes,
            sha256: file.sha256,
        });
        let range = row.spec.range.unwrap_or(Range { from_us: 0, to_us: None });
        let to_ms = range.to_us.map_or(recording.duration_ms, |to| to / 1000);
        let duration_ms = to_ms.min(recording.duration_ms).saturating_sub(range.from_us / 1000);
        let error = job.filter(|_| state == EgressState::Failed).and_then(|job| job.last_error);
        Ok(EgressView {
            state,
            duration_ms,
            ended_ms: (state != EgressState::Active).then(|| row.started_ms + duration_ms),
            error,
            files: files.collect(),
            row,
        })
    }

    /// Tells receivers of orders that go on or end, until nobody can tell of them any more. What was
    /// not told before a restart is told now.
    pub async fn follow(self: Arc<Self>, events: Arc<Events>) {
        let (_, _, mut live) = events.listen(None);
        self.catch_up().await;
        loop {
            let heard = match live.recv().await {
                Ok(event) => self.heard(&event).await,
                Err(RecvError::Lagged(_)) => {
                    self.catch_up().await;
                    Ok(())
                }
                Err(RecvError::Closed) => return,
            };
            if let Err(error) = heard {
                tracing::error!(%error, "it could not be told where a film stands");
            }
        }
    }

    async fn heard(&self, event: &Envelope) -> Result<(), ControlError> {
        match &event.what {
            Happening::RecordingCaptured(recording) => {
                for row in self.store.egress_list_of(recording.id.clone()).await? {
                    self.told(&self.view(row).await?).await?;
                }
            }
            Happening::JobFinished(job)
            | Happening::JobParked(job)
            | Happening::JobCancelled(job) => {
                let id = job.id.replacen("job_", "EG_", 1);
                if let Some(row) = self.store.egress_get(id).await? {
                    self.told(&self.view(row).await?).await?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn catch_up(&self) {
        let caught = async {
            for row in self.store.egress_list_untold().await? {
                self.told(&self.view(row).await?).await?;
            }
            Ok::<_, ControlError>(())
        };
        if let Err(error) = caught.await {
            tracing::error!(%error, "it could not be told where films stand");
        }
    }

    /// Tells where it stands, unless that was told.
    async fn told(&self, view: &EgressView) -> Result<(), ControlError> {
        if self.store.egress_told(view.row.id.clone(), view.state).await? {
            self.tell(view.clone());
        }
        Ok(())
    }

    fn tell(&self, view: EgressView) {
        if self.news.try_send(view).is_err() {
            tracing::warn!("receivers of webhooks are not told where a film stands: too many wait");
        }
    }
}

fn state(row: &EgressRow, recording: RecordingState, job: Option<&JobRow>) -> EgressState {
    match (recording, job.map(|job| job.state)) {
        (RecordingState::Recording, _) if !row.stopped => EgressState::Active,
        (RecordingState::Empty, _) | (_, Some(JobState::Cancelled)) => EgressState::Aborted,
        (_, Some(JobState::Finished)) => EgressState::Complete,
        (_, Some(JobState::Parked)) => EgressState::Failed,
        _ => EgressState::Ending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(stopped: bool, range: Range) -> EgressRow {
        let spec = JobSpec::new("job_1".into(), "rec_1".into(), String::new());
        EgressRow {
            id: "EG_1".into(),
            room_name: String::new(),
            room_sid: String::new(),
            opened_with: String::new(),
            filename: String::new(),
            request: Vec::new(),
            spec: JobSpec { range: Some(range), ..spec },
            started_ms: 0,
            updated_ms: 0,
            began: true,
            stopped,
        }
    }

    const ALL: Range = Range { from_us: 0, to_us: None };

    #[test]
    fn an_order_of_the_whole_recording_is_no_range() {
        let job = |from_us, to_us| row(true, Range { from_us, to_us }).job(1000).range;
        assert_eq!(job(0, None), None);
        assert_eq!(job(0, Some(1000)), None);
        assert!(job(0, Some(999)).is_some() && job(1, None).is_some());
    }

    #[test]
    fn where_an_order_stands_follows_from_recording_and_job() {
        use {EgressState as E, RecordingState as R};
        let spec = JobSpec::new(String::new(), String::new(), String::new());
        let stands = |stopped, recording, job: Option<JobState>, wanted: E| {
            let job = job.map(|state| JobRow { state, ..JobRow::new(spec.clone(), 0, 0) });
            assert_eq!(state(&row(stopped, ALL), recording, job.as_ref()), wanted);
        };
        stands(false, R::Recording, None, E::Active);
        stands(true, R::Recording, None, E::Ending);
        stands(false, R::Captured, Some(JobState::Queued), E::Ending);
        stands(false, R::Captured, Some(JobState::Running), E::Ending);
        stands(true, R::Ready, Some(JobState::Finished), E::Complete);
        stands(true, R::Parked, Some(JobState::Parked), E::Failed);
        // Another film was made of the recording.
        stands(true, R::Ready, Some(JobState::Parked), E::Failed);
        stands(true, R::Ready, Some(JobState::Cancelled), E::Aborted);
        stands(false, R::Empty, None, E::Aborted);
    }
}
