//! Another box of the fleet, which is known by its authority's fingerprint: asked, read from, written to.
//!
//! Each exchange has a connection of its own, and none waits on one that has not moved a byte for a
//! minute. What broke off is gone on with: who reads says from which byte, and who writes asks first.

use crate::address::Address;
use crate::reach::Trust;
use crate::targets::SendError;
use crate::targets::wire::{Answer, ask_by};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::Frame;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RANGE};
use hyper::{Method, Request, Response, StatusCode};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

/// The longest answer that is no file, bytes.
const ANSWER: usize = 1 << 20;
const PIECE: usize = 128 * 1024;

/// Why an exchange with another box did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum NeighbourError {
    #[error("{0:?} is no address of a box")]
    Address(String),
    #[error(transparent)]
    Exchange(#[from] SendError),
    /// It refuses, with the code and the words of its API.
    #[error("the other box refuses ({status}): {message}")]
    Refused { status: StatusCode, code: String, message: String },
    #[error("what the other box answers cannot be read: bring both to the same version")]
    Answer,
    #[error("{path} cannot be written or read: {source}")]
    File { path: PathBuf, source: io::Error },
}

impl NeighbourError {
    /// The other box has spoken: asking again soon changes nothing.
    pub fn is_refusal(&self) -> bool {
        let for_now = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE];
        matches!(self, Self::Refused { status, .. } if !for_now.contains(status))
    }

    /// The refusal's code.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            _ => "",
        }
    }
}

/// Another box.
pub struct Neighbour {
    /// `host:port`, in order.
    at: Vec<String>,
    /// Which of them answered last.
    good: AtomicUsize,
    trust: Trust,
}

impl Neighbour {
    /// `fingerprint`: SHA-256 of the authority that must have certified it.
    pub fn new(at: Vec<String>, fingerprint: [u8; 32]) -> Self {
        Self { at, good: AtomicUsize::new(0), trust: Trust::pinned(fingerprint) }
    }

    /// Asks for JSON with JSON; `None` is sent without a body.
    ///
    /// # Errors
    /// See [`NeighbourError`].
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        json: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, NeighbourError> {
        let first = self.good.load(Ordering::Relaxed);
        let mut last = NeighbourError::Address(String::new());
        for n in 0..self.at.len() {
            let which = (first + n) % self.at.len();
            let mut request =
                Request::new(Full::new(Bytes::from(json.clone().unwrap_or_default())));
            *request.method_mut() = method.clone();
            if json.is_some() {
                let kind = HeaderValue::from_static("application/json");
                request.headers_mut().insert(CONTENT_TYPE, kind);
            }
            bear(&mut request, token)?;
            match ask_by(&self.address(which, path)?, &self.trust, None, request).await {
                Ok(answer) => {
                    self.good.store(which, Ordering::Relaxed);
                    return good(answer).await?.body().await;
                }
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }

    /// Reads a file of so many bytes on to its end, from what is there of it.
    ///
    /// # Errors
    /// See [`NeighbourError`], or it is longer; what came stays.
    pub async fn read(
        &self,
        path: &str,
        token: &str,
        into: &Path,
        length: u64,
    ) -> Result<(), NeighbourError> {
        let failed = |source| NeighbourError::File { path: into.to_owned(), source };
        let file = OpenOptions::new().append(true).create(true).open(into).await;
        let mut file = file.map_err(failed)?;
        let has = file.metadata().await.map_err(failed)?.len();
        let mut request = Request::new(Full::new(Bytes::new()));
        if has > 0 {
            let range = HeaderValue::from_str(&format!("bytes={has}-"));
            request.headers_mut().insert(RANGE, range.map_err(|_| NeighbourError::Answer)?);
        }
        bear(&mut request, Some(token))?;
        let at = self.address(self.good.load(Ordering::Relaxed), path)?;
        let response = ask_by(&at, &self.trust, None, request).await?;
        let status = response.status();
        let mut answer = good(response).await?.0;
        if has > 0 && status != StatusCode::PARTIAL_CONTENT {
            return Err(NeighbourError::Answer);
        }
        let mut came = has;
        while let Some(bytes) = answer.next().await? {
            came += bytes.len() as u64;
            if came > length {
                return Err(NeighbourError::Answer);
            }
            file.write_all(&bytes).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)
    }

    /// Writes a file's bytes from `from` on.
    ///
    /// # Errors
    /// See [`NeighbourError`]; what went over stays there.
    pub async fn write(
        &self,
        path: &str,
        token: &str,
        file: &Path,
        from: u64,
    ) -> Result<Vec<u8>, NeighbourError> {
        let failed = |source| NeighbourError::File { path: file.to_owned(), source };
        let mut opened = File::open(file).await.map_err(failed)?;
        let length = opened.metadata().await.map_err(failed)?.len();
        opened.seek(io::SeekFrom::Start(from)).await.map_err(failed)?;
        let left = length.saturating_sub(from);
        let pieces = stream::try_unfold((opened, left), |(mut file, left)| async move {
            if left == 0 {
                return Ok::<_, io::Error>(None);
            }
            let size = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            let mut piece = vec![0; size];
            file.read_exact(&mut piece).await?;
            Ok(Some((Frame::data(Bytes::from(piece)), (file, left - size as u64))))
        });
        let mut request = Request::new(StreamBody::new(Box::pin(pieces)));
        *request.method_mut() = Method::PUT;
        let headers = request.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(left));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        bear(&mut request, Some(token))?;
        let at = self.address(self.good.load(Ordering::Relaxed), path)?;
        good(ask_by(&at, &self.trust, None, request).await?).await?.body().await
    }

    fn address(&self, which: usize, path: &str) -> Result<Address, NeighbourError> {
        let at = self.at.get(which).map_or("", String::as_str);
        let address = Address::parse(&format!("https://{at}{path}"));
        address.ok_or_else(|| NeighbourError::Address(at.to_owned()))
    }
}

fn bear<B>(request: &mut Request<B>, token: Option<&str>) -> Result<(), NeighbourError> {
    let Some(token) = token else { return Ok(()) };
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value = value.map_err(|_| NeighbourError::Answer)?;
    value.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, value);
    Ok(())
}

/// An answer that is no refusal.
struct Good(Answer);

impl Good {
    async fn body(self) -> Result<Vec<u8>, NeighbourError> {
        let body = Limited::new(self.0, ANSWER).collect().await;
        Ok(body.map_err(|_| NeighbourError::Answer)?.to_bytes().to_vec())
    }
}

async fn good(response: Response<Answer>) -> Result<Good, NeighbourError> {
    let status = response.status();
    let answer = Good(response.into_body());
    if status.is_success() {
        return Ok(answer);
    }
    let body = answer.body().await.unwrap_or_default();
    let said: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    Err(NeighbourError::Refused { status, code: text("code"), message: text("message") })
}
