//! Tells browsers to come by HTTPS alone (HSTS, RFC 6797), and only where that cannot lock anybody out: at
//! names for which a certificate is served that devices trust without having been told of this box.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use roombox_control::certificates::Certificates;
use roombox_control::clock::UnixMs;
use std::sync::Arc;

/// For the encrypted door alone: by plain HTTP it would mean nothing (RFC 6797 §7.2).
pub fn https_only(router: Router, certificates: Arc<Certificates>) -> Router {
    router.layer(from_fn_with_state(certificates, said))
}

async fn said(
    State(certificates): State<Arc<Certificates>>,
    request: Request,
    next: Next,
) -> Response {
    let seconds =
        host(request.headers()).and_then(|host| certificates.https_only_s(host, UnixMs::now()));
    let mut response = next.run(request).await;
    if let Some(value) =
        seconds.and_then(|seconds| HeaderValue::from_str(&format!("max-age={seconds}")).ok())
    {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    response
}

/// The host that was asked for, without its port. Of addresses browsers remember nothing (RFC 6797 §8.1.1).
fn host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    (!host.starts_with('[')).then(|| host.split(':').next().unwrap_or_default())
}
