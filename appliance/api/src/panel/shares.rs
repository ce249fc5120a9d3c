//! Share links of recordings, for their owner.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use roombox_control::shares::{NewShare, Share};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShareList {
    items: Vec<Share>,
}

/// A link that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewShareLink {
    #[serde(flatten)]
    share: Share,
    /// The link is `/s/` and this. Shown once.
    token: String,
}

/// Share links of a recording, newest first, also those that have expired.
#[utoipa::path(get, path = "/recordings/{id}/shares", tag = "shares", params(("id" = String, Path)),
    responses((status = 200, body = ShareList), (status = 404, body = ErrorBody)))]
pub(super) async fn share_list(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<ShareList>, ApiError> {
    Ok(Json(ShareList { items: door.shares.list(&id).await? }))
}

/// Makes a link with which anybody watches the film, until it expires or is revoked.
#[utoipa::path(post, path = "/recordings/{id}/shares", tag = "shares",
    params(("id" = String, Path)), request_body = NewShare,
    responses((status = 201, body = NewShareLink), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn share_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(wanted): Body<NewShare>,
) -> Result<(StatusCode, Json<NewShareLink>), ApiError> {
    let (share, token) = door.shares.create(&id, wanted).await?;
    Ok((StatusCode::CREATED, Json(NewShareLink { share, token })))
}

/// Takes a link away.
#[utoipa::path(delete, path = "/shares/{id}", tag = "shares", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn share_revoke(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.shares.revoke(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
