//! One shape for every refusal: whatever a route, a library or no route at all says no with, the
//! client reads `{code, message, field?}`.

use super::body::is_json;
use crate::error::ApiError;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Texts of libraries are shorter than this.
const LONGEST_TEXT: usize = 4096;

/// Puts refusals below `/api` that are not JSON into our own shape. Their headers stay: `Allow`,
/// `Content-Range`, `Retry-After`. It belongs around the whole router, which adds `Allow` last.
pub(crate) async fn of_errors(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path != "/api" && !path.starts_with("/api/") {
        return next.run(request).await;
    }
    let method = request.method().clone();
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_json(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = to_bytes(body, LONGEST_TEXT).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    let message = match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            let allowed = parts.headers.get(header::ALLOW).and_then(|allow| allow.to_str().ok());
            format!("{method} cannot be used here, but {}", allowed.unwrap_or("nothing else"))
        }
        StatusCode::NOT_FOUND if text.is_empty() => {
            "the API has nothing at this address: it begins with /api/v1".to_owned()
        }
        _ if text.is_empty() => status.canonical_reason().unwrap_or("refused").to_lowercase(),
        _ => text,
    };
    for gone in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::ETAG, header::LAST_MODIFIED]
    {
        parts.headers.remove(gone);
    }
    let mut refusal = ApiError::new(status, code(status), message).into_response();
    for (name, value) in &parts.headers {
        refusal.headers_mut().append(name.clone(), value.clone());
    }
    refusal
}

fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::PRECONDITION_FAILED => "changed_meanwhile",
        StatusCode::RANGE_NOT_SATISFIABLE => "range_not_satisfiable",
        StatusCode::UPGRADE_REQUIRED => "upgrade_required",
        status if status.is_server_error() => "internal",
        _ => "malformed_request",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::extract::{DefaultBodyLimit, Path, Query};
    use axum::http::Method;
    use axum::routing::{get, post};
    use serde_json::Value;
    use std::collections::HashMap;
    use tower::{Layer as _, ServiceExt as _};

    async fn too_far() -> Response {
        let headers = [("content-range", "bytes */7"), ("content-type", "text/plain")];
        (StatusCode::RANGE_NOT_SATISFIABLE, headers, "no").into_response()
    }

    fn router() -> Router {
        let doors = Router::new()
            .route("/api/v1/number/{n}", get(|_: Path<u8>, _: Query<HashMap<u8, u8>>| async {}))
            .route("/api/v1/body", post(|_: String| async {}))
            .route("/api/v1/film", get(too_far))
            .layer(DefaultBodyLimit::max(8));
        Router::new().fallback_service(axum::middleware::from_fn(of_errors).layer(doors))
    }

    #[tokio::test]
    async fn every_refusal_has_the_one_shape() {
        // Method, address, body; status, code, part of the message, a header that must be there.
        for (method, uri, body, status, code, says, with) in [
            (Method::GET, "/api/v1/nothing", "", 404, "not_found", "/api/v1", None),
            (Method::GET, "/api", "", 404, "not_found", "/api/v1", None),
            (
                Method::POST,
                "/api/v1/number/1",
                "",
                405,
                "method_not_allowed",
                "GET,HEAD",
                Some("allow"),
            ),
            (Method::GET, "/api/v1/body", "", 405, "method_not_allowed", "POST", Some("allow")),
            (Method::GET, "/api/v1/number/x", "", 400, "malformed_request", "`x`", None),
            (Method::GET, "/api/v1/number/1?x=1", "", 400, "malformed_request", "query", None),
            (Method::POST, "/api/v1/body", "123456789", 413, "too_large", "limit", None),
            (
                Method::GET,
                "/api/v1/film",
                "",
                416,
                "range_not_satisfiable",
                "no",
                Some("content-range"),
            ),
        ] {
            let request = Request::builder()
                .method(method)
                .uri(uri)
                .body(axum::body::Body::from(body))
                .unwrap();
            let response = router().oneshot(request).await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{uri}");
            assert!(is_json(response.headers()), "{uri}: {:?}", response.headers());
            assert!(with.is_none_or(|name| response.headers().contains_key(name)), "{uri}");
            let body = to_bytes(response.into_body(), 4096).await.unwrap();
            let problem: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(problem["code"], code, "{uri}");
            assert!(problem["message"].as_str().unwrap().contains(says), "{uri}: {problem}");
        }
        let page = Request::builder().uri("/apiary").body(axum::body::Body::empty()).unwrap();
        let response = router().oneshot(page).await.unwrap();
        assert!(response.status() == 404 && !is_json(response.headers()));
    }
}
