//! Who carries files to targets.

use super::place::{Place, Secrets};
use crate::conference::Later;
use std::path::PathBuf;

/// A file to be carried.
#[derive(Debug, Clone)]
pub struct Load {
    pub place: Place,
    pub secrets: Secrets,
    pub local: PathBuf,
    /// Below the target's folder, parts divided by `/`.
    pub name: String,
    /// Hexadecimal; `None`: the carrier finds out.
    pub sha256: Option<String>,
    /// What an interrupted transfer left.
    pub resume: Option<String>,
    /// Bytes a second at most.
    pub pace: Option<u64>,
}

/// What a transfer left that will not go on.
#[derive(Debug, Clone)]
pub struct Rest {
    pub place: Place,
    pub secrets: Secrets,
    /// As [`Load::name`].
    pub name: String,
    /// As [`Load::resume`].
    pub resume: Option<String>,
}

/// A file that was carried somewhere.
#[derive(Debug, Clone)]
pub struct Sent {
    pub place: Place,
    pub secrets: Secrets,
    /// As [`Load::name`].
    pub name: String,
    /// What the receipt said of it.
    pub receipt: Receipt,
}

/// What is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub bytes: u64,
    /// Of what was read back, hexadecimal.
    pub sha256: String,
}

/// Hears how it goes: bytes that the target has, and what a resumed transfer needs.
pub type Told = Box<dyn Fn(u64, Option<String>) + Send + Sync>;

/// The way to targets.
pub trait Carrier: Send + Sync {
    /// Carries a file there, reads it back and compares. Dropped half-way it can be resumed.
    ///
    /// # Errors
    /// A text for the owner: why not, and what to do.
    fn carry(&self, load: Load, told: Told) -> Later<'_, Result<Receipt, String>>;

    /// Takes away what a transfer left that will not go on. That there is nothing is no error.
    ///
    /// # Errors
    /// A text: why not. It is still there then.
    fn clear(&self, rest: Rest) -> Later<'_, Result<(), String>>;

    /// Takes away a file that was carried there, if what is there is that file still; false: it is gone, or
    /// another one, which stays.
    ///
    /// # Errors
    /// A text: why not. It is still there then.
    fn withdraw(&self, sent: Sent) -> Later<'_, Result<bool, String>>;

    /// Writes a small file, reads it back and takes it away. Answers the host key of a server that
    /// has one.
    ///
    /// # Errors
    /// A text for the owner: why not, and what to do.
    fn test(&self, place: Place, secrets: Secrets) -> Later<'_, Result<Option<String>, String>>;
}
