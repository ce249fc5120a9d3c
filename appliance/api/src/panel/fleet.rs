//! The box in a fleet: founding, joining, leaving, and at a hub its boxes.

use super::PanelDoor;
use super::access::Visitor;
use super::body::{Body, MaybeBody};
use crate::error::{ApiError, ErrorBody};
use crate::server::Peer;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use roombox_control::ControlError;
use roombox_control::fleet::{
    FleetJoin, FleetJoined, FleetRecordingPage, FleetView, FleetWanted, LEAF_PORT, NewInvite,
    OutagePage, ToldPage, ToldWanted,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HubRequest {
    /// Where other boxes reach this one's server, `host:port`, if not under its own addresses.
    #[serde(default)]
    #[schema(nullable = false)]
    leaf_address: Option<String>,
    /// The port on which it listens for them; by default 7422.
    #[serde(default)]
    #[schema(nullable = false)]
    port: Option<u16>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HubPatch {
    /// Where members reach this hub's server, `host:port`, in the order in which they try; 1 to 8.
    addresses: Vec<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MembershipPatch {
    /// Where the hub's server is, `host:port`, in the order in which this box tries; 1 to 8.
    addresses: Vec<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MembershipRequest {
    /// From the hub's Fleet page.
    code: String,
}

/// What of all that boxes told, and how much of it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ToldQuery {
    /// At most so many (1 to 200); 50 if left out.
    #[param(minimum = 1, maximum = 200, nullable = false)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    before: Option<String>,
    /// Id of the box that told it.
    #[serde(rename = "box")]
    #[param(nullable = false)]
    of: Option<String>,
    /// Its type, like `room.created`.
    #[param(nullable = false)]
    kind: Option<String>,
}

/// Which recordings of the fleet, and how many.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FleetRecordingQuery {
    /// Words; each must be in the title or the room's name.
    #[param(nullable = false)]
    text: Option<String>,
    /// Id of the box.
    #[serde(rename = "box")]
    #[param(nullable = false)]
    of: Option<String>,
    /// At most so many (1 to 200); 50 if left out.
    #[param(minimum = 1, maximum = 200, nullable = false)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    before: Option<String>,
}

/// How much, and from where on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OutageQuery {
    /// At most so many (1 to 200); 200 if left out.
    #[param(minimum = 1, maximum = 200, nullable = false)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    before: Option<String>,
}

/// The box in its fleet.
#[utoipa::path(get, path = "/fleet", tag = "fleet", responses((status = 200, body = FleetView)))]
pub(super) async fn fleet_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<FleetView>, ApiError> {
    Ok(Json(door.fleet.view().await?))
}

/// Leaves the fleet; a hub gives it up.
#[utoipa::path(delete, path = "/fleet", tag = "fleet",
    responses((status = 204), (status = 409, body = ErrorBody)))]
pub(super) async fn fleet_leave(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<StatusCode, ApiError> {
    door.fleet.leave().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes this box the hub of a new fleet.
#[utoipa::path(post, path = "/fleet/hub", tag = "fleet", request_body = HubRequest,
    responses((status = 201, body = FleetView), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody), (status = 501, body = ErrorBody)))]
pub(super) async fn fleet_found(
    State(door): State<PanelDoor>,
    _: Visitor,
    MaybeBody(request): MaybeBody<HubRequest>,
) -> Result<(StatusCode, Json<FleetView>), ApiError> {
    let HubRequest { leaf_address, port } = request.unwrap_or_default();
    door.fleet.as_hub().found(leaf_address, port.unwrap_or(LEAF_PORT)).await?;
    Ok((StatusCode::CREATED, Json(door.fleet.view().await?)))
}

/// Says where members find this hub from now on. They are told while they can still reach it: add a new
/// address before the hub moves.
#[utoipa::path(patch, path = "/fleet/hub", tag = "fleet", request_body = HubPatch,
    responses((status = 200, body = FleetView), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn fleet_relocate(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<HubPatch>,
) -> Result<Json<FleetView>, ApiError> {
    door.fleet.as_hub().relocate(request.addresses).await?;
    Ok(Json(door.fleet.view().await?))
}

/// Makes a code with which one box can join.
#[utoipa::path(post, path = "/fleet/invites", tag = "fleet",
    responses((status = 201, body = NewInvite), (status = 409, body = ErrorBody)))]
pub(super) async fn fleet_invite(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<(StatusCode, Json<NewInvite>), ApiError> {
    Ok((StatusCode::CREATED, Json(door.fleet.as_hub().invite().await?)))
}

/// Joins a fleet with a code of its hub.
#[utoipa::path(post, path = "/fleet/membership", tag = "fleet", request_body = MembershipRequest,
    responses((status = 201, body = FleetView), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody), (status = 501, body = ErrorBody),
        (status = 502, body = ErrorBody)))]
pub(super) async fn fleet_join(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<MembershipRequest>,
) -> Result<(StatusCode, Json<FleetView>), ApiError> {
    door.fleet.join(&request.code).await?;
    Ok((StatusCode::CREATED, Json(door.fleet.view().await?)))
}

/// Says where this member looks for its hub from now on: for a hub that moved before it could say so. Only who has
/// the hub's certificate is believed to be it.
#[utoipa::path(patch, path = "/fleet/membership", tag = "fleet", request_body = MembershipPatch,
    responses((status = 200, body = FleetView), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn fleet_look_at(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<MembershipPatch>,
) -> Result<Json<FleetView>, ApiError> {
    door.fleet.look_at(request.addresses).await?;
    Ok(Json(door.fleet.view().await?))
}

/// What another box asks of this hub: its code and its key let it in, nothing else.
#[utoipa::path(post, path = "/fleet/boxes", tag = "fleet", request_body = FleetJoin,
    responses((status = 201, body = FleetJoined), (status = 403, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 429, body = ErrorBody)))]
pub(super) async fn fleet_admit(
    State(door): State<PanelDoor>,
    Peer(from): Peer,
    request: Result<Body<FleetJoin>, ApiError>,
) -> Result<(StatusCode, Json<FleetJoined>), ApiError> {
    let knocks = door.fleet.knocks();
    knocks.ask(from).map_err(ControlError::from)?;
    let admit = async {
        let Body(request) = request?;
        Ok(door.fleet.as_hub().admit(request).await?)
    };
    let admitted: Result<FleetJoined, ApiError> = admit.await;
    match &admitted {
        Ok(_) => knocks.right(from),
        // One that cannot be read, or is too long, is a wrong one.
        Err(_) => knocks.wrong(from),
    }
    Ok((StatusCode::CREATED, Json(admitted?)))
}

/// Puts a box out of the fleet.
#[utoipa::path(delete, path = "/fleet/boxes/{id}", tag = "fleet", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn fleet_expel(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.fleet.as_hub().expel(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// At a hub: what its boxes told in the last 30 days, newest first.
#[utoipa::path(get, path = "/fleet/events", tag = "fleet", params(ToldQuery),
    responses((status = 200, body = ToldPage), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn fleet_told(
    State(door): State<PanelDoor>,
    _: Visitor,
    Query(query): Query<ToldQuery>,
) -> Result<Json<ToldPage>, ApiError> {
    let ToldQuery { limit, before, of, kind } = query;
    let wanted = ToldWanted { of, kind, before };
    Ok(Json(door.fleet.told().events(wanted, limit.unwrap_or(50)).await?))
}

/// At a hub: the recordings of all its boxes, newest first; their files stay where they are.
#[utoipa::path(get, path = "/fleet/recordings", tag = "fleet", params(FleetRecordingQuery),
    responses((status = 200, body = FleetRecordingPage), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn fleet_recordings(
    State(door): State<PanelDoor>,
    _: Visitor,
    Query(query): Query<FleetRecordingQuery>,
) -> Result<Json<FleetRecordingPage>, ApiError> {
    let FleetRecordingQuery { text, of, limit, before } = query;
    let wanted = FleetWanted { text, of, before };
    Ok(Json(door.fleet.told().recordings(wanted, limit.unwrap_or(50)).await?))
}

/// At a hub: when a box was silent in the last 90 days, newest first.
#[utoipa::path(get, path = "/fleet/boxes/{id}/outages", tag = "fleet",
    params(("id" = String, Path), OutageQuery),
    responses((status = 200, body = OutagePage), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn fleet_outages(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Query(OutageQuery { limit, before }): Query<OutageQuery>,
) -> Result<Json<OutagePage>, ApiError> {
    Ok(Json(door.fleet.told().outages(&id, limit.unwrap_or(200), before).await?))
}
