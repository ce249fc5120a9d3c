//! What `roombox-media` says of H.264 encoders: which are there, which encode, and which one broke off
//! a film. One object of JSON each.

use serde::{Deserialize, Serialize};

/// The encoder that needs no hardware, and that every film falls back to.
pub const SOFTWARE: &str = "openh264enc";

/// What an encoder did instead of encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// It did not start, or refused the picture.
    Start,
    /// It reported an error.
    Error,
    /// Nothing came out for ten seconds.
    Stalled,
    /// It went on, and took longer than software would.
    Slow,
    /// What came out is not what went in.
    Garbage,
    /// It took its process with it.
    Crashed,
}

/// Who is to blame for a film that broke off: the worker's last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// GStreamer factory.
    pub encoder: String,
    pub fault: FaultKind,
    /// In words, for the log and the panel.
    pub why: String,
}

/// What `roombox-media probe --json` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// The worker's version.
    pub roombox: String,
    pub kernel: String,
    pub gstreamer: String,
    pub encoders: Vec<Tried>,
}

/// One encoder of a [`ProbeReport`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// GStreamer factory.
    pub element: String,
    /// False: no plug-in, no driver, or no device.
    pub found: bool,
    /// Who drives the hardware, in the driver's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// False also where nobody tried.
    pub works: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// It might only have been a busy machine: another trial may end otherwise.
    #[serde(default)]
    pub doubtful: bool,
    /// What the trial took.
    pub ms: u64,
    /// Sizes that it encoded.
    #[serde(default)]
    pub sizes: Vec<SizeTried>,
}

/// A second of pictures of one size, encoded and decoded again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SizeTried {
    pub width: u32,
    pub height: u32,
    /// The worst plane of the worst picture, decibels.
    pub psnr_db: f64,
    /// Pictures per second while encoding.
    pub fps: f64,
}

impl Tried {
    /// An encoder that is not there.
    pub fn absent(element: &str) -> Self {
        Self {
            element: element.to_owned(),
            found: false,
            driver: None,
            works: false,
            why: None,
            doubtful: false,
            ms: 0,
            sizes: Vec::new(),
        }
    }
}
