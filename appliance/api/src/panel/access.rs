//! Who asks, and from where.

use super::PanelDoor;
use crate::error::ApiError;
use crate::server::Encrypted;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use roombox_control::ControlError;
use roombox_control::people::Asker;
use std::convert::Infallible;
use std::net::IpAddr;

/// The session's cookie. Browsers take one of this name only over TLS, from the host itself and for all of it: neither a
/// page without encryption nor a neighbour in the domain can plant one (RFC 6265bis §4.1.3.2).
pub(super) const COOKIE: &str = "__Host-roombox_session";
/// The same without TLS: no browser would take the other one.
pub(super) const PLAIN_COOKIE: &str = "roombox_session";

/// Somebody who is logged in, or for whom an API token speaks; their role may do what the route does.
pub(super) struct Visitor(pub Asker);

/// What the session's cookie is called.
pub(super) fn cookie_name(Encrypted(encrypted): Encrypted) -> &'static str {
    if encrypted { COOKIE } else { PLAIN_COOKIE }
}

/// The session's secret in the cookies of a request.
pub(super) fn session_secret(headers: &HeaderMap, encrypted: Encrypted) -> Option<&str> {
    cookie(headers, cookie_name(encrypted))
}

/// The cookie of this name.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}

impl FromRequestParts<PanelDoor> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &PanelDoor) -> Result<Self, ApiError> {
        // Whom the guard let in. A route without a guard has no visitors.
        let asker = parts.extensions.get::<Asker>().cloned();
        Ok(Self(asker.ok_or(ControlError::Unauthenticated)?))
    }
}

/// A visitor if there is one; guests with an invitation have no session.
pub(super) struct MaybeVisitor(pub Option<Asker>);

impl FromRequestParts<PanelDoor> for MaybeVisitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &PanelDoor) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Asker>().cloned()))
    }
}

/// What a request brings to say who asks. Kept by connections that stay open, to look again.
#[derive(Clone)]
pub(super) enum Credential {
    Session(String),
    Token(String),
}

impl Credential {
    /// # Errors
    /// There is none, or it has a form that nobody uses.
    pub(super) fn of(headers: &HeaderMap, encrypted: Encrypted) -> Result<Self, ControlError> {
        let authorization = headers.get(header::AUTHORIZATION);
        if let Some(token) = authorization.and_then(|value| value.to_str().ok()) {
            let token = token.strip_prefix("Bearer ").ok_or(ControlError::Unauthenticated)?;
            return Ok(Self::Token(token.to_owned()));
        }
        let secret = session_secret(headers, encrypted).ok_or(ControlError::Unauthenticated)?;
        Ok(Self::Session(secret.to_owned()))
    }

    /// # Errors
    /// It is nobody's any more.
    pub(super) async fn asker(
        &self,
        door: &PanelDoor,
        from: IpAddr,
    ) -> Result<Asker, ControlError> {
        match self {
            Self::Session(secret) => door.sessions.asker(secret, from).await,
            Self::Token(token) => door.tokens.asker(token).await,
        }
    }
}

/// Whether a browser sent this from a page of ours. Programs send neither header. A page that came
/// without encryption may be anybody's, and has no say where there is encryption; the other way
/// round, a proxy of the owner's may have taken it off.
fn from_our_pages(headers: &HeaderMap, Encrypted(encrypted): Encrypted) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(origin) = text(header::ORIGIN) {
        let host = text(header::HOST).unwrap_or_default();
        return origin.split_once("://").is_some_and(|(scheme, authority)| {
            authority.eq_ignore_ascii_case(host) && (scheme == "https" || !encrypted)
        });
    }
    text(header::HeaderName::from_static("sec-fetch-site"))
        .is_none_or(|site| matches!(site, "same-origin" | "none"))
}

/// Refuses changes, and WebSockets, that another site's page asks for in somebody's name.
pub(super) async fn same_origin(request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let upgrade = request.headers().contains_key(header::UPGRADE);
    let encrypted = request.extensions().get().copied().unwrap_or(Encrypted(false));
    if (!safe || upgrade) && !from_our_pages(request.headers(), encrypted) {
        let message = "this request comes from another site's page: open the panel itself";
        return ApiError::new(StatusCode::FORBIDDEN, "foreign_origin", message).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_our_own_pages_may_change_something() {
        let plain = |pairs: &[_]| from_our_pages(&headers(pairs), Encrypted(false));
        let tls = |pairs: &[_]| from_our_pages(&headers(pairs), Encrypted(true));
        let ours = [("host", "box.local:7880"), ("origin", "http://box.local:7880")];
        assert!(plain(&ours) && !tls(&ours));
        let ours = [("host", "box.local"), ("origin", "https://box.local")];
        assert!(plain(&ours) && tls(&ours));
        let theirs = [("host", "box.local:7880"), ("origin", "http://evil.example")];
        assert!(!plain(&theirs));
        let port = [("host", "box.local:7880"), ("origin", "http://box.local:1")];
        assert!(!plain(&port));
        assert!(!plain(&[("host", "b"), ("origin", "null")]));
        assert!(!plain(&[("sec-fetch-site", "cross-site")]));
        assert!(plain(&[("host", "box.local")]) && tls(&[("host", "box.local")]));
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let (tls, plain) = (Encrypted(true), Encrypted(false));
        let cookies = headers(&[("cookie", "a=b; roombox_session=S3; c=d")]);
        assert_eq!(session_secret(&cookies, plain), Some("S3"));
        assert_eq!(session_secret(&cookies, tls), None, "anybody in the domain can plant it");
        let cookies = headers(&[("cookie", "roombox_session=S3; __Host-roombox_session=S4")]);
        assert_eq!(session_secret(&cookies, tls), Some("S4"));
        assert_eq!(session_secret(&cookies, plain), Some("S3"));
        assert_eq!(session_secret(&headers(&[("cookie", "roombox_sessionX=1")]), plain), None);
    }
}
