//! A room's state, and the life of rooms and participants.

use crate::command::{LeaveReason, NewParticipant, ParticipantChange, RoomOptions, TransportMode};
use crate::event::{Event, Notice, Output};
use crate::ids::{Identity, ParticipantId, RoomName};
use crate::lobby::Admitted;
use crate::participant::Participant;
use crate::recent::RecentMessages;
use crate::relay::{Span, Word};
use crate::sfu::Sfu;
use crate::simulate::TcpOnly;
use crate::tap::{TapEvent, TapId, TapItem};
use crate::view::{ParticipantState, RoomInfo, RoomView, Standing};
use std::time::{Duration, Instant};

/// A participant without signalling or media for this long is gone. LiveKit's clients try to
/// resume for about 40 s but rejoin in full after their first successful attempt fails.
const RESUME_WINDOW: Duration = Duration::from_secs(25);
/// A join that never brought up a connection is given up after this.
const CONNECT_WINDOW: Duration = Duration::from_secs(60);

/// Everybody hears of a changed head count at most this often.
const COUNT_PAUSE: Duration = Duration::from_secs(5);

pub(crate) struct Room {
    pub info: RoomInfo,
    /// Where else it is.
    pub span: Span,
    /// A service of the box records; people who record count besides.
    pub box_records: bool,
    /// Head count that everybody was told last, and when.
    pub told: (u32, Instant),
    /// Slab keys.
    pub participants: Vec<usize>,
    pub taps: Vec<TapId>,
    pub had_participants: bool,
    pub empty_since: Option<Instant>,
    pub recent: RecentMessages,
    /// Guests who need not ask again.
    pub admitted: Admitted,
    pub tcp_only: TcpOnly,
    /// RTP packets of its tracks that came and went here.
    pub packets: u64,
}

impl Room {
    /// One that nobody is in.
    pub(crate) fn new(now: Instant, info: RoomInfo, span: Span) -> Self {
        Self {
            info,
            span,
            box_records: false,
            told: (0, now),
            participants: Vec::new(),
            taps: Vec::new(),
            had_participants: false,
            empty_since: Some(now),
            recent: RecentMessages::default(),
            admitted: Admitted::default(),
            tcp_only: TcpOnly::default(),
            packets: 0,
        }
    }

    /// Shards that it is on, as its home knows.
    pub(crate) fn shards(&self) -> usize {
        match &self.span {
            Span::Home { guests } => 1 + guests.len(),
            Span::Guest { .. } => 1,
        }
    }

    /// Whether people of it live on other shards.
    pub(crate) fn is_spread(&self) -> bool {
        matches!(self.span, Span::Guest { .. }) || self.shards() > 1
    }
}

impl Sfu {
    pub(crate) fn view(&self, room: &Room) -> RoomView {
        let people = room.participants.iter().map(|key| self.participants[*key].info.clone());
        let shards = room.shards() as u32;
        RoomView { info: room.info.clone(), shards, participants: people.collect() }
    }

    pub(crate) fn open_room(
        &mut self,
        now: Instant,
        name: &RoomName,
        options: RoomOptions,
    ) -> usize {
        if let Some(key) = self.room_keys.get(name) {
            return *key;
        }
        let info = RoomInfo {
            name: name.clone(),
            sid: options.sid,
            metadata: options.metadata,
            created_unix_ms: options.created_unix_ms,
            opened_with: options.opened_with,
            recording: false,
            lobby: options.lobby,
            max_participants: options.max_participants,
            video_codecs: options.video_codecs,
            empty_timeout: options.empty_timeout,
            departure_timeout: options.departure_timeout,
            participants: 0,
        };
        let room = Room::new(now, info.clone(), Span::Home { guests: Vec::new() });
        let key = self.rooms.insert(room);
        self.room_keys.insert(name.clone(), key);
        self.notice(Notice::RoomOpened { room: info });
        key
    }

    pub(crate) fn end_room(&mut self, now: Instant, name: &RoomName) {
        let Some(key) = self.room_keys.get(name).copied() else {
            return;
        };
        if !self.is_home(key) {
            return;
        }
        self.spread(key, None, || Word::RoomEnded(name.clone()));
        if let Span::Home { guests } = &mut self.rooms[key].span {
            guests.clear();
        }
        for participant in self.rooms[key].participants.clone() {
            self.leave(now, participant, LeaveReason::RoomEnded);
        }
        for tap in std::mem::take(&mut self.rooms[key].taps) {
            let item = TapItem { at: now, event: TapEvent::RoomEnded };
            self.outputs.push_back(Output::Tap { room: name.clone(), tap, item });
            self.outputs.push_back(Output::TapClosed { room: name.clone(), tap });
        }
        let room = self.rooms.remove(key);
        self.room_keys.remove(name);
        self.notice(Notice::RoomEnded { room: room.info });
    }

    pub(crate) fn change_room(&mut self, name: &RoomName, change: impl FnOnce(&mut RoomInfo)) {
        if let Some(key) = self.room_keys.get(name).copied() {
            change(&mut self.rooms[key].info);
            self.tell_room(key);
            self.spread_room(key, true);
        }
    }

    pub(crate) fn set_recording(&mut self, name: &RoomName, recording: bool) {
        if let Some(key) = self.room_keys.get(name).copied() {
            self.rooms[key].box_records = recording;
            self.show_recording(key);
        }
    }

    /// Whoever is recorded must see it: tells everybody if that has changed.
    pub(crate) fn show_recording(&mut self, key: usize) {
        // Its copies are told.
        if !self.is_home(key) {
            return;
        }
        let room = &self.rooms[key];
        let recording = room.box_records
            || room.participants.iter().any(|p| self.participants[*p].info.permissions.recorder);
        if room.info.recording != recording {
            self.rooms[key].info.recording = recording;
            self.tell_room(key);
            self.spread_room(key, true);
        }
    }

    pub(crate) fn tell_room(&mut self, key: usize) {
        let room = &mut self.rooms[key];
        room.told.0 = room.info.participants;
        for participant in room.participants.clone() {
            let info = self.room_for(participant);
            self.tell(participant, Event::Room(info));
        }
    }

    pub(crate) fn join(
        &mut self,
        now: Instant,
        name: &RoomName,
        options: RoomOptions,
        new: NewParticipant,
    ) {
        let room = self.open_room(now, name, options);
        if let Some(standing) = self.let_through(now, room, &new) {
            self.receive(now, room, new, standing);
        }
    }

    /// What somebody is in a room who is about to join; `None` if there is no place, and it was told so.
    /// Whoever has its identity leaves.
    pub(crate) fn let_through(
        &mut self,
        now: Instant,
        room: usize,
        new: &NewParticipant,
    ) -> Option<Standing> {
        let double = self.rooms[room]
            .participants
            .iter()
            .copied()
            .find(|key| self.participants[*key].info.identity == new.identity);
        if let Some(double) = double {
            self.send_away(now, double, LeaveReason::DuplicateIdentity);
        }
        let standing = self.received_as(room, new);
        if self.is_full(room, standing.waits()) {
            let event = Box::new(Event::Closed { reason: LeaveReason::JoinFailed });
            self.outputs.push_back(Output::Event { participant: new.id.clone(), event });
            return None;
        }
        Some(standing)
    }

    /// Takes somebody into a room who may come in, or wait.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        room: usize,
        new: NewParticipant,
        standing: Standing,
    ) {
        let mode = new.mode;
        let key = self.insert_participant(now, room, new, standing, None);
        let publisher = self.add_peer(now, key);
        let subscriber = match mode {
            TransportMode::Single | TransportMode::Once => publisher,
            TransportMode::Dual => self.add_peer(now, key),
        };
        let found = &mut self.participants[key];
        found.publisher = Some(publisher);
        found.subscriber = Some(subscriber);
        let me = found.info.clone();
        let (others, about) = (self.others(key), self.room_for(key));
        self.tell(key, Event::Joined { room: about, me, others });
        self.settle_in(room, key);
        self.announce(key, false);
        self.show_recording(room);
        if self.participants[key].auto_subscribe {
            self.subscribe_to_all(key);
        }
        self.subscribe_to_all_data(key);
        self.unsettled.push(key);
    }

    /// Makes somebody one of a room who lives here or, as its home or a copy of it knows, elsewhere.
    pub(crate) fn insert_participant(
        &mut self,
        now: Instant,
        room: usize,
        new: NewParticipant,
        standing: Standing,
        far: Option<usize>,
    ) -> usize {
        let id = new.id.clone();
        let key = self.participants.insert(Participant::new(now, room, new, standing, far));
        self.participant_keys.insert(id, key);
        self.participants[key].hears_from = self.rooms[room].recent.next();
        self.rooms[room].participants.push(key);
        self.far_people += usize::from(far.is_some());
        self.count(room);
        key
    }

    pub(crate) fn count(&mut self, room: usize) {
        let visible = self.rooms[room]
            .participants
            .iter()
            .filter(|key| self.participants[**key].is_visible())
            .filter(|key| !self.participants[**key].waits())
            .count();
        self.rooms[room].info.participants = visible as u32;
    }

    /// Ids of participants are public: whoever wants to be one again must have its identity, in its
    /// room. To be asked before anything of the old connection is given to the new one.
    pub fn may_resume(&self, room: &RoomName, id: &ParticipantId, identity: &Identity) -> bool {
        self.participant_keys.get(id).is_some_and(|key| {
            let found = &self.participants[*key];
            &found.info.identity == identity && &self.rooms[found.room].info.name == room
        })
    }

    pub(crate) fn resume(
        &mut self,
        now: Instant,
        room: &RoomName,
        id: &ParticipantId,
        identity: &Identity,
    ) {
        let known = self.participant_keys.get(id).copied();
        let same = known.filter(|_| self.may_resume(room, id, identity));
        let Some(key) = same else {
            let event = Box::new(Event::Closed { reason: LeaveReason::ConnectionLost });
            self.outputs.push_back(Output::Event { participant: id.clone(), event });
            return;
        };
        let found = &mut self.participants[key];
        found.attached = true;
        found.lost_since = None;
        found.asked_at = None;
        found.answer_stale = true;
        let last_sequence = found.last_sequence;
        let me = found.info.clone();
        let (others, room) = (self.others(key), self.room_for(key));
        self.tell(key, Event::Resumed { room, me, others, last_sequence });
        // What it was told while it was away did not arrive.
        let own: Vec<usize> = self.participants[key].by_mid.values().copied().collect();
        for track in own {
            self.tell_wanted_layers(now, track, true);
        }
        self.tell_streams_again(key);
        self.participants[key].knows = false;
        self.unsettled.push(key);
    }

    /// Tells everybody who may see it about a participant; itself too, if `and_self`.
    pub(crate) fn announce(&mut self, key: usize, and_self: bool) {
        self.spread_copy(key);
        let found = &self.participants[key];
        let update = vec![found.info.clone()];
        for other in self.rooms[found.room].participants.clone() {
            if (other == key && and_self) || (other != key && self.sees(other, key)) {
                self.tell(other, Event::Participants(update.clone()));
            }
        }
    }

    /// Tells other shards how a participant is now.
    pub(crate) fn spread_copy(&mut self, key: usize) {
        let found = &self.participants[key];
        let (room, far) = (found.room, found.far);
        if self.rooms[room].is_spread() {
            let copy = self.copy_of(key);
            self.spread(room, far, || Word::Copy(Box::new(copy.clone())));
        }
    }

    pub(crate) fn leave(&mut self, now: Instant, key: usize, reason: LeaveReason) {
        let tracks: Vec<usize> = self.participants[key].by_mid.values().copied().collect();
        for track in tracks {
            self.unpublish(now, track, false);
        }
        self.quit_room(now, key, reason);
        self.tell(key, Event::Closed { reason });
        let gone = self.participants.remove(key);
        self.participant_keys.remove(&gone.info.id);
        self.unsettled.retain(|unsettled| *unsettled != key);
        self.undivided.retain(|undivided| *undivided != key);
        for peer in [gone.publisher, gone.subscriber].into_iter().flatten() {
            self.remove_peer(now, peer);
        }
        if gone.far.is_some() {
            self.far_people -= 1;
            self.close_guests(gone.room);
        }
    }

    pub(crate) fn change_participant(
        &mut self,
        now: Instant,
        key: usize,
        change: ParticipantChange,
    ) {
        let found = &mut self.participants[key];
        if let Some(name) = change.name {
            found.info.name = name;
        }
        if let Some(metadata) = change.metadata {
            found.info.metadata = metadata;
        }
        found.info.change_attributes(change.attributes);
        found.changed();
        let (room, waits) = (found.room, found.waits());
        match change.permissions {
            Some(permissions) if waits && permissions.let_take_part() => {
                self.let_in(now, key, Some(permissions));
            }
            Some(_) if waits => {}
            Some(permissions) => {
                found.info.permissions = permissions;
                self.apply_permissions(now, key);
                self.show_recording(room);
                self.tell_who_waits(room);
            }
            None => {}
        }
        self.announce(key, true);
    }

    pub(crate) fn peer_connected(&mut self, now: Instant, peer: usize) {
        let Some(key) = self.peers.get(peer).map(|slot| slot.participant) else {
            return;
        };
        let found = &mut self.participants[key];
        found.lost_since = None;
        // In two-connection mode the one that is used first counts.
        if found.info.state == ParticipantState::Joined {
            found.info.state = ParticipantState::Active;
            found.changed();
            self.announce(key, true);
            self.arrived(now, key);
        }
        self.start_sending(now, key);
        self.unsettled.push(key);
    }

    pub(crate) fn peer_lost(&mut self, now: Instant, peer: usize, lost: bool) {
        let Some(key) = self.peers.get(peer).map(|slot| slot.participant) else {
            return;
        };
        let found = &mut self.participants[key];
        match lost {
            true => found.lost_since = found.lost_since.or(Some(now)),
            false if found.attached => found.lost_since = None,
            false => {}
        }
    }

    /// A connection was closed by its client. Who has no other way to say goodbye has said it.
    pub(crate) fn peer_closed(&mut self, now: Instant, peer: usize) {
        self.peer_lost(now, peer, true);
        if let Some(key) = self.peers.get(peer).map(|slot| slot.participant) {
            let found = &mut self.participants[key];
            found.hung_up |= found.mode == TransportMode::Once;
        }
    }

    pub(crate) fn housekeeping(&mut self, now: Instant) {
        let late = |since: Option<Instant>, window| {
            since.is_some_and(|since| now.saturating_duration_since(since) > window)
        };
        let gone: Vec<(usize, LeaveReason)> = self
            .participants
            .iter()
            .filter(|(_, found)| found.far.is_none())
            .filter_map(|(key, found)| {
                let joining = found.info.state == ParticipantState::Joined;
                if joining && late(Some(found.joined_at), CONNECT_WINDOW) {
                    return Some((key, LeaveReason::JoinFailed));
                }
                if found.hung_up {
                    return Some((key, LeaveReason::ClientLeft));
                }
                late(found.lost_since, RESUME_WINDOW).then_some((key, LeaveReason::ConnectionLost))
            })
            .collect();
        for (key, reason) in gone {
            self.leave(now, key, reason);
        }
        let empty: Vec<RoomName> = self
            .rooms
            .iter()
            .filter(|(key, _)| self.is_home(*key))
            .filter(|(_, room)| {
                let patience = match room.had_participants {
                    true => room.info.departure_timeout,
                    false => room.info.empty_timeout,
                };
                // Whoever is early may wait for the others as long as they like.
                let waits = room.participants.iter().any(|key| self.participants[*key].waits());
                let early = waits && !room.had_participants;
                late(room.empty_since, patience) && !early
            })
            .map(|(_, room)| room.info.name.clone())
            .collect();
        for name in empty {
            self.end_room(now, &name);
        }
        let miscounted: Vec<usize> = self
            .rooms
            .iter()
            .filter(|(key, _)| self.is_home(*key))
            .filter(|(_, room)| room.told.0 != room.info.participants)
            .filter(|(_, room)| now.saturating_duration_since(room.told.1) >= COUNT_PAUSE)
            .map(|(key, _)| key)
            .collect();
        for key in miscounted {
            self.rooms[key].told.1 = now;
            self.tell_room(key);
            self.spread_room(key, true);
        }
        self.look_after_layers(now);
    }
}
