//! One encoder, tried in this process: a second of pictures in two sizes, encoded, decoded by software,
//! compared. It may hang or crash here; [`super::probe`] is in another process.

use super::{Candidate, Family, candidate, start};
use crate::driven::{Driven, ElementError, installed};
use crate::transcode::codecs::{FilmShape, video_decoder};
use gst::prelude::*;
use gstreamer as gst;
use roombox_capture::manifest::Codec;
use roombox_jobs::encoders::{SizeTried, Tried};
use roombox_jobs::spec::VideoPreset;
use roombox_transcode::h264;
use roombox_transcode::picture::{Colour, Picture, PictureView};
use roombox_transcode::testcard::{card, psnr_db};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Neither side of the first is a multiple of what encoders work in; the second is what films have.
const SIZES: [(u32, u32); 2] = [(640, 360), (1280, 720)];
/// A second of pictures.
const FRAMES: u32 = 30;
/// In its middle somebody asks for a keyframe; it may come a little later.
const ASKED: usize = 15;
const LATE: usize = 2;
/// Pictures that are worse than this are not the pictures that were given (recorder's design §6.3).
const LEAST_PSNR_DB: f64 = 30.0;
/// Software is not slower on any board.
const LEAST_FPS: f64 = 5.0;
/// Baseline, main and high: what players of films take.
const PROFILES: [u8; 3] = [66, 77, 100];

/// Tries it and prints a [`Tried`].
pub fn command(element: &str, look: bool) -> ExitCode {
    if let Err(error) = gst::init() {
        tracing::error!(%error, "GStreamer does not start");
        return ExitCode::FAILURE;
    }
    match serde_json::to_string(&of(element, look)) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "the trial cannot be written down");
            ExitCode::FAILURE
        }
    }
}

fn of(element: &str, look: bool) -> Tried {
    let mut tried = Tried::absent(element);
    let candidate = match candidate(element) {
        Ok(candidate) if installed(candidate.element) => candidate,
        Ok(_) => return tried,
        Err(error) => return Tried { why: Some(error.to_string()), ..tried },
    };
    tried.found = true;
    tried.driver = driver(candidate);
    if look {
        return tried;
    }
    let begun = Instant::now();
    for size in SIZES {
        match try_size(candidate, size) {
            Ok(size) => tried.sizes.push(size),
            Err(Refusal { why, doubtful }) => {
                let (width, height) = size;
                tried.why = Some(format!("{width}×{height}: {why}"));
                tried.doubtful = doubtful;
                break;
            }
        }
    }
    tried.works = tried.sizes.len() == SIZES.len();
    tried.ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    tried
}

struct Refusal {
    why: String,
    doubtful: bool,
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Self { why, doubtful: false }
    }
}

impl From<ElementError> for Refusal {
    fn from(error: ElementError) -> Self {
        error.to_string().into()
    }
}

/// What came out of the encoder.
#[derive(Default)]
struct Encoded {
    units: Vec<gst::Buffer>,
    keyframes: Vec<usize>,
    sps: Option<Vec<u8>>,
    last: Option<gst::ClockTime>,
}

impl Encoded {
    fn collect(&mut self, encoder: &Driven) -> Result<(), Refusal> {
        while let Some(made) = encoder.take() {
            let time = made.buffer.pts();
            if time.is_none() || time <= self.last {
                return Err("pictures come out in another order".to_owned().into());
            }
            self.last = time;
            let bytes = made.buffer.map_readable().map_err(|error| error.to_string())?;
            let unit = h264::to_avc(&bytes);
            if unit.keyframe {
                self.keyframes.push(self.units.len());
                self.sps = self.sps.take().or(unit.sps.filter(|_| unit.pps.is_some()));
            }
            drop(bytes);
            self.units.push(made.buffer);
        }
        Ok(())
    }
}

fn try_size(candidate: Candidate, (width, height): (u32, u32)) -> Result<SizeTried, Refusal> {
    let shape = FilmShape { width, height, fps: FRAMES };
    let preset = VideoPreset::default();
    let cards: Vec<Picture> = (0..FRAMES).map(|n| card(n, width, height)).collect();
    let buffers: Vec<gst::Buffer> = (0u64..).zip(&cards).map(buffer).collect();
    let begun = Instant::now();
    let encoder = start(candidate, shape, &preset)?;
    let mut encoded = Encoded::default();
    for (n, buffer) in buffers.into_iter().enumerate() {
        if n == ASKED {
            encoder.ask_for_keyframe();
        }
        encoder.push(buffer)?;
        encoded.collect(&encoder)?;
    }
    if encoded.units.len() < cards.len() {
        encoder.finish();
        encoded.collect(&encoder)?;
    }
    drop(encoder);
    let took = begun.elapsed();
    judge(&encoded)?;
    let psnr_db = decoded(&encoded.units, &cards)?;
    let fps = f64::from(FRAMES) / took.max(Duration::from_micros(1)).as_secs_f64();
    if fps < LEAST_FPS {
        let why = format!("it makes {fps:.1} pictures a second: software is faster");
        return Err(Refusal { why, doubtful: true });
    }
    Ok(SizeTried { width, height, psnr_db, fps })
}

fn buffer((n, card): (u64, &Picture)) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(card.data.clone());
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(gst::ClockTime::from_nseconds(n * 1_000_000_000 / u64::from(FRAMES)));
    }
    buffer
}

/// Whether there are as many pictures as there should be, of a kind that players take, with the keyframes
/// that were asked for.
fn judge(encoded: &Encoded) -> Result<(), Refusal> {
    let made = encoded.units.len();
    if made != FRAMES as usize {
        return Err(format!("it made {made} pictures of {FRAMES}").into());
    }
    let profile = encoded.sps.as_ref().and_then(|sps| sps.get(1));
    let Some(profile) = profile.filter(|_| encoded.keyframes.first() == Some(&0)) else {
        return Err("its first picture is no keyframe with its parameters".to_owned().into());
    };
    if !PROFILES.contains(profile) {
        return Err(format!("it makes profile {profile}, which players do not take").into());
    }
    if !encoded.keyframes.iter().any(|at| (ASKED..=ASKED + LATE).contains(at)) {
        return Err("a keyframe that was asked for did not come".to_owned().into());
    }
    Ok(())
}

/// Decodes everything: the worst picture, decibels.
fn decoded(units: &[gst::Buffer], cards: &[Picture]) -> Result<f64, Refusal> {
    let decoder = video_decoder(Codec::H264)?;
    let mut wanted = cards.iter();
    let mut worst = f64::INFINITY;
    let mut compare = |decoder: &Driven| -> Result<(), Refusal> {
        while let Some(made) = decoder.take() {
            let Some(card) = wanted.next() else {
                return Err("more pictures can be decoded than were given".to_owned().into());
            };
            let size = made.caps.as_ref().and_then(|caps| {
                let shape = caps.structure(0)?;
                let side = |name| shape.get::<i32>(name).ok().map(i32::unsigned_abs);
                Some((side("width")?, side("height")?))
            });
            let (width, height) = size.unwrap_or_default();
            let bytes = made.buffer.map_readable().map_err(|error| error.to_string())?;
            let seen = PictureView::of_i420(width, height, Colour::FILM, &bytes);
            let given = PictureView::of_i420(card.width, card.height, Colour::FILM, &card.data);
            let psnr = seen.zip(given).and_then(|(seen, given)| psnr_db(&given, &seen));
            match psnr {
                Some(psnr) if psnr >= LEAST_PSNR_DB => worst = worst.min(psnr),
                Some(psnr) => {
                    return Err(format!("it makes another picture: PSNR {psnr:.1} dB").into());
                }
                None => return Err(format!("it makes pictures of {width}×{height}").into()),
            }
        }
        Ok(())
    };
    for unit in units {
        decoder.push(unit.copy())?;
        compare(&decoder)?;
    }
    decoder.finish();
    compare(&decoder)?;
    match wanted.len() {
        0 => Ok(worst),
        missing => Err(format!("{missing} pictures of {FRAMES} cannot be decoded").into()),
    }
}

/// Who drives the hardware, as far as the element says. Nobody has seen this on hardware yet.
fn driver(candidate: Candidate) -> Option<String> {
    match candidate.family {
        Family::Va => va_driver(candidate.element),
        Family::V4l2 => v4l2_driver(candidate.element),
        Family::Vendor | Family::Software => None,
    }
}

/// VA elements open their display when they are made ready, and tell everybody which one it is.
fn va_driver(element: &str) -> Option<String> {
    let element = gst::ElementFactory::make(element).build().ok()?;
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    let ready = element.set_state(gst::State::Ready);
    let told = std::iter::from_fn(|| bus.pop()).find_map(|message| {
        let gst::MessageView::HaveContext(told) = message.view() else { return None };
        let context = told.context();
        let display = context.structure().get::<gst::Object>("gst-display").ok()?;
        display.find_property("description")?;
        display.property::<Option<String>>("description")
    });
    // It is asked once; whether it stops is seen by whoever waits for this process.
    let _ = element.set_state(gst::State::Null);
    ready.is_ok().then_some(told).flatten()
}

/// V4L2 elements know their device; the kernel names it.
fn v4l2_driver(element: &str) -> Option<String> {
    let element = gst::ElementFactory::make(element).build().ok()?;
    element.find_property("device")?;
    let device = element.property::<Option<String>>("device")?;
    let name = device.rsplit('/').next()?;
    let told = std::fs::read_to_string(format!("/sys/class/video4linux/{name}/name")).ok()?;
    Some(told.trim().to_owned()).filter(|told| !told.is_empty())
}
