//! Who asks, and from where.

use super::PanelDoor;
use super::permits::{self, Permit};
use crate::error::ApiError;
use crate::server::{Encrypted, Peer};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use roombox_control::ControlError;
use roombox_control::people::Asker;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use utoipa::openapi::OpenApi;

pub(super) const COOKIE: &str = "roombox_session";

/// Somebody who is logged in, or for whom an API token speaks; their role may do what the route does.
pub(super) struct Visitor(pub Asker);

/// The session's secret in the cookies of a request.
pub(super) fn session_secret(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, COOKIE)
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
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ControlError> {
        let authorization = headers.get(header::AUTHORIZATION);
        if let Some(token) = authorization.and_then(|value| value.to_str().ok()) {
            let token = token.strip_prefix("Bearer ").ok_or(ControlError::Unauthenticated)?;
            return Ok(Self::Token(token.to_owned()));
        }
        let secret = session_secret(headers).ok_or(ControlError::Unauthenticated)?;
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

/// Asks the table of permissions before each route.
#[derive(Clone)]
pub(super) struct Guard {
    door: PanelDoor,
    /// By path, as routes are written, then by method. What is not here is refused to everybody.
    routes: Arc<HashMap<String, HashMap<Method, Option<Permit>>>>,
}

impl Guard {
    /// A guard for the routes of a document, and for those that are in none.
    pub(super) fn new(door: PanelDoor, document: &OpenApi) -> Self {
        let mut routes: HashMap<String, HashMap<Method, Option<Permit>>> = HashMap::new();
        for (method, path) in permits::routes_of(document) {
            let permit = permits::of(method, &path);
            if let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) {
                routes.entry(path).or_default().insert(method, permit);
            }
        }
        Self { door, routes: Arc::new(routes) }
    }

    /// `None`: the route does not know this method, and says so itself.
    fn permit(&self, method: &Method, path: &str) -> Option<Option<Permit>> {
        let Some(methods) = self.routes.get(path) else { return Some(None) };
        let method = if method == Method::HEAD { &Method::GET } else { method };
        methods.get(method).copied()
    }

    async fn let_in(&self, permit: Permit, request: &mut Request) -> Result<(), ControlError> {
        let from = request.extensions().get::<Peer>().map(|Peer(from)| *from);
        let from = from.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        let asker = async |headers| Credential::of(headers)?.asker(&self.door, from).await;
        match permit {
            Permit::Open => {}
            Permit::Guests(action) => {
                // Somebody who may not, too, may have an invitation.
                if let Ok(asker) = asker(request.headers()).await
                    && asker.may(action)
                {
                    request.extensions_mut().insert(asker);
                }
            }
            Permit::Who(action) => {
                let asker = asker(request.headers()).await?;
                asker.ask(action)?;
                request.extensions_mut().insert(asker);
            }
        }
        Ok(())
    }
}

/// Lets in who may, and refuses everybody where nobody wrote down who may.
pub(super) async fn permitted(
    State(guard): State<Guard>,
    matched: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(matched) = matched else { return next.run(request).await };
    let refused = match guard.permit(request.method(), matched.as_str()) {
        None => None,
        Some(None) => {
            tracing::error!(path = matched.as_str(), "a route without a permission was asked for");
            let message = "nobody may use this: it has no row in the table of permissions";
            Some(ApiError::new(StatusCode::FORBIDDEN, "not_permitted", message))
        }
        Some(Some(permit)) => guard.let_in(permit, &mut request).await.err().map(ApiError::from),
    };
    match refused {
        None => next.run(request).await,
        Some(refused) => refused.into_response(),
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
        let cookies = headers(&[("cookie", "a=b; roombox_session=S3; c=d")]);
        assert_eq!(session_secret(&cookies), Some("S3"));
        assert_eq!(session_secret(&headers(&[("cookie", "roombox_sessionX=1")])), None);
    }
}
