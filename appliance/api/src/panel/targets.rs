//! Targets: places that recordings are copied to, and what is there.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use roombox_control::targets::{Copy, NewTarget, Target, TargetPatch, TargetTrial};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TargetList {
    items: Vec<Target>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CopyList {
    items: Vec<Copy>,
}

/// Where to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCopy {
    /// Id of the target.
    target: String,
}

/// Places that recordings are copied to, oldest first.
#[utoipa::path(get, path = "/targets", tag = "targets",
    responses((status = 200, body = TargetList)))]
pub(super) async fn target_list(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<TargetList>, ApiError> {
    Ok(Json(TargetList { items: door.targets.list().await? }))
}

/// Adds a target. Recordings that end from now on go there.
#[utoipa::path(post, path = "/targets", tag = "targets", request_body = NewTarget,
    responses((status = 201, body = Target), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn target_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<NewTarget>,
) -> Result<(StatusCode, Json<Target>), ApiError> {
    Ok((StatusCode::CREATED, Json(door.targets.create(request).await?)))
}

/// Changes a target. What is absent stays, secrets too; what is on its way begins anew.
#[utoipa::path(patch, path = "/targets/{id}", tag = "targets", params(("id" = String, Path)),
    request_body = TargetPatch,
    responses((status = 200, body = Target), (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn target_patch(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(patch): Body<TargetPatch>,
) -> Result<Json<Target>, ApiError> {
    Ok(Json(door.targets.change(&id, patch).await?))
}

/// Forgets a target, what waits for it, and its receipts. What is there stays there.
#[utoipa::path(delete, path = "/targets/{id}", tag = "targets", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn target_delete(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.targets.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Writes a small file there, reads it back, takes it away, and tells whether that worked. The first
/// that reaches an SSH server remembers its key.
#[utoipa::path(post, path = "/targets/{id}/tests", tag = "targets", params(("id" = String, Path)),
    responses((status = 200, body = TargetTrial), (status = 404, body = ErrorBody)))]
pub(super) async fn target_test(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<TargetTrial>, ApiError> {
    Ok(Json(door.targets.test(&id).await?))
}

/// Tries everything now that is not there, what was given up too.
#[utoipa::path(post, path = "/targets/{id}/retries", tag = "targets", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn target_retry(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.targets.retry(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Files of a recording at targets, with their receipts, and on their way there.
#[utoipa::path(get, path = "/recordings/{id}/copies", tag = "targets",
    params(("id" = String, Path)),
    responses((status = 200, body = CopyList), (status = 404, body = ErrorBody)))]
pub(super) async fn copy_list(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<CopyList>, ApiError> {
    door.recordings.get(&id).await?;
    Ok(Json(CopyList { items: door.targets.copies(&id).await? }))
}

/// Copies a recording to a target that it would not go to by itself.
#[utoipa::path(post, path = "/recordings/{id}/copies", tag = "targets",
    params(("id" = String, Path)), request_body = NewCopy,
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn copy_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(request): Body<NewCopy>,
) -> Result<StatusCode, ApiError> {
    door.recordings.get(&id).await?;
    door.targets.copy(&id, &request.target).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries everything of a recording now that is not at its targets.
#[utoipa::path(post, path = "/recordings/{id}/copies/retries", tag = "targets",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn copy_retry(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.recordings.get(&id).await?;
    door.targets.retry_recording(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
