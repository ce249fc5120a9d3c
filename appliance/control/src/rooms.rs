//! Rooms: made in the panel or by whoever joins with a token, entered by invitation.

mod entry;
mod links;
mod pin;
mod rules;
mod settle;
pub mod templates;

pub use entry::{Admitted, EntryError, Guest};
pub use links::{ModeratorLink, Named, NewRoomLink, RoomLink, identity_stem};
pub use rules::{GuestEntry, RoomRules, RulesPatch, VideoCodec};

use crate::clock::UnixMs;
use crate::conference::{
    Command, Conference, LeaveReason, MediaKind, ParticipantId, ParticipantInfo, ParticipantState,
    RoomInfo, RoomName, RoomView,
};
use crate::error::{ControlError, checked_name};
use crate::events::{Events, Happening};
use crate::lobby::Lobby;
use crate::people::random_text;
use crate::recordings::Recordings;
use crate::store::{RoomRow, Store};
use crate::words;
use pin::PinDoor;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::Mutex;
use ulid::Ulid;
use utoipa::ToSchema;

/// A room as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Room {
    /// `rm_` and a ULID.
    pub id: String,
    pub name: String,
    pub created_at: UnixMs,
    /// Secret of the invite link; `null` for a room that a client opened with a token.
    #[schema(required)]
    pub invite: Option<String>,
    /// Guests wait until somebody lets them in.
    pub lobby: bool,
    /// Recorded whenever somebody is in it.
    pub record_always: bool,
    pub rules: RoomRules,
    /// `null`: nobody is in it.
    #[schema(required)]
    pub meeting: Option<Meeting>,
}

/// A room while people are in it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Meeting {
    /// People who are neither hidden nor wait in the lobby.
    pub participants: u32,
    /// Media threads that it is on: a busy one has newcomers live on another.
    pub shards: u32,
    pub started_at: UnixMs,
    #[schema(required)]
    pub recording: Option<RunningRecording>,
}

/// The recording of a meeting that is going on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RunningRecording {
    pub id: String,
    pub started_at: UnixMs,
    pub paused: bool,
}

/// Somebody in a meeting.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Participant {
    /// `PA_…`: new with every join.
    pub id: String,
    pub identity: String,
    pub name: String,
    #[schema(value_type = words::ParticipantState)]
    pub state: ParticipantState,
    pub joined_at: UnixMs,
    /// In the lobby: sees and hears nothing until it is let in.
    pub waiting: bool,
    pub tracks: Vec<PublishedTrack>,
}

/// A track that somebody publishes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PublishedTrack {
    pub id: String,
    #[schema(value_type = words::MediaKind)]
    pub kind: MediaKind,
    #[schema(value_type = words::TrackSource)]
    pub source: crate::conference::TrackSource,
    pub muted: bool,
    #[schema(value_type = Option<words::TrackCodec>, required)]
    pub codec: Option<crate::conference::Codec>,
}

/// What somebody with an invitation may know before joining.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Doorplate {
    pub room: String,
    #[serde(rename = "box")]
    pub box_name: String,
    pub recording: bool,
    /// Somebody paused the recording: nothing is recorded now.
    pub recording_paused: bool,
    /// When the running recording began.
    #[schema(required)]
    pub recording_started_at: Option<UnixMs>,
    pub participants: u32,
    /// Guests wait until somebody lets them in.
    pub lobby: bool,
    /// Whoever asks is asked for the room's PIN.
    pub pin: bool,
    /// Whoever asks may switch a camera on.
    pub camera: bool,
    /// Whoever asks may share a screen.
    pub share: bool,
    /// Whoever asks may write in the chat.
    pub chat: bool,
    /// Whoever asks comes in with the microphone off.
    pub muted: bool,
    /// In which pictures may be published, the best first; empty: in any.
    pub video_codecs: Vec<VideoCodec>,
    /// For whom the link is that whoever asks came by; `null`: for anybody.
    #[schema(required)]
    pub name: Option<String>,
    /// Others see them by that name.
    pub name_fixed: bool,
}

/// Rooms of the box.
pub struct Rooms {
    store: Arc<Store>,
    conference: Arc<dyn Conference>,
    recordings: Arc<Recordings>,
    lobby: Arc<Lobby>,
    /// What the media plane hears last of a lobby must be what is kept.
    switching: Mutex<()>,
    pins: PinDoor,
    events: Arc<Events>,
}

impl Rooms {
    pub fn new(
        store: Arc<Store>,
        conference: Arc<dyn Conference>,
        recordings: Arc<Recordings>,
        lobby: Arc<Lobby>,
        events: Arc<Events>,
    ) -> Self {
        Self {
            store,
            conference,
            recordings,
            lobby,
            switching: Mutex::default(),
            pins: PinDoor::default(),
            events,
        }
    }

    /// All rooms by name.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn list(&self) -> Result<Vec<Room>, ControlError> {
        let views = self.conference.list().await;
        let rows = self.store.room_list().await?;
        Ok(rows.into_iter().map(|row| self.room(row, &views)).collect())
    }

    /// # Errors
    /// There is no such room, or the store refuses.
    pub async fn get(&self, id: &str) -> Result<Room, ControlError> {
        let row = self.row(id).await?;
        Ok(self.room(row, &self.conference.list().await))
    }

    async fn row(&self, id: &str) -> Result<RoomRow, ControlError> {
        let row = self.store.room_get(id.to_owned()).await?;
        row.ok_or(ControlError::NotFound("room"))
    }

    fn room(&self, row: RoomRow, views: &[RoomView]) -> Room {
        let view = views.iter().find(|view| view.info.name.as_str() == row.name);
        let meeting = view.map(|view| Meeting {
            participants: view.info.participants,
            shards: view.shards,
            started_at: UnixMs(view.info.created_unix_ms),
            recording: self.recordings.running_in(&row.name),
        });
        Room {
            id: row.id,
            name: row.name,
            created_at: UnixMs(row.created_ms),
            invite: row.kept.then_some(row.invite),
            lobby: row.lobby,
            record_always: row.record_always,
            rules: row.rules,
            meeting,
        }
    }

    /// # Errors
    /// The name will not do or is taken, or the store refuses.
    pub async fn create(&self, name: &str) -> Result<Room, ControlError> {
        self.create_as(name, RoomRow::default()).await
    }

    /// Makes a room with the settings of `like`.
    async fn create_as(&self, name: &str, like: RoomRow) -> Result<Room, ControlError> {
        let name = checked_name(name)?;
        let pin =
            if like.rules.guests == GuestEntry::WithPin { pin::made()? } else { String::new() };
        let RoomRow { lobby, record_always, rules, .. } = like;
        let holds = rules.clone();
        let row = RoomRow { lobby, record_always, rules, pin, ..new_row(&name, true)? };
        let id = row.id.clone();
        if !self.store.room_insert(row).await? {
            return Err(ControlError::NameTaken);
        }
        let known = self.lobby.refresh().await;
        // A program may have opened it by its name.
        let open = RoomName::from(name.as_str());
        if let Err(error) = known.and_then(|()| self.begin_with(&open, lobby, &holds)) {
            // Half of it would let in whom it should not, and its name would be taken for the next try.
            self.store.room_delete(id).await?;
            self.lobby.refresh().await?;
            self.let_in_all(&open);
            return Err(error);
        }
        let row = self.store.room_by_name(name).await?.ok_or(ControlError::NotFound("room"))?;
        let room = self.room(row, &self.conference.list().await);
        self.events.publish(&room.id, Happening::RoomCreated(room.clone()));
        Ok(room)
    }

    /// # Errors
    /// There is no such room, people are in it, or the name will not do.
    pub async fn rename(&self, id: &str, name: &str) -> Result<Room, ControlError> {
        let name = checked_name(name)?;
        self.unused(id).await?;
        if !self.store.room_rename(id.to_owned(), name).await? {
            return Err(ControlError::NameTaken);
        }
        self.lobby.refresh().await?;
        self.changed(id).await
    }

    /// Lets guests in one by one from now on, or all at once again: those who wait come in then.
    ///
    /// # Errors
    /// There is no such room, or the media plane is too busy.
    pub async fn set_lobby(&self, id: &str, on: bool) -> Result<Room, ControlError> {
        let room = RoomName::from(self.row(id).await?.name);
        let _turn = self.switching.lock().await;
        self.store.room_set_lobby(id.to_owned(), on).await?;
        self.lobby.refresh().await?;
        self.conference.command(&room, Command::SetLobby { room: room.clone(), on })?;
        self.changed(id).await
    }

    /// Has a room recorded whenever somebody is in it, or not any more.
    ///
    /// # Errors
    /// There is no such room, it is forgotten when its meeting ends, or the store refuses.
    pub async fn set_record_always(&self, id: &str, on: bool) -> Result<Room, ControlError> {
        let _turn = self.switching.lock().await;
        self.kept(id).await?;
        self.store.room_set_record_always(id.to_owned(), on).await?;
        self.changed(id).await
    }

    /// Changes what holds in a room; what it says of guests, for those who come from now on. Where guests
    /// need a PIN and the room has none, the box makes one.
    ///
    /// # Errors
    /// There is no such room, it is forgotten when its meeting ends, a number is too large, or the
    /// media plane is too busy.
    pub async fn set_rules(&self, id: &str, patch: RulesPatch) -> Result<Room, ControlError> {
        let _turn = self.switching.lock().await;
        let row = self.kept(id).await?;
        let rules = row.rules.patched(patch)?;
        if rules.guests == GuestEntry::WithPin && row.pin.is_empty() {
            self.store.room_set_pin(id.to_owned(), pin::made()?).await?;
        }
        self.store.room_set_rules(id.to_owned(), rules.clone()).await?;
        self.lobby.refresh().await?;
        self.pass_on(&RoomName::from(row.name), &row.rules, &rules)?;
        self.changed(id).await
    }

    /// A room that stays when its meeting ends.
    async fn kept(&self, id: &str) -> Result<RoomRow, ControlError> {
        Some(self.row(id).await?).filter(|row| row.kept).ok_or(ControlError::RoomForgotten)
    }

    async fn changed(&self, id: &str) -> Result<Room, ControlError> {
        let room = self.get(id).await?;
        self.events.publish(id, Happening::RoomChanged(room.clone()));
        Ok(room)
    }

    /// Forgets a room; its recordings stay.
    ///
    /// # Errors
    /// There is no such room, or people are in it.
    pub async fn delete(&self, id: &str) -> Result<(), ControlError> {
        self.unused(id).await?;
        self.store.room_delete(id.to_owned()).await?;
        self.pins.forget(id);
        self.lobby.refresh().await?;
        self.events.publish(id, Happening::RoomDeleted);
        Ok(())
    }

    async fn unused(&self, id: &str) -> Result<(), ControlError> {
        match self.get(id).await?.meeting {
            Some(_) => Err(ControlError::RoomInUse),
            None => Ok(()),
        }
    }

    /// A new invite link; old ones open nothing from now on.
    ///
    /// # Errors
    /// There is no such room, or the store refuses.
    pub async fn renew_invite(&self, id: &str) -> Result<Room, ControlError> {
        self.row(id).await?;
        self.store.room_set_invite(id.to_owned(), random_text(20)?).await?;
        self.lobby.refresh().await?;
        self.get(id).await
    }

    /// What is written at a room's door.
    pub async fn doorplate(&self, admitted: &Admitted, box_name: String) -> Doorplate {
        let (room, rules) = (&admitted.room, admitted.rules.as_ref());
        let views = self.conference.list().await;
        let view = views.iter().find(|view| &view.info.name == room);
        let recording = self.recordings.running_in(room.as_str());
        Doorplate {
            room: room.to_string(),
            box_name,
            recording: recording.is_some(),
            recording_paused: recording.as_ref().is_some_and(|running| running.paused),
            recording_started_at: recording.map(|running| running.started_at),
            participants: view.map_or(0, |view| view.info.participants),
            lobby: !admitted.vouched && self.lobby.is_on(room.as_str()),
            pin: admitted.needs_pin(),
            camera: rules.is_none_or(|rules| rules.guests_camera),
            share: rules.is_none_or(|rules| rules.guests_share),
            chat: rules.is_none_or(|rules| rules.guests_chat),
            muted: rules.is_some_and(|rules| rules.guests_muted),
            video_codecs: admitted.video_codecs.clone(),
            name: admitted.named.as_ref().map(|named| named.name.clone()),
            name_fixed: admitted.named.as_ref().is_some_and(|named| named.name_fixed),
        }
    }

    async fn meeting(&self, id: &str) -> Result<RoomView, ControlError> {
        let row = self.row(id).await?;
        let views = self.conference.list().await;
        let view = views.into_iter().find(|view| view.info.name.as_str() == row.name);
        view.ok_or(ControlError::NoMeeting)
    }

    /// A meeting as the media plane knows it, by the room's name.
    ///
    /// # Errors
    /// The room is not open.
    pub(crate) async fn open(&self, name: &str) -> Result<RoomInfo, ControlError> {
        let views = self.conference.list().await;
        let view = views.into_iter().find(|view| view.info.name.as_str() == name);
        Ok(view.ok_or(ControlError::NotFound("room"))?.info)
    }

    /// The room of a meeting that has only just begun may not be kept yet.
    ///
    /// # Errors
    /// The store refuses.
    pub(crate) async fn known(&self, name: &str) -> Result<RoomRow, ControlError> {
        self.store.room_insert(new_row(name, false)?).await?;
        let row = self.store.room_by_name(name.to_owned()).await?;
        row.ok_or(ControlError::NotFound("room"))
    }

    /// Everybody in a meeting who is not hidden.
    ///
    /// # Errors
    /// There is no such room.
    pub async fn participants(&self, id: &str) -> Result<Vec<Participant>, ControlError> {
        match self.meeting(id).await {
            Ok(view) => {
                let visible = view.participants.iter().filter(|p| !p.permissions.hidden);
                Ok(visible.map(participant).collect())
            }
            Err(ControlError::NoMeeting) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Mutes everything that is heard of somebody.
    ///
    /// # Errors
    /// The participant is not there, or the media plane is too busy.
    pub async fn mute(&self, id: &str, participant: &str) -> Result<(), ControlError> {
        let view = self.meeting(id).await?;
        let found = view.participants.iter().find(|p| p.id.as_str() == participant);
        let found = found.ok_or(ControlError::NotFound("participant"))?;
        for track in found.tracks.iter().filter(|track| track.kind == MediaKind::Audio) {
            let (room, track) = (view.info.name.clone(), track.id.clone());
            let mute = Command::MuteTrack { room, track, muted: true };
            self.conference.command(&view.info.name, mute)?;
        }
        Ok(())
    }

    /// Lets somebody in who waits; nothing changes for those who are in.
    ///
    /// # Errors
    /// The participant is not there, the room is full, or the media plane is too busy.
    pub async fn let_in(&self, id: &str, participant: &str) -> Result<(), ControlError> {
        let view = self.meeting(id).await?;
        let found = view.participants.iter().find(|p| p.id.as_str() == participant);
        if !found.ok_or(ControlError::NotFound("participant"))?.standing.waits() {
            return Ok(());
        }
        let inside = view.participants.iter().filter(|p| !p.standing.waits()).count();
        let most = view.info.max_participants;
        if most > 0 && inside >= most as usize {
            return Err(ControlError::RoomFull { most });
        }
        let participant = ParticipantId::from(participant);
        Ok(self.conference.command(&view.info.name, Command::LetIn { participant })?)
    }

    /// Sends somebody out, or turns somebody away who waits.
    ///
    /// # Errors
    /// The participant is not there, or the media plane is too busy.
    pub async fn remove(&self, id: &str, participant: &str) -> Result<(), ControlError> {
        let view = self.meeting(id).await?;
        let found = view.participants.iter().find(|p| p.id.as_str() == participant);
        let found = found.ok_or(ControlError::NotFound("participant"))?;
        self.was_sent_out(view.info.name.as_str(), found.identity.as_str());
        let participant = ParticipantId::from(participant);
        let leave = Command::Leave { participant, reason: LeaveReason::Removed };
        Ok(self.conference.command(&view.info.name, leave)?)
    }

    /// Ends a meeting for everybody.
    ///
    /// # Errors
    /// There is none, or the media plane is too busy.
    pub async fn end_meeting(&self, id: &str) -> Result<(), ControlError> {
        let room = self.meeting(id).await?.info.name;
        Ok(self.conference.command(&room, Command::EndRoom { room: room.clone() })?)
    }

    /// Somebody opened a room: from now on the box knows it.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn opened(&self, name: &str) -> Result<(), ControlError> {
        // A kept room of this name is left as it is.
        self.store.room_insert(new_row(name, false)?).await?;
        if let Some(row) = self.store.room_by_name(name.to_owned()).await? {
            self.events.publish(&row.id, Happening::RoomOpened { name: row.name });
            // It may have been switched between the question at the door and the opening.
            let _turn = self.switching.lock().await;
            let row = self.store.room_by_name(name.to_owned()).await?;
            let codecs = row.as_ref().map(|row| row.rules.codecs()).unwrap_or_default();
            let (room, on) = (RoomName::from(name), row.is_some_and(|row| row.lobby));
            self.conference.command(&room, Command::SetLobby { room: room.clone(), on })?;
            if codecs.are_chosen() {
                let codecs = Command::SetVideoCodecs { room: room.clone(), codecs };
                self.conference.command(&room, codecs)?;
            }
        }
        Ok(())
    }

    /// A meeting is over.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn ended(&self, name: &str) -> Result<(), ControlError> {
        self.lobby.meeting_ended(name);
        if let Some(row) = self.store.room_by_name(name.to_owned()).await? {
            self.events.publish(&row.id, Happening::RoomEnded { name: row.name });
        }
        Ok(self.store.room_forget(name.to_owned()).await?)
    }
}

fn new_row(name: &str, kept: bool) -> Result<RoomRow, ControlError> {
    Ok(RoomRow {
        id: format!("rm_{}", Ulid::new()),
        name: name.to_owned(),
        invite: random_text(20)?,
        kept,
        lobby: false,
        record_always: false,
        rules: RoomRules::default(),
        pin: String::new(),
        created_ms: UnixMs::now().0,
    })
}

fn participant(info: &ParticipantInfo) -> Participant {
    let track = |track: &crate::conference::TrackInfo| PublishedTrack {
        id: track.id.to_string(),
        kind: track.kind,
        source: track.source,
        muted: track.muted,
        codec: track.codec,
    };
    Participant {
        id: info.id.to_string(),
        identity: info.identity.to_string(),
        name: info.name.clone(),
        state: info.state,
        joined_at: UnixMs(info.joined_unix_ms),
        waiting: info.standing.waits(),
        tracks: info.tracks.iter().map(track).collect(),
    }
}
