//! Where certificates are ordered, for which names, and how it is proved that these are the box's.

use super::super::error::CertificateError;
use super::super::request;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use utoipa::ToSchema;

/// Let's Encrypt.
const USUAL: &str = "https://acme-v02.api.letsencrypt.org/directory";
const LONGEST: usize = 1024;
const LONGEST_WAIT_S: u16 = 600;
const LONGEST_AUTHORITY: usize = 64 * 1024;

/// How it is proved that a name is the box's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AcmeProof {
    /// The server asks the box itself, at port 80 of each name (RFC 8555 §8.3).
    #[default]
    Http,
    /// The box puts a record into the owner's zone (RFC 8555 §8.4, RFC 2136).
    Rfc2136 {
        /// A name or an address, and the port behind a colon if it is not 53.
        server: String,
        /// As the server calls it.
        zone: String,
        /// Of the key that signs (RFC 8945).
        key_name: String,
        #[serde(default)]
        #[schema(required)]
        algorithm: AcmeTsig,
        /// Until other servers have the record, too.
        #[serde(default)]
        #[schema(required)]
        wait_s: u16,
    },
    /// The box puts a record into a server of acme-dns, to which the owner's zone points.
    AcmeDns {
        /// Address of its API.
        server: String,
    },
}

/// What signs changes of a zone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AcmeTsig {
    #[default]
    HmacSha256,
    HmacSha384,
    HmacSha512,
}

/// Who the box is at a server of acme-dns.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcmeDnsAccount {
    pub server: String,
    pub username: String,
    pub password: String,
    pub subdomain: String,
    /// What `_acme-challenge` below each name points to.
    pub fulldomain: String,
}

impl AcmeProof {
    /// To whom a secret goes.
    pub(super) fn keyholder(&self) -> Option<(&str, &str, AcmeTsig)> {
        match self {
            Self::Rfc2136 { server, key_name, algorithm, .. } => {
                Some((server, key_name, *algorithm))
            }
            _ => None,
        }
    }

    fn check(&mut self, names: &[String]) -> Result<(), CertificateError> {
        match self {
            Self::Http => {}
            Self::Rfc2136 { server, zone, key_name, wait_s, .. } => {
                *server = server.trim().to_owned();
                let odd = |sign: char| !(sign.is_ascii_alphanumeric() || ".-_:[]".contains(sign));
                if server.is_empty() || server.len() > LONGEST || server.contains(odd) {
                    return Err(CertificateError::DnsServer);
                }
                for name in [&mut *zone, key_name] {
                    *name = name.trim().trim_end_matches('.').to_ascii_lowercase();
                    let label = |label: &str| {
                        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
                        (1..=63).contains(&label.len()) && label.bytes().all(good)
                    };
                    if name.len() > 240 || !name.split('.').all(label) {
                        return Err(CertificateError::DnsName(name.clone()));
                    }
                }
                let inside = |name: &&String| {
                    let name = name.trim_start_matches("*.");
                    name == zone || name.ends_with(&format!(".{zone}"))
                };
                if let Some(name) = names.iter().find(|name| !inside(name)) {
                    let (name, zone) = (name.clone(), zone.clone());
                    return Err(CertificateError::OutsideZone { name, zone });
                }
                if *wait_s > LONGEST_WAIT_S {
                    return Err(CertificateError::DnsWait { most: LONGEST_WAIT_S });
                }
            }
            Self::AcmeDns { server } => {
                *server = server.trim().trim_end_matches('/').to_owned();
                let host = server.strip_prefix("https://").or(server.strip_prefix("http://"));
                if host.is_none_or(str::is_empty) || server.len() > LONGEST {
                    return Err(CertificateError::AcmeDnsServer);
                }
            }
        }
        Ok(())
    }
}

/// What a key's secret is, out of its text.
pub(super) fn secret(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim()).ok().filter(|bytes| !bytes.is_empty())
}

/// An order that is repeated for as long as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcmeSettings {
    /// The server's directory.
    pub directory: String,
    /// Who certified the server, PEM; empty: an authority that everybody knows.
    #[serde(default)]
    #[schema(required)]
    pub authority: String,
    /// Where the server sends warnings; empty: nowhere.
    #[serde(default)]
    #[schema(required)]
    pub contact: String,
    pub names: Vec<String>,
    #[serde(default)]
    #[schema(required)]
    pub proof: AcmeProof,
    /// The owner accepts the server's terms.
    pub terms_accepted: bool,
}

impl Default for AcmeSettings {
    fn default() -> Self {
        Self {
            directory: USUAL.to_owned(),
            authority: String::new(),
            contact: String::new(),
            names: Vec::new(),
            proof: AcmeProof::Http,
            terms_accepted: false,
        }
    }
}

/// An account that exists elsewhere, to which the box's is bound.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcmeBound {
    pub id: String,
    /// Base64, as authorities give it.
    pub key: String,
}

impl AcmeBound {
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        let text = self.key.trim().trim_end_matches('=');
        let plain = text.replace('+', "-").replace('/', "_");
        URL_SAFE_NO_PAD.decode(plain).ok().filter(|bytes| !bytes.is_empty())
    }
}

/// Settings, with what is never shown again.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcmePut {
    pub settings: AcmeSettings,
    /// Absent: as before, at the same server.
    #[serde(default)]
    #[schema(nullable = false)]
    pub binding: Option<AcmeBound>,
    /// The secret of the key that changes a zone, base64. Absent: as before, for the same server and key.
    #[serde(default)]
    #[schema(nullable = false)]
    pub dns_secret: Option<String>,
}

impl std::fmt::Debug for AcmePut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AcmePut").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl AcmePut {
    /// # Errors
    /// Something of it will not do.
    pub(super) fn checked(mut self) -> Result<Self, CertificateError> {
        let settings = &mut self.settings;
        settings.directory = settings.directory.trim().to_owned();
        settings.contact = settings.contact.trim().to_owned();
        settings.authority = settings.authority.trim().to_owned();
        let host = settings.directory.strip_prefix("https://").unwrap_or_default();
        if host.is_empty() || host.starts_with('/') || settings.directory.len() > LONGEST {
            return Err(CertificateError::Directory);
        }
        if settings.authority.len() > LONGEST_AUTHORITY {
            return Err(CertificateError::AcmeTrust("these are too many certificates".to_owned()));
        }
        let mail = settings.contact.split_once('@').is_none_or(|(name, host)| {
            name.is_empty() || host.is_empty() || settings.contact.contains(char::is_whitespace)
        });
        if (mail && !settings.contact.is_empty()) || settings.contact.len() > LONGEST {
            return Err(CertificateError::Contact);
        }
        settings.names = request::checked(&settings.names)?;
        let http = settings.proof == AcmeProof::Http;
        if let Some(star) = settings.names.iter().find(|name| http && name.starts_with('*')) {
            return Err(CertificateError::Star(star.clone()));
        }
        let by_address = |name: &&String| name.parse::<IpAddr>().is_ok();
        if let Some(address) = settings.names.iter().find(|name| !http && by_address(name)) {
            return Err(CertificateError::AddressByDns(address.clone()));
        }
        settings.proof.check(&settings.names)?;
        if self.dns_secret.as_deref().is_some_and(|text| secret(text).is_none()) {
            return Err(CertificateError::DnsSecret);
        }
        if !settings.terms_accepted {
            return Err(CertificateError::Terms);
        }
        let bad = |bound: &AcmeBound| {
            bound.id.trim().is_empty() || bound.id.len() > LONGEST || bound.bytes().is_none()
        };
        if self.binding.as_ref().is_some_and(bad) {
            return Err(CertificateError::Binding);
        }
        Ok(self)
    }
}
