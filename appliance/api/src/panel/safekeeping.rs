//! Backups that the box makes by itself: the plan, and how they stand at their targets.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use crate::server::Peer;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use roombox_control::safekeeping::{BackupPlan, SafekeepingView};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BackupPlanRequest {
    /// That of whoever asks, once more.
    password: String,
    plan: BackupPlan,
    /// At least 12 characters. The box keeps it and tells it to nobody: without it nobody opens a backup. Absent:
    /// the one that is kept.
    #[serde(default)]
    #[schema(nullable = false)]
    passphrase: Option<String>,
}

/// When the box makes backups by itself, and how they stand at their targets.
#[utoipa::path(get, path = "/backups/plan", tag = "backups",
    responses((status = 200, body = SafekeepingView)))]
pub(super) async fn backup_plan_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<SafekeepingView>, ApiError> {
    Ok(Json(door.safekeeping.view().await?))
}

/// Has the box make backups by itself. The first one is made at once.
#[utoipa::path(put, path = "/backups/plan", tag = "backups", request_body = BackupPlanRequest,
    responses((status = 200, body = SafekeepingView), (status = 401, body = ErrorBody),
        (status = 422, body = ErrorBody), (status = 429, body = ErrorBody)))]
pub(super) async fn backup_plan_put(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Peer(from): Peer,
    Body(BackupPlanRequest { password, plan, passphrase }): Body<BackupPlanRequest>,
) -> Result<Json<SafekeepingView>, ApiError> {
    door.people.confirm(&asker.person, &password, from).await?;
    Ok(Json(door.safekeeping.put(plan, passphrase).await?))
}

/// Ends planned backups and forgets their passphrase. Those at the targets stay there.
#[utoipa::path(delete, path = "/backups/plan", tag = "backups",
    responses((status = 200, body = SafekeepingView), (status = 409, body = ErrorBody)))]
pub(super) async fn backup_plan_end(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<SafekeepingView>, ApiError> {
    Ok(Json(door.safekeeping.end().await?))
}

/// Makes a planned backup now.
#[utoipa::path(post, path = "/backups/plan/runs", tag = "backups",
    responses((status = 202, body = SafekeepingView), (status = 409, body = ErrorBody)))]
pub(super) async fn backup_plan_run(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<(StatusCode, Json<SafekeepingView>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(door.safekeeping.run_now().await?)))
}

/// Calls off the planned backup that is being made or on its way: it is not made up for. What is whole at a target
/// stays there, what is half there is cleared away.
#[utoipa::path(delete, path = "/backups/plan/runs", tag = "backups",
    responses((status = 200, body = SafekeepingView), (status = 409, body = ErrorBody)))]
pub(super) async fn backup_plan_call_off(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<SafekeepingView>, ApiError> {
    Ok(Json(door.safekeeping.call_off().await?))
}
