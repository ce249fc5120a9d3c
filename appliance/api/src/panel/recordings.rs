//! Recordings: start, mark, stop, look at, film again, delete.

use super::PanelDoor;
use super::access::Visitor;
use super::body::{Body, MaybeBody};
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use roombox_control::clock::UnixMs;
use roombox_control::finish::to_the_end;
use roombox_control::jobs::{
    EncoderChoice, Job, JobPatch, LayoutName, Output, Pauses, SoundContainer,
};
use roombox_control::recordings::{Film, FilmRange, Recording, TimelineItem};
use roombox_control::retention::{Deletion, Doubt};
use roombox_control::words;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordingRequest {
    /// Left out: as the settings say.
    #[schema(value_type = Option<words::Layout>)]
    layout: Option<LayoutName>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordingChange {
    /// Text of a marker at this moment.
    #[schema(nullable = false)]
    marker: Option<String>,
    /// Whether nothing is recorded from now on; the recording stays one.
    #[schema(nullable = false)]
    paused: Option<bool>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordingPatch {
    #[schema(nullable = false)]
    title: Option<String>,
    /// The box never deletes it by itself.
    #[schema(nullable = false)]
    held: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeletionList {
    items: Vec<Deletion>,
    /// Why nothing is deleted because of its age now, although the settings want it.
    clock_doubt: Option<Doubt>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Timeline {
    items: Vec<TimelineItem>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FilmRequest {
    #[schema(value_type = words::Layout)]
    layout: LayoutName,
    #[schema(value_type = Option<words::Encoder>)]
    encoder: Option<EncoderChoice>,
    /// Left out: the film.
    #[schema(value_type = Option<Vec<words::Output>>)]
    outputs: Option<Vec<Output>>,
    /// The file that sound alone becomes. Left out: M4A.
    #[schema(value_type = Option<words::SoundContainer>)]
    container: Option<SoundContainer>,
    /// Left out: they are cut.
    #[schema(value_type = Option<words::Pauses>)]
    pauses: Option<Pauses>,
    /// Left out: all of the recording.
    #[schema(nullable = false)]
    range: Option<FilmRange>,
    /// Left out: 10, before films that nobody asked for.
    #[schema(nullable = false)]
    priority: Option<i32>,
    /// When it has to be ready, RFC 3339.
    #[schema(value_type = Option<UnixMs>, nullable = false)]
    deadline: Option<String>,
}

/// Records the meeting in a room.
#[utoipa::path(post, path = "/rooms/{id}/recording", tag = "recordings",
    params(("id" = String, Path)), request_body = Option<RecordingRequest>,
    responses((status = 201, body = Recording), (status = 409, body = ErrorBody),
        (status = 507, body = ErrorBody)))]
pub(super) async fn recording_start(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    MaybeBody(body): MaybeBody<RecordingRequest>,
) -> Result<(StatusCode, Json<Recording>), ApiError> {
    let layout = body.and_then(|request| request.layout);
    let recordings = door.recordings.clone();
    let started = to_the_end(async move { recordings.start(&id, layout).await }).await?;
    Ok((StatusCode::CREATED, Json(started)))
}

/// Sets a marker in the running recording, pauses it, or has it go on.
#[utoipa::path(patch, path = "/rooms/{id}/recording", tag = "recordings",
    params(("id" = String, Path)), request_body = RecordingChange,
    responses((status = 204), (status = 409, body = ErrorBody)))]
pub(super) async fn recording_change(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(change): Body<RecordingChange>,
) -> Result<StatusCode, ApiError> {
    if let Some(marker) = change.marker {
        door.recordings.mark(&id, &marker).await?;
    }
    if let Some(paused) = change.paused {
        door.recordings.pause(&id, paused).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the running recording.
#[utoipa::path(delete, path = "/rooms/{id}/recording", tag = "recordings",
    params(("id" = String, Path)),
    responses((status = 202, body = Recording), (status = 409, body = ErrorBody)))]
pub(super) async fn recording_stop(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Recording>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(door.recordings.stop(&id).await?)))
}

/// One recording with its tracks.
#[utoipa::path(get, path = "/recordings/{id}", tag = "recordings", params(("id" = String, Path)),
    responses((status = 200, body = Recording), (status = 404, body = ErrorBody)))]
pub(super) async fn recording_get(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<Recording>, ApiError> {
    Ok(Json(door.recordings.get(&id).await?))
}

/// Gives a recording another title, or has it kept.
#[utoipa::path(patch, path = "/recordings/{id}", tag = "recordings", params(("id" = String, Path)),
    request_body = RecordingPatch,
    responses((status = 200, body = Recording), (status = 404, body = ErrorBody)))]
pub(super) async fn recording_patch(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(patch): Body<RecordingPatch>,
) -> Result<Json<Recording>, ApiError> {
    if let Some(title) = patch.title {
        door.recordings.set_title(&id, &title).await?;
    }
    if let Some(held) = patch.held {
        door.recordings.hold(&id, held).await?;
    }
    Ok(Json(door.recordings.get(&id).await?))
}

/// What the box deleted by itself, newest first.
#[utoipa::path(get, path = "/deletions", tag = "recordings",
    responses((status = 200, body = DeletionList)))]
pub(super) async fn deletion_list(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<DeletionList>, ApiError> {
    Ok(Json(DeletionList {
        items: door.retention.deletions().await?,
        clock_doubt: door.retention.doubt(),
    }))
}

/// Deletes a recording with its tracks and films.
#[utoipa::path(delete, path = "/recordings/{id}", tag = "recordings", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn recording_delete(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.recordings.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What happened in a recording.
#[utoipa::path(get, path = "/recordings/{id}/timeline", tag = "recordings",
    params(("id" = String, Path)),
    responses((status = 200, body = Timeline), (status = 404, body = ErrorBody)))]
pub(super) async fn timeline_get(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<Timeline>, ApiError> {
    Ok(Json(Timeline { items: door.recordings.timeline(&id).await? }))
}

/// Makes another film of a recording or of a part of it, also for HLS players, its sound alone, or files of
/// what each person sent.
#[utoipa::path(post, path = "/recordings/{id}/jobs", tag = "jobs", params(("id" = String, Path)),
    request_body = FilmRequest,
    responses((status = 201, body = Job), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody)))]
pub(super) async fn film_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(request): Body<FilmRequest>,
) -> Result<(StatusCode, Json<Job>), ApiError> {
    let FilmRequest { layout, encoder, outputs, container, pauses, range, priority, deadline } =
        request;
    let wanted = JobPatch { priority, deadline: deadline.map(Some), next: None };
    let encoder = encoder.unwrap_or(EncoderChoice::Auto);
    let outputs = outputs.unwrap_or_else(|| vec![Output::Film]);
    let container = container.unwrap_or_default();
    let pauses = pauses.unwrap_or_default();
    let film = Film { layout, encoder, outputs, container, pauses, range, wanted };
    let job = door.recordings.render(&id, film).await?;
    Ok((StatusCode::CREATED, Json(job)))
}
