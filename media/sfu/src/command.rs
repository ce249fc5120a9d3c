//! What doors and services ask of an `Sfu`.

use crate::blobs::Blob;
use crate::ids::{Identity, ParticipantId, RoomName, TrackId};
use crate::peer::Channel;
use crate::tap::{TapId, TapLayer};
use crate::track::{Codec, MediaKind, TrackSource, VideoCodecs};
use crate::view::{DoorNote, LayerInfo, Permissions, Standing};
use std::collections::BTreeMap;
use std::time::Duration;

/// How a room behaves that a join or a service opens.
#[derive(Debug, Clone)]
pub struct RoomOptions {
    /// `RM_…`; used if the room does not exist yet.
    pub sid: String,
    pub metadata: String,
    pub created_unix_ms: u64,
    /// API key of the token that opens it; services decide by it whom a room concerns.
    pub opened_with: String,
    /// 0: no limit.
    pub max_participants: u32,
    /// In which pictures may be published.
    pub video_codecs: VideoCodecs,
    /// Guests wait until they are let in.
    pub lobby: bool,
    /// A room that nobody joined ends after this.
    pub empty_timeout: Duration,
    /// A room that everybody left ends after this.
    pub departure_timeout: Duration,
}

/// How a client connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportMode {
    /// One connection; the client always offers.
    Single,
    /// One connection each way; the client offers what it publishes, we offer what it receives.
    Dual,
    /// One connection; the client offers once, and nothing can be said to it after the answer (WHIP,
    /// WHEP). We send on all sections that it receives on, what there is when there is; and what a
    /// moderator mutes, the box itself stops.
    Once,
}

/// Somebody who joins.
#[derive(Debug, Clone)]
pub struct NewParticipant {
    pub id: ParticipantId,
    pub identity: Identity,
    pub name: String,
    pub metadata: String,
    pub attributes: BTreeMap<String, String>,
    pub permissions: Permissions,
    /// A guest may have to wait.
    pub standing: Standing,
    /// Who it was when it came before: need not ask again if that one was let in.
    pub known_as: Option<Identity>,
    pub joined_unix_ms: u64,
    /// Receives every track without asking.
    pub auto_subscribe: bool,
    /// And every data track.
    pub auto_subscribe_data: bool,
    /// Its program hears of a track by the track's first packet alone (Pion).
    pub hears_by_packets: bool,
    pub mode: TransportMode,
    pub note: DoorNote,
}

/// A track that a participant is about to publish.
#[derive(Debug, Clone)]
pub struct NewTrack {
    pub id: TrackId,
    /// The client's name for it: the track id of its `a=msid` line.
    pub cid: String,
    pub name: String,
    pub kind: MediaKind,
    pub source: TrackSource,
    pub muted: bool,
    pub width: u32,
    pub height: u32,
    pub encrypted: bool,
    /// Ascending in quality.
    pub layers: Vec<LayerInfo>,
    /// The codec that the client asked for.
    pub codec: Option<Codec>,
    /// Another one in which it would send the track for those who cannot decode that.
    pub backup: Option<Codec>,
    /// Audio must not come as RED: the client said so, or it encrypts, which RED breaks.
    pub no_red: bool,
    pub note: DoorNote,
}

/// The second encoding of a track, for those who cannot decode the first.
#[derive(Debug, Clone)]
pub struct NewBackup {
    pub track: TrackId,
    /// The client's name for it, as in [`NewTrack`].
    pub cid: String,
    pub codec: Codec,
    /// Ascending in quality.
    pub layers: Vec<LayerInfo>,
    /// Of the track from now on.
    pub note: DoorNote,
}

/// A data track that a participant is about to publish.
#[derive(Debug, Clone)]
pub struct NewDataTrack {
    pub id: TrackId,
    /// The publisher's own number of the track, in each of its packets; not 0.
    pub handle: u16,
    pub name: String,
    pub note: DoorNote,
}

/// What a subscriber wants to see of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrackSettings {
    /// Send nothing for now.
    pub disabled: bool,
    /// Index of the wanted layer, 0 the smallest; `None`: by size.
    pub layer: Option<usize>,
    /// Pixels of the tile; 0: as large as there is.
    pub width: u32,
    pub height: u32,
    /// Frames a second that are enough, where the track has layers that bring fewer; 0: all.
    pub fps: u32,
    /// Who gets bandwidth first where it is short: 1 before 2 and so on; 0: as the `Sfu` thinks.
    pub priority: u32,
}

/// Who gets a data message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipients {
    Everybody,
    Only { participants: Vec<ParticipantId>, identities: Vec<Identity> },
}

impl Recipients {
    /// Bytes that it takes besides itself, at the least.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Everybody => 0,
            // A name is two words here, and two counters and its letters elsewhere.
            Self::Only { participants, identities } => {
                let letters = participants.iter().map(|one| one.as_str().len());
                let letters = letters.chain(identities.iter().map(|one| one.as_str().len()));
                letters.map(|letters| letters + 4 * size_of::<usize>()).sum()
            }
        }
    }
}

/// Who may subscribe to a participant's tracks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Audience {
    #[default]
    Everybody,
    Only(Vec<AudienceMember>),
}

/// One subscriber that a publisher allows; named by id or, over reconnects, by identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudienceMember {
    pub id: Option<ParticipantId>,
    pub identity: Option<Identity>,
    /// `None`: all tracks, also future ones.
    pub tracks: Option<Vec<TrackId>>,
}

impl Audience {
    /// Whether this participant may subscribe to this track.
    pub fn admits(&self, id: &ParticipantId, identity: &Identity, track: &TrackId) -> bool {
        let Self::Only(members) = self else {
            return true;
        };
        members.iter().any(|member| {
            let named =
                member.id.as_ref() == Some(id) || member.identity.as_ref() == Some(identity);
            named && member.tracks.as_ref().is_none_or(|tracks| tracks.contains(track))
        })
    }
}

/// Why somebody leaves or is made to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveReason {
    ClientLeft,
    DuplicateIdentity,
    Removed,
    RoomEnded,
    JoinFailed,
    ConnectionLost,
    SignalSlow,
    Shutdown,
    /// To another room, by a moderator.
    Moved,
}

/// What a client has simulated, to test itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Simulated {
    /// It seems to speak for so long.
    Speech(Duration),
    /// Its connection seems to carry so many bits per second; `None`: not any more.
    Bandwidth(Option<u64>),
    /// From its next join on it reaches the box by TCP alone, where that is possible, or not any
    /// more.
    TcpOnly(bool),
}

/// A change to what others see of a participant; `None` leaves as it is.
#[derive(Debug, Clone, Default)]
pub struct ParticipantChange {
    pub name: Option<String>,
    pub metadata: Option<String>,
    /// An empty value deletes.
    pub attributes: BTreeMap<String, String>,
    /// Those of somebody who waits let it in, if they let it take part.
    pub permissions: Option<Permissions>,
}

impl Command {
    /// The participant whom it concerns, and who must be there.
    pub(crate) fn participant(&self) -> Option<&ParticipantId> {
        match self {
            Self::LetIn { participant }
            | Self::Detach { participant }
            | Self::Resume { participant, .. }
            | Self::Leave { participant, .. }
            | Self::Move { participant, .. }
            | Self::Offer { participant, .. }
            | Self::Answer { participant, .. }
            | Self::AddTrack { participant, .. }
            | Self::AddBackup { participant, .. }
            | Self::SetMuted { participant, .. }
            | Self::Redescribe { participant, .. }
            | Self::Subscribe { participant, .. }
            | Self::SetAudience { participant, .. }
            | Self::TrackSettings { participant, .. }
            | Self::Change { participant, .. }
            | Self::PublishDataTrack { participant, .. }
            | Self::UnpublishDataTrack { participant, .. }
            | Self::SubscribeData { participant, .. }
            | Self::StoreBlob { participant, .. }
            | Self::FetchBlob { participant, .. }
            | Self::Resend { participant, .. }
            | Self::Simulate { participant, .. } => Some(participant),
            Self::OpenRoom { .. }
            | Self::EndRoom { .. }
            | Self::SetRoomMetadata { .. }
            | Self::SetLobby { .. }
            | Self::SetMaxParticipants { .. }
            | Self::SetVideoCodecs { .. }
            | Self::SetRecording { .. }
            | Self::Join { .. }
            | Self::MuteTrack { .. }
            | Self::SendData { .. }
            | Self::OpenTap { .. }
            | Self::CloseTap { .. }
            | Self::TapKeyframe { .. }
            | Self::List { .. } => None,
        }
    }
}

/// One request. Those that name a participant or room that is gone do nothing.
#[derive(Debug, Clone)]
pub enum Command {
    OpenRoom {
        room: RoomName,
        options: RoomOptions,
    },
    EndRoom {
        room: RoomName,
    },
    SetRoomMetadata {
        room: RoomName,
        metadata: String,
    },
    /// Whether guests have to wait from now on. Those who wait come in when not.
    SetLobby {
        room: RoomName,
        on: bool,
    },
    /// So many may be in a room from now on; 0: as many as come. Who is in stays in.
    SetMaxParticipants {
        room: RoomName,
        most: u32,
    },
    /// In which pictures may be published from now on. What is published goes on as it is.
    SetVideoCodecs {
        room: RoomName,
        codecs: VideoCodecs,
    },
    /// Lets somebody in who waits.
    LetIn {
        participant: ParticipantId,
    },
    /// Shows everybody whether the room is being recorded at this moment: not while a recording is paused.
    SetRecording {
        room: RoomName,
        recording: bool,
    },
    Join {
        room: RoomName,
        options: RoomOptions,
        participant: Box<NewParticipant>,
    },
    /// The client's signalling connection broke: keep its place for a while.
    Detach {
        participant: ParticipantId,
    },
    /// It is back; `room` and `identity` must be those that it had. See [`crate::Sfu::may_resume`].
    Resume {
        room: RoomName,
        participant: ParticipantId,
        identity: Identity,
    },
    Leave {
        participant: ParticipantId,
        reason: LeaveReason,
    },
    /// Moves somebody to another room of the shard, which opens if it is not open.
    Move {
        participant: ParticipantId,
        to: RoomName,
        options: RoomOptions,
    },
    /// A client's offer; `id` comes back with the answer.
    Offer {
        participant: ParticipantId,
        id: u32,
        sdp: String,
    },
    /// A client's answer to our offer.
    Answer {
        participant: ParticipantId,
        sdp: String,
    },
    AddTrack {
        participant: ParticipantId,
        track: Box<NewTrack>,
    },
    /// Announces the [`NewTrack::backup`] of a track that is published.
    AddBackup {
        participant: ParticipantId,
        backup: Box<NewBackup>,
    },
    /// The client muted its own track.
    SetMuted {
        participant: ParticipantId,
        track: TrackId,
        muted: bool,
    },
    /// The client describes its own track anew; what is `None` stays.
    Redescribe {
        participant: ParticipantId,
        track: TrackId,
        /// Width and height in pixels of the best layer.
        size: Option<(u32, u32)>,
        note: Option<DoorNote>,
    },
    /// A moderator mutes somebody's track.
    MuteTrack {
        room: RoomName,
        track: TrackId,
        muted: bool,
    },
    Subscribe {
        participant: ParticipantId,
        tracks: Vec<TrackId>,
        on: bool,
    },
    /// A publisher says who may see and hear it.
    SetAudience {
        participant: ParticipantId,
        audience: Audience,
    },
    TrackSettings {
        participant: ParticipantId,
        tracks: Vec<TrackId>,
        settings: TrackSettings,
    },
    Change {
        participant: ParticipantId,
        change: Box<ParticipantChange>,
    },
    SendData {
        room: RoomName,
        /// Never gets its own message.
        sender: Option<ParticipantId>,
        channel: Channel,
        message: Vec<u8>,
        to: Recipients,
        /// The sender's number of a reliable message; 0: none. Told back after a resume.
        sequence: u32,
    },
    PublishDataTrack {
        participant: ParticipantId,
        track: Box<NewDataTrack>,
    },
    UnpublishDataTrack {
        participant: ParticipantId,
        handle: u16,
    },
    /// Tracks, and whether they are wanted.
    SubscribeData {
        participant: ParticipantId,
        tracks: Vec<(TrackId, bool)>,
    },
    /// Leaves a blob for others, in place of one of the same key. `request` comes back with what
    /// came of it.
    StoreBlob {
        participant: ParticipantId,
        request: u32,
        blob: Box<Blob>,
    },
    /// Asks for a blob that somebody left.
    FetchBlob {
        participant: ParticipantId,
        request: u32,
        owner: Identity,
        key: Vec<u8>,
    },
    /// Somebody is back and says what reliable messages arrived: the newest number by sender. The
    /// others are sent again, as far as they are still known.
    Resend {
        participant: ParticipantId,
        received: Vec<(ParticipantId, u32)>,
    },
    Simulate {
        participant: ParticipantId,
        simulated: Simulated,
    },
    OpenTap {
        room: RoomName,
        tap: TapId,
    },
    CloseTap {
        room: RoomName,
        tap: TapId,
    },
    /// The tap's reader cannot go on without a keyframe.
    TapKeyframe {
        room: RoomName,
        tap: TapId,
        track: TrackId,
        layer: TapLayer,
    },
    /// Answered by [`crate::Output::Listing`].
    List {
        query: u64,
    },
}
