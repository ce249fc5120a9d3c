//! Files that are there whole or not at all, whenever the power goes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

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
