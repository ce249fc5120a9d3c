//! What the daemon tells `roombox-media live`, and what it hears: one JSON object a line.
//!
//! The first line is a [`JobSpec`](crate::spec::JobSpec): layout, people and encoders of the one picture
//! that all outputs get.

use crate::spec::LayoutName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Between two tries of an output, the first time and at most.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// What held for so long may break off as if it were the first time.
const HELD: Duration = Duration::from_secs(30);

/// What the daemon wants of a broadcast that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Another output.
    Add { output: String, to: Destination },
    /// This output ends.
    Remove { output: String },
    /// Another layout from now on.
    Layout { layout: LayoutName },
}

/// Where an output goes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Destination {
    /// RTMP or RTMPS.
    Rtmp {
        url: String,
    },
    Srt {
        url: String,
    },
    /// Segments and a playlist in this folder.
    Hls {
        folder: PathBuf,
    },
}

/// Addresses hold the keys of other people's channels.
impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rtmp { .. } => "Rtmp",
            Self::Srt { .. } => "Srt",
            Self::Hls { .. } => "Hls",
        })
    }
}

/// Where an output stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It looks for its server, or waits for the first keyframe.
    #[default]
    Connecting,
    /// It arrives.
    Live,
    /// It broke off, or never began: it is tried again.
    Retrying,
}

/// What a broadcast says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Said {
    /// Of one output: whenever it stands elsewhere, and once a second.
    Output(OutputReport),
    /// Of all, once a second.
    Pace(Pace),
}

/// How an output goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputReport {
    pub output: String,
    pub standing: Standing,
    /// Sent since it was ordered, over all of its connections.
    pub bytes: u64,
    /// In the last second.
    pub bps: u64,
    /// How often it broke off.
    pub breaks: u32,
    /// Why, the last time; never with an address in it.
    pub why: Option<String>,
}

/// Whether the machine keeps up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// Pictures since the beginning, and those that came too late and were left out.
    pub frames: u64,
    pub skipped: u64,
    /// Seconds of CPU (user and system) spent so far.
    pub cpu_s: f64,
}

/// How long somebody waits before what broke off is tried again: an output, or all of them.
#[derive(Debug, Default)]
pub struct Backoff {
    tries: u32,
}

impl Backoff {
    /// It broke off after it had arrived for `held`; zero: it never did.
    pub fn wait(&mut self, held: Duration) -> Duration {
        if held >= HELD {
            self.tries = 0;
        }
        let wait = FIRST_WAIT.saturating_mul(1 << self.tries.min(16)).min(LONGEST_WAIT);
        self.tries += 1;
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute_and_begin_anew_after_what_held() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..8).map(|_| backoff.wait(Duration::ZERO).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(backoff.wait(HELD - Duration::from_secs(1)).as_secs(), 30);
        assert_eq!(backoff.wait(HELD).as_secs(), 1);
        assert_eq!(backoff.wait(Duration::ZERO).as_secs(), 2);
    }
}
