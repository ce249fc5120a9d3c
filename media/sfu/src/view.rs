//! What doors and services may know of rooms, participants and tracks.

use crate::ids::{Identity, ParticipantId, RoomName, TrackId};
use crate::track::{Codec, MediaKind, TrackSource, VideoCodecs};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What a participant's door wants other clients of the same kind to see. Opaque here; only the
/// door that wrote it reads it.
pub type DoorNote = Arc<[u8]>;

/// A room as others see it.
#[derive(Debug, Clone)]
pub struct RoomInfo {
    pub name: RoomName,
    /// `RM_…`: new each time the room opens.
    pub sid: String,
    pub metadata: String,
    pub created_unix_ms: u64,
    /// API key of the token that opened it.
    pub opened_with: String,
    /// A recording runs.
    pub recording: bool,
    /// Guests wait until they are let in.
    pub lobby: bool,
    /// 0: no limit.
    pub max_participants: u32,
    /// In which pictures may be published from now on.
    pub video_codecs: VideoCodecs,
    pub empty_timeout: Duration,
    pub departure_timeout: Duration,
    /// Participants that are neither hidden nor wait.
    pub participants: u32,
}

/// How far a participant has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParticipantState {
    /// The door has answered the join.
    Joined,
    /// Media can flow.
    Active,
    Disconnected,
}

/// What somebody is to a room that lets guests in one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Waits to be let in: knows of nobody, and only hosts know of it.
    Waiting {
        /// Somebody is there who may let it in.
        host_is_here: bool,
    },
    /// Came by invitation.
    Guest,
    /// Came by a right of its own, and never waits.
    Member,
    /// May let guests in.
    Host,
}

impl Standing {
    pub fn waits(self) -> bool {
        matches!(self, Self::Waiting { .. })
    }
}

/// What a participant may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    pub can_publish: bool,
    pub can_subscribe: bool,
    pub can_publish_data: bool,
    /// Empty: every source.
    pub publish_sources: Vec<TrackSource>,
    pub can_update_metadata: bool,
    /// Others are not told of this participant.
    pub hidden: bool,
    /// Records the room: while one is there, everybody sees that.
    pub recorder: bool,
}

impl Permissions {
    /// Whatever somebody in a meeting may do, seen by all.
    pub const fn everything() -> Self {
        Self {
            can_publish: true,
            can_subscribe: true,
            can_publish_data: true,
            publish_sources: Vec::new(),
            can_update_metadata: true,
            hidden: false,
            recorder: false,
        }
    }

    /// What somebody may do who waits to be let in.
    pub const fn nothing() -> Self {
        Self {
            can_publish: false,
            can_subscribe: false,
            can_publish_data: false,
            publish_sources: Vec::new(),
            can_update_metadata: false,
            hidden: false,
            recorder: false,
        }
    }

    /// Whether they are of any use in a meeting.
    pub fn let_take_part(&self) -> bool {
        self.can_publish || self.can_subscribe || self.can_publish_data
    }

    pub fn may_publish(&self, source: TrackSource) -> bool {
        self.can_publish
            && (self.publish_sources.is_empty() || self.publish_sources.contains(&source))
    }
}

/// Bytes of a participant's attributes, names included: everybody is sent all of them at each change.
/// A token may bring half of it, the join the other half.
const MOST_ATTRIBUTES: usize = 128 * 1024;

/// A participant as others see it.
#[derive(Debug, Clone)]
pub struct ParticipantInfo {
    pub id: ParticipantId,
    pub identity: Identity,
    pub name: String,
    pub metadata: String,
    pub attributes: BTreeMap<String, String>,
    pub state: ParticipantState,
    pub permissions: Permissions,
    pub standing: Standing,
    pub joined_unix_ms: u64,
    /// Grows with every change.
    pub version: u32,
    /// Published tracks whose media has arrived.
    pub tracks: Vec<TrackInfo>,
    pub data_tracks: Vec<DataTrackInfo>,
    pub note: DoorNote,
}

/// A published data track as others see it.
#[derive(Debug, Clone)]
pub struct DataTrackInfo {
    pub id: TrackId,
    /// The publisher's own number of the track.
    pub handle: u16,
    pub name: String,
    pub note: DoorNote,
}

impl ParticipantInfo {
    /// Sets attributes; an empty value takes one away. What does not fit is left as it was: doors
    /// refuse earlier and say why, but what they looked at may have changed meanwhile.
    pub(crate) fn change_attributes(&mut self, changes: BTreeMap<String, String>) {
        let all = &mut self.attributes;
        let mut bytes: usize = all.iter().map(|(name, value)| name.len() + value.len()).sum();
        for (name, value) in changes {
            let old = all.get(&name).map_or(0, |old| name.len() + old.len());
            let new = if value.is_empty() { 0 } else { name.len() + value.len() };
            if new > old && bytes - old + new > MOST_ATTRIBUTES {
                continue;
            }
            bytes = bytes - old + new;
            if value.is_empty() {
                all.remove(&name);
            } else {
                all.insert(name, value);
            }
        }
    }
}

/// A published track as others see it.
#[derive(Debug, Clone)]
pub struct TrackInfo {
    pub id: TrackId,
    pub name: String,
    pub kind: MediaKind,
    pub source: TrackSource,
    pub muted: bool,
    /// Pixels of the best layer; 0 for audio.
    pub width: u32,
    pub height: u32,
    pub encrypted: bool,
    /// Ascending in quality. Empty: one nameless layer.
    pub layers: Vec<LayerInfo>,
    /// Known when media has arrived.
    pub codec: Option<Codec>,
    /// Audio arrives as RED.
    pub red: bool,
    /// Media section at the publisher.
    pub mid: String,
    pub note: DoorNote,
}

/// One quality of a track as the publisher announced it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerInfo {
    /// RTP stream id (RFC 8851) of the layer.
    pub rid: String,
    pub width: u32,
    pub height: u32,
    /// Bits per second.
    pub bitrate: u32,
}

/// A room with everybody in it.
#[derive(Debug, Clone)]
pub struct RoomView {
    pub info: RoomInfo,
    /// Media threads on which its people are.
    pub shards: u32,
    pub participants: Vec<ParticipantInfo>,
}

/// Somebody who speaks, or has just stopped.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeakerLevel {
    pub participant: ParticipantId,
    /// 0 silent to 1 loudest.
    pub level: f32,
    pub active: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> ParticipantInfo {
        ParticipantInfo {
            id: "PA_1".into(),
            identity: "ada".into(),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            state: ParticipantState::Active,
            permissions: Permissions::everything(),
            standing: Standing::Member,
            joined_unix_ms: 0,
            version: 0,
            tracks: Vec::new(),
            data_tracks: Vec::new(),
            note: DoorNote::default(),
        }
    }

    #[test]
    fn attributes_add_up_to_no_more_than_their_bound() {
        let mut ada = info();
        for n in 0..1000 {
            ada.change_attributes(BTreeMap::from([(format!("key {n:03}"), "x".repeat(1017))]));
        }
        assert_eq!(ada.attributes.len(), MOST_ATTRIBUTES / 1024);
        ada.change_attributes(BTreeMap::from([("key 000".to_owned(), "y".repeat(1018))]));
        assert!(ada.attributes["key 000"].starts_with('x'), "a byte too many");
        let smaller =
            [("key 000".to_owned(), "y".to_owned()), ("key 001".to_owned(), String::new())];
        ada.change_attributes(BTreeMap::from(smaller));
        assert_eq!((&*ada.attributes["key 000"], ada.attributes.get("key 001")), ("y", None));
        ada.change_attributes(BTreeMap::from([("key 999".to_owned(), "x".repeat(1017))]));
        assert!(ada.attributes.contains_key("key 999"), "room was made");
    }
}
