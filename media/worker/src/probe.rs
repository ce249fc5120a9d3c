//! Which H.264 encoders this machine has, and which of them really encode: a second of pictures each.
//! That an element is installed says little: drivers lie.

use gstreamer as gst;
use gstreamer::prelude::*;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Hardware first, as far as GStreamer has elements for it.
const CANDIDATES: [&str; 9] = [
    "vah264enc",
    "vah264lpenc",
    "v4l2h264enc",
    "mpph264enc",
    "nvh264enc",
    "qsvh264enc",
    "x264enc",
    "openh264enc",
    "v4l2fwhtenc",
];
/// A second of pictures, and for how long an encoder may take over it.
const FRAMES: u32 = 30;
const PATIENCE: Duration = Duration::from_secs(4);

/// Tries every candidate that is installed: `{gstreamer, encoders: [{element, works, ms, why?}]}`.
///
/// # Errors
/// GStreamer does not start.
pub fn all() -> Result<Value, gst::glib::Error> {
    gst::init()?;
    let installed = CANDIDATES.into_iter().filter(|name| gst::ElementFactory::find(name).is_some());
    let encoders: Vec<Value> = installed
        .map(|element| {
            let begun = Instant::now();
            let tried = encode(element);
            let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            match tried {
                Ok(()) => json!({ "element": element, "works": true, "ms": ms }),
                Err(why) => json!({ "element": element, "works": false, "ms": ms, "why": why }),
            }
        })
        .collect();
    Ok(json!({ "gstreamer": gst::version_string().as_str(), "encoders": encoders }))
}

fn encode(element: &str) -> Result<(), String> {
    let description = format!(
        "videotestsrc num-buffers={FRAMES} ! video/x-raw,width=640,height=368,framerate=30/1 ! \
         videoconvert ! {element} ! fakesink name=out"
    );
    let pipeline = gst::parse::launch(&description).map_err(|error| error.to_string())?;
    let outcome = run(&pipeline);
    pipeline.set_state(gst::State::Null).map_err(|error| error.to_string())?;
    outcome
}

fn run(pipeline: &gst::Element) -> Result<(), String> {
    let bus = pipeline.bus().ok_or("the pipeline has no bus")?;
    pipeline.set_state(gst::State::Playing).map_err(|error| error.to_string())?;
    let patience = gst::ClockTime::from_mseconds(PATIENCE.as_millis() as u64);
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(patience, &wanted);
    match message.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Eos(_)) => Ok(()),
        Some(gst::MessageView::Error(error)) => Err(error.error().to_string()),
        _ => Err(format!("{FRAMES} pictures took more than {PATIENCE:?}")),
    }
}
