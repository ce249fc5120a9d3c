//! Data tracks (livekit_rtc.proto): published by handle, subscribed to by sid.

use super::tracks::refuse;
use super::{Action, Session, limits, wire};
use livekit_protocol as pb;
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_response::Message as Response;
use roombox_control::conference::{Command, DataTrackRefusal, Identity, ParticipantId, TrackId};

impl Session {
    pub(super) fn publish_data_track(
        &self,
        request: pb::PublishDataTrackRequest,
        id: String,
    ) -> Action {
        if let Err(excess) = limits::data_track(&request) {
            let named = publishing(request.pub_handle);
            return refuse(named, Reason::InvalidName, &excess.to_string());
        }
        // `TR_…` like all tracks; of data tracks SDKs expect `DTR_…`.
        let track = Box::new(wire::new_data_track(request, format!("D{id}")));
        self.command(|participant| Command::PublishDataTrack { participant, track })
    }

    pub(super) fn unpublish_data_track(&self, request: pb::UnpublishDataTrackRequest) -> Action {
        let handle = wire::data_handle(request.pub_handle);
        self.command(|participant| Command::UnpublishDataTrack { participant, handle })
    }

    pub(super) fn subscribe_data(&self, update: &pb::UpdateDataSubscription) -> Action {
        let wish = |one: &pb::update_data_subscription::Update| {
            (TrackId::from(one.track_sid.as_str()), one.subscribe)
        };
        let tracks = update.updates.iter().map(wish).collect();
        self.command(|participant| Command::SubscribeData { participant, tracks })
    }
}

fn publishing(handle: u32) -> Request {
    Request::PublishDataTrack(pb::PublishDataTrackRequest {
        pub_handle: handle,
        ..pb::PublishDataTrackRequest::default()
    })
}

pub(super) fn refuse_data_track(handle: u16, why: DataTrackRefusal) -> Action {
    let reason = match why {
        DataTrackRefusal::NotAllowed => Reason::NotAllowed,
        DataTrackRefusal::TooMany => Reason::LimitExceeded,
        DataTrackRefusal::BadHandle => Reason::InvalidHandle,
        DataTrackRefusal::SameHandle => Reason::DuplicateHandle,
        DataTrackRefusal::SameName => Reason::DuplicateName,
        DataTrackRefusal::Unknown => Reason::NotFound,
    };
    let handle = u32::from(handle);
    let request = match why {
        DataTrackRefusal::Unknown => {
            Request::UnpublishDataTrack(pb::UnpublishDataTrackRequest { pub_handle: handle })
        }
        _ => publishing(handle),
    };
    refuse(request, reason, &why.to_string())
}

/// By what numbers packets of which tracks come.
pub(super) fn data_handles(handles: Vec<(u16, TrackId, ParticipantId, Identity)>) -> Response {
    let sub_handles = handles
        .into_iter()
        .map(|(handle, track, publisher, identity)| {
            let published = pb::data_track_subscriber_handles::PublishedDataTrack {
                publisher_identity: identity.to_string(),
                publisher_sid: publisher.to_string(),
                track_sid: track.to_string(),
            };
            (u32::from(handle), published)
        })
        .collect();
    Response::DataTrackSubscriberHandles(pb::DataTrackSubscriberHandles { sub_handles })
}
