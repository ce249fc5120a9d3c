//! The only HTTP server: doors for LiveKit clients and for the panel. Doors translate and
//! authenticate; what may happen is decided in `roombox-control`.

pub mod error;
pub mod livekit;
pub mod panel;
mod server;
pub mod token;
mod trust;

pub use server::{Limits, Other, Wire, serve};
pub use trust::{PlainDoor, authority_router, plain_router};

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use tower::Layer as _;

/// All doors of the box.
pub fn router(livekit: livekit::LivekitDoor, panel: panel::PanelDoor) -> Router {
    let doors = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(livekit::router(livekit))
        .merge(panel::router(panel));
    Router::new().fallback_service(from_fn(panel::shape::of_errors).layer(doors))
}
