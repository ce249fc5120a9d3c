//! Wi-Fi: what a radio hears, and joining a network. Like every change of the network that goes back unless it is kept.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use roombox_control::ControlError;
use roombox_control::network::{NetworkTrial, WifiJoin, WifiView};

/// The networks that an interface has heard.
#[utoipa::path(get, path = "/network/wifi/{name}", tag = "network",
    params(("name" = String, Path)),
    responses((status = 200, body = WifiView), (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn wifi_get(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(name): Path<String>,
) -> Result<Json<WifiView>, ApiError> {
    Ok(Json(door.network.wifi(&name, false).await.map_err(ControlError::from)?))
}

/// Listens again, for some seconds, and says what was heard.
#[utoipa::path(post, path = "/network/wifi/{name}/scans", tag = "network",
    params(("name" = String, Path)),
    responses((status = 200, body = WifiView), (status = 404, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn wifi_scan(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(name): Path<String>,
) -> Result<Json<WifiView>, ApiError> {
    Ok(Json(door.network.wifi(&name, true).await.map_err(ControlError::from)?))
}

/// Tries to be in a network; it goes back by itself unless it is kept. The passphrase is shown to nobody again.
#[utoipa::path(put, path = "/network/wifi/{name}", tag = "network",
    params(("name" = String, Path)), request_body = WifiJoin,
    responses((status = 202, body = NetworkTrial), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn wifi_join(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(name): Path<String>,
    Body(request): Body<WifiJoin>,
) -> Result<(StatusCode, Json<NetworkTrial>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(door.network.join(&name, request).await?)))
}

/// Tries to be in no network; once that is kept, the one of before is forgotten with its passphrase.
#[utoipa::path(delete, path = "/network/wifi/{name}", tag = "network",
    params(("name" = String, Path)),
    responses((status = 202, body = NetworkTrial), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(super) async fn wifi_forget(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<NetworkTrial>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(door.network.forget(&name).await?)))
}
