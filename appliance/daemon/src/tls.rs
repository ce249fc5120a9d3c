//! HTTPS with the box's own certificate and, at names that it is for, with the one that the owner got
//! elsewhere. Both change while connections go on.

use crate::certificates::{self, Authority, Certified, Names, Secrets};
use crate::names;
use anyhow::Context;
use roombox_control::certificates::{CertificateFacts, Certificates, OwnFace, Served};
use roombox_control::clock::{Ticks, UnixMs};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How often the box looks at its addresses and its certificate's age.
const LOOK: Duration = Duration::from_secs(5);
/// Clients that know this box by its own authority, like those of its fleet, say so (RFC 7301): they want
/// nobody else's certificate, whatever name they came by.
const OWN_WANTED: &[u8] = roombox_delivery::OWN_CERTIFICATE;

/// The box's side of HTTPS.
pub struct Tls {
    secrets: Secrets,
    authority: Authority,
    /// The box's.
    id: String,
    /// Addresses that the box was told, beside those of its interfaces.
    told: Vec<IpAddr>,
    certificates: Arc<Certificates>,
    current: Arc<Current>,
}

/// The certificates that new connections get.
#[derive(Debug)]
struct Current(RwLock<Faces>);

#[derive(Debug, Clone)]
struct Faces {
    own: Arc<CertifiedKey>,
    other: Option<Other>,
}

/// A certificate that is not the box's own, and is good.
#[derive(Debug, Clone)]
struct Other {
    key: Arc<CertifiedKey>,
    facts: CertificateFacts,
    /// It is for every address of the box: clients that come by address name none (RFC 6066 §3).
    at_addresses: bool,
}

impl ResolvesServerCert for Current {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let own_wanted = hello.alpn().is_some_and(|mut all| all.any(|one| one == OWN_WANTED));
        let faces = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let fits = |other: &Other| match hello.server_name() {
            Some(name) => other.facts.covers(name),
            None => other.at_addresses,
        };
        let other = faces.other.filter(|other| !own_wanted && fits(other));
        Some(other.map_or(faces.own, |other| other.key))
    }
}

impl Tls {
    /// Takes or makes everything that HTTPS needs.
    ///
    /// # Errors
    /// Keys or certificates cannot be made or kept.
    pub fn start(
        secrets: Secrets,
        id: &str,
        told: Vec<IpAddr>,
        certificates: Arc<Certificates>,
    ) -> anyhow::Result<Self> {
        let now = certificates::now();
        let authority = secrets
            .authority(id, &names::host(), now)
            .context("the box has no certificate authority")?;
        let names = names::all(id, told.iter().copied()).context("cannot list the addresses")?;
        let certified = secrets.server(&authority, &certifiable(&authority, &names), now)?;
        let own = Arc::new(usable(&certified, &authority)?);
        let current = Arc::new(Current(RwLock::new(Faces { own, other: None })));
        let id = id.to_owned();
        let tls = Self { secrets, authority, id, told, certificates, current };
        tls.freshen()?;
        Ok(tls)
    }

    /// Which certificate is served, and to whom browsers are told to come by HTTPS alone.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }

    /// How the server greets: TLS 1.2 and 1.3, HTTP/1.1.
    ///
    /// # Errors
    /// The crypto library refuses its own defaults.
    pub fn server_config(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(self.current.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// The authority's certificate (PEM) for people's devices.
    pub fn authority_pem(&self) -> &str {
        &self.authority.pem
    }

    /// SHA-256 of the authority's certificate, as devices show it.
    pub fn fingerprint(&self) -> String {
        self.authority.fingerprint()
    }

    /// Names and addresses under which others reach this box, those that its certificate has.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn names(&self) -> anyhow::Result<Names> {
        let names =
            names::all(&self.id, self.told.iter().copied()).context("cannot list the addresses")?;
        Ok(certifiable(&self.authority, &names))
    }

    /// What a client that trusts this box and nobody else starts from.
    ///
    /// # Errors
    /// The authority's certificate cannot be read.
    pub fn roots(&self) -> anyhow::Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem.as_bytes())?)?;
        Ok(roots)
    }

    /// Looks after the certificate for as long as the box runs.
    pub async fn keep_fresh(self: Arc<Self>) {
        let mut looks = Ticks::every(LOOK);
        let mut served = self.certificates.watch();
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                // An error means that nobody will choose another, which is no reason to look more often.
                Ok(()) = served.changed() => {}
            }
            if let Err(error) = self.freshen() {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the server's certificate cannot be made anew: it is tried again"
                );
            }
        }
    }

    fn freshen(&self) -> anyhow::Result<()> {
        let names =
            names::all(&self.id, self.told.iter().copied()).context("cannot list the addresses")?;
        let ours = certifiable(&self.authority, &names);
        let certified = self.secrets.server(&self.authority, &ours, certificates::now())?;
        let usable = usable(&certified, &self.authority)?;
        if let Some(der) = usable.cert.first() {
            let facts = CertificateFacts::read(der).unwrap_or_default();
            self.certificates.own_is(OwnFace { facts, names: shown(&names) });
        }
        let now = UnixMs::now();
        self.certificates.look(now);
        let served = self.certificates.watch().borrow().clone();
        let served = served.filter(|served| served.facts.not_after > now);
        let other = served.map(|served| other(&served, &names)).transpose()?;
        let mut current = self.current.0.write().unwrap_or_else(PoisonError::into_inner);
        if current.own.cert != usable.cert {
            current.own = Arc::new(usable);
        }
        current.other = other;
        Ok(())
    }
}

fn certifiable(authority: &Authority, names: &Names) -> Names {
    let certifiable = authority.may_certify(names);
    if certifiable != *names {
        tracing::debug!(
            "the box's own authority certifies local names and addresses only: the others are left \
             out of the certificate"
        );
    }
    certifiable
}

/// Names and addresses under which others reach the box.
fn shown(names: &Names) -> Vec<String> {
    let dns = names.dns.iter().filter(|name| *name != "localhost").cloned();
    let others = names.addresses.iter().filter(|address| !address.is_loopback());
    dns.chain(others.map(IpAddr::to_string)).collect()
}

fn other(served: &Served, names: &Names) -> anyhow::Result<Other> {
    let chain = served.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let key = aws_lc_rs::sign::any_supported_type(&served.key)?;
    let mut addresses = names.addresses.iter().filter(|address| !address.is_loopback()).peekable();
    let at_addresses = addresses.peek().is_some()
        && addresses.all(|address| served.facts.covers(&address.to_string()));
    let facts = served.facts.clone();
    Ok(Other { key: Arc::new(CertifiedKey::new(chain, key)), facts, at_addresses })
}

/// With the authority's own certificate: a box that joins this one's fleet knows its fingerprint alone.
fn usable(certified: &Certified, authority: &Authority) -> anyhow::Result<CertifiedKey> {
    let certificate = CertificateDer::from_pem_slice(certified.certificate.as_bytes())?;
    let chain = vec![certificate, CertificateDer::from_pem_slice(authority.pem.as_bytes())?];
    let key = PrivateKeyDer::from_pem_slice(certified.key.as_bytes())?;
    let key = aws_lc_rs::sign::any_supported_type(&key)?;
    Ok(CertifiedKey::new(chain, key))
}
