//! Software updates: what is installed, what can be, and how it goes on.

use super::PanelDoor;
use super::access::Visitor;
use super::body::{Body, announced, piece};
use crate::error::{ApiError, ErrorBody};
use crate::server::Patience;
use axum::Json;
use axum::body::Body as Stream;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use roombox_control::ControlError;
use roombox_control::updates::{InstallRequest, PastUpdate, UpdateError, UpdatesView};
use serde::{Deserialize, Serialize};
use std::time::Instant;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UpdateHistory {
    items: Vec<PastUpdate>,
}

/// What the owner says to an update that waits.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    /// Goes on although somebody meets or is recorded.
    #[serde(default)]
    now: bool,
    /// The version that runs already is meant.
    #[serde(default)]
    again: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RestartRequest {
    /// At once: meetings break off.
    #[serde(default)]
    now: bool,
    /// Into the other side, whatever was installed last.
    #[serde(default)]
    other: bool,
}

fn refused(error: UpdateError) -> ApiError {
    ControlError::from(error).into()
}

async fn accepted(door: &PanelDoor) -> (StatusCode, Json<UpdatesView>) {
    (StatusCode::ACCEPTED, Json(door.updates.view().await))
}

/// What is installed, what can be, and where an update stands.
#[utoipa::path(get, path = "/updates", tag = "updates",
    responses((status = 200, body = UpdatesView)))]
pub(super) async fn updates_get(State(door): State<PanelDoor>, _: Visitor) -> Json<UpdatesView> {
    Json(door.updates.view().await)
}

/// What has been installed, and what became of it; newest first.
#[utoipa::path(get, path = "/updates/history", tag = "updates",
    responses((status = 200, body = UpdateHistory)))]
pub(super) async fn history_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<UpdateHistory>, ApiError> {
    let items = door.updates.history().await.map_err(ControlError::from)?;
    Ok(Json(UpdateHistory { items }))
}

/// Uploads a bundle and installs it. It may take as long as its bytes go on coming.
#[utoipa::path(put, path = "/updates/bundle", tag = "updates",
    request_body(content_type = "application/octet-stream", description = "the bundle"),
    responses((status = 202, body = UpdatesView), (status = 409, body = ErrorBody),
        (status = 411, description = "without Content-Length", body = ErrorBody),
        (status = 413, description = "larger than 4 GiB", body = ErrorBody),
        (status = 503, body = ErrorBody),
        (status = 507, description = "it has no room", body = ErrorBody)))]
pub(super) async fn bundle_put(
    State(door): State<PanelDoor>,
    _: Visitor,
    patience: Patience,
    headers: HeaderMap,
    mut body: Stream,
) -> Result<(StatusCode, Json<UpdatesView>), ApiError> {
    let length = announced(&headers).ok_or_else(|| refused(UpdateError::NoLength))?;
    let mut upload = door.updates.upload(length).await.map_err(refused)?;
    patience.for_a_long_body();
    while let Some(bytes) = piece(&mut body).await {
        let bytes = bytes.map_err(|error| {
            tracing::info!(%error, "an upload broke off");
            refused(UpdateError::BrokenOff)
        })?;
        upload.write(&bytes).await.map_err(refused)?;
    }
    upload.finish().await.map_err(refused)?;
    Ok(accepted(&door).await)
}

/// Installs a bundle from a stick, an address or the channel.
#[utoipa::path(post, path = "/updates/installation", tag = "updates",
    request_body = InstallRequest,
    responses((status = 202, body = UpdatesView), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(super) async fn installation_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<InstallRequest>,
) -> Result<(StatusCode, Json<UpdatesView>), ApiError> {
    door.updates.install(&request).await.map_err(refused)?;
    Ok(accepted(&door).await)
}

/// Lets an update that waits go on.
#[utoipa::path(patch, path = "/updates/installation", tag = "updates", request_body = Decision,
    responses((status = 202, body = UpdatesView), (status = 409, body = ErrorBody)))]
pub(super) async fn installation_patch(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(decision): Body<Decision>,
) -> Result<(StatusCode, Json<UpdatesView>), ApiError> {
    door.updates.decide(decision.now, decision.again).map_err(refused)?;
    Ok(accepted(&door).await)
}

/// Gives up an update, or a restart, that waits; forgets one that failed.
#[utoipa::path(delete, path = "/updates/installation", tag = "updates",
    responses((status = 202, body = UpdatesView), (status = 409, body = ErrorBody)))]
pub(super) async fn installation_cancel(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<(StatusCode, Json<UpdatesView>), ApiError> {
    door.updates.cancel().map_err(refused)?;
    Ok(accepted(&door).await)
}

/// Restarts into what was installed, or into the other side, when the last meeting has ended.
#[utoipa::path(post, path = "/updates/restart", tag = "updates", request_body = RestartRequest,
    responses((status = 202, body = UpdatesView), (status = 409, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn restart_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<RestartRequest>,
) -> Result<(StatusCode, Json<UpdatesView>), ApiError> {
    door.updates.restart(request.now, request.other).await.map_err(refused)?;
    Ok(accepted(&door).await)
}

/// Asks the channel for something newer, now.
#[utoipa::path(post, path = "/updates/check", tag = "updates",
    responses((status = 200, body = UpdatesView), (status = 409, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn channel_check(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<UpdatesView>, ApiError> {
    door.updates.check(Instant::now()).await.map_err(refused)?;
    Ok(Json(door.updates.view().await))
}
