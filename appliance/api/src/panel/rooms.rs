//! Rooms, who is in them, and how to get in.

use super::PanelDoor;
use super::access::{MaybeVisitor, Visitor};
use super::body::Body;
use super::noted::Detail;
use crate::error::{ApiError, ErrorBody};
use crate::livekit::{Comer, join_token};
use crate::server::Peer;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use roombox_control::people::Asker;
use roombox_control::permissions::Action;
use roombox_control::rooms::templates::Wanted;
use roombox_control::rooms::{Doorplate, Guest, Participant, Room, RulesPatch};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A list that is short enough to be whole.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RoomList {
    items: Vec<Room>,
    #[schema(required)]
    next: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRoom {
    name: String,
    /// Id of the template that it is made from; absent: the default one, if there is one; `null`: none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    template: Option<Option<String>>,
}

fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// What is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoomPatch {
    /// Changed only while nobody is in the room.
    #[schema(nullable = false)]
    name: Option<String>,
    /// Let guests in one by one. When it ends, those who wait come in.
    #[schema(nullable = false)]
    lobby: Option<bool>,
    /// Record it whenever somebody is in it.
    #[schema(nullable = false)]
    record_always: Option<bool>,
    /// What guests may, and what becomes of its recordings.
    #[schema(nullable = false)]
    rules: Option<RulesPatch>,
}

/// What guests type at the door.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RoomPin {
    /// 4 to 8 digits; `null`: none was made yet.
    #[schema(required)]
    pin: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PinWish {
    /// 4 to 8 digits; absent: the box makes one.
    pin: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ParticipantList {
    items: Vec<Participant>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ParticipantPatch {
    /// Only `true`: people unmute themselves.
    #[schema(nullable = false)]
    muted: Option<bool>,
    /// Only `false`: lets somebody in. Who is in is not sent back to wait.
    #[schema(nullable = false)]
    waiting: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Invitation {
    /// Secret of the invite link, or of a personal one; not needed by those who are logged in.
    invite: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JoinRequest {
    /// Name that others see.
    name: String,
    /// Secret of the invite link, or of a personal one.
    invite: Option<String>,
    /// The room's PIN, where its door asks for one. Wrong ones make their sender wait.
    pin: Option<String>,
    /// An earlier token for this room: whoever was let in with it in this meeting does not wait again.
    before: Option<String>,
}

/// What a LiveKit client needs; the URL is the page's own origin.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JoinToken {
    token: String,
    room: String,
    identity: String,
}

/// All rooms by name.
#[utoipa::path(get, path = "/rooms", tag = "rooms", responses((status = 200, body = RoomList)))]
pub(super) async fn room_list(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<RoomList>, ApiError> {
    Ok(Json(RoomList { items: door.rooms.list().await?, next: None }))
}

/// Makes a room, from a template if there is one.
#[utoipa::path(post, path = "/rooms", tag = "rooms", request_body = NewRoom, responses(
    (status = 201, body = Room), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
    (status = 422, body = ErrorBody)))]
pub(super) async fn room_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(NewRoom { name, template }): Body<NewRoom>,
) -> Result<(StatusCode, Extension<Detail>, Json<Room>), ApiError> {
    let wanted = match template {
        None => Wanted::Usual,
        Some(None) => Wanted::Plain,
        Some(Some(id)) => Wanted::Template(id),
    };
    let (room, template) = door.templates.make_room(&name, wanted).await?;
    let detail = template.map(|template| format!("from the template {}", template.name));
    Ok((StatusCode::CREATED, Extension(Detail(detail.unwrap_or_default())), Json(room)))
}

/// One room.
#[utoipa::path(get, path = "/rooms/{id}", tag = "rooms", params(("id" = String, Path)),
    responses((status = 200, body = Room), (status = 404, body = ErrorBody)))]
pub(super) async fn room_get(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<Room>, ApiError> {
    Ok(Json(door.rooms.get(&id).await?))
}

/// Renames a room that nobody is in, or changes its lobby, its recording or its rules.
#[utoipa::path(patch, path = "/rooms/{id}", tag = "rooms", params(("id" = String, Path)),
    request_body = RoomPatch,
    responses((status = 200, body = Room), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn room_patch(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(patch): Body<RoomPatch>,
) -> Result<Json<Room>, ApiError> {
    // What may be refused comes first.
    if let Some(name) = &patch.name {
        door.rooms.rename(&id, name).await?;
    }
    if let Some(rules) = patch.rules {
        door.rooms.set_rules(&id, rules).await?;
    }
    if let Some(on) = patch.record_always {
        door.rooms.set_record_always(&id, on).await?;
    }
    if let Some(on) = patch.lobby {
        door.rooms.set_lobby(&id, on).await?;
    }
    Ok(Json(door.rooms.get(&id).await?))
}

/// Forgets a room that nobody is in; its recordings stay.
#[utoipa::path(delete, path = "/rooms/{id}", tag = "rooms", params(("id" = String, Path)),
    responses((status = 204), (status = 409, body = ErrorBody)))]
pub(super) async fn room_delete(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.rooms.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new invite link; old ones stop working.
#[utoipa::path(post, path = "/rooms/{id}/invite", tag = "rooms", params(("id" = String, Path)),
    responses((status = 200, body = Room), (status = 404, body = ErrorBody)))]
pub(super) async fn invite_renew(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<Room>, ApiError> {
    Ok(Json(door.rooms.renew_invite(&id).await?))
}

/// The PIN that guests type at the door, where the room's rules ask for one.
#[utoipa::path(get, path = "/rooms/{id}/pin", tag = "rooms", params(("id" = String, Path)),
    responses((status = 200, body = RoomPin), (status = 404, body = ErrorBody)))]
pub(super) async fn room_pin_get(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<RoomPin>, ApiError> {
    Ok(Json(RoomPin { pin: door.rooms.pin(&id).await? }))
}

/// Another PIN; the old one opens nothing from now on. Who is in stays in.
#[utoipa::path(put, path = "/rooms/{id}/pin", tag = "rooms", params(("id" = String, Path)),
    request_body = PinWish,
    responses((status = 200, body = RoomPin), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn room_pin_put(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(wish): Body<PinWish>,
) -> Result<Json<RoomPin>, ApiError> {
    Ok(Json(RoomPin { pin: Some(door.rooms.set_pin(&id, wish.pin.as_deref()).await?) }))
}

/// Who is in a room now.
#[utoipa::path(get, path = "/rooms/{id}/participants", tag = "meetings",
    params(("id" = String, Path)),
    responses((status = 200, body = ParticipantList), (status = 404, body = ErrorBody)))]
pub(super) async fn participant_list(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<ParticipantList>, ApiError> {
    Ok(Json(ParticipantList { items: door.rooms.participants(&id).await? }))
}

/// Mutes somebody, or lets somebody in who waits.
#[utoipa::path(patch, path = "/rooms/{id}/participants/{participant}", tag = "meetings",
    params(("id" = String, Path), ("participant" = String, Path)),
    request_body = ParticipantPatch,
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn participant_patch(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path((id, participant)): Path<(String, String)>,
    Body(patch): Body<ParticipantPatch>,
) -> Result<StatusCode, ApiError> {
    let unwanted =
        |code, message: &str| Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, message));
    if patch.muted == Some(false) {
        return unwanted("only_mute", "people can only be muted from here: they unmute themselves");
    }
    if patch.waiting == Some(true) {
        return unwanted("only_let_in", "nobody is sent back to wait: remove them instead");
    }
    if patch.waiting.is_some() {
        door.rooms.let_in(&id, &participant).await?;
    }
    if patch.muted.is_some() {
        door.rooms.mute(&id, &participant).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Sends somebody out, or turns somebody away who waits.
#[utoipa::path(delete, path = "/rooms/{id}/participants/{participant}", tag = "meetings",
    params(("id" = String, Path), ("participant" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn participant_delete(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path((id, participant)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    door.rooms.remove(&id, &participant).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a meeting for everybody.
#[utoipa::path(delete, path = "/rooms/{id}/meeting", tag = "meetings",
    params(("id" = String, Path)),
    responses((status = 204), (status = 409, body = ErrorBody)))]
pub(super) async fn meeting_delete(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.rooms.end_meeting(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn guest<'a>(person: Option<&Asker>, invite: Option<&'a str>) -> Guest<'a> {
    match person {
        Some(_) => Guest::Person(invite.unwrap_or_default()),
        None => Guest::Invited(invite.unwrap_or_default()),
    }
}

/// What is written at a room's door, for those who may enter.
#[utoipa::path(get, path = "/rooms/{id}/door", tag = "meetings",
    params(("id" = String, Path), Invitation),
    responses((status = 200, body = Doorplate), (status = 403, body = ErrorBody)))]
pub(super) async fn doorplate_get(
    State(door): State<PanelDoor>,
    MaybeVisitor(person): MaybeVisitor,
    Path(id): Path<String>,
    Query(invitation): Query<Invitation>,
) -> Result<Json<Doorplate>, ApiError> {
    let guest = guest(person.as_ref(), invitation.invite.as_deref());
    let admitted = door.rooms.admit(&id, guest).await?;
    Ok(Json(door.rooms.doorplate(&admitted, door.identity.name()).await))
}

/// A token to join a room with any LiveKit client. Whoever may moderate becomes a moderator.
#[utoipa::path(post, path = "/rooms/{id}/join-token", tag = "meetings",
    params(("id" = String, Path)), request_body = JoinRequest,
    responses((status = 201, body = JoinToken), (status = 403, body = ErrorBody),
        (status = 422, body = ErrorBody), (status = 429, body = ErrorBody)))]
pub(super) async fn join_token_create(
    State(door): State<PanelDoor>,
    Peer(from): Peer,
    MaybeVisitor(person): MaybeVisitor,
    Path(id): Path<String>,
    Body(request): Body<JoinRequest>,
) -> Result<(StatusCode, Json<JoinToken>), ApiError> {
    let guest = guest(person.as_ref(), request.invite.as_deref());
    let admitted = door.rooms.admit(&id, guest).await?;
    door.rooms.enter(&admitted, request.pin.as_deref(), from).await?;
    let comer = Comer {
        name: &request.name,
        moderator: person.as_ref().is_some_and(|asker| asker.may(Action::Moderate)),
        person: person.as_ref().map_or("", |asker| &asker.person.id),
        invitation: admitted.invitation.as_deref().unwrap_or_default(),
        before: request.before.as_deref().unwrap_or_default(),
        rules: admitted.rules.as_ref(),
        named: admitted.named.as_ref(),
    };
    let made = join_token(door.keys.own(), admitted.room.as_str(), comer);
    let (token, identity) = made
        .map_err(|error| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_name", error))?;
    Ok((StatusCode::CREATED, Json(JoinToken { token, room: admitted.room.to_string(), identity })))
}
