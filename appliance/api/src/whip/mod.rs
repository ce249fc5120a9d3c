//! The WHIP and WHEP door: programs send into a room, or watch it, with one HTTP request.
//!
//! WHIP is RFC 9725, WHEP draft-ietf-wish-whep. It translates and authenticates: to the room a client
//! is a participant like any other, whose offer goes the way of all offers. A key says which room it
//! is and whom others see. Which requirements are met is listed in `docs/compat/whip.md`.

mod choice;
mod cors;
mod entrance;
mod fragment;
mod links;
mod offer;
mod pace;
mod resource;
mod session;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{delete, post};
use pace::Pace;
use resource::Resources;
use roombox_control::conference::Conference;
use roombox_control::whip_keys::WhipKeys;
use std::sync::{Arc, Mutex};

pub use session::fuzz_whip;

/// Offers of browsers have some ten thousand bytes.
const MAX_BODY: usize = 128 * 1024;

/// What the door's routes share.
#[derive(Clone)]
pub struct WhipDoor {
    conference: Arc<dyn Conference>,
    keys: Arc<WhipKeys>,
    resources: Arc<Resources>,
    pace: Arc<Mutex<Pace>>,
}

impl WhipDoor {
    pub fn new(conference: Arc<dyn Conference>, keys: Arc<WhipKeys>) -> Self {
        Self { conference, keys, resources: Arc::default(), pace: Arc::default() }
    }
}

/// The door's routes.
pub fn router(door: WhipDoor) -> Router {
    let session = || {
        delete(entrance::end)
            .patch(entrance::patch)
            .get(entrance::nothing)
            .options(entrance::session_options)
            .fallback(entrance::other_method_session)
    };
    Router::new()
        .route(
            "/whip",
            post(entrance::whip)
                .get(entrance::nothing)
                .options(entrance::options)
                .fallback(entrance::other_method),
        )
        .route(
            "/whep",
            post(entrance::whep)
                .get(entrance::nothing)
                .options(entrance::options)
                .fallback(entrance::other_method),
        )
        .route("/whip/{session}", session())
        .route("/whep/{session}", session())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(cors::for_everybody))
        .with_state(door)
}
