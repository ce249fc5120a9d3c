//! Syslog: the server elsewhere that gets lines of the log and rows of the audit log.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::State;
use roombox_control::syslog::{SyslogSettings, SyslogView};

/// The syslog server, and how the way there is.
#[utoipa::path(get, path = "/integrations/syslog", tag = "integrations",
    responses((status = 200, body = SyslogView)))]
pub(super) async fn syslog_get(State(door): State<PanelDoor>, _: Visitor) -> Json<SyslogView> {
    Json(door.syslog.view())
}

/// Replaces the settings; the box connects at once.
#[utoipa::path(put, path = "/integrations/syslog", tag = "integrations",
    request_body = SyslogSettings,
    responses((status = 200, body = SyslogView), (status = 422, body = ErrorBody)))]
pub(super) async fn syslog_put(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<SyslogSettings>,
) -> Result<Json<SyslogView>, ApiError> {
    Ok(Json(door.syslog.put(request).await?))
}
