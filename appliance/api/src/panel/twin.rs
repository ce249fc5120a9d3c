//! The fleet's settings: at a box what is wanted of it and what its owner refuses, at a hub groups and wishes.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use roombox_control::fleet::{
    BoxWishPatch, Choice, GroupRequest, RefusalsPatch, TwinView, Wave, WaveAct, WaveRequest,
    WishesView,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// Whose value a setting gets that box and fleet want otherwise.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DecisionRequest {
    /// Section and name with a dot between.
    setting: String,
    choice: Choice,
}

/// What somebody does with a wave.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WavePatch {
    act: WaveAct,
}

/// What the fleet wants of this box's settings, and what its owner refuses.
#[utoipa::path(get, path = "/fleet/twin", tag = "fleet",
    responses((status = 200, body = TwinView)))]
pub(super) async fn twin_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<TwinView>, ApiError> {
    Ok(Json(door.twin.view().await?))
}

/// Refuses the hub something, or allows it again; at once.
#[utoipa::path(patch, path = "/fleet/twin/refusals", tag = "fleet", request_body = RefusalsPatch,
    responses((status = 200, body = TwinView), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn twin_refuse(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(patch): Body<RefusalsPatch>,
) -> Result<Json<TwinView>, ApiError> {
    Ok(Json(door.twin.refuse(patch).await?))
}

/// Decides at the box about a setting that it and the fleet want otherwise.
#[utoipa::path(post, path = "/fleet/twin/decisions", tag = "fleet", request_body = DecisionRequest,
    responses((status = 200, body = TwinView), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn twin_decide(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(DecisionRequest { setting, choice }): Body<DecisionRequest>,
) -> Result<Json<TwinView>, ApiError> {
    Ok(Json(door.twin.decide(&setting, choice).await?))
}

/// At a hub: groups, what is wanted of each box, and what it has.
#[utoipa::path(get, path = "/fleet/wishes", tag = "fleet",
    responses((status = 200, body = WishesView), (status = 409, body = ErrorBody)))]
pub(super) async fn wishes_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<WishesView>, ApiError> {
    Ok(Json(door.fleet.wishes().view().await?))
}

/// At a hub: makes a group.
#[utoipa::path(post, path = "/fleet/groups", tag = "fleet", request_body = GroupRequest,
    responses((status = 201, body = WishesView), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn group_add(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<GroupRequest>,
) -> Result<(StatusCode, Json<WishesView>), ApiError> {
    door.fleet.wishes().group_add(request).await?;
    Ok((StatusCode::CREATED, Json(door.fleet.wishes().view().await?)))
}

/// At a hub: puts another group in the place of this one.
#[utoipa::path(put, path = "/fleet/groups/{id}", tag = "fleet", params(("id" = String, Path)),
    request_body = GroupRequest,
    responses((status = 200, body = WishesView), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn group_change(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(request): Body<GroupRequest>,
) -> Result<Json<WishesView>, ApiError> {
    door.fleet.wishes().group_change(&id, request).await?;
    Ok(Json(door.fleet.wishes().view().await?))
}

/// At a hub: takes a group away. Its boxes keep what they have.
#[utoipa::path(delete, path = "/fleet/groups/{id}", tag = "fleet", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn group_remove(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.fleet.wishes().group_remove(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// At a hub: changes what is wanted of one box.
#[utoipa::path(patch, path = "/fleet/boxes/{id}/wishes", tag = "fleet",
    params(("id" = String, Path)), request_body = BoxWishPatch,
    responses((status = 200, body = WishesView), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn wish_change(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(patch): Body<BoxWishPatch>,
) -> Result<Json<WishesView>, ApiError> {
    door.fleet.wishes().box_change(&id, patch).await?;
    Ok(Json(door.fleet.wishes().view().await?))
}

/// At a hub: decides about a setting that a box and the fleet want otherwise.
#[utoipa::path(post, path = "/fleet/boxes/{id}/wishes/decisions", tag = "fleet",
    params(("id" = String, Path)), request_body = DecisionRequest,
    responses((status = 200, body = WishesView), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn wish_decide(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(DecisionRequest { setting, choice }): Body<DecisionRequest>,
) -> Result<Json<WishesView>, ApiError> {
    door.fleet.wishes().decide(&id, &setting, choice).await?;
    Ok(Json(door.fleet.wishes().view().await?))
}

/// At a hub that comes from an older copy: what it wants of this box counts, although the box has heard newer.
#[utoipa::path(post, path = "/fleet/boxes/{id}/wishes/revision", tag = "fleet",
    params(("id" = String, Path)),
    responses((status = 200, body = WishesView), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(super) async fn wish_anew(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<WishesView>, ApiError> {
    door.fleet.wishes().anew(&id).await?;
    Ok(Json(door.fleet.wishes().view().await?))
}

/// At a hub: updates of groups, newest first.
#[utoipa::path(get, path = "/fleet/waves", tag = "fleet",
    responses((status = 200, body = [Wave]), (status = 409, body = ErrorBody)))]
pub(super) async fn wave_list(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<Vec<Wave>>, ApiError> {
    Ok(Json(door.fleet.waves().list().await?))
}

/// At a hub: updates a group, in turns.
#[utoipa::path(post, path = "/fleet/waves", tag = "fleet", request_body = WaveRequest,
    responses((status = 201, body = [Wave]), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn wave_begin(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<WaveRequest>,
) -> Result<(StatusCode, Json<Vec<Wave>>), ApiError> {
    door.fleet.waves().begin(request).await?;
    Ok((StatusCode::CREATED, Json(door.fleet.waves().list().await?)))
}

/// At a hub: has a wave rest, go on or end. What has begun on a box ends there.
#[utoipa::path(patch, path = "/fleet/waves/{id}", tag = "fleet", params(("id" = String, Path)),
    request_body = WavePatch,
    responses((status = 200, body = [Wave]), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn wave_act(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(WavePatch { act }): Body<WavePatch>,
) -> Result<Json<Vec<Wave>>, ApiError> {
    door.fleet.waves().act(&id, act).await?;
    Ok(Json(door.fleet.waves().list().await?))
}
