//! From the RTP payloads of one frame to the frame as a decoder and a file want it. Pure.

mod av1;
pub mod bits;
mod h264;
mod vp8;
mod vp9;

use crate::manifest::Codec;

/// A payload that does not follow its codec's RTP format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a payload ends too early")]
    Truncated,
    #[error("a payload has an unknown form")]
    UnknownForm,
    #[error("a frame does not begin with its beginning")]
    NotAStart,
}

/// What a decoder must know before a keyframe; a change of it is a new part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configuration {
    /// `avcC` for H.264, `av1C` for AV1, empty for others.
    pub codec_private: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

/// One whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodedFrame {
    pub data: Vec<u8>,
    pub keyframe: bool,
    /// Known at keyframes.
    pub configuration: Option<Configuration>,
}

/// Turns payloads into frames of one codec; keeps H.264's parameter sets between them.
#[derive(Debug)]
pub enum Depacketiser {
    Opus,
    Vp8,
    Vp9,
    Av1,
    H264(h264::ParameterSets),
}

impl Depacketiser {
    pub fn new(codec: Codec) -> Self {
        match codec {
            Codec::Opus => Self::Opus,
            Codec::Vp8 => Self::Vp8,
            Codec::Vp9 => Self::Vp9,
            Codec::Av1 => Self::Av1,
            Codec::H264 => Self::H264(h264::ParameterSets::default()),
        }
    }

    /// True if a payload certainly begins a frame. Not every codec says so of every frame.
    pub fn begins_frame(&self, payload: &[u8]) -> bool {
        match self {
            Self::Opus => true,
            Self::Vp8 => vp8::begins_frame(payload),
            Self::Vp9 => vp9::begins_frame(payload),
            Self::Av1 => av1::begins_frame(payload),
            Self::H264(_) => h264::begins_frame(payload),
        }
    }

    /// The frame that these payloads make: all of one RTP timestamp, in order, none empty.
    ///
    /// # Errors
    /// See [`Malformed`]; the frame is lost, the next may be good.
    pub fn frame(&mut self, payloads: &[&[u8]]) -> Result<CodedFrame, Malformed> {
        match self {
            Self::Opus => {
                let data = payloads.concat();
                if data.is_empty() {
                    return Err(Malformed::Truncated);
                }
                Ok(CodedFrame { data, keyframe: true, configuration: None })
            }
            Self::Vp8 => vp8::frame(payloads),
            Self::Vp9 => vp9::frame(payloads),
            Self::Av1 => av1::frame(payloads),
            Self::H264(sets) => h264::frame(sets, payloads),
        }
    }
}

const CODECS: [Codec; 5] = [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::H264];

/// Entry for the fuzzer: any bytes as one payload of every codec.
pub fn fuzz_depacketise(bytes: &[u8]) {
    let middle = bytes.len() / 2;
    for codec in CODECS {
        let mut depacketiser = Depacketiser::new(codec);
        depacketiser.begins_frame(bytes);
        // Results are of no interest, only that there are some.
        let _whole = depacketiser.frame(&[bytes]);
        let _halves = depacketiser.frame(&[&bytes[..middle], &bytes[middle..]]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_never_panic() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut bytes = Vec::new();
        for length in 0..600 {
            bytes.clear();
            for _ in 0..length {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                bytes.push(state as u8);
            }
            fuzz_depacketise(&bytes);
        }
    }

    #[test]
    fn empty_payloads_are_no_frame() {
        for codec in CODECS {
            let mut depacketiser = Depacketiser::new(codec);
            assert!(depacketiser.frame(&[]).is_err());
            assert!(depacketiser.frame(&[&[]]).is_err());
        }
    }
}
