//! What an `Sfu` tells doors and services.

use crate::blobs::{Blob, BlobRefusal};
use crate::command::{Command, LeaveReason};
use crate::data_tracks::MOST_DATA_TRACKS;
use crate::ids::{Identity, ParticipantId, RoomName, TrackId};
use crate::peer::Channel;
use crate::quality::ConnectionQuality;
use crate::relay::Relayed;
use crate::tap::{TapId, TapItem};
use crate::track::Codec;
use crate::transport::Transport;
use crate::view::{DataTrackInfo, ParticipantInfo, RoomInfo, RoomView, SpeakerLevel, TrackInfo};
use std::fmt;
use std::net::SocketAddr;

/// Something for one participant's door, in order.
#[derive(Debug, Clone)]
pub enum Event {
    /// The join was accepted. Nothing comes before it.
    Joined {
        room: RoomInfo,
        me: ParticipantInfo,
        others: Vec<ParticipantInfo>,
    },
    /// The place was kept; `others` is everybody else. `last_sequence` is the number of the newest
    /// reliable message that one had sent.
    Resumed {
        room: RoomInfo,
        me: ParticipantInfo,
        others: Vec<ParticipantInfo>,
        last_sequence: u32,
    },
    /// One is in another room now, and has nothing of the old one any more.
    Moved {
        room: RoomInfo,
        me: ParticipantInfo,
        others: Vec<ParticipantInfo>,
    },
    /// Answer to the offer `id`; `tracks` maps media sections to what we send on them.
    Answer {
        id: u32,
        sdp: String,
        tracks: Vec<(String, TrackId)>,
    },
    /// Our own offer (two-connection protocol).
    Offer {
        sdp: String,
        tracks: Vec<(String, TrackId)>,
    },
    /// The client's description was not usable; the connection goes on as it was.
    OfferRefused {
        id: u32,
        reason: String,
    },
    /// The client should offer again with this many more receiving sections.
    SectionsWanted {
        audios: u32,
        videos: u32,
    },
    /// Others (or oneself) changed.
    Participants(Vec<ParticipantInfo>),
    /// A track that [`crate::Command::AddTrack`] announced may be published.
    TrackAccepted {
        cid: String,
        track: TrackInfo,
    },
    /// A track may not be published.
    TrackRefused {
        cid: String,
        why: TrackRefusal,
    },
    /// One's own track was taken down by the box.
    TrackUnpublished {
        track: TrackId,
    },
    /// One's own track was muted or unmuted by a moderator.
    Muted {
        track: TrackId,
        muted: bool,
    },
    Room(RoomInfo),
    /// Changes only: who began, changed or stopped.
    Speakers(Vec<SpeakerLevel>),
    /// Somebody subscribes to one's own track for the first time.
    TrackSubscribed {
        track: TrackId,
    },
    /// What anybody wants of one's own track, by codec: the first, then the backup if there may be
    /// one.
    LayersWanted {
        track: TrackId,
        codecs: Vec<WantedCodec>,
    },
    /// Streams that one receives were paused because the connection cannot carry them, or go on.
    Streams(Vec<StreamState>),
    /// How good connections are: one's own and those of people who publish. Changes only, but all
    /// of them at first.
    Quality(Vec<ConnectionQuality>),
    /// A publisher lets one subscribe to a wanted track, or does not (any more).
    SubscriptionAllowed {
        publisher: ParticipantId,
        track: TrackId,
        allowed: bool,
    },
    /// A track that one subscribes to has a codec that one's connection did not agree on.
    CodecUnsupported {
        track: TrackId,
    },
    /// A message from this client's data channel, as it came.
    Data {
        channel: Channel,
        message: Vec<u8>,
    },
    /// One's own data track is there.
    DataTrackPublished(DataTrackInfo),
    DataTrackUnpublished(DataTrackInfo),
    DataTrackRefused {
        handle: u16,
        why: DataTrackRefusal,
    },
    /// All data tracks that one has subscribed to: one's own number of each, track, publisher.
    DataHandles(Vec<(u16, TrackId, ParticipantId, Identity)>),
    /// What one left for others is there, under this key.
    BlobStored {
        request: u32,
        key: Vec<u8>,
    },
    BlobFetched {
        request: u32,
        blob: Blob,
    },
    BlobRefused {
        request: u32,
        why: BlobRefusal,
    },
    /// The last event: the participant is out.
    Closed {
        reason: LeaveReason,
    },
}

/// What is wanted of one encoding of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedCodec {
    pub codec: Option<Codec>,
    /// How many layers it has; 0: not known yet.
    pub layers: usize,
    /// Layers up to this index are wanted; `None`: none.
    pub best: Option<usize>,
}

/// Whether the connection can carry a subscribed track. Changes only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamState {
    pub publisher: ParticipantId,
    pub track: TrackId,
    pub paused: bool,
}

/// Why a track may not be published. The texts go to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackRefusal {
    NotAllowed,
    /// The participant has [`MOST_TRACKS`] already.
    TooMany,
    /// The room takes pictures in other codecs than the client can send.
    NoCodec,
    /// A second codec was announced for a track that is not there, or not with that one.
    Unknown,
}

/// Why a data track may not be published or taken down. The texts go to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataTrackRefusal {
    NotAllowed,
    TooMany,
    BadHandle,
    SameHandle,
    SameName,
    Unknown,
}

impl fmt::Display for DataTrackRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NotAllowed => "the token does not allow canPublishData",
            Self::TooMany => {
                return write!(f, "one participant may publish {MOST_DATA_TRACKS} data tracks");
            }
            Self::BadHandle => "a data track's handle is a number from 1 to 65535",
            Self::SameHandle => "another data track of yours has this handle",
            Self::SameName => "another data track of yours has this name",
            Self::Unknown => "you publish no data track with this handle",
        };
        f.write_str(text)
    }
}

/// Tracks that one participant may publish or have announced at a time. People have four; robots
/// and bridges some more.
pub const MOST_TRACKS: usize = 32;

impl fmt::Display for TrackRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed => f.write_str("the token does not allow to publish this source"),
            Self::NoCodec => f.write_str(
                "this room takes video in other codecs than the offer has: see the room's enabled codecs",
            ),
            Self::Unknown => {
                f.write_str("you publish no track with this sid and this codec as its backup")
            }
            Self::TooMany => {
                write!(f, "one participant may publish {MOST_TRACKS} tracks: unpublish some first")
            }
        }
    }
}

/// Something that services of the box want to know. `room` is as it was right after that.
#[derive(Debug, Clone)]
pub enum Notice {
    RoomOpened {
        room: RoomInfo,
    },
    RoomEnded {
        room: RoomInfo,
    },
    /// A guest waits to be let in.
    ParticipantKnocked {
        room: RoomInfo,
        participant: ParticipantInfo,
    },
    ParticipantActive {
        room: RoomInfo,
        participant: ParticipantInfo,
    },
    /// `active`: media had flowed, and it did not wait.
    ParticipantLeft {
        room: RoomInfo,
        participant: ParticipantInfo,
        reason: LeaveReason,
        active: bool,
    },
    TrackPublished {
        room: RoomInfo,
        participant: ParticipantInfo,
        track: TrackInfo,
    },
    TrackUnpublished {
        room: RoomInfo,
        participant: ParticipantInfo,
        track: TrackInfo,
    },
}

impl Notice {
    /// The room in which it happened.
    pub fn room(&self) -> &RoomInfo {
        match self {
            Self::RoomOpened { room }
            | Self::RoomEnded { room }
            | Self::ParticipantKnocked { room, .. }
            | Self::ParticipantActive { room, .. }
            | Self::ParticipantLeft { room, .. }
            | Self::TrackPublished { room, .. }
            | Self::TrackUnpublished { room, .. } => room,
        }
    }
}

/// Everything that leaves an `Sfu`.
#[derive(Debug)]
pub enum Output {
    Transmit {
        transport: Transport,
        source: SocketAddr,
        destination: SocketAddr,
        contents: Vec<u8>,
    },
    Event {
        participant: ParticipantId,
        event: Box<Event>,
    },
    Notice(Box<Notice>),
    /// For another shard, in order; see [`Relayed::media`] for what may be dropped.
    Relay {
        to: usize,
        what: Relayed,
    },
    /// A request that another shard carries out, in order with what it is told.
    Pass {
        to: usize,
        command: Box<Command>,
    },
    /// The participant lives on another shard: its door is to hear that one. Comes before anything
    /// that the door would hear.
    Seat {
        to: usize,
        participant: ParticipantId,
    },
    Tap {
        room: RoomName,
        tap: TapId,
        item: TapItem,
    },
    /// The tap's room ended or it was closed: no item follows.
    TapClosed {
        room: RoomName,
        tap: TapId,
    },
    Listing {
        query: u64,
        rooms: Vec<RoomView>,
    },
}
