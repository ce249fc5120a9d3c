//! From one room to another of the same shard, on the same connection: what a participant publishes goes
//! along, and everything that it receives begins anew.
//!
//! People in the old room see it leave, people in the new one see it join.

use crate::command::{Audience, LeaveReason, TransportMode};
use crate::data_tracks::DataSubscriptions;
use crate::event::{Event, Notice};
use crate::ids::RoomName;
use crate::relay::Word;
use crate::sfu::Sfu;
use crate::tap::TapEvent;
use crate::view::{ParticipantState, Standing};
use std::time::Instant;

impl Sfu {
    /// Moves somebody to a room of this shard that is open; true if so. Does nothing where that room
    /// is full, or for somebody who waits or who cannot be told (WHIP).
    pub(crate) fn move_to(&mut self, now: Instant, key: usize, name: &RoomName) -> bool {
        let Some(to) = self.room_keys.get(name).copied() else {
            return false;
        };
        let found = &self.participants[key];
        if found.room == to || found.waits() || found.mode == TransportMode::Once {
            return false;
        }
        let identity = found.info.identity.clone();
        let mut people = self.rooms[to].participants.iter().copied();
        let double = people.find(|other| self.participants[*other].info.identity == identity);
        if let Some(double) = double {
            self.send_away(now, double, LeaveReason::DuplicateIdentity);
        }
        // Where guests live the home has looked already.
        if self.is_home(to) && self.is_full(to, false) {
            return false;
        }
        let tracks = self.first_encodings(key);
        for track in &tracks {
            self.withdraw(now, *track);
        }
        self.quit_room(now, key, LeaveReason::Moved);
        for track in &tracks {
            self.tracks[*track].room = to;
            if let Some(backup) = self.tracks[*track].backup {
                self.tracks[backup].room = to;
            }
        }
        self.enter_room(now, key, to);
        for track in tracks {
            self.heed_early(now, track);
        }
        true
    }

    /// What somebody publishes, without second encodings.
    fn first_encodings(&self, key: usize) -> Vec<usize> {
        let tracks = self.participants[key].by_mid.values().copied();
        tracks.filter(|track| self.tracks[*track].backup_of.is_none()).collect()
    }

    /// Takes a track away from the room, but not from its publisher.
    fn withdraw(&mut self, now: Instant, track: usize) {
        let published = &self.tracks[track];
        let (key, room, announced) = (published.participant, published.room, published.announced);
        for other in self.rooms[room].participants.clone() {
            if other != key {
                self.forget_wish(now, other, track);
            }
        }
        let published = &mut self.tracks[track];
        published.taps.clear();
        published.relays.clear();
        published.wanted_far = None;
        published.had_subscriber = false;
        let info = published.info.clone();
        if std::mem::take(&mut published.loudness).is_heard() {
            self.tell_silence(room, key);
        }
        if announced {
            self.tap_all(now, room, &TapEvent::Unpublished { track: info.id.clone() });
            let room = self.rooms[room].info.clone();
            let participant = self.participants[key].info.clone();
            self.notice(Notice::TrackUnpublished { room, participant, track: info });
        }
    }

    /// Ends what somebody has of a room, and what the room has of it but for tracks; and tells the room.
    pub(crate) fn quit_room(&mut self, now: Instant, key: usize, reason: LeaveReason) {
        let wishes: Vec<usize> = self.participants[key].wishes.keys().copied().collect();
        for track in wishes {
            self.forget_wish(now, key, track);
        }
        for track in self.participants[key].info.data_tracks.clone() {
            self.forget_data_track(key, &track.id);
        }
        self.call_off_data(key);
        let left = self.rooms[self.participants[key].room].info.name.clone();
        self.participants[key].drop_data_relays(|relay| relay.room == left);
        let (room, waits) = (self.participants[key].room, self.participants[key].waits());
        let people = self.rooms[room].participants.iter().copied();
        let knew: Vec<usize> =
            people.filter(|other| *other != key && self.sees(*other, key)).collect();
        let mut gone = self.participants[key].info.clone();
        let state = &mut self.rooms[room];
        state.participants.retain(|other| *other != key);
        if !state.participants.iter().any(|other| self.participants[*other].keeps_open()) {
            state.empty_since.get_or_insert(now);
        }
        // Who was sent out has to ask again.
        if reason == LeaveReason::Removed {
            state.admitted.forget(&gone.identity);
        }
        self.count(room);
        self.tell_who_waits(room);
        self.show_recording(room);
        let active = gone.state == ParticipantState::Active && !waits;
        gone.state = ParticipantState::Disconnected;
        gone.version += 1;
        if reason == LeaveReason::Moved {
            gone.tracks.clear();
            gone.data_tracks.clear();
        }
        let (participant, far) = (gone.id.clone(), self.participants[key].far);
        let name = self.rooms[room].info.name.clone();
        self.spread(room, far, || Word::Left {
            room: name.clone(),
            participant: participant.clone(),
            reason,
        });
        for other in knew {
            self.tell(other, Event::Participants(vec![gone.clone()]));
        }
        if !gone.permissions.hidden && !waits {
            let left = TapEvent::Left { participant: gone.id.clone() };
            self.tap_all(now, room, &left);
        }
        let room = self.rooms[room].info.clone();
        self.notice(Notice::ParticipantLeft { room, participant: gone, reason, active });
    }

    /// Makes somebody one of a room who was just none of any.
    fn enter_room(&mut self, now: Instant, key: usize, room: usize) {
        let found = &mut self.participants[key];
        found.room = room;
        found.hears_from = self.rooms[room].recent.next();
        found.missed.clear();
        found.audience = Audience::Everybody;
        found.data = DataSubscriptions::default();
        found.knows = false;
        found.spoke_at = None;
        // To moderate one room is no right to moderate another.
        if found.info.standing == Standing::Host {
            found.info.standing = Standing::Member;
        }
        found.changed();
        let (me, auto_subscribe) = (found.info.clone(), found.auto_subscribe);
        let tracks = self.first_encodings(key);
        self.rooms[room].participants.push(key);
        self.count(room);
        let (others, about) = (self.others(key), self.room_for(key));
        self.tell(key, Event::Moved { room: about, me: me.clone(), others });
        self.settle_in(room, key);
        self.announce(key, false);
        self.show_recording(room);
        if me.state == ParticipantState::Active {
            self.arrived(now, key);
        }
        for track in tracks {
            if self.tracks[track].announced {
                self.show_track(now, track);
            }
        }
        if auto_subscribe {
            self.subscribe_to_all(key);
        }
        // Also where there is nothing: the numbers of before are good no more.
        self.subscribe_to_all_data(key);
        self.tell_data_handles(key);
        let published: Vec<_> = me.data_tracks.into_iter().map(|track| track.id).collect();
        self.show_data_tracks(key, &published);
        self.unsettled.push(key);
    }
}
