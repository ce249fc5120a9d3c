//! LiveKit access tokens: JWT with HS256 and nothing else.
//!
//! The claims are those of livekit/protocol `auth/grants.go`, with its defaults for what a token
//! leaves out.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

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
    #[error("invalid token: its claims cannot be read: a claim has another type than LiveKit's")]
    Claims,
    #[error("invalid token: it has no exp, the time at which it ends")]
    Endless,
    #[error("invalid token: expired (if it should not be, check the clocks)")]
    Expired,
    #[error("invalid token: not valid yet (check the clocks)")]
    Early,
    #[error("invalid token: the link that it was made for was revoked")]
    Revoked,
    #[error("invalid token: the link that it was made for has expired")]
    LinkEnded,
    #[error("invalid token: the account that it was made for was removed or locked out")]
    PersonGone,
    #[error("invalid token: guests come in by another invitation now: open the room's link again")]
    OtherInvitation,
    #[error("the box is too busy to look up whose token this is: try again")]
    Busy,
}

/// Go reads `null` as an empty value, and so do LiveKit's servers.
fn null_is_empty<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A time in seconds, of which some makers write fractions (RFC 7519 §2, NumericDate).
fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let number: Option<serde_json::Number> = Option::deserialize(from)?;
    let whole = |n: serde_json::Number| n.as_u64().or_else(|| Some(n.as_f64()? as u64));
    Ok(number.and_then(whole).unwrap_or_default())
}

/// Claims of an access token.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Claims {
    /// API key.
    #[serde(deserialize_with = "null_is_empty")]
    pub iss: String,
    /// Identity of the participant.
    #[serde(deserialize_with = "null_is_empty")]
    pub sub: String,
    /// Seconds since the Unix epoch.
    #[serde(deserialize_with = "seconds")]
    pub exp: u64,
    #[serde(deserialize_with = "seconds")]
    pub nbf: u64,
    #[serde(deserialize_with = "null_is_empty")]
    pub name: String,
    #[serde(deserialize_with = "null_is_empty")]
    pub metadata: String,
    #[serde(deserialize_with = "null_is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// `standard`, `ingress`, `egress`, `sip`, `agent`.
    #[serde(deserialize_with = "null_is_empty")]
    pub kind: String,
    /// base64 of the body's SHA-256, in webhooks.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[serde(deserialize_with = "null_is_empty")]
    pub sha256: String,
    /// The box's own: identity that the bearer had before in the room.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[serde(deserialize_with = "null_is_empty")]
    pub known_as: String,
    /// The box's own: id of the personal link that the token was given out for. It opens nothing once that is
    /// revoked.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[serde(deserialize_with = "null_is_empty")]
    pub link: String,
    /// The box's own: id of the account that the token was given out to. It opens nothing once that is removed or
    /// locked out, and moderates no more than its person may.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[serde(deserialize_with = "null_is_empty")]
    pub person: String,
    /// The box's own: mark of the invitation by which a guest came. Nobody comes in anew by it once guests come in
    /// by another one, or not at all.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[serde(deserialize_with = "null_is_empty")]
    pub invitation: String,
    /// The box's own: the bearer does not change their name.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[serde(deserialize_with = "null_is_empty")]
    pub name_fixed: bool,
    #[serde(deserialize_with = "null_is_empty")]
    pub video: VideoGrant,
}

/// What the bearer may do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VideoGrant {
    #[serde(deserialize_with = "null_is_empty")]
    pub room: String,
    #[serde(deserialize_with = "null_is_empty")]
    pub room_join: bool,
    #[serde(deserialize_with = "null_is_empty")]
    pub room_create: bool,
    #[serde(deserialize_with = "null_is_empty")]
    pub room_list: bool,
    #[serde(deserialize_with = "null_is_empty")]
    pub room_admin: bool,
    #[serde(deserialize_with = "null_is_empty")]
    pub room_record: bool,
    #[serde(deserialize_with = "null_is_empty")]
    pub ingress_admin: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(deserialize_with = "null_is_empty")]
    pub can_publish_sources: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_update_own_metadata: Option<bool>,
    #[serde(deserialize_with = "null_is_empty")]
    pub hidden: bool,
    #[serde(deserialize_with = "null_is_empty")]
    pub recorder: bool,
    #[serde(deserialize_with = "null_is_empty")]
    pub agent: bool,
    #[serde(deserialize_with = "null_is_empty")]
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

    /// May move people from one room to the other.
    pub fn moves(&self, from: &str, to: &str) -> bool {
        self.administers(from) && self.destination_room == to
    }

    /// May administer this room.
    pub fn administers(&self, room: &str) -> bool {
        self.room_admin && self.room == room
    }
}

/// Signs claims with an API key's secret.
///
/// # Errors
/// The claims cannot be signed (never for claims of this module).
pub fn sign(claims: &impl Serialize, secret: &str) -> Result<String, TokenError> {
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
    let claims = verify_whatever_its_end(token, secret_of)?;
    match claims.exp.saturating_add(LEEWAY_S) < now_s() {
        true => Err(TokenError::Expired),
        false => Ok(claims),
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Checks a token as [`verify`] does, but for its end: for what people do from within a meeting. A page asks with the
/// token with which it joined, who is in stays in when that ends, and only LiveKit's own connection is given newer
/// ones. Whoever uses it must ask whether the bearer is in the meeting now.
///
/// # Errors
/// See [`TokenError`].
pub fn verify_whatever_its_end(
    token: &str,
    secret_of: impl Fn(&str) -> Option<String>,
) -> Result<Claims, TokenError> {
    if token.is_empty() {
        return Err(TokenError::Missing);
    }
    jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
    let unread = |error: jsonwebtoken::errors::Error| match error.kind() {
        ErrorKind::Json(_) => TokenError::Claims,
        _ => TokenError::Malformed,
    };
    let issuer =
        jsonwebtoken::dangerous::insecure_decode_claims::<Claims>(token).map_err(unread)?.iss;
    let secret = secret_of(&issuer).ok_or(TokenError::UnknownKey)?;
    // Times are checked below: the library takes neither `null` nor fractions.
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.set_required_spec_claims::<&str>(&[]);
    let key = DecodingKey::from_secret(secret.as_bytes());
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)
        .map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => TokenError::Signature,
            _ => TokenError::Malformed,
        })?
        .claims;
    match (claims.exp, claims.nbf) {
        (0, _) => Err(TokenError::Endless),
        (_, nbf) if nbf > now_s() + LEEWAY_S => Err(TokenError::Early),
        _ => Ok(claims),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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
        let whenever = |token: &str| verify_whatever_its_end(token, |_| Some("secret".to_owned()));
        assert_eq!(whenever(&expired).unwrap().sub, "me");
        assert_eq!(whenever(&sign(&claims(0), "secret").unwrap()), Err(TokenError::Endless));
        let forged = sign(&claims(now() - 60), "other").unwrap();
        assert_eq!(whenever(&forged), Err(TokenError::Signature));
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

    /// A token with any claims, as other makers write them.
    fn made(claims: serde_json::Value) -> String {
        let key = EncodingKey::from_secret(b"secret");
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
    }

    #[test]
    fn claims_are_read_as_livekit_reads_them_or_refused_by_their_name() {
        use serde_json::json;
        let exp = now() + 60;
        let nulls = json!({
            "iss": "devkey", "sub": "me", "exp": exp as f64 + 0.5, "nbf": null, "name": null,
            "metadata": null, "attributes": null, "kind": null,
            "video": {"room": "r", "roomJoin": true, "canPublish": null, "canPublishSources": null},
        });
        let claims = check(&made(nulls)).unwrap();
        assert_eq!((claims.exp, claims.metadata.as_str()), (exp, ""));
        assert!(claims.video.room_join && claims.video.may_publish());
        let no_video = json!({"iss": "devkey", "exp": exp, "video": null});
        assert_eq!(check(&made(no_video)).unwrap().video, VideoGrant::default());
        for (claims, error) in [
            (json!({"iss": "devkey", "sub": "me"}), TokenError::Endless),
            (json!({"iss": "devkey", "exp": null}), TokenError::Endless),
            (json!({"iss": "devkey", "exp": now() - 60}), TokenError::Expired),
            (json!({"iss": "devkey", "exp": exp, "metadata": 7}), TokenError::Claims),
            (json!({"iss": "devkey", "exp": exp, "video": "all"}), TokenError::Claims),
        ] {
            assert_eq!(check(&made(claims.clone())), Err(error), "{claims}");
        }
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
