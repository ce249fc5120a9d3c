//! Polls, the timer and files of a meeting, for the people in it.
//!
//! Whoever asks brings the LiveKit token with which they joined, as `Bearer`; it speaks for somebody only
//! while they are in the meeting. Moderators are those whose token may administer the room.

use super::PanelDoor;
use super::bell::Bell;
use super::body::{Body, announced, piece};
use super::files::served;
use crate::error::{ApiError, ErrorBody};
use crate::livekit;
use crate::server::Patience;
use crate::token;
use axum::Json;
use axum::body::Body as Stream;
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use roombox_control::ControlError;
use roombox_control::conference::Conference;
use roombox_control::meeting_tools::{
    Attendee, Bearer, Handout, MeetingTools, NewPoll, NewTimer, ToolsError, ToolsView,
};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// What the routes of a meeting share.
#[derive(Clone)]
pub struct MeetingDoor {
    conference: Arc<dyn Conference>,
    pub tools: Arc<MeetingTools>,
    bell: Arc<Bell>,
}

impl MeetingDoor {
    pub fn new(conference: Arc<dyn Conference>, tools: Arc<MeetingTools>) -> Self {
        let bell = Bell::new(conference.clone());
        Self { conference, tools, bell }
    }

    /// Everybody gets to know of a change.
    fn told(&self, who: &Attendee) -> StatusCode {
        self.bell.ring(&who.room);
        StatusCode::NO_CONTENT
    }
}

/// Somebody who is in a meeting.
pub(super) struct InMeeting(Attendee);

impl FromRequestParts<PanelDoor> for InMeeting {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, door: &PanelDoor) -> Result<Self, ApiError> {
        let MeetingDoor { conference, tools, .. } = &door.meeting;
        let refused = |error: &dyn ToString| {
            ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", error.to_string())
        };
        let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
        let bearer =
            bearer.ok_or_else(|| refused(&"send the token with which you joined the meeting"))?;
        // It must be the token of somebody who is in: that is asked below.
        let claims = token::verify_whatever_its_end(bearer, |key| conference.secret_of(key));
        let claims = claims.map_err(|error| refused(&error))?;
        let claims = livekit::held(&**conference, claims).await.map_err(|error| refused(&error))?;
        if !claims.video.room_join {
            return Err(tools_refused(ToolsError::NotInMeeting));
        }
        let room = claims.video.room.as_str();
        let bearer = Bearer {
            room,
            identity: &claims.sub,
            before: &claims.known_as,
            moderator: claims.video.administers(room),
        };
        tools.attendee(bearer).await.map(Self).map_err(tools_refused)
    }
}

fn tools_refused(error: ToolsError) -> ApiError {
    ControlError::from(error).into()
}

/// Which answers somebody chooses.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Vote {
    /// Places of the answers, from 0; none takes an earlier vote back.
    chosen: Vec<u32>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PollPatch {
    /// `false` ends it.
    running: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HandoutName {
    /// The file's name, with its ending.
    name: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HandoutQuery {
    /// `1`: a picture is shown; everything else is saved all the same.
    show: Option<String>,
}

/// What the meeting has besides sound and pictures.
#[utoipa::path(get, path = "/meeting", tag = "in a meeting",
    responses((status = 200, body = ToolsView), (status = 403, body = ErrorBody)))]
pub(super) async fn tools_get(
    State(door): State<PanelDoor>,
    InMeeting(who): InMeeting,
) -> Result<Json<ToolsView>, ApiError> {
    door.meeting.tools.look(&who).await.map(Json).map_err(tools_refused)
}

/// Asks everybody something.
#[utoipa::path(post, path = "/meeting/polls", tag = "in a meeting", request_body = NewPoll,
    responses((status = 204), (status = 403, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn poll_ask(
    State(door): State<PanelDoor>,
    InMeeting(who): InMeeting,
    Body(wanted): Body<NewPoll>,
) -> Result<StatusCode, ApiError> {
    door.meeting.tools.ask(&who, wanted).await.map_err(tools_refused)?;
    Ok(door.meeting.told(&who))
}

/// Ends a poll, or has it go on.
#[utoipa::path(patch, path = "/meeting/polls/{id}", tag = "in a meeting",
    params(("id" = String, Path)), request_body = PollPatch,
    responses((status = 204), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn poll_patch(
    State(door): State<PanelDoor>,
    InMeeting(who): InMeeting,
    Path(id): Path<String>,
    Body(patch): Body<PollPatch>,
) -> Result<StatusCode, ApiError> {
    door.meeting.tools.set_running(&who, id, patch.running).await.map_err(tools_refused)?;
    Ok(door.meeting.told(&who))
}

/// Takes a poll away.
#[utoipa::path(delete, path = "/meeting/polls/{id}", tag = "in a meeting",
    params(("id" = String, Path)),
    responses((status = 204), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn poll_remove(
    State(door): State<PanelDoor>,
    InMeeting(who): InMeeting,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.meeting.tools.remove_poll(&who, id).await.map_err(tools_refused)?;
    Ok(door.meeting.told(&who))
}

/// Answers a poll, or changes one's answer.
#[utoipa::path(put, path = "/meeting/polls/{id}/vote", tag = "in a meeting",
    params(("id" = String, Path)), request_body = Vote,
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody)))]
pub(super) async fn poll_vote(
    State(door): State<PanelDoor>,
    InMeeting(who): InMeeting,
    Path(id): Path<String>,
    Body(vote): Body<Vote>,
) -> Result<StatusCode, ApiError> {
    door.meeting.tools.vote(&who, id, vote.chosen).await.map_err(tools_refused)?;
    Ok(door.meeting.told(&who))
}

/// Starts a timer that everybody sees, in the place of the one that runs.
#[utoipa::path(put, path = "/meeting/timer", tag = "in a meeting", request_body = NewTimer,
    responses((status = 204), (status = 403, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn timer_put(
    State(door): State<PanelDoor>,
    InMeeting(who): InMeeting,
    Body(wanted): Body<NewTimer>,
) -> Result<StatusCode, ApiError> {
    door.meeting.tools.set_timer(&who, Some(wanted)).await.map_err(tools_refused)?;
    Ok(door.meeting.told(&who))
}

/// Takes the timer away.
#[utoipa::path(delete, path = "/meeting/timer", tag = "in a meeting",
    responses((status = 204), (status = 403, body = ErrorBody)))]
pub(super) async fn timer_remove(
    State(door): State<PanelDoor>,
    InMeeting(who): InMeeting,
) -> Result<StatusCode, ApiError> {
    door.meeting.tools.set_timer(&who, None).await.map_err(tools_refused)?;
    Ok(door.meeting.told(&who))
}

/// Hands a file to everybody. It goes when the meeting ends; nothing is looked for viruses.
#[utoipa::path(post, path = "/meeting/files", tag = "in a meeting", params(HandoutName),
    request_body(content_type = "application/octet-stream", description = "the file"),
    responses((status = 201, body = Handout), (status = 403, body = ErrorBody),
        (status = 409, description = "the meeting has as many as it may", body = ErrorBody),
        (status = 411, description = "without Content-Length", body = ErrorBody),
        (status = 413, description = "larger than the owner allows", body = ErrorBody),
        (status = 422, body = ErrorBody),
        (status = 507, description = "it has no room", body = ErrorBody)))]
pub(super) async fn handout_post(
    State(door): State<PanelDoor>,
    InMeeting(who): InMeeting,
    patience: Patience,
    Query(HandoutName { name }): Query<HandoutName>,
    headers: HeaderMap,
    mut body: Stream,
) -> Result<(StatusCode, Json<Handout>), ApiError> {
    let length = announced(&headers).ok_or_else(|| tools_refused(ToolsError::NoLength))?;
    let tools = &door.meeting.tools;
    let mut upload = tools.receive(&who, &name, length).await.map_err(tools_refused)?;
    patience.for_a_long_body();
    while let Some(bytes) = piece(&mut body).await {
        let bytes = bytes.map_err(|_| tools_refused(ToolsError::BrokenOff))?;
        upload.write(&bytes).await.map_err(tools_refused)?;
    }
    let handout = upload.finish().await.map_err(tools_refused)?;
    door.meeting.told(&who);
    Ok((StatusCode::CREATED, Json(handout)))
}

/// Takes a file away from all; `secret` is the last part of its path.
#[utoipa::path(delete, path = "/meeting/files/{secret}", tag = "in a meeting",
    params(("secret" = String, Path)),
    responses((status = 204), (status = 403, body = ErrorBody), (status = 410, body = ErrorBody)))]
pub(super) async fn handout_take_away(
    State(door): State<PanelDoor>,
    InMeeting(who): InMeeting,
    Path(secret): Path<String>,
) -> Result<StatusCode, ApiError> {
    door.meeting.tools.take_away(&who, secret).await.map_err(tools_refused)?;
    Ok(door.meeting.told(&who))
}

/// A file of a meeting, for who has its address. Browsers save it and never open it, pictures excepted.
#[utoipa::path(get, path = "/f/{secret}", tag = "in a meeting",
    params(("secret" = String, Path), HandoutQuery),
    responses((status = 200, description = "the file", content_type = "application/octet-stream"),
        (status = 206, description = "the range"), (status = 304, description = "not changed"),
        (status = 410, body = ErrorBody), (status = 416, body = ErrorBody)))]
pub(super) async fn handout_get(
    State(door): State<PanelDoor>,
    Path(secret): Path<String>,
    Query(query): Query<HandoutQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let found = door.meeting.tools.handout(secret).await.map_err(tools_refused)?;
    let (path, name, picture) = found;
    let shown = picture.filter(|_| query.show.is_some());
    let save_as = shown.is_none().then_some(name);
    let mut response = served(path, None, save_as, request).await?;
    let headers = response.headers_mut();
    let kind = shown.as_deref().unwrap_or("application/octet-stream");
    if let Ok(kind) = HeaderValue::from_str(kind) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    // Whatever it is: it does nothing in the name of the box's pages.
    let nothing = HeaderValue::from_static("default-src 'none'; sandbox");
    headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
