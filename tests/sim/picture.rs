//! VP8 packets whose payload says where they come from, in three temporal layers.

use std::time::Duration;

pub const FRAME: Duration = Duration::from_millis(40);
pub const CLOCK: u32 = 90_000;

/// What a packet says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Number of the published track in this simulation.
    pub track: u16,
    pub layer: u8,
    pub frame: u32,
    /// Packet within its frame.
    pub part: u8,
    pub parts: u8,
    pub keyframe: bool,
    /// Temporal layer, and the frame that this one cannot be decoded without; 0: none.
    pub temporal: u8,
    pub needs: u32,
}

/// What frame number `n` after a keyframe is: its temporal layer, how many frames back it refers, and
/// whether it needs the lowest layer alone.
pub fn tier(n: u32) -> (u8, u32, bool) {
    [(0, 4, false), (2, 1, true), (1, 2, true), (2, 1, false)][(n % 4) as usize]
}

/// A packet as it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub mark: Mark,
    pub picture_id: u16,
    pub tl0: u8,
}

/// Payload descriptor (RFC 7741 §4.2) with 15-bit picture id and TL0 index, VP8 header, mark, and
/// `filling` bytes of picture.
pub fn payload(mark: Mark, picture_id: u16, tl0: u8, synchronous: bool, filling: usize) -> Vec<u8> {
    let begins = mark.part == 0;
    let mut out = vec![
        0x80 | if begins { 0x10 } else { 0 },
        0x80 | 0x40 | 0x20,
        0x80 | (picture_id >> 8) as u8,
        picture_id as u8,
        tl0,
        mark.temporal << 6 | u8::from(synchronous) << 5,
    ];
    if begins {
        // Frame tag: bit 0 clear is a keyframe; its start code follows (RFC 6386 §9.1).
        out.extend([u8::from(!mark.keyframe), 0, 0]);
        if mark.keyframe {
            out.extend([0x9d, 0x01, 0x2a, 64, 0, 36, 0]);
        }
    }
    out.extend(mark.track.to_be_bytes());
    out.push(mark.layer);
    out.extend(mark.frame.to_be_bytes());
    out.extend([mark.part, mark.parts, u8::from(mark.keyframe), mark.temporal]);
    out.extend(mark.needs.to_be_bytes());
    out.resize(out.len() + filling, 0xaa);
    out
}

/// A frame of H.264 in one packet: a sequence parameter set, which is where decoding can start
/// (RFC 6184 §5.6), with a mark in it.
pub fn plain(track: u16, frame: u32) -> Vec<u8> {
    let mut out = vec![PARAMETERS];
    out.extend(track.to_be_bytes());
    out.extend(frame.to_be_bytes());
    out
}

/// Head of a sequence parameter set (H.264 §7.3.1); a VP8 descriptor of ours begins otherwise.
const PARAMETERS: u8 = 0x67;

fn read_plain(payload: &[u8]) -> Option<Seen> {
    let mark = Mark {
        track: u16::from_be_bytes(payload.get(1..3)?.try_into().ok()?),
        layer: 0,
        frame: u32::from_be_bytes(payload.get(3..7)?.try_into().ok()?),
        part: 0,
        parts: 1,
        keyframe: true,
        temporal: 0,
        needs: 0,
    };
    Some(Seen { mark, picture_id: 0, tl0: 0 })
}

/// Reads what [`payload`] and [`plain`] wrote.
pub fn read(payload: &[u8]) -> Option<Seen> {
    if payload.first() == Some(&PARAMETERS) {
        return read_plain(payload);
    }
    let begins = payload.first()? & 0x10 != 0;
    let picture_id = u16::from_be_bytes([payload[2] & 0x7f, payload[3]]);
    let tl0 = payload[4];
    let mut rest = payload.get(6..)?;
    if begins {
        let keyframe = rest.first()? & 1 == 0;
        rest = rest.get(if keyframe { 10 } else { 3 }..)?;
    }
    let mark = Mark {
        track: u16::from_be_bytes([*rest.first()?, *rest.get(1)?]),
        layer: *rest.get(2)?,
        frame: u32::from_be_bytes(rest.get(3..7)?.try_into().ok()?),
        part: *rest.get(7)?,
        parts: *rest.get(8)?,
        keyframe: *rest.get(9)? == 1,
        temporal: *rest.get(10)?,
        needs: u32::from_be_bytes(rest.get(11..15)?.try_into().ok()?),
    };
    Some(Seen { mark, picture_id, tl0 })
}
