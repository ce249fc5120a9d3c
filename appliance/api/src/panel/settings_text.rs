//! Settings as a text: exported for review, and imported after a look at what would change.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use super::noted::Detail;
use crate::error::{ApiError, ErrorBody};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use roombox_control::settings::{Settings, SettingsPreview};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingsTextRequest {
    /// TOML as exported here, or the `config.yaml` of a plugnmeet-server.
    text: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingsImport {
    text: String,
    /// What the preview of this text said.
    of: String,
}

/// All settings with their explanations, without secrets.
#[utoipa::path(get, path = "/settings/text", tag = "settings",
    responses((status = 200, description = "TOML", content_type = "application/toml")))]
pub(super) async fn settings_text_get(State(door): State<PanelDoor>, _: Visitor) -> Response {
    let name = HeaderValue::from_static("attachment; filename=\"roombox-settings.toml\"");
    let kind = HeaderValue::from_static("application/toml; charset=utf-8");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)];
    (headers, door.settings.export()).into_response()
}

/// What a text of settings would change, and everything in it that will not do. Changes nothing.
#[utoipa::path(post, path = "/settings/text/previews", tag = "settings",
    request_body = SettingsTextRequest, responses((status = 200, body = SettingsPreview)))]
pub(super) async fn settings_text_preview(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(SettingsTextRequest { text }): Body<SettingsTextRequest>,
) -> Json<SettingsPreview> {
    Json(door.settings.preview(&text))
}

/// Takes a text of settings over, all of it or nothing. The audit log says which it changed.
#[utoipa::path(put, path = "/settings/text", tag = "settings", request_body = SettingsImport,
    responses((status = 200, body = Settings),
        (status = 409, description = "the settings are others than when it was looked at", body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn settings_text_put(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(SettingsImport { text, of }): Body<SettingsImport>,
) -> Result<(Extension<Detail>, Json<Settings>), ApiError> {
    let (settings, changed) = door.settings.import(&text, &of).await?;
    Ok((Extension(Detail(changed.join(", "))), Json((*settings).clone())))
}
