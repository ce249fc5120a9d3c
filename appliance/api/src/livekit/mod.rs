//! The LiveKit door: the client protocol (`/rtc`, `/rtc/v1`), the RoomService and Egress APIs, and
//! what webhooks say.
//!
//! It translates and authenticates; rooms live behind [`Conference`]. What is supported, partly
//! supported and refused is listed in `docs/compat/livekit.md`.

mod captions;
mod data;
mod egress;
mod entrance;
mod join;
mod limits;
mod renewal;
mod room_service;
mod rpc;
mod session;
mod socket;
mod ticket;
mod twirp;
pub mod webhook;
mod wire;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use roombox_control::conference::Conference;
use roombox_control::egress::Egress;
use roombox_control::recordings::Recordings;
use rpc::Calls;
use std::sync::Arc;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

pub use captions::fuzz_captions;
pub use egress::{fuzz_egress, news as egress_news};
pub(crate) use entrance::held;
pub use join::fuzz_join_request;
pub use session::fuzz_signal;
pub use ticket::{Comer, join_token};
pub(crate) use wire::ingress_note;

/// API bodies, as LiveKit limits them.
const MAX_BODY: usize = 10 * 1024 * 1024;

/// What the door's routes share.
#[derive(Clone)]
pub struct LivekitDoor {
    conference: Arc<dyn Conference>,
    egress: Arc<Egress>,
    recordings: Arc<Recordings>,
    /// Accept the `simulate` requests with which SDKs test themselves.
    dev: bool,
    calls: Arc<Calls>,
}

impl LivekitDoor {
    /// `dev`: clients may have faults simulated.
    pub fn new(
        conference: Arc<dyn Conference>,
        egress: Arc<Egress>,
        recordings: Arc<Recordings>,
        dev: bool,
    ) -> Self {
        Self { conference, egress, recordings, dev, calls: Arc::default() }
    }
}

/// The door's routes.
pub fn router(door: LivekitDoor) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers(AllowHeaders::any())
        .max_age(std::time::Duration::from_secs(86_400));
    Router::new()
        .route("/rtc", get(entrance::dual))
        .route("/rtc/v1", get(entrance::single))
        .route("/rtc/validate", get(entrance::validate_dual))
        .route("/rtc/v1/validate", get(entrance::validate_single))
        .route("/twirp/livekit.RoomService/{method}", post(room_service::call))
        .route("/twirp/livekit.Egress/{method}", post(egress::call))
        .route("/twirp/{service}/{method}", post(twirp::other))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(cors)
        .with_state(door)
}
