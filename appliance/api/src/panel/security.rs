//! Whom to tell of a weakness of the box: `security.txt` (RFC 9116).

use super::PanelDoor;
use crate::error::{ApiError, ErrorBody};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use roombox_control::ControlError;
use roombox_control::clock::UnixMs;

/// For so long what the file says may be believed (RFC 9116 §2.5.5: less than a year). It is made anew for
/// each who asks.
const BELIEVED_DAYS: u64 = 90;
const DAY_MS: u64 = 24 * 3600 * 1000;

/// Whom to tell of a weakness (RFC 9116), if the owner names a contact in the settings.
#[utoipa::path(get, path = "/.well-known/security.txt", tag = "box",
    responses((status = 200, description = "the file", body = String, content_type = "text/plain"),
        (status = 404, body = ErrorBody)))]
pub(super) async fn security_txt(State(door): State<PanelDoor>) -> Result<Response, ApiError> {
    let contact = door.settings.get().security.contact_uri();
    let contact = contact.ok_or(ControlError::NotFound("contact for reports about security"))?;
    let until = UnixMs::now().0 + BELIEVED_DAYS * DAY_MS;
    let expires = UnixMs(until - until % DAY_MS).rfc3339();
    let text = format!("Contact: {contact}\nExpires: {expires}\n");
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, text).into_response())
}
