//! Why a backup or a restore came to nothing. Whatever it is, the box is as it was.

use crate::store::StoreError;
use std::io;

/// Shorter passphrases are refused: whoever finds the file can try as often as they like.
pub const PASSPHRASE_LEAST: usize = 12;

/// What backups refuse, and why.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(
        "the passphrase needs at least {PASSPHRASE_LEAST} characters: whoever finds the backup can try \
         as often as they like"
    )]
    WeakPassphrase,
    #[error(
        "the passphrase does not open this backup: type it as it was when the backup was made. Without \
         it nobody can open the backup"
    )]
    WrongPassphrase,
    #[error("this is no backup of a box: {0}")]
    NoBackup(String),
    #[error(
        "the backup was made by a newer version ({version}): update this box first. Nothing was changed"
    )]
    Newer { version: String },
    #[error("the backup is damaged: {0}. Take another one; nothing was changed")]
    Damaged(String),
    #[error(
        "this takes {wanted} bytes and {free} are free: delete recordings that you do not need. Nothing \
         was changed"
    )]
    NoRoom { wanted: u64, free: u64 },
    #[error("send the backup with its length (Content-Length)")]
    NoLength,
    #[error("the upload broke off: send the backup again")]
    BrokenOff,
    #[error("a backup is being made, uploaded or looked at already: wait until that has ended")]
    Busy,
    #[error("there is no such backup here: make or upload one first")]
    NoFile,
    #[error("{recording} rooms are being recorded: stop them first")]
    Recording { recording: usize },
    #[error("it was cancelled: nothing was changed and nothing of it stays")]
    Cancelled,
    #[error(
        "nothing is being done with a backup that could be cancelled: it has ended already, or takes effect now"
    )]
    NothingToCancel,
    #[error("the box restarts into what was restored already")]
    Restarting,
    #[error("there is nothing to go back to: what was before the last restore is gone")]
    NothingBefore,
    #[error("the planned backup's {field} {why}")]
    Plan { field: &'static str, why: &'static str },
    #[error("the box makes no backups by itself yet: set up how often and where to")]
    NoPlan,
    #[error("none of the targets of planned backups is there any more: choose another")]
    NoTarget,
    #[error("the box's disk refuses: {0}")]
    Disk(#[from] io::Error),
    #[error("the database cannot be copied: {0}")]
    Database(#[source] StoreError),
}

impl BackupError {
    /// Stable name of the error, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WeakPassphrase => "weak_passphrase",
            Self::WrongPassphrase => "wrong_passphrase",
            Self::NoBackup(_) => "no_backup",
            Self::Newer { .. } => "backup_newer",
            Self::Damaged(_) => "backup_damaged",
            Self::NoRoom { .. } => "backup_no_room",
            Self::NoLength => "backup_no_length",
            Self::BrokenOff => "backup_broken_off",
            Self::Busy => "backup_busy",
            Self::NoFile => "no_backup_here",
            Self::Recording { .. } => "backup_while_recording",
            Self::Cancelled => "backup_cancelled",
            Self::NothingToCancel => "nothing_to_cancel",
            Self::Restarting => "restarting",
            Self::NothingBefore => "nothing_before",
            Self::Plan { .. } => "invalid_backup_plan",
            Self::NoPlan => "no_backup_plan",
            Self::NoTarget => "no_backup_target",
            Self::Disk(_) => "backup_disk",
            Self::Database(_) => "backup_database",
        }
    }

    /// The field of the request that is wrong.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::WeakPassphrase | Self::WrongPassphrase => Some("passphrase"),
            Self::Plan { field, .. } => Some(field),
            _ => None,
        }
    }
}
