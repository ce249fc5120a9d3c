//! Backups as pages show them.

use super::contents::{Inside, Outside};
use super::swap::RestoreNote;
use crate::clock::UnixMs;
use serde::Serialize;
use utoipa::ToSchema;

/// What is being done with a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupWork {
    Making,
    /// One that the box makes by itself.
    Keeping,
    Receiving,
    Looking,
    Restoring,
}

/// A backup that lies on this box, encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BackupFile {
    /// Under which browsers keep it.
    pub name: String,
    pub bytes: u64,
    pub at: UnixMs,
}

/// Backups as pages show them.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BackupsView {
    /// What a backup has.
    pub inside: Vec<Inside>,
    /// What it has not, and why.
    pub outside: Vec<Outside>,
    pub passphrase_least: usize,
    /// What is being done now.
    #[schema(required)]
    pub work: Option<BackupWork>,
    /// Bytes of that, so far and in all; all are 0 while nobody knows.
    pub done_bytes: u64,
    pub total_bytes: u64,
    /// Why the last one could not be made.
    #[schema(required)]
    pub failed: Option<String>,
    /// What was cancelled last, until the next thing begins.
    #[schema(required)]
    pub cancelled: Option<BackupWork>,
    #[schema(required)]
    pub made: Option<BackupFile>,
    #[schema(required)]
    pub uploaded: Option<BackupFile>,
    /// The last restore, while it can be taken back.
    #[schema(required)]
    pub restored: Option<RestoreNote>,
    /// When what was before is forgotten; `null`: the days are not counted yet, for nobody has set the clock.
    #[schema(required)]
    pub kept_until: Option<UnixMs>,
    /// The box is about to restart into what was restored.
    pub restarting: bool,
}
