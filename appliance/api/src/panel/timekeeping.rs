//! The clock: its zone, and who sets it.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::State;
use roombox_control::timekeeping::{TimePut, TimeView};

/// What time it is here, and who sets the clock.
#[utoipa::path(get, path = "/time", tag = "network",
    responses((status = 200, body = TimeView), (status = 503, body = ErrorBody)))]
pub(super) async fn time_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<TimeView>, ApiError> {
    Ok(Json(door.timekeeping.view().await?))
}

/// Changes what is named: the zone, whether time servers set the clock and which, or the time itself.
#[utoipa::path(put, path = "/time", tag = "network", request_body = TimePut,
    responses((status = 200, body = TimeView), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(super) async fn time_put(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<TimePut>,
) -> Result<Json<TimeView>, ApiError> {
    Ok(Json(door.timekeeping.put(request).await?))
}
