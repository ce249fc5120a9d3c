//! The recorder as a receiver: puts packets in order, waits for retransmissions, notices what
//! never came. Pure: times are arguments.
//!
//! Whatever is incomplete at its deadline is dropped up to the next keyframe; a recording never
//! holds a frame that refers to one it lacks.

use crate::depacketise::{CodedFrame, Depacketiser};
use crate::manifest::Codec;
use roombox_sfu::tap::TapPacket;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long a gap may wait for a retransmission.
const WINDOW_VIDEO_US: u64 = 1_500_000;
const WINDOW_AUDIO_US: u64 = 200_000;
/// Packets that may wait behind a gap: a second of 20 Mbit/s.
const MAX_WAITING: usize = 2048;
/// A stream without a keyframe for this long is asked for one, so that it can be cut and sought.
const KEYFRAME_EVERY_US: u64 = 10_000_000;
/// Requests are repeated after this while one is needed.
const KEYFRAME_PAUSE_US: u64 = 500_000;

/// A frame with its place in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedFrame {
    pub frame: CodedFrame,
    /// Extended RTP timestamp.
    pub rtp: u64,
    /// When its first packet arrived, microseconds.
    pub arrived_us: u64,
}

/// Media that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// When it was noticed.
    pub at_us: u64,
    pub packets: u64,
}

#[derive(Debug)]
struct Waiting {
    rtp: u64,
    marker: bool,
    payload: Arc<[u8]>,
    arrived_us: u64,
}

/// One stream: one SSRC of one layer.
#[derive(Debug)]
pub struct Receiver {
    depacketiser: Depacketiser,
    video: bool,
    window_us: u64,
    next: Option<u64>,
    waiting: BTreeMap<u64, Waiting>,
    /// Packets of the frame that is being put together.
    open: Vec<Waiting>,
    /// The open frame lacks its beginning or a packet in its middle.
    broken: bool,
    wants_keyframe: bool,
    asked_us: Option<u64>,
    keyframe_us: Option<u64>,
}

impl Receiver {
    /// `None`: the codec cannot be recorded.
    pub fn new(codec: Codec) -> Option<Self> {
        let video = codec != Codec::Opus;
        Some(Self {
            depacketiser: Depacketiser::new(codec)?,
            video,
            window_us: if video { WINDOW_VIDEO_US } else { WINDOW_AUDIO_US },
            next: None,
            waiting: BTreeMap::new(),
            open: Vec::new(),
            broken: false,
            wants_keyframe: video,
            asked_us: None,
            keyframe_us: None,
        })
    }

    /// Takes a packet that arrived at `now_us`. Frames and losses come by [`Receiver::poll`].
    pub fn packet(&mut self, now_us: u64, packet: &TapPacket) {
        let next = *self.next.get_or_insert(packet.seq);
        if packet.seq < next {
            return;
        }
        let (rtp, marker) = (packet.rtp, packet.marker);
        let payload = packet.payload.clone();
        self.waiting.entry(packet.seq).or_insert(Waiting {
            rtp,
            marker,
            payload,
            arrived_us: now_us,
        });
    }

    /// Packets were lost before they reached this receiver: nothing can be trusted until the next
    /// keyframe.
    pub fn overflow(&mut self) {
        self.open.clear();
        self.broken = true;
        self.wants_keyframe = self.video;
    }

    /// Hands out frames that are complete and losses that are certain.
    pub fn poll(
        &mut self,
        now_us: u64,
        mut frame: impl FnMut(ReceivedFrame),
        mut missing: impl FnMut(Missing),
    ) {
        while let Some((&seq, waiting)) = self.waiting.first_key_value() {
            let next = self.next.unwrap_or(seq);
            if seq > next {
                let overdue = now_us.saturating_sub(waiting.arrived_us) >= self.window_us
                    || self.waiting.len() > MAX_WAITING;
                if !overdue {
                    return;
                }
                missing(Missing { at_us: now_us, packets: seq - next });
                self.open.clear();
                self.broken = true;
                self.wants_keyframe |= self.video;
            }
            self.next = Some(seq + 1);
            if let Some(packet) = self.waiting.remove(&seq)
                && !packet.payload.is_empty()
            {
                self.ordered(packet, now_us, &mut frame);
            }
        }
    }

    fn ordered(&mut self, packet: Waiting, now_us: u64, frame: &mut impl FnMut(ReceivedFrame)) {
        if self.open.last().is_some_and(|last| last.rtp != packet.rtp) {
            // The marker was on a packet that never came, or the codec sets none.
            self.finish(now_us, frame);
        }
        if self.open.is_empty() && self.depacketiser.begins_frame(&packet.payload) {
            self.broken = false;
        }
        let ends = packet.marker || !self.video;
        self.open.push(packet);
        if ends {
            self.finish(now_us, frame);
        }
    }

    fn finish(&mut self, now_us: u64, frame: &mut impl FnMut(ReceivedFrame)) {
        let packets = std::mem::take(&mut self.open);
        let Some(first) = packets.first() else { return };
        if self.broken {
            self.wants_keyframe |= self.video;
            return;
        }
        let payloads: Vec<&[u8]> = packets.iter().map(|packet| &*packet.payload).collect();
        match self.depacketiser.frame(&payloads) {
            Ok(coded) => {
                if self.wants_keyframe && !coded.keyframe {
                    return;
                }
                if self.video && coded.keyframe {
                    self.wants_keyframe = false;
                    self.keyframe_us = Some(now_us);
                }
                let (rtp, arrived_us) = (first.rtp, first.arrived_us);
                frame(ReceivedFrame { frame: coded, rtp, arrived_us });
            }
            Err(error) => {
                tracing::debug!(%error, "dropped a frame");
                self.wants_keyframe |= self.video;
            }
        }
    }

    /// True if the sender should be asked for a keyframe now; counts as asked.
    pub fn keyframe_needed(&mut self, now_us: u64) -> bool {
        let old = self
            .keyframe_us
            .is_some_and(|keyframe| now_us.saturating_sub(keyframe) >= KEYFRAME_EVERY_US);
        if !self.video || !(self.wants_keyframe || old) {
            return false;
        }
        let pause =
            self.asked_us.is_some_and(|asked| now_us.saturating_sub(asked) < KEYFRAME_PAUSE_US);
        if !pause {
            self.asked_us = Some(now_us);
        }
        !pause
    }
}
