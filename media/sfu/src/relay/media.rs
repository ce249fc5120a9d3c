//! The media of far publishers: what is wanted of it here, and what is handed over there.

use super::{RelayedPacket, Wanted, Word};
use crate::event::Event;
use crate::forward::Belongs;
use crate::ids::TrackId;
use crate::peer::{IngressPacket, starts_decoding};
use crate::published::Published;
use crate::sfu::Sfu;
use crate::track::MediaKind;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// What one other shard gets of an encoding.
#[derive(Debug)]
pub(crate) struct RelayTo {
    pub shard: usize,
    /// Layers up to this one.
    pub best: usize,
    /// Layers of which packets were dropped: they go on at a keyframe.
    starved: BTreeSet<usize>,
}

/// What another shard wants of a track in a room in which the track is not, or not yet: a move goes by the
/// home, and a wish straight here, so that the wish may come first.
#[derive(Debug)]
pub(crate) struct Early {
    pub shard: usize,
    at: Instant,
    wanted: Wanted,
    best: Option<usize>,
}

/// A word that comes so much later than its move is none that was early.
const EARLY: Duration = Duration::from_secs(5);

/// Names a packet between shards: for whoever has no place for it.
#[derive(Debug, Clone)]
pub struct RelayedMedia {
    stream: Option<(TrackId, bool, usize, MediaKind)>,
}

impl RelayedMedia {
    pub(super) fn data() -> Self {
        Self { stream: None }
    }

    /// Whether there is place for it where so many of `places` are taken. The last quarter is for sound.
    pub fn fits(&self, taken: usize, places: usize) -> bool {
        let sound = matches!(self.stream, Some((.., MediaKind::Audio)));
        taken < if sound { places } else { places - places / 4 }
    }
}

impl Published {
    /// Has every other shard begin anew at keyframes.
    pub(crate) fn relay_anew(&mut self) {
        let streams: BTreeSet<usize> =
            (0..self.layers.len()).map(|layer| self.layers.stream_of(layer)).collect();
        for relay in &mut self.relays {
            relay.starved.clone_from(&streams);
        }
    }
}

impl RelayedPacket {
    pub(super) fn media(&self) -> RelayedMedia {
        RelayedMedia { stream: Some((self.track.clone(), self.backup, self.layer, self.kind)) }
    }
}

impl Sfu {
    /// The encoding that a shard speaks of, if it is still what it was.
    pub(crate) fn encoding_of(&self, wanted: &Wanted) -> Option<usize> {
        let track = *self.track_keys.get(&wanted.track)?;
        let published = &self.tracks[track];
        let here = self.rooms[published.room].info.name == wanted.room;
        let encoding = if wanted.backup { published.backup? } else { track };
        here.then_some(encoding)
    }

    /// Tells the shard of a far track what is wanted of it here, if that is news.
    pub(crate) fn tell_far_wants(&mut self, _now: Instant, track: usize) {
        let published = &self.tracks[track];
        let Some(shard) = self.far(published.participant) else { return };
        let encodings = [(Some(track), false), (published.backup, true)];
        let (room, id) = (self.rooms[published.room].info.name.clone(), published.info.id.clone());
        for (encoding, backup) in encodings {
            let Some(encoding) = encoding else { continue };
            let best = self.wanted_far(track, encoding);
            let published = &mut self.tracks[encoding];
            let subscribed = !published.forwards.is_empty();
            let news = Some((best, subscribed));
            // What nobody ever wanted need not be called off.
            let never = published.wanted_far.is_none() && best.is_none();
            if published.wanted_far == news || never {
                continue;
            }
            published.wanted_far = news;
            let (room, track) = (room.clone(), id.clone());
            self.relay(
                shard,
                Word::Wanted { wanted: Wanted { room, track, backup, subscribed }, best },
            );
        }
    }

    /// The best layer that subscribers and taps here want of a far track's encoding: all below it come
    /// along, so that each subscriber can be given what fits.
    fn wanted_far(&self, track: usize, encoding: usize) -> Option<usize> {
        let published = &self.tracks[encoding];
        if !published.taps.is_empty() {
            return Some(usize::MAX);
        }
        let layers = &published.layers;
        let wanted = published.forwards.iter().filter_map(|forward| {
            let settings = self.participants[forward.participant].wishes.get(&track)?.settings;
            // What is sent goes on until its successor can begin.
            let best = layers.wanted(&settings).max(forward.current.unwrap_or(0));
            (!settings.disabled).then_some(best)
        });
        wanted.max().map(|best| if best >= layers.top() { usize::MAX } else { best })
    }

    /// Another shard says what it wants of a track that is published here.
    pub(crate) fn far_wants(
        &mut self,
        now: Instant,
        from: usize,
        wanted: &Wanted,
        best: Option<usize>,
    ) {
        let Some(encoding) = self.encoding_of(wanted) else {
            self.keep_early(Early { shard: from, at: now, wanted: wanted.clone(), best });
            return;
        };
        let published = &mut self.tracks[encoding];
        if self.participants[published.participant].far.is_some() {
            return;
        }
        let known = published.relays.iter().position(|relay| relay.shard == from);
        match (known, best) {
            (Some(known), Some(best)) => published.relays[known].best = best,
            (Some(known), None) => {
                published.relays.swap_remove(known);
            }
            (None, Some(best)) => {
                published.relays.push(RelayTo { shard: from, best, starved: BTreeSet::new() });
            }
            (None, None) => {}
        }
        let Some(track) = self.track_keys.get(&wanted.track).copied() else { return };
        let published = &mut self.tracks[track];
        let subscribed = wanted.subscribed && best.is_some();
        if subscribed && !std::mem::replace(&mut published.had_subscriber, true) {
            let publisher = published.participant;
            self.tell(publisher, Event::TrackSubscribed { track: wanted.track.clone() });
        }
        self.tell_wanted_layers(now, track, false);
    }

    /// Keeps what was wanted too early, the newest of each shard and encoding.
    fn keep_early(&mut self, early: Early) {
        let track = self.track_keys.get(&early.wanted.track).copied();
        let Some(track) = track.filter(|track| self.far(self.tracks[*track].participant).is_none())
        else {
            return;
        };
        let published = &mut self.tracks[track];
        let whose = |early: &Early| (early.shard, early.wanted.backup);
        published.early.retain(|known| whose(known) != whose(&early));
        if self.rooms[published.room].info.name != early.wanted.room {
            published.early.push(early);
        }
    }

    /// A track is in another room: what was wanted of it there too early is wanted now.
    pub(crate) fn heed_early(&mut self, now: Instant, track: usize) {
        let room = self.rooms[self.tracks[track].room].info.name.clone();
        let early = std::mem::take(&mut self.tracks[track].early);
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            early.into_iter().partition(|early| early.wanted.room == room);
        self.tracks[track].early = elsewhere;
        for Early { shard, at, wanted, best } in here {
            if now.saturating_duration_since(at) <= EARLY {
                self.far_wants(now, shard, &wanted, best);
            }
        }
    }

    /// Hands a packet over to the shards that want it, once each.
    pub(crate) fn hand_over(&mut self, track: usize, belongs: Belongs, packet: &IngressPacket) {
        let published = &mut self.tracks[track];
        if published.relays.is_empty() {
            return;
        }
        let kind = published.info.kind;
        let stream = published.layers.stream_of(belongs.layer);
        let mut starts: Option<bool> = None;
        let (mut chosen, mut starved) = (Vec::new(), 0);
        for relay in &mut published.relays {
            if !published.layers.is_among(belongs.layer, relay.best) {
                continue;
            }
            let anew = relay.starved.contains(&stream);
            let may_start =
                || !packet.payload.is_empty() && starts_decoding(packet.codec, &packet.payload);
            if anew && !*starts.get_or_insert_with(may_start) {
                starved += 1;
                continue;
            }
            relay.starved.remove(&stream);
            chosen.push((relay.shard, anew));
        }
        let (id, backup) = (published.info.id.clone(), published.backup_of.is_some());
        self.counters.relay_drops += starved;
        for (shard, anew) in chosen {
            let packet = RelayedPacket {
                track: id.clone(),
                backup,
                layer: stream,
                kind,
                anew,
                packet: packet.clone(),
            };
            self.counters.relayed_out += 1;
            self.relay(shard, Word::Packet(Box::new(packet)));
        }
    }

    /// A packet for another shard had no place and is lost. Of a picture nothing more goes there before
    /// the next keyframe, which is asked for: what depends on the lost one is of no use.
    pub fn relay_was_full(&mut self, now: Instant, shard: usize, lost: &RelayedMedia) {
        self.counters.relay_drops += 1;
        let Some((track, backup, layer, MediaKind::Video)) = &lost.stream else { return };
        let first = self.track_keys.get(track).copied();
        let Some(first) = first else { return };
        let encoding = if *backup { self.tracks[first].backup } else { Some(first) };
        let Some(encoding) = encoding else { return };
        let relays = &mut self.tracks[encoding].relays;
        if let Some(relay) = relays.iter_mut().find(|relay| relay.shard == shard) {
            relay.starved.insert(*layer);
            self.ask_keyframe(now, encoding, *layer);
        }
    }

    /// Layers that a shard could get no more of without a keyframe.
    pub(crate) fn starved_layers(&self, track: usize) -> Vec<usize> {
        let relays = self.tracks[track].relays.iter();
        relays.flat_map(|relay| relay.starved.iter().copied()).collect()
    }

    /// A far publisher's packet.
    pub(crate) fn relayed_packet(&mut self, now: Instant, relayed: RelayedPacket) {
        let RelayedPacket { track, backup, layer, anew, packet, .. } = relayed;
        self.counters.relayed_in += 1;
        let first = self.track_keys.get(&track).copied();
        let Some(first) = first.filter(|first| self.far(self.tracks[*first].participant).is_some())
        else {
            return;
        };
        let encoding = if backup { self.tracks[first].backup } else { Some(first) };
        let Some(encoding) = encoding else { return };
        let published = &mut self.tracks[encoding];
        if !published.announced {
            published.announced = true;
            published.info.codec = Some(packet.codec);
        }
        let belongs = published.belongs_far(&packet, layer);
        if anew {
            published.start_stream_anew(belongs.layer);
        }
        self.flow(now, encoding, belongs, &packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_give_way_before_sound_and_nothing_has_more_places_than_there_are() {
        let media = |kind| RelayedMedia { stream: Some(("TR_1".into(), false, 0, kind)) };
        for (taken, sound, others) in
            [(0, true, true), (74, true, true), (75, true, false), (99, true, false)]
        {
            assert_eq!(media(MediaKind::Audio).fits(taken, 100), sound, "{taken}");
            assert_eq!(media(MediaKind::Video).fits(taken, 100), others, "{taken}");
            assert_eq!(RelayedMedia::data().fits(taken, 100), others, "{taken}");
        }
        assert!(!media(MediaKind::Audio).fits(100, 100));
    }
}
