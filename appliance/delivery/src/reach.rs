//! The way to a server: TCP, and TLS where the address says https.

use crate::address::Address;
use crate::bound::{Bound, allowed};
use crate::pinned::{Pinned, Whose};
use crate::proxy::{Proxy, ProxyTrouble, Way, current};
use crate::zone::Zone;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
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
    #[error(
        "{host} leads to {}, where the box is not told to send: give another address, or, if that server runs on \
         the same machine, start the box with --neighbour and its address",
        Zone::Machine
    )]
    Itself { host: String },
    #[error("{host} has no certificate that this box trusts: {source}")]
    Handshake { host: String, source: io::Error },
    #[error("the proxy {proxy}: {trouble}")]
    Proxy { proxy: String, trouble: ProxyTrouble },
    #[error(
        "{host} shows a certificate that this box does not trust, by the proxy {proxy}: if that proxy opens what \
         is encrypted, give the certificate of its authority (Network, Proxy): {source}"
    )]
    Opened { host: String, proxy: String, source: io::Error },
    #[error(
        "where {host} leads is looked up by the proxy, so this box cannot tell whether it is in the house: send to \
         an address with https:// that this box finds too, or say that the proxy alone looks names up (Network, \
         Proxy)"
    )]
    Unjudged { host: String },
    #[error("{0} is no name that a certificate can have")]
    Name(String),
    #[error("no certificates of authorities are installed on this box")]
    Roots,
}

/// A connection, encrypted or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Who says whom to trust.
pub(crate) trait Trusts: Sync {
    fn config(&self) -> Result<Arc<ClientConfig>, ReachError>;

    /// The system's authorities count, and nothing else was asked for.
    fn is_system(&self) -> bool;
}

/// Whom to trust: the system's authorities, or one that is known by its fingerprint.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    pinned: Option<[u8; 32]>,
    /// These authorities too.
    more: Vec<CertificateDer<'static>>,
    read: Mutex<Option<(Instant, Arc<ClientConfig>)>>,
}

impl Trust {
    /// Only this authority, by the SHA-256 of its certificate.
    pub(crate) fn pinned(fingerprint: [u8; 32]) -> Self {
        Self { pinned: Some(fingerprint), ..Self::default() }
    }

    /// The system's authorities, and these.
    pub(crate) fn with(more: Vec<CertificateDer<'static>>) -> Self {
        Self { more, ..Self::default() }
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
        roots.add_parsable_certificates(self.more.iter().cloned());
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

impl Trusts for Trust {
    fn config(&self) -> Result<Arc<ClientConfig>, ReachError> {
        Self::config(self)
    }

    fn is_system(&self) -> bool {
        self.pinned.is_none() && self.more.is_empty()
    }
}

/// A connection to a server of the web, or to the proxy that asks it.
pub(crate) struct Reached {
    stream: Box<dyn Stream>,
    /// Plain HTTP is handed to it whole.
    by: Option<Arc<Proxy>>,
}

/// What an answer that came this way may tell of the way itself.
pub(crate) struct Heard {
    by: Option<Arc<Proxy>>,
    host: String,
}

impl Reached {
    /// The connection alone, of which nothing is asked by HTTP.
    pub(crate) fn stream(self) -> Box<dyn Stream> {
        self.stream
    }

    /// Makes a request one for this way, and gives the way out of hand.
    pub(crate) fn ready<B>(
        self,
        request: &mut Request<B>,
        at: &Address,
    ) -> Result<(Box<dyn Stream>, Heard), ReachError> {
        if let Some(proxy) = &self.by {
            let whole = at.text().parse::<Uri>();
            *request.uri_mut() = whole.map_err(|_| ReachError::Name(at.host.clone()))?;
            proxy.introduce(request.headers_mut());
        }
        Ok((self.stream, Heard { by: self.by, host: at.host.clone() }))
    }
}

impl Heard {
    /// # Errors
    /// The proxy has answered for itself.
    pub(crate) fn judge(&self, status: StatusCode) -> Result<(), ReachError> {
        self.by.as_ref().map_or(Ok(()), |proxy| proxy.heard(status, &self.host))
    }
}

/// Connects to a host, which has no brackets if it is an IPv6 address.
pub(crate) async fn connect(host: &str, port: u16) -> Result<TcpStream, ReachError> {
    connect_within(host, port, Bound::named(), &LookUp::default()).await
}

/// What a name leads to, as the system says or as a test does.
#[derive(Default)]
pub(crate) enum LookUp {
    #[default]
    System,
    #[cfg(test)]
    Played(Box<dyn Fn() -> Vec<SocketAddr> + Send + Sync>),
}

impl LookUp {
    async fn ask(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::System => Ok(tokio::net::lookup_host((host, port)).await?.collect()),
            #[cfg(test)]
            Self::Played(found) => Ok(found()),
        }
    }
}

/// What of a host may be connected to.
pub(crate) async fn judged(
    host: &str,
    port: u16,
    bound: Bound,
    look_up: &LookUp,
) -> Result<Vec<SocketAddr>, ReachError> {
    let failed = |source| ReachError::Connect { host: host.to_owned(), source };
    let found = look_up.ask(host, port).await.map_err(failed)?;
    allowed(&found, bound).map_err(|zone| bound.trouble(host, zone))
}

/// Whether the box may be told to connect to a host, for what connects by itself: it looks the name up once more
/// and takes what it likes of it, so none of what is found may be too near.
///
/// # Errors
/// It may not, or nobody knows the name.
pub async fn may_reach(host: &str, port: u16) -> Result<(), ReachError> {
    wholly_within(host, port, Bound::named(), &LookUp::default()).await
}

async fn wholly_within(
    host: &str,
    port: u16,
    bound: Bound,
    look_up: &LookUp,
) -> Result<(), ReachError> {
    let failed = |source| ReachError::Connect { host: host.to_owned(), source };
    let found = look_up.ask(host, port).await.map_err(failed)?;
    match found.iter().filter_map(|at| bound.refuses(at.ip())).min() {
        Some(zone) => Err(bound.trouble(host, zone)),
        None => Ok(()),
    }
}

/// The same, unless that would lead nearer than it may. What a name leads to is asked once, and what
/// was judged is what is connected to: it may lead elsewhere a moment later.
async fn connect_within(
    host: &str,
    port: u16,
    bound: Bound,
    look_up: &LookUp,
) -> Result<TcpStream, ReachError> {
    let failed = |source| ReachError::Connect { host: host.to_owned(), source };
    let allowed = judged(host, port, bound, look_up).await?;
    let stream = TcpStream::connect(&allowed[..]).await.map_err(failed)?;
    let ends = stream.peer_addr().and_then(|far| Ok((far.ip(), stream.local_addr()?.ip())));
    let (far, near) = ends.map_err(failed)?;
    if bound.refuses_own(far, near) {
        return Err(bound.trouble(host, Zone::Machine));
    }
    // Who asks in small pieces and waits for answers would wait for the other side's delayed
    // acknowledgement each time, 40 ms (RFC 896, RFC 1122 §4.2.3.2). If it stays so, it is slow.
    stream.set_nodelay(true).unwrap_or_default();
    Ok(stream)
}

/// Connects to wherever an address leads, by the proxy if there is one.
pub(crate) async fn reach(at: &Address, trust: &dyn Trusts) -> Result<Reached, ReachError> {
    reach_by(at, trust, Bound::named(), current()).await
}

/// Connects, unless an address leads nearer than `nearest`.
pub(crate) async fn reach_no_nearer(
    at: &Address,
    trust: &dyn Trusts,
    nearest: Zone,
) -> Result<Reached, ReachError> {
    reach_by(at, trust, Bound::NoNearer(nearest), current()).await
}

/// The same with this proxy, or none.
pub(crate) async fn reach_by(
    at: &Address,
    trust: &dyn Trusts,
    bound: Bound,
    proxy: Option<Arc<Proxy>>,
) -> Result<Reached, ReachError> {
    let by = match proxy {
        Some(proxy) => {
            Some(proxy.way(at, bound).await?).filter(|way| *way == Way::ByProxy).map(|_| proxy)
        }
        None => None,
    };
    reach_so(at, trust, bound, by).await
}

/// The same by this proxy, or straight: which way leads there is known.
pub(crate) async fn reach_so(
    at: &Address,
    trust: &dyn Trusts,
    bound: Bound,
    by: Option<Arc<Proxy>>,
) -> Result<Reached, ReachError> {
    // An IPv6 address stands in brackets in an address, and without them for a socket.
    let bare = at.host.trim_matches(['[', ']']).to_owned();
    let stream: Box<dyn Stream> = match &by {
        None => Box::new(connect_within(&bare, at.port, bound, &LookUp::default()).await?),
        Some(proxy) if at.https => proxy.tunnel(at).await?,
        Some(proxy) => proxy.dial().await?,
    };
    if !at.https {
        return Ok(Reached { stream, by });
    }
    let name = ServerName::try_from(bare).map_err(|_| ReachError::Name(at.host.clone()))?;
    let config = match &by {
        Some(proxy) if trust.is_system() => proxy.trust().config()?,
        _ => trust.config()?,
    };
    let shaken = TlsConnector::from(config).connect(name, stream).await;
    let stream = shaken.map_err(|source| {
        let host = at.host.clone();
        match by.as_ref().filter(|_| is_of_nobody(&source)) {
            Some(proxy) => ReachError::Opened { host, proxy: proxy.place(), source },
            None => ReachError::Handshake { host, source },
        }
    })?;
    Ok(Reached { stream: Box::new(stream), by: None })
}

/// A certificate that nobody of the trusted has issued.
fn is_of_nobody(source: &io::Error) -> bool {
    let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)))
}

/// Whether a server is there and has another certificate than it must have: that wants something else of the
/// owner than one that is away.
pub(crate) fn is_of_trust(error: &ReachError) -> bool {
    match error {
        ReachError::Handshake { source, .. } | ReachError::Opened { source, .. } => {
            let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
        }
        ReachError::Name(_) | ReachError::Roots => true,
        _ => false,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bound::tests::NOBODY;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_name_that_leads_into_the_box_once_it_was_judged_gets_no_further() {
        let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = inside.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        // A server of names that shows a good face to whoever looks before he connects.
        let rebinds =
            LookUp::Played(Box::new(move || match count.fetch_add(1, Ordering::Relaxed) {
                0 => vec!["203.0.113.9:80".parse().unwrap()],
                _ => vec![at],
            }));
        let bound = Bound::Beyond(&NOBODY);
        let first = judged("rebind.test", 80, bound, &rebinds).await.unwrap();
        assert_eq!(first[0].ip().to_string(), "203.0.113.9");
        let second = connect_within("rebind.test", at.port(), bound, &rebinds).await;
        assert!(matches!(&second, Err(ReachError::Itself { .. })), "{second:?}");
        assert_eq!(asked.load(Ordering::Relaxed), 2, "once for each connection");
        let nobody = tokio::time::timeout(Duration::from_millis(50), inside.accept()).await;
        assert!(nobody.is_err(), "nobody was connected to");
    }

    #[tokio::test]
    async fn of_several_addresses_only_those_that_may_be_are_tried() {
        let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = inside.local_addr().unwrap();
        let both = LookUp::Played(Box::new(move || vec![at, "192.0.2.1:9".parse().unwrap()]));
        let may = judged("two.test", 9, Bound::Beyond(&NOBODY), &both).await.unwrap();
        assert_eq!(may, ["192.0.2.1:9".parse().unwrap()]);
        let whole = wholly_within("two.test", 9, Bound::Beyond(&NOBODY), &both).await;
        assert!(
            matches!(whole, Err(ReachError::Itself { .. })),
            "who looks it up again may take the other"
        );
    }
}
