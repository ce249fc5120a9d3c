//! From one publisher's packet to each subscriber's: choose, rewrite, hand to the connection.

mod gaps;
mod red;
mod rewrite;
mod selection;
mod vp8;

pub use red::fuzz_red;
pub(crate) use red::primary as red_primary;
pub(crate) use rewrite::{OutgoingNumbers, Rewriter};
pub(crate) use selection::{Belongs, Forward, Target};
pub(crate) use vp8::Vp8Indexes;

use crate::peer::{ExtensionValues, Mid};
use crate::track::Codec;
use std::sync::Arc;
use std::time::Instant;

/// A packet on its way to one subscriber. The payload is shared by all of them.
pub(crate) struct EgressPacket<'a> {
    pub payload_type: u8,
    pub codec: Codec,
    pub numbers: OutgoingNumbers,
    pub marker: bool,
    pub payload: &'a Arc<[u8]>,
    pub extensions: &'a ExtensionValues,
    /// When the packet came in.
    pub at: Instant,
}

/// Where packets leave. Today str0m's `write_rtp`; a fan-out of our own can take its place
/// without the rooms noticing.
pub(crate) trait Egress {
    /// Sends one packet on a section; false if the section cannot send.
    fn send(&mut self, now: Instant, mid: Mid, packet: &EgressPacket<'_>) -> bool;
}
