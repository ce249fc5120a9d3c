//! The network: what the interfaces are set to, and changes that go back by themselves.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use crate::server::Here;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use roombox_control::ControlError;
use roombox_control::network::{
    InterfacePut, NetworkError, NetworkTrial, NetworkTrialView, NetworkView, NewVlan,
};
use serde::Deserialize;
use utoipa::ToSchema;

/// What is kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrialKeep {
    /// The trial's.
    id: String,
}

fn refused(error: NetworkError) -> ApiError {
    ControlError::from(error).into()
}

/// The interfaces, what they are set to, and what is tried.
#[utoipa::path(get, path = "/network", tag = "network",
    responses((status = 200, body = NetworkView), (status = 503, body = ErrorBody)))]
pub(super) async fn network_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<NetworkView>, ApiError> {
    Ok(Json(door.network.view().await.map_err(refused)?))
}

/// Tries new settings of an interface. They come in force after the answer, and go back by themselves unless
/// they are kept.
#[utoipa::path(put, path = "/network/interfaces/{name}", tag = "network",
    params(("name" = String, Path)), request_body = InterfacePut,
    responses((status = 202, body = NetworkTrial), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn interface_put(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(name): Path<String>,
    Body(request): Body<InterfacePut>,
) -> Result<(StatusCode, Json<NetworkTrial>), ApiError> {
    let trial = door.network.set(&name, request).await?;
    Ok((StatusCode::ACCEPTED, Json(trial)))
}

/// Tries a new VLAN; it goes again by itself unless it is kept.
#[utoipa::path(post, path = "/network/vlans", tag = "network", request_body = NewVlan,
    responses((status = 202, body = NetworkTrial), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn vlan_add(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<NewVlan>,
) -> Result<(StatusCode, Json<NetworkTrial>), ApiError> {
    let trial = door.network.add_vlan(request).await?;
    Ok((StatusCode::ACCEPTED, Json(trial)))
}

/// Tries to be without a VLAN; it comes back by itself unless that is kept.
#[utoipa::path(delete, path = "/network/vlans/{name}", tag = "network",
    params(("name" = String, Path)),
    responses((status = 202, body = NetworkTrial), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(super) async fn vlan_remove(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<NetworkTrial>), ApiError> {
    let trial = door.network.remove_vlan(&name).await?;
    Ok((StatusCode::ACCEPTED, Json(trial)))
}

/// Whether a change is tried, and for how long.
#[utoipa::path(get, path = "/network/trial", tag = "network",
    responses((status = 200, body = NetworkTrialView), (status = 503, body = ErrorBody)))]
pub(super) async fn network_trial_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<NetworkTrialView>, ApiError> {
    Ok(Json(door.network.trial().await.map_err(refused)?))
}

/// Keeps what is tried. The request must come to an address that the box has now, and not from the box itself:
/// it proves that somebody reaches it.
#[utoipa::path(post, path = "/network/trial/confirm", tag = "network", request_body = TrialKeep,
    responses((status = 200, body = NetworkView), (status = 409, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn network_trial_keep(
    State(door): State<PanelDoor>,
    _: Visitor,
    Here(here): Here,
    Body(request): Body<TrialKeep>,
) -> Result<Json<NetworkView>, ApiError> {
    door.network.keep(&request.id, here).await?;
    Ok(Json(door.network.view().await.map_err(refused)?))
}

/// Goes back at once.
#[utoipa::path(delete, path = "/network/trial", tag = "network",
    responses((status = 200, body = NetworkView), (status = 409, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn network_trial_undo(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<NetworkView>, ApiError> {
    door.network.go_back().await.map_err(refused)?;
    Ok(Json(door.network.view().await.map_err(refused)?))
}
