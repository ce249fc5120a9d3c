//! What a client says of its own tracks.

use super::{Action, Session, limits, send, wire};
use livekit_protocol as pb;
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_response::Message as Response;
use roombox_control::conference::{Command, TrackInfo, TrackRefusal};

impl Session {
    pub(super) fn add_track(&mut self, request: &pb::AddTrackRequest, id: String) -> Action {
        if let Err(excess) = limits::track(request) {
            self.log_once("a client's track is described at too great length", &request.cid);
            return refuse_track(request.cid.clone(), Reason::LimitExceeded, &excess.to_string());
        }
        if !request.sid.is_empty() {
            return self.add_backup(request);
        }
        let asked = wire::asked_codec(request).filter(|codec| !self.codecs.allow(*codec));
        if asked.is_some() && self.offers_one_codec {
            self.log_once("a program asks for a codec that its room does not take", &request.cid);
            let why = TrackRefusal::NoCodec.to_string();
            return refuse_track(request.cid.clone(), Reason::UnsupportedType, &why);
        }
        let track = Box::new(wire::new_track(request, id, self.codecs));
        self.command(|participant| Command::AddTrack { participant, track })
    }

    /// One of its tracks in a second codec.
    fn add_backup(&self, request: &pb::AddTrackRequest) -> Action {
        let track = self.own_track(&request.sid);
        match track.and_then(|track| wire::new_backup(request, track)) {
            Some(backup) => {
                let backup = Box::new(backup);
                self.command(|participant| Command::AddBackup { participant, backup })
            }
            None => refuse_track(request.cid.clone(), Reason::NotFound, UNKNOWN),
        }
    }

    /// Clients that go too far do so again and again: the log hears of it once.
    pub(super) fn log_once(&mut self, what: &'static str, cid: &str) {
        if !std::mem::replace(&mut self.excess_logged, true) {
            let bytes = cid.len();
            tracing::warn!(participant = %self.me, cid_bytes = bytes, "{what}");
        }
    }

    /// Other features of a microphone: noise suppression was switched on, say.
    pub(super) fn update_audio(&self, update: pb::UpdateLocalAudioTrack) -> Action {
        if let Err(excess) = limits::features(&update.features) {
            let request = Request::UpdateAudioTrack(pb::UpdateLocalAudioTrack {
                track_sid: update.track_sid,
                features: Vec::new(),
            });
            return refuse(request, Reason::LimitExceeded, &excess.to_string());
        }
        match self.own_track(&update.track_sid) {
            Some(track) => {
                let note = Some(wire::with_features(&track.note, update.features));
                let track = track.id.clone();
                self.command(|participant| Command::Redescribe {
                    participant,
                    track,
                    size: None,
                    note,
                })
            }
            None => refuse(Request::UpdateAudioTrack(update), Reason::NotFound, UNKNOWN),
        }
    }

    /// Another size of a picture: a window that is shared was enlarged, say.
    pub(super) fn update_video(&self, update: pb::UpdateLocalVideoTrack) -> Action {
        match self.own_track(&update.track_sid) {
            Some(track) => {
                let (track, size) = (track.id.clone(), Some((update.width, update.height)));
                self.command(|participant| Command::Redescribe {
                    participant,
                    track,
                    size,
                    note: None,
                })
            }
            None => refuse(Request::UpdateVideoTrack(update), Reason::NotFound, UNKNOWN),
        }
    }

    fn own_track(&self, sid: &str) -> Option<&TrackInfo> {
        self.about_me()?.tracks.iter().find(|track| track.id.as_str() == sid)
    }
}

const UNKNOWN: &str = "you publish no track with this sid";

/// No to a wish to publish, which names it, so that the client can tell which one it was.
pub(super) fn refuse_track(cid: String, reason: Reason, message: &str) -> Action {
    let track = pb::AddTrackRequest { cid, ..pb::AddTrackRequest::default() };
    refuse(Request::AddTrack(track), reason, message)
}

/// No to a request that has no number: it is told by itself.
pub(super) fn refuse(request: Request, reason: Reason, message: &str) -> Action {
    send(Response::RequestResponse(pb::RequestResponse {
        request_id: 0,
        reason: reason as i32,
        message: message.to_owned(),
        request: Some(request),
    }))
}
