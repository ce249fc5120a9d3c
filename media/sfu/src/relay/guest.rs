//! A room's copy on a shard where guests of it live.

use super::{Arriving, Span, Word};
use crate::command::LeaveReason;
use crate::event::{Event, Output};
use crate::ids::RoomName;
use crate::room::Room;
use crate::sfu::Sfu;
use crate::view::RoomInfo;
use std::time::Instant;

impl Sfu {
    /// The home says how the room is.
    pub(crate) fn room_copied(&mut self, now: Instant, home: usize, info: RoomInfo, tell: bool) {
        let Some(key) = self.room_keys.get(&info.name).copied() else {
            let name = info.name.clone();
            let key = self.rooms.insert(Room::new(now, info, Span::Guest { home }));
            self.room_keys.insert(name, key);
            self.copied_rooms += 1;
            return;
        };
        if self.is_home(key) {
            return;
        }
        self.rooms[key].info = info;
        if tell {
            self.tell_room(key);
        }
    }

    /// Somebody joins here whom the home has let in.
    pub(crate) fn arrive(&mut self, now: Instant, arriving: Arriving) {
        let Arriving { room, participant, standing, tcp_only } = arriving;
        let Some(room) = self.room_keys.get(&room).copied() else {
            // The shards had lost each other.
            let event = Box::new(Event::Closed { reason: LeaveReason::JoinFailed });
            self.outputs.push_back(Output::Event { participant: participant.id, event });
            return;
        };
        // As the home knows it: what was noted here may be of a wish that was taken back elsewhere.
        self.rooms[room].tcp_only.set(now, &participant.identity, tcp_only);
        self.receive(now, room, participant, standing);
    }

    /// The room is over, or over here: whoever still lives here leaves.
    pub(crate) fn end_copy(&mut self, now: Instant, name: &RoomName, reason: LeaveReason) {
        let Some(room) = self.room_keys.get(name).copied() else { return };
        if self.is_home(room) {
            return;
        }
        // Those who live here first: what they wanted of others is called off.
        let mut people = self.rooms[room].participants.clone();
        people.sort_by_key(|key| self.far(*key).is_some());
        let locals = people.iter().filter(|key| self.far(**key).is_none()).count();
        for (n, key) in people.into_iter().enumerate() {
            if n == locals {
                self.call_off_wants(now, room);
            }
            self.leave(now, key, reason);
        }
        self.rooms.remove(room);
        self.copied_rooms -= 1;
        self.room_keys.remove(name);
    }

    /// Nobody here wants anything of the room any more.
    fn call_off_wants(&mut self, now: Instant, room: usize) {
        let tracks = self.tracks.iter().filter(|(_, track)| track.room == room);
        let tracks: Vec<usize> = tracks.map(|(track, _)| track).collect();
        for track in tracks {
            self.tell_far_wants(now, track);
        }
        self.tell_data_wants(room);
    }

    /// Tells a room's guests how it is; people see it if `tell`.
    pub(crate) fn spread_room(&mut self, room: usize, tell: bool) {
        if self.is_home(room) {
            let info = self.rooms[room].info.clone();
            self.spread(room, None, || Word::Room { info: Box::new(info.clone()), tell });
        }
    }
}
