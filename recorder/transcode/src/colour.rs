//! What the colours of a coded stream mean, read from the stream itself: decoders guess from the
//! picture's size where a stream is silent, and guess wrong for cameras.

use crate::picture::{Colour, Matrix};
use roombox_capture::depacketise::bits::{Bits, rbsp};
use roombox_capture::manifest::Codec;

/// The colours of a stream that begins with this keyframe. Silent streams are
/// [`Colour::CAMERA`]'s.
pub fn of_stream(codec: Codec, codec_private: &[u8], keyframe: &[u8]) -> Colour {
    let told = match codec {
        Codec::H264 => first_sps(codec_private).and_then(of_sps),
        Codec::Vp9 => of_vp9(keyframe),
        // VP8 has one kind (RFC 6386 §9.2); AV1 is not recorded yet.
        Codec::Vp8 | Codec::Av1 | Codec::Opus => None,
    };
    told.unwrap_or(Colour::CAMERA)
}

/// Of an H.264 configuration (`avcC`); `None` if it does not say.
pub fn of_avcc(avcc: &[u8]) -> Option<Colour> {
    first_sps(avcc).and_then(of_sps)
}

fn first_sps(avcc: &[u8]) -> Option<&[u8]> {
    let length = usize::from(u16::from_be_bytes([*avcc.get(6)?, *avcc.get(7)?]));
    avcc.get(8..8 + length)
}

/// VP9 bitstream specification §6.2 and §7.2.2: `color_space` follows the sync code.
fn of_vp9(keyframe: &[u8]) -> Option<Colour> {
    let [first, 0x49, 0x83, 0x42, config, ..] = keyframe else { return None };
    let profile_0 = first & 0b1111_0000 == 0b1000_0000;
    let full_range = config & 0x10 != 0;
    let matrix = match (profile_0, config >> 5) {
        (true, 1 | 3) => Matrix::Bt601,
        (true, 2) => Matrix::Bt709,
        _ => return None,
    };
    Some(Colour { matrix, full_range })
}

fn skip_numbers(bits: &mut Bits<'_>, count: u32) -> Option<()> {
    (0..count).try_for_each(|_| bits.ue().map(|_| ()))
}

/// H.264 §7.3.2.1.1 and §E.1.1, as far as the colour description.
fn of_sps(sps: &[u8]) -> Option<Colour> {
    let unit = rbsp(sps.get(1..)?);
    let mut bits = Bits::new(&unit);
    let profile = bits.take(8)?;
    bits.take(16)?;
    bits.ue()?;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128) {
        let chroma = bits.ue()?;
        skip_numbers(&mut bits, 2)?;
        bits.bit()?;
        let has_scaling = bits.bit()? == 1;
        if chroma == 3 || has_scaling {
            return None;
        }
    }
    bits.ue()?;
    match bits.ue()? {
        0 => skip_numbers(&mut bits, 1)?,
        1 => {
            bits.bit()?;
            skip_numbers(&mut bits, 2)?;
            let cycle = bits.ue()?;
            skip_numbers(&mut bits, cycle.min(255))?;
        }
        _ => {}
    }
    bits.ue()?;
    bits.bit()?;
    skip_numbers(&mut bits, 2)?;
    if bits.bit()? == 0 {
        bits.bit()?;
    }
    bits.bit()?;
    if bits.bit()? == 1 {
        skip_numbers(&mut bits, 4)?;
    }
    // vui_parameters_present_flag
    if bits.bit()? == 0 {
        return None;
    }
    if bits.bit()? == 1 && bits.take(8)? == 255 {
        bits.take(32)?;
    }
    if bits.bit()? == 1 {
        bits.bit()?;
    }
    // video_signal_type_present_flag
    if bits.bit()? == 0 {
        return None;
    }
    bits.take(3)?;
    let full_range = bits.bit()? == 1;
    let matrix = match bits.bit()? {
        0 => Matrix::Bt601,
        _ => {
            bits.take(16)?;
            match bits.take(8)? {
                1 => Matrix::Bt709,
                _ => Matrix::Bt601,
            }
        }
    };
    Some(Colour { matrix, full_range })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `avcC` around a parameter set.
    fn head(sps: &[u8]) -> Vec<u8> {
        crate::h264::avcc(sps, &[0x68]).unwrap()
    }

    /// 1280×720 High by x264, told to write BT.709.
    const X264_BT709: [u8; 28] = [
        0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x6a, 0x02, 0x02, 0x02,
        0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8c, 0x18, 0xcb,
    ];

    #[test]
    fn an_h264_stream_tells_its_matrix_or_is_a_cameras() {
        let told = of_stream(Codec::H264, &head(&X264_BT709), &[]);
        assert_eq!(told, Colour { matrix: Matrix::Bt709, full_range: false });
        // Constrained baseline 640×360 without VUI, as openh264 writes it.
        let silent = [
            0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x17, 0xfc, 0xb0, 0x0f, 0x08, 0x84,
            0x6a,
        ];
        assert_eq!(of_avcc(&head(&silent)), None);
        assert_eq!(of_stream(Codec::H264, &head(&silent), &[]), Colour::CAMERA);
        for cut in 0..X264_BT709.len() {
            // Torn sets are silent; none panics.
            of_sps(&X264_BT709[..cut]);
        }
    }

    #[test]
    fn a_vp9_keyframe_tells_its_matrix() {
        let frame = |config: u8| [0x82, 0x49, 0x83, 0x42, config, 0];
        let told = |config: u8| of_stream(Codec::Vp9, &[], &frame(config));
        assert_eq!(told(0b0100_0000).matrix, Matrix::Bt709);
        assert_eq!(told(0b0010_0000), Colour::CAMERA);
        assert!(told(0b0011_0000).full_range);
        assert_eq!(told(0), Colour::CAMERA);
    }
}
