//! Layers within one stream: VP9 with three sizes and three rates, as browsers send it.

use super::*;
use crate::peer::ExtensionValues;
use crate::scalable::Reader;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

const SIZES: u8 = 3;
const PARTS: u8 = 2;
/// Temporal layers of four pictures, and how many pictures back each one's reference is.
const PATTERN: [(u8, u32); 4] = [(0, 4), (2, 1), (1, 2), (2, 1)];

/// A frame: picture and spatial layer.
type Frame = (u32, u8);

/// Seeded numbers (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// A publisher of scalable VP9.
struct Sender {
    seq: u64,
    picture: u32,
    since_keyframe: u32,
    /// Upper sizes depend on lower ones in keyframes only.
    key_only: bool,
    needs: HashMap<Frame, Vec<Frame>>,
}

impl Sender {
    fn new(key_only: bool) -> Self {
        let needs = HashMap::new();
        Self { seq: 7000, picture: 0, since_keyframe: 0, key_only, needs }
    }

    /// The packets of the next picture.
    fn picture(&mut self, keyframe: bool) -> Vec<(Frame, IngressPacket)> {
        self.picture += 1;
        self.since_keyframe = if keyframe { 0 } else { self.since_keyframe + 1 };
        let (temporal, back) = PATTERN[(self.since_keyframe % 4) as usize];
        let mut packets = Vec::new();
        for size in 0..SIZES {
            let frame = (self.picture, size);
            let mut needs = Vec::new();
            if !keyframe {
                needs.push((self.picture - back, size));
            }
            if size > 0 && (keyframe || !self.key_only) {
                needs.push((self.picture, size - 1));
            }
            let begins_picture = keyframe && size == 0;
            for part in 0..PARTS {
                let (begins, ends) = (part == 0, part + 1 == PARTS);
                let with_structure = begins_picture && begins;
                let mut payload = vec![
                    0b1010_0000
                        | u8::from(!keyframe) << 6
                        | u8::from(begins) << 3
                        | u8::from(ends) << 2
                        | u8::from(with_structure) << 1,
                    (self.picture & 0x7f) as u8,
                    // T T T U S S S D: each picture of the lowest rates is a switching point.
                    temporal << 5 | u8::from(temporal < 2) << 4 | size << 1,
                    0,
                ];
                payload.extend(with_structure.then_some((SIZES - 1) << 5));
                payload.extend([size, part]);
                self.seq += 1;
                packets.push((frame, self.packet(payload, ends && size + 1 == SIZES)));
            }
            self.needs.insert(frame, needs);
        }
        packets
    }

    fn packet(&self, payload: Vec<u8>, marker: bool) -> IngressPacket {
        IngressPacket {
            mid: Mid::from("0"),
            rid: None,
            codec: Codec::Vp9,
            red: false,
            ssrc: 1,
            seq: self.seq,
            time: u64::from(self.picture) * 3000,
            clock_rate: 90_000,
            marker,
            payload: payload.into(),
            audio_level: None,
            extensions: ExtensionValues::default(),
            at: Instant::now(),
            sender_report: None,
        }
    }
}

/// A subscriber, and what it was sent.
struct Receiver {
    forward: Forward,
    reader: Reader,
    next: Option<u64>,
    parts: HashMap<Frame, u8>,
    ended: HashSet<u32>,
}

impl Receiver {
    fn new(wanted: usize) -> Self {
        let mut forward = Forward::new(0, 0, Mid::from("1"), wanted);
        forward.connected = true;
        let (parts, ended) = (HashMap::new(), HashSet::new());
        Self { forward, reader: Reader::default(), next: None, parts, ended }
    }

    fn select(&mut self, packet: &IngressPacket) -> Option<Selected> {
        let place = self.reader.place(packet);
        let belongs = Belongs { layer: place.spatial.into(), one_stream: true, place };
        self.forward.select(packet.at, belongs, packet, |_, _| Some(98))
    }

    /// Takes a packet and sees that it fits what came before it.
    fn take(&mut self, sender: &Sender, frame: Frame, packet: &IngressPacket) {
        let Some(selected) = self.select(packet) else { return };
        let seq = selected.numbers.seq;
        assert_eq!(seq, self.next.unwrap_or(seq), "a hole before {frame:?}");
        self.next = Some(seq + 1);
        let parts = self.parts.entry(frame).or_default();
        *parts += 1;
        let whole = *parts == PARTS;
        for needed in &sender.needs[&frame] {
            assert_eq!(self.parts.get(needed), Some(&PARTS), "{frame:?} needs {needed:?}");
        }
        assert!(!self.ended.contains(&frame.0), "{frame:?} after its picture's marker");
        if selected.marker {
            assert!(whole, "a marker within {frame:?}");
            self.ended.insert(frame.0);
        }
    }

    fn frames_of(&self, pictures: std::ops::Range<u32>) -> HashMap<u8, usize> {
        let mut frames = HashMap::new();
        for (_, size) in self.parts.keys().filter(|(picture, _)| pictures.contains(picture)) {
            *frames.entry(*size).or_default() += 1;
        }
        frames
    }
}

/// Sends pictures; a keyframe two pictures after one is needed.
fn run(sender: &mut Sender, receiver: &mut Receiver, pictures: u32) {
    let mut needed = 0;
    for _ in 0..pictures {
        needed = if receiver.forward.needs_keyframe() { needed + 1 } else { 0 };
        for (frame, packet) in sender.picture(sender.picture == 0 || needed > 2) {
            receiver.take(sender, frame, &packet);
        }
    }
}

#[test]
fn a_subscriber_gets_its_size_and_those_below_it_alone() {
    for key_only in [false, true] {
        let (mut sender, mut receiver) = (Sender::new(key_only), Receiver::new(1));
        run(&mut sender, &mut receiver, 40);
        assert_eq!(receiver.frames_of(1..41), HashMap::from([(0, 40), (1, 40)]));
        // Down with the next picture, without a keyframe.
        receiver.forward.target.layer = 0;
        assert!(!receiver.forward.needs_keyframe());
        run(&mut sender, &mut receiver, 40);
        assert_eq!(receiver.frames_of(41..81), HashMap::from([(0, 40)]));
        // Up with the next keyframe, and not a picture before it.
        receiver.forward.target.layer = 2;
        assert!(receiver.forward.needs_keyframe());
        run(&mut sender, &mut receiver, 40);
        assert_eq!(receiver.frames_of(81..121), HashMap::from([(0, 40), (1, 38), (2, 38)]));
        assert_eq!(receiver.ended.len(), 120, "each picture has its marker");
    }
}

#[test]
fn fewer_frames_a_second_leave_out_whole_temporal_layers() {
    let (mut sender, mut receiver) = (Sender::new(true), Receiver::new(2));
    run(&mut sender, &mut receiver, 40);
    for (temporal, share) in [(1, 20), (0, 10), (EVERY_FRAME, 40), (0, 10), (1, 20)] {
        receiver.forward.target.temporal = temporal;
        // The first pictures may still be of the rate before.
        run(&mut sender, &mut receiver, 4);
        let from = sender.picture + 1;
        run(&mut sender, &mut receiver, 40);
        let frames = receiver.frames_of(from..from + 40);
        assert_eq!(frames, HashMap::from([(0, share), (1, share), (2, share)]), "{temporal}");
    }
}

#[test]
fn any_wishes_leave_a_stream_that_decodes() {
    for seed in 1..200 {
        let mut chance = Chance(seed * 0x9e37_79b9);
        let mut sender = Sender::new(seed % 2 == 0);
        let mut receiver = Receiver::new(chance.below(3) as usize);
        for _ in 0..40 {
            receiver.forward.target.layer = chance.below(3) as usize;
            receiver.forward.target.temporal = [0, 1, 2, EVERY_FRAME][chance.below(4) as usize];
            let pictures = 1 + chance.below(12) as u32;
            run(&mut sender, &mut receiver, pictures);
        }
        assert!(receiver.parts.len() > 100, "seed {seed}");
    }
}

#[test]
fn packets_out_of_order_never_share_a_number() {
    for seed in 1..100 {
        let mut chance = Chance(seed * 0x51_7cc1);
        let (mut sender, mut receiver) = (Sender::new(true), Receiver::new(1));
        let mut numbers = HashMap::new();
        let mut held: Vec<IngressPacket> = Vec::new();
        for picture in 0..200 {
            receiver.forward.target.layer = chance.below(3) as usize;
            receiver.forward.target.temporal = chance.below(3) as u8;
            let mut packets: Vec<_> =
                sender.picture(picture % 50 == 0).into_iter().map(|(_, packet)| packet).collect();
            packets.append(&mut held);
            for packet in packets {
                if chance.below(5) == 0 && packet.at.elapsed() < Duration::from_secs(1) {
                    held.push(packet);
                } else if let Some(selected) = receiver.select(&packet) {
                    let known = numbers.insert(selected.numbers.seq, packet.seq);
                    assert!(known.is_none_or(|known| known == packet.seq), "seed {seed}");
                }
            }
        }
    }
}
