//! What a session tells its client of the room.

use super::blobs::{fetched, refuse_blob, stored};
use super::data_tracks::{data_handles, refuse_data_track};
use super::tracks::refuse_track;
use super::{Action, Session, mids, respond, room_update, send, wire};
use livekit_protocol as pb;
use livekit_protocol::signal_response::Message as Response;
use roombox_control::conference::{
    Command, Event, LeaveReason, ParticipantInfo, RoomInfo, TrackId, TrackInfo, TrackRefusal,
    TransportMode,
};

impl Session {
    /// Takes an event of the room.
    pub(in super::super) fn event(
        &mut self,
        event: Event,
        mut new_id: impl FnMut() -> String,
    ) -> Vec<Action> {
        if let Event::Joined { room, .. }
        | Event::Resumed { room, .. }
        | Event::Moved { room, .. }
        | Event::Room(room) = &event
        {
            self.codecs = room.video_codecs;
        }
        match event {
            Event::Joined { room, me, others } => {
                self.about_me = Some(Box::new(me.clone()));
                // Who waits may do less than the token says, for now.
                let granted = std::mem::replace(&mut self.permissions, me.permissions.clone());
                self.sender.allowed = me.permissions.can_publish_data;
                let join = pb::JoinResponse {
                    participant: Some(wire::participant(&me)),
                    other_participants: others.iter().map(wire::participant).collect(),
                    subscriber_primary: self.mode == TransportMode::Dual && granted.can_subscribe,
                    server_version: wire::PROTOCOL_VERSION_OF.to_owned(),
                    server_info: Some(wire::server_info()),
                    enabled_publish_codecs: wire::publish_codecs(room.video_codecs),
                    ping_interval: wire::PING_INTERVAL_S,
                    ping_timeout: wire::PING_TIMEOUT_S,
                    fast_publish: self.permissions.can_publish,
                    ice_servers: wire::ice_servers(self.relay.as_ref()),
                    client_configuration: Some(wire::client_configuration(self.relay.as_ref())),
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
            Event::Moved { room, me, others } => {
                self.room = room.name.clone();
                self.about_me = Some(Box::new(me.clone()));
                // Said twice: the Rust SDK comes back with the one that it was last refreshed with.
                self.token_is_old = true;
                vec![Action::Moved(Box::new(wire::room_moved(&room, &me, &others)))]
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
                self.accept(&cid, &track.id);
                let published = Response::TrackPublished(pb::TrackPublishedResponse {
                    cid,
                    track: Some(wire::track(&track)),
                });
                let codecs = wire::subscribed_audio(&track);
                let codecs = codecs.map(Response::SubscribedAudioCodecUpdate);
                std::iter::once(published).chain(codecs).map(send).collect()
            }
            Event::TrackRefused { cid, why } => {
                use pb::request_response::Reason;
                let reason = match why {
                    TrackRefusal::NotAllowed => Reason::NotAllowed,
                    TrackRefusal::NoCodec => {
                        self.log_once("a client offers none of the codecs of its room", &cid);
                        Reason::UnsupportedType
                    }
                    TrackRefusal::Unknown => Reason::NotFound,
                    TrackRefusal::TooMany => {
                        self.log_once("a client wants to publish too many tracks", &cid);
                        Reason::LimitExceeded
                    }
                };
                vec![refuse_track(cid, reason, &why.to_string())]
            }
            Event::TrackUnpublished { track } => {
                self.accepted.remove(track.as_str());
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
            Event::LayersWanted { track, codecs } => {
                let update = wire::subscribed_quality(&track, &codecs);
                vec![send(Response::SubscribedQualityUpdate(update))]
            }
            Event::Streams(states) => {
                let stream_states = states.iter().map(wire::stream_state).collect();
                vec![send(Response::StreamStateUpdate(pb::StreamStateUpdate { stream_states }))]
            }
            Event::Quality(all) => {
                let updates = all.iter().map(wire::connection_quality).collect();
                vec![send(Response::ConnectionQuality(pb::ConnectionQualityUpdate { updates }))]
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
            Event::CodecUnsupported { track } => {
                vec![send(Response::SubscriptionResponse(pb::SubscriptionResponse {
                    track_sid: track.to_string(),
                    err: pb::SubscriptionError::SeCodecUnsupported as i32,
                }))]
            }
            Event::Data { channel, message } => {
                let Some(relayed) = self.sender.relay(channel, &message) else {
                    return Vec::new();
                };
                if let Some(reply) = relayed.reply {
                    return vec![Action::Reply(reply)];
                }
                let heard =
                    relayed.captions.into_iter().map(|piece| self.sender.transcribed(piece));
                let mut actions: Vec<Action> = heard.map(Action::Transcribed).collect();
                actions.push(Action::Command(Box::new(Command::SendData {
                    room: self.room.clone(),
                    sender: Some(self.me.clone()),
                    channel,
                    message: relayed.message,
                    to: relayed.to,
                    sequence: relayed.sequence,
                })));
                actions
            }
            Event::DataTrackPublished(track) => {
                let info = Some(wire::data_track(&track));
                vec![send(Response::PublishDataTrackResponse(pb::PublishDataTrackResponse {
                    info,
                }))]
            }
            Event::DataTrackUnpublished(track) => {
                let info = Some(wire::data_track(&track));
                vec![send(Response::UnpublishDataTrackResponse(pb::UnpublishDataTrackResponse {
                    info,
                }))]
            }
            Event::DataTrackRefused { handle, why } => vec![refuse_data_track(handle, why)],
            Event::BlobStored { request, key } => vec![stored(request, &key)],
            Event::BlobFetched { request, blob } => vec![fetched(request, &blob)],
            Event::BlobRefused { request, why } => vec![refuse_blob(request, why)],
            Event::DataHandles(handles) => vec![send(data_handles(handles))],
            Event::Closed { reason } => {
                let silent = self.closed || reason == LeaveReason::ClientLeft;
                self.closed = true;
                let resuming = self.resuming && self.about_me.is_none();
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
            actions.push(self.add_track(request, new_id()));
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
        self.about_me = Some(Box::new(me.clone()));
        let unnamed = |track: &TrackInfo| (track.id.to_string(), String::new());
        self.accepted = me.tracks.iter().map(unnamed).collect();
        self.permissions = me.permissions.clone();
        self.sender.allowed = me.permissions.can_publish_data;
        let everybody = std::iter::once(me).chain(others).map(wire::participant).collect();
        let mut actions = vec![
            send(Response::Reconnect(pb::ReconnectResponse {
                ice_servers: wire::ice_servers(self.relay.as_ref()),
                client_configuration: Some(wire::client_configuration(self.relay.as_ref())),
                server_info: Some(wire::server_info()),
                last_message_seq: self.sender.last_sequence,
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

    /// Whoever announces a track again under the same name means it instead of the first.
    fn accept(&mut self, cid: &str, track: &TrackId) {
        let published = self.about_me.iter().flat_map(|me| &me.tracks);
        let published: Vec<&str> = published.map(|track| track.id.as_str()).collect();
        self.accepted.retain(|sid, named| named != cid || published.contains(&sid.as_str()));
        self.accepted.insert(track.to_string(), cid.to_owned());
    }

    /// Tracks that others saw and see no more are gone; those that nobody saw yet may come.
    fn forget_unpublished(&mut self, now: &ParticipantInfo) {
        for before in self.about_me.iter().flat_map(|me| &me.tracks) {
            if now.tracks.iter().all(|track| track.id != before.id) {
                self.accepted.remove(before.id.as_str());
            }
        }
    }

    fn participants(&mut self, infos: &[ParticipantInfo]) -> Vec<Action> {
        if let Some(me) = infos.iter().find(|info| info.id == self.me) {
            self.token_is_old |= self.about_me().is_some_and(|before| {
                let of_token = |info: &ParticipantInfo| {
                    let ParticipantInfo { permissions, name, metadata, attributes, .. } = info;
                    (permissions.clone(), name.clone(), metadata.clone(), attributes.clone())
                };
                of_token(before) != of_token(me)
            });
            self.permissions = me.permissions.clone();
            self.sender.allowed = me.permissions.can_publish_data;
            self.sender.hidden = me.permissions.hidden;
            self.forget_unpublished(me);
            self.about_me = Some(Box::new(me.clone()));
        }
        let participants = infos.iter().map(wire::participant).collect();
        vec![send(Response::Update(pb::ParticipantUpdate { participants }))]
    }
}
