//! Orders certificates from servers that speak ACME (RFC 8555).
//!
//! ```text
//! account ─► order ─► for each name: proof shown ─► server looks ─► request signed ─► chain
//! ```
//! What a proof is shown by, who calls decides; an order that fails leaves nothing behind here.

mod acme_dns;
mod http;

pub use acme_dns::{AcmeDnsAccount, AcmeDnsError, acme_dns_put, acme_dns_register};

use crate::line::Security;
use http::Http;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, ExternalAccountKey, Identifier, Key,
    NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

/// Servers look at proofs and sign within this.
const PATIENCE: Duration = Duration::from_secs(180);
/// The library signs a request three times where the server has forgotten its nonces (RFC 8555 §6.5);
/// a server that several machines answer for forgets more, and its order is begun again so often.
const NONCES: u32 = 5;

/// How it is proved that a name is the box's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofKind {
    /// A file at the box's plain door.
    Http,
    /// A TXT record.
    Dns,
}

/// What is to be shown, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Without a star.
    pub name: String,
    /// The file's name below `/.well-known/acme-challenge/`.
    pub token: String,
    /// What stands in the file.
    pub file: String,
    /// What stands in the TXT record of `_acme-challenge` below the name.
    pub record: String,
}

/// How an order goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcmeStep {
    Account,
    Ordering,
    /// Everything is shown.
    Proving,
    Checking,
    Issuing,
}

/// The account at a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeAccount {
    /// What the server calls it.
    pub id: String,
    /// PKCS #8, DER.
    pub key: Vec<u8>,
}

/// A future that somebody waits for elsewhere.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Shows proofs, and is told how the order goes.
pub trait AcmeHost: Send + Sync {
    /// The account is this one: keeps it before anything is ordered.
    fn account_is(&self, account: AcmeAccount) -> Later<'_, Result<(), String>>;
    /// Shows a proof, to be seen when this returns.
    fn show<'a>(&'a self, proof: &'a Proof) -> Later<'a, Result<(), String>>;
    /// The proof is needed no more.
    fn hide<'a>(&'a self, proof: &'a Proof) -> Later<'a, ()>;
    /// All proofs are shown: waits until the world can see them.
    fn settle(&self) -> Later<'_, ()>;
    fn step(&self, step: AcmeStep);
}

/// An account that exists elsewhere, to which the new one is bound (RFC 8555 §7.3.4).
pub struct AcmeBinding<'a> {
    pub id: &'a str,
    pub key: &'a [u8],
}

/// What is ordered, where, and as whom.
pub struct AcmePlan<'a> {
    pub directory: &'a str,
    pub security: Security,
    /// The key of the account, PKCS #8 of P-256, and its id once the server gave it one.
    pub key: &'a [u8],
    pub account: Option<&'a str>,
    /// Mail address, or empty.
    pub contact: &'a str,
    pub binding: Option<AcmeBinding<'a>>,
    pub proof: ProofKind,
    pub names: &'a [String],
    /// The request, DER.
    pub request: &'a [u8],
}

/// Why no certificate came. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    #[error("{0}")]
    Reach(String),
    #[error("{0}")]
    Trust(String),
    #[error("this server does not speak ACME as it should: {0}")]
    Answer(String),
    /// `kind` is the last part of the problem's type.
    #[error("the server refuses: {text}")]
    Refused { kind: String, text: String },
    #[error("the server did not find the proof for {name}: {text}")]
    Proof { name: String, text: String },
    #[error("the server does not take this kind of proof for {0}")]
    NoProof(String),
    #[error("the proof for {name} cannot be shown: {text}")]
    Show { name: String, text: String },
    #[error("the account cannot be kept: {0}")]
    Keep(String),
    #[error("the server took too long")]
    Time,
}

impl AcmeError {
    /// Nothing was done: the server does not know the nonce any more with which it was asked.
    fn is_forgotten_nonce(&self) -> bool {
        matches!(self, Self::Refused { kind, .. } if kind == "badNonce")
    }
}

impl From<Error> for AcmeError {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(problem) => {
                let kind = problem.r#type.as_deref().unwrap_or_default();
                let kind = kind.rsplit(':').next().unwrap_or_default().to_owned();
                let mut text = problem.detail.clone().unwrap_or_else(|| problem.to_string());
                for one in problem.subproblems.iter().filter_map(|one| one.detail.as_deref()) {
                    text.push_str("; ");
                    text.push_str(one);
                }
                Self::Refused { kind, text }
            }
            Error::Timeout(_) => Self::Time,
            Error::Other(error) => match error.downcast::<AcmeError>() {
                Ok(ours) => *ours,
                Err(error) => Self::Answer(error.to_string()),
            },
            error => Self::Answer(error.to_string()),
        }
    }
}

/// A new key for an account, PKCS #8 in DER.
///
/// # Errors
/// The system gives no randomness.
pub fn acme_key() -> Result<Vec<u8>, AcmeError> {
    let (_, key) = Key::generate_pkcs8()?;
    Ok(key.secret_pkcs8_der().to_vec())
}

/// Orders a certificate: its chain, PEM.
///
/// # Errors
/// See [`AcmeError`]. Proofs that were shown are hidden again, however it ends.
pub async fn acme_order(plan: &AcmePlan<'_>, host: &dyn AcmeHost) -> Result<String, AcmeError> {
    let mut tries = 0;
    let account = loop {
        host.step(AcmeStep::Account);
        match account(plan, host).await {
            Err(error) if error.is_forgotten_nonce() && tries < NONCES => tries += 1,
            other => break other?,
        }
    };
    loop {
        match order(plan, host, &account).await {
            Err(error) if error.is_forgotten_nonce() && tries < NONCES => tries += 1,
            other => return other,
        }
    }
}

async fn order(
    plan: &AcmePlan<'_>,
    host: &dyn AcmeHost,
    account: &Account,
) -> Result<String, AcmeError> {
    host.step(AcmeStep::Ordering);
    let identifiers: Vec<_> = plan
        .names
        .iter()
        .map(|name| match name.parse::<IpAddr>() {
            Ok(address) => Identifier::Ip(address),
            Err(_) => Identifier::Dns(name.clone()),
        })
        .collect();
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
    let mut shown = Vec::new();
    let proved = prove(plan, host, &mut order, &mut shown).await;
    for proof in &shown {
        host.hide(proof).await;
    }
    proved?;
    host.step(AcmeStep::Issuing);
    order.finalize_csr(plan.request).await?;
    Ok(order.poll_certificate(&RetryPolicy::new().timeout(PATIENCE)).await?)
}

async fn account(plan: &AcmePlan<'_>, host: &dyn AcmeHost) -> Result<Account, AcmeError> {
    let builder = Account::builder_with_http(Box::new(Http(plan.security.clone())));
    let key = PrivatePkcs8KeyDer::from(plan.key.to_vec());
    let directory = plan.directory.to_owned();
    if let Some(id) = plan.account {
        return Ok(builder.from_parts(id.to_owned(), key, directory).await?);
    }
    let mail = format!("mailto:{}", plan.contact);
    let contact: &[&str] = if plan.contact.is_empty() { &[] } else { &[&mail] };
    let (account, credentials) = match &plan.binding {
        // The library makes a key of its own for these: it is kept before anything is ordered with it.
        Some(binding) => {
            let binding = ExternalAccountKey::new(binding.id.to_owned(), binding.key);
            let terms_of_service_agreed = true;
            let new = NewAccount { contact, terms_of_service_agreed, only_return_existing: false };
            builder.create(&new, directory, Some(&binding)).await?
        }
        None => {
            let usable = Key::from_pkcs8_der(key.clone_key())?;
            builder.create_from_key((usable, key.into()), directory).await?
        }
    };
    let key = credentials.private_key().secret_pkcs8_der().to_vec();
    let kept = AcmeAccount { id: account.id().to_owned(), key };
    host.account_is(kept).await.map_err(AcmeError::Keep)?;
    if plan.binding.is_none() && !contact.is_empty() {
        account.update_contacts(contact).await?;
    }
    Ok(account)
}

async fn prove(
    plan: &AcmePlan<'_>,
    host: &dyn AcmeHost,
    order: &mut Order,
    shown: &mut Vec<Proof>,
) -> Result<(), AcmeError> {
    let kind = match plan.proof {
        ProofKind::Http => ChallengeType::Http01,
        ProofKind::Dns => ChallengeType::Dns01,
    };
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        // One that was proved lately need not be proved again.
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let name = authorization.identifier().to_string();
        let name = name.trim_start_matches("*.").to_owned();
        let challenge = authorization.challenge(kind.clone());
        let challenge = challenge.ok_or_else(|| AcmeError::NoProof(name.clone()))?;
        let answer = challenge.key_authorization();
        let (token, record) = (challenge.token.clone(), answer.dns_value());
        let proof = Proof { name: name.clone(), token, file: answer.as_str().to_owned(), record };
        shown.push(proof.clone());
        let could = host.show(&proof).await;
        could.map_err(|text| AcmeError::Show { name, text })?;
    }
    host.step(AcmeStep::Proving);
    if !shown.is_empty() {
        host.settle().await;
    }
    host.step(AcmeStep::Checking);
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Pending
            && let Some(mut challenge) = authorization.challenge(kind.clone())
        {
            challenge.set_ready().await?;
        }
    }
    let outcome = order.poll_ready(&RetryPolicy::new().timeout(PATIENCE)).await;
    match outcome {
        Ok(OrderStatus::Ready) => Ok(()),
        Ok(_) | Err(Error::Api(_)) => Err(why(order, outcome.err()).await),
        Err(error) => Err(error.into()),
    }
}

/// What the server says against a proof; the order itself says little.
async fn why(order: &mut Order, said: Option<Error>) -> AcmeError {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() {
            continue;
        }
        let name = authorization.identifier().to_string();
        let problem = authorization.challenges.iter().find_map(|one| one.error.as_ref());
        if let Some(problem) = problem {
            let text = problem.detail.clone().unwrap_or_else(|| problem.to_string());
            return AcmeError::Proof { name, text };
        }
    }
    let none = || AcmeError::Answer("the order became invalid, and nothing says why".to_owned());
    said.map_or_else(none, AcmeError::from)
}
