//! What boxes say to each other about a loan.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Clocks of boxes may differ so much. The number of the attempt is what makes an old order worthless.
pub(super) const ORDER_GOOD_FOR_MS: u64 = 24 * 3600 * 1000;

/// What a hub orders a box to do: a job of another one. It is signed as all orders are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// When, by the hub's clock.
    pub at_ms: u64,
    /// Whose job it is: a box's id.
    pub origin: String,
    /// That box's name.
    pub name: String,
    /// Where that box is by HTTPS, `host:port`, in order.
    pub at: Vec<String>,
    /// SHA-256 of the authority that certifies it, hex.
    pub fingerprint: String,
    pub job: String,
    /// The attempt that it would be.
    pub number: u32,
}

/// What a borrower signs: the order to this very box.
pub fn claim_text(origin: &str, order: &str) -> String {
    format!("loan\n{origin}\n{order}")
}

/// A box wants to do a job of this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoanClaim {
    /// The hub's order as the box got it; base64.
    pub order: String,
    /// The box's public key, as NATS writes it.
    pub key: String,
    /// Its name, for people.
    pub name: String,
    /// Of `loan`, this box's id and the order, each on a line of its own, by the key; base64.
    pub signature: String,
}

/// What the borrower gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LoanTerms {
    /// For everything else of this loan: `Authorization: Bearer`.
    pub token: String,
    /// What is to be made.
    #[schema(value_type = Object)]
    pub spec: Value,
    /// Of the recording.
    pub files: Vec<LoanFile>,
}

/// A file of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoanFile {
    /// Below the recording's folder.
    pub name: String,
    pub bytes: u64,
}

/// How a borrower gets on, at least every minute; or why it gives the job back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct LoanReport {
    /// What the worker said last, as it said it.
    #[schema(value_type = Option<Object>)]
    pub progress: Option<Value>,
    /// Why the job comes back.
    pub why: Option<String>,
    /// The attempt failed; else nothing is wrong with the job.
    pub failed: bool,
}

/// How much of a made file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoanPart {
    pub bytes: u64,
}

/// All files have come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoanEnd {
    /// The worker's receipt: files with their SHA-256, and what they took.
    #[schema(value_type = Object)]
    pub receipt: Value,
}
