//! Jobs.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use roombox_control::jobs::{Job, JobPatch};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobList {
    items: Vec<Job>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct JobFilter {
    /// All jobs of this recording, and no other.
    recording: Option<String>,
}

/// Jobs that wait, run or were given up, and the newest 200 however they ended; or all of a recording. Newest first.
#[utoipa::path(get, path = "/jobs", tag = "jobs", params(JobFilter),
    responses((status = 200, body = JobList)))]
pub(super) async fn job_list(
    State(door): State<PanelDoor>,
    _: Visitor,
    Query(asked): Query<JobFilter>,
) -> Result<Json<JobList>, ApiError> {
    let items = match asked.recording {
        Some(recording) => door.jobs.list_of(&recording).await?,
        None => door.jobs.list().await?,
    };
    Ok(Json(JobList { items }))
}

/// Has a job done sooner or later than others, next of all, or by a time. What runs goes on.
#[utoipa::path(patch, path = "/jobs/{id}", tag = "jobs", params(("id" = String, Path)),
    request_body = JobPatch,
    responses((status = 202, body = Job), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(super) async fn job_patch(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(patch): Body<JobPatch>,
) -> Result<(StatusCode, Json<Job>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(door.jobs.change(&id, &patch).await?)))
}

/// Cancels a job that waits or runs.
#[utoipa::path(delete, path = "/jobs/{id}", tag = "jobs", params(("id" = String, Path)),
    responses((status = 202, body = Job), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(super) async fn job_cancel(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Job>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(door.jobs.cancel(&id).await?)))
}

/// Tries a parked or cancelled job again.
#[utoipa::path(post, path = "/jobs/{id}/attempts", tag = "jobs", params(("id" = String, Path)),
    responses((status = 202, body = Job), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(super) async fn job_retry(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Job>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(door.jobs.retry(&id).await?)))
}
