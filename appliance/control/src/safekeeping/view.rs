//! Planned backups as pages show them.

use super::plan::BackupPlan;
use crate::clock::UnixMs;
use serde::Serialize;
use utoipa::ToSchema;

/// A backup that is at a target: it was read back there and is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GoodBackup {
    /// Below the target's folder.
    pub name: String,
    pub bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
    pub made_at: UnixMs,
    pub delivered_at: UnixMs,
}

/// A backup on its way to a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BackupOnItsWay {
    pub name: String,
    pub bytes: u64,
    pub made_at: UnixMs,
    /// It is being sent: bytes that the target has.
    #[schema(required)]
    pub sent: Option<u64>,
    /// That failed.
    pub attempts: u32,
    /// When it is tried again.
    #[schema(required)]
    pub next_at: Option<UnixMs>,
    /// Why the last attempt failed.
    #[schema(required)]
    pub error: Option<String>,
}

/// How it stands at a target of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BackupPlace {
    pub target: String,
    /// What the owner calls it.
    pub name: String,
    /// It may get something now: it is switched on, and these are its hours.
    pub open: bool,
    /// The newest that is there.
    #[schema(required)]
    pub good: Option<GoodBackup>,
    /// That are there.
    pub kept: u64,
    #[schema(required)]
    pub waiting: Option<BackupOnItsWay>,
    /// Nothing has come for two turns.
    pub old: bool,
    /// Why an old one could not be taken away.
    #[schema(required)]
    pub stays: Option<String>,
}

/// Planned backups as pages show them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SafekeepingView {
    /// `null`: the box makes none by itself.
    #[schema(required)]
    pub plan: Option<BackupPlan>,
    /// A passphrase is kept; it is told to nobody.
    pub has_passphrase: bool,
    /// The next turn; `null`: nobody has set the clock.
    #[schema(required)]
    pub next_at: Option<UnixMs>,
    /// One is being made.
    pub making: bool,
    /// Somebody has called the last one off: not every target has got it.
    pub called_off: bool,
    /// Why the last one could not be made.
    #[schema(required)]
    pub error: Option<String>,
    /// Targets of the plan that are there.
    pub places: Vec<BackupPlace>,
}
