//! The schedule: what is recorded without anybody pressing a button.
//!
//! ```text
//! planned here ────────────┐
//! calendars of others ─────┼─► agenda ─► conduct (pure), every second ─► recordings
//!   (kept as fetched last) │                    ▲   │
//! rooms that always record ┘                 people └─► runs: how it went, over power cuts
//! ```
//! A room is recorded while something is on and somebody is in it. Whatever a person does counts more.

mod agenda;
pub(crate) mod conduct;
mod feeds;
mod view;

pub use view::{Feed, LeftOut, NewEvent, NewFeed, ScheduleState, ScheduleView, ScheduledEvent};

use crate::clock::UnixMs;
use crate::conference::Later;
use crate::error::{ControlError, checked_name};
use crate::events::{Events, Happening};
use crate::recordings::Recordings;
use crate::rooms::{Room, Rooms};
use crate::store::{EventRow, Store};
use agenda::{Agenda, Entry};
use conduct::{Fate, Planned, RecordedNow, RoomNow, Run, Step};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use ulid::Ulid;

const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;
const DAY: u64 = 24 * HOUR;
/// What is on and what comes soon is known for so long from now.
const AHEAD: u64 = 3 * DAY;
/// How it went is remembered for so long.
const REMEMBERED: u64 = 40 * DAY;
/// The longest stretch that is shown at once.
const LONGEST_VIEW: u64 = 62 * DAY;
/// A recording that could not begin is tried again after this.
const REST: Duration = Duration::from_secs(30);
/// The longest event that can be planned here, and the most by which one is extended.
const LONGEST_EVENT: u64 = DAY;
const LONGEST_EXTENSION: u32 = 240;
/// The agenda is counted out anew this often, though nothing has changed.
const AGENDA_AGE: u64 = 6 * HOUR;

/// Who fetches calendars: the daemon's clients.
pub trait FeedReader: Send + Sync {
    /// Fetches what is at an address.
    ///
    /// # Errors
    /// Why there is nothing, in words for the owner.
    fn fetch(&self, url: String) -> Later<'_, Result<String, String>>;
}

/// What is planned in the box's rooms.
pub struct Schedule {
    store: Arc<Store>,
    rooms: Arc<Rooms>,
    recordings: Arc<Recordings>,
    events: Arc<Events>,
    reader: Arc<dyn FeedReader>,
    /// IANA name of the time zone of events that name none.
    home: String,
    state: Mutex<State>,
    /// Something was planned or fetched.
    changed: Notify,
}

#[derive(Default)]
struct State {
    agenda: Arc<Agenda>,
    /// The agenda is as old as this; `None`: something has changed since.
    counted_ms: Option<u64>,
    clock_unset: bool,
    /// What could not begin rests until then, by its key.
    resting: HashMap<String, Instant>,
}

impl Schedule {
    pub fn new(
        (store, events): (Arc<Store>, Arc<Events>),
        rooms: Arc<Rooms>,
        recordings: Arc<Recordings>,
        reader: Arc<dyn FeedReader>,
        home: String,
    ) -> Arc<Self> {
        let (state, changed) = Default::default();
        Arc::new(Self { store, rooms, recordings, events, reader, home, state, changed })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) {
        self.state().counted_ms = None;
        self.events.publish("schedule", Happening::ScheduleChanged);
        self.changed.notify_one();
    }

    /// Plans something in a room.
    ///
    /// # Errors
    /// There is no such room, the times will not do, or something is planned there at that time.
    pub async fn plan(&self, new: NewEvent) -> Result<ScheduledEvent, ControlError> {
        let room = self.rooms.get(&new.room).await?;
        let title = checked_name(&new.title)?;
        let refused = |field, why| Err(ControlError::InvalidEvent { field, why });
        let moment = |text: &str| UnixMs::parse(text);
        let Some(start) = moment(&new.starts_at) else {
            return refused("starts_at", "is a moment in RFC 3339, like 2026-11-28T14:00:00+01:00");
        };
        let Some(end) = moment(&new.ends_at) else {
            return refused("ends_at", "is a moment in RFC 3339, like 2026-11-28T15:30:00+01:00");
        };
        if end.0 <= UnixMs::now().0 {
            return refused("ends_at", "is over already");
        }
        if end <= start || end.0 - start.0 > LONGEST_EVENT {
            return refused("ends_at", "is after the start, and at most 24 hours later");
        }
        if room.invite.is_none() {
            return refused("room", "is kept: this one is forgotten when its meeting ends");
        }
        let row = EventRow {
            id: format!("evn_{}", Ulid::new()),
            room: room.id.clone(),
            title,
            start_ms: start.0,
            end_ms: end.0,
        };
        if let Some(other) = self.store.schedule_event_insert(row.clone()).await? {
            let (title, event) = (other.title, other.id);
            return Err(ControlError::RoomTaken { title, event });
        }
        tracing::info!(event = %row.id, room = %room.name, starts = %new.starts_at, "something was planned");
        self.change();
        let agenda = self.agenda_of(row.start_ms..row.end_ms).await?;
        let planned = self.views(&agenda, UnixMs::now().0).await?;
        let mut planned = planned.into_iter();
        planned.find(|event| event.id == row.id).ok_or(ControlError::NotFound("event"))
    }

    /// Forgets something that was planned here. A recording of it that runs goes on until its end.
    ///
    /// # Errors
    /// There is no such event, or the store refuses.
    pub async fn cancel(&self, id: &str) -> Result<(), ControlError> {
        if !self.store.schedule_event_delete(id.to_owned()).await? {
            return Err(ControlError::NotFound("event"));
        }
        tracing::info!(event = id, "something is not planned any more");
        self.change();
        Ok(())
    }

    /// What is planned from one moment to another, and how it went.
    ///
    /// # Errors
    /// The stretch is longer than 62 days, or the store refuses.
    pub async fn between(&self, from: UnixMs, to: UnixMs) -> Result<ScheduleView, ControlError> {
        if to <= from || to.0 - from.0 > LONGEST_VIEW {
            let why = "is after the start, and at most 62 days later";
            return Err(ControlError::InvalidEvent { field: "to", why });
        }
        let agenda = self.agenda_of(from.0..to.0).await?;
        let items = self.views(&agenda, UnixMs::now().0).await?;
        Ok(ScheduleView { items, clock_unset: self.state().clock_unset })
    }

    /// Has the recording of what is on go on for longer: minutes beyond its end.
    ///
    /// # Errors
    /// There is no such room, the minutes will not do, or no recording runs in it that the schedule ends.
    pub async fn extend(&self, room: &str, minutes: u32) -> Result<UnixMs, ControlError> {
        if !(1..=LONGEST_EXTENSION).contains(&minutes) {
            let (field, least, most) = ("minutes", 1, LONGEST_EXTENSION);
            return Err(ControlError::OutOfRange { field, least, most });
        }
        let room = self.rooms.get(room).await?;
        let now = self.recordings.running_in(&room.name).ok_or(ControlError::NotRecording)?;
        let runs = self.store.schedule_runs(UnixMs::now().0.saturating_sub(DAY)).await?;
        let mine = |run: &Run| run.ours && run.recording.as_ref() == Some(&now.id);
        let mut run = runs.into_iter().find(mine).ok_or(ControlError::NotScheduled)?;
        let end = run.planned.end_ms.ok_or(ControlError::NotScheduled)?;
        let end = end.max(run.extended_ms.unwrap_or(0)) + u64::from(minutes) * 60 * SECOND;
        run.extended_ms = Some(end);
        self.store.schedule_run_put(run).await?;
        tracing::info!(room = %room.name, minutes, "a scheduled recording goes on for longer");
        self.events.publish("schedule", Happening::ScheduleChanged);
        Ok(UnixMs(end))
    }

    /// Does what is due; `clock_set`: the time of day can be believed.
    async fn tick(&self, clock_set: bool) -> Result<(), ControlError> {
        let now_ms = UnixMs::now().0;
        let agenda = self.agenda_now(now_ms).await?;
        let said = std::mem::replace(&mut self.state().clock_unset, !clock_set);
        if !clock_set && !said {
            tracing::warn!(
                "nobody has set the clock yet: nothing that is planned begins by itself"
            );
        }
        let runs = self.store.schedule_runs(now_ms.saturating_sub(DAY)).await?;
        let rooms = self.rooms.list().await?;
        for room in rooms {
            let mut planned = Vec::new();
            if clock_set {
                let of_room = agenda.entries.iter().filter(|entry| entry.room == room.id);
                planned.extend(of_room.map(Entry::planned));
            }
            planned.extend(always(&room));
            if planned.is_empty() && !runs.iter().any(|run| run.room == room.id) {
                continue;
            }
            self.conduct(now_ms, &room, &planned).await?;
        }
        Ok(())
    }

    async fn conduct(
        &self,
        now_ms: u64,
        room: &Room,
        planned: &[Planned],
    ) -> Result<(), ControlError> {
        let runs = self.store.schedule_runs(now_ms.saturating_sub(DAY)).await?;
        let runs: Vec<Run> = runs.into_iter().filter(|run| run.room == room.id).collect();
        let mut fates = HashMap::new();
        for recording in runs.iter().filter_map(|run| run.recording.clone()) {
            let fate = self.recordings.fate(&recording).await?;
            fates.insert(recording, fate);
        }
        let recorded = self.recordings.recorded_in(&room.name);
        let open = room.meeting.as_ref().is_some_and(|meeting| meeting.participants > 0);
        let now = RoomNow {
            id: room.id.clone(),
            open,
            recorded: recorded.map(|(recording, ending)| RecordedNow { recording, ending }),
        };
        let fate = |id: &str| fates.get(id).copied().unwrap_or(Fate::Deleted);
        match conduct::next(now_ms, &now, planned, &runs, fate) {
            None => Ok(()),
            Some(Step::Begin(run)) => {
                let ours = runs.iter().filter(|run| run.ours);
                let owned: Vec<String> = ours.filter_map(|run| run.recording.clone()).collect();
                self.begin(room, run, &owned).await
            }
            Some(Step::End) => {
                tracing::info!(room = %room.name, "what was planned is over: its recording ends");
                match self.recordings.stop(&room.id).await {
                    // Somebody was faster.
                    Ok(_) | Err(ControlError::NotRecording) => Ok(()),
                    Err(error) => Err(error),
                }
            }
            Some(Step::Adopt(run) | Step::Found(run) | Step::Follow(run) | Step::Leave(run)) => {
                self.store.schedule_run_put(run).await?;
                self.events.publish("schedule", Happening::ScheduleChanged);
                Ok(())
            }
        }
    }

    /// Records what is planned; `owned`: recordings that the schedule began.
    async fn begin(&self, room: &Room, mut run: Run, owned: &[String]) -> Result<(), ControlError> {
        let key = run.planned.key.clone();
        {
            let mut state = self.state();
            state.resting.retain(|_, until| *until > Instant::now());
            if state.resting.contains_key(&key) {
                return Ok(());
            }
        }
        // First the note, then the recording: a crash in between leaves something that is found again.
        self.store.schedule_run_put(run.clone()).await?;
        match self.recordings.start_or_go_on(&room.id, None).await {
            Ok((recording, new)) => {
                // What was cut short and goes on is whose it was.
                run.ours = new || owned.iter().any(|id| *id == recording.id);
                if new && !run.planned.title.is_empty() {
                    self.recordings.set_title(&recording.id, &run.planned.title).await?;
                }
                tracing::info!(room = %room.name, recording = %recording.id, title = %run.planned.title,
                    "what is planned is being recorded");
                run.recording = Some(recording.id);
                self.store.schedule_run_put(run).await?;
                self.events.publish("schedule", Happening::ScheduleChanged);
                Ok(())
            }
            // They left, or somebody pressed the button: the next look says what is to be done.
            Err(ControlError::NoMeeting | ControlError::AlreadyRecording) => Ok(()),
            Err(error) => {
                tracing::error!(room = %room.name, %error, "what is planned cannot be recorded: tried again");
                self.state().resting.insert(key, Instant::now() + REST);
                Ok(())
            }
        }
    }

    /// Follows the clock and the calendars for as long as the box runs. `clock_set` says whether the time
    /// of day can be believed.
    pub async fn run(self: Arc<Self>, clock_set: impl Fn() -> bool + Send) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        tokio::spawn(self.clone().follow_feeds());
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.changed.notified() => {}
            }
            if let Err(error) = self.tick(clock_set()).await {
                tracing::error!(%error, "the schedule cannot be followed: tried again");
            }
        }
    }

    async fn agenda_now(&self, now_ms: u64) -> Result<Arc<Agenda>, ControlError> {
        {
            let state = self.state();
            if state.counted_ms.is_some_and(|counted| now_ms.abs_diff(counted) < AGENDA_AGE) {
                return Ok(state.agenda.clone());
            }
        }
        // What changes from here on has it counted once more.
        self.state().counted_ms = Some(now_ms);
        let wanted = now_ms.saturating_sub(DAY)..now_ms + AHEAD;
        let agenda = self.agenda_of(wanted).await.map(Arc::new);
        match agenda {
            Ok(agenda) => {
                self.state().agenda = agenda.clone();
                self.store.schedule_forget(now_ms.saturating_sub(REMEMBERED)).await?;
                Ok(agenda)
            }
            Err(error) => {
                self.state().counted_ms = None;
                Err(error)
            }
        }
    }

    async fn agenda_of(&self, wanted: Range<u64>) -> Result<Agenda, ControlError> {
        let (events, feeds) =
            (self.store.schedule_event_list().await?, self.store.schedule_feed_list().await?);
        let rooms = self.store.room_list().await?;
        let home = self.home.clone();
        // Thousands of dates may be counted out.
        let counted = move || agenda::count(events, feeds, &rooms, &home, wanted);
        let counted = tokio::task::spawn_blocking(counted).await;
        counted.map_err(|error| ControlError::Files(error.into()))
    }

    async fn views(
        &self,
        agenda: &Agenda,
        now_ms: u64,
    ) -> Result<Vec<ScheduledEvent>, ControlError> {
        let runs = self.store.schedule_runs(0).await?;
        let runs: HashMap<&str, &Run> =
            runs.iter().map(|run| (run.planned.key.as_str(), run)).collect();
        let view = |entry: &Entry| {
            let run = runs.get(entry.key.as_str()).copied();
            let recorded = self.recordings.recorded_in(&entry.room_name).map(|(id, _)| id);
            let overlap = |other: &&Entry| {
                other.room == entry.room
                    && other.key != entry.key
                    && other.start_ms < entry.end_ms
                    && entry.start_ms < other.end_ms
            };
            let end_ms = run.and_then(|run| run.extended_ms).unwrap_or(0).max(entry.end_ms);
            ScheduledEvent {
                id: entry.key.clone(),
                room_id: entry.room.clone(),
                room_name: entry.room_name.clone(),
                title: entry.title.clone(),
                starts_at: UnixMs(entry.start_ms),
                ends_at: UnixMs(end_ms),
                feed: entry.feed.clone(),
                state: view::state(now_ms, (entry.start_ms, end_ms), run, recorded.as_deref()),
                recording: run.and_then(|run| run.recording.clone()),
                overlaps: agenda.entries.iter().any(|other| overlap(&other)),
            }
        };
        Ok(agenda.entries.iter().map(view).collect())
    }
}

/// What a room that always records plans for itself: this meeting.
fn always(room: &Room) -> Option<Planned> {
    let meeting = room.meeting.as_ref().filter(|_| room.record_always)?;
    let start_ms = meeting.started_at.0;
    let key = format!("always {} {start_ms}", room.id);
    Some(Planned { key, title: String::new(), start_ms, end_ms: None })
}

#[cfg(test)]
mod tests;
