//! Between the sfu's nouns and LiveKit's protobufs (livekit_models.proto, livekit_rtc.proto): rooms, people
//! and connections. What is published is in [`tracks`].

// Fields that newer clients no longer need are still what older ones read.
#![expect(deprecated, reason = "older clients read and write them")]

mod tracks;

use livekit_protocol as pb;
use prost::Message;
use roombox_control::conference::{
    Audience, AudienceMember, ConnectionQuality, Identity, LeaveReason, ParticipantId,
    ParticipantInfo, ParticipantState, Permissions, Quality, Relay, RoomInfo, Standing, TrackId,
    TrackSource,
};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) use tracks::{
    asked_codec, data_handle, data_track, new_backup, new_data_track, new_track, publish_codecs,
    stream_state, subscribed_audio, subscribed_quality, track, with_features,
};

/// Clients gate features by this version: it must be valid semver, at least 1.8.0 for RPC, and
/// above 1.13.6 JavaScript publishes VP9 and AV1 in a way that needs another layer mode. It says
/// whose protocol this is, not what we are.
pub(super) const PROTOCOL_VERSION_OF: &str = "1.9.12";
/// Newest signalling protocol that we answer in.
pub(super) const PROTOCOL: i32 = 17;
/// LiveKit says 5 and 15. Who moves to another network notices only by a ping that stays without an
/// answer, and that is how long the picture stands still; in a building's network an answer that takes
/// longer than this does not come.
pub(super) const PING_INTERVAL_S: i32 = 1;
pub(super) const PING_TIMEOUT_S: i32 = 5;

pub(super) fn server_info() -> pb::ServerInfo {
    pb::ServerInfo {
        edition: 0,
        version: PROTOCOL_VERSION_OF.to_owned(),
        protocol: PROTOCOL,
        debug_info: concat!("roombox ", env!("CARGO_PKG_VERSION")).to_owned(),
        ..pb::ServerInfo::default()
    }
}

/// How good somebody's connection is.
pub(super) fn connection_quality(one: &ConnectionQuality) -> pb::ConnectionQualityInfo {
    let quality = match one.quality {
        Quality::Lost => pb::ConnectionQuality::Lost,
        Quality::Poor => pb::ConnectionQuality::Poor,
        Quality::Good => pb::ConnectionQuality::Good,
        Quality::Excellent => pb::ConnectionQuality::Excellent,
    };
    pb::ConnectionQualityInfo {
        participant_sid: one.participant.to_string(),
        quality: quality as i32,
        score: one.score,
    }
}

pub(super) fn source_from(source: i32) -> TrackSource {
    match pb::TrackSource::try_from(source) {
        Ok(pb::TrackSource::Camera) => TrackSource::Camera,
        Ok(pb::TrackSource::Microphone) => TrackSource::Microphone,
        Ok(pb::TrackSource::ScreenShare) => TrackSource::ScreenShare,
        Ok(pb::TrackSource::ScreenShareAudio) => TrackSource::ScreenShareAudio,
        Ok(pb::TrackSource::Unknown) | Err(_) => TrackSource::Unknown,
    }
}

/// Sources as the grants of a token name them.
const GRANTED: [(&str, TrackSource); 4] = [
    ("camera", TrackSource::Camera),
    ("microphone", TrackSource::Microphone),
    ("screen_share", TrackSource::ScreenShare),
    ("screen_share_audio", TrackSource::ScreenShareAudio),
];

/// The sources that a grant names; unknown names are none.
pub(super) fn sources_granted(names: &[String]) -> Vec<TrackSource> {
    let source = |name: &String| GRANTED.iter().find(|(known, _)| known == name);
    names.iter().filter_map(source).map(|(_, source)| *source).collect()
}

/// The names of sources in a grant.
pub(super) fn grants_of(sources: &[TrackSource]) -> Vec<String> {
    let name = |source: &TrackSource| GRANTED.iter().find(|(_, known)| known == source);
    sources.iter().filter_map(name).map(|(name, _)| (*name).to_owned()).collect()
}

pub(super) fn source_to(source: TrackSource) -> i32 {
    let source = match source {
        TrackSource::Unknown => pb::TrackSource::Unknown,
        TrackSource::Camera => pb::TrackSource::Camera,
        TrackSource::Microphone => pb::TrackSource::Microphone,
        TrackSource::ScreenShare => pb::TrackSource::ScreenShare,
        TrackSource::ScreenShareAudio => pb::TrackSource::ScreenShareAudio,
    };
    source as i32
}

/// As whom LiveKit clients see somebody who comes by a door that is not theirs.
pub fn ingress_note() -> Arc<[u8]> {
    participant_note(&pb::ClientInfo::default(), "ingress")
}

/// What LiveKit clients care about and the sfu does not.
pub(super) fn participant_note(client: &pb::ClientInfo, kind: &str) -> Arc<[u8]> {
    let kind = match kind {
        "ingress" => pb::participant_info::Kind::Ingress,
        "egress" => pb::participant_info::Kind::Egress,
        "sip" => pb::participant_info::Kind::Sip,
        "agent" => pb::participant_info::Kind::Agent,
        _ => pb::participant_info::Kind::Standard,
    };
    let template = pb::ParticipantInfo {
        kind: kind as i32,
        client_protocol: client.client_protocol,
        capabilities: client.capabilities.clone(),
        ..pb::ParticipantInfo::default()
    };
    template.encode_to_vec().into()
}

pub(super) fn permission(permissions: &Permissions) -> pb::ParticipantPermission {
    pb::ParticipantPermission {
        can_subscribe: permissions.can_subscribe,
        can_publish: permissions.can_publish,
        can_publish_data: permissions.can_publish_data,
        can_publish_sources: permissions.publish_sources.iter().map(|s| source_to(*s)).collect(),
        hidden: permissions.hidden,
        recorder: permissions.recorder,
        can_update_metadata: permissions.can_update_metadata,
        ..pb::ParticipantPermission::default()
    }
}

pub(super) fn permissions_from(permission: &pb::ParticipantPermission) -> Permissions {
    Permissions {
        can_publish: permission.can_publish,
        can_subscribe: permission.can_subscribe,
        can_publish_data: permission.can_publish_data,
        publish_sources: permission.can_publish_sources.iter().map(|s| source_from(*s)).collect(),
        can_update_metadata: permission.can_update_metadata,
        hidden: permission.hidden,
        recorder: permission.recorder,
    }
}

/// Says of somebody that they wait to be let in: `host_present`, or `host_absent` while nobody is
/// there who could. Only the box sets it.
const WAITING: &str = "roombox.waiting";

fn attributes(info: &ParticipantInfo) -> HashMap<String, String> {
    let mut attributes: HashMap<_, _> = info.attributes.clone().into_iter().collect();
    attributes.remove(WAITING);
    if let Standing::Waiting { host_is_here } = info.standing {
        let waits = if host_is_here { "host_present" } else { "host_absent" };
        attributes.insert(WAITING.to_owned(), waits.to_owned());
    }
    attributes
}

pub(super) fn participant(info: &ParticipantInfo) -> pb::ParticipantInfo {
    let template = pb::ParticipantInfo::decode(&*info.note).unwrap_or_default();
    let state = match info.state {
        ParticipantState::Joined => pb::participant_info::State::Joined,
        ParticipantState::Active => pb::participant_info::State::Active,
        ParticipantState::Disconnected => pb::participant_info::State::Disconnected,
    };
    pb::ParticipantInfo {
        sid: info.id.to_string(),
        identity: info.identity.to_string(),
        state: state as i32,
        tracks: info.tracks.iter().map(track).collect(),
        metadata: info.metadata.clone(),
        joined_at: (info.joined_unix_ms / 1000) as i64,
        joined_at_ms: info.joined_unix_ms as i64,
        name: info.name.clone(),
        version: info.version,
        permission: Some(permission(&info.permissions)),
        is_publisher: !info.tracks.is_empty(),
        data_tracks: info.data_tracks.iter().map(data_track).collect(),
        attributes: attributes(info),
        ..template
    }
}

/// Without the token for the new room.
pub(super) fn room_moved(
    info: &RoomInfo,
    me: &ParticipantInfo,
    others: &[ParticipantInfo],
) -> pb::RoomMovedResponse {
    pb::RoomMovedResponse {
        room: Some(room(info)),
        token: String::new(),
        participant: Some(participant(me)),
        other_participants: others.iter().map(participant).collect(),
    }
}

pub(super) fn room(info: &RoomInfo) -> pb::Room {
    pb::Room {
        sid: info.sid.clone(),
        name: info.name.to_string(),
        empty_timeout: info.empty_timeout.as_secs() as u32,
        departure_timeout: info.departure_timeout.as_secs() as u32,
        max_participants: info.max_participants,
        creation_time: (info.created_unix_ms / 1000) as i64,
        creation_time_ms: info.created_unix_ms as i64,
        enabled_codecs: publish_codecs(info.video_codecs),
        metadata: info.metadata.clone(),
        num_participants: info.participants,
        active_recording: info.recording,
        ..pb::Room::default()
    }
}

/// Who may subscribe, as a publisher says it.
pub(super) fn audience(permission: &pb::SubscriptionPermission) -> Audience {
    if permission.all_participants {
        return Audience::Everybody;
    }
    let member = |permission: &pb::TrackPermission| {
        let named = |text: &String| (!text.is_empty()).then(|| text.clone());
        AudienceMember {
            id: named(&permission.participant_sid).map(ParticipantId::from),
            identity: named(&permission.participant_identity).map(Identity::from),
            tracks: (!permission.all_tracks)
                .then(|| permission.track_sids.iter().map(|s| TrackId::from(s.as_str())).collect()),
        }
    };
    Audience::Only(permission.track_permissions.iter().map(member).collect())
}

/// Why somebody is out, for the others and for receivers of webhooks.
pub(super) fn disconnect_reason(reason: LeaveReason) -> pb::DisconnectReason {
    use pb::DisconnectReason as Why;
    match reason {
        LeaveReason::ClientLeft => Why::ClientInitiated,
        LeaveReason::DuplicateIdentity => Why::DuplicateIdentity,
        LeaveReason::Removed => Why::ParticipantRemoved,
        LeaveReason::RoomEnded => Why::RoomDeleted,
        LeaveReason::ConnectionLost => Why::ConnectionTimeout,
        LeaveReason::JoinFailed => Why::JoinFailure,
        LeaveReason::SignalSlow => Why::SignalClose,
        LeaveReason::Shutdown => Why::ServerShutdown,
        LeaveReason::Moved => Why::Migration,
    }
}

/// The farewell that tells a client what to do next.
pub(super) fn leave(reason: LeaveReason, resuming: bool) -> pb::LeaveRequest {
    use pb::leave_request::Action;
    let why = match reason {
        // Nothing is known of the participant that wants to come back: it must join anew.
        LeaveReason::ConnectionLost if resuming => pb::DisconnectReason::StateMismatch,
        reason => disconnect_reason(reason),
    };
    let action = match reason {
        LeaveReason::ConnectionLost | LeaveReason::SignalSlow | LeaveReason::Shutdown => {
            Action::Reconnect
        }
        LeaveReason::ClientLeft
        | LeaveReason::DuplicateIdentity
        | LeaveReason::Removed
        | LeaveReason::RoomEnded
        | LeaveReason::Moved
        | LeaveReason::JoinFailed => Action::Disconnect,
    };
    pb::LeaveRequest {
        can_reconnect: action != Action::Disconnect,
        reason: why as i32,
        action: action as i32,
        regions: None,
    }
}
/// The relay, where one is set; never a server that the owner has not named.
pub(super) fn ice_servers(relay: Option<&Relay>) -> Vec<pb::IceServer> {
    let server = |relay: &Relay| pb::IceServer {
        urls: relay.urls.clone(),
        username: relay.username.clone(),
        credential: relay.credential.clone(),
    };
    relay.map(server).into_iter().collect()
}

pub(super) fn client_configuration(relay: Option<&Relay>) -> pb::ClientConfiguration {
    let only = relay.is_some_and(|relay| relay.only);
    let force_relay = match only {
        true => pb::ClientConfigSetting::Enabled,
        false => pb::ClientConfigSetting::Unset,
    };
    pb::ClientConfiguration { force_relay: force_relay.into(), ..Default::default() }
}
