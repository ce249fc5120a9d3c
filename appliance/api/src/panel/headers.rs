//! What browsers may make of an answer. A door that needs something else says so itself, and is left alone.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// Cameras, microphones and screens are what the box is for, and only in pages of its own; of the rest
/// nothing is used, not by a script that somebody smuggled in either.
const PERMISSIONS: &str = "camera=(self), microphone=(self), display-capture=(self), \
                           geolocation=(), payment=(), usb=(), serial=(), hid=(), midi=()";
/// An answer of the API is no page: opened as one it runs nothing, loads nothing and is shown in no frame.
const NO_PAGE: &str = "default-src 'none'; frame-ancestors 'none'";

/// Of the pages of `appliance/panel`. Styles are set by scripts as they lay out (Mantine), so inline ones
/// must be allowed; scripts come from the box alone. `connect-src 'self'` is of WebSockets, too (CSP 3).
const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                    connect-src 'self'; img-src 'self' blob: data:; \
                    media-src 'self' blob: mediastream:; font-src 'self'; worker-src 'self' blob:; \
                    manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors ";

/// The policy of a page that pages of `framed_by` may show in a frame.
pub(super) fn policy_of_page(framed_by: &[String]) -> String {
    match framed_by.is_empty() {
        true => format!("{PAGE}'none'"),
        false => format!("{PAGE}'self' {}", framed_by.join(" ")),
    }
}

/// Adds what a door has not said.
pub(crate) async fn completed(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let out = response.headers_mut();
    let kind = out.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    // Films may be opened in a tab of their own, and pages have their policy.
    let told = kind.is_none_or(|kind| kind.starts_with("application/json"));
    said(out, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    said(out, header::REFERRER_POLICY, "no-referrer");
    said(out, HeaderName::from_static("permissions-policy"), PERMISSIONS);
    if told {
        said(out, header::CONTENT_SECURITY_POLICY, NO_PAGE);
        // What somebody may see who is signed in must not be there for the next person at this device.
        said(out, header::CACHE_CONTROL, "no-store");
    }
    response
}

fn said(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}
