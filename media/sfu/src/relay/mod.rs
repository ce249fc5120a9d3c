//! One room on several shards.
//!
//! ```text
//!        home: the room's truth           guest: a copy of the room
//!   Ada ──► Published ── forwards ─► Ben     Published (far) ── forwards ─► Cem
//!               └─ relay ── one hand-over a packet and shard ──►┘
//!   Cem (far: information alone) ◄── Copy, Left, Levels … ── Cem
//! ```
//! The shard that opened a room is its home and decides: who gets in, whom the lobby keeps, what the
//! room is called, when it ends; services and recordings hear of the room from it alone. A participant
//! lives on one shard for as long as it is there: its connections, its wishes and what it publishes are
//! that shard's. Everywhere else in the room it is *far*: a [`Participant`](crate::participant) without
//! connections whose information is a copy, so that all that the others do with it is what they do with
//! anybody. Requests go to the home, which passes on what is for somebody far. What changes goes from
//! the shard of whom it concerns to the home, and from there to the other guests, in order. Media goes
//! straight from the publisher's shard to each shard that wants it ([`media`]).
//!
//! A relay is a tap on one side and a publisher on the other. Queues are the business of whoever
//! carries [`Relayed`]: words must arrive in order, packets may be dropped ([`Sfu::relay_was_full`]).

mod data;
mod far;
mod guest;
mod home;
mod media;

pub(crate) use data::DataRelay;
pub use media::RelayedMedia;
pub(crate) use media::{Early, RelayTo};

use crate::command::{Audience, NewParticipant, TransportMode};
use crate::event::{Event, Output};
use crate::ids::{ParticipantId, RoomName, TrackId};
use crate::peer::IngressPacket;
use crate::quality::Quality;
use crate::sfu::Sfu;
use crate::track::{Codec, MediaKind};
use crate::view::{LayerInfo, ParticipantInfo, RoomInfo, SpeakerLevel};
use crate::{LeaveReason, command::Command};
use std::time::Instant;

/// One thing that a shard tells another.
#[derive(Debug)]
pub struct Relayed(pub(crate) Word);

impl Relayed {
    /// What may be dropped where there is no place for it: packets. Words may not.
    pub fn media(&self) -> Option<RelayedMedia> {
        match &self.0 {
            Word::Packet(packet) => Some(packet.media()),
            Word::DataPacket { .. } => Some(RelayedMedia::data()),
            _ => None,
        }
    }
}

/// Where a room lives, as one of its shards sees it.
#[derive(Debug)]
pub(crate) enum Span {
    /// Here; and on these shards are guests of it.
    Home { guests: Vec<usize> },
    /// There; here are guests of it.
    Guest { home: usize },
}

#[derive(Debug)]
pub(crate) enum Word {
    /// To a guest: the room begins there, or changed; `tell`: so that people see it.
    Room {
        info: Box<RoomInfo>,
        tell: bool,
    },
    /// To a guest: the room ended.
    RoomEnded(RoomName),
    /// To a guest: nobody lives there any more.
    RoomLeft(RoomName),
    /// To a guest: somebody joins there, and was let in as this.
    Join(Box<Arriving>),
    /// To a guest: something for somebody's door.
    Tell {
        participant: ParticipantId,
        event: Box<Event>,
    },
    /// Somebody is there, or changed.
    Copy(Box<Copied>),
    Left {
        room: RoomName,
        participant: ParticipantId,
        reason: LeaveReason,
    },
    /// How loud tracks are now, and what people are told of it.
    Levels {
        room: RoomName,
        tracks: Vec<(TrackId, f32)>,
        told: Vec<SpeakerLevel>,
    },
    /// A microphone is heard.
    Sounds {
        room: RoomName,
        track: TrackId,
    },
    Judged {
        room: RoomName,
        participant: ParticipantId,
        quality: Quality,
        score: f32,
    },
    /// To a track's shard: layers of an encoding that are wanted, up to this one.
    Wanted {
        wanted: Wanted,
        best: Option<usize>,
    },
    Keyframe {
        wanted: Wanted,
        layer: usize,
    },
    /// To a participant's shard: one of its data tracks is wanted in this room, or not any more.
    DataWanted {
        room: RoomName,
        participant: ParticipantId,
        track: TrackId,
        on: bool,
    },
    Packet(Box<RelayedPacket>),
    DataPacket {
        room: RoomName,
        track: TrackId,
        packet: Vec<u8>,
    },
}

/// Which encoding of a track somebody far wants.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub room: RoomName,
    pub track: TrackId,
    /// The second encoding.
    pub backup: bool,
    /// By a subscriber; else by a recording alone.
    pub subscribed: bool,
}

/// Somebody who lives on another shard than the home from the start.
#[derive(Debug)]
pub(crate) struct Arriving {
    pub room: RoomName,
    pub participant: NewParticipant,
    pub standing: crate::view::Standing,
    /// Its connection goes by TCP.
    pub tcp_only: bool,
}

/// A participant as shards copy it.
#[derive(Debug, Clone)]
pub(crate) struct Copied {
    /// Where it lives.
    pub shard: usize,
    pub room: RoomName,
    pub info: ParticipantInfo,
    pub mode: TransportMode,
    pub audience: Audience,
    pub quality: Quality,
    pub score: f32,
    /// Of the tracks in `info`, in that order.
    pub tracks: Vec<CopiedTrack>,
}

/// What of a track is not in its information.
#[derive(Debug, Clone)]
pub(crate) struct CopiedTrack {
    pub level: f32,
    pub backup: Option<CopiedBackup>,
}

#[derive(Debug, Clone)]
pub(crate) struct CopiedBackup {
    pub codec: Codec,
    /// Empty: it is not sent.
    pub layers: Vec<LayerInfo>,
}

/// One packet for one shard, whoever wants it there.
#[derive(Debug)]
pub(crate) struct RelayedPacket {
    pub track: TrackId,
    pub backup: bool,
    /// As its publisher's shard counts them.
    pub layer: usize,
    pub kind: MediaKind,
    /// Packets before it were dropped: decoding starts anew at this one.
    pub anew: bool,
    pub packet: IngressPacket,
}

impl Sfu {
    /// Takes what another shard says.
    pub fn relayed(&mut self, now: Instant, from: usize, what: Relayed) {
        self.wake_clocks(now);
        self.heed(now, from, what.0);
        self.settle(now);
    }

    fn heed(&mut self, now: Instant, from: usize, word: Word) {
        match word {
            Word::Room { info, tell } => self.room_copied(now, from, *info, tell),
            Word::RoomEnded(room) => self.end_copy(now, &room, LeaveReason::RoomEnded),
            Word::RoomLeft(room) => self.end_copy(now, &room, LeaveReason::ConnectionLost),
            Word::Join(arriving) => self.arrive(now, *arriving),
            Word::Tell { participant, event } => {
                self.outputs.push_back(Output::Event { participant, event });
            }
            Word::Copy(copied) => self.copied(now, *copied),
            Word::Left { room, participant, reason } => {
                self.far_left(now, from, (&room, &participant), reason);
            }
            Word::Levels { room, tracks, told } => {
                self.far_levels(now, from, &room, tracks, told);
            }
            Word::Sounds { room, track } => {
                let (Some(room), Some(key)) =
                    (self.room_keys.get(&room).copied(), self.track_keys.get(&track).copied())
                else {
                    return;
                };
                self.sounds(now, key);
                let name = self.rooms[room].info.name.clone();
                self.spread(room, Some(from), || Word::Sounds {
                    room: name.clone(),
                    track: track.clone(),
                });
            }
            Word::Judged { room, participant, quality, score } => {
                self.far_judged(from, &room, &participant, quality, score);
            }
            Word::Wanted { wanted, best } => self.far_wants(now, from, &wanted, best),
            Word::Keyframe { wanted, layer } => {
                if let Some(encoding) = self.encoding_of(&wanted) {
                    let top = self.tracks[encoding].layers.top();
                    self.ask_keyframe(now, encoding, layer.min(top));
                }
            }
            Word::DataWanted { room, participant, track, on } => {
                self.far_wants_data(from, room, &participant, &track, on);
            }
            Word::Packet(packet) => self.relayed_packet(now, *packet),
            Word::DataPacket { room, track, packet } => {
                if let Some(room) = self.room_keys.get(&room).copied() {
                    self.counters.relayed_in += 1;
                    self.deliver_data_packet(now, room, &track, packet);
                }
            }
        }
    }

    pub(crate) fn relay(&mut self, to: usize, word: Word) {
        self.outputs.push_back(Output::Relay { to, what: Relayed(word) });
    }

    pub(crate) fn pass(&mut self, to: usize, command: Command) {
        self.outputs.push_back(Output::Pass { to, command: Box::new(command) });
    }

    /// Tells a room's other shards: from the home all guests, from a guest the home. `except`: the
    /// shard that it comes from.
    pub(crate) fn spread(&mut self, room: usize, except: Option<usize>, word: impl Fn() -> Word) {
        match &self.rooms[room].span {
            Span::Home { guests } if guests.is_empty() => {}
            Span::Home { guests } => {
                for to in guests.clone() {
                    if Some(to) != except {
                        self.relay(to, word());
                    }
                }
            }
            Span::Guest { home } if except.is_none() => self.relay(*home, word()),
            Span::Guest { .. } => {}
        }
    }

    /// Whether the room's truth is here.
    pub(crate) fn is_home(&self, room: usize) -> bool {
        matches!(self.rooms[room].span, Span::Home { .. })
    }

    /// The shard on which a participant lives, if not this one.
    pub(crate) fn far(&self, key: usize) -> Option<usize> {
        self.participants.get(key)?.far
    }

    /// Another shard was too far behind for what it had to be told: here it is as if whoever lives there
    /// had gone, and there as if this one had.
    pub fn lose_shard(&mut self, now: Instant, shard: usize) {
        let rooms: Vec<RoomName> =
            self.rooms.iter().map(|(_, room)| room.info.name.clone()).collect();
        for name in rooms {
            let Some(room) = self.room_keys.get(&name).copied() else { continue };
            match &mut self.rooms[room].span {
                Span::Guest { home } if *home == shard => {
                    self.end_copy(now, &name, LeaveReason::ConnectionLost);
                }
                Span::Guest { .. } => {}
                Span::Home { guests } => {
                    let was_guest = guests.contains(&shard);
                    guests.retain(|guest| *guest != shard);
                    if was_guest {
                        // What was on its way there may have begun the room anew.
                        self.relay(shard, Word::RoomLeft(name.clone()));
                    }
                    for key in self.rooms[room].participants.clone() {
                        if self.far(key) == Some(shard) {
                            self.leave(now, key, LeaveReason::ConnectionLost);
                        }
                    }
                }
            }
        }
        for (_, track) in &mut self.tracks {
            track.relays.retain(|relay| relay.shard != shard);
            track.early.retain(|early| early.shard != shard);
            if self.participants[track.participant].far == Some(shard) {
                track.wanted_far = None;
            }
        }
        for (_, found) in &mut self.participants {
            match found.far {
                Some(far) if far == shard => found.data_wanted.clear(),
                Some(_) => {}
                None => found.drop_data_relays(|relay| relay.shard == shard),
            }
        }
        self.settle(now);
    }
}
