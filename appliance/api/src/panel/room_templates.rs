//! Templates for rooms: kept, and given to rooms.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use super::noted::Detail;
use crate::error::{ApiError, ErrorBody};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use roombox_control::permissions::Action;
use roombox_control::rooms::templates::{
    NewRoomTemplate, RoomSettingsPatch, RoomTemplate, RoomTemplatePatch, TemplatePreview,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RoomTemplateList {
    items: Vec<RoomTemplate>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateLook {
    /// Ids of the rooms that are looked at; 200 at most.
    rooms: Vec<String>,
}

/// What a template would change, room by room.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TemplateLookList {
    items: Vec<TemplatePreview>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateWish {
    /// The template's id.
    template: String,
    /// What the preview said of this room: if something is different now, nothing is changed. Absent: whatever
    /// there is.
    #[schema(nullable = false)]
    of: Option<String>,
}

/// Where recordings go is decided by those who may change targets.
fn names_targets(settings: Option<&RoomSettingsPatch>) -> bool {
    settings.is_some_and(|settings| settings.targets.is_some())
}

/// All templates for rooms, by name.
#[utoipa::path(get, path = "/room-templates", tag = "rooms",
    responses((status = 200, body = RoomTemplateList)))]
pub(super) async fn room_template_list(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<RoomTemplateList>, ApiError> {
    Ok(Json(RoomTemplateList { items: door.templates.list().await? }))
}

/// Keeps a template: what is said here, over the settings of a room or over those of an untouched one.
#[utoipa::path(post, path = "/room-templates", tag = "rooms", request_body = NewRoomTemplate, responses(
    (status = 201, body = RoomTemplate), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
    (status = 422, body = ErrorBody)))]
pub(super) async fn room_template_create(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Body(new): Body<NewRoomTemplate>,
) -> Result<(StatusCode, Extension<Detail>, Json<RoomTemplate>), ApiError> {
    if names_targets(Some(&new.settings)) {
        asker.ask(Action::Configure)?;
    }
    let made = door.templates.create(new, asker.may(Action::Configure)).await?;
    Ok((StatusCode::CREATED, Extension(Detail(made.name.clone())), Json(made)))
}

/// Renames a template or changes what it says. Rooms that were made from it stay as they are.
#[utoipa::path(patch, path = "/room-templates/{id}", tag = "rooms", params(("id" = String, Path)),
    request_body = RoomTemplatePatch,
    responses((status = 200, body = RoomTemplate), (status = 403, body = ErrorBody),
        (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn room_template_patch(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Path(id): Path<String>,
    Body(patch): Body<RoomTemplatePatch>,
) -> Result<(Extension<Detail>, Json<RoomTemplate>), ApiError> {
    if names_targets(patch.settings.as_ref()) {
        asker.ask(Action::Configure)?;
    }
    let changed = door.templates.change(&id, patch).await?;
    Ok((Extension(Detail(changed.name.clone())), Json(changed)))
}

/// Forgets a template. Rooms that were made from it stay as they are.
#[utoipa::path(delete, path = "/room-templates/{id}", tag = "rooms", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn room_template_delete(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.templates.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a template would change of these rooms, room by room. Changes nothing.
#[utoipa::path(post, path = "/room-templates/{id}/previews", tag = "rooms",
    params(("id" = String, Path)), request_body = TemplateLook,
    responses((status = 200, body = TemplateLookList), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn room_template_preview(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(TemplateLook { rooms }): Body<TemplateLook>,
) -> Result<Json<TemplateLookList>, ApiError> {
    Ok(Json(TemplateLookList { items: door.templates.preview(&id, &rooms).await? }))
}

/// Gives a room the settings of a template, and says what that changed. The audit log has a row for each room.
#[utoipa::path(post, path = "/rooms/{id}/template", tag = "rooms", params(("id" = String, Path)),
    request_body = TemplateWish,
    responses((status = 200, body = TemplatePreview), (status = 404, body = ErrorBody),
        (status = 409, description = "it is not what was looked at, or the room is forgotten when its meeting \
            ends", body = ErrorBody)))]
pub(super) async fn room_template_apply(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(TemplateWish { template, of }): Body<TemplateWish>,
) -> Result<(Extension<Detail>, Json<TemplatePreview>), ApiError> {
    let (done, template) = door.templates.apply(&template, &id, of.as_deref()).await?;
    let detail = format!("{}: {}", template.name, done.words());
    Ok((Extension(Detail(detail)), Json(done)))
}
