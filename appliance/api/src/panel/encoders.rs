//! Hardware that encodes films.

use super::PanelDoor;
use super::access::Visitor;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use roombox_control::encoders::{BoardEncoder, BoardEncoders};

/// Which encoders the board may have, how their trials ended, and who encodes the next film.
#[utoipa::path(get, path = "/encoders", tag = "encoders", responses((status = 200, body = BoardEncoders)))]
pub(super) async fn encoder_list(State(door): State<PanelDoor>, _: Visitor) -> Json<BoardEncoders> {
    Json(door.encoders.list())
}

/// Has an encoder tried again, as soon as meetings leave time for it; what it failed at is forgotten. One that
/// was switched off may encode again if it passes.
#[utoipa::path(post, path = "/encoders/{element}/trials", tag = "encoders",
    params(("element" = String, Path)),
    responses((status = 202, body = BoardEncoder), (status = 404, body = ErrorBody)))]
pub(super) async fn trial_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(element): Path<String>,
) -> Result<(StatusCode, Json<BoardEncoder>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(door.encoders.retry(&element).await?)))
}
