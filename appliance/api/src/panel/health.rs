//! What is wrong with the box, what was, and who takes care.

use super::PanelDoor;
use super::access::Visitor;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Path, State};
use roombox_control::health::{Alarm, HealthView};

/// Whether everything is fine: alarms that stand, everything that is looked at, and what was.
#[utoipa::path(get, path = "/health", tag = "health",
    responses((status = 200, body = HealthView)))]
pub(super) async fn health_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<HealthView>, ApiError> {
    Ok(Json(door.health.view().await?))
}

/// Says that somebody has seen an alarm and takes care. It stays until it is over, and counts no more.
#[utoipa::path(post, path = "/health/{id}/acknowledgement", tag = "health",
    params(("id" = String, Path, description = "the alarm's id")),
    responses((status = 200, body = Alarm), (status = 404, body = ErrorBody)))]
pub(super) async fn alarm_acknowledge(
    State(door): State<PanelDoor>,
    Visitor(asker): Visitor,
    Path(id): Path<String>,
) -> Result<Json<Alarm>, ApiError> {
    Ok(Json(door.health.acknowledge(&id, &asker.person.name).await?))
}
