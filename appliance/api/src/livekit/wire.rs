//! Between the sfu's nouns and LiveKit's protobufs (livekit_models.proto, livekit_rtc.proto).

// Fields that newer clients no longer need are still what older ones read.
#![expect(deprecated, reason = "older clients read and write them")]

use livekit_protocol as pb;
use prost::Message;
use roombox_control::conference::{
    Audience, AudienceMember, Codec, ConnectionQuality, DataTrackInfo, Identity, LayerInfo,
    LeaveReason, MediaKind, NewDataTrack, NewTrack, ParticipantId, ParticipantInfo,
    ParticipantState, Permissions, Quality, Relay, RoomInfo, Standing, StreamState, TrackId,
    TrackInfo, TrackSource,
};
use std::collections::HashMap;
use std::sync::Arc;

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

/// Codecs that clients may publish.
pub(super) fn publish_codecs() -> Vec<pb::Codec> {
    ["audio/opus", "audio/red", "video/VP8", "video/H264", "video/VP9", "video/AV1", "video/rtx"]
        .into_iter()
        .map(|mime| pb::Codec { mime: mime.to_owned(), fmtp_line: String::new() })
        .collect()
}

pub(super) fn mime(codec: Codec, red: bool) -> &'static str {
    match (codec, red) {
        (Codec::Opus, true) => "audio/red",
        (Codec::Opus, false) => "audio/opus",
        (Codec::Vp8, _) => "video/VP8",
        (Codec::Vp9, _) => "video/VP9",
        (Codec::Av1, _) => "video/AV1",
        (Codec::H264, _) => "video/H264",
    }
}

/// What of a track is wanted: its layers up to `best` of `layers`, or none.
pub(super) fn subscribed_quality(
    track: &TrackId,
    codec: Option<Codec>,
    layers: usize,
    best: Option<usize>,
) -> pb::SubscribedQualityUpdate {
    let all = best.is_some_and(|best| best + 1 >= layers);
    let wanted = |quality: usize| all || best.is_some_and(|best| quality <= best);
    let qualities: Vec<_> =
        [pb::VideoQuality::Low, pb::VideoQuality::Medium, pb::VideoQuality::High]
            .into_iter()
            .zip(0..)
            .map(|(quality, n)| pb::SubscribedQuality {
                quality: quality as i32,
                enabled: wanted(n),
            })
            .collect();
    let name = codec.and_then(|codec| mime(codec, false).split('/').nth(1)).unwrap_or_default();
    #[expect(deprecated, reason = "clients before per-codec qualities read nothing else")]
    pb::SubscribedQualityUpdate {
        track_sid: track.to_string(),
        subscribed_qualities: qualities.clone(),
        subscribed_codecs: vec![pb::SubscribedCodec { codec: name.to_lowercase(), qualities }],
    }
}

/// Whether a subscribed stream is paused.
pub(super) fn stream_state(state: &StreamState) -> pb::StreamStateInfo {
    let paused = if state.paused { pb::StreamState::Paused } else { pb::StreamState::Active };
    pb::StreamStateInfo {
        participant_sid: state.publisher.to_string(),
        track_sid: state.track.to_string(),
        state: paused as i32,
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

/// A codec by mime type or bare name, as `simulcast_codecs` has it.
fn codec_named(name: &str) -> Option<Codec> {
    let bare = name.rsplit('/').next().unwrap_or(name);
    match bare.to_ascii_lowercase().as_str() {
        "opus" | "red" => Some(Codec::Opus),
        "vp8" => Some(Codec::Vp8),
        "vp9" => Some(Codec::Vp9),
        "av1" => Some(Codec::Av1),
        "h264" => Some(Codec::H264),
        _ => None,
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

/// Reads an `add_track` request. What only LiveKit clients care about travels in the track's note.
pub(super) fn new_track(request: &pb::AddTrackRequest, sid: String) -> NewTrack {
    let kind = match pb::TrackType::try_from(request.r#type) {
        Ok(pb::TrackType::Video) => MediaKind::Video,
        _ => MediaKind::Audio,
    };
    let first = request.simulcast_codecs.first();
    let mut layers = match (request.layers.is_empty(), first) {
        (true, Some(codec)) => codec.layers.clone(),
        _ => request.layers.clone(),
    };
    layers.sort_by_key(|layer| layer.quality);
    let codec = first.and_then(|codec| codec_named(&codec.codec));
    let usual = ["q", "h", "f"];
    let infos = layers
        .iter()
        .enumerate()
        .map(|(n, layer)| LayerInfo {
            rid: match layer.rid.is_empty() && layers.len() > 1 {
                true => usual.get(n).copied().unwrap_or_default().to_owned(),
                false => layer.rid.clone(),
            },
            width: layer.width,
            height: layer.height,
            bitrate: layer.bitrate,
        })
        .collect();
    let template = pb::TrackInfo {
        sid: sid.clone(),
        r#type: request.r#type,
        name: request.name.clone(),
        muted: request.muted,
        width: request.width,
        height: request.height,
        simulcast: layers.len() > 1,
        disable_dtx: request.disable_dtx,
        source: request.source,
        layers: layers.clone(),
        mime_type: codec.map(|codec| mime(codec, false).to_owned()).unwrap_or_default(),
        codecs: vec![pb::SimulcastCodecInfo {
            mime_type: codec.map(|codec| mime(codec, false).to_owned()).unwrap_or_default(),
            cid: request.cid.clone(),
            layers,
            ..pb::SimulcastCodecInfo::default()
        }],
        stereo: request.stereo,
        disable_red: request.disable_red,
        encryption: request.encryption,
        stream: request.stream.clone(),
        audio_features: request.audio_features.clone(),
        backup_codec_policy: request.backup_codec_policy,
        packet_trailer_features: request.packet_trailer_features.clone(),
        ..pb::TrackInfo::default()
    };
    NewTrack {
        id: sid.into(),
        cid: request.cid.clone(),
        name: request.name.clone(),
        kind,
        source: source_from(request.source),
        muted: request.muted,
        width: request.width,
        height: request.height,
        encrypted: request.encryption != pb::encryption::Type::None as i32,
        layers: infos,
        codec,
        no_red: request.disable_red || request.encryption != pb::encryption::Type::None as i32,
        note: template.encode_to_vec().into(),
    }
}

/// A track's note with other audio features. What older clients read follows them.
pub(super) fn with_features(note: &[u8], features: Vec<i32>) -> Arc<[u8]> {
    let mut track = pb::TrackInfo::decode(note).unwrap_or_default();
    let has = |feature: pb::AudioTrackFeature| features.contains(&(feature as i32));
    track.stereo = has(pb::AudioTrackFeature::TfStereo);
    track.disable_dtx = has(pb::AudioTrackFeature::TfNoDtx);
    track.audio_features = features;
    track.encode_to_vec().into()
}

pub(super) fn track(info: &TrackInfo) -> pb::TrackInfo {
    // Tracks of other doors have no note of ours: then the nouns alone must do.
    let mut track = pb::TrackInfo::decode(&*info.note).unwrap_or_default();
    if info.note.is_empty() {
        track.layers = layers(&info.layers);
        track.simulcast = track.layers.len() > 1;
    }
    track.sid = info.id.to_string();
    track.name.clone_from(&info.name);
    track.muted = info.muted;
    track.width = info.width;
    track.height = info.height;
    track.source = source_to(info.source);
    track.mid.clone_from(&info.mid);
    track.r#type = match info.kind {
        MediaKind::Audio => pb::TrackType::Audio as i32,
        MediaKind::Video => pb::TrackType::Video as i32,
    };
    if let Some(codec) = info.codec {
        let mime = mime(codec, info.red);
        track.mime_type = mime.to_owned();
        if track.codecs.is_empty() {
            track.codecs.push(pb::SimulcastCodecInfo::default());
        }
        track.codecs[0].mime_type = mime.to_owned();
        track.codecs[0].mid.clone_from(&info.mid);
    }
    track
}

/// Layers as clients choose them: three qualities, the best of which is `High`.
fn layers(infos: &[LayerInfo]) -> Vec<pb::VideoLayer> {
    let qualities = [pb::VideoQuality::High, pb::VideoQuality::Medium, pb::VideoQuality::Low];
    let mut layers: Vec<_> = infos
        .iter()
        .rev()
        .zip(qualities)
        .map(|(layer, quality)| pb::VideoLayer {
            quality: quality as i32,
            width: layer.width,
            height: layer.height,
            bitrate: layer.bitrate,
            rid: layer.rid.clone(),
            ..pb::VideoLayer::default()
        })
        .collect();
    layers.reverse();
    layers
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

pub(super) fn data_track(info: &DataTrackInfo) -> pb::DataTrackInfo {
    pb::DataTrackInfo {
        sid: info.id.to_string(),
        pub_handle: u32::from(info.handle),
        name: info.name.clone(),
        ..pb::DataTrackInfo::decode(&*info.note).unwrap_or_default()
    }
}

/// Handles have 16 bits; 0 stands for those that have more, and is none.
pub(super) fn data_handle(handle: u32) -> u16 {
    u16::try_from(handle).unwrap_or(0)
}

/// Reads a wish to publish a data track. What only LiveKit clients care about travels in its note.
pub(super) fn new_data_track(request: pb::PublishDataTrackRequest, sid: String) -> NewDataTrack {
    let template = pb::DataTrackInfo {
        encryption: request.encryption,
        frame_encoding: request.frame_encoding,
        schema: request.schema,
        ..pb::DataTrackInfo::default()
    };
    let handle = data_handle(request.pub_handle);
    let (name, note) = (request.name, template.encode_to_vec().into());
    NewDataTrack { id: sid.into(), handle, name, note }
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
        enabled_codecs: publish_codecs(),
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
