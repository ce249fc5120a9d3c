//! Players and senders are pages of anybody: what browsers want to hear before they let them ask
//! (Fetch §3.2). Nothing here goes by cookies, so any origin may.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

const FOR_ALL: [(HeaderName, &str); 2] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    // What scripts may read of an answer.
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Location, ETag, Link, Retry-After, Accept-Patch"),
];

const FOR_PREFLIGHTS: [(HeaderName, &str); 3] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PATCH, DELETE, OPTIONS"),
    // By name: `*` does not stand for Authorization. ETag is where clients of early drafts have it.
    (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, ETag, If-Match"),
    (header::ACCESS_CONTROL_MAX_AGE, "86400"),
];

pub(super) async fn for_everybody(request: Request, next: Next) -> Response {
    let preflight = request.method() == axum::http::Method::OPTIONS;
    let mut response = next.run(request).await;
    let more = FOR_PREFLIGHTS.into_iter().filter(|_| preflight);
    for (name, value) in FOR_ALL.into_iter().chain(more) {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
