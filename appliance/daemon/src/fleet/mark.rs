//! The file beside the database by which a database from another time is noticed: each start writes
//! a new word into both.

use anyhow::Context as _;
use std::io::ErrorKind;
use std::path::Path;
use ulid::Ulid;

const FILE: &str = "epoch.mark";

/// What the file says.
///
/// # Errors
/// It cannot be read.
pub fn read(data: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(data.join(FILE)) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("cannot read epoch.mark"),
    }
}

/// A word that was never used.
///
/// # Errors
/// The system gives no randomness.
pub fn new() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok().context("the system gives no randomness")?;
    Ok(Ulid::from_bytes(bytes).to_string())
}

/// Durably.
///
/// # Errors
/// It cannot be written.
pub fn write(data: &Path, mark: &str) -> anyhow::Result<()> {
    roombox_control::files::replace(&data.join(FILE), mark.as_bytes(), 0o600)
        .context("cannot write epoch.mark")
}
