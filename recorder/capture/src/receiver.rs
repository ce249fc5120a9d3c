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
/// A stream that sent nothing for this long is muted: it is not asked for anything.
const SILENT_US: u64 = 2_000_000;

/// A frame with its place in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedFrame {
    pub frame: CodedFrame,
    /// Extended RTP timestamp.
    pub rtp: u64,
    /// When its first packet arrived, microseconds.
    pub arrived_us: u64,
}

/// What comes out of a receiver, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    Frame(ReceivedFrame),
    /// So many packets are missing before the next frame.
    Missing {
        packets: u64,
    },
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
    heard_us: u64,
    asked_us: Option<u64>,
    keyframe_us: Option<u64>,
}

impl Receiver {
    pub fn new(codec: Codec) -> Self {
        let video = codec != Codec::Opus;
        Self {
            depacketiser: Depacketiser::new(codec),
            video,
            window_us: if video { WINDOW_VIDEO_US } else { WINDOW_AUDIO_US },
            next: None,
            waiting: BTreeMap::new(),
            open: Vec::new(),
            // Who comes late may come in the middle of a frame.
            broken: video,
            wants_keyframe: video,
            heard_us: 0,
            asked_us: None,
            keyframe_us: None,
        }
    }

    /// Takes a packet that arrived at `now_us`. What it completes comes by [`Receiver::poll`].
    pub fn packet(&mut self, now_us: u64, packet: &TapPacket) {
        self.heard_us = now_us;
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

    /// Packets were lost between the tap and here. They will not be sent again, so nothing waits
    /// for them.
    pub fn overflow(&mut self) {
        self.next = None;
        self.waiting.clear();
        self.lose();
    }

    /// The next frame must be a keyframe.
    pub fn want_keyframe(&mut self) {
        self.wants_keyframe |= self.video;
    }

    fn lose(&mut self) {
        self.open.clear();
        self.broken = self.video;
        self.want_keyframe();
    }

    /// Hands out frames that are complete and losses that are certain at `now_us`.
    pub fn poll(&mut self, now_us: u64, out: &mut Vec<Received>) {
        while let Some((&seq, waiting)) = self.waiting.first_key_value() {
            let next = self.next.unwrap_or(seq);
            if seq > next {
                let overdue = now_us.saturating_sub(waiting.arrived_us) >= self.window_us
                    || self.waiting.len() > MAX_WAITING;
                if !overdue {
                    return;
                }
                out.push(Received::Missing { packets: seq - next });
                self.lose();
            }
            self.next = Some(seq + 1);
            if let Some(packet) = self.waiting.remove(&seq)
                && !packet.payload.is_empty()
            {
                self.ordered(packet, now_us, out);
            }
        }
    }

    /// Takes the next packet of an unbroken sequence.
    fn ordered(&mut self, packet: Waiting, now_us: u64, out: &mut Vec<Received>) {
        if self.open.last().is_some_and(|last| last.rtp != packet.rtp) {
            // The marker was on a packet that never came, or the codec sets none.
            self.finish(now_us, out);
        }
        if self.open.is_empty() && self.depacketiser.begins_frame(&packet.payload) {
            self.broken = false;
        }
        let ends = packet.marker || !self.video;
        self.open.push(packet);
        if ends {
            self.finish(now_us, out);
        }
    }

    fn finish(&mut self, now_us: u64, out: &mut Vec<Received>) {
        let packets = std::mem::take(&mut self.open);
        let Some(first) = packets.first() else { return };
        // What follows a frame's end without a gap is a beginning.
        if std::mem::take(&mut self.broken) {
            self.want_keyframe();
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
                out.push(Received::Frame(ReceivedFrame { frame: coded, rtp, arrived_us }));
            }
            Err(error) => {
                tracing::debug!(%error, "dropped a frame");
                self.want_keyframe();
            }
        }
    }

    /// True if the sender should be asked for a keyframe now; counts as asked.
    pub fn keyframe_needed(&mut self, now_us: u64) -> bool {
        let old = self
            .keyframe_us
            .is_some_and(|keyframe| now_us.saturating_sub(keyframe) >= KEYFRAME_EVERY_US);
        let silent = now_us.saturating_sub(self.heard_us) > SILENT_US;
        if !self.video || silent || !(self.wants_keyframe || old) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use roombox_sfu::tap::TapLayer;
    use roombox_sfu::track;

    const KEY: [u8; 12] = [0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1, 0];
    const DELTA: [u8; 3] = [0x10, 0x11, 0];

    fn vp8(seq: u64, rtp: u64, payload: &[u8]) -> TapPacket {
        TapPacket {
            track: "TR_1".into(),
            layer: TapLayer::Top,
            codec: track::Codec::Vp8,
            ssrc: 1,
            seq,
            rtp,
            clock_rate: 90_000,
            marker: true,
            payload: payload.into(),
            sender_report: None,
        }
    }

    fn poll(receiver: &mut Receiver, now_us: u64) -> (usize, u64) {
        let mut out = Vec::new();
        receiver.poll(now_us, &mut out);
        out.iter().fold((0, 0), |(frames, lost), received| match received {
            Received::Frame(_) => (frames + 1, lost),
            Received::Missing { packets } => (frames, lost + packets),
        })
    }

    #[test]
    fn a_late_retransmission_fills_its_place() {
        let mut receiver = Receiver::new(Codec::Vp8);
        receiver.packet(0, &vp8(10, 0, &KEY));
        receiver.packet(2, &vp8(12, 6000, &DELTA));
        assert_eq!(poll(&mut receiver, 1_499_999), (1, 0));
        receiver.packet(1_499_999, &vp8(11, 3000, &DELTA));
        receiver.packet(1_499_999, &vp8(11, 3000, &DELTA));
        assert_eq!(poll(&mut receiver, 1_500_000), (2, 0));
    }

    #[test]
    fn after_a_loss_nothing_comes_until_a_keyframe() {
        let mut receiver = Receiver::new(Codec::Vp8);
        receiver.packet(0, &vp8(10, 0, &KEY));
        receiver.packet(0, &vp8(12, 6000, &DELTA));
        receiver.packet(0, &vp8(13, 9000, &DELTA));
        assert_eq!(poll(&mut receiver, 0), (1, 0));
        assert!(!receiver.keyframe_needed(0));
        assert_eq!(poll(&mut receiver, 1_500_000), (0, 1));
        assert!(receiver.keyframe_needed(1_500_000));
        assert!(!receiver.keyframe_needed(1_999_999), "asked too often");
        assert!(receiver.keyframe_needed(2_000_000));
        receiver.packet(2_100_000, &vp8(14, 12000, &KEY));
        assert_eq!(poll(&mut receiver, 2_100_000), (1, 0));
        assert!(!receiver.keyframe_needed(9_000_000));
    }

    #[test]
    fn a_silent_stream_is_not_asked() {
        let mut receiver = Receiver::new(Codec::Vp8);
        receiver.packet(0, &vp8(10, 0, &DELTA));
        assert!(receiver.keyframe_needed(1_000_000));
        assert!(!receiver.keyframe_needed(2_000_001));
    }

    #[test]
    fn a_stream_without_keyframes_is_asked_after_ten_seconds() {
        let mut receiver = Receiver::new(Codec::Vp8);
        receiver.packet(0, &vp8(0, 0, &KEY));
        poll(&mut receiver, 0);
        for n in 1..400u64 {
            let now = n * 33_333;
            receiver.packet(now, &vp8(n, n * 3000, &DELTA));
            assert_eq!(poll(&mut receiver, now), (1, 0));
            assert_eq!(receiver.keyframe_needed(now), now >= 10_000_000 && (n - 300) % 16 == 1);
        }
    }

    #[test]
    fn an_overflow_is_not_waited_for() {
        let mut receiver = Receiver::new(Codec::Vp8);
        receiver.packet(0, &vp8(10, 0, &KEY));
        poll(&mut receiver, 0);
        receiver.overflow();
        receiver.packet(1, &vp8(90, 3000, &DELTA));
        receiver.packet(2, &vp8(91, 6000, &KEY));
        assert_eq!(poll(&mut receiver, 2), (1, 0));
    }
}
