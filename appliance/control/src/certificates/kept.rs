//! Certificates and requests as they lie in the folder of secrets. Each is one file, so that a key and what
//! was certified about it are there together or not at all.

use super::chain::{self, Checked};
use super::facts::CertificateFacts;
use super::pem;
use super::view::CertificateSource;
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::files::{absent, put_aside, replace};
use rustls::pki_types::PrivateKeyDer;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A certificate that is not the box's own, with its key.
pub struct Served {
    pub source: CertificateSource,
    pub since: UnixMs,
    pub facts: CertificateFacts,
    /// DER, the server's first.
    pub chain: Vec<Vec<u8>>,
    pub key: PrivateKeyDer<'static>,
    /// Nobody else issued it.
    pub self_signed: bool,
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Served").field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl Served {
    pub(super) fn of(checked: Checked, source: CertificateSource, since: UnixMs) -> Self {
        let Checked { chain, key, facts, notes, .. } = checked;
        let self_signed = notes.contains(&chain::CertificateNote::SelfSigned);
        Self { source, since, facts, chain, key, self_signed }
    }

    /// Chain and key.
    fn pem(&self) -> String {
        let mut text: String = self.chain.iter().map(|der| pem::text("CERTIFICATE", der)).collect();
        let label = match &self.key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        text.push_str(&pem::text(label, self.key.secret_der()));
        text
    }
}

/// A request whose answer is waited for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub names: Vec<String>,
    pub made_at: UnixMs,
    /// PEM.
    pub key: String,
    pub request: String,
}

impl Waiting {
    pub fn key(&self) -> Option<PrivateKeyDer<'static>> {
        let block = pem::blocks(&self.key).ok()?.into_iter().next()?;
        PrivateKeyDer::try_from(block.der).ok()
    }
}

#[derive(Default, Serialize, Deserialize)]
struct KeptChoice {
    wanted: CertificateSource,
    served: Option<KeptServed>,
}

#[derive(Serialize, Deserialize)]
struct KeptServed {
    source: CertificateSource,
    since: UnixMs,
    pem: String,
}

/// What the owner chose, and what is there of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    /// What the owner wants served; until ACME has brought something, something else is.
    pub wanted: CertificateSource,
    pub served: Option<Arc<Served>>,
}

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Shelf(pub PathBuf);

impl Shelf {
    pub fn choice(&self) -> Choice {
        let kept: KeptChoice = self.read("served.json").unwrap_or_default();
        let served = kept.served.and_then(|KeptServed { source, since, pem }| {
            // It was good when it was kept: whether it still is, is looked at later.
            let then = |facts: &CertificateFacts| facts.not_before;
            match reread(&pem, then) {
                Some(checked) => Some(Arc::new(Served::of(checked, source, since))),
                None => {
                    self.aside("served.json");
                    None
                }
            }
        });
        Choice { wanted: kept.wanted, served }
    }

    pub fn keep(&self, choice: &Choice) -> Result<(), ControlError> {
        let served = choice.served.as_ref().map(|served| KeptServed {
            source: served.source,
            since: served.since,
            pem: served.pem(),
        });
        self.write("served.json", &KeptChoice { wanted: choice.wanted, served })
    }

    pub fn waiting(&self) -> Option<Waiting> {
        self.read("request.json")
    }

    pub fn keep_waiting(&self, waiting: Option<&Waiting>) -> Result<(), ControlError> {
        match waiting {
            Some(waiting) => self.write("request.json", waiting),
            None => {
                let removed = fs::remove_file(self.0.join("request.json")).or_else(absent);
                removed.map_err(ControlError::Secrets)
            }
        }
    }

    /// What cannot be read is put aside, and said.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = match fs::read(self.0.join(name)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::error!(%error, name, "a secret of the box cannot be read");
                return None;
            }
        };
        let read = serde_json::from_slice(&bytes).ok();
        if read.is_none() {
            self.aside(name);
        }
        read
    }

    pub fn write(&self, name: &str, what: &impl Serialize) -> Result<(), ControlError> {
        let written = || -> std::io::Result<()> {
            // A box in development has none yet.
            make_private(&self.0)?;
            replace(&self.0.join(name), &serde_json::to_vec(what)?, 0o600)
        };
        written().map_err(ControlError::Secrets)
    }

    fn aside(&self, name: &str) {
        match put_aside(&self.0.join(name)) {
            Ok(kept) if name == "acme.json" => tracing::error!(kept = %kept.display(),
                "the ACME settings cannot be read: no certificate is renewed until they are typed again, in \
                 the panel under Certificates"),
            Ok(kept) => tracing::error!(kept = %kept.display(),
                "a certificate that was kept cannot be read: the box serves its own"),
            Err(error) => {
                tracing::error!(%error, name, "a certificate that was kept is in the way")
            }
        }
    }
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Checks again what was kept, as of the moment when it was good.
fn reread(pem: &str, then: impl Fn(&CertificateFacts) -> UnixMs) -> Option<Checked> {
    let first = pem::blocks(pem).ok()?.into_iter().find(|block| block.label == "CERTIFICATE")?;
    let (_, x509) = x509_parser::parse_x509_certificate(&first.der).ok()?;
    let at = then(&super::facts::of(&x509, &first.der));
    chain::check(&[pem], None, at).ok()
}
