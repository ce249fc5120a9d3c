//! The timeline: what happened when, one JSON object a line in `timeline.jsonl`.
//!
//! The file is only appended to; any prefix of whole lines is valid, and readers skip lines that
//! they do not know. `t` is in microseconds since the recording's start.

use crate::manifest::{EndReason, MediaKind, RecordedLayer, TrackSource};
use serde::{Deserialize, Serialize};

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineLine {
    /// Microseconds since the recording's start.
    pub t: u64,
    #[serde(flatten)]
    pub event: TimelineEvent,
}

/// What happened. `e` names the event in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "e", rename_all = "snake_case")]
pub enum TimelineEvent {
    /// The recording began (or goes on after [`TimelineEvent::PowerLoss`]). `boot_us` is
    /// CLOCK_BOOTTIME at `t`, the anchor of all later lines of this boot.
    Start {
        room: String,
        unix_ms: u64,
        boot_id: String,
        boot_us: u64,
        boot_minus_monotonic_us: i64,
    },
    /// A wall-clock anchor, once a minute.
    Wall {
        unix_ms: u64,
    },
    Join {
        participant: String,
        identity: String,
        name: String,
    },
    Leave {
        participant: String,
    },
    Pub {
        track: String,
        participant: String,
        identity: String,
        kind: MediaKind,
        source: TrackSource,
        muted: bool,
    },
    Unpub {
        track: String,
    },
    Mute {
        track: String,
    },
    Unmute {
        track: String,
    },
    /// A part was opened.
    Part {
        track: String,
        layer: RecordedLayer,
        file: String,
    },
    /// A sender report (RFC 3550 §6.4.1) as it arrived: the pair (ntp, rtp) and the arrival time
    /// is `t`. `ntp` is the 64-bit NTP timestamp.
    Sr {
        track: String,
        layer: RecordedLayer,
        ntp: u64,
        rtp: u32,
    },
    /// Media that is missing from a part.
    Gap {
        track: String,
        layer: RecordedLayer,
        from: u64,
        to: u64,
        lost: u64,
        reason: GapReason,
    },
    /// Who speaks now, loudest first. Empty: nobody.
    Speaker {
        participants: Vec<String>,
    },
    /// The daemon or the box died between `from` and `to`.
    PowerLoss {
        from: u64,
        to: u64,
    },
    DiskLow {
        free_bytes: u64,
    },
    /// From here on nothing of anybody is recorded, until [`TimelineEvent::Resume`].
    Pause,
    Resume,
    Marker {
        text: String,
    },
    /// What somebody said from `from` to `to`, as a program transcribed it.
    Caption {
        from: u64,
        to: u64,
        /// Who said it; empty: nobody is told.
        identity: String,
        /// On which track, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        track: Option<String>,
        /// Who wrote it, if that is somebody else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        text: String,
    },
    End {
        reason: EndReason,
    },
}

/// Why media is missing; the worst comes last. A gap with several reasons is called by its worst:
/// what the box did wrong weighs more than what the network did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Nothing was sent (mute, DTX, camera off): not an error.
    Silence,
    /// Packets never arrived, not even by retransmission.
    Loss,
    /// The tap's queue was full: the disk was slower than the media.
    Overflow,
    /// The disk refused a write.
    Disk,
}

/// Time of a recording at a moment of this boot of the kernel (CLOCK_BOOTTIME); `None` if it has not
/// begun or gone on in this boot.
pub fn elapsed_us(timeline: &[TimelineLine], this_boot: &str, now_boot_us: u64) -> Option<u64> {
    let last = timeline.iter().rev().find_map(|line| match &line.event {
        TimelineEvent::Start { boot_id, boot_us, .. } => Some((line.t, boot_id, *boot_us)),
        _ => None,
    });
    let (t, _, boot_us) = last.filter(|(_, boot, _)| *boot == this_boot)?;
    Some(t + now_boot_us.saturating_sub(boot_us))
}

/// Reads a timeline leniently: a torn last line and unknown events are skipped.
pub fn parse_timeline(text: &str) -> Vec<TimelineLine> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
