//! Personal links into a room, and what their moderators do in its meeting.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use super::noted::Detail;
use crate::error::{ApiError, ErrorBody};
use crate::token;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use roombox_control::ControlError;
use roombox_control::rooms::{NewRoomLink, RoomLink};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RoomLinkList {
    items: Vec<RoomLink>,
}

/// A new link; its secret is shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewRoomLinkSecret {
    #[serde(flatten)]
    listed: RoomLink,
    /// Goes where the room's invite goes.
    secret: String,
}

/// What a moderator by link does to somebody.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ModerationAct {
    /// Mutes all that is heard of them.
    Mute,
    /// Lets them in who wait.
    LetIn,
    /// Sends them out, or turns them away who wait.
    Remove,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Moderation {
    /// The token with which the moderator joined.
    token: String,
    participant: String,
    act: ModerationAct,
}

/// Personal links of a room, without their secrets.
#[utoipa::path(get, path = "/rooms/{id}/links", tag = "rooms", params(("id" = String, Path)),
    responses((status = 200, body = RoomLinkList), (status = 404, body = ErrorBody)))]
pub(super) async fn room_link_list(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<RoomLinkList>, ApiError> {
    Ok(Json(RoomLinkList { items: door.rooms.links(&id).await? }))
}

/// Makes a link for somebody: no PIN is asked for, and they do not wait in the lobby.
#[utoipa::path(post, path = "/rooms/{id}/links", tag = "rooms", params(("id" = String, Path)),
    request_body = NewRoomLink,
    responses((status = 201, body = NewRoomLinkSecret), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn room_link_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(new): Body<NewRoomLink>,
) -> Result<(StatusCode, Json<NewRoomLinkSecret>), ApiError> {
    let (listed, secret) = door.rooms.add_link(&id, new).await?;
    Ok((StatusCode::CREATED, Json(NewRoomLinkSecret { listed, secret })))
}

/// Revokes a link: who came by it is sent out.
#[utoipa::path(delete, path = "/rooms/{id}/links/{link}", tag = "rooms",
    params(("id" = String, Path), ("link" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn room_link_delete(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path((id, link)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    door.rooms.revoke_link(&id, &link).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a moderator without an account does in a meeting, by the token that their personal link gave them.
#[utoipa::path(post, path = "/rooms/{id}/moderation", tag = "meetings",
    params(("id" = String, Path)), request_body = Moderation,
    responses((status = 204), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(super) async fn moderation_by_link(
    State(door): State<PanelDoor>,
    Path(id): Path<String>,
    Body(asked): Body<Moderation>,
) -> Result<Response, ApiError> {
    let (key, secret) = door.keys.own();
    let own = |issuer: &str| (issuer == key).then(|| secret.to_owned());
    let Ok(claims) = token::verify_whatever_its_end(&asked.token, own) else {
        return Err(ControlError::InviteInvalid.into());
    };
    let link = door.rooms.moderator_link(&id, &claims.link, &claims.sub).await?;
    if !claims.video.administers(&link.room) {
        return Err(ControlError::InviteInvalid.into());
    }
    let participant = &asked.participant;
    match asked.act {
        ModerationAct::Mute => door.rooms.mute(&id, participant).await?,
        ModerationAct::LetIn => door.rooms.let_in(&id, participant).await?,
        ModerationAct::Remove => door.rooms.remove(&id, participant).await?,
    }
    // Nobody with an account did it: the audit log says by whose link.
    Ok((StatusCode::NO_CONTENT, Extension(Detail(link.name))).into_response())
}
