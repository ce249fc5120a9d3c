//! Settings and status.

use super::PanelDoor;
use super::access::Visitor;
use super::entry::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::State;
use axum_extra::extract::WithRejection;
use roombox_control::settings::Settings;
use roombox_control::status::StatusReport;
use serde_json::Value;

/// All settings.
#[utoipa::path(get, path = "/settings", tag = "settings",
    responses((status = 200, body = Settings)))]
pub(super) async fn settings_get(State(door): State<PanelDoor>, _: Visitor) -> Json<Settings> {
    Json((*door.settings.get()).clone())
}

/// Changes the settings that a merge patch (RFC 7396) names; `null` brings a default back.
#[utoipa::path(patch, path = "/settings", tag = "settings", request_body = Object,
    responses((status = 200, body = Settings), (status = 422, body = ErrorBody)))]
pub(super) async fn settings_patch(
    State(door): State<PanelDoor>,
    _: Visitor,
    WithRejection(Json(patch), _): Body<Value>,
) -> Result<Json<Settings>, ApiError> {
    Ok(Json((*door.settings.patch(patch).await?).clone()))
}

/// How the box is doing, and the last ten minutes.
#[utoipa::path(get, path = "/status", tag = "status",
    responses((status = 200, body = StatusReport)))]
pub(super) async fn status_get(State(door): State<PanelDoor>, _: Visitor) -> Json<StatusReport> {
    Json(door.status.report())
}
