//! What a box says over plain HTTP: where its HTTPS is, how a device comes to trust it, and what proves to a
//! server of ACME that a name is the box's.
//!
//! Nothing here asks for or hands out anything that is worth listening to, and no answer is cached:
//! the day on which the box has a certificate that everybody trusts, nobody is stuck with a page.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use qrcode::{Color, QrCode};
use roombox_control::certificates::Acme;
use std::sync::Arc;

const FRAME: &str = include_str!("trust/page.html");
const FIRST: &str = include_str!("trust/first.html");
const SCRIPT: &str = include_str!("trust/page.js");
const STYLE: &str = include_str!("trust/page.css");

/// A system, its name in addresses, what a browser there calls it, and how an authority is installed.
/// Those stand first that others contain: an Android is a Linux.
const SYSTEMS: [(&str, &str, &[&str], &str); 6] = [
    ("firefox", "Firefox", &["Firefox/"], include_str!("trust/firefox.html")),
    ("windows", "Windows", &["Windows"], include_str!("trust/windows.html")),
    ("ios", "iPhone, iPad", &["iPhone", "iPad"], include_str!("trust/ios.html")),
    ("macos", "macOS", &["Macintosh"], include_str!("trust/macos.html")),
    ("android", "Android", &["Android"], include_str!("trust/android.html")),
    ("linux", "Linux", &["Linux", "X11"], include_str!("trust/linux.html")),
];

/// What the plain door knows.
#[derive(Clone)]
pub struct PlainDoor {
    /// Port of HTTPS.
    pub https_port: u16,
    /// The certificate that devices must trust, as PEM.
    pub authority: Arc<str>,
    /// Its SHA-256, as devices show it.
    pub fingerprint: Arc<str>,
    /// What is proved at the moment.
    pub acme: Arc<Acme>,
}

/// All that a box serves without encryption.
pub fn plain_router(door: PlainDoor) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/trust", get(first))
        .route("/trust/{system}", get(of_system))
        .route("/trust.js", get(|| async { plain_file("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/trust.css", get(|| async { plain_file("text/css; charset=utf-8", STYLE) }))
        // A redirect would lead to a certificate that is not trusted yet.
        .route("/.well-known/{*path}", get(|| async { StatusCode::NOT_FOUND }))
        .fallback(to_https)
        .with_state(door.clone())
        .merge(proof_router(door.acme.clone()))
        .merge(authority_router(door))
}

/// For whoever certifies this box: files that prove that a name is its (RFC 8555 §8.3).
pub fn proof_router(acme: Arc<Acme>) -> Router {
    Router::new().route("/.well-known/acme-challenge/{token}", get(proof)).with_state(acme)
}

async fn proof(State(acme): State<Arc<Acme>>, Path(token): Path<String>) -> Response {
    let file = acme.shown(&token).ok_or(StatusCode::NOT_FOUND);
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    file.map(|file| (kind, file)).into_response()
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
    let accepts = request.headers().get(header::ACCEPT).and_then(|accepts| accepts.to_str().ok());
    match accepts.is_some_and(|accepts| accepts.contains("text/html")) {
        true => first(State(door), request).await,
        false => to_https(State(door), request).await,
    }
}

/// The page from which the others are reached: the system first that asks.
async fn first(State(door): State<PlainDoor>, request: Request) -> Response {
    let headers = request.headers();
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let agent = agent.unwrap_or_default();
    let ours =
        SYSTEMS.iter().find(|(_, _, signs, _)| signs.iter().any(|sign| agent.contains(sign)));
    let ours = ours.map(|(path, ..)| *path);
    let mut systems = SYSTEMS;
    systems.sort_by_key(|(path, ..)| Some(*path) != ours);
    let links: String = systems
        .iter()
        .map(|(path, name, ..)| {
            let mark = if Some(*path) == ours { " class=\"ours\"" } else { "" };
            format!("<li{mark}><a href=\"/trust/{path}\">{name}</a></li>")
        })
        .collect();
    let address = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let code = qr(&format!("http://{address}/trust")).unwrap_or_default();
    let content = FIRST.replace("{systems}", &links).replace("{qr}", &code);
    page(&door, headers, &content)
}

async fn of_system(
    State(door): State<PlainDoor>,
    Path(system): Path<String>,
    request: Request,
) -> Response {
    let found = SYSTEMS.iter().find(|(path, ..)| *path == system);
    let content = found.map_or(StatusCode::NOT_FOUND.canonical_reason().unwrap_or(""), |one| one.3);
    let mut response = page(&door, request.headers(), content);
    if found.is_none() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}

fn page(door: &PlainDoor, headers: &HeaderMap, content: &str) -> Response {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = https_origin(headers, door.https_port) else { return no_host() };
    let german = text(header::ACCEPT_LANGUAGE).is_some_and(|languages| {
        let first = languages.split(',').map(str::trim);
        let spoken = first.map(|one| one.get(..2).unwrap_or_default().to_ascii_lowercase());
        spoken.into_iter().find(|one| one == "de" || one == "en").as_deref() == Some("de")
    });
    let page = FRAME
        .replace("{content}", content)
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

/// A QR code as SVG. `None`: the text is too long.
fn qr(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            path.push_str(&format!("M{} {}h1v1h-1z", at % width + 2, at / width + 2));
        }
    }
    let side = width + 4;
    Some(format!(
        "<svg class=\"qr\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"QR\"><path \
         class=\"paper\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use roombox_control::certificates::{AcmeDnsAccount, AcmeGear, Certificates};
    use roombox_control::conference::Later;
    use tower::ServiceExt as _;

    fn door() -> Router {
        let (authority, fingerprint) = ("PEM".into(), "AB:CD".into());
        plain_router(PlainDoor { https_port: 8443, authority, fingerprint, acme: acme() })
    }

    struct Nothing;

    impl AcmeGear for Nothing {
        fn key(&self) -> Option<Vec<u8>> {
            None
        }

        fn check(&self, _: &str) -> Result<(), String> {
            Ok(())
        }

        fn chance(&self) -> f64 {
            0.0
        }

        fn register<'a>(&'a self, _: &'a str) -> Later<'a, Result<AcmeDnsAccount, String>> {
            Box::pin(async { Err("nobody".to_owned()) })
        }
    }

    fn acme() -> Arc<Acme> {
        let certificates = Certificates::load(std::path::Path::new("/nowhere"), Arc::default());
        let acme = Acme::load(certificates, Arc::new(Nothing));
        acme.show("token", Some("token.thumbprint"));
        acme
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
            ("/.well-known/acme-challenge/token", "box.local", "*/*", 200, "token.thumbprint"),
            ("/.well-known/x", "box.local", "*/*", 404, ""),
            ("/trust", "box.local", "*/*", 200, "href=\"/trust/ios\""),
            ("/trust/windows", "box.local", "*/*", 200, "Trusted Root"),
            ("/trust/toaster", "box.local", "*/*", 404, ""),
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

    #[tokio::test]
    async fn the_system_that_asks_stands_first_and_every_system_has_a_page_in_both_languages() {
        for (agent, path) in [
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari", "ios"),
            ("Mozilla/5.0 (Linux; Android 16; Pixel) Chrome/156", "android"),
            ("Mozilla/5.0 (X11; Linux x86_64) Chrome/156", "linux"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/2010 Firefox/140.0", "firefox"),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/156", "windows"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari", "macos"),
        ] {
            let request = Request::get("/trust").header("host", "box").header("user-agent", agent);
            let response = door().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let body = to_bytes(response.into_body(), 65_536).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(
                body.contains(&format!("<li class=\"ours\"><a href=\"/trust/{path}\">")),
                "{agent}"
            );
            assert_eq!(body.matches("href=\"/trust/").count(), 6);
            assert!(body.contains("<svg class=\"qr\""));
            let (status, _, page) = asked(&format!("/trust/{path}"), "box", "text/html").await;
            assert_eq!(status, 200);
            assert!(
                page.contains("<ol lang=\"en\">") && page.contains("<ol lang=\"de\">"),
                "{path}"
            );
            assert!(page.contains("AB:CD") && !page.contains('{'), "{path}");
        }
    }
}
