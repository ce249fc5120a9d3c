//! The only HTTP server: doors for LiveKit clients and for the panel. Doors translate and
//! authenticate; what may happen is decided in `roombox-control`.

pub mod livekit;
pub mod token;

use axum::Router;
use axum::routing::get;

/// All doors of the box.
pub fn router(livekit: livekit::LivekitDoor) -> Router {
    Router::new()
        // LiveKit's clients and health checks ask this of a server.
        .route("/", get(|| async { "OK" }))
        .merge(livekit::router(livekit))
}
