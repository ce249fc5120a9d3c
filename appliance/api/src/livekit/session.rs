//! One client's LiveKit session: a pure state machine between signalling messages and the room.
//!
//! ```text
//!   request ─┐                    ┌─► Action::Send (to the client)
//!            ├─► Session::… ──────┼─► Action::Command (to the room)
//!   event ───┘                    └─► Action::Close
//! ```
//! It knows no socket and no clock; recorded conversations are its tests.

use super::data::DataSender;
use super::join::Wanted;
use super::wire;
use livekit_protocol as pb;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use roombox_control::conference::{
    Command, Event, LeaveReason, ParticipantChange, ParticipantId, ParticipantInfo, Permissions,
    RoomInfo, RoomName, TrackId, TrackSettings, TransportMode,
};
use std::collections::{BTreeMap, BTreeSet};

/// Limits as LiveKit has them.
const MAX_METADATA: usize = 512 * 1024;
const MAX_ATTRIBUTES: usize = 64 * 1024;
const MAX_NAME: usize = 256;

/// What a session wants done.
#[derive(Debug, Clone)]
pub(super) enum Action {
    Send(Box<pb::SignalResponse>),
    Command(Box<Command>),
    /// Close the connection after what was sent.
    Close,
    /// Drop the connection without a word (a simulated fault, in dev mode).
    Drop,
}

/// How a session begins.
pub(super) struct SessionStart {
    pub participant: ParticipantId,
    pub identity: String,
    pub room: RoomName,
    pub mode: TransportMode,
    pub permissions: Permissions,
    pub wanted: Wanted,
    pub dev: bool,
}

pub(super) struct Session {
    me: ParticipantId,
    room: RoomName,
    mode: TransportMode,
    permissions: Permissions,
    sender: DataSender,
    /// Said with the join, to be done once it is accepted.
    wanted: Option<Wanted>,
    /// Own tracks that others see. Only kept for the first word after a resume.
    accepted: BTreeSet<String>,
    resuming: bool,
    greeted: bool,
    closed: bool,
    dev: bool,
    next_offer: u32,
}

impl Session {
    pub(super) fn new(start: SessionStart) -> Self {
        Self {
            sender: DataSender {
                id: start.participant.clone(),
                identity: start.identity.into(),
                hidden: start.permissions.hidden,
                allowed: start.permissions.can_publish_data,
                last_sequence: 0,
            },
            me: start.participant,
            room: start.room,
            mode: start.mode,
            permissions: start.permissions,
            resuming: start.wanted.resume.is_some(),
            wanted: Some(start.wanted),
            accepted: BTreeSet::new(),
            greeted: false,
            closed: false,
            dev: start.dev,
            next_offer: 0,
        }
    }

    /// True once nothing more will be said.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    fn command(&self, make: impl FnOnce(ParticipantId) -> Command) -> Action {
        Action::Command(Box::new(make(self.me.clone())))
    }

    /// Takes a message of the client. `unix_ms` is the wall clock; `new_id` makes track ids.
    pub(super) fn request(
        &mut self,
        request: Request,
        unix_ms: i64,
        mut new_id: impl FnMut() -> String,
    ) -> Vec<Action> {
        let participant = self.me.clone();
        match request {
            Request::Offer(offer) => vec![self.command(|participant| Command::Offer {
                participant,
                id: offer.id,
                sdp: offer.sdp,
            })],
            Request::Answer(answer) => {
                vec![self.command(|participant| Command::Answer { participant, sdp: answer.sdp })]
            }
            Request::AddTrack(request) => {
                let track = Box::new(wire::new_track(&request, new_id()));
                vec![self.command(|participant| Command::AddTrack { participant, track })]
            }
            Request::Mute(mute) => vec![self.command(|participant| Command::SetMuted {
                participant,
                track: mute.sid.into(),
                muted: mute.muted,
            })],
            Request::Subscription(subscription) => self.subscription(&subscription),
            Request::TrackSetting(setting) => {
                vec![self.command(|participant| Command::TrackSettings {
                    participant,
                    tracks: ids(&setting.track_sids),
                    settings: settings_of(&setting),
                })]
            }
            Request::SubscriptionPermission(permission) => {
                let audience = wire::audience(&permission);
                vec![self.command(|participant| Command::SetAudience { participant, audience })]
            }
            Request::Leave(_) => {
                self.closed = true;
                let reason = LeaveReason::ClientLeft;
                vec![
                    self.command(|participant| Command::Leave { participant, reason }),
                    Action::Close,
                ]
            }
            Request::SyncState(state) => self.sync(&state),
            Request::UpdateMetadata(update) => self.update_metadata(update),
            Request::Ping(_) => vec![send(Response::Pong(unix_ms))],
            Request::PingReq(ping) => vec![send(Response::PongResp(pb::Pong {
                last_ping_timestamp: ping.timestamp,
                timestamp: unix_ms,
            }))],
            Request::Simulate(simulate) if self.dev => self.simulate(&simulate),
            // ICE-lite: the client's candidates are learnt from its checks.
            Request::Trickle(_) => Vec::new(),
            other => {
                tracing::debug!(%participant, message = name_of(&other), "not supported");
                Vec::new()
            }
        }
    }

    fn subscription(&self, subscription: &pb::UpdateSubscription) -> Vec<Action> {
        let mut tracks = ids(&subscription.track_sids);
        for of_participant in &subscription.participant_tracks {
            tracks.extend(ids(&of_participant.track_sids));
        }
        let on = subscription.subscribe;
        vec![self.command(|participant| Command::Subscribe { participant, tracks, on })]
    }

    /// After a resume the client says what it had. If it publishes what we do not know, only a
    /// new join brings both to the same state.
    fn sync(&mut self, state: &pb::SyncState) -> Vec<Action> {
        let published = state.publish_tracks.iter().filter_map(|p| p.track.as_ref());
        if let Some(strange) = published.clone().find(|track| !self.accepted.contains(&track.sid)) {
            tracing::info!(track = strange.sid, "a client publishes a track that is unknown");
            self.closed = true;
            let reason = LeaveReason::ConnectionLost;
            return vec![
                send(Response::Leave(wire::leave(reason, true))),
                self.command(|participant| Command::Leave { participant, reason }),
                Action::Close,
            ];
        }
        let mut actions = Vec::new();
        if !state.track_sids_disabled.is_empty() {
            actions.push(self.command(|participant| Command::TrackSettings {
                participant,
                tracks: ids(&state.track_sids_disabled),
                settings: TrackSettings { disabled: true, ..TrackSettings::default() },
            }));
        }
        if let Some(subscription) = &state.subscription {
            actions.extend(self.subscription(subscription));
        }
        actions
    }

    fn update_metadata(&self, update: pb::UpdateParticipantMetadata) -> Vec<Action> {
        use pb::request_response::Reason;
        let attributes: usize = update.attributes.iter().map(|(k, v)| k.len() + v.len()).sum();
        let too_long = update.metadata.len() > MAX_METADATA
            || attributes > MAX_ATTRIBUTES
            || update.name.chars().count() > MAX_NAME;
        let (reason, message) = if !self.permissions.can_update_metadata {
            (Reason::NotAllowed, "the token does not allow canUpdateOwnMetadata")
        } else if too_long {
            (Reason::LimitExceeded, "name, metadata or attributes are too long")
        } else {
            (Reason::Ok, "")
        };
        let request_id = update.request_id;
        let mut actions = Vec::new();
        if reason == Reason::Ok {
            let change = ParticipantChange {
                name: (!update.name.is_empty()).then_some(update.name),
                metadata: (!update.metadata.is_empty()).then_some(update.metadata),
                attributes: update.attributes.into_iter().collect(),
                permissions: None,
            };
            let change = Box::new(change);
            actions.push(self.command(|participant| Command::Change { participant, change }));
        }
        actions.push(respond(request_id, reason, message));
        actions
    }

    fn simulate(&mut self, simulate: &pb::SimulateScenario) -> Vec<Action> {
        use pb::simulate_scenario::Scenario;
        match simulate.scenario {
            Some(Scenario::NodeFailure(_) | Scenario::DisconnectSignalOnResume(_)) => {
                vec![Action::Drop]
            }
            Some(Scenario::DisconnectSignalOnResumeNoMessages(_)) => vec![Action::Drop],
            Some(Scenario::ServerLeave(_)) => {
                vec![send(Response::Leave(wire::leave(LeaveReason::Removed, false)))]
            }
            Some(Scenario::LeaveRequestFullReconnect(_)) => {
                vec![send(Response::Leave(wire::leave(LeaveReason::Shutdown, false)))]
            }
            _ => Vec::new(),
        }
    }

    /// Takes an event of the room.
    pub(super) fn event(
        &mut self,
        event: Event,
        mut new_id: impl FnMut() -> String,
    ) -> Vec<Action> {
        match event {
            Event::Joined { room, me, others } => {
                self.greeted = true;
                let join = pb::JoinResponse {
                    participant: Some(wire::participant(&me)),
                    other_participants: others.iter().map(wire::participant).collect(),
                    subscriber_primary: self.mode == TransportMode::Dual
                        && self.permissions.can_subscribe,
                    server_version: wire::PROTOCOL_VERSION_OF.to_owned(),
                    server_info: Some(wire::server_info()),
                    enabled_publish_codecs: wire::publish_codecs(),
                    ping_interval: wire::PING_INTERVAL_S,
                    ping_timeout: wire::PING_TIMEOUT_S,
                    fast_publish: self.permissions.can_publish,
                    client_configuration: Some(pb::ClientConfiguration::default()),
                    // Would mark frames that the server makes itself. There are none, but clients
                    // that encrypt look for this at the end of every frame.
                    sif_trailer: room.sid.clone().into_bytes(),
                    room: Some(wire::room(&room)),
                    ..pb::JoinResponse::default()
                };
                let mut actions = vec![send(Response::Join(join))];
                actions.extend(self.first_wishes(&mut new_id));
                actions
            }
            Event::Resumed { room, me, others, last_sequence } => {
                self.sender.last_sequence = last_sequence;
                self.resumed(&room, &me, &others)
            }
            Event::Answer { id, sdp, tracks } => {
                vec![send(Response::Answer(pb::SessionDescription {
                    r#type: "answer".to_owned(),
                    sdp,
                    id,
                    mid_to_track_id: mids(tracks),
                }))]
            }
            Event::Offer { sdp, tracks } => {
                self.next_offer += 1;
                vec![send(Response::Offer(pb::SessionDescription {
                    r#type: "offer".to_owned(),
                    sdp,
                    id: self.next_offer,
                    mid_to_track_id: mids(tracks),
                }))]
            }
            Event::OfferRefused { reason, .. } => {
                // The protocol has no "no" to an offer: say it where clients log it.
                let reason = format!("the offer was refused: {reason}");
                vec![respond(0, pb::request_response::Reason::InvalidRequest, &reason)]
            }
            Event::SectionsWanted { audios, videos } => {
                vec![send(Response::MediaSectionsRequirement(pb::MediaSectionsRequirement {
                    num_audios: audios,
                    num_videos: videos,
                }))]
            }
            Event::Participants(infos) => self.participants(&infos),
            Event::TrackAccepted { cid, track } => {
                self.accepted.insert(track.id.to_string());
                vec![send(Response::TrackPublished(pb::TrackPublishedResponse {
                    cid,
                    track: Some(wire::track(&track)),
                }))]
            }
            Event::TrackRefused { cid } => {
                vec![send(Response::RequestResponse(pb::RequestResponse {
                    reason: pb::request_response::Reason::NotAllowed as i32,
                    message: "the token does not allow to publish this source".to_owned(),
                    request: Some(pb::request_response::Request::AddTrack(pb::AddTrackRequest {
                        cid,
                        ..pb::AddTrackRequest::default()
                    })),
                    ..pb::RequestResponse::default()
                }))]
            }
            Event::TrackUnpublished { track } => {
                vec![send(Response::TrackUnpublished(pb::TrackUnpublishedResponse {
                    track_sid: track.to_string(),
                }))]
            }
            Event::Muted { track, muted } => {
                vec![send(Response::Mute(pb::MuteTrackRequest { sid: track.to_string(), muted }))]
            }
            Event::Room(info) => vec![send(room_update(&info))],
            Event::Speakers(levels) => {
                let speakers = levels
                    .into_iter()
                    .map(|level| pb::SpeakerInfo {
                        sid: level.participant.to_string(),
                        level: level.level,
                        active: level.active,
                    })
                    .collect();
                vec![send(Response::SpeakersChanged(pb::SpeakersChanged { speakers }))]
            }
            Event::TrackSubscribed { track } => {
                vec![send(Response::TrackSubscribed(pb::TrackSubscribed {
                    track_sid: track.to_string(),
                }))]
            }
            Event::SubscriptionAllowed { publisher, track, allowed } => {
                vec![send(Response::SubscriptionPermissionUpdate(
                    pb::SubscriptionPermissionUpdate {
                        participant_sid: publisher.to_string(),
                        track_sid: track.to_string(),
                        allowed,
                    },
                ))]
            }
            Event::Data { channel, message } => {
                let Some(relayed) = self.sender.relay(channel, &message) else {
                    return Vec::new();
                };
                vec![Action::Command(Box::new(Command::SendData {
                    room: self.room.clone(),
                    sender: Some(self.me.clone()),
                    channel,
                    message: relayed.message,
                    to: relayed.to,
                    sequence: relayed.sequence,
                }))]
            }
            Event::Closed { reason } => {
                let silent = self.closed || reason == LeaveReason::ClientLeft;
                self.closed = true;
                let resuming = self.resuming && !self.greeted;
                match silent {
                    true => vec![Action::Close],
                    false => {
                        vec![send(Response::Leave(wire::leave(reason, resuming))), Action::Close]
                    }
                }
            }
        }
    }

    fn first_wishes(&mut self, new_id: &mut impl FnMut() -> String) -> Vec<Action> {
        let Some(wanted) = self.wanted.take() else {
            return Vec::new();
        };
        let mut actions = Vec::new();
        for request in &wanted.add_tracks {
            let track = Box::new(wire::new_track(request, new_id()));
            actions.push(self.command(|participant| Command::AddTrack { participant, track }));
        }
        if let Some(offer) = wanted.offer {
            actions.push(self.command(|participant| Command::Offer {
                participant,
                id: offer.id,
                sdp: offer.sdp,
            }));
        }
        actions
    }

    fn resumed(
        &mut self,
        room: &RoomInfo,
        me: &ParticipantInfo,
        others: &[ParticipantInfo],
    ) -> Vec<Action> {
        self.greeted = true;
        self.accepted = me.tracks.iter().map(|track| track.id.to_string()).collect();
        self.permissions = me.permissions.clone();
        self.sender.allowed = me.permissions.can_publish_data;
        let everybody = std::iter::once(me).chain(others).map(wire::participant).collect();
        let mut actions = vec![
            send(Response::Reconnect(pb::ReconnectResponse {
                client_configuration: Some(pb::ClientConfiguration::default()),
                server_info: Some(wire::server_info()),
                last_message_seq: self.sender.last_sequence,
                ..pb::ReconnectResponse::default()
            })),
            send(Response::Update(pb::ParticipantUpdate { participants: everybody })),
            send(room_update(room)),
        ];
        if let Some(wanted) = self.wanted.take() {
            if let Some(state) = &wanted.sync_state {
                actions.extend(self.sync(state));
            }
            if let Some(offer) = wanted.offer {
                let (id, sdp) = (offer.id, offer.sdp);
                actions.push(self.command(|participant| Command::Offer { participant, id, sdp }));
            }
        }
        actions
    }

    fn participants(&mut self, infos: &[ParticipantInfo]) -> Vec<Action> {
        if let Some(me) = infos.iter().find(|info| info.id == self.me) {
            self.permissions = me.permissions.clone();
            self.sender.allowed = me.permissions.can_publish_data;
            self.sender.hidden = me.permissions.hidden;
        }
        let participants = infos.iter().map(wire::participant).collect();
        vec![send(Response::Update(pb::ParticipantUpdate { participants }))]
    }
}

fn send(message: Response) -> Action {
    Action::Send(Box::new(pb::SignalResponse { message: Some(message) }))
}

fn respond(request_id: u32, reason: pb::request_response::Reason, message: &str) -> Action {
    send(Response::RequestResponse(pb::RequestResponse {
        request_id,
        reason: reason as i32,
        message: message.to_owned(),
        request: None,
    }))
}

fn room_update(info: &RoomInfo) -> Response {
    Response::RoomUpdate(pb::RoomUpdate { room: Some(wire::room(info)) })
}

fn ids(sids: &[String]) -> Vec<TrackId> {
    sids.iter().map(|sid| TrackId::from(sid.as_str())).collect()
}

fn mids(tracks: Vec<(String, TrackId)>) -> std::collections::HashMap<String, String> {
    let tracks: BTreeMap<_, _> = tracks.into_iter().collect();
    tracks.into_iter().map(|(mid, track)| (mid, track.to_string())).collect()
}

/// Clients with adaptive stream say the tile's size, others a quality.
fn settings_of(setting: &pb::UpdateTrackSettings) -> TrackSettings {
    let by_size = setting.width > 0 && setting.height > 0;
    let off = setting.quality == pb::VideoQuality::Off as i32;
    TrackSettings {
        disabled: setting.disabled || off,
        layer: (!by_size).then_some(setting.quality.clamp(0, 2) as usize),
        width: setting.width,
        height: setting.height,
    }
}

fn name_of(request: &Request) -> &'static str {
    match request {
        Request::Simulate(_) => "simulate",
        Request::UpdateAudioTrack(_) => "update_audio_track",
        Request::UpdateVideoTrack(_) => "update_video_track",
        Request::PublishDataTrackRequest(_) => "publish_data_track",
        Request::UnpublishDataTrackRequest(_) => "unpublish_data_track",
        Request::UpdateDataSubscription(_) => "update_data_subscription",
        Request::StoreDataBlobRequest(_) => "store_data_blob",
        Request::GetDataBlobRequest(_) => "get_data_blob",
        _ => "message",
    }
}

#[cfg(test)]
mod tests;

/// Entry for the fuzzer: any bytes as a signalling message to a fresh session.
pub fn fuzz_signal(bytes: &[u8]) {
    use prost::Message as _;
    let Ok(pb::SignalRequest { message: Some(request) }) = pb::SignalRequest::decode(bytes) else {
        return;
    };
    let mut session = Session::new(SessionStart {
        participant: "PA_fuzz".into(),
        identity: "fuzz".to_owned(),
        room: "fuzz".into(),
        mode: TransportMode::Single,
        permissions: Permissions {
            can_publish: true,
            can_subscribe: true,
            can_publish_data: true,
            publish_sources: Vec::new(),
            can_update_metadata: true,
            hidden: false,
            recorder: false,
        },
        wanted: Wanted::default(),
        dev: true,
    });
    session.request(request, 0, || "TR_fuzz".to_owned());
}
