//! Fetches something small: a file of some kilobytes at an address that the owner named.
//!
//! Everything has a bound: bytes, time, redirects. A redirect never leads from HTTPS to HTTP
//! (RFC 9110 §15.4 leaves that to the client).

use crate::address::Address;
use crate::reach::{ReachError, Reached, Trust, USER, exchange as over, reach};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT_ENCODING, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use std::time::Duration;

/// How much a fetch may cost.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// Longest body.
    pub bytes: usize,
    /// For everything together, redirects too.
    pub time: Duration,
    /// Redirects that are followed.
    pub redirects: usize,
}

/// Why nothing was fetched. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("{0} is no address: it begins with https:// and names a server")]
    Address(String),
    #[error("{0} leads from HTTPS to plain HTTP: that is not followed")]
    Downgrade(String),
    #[error("{0} leads on and on: more than {1} redirects are not followed")]
    Redirects(String, usize),
    #[error(transparent)]
    Reach(#[from] ReachError),
    #[error("{host} does not speak HTTP as it should: {source}")]
    Exchange { host: String, source: hyper::Error },
    #[error("{address} answers {status}")]
    Status { address: String, status: StatusCode },
    #[error("{0} is longer than {1} bytes")]
    Length(String, usize),
    #[error("{0} did not come within {1} s")]
    Time(String, u64),
}

enum Answer {
    Body(Vec<u8>),
    Elsewhere(String),
}

/// Fetches what is at `url` (http or https).
///
/// # Errors
/// See [`FetchError`].
pub async fn fetch(url: &str, limits: FetchLimits) -> Result<Vec<u8>, FetchError> {
    let late = || FetchError::Time(url.to_owned(), limits.time.as_secs());
    let fetched = tokio::time::timeout(limits.time, follow(url, limits));
    fetched.await.unwrap_or_else(|_| Err(late()))
}

async fn follow(url: &str, limits: FetchLimits) -> Result<Vec<u8>, FetchError> {
    let mut at = Address::parse(url).ok_or_else(|| FetchError::Address(url.to_owned()))?;
    for _ in 0..=limits.redirects {
        match ask(&at, limits.bytes).await? {
            Answer::Body(body) => return Ok(body),
            Answer::Elsewhere(location) => {
                let next = at.follow(&location).ok_or(FetchError::Address(location))?;
                if at.https && !next.https {
                    return Err(FetchError::Downgrade(at.text()));
                }
                at = next;
            }
        }
    }
    Err(FetchError::Redirects(url.to_owned(), limits.redirects))
}

async fn ask(at: &Address, most: usize) -> Result<Answer, FetchError> {
    exchange(reach(at, &Trust::default()).await?, at, most).await
}

async fn exchange(reached: Reached, at: &Address, most: usize) -> Result<Answer, FetchError> {
    let broken = |source| FetchError::Exchange { host: at.host.clone(), source };
    let mut request = Request::get(at.path.as_str())
        .header(HOST, at.authority())
        .header(ACCEPT_ENCODING, "identity")
        .header(USER_AGENT, USER)
        .body(Empty::<Bytes>::new())
        .map_err(|_| FetchError::Address(at.text()))?;
    let (stream, way) = reached.ready(&mut request, at)?;
    let read = |response: Response<Incoming>| async move {
        let status = response.status();
        way.judge(status)?;
        if status.is_redirection() {
            let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let location = location.ok_or(FetchError::Status { address: at.text(), status })?;
            return Ok(Answer::Elsewhere(location.to_owned()));
        }
        if status != StatusCode::OK {
            return Err(FetchError::Status { address: at.text(), status });
        }
        let body = Limited::new(response.into_body(), most).collect().await;
        let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(source) => broken(*source),
            Err(other) if other.is::<LengthLimitError>() => FetchError::Length(at.text(), most),
            Err(_) => FetchError::Address(at.text()),
        })?;
        Ok(Answer::Body(body.to_bytes().to_vec()))
    };
    over(stream, request, read).await.map_err(broken)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    const LIMITS: FetchLimits =
        FetchLimits { bytes: 64, time: Duration::from_secs(5), redirects: 3 };

    /// A server that answers each path with what is given for it; of an unknown one it says nothing.
    async fn server(answers: &'static [(&'static str, &'static str)]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(stream.read_u8().await.unwrap());
                    }
                    let head = String::from_utf8(head).unwrap();
                    let path = head.split(' ').nth(1).unwrap().to_owned();
                    match answers.iter().find(|(known, _)| *known == path) {
                        Some((_, answer)) => stream.write_all(answer.as_bytes()).await.unwrap(),
                        None => std::future::pending().await,
                    }
                });
            }
        });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn what_is_there_is_fetched_and_everything_else_says_why() {
        let server = server(&[
            ("/file?v=1", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"),
            (
                "/chunks",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            ),
            ("/there", "HTTP/1.1 302 Found\r\nlocation: /file?v=1\r\ncontent-length: 0\r\n\r\n"),
            ("/loop", "HTTP/1.1 302 Found\r\nlocation: /loop\r\ncontent-length: 0\r\n\r\n"),
            ("/lost", "HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n"),
            ("/ftp", "HTTP/1.1 302 Found\r\nlocation: ftp://x/y\r\ncontent-length: 0\r\n\r\n"),
            ("/gone", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
            (
                "/long",
                "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n0123456789012345678901234567890\
                       1234567890123456789012345678901234",
            ),
            ("/short", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nhel"),
            ("/words", "220 ready for mail\r\n\r\n"),
        ])
        .await;
        for (path, body) in [("/file?v=1", "hello"), ("/chunks", "hi"), ("/there", "hello")] {
            let fetched = fetch(&format!("{server}{path}"), LIMITS).await.unwrap();
            assert_eq!(fetched, body.as_bytes(), "{path}");
        }
        let brief = FetchLimits { time: Duration::from_millis(500), ..LIMITS };
        for (path, says) in [
            ("/loop", "more than 3 redirects"),
            ("/lost", "answers 302"),
            ("/ftp", "ftp://x/y is no address"),
            ("/gone", "answers 404"),
            ("/long", "longer than 64 bytes"),
            ("/short", "does not speak HTTP"),
            ("/words", "does not speak HTTP"),
            ("/silence", "did not come within"),
        ] {
            let refused = fetch(&format!("{server}{path}"), brief).await.unwrap_err().to_string();
            assert!(refused.contains(says), "{path}: {refused}");
        }
    }

    #[tokio::test]
    async fn what_is_no_address_is_not_asked() {
        for url in ["", "box", "file:///etc/passwd", "https://", "https://ada:pw@box/", "/x"] {
            let refused = fetch(url, LIMITS).await.unwrap_err();
            assert!(matches!(refused, FetchError::Address(_)), "{url}: {refused}");
        }
    }
}
