//! Shard threads: each owns a UDP socket and an [`roombox_sfu::Sfu`], pinned to a core.
//!
//! The plane knows nothing of rooms' meaning, doors or recordings: it carries commands in, events
//! out, and datagrams both ways. Every queue is bounded; what is dropped is counted.

mod batch;
mod plane;
mod shard;

pub use plane::{
    EventSink, Plane, PlaneBusy, PlaneConfig, PlaneError, ShardStats, SinkFull, TapSink,
};
