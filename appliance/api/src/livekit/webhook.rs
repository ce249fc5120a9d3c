//! What happens in rooms, as LiveKit's webhooks tell it (livekit_webhook.proto, and livekit/protocol
//! `webhook/`): proto-JSON, signed by an access token that says what the body hashes to.

use super::wire;
use crate::token::{self, TokenError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use livekit_protocol as pb;
use roombox_control::conference::Notice;
use roombox_control::health::Alarm;
use roombox_control::store::{AlarmNews, NewsKind};
use roombox_control::webhooks::{News, Origin};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use ulid::Ulid;

/// Media type of the body; LiveKit's receivers read no other as text.
pub const CONTENT_TYPE: &str = "application/webhook+json";

/// A signature lasts so long: an attempt takes seconds, and clocks differ.
const GOOD_FOR_S: u64 = 5 * 60;
/// Receivers whose clocks are behind ours by less accept it as well.
const CLOCKS_DIFFER_S: u64 = 10;

/// A notice as receivers get it, at this time; `None`: LiveKit has no word for it.
///
/// # Errors
/// It cannot be written as JSON (never for events of this kind).
pub fn news(notice: &Notice, now_ms: u64) -> Option<Result<News, serde_json::Error>> {
    let room = notice.room();
    let mut event = pb::WebhookEvent { room: Some(wire::room(room)), ..fresh(now_ms) };
    event.event = match notice {
        Notice::RoomOpened { .. } => "room_started",
        Notice::RoomEnded { .. } => "room_finished",
        // Nobody has joined before they are let in.
        Notice::ParticipantKnocked { .. } => return None,
        Notice::ParticipantActive { participant, .. } => {
            event.participant = Some(wire::participant(participant));
            "participant_joined"
        }
        Notice::ParticipantLeft { participant, reason, active, .. } => {
            event.participant = Some(pb::ParticipantInfo {
                disconnect_reason: wire::disconnect_reason(*reason) as i32,
                ..wire::participant(participant)
            });
            match active {
                true => "participant_left",
                false => "participant_connection_aborted",
            }
        }
        Notice::TrackPublished { participant, track, .. } => {
            event.participant = Some(wire::participant(participant));
            event.track = Some(wire::track(track));
            "track_published"
        }
        Notice::TrackUnpublished { participant, track, .. } => {
            event.participant = Some(wire::participant(participant));
            event.track = Some(wire::track(track));
            "track_unpublished"
        }
    }
    .to_owned();
    let of = Origin::Room { name: room.name.to_string(), opened_with: room.opened_with.clone() };
    Some(serde_json::to_vec(&event).map(|body| News { of, body, id: event.id }))
}

/// An alarm, in an event that LiveKit's receivers read as one of theirs that they do not know.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlarmEvent<'a> {
    event: &'static str,
    id: &'a str,
    /// Integers of 64 bits are texts in proto-JSON.
    created_at: String,
    r#box: AboutBox<'a>,
    alarm: &'a Alarm,
}

#[derive(Serialize)]
struct AboutBox<'a> {
    id: &'a str,
    name: &'a str,
}

/// An alarm as receivers get it, of the box with this id and name.
///
/// # Errors
/// It cannot be written as JSON (never).
pub fn alarm_news(news: &AlarmNews, id: &str, name: &str) -> Result<News, serde_json::Error> {
    let AlarmNews { kind, alarm, .. } = news;
    let (event, at) = match kind {
        NewsKind::Raised => ("alarm.raised", alarm.since),
        NewsKind::Cleared => ("alarm.cleared", alarm.cleared_at.unwrap_or(alarm.since)),
    };
    let own = format!("EV_{}.{event}", alarm.id);
    let created_at = (at.0 / 1000).to_string();
    let body = AlarmEvent { event, id: &own, created_at, r#box: AboutBox { id, name }, alarm };
    Ok(News { body: serde_json::to_vec(&body)?, of: Origin::Box, id: own })
}

/// An event that means nothing, to see whether a receiver takes it. Those that know only LiveKit's
/// own events pass over it.
///
/// # Errors
/// It cannot be written as JSON (never).
pub fn test_body(now_ms: u64) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&pb::WebhookEvent { event: "test".to_owned(), ..fresh(now_ms) })
}

pub(super) fn fresh(now_ms: u64) -> pb::WebhookEvent {
    pb::WebhookEvent {
        id: format!("EV_{}", Ulid::new()),
        created_at: (now_ms / 1000) as i64,
        ..pb::WebhookEvent::default()
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    nbf: u64,
    exp: u64,
    /// base64 of the body's SHA-256.
    sha256: String,
}

/// The whole `Authorization` header of a body: a token, without `Bearer`.
///
/// # Errors
/// It cannot be signed (never with a secret that is a text).
pub fn authorization(
    key: &str,
    secret: &str,
    body: &[u8],
    now_ms: u64,
) -> Result<String, TokenError> {
    let now = now_ms / 1000;
    let claims = Claims {
        iss: key,
        nbf: now.saturating_sub(CLOCKS_DIFFER_S),
        exp: now + GOOD_FOR_S,
        sha256: STANDARD.encode(Sha256::digest(body)),
    };
    token::sign(&claims, secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use roombox_control::conference::{
        LeaveReason, ParticipantInfo, ParticipantState, Permissions, RoomInfo, Standing,
    };
    use serde_json::{Value, json};
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn room() -> RoomInfo {
        RoomInfo {
            name: "Library".into(),
            sid: "RM_1".to_owned(),
            metadata: "m".to_owned(),
            created_unix_ms: 1_700_000_000_123,
            opened_with: "RBXkey".to_owned(),
            recording: false,
            lobby: false,
            max_participants: 0,
            video_codecs: Default::default(),
            empty_timeout: Duration::from_secs(300),
            departure_timeout: Duration::from_secs(20),
            participants: 1,
        }
    }

    fn ada(state: ParticipantState) -> ParticipantInfo {
        ParticipantInfo {
            id: "PA_1".into(),
            identity: "ada".into(),
            name: "Ada".to_owned(),
            metadata: String::new(),
            attributes: BTreeMap::from([("hand".to_owned(), "up".to_owned())]),
            state,
            permissions: Permissions::everything(),
            standing: Standing::Member,
            joined_unix_ms: 5000,
            version: 3,
            tracks: Vec::new(),
            data_tracks: Vec::new(),
            note: [].into(),
        }
    }

    fn told(notice: &Notice) -> (News, Value) {
        let news = news(notice, 1_700_000_001_900).unwrap().unwrap();
        let body = serde_json::from_slice(&news.body).unwrap();
        (news, body)
    }

    #[test]
    fn an_event_has_livekits_names_and_spelling() {
        let (news, body) = told(&Notice::RoomOpened { room: room() });
        let (name, opened_with) = ("Library".to_owned(), "RBXkey".to_owned());
        assert_eq!(news.of, Origin::Room { name, opened_with });
        assert_eq!(body["event"], "room_started");
        assert!(news.id.starts_with("EV_") && body["id"] == news.id);
        // Integers of 64 bits are texts in proto-JSON.
        assert_eq!(body["createdAt"], "1700000001");
        assert_eq!(body["room"]["creationTime"], "1700000000");
        assert_eq!(body["room"]["sid"], "RM_1");
        assert!(body.get("participant").is_none() && body.get("numDropped").is_none());
    }

    #[test]
    fn receivers_hear_nothing_of_somebody_who_only_waits() {
        let participant = ada(ParticipantState::Active);
        assert!(news(&Notice::ParticipantKnocked { room: room(), participant }, 0).is_none());
    }

    #[test]
    fn somebody_who_leaves_was_there_or_has_never_arrived() {
        for (active, event) in
            [(true, "participant_left"), (false, "participant_connection_aborted")]
        {
            let participant = ada(ParticipantState::Disconnected);
            let reason = LeaveReason::Removed;
            let (_, body) =
                told(&Notice::ParticipantLeft { room: room(), participant, reason, active });
            assert_eq!(body["event"], event);
            let left = &body["participant"];
            assert_eq!(
                (&left["identity"], &left["state"]),
                (&json!("ada"), &json!("DISCONNECTED"))
            );
            assert_eq!(left["disconnectReason"], "PARTICIPANT_REMOVED");
            assert_eq!(left["attributes"]["hand"], "up");
        }
    }

    #[test]
    fn the_signature_is_of_the_body_for_five_minutes_and_grants_nothing() {
        let body = test_body(0).unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let signed = authorization("RBXkey", "secret", &body, now.as_millis() as u64).unwrap();
        let claims = token::verify(&signed, |_| Some("secret".to_owned())).unwrap();
        assert_eq!(
            claims,
            token::Claims {
                iss: "RBXkey".to_owned(),
                nbf: now.as_secs() - 10,
                exp: now.as_secs() + 300,
                sha256: STANDARD.encode(Sha256::digest(&body)),
                ..token::Claims::default()
            }
        );
    }
}
