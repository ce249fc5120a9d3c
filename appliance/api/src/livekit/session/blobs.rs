//! Data blobs (livekit_models.proto, `DataBlob`): left by a participant, fetched by its identity and a
//! key. A key is a message; inside the box it is the bytes of that.

use super::{Action, Session, limits, respond, send};
use livekit_protocol as pb;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_response::Message as Response;
use prost::Message as _;
use roombox_control::conference::{Blob, BlobRefusal, Command};

impl Session {
    pub(super) fn store_blob(&self, store: pb::StoreDataBlobRequest) -> Action {
        let request = store.request_id;
        let blob = store.blob.unwrap_or_default();
        if let Err(excess) = limits::blob(&blob) {
            let reason = match excess {
                limits::Excess::Blob => Reason::LimitExceeded,
                _ => Reason::InvalidRequest,
            };
            return respond(request, reason, &excess.to_string());
        }
        let key = blob.key.map(|key| key.encode_to_vec()).unwrap_or_default();
        let blob = Box::new(Blob { key, contents: blob.contents.into() });
        self.command(|participant| Command::StoreBlob { participant, request, blob })
    }

    pub(super) fn fetch_blob(&self, get: pb::GetDataBlobRequest) -> Action {
        let request = get.request_id;
        if let Err(excess) = limits::blob_key(get.key.as_ref()) {
            return respond(request, Reason::InvalidRequest, &excess.to_string());
        }
        let key = get.key.map(|key| key.encode_to_vec()).unwrap_or_default();
        let owner = get.participant_identity.into();
        self.command(|participant| Command::FetchBlob { participant, request, owner, key })
    }
}

/// The key that these bytes are of.
fn key_of(bytes: &[u8]) -> Option<pb::DataBlobKey> {
    pb::DataBlobKey::decode(bytes).ok()
}

pub(super) fn stored(request_id: u32, key: &[u8]) -> Action {
    let key = key_of(key);
    send(Response::StoreDataBlobResponse(pb::StoreDataBlobResponse { request_id, key }))
}

pub(super) fn fetched(request_id: u32, blob: &Blob) -> Action {
    let contents = blob.contents.to_vec();
    let blob = Some(pb::DataBlob { key: key_of(&blob.key), contents });
    send(Response::GetDataBlobResponse(pb::GetDataBlobResponse { request_id, blob }))
}

pub(super) fn refuse_blob(request: u32, why: BlobRefusal) -> Action {
    let reason = match why {
        BlobRefusal::NotAllowed => Reason::NotAllowed,
        BlobRefusal::TooMuch | BlobRefusal::RoomFull => Reason::LimitExceeded,
        BlobRefusal::NoParticipant | BlobRefusal::Unknown => Reason::NotFound,
    };
    respond(request, reason, &why.to_string())
}
