//! One part's Opus, decoded to stereo.
//!
//! Nearly all microphones send mono, of which a decoder of two channels makes everything twice. One of one channel
//! makes the same, to the bit, in half of the time; where a stream turns out to be stereo another takes over.

use super::codecs;
use crate::driven::{Driven, ElementError};
use gstreamer as gst;
use roombox_capture::matroska::Frame;
use roombox_transcode::mix::CHANNELS;
use roombox_transcode::opus;
use std::collections::VecDeque;

/// So many packets the next decoder hears before it is heard: with packets of 20 ms a second, after which it is the
/// same as one that has been there all the time.
const PRE_ROLL: usize = 50;

pub struct VoiceDecoder {
    element: Driven,
    channels: usize,
    /// The last packets, for the decoder that takes over.
    before: VecDeque<Frame>,
}

/// What a packet became.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Interleaved stereo.
    pub sound: Vec<Vec<i16>>,
    /// Why there is none, or not all.
    pub error: Option<ElementError>,
}

impl VoiceDecoder {
    /// # Errors
    /// No decoder is installed.
    pub fn new() -> Result<Self, ElementError> {
        let element = codecs::opus_decoder(1)?;
        Ok(Self { element, channels: 1, before: VecDeque::new() })
    }

    pub fn decode(&mut self, frame: &Frame) -> Decoded {
        let mut error = None;
        if self.channels == 1 {
            if opus::is_stereo(&frame.data) {
                error = self.take_over().err();
            } else {
                if self.before.len() == PRE_ROLL {
                    self.before.pop_front();
                }
                self.before.push_back(frame.clone());
            }
        }
        let decoded = self.push(frame);
        Decoded { error: decoded.error.or(error), ..decoded }
    }

    /// From now on with two channels.
    fn take_over(&mut self) -> Result<(), ElementError> {
        self.element = codecs::opus_decoder(CHANNELS)?;
        self.channels = CHANNELS;
        for frame in std::mem::take(&mut self.before) {
            self.push(&frame);
        }
        Ok(())
    }

    fn push(&mut self, frame: &Frame) -> Decoded {
        let mut buffer = gst::Buffer::from_mut_slice(frame.data.clone());
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_useconds(frame.pts_us.max(0).unsigned_abs()));
        }
        let error = self.element.push(buffer).err();
        let mut sound = Vec::new();
        while let Some(made) = self.element.take() {
            if let Ok(bytes) = made.buffer.map_readable() {
                sound.push(stereo(&bytes, self.channels));
            }
        }
        Decoded { sound, error }
    }
}

/// 16-bit samples, little-endian, of so many channels.
fn stereo(bytes: &[u8], channels: usize) -> Vec<i16> {
    let samples = bytes.as_chunks::<2>().0;
    let mut sound = vec![0; samples.len() * CHANNELS / channels];
    if channels == CHANNELS {
        for (sample, bytes) in sound.iter_mut().zip(samples) {
            *sample = i16::from_le_bytes(*bytes);
        }
    } else {
        for (pair, bytes) in sound.as_chunks_mut::<CHANNELS>().0.iter_mut().zip(samples) {
            *pair = [i16::from_le_bytes(*bytes); CHANNELS];
        }
    }
    sound
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A voice of so many channels at a bit rate: a tone that rises, with noise.
    fn packets(channels: i32, bps: i32, kind: &str, count: u64) -> Vec<Frame> {
        gst::init().unwrap();
        let raw = format!(
            "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels={channels}{}",
            if channels == 2 { ",channel-mask=(bitmask)3" } else { "" }
        );
        let settings = [
            crate::driven::Setting::must("bitrate", bps),
            crate::driven::Setting::must("audio-type", kind),
        ];
        let takes: gst::Caps = raw.parse().unwrap();
        let makes: gst::Caps = "audio/x-opus".parse().unwrap();
        let encoder = Driven::new("opusenc", &settings, &takes, &makes).unwrap();
        let mut noise = 1u32;
        let mut made = Vec::new();
        for n in 0..count {
            let mut bytes = Vec::new();
            for k in 0..960 {
                let at = (n * 960 + k) as f64 / 48_000.0;
                for channel in 0..channels {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let tone = (at * at * 500.0 * f64::from(channel + 1)).sin() * 20_000.0;
                    let sample = tone as i16 / 2 + (noise >> 18) as i16;
                    bytes.extend(sample.to_le_bytes());
                }
            }
            let mut buffer = gst::Buffer::from_mut_slice(bytes);
            let inside = buffer.get_mut().unwrap();
            inside.set_pts(gst::ClockTime::from_mseconds(n * 20));
            inside.set_duration(gst::ClockTime::from_mseconds(20));
            encoder.push(buffer).unwrap();
            while let Some(one) = encoder.take() {
                let (keyframe, data) = (true, one.buffer.map_readable().unwrap().to_vec());
                made.push(Frame { pts_us: made.len() as i64 * 20_000, keyframe, data });
            }
        }
        made
    }

    /// By a decoder of two channels from the beginning.
    fn by_two(frames: &[Frame]) -> Vec<i16> {
        let (element, before) = (codecs::opus_decoder(2).unwrap(), VecDeque::new());
        heard(&mut VoiceDecoder { element, channels: 2, before }, frames)
    }

    fn heard(decoder: &mut VoiceDecoder, frames: &[Frame]) -> Vec<i16> {
        let sound = frames.iter().flat_map(|frame| {
            let decoded = decoder.decode(frame);
            assert!(decoded.error.is_none());
            decoded.sound.concat()
        });
        sound.collect()
    }

    #[test]
    fn mono_is_the_same_to_the_bit_as_a_decoder_of_two_channels_makes_of_it() {
        for (bps, kind) in [
            (8_000, "voice"),
            (16_000, "voice"),
            (24_000, "voice"),
            (32_000, "generic"),
            (96_000, "generic"),
        ] {
            let frames = packets(1, bps, kind, 200);
            assert!(frames.iter().all(|frame| !opus::is_stereo(&frame.data)));
            let mut one = VoiceDecoder::new().unwrap();
            let (ours, theirs) = (heard(&mut one, &frames), by_two(&frames));
            assert_eq!((ours.len(), one.channels), (theirs.len(), 1));
            assert!(ours == theirs, "{bps} {kind}");
            assert!(ours.iter().any(|sample| sample.unsigned_abs() > 3000));
        }
    }

    #[test]
    fn what_turns_out_to_be_stereo_is_heard_as_if_it_had_been_known() {
        let mono = packets(1, 32_000, "generic", 120);
        let stereo = packets(2, 96_000, "generic", 60);
        assert!(stereo.iter().all(|frame| opus::is_stereo(&frame.data)));
        let mut frames = [mono.clone(), stereo, mono].concat();
        for (n, frame) in frames.iter_mut().enumerate() {
            frame.pts_us = n as i64 * 20_000;
        }
        let mut decoder = VoiceDecoder::new().unwrap();
        let (ours, theirs) = (heard(&mut decoder, &frames), by_two(&frames));
        assert_eq!((ours.len(), decoder.channels), (theirs.len(), 2));
        assert!(ours == theirs);
        let apart = |sound: &[i16]| sound.as_chunks::<2>().0.iter().any(|[l, r]| l != r);
        assert!(apart(&ours), "both channels are heard");
    }

    #[test]
    fn damaged_packets_cost_themselves_alone() {
        let mut frames = packets(1, 32_000, "generic", 100);
        frames[40].data = vec![0xff; 3];
        frames[60].data.clear();
        let mut decoder = VoiceDecoder::new().unwrap();
        let sound: Vec<i16> =
            frames.iter().flat_map(|frame| decoder.decode(frame).sound.concat()).collect();
        assert!(sound.len() >= 97 * 960 * CHANNELS, "{} samples", sound.len());
    }
}
