//! HTTPS with the box's own certificate, which changes with its names and its age while connections
//! go on.

use crate::certificates::{self, Authority, Certified, Names, Secrets};
use crate::names;
use anyhow::Context;
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

/// The box's side of HTTPS.
pub struct Tls {
    secrets: Secrets,
    authority: Authority,
    /// The box's.
    id: String,
    /// Addresses that the box was told, beside those of its interfaces.
    told: Vec<IpAddr>,
    current: Arc<Current>,
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Tls {
    /// Takes or makes everything that HTTPS needs.
    ///
    /// # Errors
    /// Keys or certificates cannot be made or kept.
    pub fn start(secrets: Secrets, id: &str, told: Vec<IpAddr>) -> anyhow::Result<Self> {
        let now = certificates::now();
        let authority = secrets
            .authority(id, &names::host(), now)
            .context("the box has no certificate authority")?;
        let names = names::all(id, told.iter().copied()).context("cannot list the addresses")?;
        let certified = secrets.server(&authority, &certifiable(&authority, &names), now)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(usable(&certified, &authority)?))));
        Ok(Self { secrets, authority, id: id.to_owned(), told, current })
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
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
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
        let names = certifiable(&self.authority, &names);
        let certified = self.secrets.server(&self.authority, &names, certificates::now())?;
        let usable = usable(&certified, &self.authority)?;
        let mut current = self.current.0.write().unwrap_or_else(PoisonError::into_inner);
        if current.cert != usable.cert {
            *current = Arc::new(usable);
        }
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

/// With the authority's own certificate: a box that joins this one's fleet knows its fingerprint alone.
fn usable(certified: &Certified, authority: &Authority) -> anyhow::Result<CertifiedKey> {
    let certificate = CertificateDer::from_pem_slice(certified.certificate.as_bytes())?;
    let chain = vec![certificate, CertificateDer::from_pem_slice(authority.pem.as_bytes())?];
    let key = PrivateKeyDer::from_pem_slice(certified.key.as_bytes())?;
    let key = aws_lc_rs::sign::any_supported_type(&key)?;
    Ok(CertifiedKey::new(chain, key))
}
