//! Systems whose disks cannot be opened yet. Manifests, keys and boards in recovery mode work there.

use super::BlockDev;
use crate::error::FlashError;
use std::path::Path;

/// What a disk is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Writing, with nobody else.
    Write,
}

fn refused(path: &Path) -> FlashError {
    FlashError::target(
        path.display().to_string(),
        "disks are not supported yet on this system: use roomflash on Linux",
    )
}

/// # Errors
/// Always: not supported yet on this system.
pub fn open(path: &Path, _: Access) -> Result<Box<dyn BlockDev>, FlashError> {
    Err(refused(path))
}

/// # Errors
/// Always: not supported yet on this system.
pub fn open_image(path: &Path, _: u64) -> Result<Box<dyn BlockDev>, FlashError> {
    Err(refused(path))
}
