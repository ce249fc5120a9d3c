//! A request for a certificate (CSR, RFC 2986): its key is made here and stays here.

use super::error::CertificateError;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use std::net::IpAddr;

/// Names in one request; authorities take about so many.
pub(super) const MOST_NAMES: usize = 50;

/// Key and request, PEM.
pub(super) struct Made {
    pub key: String,
    pub request: String,
    /// DER.
    pub der: Vec<u8>,
}

/// Names as they stand in certificates.
///
/// # Errors
/// There are none, too many, or one is none.
pub(super) fn checked(names: &[String]) -> Result<Vec<String>, CertificateError> {
    let mut checked: Vec<String> = Vec::new();
    for name in names {
        let tidy = name.trim().trim_end_matches('.').to_ascii_lowercase();
        // As a certificate has it, however it was typed.
        let tidy = tidy.parse::<IpAddr>().map_or(tidy, |address| address.to_string());
        let wild = tidy.strip_prefix("*.");
        let host = wild.unwrap_or(&tidy);
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // All names of a top-level domain are nobody's.
        let narrow = wild.is_none() || host.contains('.');
        let is_name = tidy.len() <= 253 && host.split('.').all(label) && narrow;
        if tidy.parse::<IpAddr>().is_err() && !is_name {
            return Err(CertificateError::Name(name.clone()));
        }
        if !checked.contains(&tidy) {
            checked.push(tidy);
        }
    }
    match checked.len() {
        1..=MOST_NAMES => Ok(checked),
        _ => Err(CertificateError::Names { most: MOST_NAMES }),
    }
}

/// Makes a key (P-256) and a request for these names, which are [`checked`]. `None`: the system gives no
/// randomness.
pub(super) fn make(names: &[String]) -> Option<Made> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).ok()?;
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    // Longer ones do not fit there (RFC 5280, appendix A.1), and nobody looks there any more.
    if let Some(common) = names.iter().find(|name| name.len() <= 64) {
        parameters.distinguished_name.push(DnType::CommonName, common.as_str());
    }
    for name in names {
        parameters.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.as_str().try_into().ok()?),
        });
    }
    let request = parameters.serialize_request(&key).ok()?;
    let (pem, der) = (request.pem().ok()?, request.der().to_vec());
    Some(Made { key: key.serialize_pem(), request: pem, der })
}
