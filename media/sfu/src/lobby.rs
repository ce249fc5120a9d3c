//! The lobby: guests who wait until somebody lets them in.
//!
//! ```text
//!   Guest ── joins ──┬── the lobby is off, or was let in before ──► Guest
//!                    └──► Waiting ── let in, or the lobby ends ───► Guest
//! ```
//! Who waits is a participant with a connection and nothing else: no permission, no word of anybody,
//! no place in what is recorded. Only hosts see it.

use crate::command::{Command, LeaveReason, NewParticipant};
use crate::event::{Event, Notice};
use crate::ids::{Identity, RoomName};
use crate::participant::Participant;
use crate::room::Room;
use crate::sfu::Sfu;
use crate::tap::TapEvent;
use crate::view::{ParticipantInfo, ParticipantState, Permissions, RoomInfo, Standing};
use std::collections::VecDeque;
use std::time::Instant;

/// Guests who may wait for one room. They do not count among its people: strangers with a link must
/// not keep others out.
const MOST_WAITING: usize = 64;
/// Identities that one meeting remembers to have let in; the oldest make room.
const MOST_ADMITTED: usize = 1024;

/// Who need not ask again in this meeting.
#[derive(Debug, Default)]
pub(crate) struct Admitted(VecDeque<Identity>);

impl Admitted {
    fn knows(&self, identity: &Identity) -> bool {
        self.0.contains(identity)
    }

    fn remember(&mut self, identity: &Identity) {
        self.forget(identity);
        self.0.push_back(identity.clone());
        if self.0.len() > MOST_ADMITTED {
            self.0.pop_front();
        }
    }

    pub(crate) fn forget(&mut self, identity: &Identity) {
        self.0.retain(|known| known != identity);
    }
}

impl Participant {
    pub(crate) fn waits(&self) -> bool {
        self.info.standing.waits()
    }

    /// May let others in, and they may know that it is there.
    fn is_host(&self) -> bool {
        self.info.standing == Standing::Host && self.is_visible()
    }
}

impl Sfu {
    /// What somebody who joins is in this room.
    pub(crate) fn received_as(&self, room: usize, new: &NewParticipant) -> Standing {
        if new.standing != Standing::Guest {
            return new.standing;
        }
        let Room { info, admitted, .. } = &self.rooms[room];
        let known = new.known_as.iter().chain([&new.identity]).any(|who| admitted.knows(who));
        match info.lobby && !known {
            true => Standing::Waiting { host_is_here: self.host_is_here(room) },
            false => Standing::Guest,
        }
    }

    /// Whether one more fits, among those who wait or those who are in.
    pub(crate) fn is_full(&self, room: usize, waiting: bool) -> bool {
        let people = self.rooms[room].participants.iter();
        let outside = |found: &Participant| found.waits() && !found.has_place;
        let alike = people.filter(|key| outside(&self.participants[**key]) == waiting).count();
        let limit = self.rooms[room].info.max_participants as usize;
        match waiting {
            true => alike >= MOST_WAITING,
            false => limit > 0 && alike >= limit,
        }
    }

    /// Whether one participant may know of another.
    pub(crate) fn sees(&self, viewer: usize, other: usize) -> bool {
        let (viewer, other) = (&self.participants[viewer], &self.participants[other]);
        let meets = !viewer.waits() && (!other.waits() || viewer.info.standing == Standing::Host);
        other.is_visible() && meets
    }

    /// Everybody else of whom a participant may know.
    pub(crate) fn others(&self, viewer: usize) -> Vec<ParticipantInfo> {
        let people = self.rooms[self.participants[viewer].room].participants.iter();
        people
            .filter(|key| **key != viewer && self.sees(viewer, **key))
            .map(|key| self.participants[*key].info.clone())
            .collect()
    }

    /// A room as a participant may know it. Who waits knows its name, and whether it is recorded.
    pub(crate) fn room_for(&self, viewer: usize) -> RoomInfo {
        let viewer = &self.participants[viewer];
        let room = self.rooms[viewer.room].info.clone();
        match viewer.waits() {
            true => RoomInfo { metadata: String::new(), participants: 0, ..room },
            false => room,
        }
    }

    /// People of a room who are in it.
    pub(crate) fn inside(&self, room: usize) -> Vec<usize> {
        let people = self.rooms[room].participants.iter().copied();
        people.filter(|key| !self.participants[*key].waits()).collect()
    }

    /// Lets somebody in who waits; with these permissions, or with those of its token. Does nothing
    /// while the room is full.
    pub(crate) fn let_in(&mut self, now: Instant, key: usize, permissions: Option<Permissions>) {
        let room = self.participants[key].room;
        if !self.participants[key].waits() {
            return;
        }
        if let Some(shard) = self.far(key) {
            if self.take_place(room, key) {
                let participant = self.participants[key].info.id.clone();
                self.pass(shard, Command::LetIn { participant });
            }
            return;
        }
        // The home has looked already.
        if self.is_home(room) && self.is_full(room, false) {
            return;
        }
        let found = &mut self.participants[key];
        found.info.standing = Standing::Guest;
        found.info.permissions = permissions.unwrap_or_else(|| found.granted.clone());
        // It is told of everybody's connection as a newcomer is.
        found.knows = false;
        // What was said before is not for it.
        found.hears_from = self.rooms[room].recent.next();
        found.missed.clear();
        found.changed();
        let (info, state) = (found.info.clone(), found.info.state);
        self.settle_in(room, key);
        // First what one may do, then whom one meets.
        self.tell(key, Event::Participants(vec![info]));
        let (others, about) = (self.others(key), self.room_for(key));
        if !others.is_empty() {
            self.tell(key, Event::Participants(others));
        }
        self.tell(key, Event::Room(about));
        self.announce(key, false);
        self.apply_permissions(now, key);
        self.show_recording(room);
        if state == ParticipantState::Active {
            self.arrived(now, key);
        }
    }

    /// Somebody came or was let in. The meeting goes on as long as people are in it. Guests in it are
    /// remembered, also for the case that the lobby is switched on later.
    pub(crate) fn settle_in(&mut self, room: usize, key: usize) {
        let (found, state) = (&self.participants[key], &mut self.rooms[room]);
        if found.keeps_open() {
            state.had_participants = true;
            state.empty_since = None;
        }
        if found.info.standing == Standing::Guest {
            state.admitted.remember(&found.info.identity);
        }
        self.count(room);
        self.tell_who_waits(room);
    }

    /// Media can flow to and from somebody. Who waits has only knocked.
    pub(crate) fn arrived(&mut self, now: Instant, key: usize) {
        let found = &self.participants[key];
        let (info, room, waits) = (found.info.clone(), found.room, found.waits());
        if !waits && !info.permissions.hidden && !info.permissions.recorder {
            let joined = TapEvent::Joined {
                participant: info.id.clone(),
                identity: info.identity.clone(),
                name: info.name.clone(),
            };
            self.tap_all(now, room, &joined);
        }
        let room = self.rooms[room].info.clone();
        self.notice(match waits {
            true => Notice::ParticipantKnocked { room, participant: info },
            false => Notice::ParticipantActive { room, participant: info },
        });
    }

    /// Switches a room's lobby. When it ends, everybody comes in who fits, the first first.
    pub(crate) fn set_lobby(&mut self, now: Instant, name: &RoomName, on: bool) {
        let Some(key) = self.room_keys.get(name).copied() else {
            return;
        };
        self.rooms[key].info.lobby = on;
        self.spread_room(key, false);
        if on {
            return;
        }
        let mut guests = self.rooms[key].participants.clone();
        guests.retain(|key| self.participants[*key].waits());
        for guest in guests {
            self.let_in(now, guest, None);
            let found = &self.participants[guest];
            if found.waits() && !found.has_place {
                self.send_away(now, guest, LeaveReason::JoinFailed);
            }
        }
    }

    fn host_is_here(&self, room: usize) -> bool {
        self.rooms[room].participants.iter().any(|key| self.participants[*key].is_host())
    }

    /// Tells those who wait whether somebody is there who could let them in, if that has changed.
    pub(crate) fn tell_who_waits(&mut self, room: usize) {
        let now = Standing::Waiting { host_is_here: self.host_is_here(room) };
        for key in self.rooms[room].participants.clone() {
            let found = &mut self.participants[key];
            if found.far.is_none() && found.waits() && found.info.standing != now {
                found.info.standing = now;
                found.changed();
                self.announce(key, true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meeting_remembers_so_many_guests_and_the_newest() {
        let mut admitted = Admitted::default();
        let name = |n: usize| Identity::from(format!("guest {n}"));
        for n in 0..MOST_ADMITTED {
            admitted.remember(&name(n));
        }
        admitted.remember(&name(0));
        admitted.remember(&name(MOST_ADMITTED));
        assert_eq!(admitted.0.len(), MOST_ADMITTED);
        assert!(admitted.knows(&name(0)) && !admitted.knows(&name(1)));
        admitted.forget(&name(0));
        assert!(!admitted.knows(&name(0)));
    }
}
