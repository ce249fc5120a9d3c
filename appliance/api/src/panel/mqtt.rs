//! MQTT: the owner's broker, and how the box's way to it is.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::State;
use roombox_control::mqtt::{MqttPut, MqttTrial, MqttView};

/// The broker, and how the way there is. The password is never shown.
#[utoipa::path(get, path = "/integrations/mqtt", tag = "integrations",
    responses((status = 200, body = MqttView)))]
pub(super) async fn mqtt_get(State(door): State<PanelDoor>, _: Visitor) -> Json<MqttView> {
    Json(door.mqtt.view())
}

/// Replaces the settings. A password that is absent stays, unless it would go to another broker. The box
/// connects at once; switched off, it has the broker forget it.
#[utoipa::path(put, path = "/integrations/mqtt", tag = "integrations", request_body = MqttPut,
    responses((status = 200, body = MqttView), (status = 422, body = ErrorBody)))]
pub(super) async fn mqtt_put(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<MqttPut>,
) -> Result<Json<MqttView>, ApiError> {
    Ok(Json(door.mqtt.put(request).await?))
}

/// Connects as the box would, publishes a test and waits until it comes back.
#[utoipa::path(post, path = "/integrations/mqtt/tests", tag = "integrations",
    responses((status = 200, body = MqttTrial), (status = 422, body = ErrorBody)))]
pub(super) async fn mqtt_test(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<MqttTrial>, ApiError> {
    Ok(Json(door.mqtt.test().await?))
}
