//! AV1 (RTP Payload Format For AV1, v1.0) into open bitstream units with sizes (AV1 bitstream
//! specification §5.3), and the sequence header as `av1C` (AV1 in ISOBMFF §2.3).

use super::bits::Bits;
use super::{CodedFrame, Configuration, Malformed};

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;
const KEY_FRAME: u32 = 0;

/// Aggregation header, §4.4: Z "continues", Y "will be continued", W count, N "new sequence".
const CONTINUES: u8 = 0x80;
const CONTINUED: u8 = 0x40;
const NEW_SEQUENCE: u8 = 0x08;

/// N is set on the first packet of a coded video sequence alone.
pub(super) fn begins_frame(payload: &[u8]) -> bool {
    payload.first().is_some_and(|first| first & NEW_SEQUENCE != 0 && first & CONTINUES == 0)
}

pub(super) fn frame(payloads: &[&[u8]]) -> Result<CodedFrame, Malformed> {
    let units = units(payloads)?;
    let mut data = Vec::with_capacity(payloads.iter().map(|payload| payload.len() + 2).sum());
    let mut sequence = None;
    let mut key = None;
    for unit in &units {
        let (kind, header, body) = split(unit)?;
        if matches!(kind, TEMPORAL_DELIMITER | TILE_LIST | PADDING) {
            continue;
        }
        let begun = data.len();
        data.push(header[0] | HAS_SIZE);
        data.extend_from_slice(&header[1..]);
        put_leb128(&mut data, body.len());
        data.extend_from_slice(body);
        match kind {
            SEQUENCE_HEADER => sequence = Some((body, data[begun..].to_vec())),
            FRAME | FRAME_HEADER if key.is_none() => key = Some(is_key(body)),
            _ => {}
        }
    }
    if key.is_none() {
        return Err(Malformed::Truncated);
    }
    let keyframe = sequence.is_some() && key == Some(true);
    let configuration = match sequence {
        Some((header, unit)) if keyframe => {
            Some(configuration(header, &unit).ok_or(Malformed::UnknownForm)?)
        }
        _ => None,
    };
    Ok(CodedFrame { data, keyframe, configuration })
}

/// Puts the elements of all packets together: each is one unit.
fn units(payloads: &[&[u8]]) -> Result<Vec<Vec<u8>>, Malformed> {
    let mut units: Vec<Vec<u8>> = Vec::new();
    let mut open = false;
    for payload in payloads {
        let (first, mut rest) = payload.split_first().ok_or(Malformed::Truncated)?;
        if (first & CONTINUES != 0) != open {
            return Err(Malformed::NotAStart);
        }
        let count = usize::from((first >> 4) & 3);
        let mut index = 0;
        while !rest.is_empty() {
            index += 1;
            let length = match index == count {
                true => rest.len(),
                false => leb128(&mut rest)?,
            };
            let element = rest.get(..length).ok_or(Malformed::Truncated)?;
            rest = &rest[length..];
            match units.last_mut().filter(|_| open && index == 1) {
                Some(unit) => unit.extend_from_slice(element),
                None => units.push(element.to_vec()),
            }
        }
        open = first & CONTINUED != 0;
    }
    if open {
        return Err(Malformed::Truncated);
    }
    Ok(units)
}

const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;

/// A unit's kind, its one or two bytes of header, and its body without a size.
fn split(unit: &[u8]) -> Result<(u8, &[u8], &[u8]), Malformed> {
    let first = *unit.first().ok_or(Malformed::Truncated)?;
    let length = if first & HAS_EXTENSION != 0 { 2 } else { 1 };
    let (header, mut body) = unit.split_at_checked(length).ok_or(Malformed::Truncated)?;
    if first & HAS_SIZE != 0 {
        let size = leb128(&mut body)?;
        body = body.get(..size).ok_or(Malformed::Truncated)?;
    }
    Ok(((first >> 3) & 0x0f, header, body))
}

fn leb128(bytes: &mut &[u8]) -> Result<usize, Malformed> {
    let mut value = 0usize;
    for n in 0..5 {
        let (byte, rest) = bytes.split_first().ok_or(Malformed::Truncated)?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed::UnknownForm)
}

fn put_leb128(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// `show_existing_frame` and `frame_type` are a frame header's first bits (§5.9.2).
fn is_key(header: &[u8]) -> bool {
    let mut bits = Bits::new(header);
    bits.flag() == Some(false) && bits.take(2) == Some(KEY_FRAME)
}

/// What `av1C` says of the pictures besides their size.
#[derive(Default)]
struct Sequence {
    profile: u32,
    level: u32,
    tier: u32,
    high_depth: u32,
    twelve_bits: u32,
    mono: u32,
    subsampling: (u32, u32),
    position: u32,
    width: u32,
    height: u32,
}

fn configuration(header: &[u8], unit: &[u8]) -> Option<Configuration> {
    let s = sequence(&mut Bits::new(header))?;
    let color = (s.tier << 7)
        | (s.high_depth << 6)
        | (s.twelve_bits << 5)
        | (s.mono << 4)
        | (s.subsampling.0 << 3)
        | (s.subsampling.1 << 2)
        | s.position;
    let mut codec_private = vec![0x81, ((s.profile << 5) | s.level) as u8, color as u8, 0];
    codec_private.extend_from_slice(unit);
    Some(Configuration { codec_private, width: s.width, height: s.height })
}

/// Sequence header (§5.5.1) as far as it is needed.
fn sequence(bits: &mut Bits<'_>) -> Option<Sequence> {
    let mut s = Sequence { profile: bits.take(3)?, ..Sequence::default() };
    bits.bit()?;
    let reduced = bits.flag()?;
    if reduced {
        s.level = bits.take(5)?;
    } else {
        operating_points(bits, &mut s)?;
    }
    let (width_bits, height_bits) = (bits.take(4)? as usize + 1, bits.take(4)? as usize + 1);
    s.width = bits.take(width_bits)? + 1;
    s.height = bits.take(height_bits)? + 1;
    if !reduced && bits.flag()? {
        bits.take(7)?;
    }
    bits.take(3)?;
    if !reduced {
        bits.take(4)?;
        let order_hints = bits.flag()?;
        if order_hints {
            bits.take(2)?;
        }
        let screen_content = bits.flag()? || bits.flag()?;
        if screen_content && !bits.flag()? {
            bits.bit()?;
        }
        if order_hints {
            bits.take(3)?;
        }
    }
    bits.take(3)?;
    color(bits, &mut s)?;
    Some(s)
}

fn operating_points(bits: &mut Bits<'_>, s: &mut Sequence) -> Option<()> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.take(32)?;
        bits.take(32)?;
        if bits.flag()? {
            // uvlc()
            let mut zeros = 0;
            while !bits.flag()? {
                zeros += 1;
                if zeros > 31 {
                    return None;
                }
            }
            bits.take(zeros)?;
        }
        if bits.flag()? {
            delay_bits = Some(bits.take(5)? as usize + 1);
            bits.take(32)?;
            bits.take(10)?;
        }
    }
    let display_delay = bits.flag()?;
    for point in 0..=bits.take(5)? {
        bits.take(12)?;
        let level = bits.take(5)?;
        let tier = if level > 7 { bits.bit()? } else { 0 };
        if point == 0 {
            (s.level, s.tier) = (level, tier);
        }
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.take(delay_bits)?;
            bits.take(delay_bits)?;
            bits.bit()?;
        }
        if display_delay && bits.flag()? {
            bits.take(4)?;
        }
    }
    Some(())
}

/// Color configuration (§5.5.2).
fn color(bits: &mut Bits<'_>, s: &mut Sequence) -> Option<()> {
    s.high_depth = bits.bit()?;
    if s.profile == 2 && s.high_depth == 1 {
        s.twelve_bits = bits.bit()?;
    }
    s.mono = if s.profile == 1 { 0 } else { bits.bit()? };
    let described = bits.flag()?;
    let description = if described { bits.take(24)? } else { 0 };
    const SRGB_IDENTITY: u32 = 0x01_0d_00;
    if s.mono == 1 {
        s.subsampling = (1, 1);
        return Some(());
    }
    if described && description == SRGB_IDENTITY {
        return Some(());
    }
    bits.bit()?;
    s.subsampling = match (s.profile, s.twelve_bits) {
        (0, _) => (1, 1),
        (1, _) => (0, 0),
        (_, 0) => (1, 0),
        _ => {
            let x = bits.bit()?;
            (x, if x == 1 { bits.bit()? } else { 0 })
        }
    };
    if s.subsampling == (1, 1) {
        s.position = bits.take(2)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 640×360, profile 0, as libaom writes it, without its header.
    const SEQUENCE: [u8; 11] = [0, 0, 0, 0x0c, 0xc4, 0xff, 0x67, 0x36, 0xbe, 0x40, 0x10];

    #[test]
    fn an_aggregate_and_a_fragment_make_one_temporal_unit() {
        // W = 2: a delimiter with its length, then the sequence header without one.
        let mut first = vec![0x28, 1, 0x10, 0x08];
        first.extend_from_slice(&SEQUENCE);
        let second = [0x50, 0x30, 0x10, 7];
        let third = [0x90, 8, 9];
        assert!(begins_frame(&first));
        let frame = frame(&[&first, &second, &third]).unwrap();
        assert!(frame.keyframe);
        assert_eq!(frame.data[..2], [0x0a, 11]);
        assert_eq!(frame.data[13..], [0x32, 4, 0x10, 7, 8, 9]);
        let configuration = frame.configuration.unwrap();
        assert_eq!((configuration.width, configuration.height), (640, 360));
        assert_eq!(configuration.codec_private[0], 0x81);
    }

    #[test]
    fn a_fragment_without_its_beginning_is_refused() {
        assert_eq!(frame(&[&[0x90, 8, 9]]), Err(Malformed::NotAStart));
        assert_eq!(frame(&[&[0x50, 0x30, 0x10]]), Err(Malformed::Truncated));
    }
}
