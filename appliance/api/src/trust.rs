//! What a box says over plain HTTP: where its HTTPS is, and how a device comes to trust it.
//!
//! Nothing here asks for or hands out anything that is worth listening to, and no answer is cached:
//! the day on which the box has a certificate that everybody trusts, nobody is stuck with a page.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

const PAGE: &str = include_str!("trust/page.html");
const SCRIPT: &str = include_str!("trust/page.js");
const STYLE: &str = include_str!("trust/page.css");

/// What the plain door knows.
#[derive(Debug, Clone)]
pub struct PlainDoor {
    /// Port of HTTPS.
    pub https_port: u16,
    /// The certificate that devices must trust, as PEM.
    pub authority: Arc<str>,
    /// Its SHA-256, as devices show it.
    pub fingerprint: Arc<str>,
}

/// All that a box serves without encryption.
pub fn plain_router(door: PlainDoor) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/trust.js", get(|| async { plain_file("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/trust.css", get(|| async { plain_file("text/css; charset=utf-8", STYLE) }))
        // For whoever will certify this box; a redirect would lead to a certificate that is not
        // trusted yet.
        .route("/.well-known/{*path}", get(|| async { StatusCode::NOT_FOUND }))
        .fallback(to_https)
        .with_state(door.clone())
        .merge(authority_router(door))
}

/// The authority's certificate, for both doors.
pub fn authority_router(door: PlainDoor) -> Router {
    Router::new().route("/ca.crt", get(authority)).with_state(door)
}

async fn authority(State(door): State<PlainDoor>) -> Response {
    let kind = (header::CONTENT_TYPE, "application/x-x509-ca-cert");
    let name = (header::CONTENT_DISPOSITION, "attachment; filename=\"roombox-ca.crt\"");
    let cache = (header::CACHE_CONTROL, "no-store");
    ([kind, name, cache], door.authority.to_string()).into_response()
}

fn plain_file(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], text).into_response()
}

/// `https://` and the host that the client asked for. `None`: it named none, or one that is none.
fn https_origin(headers: &HeaderMap, port: u16) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let name = match host.rfind(':') {
        Some(colon) if !host.ends_with(']') => &host[..colon],
        _ => host,
    };
    let address = name.starts_with('[') && name.ends_with(']');
    let fits = |byte: u8| {
        byte.is_ascii_alphanumeric() || b".-_".contains(&byte) || address && b"[]:".contains(&byte)
    };
    if name.is_empty() || !name.bytes().all(fits) {
        return None;
    }
    Some(match port {
        443 => format!("https://{name}"),
        port => format!("https://{name}:{port}"),
    })
}

fn no_host() -> Response {
    (StatusCode::BAD_REQUEST, "the request names no host\n").into_response()
}

/// Everything else is behind HTTPS.
async fn to_https(State(door): State<PlainDoor>, request: Request) -> Response {
    let Some(origin) = https_origin(request.headers(), door.https_port) else { return no_host() };
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let Ok(location) = HeaderValue::from_str(&format!("{origin}{path}")) else { return no_host() };
    let forgotten = HeaderValue::from_static("no-store");
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, forgotten)];
    // Method and body stay (RFC 9110 §15.4.8), and nobody remembers it.
    (StatusCode::TEMPORARY_REDIRECT, headers).into_response()
}

/// People get the page; programs are sent on.
async fn front(State(door): State<PlainDoor>, request: Request) -> Response {
    let headers = request.headers();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if !text(header::ACCEPT).is_some_and(|accepts| accepts.contains("text/html")) {
        return to_https(State(door), request).await;
    }
    let Some(origin) = https_origin(headers, door.https_port) else { return no_host() };
    let german = text(header::ACCEPT_LANGUAGE).is_some_and(|languages| {
        let first = languages.split(',').map(str::trim);
        let spoken = first.map(|one| one.get(..2).unwrap_or_default().to_ascii_lowercase());
        spoken.into_iter().find(|one| one == "de" || one == "en").as_deref() == Some("de")
    });
    let page = PAGE
        .replace("{language}", if german { "de" } else { "en" })
        .replace("{https}", &origin)
        .replace("{fingerprint}", &door.fingerprint);
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src {origin}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut response = page.into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    out.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        out.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use tower::ServiceExt as _;

    fn door() -> Router {
        let (authority, fingerprint) = ("PEM".into(), "AB:CD".into());
        plain_router(PlainDoor { https_port: 8443, authority, fingerprint })
    }

    async fn asked(path: &str, host: &str, accept: &str) -> (u16, HeaderMap, String) {
        let request = Request::builder().uri(path).header("accept", accept);
        let request = if host.is_empty() { request } else { request.header("host", host) };
        let response = door().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 65_536).await.unwrap();
        (parts.status.as_u16(), parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn without_encryption_there_is_a_way_to_https_and_nothing_else() {
        // Path, host, accepts; status, location or text.
        for (path, host, accept, status, says) in [
            ("/panel/x?y=1", "box.local", "text/html", 307, "https://box.local:8443/panel/x?y=1"),
            ("/api/v1/box", "10.0.0.7:80", "*/*", 307, "https://10.0.0.7:8443/api/v1/box"),
            ("/rtc", "[fd00::1]:80", "*/*", 307, "https://[fd00::1]:8443/rtc"),
            ("/", "[fd00::1]", "*/*", 307, "https://[fd00::1]:8443/"),
            ("//evil.example/x", "box", "*/*", 307, "https://box:8443//evil.example/x"),
            ("/", "box.local", "text/html", 200, "href=\"https://box.local:8443/panel/\""),
            ("/ca.crt", "box.local", "*/*", 200, "PEM"),
            ("/.well-known/acme-challenge/x", "box.local", "*/*", 404, ""),
            ("/", "", "text/html", 400, "no host"),
            ("/x", "a\"b", "*/*", 400, "no host"),
            ("/x", "evil.example/@box", "*/*", 400, "no host"),
            ("/x", ":80", "*/*", 400, "no host"),
        ] {
            let (got, headers, body) = asked(path, host, accept).await;
            assert_eq!(got, status, "{path} at {host}");
            let location = headers.get("location").map(|value| value.to_str().unwrap().to_owned());
            let said = location.unwrap_or(body);
            assert!(said.contains(says), "{path} at {host}: {said}");
            let hsts = headers.contains_key("strict-transport-security");
            assert!(!hsts && !headers.contains_key("set-cookie"), "{path}: {headers:?}");
        }
        let (_, headers, body) = asked("/", "box", "text/html").await;
        assert!(body.contains("AB:CD") && !body.contains('{'), "{body}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("connect-src https://box:8443;"), "{policy}");
    }
}
