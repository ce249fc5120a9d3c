//! What is kept of ACME, in the folder of secrets.

use super::settings::{AcmeBound, AcmeDnsAccount, AcmeSettings};
use super::view::AcmeFailure;
use crate::clock::UnixMs;
use serde::{Deserialize, Serialize};

/// One file.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    /// Absent: never set up.
    pub settings: Option<AcmeSettings>,
    pub binding: Option<AcmeBound>,
    /// Base64; empty: none.
    pub dns_secret: String,
    pub registered: Option<AcmeDnsAccount>,
    /// The owner has been told what to put into their zone, and has not said that it is there.
    pub told: bool,
    /// Of the account, PKCS #8 in DER; empty: not made yet.
    pub key: Vec<u8>,
    /// What the server calls the account.
    pub account: Option<String>,
    /// Somebody wants an order, whatever else is so.
    pub asked: bool,
    /// Orders in a row that were begun and brought nothing.
    pub failures: u32,
    /// No order before this.
    pub next_at: UnixMs,
    pub failure: Option<AcmeFailure>,
    /// By how much of the usual the renewal is early.
    pub chance: f64,
}
