//! Coming in: the box, claiming it, logging in and out.

use super::PanelDoor;
use super::access::{Visitor, cookie_name, session_secret};
use super::body::Body;
use super::noted::{Detail, SignedIn};
use crate::error::{ApiError, ErrorBody};
use crate::server::{Encrypted, Peer};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use roombox_control::ControlError;
use roombox_control::backup::BackupError;
use roombox_control::identity::BoxInfo;
use roombox_control::people::{ClaimState, Device, PersonIdentity, Typed};
use roombox_control::permissions::{Action, Role, actions_of};
use roombox_control::store::Person;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
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
    /// Whose password it is; absent: that of whoever has owned the box longest.
    #[serde(default)]
    name: Option<String>,
    password: String,
    /// Of the second factor: what the app shows, or a recovery code.
    #[serde(default)]
    code: Option<String>,
}

/// Who asks, and what they may.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    id: String,
    name: String,
    role: Role,
    may: Vec<Action>,
    /// Signs in with a code as well.
    second_factor: bool,
    /// Who they are at the house's identity provider; `null`: they sign in here alone.
    #[schema(required)]
    identity: Option<PersonIdentity>,
}

impl Me {
    /// A person with this role; a token may have less of it.
    async fn new(door: &PanelDoor, person: Person, role: Role) -> Result<Self, ApiError> {
        let second_factor = door.factors.is_set(&person.id).await?;
        let listed = door.people.list().await?.into_iter();
        let mut identities = listed.filter(|listed| listed.person.id == person.id);
        let identity = identities.next().and_then(|listed| listed.identity);
        let may = actions_of(role);
        Ok(Self { id: person.id, name: person.name, role, may, second_factor, identity })
    }
}

/// The box.
#[utoipa::path(get, path = "/box", tag = "box", responses((status = 200, body = BoxInfo)))]
pub(super) async fn box_get(State(door): State<PanelDoor>) -> Result<Json<BoxInfo>, ApiError> {
    let by_name = door.people.list().await?.len() > 1;
    Ok(Json(door.identity.info(door.people.claim_state().claimed, by_name)))
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
    box_get(State(door)).await
}

/// Whether the box has an owner.
#[utoipa::path(get, path = "/claim", tag = "claim", responses((status = 200, body = ClaimState)))]
pub(super) async fn claim_get(State(door): State<PanelDoor>) -> Json<ClaimState> {
    Json(door.people.claim_state())
}

/// Claims the box with the code on its screen.
#[utoipa::path(post, path = "/claim", tag = "claim", request_body = ClaimRequest, responses(
    (status = 201, body = Me), (status = 403, body = ErrorBody),
    (status = 409, body = ErrorBody), (status = 422, body = ErrorBody),
    (status = 423, body = ErrorBody)))]
pub(super) async fn claim_post(
    State(door): State<PanelDoor>,
    Peer(from): Peer,
    encrypted: Encrypted,
    headers: HeaderMap,
    Body(claim): Body<ClaimRequest>,
) -> Result<Response, ApiError> {
    // Whoever restores has shown the code; an owner who came meanwhile would be gone with the restart.
    if door.backups.is_restoring() {
        return Err(ControlError::from(BackupError::Restarting).into());
    }
    let owner = door.people.claim_box(&claim.code, &claim.name, &claim.password).await?;
    logged_in(&door, owner, (from, encrypted, &headers), StatusCode::CREATED).await
}

/// Who is logged in.
#[utoipa::path(get, path = "/session", tag = "session",
    responses((status = 200, body = Me), (status = 401, body = ErrorBody)))]
pub(super) async fn session_get(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
) -> Result<Json<Me>, ApiError> {
    Ok(Json(Me::new(&door, asker.person, asker.role).await?))
}

/// Logs in.
#[utoipa::path(post, path = "/session", tag = "session", request_body = LogInRequest, responses(
    (status = 200, body = Me), (status = 401, body = ErrorBody),
    (status = 409, body = ErrorBody), (status = 429, body = ErrorBody)))]
pub(super) async fn session_post(
    State(door): State<PanelDoor>,
    Peer(from): Peer,
    encrypted: Encrypted,
    headers: HeaderMap,
    Body(request): Body<LogInRequest>,
) -> Result<Response, ApiError> {
    let LogInRequest { name, password, code } = &request;
    let (name, code) = (name.as_deref(), code.as_deref());
    let typed = Typed { name, password, code };
    let person = match door.people.log_in(typed, from).await {
        Ok(person) => person,
        Err(error) => {
            let mut refused = ApiError::from(error).into_response();
            if let Some(detail) = account_of(&door, name).await? {
                refused.extensions_mut().insert(detail);
            }
            return Ok(refused);
        }
    };
    logged_in(&door, person, (from, encrypted, &headers), StatusCode::OK).await
}

/// At whose account somebody was refused. Nothing of a name that nobody has: it may be a password.
async fn account_of(door: &PanelDoor, typed: Option<&str>) -> Result<Option<Detail>, ApiError> {
    let Some(typed) = typed.map(|name| name.trim().to_lowercase()) else { return Ok(None) };
    let people = door.people.list().await?;
    let names = people.into_iter().map(|listed| listed.person.name);
    Ok(names.into_iter().find(|name| name.to_lowercase() == typed).map(Detail))
}

/// Logs out.
#[utoipa::path(delete, path = "/session", tag = "session", responses((status = 204)))]
pub(super) async fn session_delete(
    State(door): State<PanelDoor>,
    Peer(from): Peer,
    encrypted: Encrypted,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let gone = [(header::SET_COOKIE, cookie("", 0, encrypted))];
    let mut response = (StatusCode::NO_CONTENT, gone).into_response();
    if let Some(secret) = session_secret(&headers, encrypted)
        && let Ok(asker) = door.sessions.asker(secret, from).await
    {
        response.extensions_mut().insert(SignedIn(asker.person));
        door.sessions.close(secret).await?;
    }
    Ok(response)
}

pub(super) fn cookie(secret: &str, seconds: u64, encrypted: Encrypted) -> String {
    let (name, Encrypted(tls)) = (cookie_name(encrypted), encrypted);
    let secure = if tls { "; Secure" } else { "" };
    format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// What a request says of where it comes from.
pub(super) fn device(headers: &HeaderMap, address: IpAddr) -> Device {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    Device { agent: agent.map(str::to_owned), address }
}

/// Opens a session on the device that a request comes from.
pub(super) async fn logged_in(
    door: &PanelDoor,
    person: Person,
    (address, encrypted, headers): (IpAddr, Encrypted, &HeaderMap),
    status: StatusCode,
) -> Result<Response, ApiError> {
    let device = device(headers, address);
    let (secret, seconds) = door.sessions.open(&person, device).await?;
    let role = person.role;
    let me = Me::new(door, person.clone(), role).await?;
    let mut response = (status, Json(me)).into_response();
    response.extensions_mut().insert(SignedIn(person));
    if let Ok(value) = HeaderValue::from_str(&cookie(&secret, seconds, encrypted)) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    Ok(response)
}
