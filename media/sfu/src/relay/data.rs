//! The data tracks of far publishers: what is wanted of them here, and what is handed over there.
//!
//! A wish goes straight to the publisher's shard and a move by the home, so that either may come first. A
//! shard keeps the last that each other shard said of a data track, with the room for which it was said. It
//! counts while the publisher is in that room, and what counted is over once the publisher leaves it. Words
//! from one shard come in order, and a shard that sees somebody leave a room takes back what it wanted of
//! them there, before it says anything about the next: so nothing of an earlier stay lasts.

use super::Word;
use crate::ids::{ParticipantId, RoomName, TrackId};
use crate::participant::Participant;
use crate::sfu::Sfu;
use std::collections::HashSet;

/// Another shard wants a data track.
#[derive(Debug)]
pub(crate) struct DataRelay {
    pub shard: usize,
    /// In this room, where the publisher may not be yet.
    pub room: RoomName,
}

impl Participant {
    /// Hands no more over to whom `ends` says.
    pub(crate) fn drop_data_relays(&mut self, ends: impl Fn(&DataRelay) -> bool) {
        self.data_relays.retain(|_, relays| {
            relays.retain(|relay| !ends(relay));
            !relays.is_empty()
        });
    }
}

impl Sfu {
    /// Tells other shards which data tracks of theirs are wanted here, if that is news.
    pub(crate) fn tell_data_wants(&mut self, room: usize) {
        let mut wanted: HashSet<TrackId> = HashSet::new();
        for key in &self.rooms[room].participants {
            if self.far(*key).is_none() {
                wanted.extend(self.participants[*key].data.tracks().cloned());
            }
        }
        for key in self.rooms[room].participants.clone() {
            if self.far(key).is_none() {
                continue;
            }
            let tracks = self.participants[key].info.data_tracks.iter();
            let tracks: Vec<TrackId> = tracks.map(|track| track.id.clone()).collect();
            self.participants[key].data_wanted.retain(|track| tracks.contains(track));
            for track in tracks {
                let on = wanted.contains(&track);
                self.tell_data_wanted(key, track, on);
            }
        }
    }

    /// Takes back what was wanted here of somebody far who leaves its room.
    pub(crate) fn call_off_data(&mut self, key: usize) {
        for track in self.participants[key].data_wanted.clone() {
            self.tell_data_wanted(key, track, false);
        }
    }

    fn tell_data_wanted(&mut self, key: usize, track: TrackId, on: bool) {
        let found = &mut self.participants[key];
        let news = match on {
            true => found.data_wanted.insert(track.clone()),
            false => found.data_wanted.remove(&track),
        };
        if let Some(shard) = found.far.filter(|_| news) {
            let participant = found.info.id.clone();
            let room = self.rooms[found.room].info.name.clone();
            self.relay(shard, Word::DataWanted { room, participant, track, on });
        }
    }

    /// Another shard wants a data track that is published here, or does not any more.
    pub(crate) fn far_wants_data(
        &mut self,
        from: usize,
        room: RoomName,
        participant: &ParticipantId,
        track: &TrackId,
        on: bool,
    ) {
        let key = self.participant_keys.get(participant).copied();
        let Some(key) = key.filter(|key| self.far(*key).is_none()) else { return };
        let found = &mut self.participants[key];
        if !found.info.data_tracks.iter().any(|known| &known.id == track) {
            return;
        }
        let relays = found.data_relays.entry(track.clone()).or_default();
        relays.retain(|relay| relay.shard != from);
        relays.extend(on.then_some(DataRelay { shard: from, room }));
    }

    /// Hands a packet of a data track over.
    pub(crate) fn hand_over_data(&mut self, key: usize, track: &TrackId, packet: &[u8]) {
        let found = &self.participants[key];
        let Some(relays) = found.data_relays.get(track) else { return };
        let room = self.rooms[found.room].info.name.clone();
        let here = relays.iter().filter(|relay| relay.room == room);
        for shard in here.map(|relay| relay.shard).collect::<Vec<_>>() {
            self.counters.relayed_out += 1;
            let (room, track, packet) = (room.clone(), track.clone(), packet.to_vec());
            self.relay(shard, Word::DataPacket { room, track, packet });
        }
    }
}
