//! What a certificate says, for people.

use crate::clock::UnixMs;
use serde::Serialize;
use std::net::IpAddr;
use utoipa::ToSchema;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::X509Name;

/// What stands in a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct CertificateFacts {
    /// Names and addresses that it is for.
    pub names: Vec<String>,
    /// Who issued it.
    pub issuer: String,
    pub not_before: UnixMs,
    pub not_after: UnixMs,
    /// SHA-256, as devices show it.
    pub fingerprint: String,
    /// `EC P-256`, `RSA 2048`.
    pub key: String,
    /// Who stands between it and the authority that devices know, nearest first.
    pub chain: Vec<String>,
}

impl CertificateFacts {
    /// Of a certificate (DER), without its chain. `None`: it is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        Some(of(&certificate, der))
    }

    /// Whether it is for this host: a name, or an address as text. A star stands for one label, the first
    /// (RFC 6125 §6.4.3).
    pub fn covers(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if let Ok(address) = host.parse::<IpAddr>() {
            return self.names.iter().any(|name| name.parse() == Ok(address));
        }
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest == domain),
            None => *name == host,
        })
    }
}

/// Reads everything but the chain.
pub(super) fn of(certificate: &X509Certificate<'_>, der: &[u8]) -> CertificateFacts {
    CertificateFacts {
        names: names(certificate),
        issuer: known_as(certificate.issuer()),
        not_before: moment(certificate.validity().not_before.timestamp()),
        not_after: moment(certificate.validity().not_after.timestamp()),
        fingerprint: fingerprint(der),
        key: key(certificate).unwrap_or_else(|kind| kind),
        chain: Vec::new(),
    }
}

fn moment(seconds: i64) -> UnixMs {
    UnixMs(u64::try_from(seconds).unwrap_or(0).saturating_mul(1000))
}

/// SHA-256 in pairs of hexadecimal digits.
pub fn fingerprint(der: &[u8]) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    let pairs: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

/// As people call it: its common name, else its organisation, else all that it has.
pub(super) fn known_as(name: &X509Name<'_>) -> String {
    let first = name.iter_common_name().chain(name.iter_organization()).next();
    let first = first.and_then(|attribute| attribute.as_str().ok().map(str::to_owned));
    first.unwrap_or_else(|| name.to_string())
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(found)) = certificate.subject_alternative_name() else { return Vec::new() };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or(<[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    };
    found.value.general_names.iter().filter_map(text).collect()
}

/// What kind of key it has, in words; the error is one that will not do.
pub(super) fn key(certificate: &X509Certificate<'_>) -> Result<String, String> {
    let public = certificate.public_key();
    match public.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let (bits, words) = (rsa.key_size(), format!("RSA {}", rsa.key_size()));
            if bits >= 2048 { Ok(words) } else { Err(words) }
        }
        Ok(PublicKey::EC(_)) => {
            let curve = public.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            match curve.map(|oid| oid.to_id_string()).as_deref() {
                Some("1.2.840.10045.3.1.7") => Ok("EC P-256".to_owned()),
                Some("1.3.132.0.34") => Ok("EC P-384".to_owned()),
                other => Err(format!("EC {}", other.unwrap_or("without a curve"))),
            }
        }
        _ => Err(format!("a key of kind {}", public.algorithm.algorithm.to_id_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_label_and_addresses_are_compared_as_such() {
        let names = ["box.example.org", "*.rooms.example.org", "192.0.2.7", "fd00::7"];
        let facts = CertificateFacts {
            names: names.map(str::to_owned).into(),
            ..CertificateFacts::default()
        };
        for host in
            ["box.example.org", "BOX.example.org.", "a.rooms.example.org", "192.0.2.7", "fd00:0::7"]
        {
            assert!(facts.covers(host), "{host}");
        }
        for host in
            ["example.org", "rooms.example.org", "a.b.rooms.example.org", "192.0.2.8", "", "*"]
        {
            assert!(!facts.covers(host), "{host}");
        }
    }
}
