//! A bundle that comes from the panel: written beside what is there, and taken when it is whole.

use super::state::UpdateState;
use super::{Source, UpdateError, Updates, rules};
use crate::files::absent;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

/// The one bundle that is kept, under one name: who uploads says nothing about paths.
pub(super) const WHOLE: &str = "upload.raucb";
const PARTIAL: &str = "upload.partial";
/// Progress is told after so many bytes.
const TOLD_EACH: u64 = 4 << 20;

/// An upload on its way. Dropped before its end, nothing of it stays.
pub struct Upload {
    updates: Arc<Updates>,
    file: File,
    folder: PathBuf,
    total: u64,
    received: u64,
    told: u64,
    whole: bool,
}

/// Takes away what an upload that broke off left.
pub(super) fn clear(folder: &Path) -> io::Result<()> {
    fs::remove_file(folder.join(PARTIAL)).or_else(absent)
}

/// Takes away the uploaded bundle.
pub(super) fn discard(folder: &Path) -> io::Result<()> {
    fs::remove_file(folder.join(WHOLE)).or_else(absent)
}

impl Updates {
    /// Begins an upload of so many bytes; the bundle that was uploaded before is forgotten.
    ///
    /// # Errors
    /// Another update is under way, the bundle has no room, or this box cannot be updated now.
    pub async fn upload(self: &Arc<Self>, bytes: u64) -> Result<Upload, UpdateError> {
        self.may_begin().await?;
        let folder = self.folders.uploads.clone();
        self.begin(UpdateState::Receiving { received_bytes: 0, total_bytes: bytes })?;
        let made = async {
            fs::create_dir_all(&folder).map_err(UpdateError::Keep)?;
            discard(&folder).map_err(UpdateError::Keep)?;
            let (free, reserve) = self.premises.space().map_err(UpdateError::Keep)?;
            rules::fits(bytes, free, reserve)?;
            File::create(folder.join(PARTIAL)).await.map_err(UpdateError::Keep)
        };
        let file = match made.await {
            Ok(file) => file,
            Err(error) => {
                self.rest();
                return Err(error);
            }
        };
        let updates = self.clone();
        Ok(Upload { updates, file, folder, total: bytes, received: 0, told: 0, whole: false })
    }
}

impl Upload {
    /// # Errors
    /// More came than was announced, or the disk does not take it.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), UpdateError> {
        self.received += bytes.len() as u64;
        if self.received > self.total {
            return Err(UpdateError::BrokenOff);
        }
        self.file.write_all(bytes).await.map_err(UpdateError::Keep)?;
        if self.received - self.told >= TOLD_EACH {
            self.told = self.received;
            let (received_bytes, total_bytes) = (self.received, self.total);
            self.updates.show(UpdateState::Receiving { received_bytes, total_bytes });
        }
        Ok(())
    }

    /// Everything has come: it is kept, and looked at.
    ///
    /// # Errors
    /// Less came than was announced, or the disk does not take it.
    pub async fn finish(mut self) -> Result<(), UpdateError> {
        if self.received != self.total {
            return Err(UpdateError::BrokenOff);
        }
        self.file.flush().await.map_err(UpdateError::Keep)?;
        self.file.sync_all().await.map_err(UpdateError::Keep)?;
        let whole = self.folder.join(WHOLE);
        fs::rename(self.folder.join(PARTIAL), &whole).map_err(UpdateError::Keep)?;
        self.whole = true;
        self.updates.show(UpdateState::Checking);
        let source = Source { place: whole.display().to_string(), uploaded: true };
        tokio::spawn(self.updates.clone().run(source));
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.whole {
            return;
        }
        if let Err(error) = clear(&self.folder) {
            tracing::warn!(%error, "half an upload stays until the next start");
        }
        self.updates.rest();
    }
}
