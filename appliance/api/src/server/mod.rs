//! The HTTP server below the doors: it accepts connections, bounds how many there are and how long
//! each may dawdle, and ends them when the box stops.
//!
//! ```text
//! accept ─ seat free ─► (TLS) ─► head ─► doors ─► answer ─┬─► head … (keep-alive)
//!   └─ none: 503          └──────┴ late: closed           └─► WebSocket: the door's own patience
//!                                └ body late: 408, closed
//! ```
//! A seat is taken for as long as the connection lives, as a WebSocket too. Nothing here ends a
//! WebSocket, or an answer that its reader takes slowly: a film that is paused is such an answer.
//! On the port of TLS media clients may speak, too, who find no other port open (ICE-TCP, RFC 6544):
//! what a connection begins with tells them apart, and they leave their seat for the media plane.
//! Below TLS it is the same; the handshake has the time that a head has, and whoever finds no seat is
//! only closed, because a refusal in plain text would not be understood.

mod body;
mod forwarded;
mod opening;
mod seated;
mod seats;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
pub(crate) use body::Patience;
use body::{InTime, Late};
pub use forwarded::Forwarders;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use opening::{Opening, hear};
use seated::{Seated, last_word};
use seats::{Full, Seats};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tower::ServiceExt as _;

/// Refused connections that are told so at a time; more are only closed.
const FAREWELLS: usize = 32;
/// When the system gives no more connections (too many open files), it is asked again after this.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// How many connections there may be, and for how long they may keep the box waiting.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the head of a request, from the connection's beginning or from the end of the answer
    /// before: so it is the time that a connection may idle, too.
    pub head: Duration,
    /// For the whole body of a request; of one that may be long (see [`Patience`]), between two of
    /// its pieces.
    pub body: Duration,
    /// Connections of everybody.
    pub connections: usize,
    /// Connections of one address (of one /64 in IPv6). A class behind one router has one.
    pub of_one_address: usize,
    /// Connections from the box itself.
    pub of_this_machine: usize,
}

impl Default for Limits {
    /// A hundred meetings of four with a page beside each, also from one address; and well below the
    /// files that the daemon may open, because the recorder's parts are files too.
    fn default() -> Self {
        Self {
            head: Duration::from_secs(20),
            body: Duration::from_secs(30),
            connections: 1500,
            of_one_address: 600,
            of_this_machine: 1000,
        }
    }
}

/// Who sent a request; behind a proxy that is trusted, whoever sent it there. Of a router that is not served by [`serve`]: nobody, 0.0.0.0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub IpAddr);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(Ipv4Addr::UNSPECIFIED.into())))
    }
}

/// The box's address that a request came to. Of a router that is not served by [`serve`]: nobody knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Here(pub Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for Here {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(None)))
    }
}

/// Whether a request came over TLS. Of a router that is not served by [`serve`]: no.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encrypted(pub bool);

impl<S: Sync> FromRequestParts<S> for Encrypted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(false)))
    }
}

/// The other end of a connection.
#[derive(Clone)]
struct Sender {
    peer: IpAddr,
    here: Here,
    tls: bool,
    forwarders: Forwarders,
}

/// What the bytes of a connection are.
#[derive(Clone)]
pub enum Wire {
    Plain,
    /// TLS, and beside it what somebody else understands.
    Tls(Arc<ServerConfig>, Option<Arc<dyn Other>>),
}

/// Who understands connections that begin with a framed connectivity check (RFC 4571, RFC 8489).
pub trait Other: Send + Sync {
    /// Takes over a connection, of which nothing was read; it does not block. Must not wait.
    fn take(&self, stream: std::net::TcpStream);
}

/// Serves until `stop` is done; then no more is accepted, idle connections end at once and the
/// others after the answer that they wait for.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    wire: Wire,
    limits: Limits,
    forwarders: Forwarders,
    stop: impl Future<Output = ()>,
) {
    let seats = Arc::new(Seats::new(limits));
    let farewells = Arc::new(Semaphore::new(FAREWELLS));
    let (stopping, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok((stream, address)) => (stream, address.ip().to_canonical()),
            Err(error) => {
                accept_failed(&error).await;
                continue;
            }
        };
        match seats.take(peer, forwarders.trusts(peer)) {
            Ok(seat) => {
                let (router, wire, stopped) = (router.clone(), wire.clone(), stopped.clone());
                let here = Here(stream.local_addr().ok().map(|at| at.ip().to_canonical()));
                let from = Sender { peer, here, tls: false, forwarders: forwarders.clone() };
                connections.spawn(async move {
                    match wire {
                        Wire::Plain => {
                            let seated = Seated::new(stream, seat);
                            connection(seated, from, router, limits, stopped).await;
                        }
                        Wire::Tls(config, other) => {
                            let stream = match other {
                                Some(other) => {
                                    not_for(other, stream, limits, stopped.clone()).await
                                }
                                None => Some(stream),
                            };
                            let Some(stream) = stream else { return };
                            let seated = Seated::new(stream, seat);
                            encrypted(seated, config, from, router, limits, stopped).await;
                        }
                    }
                });
            }
            Err(full) => {
                if let Some(refused) = seats.refused(Instant::now()) {
                    tracing::warn!(refused, limit = ?full, "connections were refused");
                }
                if let (Wire::Plain, Ok(permit)) = (&wire, farewells.clone().try_acquire_owned()) {
                    connections.spawn(async move {
                        if let Err(error) = refuse(stream, full).await {
                            tracing::debug!(%error, "a refused client had gone already");
                        }
                        drop(permit);
                    });
                }
            }
        }
    }
    drop(listener);
    drop(stopping);
    while connections.join_next().await.is_some() {}
}

async fn accept_failed(error: &io::Error) {
    use io::ErrorKind as Kind;
    // These are about one connection that has gone again.
    if matches!(
        error.kind(),
        Kind::ConnectionAborted | Kind::ConnectionRefused | Kind::ConnectionReset
    ) {
        return;
    }
    tracing::error!(%error, "no connection can be accepted");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// Says no without a look at the request.
async fn refuse(mut stream: TcpStream, full: Full) -> io::Result<()> {
    let body = format!(r#"{{"code":"too_many_connections","message":"{full}"}}"#);
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 10\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    last_word(stream).await
}

/// Hands a connection over that somebody else understands; else it is given back. Whoever begins with
/// nothing in a head's time is closed.
async fn not_for(
    other: Arc<dyn Other>,
    stream: TcpStream,
    limits: Limits,
    mut stopped: watch::Receiver<()>,
) -> Option<TcpStream> {
    let opening = tokio::select! {
        opening = timeout(limits.head, hear(&stream)) => opening,
        _ = stopped.changed() => return None,
    };
    match opening {
        Ok(Ok(Opening::Door)) => return Some(stream),
        Ok(Ok(Opening::Check)) => match stream.into_std() {
            Ok(stream) => other.take(stream),
            Err(error) => tracing::debug!(%error, "a media connection had gone already"),
        },
        Ok(Err(error)) => tracing::debug!(%error, "a connection ended before it began"),
        Err(_) => tracing::debug!("a client took too long to begin"),
    }
    None
}

/// A connection below TLS.
async fn encrypted(
    seated: Seated,
    config: Arc<ServerConfig>,
    from: Sender,
    router: Router,
    limits: Limits,
    mut stopped: watch::Receiver<()>,
) {
    let handshake = timeout(limits.head, TlsAcceptor::from(config).accept(seated));
    let greeted = tokio::select! {
        greeted = handshake => greeted,
        _ = stopped.changed() => return,
    };
    match greeted {
        Ok(Ok(stream)) => {
            connection(stream, Sender { tls: true, ..from }, router, limits, stopped).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "a client and the box found no TLS in common"),
        Err(_) => tracing::debug!("a client took too long for its TLS handshake"),
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    from: Sender,
    router: Router,
    limits: Limits,
    mut stopped: watch::Receiver<()>,
) {
    let io = TokioIo::new(stream);
    let service =
        service_fn(move |request| answer(router.clone(), from.clone(), limits.body, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .serve_connection(io, service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let done = tokio::select! {
        done = &mut connection => done,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = done {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(
    router: Router,
    from: Sender,
    patience: Duration,
    request: hyper::Request<Incoming>,
) -> Result<Response, Infallible> {
    let late = Late::default();
    let more = Patience::default();
    let mut request: Request =
        request.map(|body| InTime::wrap(body, patience, more.clone(), late.clone()));
    let (peer, tls) = from.forwarders.origin(from.peer, from.tls, request.headers());
    request.extensions_mut().insert(Peer(peer));
    request.extensions_mut().insert(from.here);
    request.extensions_mut().insert(more);
    request.extensions_mut().insert(Encrypted(tls));
    let mut response = router.oneshot(request).await?;
    if late.is_so() {
        // Whatever a door made of a body that broke off: this is why.
        let message = "the body of the request took too long: send it at once";
        let body = serde_json::json!({ "code": "too_slow", "message": message });
        response = (StatusCode::REQUEST_TIMEOUT, Json(body)).into_response();
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

#[cfg(test)]
mod tests;
