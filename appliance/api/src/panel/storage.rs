//! The disk of recordings.

use super::PanelDoor;
use super::access::Visitor;
use crate::error::ApiError;
use axum::Json;
use axum::extract::State;
use roombox_control::storage::StorageReport;

/// What fills the disk, when it will be full, and what goes next.
#[utoipa::path(get, path = "/storage", tag = "recordings",
    responses((status = 200, body = StorageReport)))]
pub(super) async fn storage_get(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<StorageReport>, ApiError> {
    let total_bytes = door.status.now().disk.total_bytes;
    Ok(Json(door.storage.report(total_bytes).await?))
}
