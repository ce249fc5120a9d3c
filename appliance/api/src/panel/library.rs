//! The library: recordings searched, by day, and the rooms that have some.

use super::PanelDoor;
use super::access::Visitor;
use crate::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::{Query, State};
use roombox_control::recordings::{Day, RecordingPage, RecordingState, Wanted};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What is wanted, and how much of it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchQuery {
    /// At most so many (1 to 200); 50 if left out.
    #[param(minimum = 1, maximum = 200, nullable = false)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
    /// Words, each of which must be in the title, the room's name or somebody's; case and accents make
    /// no difference.
    #[param(nullable = false)]
    text: Option<String>,
    /// Begun at this moment (RFC 3339) or later.
    #[param(nullable = false)]
    from: Option<String>,
    /// Begun before this moment (RFC 3339).
    #[param(nullable = false)]
    to: Option<String>,
    /// Name of the room.
    #[param(nullable = false)]
    room: Option<String>,
    #[param(nullable = false)]
    state: Option<RecordingState>,
}

/// Which days, and what of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DayQuery {
    /// When each day begins (RFC 3339), in order, with commas between; the last one is the end of the
    /// last day. 2 to 63.
    starts: String,
    /// As in `/recordings`.
    #[param(nullable = false)]
    text: Option<String>,
    /// Name of the room.
    #[param(nullable = false)]
    room: Option<String>,
    #[param(nullable = false)]
    state: Option<RecordingState>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DayList {
    items: Vec<Day>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RoomNameList {
    items: Vec<String>,
}

/// Recordings that fit, newest first.
#[utoipa::path(get, path = "/recordings", tag = "recordings", params(SearchQuery),
    responses((status = 200, body = RecordingPage), (status = 422, body = ErrorBody)))]
pub(super) async fn recording_list(
    State(door): State<PanelDoor>,
    _: Visitor,
    Query(query): Query<SearchQuery>,
) -> Result<Json<RecordingPage>, ApiError> {
    let SearchQuery { limit, after, text, from, to, room, state } = query;
    let wanted = Wanted { text, from, to, room, state };
    Ok(Json(door.recordings.list(wanted, limit.unwrap_or(50), after).await?))
}

/// How many recordings began on each of some days, and the first eight of each.
#[utoipa::path(get, path = "/recordings/days", tag = "recordings", params(DayQuery),
    responses((status = 200, body = DayList), (status = 422, body = ErrorBody)))]
pub(super) async fn day_list(
    State(door): State<PanelDoor>,
    _: Visitor,
    Query(query): Query<DayQuery>,
) -> Result<Json<DayList>, ApiError> {
    let DayQuery { starts, text, room, state } = query;
    let starts: Vec<&str> = starts.split(',').map(str::trim).collect();
    let wanted = Wanted { text, room, state, ..Wanted::default() };
    Ok(Json(DayList { items: door.recordings.days(wanted, &starts).await? }))
}

/// Names of the rooms that have recordings, also of those that are gone.
#[utoipa::path(get, path = "/recordings/rooms", tag = "recordings",
    responses((status = 200, body = RoomNameList)))]
pub(super) async fn recorded_room_list(
    State(door): State<PanelDoor>,
    _: Visitor,
) -> Result<Json<RoomNameList>, ApiError> {
    Ok(Json(RoomNameList { items: door.recordings.rooms().await? }))
}
