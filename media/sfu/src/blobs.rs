//! Data blobs: small documents, the schema of a data track say, that a participant leaves for others
//! to fetch by a key. They are its own: they stay over a resume, and go when it does.
//!
//! Keys and contents are opaque here; doors say what may be one.

use crate::event::Event;
use crate::ids::Identity;
use crate::sfu::Sfu;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Bytes of all blobs of one participant, keys included: livekit-server's default
/// (`pkg/config`, `MaxDataBlobSize`).
pub const MOST_BLOB_BYTES: usize = 64_000;
/// Bytes of all blobs of a room: 64 participants who leave all that they may. LiveKit has no such
/// limit, but there a server can be added.
pub const MOST_ROOM_BLOB_BYTES: usize = 64 * MOST_BLOB_BYTES;

/// A document and the key that it is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    pub key: Vec<u8>,
    pub contents: Arc<[u8]>,
}

/// Why a blob is not kept, or not found. The texts go to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobRefusal {
    NotAllowed,
    TooMuch,
    RoomFull,
    NoParticipant,
    Unknown,
}

impl fmt::Display for BlobRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NotAllowed => "the token does not allow canPublishData",
            Self::TooMuch => {
                return write!(
                    f,
                    "data blobs of one participant may have {MOST_BLOB_BYTES} bytes, keys included"
                );
            }
            Self::RoomFull => "the data blobs of this room have no space left",
            Self::NoParticipant => "nobody in the room has this identity",
            Self::Unknown => "that participant has no data blob with this key",
        };
        f.write_str(text)
    }
}

/// What one participant left for others.
#[derive(Debug, Default)]
pub(crate) struct Blobs {
    by_key: BTreeMap<Vec<u8>, Arc<[u8]>>,
    bytes: usize,
}

impl Blobs {
    /// Bytes of all of them if this one were there, too, or in place of one of its key.
    fn bytes_with(&self, blob: &Blob) -> usize {
        let old = self.by_key.get(&blob.key);
        let replaced = old.map_or(0, |old| blob.key.len() + old.len());
        self.bytes - replaced + blob.key.len() + blob.contents.len()
    }

    fn insert(&mut self, blob: Blob) {
        self.bytes = self.bytes_with(&blob);
        self.by_key.insert(blob.key, blob.contents);
    }
}

impl Sfu {
    pub(crate) fn store_blob(&mut self, key: usize, request: u32, blob: Blob) {
        let found = &self.participants[key];
        let (before, after) = (found.blobs.bytes, found.blobs.bytes_with(&blob));
        let people = self.rooms[found.room].participants.iter();
        let room: usize = people.map(|other| self.participants[*other].blobs.bytes).sum();
        let refusal = if !found.info.permissions.can_publish_data {
            Some(BlobRefusal::NotAllowed)
        } else if after > MOST_BLOB_BYTES {
            Some(BlobRefusal::TooMuch)
        } else if room - before + after > MOST_ROOM_BLOB_BYTES {
            Some(BlobRefusal::RoomFull)
        } else {
            None
        };
        let event = match refusal {
            Some(why) => Event::BlobRefused { request, why },
            None => Event::BlobStored { request, key: blob.key.clone() },
        };
        if refusal.is_none() {
            self.participants[key].blobs.insert(blob);
        }
        self.tell_anywhere(key, event);
    }

    /// Whoever may know of a participant may have its blobs, and anybody their own.
    pub(crate) fn fetch_blob(&mut self, key: usize, request: u32, owner: &Identity, of: &[u8]) {
        let mut people = self.rooms[self.participants[key].room].participants.iter().copied();
        let owner = people.find(|other| {
            &self.participants[*other].info.identity == owner
                && (*other == key || self.sees(key, *other))
        });
        let found = owner.map(|owner| self.participants[owner].blobs.by_key.get(of));
        let event = match found {
            None => Event::BlobRefused { request, why: BlobRefusal::NoParticipant },
            Some(None) => Event::BlobRefused { request, why: BlobRefusal::Unknown },
            Some(Some(contents)) => {
                let blob = Blob { key: of.to_vec(), contents: contents.clone() };
                Event::BlobFetched { request, blob }
            }
        };
        self.tell_anywhere(key, event);
    }
}
