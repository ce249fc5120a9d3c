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
mod holds;
mod steady;
mod steps;
mod view;

pub use view::{Feed, LeftOut, NewEvent, NewFeed, ScheduleState, ScheduleView, ScheduledEvent};

use crate::clock::{Ticks, UnixMs};
use crate::conference::Later;
use crate::error::{ControlError, checked_name};
use crate::events::{Events, Happening};
use crate::recordings::Recordings;
use crate::retention::Moment;
use crate::rooms::{Room, Rooms};
use crate::store::{EventRow, Store};
use agenda::{Agenda, Entry};
use conduct::{Planned, Run};
use holds::Seen;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use steady::{Steady, Turn};
use tokio::sync::Notify;
use ulid::Ulid;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
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

/// Who fetches calendars and knows where the box stands: the daemon.
pub trait FeedReader: Send + Sync {
    /// IANA name of the box's time zone: of events that name none.
    fn time_zone(&self) -> String;

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
    state: Mutex<State>,
    /// Calendars are counted out one after the other: each may take a second and a lot of memory.
    counting: tokio::sync::Mutex<()>,
    /// Something was planned or fetched.
    changed: Notify,
    begun: Instant,
}

#[derive(Default)]
struct State {
    /// As it was counted last.
    agenda: Arc<Agenda>,
    /// When that was begun; `None`: something has changed since.
    counted_ms: Option<u64>,
    /// It is being counted.
    counts: bool,
    /// The rooms for which it was counted: id, name, whether it is kept.
    rooms: Vec<(String, String, bool)>,
    clock_unset: bool,
    steady: Steady,
    /// It has not been set by a lot lately.
    calm: bool,
    /// The clock was ahead of what it is, and said this: what was recorded by it may have been too early.
    ahead_ms: Option<u64>,
    /// What could not begin rests until then, by its key.
    resting: HashMap<String, Instant>,
    seen: Seen,
}

impl Schedule {
    pub fn new(
        (store, events): (Arc<Store>, Arc<Events>),
        rooms: Arc<Rooms>,
        recordings: Arc<Recordings>,
        reader: Arc<dyn FeedReader>,
    ) -> Arc<Self> {
        let (state, counting, changed) = Default::default();
        let begun = Instant::now();
        Arc::new(Self { store, rooms, recordings, events, reader, state, counting, changed, begun })
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
        let Some(start) = UnixMs::parse(&new.starts_at) else {
            return refused("starts_at", "is a moment in RFC 3339, like 2026-11-28T14:00:00+01:00");
        };
        let Some(end) = UnixMs::parse(&new.ends_at) else {
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
        tracing::info!(event = %row.id, room = %room.id, starts = %new.starts_at, "something was planned");
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
        let now = self.recordings.recorded_in(&room.name).filter(|(_, ending)| !ending);
        let (now, _) = now.ok_or(ControlError::NotRecording)?;
        let since = UnixMs::now().0.saturating_sub(DAY);
        let runs = self.store.schedule_runs(since, Vec::new()).await?;
        let mine = |run: &Run| run.ours && run.recording.as_ref() == Some(&now);
        let run = runs.into_iter().find(mine).ok_or(ControlError::NotScheduled)?;
        let end = run.end_ms().ok_or(ControlError::NotScheduled)?;
        let end = end + u64::from(minutes) * MINUTE;
        self.store.schedule_run_extend(run.planned.key, end).await?;
        tracing::info!(room = %room.id, minutes, "a scheduled recording goes on for longer");
        self.events.publish("schedule", Happening::ScheduleChanged);
        Ok(UnixMs(end))
    }

    /// Does what is due; `clock.set`: the time of day can be believed.
    async fn tick(self: &Arc<Self>, clock: Moment) -> Result<(), ControlError> {
        let (clock_set, now_ms) = (clock.set, self.look(clock));
        let said = std::mem::replace(&mut self.state().clock_unset, !clock_set);
        if !clock_set && !said {
            tracing::warn!(
                "nobody has set the clock yet: nothing that is planned begins by itself"
            );
        }
        let rooms = self.rooms.list().await?;
        self.forget_too_early(now_ms).await?;
        let agenda = self.agenda_now(now_ms, &rooms, clock_set);
        // Meetings may go on for weeks.
        let going = rooms.iter().filter_map(always).map(|meeting| meeting.key).collect();
        // By the minute: what is asked for each second stays one and the same question.
        let since_ms = now_ms.saturating_sub(DAY) / MINUTE * MINUTE;
        let mut runs = self.store.schedule_runs(since_ms, going).await?;
        self.close(now_ms, &rooms, &mut runs).await;
        for room in rooms {
            let mut planned = Vec::new();
            if clock_set {
                let of_room = agenda.entries.iter().filter(|entry| entry.room == room.id);
                planned.extend(of_room.map(Entry::planned));
            }
            planned.extend(always(&room));
            let runs: Vec<Run> = runs.iter().filter(|run| run.room == room.id).cloned().collect();
            if planned.is_empty() && runs.is_empty() {
                continue;
            }
            // One room's trouble is no other's.
            if let Err(error) = self.conduct(now_ms, &room, &planned, &runs).await {
                tracing::error!(room = %room.id, %error, "what is planned cannot be followed: tried again");
            }
        }
        Ok(())
    }

    /// What the time is for what is planned, whatever somebody has just set the clock to.
    fn look(&self, clock: Moment) -> u64 {
        let (now, agenda) = {
            let mut state = self.state();
            let now = state.steady.look(clock);
            state.calm = now.calm;
            if let Some(Turn::Taken { was_ms }) = now.turn.filter(|_| clock.set) {
                state.ahead_ms = Some(was_ms).filter(|was| *was > now.ms).or(state.ahead_ms);
            }
            (now, state.agenda.clone())
        };
        match now.turn {
            None => {}
            Some(Turn::Held) => tracing::warn!(
                clock = %UnixMs(clock.wall_ms).rfc3339(), now = %UnixMs(now.ms).rfc3339(),
                "the clock was set by a lot: what is planned goes on as before, unless it stays so"
            ),
            Some(Turn::Back) => tracing::warn!("the clock is as it was: what is planned went on"),
            Some(Turn::Taken { was_ms }) => {
                let passed = was_ms..now.ms;
                let skipped = agenda.entries.iter().filter(|one| passed.contains(&one.start_ms));
                tracing::warn!(
                    was = %UnixMs(was_ms).rfc3339(), now = %UnixMs(now.ms).rfc3339(),
                    skipped = skipped.count(),
                    "the clock stays as it was set: what is planned goes by it, and what it passed over is missed"
                );
            }
        }
        now.ms
    }

    /// Follows the clock and the calendars for as long as the box runs. `clock` says what it is, and whether the
    /// time of day can be believed.
    pub async fn run(self: Arc<Self>, clock: impl Fn() -> Moment + Send) {
        let mut ticks = Ticks::every(Duration::from_secs(1));
        tokio::spawn(self.clone().follow_feeds());
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.changed.notified() => {}
            }
            if let Err(error) = self.tick(clock()).await {
                tracing::error!(%error, "the schedule cannot be followed: tried again");
            }
        }
    }

    /// The agenda as it was counted last. Whatever has changed since has it counted anew, beside what is
    /// done meanwhile: a calendar that takes long ends no recording late.
    fn agenda_now(self: &Arc<Self>, now_ms: u64, rooms: &[Room], clock_set: bool) -> Arc<Agenda> {
        let known = |room: &Room| (room.id.clone(), room.name.clone(), room.invite.is_some());
        let rooms: Vec<_> = rooms.iter().map(known).collect();
        let mut state = self.state();
        let old = state.counted_ms.is_none_or(|counted| now_ms.abs_diff(counted) >= AGENDA_AGE);
        let moved = state.rooms != rooms;
        if (old || moved) && !state.counts {
            (state.counts, state.rooms) = (true, rooms);
            // What changes from here on has it counted once more.
            state.counted_ms = Some(now_ms);
            tokio::spawn(self.clone().count(now_ms, clock_set));
        }
        state.agenda.clone()
    }

    async fn count(self: Arc<Self>, now_ms: u64, clock_set: bool) {
        let counted = self.agenda_of(now_ms.saturating_sub(DAY)..now_ms + AHEAD).await;
        {
            let mut state = self.state();
            state.counts = false;
            match counted {
                Ok(agenda) => state.agenda = Arc::new(agenda),
                // What was known goes on being true.
                Err(error) => {
                    tracing::error!(%error, "calendars cannot be counted out: tried again in a minute");
                    state.counted_ms = Some(now_ms.saturating_sub(AGENDA_AGE - MINUTE));
                }
            }
        }
        // A clock that runs ahead must not forget what is planned.
        let calm = self.state().calm;
        if clock_set
            && calm
            && let Err(error) = self.store.schedule_forget(now_ms.saturating_sub(REMEMBERED)).await
        {
            tracing::warn!(%error, "what was planned long ago cannot be forgotten");
        }
        self.events.publish("schedule", Happening::ScheduleChanged);
        self.changed.notify_one();
    }

    async fn agenda_of(&self, wanted: Range<u64>) -> Result<Agenda, ControlError> {
        let _turn = self.counting.lock().await;
        let events = self.store.schedule_event_list().await?;
        let mut feeds = Vec::new();
        for row in self.store.schedule_feed_list().await? {
            if let Some(body) = self.store.schedule_feed_body(row.id.clone()).await? {
                feeds.push((row, body));
            }
        }
        let rooms = self.store.room_list().await?;
        let home = self.reader.time_zone();
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
        let runs = self.store.schedule_runs(0, Vec::new()).await?;
        let recordings = runs.iter().filter_map(|run| run.recording.clone()).collect();
        let there = self.store.recording_titles(recordings).await?;
        let by_key: HashMap<&str, &Run> =
            runs.iter().map(|run| (run.planned.key.as_str(), run)).collect();
        let view = |entry: &Entry| {
            // Of two at the same time one is recorded, and that is the other as well.
            let covers = |run: &&Run| {
                run.room == entry.room
                    && run.recording.is_some()
                    && run.planned.start_ms <= entry.start_ms
                    && run.end_ms().is_some_and(|end| entry.end_ms <= end)
            };
            let own = by_key.get(entry.key.as_str()).copied();
            let run = own.or_else(|| runs.iter().filter(|_| entry.overlaps).find(covers));
            let recorded = self.recordings.recorded_in(&entry.room_name);
            let recorded = recorded.filter(|(_, ending)| !ending).map(|(id, _)| id);
            let end_ms = own.and_then(Run::end_ms).unwrap_or(0).max(entry.end_ms);
            let state = view::state(now_ms, (entry.start_ms, end_ms), run, recorded.as_deref());
            let recording = run.and_then(|run| run.recording.clone());
            ScheduledEvent {
                id: entry.key.clone(),
                room_id: entry.room.clone(),
                room_name: entry.room_name.clone(),
                title: entry.title.clone(),
                starts_at: UnixMs(entry.start_ms),
                ends_at: UnixMs(end_ms),
                feed: entry.feed.clone(),
                state,
                recording: recording.filter(|id| there.contains_key(id)),
                overlaps: entry.overlaps,
                extendable: state == ScheduleState::Recording && own.is_some_and(|run| run.ours),
            }
        };
        // How it went longer ago nobody remembers: then nothing is said of it.
        let known = |entry: &&Entry| {
            by_key.contains_key(entry.key.as_str()) || entry.end_ms + REMEMBERED > now_ms
        };
        Ok(agenda.entries.iter().filter(known).map(view).collect())
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
