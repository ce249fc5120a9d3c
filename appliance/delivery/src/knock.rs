//! Asks another box something, which is known by its authority's fingerprint.

use crate::address::Address;
use crate::reach::{ReachError, Trust, USER, exchange, reach};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

/// The longest answer that is read.
const ANSWER: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

/// Why another box was not asked. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum KnockError {
    #[error("{0} is no address of a box")]
    Address(String),
    #[error(transparent)]
    Reach(#[from] ReachError),
    #[error("{host} does not speak HTTP as it should: {why}")]
    Exchange { host: String, why: String },
    #[error("{host} did not answer within {} s", PATIENCE.as_secs())]
    Time { host: String },
}

/// POSTs JSON to `https://{at}{path}` and answers status and body. `fingerprint` is the SHA-256 of the
/// authority that must have certified it.
///
/// # Errors
/// See [`KnockError`].
pub async fn knock(
    at: &str,
    path: &str,
    fingerprint: [u8; 32],
    body: Vec<u8>,
) -> Result<(StatusCode, Vec<u8>), KnockError> {
    let address = Address::parse(&format!("https://{at}{path}"));
    let address = address.ok_or_else(|| KnockError::Address(at.to_owned()))?;
    let host = address.host.clone();
    let asked = tokio::time::timeout(PATIENCE, ask(&address, fingerprint, body));
    asked.await.map_err(|_| KnockError::Time { host })?
}

async fn ask(
    at: &Address,
    fingerprint: [u8; 32],
    body: Vec<u8>,
) -> Result<(StatusCode, Vec<u8>), KnockError> {
    let broken = |error: &dyn Display| KnockError::Exchange {
        host: at.host.clone(),
        why: error.to_string(),
    };
    let reached = reach(at, &Trust::pinned(fingerprint)).await?;
    let mut request = Request::post(at.path.as_str())
        .header(HOST, at.authority())
        .header(USER_AGENT, USER)
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "close")
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| KnockError::Address(at.text()))?;
    // It is HTTPS: a pipe, of which the proxy says nothing any more.
    let (stream, _) = reached.ready(&mut request, at)?;
    let read = |response: Response<Incoming>| async move {
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER).collect().await?;
        Ok::<_, Box<dyn Error + Send + Sync>>((status, body.to_bytes().to_vec()))
    };
    let answered = exchange(stream, request, read).await.map_err(|error| broken(&error))?;
    answered.map_err(|error| broken(&error))
}
