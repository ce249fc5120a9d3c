//! One's own account: the password, and where one is signed in.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use crate::server::Peer;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use roombox_control::people::{BegunFactor, Session};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordRequest {
    /// The one of now.
    old: String,
    new: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionList {
    pub items: Vec<Session>,
}

/// That it is really whoever is signed in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordAgain {
    pub(super) password: String,
}

/// What the app shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FactorCode {
    code: String,
}

/// Each opens the box once without the app; they are shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

/// How many sessions have ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ended {
    ended: usize,
}

/// Changes one's own password; all other sessions end.
#[utoipa::path(put, path = "/account/password", tag = "account", request_body = PasswordRequest,
    responses((status = 204), (status = 401, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 429, body = ErrorBody)))]
pub(super) async fn password_put(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Peer(from): Peer,
    Body(PasswordRequest { old, new }): Body<PasswordRequest>,
) -> Result<StatusCode, ApiError> {
    door.people.change_password(&asker, &old, &new, from).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins to set up a second factor: what an app needs. It counts once its first code was sent.
#[utoipa::path(post, path = "/account/second-factor", tag = "account",
    request_body = PasswordAgain, responses((status = 201, body = BegunFactor),
        (status = 401, body = ErrorBody), (status = 429, body = ErrorBody)))]
pub(super) async fn factor_begin(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Peer(from): Peer,
    Body(again): Body<PasswordAgain>,
) -> Result<(StatusCode, Json<BegunFactor>), ApiError> {
    door.people.confirm(&asker.person, &again.password, from).await?;
    let begun = door.factors.begin(&asker.person, &door.identity.name())?;
    Ok((StatusCode::CREATED, Json(begun)))
}

/// Turns the second factor on, by the app's first code.
#[utoipa::path(put, path = "/account/second-factor", tag = "account", request_body = FactorCode,
    responses((status = 200, body = RecoveryCodes), (status = 401, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(super) async fn factor_keep(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Body(typed): Body<FactorCode>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let recovery_codes = door.factors.keep(&asker.person, &typed.code).await?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// Turns one's own second factor off.
#[utoipa::path(delete, path = "/account/second-factor", tag = "account",
    request_body = PasswordAgain, responses((status = 204), (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 429, body = ErrorBody)))]
pub(super) async fn factor_remove(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Peer(from): Peer,
    Body(again): Body<PasswordAgain>,
) -> Result<StatusCode, ApiError> {
    door.people.confirm(&asker.person, &again.password, from).await?;
    door.factors.remove(&asker.person.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where one is signed in.
#[utoipa::path(get, path = "/account/sessions", tag = "account",
    responses((status = 200, body = SessionList)))]
pub(super) async fn session_list(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
) -> Result<Json<SessionList>, ApiError> {
    Ok(Json(SessionList { items: door.sessions.list(&asker.person.id, &asker).await? }))
}

/// Signs out everywhere but here.
#[utoipa::path(delete, path = "/account/sessions", tag = "account",
    responses((status = 200, body = Ended)))]
pub(super) async fn session_revoke_others(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
) -> Result<Json<Ended>, ApiError> {
    let ended = door.sessions.revoke_others(&asker.person.id, &asker).await?;
    Ok(Json(Ended { ended }))
}

/// Signs out in one place.
#[utoipa::path(delete, path = "/account/sessions/{id}", tag = "account",
    params(("id" = String, Path)), responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn session_revoke(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.sessions.revoke(&asker.person.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
