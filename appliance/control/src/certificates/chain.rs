//! A certificate that somebody sends, checked before it is served, and its chain put in order. Pure.

use super::error::CertificateError;
use super::facts::{self, CertificateFacts};
use super::pem;
use crate::clock::UnixMs;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use serde::Serialize;
use utoipa::ToSchema;
use x509_parser::certificate::X509Certificate;

/// Nobody's chain is longer.
const MOST: usize = 16;

/// What the owner should know of a certificate that will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateNote {
    /// The chain was in another order: it is put right.
    Reordered,
    /// Certificates that do not belong to it were left out.
    Unrelated,
    /// The authority's own certificate was left out: devices have it, or do not trust it.
    RootLeftOut,
    /// No certificate between it and its authority came along: phones may need one.
    Alone,
    /// Nobody else issued it: each device must be told of it.
    SelfSigned,
}

/// A certificate that can be served.
pub(super) struct Checked {
    /// DER, the server's first.
    pub chain: Vec<Vec<u8>>,
    pub key: PrivateKeyDer<'static>,
    pub facts: CertificateFacts,
    pub notes: Vec<CertificateNote>,
    /// The key came from the request that waited.
    pub requested: bool,
}

struct Found<'a> {
    der: &'a [u8],
    x509: X509Certificate<'a>,
}

impl Found<'_> {
    fn is_authority(&self) -> bool {
        self.x509.is_ca()
    }

    fn is_root(&self) -> bool {
        self.x509.subject().as_raw() == self.x509.issuer().as_raw()
    }

    fn issued(&self, other: &Self) -> bool {
        self.is_authority()
            && self.x509.subject().as_raw() == other.x509.issuer().as_raw()
            && other.x509.verify_signature(Some(self.x509.public_key())).is_ok()
    }
}

/// Checks what was sent: `sent` has the certificates, and may have the key; `waiting` is the key of a request.
///
/// # Errors
/// What will not do, and what helps.
pub(super) fn check(
    sent: &[&str],
    waiting: Option<&PrivateKeyDer<'static>>,
    now: UnixMs,
) -> Result<Checked, CertificateError> {
    let mut blocks = Vec::new();
    for text in sent {
        blocks.extend(pem::blocks(text)?);
    }
    if blocks.iter().any(|block| block.encrypted) {
        return Err(CertificateError::Encrypted);
    }
    let keys: Vec<_> = blocks.iter().filter(|block| block.label.ends_with("PRIVATE KEY")).collect();
    let certificates: Vec<_> =
        blocks.iter().filter(|block| block.label.ends_with("CERTIFICATE")).collect();
    match certificates.len() {
        0 => return Err(CertificateError::NoCertificate),
        found if found > MOST => return Err(CertificateError::TooMany { found, most: MOST }),
        _ => {}
    }
    let (key, requested) = match (&keys[..], waiting) {
        ([], None) => return Err(CertificateError::NoKey),
        ([], Some(key)) => (key.clone_key(), true),
        ([key], _) => {
            let key = PrivateKeyDer::try_from(key.der.clone());
            (key.map_err(|_| CertificateError::Key)?, false)
        }
        _ => return Err(CertificateError::TwoKeys),
    };
    let public = any_supported_type(&key).ok().and_then(|key| {
        let public = key.public_key()?;
        Some(public.as_ref().to_vec())
    });
    let mut found = Vec::new();
    for block in &certificates {
        let (rest, x509) =
            x509_parser::parse_x509_certificate(&block.der).map_err(|_| CertificateError::Torn)?;
        if !rest.is_empty() {
            return Err(CertificateError::Torn);
        }
        found.push(Found { der: &block.der, x509 });
    }
    let public = public.ok_or_else(|| {
        // A key that is too short cannot be used, which says less than its certificate does.
        let mut weak = found.iter().filter_map(|one| facts::key(&one.x509).err());
        weak.next().map_or(CertificateError::Key, |kind| CertificateError::Weak { kind })
    })?;
    let server = found.iter().position(|one| one.x509.public_key().raw == public);
    let server = server.ok_or(match requested {
        true => CertificateError::NotRequested,
        false => CertificateError::WrongKey,
    })?;
    let facts = of_server(&found[server], now)?;
    let Ordered { order, notes, chain } = in_order(&found, server, now)?;
    Ok(Checked {
        chain: order.into_iter().map(|at| found[at].der.to_vec()).collect(),
        key,
        facts: CertificateFacts { chain, ..facts },
        notes,
        requested,
    })
}

/// What must be so of the server's own certificate.
fn of_server(server: &Found<'_>, now: UnixMs) -> Result<CertificateFacts, CertificateError> {
    if server.is_authority() {
        return Err(CertificateError::Authority);
    }
    facts::key(&server.x509).map_err(|kind| CertificateError::Weak { kind })?;
    let facts = facts::of(&server.x509, server.der);
    if facts.names.is_empty() {
        return Err(CertificateError::NoNames);
    }
    if let Ok(Some(purpose)) = server.x509.extended_key_usage()
        && !(purpose.value.server_auth || purpose.value.any)
    {
        return Err(CertificateError::Purpose);
    }
    if facts.not_after <= now {
        return Err(CertificateError::Ended(facts.not_after.minute()));
    }
    if facts.not_before > now {
        return Err(CertificateError::NotYet(facts.not_before.minute()));
    }
    Ok(facts)
}

struct Ordered {
    order: Vec<usize>,
    notes: Vec<CertificateNote>,
    /// Names of those between.
    chain: Vec<String>,
}

fn in_order(found: &[Found<'_>], server: usize, now: UnixMs) -> Result<Ordered, CertificateError> {
    let (mut order, mut chain, mut root) = (vec![server], Vec::new(), None);
    let mut last = server;
    while !found[last].is_root() {
        let next =
            (0..found.len()).find(|at| !order.contains(at) && found[*at].issued(&found[last]));
        let Some(next) = next else { break };
        if found[next].is_root() {
            root = Some(next);
            break;
        }
        let facts = facts::of(&found[next].x509, found[next].der);
        let name = facts::known_as(found[next].x509.subject());
        if facts.not_after <= now {
            return Err(CertificateError::ChainEnded { name, at: facts.not_after.minute() });
        }
        chain.push(name);
        order.push(next);
        last = next;
    }
    let same =
        |at: &usize| order.iter().chain(&root).any(|used| found[*used].der == found[*at].der);
    let others = (0..found.len()).filter(|at| !same(at)).count();
    let alone = order.len() == 1 && root.is_none();
    if alone && others > 0 && !found[server].is_root() {
        let issuer = facts::known_as(found[server].x509.issuer());
        return Err(CertificateError::Chain { issuer });
    }
    let notes = [
        (order.windows(2).any(|pair| pair[0] > pair[1]), CertificateNote::Reordered),
        (others > 0, CertificateNote::Unrelated),
        (root.is_some(), CertificateNote::RootLeftOut),
        (alone && !found[server].is_root(), CertificateNote::Alone),
        (found[server].is_root(), CertificateNote::SelfSigned),
    ];
    let notes = notes.into_iter().filter_map(|(so, note)| so.then_some(note)).collect();
    Ok(Ordered { order, notes, chain })
}
