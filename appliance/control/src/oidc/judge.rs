//! Whether an ID token may be believed (OpenID Connect Core 1.0 §3.1.3.7). Pure: keys and time are arguments.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

/// Clocks may differ by so many seconds.
const LEEWAY_S: u64 = 60;
/// What signs tokens here. Never `none`, and nothing with a secret that both sides know: with a public key
/// taken for the secret, anybody could sign.
pub(super) const ALGORITHMS: [(Algorithm, &str); 4] = [
    (Algorithm::RS256, "RS256"),
    (Algorithm::PS256, "PS256"),
    (Algorithm::ES256, "ES256"),
    (Algorithm::EdDSA, "EdDSA"),
];
/// The longest subject (OpenID Connect Core 1.0 §2).
const LONGEST_SUBJECT: usize = 255;

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    #[error("it sent no token that can be read")]
    Malformed,
    #[error("its token is signed by something else than RS256, PS256, ES256 or EdDSA")]
    Algorithm,
    #[error("its token is signed with a key that it does not publish")]
    Key,
    #[error("its token has a wrong signature")]
    Signature,
    #[error("its token is another provider's")]
    Issuer,
    #[error("its token was made for somebody else than this box")]
    Audience,
    #[error("its token has expired: check the clocks of the box and of the provider")]
    Expired,
    #[error("its token is of the future: check the clocks of the box and of the provider")]
    Future,
    #[error("its token belongs to another sign-in")]
    Nonce,
    #[error("its token does not say who it is about")]
    Subject,
}

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub issuer: &'a str,
    pub client: &'a str,
    pub nonce: &'a str,
    /// Seconds since the Unix epoch.
    pub now: u64,
}

/// Claims of a token or of the userinfo endpoint.
pub(super) type Claims = Map<String, Value>;

/// Whether a key is one that may sign so.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let signs = key.common.public_key_use.as_ref().is_none_or(|u| *u == PublicKeyUse::Signature);
    let named = key
        .common
        .key_algorithm
        .is_none_or(|named| Algorithm::try_from(named).is_ok_and(|named| named == algorithm));
    let kind = match &key.algorithm {
        AlgorithmParameters::RSA(_) => matches!(algorithm, Algorithm::RS256 | Algorithm::PS256),
        AlgorithmParameters::EllipticCurve(curve) => {
            algorithm == Algorithm::ES256 && curve.curve == EllipticCurve::P256
        }
        AlgorithmParameters::OctetKeyPair(pair) => {
            algorithm == Algorithm::EdDSA && pair.curve == EllipticCurve::Ed25519
        }
        // What both sides know, and what nobody here knows.
        _ => false,
    };
    signs && named && kind
}

/// The claims of a token, if all of it is as it must be.
///
/// # Errors
/// See [`TokenFault`]; a [`TokenFault::Key`] may be a key that is new.
pub(super) fn judge(
    token: &str,
    keys: &[Jwk],
    expected: Expected<'_>,
) -> Result<Claims, TokenFault> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
        // `none` is no algorithm to the library.
        ErrorKind::Json(_) | ErrorKind::InvalidAlgorithmName => TokenFault::Algorithm,
        _ => TokenFault::Malformed,
    })?;
    let algorithm = header.alg;
    if !ALGORITHMS.iter().any(|(known, _)| *known == algorithm) {
        return Err(TokenFault::Algorithm);
    }
    // What must be understood and is not (RFC 7515 §4.1.11).
    if header.crit.is_some() {
        return Err(TokenFault::Malformed);
    }
    let named = |key: &&Jwk| header.kid.is_none() || key.common.key_id == header.kid;
    let candidates = keys.iter().filter(named).filter(|key| fits(key, algorithm));
    // Times, issuer and audience are judged below, each by its own name.
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.set_required_spec_claims::<&str>(&[]);
    let mut fault = TokenFault::Key;
    for key in candidates {
        let Ok(key) = DecodingKey::from_jwk(key) else { continue };
        match jsonwebtoken::decode::<Claims>(token, &key, &validation) {
            Ok(read) => return said(read.claims, expected),
            Err(error) => {
                fault = match error.kind() {
                    ErrorKind::InvalidSignature => TokenFault::Signature,
                    _ => TokenFault::Malformed,
                };
            }
        }
    }
    Err(fault)
}

fn said(claims: Claims, expected: Expected<'_>) -> Result<Claims, TokenFault> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(TokenFault::Issuer);
    }
    let (meant, several) = match claims.get("aud") {
        Some(Value::String(one)) => (one == expected.client, false),
        Some(Value::Array(many)) => (many.iter().any(|one| one == expected.client), many.len() > 1),
        _ => (false, false),
    };
    let party = text("azp");
    if !meant || (several && party.is_none()) || party.is_some_and(|party| party != expected.client)
    {
        return Err(TokenFault::Audience);
    }
    // Seconds, of which some makers write fractions (RFC 7519 §2, NumericDate).
    let time = |name: &str| claims.get(name).and_then(Value::as_f64).map(|at| at as u64);
    let expires = time("exp").ok_or(TokenFault::Expired)?;
    if expires.saturating_add(LEEWAY_S) <= expected.now {
        return Err(TokenFault::Expired);
    }
    let made = time("iat").ok_or(TokenFault::Malformed)?;
    if made.max(time("nbf").unwrap_or_default()) > expected.now + LEEWAY_S {
        return Err(TokenFault::Future);
    }
    if text("nonce") != Some(expected.nonce) {
        return Err(TokenFault::Nonce);
    }
    if !text("sub").is_some_and(|sub| (1..=LONGEST_SUBJECT).contains(&sub.len())) {
        return Err(TokenFault::Subject);
    }
    Ok(claims)
}

/// What a claim lists: texts, or one text. A name with dots is first looked for as it stands, as many providers
/// name claims by addresses; then each dot leads inwards.
pub(super) fn listed(claims: &Claims, path: &str) -> Option<Vec<String>> {
    let inwards = || {
        let (first, rest) = path.split_once('.')?;
        let first = claims.get(first)?;
        rest.split('.').try_fold(first, |value, name| value.get(name))
    };
    match claims.get(path).or_else(inwards)? {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(many) => {
            Some(many.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
