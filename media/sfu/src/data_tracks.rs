//! Data tracks: streams of small frames, sensors' readings say, that a participant publishes and
//! others subscribe to one by one. They travel on the `_data_track` channel, unordered and never sent
//! twice. The box reads the head of each packet alone, and writes the subscriber's own number of the
//! track into it.

use crate::command::NewDataTrack;
use crate::event::{DataTrackRefusal, Event};
use crate::ids::TrackId;
use crate::peer::Channel;
use crate::sfu::Sfu;
use crate::view::DataTrackInfo;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

/// Data tracks that one participant may publish at a time.
pub const MOST_DATA_TRACKS: usize = 64;
/// Bytes of a packet's head (livekit-datatrack): version and flags (2), handle (2), sequence (2),
/// frame (2), timestamp (4), all big-endian.
const HEAD: usize = 12;
/// Where the handle stands in it.
const HANDLE: std::ops::Range<usize> = 2..4;
/// The version that has this head, in the uppermost three bits.
const VERSION: u8 = 0;

/// What one participant subscribes to: its own number for each track, never 0.
#[derive(Debug, Default)]
pub(crate) struct DataSubscriptions {
    by_handle: BTreeMap<u16, Followed>,
    by_track: HashMap<TrackId, u16>,
}

#[derive(Debug)]
struct Followed {
    track: TrackId,
    /// Slab key; good as long as the track is there.
    publisher: usize,
}

impl DataSubscriptions {
    /// Tracks that it follows.
    pub(crate) fn tracks(&self) -> impl Iterator<Item = &TrackId> {
        self.by_track.keys()
    }

    fn handle_of(&self, track: &TrackId) -> Option<u16> {
        self.by_track.get(track).copied()
    }

    /// The smallest number that is not taken.
    fn free_handle(&self) -> Option<u16> {
        // Without gaps, as it is while nothing has ended, the next one: rooms may have thousands.
        match self.by_handle.last_key_value() {
            None => Some(1),
            Some((last, _)) if usize::from(*last) == self.by_handle.len() => last.checked_add(1),
            Some(_) => (1..=u16::MAX).find(|handle| !self.by_handle.contains_key(handle)),
        }
    }

    /// True if it was not there.
    fn insert(&mut self, track: &TrackId, publisher: usize) -> bool {
        let known = self.by_track.contains_key(track);
        let Some(handle) = self.free_handle().filter(|_| !known) else {
            return false;
        };
        self.by_handle.insert(handle, Followed { track: track.clone(), publisher });
        self.by_track.insert(track.clone(), handle);
        true
    }

    /// True if it was there.
    fn remove(&mut self, track: &TrackId) -> bool {
        let handle = self.by_track.remove(track);
        handle.and_then(|handle| self.by_handle.remove(&handle)).is_some()
    }
}

/// The handle that a packet names; `None` for what is no packet.
fn handle_in(packet: &[u8]) -> Option<u16> {
    let bytes = packet.get(HANDLE).filter(|_| packet.len() >= HEAD)?;
    (packet[0] >> 5 == VERSION).then(|| u16::from_be_bytes([bytes[0], bytes[1]]))
}

impl Sfu {
    pub(crate) fn publish_data_track(&mut self, key: usize, new: NewDataTrack) {
        let found = &mut self.participants[key];
        let tracks = &found.info.data_tracks;
        let refusal = match &new {
            _ if !found.info.permissions.can_publish_data => Some(DataTrackRefusal::NotAllowed),
            _ if tracks.len() >= MOST_DATA_TRACKS => Some(DataTrackRefusal::TooMany),
            new if new.handle == 0 => Some(DataTrackRefusal::BadHandle),
            new if tracks.iter().any(|t| t.handle == new.handle) => {
                Some(DataTrackRefusal::SameHandle)
            }
            new if tracks.iter().any(|t| t.name == new.name) => Some(DataTrackRefusal::SameName),
            _ => None,
        };
        let NewDataTrack { id, handle, name, note } = new;
        if let Some(why) = refusal {
            self.tell(key, Event::DataTrackRefused { handle, why });
            return;
        }
        let track = DataTrackInfo { id, handle, name, note };
        found.info.data_tracks.push(track.clone());
        found.changed();
        let id = track.id.clone();
        self.tell(key, Event::DataTrackPublished(track));
        self.announce(key, true);
        self.show_data_tracks(key, std::slice::from_ref(&id));
    }

    /// Subscribes those of a room who want everything to somebody's tracks.
    pub(crate) fn show_data_tracks(&mut self, key: usize, tracks: &[TrackId]) {
        for other in self.rooms[self.participants[key].room].participants.clone() {
            if other != key && self.participants[other].auto_subscribe_data {
                self.follow_data(other, key, tracks);
            }
        }
    }

    pub(crate) fn unpublish_data_track(&mut self, key: usize, handle: u16) {
        let found = &mut self.participants[key];
        let known = found.info.data_tracks.iter().position(|track| track.handle == handle);
        let Some(known) = known else {
            self.tell(key, Event::DataTrackRefused { handle, why: DataTrackRefusal::Unknown });
            return;
        };
        let track = found.info.data_tracks.remove(known);
        found.data_relays.remove(&track.id);
        found.changed();
        self.forget_data_track(key, &track.id);
        self.tell(key, Event::DataTrackUnpublished(track));
        self.announce(key, true);
    }

    /// Takes a track that is gone away from those who had subscribed to it.
    pub(crate) fn forget_data_track(&mut self, publisher: usize, track: &TrackId) {
        let room = self.participants[publisher].room;
        for other in self.rooms[room].participants.clone() {
            if self.participants[other].data.remove(track) {
                self.tell_data_handles(other);
            }
        }
    }

    /// Begins and ends subscriptions to data tracks; unknown ones are left out.
    pub(crate) fn subscribe_data(&mut self, key: usize, wishes: &[(TrackId, bool)]) {
        for (track, on) in wishes {
            let publisher = self.data_track(key, track);
            let found = &mut self.participants[key];
            match (on, publisher) {
                (true, Some(publisher)) if found.info.permissions.can_subscribe => {
                    found.data.insert(track, publisher);
                }
                (true, _) => {}
                (false, _) => {
                    found.data.remove(track);
                }
            }
        }
        // Always: what a client asks for it waits for.
        self.tell_data_handles(key);
    }

    /// Subscribes somebody who wants every data track to those that are there.
    pub(crate) fn subscribe_to_all_data(&mut self, key: usize) {
        let found = &self.participants[key];
        if !found.auto_subscribe_data {
            return;
        }
        for other in self.rooms[found.room].participants.clone() {
            let published = self.participants[other].info.data_tracks.iter();
            let tracks: Vec<TrackId> = published.map(|track| track.id.clone()).collect();
            if other != key {
                self.follow_data(key, other, &tracks);
            }
        }
    }

    /// Subscribes to a publisher's tracks without being asked: the client hears of it if that is
    /// news.
    fn follow_data(&mut self, key: usize, publisher: usize, tracks: &[TrackId]) {
        let seen = self.participants[publisher].is_visible();
        let found = &mut self.participants[key];
        if !seen || !found.info.permissions.can_subscribe {
            return;
        }
        let new = tracks.iter().filter(|track| found.data.insert(track, publisher)).count();
        if new > 0 {
            self.tell_data_handles(key);
        }
    }

    /// Takes down what is not allowed any more, and begins what is allowed now.
    pub(crate) fn apply_data_permissions(&mut self, key: usize) {
        let permissions = self.participants[key].info.permissions.clone();
        if !permissions.can_publish_data {
            let published = self.participants[key].info.data_tracks.iter();
            let handles: Vec<u16> = published.map(|track| track.handle).collect();
            for handle in handles {
                self.unpublish_data_track(key, handle);
            }
        }
        if permissions.can_subscribe {
            self.subscribe_to_all_data(key);
        } else if !self.participants[key].data.by_handle.is_empty() {
            self.participants[key].data = DataSubscriptions::default();
            self.tell_data_handles(key);
        }
    }

    /// Tells a participant all of its numbers.
    pub(crate) fn tell_data_handles(&mut self, key: usize) {
        let handles = self.participants[key].data.by_handle.iter();
        let told = handles.map(|(handle, followed)| {
            let publisher = &self.participants[followed.publisher].info;
            let (id, identity) = (publisher.id.clone(), publisher.identity.clone());
            (*handle, followed.track.clone(), id, identity)
        });
        let told = told.collect();
        self.tell(key, Event::DataHandles(told));
        let room = self.participants[key].room;
        if self.rooms[room].is_spread() {
            self.tell_data_wants(room);
        }
    }

    /// The publisher of a data track in a participant's room, if it may be seen.
    fn data_track(&self, key: usize, track: &TrackId) -> Option<usize> {
        let room = &self.rooms[self.participants[key].room];
        room.participants.iter().copied().find(|other| {
            let found = &self.participants[*other];
            *other != key
                && found.is_visible()
                && found.info.data_tracks.iter().any(|known| &known.id == track)
        })
    }

    /// Passes a packet on to everybody who has subscribed to its track. What is no packet, or of no
    /// known track, is dropped.
    pub(crate) fn data_packet(&mut self, now: Instant, key: usize, packet: Vec<u8>) {
        let found = &self.participants[key];
        let Some(handle) = handle_in(&packet) else { return };
        let track = found.info.data_tracks.iter().find(|track| track.handle == handle);
        let Some(track) = track.map(|track| track.id.clone()) else { return };
        let room = found.room;
        self.hand_over_data(key, &track, &packet);
        self.deliver_data_packet(now, room, &track, packet);
    }

    /// Delivers a packet to those here who have subscribed to its track.
    pub(crate) fn deliver_data_packet(
        &mut self,
        now: Instant,
        room: usize,
        track: &TrackId,
        mut packet: Vec<u8>,
    ) {
        if packet.len() < HEAD {
            return;
        }
        for other in self.rooms[room].participants.clone() {
            let listener = &self.participants[other];
            let (Some(own), Some(peer)) = (listener.data.handle_of(track), listener.subscriber)
            else {
                continue;
            };
            packet[HANDLE].copy_from_slice(&own.to_be_bytes());
            if let Some(slot) = self.peers.get_mut(peer) {
                slot.peer.send_data(now, Channel::DataTrack, &packet);
                self.after(now, peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again_and_never_twice_at_a_time() {
        let mut all = DataSubscriptions::default();
        let (a, b, c) = (TrackId::from("a"), TrackId::from("b"), TrackId::from("c"));
        assert!(all.insert(&a, 0) && all.insert(&b, 1) && !all.insert(&a, 0));
        assert_eq!((all.handle_of(&a), all.handle_of(&b)), (Some(1), Some(2)));
        assert!(all.remove(&a) && !all.remove(&a));
        assert!(all.insert(&c, 1));
        assert_eq!((all.handle_of(&b), all.handle_of(&c)), (Some(2), Some(1)));
    }

    #[test]
    fn a_packet_is_known_by_its_head() {
        let packet = [0x18, 0, 0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(handle_in(&packet), Some(0x1234));
        assert_eq!(handle_in(&packet[..11]), None);
        assert_eq!(handle_in(&[]), None);
        let newer = [0x20, 0, 0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(handle_in(&newer), None, "another version may have another head");
    }
}
