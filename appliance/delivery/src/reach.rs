//! The way to a server: TCP, and TLS where the address says https.

use crate::address::Address;
use crate::pinned::{Pinned, Whose};
use crate::zone::Zone;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Said to a box in the list of protocols (ALPN) by who knows it by its authority: it may have another
/// certificate at this name, which that authority did not issue.
pub const OWN_CERTIFICATE: &[u8] = b"roombox-own-certificate";
/// How the box calls itself.
pub(crate) const USER: &str = concat!("roombox/", env!("CARGO_PKG_VERSION"));
/// The system's authorities are read anew after this: a certificate that the owner adds counts soon,
/// and a hundred handshakes in a row do not read a hundred times.
const READ_ANEW: Duration = Duration::from_secs(60);

/// Why a server could not be spoken with. The texts go to the owner, and name the host alone:
/// elsewhere in addresses there may be secrets.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    #[error("cannot reach {host}: {source}")]
    Connect { host: String, source: io::Error },
    #[error("{host} leads to {zone}: {}", .zone.remedy())]
    TooNear { host: String, zone: Zone },
    #[error("{host} has no certificate that this box trusts: {source}")]
    Handshake { host: String, source: io::Error },
    #[error("{0} is no name that a certificate can have")]
    Name(String),
    #[error("no certificates of authorities are installed on this box")]
    Roots,
}

/// A connection, encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Whom to trust: the system's authorities, or one that is known by its fingerprint.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    pinned: Option<[u8; 32]>,
    read: Mutex<Option<(Instant, Arc<ClientConfig>)>>,
}

impl Trust {
    /// Only this authority, by the SHA-256 of its certificate.
    pub(crate) fn pinned(fingerprint: [u8; 32]) -> Self {
        Self { pinned: Some(fingerprint), ..Self::default() }
    }

    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, ReachError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, config)) = &*read
            && at.elapsed() < READ_ANEW
        {
            return Ok(config.clone());
        }
        if let Some(fingerprint) = self.pinned {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let mut config = ClientConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()
                .map_err(|_| ReachError::Roots)?
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Pinned {
                    fingerprint,
                    whose: Whose::Authority,
                    provider,
                }))
                .with_no_client_auth();
            config.alpn_protocols = vec![OWN_CERTIFICATE.to_vec(), b"http/1.1".to_vec()];
            return Ok(Arc::new(config));
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(ReachError::Roots);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|_| ReachError::Roots)?;
        let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        *read = Some((Instant::now(), config.clone()));
        Ok(config)
    }
}

/// Connects to a host, which has no brackets if it is an IPv6 address.
pub(crate) async fn connect(host: &str, port: u16) -> Result<TcpStream, ReachError> {
    connect_no_nearer(host, port, Zone::Machine).await
}

/// The same, unless that would lead nearer than `nearest`. What a name leads to is asked once, and what
/// was judged is what is connected to: it may lead elsewhere a moment later.
async fn connect_no_nearer(host: &str, port: u16, nearest: Zone) -> Result<TcpStream, ReachError> {
    let failed = |source| ReachError::Connect { host: host.to_owned(), source };
    let found: Vec<SocketAddr> =
        tokio::net::lookup_host((host, port)).await.map_err(failed)?.collect();
    let allowed = |at: &&SocketAddr| Zone::of(at.ip()) >= nearest;
    let allowed: Vec<SocketAddr> = found.iter().filter(allowed).copied().collect();
    if let (Some(near), []) = (found.first(), &allowed[..]) {
        let zone = Zone::of(near.ip());
        return Err(ReachError::TooNear { host: host.to_owned(), zone });
    }
    let stream = TcpStream::connect(&allowed[..]).await.map_err(failed)?;
    // Whichever of its own addresses it was: only this machine answers from where it asks.
    let ends = stream.peer_addr().and_then(|far| Ok(far.ip() == stream.local_addr()?.ip()));
    if nearest > Zone::Machine && ends.map_err(failed)? {
        return Err(ReachError::TooNear { host: host.to_owned(), zone: Zone::Machine });
    }
    // Who asks in small pieces and waits for answers would wait for the other side's delayed
    // acknowledgement each time, 40 ms (RFC 896, RFC 1122 §4.2.3.2). If it stays so, it is slow.
    stream.set_nodelay(true).unwrap_or_default();
    Ok(stream)
}

/// Connects to wherever an address leads.
pub(crate) async fn reach(at: &Address, trust: &Trust) -> Result<Box<dyn Stream>, ReachError> {
    reach_no_nearer(at, trust, Zone::Machine).await
}

/// Connects, unless an address leads nearer than `nearest`.
pub(crate) async fn reach_no_nearer(
    at: &Address,
    trust: &Trust,
    nearest: Zone,
) -> Result<Box<dyn Stream>, ReachError> {
    let host = || at.host.clone();
    // An IPv6 address stands in brackets in an address, and without them for a socket.
    let bare = at.host.trim_matches(['[', ']']).to_owned();
    let stream = connect_no_nearer(&bare, at.port, nearest).await?;
    if !at.https {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(bare).map_err(|_| ReachError::Name(host()))?;
    let stream = TlsConnector::from(trust.config()?)
        .connect(name, stream)
        .await
        .map_err(|source| ReachError::Handshake { host: host(), source })?;
    Ok(Box::new(stream))
}

/// One request over a connection of its own, and what `read` makes of the answer.
pub(crate) async fn exchange<B, T, F>(
    stream: Box<dyn Stream>,
    request: Request<B>,
    read: impl FnOnce(Response<Incoming>) -> F,
) -> Result<T, hyper::Error>
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>, Data: Send> + 'static,
    F: Future<Output = T>,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async { Ok(read(sender.send_request(request).await?).await) };
    // The connection moves only while it is looked at; nobody needs it once the answer is there.
    tokio::pin!(answer);
    tokio::select! {
        biased;
        answered = &mut answer => answered,
        ended = connection => {
            ended?;
            answer.await
        }
    }
}
