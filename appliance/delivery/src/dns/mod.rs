//! Changes a record in the owner's zone.

mod message;

pub use message::{
    Asked, DnsChange, MessageError, TsigAlgorithm, TsigKey, ask as dns_ask, fuzz_dns_answer,
};

use crate::reach::connect;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A server that is there answers sooner.
const PATIENCE: Duration = Duration::from_secs(15);
const PORT: u16 = 53;

/// A server of names that lets the box change a zone.
#[derive(Clone)]
pub struct DnsServer {
    /// A name or an address, and the port behind a colon if it is not 53.
    pub server: String,
    pub zone: String,
    pub key: TsigKey,
}

/// Why a record could not be changed. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    #[error("{server} is not reached: {why}")]
    Reach { server: String, why: String },
    #[error("{server} did not answer within {} s", PATIENCE.as_secs())]
    Time { server: String },
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error("the system gives no randomness")]
    Randomness,
}

/// Asks for one change, by TCP: an answer that somebody else sends does not get in.
///
/// # Errors
/// See [`DnsError`].
pub async fn dns_change(server: &DnsServer, change: DnsChange<'_>) -> Result<(), DnsError> {
    let now_s = || {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    };
    let mut id = [0; 2];
    aws_lc_rs::rand::fill(&mut id).map_err(|_| DnsError::Randomness)?;
    let asked = message::ask(u16::from_be_bytes(id), &server.zone, change, &server.key, now_s())?;
    let exchanged = tokio::time::timeout(PATIENCE, exchange(&server.server, &asked.message)).await;
    let answer = exchanged.map_err(|_| DnsError::Time { server: server.server.clone() })??;
    Ok(asked.answered(&answer, &server.key, now_s())?)
}

async fn exchange(server: &str, message: &[u8]) -> Result<Vec<u8>, DnsError> {
    let failed = |why: String| DnsError::Reach { server: server.to_owned(), why };
    let (host, port) = split(server);
    let mut stream = connect(host, port).await.map_err(|error| failed(error.to_string()))?;
    let broken = |error: std::io::Error| failed(error.to_string());
    let mut framed = (message.len() as u16).to_be_bytes().to_vec();
    framed.extend(message);
    stream.write_all(&framed).await.map_err(broken)?;
    let length = stream.read_u16().await.map_err(broken)?;
    let mut answer = vec![0; length.into()];
    stream.read_exact(&mut answer).await.map_err(broken)?;
    Ok(answer)
}

/// Host and port of `ns.example.org`, `ns.example.org:5353`, `192.0.2.7`, `[2001:db8::7]:53`, `2001:db8::7`.
fn split(server: &str) -> (&str, u16) {
    match server.rsplit_once(':') {
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => {
            (host.trim_matches(['[', ']']), port.parse().unwrap_or(PORT))
        }
        _ => (server.trim_matches(['[', ']']), PORT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_stands_behind_the_last_colon_and_ipv6_has_more_of_them() {
        for (server, host, port) in [
            ("ns.example.org", "ns.example.org", 53),
            ("ns.example.org:5353", "ns.example.org", 5353),
            ("192.0.2.7", "192.0.2.7", 53),
            ("[2001:db8::7]:54", "2001:db8::7", 54),
            ("[2001:db8::7]", "2001:db8::7", 53),
            ("2001:db8::7", "2001:db8::7", 53),
        ] {
            assert_eq!(split(server), (host, port), "{server}");
        }
    }
}
