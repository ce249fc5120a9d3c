//! What is planned, calendars that are followed, and longer recordings.

use super::PanelDoor;
use super::access::Visitor;
use super::body::Body;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use roombox_control::ControlError;
use roombox_control::clock::UnixMs;
use roombox_control::schedule::{Feed, NewEvent, NewFeed, ScheduleView, ScheduledEvent};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The stretch of time that is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Stretch {
    /// RFC 3339.
    from: String,
    /// RFC 3339; at most 62 days later.
    to: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FeedList {
    items: Vec<Feed>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Extension {
    /// So much longer than until now, 1 to 240.
    minutes: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Extended {
    ends_at: UnixMs,
}

fn moment(field: &'static str, text: &str) -> Result<UnixMs, ApiError> {
    let why = "is a moment in RFC 3339, like 2026-11-28T14:00:00Z";
    UnixMs::parse(text).ok_or_else(|| ControlError::InvalidEvent { field, why }.into())
}

/// What is planned from one moment to another, and how it went.
#[utoipa::path(get, path = "/schedule", tag = "schedule", params(Stretch),
    responses((status = 200, body = ScheduleView), (status = 422, body = ErrorBody)))]
pub(super) async fn schedule_get(
    State(door): State<PanelDoor>,
    _: Visitor,
    Query(stretch): Query<Stretch>,
) -> Result<Json<ScheduleView>, ApiError> {
    let (from, to) = (moment("from", &stretch.from)?, moment("to", &stretch.to)?);
    Ok(Json(door.schedule.between(from, to).await?))
}

/// Plans something: the room is recorded while it is on and somebody is there.
#[utoipa::path(post, path = "/schedule/events", tag = "schedule", request_body = NewEvent,
    responses((status = 201, body = ScheduledEvent), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn event_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(new): Body<NewEvent>,
) -> Result<(StatusCode, Json<ScheduledEvent>), ApiError> {
    Ok((StatusCode::CREATED, Json(door.schedule.plan(new).await?)))
}

/// Plans it no longer. Its recording, if it runs, goes on until its end.
#[utoipa::path(delete, path = "/schedule/events/{id}", tag = "schedule",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn event_delete(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.schedule.cancel(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Calendars that are followed, by name.
#[utoipa::path(get, path = "/schedule/feeds", tag = "schedule",
    responses((status = 200, body = FeedList)))]
pub(super) async fn feed_list(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<FeedList>, ApiError> {
    Ok(Json(FeedList { items: door.schedule.feeds().await? }))
}

/// Follows a calendar. It is fetched at once, and refused if that fails.
#[utoipa::path(post, path = "/schedule/feeds", tag = "schedule", request_body = NewFeed,
    responses((status = 201, body = Feed), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn feed_create(
    State(door): State<PanelDoor>,
    _: Visitor,
    Body(new): Body<NewFeed>,
) -> Result<(StatusCode, Json<Feed>), ApiError> {
    Ok((StatusCode::CREATED, Json(door.schedule.add_feed(new).await?)))
}

/// Follows a calendar no longer.
#[utoipa::path(delete, path = "/schedule/feeds/{id}", tag = "schedule",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(super) async fn feed_delete(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.schedule.remove_feed(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Fetches a calendar now: how that went is in what comes back.
#[utoipa::path(post, path = "/schedule/feeds/{id}/fetch", tag = "schedule",
    params(("id" = String, Path)),
    responses((status = 200, body = Feed), (status = 404, body = ErrorBody)))]
pub(super) async fn feed_fetch(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
) -> Result<Json<Feed>, ApiError> {
    Ok(Json(door.schedule.fetch_feed(&id).await?))
}

/// Has the recording that was planned go on for longer.
#[utoipa::path(post, path = "/rooms/{id}/recording/extension", tag = "schedule",
    params(("id" = String, Path)), request_body = Extension,
    responses((status = 200, body = Extended), (status = 404, body = ErrorBody),
        (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn recording_extend(
    State(door): State<PanelDoor>,
    _: Visitor,
    Path(id): Path<String>,
    Body(extension): Body<Extension>,
) -> Result<Json<Extended>, ApiError> {
    Ok(Json(Extended { ends_at: door.schedule.extend(&id, extension.minutes).await? }))
}
