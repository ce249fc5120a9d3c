//! A line to a server whose protocol somebody else speaks: TCP, and TLS with the trust that the owner chose.

use crate::pinned::{Pinned, Whose};
use crate::reach::{ReachError, Trust, Trusts, connect};
use crate::targets::unhex;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, Error, RootCertStore};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

/// A connection, encrypted or not.
pub trait Line: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Line for T {}

/// How a line is kept from others.
#[derive(Debug, Clone)]
pub struct Security(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Plain,
    /// Anew for each line: a certificate that the owner adds counts at once.
    System,
    Config(Arc<ClientConfig>),
}

/// What cannot be trusted, because it is no certificate and no fingerprint. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    #[error("this is no certificate: paste the text that begins with -----BEGIN CERTIFICATE-----")]
    Pem,
    #[error("a certificate of these is none of an authority: {0}")]
    Authority(Error),
    #[error("a fingerprint is a SHA-256, that is 64 hexadecimal digits")]
    Fingerprint,
    #[error("TLS cannot be set up: {0}")]
    Tls(Error),
}

impl Security {
    /// No encryption.
    pub fn plain() -> Self {
        Self(Kind::Plain)
    }

    /// Whom the system's authorities have certified.
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// Whom these authorities have certified.
    ///
    /// # Errors
    /// There is no certificate in the text.
    pub fn authority(pem: &str) -> Result<Self, SecurityError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|_| SecurityError::Pem)?;
            roots.add(certificate).map_err(SecurityError::Authority)?;
        }
        if roots.is_empty() {
            return Err(SecurityError::Pem);
        }
        let config = builder()?.with_root_certificates(roots).with_no_client_auth();
        Ok(Self(Kind::Config(Arc::new(config))))
    }

    /// The server with this certificate, by its SHA-256 in hexadecimal: name and dates do not count.
    ///
    /// # Errors
    /// This is no SHA-256.
    pub fn pinned(fingerprint: &str) -> Result<Self, SecurityError> {
        let fingerprint = unhex(fingerprint).ok_or(SecurityError::Fingerprint)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = builder()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned {
                fingerprint,
                whose: Whose::Server,
                provider,
            }))
            .with_no_client_auth();
        Ok(Self(Kind::Config(Arc::new(config))))
    }
}

impl Trusts for Security {
    /// Of none, nobody is asked to encrypt.
    fn config(&self) -> Result<Arc<ClientConfig>, ReachError> {
        match &self.0 {
            Kind::Plain | Kind::System => Trust::default().config(),
            Kind::Config(config) => Ok(config.clone()),
        }
    }

    fn is_system(&self) -> bool {
        matches!(self.0, Kind::Plain | Kind::System)
    }
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, SecurityError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    builder.with_safe_default_protocol_versions().map_err(SecurityError::Tls)
}

/// Connects to a host, which has no brackets if it is an IPv6 address.
///
/// # Errors
/// See [`ReachError`].
pub async fn line(host: &str, port: u16, security: &Security) -> Result<Box<dyn Line>, ReachError> {
    let stream = connect(host, port).await?;
    if matches!(security.0, Kind::Plain) {
        return Ok(Box::new(stream));
    }
    let config = Trusts::config(security)?;
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|_| ReachError::Name(host.to_owned()))?;
    let shaken = TlsConnector::from(config).connect(name, stream).await;
    match shaken {
        Ok(stream) => Ok(Box::new(stream)),
        Err(source) => Err(ReachError::Handshake { host: host.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_and_no_fingerprint_is_refused() {
        assert!(matches!(Security::authority(""), Err(SecurityError::Pem)));
        let torn = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(Security::authority(torn).is_err());
        for bad in ["", "ab", &"g".repeat(64), &"a".repeat(65), &"é".repeat(32), &"+1".repeat(32)]
        {
            assert!(matches!(Security::pinned(bad), Err(SecurityError::Fingerprint)), "{bad}");
        }
        assert!(Security::pinned(&"aB".repeat(32)).is_ok());
    }
}
