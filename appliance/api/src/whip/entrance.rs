//! The requests: what they must bring, and what they are answered.
//!
//! 201, 204, 200 as RFC 9725 §4 has them. Refusals are JSON (`code`, `message`): 401 no or a wrong
//! key, 403 a key for something else, 404 a session that is not there, 405, 409 a full room or a
//! restart under way, 412 and 428 about If-Match, 413, 415, 400 what cannot be read, 406 no common
//! codec, 429 too often, 503 when the box cannot now.

use super::fragment::Fragment;
use super::links;
use super::offer::Offer;
use super::resource::{Ask, Resource};
use super::session::{Refusal, Reply, Session, SessionStart};
use super::{MAX_BODY, WhipDoor};
use crate::error::ApiError;
use crate::livekit::ingress_note;
use crate::server::Peer;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use roombox_control::ControlError;
use roombox_control::clock::UnixMs;
use roombox_control::conference::{
    Command, EVENT_QUEUE, Identity, NewParticipant, ParticipantId, Permissions, RoomOptions,
    RoomRefused, Standing, TransportMode,
};
use roombox_control::store::WhipScope;
use roombox_control::whip_keys::WhipGuest;
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::PoisonError;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// A shard answers within a turn; one that has not by now is stuck.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WatchQuery {
    /// Identity of the one person to watch.
    participant: Option<String>,
}

type Body = Result<Bytes, BytesRejection>;

/// RFC 9725 §4.2: the offer of somebody who sends.
pub(super) async fn whip(
    State(door): State<WhipDoor>,
    Peer(from): Peer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    begin(door, from, &headers, body, WhipScope::Publish, None).await
}

/// draft-ietf-wish-whep §4.2: the offer of somebody who watches.
pub(super) async fn whep(
    State(door): State<WhipDoor>,
    Peer(from): Peer,
    headers: HeaderMap,
    Query(query): Query<WatchQuery>,
    body: Body,
) -> Result<Response, ApiError> {
    let only = query.participant.filter(|only| !only.is_empty()).map(Identity::from);
    begin(door, from, &headers, body, WhipScope::Watch, only).await
}

async fn begin(
    door: WhipDoor,
    from: IpAddr,
    headers: &HeaderMap,
    body: Body,
    scope: WhipScope,
    only: Option<Identity>,
) -> Result<Response, ApiError> {
    keep_pace(&door, from)?;
    let token = bearer(headers).ok_or(ControlError::UnknownWhipKey)?;
    let guest = door.keys.admit(token, scope).await?;
    let text = text(headers, body, SDP)?;
    let offer = Offer::read(&text, scope)
        .map_err(|error| refusal(StatusCode::BAD_REQUEST, "invalid_offer", error.to_string()))?;
    let options = door.conference.room_options(&guest.room, "").map_err(closed_room)?;
    let participant = ParticipantId::from(door.conference.new_id("PA_"));
    let (events, inbox) = mpsc::channel(EVENT_QUEUE);
    let Some(asks) = door.resources.insert(guest.session.clone(), guest.key.clone()) else {
        let message = "the box has as many WHIP and WHEP sessions as it can: try again later";
        return Err(refusal(StatusCode::SERVICE_UNAVAILABLE, "busy", message).retry_after(30));
    };
    let (waiting, answer) = oneshot::channel();
    let join = join(&guest, &participant, scope, options);
    let address = format!("{}/{}", path_of(scope), guest.session);
    let resource = Resource {
        id: guest.session,
        conference: door.conference.clone(),
        room: guest.room.clone(),
        session: Session::new(SessionStart {
            participant: participant.clone(),
            scope,
            offer,
            only,
        }),
        right: guest.right,
        events: inbox,
        asks,
        waiting: Some(waiting),
    };
    // Without a participant the ear to the room is deaf, and the task ends at once.
    let attached = door.conference.attach(&guest.room, &participant, events, join);
    tokio::spawn(resource.run(door.resources.clone()));
    attached.map_err(ControlError::from)?;
    tracing::info!(%participant, ?scope, "a program comes by the WHIP door");
    match answered(answer).await? {
        Reply::Answered { sdp, etag } => {
            let headers = [
                (header::CONTENT_TYPE, SDP.to_owned()),
                (header::LOCATION, address),
                (header::ETAG, etag),
                (header::HeaderName::from_static("accept-patch"), FRAGMENT.to_owned()),
            ];
            let mut response = (StatusCode::CREATED, headers, sdp).into_response();
            for link in links::of(door.conference.relay(&participant).as_ref()) {
                response.headers_mut().append(header::LINK, link);
            }
            Ok(response)
        }
        other => Err(no_answer(other)),
    }
}

fn path_of(scope: WhipScope) -> &'static str {
    match scope {
        WhipScope::Publish => "/whip",
        WhipScope::Watch => "/whep",
    }
}

fn join(guest: &WhipGuest, id: &ParticipantId, scope: WhipScope, options: RoomOptions) -> Command {
    let publishes = scope == WhipScope::Publish;
    let identity = match scope {
        // Whoever comes with the same key takes the place of the one before: an encoder that lost its
        // network must get in at once, though the room still waits for it.
        WhipScope::Publish => format!("whip_{}", guest.name),
        WhipScope::Watch => format!("whep_{}_{id}", guest.name),
    };
    let permissions = Permissions {
        can_publish: publishes,
        can_subscribe: !publishes,
        can_publish_data: false,
        can_update_metadata: false,
        // An audience is not in the meeting; its keys are on the room's page.
        hidden: !publishes,
        ..Permissions::everything()
    };
    let participant = NewParticipant {
        id: id.clone(),
        identity: identity.into(),
        name: guest.name.clone(),
        metadata: String::new(),
        attributes: Default::default(),
        permissions,
        standing: Standing::Member,
        known_as: None,
        joined_unix_ms: UnixMs::now().0,
        auto_subscribe: false,
        auto_subscribe_data: false,
        hears_by_packets: false,
        mode: TransportMode::Once,
        note: ingress_note(),
    };
    Command::Join { room: guest.room.clone(), options, participant: Box::new(participant) }
}

/// RFC 9725 §4.2: the client says goodbye.
pub(super) async fn end(
    State(door): State<WhipDoor>,
    Path(session): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asks = known(&door, &session, &headers).await?;
    let (done, ended) = oneshot::channel();
    asks.send(Ask::End { done }).await.map_err(|_| no_session())?;
    match timeout(PATIENCE, ended).await {
        Ok(_) => Ok(StatusCode::OK.into_response()),
        Err(_) => Err(busy()),
    }
}

/// RFC 9725 §4.3: candidates, or a new ICE session.
pub(super) async fn patch(
    State(door): State<WhipDoor>,
    Peer(from): Peer,
    Path(session): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    keep_pace(&door, from)?;
    let asks = known(&door, &session, &headers).await?;
    let text = text(&headers, body, FRAGMENT)?;
    let fragment = Fragment::read(&text).ok_or_else(|| {
        let message = "the body is no SDP fragment about ICE (RFC 8840 §9)";
        refusal(StatusCode::BAD_REQUEST, "invalid_fragment", message)
    })?;
    let if_match = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    let if_match = if_match.map(str::to_owned);
    let (reply, answer) = oneshot::channel();
    let ask = Ask::Patch { if_match, fragment, reply };
    asks.try_send(ask).map_err(|refused| match refused {
        mpsc::error::TrySendError::Full(_) => busy(),
        mpsc::error::TrySendError::Closed(_) => no_session(),
    })?;
    match answered(answer).await? {
        Reply::Trickled => Ok(StatusCode::NO_CONTENT.into_response()),
        Reply::Restarted { fragment, etag } => {
            let headers = [(header::CONTENT_TYPE, FRAGMENT.to_owned()), (header::ETAG, etag)];
            Ok((StatusCode::OK, headers, fragment).into_response())
        }
        other => Err(no_answer(other)),
    }
}

/// RFC 9725 §4.1: nothing is to be seen here, and that is no error.
pub(super) async fn nothing() -> StatusCode {
    StatusCode::NO_CONTENT
}

const ENDPOINT: &str = "GET, HEAD, POST, OPTIONS";
const SESSION: &str = "GET, HEAD, PATCH, DELETE, OPTIONS";

/// RFC 9725 §4.2: what may be sent here.
pub(super) async fn options() -> Response {
    let accepts = header::HeaderName::from_static("accept-post");
    (StatusCode::OK, [(header::ALLOW, ENDPOINT), (accepts, SDP)]).into_response()
}

pub(super) async fn session_options() -> Response {
    let accepts = header::HeaderName::from_static("accept-patch");
    (StatusCode::OK, [(header::ALLOW, SESSION), (accepts, FRAGMENT)]).into_response()
}

pub(super) async fn other_method(method: Method) -> Response {
    not_allowed(&method, ENDPOINT, "send the offer with POST")
}

pub(super) async fn other_method_session(method: Method) -> Response {
    not_allowed(&method, SESSION, "end the session with DELETE, speak of ICE with PATCH")
}

fn not_allowed(method: &Method, allowed: &'static str, instead: &str) -> Response {
    let message = format!("{method} cannot be used here: {instead}");
    let refused = refusal(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
    let mut response = refused.into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

fn keep_pace(door: &WhipDoor, from: IpAddr) -> Result<(), ApiError> {
    let mut pace = door.pace.lock().unwrap_or_else(PoisonError::into_inner);
    pace.ask(Instant::now(), from).map_err(|seconds| {
        let message = format!("too many requests come from this address: wait {seconds} s");
        refusal(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message).retry_after(seconds)
    })
}

/// RFC 9725 §4.5; the scheme's name is written as people like (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

/// The way to a session. Its address is a secret that only its client was told, so whoever knows it
/// may use it: browsers' clients do not send the key again. A key that is sent must be the session's.
async fn known(
    door: &WhipDoor,
    session: &str,
    headers: &HeaderMap,
) -> Result<mpsc::Sender<Ask>, ApiError> {
    let (key, asks) = door.resources.find(session).ok_or_else(no_session)?;
    if headers.contains_key(header::AUTHORIZATION) {
        let token = bearer(headers).ok_or(ControlError::UnknownWhipKey)?;
        if door.keys.key_of(token).await? != key {
            let message = "this session was begun with another key";
            return Err(refusal(StatusCode::FORBIDDEN, "other_key", message));
        }
    }
    Ok(asks)
}

/// The body, if it is a text of this type.
fn text(headers: &HeaderMap, body: Body, wanted: &'static str) -> Result<String, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(wanted) {
        let message = format!("send the body with Content-Type: {wanted}");
        return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong_type", message));
    }
    let body = body.map_err(|rejection| ApiError::unread(&rejection, MAX_BODY))?;
    String::from_utf8(body.into()).map_err(|_| {
        refusal(StatusCode::BAD_REQUEST, "malformed_request", "the body is not UTF-8 text")
    })
}

async fn answered(answer: oneshot::Receiver<Reply>) -> Result<Reply, ApiError> {
    match timeout(PATIENCE, answer).await {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(_)) => Err(no_answer(Reply::Refused(Refusal::Ended))),
        Err(_) => Err(busy()),
    }
}

fn refusal(status: StatusCode, code: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(status, code, message)
}

fn no_session() -> ApiError {
    let message = "there is no such session: it has ended, or never was";
    refusal(StatusCode::NOT_FOUND, "not_found", message)
}

fn busy() -> ApiError {
    let message = "the box is too busy: try again in a moment";
    refusal(StatusCode::SERVICE_UNAVAILABLE, "busy", message).retry_after(2)
}

fn closed_room(refused: RoomRefused) -> ApiError {
    let message = refused.to_string();
    match refused {
        RoomRefused::Unknown => refusal(StatusCode::NOT_FOUND, "not_found", message),
        RoomRefused::TranscoderOnly => {
            refusal(StatusCode::SERVICE_UNAVAILABLE, "transcoder_only", message)
        }
        RoomRefused::Draining => {
            refusal(StatusCode::SERVICE_UNAVAILABLE, "draining", message).retry_after(30)
        }
    }
}

fn no_answer(reply: Reply) -> ApiError {
    let Reply::Refused(why) = reply else {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the answer got lost");
    };
    let (status, code) = match &why {
        Refusal::Unusable(_) => (StatusCode::BAD_REQUEST, "invalid_offer"),
        Refusal::NoCodec { .. } => (StatusCode::NOT_ACCEPTABLE, "no_codec"),
        Refusal::CodecNotTaken { .. } => (StatusCode::NOT_ACCEPTABLE, "codec_not_taken"),
        Refusal::RoomFull => (StatusCode::CONFLICT, "room_full"),
        Refusal::Track(_) => (StatusCode::FORBIDDEN, "not_allowed"),
        Refusal::Ended => (StatusCode::NOT_FOUND, "not_found"),
        Refusal::OldIceSession => (StatusCode::PRECONDITION_FAILED, "old_ice_session"),
        Refusal::NoIfMatch => (StatusCode::PRECONDITION_REQUIRED, "no_if_match"),
        Refusal::NoRestart(_) => (StatusCode::CONFLICT, "no_restart"),
    };
    refusal(status, code, why.to_string())
}
