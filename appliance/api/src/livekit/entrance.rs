//! Knocking: the upgrade requests and their dry runs.
//!
//! Statuses as LiveKit's: 401 for a token that is missing, wrong or lacks `roomJoin`; 400 for a
//! request that cannot be read; 404 only when a room must exist and does not (clients take any
//! other 404 for "this server does not speak v1"); 503 when the box cannot take the join.

use super::LivekitDoor;
use super::join::{self, JoinQuery, Wanted};
use super::limits;
use super::renewal::Came;
use super::session::{Session, SessionStart};
use super::{socket, wire};
use crate::token::{self, Claims, TokenError};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use roombox_control::conference::{
    Command, Conference, EVENT_QUEUE, NewParticipant, ParticipantId, Permissions, RoomName,
    RoomOptions, RoomRefused, Standing, TransportMode,
};
use roombox_control::permissions::Action;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// LiveKit's limit for a signalling message.
const MAX_SIGNAL: usize = 2 * 1024 * 1024;

type Refusal = (StatusCode, String);

/// Bearer token of a request: header, or query for browsers (whose WebSockets cannot set one).
pub(super) fn bearer<'a>(headers: &'a HeaderMap, query: &'a str) -> &'a str {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or(query)
        .trim()
}

pub(super) async fn claims(
    door: &LivekitDoor,
    headers: &HeaderMap,
    query: &str,
) -> Result<Claims, TokenError> {
    let claims = token::verify(bearer(headers, query), |key| door.conference.secret_of(key))?;
    held(&*door.conference, claims).await
}

/// What a token says, if the account and the personal link hold that it was made for. Who was sent out of the
/// meeting by their link, or whose account may moderate no more, moderates it no more.
///
/// # Errors
/// Somebody revoked the link, or removed the account or locked it out.
pub(crate) async fn held(
    conference: &dyn Conference,
    mut claims: Claims,
) -> Result<Claims, TokenError> {
    claims.video.room_admin &= moderates(conference, &claims).await?;
    Ok(claims)
}

/// Whether account and personal link of a token, if it has them, let its bearer moderate.
///
/// # Errors
/// As [`held`].
pub(super) async fn moderates(
    conference: &dyn Conference,
    claims: &Claims,
) -> Result<bool, TokenError> {
    let mut moderates = true;
    if !claims.link.is_empty() {
        if !conference.link_holds(&claims.link) {
            return Err(TokenError::Revoked);
        }
        moderates &= vouches(conference, claims);
    }
    if !claims.person.is_empty() {
        let role = conference.role_of(&claims.person).await.map_err(|_| TokenError::Busy)?;
        moderates &= role.ok_or(TokenError::PersonGone)?.may(Action::Moderate);
    }
    Ok(moderates)
}

/// Whether a personal link lets its bearer past the lobby of this meeting.
fn vouches(conference: &dyn Conference, claims: &Claims) -> bool {
    let room = RoomName::from(claims.video.room.as_str());
    !claims.link.is_empty() && !conference.link_is_sent_out(&room, &claims.link)
}

/// Everything that a join needs, checked.
struct Knock {
    /// As the token has them.
    claims: Claims,
    /// Who the participant is in the room: another one than the token's for a connection that only
    /// publishes.
    identity: String,
    permissions: Permissions,
    wanted: Wanted,
    room: RoomName,
    options: RoomOptions,
    mode: TransportMode,
}

async fn knock(
    door: &LivekitDoor,
    headers: &HeaderMap,
    query: &JoinQuery,
    mode: TransportMode,
) -> Result<Knock, Refusal> {
    let unauthorized = |text: String| (StatusCode::UNAUTHORIZED, text);
    let bad = |text: String| (StatusCode::BAD_REQUEST, text);
    let claims = claims(door, headers, &query.access_token).await.map_err(|error| {
        let status = match error {
            TokenError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        };
        (status, error.to_string())
    })?;
    if !claims.video.room_join {
        return Err(unauthorized("permission denied: the token has no roomJoin".to_owned()));
    }
    let wanted = match mode {
        TransportMode::Single | TransportMode::Once => join::single(query),
        TransportMode::Dual => join::dual(query),
    }
    .map_err(|error| bad(error.to_string()))?;
    let room = RoomName::from(claims.video.room.as_str());
    // Who is in stays in, and comes back to their place.
    if wanted.resume.is_none() {
        let invitation = claims.invitation.as_str();
        if door.conference.link_has_ended(&claims.link) {
            return Err(unauthorized(TokenError::LinkEnded.to_string()));
        }
        if !invitation.is_empty() && !door.conference.invitation_holds(&room, invitation) {
            return Err(unauthorized(TokenError::OtherInvitation.to_string()));
        }
    }
    if claims.sub.is_empty() {
        return Err(bad("identity cannot be empty".to_owned()));
    }
    if claims.video.room.is_empty() {
        return Err(bad("the token names no room".to_owned()));
    }
    let names = [
        ("room", claims.video.room.as_str()),
        ("identity", &claims.sub),
        ("name", &claims.name),
        // Not seen by others, but written into the log.
        ("sdk", &query.sdk),
        ("sid", wanted.resume.as_deref().unwrap_or_default()),
    ];
    for (what, name) in names {
        limits::name(what, name).map_err(|error| bad(error.to_string()))?;
    }
    for metadata in [&claims.metadata, &wanted.metadata] {
        limits::metadata(metadata).map_err(|error| bad(error.to_string()))?;
    }
    for attributes in [&claims.attributes, &wanted.attributes] {
        limits::attributes(attributes).map_err(|error| bad(error.to_string()))?;
    }
    let changes = !wanted.metadata.is_empty() || !wanted.attributes.is_empty();
    if changes && !claims.video.may_update_own_metadata() {
        return Err(unauthorized(
            "permission denied: the token has no canUpdateOwnMetadata".to_owned(),
        ));
    }
    let mut identity = claims.sub.clone();
    let mut permissions = permissions(&claims);
    if !wanted.publish_only.is_empty() {
        if !claims.video.may_publish() {
            return Err(unauthorized("permission denied: the token may not publish".to_owned()));
        }
        limits::name("publish", &wanted.publish_only).map_err(|error| bad(error.to_string()))?;
        identity = format!("{}#{}", claims.sub, wanted.publish_only);
        permissions.can_subscribe = false;
    }
    let options = door.conference.room_options(&room, &claims.iss).map_err(|refused| {
        let status = match refused {
            RoomRefused::Unknown => StatusCode::NOT_FOUND,
            RoomRefused::TranscoderOnly | RoomRefused::Draining => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, refused.to_string())
    })?;
    Ok(Knock { claims, identity, permissions, wanted, room, options, mode })
}

fn permissions(claims: &Claims) -> Permissions {
    let grant = &claims.video;
    Permissions {
        can_publish: grant.may_publish(),
        can_subscribe: grant.may_subscribe(),
        can_publish_data: grant.may_publish_data(),
        publish_sources: wire::sources_granted(&grant.can_publish_sources),
        can_update_metadata: grant.may_update_own_metadata(),
        hidden: grant.hidden,
        recorder: grant.recorder,
    }
}

fn refuse((status, text): Refusal) -> Response {
    tracing::info!(status = status.as_u16(), reason = %text, "refused a join");
    (status, text).into_response()
}

pub(super) async fn validate_single(
    State(door): State<LivekitDoor>,
    headers: HeaderMap,
    Query(query): Query<JoinQuery>,
) -> Response {
    match knock(&door, &headers, &query, TransportMode::Single).await {
        Ok(_) => "success".into_response(),
        Err(refusal) => refuse(refusal),
    }
}

pub(super) async fn validate_dual(
    State(door): State<LivekitDoor>,
    headers: HeaderMap,
    Query(query): Query<JoinQuery>,
) -> Response {
    match knock(&door, &headers, &query, query.mode()).await {
        Ok(_) => "success".into_response(),
        Err(refusal) => refuse(refusal),
    }
}

pub(super) async fn single(
    State(door): State<LivekitDoor>,
    headers: HeaderMap,
    Query(query): Query<JoinQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    enter(door, &headers, &query, upgrade, TransportMode::Single).await
}

pub(super) async fn dual(
    State(door): State<LivekitDoor>,
    headers: HeaderMap,
    Query(query): Query<JoinQuery>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let mode = query.mode();
    enter(door, &headers, &query, upgrade, mode).await
}

async fn enter(
    door: LivekitDoor,
    headers: &HeaderMap,
    query: &JoinQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    mode: TransportMode,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let knock = match knock(&door, headers, query, mode).await {
        Ok(knock) => knock,
        Err(refusal) => return refuse(refusal),
    };
    let (participant, command) = opening(&door, &knock);
    let (events, inbox) = mpsc::channel(EVENT_QUEUE);
    if let Err(busy) = door.conference.attach(&knock.room, &participant, events, command) {
        return refuse((StatusCode::SERVICE_UNAVAILABLE, busy.to_string()));
    }
    tracing::info!(%participant, protocol = knock.wanted.client.protocol,
        sdk = %query.sdk, resume = knock.wanted.resume.is_some(), "a client connects");
    let publishes_only = !knock.wanted.publish_only.is_empty();
    let name_fixed = knock.claims.name_fixed;
    let came = Came { claims: knock.claims, publishes_only };
    let room = knock.room.clone();
    let session = Session::new(SessionStart {
        participant: participant.clone(),
        identity: knock.identity,
        room: knock.room,
        mode,
        permissions: knock.permissions,
        name_fixed,
        wanted: knock.wanted,
        relay: door.conference.relay(&participant),
        dev: door.dev,
    });
    upgrade.max_message_size(MAX_SIGNAL).max_frame_size(MAX_SIGNAL).on_upgrade(move |websocket| {
        socket::serve(door, room, participant, session, came, inbox, websocket)
    })
}

/// The command that begins: a join, or a resume of somebody known.
fn opening(door: &LivekitDoor, knock: &Knock) -> (ParticipantId, Command) {
    if let Some(sid) = &knock.wanted.resume {
        let participant = ParticipantId::from(sid.as_str());
        let identity = knock.identity.as_str().into();
        let room = knock.room.clone();
        return (participant.clone(), Command::Resume { room, participant, identity });
    }
    let id = ParticipantId::from(door.conference.new_id("PA_"));
    let claims = &knock.claims;
    let mut attributes = claims.attributes.clone();
    attributes.extend(knock.wanted.attributes.clone());
    attributes.retain(|_, value| !value.is_empty());
    let metadata = match knock.wanted.metadata.is_empty() {
        true => claims.metadata.clone(),
        false => knock.wanted.metadata.clone(),
    };
    let moderates = claims.video.administers(&claims.video.room);
    let standing = match door.conference.standing(&claims.iss, moderates) {
        // The box signed it: whoever has a link of their own was let in when it was made.
        Standing::Guest if vouches(&*door.conference, claims) => Standing::Member,
        standing => standing,
    };
    // Whoever signs with a key of their own has no lobby, and nothing to say about it.
    let before = match knock.wanted.publish_only.is_empty() {
        true => claims.known_as.as_str(),
        // A second connection of somebody who may be in already.
        false => &claims.sub,
    };
    let guest = standing == Standing::Guest && !before.is_empty();
    let participant = NewParticipant {
        id: id.clone(),
        identity: knock.identity.as_str().into(),
        name: claims.name.clone(),
        metadata,
        attributes,
        permissions: knock.permissions.clone(),
        standing,
        known_as: guest.then(|| before.into()),
        joined_unix_ms: unix_ms(),
        auto_subscribe: knock.wanted.auto_subscribe,
        auto_subscribe_data: knock.wanted.auto_subscribe_data,
        hears_by_packets: knock.wanted.hears_by_packets(),
        mode: knock.mode,
        note: wire::participant_note(&knock.wanted.client, &claims.kind),
    };
    let join = Command::Join {
        room: knock.room.clone(),
        options: knock.options.clone(),
        participant: Box::new(participant),
    };
    (id, join)
}

pub(super) fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
