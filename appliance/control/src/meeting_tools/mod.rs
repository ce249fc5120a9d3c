//! What people in a meeting have besides sound and pictures: polls, a timer, and files handed to all.
//!
//! It belongs to the meeting and goes with it. It outlives a restart of the daemon, whose people come back
//! to the same room within seconds. What is decided here is told to the page by a nudge (see the panel
//! door), and asked for anew: there is one truth, and it is the box's.

mod error;
mod handouts;
mod kept;
mod polls;
mod timer;
mod upload;

pub use error::ToolsError;
pub use handouts::{Handout, HandoutRules};
pub use polls::{NewPoll, Poll, PollAnswer};
pub use timer::{NewTimer, Timer};
pub use upload::HandoutUpload;

use crate::clock::UnixMs;
use crate::conference::{Conference, RoomName, RoomView};
use crate::people::random_text;
use crate::recordings::RoomRecorder;
use crate::settings::SettingsDesk;
use kept::{Folder, Table};
use serde::Serialize;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use timer::KeptTimer;
use utoipa::ToSchema;

/// After a restart of the daemon people have so long to come back to what they had.
const COME_BACK: Duration = Duration::from_secs(120);

/// Whoever was in a meeting so long ago counts as in it.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// Somebody in a meeting, as the media plane and their token say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attendee {
    pub room: RoomName,
    meeting: String,
    identity: String,
    name: String,
    before: String,
    moderator: bool,
    writes: bool,
}

/// What a token for LiveKit clients says of its bearer.
#[derive(Debug, Clone, Copy)]
pub struct Bearer<'a> {
    pub room: &'a str,
    pub identity: &'a str,
    /// Identity that they had in the meeting before; empty: none.
    pub before: &'a str,
    /// They may administer the room.
    pub moderator: bool,
}

/// What a meeting has, as one person in it sees it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ToolsView {
    /// The newest first.
    pub polls: Vec<Poll>,
    #[schema(required)]
    pub timer: Option<Timer>,
    /// In the order in which they came.
    pub files: Vec<Handout>,
    pub file_rules: HandoutRules,
    /// This person may ask polls and start timers.
    pub moderates: bool,
}

/// A meeting's table, and what is known of the meeting.
#[derive(Default)]
struct Seat {
    table: Table,
    /// Nobody has come to it since the daemon began.
    from_before: bool,
    closed_since: Option<Instant>,
    /// Files that are on their way: whose, and how many bytes.
    coming: Vec<(String, u64)>,
}

/// Tools of all meetings of the box.
pub struct MeetingTools {
    conference: Arc<dyn Conference>,
    recorder: Arc<dyn RoomRecorder>,
    settings: Arc<SettingsDesk>,
    folder: Folder,
    seats: Mutex<HashMap<String, Seat>>,
    /// Who was in which meeting when somebody asked last.
    looked: tokio::sync::Mutex<(Option<Instant>, Vec<RoomView>)>,
}

impl MeetingTools {
    /// Finds what was there when the box went down. Without it meetings go on all the same.
    pub fn load(
        conference: Arc<dyn Conference>,
        recorder: Arc<dyn RoomRecorder>,
        settings: Arc<SettingsDesk>,
        folder: PathBuf,
    ) -> Self {
        let folder = Folder(folder);
        let tables = folder.load().unwrap_or_else(|error| {
            tracing::warn!(%error, "what meetings had before the restart is not there");
            Vec::new()
        });
        let seats = tables.into_iter().map(|table| {
            let room = table.room.clone();
            (room, Seat { table, from_before: true, ..Seat::default() })
        });
        let seats = Mutex::new(seats.collect());
        Self { conference, recorder, settings, folder, seats, looked: Default::default() }
    }

    /// Whom a token speaks for, if they are in the meeting now: neither gone nor in its lobby.
    ///
    /// # Errors
    /// They are not.
    pub async fn attendee(&self, bearer: Bearer<'_>) -> Result<Attendee, ToolsError> {
        let found = |views: &[RoomView]| {
            let view = views.iter().find(|view| view.info.name.as_str() == bearer.room)?;
            attends(view, bearer)
        };
        // All ask at once when something has changed: the media threads are asked once for them.
        let mut looked = self.looked.lock().await;
        let fresh = looked.0.is_some_and(|at| at.elapsed() < LOOK_AGAIN);
        if let Some(who) = found(&looked.1).filter(|_| fresh) {
            return Ok(who);
        }
        *looked = (Some(Instant::now()), self.conference.list().await);
        found(&looked.1).ok_or(ToolsError::NotInMeeting)
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<String, Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seat<'a>(
        &self,
        seats: &'a mut HashMap<String, Seat>,
        who: &Attendee,
    ) -> Result<&'a mut Seat, ToolsError> {
        let room = who.room.as_str();
        let seat = seats.entry(room.to_owned()).or_default();
        if seat.table.meeting != who.meeting {
            // The room was opened anew, and the news of its end are on their way; unless the daemon
            // was, and these are the people of before.
            if !seat.from_before {
                self.folder.discard(room)?;
                *seat = Seat::default();
            }
            seat.table.room = room.to_owned();
            seat.table.meeting.clone_from(&who.meeting);
            seat.from_before = false;
        }
        Ok(seat)
    }

    /// Does something to a meeting's table, and keeps it. If it cannot be kept nothing has happened.
    async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        who: &Attendee,
        what: impl FnOnce(&mut Table, &str) -> Result<T, ToolsError> + Send + 'static,
    ) -> Result<T, ToolsError> {
        let (me, who) = (self.clone(), who.clone());
        off_thread(move || {
            let mut seats = me.seats();
            let seat = me.seat(&mut seats, &who)?;
            let mut table = seat.table.clone();
            let voter = table.voter(&who.identity, &who.before);
            let outcome = what(&mut table, &voter)?;
            me.folder.save(&table)?;
            seat.table = table;
            Ok(outcome)
        })
        .await
    }

    /// What the meeting has.
    ///
    /// # Errors
    /// It cannot be kept who this is.
    pub async fn look(self: &Arc<Self>, who: &Attendee) -> Result<ToolsView, ToolsError> {
        let (me, who) = (self.clone(), who.clone());
        off_thread(move || {
            let rules = me.rules(&who);
            let mut seats = me.seats();
            let seat = me.seat(&mut seats, &who)?;
            let known = seat.table.first.len();
            let voter = seat.table.voter(&who.identity, &who.before);
            if seat.table.first.len() > known {
                me.folder.save(&seat.table)?;
            }
            let table = &seat.table;
            Ok(ToolsView {
                polls: table.polls.as_seen_by(&voter, who.moderator),
                timer: table.timer.as_ref().map(|timer| timer.at(UnixMs::now())),
                files: table.files.iter().map(|file| file.handout()).collect(),
                file_rules: rules,
                moderates: who.moderator,
            })
        })
        .await
    }

    fn rules(&self, who: &Attendee) -> HandoutRules {
        let settings = self.settings.get();
        let most_bytes = u64::from(settings.meeting.file_mb) * 1_000_000;
        let types = settings.meeting.file_types.clone();
        HandoutRules { allowed: most_bytes > 0 && who.writes, most_bytes, types }
    }

    /// Asks everybody something.
    ///
    /// # Errors
    /// They do not moderate, or the poll will not do.
    pub async fn ask(self: &Arc<Self>, who: &Attendee, wanted: NewPoll) -> Result<(), ToolsError> {
        who.must_moderate()?;
        let id = random_text(8).map_err(|_| no_randomness())?;
        let (by, now) = (who.name.clone(), UnixMs::now());
        self.change(who, move |table, _| table.polls.ask(id, &by, now, wanted)).await
    }

    /// Answers a poll; no answer takes an earlier one back.
    ///
    /// # Errors
    /// It has ended, is not there, or has no such answer.
    pub async fn vote(
        self: &Arc<Self>,
        who: &Attendee,
        poll: String,
        chosen: Vec<u32>,
    ) -> Result<(), ToolsError> {
        self.change(who, move |table, voter| table.polls.vote(&poll, voter, &chosen)).await
    }

    /// Ends a poll, or has it go on.
    ///
    /// # Errors
    /// They do not moderate, or it is not there.
    pub async fn set_running(
        self: &Arc<Self>,
        who: &Attendee,
        poll: String,
        running: bool,
    ) -> Result<(), ToolsError> {
        who.must_moderate()?;
        self.change(who, move |table, _| table.polls.set_running(&poll, running)).await
    }

    /// Takes a poll and its answers away.
    ///
    /// # Errors
    /// They do not moderate, or it is not there.
    pub async fn remove_poll(
        self: &Arc<Self>,
        who: &Attendee,
        poll: String,
    ) -> Result<(), ToolsError> {
        who.must_moderate()?;
        self.change(who, move |table, _| table.polls.remove(&poll)).await
    }

    /// Starts a timer in the place of the one that there is; `None`: takes it away.
    ///
    /// # Errors
    /// They do not moderate, or the timer will not do.
    pub async fn set_timer(
        self: &Arc<Self>,
        who: &Attendee,
        wanted: Option<NewTimer>,
    ) -> Result<(), ToolsError> {
        who.must_moderate()?;
        let now = UnixMs::now();
        let timer = wanted.map(|wanted| KeptTimer::start(&who.name, now, &wanted)).transpose()?;
        self.change(who, move |table, _| {
            table.timer = timer;
            Ok(())
        })
        .await
    }

    /// A meeting is over: what it had is gone.
    ///
    /// # Errors
    /// The disk does not let go of it.
    pub async fn ended(self: &Arc<Self>, room: &str, meeting: &str) -> Result<(), ToolsError> {
        let (me, room, meeting) = (self.clone(), room.to_owned(), meeting.to_owned());
        off_thread(move || {
            let mut seats = me.seats();
            if seats.get(&room).is_some_and(|seat| seat.table.meeting == meeting) {
                seats.remove(&room);
                me.folder.discard(&room)?;
            }
            Ok(())
        })
        .await
    }

    /// Forgets what nobody has come back to since the daemon began. To be called now and then.
    ///
    /// # Errors
    /// The disk does not let go of it.
    pub async fn tick(self: &Arc<Self>, now: Instant) -> Result<(), ToolsError> {
        let open: Vec<String> =
            self.conference.list().await.iter().map(|view| view.info.name.to_string()).collect();
        let me = self.clone();
        off_thread(move || {
            let mut seats = me.seats();
            let mut gone = Vec::new();
            for (room, seat) in seats.iter_mut() {
                seat.closed_since = match open.contains(room) {
                    true => None,
                    false => seat.closed_since.or(Some(now)),
                };
                if seat.closed_since.is_some_and(|since| now.duration_since(since) >= COME_BACK) {
                    gone.push(room.clone());
                }
            }
            for room in gone {
                seats.remove(&room);
                me.folder.discard(&room)?;
            }
            Ok(())
        })
        .await
    }
}

impl Attendee {
    fn bearer(&self) -> Bearer<'_> {
        Bearer {
            room: self.room.as_str(),
            identity: &self.identity,
            before: &self.before,
            moderator: self.moderator,
        }
    }

    fn must_moderate(&self) -> Result<(), ToolsError> {
        self.moderator.then_some(()).ok_or(ToolsError::NotModerator)
    }
}

fn attends(view: &RoomView, bearer: Bearer<'_>) -> Option<Attendee> {
    let found = view.participants.iter().find(|p| p.identity.as_str() == bearer.identity)?;
    if found.standing.waits() {
        return None;
    }
    let name = match found.name.is_empty() {
        true => found.identity.to_string(),
        false => found.name.clone(),
    };
    Some(Attendee {
        room: view.info.name.clone(),
        meeting: view.info.sid.clone(),
        identity: bearer.identity.to_owned(),
        name,
        before: bearer.before.to_owned(),
        moderator: bearer.moderator,
        writes: found.permissions.can_publish_data,
    })
}

fn no_randomness() -> ToolsError {
    ToolsError::Keep(std::io::Error::other("the system gives no randomness"))
}

/// Disks may be slow; meetings are not held up by them.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ToolsError> + Send + 'static,
) -> Result<T, ToolsError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ToolsError::Keep(std::io::Error::other(error))))
}
