//! What a door needs of the media plane to let people meet.
//!
//! The daemon implements [`Conference`] over the shards; doors see only this trait and the nouns
//! of the sfu, never threads or sockets.

#[cfg(test)]
pub(crate) mod quiet;

use crate::permissions::Role;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use tokio::sync::mpsc;

pub use roombox_sfu::ids::{Identity, ParticipantId, RoomName, TrackId};
pub use roombox_sfu::track::{Codec, MediaKind, TrackSource, VideoCodecs};
pub use roombox_sfu::view::{
    DataTrackInfo, LayerInfo, ParticipantInfo, ParticipantState, Permissions, RoomInfo, RoomView,
    SpeakerLevel, Standing, TrackInfo,
};
pub use roombox_sfu::{
    Audience, AudienceMember, Blob, BlobRefusal, Channel, Command, ConnectionQuality,
    DataTrackRefusal, Event, LeaveReason, NewBackup, NewDataTrack, NewParticipant, NewTrack,
    Notice, ParticipantChange, Quality, Recipients, RoomOptions, Simulated, StreamState,
    TrackRefusal, TrackSettings, TransportMode, WantedCodec,
};

/// Events that may wait for one client's connection before it counts as too slow.
pub const EVENT_QUEUE: usize = 1024;

/// The media plane cannot take the request now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the box is too busy: try again in a moment")]
pub struct Busy;

/// Why a room may not be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RoomRefused {
    /// Rooms are not created by joining, and this one does not exist.
    #[error("requested room does not exist")]
    Unknown,
    /// The box is in mode transcoderOnly.
    #[error("this box only transcodes: it takes no meetings")]
    TranscoderOnly,
    /// The daemon is stopping or about to update.
    #[error("the box is shutting down")]
    Draining,
}

/// A relay through which clients may reach the box (TURN, RFC 8656): somebody else's server.
#[derive(Clone, PartialEq, Eq)]
pub struct Relay {
    pub urls: Vec<String>,
    /// Good for some hours, like the credential.
    pub username: String,
    pub credential: String,
    /// Clients must go through it.
    pub only: bool,
}

/// A credential is a secret while it is good.
impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// A boxed future that may cross threads.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Rooms, as doors see them.
pub trait Conference: Send + Sync {
    /// Whether new meetings and recordings are turned away, because the box is about to restart.
    fn is_draining(&self) -> bool;

    /// Secret of a LiveKit API key.
    fn secret_of(&self, api_key: &str) -> Option<String>;

    /// Whether a room may be entered, and how it is opened if it is not open yet, by a token of
    /// this API key; an empty one: by no LiveKit token.
    ///
    /// # Errors
    /// See [`RoomRefused`].
    fn room_options(&self, room: &RoomName, api_key: &str) -> Result<RoomOptions, RoomRefused>;

    /// What the bearer of a token of this API key is to a room with a lobby; `moderates` says that
    /// the token may administer the room.
    fn standing(&self, api_key: &str, moderates: bool) -> Standing;

    /// Whether tokens of this personal link still open anything: nobody has revoked it.
    fn link_holds(&self, link: &str) -> bool;

    /// Whether the time of this personal link is over: nobody comes in by it anew, and who is in stays.
    fn link_has_ended(&self, link: &str) -> bool;

    /// Whether guests who come anew by the invitation with this mark come in: it is still the room's.
    fn invitation_holds(&self, room: &RoomName, mark: &str) -> bool;

    /// What somebody's account may on the box; `None`: it was removed or locked out.
    fn role_of<'a>(&'a self, person: &'a str) -> Later<'a, Result<Option<Role>, Busy>>;

    /// Whether somebody who came by this link was sent out of the meeting that is going on in the room: they
    /// come back as any guest.
    fn link_is_sent_out(&self, room: &RoomName, link: &str) -> bool;

    /// Sends a join or resume; from now on the participant's events go to `events`.
    ///
    /// # Errors
    /// The media plane has too much waiting.
    fn attach(
        &self,
        room: &RoomName,
        participant: &ParticipantId,
        events: mpsc::Sender<Event>,
        command: Command,
    ) -> Result<(), Busy>;

    /// Sends any other request.
    ///
    /// # Errors
    /// The media plane has too much waiting.
    fn command(&self, room: &RoomName, command: Command) -> Result<(), Busy>;

    /// Has a room, if it is not open, open where people of another one can be moved to it on their
    /// connections. False if it is open elsewhere.
    fn beside(&self, room: &RoomName, other: &RoomName) -> bool;

    /// The relay that a participant may use, if there is one.
    fn relay(&self, participant: &ParticipantId) -> Option<Relay>;

    /// Open rooms and who is in them.
    fn list(&self) -> Later<'_, Vec<RoomView>>;

    /// A new id with this prefix (`PA_`, `TR_`, `RM_`).
    fn new_id(&self, prefix: &str) -> String;
}
