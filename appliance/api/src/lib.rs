//! The only HTTP server: doors for LiveKit clients and for the panel. Doors translate and
//! authenticate; what may happen is decided in `roombox-control`.

pub mod error;
pub mod livekit;
pub mod panel;
pub mod token;

use axum::Router;
use axum::routing::get;

/// All doors of the box.
pub fn router(livekit: livekit::LivekitDoor, panel: panel::PanelDoor) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(livekit::router(livekit))
        .merge(panel::router(panel))
}
