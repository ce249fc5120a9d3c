//! LiveKit access tokens: JWT with HS256 and nothing else.
//!
//! The claims are those of livekit/protocol `auth/grants.go`, with its defaults for what a token
//! leaves out.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Clocks of token makers may differ from ours by this many seconds.
const LEEWAY_S: u64 = 10;

/// Why a token is refused. The texts go to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("no access token")]
    Missing,
    #[error("invalid token: not a JWT signed with HS256")]
    Malformed,
    #[error("invalid API key")]
    UnknownKey,
    #[error("invalid token: wrong signature")]
    Signature,
    #[error("invalid token: expired")]
    Expired,
    #[error("invalid token: not valid yet (check the clocks)")]
    Early,
}

/// Claims of an access token.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Claims {
    /// API key.
    pub iss: String,
    /// Identity of the participant.
    pub sub: String,
    /// Seconds since the Unix epoch.
    pub exp: u64,
    pub nbf: u64,
    pub name: String,
    pub metadata: String,
    pub attributes: BTreeMap<String, String>,
    /// `standard`, `ingress`, `egress`, `sip`, `agent`.
    pub kind: String,
    /// base64 of the body's SHA-256, in webhooks.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    pub video: VideoGrant,
}

/// What the bearer may do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VideoGrant {
    pub room: String,
    pub room_join: bool,
    pub room_create: bool,
    pub room_list: bool,
    pub room_admin: bool,
    pub room_record: bool,
    pub ingress_admin: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub can_publish_sources: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_update_own_metadata: Option<bool>,
    pub hidden: bool,
    pub recorder: bool,
    pub agent: bool,
    pub destination_room: String,
}

impl VideoGrant {
    pub fn may_publish(&self) -> bool {
        self.can_publish.unwrap_or(true)
    }

    pub fn may_subscribe(&self) -> bool {
        self.can_subscribe.unwrap_or(true)
    }

    /// Data may be sent by whoever may publish, unless the token says otherwise.
    pub fn may_publish_data(&self) -> bool {
        self.can_publish_data.unwrap_or_else(|| self.may_publish())
    }

    pub fn may_update_own_metadata(&self) -> bool {
        self.can_update_own_metadata.unwrap_or(false)
    }

    /// May administer this room.
    pub fn administers(&self, room: &str) -> bool {
        self.room_admin && self.room == room
    }
}

/// Signs claims with an API key's secret.
///
/// # Errors
/// The claims cannot be signed (never for claims of this type).
pub fn sign(claims: &Claims, secret: &str) -> Result<String, TokenError> {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key)
        .map_err(|_| TokenError::Malformed)
}

/// Checks a token: algorithm, key, signature and times.
///
/// # Errors
/// See [`TokenError`].
pub fn verify(
    token: &str,
    secret_of: impl Fn(&str) -> Option<String>,
) -> Result<Claims, TokenError> {
    if token.is_empty() {
        return Err(TokenError::Missing);
    }
    let issuer = jsonwebtoken::dangerous::insecure_decode::<Claims>(token)
        .map_err(|_| TokenError::Malformed)?
        .claims
        .iss;
    let secret = secret_of(&issuer).ok_or(TokenError::UnknownKey)?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = LEEWAY_S;
    validation.validate_nbf = true;
    validation.validate_aud = false;
    validation.set_required_spec_claims(&["exp"]);
    let key = DecodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::decode::<Claims>(token, &key, &validation).map(|data| data.claims).map_err(
        |error| match error.kind() {
            ErrorKind::ExpiredSignature => TokenError::Expired,
            ErrorKind::ImmatureSignature => TokenError::Early,
            ErrorKind::InvalidSignature => TokenError::Signature,
            _ => TokenError::Malformed,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use std::time::{SystemTime, UNIX_EPOCH};

    fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    fn claims(exp: u64) -> Claims {
        Claims { iss: "devkey".into(), sub: "me".into(), exp, ..Claims::default() }
    }

    fn check(token: &str) -> Result<Claims, TokenError> {
        verify(token, |key| (key == "devkey").then(|| "secret".to_owned()))
    }

    #[test]
    fn a_token_that_we_sign_is_accepted() {
        let token = sign(&claims(now() + 60), "secret").unwrap();
        assert_eq!(check(&token).unwrap().sub, "me");
    }

    #[test]
    fn expired_foreign_and_garbage_tokens_are_told_apart() {
        let expired = sign(&claims(now() - 60), "secret").unwrap();
        assert_eq!(check(&expired), Err(TokenError::Expired));
        let foreign = sign(&claims(now() + 60), "other").unwrap();
        assert_eq!(check(&foreign), Err(TokenError::Signature));
        let mut unknown = claims(now() + 60);
        unknown.iss = "nobody".into();
        assert_eq!(check(&sign(&unknown, "secret").unwrap()), Err(TokenError::UnknownKey));
        let mut early = claims(now() + 600);
        early.nbf = now() + 300;
        assert_eq!(check(&sign(&early, "secret").unwrap()), Err(TokenError::Early));
        assert_eq!(check(""), Err(TokenError::Missing));
        assert_eq!(check("a.b.c"), Err(TokenError::Malformed));
    }

    #[test]
    fn other_algorithms_are_refused_even_with_the_right_key() {
        let payload = serde_json::to_vec(&claims(now() + 60)).unwrap();
        let payload = URL_SAFE_NO_PAD.encode(payload);
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        assert_eq!(check(&format!("{header}.{payload}.")), Err(TokenError::Malformed));
        let key = EncodingKey::from_secret(b"secret");
        let hs512 = jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims(now() + 60), &key);
        assert_eq!(check(&hs512.unwrap()), Err(TokenError::Malformed));
    }

    #[test]
    fn data_follows_publish_unless_said_otherwise() {
        let grant = VideoGrant { can_publish: Some(false), ..VideoGrant::default() };
        assert!(!grant.may_publish_data());
        let grant = VideoGrant { can_publish_data: Some(true), ..grant };
        assert!(grant.may_publish_data());
        assert!(VideoGrant::default().may_subscribe());
        assert!(!VideoGrant::default().may_update_own_metadata());
    }
}
