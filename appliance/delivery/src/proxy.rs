//! The way by a proxy, where the box's network lets nothing else out.
//!
//! HTTPS goes through it as through a pipe (CONNECT, RFC 9110 §9.3.6): the proxy learns the name of the server
//! and no more. Plain HTTP is handed to it whole, with the whole address (RFC 9112 §3.2.2). What is in the house
//! is reached without it.
//!
//! A program has one way out, as it has one table of routes: who starts it says once where the proxy is asked
//! for ([`go_by`]), and each connection asks anew. What stands there counts for the next one.

mod attempt;

pub use attempt::{ProxyTried, ProxyTryError, try_proxy};

use crate::address::Address;
use crate::bound::{Bound, allowed};
use crate::reach::{ReachError, Stream, Trust, USER};
use crate::zone::Zone;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

/// For what a name leads to. Where nobody answers such questions, a connection does not wait longer to learn it.
const LOOK_UP: Duration = Duration::from_secs(3);
/// Names that mean something in a house alone (RFC 6761, RFC 6762, RFC 8375, and what ICANN set aside in 2024).
const LOCAL_NAMES: [&str; 4] = ["local", "localhost", "home.arpa", "internal"];

/// What is reached without the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Excepted {
    /// In small letters; with everything below it.
    Name(String),
    /// An address and how many of its bits count.
    Network(IpAddr, u8),
}

impl Excepted {
    fn has_name(&self, name: &str) -> bool {
        match self {
            Self::Name(known) => is_below(name, known),
            Self::Network(..) => false,
        }
    }

    fn has_address(&self, address: IpAddr) -> bool {
        let Self::Network(network, bits) = self else { return false };
        match (*network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let away = u32::from(network) ^ u32::from(address);
                away.checked_shr(32 - u32::from(*bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let away = u128::from(network) ^ u128::from(address);
                away.checked_shr(128 - u32::from(*bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

fn is_below(name: &str, known: &str) -> bool {
    name.strip_suffix(known).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// What a proxy is set to.
#[derive(Debug, Clone, Default)]
pub struct ProxyPlan<'a> {
    /// The way to it is TLS from the first byte.
    pub encrypted: bool,
    /// An IPv6 address has no brackets here.
    pub host: String,
    pub port: u16,
    /// Empty: it asks for none.
    pub user: &'a str,
    pub password: &'a str,
    /// Certificates of its own authority, PEM; empty: it has none.
    pub authority: &'a str,
    pub excepted: Vec<Excepted>,
    /// What is in the house is reached without it, by its name or its address.
    pub local_direct: bool,
    /// It alone looks names up.
    pub looks_up: bool,
}

/// What is wrong with a proxy's settings. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum ProxyPlanError {
    #[error("the user or the password cannot be sent")]
    Credentials,
    #[error(
        "this is no certificate of an authority: paste the text that begins with -----BEGIN CERTIFICATE-----"
    )]
    Authority,
}

/// Why the proxy did not lead on. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum ProxyTrouble {
    #[error("its name is not known ({0})")]
    Name(io::Error),
    #[error("it cannot be reached ({0})")]
    Connect(io::Error),
    #[error("its own certificate is not trusted ({0})")]
    Tls(io::Error),
    #[error("it does not speak HTTP as a proxy does ({0})")]
    Speech(hyper::Error),
    #[error("it asks for a user and a password (407)")]
    Wanted,
    #[error("it refuses the user and the password (407)")]
    Wrong,
    #[error("it refuses to lead to {host} ({status})")]
    Refused { host: String, status: StatusCode },
    #[error("it does not reach {host} ({status})")]
    Beyond { host: String, status: StatusCode },
}

/// A proxy.
#[derive(Debug)]
pub struct Proxy {
    encrypted: bool,
    host: String,
    port: u16,
    authorization: Option<HeaderValue>,
    excepted: Vec<Excepted>,
    local_direct: bool,
    looks_up: bool,
    /// It has an authority of its own, by which it opens what is encrypted.
    opens: bool,
    trust: Trust,
}

/// Where a connection goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Direct,
    ByProxy,
}

type Source = Box<dyn Fn() -> Option<Arc<Proxy>> + Send + Sync>;

static SOURCE: OnceLock<Source> = OnceLock::new();

/// Says where this program's proxy is asked for, once; a second time changes nothing.
pub fn go_by(source: impl Fn() -> Option<Arc<Proxy>> + Send + Sync + 'static) {
    SOURCE.get_or_init(|| Box::new(source));
}

/// The proxy that stands there now.
pub(crate) fn current() -> Option<Arc<Proxy>> {
    SOURCE.get().and_then(|source| source())
}

impl Proxy {
    /// # Errors
    /// See [`ProxyPlanError`].
    pub fn new(plan: ProxyPlan<'_>) -> Result<Self, ProxyPlanError> {
        let mut authorization = None;
        if !plan.user.is_empty() {
            let basic = BASE64_STANDARD.encode(format!("{}:{}", plan.user, plan.password));
            let value = HeaderValue::try_from(format!("Basic {basic}"));
            let mut value = value.map_err(|_| ProxyPlanError::Credentials)?;
            value.set_sensitive(true);
            authorization = Some(value);
        }
        let mut more = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(plan.authority.as_bytes()) {
            more.push(certificate.map_err(|_| ProxyPlanError::Authority)?);
        }
        let mut probe = rustls::RootCertStore::empty();
        let (good, _) = probe.add_parsable_certificates(more.iter().cloned());
        if good < more.len() || (more.is_empty() && !plan.authority.trim().is_empty()) {
            return Err(ProxyPlanError::Authority);
        }
        let ProxyPlan { encrypted, host, port, excepted, local_direct, looks_up, .. } = plan;
        let (opens, trust) = (!more.is_empty(), Trust::with(more));
        Ok(Self {
            encrypted,
            host,
            port,
            authorization,
            excepted,
            local_direct,
            looks_up,
            opens,
            trust,
        })
    }

    /// `host:port`.
    pub(crate) fn place(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// Whom to trust behind it: the system's authorities, and its own.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    fn failed(&self, trouble: ProxyTrouble) -> ReachError {
        ReachError::Proxy { proxy: self.place(), trouble }
    }

    fn excepts_address(&self, address: IpAddr) -> bool {
        let local = self.local_direct && Zone::of(address) < Zone::Internet;
        local || self.excepted.iter().any(|one| one.has_address(address))
    }

    fn excepts_name(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let of_house =
            || !name.contains('.') || LOCAL_NAMES.iter().any(|local| is_below(&name, local));
        (self.local_direct && of_house()) || self.excepted.iter().any(|one| one.has_name(&name))
    }

    /// Which way leads to `at`, if that is within the bound.
    ///
    /// A proxy looks names up by itself. So what must not lead into the house is looked up here before, and goes
    /// by the proxy only if none of what was found is in the house. A name may lead elsewhere a moment later: over
    /// HTTPS that gets nowhere, because no server there has a certificate of that name. A proxy that opens what is
    /// encrypted makes one for whatever it reached: by it, as by plain HTTP, a name is not followed at all,
    /// unless the owner left all this to the proxy.
    pub(crate) async fn way(&self, at: &Address, bound: Bound) -> Result<Way, ReachError> {
        let host = at.host.trim_matches(['[', ']']);
        let too_near = |zone| Err(bound.trouble(&at.host, zone));
        if let Ok(address) = host.parse::<IpAddr>() {
            if self.excepts_address(address) {
                return Ok(Way::Direct);
            }
            return bound.refuses(address).map_or(Ok(Way::ByProxy), too_near);
        }
        if self.excepts_name(host) {
            return Ok(Way::Direct);
        }
        let guarded = bound.wants_judgement();
        if self.looks_up && !guarded {
            return Ok(Way::ByProxy);
        }
        let found = tokio::time::timeout(LOOK_UP, lookup_host((host, at.port))).await;
        let found: Vec<IpAddr> = match found {
            Ok(Ok(found)) => found.map(|at| at.ip()).collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        if !found.is_empty() && found.iter().all(|address| self.excepts_address(*address)) {
            return Ok(Way::Direct);
        }
        if let Some(zone) = found.iter().filter_map(|address| bound.refuses(*address)).min() {
            return too_near(zone);
        }
        // What this box cannot look up, the proxy does: into the box it does not lead.
        if !guarded {
            return Ok(Way::ByProxy);
        }
        match self.looks_up || (at.https && !found.is_empty() && !self.opens) {
            true => Ok(Way::ByProxy),
            false => Err(ReachError::Unjudged { host: at.host.clone() }),
        }
    }

    /// A connection to the proxy itself.
    pub(crate) async fn dial(&self) -> Result<Box<dyn Stream>, ReachError> {
        let found = lookup_host((self.host.as_str(), self.port)).await;
        let found = found.map_err(|error| self.failed(ProxyTrouble::Name(error)))?;
        let found: Vec<_> = found.collect();
        let bound = Bound::named();
        let found = allowed(&found, bound).map_err(|zone| bound.trouble(&self.host, zone))?;
        let stream = TcpStream::connect(&found[..]).await;
        let stream = stream.map_err(|error| self.failed(ProxyTrouble::Connect(error)))?;
        // As of every other connection: whoever asks in small pieces must not wait 40 ms for each.
        stream.set_nodelay(true).unwrap_or_default();
        if !self.encrypted {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(self.host.clone());
        let name = name.map_err(|_| ReachError::Name(self.host.clone()))?;
        let shaken = TlsConnector::from(self.trust.config()?).connect(name, stream).await;
        Ok(Box::new(shaken.map_err(|error| self.failed(ProxyTrouble::Tls(error)))?))
    }

    /// A pipe through it (RFC 9110 §9.3.6).
    pub(crate) async fn tunnel(&self, at: &Address) -> Result<Box<dyn Stream>, ReachError> {
        let speech = |error| self.failed(ProxyTrouble::Speech(error));
        let stream = self.dial().await?;
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(speech)?;
        let authority = format!("{}:{}", at.host, at.port);
        let mut request = Request::connect(authority.as_str())
            .header(HOST, authority.as_str())
            .header(USER_AGENT, USER)
            .body(Empty::<Bytes>::new())
            .map_err(|_| ReachError::Name(at.host.clone()))?;
        self.introduce(request.headers_mut());
        let asked = async {
            let response = sender.send_request(request).await.map_err(speech)?;
            if !response.status().is_success() {
                return Err(self.failed(self.trouble(response.status(), &at.host)));
            }
            hyper::upgrade::on(response).await.map_err(speech)
        };
        // The connection moves only while it is looked at; what it becomes moves by itself.
        tokio::pin!(asked);
        let piped = tokio::select! {
            biased;
            piped = &mut asked => piped,
            ended = connection.with_upgrades() => match ended {
                Ok(()) => asked.await,
                Err(error) => Err(speech(error)),
            },
        };
        Ok(Box::new(TokioIo::new(piped?)))
    }

    /// Says who asks.
    pub(crate) fn introduce(&self, headers: &mut hyper::HeaderMap) {
        if let Some(value) = &self.authorization {
            headers.insert(PROXY_AUTHORIZATION, value.clone());
        }
    }

    /// What a status of the proxy's own means.
    fn trouble(&self, status: StatusCode, host: &str) -> ProxyTrouble {
        let host = host.to_owned();
        match status {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED if self.authorization.is_some() => {
                ProxyTrouble::Wrong
            }
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => ProxyTrouble::Wanted,
            StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::NOT_FOUND => ProxyTrouble::Beyond { host, status },
            _ => ProxyTrouble::Refused { host, status },
        }
    }

    /// Of plain HTTP the proxy answers in the server's place: with this status only for itself.
    pub(crate) fn heard(&self, status: StatusCode, host: &str) -> Result<(), ReachError> {
        match status {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Err(self.failed(self.trouble(status, host)))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
