//! What a meeting has on its table, on the disk: a folder a room, with one state and the files beside it.

use super::handouts::KeptFile;
use super::polls::Polls;
use super::timer::KeptTimer;
use crate::files::absent;
use crate::hex::hex;
use crate::people::hashed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const STATE: &str = "state.json";
/// People that one meeting remembers for its polls.
const MOST_PEOPLE: usize = 20_000;

/// What one meeting has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Table {
    /// Name of the room.
    pub room: String,
    /// The meeting's id of the media plane. After a restart of the daemon the same people meet under
    /// another.
    pub meeting: String,
    pub polls: Polls,
    pub timer: Option<KeptTimer>,
    pub files: Vec<KeptFile>,
    /// Under which identity somebody came first, by those of later joins: they are one voter.
    pub first: BTreeMap<String, String>,
}

impl Table {
    /// Who `identity` is in polls, if they were `before` here.
    pub(super) fn voter(&mut self, identity: &str, before: &str) -> String {
        if let Some(first) = self.first.get(identity) {
            return first.clone();
        }
        if before.is_empty() || self.first.len() >= MOST_PEOPLE {
            return identity.to_owned();
        }
        let first = self.first.get(before).cloned().unwrap_or_else(|| before.to_owned());
        self.first.insert(identity.to_owned(), first.clone());
        first
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// The folder of all meetings' tables.
pub(super) struct Folder(pub PathBuf);

impl Folder {
    /// Where the files of a room's meeting are.
    pub(super) fn of(&self, room: &str) -> PathBuf {
        // Rooms are called as people like; folders are not.
        self.0.join(hex(&hashed(room)))
    }

    pub(super) fn file(&self, room: &str, secret: &str) -> PathBuf {
        self.of(room).join(secret)
    }

    /// What was there when the box went down. A table that cannot be read goes, with its files.
    pub(super) fn load(&self) -> io::Result<Vec<Table>> {
        fs::create_dir_all(&self.0)?;
        let mut tables = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            match read(&path) {
                Ok(table) if self.of(&table.room) == path => {
                    tidy(&path, &table)?;
                    tables.push(table);
                }
                unusable => {
                    let error = unusable.err().map(tracing::field::display);
                    tracing::warn!(path = %path.display(), error, "what a meeting had is not usable");
                    discard(&path)?;
                }
            }
        }
        Ok(tables)
    }

    /// Written whole or not at all; a power cut may take the last seconds of a poll.
    pub(super) fn save(&self, table: &Table) -> io::Result<()> {
        let folder = self.of(&table.room);
        fs::create_dir_all(&folder)?;
        let new = folder.join("state.new");
        fs::write(&new, serde_json::to_vec(table)?)?;
        fs::rename(new, folder.join(STATE))
    }

    /// It is gone at once; that its files are, may take a disk a while.
    pub(super) fn discard(&self, room: &str) -> io::Result<()> {
        let gone = self.0.join(format!("gone-{}", ulid::Ulid::new()));
        match fs::rename(self.of(room), &gone) {
            Ok(()) => {}
            Err(error) => return absent(error),
        }
        let remove = move || {
            if let Err(error) = fs::remove_dir_all(&gone) {
                tracing::warn!(%error, "files of an ended meeting stay until the next start");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
        Ok(())
    }
}

/// Takes away what was on its way when the box went down.
fn tidy(folder: &Path, table: &Table) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != STATE && !table.files.iter().any(|file| name == *file.secret) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn discard(path: &Path) -> io::Result<()> {
    match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path).or_else(absent),
    }
}

fn read(folder: &Path) -> io::Result<Table> {
    Ok(serde_json::from_slice(&fs::read(folder.join(STATE))?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_again_and_again_is_one_voter() {
        let mut table = Table::default();
        assert_eq!(table.voter("a1", ""), "a1");
        assert_eq!(table.voter("a2", "a1"), "a1");
        assert_eq!(table.voter("a3", "a2"), "a1");
        assert_eq!(table.voter("a2", "b1"), "a1", "whatever a later token says");
        assert_eq!(table.voter("b1", ""), "b1");
    }

    #[test]
    fn a_table_survives_and_one_that_is_broken_goes() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder(root.path().join("tools"));
        assert!(folder.load().unwrap().is_empty());
        let table = Table { room: "Große/Halle".to_owned(), ..Table::default() };
        folder.save(&table).unwrap();
        for broken in ["half", "none"] {
            fs::create_dir(folder.0.join(broken)).unwrap();
        }
        fs::write(folder.0.join("half").join(STATE), "{\"room\":").unwrap();
        let half = folder.file("Große/Halle", "of an upload");
        fs::write(&half, "half").unwrap();
        assert_eq!(folder.load().unwrap(), [table]);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
        assert!(!half.exists(), "what was on its way is gone");
        folder.discard("Große/Halle").unwrap();
        assert!(folder.load().unwrap().is_empty());
    }
}
