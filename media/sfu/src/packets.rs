//! The packet path: one publisher's packet to its subscribers and taps; and what packets tell
//! about who speaks.

use crate::command::TransportMode;
use crate::event::{Event, Output};
use crate::forward::{Belongs, Egress, EgressPacket, red_primary};
use crate::ids::{ParticipantId, RoomName, TrackId};
use crate::peer::{IngressPacket, starts_decoding};
use crate::publish::tap_track;
use crate::published::Published;
use crate::relay::Word;
use crate::sfu::Sfu;
use crate::speakers::Heard as Loud;
use crate::tap::{TapEvent, TapId, TapItem, TapPacket};
use crate::track::MediaKind;
use crate::view::{ParticipantState, SpeakerLevel};
use std::sync::Arc;
use std::time::Instant;

/// What one window of a room says.
struct Heard {
    room: usize,
    changes: Vec<SpeakerLevel>,
    /// Of tracks that are published here.
    tracks: Vec<(TrackId, f32)>,
    speaking: Vec<(f32, ParticipantId)>,
}

impl Sfu {
    pub(crate) fn rtp(&mut self, now: Instant, peer: usize, packet: &IngressPacket) {
        self.counters.rtp_in += 1;
        let Some(key) = self.peers.get(peer).map(|slot| slot.participant) else {
            return;
        };
        let Some(track) = self.participants[key].by_mid.get(&packet.mid).copied() else {
            return;
        };
        let published = &mut self.tracks[track];
        // Who sends what was not agreed on sends it to nobody.
        if !published.codecs.allow(packet.codec) {
            return;
        }
        let belongs = published.belongs(packet);
        if !published.announced {
            published.info.codec = Some(packet.codec);
            published.info.red = packet.red;
            self.announce_track(now, track);
        }
        // Who could not be told to stop sending is neither heard nor seen.
        if self.tracks[track].info.muted && self.participants[key].mode == TransportMode::Once {
            return;
        }
        // Padding says no level, and is no sound.
        let sounds = !packet.payload.is_empty();
        if sounds && self.tracks[track].loudness.hear(packet.audio_level) {
            self.sounds(now, track);
            let Published { info, room, .. } = &self.tracks[track];
            let (room, track) = (*room, info.id.clone());
            let name = self.rooms[room].info.name.clone();
            let word = || Word::Sounds { room: name.clone(), track: track.clone() };
            self.spread(room, None, word);
        }
        self.flow(now, track, belongs, packet);
    }

    /// Brings a packet to whoever wants it here, and to other shards.
    pub(crate) fn flow(
        &mut self,
        now: Instant,
        track: usize,
        belongs: Belongs,
        packet: &IngressPacket,
    ) {
        let layer = belongs.layer;
        let published = &mut self.tracks[track];
        published.layers.count(&belongs, now, packet.payload.len());
        if published.layers.heard(layer, now) {
            self.choose_layers(track);
            // At once: this packet may start the keyframe that somebody waits for.
            self.divide_due(now);
        }
        if !self.tracks.contains(track) {
            return;
        }
        let before = self.counters.rtp_out;
        self.forward(now, track, belongs, packet);
        self.count_packets(track, 1 + self.counters.rtp_out - before);
        self.tap_packet(track, layer, packet);
        self.hand_over(track, belongs, packet);
    }

    fn forward(&mut self, now: Instant, track: usize, belongs: Belongs, packet: &IngressPacket) {
        let Self { tracks, peers, outputs, timers, counters, .. } = self;
        let published = &mut tracks[track];
        // Unwrapped once, for all subscribers without RED.
        let mut unwrapped: Option<Arc<[u8]>> = None;
        for forward in &mut published.forwards {
            let Some(slot) = peers.get_mut(forward.peer).filter(|_| forward.connected) else {
                continue;
            };
            let mid = forward.mid;
            let selected = forward
                .select(now, belongs, packet, |codec, red| slot.peer.payload_type(mid, codec, red));
            let Some(selected) = selected else { continue };
            let payload = if selected.unwrap_red {
                if unwrapped.is_none() {
                    unwrapped = red_primary(&packet.payload).map(Arc::from);
                }
                match &unwrapped {
                    Some(primary) => primary,
                    None => continue,
                }
            } else {
                &packet.payload
            };
            let egress = EgressPacket {
                payload_type: selected.payload_type,
                codec: packet.codec,
                numbers: selected.numbers,
                marker: selected.marker,
                payload,
                extensions: &packet.extensions,
                at: packet.at,
            };
            if slot.peer.send(now, mid, &egress) {
                counters.rtp_out += 1;
            }
            Self::after_write(outputs, timers, forward.peer, slot);
        }
    }

    fn tap_packet(&mut self, track: usize, layer: usize, packet: &IngressPacket) {
        let published = &mut self.tracks[track];
        if published.taps.is_empty() {
            return;
        }
        let payload = match packet.red {
            true => Arc::from(red_primary(&packet.payload).unwrap_or_default()),
            false => packet.payload.clone(),
        };
        let starts = starts_decoding(packet.codec, &payload);
        let room = self.rooms[published.room].info.name.clone();
        let id = published.info.id.clone();
        let outputs = &mut self.outputs;
        published.tap_layers(layer, starts, |tap, tapped| {
            let event = TapEvent::Packet(TapPacket {
                track: id.clone(),
                layer: tapped,
                codec: packet.codec,
                ssrc: packet.ssrc,
                seq: packet.seq,
                rtp: packet.time,
                clock_rate: packet.clock_rate,
                marker: packet.marker,
                payload: payload.clone(),
                sender_report: packet.sender_report,
            });
            let item = TapItem { at: packet.at, event };
            outputs.push_back(Output::Tap { room: room.clone(), tap, item });
        });
    }

    /// Shows an event to every tap of a room.
    pub(crate) fn tap_all(&mut self, now: Instant, room: usize, event: &TapEvent) {
        let Some(room) = self.rooms.get(room) else {
            return;
        };
        for tap in &room.taps {
            let item = TapItem { at: now, event: event.clone() };
            let room = room.info.name.clone();
            self.outputs.push_back(Output::Tap { room, tap: *tap, item });
        }
    }

    /// A new tap first hears what is there already.
    pub(crate) fn open_tap(&mut self, now: Instant, name: &RoomName, tap: TapId) {
        let Some(room) = self.room_keys.get(name).copied() else {
            self.outputs.push_back(Output::TapClosed { room: name.clone(), tap });
            return;
        };
        if self.rooms[room].taps.contains(&tap) {
            return;
        }
        self.rooms[room].taps.push(tap);
        let mut events = Vec::new();
        for key in &self.rooms[room].participants {
            let found = &self.participants[*key];
            let permissions = &found.info.permissions;
            let shown = found.info.state == ParticipantState::Active
                && !found.waits()
                && !permissions.hidden
                && !permissions.recorder;
            if !shown {
                continue;
            }
            events.push(TapEvent::Joined {
                participant: found.info.id.clone(),
                identity: found.info.identity.clone(),
                name: found.info.name.clone(),
            });
            for info in &found.info.tracks {
                events.push(TapEvent::Published(tap_track(&found.info, info)));
            }
        }
        for event in events {
            let item = TapItem { at: now, event };
            self.outputs.push_back(Output::Tap { room: name.clone(), tap, item });
        }
        let tracks: Vec<usize> =
            self.tracks.iter().filter(|(_, t)| t.room == room).map(|(track, _)| track).collect();
        for track in tracks {
            // What everybody can decode is recorded in the first codec.
            if self.tracks[track].backup_of.is_some() {
                continue;
            }
            self.tracks[track].open_tap(tap);
            self.tell_wanted_layers(now, track, false);
        }
    }

    pub(crate) fn close_tap(&mut self, name: &RoomName, tap: TapId) {
        let Some(room) = self.room_keys.get(name).copied() else {
            return;
        };
        self.rooms[room].taps.retain(|open| *open != tap);
        for (_, track) in &mut self.tracks {
            if track.room == room {
                track.taps.retain(|tapped| tapped.tap != tap);
            }
        }
        self.outputs.push_back(Output::TapClosed { room: name.clone(), tap });
    }

    /// A speaker whose track has gone speaks no more.
    pub(crate) fn tell_silence(&mut self, room: usize, speaker: usize) {
        let participant = self.participants[speaker].info.id.clone();
        if !self.participants[speaker].is_visible() {
            return;
        }
        let silence = vec![SpeakerLevel { participant, level: 0.0, active: false }];
        for participant in self.inside(room) {
            self.tell(participant, Event::Speakers(silence.clone()));
        }
    }

    pub(crate) fn announce_speakers(&mut self, now: Instant) {
        let mut by_room: Vec<Heard> = Vec::new();
        for (_, track) in &mut self.tracks {
            if track.info.kind != MediaKind::Audio {
                continue;
            }
            let found = &mut self.participants[track.participant];
            let heard = match found.far {
                // It is measured where it is published.
                Some(_) => Loud { level: track.loudness.told(), changed: false },
                None => track.loudness.close_window(),
            };
            if heard.level > 0.0 {
                found.spoke_at = Some(now);
            }
            if !found.is_visible() || (!heard.changed && heard.level == 0.0) {
                continue;
            }
            let known = by_room.iter().position(|heard| heard.room == track.room);
            let at = known.unwrap_or_else(|| {
                let (changes, tracks, speaking) = (Vec::new(), Vec::new(), Vec::new());
                by_room.push(Heard { room: track.room, changes, tracks, speaking });
                by_room.len() - 1
            });
            if heard.changed {
                by_room[at].tracks.push((track.info.id.clone(), heard.level));
                by_room[at].changes.push(SpeakerLevel {
                    participant: found.info.id.clone(),
                    level: heard.level,
                    active: heard.level > 0.0,
                });
            }
            if heard.level > 0.0 {
                by_room[at].speaking.push((heard.level, found.info.id.clone()));
            }
        }
        for Heard { room, changes, tracks, mut speaking } in by_room {
            if changes.is_empty() {
                continue;
            }
            speaking.sort_by(|a, b| b.0.total_cmp(&a.0));
            let names = speaking.into_iter().map(|(_, id)| id).collect();
            self.tap_all(now, room, &TapEvent::Speakers(names));
            for participant in self.inside(room) {
                self.tell(participant, Event::Speakers(changes.clone()));
            }
            let room_name = self.rooms[room].info.name.clone();
            self.spread(room, None, || Word::Levels {
                room: room_name.clone(),
                tracks: tracks.clone(),
                told: changes.clone(),
            });
        }
    }
}
