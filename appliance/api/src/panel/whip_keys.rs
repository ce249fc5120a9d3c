//! Keys with which programs send into a room (WHIP) or watch it (WHEP).

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use roombox_control::store::WhipScope;
use roombox_control::whip_keys::WhipKey;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WhipKeyList {
    items: Vec<WhipKey>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WhipKeyRequest {
    /// Whom others see in the room.
    name: String,
    scope: WhipScope,
}

/// A new key; its token is shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewWhipKey {
    #[serde(flatten)]
    listed: WhipKey,
    /// What the program sends as Bearer token.
    token: String,
}

/// Keys for WHIP and WHEP of a room, without their tokens.
#[utoipa::path(get, path = "/rooms/{id}/whip-keys", tag = "keys", params(("id" = String, Path)),
    responses((status = 200, body = WhipKeyList), (status = 404, body = ErrorBody)))]
pub(super) async fn whip_key_list(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<WhipKeyList>, ApiError> {
    Ok(Json(WhipKeyList { items: door.whip_keys.list(&id).await? }))
}

/// Makes a key for WHIP (`publish`) or WHEP (`watch`).
#[utoipa::path(post, path = "/rooms/{id}/whip-keys", tag = "keys", params(("id" = String, Path)),
    request_body = WhipKeyRequest,
    responses((status = 201, body = NewWhipKey), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn whip_key_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(request): Body<WhipKeyRequest>,
) -> Result<(StatusCode, Json<NewWhipKey>), ApiError> {
    let (listed, token) = door.whip_keys.create(&id, &request.name, request.scope).await?;
    Ok((StatusCode::CREATED, Json(NewWhipKey { listed, token })))
}

/// Revokes a key: whoever uses it is sent out.
#[utoipa::path(delete, path = "/rooms/{id}/whip-keys/{key}", tag = "keys",
    params(("id" = String, Path), ("key" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn whip_key_delete(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path((id, key)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    door.whip_keys.delete(&id, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}
