//! ACME as the panel shows it.

use super::settings::AcmeSettings;
use crate::clock::UnixMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AcmeStage {
    Account,
    Ordering,
    /// Proofs are shown.
    Proving,
    /// The server looks at them.
    Checking,
    Issuing,
}

/// An order that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AcmeProgress {
    pub stage: AcmeStage,
    pub since: UnixMs,
}

/// Why no certificate came: what the panel says helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AcmeCause {
    /// The server does not answer.
    Unreachable,
    /// The box does not trust the server.
    Trust,
    /// What answers is no server of ACME.
    Protocol,
    /// The server asks for an account elsewhere, to which the box's is bound.
    Binding,
    /// The server does not know the account any more: the next order makes another.
    Account,
    /// The server has had too many orders or failures.
    Limited,
    /// The server does not issue for such a name.
    Name,
    /// The server did not find the proof.
    Proof,
    /// The box could not show the proof.
    Show,
    /// The server refuses for another reason.
    Refused,
    /// It took too long.
    Slow,
    /// What came cannot be served.
    Unusable,
}

/// What became of the last order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AcmeFailure {
    pub cause: AcmeCause,
    /// In more words, in English.
    pub text: String,
    pub at: UnixMs,
}

/// Certificates by ACME.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AcmeView {
    pub settings: AcmeSettings,
    /// The account is bound to one elsewhere; its key is told to nobody.
    pub has_binding: bool,
    /// The key that changes the zone has a secret; which, is told to nobody.
    pub has_dns_secret: bool,
    /// What the owner's zone must have `_acme-challenge` below each name point to (CNAME).
    #[schema(required)]
    pub points_to: Option<String>,
    /// The owner has not said yet that it does: nothing is ordered until they do.
    pub waits_for_owner: bool,
    /// The owner wants certificates this way, and not another.
    pub wanted: bool,
    /// The owner wants them, but what was set up could not be read: nothing is ordered until it is typed again.
    pub lost: bool,
    #[schema(required)]
    pub running: Option<AcmeProgress>,
    #[schema(required)]
    pub failure: Option<AcmeFailure>,
    /// When the next order will be begun.
    #[schema(required)]
    pub next_at: Option<UnixMs>,
}
