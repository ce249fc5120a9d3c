//! The media plane behind control's [`Conference`]: tokio channels on one side, shards on the other.

use crate::health;
use crate::relay::relay;
use roombox_control::conference::{
    Busy, Command, Conference, Event, Later, ParticipantId, Relay, RoomName, RoomOptions,
    RoomRefused, RoomView, Standing,
};
use roombox_control::keys::LivekitKeys;
use roombox_control::lobby::Lobby;
use roombox_control::permissions::Role;
use roombox_control::settings::SettingsDesk;
use roombox_net::{EventSink, Plane, SinkFull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::time::timeout;
use ulid::Ulid;

/// A shard answers within a turn; one that has not by now is stuck, and its rooms are left out.
const LIST_PATIENCE: Duration = Duration::from_secs(2);

/// Whom the box lets in.
const OPEN: u8 = 0;
/// Only into rooms that are open: a restart waits for them to end.
const NO_NEW_ROOMS: u8 = 1;
const STOPPING: u8 = 2;

/// The box's rooms.
pub struct BoxConference {
    plane: Arc<Plane>,
    settings: Arc<SettingsDesk>,
    keys: Arc<LivekitKeys>,
    lobby: Arc<Lobby>,
    entrance: AtomicU8,
}

impl BoxConference {
    pub fn new(
        plane: Arc<Plane>,
        settings: Arc<SettingsDesk>,
        keys: Arc<LivekitKeys>,
        lobby: Arc<Lobby>,
    ) -> Self {
        Self { plane, settings, keys, lobby, entrance: AtomicU8::new(OPEN) }
    }

    /// No more joins from now on.
    pub fn drain(&self) {
        self.entrance.store(STOPPING, Ordering::Release);
    }

    /// No new rooms, or all again. Who stops does not begin anew.
    pub fn drain_rooms(&self, on: bool) {
        let (from, to) = if on { (OPEN, NO_NEW_ROOMS) } else { (NO_NEW_ROOMS, OPEN) };
        let changed = self.entrance.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        if changed.is_err() {
            tracing::debug!("new rooms are turned away, or let in, already");
        }
    }
}

struct ChannelSink(mpsc::Sender<Event>);

impl EventSink for ChannelSink {
    fn offer(&mut self, event: Event) -> Result<(), SinkFull> {
        match self.0.try_send(event) {
            // A closed channel is a door that has gone: it tells the shard itself.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => Err(SinkFull),
        }
    }

    fn is_open(&self) -> bool {
        !self.0.is_closed()
    }
}

/// The health check meets in a room that is nobody's business.
fn of_people(room: &RoomView) -> bool {
    !health::is_ours(room.info.name.as_str())
}

impl Conference for BoxConference {
    fn is_draining(&self) -> bool {
        self.entrance.load(Ordering::Acquire) != OPEN
    }

    fn secret_of(&self, api_key: &str) -> Option<String> {
        self.keys.secret_of(api_key)
    }

    fn room_options(&self, room: &RoomName, api_key: &str) -> Result<RoomOptions, RoomRefused> {
        match self.entrance.load(Ordering::Acquire) {
            OPEN => {}
            NO_NEW_ROOMS if self.plane.has_room(room) => {}
            _ => return Err(RoomRefused::Draining),
        }
        let meeting = &self.settings.get().meeting;
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        Ok(RoomOptions {
            sid: self.new_id("RM_"),
            metadata: String::new(),
            created_unix_ms: since_epoch.map_or(0, |since| since.as_millis() as u64),
            opened_with: api_key.to_owned(),
            max_participants: self
                .lobby
                .most_people(room.as_str())
                .unwrap_or(meeting.max_participants),
            video_codecs: self.lobby.video_codecs(room.as_str()),
            lobby: self.lobby.is_on(room.as_str()),
            empty_timeout: Duration::from_secs(meeting.empty_timeout_s.into()),
            departure_timeout: Duration::from_secs(meeting.departure_timeout_s.into()),
        })
    }

    fn standing(&self, api_key: &str, moderates: bool) -> Standing {
        self.lobby.standing(api_key, moderates)
    }

    fn link_holds(&self, link: &str) -> bool {
        self.lobby.link_holds(link)
    }

    fn link_has_ended(&self, link: &str) -> bool {
        self.lobby.link_has_ended(link)
    }

    fn invitation_holds(&self, room: &RoomName, mark: &str) -> bool {
        self.lobby.invitation_holds(room.as_str(), mark)
    }

    fn role_of<'a>(&'a self, person: &'a str) -> Later<'a, Result<Option<Role>, Busy>> {
        Box::pin(async move {
            let role = self.lobby.role_of(person).await;
            role.inspect_err(|error| tracing::warn!(%error, "nobody's rights can be looked up"))
                .map_err(|_| Busy)
        })
    }

    fn link_is_sent_out(&self, room: &RoomName, link: &str) -> bool {
        self.lobby.is_sent_out(room.as_str(), link)
    }

    fn attach(
        &self,
        room: &RoomName,
        participant: &ParticipantId,
        events: mpsc::Sender<Event>,
        command: Command,
    ) -> Result<(), Busy> {
        let sink = Box::new(ChannelSink(events));
        self.plane.attach(room, participant.clone(), sink, command).map_err(|_| Busy)
    }

    fn command(&self, room: &RoomName, command: Command) -> Result<(), Busy> {
        self.plane.command(room, command).map_err(|_| Busy)
    }

    fn beside(&self, room: &RoomName, other: &RoomName) -> bool {
        self.plane.beside(room, other)
    }

    fn relay(&self, participant: &ParticipantId) -> Option<Relay> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        relay(&self.settings.get().turn, participant.as_str(), now)
    }

    fn list(&self) -> Later<'_, Vec<RoomView>> {
        // Asked for each second: where nobody meets no shard is woken.
        if !self.plane.has_rooms() {
            return Box::pin(async { Vec::new() });
        }
        let shards = self.plane.ports().len();
        let (sender, mut receiver) = mpsc::channel(shards.max(1));
        let asked = self.plane.list(move |rooms| {
            if sender.try_send(rooms).is_err() {
                tracing::debug!("nobody waits for a list of rooms any more");
            }
        });
        Box::pin(async move {
            let mut all = Vec::new();
            if asked.is_err() {
                tracing::warn!("a shard is too busy to list its rooms");
            }
            for _ in 0..shards {
                match timeout(LIST_PATIENCE, receiver.recv()).await {
                    Ok(Some(rooms)) => all.extend(rooms.into_iter().filter(of_people)),
                    Ok(None) | Err(_) => break,
                }
            }
            all
        })
    }

    fn new_id(&self, prefix: &str) -> String {
        format!("{prefix}{}", Ulid::new())
    }
}
