//! Shard threads: each owns a UDP socket, TCP connections and an [`roombox_sfu::Sfu`], pinned to a
//! core; and the entrance, where TCP connections say whose they are.
//!
//! The plane knows nothing of rooms' meaning, doors or recordings: it carries commands in, events
//! out, and datagrams both ways. Every queue is bounded; what is dropped is counted.

mod arrival;
mod batch;
mod bind;
mod connections;
mod entrance;
mod framing;
mod link;
mod place;
mod plane;
mod poll;
mod shard;
mod thread;

pub use arrival::TcpStats;
pub use framing::fuzz_framing;
pub use plane::{
    EventSink, Plane, PlaneBusy, PlaneConfig, PlaneError, ShardStats, SinkFull, TapSink,
};
pub use roombox_sfu::{Loss, RoomLoad};
