//! Recordings that become one: what would come of it, and having it done.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use roombox_control::finish::to_the_end;
use roombox_control::recordings::{MergePlan, Recording};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Which recordings.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct MergeQuery {
    /// Ids in the order in which they are to follow each other, with commas between; 2 to 20.
    recordings: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MergeRequest {
    /// Ids in the order in which they are to follow each other; each once.
    #[schema(min_items = 2, max_items = 20)]
    recordings: Vec<String>,
    /// Left out: the first one's, with its date.
    #[schema(nullable = false)]
    title: Option<String>,
}

/// What would become of merging these recordings: how long it is, and which pictures stay as they are.
#[utoipa::path(get, path = "/recordings/merges", tag = "recordings", params(MergeQuery),
    responses((status = 200, body = MergePlan), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn merge_look(
    State(door): State<PanelDoor>,
    _: Visitor,
    Query(query): Query<MergeQuery>,
) -> Result<Json<MergePlan>, ApiError> {
    let ids = query.recordings.split(',').map(str::trim).filter(|id| !id.is_empty());
    let ids: Vec<String> = ids.map(str::to_owned).collect();
    Ok(Json(door.recordings.merge_plan(&ids).await?))
}

/// Makes one more recording of two or more: the newest film of each, one after the other. Pictures and sound
/// are copied where the films have one format; nothing of the recordings themselves changes. While the job waits
/// or runs they cannot be deleted.
#[utoipa::path(post, path = "/recordings/merges", tag = "recordings", request_body = MergeRequest,
    responses((status = 201, body = Recording), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 507, body = ErrorBody)))]
pub(super) async fn merge_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<MergeRequest>,
) -> Result<(StatusCode, Json<Recording>), ApiError> {
    let MergeRequest { recordings: ids, title } = request;
    let recordings = door.recordings.clone();
    let made = to_the_end(async move { recordings.merge(&ids, title.as_deref()).await }).await?;
    Ok((StatusCode::CREATED, Json(made)))
}
