//! The way to a syslog server: datagrams (RFC 5426), or one message after the other with its length before it
//! (RFC 6587 §3.4.1), plain or encrypted (RFC 5425).

use crate::bound::Bound;
use crate::line::{Line, Security, line};
use crate::reach::{LookUp, ReachError, judged};
use crate::zone::Zone;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// A datagram is cut to what every receiver takes (RFC 5426 §3.2).
const LONGEST_DATAGRAM: usize = 2048;
/// Longer than this no message is on its way.
const PATIENCE: Duration = Duration::from_secs(15);

/// A syslog server has nothing to say. One that says more than this between two messages is none.
const MOST_SAID: usize = 64 * 1024;

/// Why lines do not go out. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum SyslogSendError {
    #[error(transparent)]
    Reach(#[from] ReachError),
    #[error("cannot reach {host}: {source}")]
    Datagram { host: String, source: io::Error },
    #[error("{0} does not answer")]
    Slow(String),
    #[error("{host} has broken off: {source}")]
    Broken { host: String, source: io::Error },
}

/// Reads what the other side has said, which is allowed and means nothing; but it may have said that it is gone.
async fn read_away(stream: &mut Box<dyn Line>) -> io::Result<()> {
    let (mut said, mut heard) = ([0; 4096], 0);
    loop {
        tokio::select! {
            biased;
            read = stream.read(&mut said) => match read? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                some => heard += some,
            },
            () = std::future::ready(()) => return Ok(()),
        }
        if heard > MOST_SAID {
            return Err(io::Error::other("it talks, which no syslog server does"));
        }
    }
}

/// A way that stands.
pub struct SyslogWire {
    host: String,
    way: Way,
}

enum Way {
    Datagrams(UdpSocket),
    Stream(Box<dyn Line>),
}

impl SyslogWire {
    /// By datagrams; nobody is asked whether somebody is there.
    ///
    /// # Errors
    /// The name has no address, or leads where the box is not told to send.
    pub async fn datagrams(host: &str, port: u16) -> Result<Self, SyslogSendError> {
        let failed = |source| SyslogSendError::Datagram { host: host.to_owned(), source };
        let found = judged(host, port, Bound::named(), &LookUp::default()).await?;
        let to = *found.first().ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        let from = match to {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(from).await.map_err(failed)?;
        socket.connect(to).await.map_err(failed)?;
        let near = socket.local_addr().map_err(failed)?;
        if Bound::named().refuses_own(to.ip(), near.ip()) {
            return Err(Bound::named().trouble(host, Zone::Machine).into());
        }
        Ok(Self { host: host.to_owned(), way: Way::Datagrams(socket) })
    }

    /// By TCP, or TLS.
    ///
    /// # Errors
    /// Nobody takes the connection, or the box does not trust who does.
    pub async fn stream(
        host: &str,
        port: u16,
        security: &Security,
    ) -> Result<Self, SyslogSendError> {
        let slow = |_| SyslogSendError::Slow(host.to_owned());
        let stream = timeout(PATIENCE, line(host, port, security)).await.map_err(slow)??;
        Ok(Self { host: host.to_owned(), way: Way::Stream(stream) })
    }

    /// Sends one message.
    ///
    /// # Errors
    /// The other side is gone, or takes nothing: this may not have arrived, and a few before it.
    pub async fn send(&mut self, message: &str) -> Result<(), SyslogSendError> {
        let host = || self.host.clone();
        match &mut self.way {
            Way::Datagrams(socket) => {
                let datagram = &message.as_bytes()[..message.floor_char_boundary(LONGEST_DATAGRAM)];
                // What a router says of the one before this is no reason not to send this.
                let sent = match socket.send(datagram).await {
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                        socket.send(datagram).await
                    }
                    sent => sent,
                };
                let failed = |source| SyslogSendError::Datagram { host: host(), source };
                sent.map(drop).map_err(failed)
            }
            Way::Stream(stream) => {
                let framed = format!("{} {message}", message.len());
                let sent = async {
                    read_away(stream).await?;
                    stream.write_all(framed.as_bytes()).await?;
                    stream.flush().await
                };
                let slow = |_| SyslogSendError::Slow(self.host.clone());
                let failed = |source| SyslogSendError::Broken { host: self.host.clone(), source };
                timeout(PATIENCE, sent).await.map_err(slow)?.map_err(failed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_talks_without_end_is_given_up_and_one_that_talks_a_little_is_not() {
        for (says, gets) in [(usize::MAX, false), (2000, true)] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let talker = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut said, words) = (0, [b'x'; 1000]);
                while said < says && stream.write_all(&words).await.is_ok() {
                    said += words.len();
                }
                let mut got = String::new();
                let _ = stream.read_to_string(&mut got).await;
                got
            });
            let mut wire = SyslogWire::stream("127.0.0.1", port, &Security::plain()).await.unwrap();
            let mut sent = Ok(());
            // Until it is noticed: what it says takes a moment to arrive.
            for _ in 0..10_000 {
                sent = wire.send("<14>1 - - - - - - one").await;
                if sent.is_err() || gets {
                    break;
                }
                tokio::task::yield_now().await;
            }
            assert_eq!(sent.is_ok(), gets, "{sent:?}");
            drop(wire);
            assert!(talker.await.unwrap().contains("one") || !gets);
        }
    }
}
