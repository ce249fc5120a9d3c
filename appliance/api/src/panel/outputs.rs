//! Live outputs of a room, and what players fetch of them.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use super::files::served;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use roombox_control::ControlError;
use roombox_control::jobs::LayoutName;
use roombox_control::outputs::{LiveOutput, NewOutput};
use roombox_control::words;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LiveOutputList {
    items: Vec<LiveOutput>,
}

/// Never logged: there are keys in it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputRequest {
    /// Where to, with the stream key: `rtmp://`, `rtmps://` or `srt://`. Without: HLS, which players
    /// fetch from the box.
    #[schema(nullable = false)]
    url: Option<String>,
    /// Left out: as the room is recorded.
    #[schema(value_type = Option<words::Layout>, nullable = false)]
    layout: Option<LayoutName>,
}

/// Where a room is sent now.
#[utoipa::path(get, path = "/rooms/{id}/outputs", tag = "outputs", params(("id" = String, Path)),
    responses((status = 200, body = LiveOutputList), (status = 404, body = ErrorBody)))]
pub(super) async fn output_list(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<LiveOutputList>, ApiError> {
    Ok(Json(LiveOutputList { items: door.outputs.list(&id).await? }))
}

/// Sends a room somewhere, about three seconds behind. What is sent is recorded: a recording that does
/// not run is started, and ends with the last output.
#[utoipa::path(post, path = "/rooms/{id}/outputs", tag = "outputs", params(("id" = String, Path)),
    request_body = OutputRequest,
    responses((status = 201, body = LiveOutput), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 507, body = ErrorBody)))]
pub(super) async fn output_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(request): Body<OutputRequest>,
) -> Result<(StatusCode, Json<LiveOutput>), ApiError> {
    let OutputRequest { url, layout } = request;
    let output = door.outputs.add(id, NewOutput { url, layout }).await?;
    Ok((StatusCode::CREATED, Json(output)))
}

/// Sends nothing there any more.
#[utoipa::path(delete, path = "/rooms/{id}/outputs/{output}", tag = "outputs",
    params(("id" = String, Path), ("output" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn output_stop(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path((id, output)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    door.outputs.stop(id, output).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A playlist or a segment of a broadcast, for whoever has its address.
#[utoipa::path(get, path = "/live/{token}/{file}", tag = "outputs",
    params(("token" = String, Path), ("file" = String, Path)),
    responses((status = 200, description = "the file", content_type = "application/octet-stream"),
        (status = 206, description = "the range"), (status = 304, description = "not changed"),
        (status = 404, body = ErrorBody), (status = 412, body = ErrorBody),
        (status = 416, body = ErrorBody)))]
pub(super) async fn live_get(
    State(door): State<PanelDoor>,
    Path((token, file)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let path = door.outputs.file(&token, &file).await?;
    let mut response = served(path, None, None, request).await.map_err(|_| {
        // Not there yet, or not any more.
        ApiError::from(ControlError::NotFound("broadcast"))
    })?;
    let (kind, cache) = match file.rsplit_once('.') {
        Some((_, "m3u8")) => ("application/vnd.apple.mpegurl", "no-cache"),
        Some((_, "m4s")) => ("video/iso.segment", "private, max-age=60"),
        _ => ("video/mp4", "no-cache"),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Players are on other people's pages.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(response)
}
