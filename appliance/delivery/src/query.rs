//! Asks a server that the owner named for something small, or sends it a form: an exchange with a secret, with the
//! trust that the owner chose. What is asked is for that address alone: no redirect is followed.

use crate::address::Address;
use crate::line::Security;
use crate::reach::{ReachError, USER, exchange, is_of_trust, reach};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT,
};
use hyper::{Method, Request, Response};
use std::time::Duration;

/// What is asked.
#[derive(Debug)]
pub struct Query<'a> {
    /// http or https.
    pub url: &'a str,
    pub security: Security,
    /// The whole header; a secret.
    pub authorization: Option<&'a str>,
    /// Sent by POST, as `application/x-www-form-urlencoded`; `None`: GET.
    pub form: Option<String>,
    /// Longest answer.
    pub bytes: usize,
    pub time: Duration,
}

/// What was answered, whatever the status.
#[derive(Debug)]
pub struct QueryAnswer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Why nothing was answered. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error("{0} is no address: it begins with https:// and names a server")]
    Address(String),
    #[error(transparent)]
    Reach(ReachError),
    /// The server is there, and has another certificate than it must have.
    #[error(transparent)]
    Certificate(ReachError),
    #[error("{host} does not speak HTTP as it should: {source}")]
    Exchange { host: String, source: hyper::Error },
    #[error("what {host} answers is longer than {most} bytes, or breaks off")]
    Length { host: String, most: usize },
    #[error("{host} did not answer within {seconds} s")]
    Time { host: String, seconds: u64 },
}

/// Asks.
///
/// # Errors
/// See [`QueryError`].
pub async fn query(query: Query<'_>) -> Result<QueryAnswer, QueryError> {
    let bad = || QueryError::Address(query.url.to_owned());
    let at = Address::parse(query.url).ok_or_else(bad)?;
    let seconds = query.time.as_secs();
    let asked = tokio::time::timeout(query.time, ask(&at, &query)).await;
    asked.unwrap_or_else(|_| Err(QueryError::Time { host: at.host.clone(), seconds }))
}

async fn ask(at: &Address, query: &Query<'_>) -> Result<QueryAnswer, QueryError> {
    let reached = reach(at, &query.security).await.map_err(of_reach)?;
    let bad = || QueryError::Address(query.url.to_owned());
    let method = if query.form.is_some() { Method::POST } else { Method::GET };
    let mut request = Request::builder()
        .method(method)
        .uri(at.path.as_str())
        .header(HOST, at.authority())
        .header(USER_AGENT, USER)
        .header(ACCEPT, "application/json")
        .header(ACCEPT_ENCODING, "identity")
        .header(CONNECTION, "close");
    if let Some(authorization) = query.authorization {
        let mut value = HeaderValue::from_str(authorization).map_err(|_| bad())?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    if query.form.is_some() {
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    let body = Full::new(Bytes::from(query.form.clone().unwrap_or_default()));
    let mut request = request.body(body).map_err(|_| bad())?;
    let (stream, way) = reached.ready(&mut request, at).map_err(of_reach)?;
    let most = query.bytes;
    let read = |response: Response<Incoming>| async move {
        let status = response.status().as_u16();
        (
            way.judge(response.status()),
            status,
            Limited::new(response.into_body(), most).collect().await,
        )
    };
    let host = || at.host.clone();
    let answered = exchange(stream, request, read).await;
    let (heard, status, body) =
        answered.map_err(|source| QueryError::Exchange { host: host(), source })?;
    heard.map_err(QueryError::Reach)?;
    let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
        Ok(source) => QueryError::Exchange { host: host(), source: *source },
        Err(_) => QueryError::Length { host: host(), most },
    })?;
    Ok(QueryAnswer { status, body: body.to_bytes().to_vec() })
}

fn of_reach(error: ReachError) -> QueryError {
    match is_of_trust(&error) {
        true => QueryError::Certificate(error),
        false => QueryError::Reach(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A server that says `answer` to one request, and what came.
    async fn asked(
        answer: &'static str,
        form: Option<&str>,
    ) -> (Result<QueryAnswer, QueryError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token?a=b", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut came = vec![0; 4096];
            let length = stream.read(&mut came).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(came[..length].to_vec()).unwrap()
        });
        let answered = query(Query {
            url: &url,
            security: Security::system(),
            authorization: Some("Basic c2VjcmV0"),
            form: form.map(str::to_owned),
            bytes: 16,
            time: Duration::from_secs(5),
        })
        .await;
        (answered, served.await.unwrap().to_lowercase())
    }

    #[tokio::test]
    async fn answers_come_whatever_their_status_and_no_redirect_is_followed() {
        let refused = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n{}";
        let (answered, came) = asked(refused, Some("code=1")).await;
        let answered = answered.unwrap();
        assert_eq!((answered.status, answered.body.as_slice()), (401, &b"{}"[..]));
        assert!(came.starts_with("post /token?a=b http/1.1\r\n"), "{came}");
        assert!(came.contains("authorization: basic c2vjcmv0\r\n"), "{came}");
        assert!(came.contains("content-type: application/x-www-form-urlencoded\r\n"), "{came}");
        let moved =
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        let (answered, came) = asked(moved, None).await;
        assert_eq!(answered.unwrap().status, 302);
        assert!(came.starts_with("get "), "{came}");
    }

    #[tokio::test]
    async fn what_is_too_long_or_no_http_says_so() {
        let long = "HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n01234567890123456";
        let refused = asked(long, None).await.0.unwrap_err().to_string();
        assert!(refused.contains("longer than 16 bytes"), "{refused}");
        let refused = asked("220 ready for mail\r\n\r\n", None).await.0.unwrap_err().to_string();
        assert!(refused.contains("does not speak HTTP"), "{refused}");
    }
}
