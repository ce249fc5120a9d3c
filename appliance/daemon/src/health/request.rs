//! A real request to the box itself, through its door and its TLS.

use crate::certificates;
use crate::doors::Ports;
use crate::tls::Tls;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Nobody's token: it is looked up in the database, and refused.
const REQUEST: &[u8] = b"GET /api/v1/session HTTP/1.1\r\nhost: localhost\r\n\
    authorization: Bearer rbx_nobody\r\nconnection: close\r\n\r\n";

/// The clock by which certificates are made: health does not depend on a set clock.
#[derive(Debug)]
struct BoxTime;

impl TimeProvider for BoxTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(certificates::now().unix_timestamp()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// Asks as a program in the network would.
///
/// # Errors
/// What came instead of the answer.
pub async fn ask(ports: Ports, tls: Option<&Arc<Tls>>) -> Result<String, String> {
    let Some((https, tls)) = ports.https.zip(tls) else {
        let stream = TcpStream::connect(reached(ports.http)).await.map_err(said)?;
        return answer(stream).await;
    };
    let roots = tls.roots().map_err(said)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_details(provider, Arc::new(BoxTime))
        .with_safe_default_protocol_versions()
        .map_err(said)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(reached(https)).await.map_err(said)?;
    let name = ServerName::try_from("localhost").map_err(said)?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(said)?;
    answer(stream).await
}

fn reached(listens: SocketAddr) -> SocketAddr {
    match listens.ip().is_unspecified() {
        true => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listens.port()),
        false => listens,
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<String, String> {
    stream.write_all(REQUEST).await.map_err(said)?;
    let mut answer = Vec::new();
    stream.take(16 * 1024).read_to_end(&mut answer).await.map_err(said)?;
    let answer = String::from_utf8_lossy(&answer);
    match answer.starts_with("HTTP/1.1 401") && answer.contains("unauthenticated") {
        true => Ok("a request through the door was answered".to_owned()),
        false => Err(format!("the API answers {:?}", answer.lines().next().unwrap_or_default())),
    }
}

fn said(error: impl std::fmt::Display) -> String {
    format!("the box cannot be asked: {error}")
}
