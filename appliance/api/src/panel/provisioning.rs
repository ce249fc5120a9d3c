//! A `roombox.toml` that waits for the owner, and the factory reset.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use crate::server::Peer;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use roombox_control::provisioning::ProvisioningState;
use serde::Deserialize;
use utoipa::ToSchema;

/// Whether a file waits for the owner, and what it would change.
#[utoipa::path(get, path = "/provisioning", tag = "box",
    responses((status = 200, body = ProvisioningState)))]
pub(super) async fn provisioning_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<ProvisioningState>, ApiError> {
    Ok(Json(door.provisioning.waiting()?))
}

/// Takes over what the file says.
#[utoipa::path(post, path = "/provisioning", tag = "box", responses(
    (status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn provisioning_confirm(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<StatusCode, ApiError> {
    door.provisioning.confirm().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Discards the file.
#[utoipa::path(delete, path = "/provisioning", tag = "box", responses(
    (status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn provisioning_discard(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<StatusCode, ApiError> {
    door.provisioning.discard()?;
    Ok(StatusCode::NO_CONTENT)
}

/// What somebody who means it sends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResetRequest {
    /// That of whoever asks, once more.
    password: String,
    /// The box's, typed.
    name: String,
    /// Also while rooms are being recorded: their recordings are lost.
    #[serde(default)]
    force: bool,
}

/// Erases everything that lasts and restarts: the box becomes a new one without an owner.
#[utoipa::path(post, path = "/box/reset", tag = "box", request_body = ResetRequest, responses(
    (status = 202), (status = 401, body = ErrorBody), (status = 409, body = ErrorBody),
    (status = 422, body = ErrorBody), (status = 429, body = ErrorBody),
    (status = 501, body = ErrorBody)))]
pub(super) async fn box_reset(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Peer(from): Peer,
    Body(ResetRequest { password, name, force }): Body<ResetRequest>,
) -> Result<StatusCode, ApiError> {
    door.reset.request(&asker.person, &password, &name, force, from).await?;
    Ok(StatusCode::ACCEPTED)
}
