//! H.264 encoders: which there are, and what each has to be told.
//!
//! That an element is installed says little: drivers lie. Who may encode films is decided by the daemon,
//! from the board's list and [`trial`]s; here is only how.

pub mod probe;
pub mod trial;

use crate::driven::{Driven, ElementError, Setting, installed};
use crate::transcode::codecs::FilmShape;
use gstreamer as gst;
use roombox_jobs::encoders::SOFTWARE;
use roombox_jobs::spec::{EncoderChoice, VideoPreset};

/// How an encoder is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// VA-API (Intel, AMD): GStreamer's `va` plug-in.
    Va,
    /// V4L2 memory-to-memory, stateful (Raspberry Pi 4, NXP's kernels): `video4linux2`.
    V4l2,
    /// What makers' own systems have. Tried for the report, on no board's list.
    Vendor,
    /// No hardware at all.
    Software,
}

impl Family {
    pub fn is_hardware(self) -> bool {
        self != Self::Software
    }
}

/// An element that may encode H.264.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// GStreamer factory.
    pub element: &'static str,
    pub family: Family,
}

/// All that Roombox knows, in the order in which they are reported.
pub const CANDIDATES: [Candidate; 8] = [
    // The low-power entry point: the only one that small Intel chips have.
    Candidate { element: "vah264lpenc", family: Family::Va },
    Candidate { element: "vah264enc", family: Family::Va },
    Candidate { element: "v4l2h264enc", family: Family::V4l2 },
    Candidate { element: "mpph264enc", family: Family::Vendor },
    Candidate { element: "qsvh264enc", family: Family::Vendor },
    Candidate { element: "nvh264enc", family: Family::Vendor },
    Candidate { element: SOFTWARE, family: Family::Software },
    Candidate { element: "x264enc", family: Family::Software },
];

/// More is refused by some V4L2 drivers (raspberrypi/linux#4938).
const MOST_V4L2_BPS: u32 = 20_000_000;
/// Pictures from one keyframe to the next, as far as GStreamer's elements let one say it.
const MOST_VA_GOP: u32 = 1024;

/// The candidate of this name.
///
/// # Errors
/// Roombox does not know how to drive it.
pub fn candidate(element: &str) -> Result<Candidate, ElementError> {
    let known = CANDIDATES.iter().find(|candidate| candidate.element == element);
    known.copied().ok_or_else(|| ElementError::Missing(format!("{element} (not known)")))
}

/// Who encodes what a job asks for.
///
/// # Errors
/// It is not installed, or not known.
pub fn chosen(preset: &VideoPreset) -> Result<Candidate, ElementError> {
    let element = match (&preset.element, preset.encoder) {
        (Some(element), _) => element,
        (None, EncoderChoice::X264) => "x264enc",
        (None, EncoderChoice::Auto | EncoderChoice::Openh264) => SOFTWARE,
    };
    let candidate = candidate(element)?;
    match installed(candidate.element) {
        true => Ok(candidate),
        false => Err(ElementError::Missing(candidate.element.to_owned())),
    }
}

/// What tells encoders apart whose pictures do not fit together, or differ: name, version, settings. A
/// driver comes with the kernel or with the image.
///
/// # Errors
/// The encoder is not installed.
pub fn maker(shape: FilmShape, preset: &VideoPreset) -> Result<String, ElementError> {
    let Candidate { element, family } = chosen(preset)?;
    let FilmShape { width, height, fps } = shape;
    let VideoPreset { encoder: _, max_bps, gop_s, element: _ } = preset;
    let (gstreamer, version) = (gst::version_string(), env!("CARGO_PKG_VERSION"));
    let made = format!("{element} {gstreamer} {version} {width}x{height} {fps} {max_bps} {gop_s}");
    Ok(match family.is_hardware() {
        true => format!("{made} {}", kernel()),
        false => made,
    })
}

/// The kernel's release.
fn kernel() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Sets up an encoder that makes H.264 with start codes. Pictures come out in the order in which they are
/// shown: no B frames, so that the file needs no second clock.
///
/// # Errors
/// It is not installed or refuses the picture.
pub fn start(
    candidate: Candidate,
    shape: FilmShape,
    preset: &VideoPreset,
) -> Result<Driven, ElementError> {
    let name = candidate.element;
    let gop = preset.gop_s.clamp(1, 60) * shape.fps;
    let (settings, makes) = match candidate.family {
        Family::Software if name == "x264enc" => x264(preset, gop),
        Family::Software => openh264(preset, gop),
        Family::Va => va(preset, gop),
        Family::V4l2 => v4l2(shape, preset, gop),
        Family::Vendor => (Vec::new(), h264().build()),
    };
    match candidate.family.is_hardware() {
        false => Driven::new(name, &settings, &shape.caps(), &makes),
        // Most want their chroma interleaved (NV12), some take what we have.
        true => Driven::behind("videoconvert", name, &settings, &shape.caps(), &makes),
    }
}

fn h264() -> gst::caps::Builder<gst::caps::NoFeature> {
    gst::Caps::builder("video/x-h264")
        .field("stream-format", "byte-stream")
        .field("alignment", "au")
}

/// What every player of films takes, best first.
fn profiles() -> gst::List {
    gst::List::new(["high", "main", "constrained-baseline", "baseline"])
}

type Setup = (Vec<Setting>, gst::Caps);

fn x264(preset: &VideoPreset, gop: u32) -> Setup {
    let settings = vec![
        Setting::must("speed-preset", "veryfast"),
        // Constant quality; the rate is only the ceiling.
        Setting::must("pass", "qual"),
        Setting::must("quantizer", 23),
        Setting::must("bitrate", kbps(preset)),
        Setting::must("vbv-buf-capacity", 2000),
        Setting::must("key-int-max", gop),
        Setting::must("option-string", "bframes=0"),
    ];
    (settings, h264().field("profile", "high").build())
}

fn openh264(preset: &VideoPreset, gop: u32) -> Setup {
    let settings = vec![
        Setting::must("complexity", "low"),
        Setting::must("rate-control", "bitrate"),
        Setting::must("bitrate", preset.max_bps),
        Setting::must("max-bitrate", preset.max_bps),
        // Quiet pictures must not eat the whole rate: below this nobody sees a gain.
        Setting::must("qp-min", 18),
        Setting::must("qp-max", 42),
        Setting::must("gop-size", gop),
        // It costs sharpness (SSIM 0.983 against 0.986 at the same rate) and saves nothing.
        Setting::must("background-detection", false),
        Setting::must("multi-thread", 1),
    ];
    (settings, h264().build())
}

/// Which of these a driver has differs by chip and firmware: Intel's low-power entry point knows a rate
/// only where its firmware is loaded, and then takes constant quality instead.
fn va(preset: &VideoPreset, gop: u32) -> Setup {
    let settings = vec![
        Setting::wish("rate-control", "vbr"),
        Setting::wish("bitrate", kbps(preset)),
        Setting::wish("key-int-max", gop.min(MOST_VA_GOP)),
        Setting::wish("b-frames", 0),
    ];
    (settings, h264().field("profile", profiles()).build())
}

/// The level is always said: without one a Raspberry Pi takes level 1.0, which is 128×96, and never
/// starts (raspberrypi/linux#3974). Controls that a driver lacks are passed over by the element.
fn v4l2(shape: FilmShape, preset: &VideoPreset, gop: u32) -> Setup {
    let bps = preset.max_bps.min(MOST_V4L2_BPS);
    let controls = format!(
        "controls,video_bitrate={bps},h264_i_frame_period={gop},video_gop_size={gop},\
         repeat_sequence_header=1"
    );
    let settings = vec![Setting::wish("extra-controls", controls)];
    let makes = h264().field("profile", profiles()).field("level", level(shape));
    (settings, makes.build())
}

fn kbps(preset: &VideoPreset) -> u32 {
    (preset.max_bps / 1000).max(1)
}

/// The smallest level from 4 on that allows so many macroblocks a second (ITU-T H.264 table A-1).
fn level(shape: FilmShape) -> &'static str {
    let blocks = shape.width.div_ceil(16) * shape.height.div_ceil(16) * shape.fps;
    match blocks {
        0..=245_760 => "4",
        245_761..=522_240 => "4.2",
        522_241..=983_040 => "5.1",
        _ => "5.2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(width: u32, height: u32, fps: u32) -> FilmShape {
        FilmShape { width, height, fps }
    }

    #[test]
    fn a_level_allows_what_is_to_be_encoded_and_is_never_below_four() {
        assert_eq!(level(shape(640, 360, 30)), "4");
        assert_eq!(level(shape(1920, 1080, 30)), "4");
        assert_eq!(level(shape(1920, 1080, 60)), "4.2");
        assert_eq!(level(shape(3840, 2160, 30)), "5.1");
        assert_eq!(level(shape(3840, 2160, 60)), "5.2");
    }

    #[test]
    fn what_v4l2_encoders_are_told_is_a_structure_with_a_level_in_the_caps() {
        gst::init().unwrap();
        let preset = VideoPreset { max_bps: 50_000_000, ..VideoPreset::default() };
        let (settings, makes) = v4l2(shape(1280, 720, 30), &preset, 60);
        let controls: gst::Structure = settings[0].value.parse().unwrap();
        assert_eq!(controls.get::<i32>("video_bitrate"), Ok(20_000_000));
        assert_eq!(controls.get::<i32>("h264_i_frame_period"), Ok(60));
        assert_eq!(makes.structure(0).unwrap().get::<&str>("level"), Ok("4"));
    }

    #[test]
    fn hardware_is_never_taken_by_itself_and_what_is_not_known_not_at_all() {
        gst::init().unwrap();
        let of = |encoder, element: Option<&str>| {
            let element = element.map(str::to_owned);
            chosen(&VideoPreset { encoder, element, ..VideoPreset::default() })
        };
        assert_eq!(of(EncoderChoice::Auto, None).unwrap().element, SOFTWARE);
        assert_eq!(of(EncoderChoice::X264, None).unwrap().element, "x264enc");
        assert!(of(EncoderChoice::Auto, Some("identity")).is_err());
        let makers = [EncoderChoice::X264, EncoderChoice::Openh264].map(|encoder| {
            let preset = VideoPreset { encoder, ..VideoPreset::default() };
            maker(shape(640, 360, 30), &preset).unwrap()
        });
        assert_ne!(makers[0], makers[1]);
    }
}
