//! Asks something by a proxy, to learn whether it leads on.

use super::{Proxy, Way};
use crate::address::Address;
use crate::bound::Bound;
use crate::reach::{ReachError, Trust, USER, exchange, is_of_trust, reach_so};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::{Request, Response};
use std::sync::Arc;
use std::time::Duration;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyTried {
    /// The server answered this status.
    Answered(u16),
    /// It is excepted: nothing was asked.
    Direct,
}

/// Why nothing was answered. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum ProxyTryError {
    #[error("the address begins with neither http:// nor https://, or names no server")]
    Address,
    /// There is a server, and its certificate is not trusted.
    #[error(transparent)]
    Certificate(ReachError),
    #[error(transparent)]
    Reach(ReachError),
    #[error("{host} does not speak HTTP as it should: {source}")]
    Exchange { host: String, source: hyper::Error },
    #[error("nothing was answered within {} s", .0.as_secs())]
    Time(Duration),
}

/// Asks for `url` by this proxy.
///
/// # Errors
/// See [`ProxyTryError`].
pub async fn try_proxy(
    proxy: Arc<Proxy>,
    url: &str,
    patience: Duration,
) -> Result<ProxyTried, ProxyTryError> {
    let at = Address::parse(url).ok_or(ProxyTryError::Address)?;
    let asked = tokio::time::timeout(patience, ask(proxy, &at)).await;
    asked.unwrap_or(Err(ProxyTryError::Time(patience)))
}

async fn ask(proxy: Arc<Proxy>, at: &Address) -> Result<ProxyTried, ProxyTryError> {
    if proxy.way(at, Bound::named()).await.map_err(ProxyTryError::Reach)? == Way::Direct {
        return Ok(ProxyTried::Direct);
    }
    let of_reach = |error| match is_of_trust(&error) {
        true => ProxyTryError::Certificate(error),
        false => ProxyTryError::Reach(error),
    };
    let reached = reach_so(at, &Trust::default(), Bound::named(), Some(proxy)).await;
    let reached = reached.map_err(of_reach)?;
    let mut request = Request::get(at.path.as_str())
        .header(HOST, at.authority())
        .header(USER_AGENT, USER)
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|_| ProxyTryError::Address)?;
    let (stream, way) = reached.ready(&mut request, at).map_err(ProxyTryError::Reach)?;
    let read = |response: Response<Incoming>| async move {
        way.judge(response.status()).map(|()| response.status().as_u16())
    };
    let answered = exchange(stream, request, read).await;
    let answered =
        answered.map_err(|source| ProxyTryError::Exchange { host: at.host.clone(), source })?;
    answered.map(ProxyTried::Answered).map_err(ProxyTryError::Reach)
}
