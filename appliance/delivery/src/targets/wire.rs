//! One HTTP request and its answer, each streamed, over a connection of its own (RFC 9110).
//!
//! It knows nothing of WebDAV or S3. A redirect is an answer like any other: what goes out is for
//! the address that the owner named.

use super::SendError;
use super::pace::{IDLE, Thinks, Watched};
use crate::address::Address;
use crate::bound::Bound;
use crate::reach::{Reached, Trust, USER, reach, reach_by};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use tokio::task::JoinHandle;

/// One for all: reading the system's authorities takes longer than a handshake.
static TRUST: LazyLock<Trust> = LazyLock::new(Trust::default);

/// A connection without HTTP, which no proxy leads on, watched, at a pace.
pub(super) async fn open(at: &Address, pace: Option<u64>) -> Result<Watched, SendError> {
    let reached = tokio::time::timeout(IDLE, reach_by(at, &*TRUST, Bound::named(), None)).await;
    let reached = reached.map_err(|_| SendError::Still(at.host.clone()))??;
    Ok(Watched::new(reached.stream(), pace))
}

async fn open_by(at: &Address, trust: &Trust) -> Result<Reached, SendError> {
    let reached = tokio::time::timeout(IDLE, reach(at, trust)).await;
    Ok(reached.map_err(|_| SendError::Still(at.host.clone()))??)
}

/// Asks, and answers as soon as the other side begins to.
///
/// The request's address and host become those of `at`; a `Host` that is there already stays.
pub(super) async fn ask<B>(
    at: &Address,
    pace: Option<u64>,
    request: Request<B>,
) -> Result<Response<Answer>, SendError>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    ask_by(at, &TRUST, pace, request).await
}

/// The same of somebody whom other authorities certify than the system's.
pub(crate) async fn ask_by<B>(
    at: &Address,
    trust: &Trust,
    pace: Option<u64>,
    mut request: Request<B>,
) -> Result<Response<Answer>, SendError>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let broken = |error: hyper::Error| SendError::broken(&at.host, &error);
    let refused = || SendError::Address(format!("{} is no address", at.host));
    *request.uri_mut() = at.path.parse::<Uri>().map_err(|_| refused())?;
    let host = HeaderValue::from_str(&at.authority()).map_err(|_| refused())?;
    let headers = request.headers_mut();
    headers.entry(HOST).or_insert(host);
    headers.insert(USER_AGENT, HeaderValue::from_static(USER));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let (stream, way) = open_by(at, trust).await?.ready(&mut request, at)?;
    let stream = Watched::new(stream, pace);
    // What only reads is answered at once.
    let works = matches!(*request.method(), Method::PUT | Method::POST);
    let works = works || request.method().as_str() == "MOVE";
    let thinks = works.then(|| stream.thinks());
    let request = request.map(|body| Whole::new(body, thinks));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // How it ends is told to whoever waits for the answer or reads it.
    let connection = Connection(tokio::spawn(async move { drop(connection.await) }));
    let response = sender.send_request(request).await.map_err(broken)?;
    way.judge(response.status())?;
    Ok(response.map(|body| Answer { body, host: at.host.clone(), _connection: connection }))
}

/// A request's body that says when all of it was given out.
struct Whole<B> {
    body: B,
    thinks: Option<Thinks>,
}

impl<B: Body> Whole<B> {
    fn new(body: B, thinks: Option<Thinks>) -> Self {
        let whole = Self { body, thinks };
        // Of nothing nobody asks for the end.
        whole.look();
        whole
    }

    fn look(&self) {
        if let Some(thinks) = self.thinks.as_ref().filter(|_| self.body.is_end_stream()) {
            thinks.set(true);
        }
    }
}

impl<B: Body + Unpin> Body for Whole<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.look();
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Ends with whoever needs it: a transfer that is given up leaves nothing behind.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The body of an answer, and the connection that it comes through.
pub(crate) struct Answer {
    body: Incoming,
    host: String,
    _connection: Connection,
}

impl Answer {
    /// The next bytes; None at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, SendError> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| SendError::broken(&self.host, &error))?;
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::pace::THINK;
    use http_body_util::Full;
    use hyper::Method;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A server that has got all of it and answers much later.
    async fn asked(method: &str, body: &'static str) -> Result<u16, SendError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(format!("\r\n\r\n{body}").as_bytes()) {
                stream.read_buf(&mut asked).await.unwrap();
            }
            tokio::time::sleep(THINK - Duration::from_secs(1)).await;
            let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        });
        let at = Address::parse(&format!("http://127.0.0.1:{port}/film")).unwrap();
        let mut request = Request::new(Full::new(Bytes::from_static(body.as_bytes())));
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        Ok(ask(&at, None, request).await?.status().as_u16())
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_the_whole_of_something_may_take_long_to_answer() {
        assert_eq!(asked("PUT", "all of the film").await.unwrap(), 201);
        assert_eq!(asked("POST", "").await.unwrap(), 201);
        assert_eq!(asked("MOVE", "").await.unwrap(), 201);
        assert!(matches!(asked("GET", "").await, Err(SendError::Still(_))));
    }
}
