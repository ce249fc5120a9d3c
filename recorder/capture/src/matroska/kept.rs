//! Whether the disk has kept what a part's file was told to make durable.

use crate::storage::StoredFile;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether every sync of one file was granted. One refusal is for good: what it was for is forgotten by
/// Linux and never written again, and a later sync says that all is well (fsync(2), "EIO").
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    refused: Arc<AtomicBool>,
}

impl Kept {
    pub fn holds(&self) -> bool {
        !self.refused.load(Ordering::Acquire)
    }
}

/// A part's file that remembers a refused sync.
pub(super) struct KeptFile {
    pub file: Arc<dyn StoredFile>,
    pub kept: Kept,
}

impl StoredFile for KeptFile {
    fn write_at(&self, pieces: &[&[u8]], offset: u64) -> io::Result<()> {
        self.file.write_at(pieces, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync().inspect_err(|_| self.kept.refused.store(true, Ordering::Release))
    }
}
