//! What a long operation tells while it runs.

/// A step of an operation, in the order of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Image, signature, board and disk are looked at.
    Check,
    /// The old table goes.
    Wipe,
    /// What an interrupted write left is compared.
    Resume,
    /// Bytes go to the disk; those that are lasting count.
    Write,
    /// They are read back.
    Verify,
    /// The provisioning file goes in.
    Provision,
    /// The partition table is written.
    Table,
    /// Fake capacity is looked for.
    Probe,
    /// A partition is copied to a file.
    Backup,
    /// A partition is copied from a file.
    Restore,
    /// A board or disk is waited for.
    Wait,
}

impl Phase {
    /// Its name in `--json` lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Wipe => "wipe",
            Self::Resume => "resume",
            Self::Write => "write",
            Self::Verify => "verify",
            Self::Provision => "provision",
            Self::Table => "table",
            Self::Probe => "probe",
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Wait => "wait",
        }
    }
}

/// Somebody who wants to know.
pub trait Progress: Sync {
    /// `done` of `total` bytes of this step; both 0 where a step has no size.
    fn at(&self, phase: Phase, done: u64, total: u64);
}

/// Nobody.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn at(&self, _: Phase, _: u64, _: u64) {}
}
