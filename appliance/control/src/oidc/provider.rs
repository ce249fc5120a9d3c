//! What a provider says of itself, its keys, and what it answers (OpenID Connect Discovery 1.0, RFC 8414).

use super::judge::{ALGORITHMS, Claims};
use super::settings::{DISCOVERY, is_guarded};
use super::{OidcError, OidcRow, OidcSettings};
use crate::conference::Later;
use crate::percent::escaped;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Texts of others that are shown or kept are this long at most.
const SHOWN: usize = 200;

/// A request to a provider.
#[derive(Debug)]
pub struct Question {
    pub url: String,
    /// Certificates that may have certified it, PEM; empty: the system's authorities.
    pub authority: String,
    /// The whole header; a secret.
    pub authorization: Option<String>,
    /// Sent as a form; a secret. Absent: only asked for.
    pub form: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Why nothing came back. The texts go to the owner.
#[derive(Debug)]
pub enum NoReply {
    Unreachable(String),
    Certificate(String),
    Answer(String),
}

/// Who speaks with providers; the daemon's.
pub trait Wire: Send + Sync {
    /// Whether these certificates can be trusted at all.
    ///
    /// # Errors
    /// What is wrong with them.
    fn check(&self, authority: &str) -> Result<(), String>;

    fn ask(&self, question: Question) -> Later<'_, Result<Reply, NoReply>>;
}

/// What a provider says of itself.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Discovery {
    #[serde(default)]
    pub issuer: String,
    #[serde(default)]
    pub authorization_endpoint: String,
    #[serde(default)]
    pub token_endpoint: String,
    #[serde(default)]
    pub userinfo_endpoint: Option<String>,
    #[serde(default)]
    pub jwks_uri: String,
    #[serde(default)]
    pub response_types_supported: Option<Vec<String>>,
    #[serde(default)]
    pub code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub id_token_signing_alg_values_supported: Option<Vec<String>>,
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub scopes_supported: Option<Vec<String>>,
    /// RFC 9207.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

fn lists(list: &Option<Vec<String>>, what: &str) -> bool {
    list.as_ref().is_some_and(|list| list.iter().any(|one| one == what))
}

impl Discovery {
    /// What is wrong with it, for somebody who means `issuer`.
    ///
    /// # Errors
    /// It is another's, names no addresses that will do, or cannot what the box needs.
    pub(super) fn check(&self, issuer: &str) -> Result<(), OidcError> {
        let wrong = |what: String| Err(OidcError::Answer(what));
        if self.issuer != issuer {
            let itself = shown(&self.issuer);
            return wrong(format!("it calls itself {itself:?}: that is its issuer, to the letter"));
        }
        for (name, address) in [
            ("authorization_endpoint", &self.authorization_endpoint),
            ("token_endpoint", &self.token_endpoint),
            ("jwks_uri", &self.jwks_uri),
        ] {
            if !is_guarded(address) {
                return wrong(format!("its {name} is no address that is encrypted"));
            }
        }
        if self.userinfo_endpoint.as_deref().is_some_and(|address| !is_guarded(address)) {
            return wrong("its userinfo_endpoint is no address that is encrypted".to_owned());
        }
        if !lists(&self.response_types_supported, "code") {
            return wrong("it does not know the authorization code flow".to_owned());
        }
        // Some can it and do not say so.
        if self.code_challenge_methods_supported.is_some()
            && !lists(&self.code_challenge_methods_supported, "S256")
        {
            return wrong("it does not know PKCE with S256".to_owned());
        }
        if self.algorithms().is_empty() {
            return wrong("it signs with nothing of RS256, PS256, ES256 and EdDSA".to_owned());
        }
        Ok(())
    }

    /// With what it signs, of that which the box takes.
    pub(super) fn algorithms(&self) -> Vec<String> {
        let said = &self.id_token_signing_alg_values_supported;
        let known = ALGORITHMS.iter().filter(|(_, name)| lists(said, name));
        known.map(|(_, name)| (*name).to_owned()).collect()
    }
}

/// The beginning of a text of others, without what could deceive a log.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|sign| !sign.is_control()).take(SHOWN).collect()
}

/// Names and values with `=` and `&` between.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", escaped(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

async fn json<T: DeserializeOwned>(
    wire: &dyn Wire,
    settings: &OidcSettings,
    url: &str,
    authorization: Option<String>,
) -> Result<T, OidcError> {
    let (url, authority) = (url.to_owned(), settings.authority.clone());
    let question = Question { url: url.clone(), authority, authorization, form: None };
    let Reply { status, body } = wire.ask(question).await?;
    if status != 200 {
        return Err(OidcError::Answer(format!("{url} answers {status}")));
    }
    let unread = |_| OidcError::Answer(format!("what is at {url} is no JSON that can be read"));
    serde_json::from_slice(&body).map_err(unread)
}

impl From<NoReply> for OidcError {
    fn from(none: NoReply) -> Self {
        match none {
            NoReply::Unreachable(why) => Self::Unreachable(why),
            NoReply::Certificate(why) => Self::Certificate(why),
            NoReply::Answer(why) => Self::Answer(why),
        }
    }
}

/// What the provider says of itself, checked.
pub(super) async fn discover(
    wire: &dyn Wire,
    settings: &OidcSettings,
) -> Result<Discovery, OidcError> {
    let url = format!("{}{DISCOVERY}", settings.issuer.trim_end_matches('/'));
    let found: Discovery = json(wire, settings, &url, None).await?;
    found.check(&settings.issuer)?;
    Ok(found)
}

/// The provider's keys: those that are understood.
pub(super) async fn keys(
    wire: &dyn Wire,
    settings: &OidcSettings,
    discovery: &Discovery,
) -> Result<Vec<Jwk>, OidcError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = json(wire, settings, &discovery.jwks_uri, None).await?;
    let read = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
    let keys: Vec<Jwk> = read.filter(is_public).collect();
    match keys.is_empty() {
        true => Err(OidcError::Answer(format!("there is no key at {}", discovery.jwks_uri))),
        false => Ok(keys),
    }
}

/// Of a kind that is known here, and no secret that both sides know.
fn is_public(key: &Jwk) -> bool {
    !matches!(key.algorithm, AlgorithmParameters::OctetKey(_) | AlgorithmParameters::Other(_))
}

/// What a code is exchanged for.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub id_token: String,
    #[serde(default)]
    pub access_token: Option<String>,
}

/// Exchanges a code (RFC 6749 §4.1.3, RFC 7636 §4.5).
pub(super) async fn exchange(
    wire: &dyn Wire,
    row: &OidcRow,
    discovery: &Discovery,
    (code, verifier, redirect_uri): (&str, &str, &str),
) -> Result<Tokens, OidcError> {
    let settings = &row.settings;
    let mut pairs = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", verifier),
    ];
    let methods = &discovery.token_endpoint_auth_methods_supported;
    let by_form = methods.is_some() && !lists(methods, "client_secret_basic");
    let mut authorization = None;
    if row.secret.is_empty() || by_form {
        pairs.push(("client_id", &settings.client_id));
    }
    if !row.secret.is_empty() {
        match by_form {
            true => pairs.push(("client_secret", &row.secret)),
            // Escaped first (RFC 6749 §2.3.1).
            false => {
                let both = format!("{}:{}", escaped(&settings.client_id), escaped(&row.secret));
                authorization = Some(format!("Basic {}", STANDARD.encode(both)));
            }
        }
    }
    let question = Question {
        url: discovery.token_endpoint.clone(),
        authority: settings.authority.clone(),
        authorization,
        form: Some(form(&pairs)),
    };
    let Reply { status, body } = wire.ask(question).await?;
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status != 200 {
        let text = |name: &str| said.get(name).and_then(Value::as_str).map(shown);
        let why = text("error").unwrap_or_else(|| format!("it answers {status}"));
        let more = text("error_description").map(|more| format!(", {more}")).unwrap_or_default();
        return Err(OidcError::Refused(format!("{why}{more}")));
    }
    let none = |_| OidcError::Answer("it sent no ID token".to_owned());
    serde_json::from_value(said).map_err(none)
}

/// More about whoever an access token is of; `sub` is what the ID token says (OpenID Connect Core 1.0 §5.3.2).
pub(super) async fn userinfo(
    wire: &dyn Wire,
    settings: &OidcSettings,
    url: &str,
    token: &str,
    sub: &str,
) -> Result<Claims, OidcError> {
    let claims: Claims = json(wire, settings, url, Some(format!("Bearer {token}"))).await?;
    match claims.get("sub").and_then(Value::as_str) == Some(sub) {
        true => Ok(claims),
        false => Err(OidcError::Answer("its userinfo is about somebody else".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Value {
        serde_json::json!({
            "issuer": "https://id.example", "authorization_endpoint": "https://id.example/a",
            "token_endpoint": "https://id.example/t", "jwks_uri": "https://keys.example/k",
            "response_types_supported": ["code", "id_token"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "id_token_signing_alg_values_supported": ["HS256", "RS256", "ES512"],
        })
    }

    #[test]
    fn what_a_provider_cannot_is_named() {
        let check = |name: &str, value: Value| {
            let mut found = found();
            found[name] = value;
            let found: Discovery = serde_json::from_value(found).unwrap();
            found.check("https://id.example").map_err(|error| error.to_string())
        };
        let json = serde_json::Value::from;
        assert_eq!(check("unknown", json("x")), Ok(()));
        assert_eq!(check("code_challenge_methods_supported", Value::Null), Ok(()), "left unsaid");
        for (name, value, says) in [
            ("issuer", json("https://id.example/"), "calls itself \"https://id.example/\""),
            ("token_endpoint", json("http://id.example/t"), "its token_endpoint"),
            ("jwks_uri", Value::from(""), "its jwks_uri"),
            ("userinfo_endpoint", json("ftp://x"), "its userinfo_endpoint"),
            ("response_types_supported", serde_json::json!(["token"]), "authorization code"),
            ("response_types_supported", Value::Null, "authorization code"),
            ("code_challenge_methods_supported", serde_json::json!(["plain"]), "S256"),
            (
                "id_token_signing_alg_values_supported",
                serde_json::json!(["HS256", "none"]),
                "RS256",
            ),
        ] {
            let refused = check(name, value).unwrap_err();
            assert!(refused.contains(says), "{name}: {refused}");
        }
    }

    #[test]
    fn a_form_holds_whatever_is_put_into_it() {
        assert_eq!(form(&[("a", "b c&d=é"), ("e", "~-._")]), "a=b%20c%26d%3D%C3%A9&e=~-._");
    }
}
