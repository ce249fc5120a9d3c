//! Which elements decode and encode what, by factory name, best first. Where none is installed
//! the error names them all.

use crate::driven::{Driven, ElementError, Setting, installed};
use gstreamer as gst;
use roombox_capture::manifest::Codec;
use roombox_jobs::spec::AudioPreset;
use roombox_transcode::mix::{BLOCK, CHANNELS, RATE};

fn first_installed<'a>(choices: &[&'a str]) -> Result<&'a str, ElementError> {
    let found = choices.iter().find(|choice| installed(choice));
    found.copied().ok_or_else(|| ElementError::Missing(choices.join(" or ")))
}

/// Makes I420 frames of one part. Errors in the stream are skipped, not fatal.
///
/// # Errors
/// No decoder of this codec is installed.
pub fn video_decoder(codec: Codec) -> Result<Driven, ElementError> {
    decoder_of(codec, &["avdec_h264", "openh264dec"])
}

/// The same for some frames of many: of H.264 by who is there at once. To load the other one and all that it knows
/// takes longer than to decode the small pictures of a minute, and meanwhile nobody else can load anything.
///
/// # Errors
/// No decoder of this codec is installed.
pub fn quick_video_decoder(codec: Codec) -> Result<Driven, ElementError> {
    decoder_of(codec, &["openh264dec", "avdec_h264"])
}

fn decoder_of(codec: Codec, h264: &[&'static str]) -> Result<Driven, ElementError> {
    let i420 = gst::Caps::builder("video/x-raw").field("format", "I420").build();
    // One thread each: a frame must be out when it was pushed in, and CPU time counts, not delay.
    let (factory, takes, properties) = match codec {
        Codec::Vp8 => {
            let takes = gst::Caps::builder("video/x-vp8").build();
            (first_installed(&["vp8dec"])?, takes, vec![Setting::must("threads", 1)])
        }
        Codec::Vp9 => {
            let takes = gst::Caps::builder("video/x-vp9").build();
            (first_installed(&["vp9dec"])?, takes, vec![Setting::must("threads", 1)])
        }
        Codec::Av1 => {
            let takes = gst::Caps::builder("video/x-av1")
                .field("stream-format", "obu-stream")
                .field("alignment", "tu")
                .build();
            let factory = first_installed(&["dav1ddec", "av1dec"])?;
            let properties = match factory {
                "dav1ddec" => {
                    vec![Setting::must("n-threads", 1), Setting::must("max-frame-delay", 1)]
                }
                _ => Vec::new(),
            };
            (factory, takes, properties)
        }
        Codec::H264 => {
            let takes = gst::Caps::builder("video/x-h264")
                .field("stream-format", "byte-stream")
                .field("alignment", "au");
            let factory = first_installed(h264)?;
            let takes = match factory {
                // It refuses a stream that does not say its size and rate, and then goes by the stream.
                "openh264dec" => takes
                    .field("width", 1280i32)
                    .field("height", 720i32)
                    .field("framerate", gst::Fraction::new(30, 1))
                    .field("profile", "high")
                    .build(),
                _ => takes.build(),
            };
            let properties = match factory {
                // Strict, its default for files, holds back sixteen frames of a stream that does
                // not say how many it reorders; WebRTC senders reorder none.
                "avdec_h264" => {
                    vec![Setting::must("max-threads", 1), Setting::must("std-compliance", "normal")]
                }
                _ => Vec::new(),
            };
            (factory, takes, properties)
        }
        Codec::Opus => return Err(ElementError::Missing("a video decoder for Opus".to_owned())),
    };
    let tolerant = match factory {
        "dav1ddec" => None,
        _ => Some(Setting::must("max-errors", -1)),
    };
    let properties: Vec<_> = properties.into_iter().chain(tolerant).collect();
    Driven::new(factory, &properties, &takes, &i420)
}

/// Interleaved 16-bit sound at the mixer's rate.
pub fn mixed_sound(channels: u32) -> gst::Caps {
    let sound = gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("layout", "interleaved")
        .field("rate", RATE as i32)
        .field("channels", channels as i32);
    match channels {
        1 => sound.build(),
        // front left and front right
        _ => sound.field("channel-mask", gst::Bitmask::new(3)).build(),
    }
}

/// A mixed block, as an encoder takes it.
pub fn sound_buffer(channels: u32, at: u64, block: &[i16]) -> gst::Buffer {
    let mut bytes = vec![0; 2 * block.len() * channels as usize / CHANNELS];
    let samples = bytes.as_chunks_mut::<2>().0.iter_mut();
    if channels == 1 {
        for (bytes, [l, r]) in samples.zip(block.as_chunks::<CHANNELS>().0) {
            *bytes = (((i32::from(*l) + i32::from(*r)) / 2) as i16).to_le_bytes();
        }
    } else {
        for (bytes, sample) in samples.zip(block) {
            *bytes = sample.to_le_bytes();
        }
    }
    let time =
        |frames: u64| gst::ClockTime::from_nseconds(frames * 1_000_000_000 / u64::from(RATE));
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(time(at));
        buffer.set_duration(time(at + BLOCK as u64) - time(at));
    }
    buffer
}

/// Makes 16-bit sound of one or two channels of Opus packets.
///
/// # Errors
/// The decoder is not installed.
pub fn opus_decoder(channels: usize) -> Result<Driven, ElementError> {
    let takes = gst::Caps::builder("audio/x-opus")
        .field("channel-mapping-family", 0i32)
        .field("rate", RATE as i32)
        .field("channels", channels as i32)
        .build();
    let makes = gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("rate", RATE as i32)
        .field("channels", channels as i32)
        .build();
    Driven::new(first_installed(&["opusdec"])?, &[], &takes, &makes)
}

/// Has what sound needs loaded. GStreamer loads one plug-in at a time, and those of pictures are large: sound, which takes
/// longest, would wait for them.
///
/// # Errors
/// An element is not installed.
pub fn load_sound(preset: &AudioPreset) -> Result<(), ElementError> {
    opus_decoder(CHANNELS)?;
    aac_encoder(preset.bps, preset.channels).map(drop)
}

/// Makes raw AAC frames of 1024 samples.
///
/// # Errors
/// No encoder is installed or it refuses the bit rate.
pub fn aac_encoder(bps: u32, channels: u32) -> Result<Driven, ElementError> {
    let (factory, _) = aac_factory()?;
    let makes = gst::Caps::builder("audio/mpeg")
        .field("mpegversion", 4i32)
        .field("stream-format", "raw")
        .build();
    let properties = [Setting::must("bitrate", bps)];
    match factory {
        // It wants planes of floats.
        "avenc_aac" => {
            Driven::behind("audioconvert", factory, &properties, &mixed_sound(channels), &makes)
        }
        _ => Driven::new(factory, &properties, &mixed_sound(channels), &makes),
    }
}

/// Shape of the film's picture.
#[derive(Debug, Clone, Copy)]
pub struct FilmShape {
    pub width: u32,
    pub height: u32,
    pub fps: u32,
}

impl FilmShape {
    /// The picture as it is drawn.
    pub fn caps(self) -> gst::Caps {
        gst::Caps::builder("video/x-raw")
            .field("format", "I420")
            .field("width", self.width as i32)
            .field("height", self.height as i32)
            .field("framerate", gst::Fraction::new(self.fps as i32, 1))
            .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
            .field("interlace-mode", "progressive")
            .field("colorimetry", "bt709")
            .build()
    }
}

/// A factory with the versions of what it is made of.
fn edition(factory: &str) -> String {
    format!("{factory} {} {}", gst::version_string(), env!("CARGO_PKG_VERSION"))
}

/// What tells encoders of sound apart: name, version, settings.
///
/// # Errors
/// No encoder is installed.
pub fn aac_maker(bps: u32, channels: u32) -> Result<String, ElementError> {
    Ok(format!("{} {bps} {channels}", edition(aac_factory()?.0)))
}

/// The encoder's factory, and how many samples of delay it puts before the sound.
///
/// # Errors
/// No encoder is installed.
pub fn aac_factory() -> Result<(&'static str, u32), ElementError> {
    let factory = first_installed(&["voaacenc", "avenc_aac", "fdkaacenc"])?;
    // None of the three tells. voaacenc's is measured (`tests/clap.rs`), the others' are what their
    // authors document.
    let delay = match factory {
        "voaacenc" => 1600,
        "avenc_aac" => 1024,
        _ => 2048,
    };
    Ok((factory, delay))
}

/// Makes one JPEG of one frame.
///
/// # Errors
/// The encoder is not installed.
pub fn jpeg_encoder(width: u32, height: u32) -> Result<Driven, ElementError> {
    let takes = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", width as i32)
        .field("height", height as i32)
        .field("framerate", gst::Fraction::new(0, 1))
        .field("colorimetry", "1:4:0:0")
        .build();
    let makes = gst::Caps::builder("image/jpeg").build();
    Driven::new(first_installed(&["jpegenc"])?, &[Setting::must("quality", 85)], &takes, &makes)
}
