//! Which layer of a track one subscriber gets, and when it changes.
//!
//! Layers that are streams of their own: the current one goes on until a packet of the wanted one
//! starts a frame that needs no other (never a freeze); then numbers are rebased and the wanted layer
//! is the current one. Layers within one stream: those above the current one are left out, and the
//! current one rises where a keyframe starts and falls with any picture. Temporal layers rise where
//! the stream says that this can be done, and fall at any frame.

use super::rewrite::{OutgoingNumbers, Rewriter};
use super::vp8::Vp8Indexes;
use crate::peer::{IngressPacket, Mid, starts_decoding};
use crate::scalable::{EVERY_FRAME, Place};
use crate::track::Codec;
use std::time::{Duration, Instant};

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
    /// What the subscriber should get.
    target: Target,
    /// Layer that it gets.
    pub current: Option<usize>,
    /// Temporal layer up to which it gets them.
    temporal: u8,
    /// All layers come in one stream.
    one_stream: bool,
    /// SSRC of the source that the rewriter follows.
    source: u32,
    /// Payload types, looked up when the codec is first seen.
    payload_types: Option<(Codec, Option<u8>, Option<u8>)>,
    rewriter: Option<Rewriter>,
    /// Since when there was a connection, and nothing of the track came.
    silent_since: Option<Instant>,
}

/// What a subscriber should get of a track.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// Index into the track's layers.
    pub layer: usize,
    /// Temporal layer up to which it should get frames.
    pub temporal: u8,
}

/// Which layer of a track a packet belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Belongs {
    /// Index into the track's layers.
    pub layer: usize,
    /// The track's layers all come in this packet's stream.
    pub one_stream: bool,
    pub place: Place,
}

/// A packet that a subscriber should get.
#[derive(Debug)]
pub(crate) struct Selected {
    pub payload_type: u8,
    pub numbers: OutgoingNumbers,
    /// Send the unwrapped primary block instead of the RED payload.
    pub unwrap_red: bool,
    /// The last packet of a picture, as far as this subscriber gets it.
    pub marker: bool,
}

impl Forward {
    pub(crate) fn new(peer: usize, participant: usize, mid: Mid, wanted: usize) -> Self {
        Self {
            peer,
            participant,
            mid,
            connected: false,
            paused: false,
            target: Target { layer: wanted, temporal: EVERY_FRAME },
            current: None,
            temporal: EVERY_FRAME,
            one_stream: false,
            source: 0,
            payload_types: None,
            rewriter: None,
            silent_since: None,
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

    /// For how long there has been a connection and nothing of the track; `None` once it began.
    pub(crate) fn silent_for(&mut self, now: Instant) -> Option<Duration> {
        let begun = self.rewriter.as_ref().is_some_and(Rewriter::has_source);
        if begun || !self.connected {
            return None;
        }
        Some(now.saturating_duration_since(*self.silent_since.get_or_insert(now)))
    }

    /// The numbers of a packet that is none of the track's, before the track begins.
    pub(crate) fn number_before(&mut self, now: Instant, clock_rate: u32) -> OutgoingNumbers {
        self.rewriter.get_or_insert_with(|| Rewriter::new(clock_rate)).before(now)
    }

    /// Has it go on at a keyframe.
    pub(crate) fn start_anew(&mut self) {
        self.current = None;
    }

    /// True while a keyframe of the wanted layer is needed.
    pub(crate) fn needs_keyframe(&self) -> bool {
        let missing = match self.current {
            Some(current) if self.one_stream => current < self.target.layer,
            current => current != Some(self.target.layer),
        };
        self.connected && !self.paused && missing
    }

    /// The layer that the subscriber should get: index into the track's layers.
    pub(crate) fn wanted(&self) -> usize {
        self.target.layer
    }

    /// What the subscriber should get from now on; `None`: nothing, for the present.
    pub(crate) fn aim(&mut self, target: Option<Target>) {
        self.set_paused(target.is_none());
        self.target = target.unwrap_or(self.target);
    }

    /// The track turned out to have so many layers below those that were known.
    pub(crate) fn layers_were_found_below(&mut self, found: usize) {
        self.target.layer += found;
        self.current = self.current.map(|current| current + found);
    }

    /// Stops or goes on; going on starts at a keyframe.
    pub(crate) fn set_paused(&mut self, paused: bool) {
        if self.paused != paused {
            self.paused = paused;
            self.current = None;
        }
    }

    /// Decides about one packet. `payload_type_of` looks up the subscriber's payload type for a codec,
    /// plain or as RED.
    pub(crate) fn select(
        &mut self,
        now: Instant,
        belongs: Belongs,
        packet: &IngressPacket,
        payload_type_of: impl Fn(Codec, bool) -> Option<u8>,
    ) -> Option<Selected> {
        let Belongs { layer, one_stream, place } = belongs;
        if self.paused {
            return None;
        }
        self.one_stream = one_stream;
        let follows = self.source == packet.ssrc
            && match one_stream {
                true => self.current.is_some(),
                false => self.current == Some(layer),
            };
        if packet.payload.is_empty() {
            // Padding: the hole that it leaves is closed.
            if follows && let Some(rewriter) = &mut self.rewriter {
                rewriter.leave_out(packet.seq);
            }
            return None;
        }
        let vp8 = match packet.codec {
            Codec::Vp8 => Vp8Indexes::parse(&packet.payload),
            _ => Vp8Indexes::default(),
        };
        let starts = || starts_decoding(packet.codec, &packet.payload);
        if !follows {
            let may_start = (one_stream || layer == self.target.layer) && starts();
            if !may_start {
                return None;
            }
            self.rewriter.get_or_insert_with(|| Rewriter::new(packet.clock_rate)).switch(
                now,
                packet.seq,
                packet.time,
                vp8,
            );
            self.current = Some(if one_stream { self.target.layer } else { layer });
            self.temporal = self.target.temporal;
            self.source = packet.ssrc;
        }
        let rewriter = self.rewriter.as_mut()?;
        if follows && place.begins && rewriter.is_newest(packet.seq) {
            if one_stream && layer == 0 {
                let kept = self.current.filter(|current| *current < self.target.layer && !starts());
                self.current = Some(kept.unwrap_or(self.target.layer));
            }
            match place.climb {
                Some(climb) if self.temporal < self.target.temporal => {
                    if climb.from <= self.temporal {
                        self.temporal = self.target.temporal.min(climb.to.max(self.temporal));
                    }
                }
                _ => self.temporal = self.temporal.min(self.target.temporal),
            }
        }
        let current = self.current?;
        if place.temporal > self.temporal || (one_stream && layer > current) {
            rewriter.leave_out(packet.seq);
            rewriter.leave_out_picture(vp8);
            return None;
        }
        let marker = packet.marker || (one_stream && layer == current && place.ends);
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
        let numbers = rewriter.map(packet.at, packet.seq, packet.time, vp8)?;
        Some(Selected { payload_type, numbers, unwrap_red, marker })
    }
}

#[cfg(test)]
mod tests;
