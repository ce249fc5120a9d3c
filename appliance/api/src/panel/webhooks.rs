//! Webhooks: who hears what happens in rooms.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use crate::livekit::webhook;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use roombox_control::clock::UnixMs;
use roombox_control::webhooks::{Delivery, NewWebhook, Webhook, WebhookPatch, WebhookTrial};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookList {
    items: Vec<Webhook>,
}

/// Receivers of webhooks, oldest first.
#[utoipa::path(get, path = "/integrations/webhooks", tag = "integrations",
    responses((status = 200, body = WebhookList)))]
pub(super) async fn webhook_list(State(door): State<PanelDoor>, _: Visitor) -> Json<WebhookList> {
    Json(WebhookList { items: door.webhooks.list().await })
}

/// Adds a receiver. It hears what happens from now on.
#[utoipa::path(post, path = "/integrations/webhooks", tag = "integrations",
    request_body = NewWebhook,
    responses((status = 201, body = Webhook), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn webhook_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(request): Body<NewWebhook>,
) -> Result<(StatusCode, Json<Webhook>), ApiError> {
    Ok((StatusCode::CREATED, Json(door.webhooks.create(request).await?)))
}

/// Changes a receiver. What waits is tried at once; when it is switched off, what waits is dropped.
#[utoipa::path(patch, path = "/integrations/webhooks/{id}", tag = "integrations",
    params(("id" = String, Path)), request_body = WebhookPatch,
    responses((status = 200, body = Webhook), (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn webhook_patch(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(patch): Body<WebhookPatch>,
) -> Result<Json<Webhook>, ApiError> {
    Ok(Json(door.webhooks.change(&id, patch).await?))
}

/// Deletes a receiver, and drops what waits for it.
#[utoipa::path(delete, path = "/integrations/webhooks/{id}", tag = "integrations",
    params(("id" = String, Path)), responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn webhook_delete(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.webhooks.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a signed event of the kind `test` now, past what waits, and tells what came of it.
#[utoipa::path(post, path = "/integrations/webhooks/{id}/tests", tag = "integrations",
    params(("id" = String, Path)),
    responses((status = 200, body = WebhookTrial), (status = 404, body = ErrorBody)))]
pub(super) async fn webhook_test(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<WebhookTrial>, ApiError> {
    let body = webhook::test_body(UnixMs::now().0).map_err(|error| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string())
    })?;
    Ok(Json(door.webhooks.test(&id, body).await?))
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryList {
    items: Vec<Delivery>,
}

/// The last fifty events that were sent to a receiver, or could not be: the newest attempt first.
#[utoipa::path(get, path = "/integrations/webhooks/{id}/deliveries", tag = "integrations",
    params(("id" = String, Path)),
    responses((status = 200, body = DeliveryList), (status = 404, body = ErrorBody)))]
pub(super) async fn webhook_deliveries(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<DeliveryList>, ApiError> {
    Ok(Json(DeliveryList { items: door.webhooks.deliveries(&id).await? }))
}

/// Sends one of these events once more now, as it was, and tells what came of it.
#[utoipa::path(post, path = "/integrations/webhooks/{id}/deliveries/{event}/attempts",
    tag = "integrations", params(("id" = String, Path), ("event" = String, Path)),
    responses((status = 200, body = WebhookTrial), (status = 404, body = ErrorBody)))]
pub(super) async fn webhook_send_again(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path((id, event)): Path<(String, String)>,
) -> Result<Json<WebhookTrial>, ApiError> {
    Ok(Json(door.webhooks.send_again(&id, &event).await?))
}
