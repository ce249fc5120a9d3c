//! How ACME's requests go: by our own lines, with the trust that the owner chose.

use super::AcmeError;
use crate::address::Address;
use crate::line::Security;
use crate::reach::{ReachError, exchange, is_of_trust, reach};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A chain has some kilobytes.
const LONGEST: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Http(pub Security);

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let security = self.0.clone();
        Box::pin(async move {
            let answered = tokio::time::timeout(PATIENCE, ask(request, security)).await;
            let answered = answered.unwrap_or(Err(AcmeError::Time));
            answered.map_err(|error| Error::Other(Box::new(error)))
        })
    }
}

async fn ask(
    mut request: Request<BodyWrapper<Bytes>>,
    security: Security,
) -> Result<BytesResponse, AcmeError> {
    let broken = |text: String| AcmeError::Answer(text);
    let at = Address::parse(&request.uri().to_string()).filter(|at| at.https);
    let at = at.ok_or_else(|| broken(format!("{} is no address of HTTPS", request.uri())))?;
    let reached = reach(&at, &security).await.map_err(of_reach)?;
    let host = HeaderValue::from_str(&at.authority()).map_err(|error| broken(error.to_string()))?;
    request.headers_mut().insert(HOST, host);
    *request.uri_mut() = at.path.parse().map_err(|_| broken(at.text()))?;
    let read = |response: Response<Incoming>| async move {
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, LONGEST).collect().await;
        body.map(|body| (parts, body.to_bytes()))
    };
    // It is HTTPS: a pipe, of which the proxy says nothing any more.
    let (stream, _) = reached.ready(&mut request, &at).map_err(of_reach)?;
    let answered = exchange(stream, request, read).await;
    let (parts, body) = answered
        .map_err(|error| broken(error.to_string()))?
        .map_err(|error| broken(error.to_string()))?;
    Ok(BytesResponse { parts, body: Box::new(body) })
}

fn of_reach(error: ReachError) -> AcmeError {
    match is_of_trust(&error) {
        true => AcmeError::Trust(error.to_string()),
        false => AcmeError::Reach(error.to_string()),
    }
}
