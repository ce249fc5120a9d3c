//! acme-dns: a small server of names that holds nothing but proofs. The owner's zone points there once.

use crate::address::Address;
use crate::reach::{ReachError, Trust, USER, exchange, reach};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use serde::Deserialize;
use std::time::Duration;

const LONGEST: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// Who the box is there.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct AcmeDnsAccount {
    pub username: String,
    pub password: String,
    pub subdomain: String,
    /// What `_acme-challenge` below each name must point to (CNAME).
    pub fulldomain: String,
}

/// Why it did not work. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum AcmeDnsError {
    #[error("{0} is no address: it begins with https:// and names a server")]
    Address(String),
    #[error("{0}")]
    Reach(String),
    #[error("{host} answers {status}")]
    Status { host: String, status: u16 },
    #[error("{0} does not answer as acme-dns does")]
    Answer(String),
    #[error("{0} did not answer in time")]
    Time(String),
}

/// Introduces the box.
///
/// # Errors
/// See [`AcmeDnsError`].
pub async fn acme_dns_register(server: &str) -> Result<AcmeDnsAccount, AcmeDnsError> {
    let answer = post(server, "register", None, "{}").await?;
    let read: Option<AcmeDnsAccount> = serde_json::from_slice(&answer).ok();
    read.ok_or_else(|| AcmeDnsError::Answer(server.to_owned()))
}

/// Puts a text in the place of the older of two.
///
/// # Errors
/// See [`AcmeDnsError`].
pub async fn acme_dns_put(
    server: &str,
    account: &AcmeDnsAccount,
    text: &str,
) -> Result<(), AcmeDnsError> {
    let body = serde_json::json!({"subdomain": account.subdomain, "txt": text}).to_string();
    post(server, "update", Some(account), &body).await.map(drop)
}

async fn post(
    server: &str,
    what: &str,
    account: Option<&AcmeDnsAccount>,
    body: &str,
) -> Result<Bytes, AcmeDnsError> {
    let bad = || AcmeDnsError::Address(server.to_owned());
    let at = Address::parse(&format!("{}/{what}", server.trim_end_matches('/'))).ok_or_else(bad)?;
    let asked = tokio::time::timeout(PATIENCE, ask(&at, account, body)).await;
    asked.unwrap_or_else(|_| Err(AcmeDnsError::Time(at.host.clone())))
}

async fn ask(
    at: &Address,
    account: Option<&AcmeDnsAccount>,
    body: &str,
) -> Result<Bytes, AcmeDnsError> {
    let of_reach = |error: ReachError| AcmeDnsError::Reach(error.to_string());
    let reached = reach(at, &Trust::default()).await.map_err(of_reach)?;
    let mut request = Request::post(at.path.as_str())
        .header(HOST, at.authority())
        .header(USER_AGENT, USER)
        .header(CONTENT_TYPE, "application/json");
    for (header, value) in account
        .iter()
        .flat_map(|account| [("x-api-user", &account.username), ("x-api-key", &account.password)])
    {
        let mut value =
            HeaderValue::from_str(value).map_err(|_| AcmeDnsError::Answer(at.host.clone()))?;
        value.set_sensitive(true);
        request = request.header(header, value);
    }
    let mut request = request
        .body(Full::new(Bytes::from(body.to_owned())))
        .map_err(|_| AcmeDnsError::Address(at.text()))?;
    let (stream, way) = reached.ready(&mut request, at).map_err(of_reach)?;
    let read = |response: Response<Incoming>| async move {
        let status = response.status();
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        (way.judge(status), status, body.map(|body| body.to_bytes()))
    };
    let broken = || AcmeDnsError::Answer(at.host.clone());
    let (heard, status, body) = exchange(stream, request, read).await.map_err(|_| broken())?;
    heard.map_err(of_reach)?;
    match status.is_success() {
        true => body.map_err(|_| broken()),
        false => Err(AcmeDnsError::Status { host: at.host.clone(), status: status.as_u16() }),
    }
}
