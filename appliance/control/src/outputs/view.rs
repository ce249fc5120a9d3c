//! An output as it is kept, and as its owner sees it.

use crate::clock::UnixMs;
use roombox_jobs::live::{OutputReport, Standing};
use roombox_jobs::spec::{JobSpec, LayoutName};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// An output as it is kept.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputRow {
    /// `out_` and a ULID.
    pub id: String,
    /// The room's id.
    pub room: String,
    /// With the key; `None`: players fetch it from the box.
    pub url: Option<String>,
    /// What players know it by.
    pub token: Option<String>,
    /// The picture and sound that it gets; its title is the room's name.
    pub spec: JobSpec,
    /// Whether the room is recorded only because something of it was ordered.
    pub began: bool,
    /// The order of a program that it belongs to (`EG_…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<String>,
    pub created_ms: u64,
}

/// Without what is nobody's business.
impl fmt::Debug for OutputRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputRow").field("id", &self.id).finish_non_exhaustive()
    }
}

/// How an output is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    Rtmp,
    Srt,
    Hls,
}

/// Where an output stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutputState {
    #[default]
    Connecting,
    Live,
    /// It broke off, and is tried again.
    Retrying,
}

/// A live output.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LiveOutput {
    /// `out_` and a ULID.
    pub id: String,
    pub room: String,
    /// The recording whose picture it is.
    pub recording: String,
    pub kind: OutputKind,
    /// The order of a program that it belongs to (`EG_…`); `null`: somebody's in the panel.
    #[schema(required)]
    pub egress: Option<String>,
    /// Where it goes, without its key; `null` for HLS.
    #[schema(required)]
    pub address: Option<String>,
    /// Where players find it on this box; for HLS alone.
    #[schema(required)]
    pub playlist: Option<String>,
    #[schema(value_type = crate::words::Layout)]
    pub layout: LayoutName,
    pub state: OutputState,
    /// Since when it is in this state.
    pub since: UnixMs,
    pub created_at: UnixMs,
    /// Sent so far.
    pub bytes: u64,
    /// Bits per second now.
    pub bps: u64,
    /// How often it broke off.
    pub breaks: u32,
    /// Why, the last time; `null` once it is live again.
    #[schema(required)]
    pub why: Option<String>,
}

/// How an output goes, over all workers that had it.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    report: OutputReport,
    since_ms: Option<u64>,
    /// Sent by workers that have died, and how often it broke off there.
    bytes_before: u64,
    breaks_before: u32,
}

impl Seen {
    pub fn state(&self) -> OutputState {
        match self.report.standing {
            Standing::Connecting => OutputState::Connecting,
            Standing::Live => OutputState::Live,
            Standing::Retrying => OutputState::Retrying,
        }
    }

    pub fn breaks(&self) -> u32 {
        self.breaks_before + self.report.breaks
    }

    /// Why it does not arrive now.
    pub fn why(&self) -> Option<String> {
        match self.report.standing {
            Standing::Live => None,
            _ => self.report.why.clone(),
        }
    }

    /// True if it stands elsewhere now.
    pub fn hear(&mut self, report: OutputReport, now: UnixMs) -> bool {
        if report.bytes < self.report.bytes || report.breaks < self.report.breaks {
            self.bytes_before += self.report.bytes;
            self.breaks_before += self.report.breaks;
        }
        let same = self.report.standing == report.standing && self.report.why == report.why;
        let elsewhere = self.since_ms.is_none() || !same;
        if elsewhere {
            self.since_ms = Some(now.0);
        }
        self.report = report;
        elsewhere
    }
}

pub(super) fn view(row: &OutputRow, seen: &Seen, address: Option<String>) -> LiveOutput {
    let kind = match &row.url {
        None => OutputKind::Hls,
        Some(url) if url.get(..3).is_some_and(|scheme| scheme.eq_ignore_ascii_case("srt")) => {
            OutputKind::Srt
        }
        Some(_) => OutputKind::Rtmp,
    };
    LiveOutput {
        id: row.id.clone(),
        room: row.room.clone(),
        recording: row.spec.recording.clone(),
        kind,
        egress: row.egress.clone(),
        address,
        playlist: row.token.as_ref().map(|token| format!("/live/{token}/index.m3u8")),
        layout: row.spec.layout.name,
        state: seen.state(),
        since: UnixMs(seen.since_ms.unwrap_or(row.created_ms)),
        created_at: UnixMs(row.created_ms),
        bytes: seen.bytes_before + seen.report.bytes,
        bps: seen.report.bps,
        breaks: seen.breaks(),
        why: seen.report.why.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_counted_over_workers_that_died() {
        let report = |bytes, breaks| OutputReport { bytes, breaks, ..OutputReport::default() };
        let mut seen = Seen::default();
        assert!(seen.hear(report(0, 0), UnixMs(5)));
        assert!(!seen.hear(report(100, 1), UnixMs(6)));
        assert!(!seen.hear(report(20, 0), UnixMs(7)));
        assert_eq!((seen.bytes_before + seen.report.bytes, seen.since_ms), (120, Some(5)));
        assert_eq!(seen.breaks_before + seen.report.breaks, 1);
    }
}
