//! Sends something small to an address that the owner named.
//!
//! What is sent may be signed and is for that address alone: a redirect is an answer like any other,
//! and not followed. Of the answer only the status counts.

use crate::address::Address;
use crate::reach::{ReachError, Trust, USER, exchange, reach_no_nearer};
use crate::zone::Zone;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use std::time::Duration;

/// Of an answer's body so much is read, and thrown away, so that the other side need not find the
/// connection broken; a longer or slower one is cut off.
const READ_BYTES: usize = 64 * 1024;
const READ_TIME: Duration = Duration::from_secs(1);

/// What is sent.
#[derive(Debug, Clone)]
pub struct Letter<'a> {
    pub content_type: &'static str,
    /// The whole header; a secret.
    pub authorization: &'a str,
    pub body: Vec<u8>,
}

/// Why something was not taken. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    #[error("the address begins with neither http:// nor https://, or names no server")]
    Address,
    #[error(transparent)]
    Reach(#[from] ReachError),
    #[error("{host} does not speak HTTP as it should: {source}")]
    Exchange { host: String, source: hyper::Error },
    #[error("{host} answers {status}")]
    Status { host: String, status: StatusCode },
    #[error("{host} did not answer within {seconds} s")]
    Time { host: String, seconds: u64 },
}

/// Sends letters.
#[derive(Debug, Default)]
pub struct Sender {
    trust: Trust,
}

impl Sender {
    /// Whether a letter can be addressed so: `http://` or `https://`, a server, no name and password.
    pub fn is_address(url: &str) -> bool {
        Address::parse(url).is_some()
    }

    /// POSTs to `url`, unless that leads nearer than `nearest`: whoever may name an address must not
    /// reach with it what only this box, or only its network, can reach. Answers the status with which
    /// it was taken, one of 2xx.
    ///
    /// # Errors
    /// See [`PostError`].
    pub async fn post(
        &self,
        url: &str,
        letter: Letter<'_>,
        nearest: Zone,
        patience: Duration,
    ) -> Result<StatusCode, PostError> {
        let at = Address::parse(url).ok_or(PostError::Address)?;
        let late = |_| PostError::Time { host: at.host.clone(), seconds: patience.as_secs() };
        let answered =
            tokio::time::timeout(patience, async { send(&at, &self.trust, letter, nearest).await });
        let status = answered.await.map_err(late)??;
        match status.is_success() {
            true => Ok(status),
            false => Err(PostError::Status { host: at.host, status }),
        }
    }
}

async fn send(
    at: &Address,
    trust: &Trust,
    letter: Letter<'_>,
    nearest: Zone,
) -> Result<StatusCode, PostError> {
    let reached = reach_no_nearer(at, trust, nearest).await?;
    let mut authorization =
        HeaderValue::from_str(letter.authorization).map_err(|_| PostError::Address)?;
    authorization.set_sensitive(true);
    let mut request = Request::post(at.path.as_str())
        .header(HOST, at.authority())
        .header(USER_AGENT, USER)
        .header(CONTENT_TYPE, letter.content_type)
        .header(AUTHORIZATION, authorization)
        .header(CONNECTION, "close")
        .body(Full::new(Bytes::from(letter.body)))
        .map_err(|_| PostError::Address)?;
    let (stream, way) = reached.ready(&mut request, at)?;
    let read = |response: Response<Incoming>| async move {
        let status = response.status();
        read_away(response).await;
        way.judge(status).map(|()| status)
    };
    let answered = exchange(stream, request, read).await;
    Ok(answered.map_err(|source| PostError::Exchange { host: at.host.clone(), source })??)
}

async fn read_away(response: Response<Incoming>) {
    let read = Limited::new(response.into_body(), READ_BYTES).collect();
    // However it ends: the status is there already.
    tokio::time::timeout(READ_TIME, read).await.map_or_else(drop, drop);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    const PATIENCE: Duration = Duration::from_millis(700);

    fn letter() -> Letter<'static> {
        Letter {
            content_type: "application/webhook+json",
            authorization: "a.b.c",
            body: b"{\"event\":\"test\"}".to_vec(),
        }
    }

    /// A server that says `answer` to whatever comes, or nothing, and tells what came.
    async fn server(answer: Option<Vec<u8>>) -> (String, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (came, comes) = mpsc::channel(8);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    request.push(stream.read_u8().await.unwrap());
                }
                came.send(String::from_utf8(request).unwrap()).await.unwrap();
                match &answer {
                    // Who has heard enough may hang up.
                    Some(answer) => drop(stream.write_all(answer).await),
                    None => std::future::pending().await,
                }
            }
        });
        (format!("http://{address}"), comes)
    }

    fn head(status: &str) -> Option<Vec<u8>> {
        Some(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").into_bytes())
    }

    async fn post(url: &str) -> Result<u16, PostError> {
        let sent = Sender::default().post(url, letter(), Zone::Machine, PATIENCE).await;
        sent.map(|status| status.as_u16())
    }

    #[tokio::test]
    async fn a_letter_arrives_as_it_was_written() {
        let (server, mut comes) = server(head("204 No Content")).await;
        assert_eq!(post(&format!("{server}/hook?of=box")).await.unwrap(), 204);
        let request = comes.recv().await.unwrap();
        assert!(request.starts_with("POST /hook?of=box HTTP/1.1\r\n"), "{request}");
        for line in [
            "content-type: application/webhook+json\r\n",
            "authorization: a.b.c\r\n",
            "content-length: 16\r\n",
        ] {
            assert!(request.contains(line), "{line} {request}");
        }
        assert!(request.ends_with("\r\n\r\n{\"event\":\"test\"}"), "{request}");
    }

    #[tokio::test]
    async fn what_is_not_taken_says_why_and_no_more_of_the_address_than_the_host() {
        let elsewhere = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\n\
                          content-length: 0\r\n\r\n";
        for (answer, says) in [
            (head("500 Internal Server Error"), "127.0.0.1 answers 500"),
            (head("401 Unauthorized"), "127.0.0.1 answers 401"),
            (Some(elsewhere.to_vec()), "127.0.0.1 answers 307"),
            (Some(Vec::new()), "does not speak HTTP"),
            (Some(b"220 ready for mail\r\n\r\n".to_vec()), "does not speak HTTP"),
            (None, "did not answer within"),
        ] {
            let (server, _comes) = server(answer).await;
            let refused = post(&format!("{server}/hook?secret=1")).await.unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
            assert!(!refused.contains("hook") && !refused.contains("secret"), "{refused}");
        }
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let refused = post(&format!("http://{nobody}/")).await.unwrap_err().to_string();
        assert!(refused.contains("cannot reach 127.0.0.1"), "{refused}");
        for url in ["ftp://box/", "box", "http://", "https://ada:pw@box/"] {
            assert!(matches!(post(url).await, Err(PostError::Address)), "{url}");
            assert!(!Sender::is_address(url));
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_nearer_than_it_may_however_the_address_is_written() {
        let (server, mut comes) = server(head("200 OK")).await;
        let port = server.rsplit(':').next().unwrap();
        for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0", "[::ffff:127.0.0.1]"] {
            let url = format!("http://{host}:{port}/");
            for nearest in [Zone::Network, Zone::Internet] {
                let sent = Sender::default().post(&url, letter(), nearest, PATIENCE).await;
                let refused = sent.unwrap_err();
                let told = refused.to_string();
                let near = matches!(&refused, PostError::Reach(ReachError::TooNear { .. }));
                assert!(near && told.contains("this box itself"), "{url} {told}");
            }
        }
        assert!(comes.try_recv().is_err(), "nobody was connected to");
        let sent = Sender::default().post(&server, letter(), Zone::Machine, PATIENCE).await;
        assert_eq!(sent.unwrap().as_u16(), 200);
    }

    #[tokio::test]
    async fn an_answer_without_end_is_cut_off_and_counts_all_the_same() {
        let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        answer.resize(4 << 20, b'x');
        let (long, _comes) = server(Some(answer)).await;
        assert_eq!(post(&long).await.unwrap(), 200);
    }
}
