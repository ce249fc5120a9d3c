//! Keys for programs: API tokens of the panel's API, keys of the LiveKit door.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use roombox_control::clock::UnixMs;
use roombox_control::keys::DEV_KEY;
use roombox_control::people::{ApiToken, NewToken};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ApiTokenList {
    items: Vec<ApiToken>,
}

/// A new API token; its text is shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewApiToken {
    #[serde(flatten)]
    listed: ApiToken,
    token: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListedKey {
    key: String,
    /// `null` for the key of `--dev`.
    #[schema(required)]
    created_at: Option<UnixMs>,
    /// The well-known key of `--dev`.
    dev: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LivekitKeyList {
    items: Vec<ListedKey>,
}

/// A new LiveKit key; its secret is shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewLivekitKey {
    key: String,
    secret: String,
}

/// API tokens of whoever asks; everybody's for an owner.
#[utoipa::path(get, path = "/api-tokens", tag = "keys",
    responses((status = 200, body = ApiTokenList)))]
pub(super) async fn api_token_list(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
) -> Result<Json<ApiTokenList>, ApiError> {
    Ok(Json(ApiTokenList { items: door.tokens.list(&asker).await? }))
}

/// Makes an API token that speaks for whoever asks.
#[utoipa::path(post, path = "/api-tokens", tag = "keys", request_body = NewToken,
    responses((status = 201, body = NewApiToken), (status = 422, body = ErrorBody)))]
pub(super) async fn api_token_create(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Body(request): Body<NewToken>,
) -> Result<(StatusCode, Json<NewApiToken>), ApiError> {
    let (listed, token) = door.tokens.create(&asker, request).await?;
    Ok((StatusCode::CREATED, Json(NewApiToken { listed, token })))
}

/// Revokes an API token.
#[utoipa::path(delete, path = "/api-tokens/{id}", tag = "keys", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn api_token_delete(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.tokens.delete(&asker, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// LiveKit keys, without their secrets.
#[utoipa::path(get, path = "/livekit-keys", tag = "keys",
    responses((status = 200, body = LivekitKeyList)))]
pub(super) async fn livekit_key_list(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Json<LivekitKeyList> {
    let dev = door.keys.is_dev().then(|| ListedKey {
        key: DEV_KEY.0.to_owned(),
        created_at: None,
        dev: true,
    });
    let listed = |(key, at)| ListedKey { key, created_at: Some(at), dev: false };
    Json(LivekitKeyList {
        items: dev.into_iter().chain(door.keys.list().into_iter().map(listed)).collect(),
    })
}

/// Makes a LiveKit key.
#[utoipa::path(post, path = "/livekit-keys", tag = "keys",
    responses((status = 201, body = NewLivekitKey)))]
pub(super) async fn livekit_key_create(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<(StatusCode, Json<NewLivekitKey>), ApiError> {
    let key = door.keys.create().await?;
    Ok((StatusCode::CREATED, Json(NewLivekitKey { key: key.key, secret: key.secret })))
}

/// Revokes a LiveKit key.
#[utoipa::path(delete, path = "/livekit-keys/{key}", tag = "keys", params(("key" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn livekit_key_delete(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(key): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.keys.delete(&key).await?;
    Ok(StatusCode::NO_CONTENT)
}
