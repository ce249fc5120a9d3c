//! A backup that somebody sends: written beside what is there, and taken when it is whole.

use super::{BackupError, BackupWork, Backups, PARTIAL, Turn, UPLOADED};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

/// An upload on its way. Dropped before its end, nothing of it stays: its turn clears up.
pub struct Upload {
    turn: Turn,
    file: File,
    total: u64,
    received: u64,
}

impl Backups {
    /// Begins an upload of so many bytes; the backup that was uploaded before is forgotten when it is whole.
    ///
    /// # Errors
    /// Something is being done already, or it has no room.
    pub async fn upload(self: &Arc<Self>, bytes: u64) -> Result<Upload, BackupError> {
        let turn = self.begin(BackupWork::Receiving)?;
        self.fits(bytes)?;
        let file = File::create(self.folder(PARTIAL)).await?;
        self.total.store(bytes, Ordering::Relaxed);
        Ok(Upload { turn, file, total: bytes, received: 0 })
    }
}

impl Upload {
    /// # Errors
    /// More came than was announced, the disk does not take it, or somebody has cancelled it.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.turn.0.go_on().map_err(|_| BackupError::Cancelled)?;
        self.received += bytes.len() as u64;
        if self.received > self.total {
            return Err(BackupError::BrokenOff);
        }
        self.turn.0.done.store(self.received, Ordering::Relaxed);
        Ok(self.file.write_all(bytes).await?)
    }

    /// Comes back when somebody has cancelled it.
    pub async fn cancelled(&self) -> BackupError {
        self.turn.0.stopped().await;
        BackupError::Cancelled
    }

    /// Everything has come: it is kept.
    ///
    /// # Errors
    /// Less came than was announced, the disk does not take it, or somebody has cancelled it.
    pub async fn finish(mut self) -> Result<(), BackupError> {
        if self.received != self.total {
            return Err(BackupError::BrokenOff);
        }
        self.file.flush().await?;
        self.file.sync_all().await?;
        let backups = &self.turn.0;
        backups.settle()?;
        fs::rename(backups.folder(PARTIAL), backups.folder(UPLOADED))?;
        fs::File::open(backups.folder(""))?.sync_all()?;
        Ok(())
    }
}
