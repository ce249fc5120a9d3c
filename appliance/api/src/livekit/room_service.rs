//! LiveKit's RoomService (livekit_room.proto).

use super::entrance::unix_ms;
use super::limits;
use super::rpc::RpcFailure;
use super::twirp::{Answer, Call, Refused, refused, too_much};
use super::{LivekitDoor, wire};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use livekit_protocol as pb;
use prost::Message;
use roombox_control::conference::{
    Channel, Command, Identity, LeaveReason, ParticipantChange, ParticipantInfo, Recipients,
    RoomName, RoomView,
};
use std::time::Duration;

pub(super) async fn call(
    State(door): State<LivekitDoor>,
    Path(method): Path<String>,
    request: Request,
) -> Response {
    let call = match Call::read(&door, request).await {
        Ok(call) => call,
        Err(refusal) => return refusal,
    };
    let answer = match method.as_str() {
        "CreateRoom" => call.create_room().await,
        "ListRooms" => call.list_rooms().await,
        "DeleteRoom" => call.delete_room().await,
        "ListParticipants" => call.list_participants().await,
        "GetParticipant" => call.get_participant().await,
        "RemoveParticipant" => call.remove_participant().await,
        "MutePublishedTrack" => call.mute_track().await,
        "UpdateParticipant" => call.update_participant().await,
        "UpdateSubscriptions" => call.update_subscriptions().await,
        "SendData" => call.send_data().await,
        "UpdateRoomMetadata" => call.update_room_metadata().await,
        "PerformRpc" => call.perform_rpc().await,
        "MoveParticipant" => call.move_participant().await,
        "ForwardParticipant" => Err(refused(
            "unimplemented",
            "ForwardParticipant is not implemented: nobody can be in two rooms of this box at once",
        )),
        _ => Err(refused("bad_route", format!("RoomService has no method {method}"))),
    };
    answer.unwrap_or_else(IntoResponse::into_response)
}

impl Call<'_> {
    fn administers(&self, room: &str) -> Result<(), Refused> {
        self.granted(self.claims.video.administers(room))
    }

    fn command(&self, room: &RoomName, command: Command) -> Result<(), Refused> {
        let conference = &self.door.conference;
        conference.command(room, command).map_err(|busy| refused("unavailable", busy.to_string()))
    }

    async fn view(&self, room: &str) -> Result<RoomView, Refused> {
        let rooms = self.door.conference.list().await;
        rooms
            .into_iter()
            .find(|view| view.info.name.as_str() == room)
            .ok_or_else(|| refused("not_found", "requested room does not exist"))
    }

    async fn participant(&self, room: &str, identity: &str) -> Result<ParticipantInfo, Refused> {
        let view = self.view(room).await?;
        view.participants
            .into_iter()
            .find(|info| info.identity.as_str() == identity)
            .ok_or_else(|| refused("not_found", "participant does not exist"))
    }

    async fn create_room(&self) -> Answer {
        let request: pb::CreateRoomRequest = self.request()?;
        self.granted(self.claims.video.room_create)?;
        if request.name.is_empty() {
            return Err(refused("invalid_argument", "name is missing"));
        }
        limits::name("name", &request.name).map_err(too_much)?;
        limits::metadata(&request.metadata).map_err(too_much)?;
        let name = RoomName::from(request.name.as_str());
        let conference = &self.door.conference;
        let mut options = match conference.room_options(&name, &self.claims.iss) {
            Ok(options) => options,
            Err(error) => return Err(refused("failed_precondition", error.to_string())),
        };
        options.metadata = request.metadata;
        options.max_participants = match request.max_participants {
            0 => options.max_participants,
            wanted => wanted,
        };
        if request.empty_timeout > 0 {
            options.empty_timeout = Duration::from_secs(request.empty_timeout.into());
        }
        if request.departure_timeout > 0 {
            options.departure_timeout = Duration::from_secs(request.departure_timeout.into());
        }
        self.command(&name, Command::OpenRoom { room: name.clone(), options })?;
        self.answer(&wire::room(&self.view(name.as_str()).await?.info))
    }

    async fn list_rooms(&self) -> Answer {
        let request: pb::ListRoomsRequest = self.request()?;
        self.granted(self.claims.video.room_list)?;
        let rooms = self.door.conference.list().await;
        let wanted = |view: &&RoomView| {
            request.names.is_empty()
                || request.names.iter().any(|name| name == view.info.name.as_str())
        };
        let rooms = rooms.iter().filter(wanted).map(|view| wire::room(&view.info)).collect();
        self.answer(&pb::ListRoomsResponse { rooms })
    }

    async fn delete_room(&self) -> Answer {
        let request: pb::DeleteRoomRequest = self.request()?;
        self.granted(self.claims.video.room_create)?;
        let room = self.view(&request.room).await?.info.name;
        self.command(&room, Command::EndRoom { room: room.clone() })?;
        self.answer(&pb::DeleteRoomResponse {})
    }

    async fn list_participants(&self) -> Answer {
        let request: pb::ListParticipantsRequest = self.request()?;
        self.administers(&request.room)?;
        let view = self.view(&request.room).await?;
        let participants = view.participants.iter().map(wire::participant).collect();
        self.answer(&pb::ListParticipantsResponse { participants })
    }

    async fn get_participant(&self) -> Answer {
        let request: pb::RoomParticipantIdentity = self.request()?;
        self.administers(&request.room)?;
        let info = self.participant(&request.room, &request.identity).await?;
        self.answer(&wire::participant(&info))
    }

    async fn remove_participant(&self) -> Answer {
        let request: pb::RoomParticipantIdentity = self.request()?;
        self.administers(&request.room)?;
        let info = self.participant(&request.room, &request.identity).await?;
        let (participant, reason) = (info.id, LeaveReason::Removed);
        self.command(&request.room.as_str().into(), Command::Leave { participant, reason })?;
        self.answer(&pb::RemoveParticipantResponse {})
    }

    async fn mute_track(&self) -> Answer {
        let request: pb::MuteRoomTrackRequest = self.request()?;
        self.administers(&request.room)?;
        if !request.muted {
            return Err(refused("failed_precondition", "remote unmute not enabled"));
        }
        let info = self.participant(&request.room, &request.identity).await?;
        let track = info.tracks.into_iter().find(|t| t.id.as_str() == request.track_sid);
        let mut track = track.ok_or_else(|| refused("not_found", "track does not exist"))?;
        let room = RoomName::from(request.room.as_str());
        let muted = request.muted;
        let (id, target) = (track.id.clone(), room.clone());
        self.command(&room, Command::MuteTrack { room: target, track: id, muted })?;
        track.muted = muted;
        self.answer(&pb::MuteRoomTrackResponse { track: Some(wire::track(&track)) })
    }

    async fn update_participant(&self) -> Answer {
        let request: pb::UpdateParticipantRequest = self.request()?;
        self.administers(&request.room)?;
        let info = self.participant(&request.room, &request.identity).await?;
        let present = &info.attributes;
        limits::change(&request.name, &request.metadata, &request.attributes, present)
            .map_err(too_much)?;
        let change = ParticipantChange {
            name: (!request.name.is_empty()).then_some(request.name),
            metadata: (!request.metadata.is_empty()).then_some(request.metadata),
            attributes: request.attributes.into_iter().collect(),
            permissions: request.permission.as_ref().map(wire::permissions_from),
        };
        let change = Box::new(change);
        let participant = info.id;
        let room = request.room.as_str().into();
        self.command(&room, Command::Change { participant, change })?;
        let info = self.participant(&request.room, &request.identity).await?;
        self.answer(&wire::participant(&info))
    }

    async fn update_subscriptions(&self) -> Answer {
        let request: pb::UpdateSubscriptionsRequest = self.request()?;
        self.administers(&request.room)?;
        let participant = self.participant(&request.room, &request.identity).await?.id;
        let of_participants = request.participant_tracks.iter().flat_map(|p| &p.track_sids);
        let sids = request.track_sids.iter().chain(of_participants);
        let tracks = sids.map(|sid| sid.as_str().into()).collect();
        let on = request.subscribe;
        let room = request.room.as_str().into();
        self.command(&room, Command::Subscribe { participant, tracks, on })?;
        self.answer(&pb::UpdateSubscriptionsResponse {})
    }

    async fn send_data(&self) -> Answer {
        let request: pb::SendDataRequest = self.request()?;
        self.administers(&request.room)?;
        if !request.nonce.is_empty() && request.nonce.len() != 16 {
            return Err(refused("invalid_argument", "nonce must have 16 bytes"));
        }
        let room = self.view(&request.room).await?.info.name;
        let identities = request.destination_identities.clone();
        #[expect(deprecated, reason = "older server SDKs still send sids")]
        let sids = request.destination_sids;
        let to = if identities.is_empty() && sids.is_empty() {
            Recipients::Everybody
        } else {
            Recipients::Only {
                participants: sids.iter().map(|sid| sid.as_str().into()).collect(),
                identities: identities.iter().map(|i| Identity::from(i.as_str())).collect(),
            }
        };
        let lossy = request.kind == pb::data_packet::Kind::Lossy as i32;
        let packet = pb::DataPacket {
            destination_identities: identities,
            value: Some(pb::data_packet::Value::User(pb::UserPacket {
                payload: request.data,
                topic: request.topic,
                nonce: request.nonce,
                start_time: Some(unix_ms()),
                ..pb::UserPacket::default()
            })),
            ..pb::DataPacket::default()
        };
        self.command(
            &room,
            Command::SendData {
                room: room.clone(),
                sender: None,
                channel: if lossy { Channel::Lossy } else { Channel::Reliable },
                message: packet.encode_to_vec(),
                to,
                sequence: 0,
            },
        )?;
        self.answer(&pb::SendDataResponse {})
    }

    async fn move_participant(&self) -> Answer {
        let request: pb::MoveParticipantRequest = self.request()?;
        let (from, to) = (request.room.as_str(), request.destination_room.as_str());
        self.granted(self.claims.video.moves(from, to))?;
        if to.is_empty() || to == from {
            return Err(refused("invalid_argument", "destination_room must be another room"));
        }
        limits::name("destination_room", to).map_err(too_much)?;
        let info = self.participant(from, &request.identity).await?;
        let (from, to) = (RoomName::from(from), RoomName::from(to));
        let conference = &self.door.conference;
        let options = conference
            .room_options(&to, &self.claims.iss)
            .map_err(|error| refused("failed_precondition", error.to_string()))?;
        if !conference.beside(&to, &from) {
            return Err(refused(
                "failed_precondition",
                "destination_room is open on another media thread of the box: \
                 people can join it, but not be moved there",
            ));
        }
        let (participant, there) = (info.id.clone(), to.clone());
        self.command(&from, Command::Move { participant, to: there, options })?;
        match self.participant(to.as_str(), &request.identity).await {
            Ok(moved) if moved.id == info.id => self.answer(&pb::MoveParticipantResponse {}),
            _ => Err(refused(
                "failed_precondition",
                "the participant cannot be moved: the room is full, or it waits in the lobby, came \
                 by WHIP or has left",
            )),
        }
    }

    async fn perform_rpc(&self) -> Answer {
        let request: pb::PerformRpcRequest = self.request()?;
        self.administers(&request.room)?;
        if request.destination_identity.is_empty() {
            return Err(refused("invalid_argument", "destination_identity is missing"));
        }
        limits::name("method", &request.method).map_err(too_much)?;
        let callee = self.participant(&request.room, &request.destination_identity).await?;
        if callee.standing.waits() {
            return Err(refused("failed_precondition", "who waits in the lobby cannot be called"));
        }
        let failed = |failure: RpcFailure| refused(failure.twirp(), failure.to_string());
        let room = RoomName::from(request.room.as_str());
        let number = self.door.conference.new_id("RPC_");
        let to = vec![callee.id.clone()];
        let (message, call) = self.door.calls.begin(number, callee.id, request).map_err(failed)?;
        self.command(
            &room,
            Command::SendData {
                room: room.clone(),
                sender: None,
                channel: Channel::Reliable,
                message,
                to: Recipients::Only { participants: to, identities: Vec::new() },
                sequence: 0,
            },
        )?;
        let payload = call.answer().await.map_err(failed)?;
        self.answer(&pb::PerformRpcResponse { payload })
    }

    async fn update_room_metadata(&self) -> Answer {
        let request: pb::UpdateRoomMetadataRequest = self.request()?;
        self.administers(&request.room)?;
        limits::metadata(&request.metadata).map_err(too_much)?;
        let room = self.view(&request.room).await?.info.name;
        let metadata = request.metadata;
        self.command(&room, Command::SetRoomMetadata { room: room.clone(), metadata })?;
        self.answer(&wire::room(&self.view(room.as_str()).await?.info))
    }
}
