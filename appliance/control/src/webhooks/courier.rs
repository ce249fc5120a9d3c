//! What webhooks need of the world outside.

use crate::conference::Later;

/// One attempt.
#[derive(Debug, Clone)]
pub struct Parcel {
    pub url: String,
    /// It may be in the house's own network.
    pub in_network: bool,
    /// The API key that signs, and its secret.
    pub key: String,
    pub secret: String,
    pub body: Vec<u8>,
}

/// Why an attempt failed. `why` goes to the owner and names no more of the address than the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// Of the answer; `None`: none came.
    pub status: Option<u16>,
    pub why: String,
}

/// Who carries events to receivers; the daemon's.
pub trait Courier: Send + Sync {
    /// Whether something can be sent there at all.
    fn is_address(&self, url: &str) -> bool;

    /// Signs and sends: the status with which it was taken.
    fn deliver(&self, parcel: Parcel) -> Later<'_, Result<u16, Undelivered>>;
}
