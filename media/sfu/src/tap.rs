//! Taps: subscriptions without a network.
//!
//! A tap sees everything that happens in one room, and the media of chosen layers. The recorder is
//! one; statistics and relays will be others. Items leave the `Sfu` by
//! [`crate::Output::Tap`]; whoever carries them to another thread does so through a bounded queue
//! and tells the reader what it had to drop.

use crate::ids::{Identity, ParticipantId, TrackId};
use crate::track::{Codec, MediaKind, TrackSource};
use std::sync::Arc;
use std::time::Instant;

/// Names a tap within its room; chosen by whoever opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TapId(pub u64);

/// One thing that a tap saw.
#[derive(Debug, Clone)]
pub struct TapItem {
    /// When it happened: for a packet, its arrival from the network.
    pub at: Instant,
    pub event: TapEvent,
}

/// What a tap saw.
#[derive(Debug, Clone)]
pub enum TapEvent {
    /// A participant became active, or was so when the tap was opened. Hidden participants and
    /// recorders are not shown.
    Joined {
        participant: ParticipantId,
        identity: Identity,
        name: String,
    },
    /// A participant left.
    Left {
        participant: ParticipantId,
    },
    /// A track was published, or was so when the tap was opened.
    Published(TapTrack),
    Unpublished {
        track: TrackId,
    },
    Muted {
        track: TrackId,
        muted: bool,
    },
    /// Who speaks now, loudest first.
    Speakers(Vec<ParticipantId>),
    Packet(TapPacket),
    /// The room ended: nothing follows.
    RoomEnded,
}

/// A published track as taps see it.
#[derive(Debug, Clone)]
pub struct TapTrack {
    pub track: TrackId,
    pub participant: ParticipantId,
    pub identity: Identity,
    /// Display name of the participant.
    pub name: String,
    pub kind: MediaKind,
    pub source: TrackSource,
    pub muted: bool,
    /// End-to-end encrypted: payloads are opaque and cannot be recorded.
    pub encrypted: bool,
}

/// Which layer of a track a tapped packet belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TapLayer {
    Audio,
    /// The best layer the publisher sends now. The SSRC changes when that is another one.
    Top,
    /// The layer nearest to 360 lines below the top one.
    Low,
    /// A screen share.
    Screen,
}

/// One RTP packet of a tapped layer, decrypted, retransmissions already put back under their
/// original sequence number (so packets may be late), RED unwrapped to Opus. An empty payload is
/// padding: it only fills its place in the sequence.
#[derive(Debug, Clone)]
pub struct TapPacket {
    pub track: TrackId,
    pub layer: TapLayer,
    pub codec: Codec,
    /// SSRC at the publisher. A change means another stream: numbers and times start anew.
    pub ssrc: u32,
    /// Extended sequence number (RFC 3550 §A.1): grows by one a packet.
    pub seq: u64,
    /// Extended RTP timestamp in the codec's clock rate.
    pub rtp: u64,
    /// Clock rate of `rtp` in Hz.
    pub clock_rate: u32,
    /// RTP marker bit.
    pub marker: bool,
    /// Payload without RTP header and padding.
    pub payload: Arc<[u8]>,
    /// Newest sender report of this SSRC that had arrived before the packet.
    pub sender_report: Option<TapSenderReport>,
}

/// A sender report (RFC 3550 §6.4.1) reduced to its clock pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TapSenderReport {
    /// The sender's wall clock, microseconds since 1900-01-01 (NTP epoch).
    pub ntp_us: u64,
    /// The same moment as RTP timestamp (low 32 bits).
    pub rtp: u32,
}
