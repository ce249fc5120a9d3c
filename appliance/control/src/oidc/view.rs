//! Sign-in by a provider as the panel shows it.

use super::OidcSettings;
use crate::clock::UnixMs;
use serde::Serialize;
use utoipa::ToSchema;

/// Somebody whom an owner removed, and who is not let in again by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RemovedPerson {
    pub id: String,
    /// As the provider called them.
    pub name: String,
    /// May be empty.
    pub mail: String,
    pub removed_at: UnixMs,
}

/// A sign-in that went wrong at the provider or at what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OidcFailure {
    pub at: UnixMs,
    /// Stable name of the error.
    pub code: String,
    /// In English.
    pub error: String,
}

/// The house's identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OidcView {
    pub settings: OidcSettings,
    /// There is a client secret; which, is told to nobody.
    pub has_secret: bool,
    /// What is to be entered at the provider; empty: the panel's address is not known yet.
    pub redirect_uri: String,
    pub removed: Vec<RemovedPerson>,
    /// The last one since the box started.
    #[schema(required)]
    pub failure: Option<OidcFailure>,
}

/// What somebody who is not signed in sees of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OidcButton {
    /// What stands on the button; `null`: there is none.
    #[schema(required)]
    pub name: Option<String>,
}

/// What was found at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OidcFound {
    pub authorization_endpoint: String,
    /// Where groups are asked for that are in no token.
    #[schema(required)]
    pub userinfo_endpoint: Option<String>,
    pub keys: usize,
    /// With what it signs, of that which the box takes.
    pub algorithms: Vec<String>,
    /// It says itself that it knows PKCE with S256.
    pub says_pkce: bool,
    /// Scopes that the box asks for and the provider does not list.
    pub unknown_scopes: Vec<String>,
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OidcTrial {
    pub took_ms: u64,
    /// `null`: it does not work.
    #[schema(required)]
    pub found: Option<OidcFound>,
    /// Stable name of what is wrong.
    #[schema(required)]
    pub code: Option<String>,
    /// In English.
    #[schema(required)]
    pub error: Option<String>,
}
