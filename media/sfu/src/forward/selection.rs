//! Which layer of a track one subscriber gets, and when it changes.
//!
//! The current layer goes on until a packet of the wanted one starts a frame that needs no other
//! (never a freeze); then numbers are rebased and the wanted layer is the current one.

use super::rewrite::{OutgoingNumbers, Rewriter};
use super::vp8::Vp8Indexes;
use crate::peer::{IngressPacket, Mid, starts_decoding};
use crate::track::Codec;
use std::time::Instant;

/// One subscription's state in the packet path.
#[derive(Debug)]
pub(crate) struct Forward {
    /// Slab key of the subscriber's peer.
    pub peer: usize,
    /// Slab key of the subscribing participant.
    pub participant: usize,
    pub mid: Mid,
    /// The subscriber's connection is up. A keyframe before that would be lost.
    pub connected: bool,
    /// Nothing is sent (the client hid the tile).
    pub paused: bool,
    /// Layer that the subscriber should get: index into the track's layers.
    pub wanted: usize,
    /// Layer that it gets.
    pub current: Option<usize>,
    /// SSRC of the source that the rewriter follows.
    source: u32,
    /// Payload types, looked up when the codec is first seen.
    payload_types: Option<(Codec, Option<u8>, Option<u8>)>,
    rewriter: Option<Rewriter>,
}

/// A packet that a subscriber should get.
#[derive(Debug)]
pub(crate) struct Selected {
    pub payload_type: u8,
    pub numbers: OutgoingNumbers,
    /// Send the unwrapped primary block instead of the RED payload.
    pub unwrap_red: bool,
}

impl Forward {
    pub(crate) fn new(peer: usize, participant: usize, mid: Mid, wanted: usize) -> Self {
        Self {
            peer,
            participant,
            mid,
            connected: false,
            paused: false,
            wanted,
            current: None,
            source: 0,
            payload_types: None,
            rewriter: None,
        }
    }

    /// Goes on with the numbers of what was sent before under the same SSRC.
    pub(crate) fn continuing(mut self, numbers: Option<Rewriter>) -> Self {
        self.rewriter = numbers;
        self
    }

    /// The numbers of what was sent, for what comes next under the same SSRC.
    pub(crate) fn into_numbers(self) -> Option<Rewriter> {
        self.rewriter
    }

    /// Has it go on at a keyframe.
    pub(crate) fn start_anew(&mut self) {
        self.current = None;
    }

    /// True while a keyframe of the wanted layer is needed.
    pub(crate) fn needs_keyframe(&self) -> bool {
        self.connected && !self.paused && self.current != Some(self.wanted)
    }

    /// Stops or goes on; going on starts at a keyframe.
    pub(crate) fn set_paused(&mut self, paused: bool) {
        if self.paused != paused {
            self.paused = paused;
            self.current = None;
        }
    }

    /// Decides about one packet of layer `layer`. `payload_type_of` looks up the subscriber's
    /// payload type for a codec, plain or as RED.
    pub(crate) fn select(
        &mut self,
        now: Instant,
        layer: usize,
        packet: &IngressPacket,
        payload_type_of: impl Fn(Codec, bool) -> Option<u8>,
    ) -> Option<Selected> {
        if self.paused {
            return None;
        }
        let follows = self.current == Some(layer) && self.source == packet.ssrc;
        if packet.payload.is_empty() {
            // Padding: the hole that it leaves is closed.
            if follows && let Some(rewriter) = &mut self.rewriter {
                rewriter.drop_one(packet.seq);
            }
            return None;
        }
        let vp8 = match packet.codec {
            Codec::Vp8 => Vp8Indexes::parse(&packet.payload),
            _ => Vp8Indexes::default(),
        };
        if !follows {
            let may_start = layer == self.wanted && starts_decoding(packet.codec, &packet.payload);
            if !may_start {
                return None;
            }
            self.rewriter.get_or_insert_with(|| Rewriter::new(packet.clock_rate)).switch(
                now,
                packet.seq,
                packet.time,
                vp8,
            );
            self.current = Some(layer);
            self.source = packet.ssrc;
        }
        let (codec, plain, red) = match self.payload_types {
            Some(known) if known.0 == packet.codec => known,
            _ => {
                let looked_up = (
                    packet.codec,
                    payload_type_of(packet.codec, false),
                    payload_type_of(packet.codec, true),
                );
                self.payload_types = Some(looked_up);
                looked_up
            }
        };
        debug_assert_eq!(codec, packet.codec);
        let (payload_type, unwrap_red) = match (packet.red, red, plain) {
            (true, Some(red), _) => (red, false),
            (true, None, plain) => (plain?, true),
            (false, _, plain) => (plain?, false),
        };
        let numbers = self.rewriter.as_mut()?.map(packet.at, packet.seq, packet.time, vp8)?;
        Some(Selected { payload_type, numbers, unwrap_red })
    }
}
