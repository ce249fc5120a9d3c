//! What can go wrong with a disk, an image or a box, and the exit code that tells it to programs.

use crate::device::Doing;
use std::io;
use std::path::{Path, PathBuf};

/// Why a disk was not written, read or verified. Each text says what was attempted, where, and what
/// to do next.
#[derive(Debug, thiserror::Error)]
pub enum FlashError {
    /// The command contradicts itself.
    #[error("{0}")]
    Usage(String),
    /// The image, its manifest or its signature is not what may be written. Nothing was written.
    #[error("{}: {why}", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// The stream stopped being the image that the manifest describes, in the middle of a write.
    #[error(
        "the image is broken at byte {offset}: {why}. The disk has no partition table now: get the image again and write it once more"
    )]
    Stream {
        /// Where in the image.
        offset: u64,
        /// How it differs.
        why: String,
    },
    /// The disk is not one that may be written. Nothing was written.
    #[error("{target} is refused: {why}")]
    Target {
        /// The disk.
        target: String,
        /// Why, and what to do.
        why: String,
    },
    /// The disk refused to read or write.
    #[error(
        "{target}: {doing} failed at byte {offset}: {source}. Try another port or reader; if it fails at the same place again, the disk is broken"
    )]
    Io {
        /// The disk.
        target: String,
        /// What was attempted.
        doing: Doing,
        /// Where on the disk.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// What was read back is not what was written.
    #[error("{target}: {found}. The disk has no partition table now; {next}")]
    Mismatch {
        /// The disk.
        target: String,
        /// Where and how much of it is wrong.
        found: String,
        /// What to do.
        next: String,
    },
    /// A written disk is not what the manifest says; nothing was changed.
    #[error("{target}: {found}")]
    NotThis {
        /// The disk.
        target: String,
        /// Where it differs.
        found: String,
    },
    /// The provisioning file cannot be used, or does not fit the image.
    #[error("provisioning: {0}")]
    Provisioning(String),
    /// The disk is gone.
    #[error(
        "{target} vanished during {doing} at byte {offset}. Connect it again and run the same command: what was written is verified and kept"
    )]
    Vanished {
        /// The disk.
        target: String,
        /// What was attempted.
        doing: Doing,
        /// Where on the disk.
        offset: u64,
    },
    /// Somebody stopped it.
    #[error(
        "{target}: cancelled. The disk has no partition table; run the same command again to go on"
    )]
    Cancelled {
        /// The disk.
        target: String,
    },
    /// A file beside the image or the disk.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A board in recovery mode does not answer as it should.
    #[error("recovery: {0}")]
    Recovery(String),
}

impl FlashError {
    /// The process' exit code: 2 usage, 3 image or signature, 4 target refused, 5 write,
    /// 6 verification, 7 provisioning, 8 vanished, 9 cancelled.
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::File { .. } => 2,
            Self::Image { .. } | Self::Stream { .. } => 3,
            Self::Target { .. } => 4,
            Self::Io { doing: Doing::Verify, .. } => 6,
            Self::Io { doing: Doing::Provision, .. } => 7,
            Self::Io { .. } | Self::Recovery(_) => 5,
            Self::Mismatch { .. } | Self::NotThis { .. } => 6,
            Self::Provisioning(_) => 7,
            Self::Vanished { .. } => 8,
            Self::Cancelled { .. } => 9,
        }
    }

    /// A file that could not be read or written.
    pub fn file(path: &Path, source: io::Error) -> Self {
        let source = match source.kind() {
            kind @ io::ErrorKind::AlreadyExists => io::Error::new(
                kind,
                "it is there already and is not written over: name another one, or remove it",
            ),
            _ => source,
        };
        Self::File { path: path.to_owned(), source }
    }

    /// Something wrong with an image or its manifest.
    pub fn image(path: &Path, why: impl Into<String>) -> Self {
        Self::Image { path: path.to_owned(), why: why.into() }
    }

    /// A refused disk.
    pub fn target(target: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Target { target: target.into(), why: why.into() }
    }
}
