//! VP9 (RFC 9628). A picture of several spatial layers becomes one superframe (VP9 bitstream
//! specification, annex B), so that a decoder shows the best one.

use super::bits::Bits;
use super::{CodedFrame, Configuration, Malformed};

struct Descriptor {
    length: usize,
    /// Not predicted from earlier pictures.
    intra: bool,
    begins: bool,
    ends: bool,
    spatial: u8,
    /// Width and height of the highest layer, where the scalability structure says them.
    size: Option<(u32, u32)>,
}

type Structure = (usize, Option<(u32, u32)>);

fn descriptor(payload: &[u8]) -> Result<Descriptor, Malformed> {
    let byte = |at: usize| payload.get(at).copied().ok_or(Malformed::Truncated);
    let flags = byte(0)?;
    let set = |bit: u8| flags & bit != 0;
    let (has_id, predicted, has_layer, flexible) = (set(0x80), set(0x40), set(0x20), set(0x10));
    let mut at = 1;
    if has_id {
        at += if byte(at)? & 0x80 != 0 { 2 } else { 1 };
    }
    let mut spatial = 0;
    if has_layer {
        spatial = (byte(at)? >> 1) & 0x07;
        at += if flexible { 1 } else { 2 };
    }
    if flexible && predicted {
        // Up to three references, each with "another follows".
        loop {
            at += 1;
            if byte(at - 1)? & 1 == 0 {
                break;
            }
        }
    }
    let mut size = None;
    if set(0x02) {
        (at, size) = scalability_structure(payload, at)?;
    }
    if payload.len() <= at {
        return Err(Malformed::Truncated);
    }
    let (begins, ends) = (set(0x08), set(0x04));
    Ok(Descriptor { length: at, intra: !predicted, begins, ends, spatial, size })
}

/// Where the scalability structure (RFC 9628 §4.2.1) ends, and the highest layer's size.
fn scalability_structure(payload: &[u8], mut at: usize) -> Result<Structure, Malformed> {
    let byte = |at: usize| payload.get(at).copied().ok_or(Malformed::Truncated);
    let flags = byte(at)?;
    at += 1;
    let layers = usize::from(flags >> 5) + 1;
    let mut size = None;
    if flags & 0x10 != 0 {
        at += 4 * layers;
        let highest = payload.get(at - 4..at).and_then(|bytes| bytes.first_chunk::<4>());
        let [a, b, c, d] = *highest.ok_or(Malformed::Truncated)?;
        size = Some((u32::from(u16::from_be_bytes([a, b])), u32::from(u16::from_be_bytes([c, d]))));
    }
    if flags & 0x08 != 0 {
        let pictures = byte(at)?;
        at += 1;
        for _ in 0..pictures {
            let references = usize::from((byte(at)? >> 2) & 0x03);
            at += 1 + references;
        }
    }
    Ok((at, size))
}

/// The beginning of the lowest spatial layer: the layers above begin frames of their own, but not
/// the picture.
pub(super) fn begins_frame(payload: &[u8]) -> bool {
    descriptor(payload).is_ok_and(|descriptor| descriptor.begins && descriptor.spatial == 0)
}

pub(super) fn frame(payloads: &[&[u8]]) -> Result<CodedFrame, Malformed> {
    let first = descriptor(payloads.first().ok_or(Malformed::Truncated)?)?;
    if !first.begins || first.spatial != 0 {
        return Err(Malformed::NotAStart);
    }
    let mut data = Vec::with_capacity(payloads.iter().map(|payload| payload.len()).sum());
    let mut sizes = Vec::new();
    let mut begun = 0;
    for payload in payloads {
        let descriptor = descriptor(payload)?;
        data.extend_from_slice(&payload[descriptor.length..]);
        if descriptor.ends {
            sizes.push(data.len() - begun);
            begun = data.len();
        }
    }
    if sizes.len() > 1 && begun == data.len() {
        superframe_index(&mut data, &sizes);
    }
    let mut configuration = if first.intra { size(&data) } else { None };
    if let (Some(configuration), Some((width, height))) = (&mut configuration, first.size) {
        (configuration.width, configuration.height) = (width, height);
    }
    Ok(CodedFrame { keyframe: configuration.is_some(), data, configuration })
}

fn superframe_index(data: &mut Vec<u8>, sizes: &[usize]) {
    let frames = sizes.len().min(8);
    let marker = 0b1100_0000 | (3 << 3) | (frames as u8 - 1);
    data.push(marker);
    for size in &sizes[..frames] {
        data.extend_from_slice(&(*size as u32).to_le_bytes());
    }
    data.push(marker);
}

/// Size in a key frame's uncompressed header (VP9 specification §6.2); `None` for other frames.
fn size(data: &[u8]) -> Option<Configuration> {
    let mut bits = Bits::new(data);
    if bits.take(2)? != 2 {
        return None;
    }
    let profile = bits.take(1)? | (bits.take(1)? << 1);
    if profile == 3 {
        bits.take(1)?;
    }
    let shows_existing = bits.take(1)?;
    let inter = bits.take(1)?;
    if shows_existing == 1 || inter == 1 {
        return None;
    }
    bits.take(2)?;
    if bits.take(24)? != 0x49_83_42 {
        return None;
    }
    if profile >= 2 {
        bits.take(1)?;
    }
    let color_space = bits.take(3)?;
    const SRGB: u32 = 7;
    if color_space == SRGB {
        if profile & 1 == 1 {
            bits.take(1)?;
        }
    } else {
        bits.take(1)?;
        if profile & 1 == 1 {
            bits.take(3)?;
        }
    }
    let width = bits.take(16)? + 1;
    let height = bits.take(16)? + 1;
    Some(Configuration { codec_private: Vec::new(), width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Profile 0 key frame of 640×360: marker, profile, key frame, sync code, color, size.
    const KEY: [u8; 10] = [0x82, 0x49, 0x83, 0x42, 0x20, 0x27, 0xf0, 0x16, 0x70, 0x00];

    #[test]
    fn a_keyframe_says_its_size() {
        let payload = [&[0x8c, 0x11][..], &KEY].concat();
        let frame = frame(&[&payload]).unwrap();
        assert!(frame.keyframe);
        let configuration = frame.configuration.unwrap();
        assert_eq!((configuration.width, configuration.height), (640, 360));
        assert_eq!(frame.data, KEY);
    }

    #[test]
    fn two_spatial_layers_become_a_superframe() {
        let low = [&[0xac, 0x11, 0x00, 0x00][..], &KEY].concat();
        let high = [0xec, 0x11, 0x02, 0x00, 1, 2, 3];
        let frame = frame(&[&low, &high]).unwrap();
        let index = &frame.data[13..];
        assert_eq!(index, [0xd9, 10, 0, 0, 0, 3, 0, 0, 0, 0xd9]);
    }
}
