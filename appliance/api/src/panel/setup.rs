//! The first hour: what of the set-up is open.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::ApiError;
use axum::Json;
use axum::extract::State;
use roombox_control::setup::{SetupPatch, SetupView};

/// Which steps of the set-up are done, left out and open.
#[utoipa::path(get, path = "/setup", tag = "box", responses((status = 200, body = SetupView)))]
pub(super) async fn setup_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<SetupView>, ApiError> {
    Ok(Json(door.setup.view().await?))
}

/// Keeps what somebody says of its steps: that one works, or is left out; what the box sees by itself needs nobody
/// to say it.
#[utoipa::path(patch, path = "/setup", tag = "box", request_body = SetupPatch,
    responses((status = 200, body = SetupView)))]
pub(super) async fn setup_patch(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(patch): Body<SetupPatch>,
) -> Result<Json<SetupView>, ApiError> {
    Ok(Json(door.setup.patch(patch).await?))
}
