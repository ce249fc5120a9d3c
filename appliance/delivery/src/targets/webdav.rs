//! Onto a WebDAV server (RFC 4918).
//!
//! `PUT` under `.unfinished`, `GET` and compare, `MOVE` to the name. A `PUT` cannot go on where an earlier
//! one ended: an interrupted file begins anew.

use super::carry::Teller;
use super::names::{PART, encoded, folders};
use super::source::{CHUNK, Load, Source};
use super::wire::{Answer, ask};
use super::{SendError, WebDavTarget};
use crate::address::Address;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Pieces that wait for the connection: one is read while another goes out.
const AHEAD: usize = 1;

/// A folder of a server.
pub(super) struct Dav {
    base: Address,
    authorization: Option<HeaderValue>,
    pace: Option<u64>,
}

/// Reads what the owner typed; speaks with nobody.
pub(super) fn open(target: &WebDavTarget, pace: Option<u64>) -> Result<Dav, SendError> {
    let mut base = Address::parse(&target.url)
        .filter(|address| !address.path.contains('?'))
        .ok_or_else(|| {
            let like = "the address of the folder must be like https://cloud.example/folder";
            SendError::Address(format!("{like}, without name and password"))
        })?;
    if !base.path.ends_with('/') {
        base.path.push('/');
    }
    let mut authorization = None;
    if !target.user.is_empty() || !target.password.is_empty() {
        // RFC 7617 §2: the name ends at the first colon.
        if target.user.contains(':') {
            return Err(SendError::Address("a user's name has no colon".to_owned()));
        }
        let basic = BASE64_STANDARD.encode(format!("{}:{}", target.user, target.password));
        let mut value = HeaderValue::try_from(format!("Basic {basic}"))
            .map_err(|_| SendError::Address("the password cannot be sent".to_owned()))?;
        value.set_sensitive(true);
        authorization = Some(value);
    }
    Ok(Dav { base, authorization, pace })
}

/// Carries `load` onto the server.
pub(super) async fn carry(
    dav: &Dav,
    load: &Load<'_>,
    teller: &mut Teller<'_>,
) -> Result<(), SendError> {
    if dav.has(load).await? {
        teller.done(load.bytes);
        return Ok(());
    }
    dav.is_ready().await?;
    for folder in folders(load.name) {
        dav.make(folder).await?;
    }
    let part = format!("{}{PART}", load.name);
    let mut done = dav.put(&part, load, teller).await;
    if done.is_ok() && !dav.holds(&part, load).await? {
        done = Err(SendError::Differs(dav.host().to_owned()));
    }
    if let Err(SendError::Changed(_) | SendError::Differs(_)) = done {
        // No later try can use it. If it stays: what was found is the news.
        remove(dav, &part).await.unwrap_or_default();
    }
    done?;
    dav.rename(&part, load.name).await?;
    teller.done(load.bytes);
    Ok(())
}

/// Takes a file away; that it is gone already is no error.
pub(super) async fn remove(dav: &Dav, name: &str) -> Result<(), SendError> {
    let status = dav.ask(dav.request(Method::DELETE)?, name).await?.status();
    match status.is_success() || status == StatusCode::NOT_FOUND {
        true => Ok(()),
        false => Err(dav.refused(status)),
    }
}

/// Takes a file away if it is the one that was sent.
pub(super) async fn withdraw(dav: &Dav, load: &Load<'_>) -> Result<bool, SendError> {
    // Else a server that is not what it was would look like one that has nothing.
    dav.is_ready().await?;
    let same = dav.has(load).await?;
    if same {
        remove(dav, load.name).await?;
    }
    Ok(same)
}

impl Dav {
    fn host(&self) -> &str {
        &self.base.host
    }

    fn place(&self) -> String {
        self.base.text()
    }

    fn at(&self, name: &str) -> Address {
        Address { path: format!("{}{}", self.base.path, encoded(name)), ..self.base.clone() }
    }

    fn request(&self, method: Method) -> Result<Request<Empty<Bytes>>, SendError> {
        self.with(method, Empty::new())
    }

    fn with<B>(&self, method: Method, body: B) -> Result<Request<B>, SendError> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        let headers = request.headers_mut();
        // What comes back must be what was sent, not a packed form of it.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        Ok(request)
    }

    async fn ask<B>(&self, request: Request<B>, name: &str) -> Result<Response<Answer>, SendError>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        ask(&self.at(name), self.pace, request).await
    }

    /// What a status that is not 2xx means here (RFC 4918 §9, §11; RFC 9110 §15).
    fn refused(&self, status: StatusCode) -> SendError {
        let place = self.place();
        match status {
            StatusCode::UNAUTHORIZED => SendError::Credentials { host: self.host().to_owned() },
            StatusCode::FORBIDDEN => {
                SendError::NotWritable { place, why: "it answers 403 Forbidden".to_owned() }
            }
            // 409: the folder above is missing.
            StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::GONE => {
                SendError::Missing(place)
            }
            StatusCode::INSUFFICIENT_STORAGE => SendError::Full(place),
            StatusCode::PAYLOAD_TOO_LARGE => SendError::TooLarge(place),
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                SendError::answer(self.host(), format!("{place} is no WebDAV folder ({status})"))
            }
            status if status.is_redirection() => SendError::answer(
                self.host(),
                format!("{place} is elsewhere ({status}): enter the address that it leads to"),
            ),
            status => SendError::answer(self.host(), format!("it answers {status}")),
        }
    }

    /// Whether the folder is there: else a whole film would go out only to be refused.
    async fn is_ready(&self) -> Result<(), SendError> {
        let mut request = self.request(propfind()?)?;
        request.headers_mut().insert("depth", HeaderValue::from_static("0"));
        match self.ask(request, "").await?.status() {
            StatusCode::MULTI_STATUS => Ok(()),
            StatusCode::OK => Err(self.refused(StatusCode::METHOD_NOT_ALLOWED)),
            status => Err(self.refused(status)),
        }
    }

    async fn has(&self, load: &Load<'_>) -> Result<bool, SendError> {
        let answer = self.ask(self.request(Method::HEAD)?, load.name).await?;
        match answer.status() {
            StatusCode::UNAUTHORIZED => return Err(self.refused(StatusCode::UNAUTHORIZED)),
            StatusCode::OK => {}
            _ => return Ok(false),
        }
        let length = answer.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        match length == Some(&load.bytes.to_string()) {
            true => self.holds(load.name, load).await,
            false => Ok(false),
        }
    }

    /// Makes a folder (RFC 4918 §9.3).
    async fn make(&self, folder: &str) -> Result<(), SendError> {
        let method = Method::from_bytes(b"MKCOL").map_err(|_| internal())?;
        // With the slash that a folder ends with: some servers answer a redirect without it.
        let status = self.ask(self.request(method)?, &format!("{folder}/")).await?.status();
        match status.is_success() || status == StatusCode::METHOD_NOT_ALLOWED {
            true => Ok(()),
            false => Err(self.refused(status)),
        }
    }

    async fn put(
        &self,
        name: &str,
        load: &Load<'_>,
        teller: &mut Teller<'_>,
    ) -> Result<(), SendError> {
        let (feed, body) = mpsc::channel(AHEAD);
        let mut request = self.with(Method::PUT, Fed { body, left: load.bytes })?;
        let octets = HeaderValue::from_static("application/octet-stream");
        request.headers_mut().insert(CONTENT_TYPE, octets);
        let mut source = load.open(0).await?;
        teller.tell(0, || None);
        let asked = self.ask(request, name);
        tokio::pin!(asked);
        let feeding = fill(&mut source, feed, teller);
        let answer = tokio::select! {
            biased;
            // Whatever the local file's trouble does to the connection: it is the reason.
            fed = feeding => {
                fed?;
                asked.await?
            }
            // It may know enough before it has heard everything.
            answer = &mut asked => answer?,
        };
        match answer.status().is_success() {
            true => Ok(()),
            false => Err(self.refused(answer.status())),
        }
    }

    async fn holds(&self, name: &str, load: &Load<'_>) -> Result<bool, SendError> {
        let mut answer = self.ask(self.request(Method::GET)?, name).await?;
        match answer.status() {
            StatusCode::OK => {}
            // It said a moment ago that it has it.
            StatusCode::NOT_FOUND | StatusCode::NO_CONTENT => return Ok(false),
            status => return Err(self.refused(status)),
        }
        let mut proof = load.proof();
        while !proof.is_too_long()
            && let Some(bytes) = answer.body_mut().next().await?
        {
            proof.add(&bytes);
        }
        Ok(proof.holds())
    }

    /// RFC 4918 §9.9. A proxy that ends TLS makes its server think that the whole address is
    /// elsewhere (502, §9.9.4): then the path alone is tried, which §8.3 allows too.
    async fn rename(&self, from: &str, to: &str) -> Result<(), SendError> {
        let to = self.at(to);
        let mut status = StatusCode::BAD_GATEWAY;
        for destination in [to.text(), to.path] {
            let method = Method::from_bytes(b"MOVE").map_err(|_| internal())?;
            let mut request = self.request(method)?;
            let headers = request.headers_mut();
            let destination = HeaderValue::try_from(destination).map_err(|_| internal())?;
            headers.insert("destination", destination);
            headers.insert("overwrite", HeaderValue::from_static("T"));
            status = self.ask(request, from).await?.status();
            if status != StatusCode::BAD_GATEWAY {
                break;
            }
        }
        match status.is_success() {
            true => Ok(()),
            false => Err(self.refused(status)),
        }
    }
}

fn propfind() -> Result<Method, SendError> {
    Method::from_bytes(b"PROPFIND").map_err(|_| internal())
}

/// Of constants and encoded names: cannot be seen.
fn internal() -> SendError {
    SendError::Address("the address cannot be sent".to_owned())
}

/// Reads the file into a request's body.
async fn fill(
    source: &mut Source,
    feed: mpsc::Sender<Bytes>,
    teller: &mut Teller<'_>,
) -> Result<(), SendError> {
    let mut sent = 0;
    while let Some(bytes) = source.next(CHUNK).await? {
        let size = bytes.len() as u64;
        if feed.send(bytes).await.is_err() {
            // The connection is gone, and says why itself.
            return Ok(());
        }
        sent += size;
        teller.tell(sent, || None);
    }
    Ok(())
}

/// A body of a known length that is fed piece by piece.
struct Fed {
    body: mpsc::Receiver<Bytes>,
    left: u64,
}

impl Body for Fed {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.body.poll_recv(cx).map(|bytes| match bytes {
            Some(bytes) => {
                self.left = self.left.saturating_sub(bytes.len() as u64);
                Some(Ok(Frame::data(bytes)))
            }
            // The file was given up: the other side must not take what it has for the whole.
            None if self.left > 0 => Some(Err(std::io::ErrorKind::UnexpectedEof.into())),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
