//! The panel's and the meeting's pages, built by `appliance/panel` and embedded at build time.
//!
//! Without Node there is no panel, and a plain page says so: API and meetings by other clients
//! work all the same.

use super::headers::policy_of_page;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use roombox_control::settings::SettingsDesk;
use rust_embed::{Embed, EmbeddedFile};
use std::sync::Arc;

#[derive(Embed)]
#[folder = "../panel/dist"]
#[allow_missing = true]
struct Pages;

const NO_PANEL: &str = "<!doctype html><html lang=en><meta charset=utf-8>\
    <meta name=viewport content='width=device-width'><title>Roombox</title>\
    <style>body{font:16px/1.5 system-ui;max-width:38rem;margin:4rem auto;padding:0 1rem}</style>\
    <h1>This box has no panel</h1><p>It was built without Node, so there are no pages. \
    The API and meetings by LiveKit clients work.</p>\
    <p>Build the panel with <code>make panel</code>, then the daemon again.</p></html>";

/// The pages' routes.
pub(super) fn router(settings: Arc<SettingsDesk>) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/panel", get(|| async { Redirect::permanent("/panel/") }))
        .route("/panel/", get(|headers| page("index.html", headers, &[])))
        .route("/panel/{*path}", get(|headers| page("index.html", headers, &[])))
        .route("/meet/{*path}", get(meeting))
        .route("/assets/{*path}", get(asset))
        .with_state(settings)
}

/// Schools show meetings within their own pages.
async fn meeting(State(settings): State<Arc<SettingsDesk>>, headers: HeaderMap) -> Response {
    page("meet.html", headers, &settings.get().security.framed_by).await
}

/// LiveKit's clients and health checks ask for `/` and expect `OK`; people get the panel. Clients in
/// browsers ask from pages of any origin, to learn whether the network is back.
async fn front(headers: HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    match accepts.is_some_and(|accepts| accepts.contains("text/html")) {
        true => Redirect::temporary("/panel/").into_response(),
        false => ([(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], "OK").into_response(),
    }
}

/// One of the pages, which others of `framed_by` may show within theirs.
pub(super) async fn page(name: &'static str, headers: HeaderMap, framed_by: &[String]) -> Response {
    match embedded(name, &headers, "no-cache", framed_by) {
        Some(response) => response,
        None if name.ends_with(".html") => {
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            let mut response = NO_PANEL.into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, html);
            response
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Assets have a hash of their content in their name.
async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let found =
        embedded(&format!("assets/{path}"), &headers, "public, max-age=31536000, immutable", &[]);
    found.unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

fn embedded(
    name: &str,
    headers: &HeaderMap,
    cache: &'static str,
    framed_by: &[String],
) -> Option<Response> {
    let plain = Pages::get(name)?;
    let etag = format!("\"{}\"", hex(&plain.metadata.sha256_hash()[..16]));
    let unchanged = headers.get(header::IF_NONE_MATCH).is_some_and(|tag| tag == etag.as_str());
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let (encoding, file) = encoded(name, accepts.unwrap_or_default(), plain);
    let body = match unchanged {
        true => Body::empty(),
        false => Body::from(file.data.into_owned()),
    };
    let mut response = Response::new(body);
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(policy) = HeaderValue::from_str(&policy_of_page(framed_by)) {
        out.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, etag);
    }
    if let Some(encoding) = encoding {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some(response)
}

/// The smallest form that the client understands.
fn encoded(name: &str, accepts: &str, plain: EmbeddedFile) -> (Option<&'static str>, EmbeddedFile) {
    for (encoding, suffix) in [("br", ".br"), ("gzip", ".gz")] {
        let understood =
            accepts.split(',').any(|one| one.trim().split(';').next() == Some(encoding));
        if understood && let Some(file) = Pages::get(&format!("{name}{suffix}")) {
            return (Some(encoding), file);
        }
    }
    (None, plain)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "map" => "application/json",
        "woff2" => "font/woff2",
        "png" => "image/png",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}
