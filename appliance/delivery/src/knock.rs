//! Asks another box something, which is known by its authority's fingerprint.

use crate::address::Address;
use crate::reach::{ReachError, Trust, USER, reach};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
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
    let broken = |why: String| KnockError::Exchange { host: at.host.clone(), why };
    let stream = reach(at, &Trust::pinned(fingerprint)).await?;
    let shaken = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| broken(error.to_string()))?;
    let request = Request::post(at.path.as_str())
        .header(HOST, at.authority())
        .header(USER_AGENT, USER)
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "close")
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| KnockError::Address(at.text()))?;
    let answer = async {
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| broken(error.to_string()))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER).collect().await;
        let body = body.map_err(|error| broken(error.to_string()))?;
        Ok((status, body.to_bytes().to_vec()))
    };
    // The connection moves only while it is looked at.
    tokio::pin!(answer);
    tokio::select! {
        biased;
        answered = &mut answer => answered,
        ended = connection => match ended {
            Ok(()) => answer.await,
            Err(error) => Err(broken(error.to_string())),
        },
    }
}
