//! Files that are there whole or not at all, whenever the power goes.

use crate::hex::hex;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// So much of a file is read at a time.
const PIECE: usize = 256 * 1024;

/// Puts `bytes` in the place of a file: on the disk and under its name when this returns, readable
/// as `mode` says.
///
/// # Errors
/// The folder cannot be written to; the old file is still there.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let new = beside(path, "new");
    // What a power cut left may have another mode.
    fs::remove_file(&new).or_else(absent)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
    // The umask of a box is strict; what others shall read they must be able to.
    rustix::fs::fchmod(&file, rustix::fs::Mode::from_raw_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// How long an open file is from where it stands, and its SHA-256 in lower-case hex.
///
/// # Errors
/// It cannot be read.
pub(crate) fn digest(file: &mut File) -> io::Result<(u64, String)> {
    let (mut hash, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
    while let count @ 1.. = file.read(&mut piece)? {
        hash.update(&piece[..count]);
        bytes += count as u64;
    }
    Ok((bytes, hex(&hash.finalize())))
}

/// What is not there need not be taken away: `remove_….or_else(absent)`.
///
/// # Errors
/// It could not be taken away for another reason.
pub fn absent(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

/// Moves a file that cannot be used out of the way, and keeps it.
///
/// # Errors
/// The folder cannot be written to.
pub fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let broken = beside(path, "broken");
    fs::rename(path, &broken)?;
    Ok(broken)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}
