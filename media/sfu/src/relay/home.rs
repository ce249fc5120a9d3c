//! What a room's home decides for people who live on other shards.

use super::{Arriving, Span, Word};
use crate::command::{Command, LeaveReason, NewParticipant, RoomOptions, Simulated, TransportMode};
use crate::event::{Event, Output};
use crate::ids::{ParticipantId, RoomName};
use crate::sfu::Sfu;
use std::time::Instant;

impl Sfu {
    /// Has somebody join who will live on another shard. Its door follows it by [`Output::Seat`],
    /// unless it is refused.
    pub fn join_elsewhere(
        &mut self,
        now: Instant,
        shard: usize,
        name: &RoomName,
        options: RoomOptions,
        new: NewParticipant,
    ) {
        self.wake_clocks(now);
        let room = self.open_room(now, name, options);
        if let Some(standing) = self.let_through(now, room, &new) {
            self.open_guest(room, shard);
            let tcp_only = self.rooms[room].tcp_only.has(now, &new.identity);
            let arriving =
                Arriving { room: name.clone(), participant: new.clone(), standing, tcp_only };
            self.outputs.push_back(Output::Seat { to: shard, participant: new.id.clone() });
            self.relay(shard, Word::Join(Box::new(arriving)));
            let key = self.insert_participant(now, room, new, standing, Some(shard));
            self.settle_in(room, key);
            self.announce(key, false);
            self.show_recording(room);
        }
        self.settle(now);
    }

    /// Other shards on which people of a room live, and how many people of it live here; nothing of a
    /// room that is not open.
    pub fn spans(&self, name: &RoomName) -> (&[usize], usize) {
        let Some(room) = self.room_keys.get(name).map(|key| &self.rooms[*key]) else {
            return (&[], 0);
        };
        let here = room.participants.iter().filter(|key| self.far(**key).is_none()).count();
        match &room.span {
            Span::Home { guests } => (guests, here),
            Span::Guest { .. } => (&[], here),
        }
    }

    /// A shard gets a copy of the room, if it has none.
    fn open_guest(&mut self, room: usize, shard: usize) {
        let Span::Home { guests } = &mut self.rooms[room].span else { return };
        if guests.contains(&shard) {
            return;
        }
        guests.push(shard);
        let info = self.rooms[room].info.clone();
        tracing::info!(room = %info.sid, from = self.shard, to = shard, people = info.participants,
            "a room spills over to another shard");
        self.relay(shard, Word::Room { info: Box::new(info), tell: false });
        for key in self.rooms[room].participants.clone() {
            if self.far(key) != Some(shard) {
                let copy = self.copy_of(key);
                self.relay(shard, Word::Copy(Box::new(copy)));
            }
        }
    }

    /// A shard on which nobody of a room lives any more needs no copy of it.
    pub(crate) fn close_guests(&mut self, room: usize) {
        let Span::Home { guests } = &self.rooms[room].span else { return };
        let lives = |shard: usize| {
            self.rooms[room].participants.iter().any(|key| self.far(*key) == Some(shard))
        };
        let left: Vec<usize> = guests.iter().copied().filter(|shard| !lives(*shard)).collect();
        if left.is_empty() {
            return;
        }
        if let Span::Home { guests } = &mut self.rooms[room].span {
            guests.retain(|shard| !left.contains(shard));
        }
        let name = self.rooms[room].info.name.clone();
        for shard in left {
            tracing::info!(room = %self.rooms[room].info.sid, from = shard, "a room has left a shard");
            self.relay(shard, Word::RoomLeft(name.clone()));
        }
    }

    /// Has somebody leave, wherever it lives.
    pub(crate) fn send_away(&mut self, now: Instant, key: usize, reason: LeaveReason) {
        let found = &self.participants[key];
        if let Some(shard) = found.far.filter(|_| self.is_home(found.room)) {
            let participant = found.info.id.clone();
            self.pass(shard, Command::Leave { participant, reason });
        }
        self.leave(now, key, reason);
    }

    /// Tells a participant's door, wherever it is.
    pub(crate) fn tell_anywhere(&mut self, key: usize, event: Event) {
        match self.participants.get(key).and_then(|found| Some((found.far?, &found.info.id))) {
            Some((shard, id)) => {
                let participant = id.clone();
                self.relay(shard, Word::Tell { participant, event: Box::new(event) });
            }
            None => self.tell(key, event),
        }
    }

    /// Passes on what is for somebody who lives elsewhere; `None` if nothing of it is to be done here.
    pub(crate) fn pass_on(&mut self, now: Instant, command: Command) -> Option<Command> {
        if let Command::SendData { room, .. } = &command {
            self.pass_to_guests(room.clone(), &command);
            return Some(command);
        }
        if let Command::MuteTrack { track, .. } = &command {
            let key = self.track_keys.get(track).copied();
            let far = key.and_then(|key| self.far(self.tracks[key].participant));
            return match far {
                Some(shard) => {
                    self.pass(shard, command);
                    None
                }
                None => Some(command),
            };
        }
        let Some(key) = command.participant().and_then(|id| self.participant_keys.get(id)).copied()
        else {
            return Some(command);
        };
        let room = self.participants[key].room;
        if !self.is_home(room) {
            return Some(command);
        }
        if let Command::SetAudience { .. } = &command {
            let name = self.rooms[room].info.name.clone();
            self.pass_to_guests(name, &command);
            return Some(command);
        }
        let Some(shard) = self.participants[key].far else { return Some(command) };
        self.pass_to_shard(now, key, shard, command)
    }

    fn pass_to_guests(&mut self, room: RoomName, command: &Command) {
        let Some(room) = self.room_keys.get(&room).copied() else { return };
        let Span::Home { guests } = &self.rooms[room].span else { return };
        for shard in guests.clone() {
            self.pass(shard, command.clone());
        }
    }

    fn pass_to_shard(
        &mut self,
        now: Instant,
        key: usize,
        shard: usize,
        mut command: Command,
    ) -> Option<Command> {
        let room = self.participants[key].room;
        match &mut command {
            // Blobs are all at home.
            Command::StoreBlob { .. } | Command::FetchBlob { .. } => return Some(command),
            Command::Resume { room, participant, identity } => {
                // Its door would get no answer there.
                if !self.may_resume(room, participant, identity) {
                    return Some(command);
                }
                let participant = participant.clone();
                self.outputs.push_back(Output::Seat { to: shard, participant });
            }
            Command::LetIn { .. } => {
                self.let_in(now, key, None);
                return None;
            }
            Command::Change { change, .. } if self.participants[key].waits() => {
                let lets_in = change.permissions.as_ref().is_some_and(|p| p.let_take_part());
                if lets_in && !self.take_place(room, key) {
                    change.permissions = None;
                }
            }
            Command::Simulate { simulated: Simulated::TcpOnly(on), .. } => {
                let identity = self.participants[key].info.identity.clone();
                self.rooms[room].tcp_only.set(now, &identity, *on);
            }
            Command::Move { to, options, .. } => {
                let (to, options) = (to.clone(), options.clone());
                self.move_far(now, key, shard, &to, options, command);
                return None;
            }
            _ => {}
        }
        self.pass(shard, command);
        None
    }

    /// Moves somebody who lives elsewhere: on the books of this shard, which is home to both rooms, and
    /// then there.
    fn move_far(
        &mut self,
        now: Instant,
        key: usize,
        shard: usize,
        to: &RoomName,
        options: RoomOptions,
        command: Command,
    ) {
        let target = self.open_room(now, to, options);
        let found = &self.participants[key];
        let (from, stays) = (found.room, found.waits() || found.mode == TransportMode::Once);
        if stays || from == target || !self.is_home(target) {
            return;
        }
        self.open_guest(target, shard);
        if self.move_to(now, key, to) {
            self.pass(shard, command);
            self.close_guests(from);
        }
        self.close_guests(target);
    }

    /// Keeps a place for somebody far who waits and is let in; false where the room is full.
    pub(crate) fn take_place(&mut self, room: usize, key: usize) -> bool {
        let fits = self.participants[key].has_place || !self.is_full(room, false);
        self.participants[key].has_place |= fits;
        fits
    }

    /// Somebody who lives elsewhere left a room, says shard `from`.
    ///
    /// The shard where that person lives ends people by itself, and says so of the room that they were in
    /// there: a move may be on its way, and at home it counts whatever room that was. That somebody was moved
    /// it need not say, since all moves are made at home. Of what anybody else says the room counts.
    pub(crate) fn far_left(
        &mut self,
        now: Instant,
        from: usize,
        (room, participant): (&RoomName, &ParticipantId),
        reason: LeaveReason,
    ) {
        let Some(key) = self.participant_keys.get(participant).copied() else { return };
        let found = &self.participants[key];
        let there = &self.rooms[found.room].info.name == room;
        let counts = match found.far {
            None => false,
            Some(shard) if shard == from && self.is_home(found.room) => {
                reason != LeaveReason::Moved
            }
            Some(_) => there,
        };
        if counts {
            self.leave(now, key, reason);
        }
    }
}
