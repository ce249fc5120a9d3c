//! One client's LiveKit session: a pure state machine between signalling messages and the room.
//!
//! ```text
//!   request ─┐                    ┌─► Action::Send (to the client)
//!            ├─► Session::… ──────┼─► Action::Command (to the room)
//!   event ───┘                    └─► Action::Close
//! ```
//! It knows no socket and no clock; recorded conversations are its tests.

mod blobs;
mod data_tracks;
mod events;
mod simulate;
mod tracks;

use super::captions::CaptionReader;
use super::data::DataSender;
use super::join::Wanted;
use super::rpc::Reply;
use super::{limits, wire};
use livekit_protocol as pb;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use roombox_control::conference::{
    Command, LeaveReason, ParticipantChange, ParticipantId, ParticipantInfo, Permissions, Relay,
    RoomInfo, RoomName, TrackId, TrackSettings, TransportMode, VideoCodecs,
};
use roombox_control::recordings::Transcribed;
use std::collections::BTreeMap;

/// What a session wants done.
#[derive(Debug, Clone)]
pub(super) enum Action {
    Send(Box<pb::SignalResponse>),
    Command(Box<Command>),
    /// Say that the client is in another room, with a token for it.
    Moved(Box<pb::RoomMovedResponse>),
    /// Give this to the call that waits for it.
    Reply(Reply),
    /// A recording of the room hears this, if there is one.
    Transcribed(Transcribed),
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
    /// The client does not change its name.
    pub name_fixed: bool,
    pub wanted: Wanted,
    /// Through which the client may come.
    pub relay: Option<Relay>,
    pub dev: bool,
}

pub(super) struct Session {
    me: ParticipantId,
    room: RoomName,
    mode: TransportMode,
    permissions: Permissions,
    name_fixed: bool,
    sender: DataSender,
    /// Said with the join, to be done once it is accepted.
    wanted: Option<Wanted>,
    relay: Option<Relay>,
    /// Own tracks by sid, with what the client calls them: those that others see and those that
    /// may still come. Only kept for the first word after a resume.
    accepted: BTreeMap<String, String>,
    resuming: bool,
    /// Oneself as the room sees it, once it has let one in.
    about_me: Option<Box<ParticipantInfo>>,
    /// In which pictures may be published, as the room said last.
    codecs: VideoCodecs,
    /// See [`Wanted::offers_one_codec`].
    offers_one_codec: bool,
    closed: bool,
    /// A limit was exceeded, and the log has it.
    excess_logged: bool,
    dev: bool,
    next_offer: u32,
    /// What a token says of oneself has changed since the client got one.
    token_is_old: bool,
}

impl Session {
    pub(super) fn new(start: SessionStart) -> Self {
        let offers_one_codec = start.wanted.offers_one_codec();
        Self {
            sender: DataSender {
                id: start.participant.clone(),
                identity: start.identity.into(),
                hidden: start.permissions.hidden,
                allowed: start.permissions.can_publish_data,
                last_sequence: 0,
                captions: CaptionReader::default(),
            },
            me: start.participant,
            room: start.room,
            mode: start.mode,
            permissions: start.permissions,
            name_fixed: start.name_fixed,
            resuming: start.wanted.resume.is_some(),
            wanted: Some(start.wanted),
            relay: start.relay,
            accepted: BTreeMap::new(),
            about_me: None,
            codecs: VideoCodecs::default(),
            offers_one_codec,
            closed: false,
            excess_logged: false,
            dev: start.dev,
            next_offer: 0,
            token_is_old: false,
        }
    }

    /// True once nothing more will be said.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Oneself as the room sees it; `None` before the first word.
    pub(super) fn about_me(&self) -> Option<&ParticipantInfo> {
        self.about_me.as_deref()
    }

    /// Whether the client should get a new token; asked once per change.
    pub(super) fn wants_token(&mut self) -> bool {
        std::mem::take(&mut self.token_is_old)
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
                vec![self.add_track(&request, new_id())]
            }
            Request::Mute(mute) => vec![self.command(|participant| Command::SetMuted {
                participant,
                track: mute.sid.into(),
                muted: mute.muted,
            })],
            Request::UpdateAudioTrack(update) => vec![self.update_audio(update)],
            Request::UpdateVideoTrack(update) => vec![self.update_video(update)],
            Request::PublishDataTrackRequest(request) => {
                vec![self.publish_data_track(request, new_id())]
            }
            Request::UnpublishDataTrackRequest(request) => {
                vec![self.unpublish_data_track(request)]
            }
            Request::UpdateDataSubscription(update) => vec![self.subscribe_data(&update)],
            Request::StoreDataBlobRequest(store) => vec![self.store_blob(store)],
            Request::GetDataBlobRequest(get) => vec![self.fetch_blob(get)],
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

    /// Whoever let the client in does so no more.
    pub(super) fn put_out(&mut self) -> Vec<Action> {
        self.closed = true;
        let reason = LeaveReason::Removed;
        vec![
            send(Response::Leave(wire::leave(reason, false))),
            self.command(|participant| Command::Leave { participant, reason }),
            Action::Close,
        ]
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
        if let Some(strange) =
            published.clone().find(|track| !self.accepted.contains_key(&track.sid))
        {
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
        if let Some(subscription) = &state.data_subscription {
            actions.push(self.subscribe_data(subscription));
        }
        let received = state.datachannel_receive_states.iter();
        let received = received.map(|state| (state.publisher_sid.as_str().into(), state.last_seq));
        let received = received.collect();
        actions.push(self.command(|participant| Command::Resend { participant, received }));
        actions
    }

    fn update_metadata(&self, update: pb::UpdateParticipantMetadata) -> Vec<Action> {
        use pb::request_response::Reason;
        let nothing = BTreeMap::new();
        let present = self.about_me().map_or(&nothing, |me| &me.attributes);
        let excess = limits::change(&update.name, &update.metadata, &update.attributes, present);
        let (reason, message) = match excess {
            _ if !self.permissions.can_update_metadata => {
                (Reason::NotAllowed, "the token does not allow canUpdateOwnMetadata".to_owned())
            }
            Err(excess) => (Reason::LimitExceeded, excess.to_string()),
            Ok(()) => (Reason::Ok, String::new()),
        };
        let request_id = update.request_id;
        // SDKs say the name with whatever else they change: the rest is done all the same.
        let name = Some(update.name).filter(|name| !self.name_fixed && !name.is_empty());
        let mut actions = Vec::new();
        if reason == Reason::Ok {
            let change = ParticipantChange {
                name,
                metadata: (!update.metadata.is_empty()).then_some(update.metadata),
                attributes: update.attributes.into_iter().collect(),
                permissions: None,
            };
            let change = Box::new(change);
            actions.push(self.command(|participant| Command::Change { participant, change }));
        }
        actions.push(respond(request_id, reason, &message));
        actions
    }
}

pub(super) fn send(message: Response) -> Action {
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
        fps: setting.fps,
        priority: setting.priority,
    }
}

fn name_of(request: &Request) -> &'static str {
    match request {
        Request::Simulate(_) => "simulate",
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
        permissions: Permissions::everything(),
        name_fixed: false,
        wanted: Wanted::default(),
        relay: None,
        dev: true,
    });
    session.request(request, 0, || "TR_fuzz".to_owned());
}
