//! VP8 (RFC 7741).

use super::{CodedFrame, Configuration, Malformed};

/// Length of a payload's descriptor.
fn descriptor(payload: &[u8]) -> Result<usize, Malformed> {
    let byte = |at: usize| payload.get(at).copied().ok_or(Malformed::Truncated);
    let mut length = 1;
    if byte(0)? & 0x80 != 0 {
        let flags = byte(1)?;
        length = 2;
        if flags & 0x80 != 0 {
            length += if byte(length)? & 0x80 != 0 { 2 } else { 1 };
        }
        if flags & 0x40 != 0 {
            length += 1;
        }
        if flags & 0x30 != 0 {
            length += 1;
        }
    }
    if payload.len() <= length {
        return Err(Malformed::Truncated);
    }
    Ok(length)
}

/// S bit set and partition 0.
pub(super) fn begins_frame(payload: &[u8]) -> bool {
    payload.first().is_some_and(|first| first & 0x10 != 0 && first & 0x07 == 0)
}

pub(super) fn frame(payloads: &[&[u8]]) -> Result<CodedFrame, Malformed> {
    let first = payloads.first().ok_or(Malformed::Truncated)?;
    if first.is_empty() {
        return Err(Malformed::Truncated);
    }
    if !begins_frame(first) {
        return Err(Malformed::NotAStart);
    }
    let mut data = Vec::with_capacity(payloads.iter().map(|payload| payload.len()).sum());
    for payload in payloads {
        data.extend_from_slice(&payload[descriptor(payload)?..]);
    }
    // RFC 6386 §9.1: the lowest bit is 0 for a key frame; then 3 bytes tag, 3 bytes start code,
    // 14 bits width, 2 bits scale, 14 bits height, 2 bits scale.
    let keyframe = data[0] & 1 == 0;
    let configuration = if keyframe {
        let head = data.get(..10).ok_or(Malformed::Truncated)?;
        if head[3..6] != [0x9d, 0x01, 0x2a] {
            return Err(Malformed::UnknownForm);
        }
        let dimension =
            |at: usize| u32::from(u16::from_le_bytes([head[at], head[at + 1]]) & 0x3fff);
        Some(Configuration { codec_private: Vec::new(), width: dimension(6), height: dimension(8) })
    } else {
        None
    };
    Ok(CodedFrame { data, keyframe, configuration })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyframe_says_its_size() {
        let first =
            [0x90, 0xe0, 0x81, 0x02, 5, 0, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];
        let second = [0x80, 0x80, 0x05, 7, 7];
        let frame = frame(&[&first, &second]).unwrap();
        assert!(frame.keyframe);
        let configuration = frame.configuration.unwrap();
        assert_eq!((configuration.width, configuration.height), (640, 360));
        assert_eq!(&frame.data[10..], [7, 7]);
    }

    #[test]
    fn a_frame_without_its_beginning_is_refused() {
        assert_eq!(frame(&[&[0x00, 1, 2, 3]]), Err(Malformed::NotAStart));
        assert_eq!(frame(&[&[0x11, 1, 2, 3]]), Err(Malformed::NotAStart));
    }
}
