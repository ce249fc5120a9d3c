//! Rooms, tracks, layers and forwarding decisions. No clock, no socket, no thread, no file:
//! time is an argument and datagrams are values.
//!
//! One [`Sfu`] serves one shard. Give it datagrams, [`Command`]s and time; take its [`Output`]s.

mod allocate;
mod backup;
mod bandwidth;
mod blobs;
mod command;
mod data_tracks;
mod dispatch;
mod dynacast;
mod event;
mod forward;
pub mod ids;
mod layers;
mod load;
mod lobby;
mod moving;
mod packets;
mod participant;
mod peer;
mod prelude;
mod publish;
mod published;
mod quality;
mod recent;
mod relay;
mod room;
mod scalable;
mod sfu;
mod simulate;
mod speakers;
mod subscribe;
pub mod tap;
pub mod track;
mod transport;
pub mod view;
mod voices;

pub use blobs::{Blob, BlobRefusal, MOST_BLOB_BYTES, MOST_ROOM_BLOB_BYTES};
pub use command::{
    Audience, AudienceMember, Command, LeaveReason, NewBackup, NewDataTrack, NewParticipant,
    NewTrack, ParticipantChange, Recipients, RoomOptions, Simulated, TrackSettings, TransportMode,
};
pub use event::{
    DataTrackRefusal, Event, MOST_TRACKS, Notice, Output, StreamState, TrackRefusal, WantedCodec,
};
pub use forward::fuzz_red;
pub use load::{Loss, RoomLoad};
pub use peer::{Channel, LoopbackError, LoopbackPeer, PeerError, stun_local_ufrag};
pub use quality::{ConnectionQuality, Quality};
pub use relay::{Relayed, RelayedMedia};
pub use scalable::fuzz_scalable;
pub use sfu::{Connections, Sfu, SfuConfig, SfuCounters};
pub use transport::Transport;
