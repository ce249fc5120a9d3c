//! Coming in: the box, claiming it, logging in and out.

use super::PanelDoor;
use super::access::{COOKIE, Visitor, session_secret};
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use crate::server::{Encrypted, Peer};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use roombox_control::identity::BoxInfo;
use roombox_control::people::ClaimState;
use roombox_control::store::Person;
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BoxPatch {
    name: String,
}

/// What somebody with the printed code sends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimRequest {
    code: String,
    name: String,
    password: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogInRequest {
    password: String,
}

/// The box.
#[utoipa::path(get, path = "/box", tag = "box", responses((status = 200, body = BoxInfo)))]
pub(super) async fn box_get(State(door): State<PanelDoor>) -> Json<BoxInfo> {
    Json(door.identity.info(door.people.claim_state().claimed))
}

/// Gives the box another name.
#[utoipa::path(patch, path = "/box", tag = "box", request_body = BoxPatch,
    responses((status = 200, body = BoxInfo), (status = 422, body = ErrorBody)))]
pub(super) async fn box_patch(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(patch): Body<BoxPatch>,
) -> Result<Json<BoxInfo>, ApiError> {
    door.identity.rename(&patch.name).await?;
    Ok(box_get(State(door)).await)
}

/// Whether the box has an owner.
#[utoipa::path(get, path = "/claim", tag = "claim", responses((status = 200, body = ClaimState)))]
pub(super) async fn claim_get(State(door): State<PanelDoor>) -> Json<ClaimState> {
    Json(door.people.claim_state())
}

/// Claims the box with the code on its screen.
#[utoipa::path(post, path = "/claim", tag = "claim", request_body = ClaimRequest, responses(
    (status = 201, body = Person), (status = 403, body = ErrorBody),
    (status = 409, body = ErrorBody), (status = 422, body = ErrorBody),
    (status = 423, body = ErrorBody)))]
pub(super) async fn claim_post(
    State(door): State<PanelDoor>,
    encrypted: Encrypted,
    Body(claim): Body<ClaimRequest>,
) -> Result<Response, ApiError> {
    let owner = door.people.claim_box(&claim.code, &claim.name, &claim.password).await?;
    logged_in(&door, owner, encrypted, StatusCode::CREATED).await
}

/// Who is logged in.
#[utoipa::path(get, path = "/session", tag = "session",
    responses((status = 200, body = Person), (status = 401, body = ErrorBody)))]
pub(super) async fn session_get(Visitor(person): Visitor) -> Json<Person> {
    Json(person)
}

/// Logs in.
#[utoipa::path(post, path = "/session", tag = "session", request_body = LogInRequest, responses(
    (status = 200, body = Person), (status = 401, body = ErrorBody),
    (status = 409, body = ErrorBody), (status = 429, body = ErrorBody)))]
pub(super) async fn session_post(
    State(door): State<PanelDoor>,
    Peer(from): Peer,
    encrypted: Encrypted,
    Body(request): Body<LogInRequest>,
) -> Result<Response, ApiError> {
    let person = door.people.log_in(&request.password, from).await?;
    logged_in(&door, person, encrypted, StatusCode::OK).await
}

/// Logs out.
#[utoipa::path(delete, path = "/session", tag = "session", responses((status = 204)))]
pub(super) async fn session_delete(
    State(door): State<PanelDoor>,
    encrypted: Encrypted,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Some(secret) = session_secret(&headers) {
        door.people.close_session(secret).await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie("", 0, encrypted))]).into_response())
}

fn cookie(secret: &str, seconds: u64, Encrypted(encrypted): Encrypted) -> String {
    let secure = if encrypted { "; Secure" } else { "" };
    format!("{COOKIE}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

async fn logged_in(
    door: &PanelDoor,
    person: Person,
    encrypted: Encrypted,
    status: StatusCode,
) -> Result<Response, ApiError> {
    let (secret, seconds) = door.people.open_session(&person).await?;
    let mut response = (status, Json(person)).into_response();
    if let Ok(value) = HeaderValue::from_str(&cookie(&secret, seconds, encrypted)) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    Ok(response)
}
