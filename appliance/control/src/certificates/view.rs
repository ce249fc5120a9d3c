//! Certificates as the panel shows them.

use super::chain::CertificateNote;
use super::facts::CertificateFacts;
use crate::clock::UnixMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateSource {
    /// The box's own authority.
    #[default]
    Own,
    /// Somebody uploaded it, with its key or in answer to a request.
    Uploaded,
    /// A server that speaks ACME issued it.
    Acme,
}

/// How a certificate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateState {
    Good,
    /// It ends soon, and nothing newer is there.
    Ending,
    /// It has ended: the box serves its own instead.
    Ended,
}

/// What the box serves beside its own certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ServedCertificate {
    pub source: CertificateSource,
    pub since: UnixMs,
    pub state: CertificateState,
    pub facts: CertificateFacts,
    /// The box's names and addresses that it is not for: there the box's own is served.
    pub uncovered: Vec<String>,
    /// Nobody else issued it: each device must be told of it.
    pub self_signed: bool,
}

/// A request whose answer is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertificateRequest {
    pub names: Vec<String>,
    pub made_at: UnixMs,
    /// The request, PEM: what the authority signs.
    pub request: String,
}

/// What the box shows of itself to those who connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertificatesView {
    /// Whether the box serves HTTPS at all: not in development.
    pub https: bool,
    /// What the owner wants served.
    pub wanted: CertificateSource,
    /// `null`: the box's own alone.
    #[schema(required)]
    pub served: Option<ServedCertificate>,
    /// By its own authority.
    #[schema(required)]
    pub own: Option<CertificateFacts>,
    /// Names and addresses under which the box is reached.
    pub names: Vec<String>,
    #[schema(required)]
    pub request: Option<CertificateRequest>,
}

/// A certificate that somebody sends.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateUpload {
    /// The certificate and those between it and its authority, PEM, in any order. The key may stand there too.
    pub chain: String,
    /// PEM, without a password. Absent: it stands with the chain, or is that of the request that waits.
    #[serde(default)]
    #[schema(nullable = false)]
    pub key: Option<String>,
}

impl std::fmt::Debug for CertificateUpload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateUpload").finish_non_exhaustive()
    }
}

/// What would be served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CertificatePreview {
    pub facts: CertificateFacts,
    pub notes: Vec<CertificateNote>,
    /// The box's names and addresses that it is not for: there the box's own goes on being served.
    pub uncovered: Vec<String>,
    /// The key is that of the request that waits.
    pub requested: bool,
}

/// Which names a request is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCertificateRequest {
    pub names: Vec<String>,
}
