//! The way to a syslog server: datagrams (RFC 5426), or one message after the other with its length before it
//! (RFC 6587 §3.4.1), plain or encrypted (RFC 5425).

use crate::line::{Line, Security, line};
use crate::reach::ReachError;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;

/// A datagram is cut to what every receiver takes (RFC 5426 §3.2).
const LONGEST_DATAGRAM: usize = 2048;
/// Longer than this no message is on its way.
const PATIENCE: Duration = Duration::from_secs(15);

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
    /// The name has no address.
    pub async fn datagrams(host: &str, port: u16) -> Result<Self, SyslogSendError> {
        let failed = |source| SyslogSendError::Datagram { host: host.to_owned(), source };
        let mut found = lookup_host((host, port)).await.map_err(failed)?;
        let to = found.next().ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        let from = match to {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(from).await.map_err(failed)?;
        socket.connect(to).await.map_err(failed)?;
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
                let mut byte = [0; 64];
                let sent = async {
                    // A server says nothing; what it has said is that it is gone.
                    tokio::select! {
                        biased;
                        read = stream.read(&mut byte) => {
                            return match read {
                                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                                Ok(_) => Ok(false),
                                Err(error) => Err(error),
                            };
                        }
                        () = std::future::ready(()) => {}
                    }
                    stream.write_all(framed.as_bytes()).await?;
                    stream.flush().await?;
                    Ok(true)
                };
                let slow = |_| SyslogSendError::Slow(self.host.clone());
                let failed = |source| SyslogSendError::Broken { host: self.host.clone(), source };
                match timeout(PATIENCE, sent).await.map_err(slow)?.map_err(failed)? {
                    true => Ok(()),
                    // It talks; that is allowed, and read away.
                    false => Box::pin(self.send(message)).await,
                }
            }
        }
    }
}
