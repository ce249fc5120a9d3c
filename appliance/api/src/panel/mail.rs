//! Mails about alarms: the server, who gets them, and how they go.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::State;
use roombox_control::mail::{MailPut, MailTrial, MailView};

/// The mail server, who gets mails, and how they go. The password is never shown.
#[utoipa::path(get, path = "/integrations/mail", tag = "integrations",
    responses((status = 200, body = MailView)))]
pub(super) async fn mail_get(State(door): State<PanelDoor>, _: Visitor) -> Json<MailView> {
    Json(door.mail.view())
}

/// Replaces the settings. A password that is absent stays, unless it would go to another server.
#[utoipa::path(put, path = "/integrations/mail", tag = "integrations", request_body = MailPut,
    responses((status = 200, body = MailView), (status = 422, body = ErrorBody)))]
pub(super) async fn mail_put(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<MailPut>,
) -> Result<Json<MailView>, ApiError> {
    Ok(Json(door.mail.put(request).await?))
}

/// Sends a test to everybody, and tells what the server said.
#[utoipa::path(post, path = "/integrations/mail/tests", tag = "integrations",
    responses((status = 200, body = MailTrial), (status = 422, body = ErrorBody)))]
pub(super) async fn mail_test(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<MailTrial>, ApiError> {
    Ok(Json(door.mail.test().await?))
}
