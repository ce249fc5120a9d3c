//! The only HTTP server: doors for LiveKit clients, for WHIP and WHEP, and for the panel. Doors translate and
//! authenticate; what may happen is decided in `roombox-control`.

pub mod error;
mod https_only;
pub mod livekit;
pub mod panel;
mod server;
pub mod token;
mod trust;
pub mod whip;

pub use https_only::https_only;
pub use server::{Forwarders, Limits, Other, Wire, serve};
pub use trust::{PlainDoor, authority_router, plain_router, proof_router};

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::middleware::{from_fn, map_request};
use axum::routing::get;
use tower::Layer as _;

/// All doors of the box.
pub fn router(
    livekit: livekit::LivekitDoor,
    panel: panel::PanelDoor,
    whip: whip::WhipDoor,
) -> Router {
    let doors = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(livekit::router(livekit))
        .merge(whip::router(whip))
        .merge(panel::router(panel));
    let shaped = from_fn(panel::shape::of_errors).layer(doors);
    let safe = from_fn(panel::headers::completed).layer(shaped);
    Router::new().fallback_service(map_request(with_one_slash).layer(safe))
}

/// Clients that were told an address with a slash at its end ask for `//rtc`.
async fn with_one_slash(mut request: Request) -> Request {
    let asked = request.uri().path_and_query().map_or("", |asked| asked.as_str());
    if asked.starts_with("//") {
        let one = format!("/{}", asked.trim_start_matches('/'));
        if let Ok(uri) = one.parse::<Uri>() {
            *request.uri_mut() = uri;
        }
    }
    request
}
