//! Keys of the box that could not be read and were made anew: kept until somebody has seen it.

use crate::clock::UnixMs;
use crate::files::{absent, replace};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

const NOTE: &str = "renewed.json";

/// What was made anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewedKeys {
    /// The last time.
    pub at: UnixMs,
    /// Names in the folder of secrets.
    pub files: BTreeSet<String>,
}

impl RenewedKeys {
    /// What nobody has seen yet, in the folder of secrets.
    pub fn told(secrets: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(secrets.join(NOTE)).ok()?).ok()
    }

    /// One more was made anew.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn note(secrets: &Path, file: &str, at: UnixMs) -> io::Result<()> {
        let mut all = Self::told(secrets).unwrap_or_default();
        all.at = at;
        all.files.insert(file.to_owned());
        replace(&secrets.join(NOTE), &serde_json::to_vec(&all)?, 0o600)
    }

    /// Somebody has seen it.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn seen(secrets: &Path) -> io::Result<()> {
        fs::remove_file(secrets.join(NOTE)).or_else(absent)
    }
}
