//! Encoders as they are kept, and as people see them.

use super::breaker::{Breaker, Failure};
use crate::clock::UnixMs;
use crate::words;
use roombox_jobs::encoders::{FaultKind, Tried};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is kept of one encoder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EncoderRow {
    /// GStreamer factory.
    pub element: String,
    pub trial: Option<TrialRow>,
    pub breaker: Breaker,
}

/// How its last trial ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialRow {
    /// What it followed from: kernel, driver, GStreamer, version. Another one asks for another trial.
    pub key: String,
    /// The life of the box in which it was; counts where the machine may only have been busy.
    pub life: String,
    pub unix_ms: u64,
    pub tried: Tried,
}

/// Where an encoder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EncoderState {
    /// Its trial is to come: films are made without it until then.
    Untried,
    /// It is being tried.
    Trying,
    /// The machine has none.
    Absent,
    /// It failed its trial.
    Refused,
    /// It passed its trial here.
    Verified,
    /// It failed three films within a day: off until the box starts anew, gets another version, or
    /// somebody has it tried again.
    Off,
}

/// A film that an encoder broke off; another encoder made it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct EncoderFailure {
    pub at: UnixMs,
    #[schema(value_type = words::EncoderFault)]
    pub fault: FaultKind,
    pub why: String,
    pub recording_id: String,
}

/// An encoder on the board's list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BoardEncoder {
    /// GStreamer factory: `vah264lpenc`.
    pub element: String,
    pub state: EncoderState,
    /// Who has seen it work on such hardware, and when; `null`: nobody has sent us a report yet.
    #[schema(required)]
    pub seen_by: Option<String>,
    /// Who drives it, in the driver's own words.
    #[schema(required)]
    pub driver: Option<String>,
    /// Why it was refused, or did not pass.
    #[schema(required)]
    pub why: Option<String>,
    #[schema(required)]
    pub tried_at: Option<UnixMs>,
    /// Pictures of 1280×720 a second in the trial.
    #[schema(required)]
    pub fps: Option<f64>,
    /// Worst picture of the trial, decibels.
    #[schema(required)]
    pub psnr_db: Option<f64>,
    /// Oldest first; those that count.
    pub failures: Vec<EncoderFailure>,
    /// Who encodes when it fails.
    pub falls_back_to: String,
}

/// All encoders of the box.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BoardEncoders {
    /// Hardware that the board may have, best first; there may be none.
    pub items: Vec<BoardEncoder>,
    /// Who encodes the next film that is made as the box thinks best.
    pub in_use: String,
    /// Who needs no hardware.
    pub software: String,
}

pub(super) fn failure(failure: &Failure) -> EncoderFailure {
    EncoderFailure {
        at: UnixMs(failure.unix_ms),
        fault: failure.fault,
        why: failure.why.clone(),
        recording_id: failure.recording.clone(),
    }
}
