//! Where a decoder can start, by a packet's first bytes.

use crate::track::Codec;
use str0m::format::{detect_av1_keyframe, detect_h264_nalu, detect_vp8_keyframe};

/// H.264 sequence parameter set (ISO 14496-10 table 7-1).
const H264_SPS: u8 = 7;

/// True if this packet is the first of a frame at which a decoder can start.
///
/// H.264 starts at the parameter sets, not at the IDR slice: those sent just before it would
/// otherwise be lost. VP9 needs both "not inter-predicted" and "begins a frame" (RFC 9628 §4.2);
/// P alone is also clear on later packets of the keyframe.
pub(crate) fn starts_decoding(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Opus => true,
        Codec::Vp8 => detect_vp8_keyframe(payload),
        Codec::H264 => detect_h264_nalu(payload, H264_SPS),
        Codec::Vp9 => vp9_starts(payload).unwrap_or(false),
        Codec::Av1 => !payload.is_empty() && detect_av1_keyframe(payload),
    }
}

/// The first packet of a keyframe's lowest spatial layer. Higher ones are not inter-predicted
/// either, but cannot be decoded without it.
fn vp9_starts(payload: &[u8]) -> Option<bool> {
    // I P L F B E V Z
    let flags = *payload.first()?;
    if flags & 0b0100_0000 != 0 || flags & 0b0000_1000 == 0 {
        return Some(false);
    }
    if flags & 0b0010_0000 == 0 {
        return Some(true);
    }
    let layer_at = match flags & 0b1000_0000 != 0 {
        true if payload.get(1)? & 0x80 != 0 => 3,
        true => 2,
        false => 1,
    };
    // T T T U S S S D
    Some(payload.get(layer_at)? & 0b0000_1110 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vp9_starts_only_at_the_begin_of_an_intra_frame() {
        assert!(starts_decoding(Codec::Vp9, &[0b1000_1000, 0, 0]));
        assert!(!starts_decoding(Codec::Vp9, &[0b1000_0000, 0, 0]));
        assert!(!starts_decoding(Codec::Vp9, &[0b1100_1000, 0, 0]));
    }

    #[test]
    fn vp9_starts_only_at_the_lowest_spatial_layer() {
        // Picture id of two bytes, then the layer indices.
        assert!(starts_decoding(Codec::Vp9, &[0b1010_1000, 0x80, 7, 0b0000_0000, 0]));
        assert!(!starts_decoding(Codec::Vp9, &[0b1010_1000, 0x80, 7, 0b0000_0010, 0]));
        assert!(!starts_decoding(Codec::Vp9, &[0b1010_1000, 0x80]));
    }

    #[test]
    fn h264_starts_at_parameter_sets_not_at_the_slice() {
        assert!(starts_decoding(Codec::H264, &[0x67, 0x42, 0xe0, 0x1f]));
        assert!(!starts_decoding(Codec::H264, &[0x65, 0x88]));
    }

    #[test]
    fn empty_payloads_never_start_a_video() {
        for codec in [Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H264] {
            assert!(!starts_decoding(codec, &[]));
        }
    }
}
