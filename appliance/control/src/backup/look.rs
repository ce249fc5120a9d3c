//! What an unpacked backup would bring.

use super::archive::{DATABASE, Manifest};
use super::{BackupError, Backups};
use crate::clock::UnixMs;
use crate::store::{self, DatabaseLook, StoreError};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;
use utoipa::ToSchema;

/// What a drill has shown: the backup can be restored, and this is what comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DrillReport {
    pub made_at: UnixMs,
    pub box_id: String,
    pub box_name: String,
    /// Of the program that made it.
    pub version: String,
    /// It is a backup of this very box.
    pub own: bool,
    pub people: u64,
    pub rooms: u64,
    pub targets: u64,
    pub webhooks: u64,
    /// Recordings that its library lists.
    pub recordings: u64,
    /// Of them: files are on this box's disk.
    pub recordings_here: u64,
    /// On this box's disk and not in its library: they are imported.
    pub recordings_imported: u64,
    /// It has the box's keys, so that its box can be taken over.
    pub has_keys: bool,
    /// Somebody owns the box then.
    pub owned: bool,
    pub in_fleet: bool,
    /// Bytes of the files in it.
    pub bytes: u64,
    /// Milliseconds that it took to open and check.
    pub took_ms: u64,
    pub inside: Vec<String>,
    pub outside: Vec<String>,
}

/// An unpacked backup.
pub struct Drilled {
    pub manifest: Manifest,
    pub look: DatabaseLook,
}

/// Looks through what was unpacked.
///
/// # Errors
/// The database is damaged, or a newer version's.
pub fn through(manifest: Manifest, folder: &Path) -> Result<Drilled, BackupError> {
    match store::database_look(&folder.join(DATABASE)) {
        Ok(look) => Ok(Drilled { manifest, look }),
        Err(StoreError::Newer { .. }) => Err(BackupError::Newer { version: manifest.version }),
        Err(error) => Err(BackupError::Damaged(format!("its database: {}", chain(&error)))),
    }
}

/// Ids of recordings whose files are in this folder.
fn on_disk(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let recorded = entries.filter(|entry| entry.path().join("manifest.json").exists());
    recorded.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

impl Backups {
    pub(super) fn report(&self, found: Drilled, took: Duration) -> DrillReport {
        let Drilled { manifest, look } = found;
        let here = on_disk(&self.data.join("recordings"));
        let listed = |id: &String| look.recordings.binary_search(id).is_ok();
        let known = here.iter().filter(|id| listed(id)).count() as u64;
        DrillReport {
            own: manifest.box_id == self.identity.id(),
            has_keys: manifest.files.len() > 1,
            bytes: manifest.files.iter().map(|listed| listed.bytes).sum(),
            made_at: manifest.made_at,
            box_id: manifest.box_id,
            box_name: manifest.box_name,
            version: manifest.version,
            people: look.people,
            rooms: look.rooms,
            targets: look.targets,
            webhooks: look.webhooks,
            recordings: look.recordings.len() as u64,
            recordings_here: known,
            recordings_imported: here.len() as u64 - known,
            owned: look.owned,
            in_fleet: look.in_fleet,
            took_ms: took.as_millis() as u64,
            inside: manifest.inside,
            outside: manifest.outside,
        }
    }
}
