//! People of the box, and invitations that make somebody one.

use super::PanelDoor;
use super::access::Visitor;
use super::account::SessionList;
use super::body::Body;
use super::entry::logged_in;
use super::noted::Detail;
use crate::error::{ApiError, ErrorBody};
use crate::server::{Encrypted, Peer};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Json};
use roombox_control::ControlError;
use roombox_control::clock::UnixMs;
use roombox_control::people::{ListedPerson, NewPersonInvite, PersonInvite, PersonPatch};
use roombox_control::permissions::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PersonList {
    items: Vec<ListedPerson>,
}

/// What somebody who means it sends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonRemoval {
    /// The person's, typed.
    name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PersonInviteList {
    items: Vec<PersonInvite>,
}

/// A new invitation; its secret is shown only now. The link is `/panel/welcome#invite=SECRET`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewPersonInviteLink {
    #[serde(flatten)]
    listed: PersonInvite,
    secret: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InvitationLook {
    secret: String,
}

/// What somebody with an invitation reads before they accept.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Invitation {
    name: String,
    role: Role,
    expires_at: UnixMs,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InvitationAcceptance {
    secret: String,
    name: String,
    password: String,
}

/// Everybody.
#[utoipa::path(get, path = "/people", tag = "people",
    responses((status = 200, body = PersonList)))]
pub(super) async fn person_list(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<PersonList>, ApiError> {
    Ok(Json(PersonList { items: door.people.list().await? }))
}

/// Changes name or role of somebody, or whether they may sign in. It applies at once.
#[utoipa::path(patch, path = "/people/{id}", tag = "people", params(("id" = String, Path)),
    request_body = PersonPatch, responses((status = 200, body = ListedPerson),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn person_patch(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(patch): Body<PersonPatch>,
) -> Result<(Extension<Detail>, Json<ListedPerson>), ApiError> {
    let changed = door.people.change(&id, patch).await?;
    let locked = if changed.disabled { ", locked out" } else { "" };
    let detail = format!("{}, {}{locked}", changed.person.name, changed.person.role.name());
    Ok((Extension(Detail(detail)), Json(changed)))
}

/// Removes somebody, with sessions and tokens.
#[utoipa::path(delete, path = "/people/{id}", tag = "people", params(("id" = String, Path)),
    request_body = PersonRemoval, responses((status = 204), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn person_remove(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(removal): Body<PersonRemoval>,
) -> Result<(StatusCode, Extension<Detail>), ApiError> {
    door.people.remove(&id, &removal.name).await?;
    Ok((StatusCode::NO_CONTENT, Extension(Detail(removal.name))))
}

/// Takes somebody's second factor away: for who has lost the phone and the recovery codes.
#[utoipa::path(delete, path = "/people/{id}/second-factor", tag = "people",
    params(("id" = String, Path)), responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn person_factor_remove(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    // Of one's own the account's page asks for the password.
    if id == asker.person.id {
        return Err(ControlError::NarrowToken.into());
    }
    door.factors.remove(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where somebody is signed in.
#[utoipa::path(get, path = "/people/{id}/sessions", tag = "people", params(("id" = String, Path)),
    responses((status = 200, body = SessionList)))]
pub(super) async fn person_session_list(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Path(id): Path<String>,
) -> Result<Json<SessionList>, ApiError> {
    Ok(Json(SessionList { items: door.sessions.list(&id, &asker).await? }))
}

/// Signs somebody out in one place.
#[utoipa::path(delete, path = "/people/{id}/sessions/{session}", tag = "people",
    params(("id" = String, Path), ("session" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn person_session_revoke(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path((id, session)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    door.sessions.revoke(&id, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Invitations that are open.
#[utoipa::path(get, path = "/invites", tag = "people",
    responses((status = 200, body = PersonInviteList)))]
pub(super) async fn invite_list(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<PersonInviteList>, ApiError> {
    Ok(Json(PersonInviteList { items: door.invites.list().await? }))
}

/// Invites somebody.
#[utoipa::path(post, path = "/invites", tag = "people", request_body = NewPersonInvite,
    responses((status = 201, body = NewPersonInviteLink), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn invite_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(wanted): Body<NewPersonInvite>,
) -> Result<(StatusCode, Extension<Detail>, Json<NewPersonInviteLink>), ApiError> {
    let (listed, secret) = door.invites.create(wanted).await?;
    let detail = Extension(Detail(format!("{}, {}", listed.name, listed.role.name())));
    Ok((StatusCode::CREATED, detail, Json(NewPersonInviteLink { listed, secret })))
}

/// Takes an invitation back.
#[utoipa::path(delete, path = "/invites/{id}", tag = "people", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn invite_revoke(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.invites.revoke(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What an invitation is for. Its secret is in no address, and so in no log.
#[utoipa::path(post, path = "/invitation", tag = "people", request_body = InvitationLook,
    responses((status = 200, body = Invitation), (status = 410, body = ErrorBody)))]
pub(super) async fn invitation_look(
    State(door): State<PanelDoor>,
    Body(look): Body<InvitationLook>,
) -> Result<Json<Invitation>, ApiError> {
    let PersonInvite { name, role, expires_at, .. } = door.invites.look(&look.secret).await?;
    Ok(Json(Invitation { name, role, expires_at }))
}

/// Accepts an invitation: whoever has it becomes a person of the box and is signed in.
#[utoipa::path(post, path = "/invitation/acceptance", tag = "people",
    request_body = InvitationAcceptance, responses((status = 201, body = super::entry::Me),
        (status = 409, body = ErrorBody), (status = 410, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn invitation_accept(
    State(door): State<PanelDoor>,
    Peer(from): Peer,
    encrypted: Encrypted,
    headers: HeaderMap,
    Body(accepted): Body<InvitationAcceptance>,
) -> Result<Response, ApiError> {
    let InvitationAcceptance { secret, name, password } = accepted;
    let person = door.invites.accept(&secret, &name, &password).await?;
    logged_in(&door, person, (from, encrypted, &headers), StatusCode::CREATED).await
}
