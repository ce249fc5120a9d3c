//! Settings and status.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::State;
use roombox_control::settings::{
    MeetingSettings, ProxySettings, RecorderSettings, RecordingSettings, SecuritySettings,
    Settings, TurnSettings,
};
use roombox_control::status::StatusReport;
use roombox_control::updates::UpdateSettings;
use serde_json::Value;
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

/// Describes a merge patch of the settings: every one may be left out, and none has a default.
pub(super) enum SettingsPatch {}

/// A description of `T` in which nothing is required, and what is left out has no default.
fn in_part<T: PartialSchema>() -> RefOr<Schema> {
    let mut described = T::schema();
    if let RefOr::T(Schema::Object(object)) = &mut described {
        object.required.clear();
        for property in object.properties.values_mut() {
            if let RefOr::T(Schema::Object(property)) = property {
                property.default = None;
            }
        }
    }
    described
}

impl PartialSchema for SettingsPatch {
    fn schema() -> RefOr<Schema> {
        let mut patch = in_part::<Settings>();
        if let RefOr::T(Schema::Object(sections)) = &mut patch {
            sections.description = Some("What changes; `null` brings a default back.".to_owned());
            sections.properties.insert("recording".to_owned(), in_part::<RecordingSettings>());
            sections.properties.insert("recorder".to_owned(), in_part::<RecorderSettings>());
            sections.properties.insert("meeting".to_owned(), in_part::<MeetingSettings>());
            sections.properties.insert("turn".to_owned(), in_part::<TurnSettings>());
            sections.properties.insert("proxy".to_owned(), in_part::<ProxySettings>());
            sections.properties.insert("security".to_owned(), in_part::<SecuritySettings>());
            sections.properties.insert("updates".to_owned(), in_part::<UpdateSettings>());
        }
        patch
    }
}

impl ToSchema for SettingsPatch {
    fn name() -> Cow<'static, str> {
        "SettingsPatch".into()
    }
}

/// All settings.
#[utoipa::path(get, path = "/settings", tag = "settings",
    responses((status = 200, body = Settings)))]
pub(super) async fn settings_get(State(door): State<PanelDoor>, _: Visitor) -> Json<Settings> {
    Json((*door.settings.get()).clone())
}

/// Changes the settings that a merge patch (RFC 7396) names; `null` brings a default back.
#[utoipa::path(patch, path = "/settings", tag = "settings", request_body = SettingsPatch,
    responses((status = 200, body = Settings), (status = 422, body = ErrorBody)))]
pub(super) async fn settings_patch(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(patch): Body<Value>,
) -> Result<Json<Settings>, ApiError> {
    Ok(Json((*door.settings.patch(patch).await?).clone()))
}

/// How the box is doing, and the last ten minutes.
#[utoipa::path(get, path = "/status", tag = "status",
    responses((status = 200, body = StatusReport)))]
pub(super) async fn status_get(State(door): State<PanelDoor>, _: Visitor) -> Json<StatusReport> {
    Json(door.status.report())
}
