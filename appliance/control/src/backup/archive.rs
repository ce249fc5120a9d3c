//! A backup inside its lock: a tar of a manifest and the files that it lists, in its order.
//!
//! The reader takes names from nowhere but its own list: what is not on it is refused, whatever it points
//! to. It writes no more than the manifest announced and the disk has, believes no byte before its
//! SHA-256, and knows neither the lock nor the box.

use super::error::BackupError;
use crate::clock::UnixMs;
use crate::hex::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use tar::{Archive, Builder, Entry, EntryType, Header};

/// Of what is written here. A reader takes its own and older ones.
pub const FORMAT: u32 = 1;
pub const MANIFEST: &str = "manifest.json";
pub const DATABASE: &str = "roombox.db";
/// The folder of keys, which is put into its place as one.
pub const SECRETS: &str = "secrets";
/// The keys that a box has, as names in the archive.
pub const KEYS: [&str; 8] = [
    "secrets/box.key",
    "secrets/ca.key",
    "secrets/ca.crt",
    "secrets/server.key",
    "secrets/server.crt",
    "secrets/served.json",
    "secrets/acme.json",
    "secrets/request.json",
];
/// Beyond it a manifest or a key is none.
const MANIFEST_MOST: u64 = 256 * 1024;
const KEY_MOST: u64 = 512 * 1024;
/// What may follow the last file: the zeros with which a tar ends.
const END_MOST: u64 = 64 * 1024;
const PIECE: usize = 128 * 1024;

/// What a backup says about itself: its first file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// Of the database.
    pub schema: usize,
    /// Of the program that made it.
    pub version: String,
    pub box_id: String,
    pub box_name: String,
    pub made_at: UnixMs,
    /// What is in it, for people.
    pub inside: Vec<String>,
    /// What is not, and why, for people.
    pub outside: Vec<String>,
    pub files: Vec<Listed>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub name: String,
    pub bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
}

impl Listed {
    /// What a file in this folder is now.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(folder: &Path, name: &str) -> io::Result<Self> {
        let mut sum = Sha256::new();
        let bytes = io::copy(&mut File::open(folder.join(name))?, &mut sum)?;
        Ok(Self { name: name.to_owned(), bytes, sha256: hex(&sum.finalize()) })
    }
}

/// Writes the manifest and the files that it lists, which lie in `folder`. `told` hears how many bytes of
/// files are written, and may put an end to it.
///
/// # Errors
/// A file cannot be read or is not as listed any more, `into` cannot be written to, or `told` has ended it.
pub fn write<W: Write>(
    manifest: &Manifest,
    folder: &Path,
    into: W,
    told: &dyn Fn(u64) -> io::Result<()>,
) -> Result<W, BackupError> {
    let mut tar = Builder::new(into);
    let text = serde_json::to_vec_pretty(manifest).map_err(io::Error::from)?;
    let head = |bytes: u64| {
        let mut head = Header::new_ustar();
        head.set_entry_type(EntryType::Regular);
        head.set_mode(0o600);
        head.set_mtime(manifest.made_at.0 / 1000);
        head.set_size(bytes);
        head
    };
    tar.append_data(&mut head(text.len() as u64), MANIFEST, text.as_slice())?;
    let mut done = 0;
    for listed in &manifest.files {
        let file = File::open(folder.join(&listed.name))?;
        let mut file = Counted { from: file.take(listed.bytes), read: 0, before: done, told };
        tar.append_data(&mut head(listed.bytes), &listed.name, &mut file)?;
        if file.read != listed.bytes {
            let cut = format!("{} became shorter while it was copied", listed.name);
            return Err(io::Error::new(ErrorKind::UnexpectedEof, cut).into());
        }
        done += listed.bytes;
    }
    Ok(tar.into_inner()?)
}

struct Counted<'a, R> {
    from: R,
    read: u64,
    before: u64,
    told: &'a dyn Fn(u64) -> io::Result<()>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(piece)?;
        self.read += read as u64;
        (self.told)(self.before + self.read)?;
        Ok(read)
    }
}

/// Unpacks an archive into `folder`, which is empty: its files are durable there when this returns. `free`:
/// bytes that they may take.
///
/// # Errors
/// It is no backup, of a newer version, damaged, or too large: what lies in the folder then is nothing.
pub fn read(from: impl Read, folder: &Path, free: u64) -> Result<Manifest, BackupError> {
    let mut tar = Archive::new(from);
    let manifest = {
        // Raw: what only says something about the entry after it is refused like everything unknown.
        let mut entries = tar.entries().map_err(damaged)?.raw(true);
        let mut next =
            || -> Result<Option<_>, BackupError> { entries.next().transpose().map_err(damaged) };
        let manifest = match next()? {
            Some(entry) => manifest(entry, free)?,
            None => return Err(BackupError::NoBackup("it is empty".to_owned())),
        };
        if manifest.files.iter().any(|listed| listed.name.starts_with(SECRETS)) {
            fs::create_dir(folder.join(SECRETS))?;
        }
        for listed in &manifest.files {
            let Some(entry) = next()? else {
                return Err(BackupError::Damaged(format!("{} is missing", listed.name)));
            };
            unpack(entry, listed, folder)?;
        }
        if next()?.is_some() {
            return Err(BackupError::Damaged("it has more files than it lists".to_owned()));
        }
        manifest
    };
    // To the very end: only there the lock says that nothing was cut off.
    let mut rest = tar.into_inner().take(END_MOST + 1);
    let mut after = Vec::new();
    rest.read_to_end(&mut after).map_err(damaged)?;
    if after.len() as u64 > END_MOST || after.iter().any(|byte| *byte != 0) {
        return Err(BackupError::Damaged("something follows its end".to_owned()));
    }
    if folder.join(SECRETS).is_dir() {
        File::open(folder.join(SECRETS))?.sync_all()?;
    }
    File::open(folder)?.sync_all()?;
    Ok(manifest)
}

fn damaged(error: io::Error) -> BackupError {
    BackupError::Damaged(error.to_string())
}

/// Whether an entry is a plain file of this name and size.
fn is_plain<R: Read>(entry: &Entry<'_, R>, name: &str) -> bool {
    let header = entry.header();
    header.entry_type() == EntryType::Regular && header.path_bytes().as_ref() == name.as_bytes()
}

fn manifest<R: Read>(mut entry: Entry<'_, R>, free: u64) -> Result<Manifest, BackupError> {
    #[derive(Deserialize)]
    struct Outline {
        format: u32,
        version: String,
    }
    let none = |why: &str| BackupError::NoBackup(why.to_owned());
    let size = entry.header().entry_size().map_err(damaged)?;
    if !is_plain(&entry, MANIFEST) || size > MANIFEST_MOST {
        return Err(none("it does not begin with a manifest"));
    }
    let mut text = Vec::new();
    entry.read_to_end(&mut text).map_err(damaged)?;
    if text.len() as u64 != size {
        return Err(BackupError::Damaged("its manifest is cut short".to_owned()));
    }
    let outline: Outline =
        serde_json::from_slice(&text).map_err(|_| none("its manifest cannot be read"))?;
    if outline.format > FORMAT {
        return Err(BackupError::Newer { version: outline.version });
    }
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|_| none("its manifest cannot be read"))?;
    let mut wanted: u64 = 0;
    for (at, listed) in manifest.files.iter().enumerate() {
        let key = KEYS.contains(&listed.name.as_str());
        if !key && listed.name != DATABASE {
            return Err(none("it lists a file that no box has"));
        }
        if manifest.files[..at].iter().any(|earlier| earlier.name == listed.name) {
            return Err(none("it lists a file twice"));
        }
        if key && listed.bytes > KEY_MOST {
            return Err(none("a key in it is too large to be one"));
        }
        wanted = wanted.saturating_add(listed.bytes);
    }
    if !manifest.files.iter().any(|listed| listed.name == DATABASE) {
        return Err(none("it has no database"));
    }
    // Migrating it takes a copy beside it.
    let wanted = wanted.saturating_mul(2);
    match wanted > free {
        true => Err(BackupError::NoRoom { wanted, free }),
        false => Ok(manifest),
    }
}

fn unpack<R: Read>(
    mut entry: Entry<'_, R>,
    listed: &Listed,
    folder: &Path,
) -> Result<(), BackupError> {
    let name = &listed.name;
    let size = entry.header().entry_size().map_err(damaged)?;
    if !is_plain(&entry, name) || size != listed.bytes {
        return Err(BackupError::Damaged(format!("{name} is not where it is listed")));
    }
    // On the list, so below the folder.
    let path = folder.join(name);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
    let (mut sum, mut left, mut piece) = (Sha256::new(), size, vec![0; PIECE]);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let read = match entry.read(&mut piece[..most]) {
            Ok(0) => return Err(BackupError::Damaged(format!("{name} is cut short"))),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(damaged(error)),
        };
        sum.update(&piece[..read]);
        file.write_all(&piece[..read])?;
        left -= read as u64;
    }
    if hex(&sum.finalize()) != listed.sha256 {
        return Err(BackupError::Damaged(format!("{name} is not what was saved")));
    }
    Ok(file.sync_all()?)
}

#[cfg(test)]
mod tests;
