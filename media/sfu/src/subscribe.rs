//! Who receives what: wishes, media sections, layers.
//!
//! A wish is a fact ("wants this track"); sections and offers are recomputed from the wishes each
//! time. Adding up what was asked for before made other servers' offers grow without end.

use crate::command::{Audience, TrackSettings, TransportMode};
use crate::event::{Event, WantedCodec};
use crate::forward::Forward;
use crate::ids::TrackId;
use crate::participant::Wish;
use crate::peer::Mid;
use crate::publish::stream_id;
use crate::published::Published;
use crate::relay::{Wanted, Word};
use crate::sfu::Sfu;
use crate::track::MediaKind;
use crate::view::ParticipantState;
use std::time::{Duration, Instant};

/// A client that was asked for an offer and sent none is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(3);

impl Sfu {
    pub(crate) fn subscribe(&mut self, now: Instant, key: usize, ids: &[TrackId], on: bool) {
        for id in ids {
            let Some(track) = self.track_keys.get(id).copied() else {
                continue;
            };
            let published = &self.tracks[track];
            let found = &self.participants[key];
            let visible = self.participants[published.participant].is_visible();
            if published.room != found.room || published.participant == key || !visible {
                continue;
            }
            match on {
                true => {
                    self.wish(key, track);
                    if let Some(wish) = self.participants[key].wishes.get_mut(&track) {
                        wish.by_id = true;
                    }
                }
                false => self.forget_wish(now, key, track),
            }
        }
        self.unsettled.push(key);
    }

    pub(crate) fn subscribe_to_all(&mut self, key: usize) {
        let room = self.participants[key].room;
        let tracks: Vec<usize> = self
            .tracks
            .iter()
            .filter(|(_, t)| t.room == room && t.participant != key && t.announced)
            .filter(|(_, t)| t.backup_of.is_none())
            .filter(|(_, t)| self.participants[t.participant].is_visible())
            .map(|(track, _)| track)
            .collect();
        for track in tracks {
            self.wish(key, track);
        }
    }

    pub(crate) fn wish(&mut self, key: usize, track: usize) {
        let found = &self.participants[key];
        if !found.info.permissions.can_subscribe || found.wishes.contains_key(&track) {
            return;
        }
        let barred = !self.admitted(key, track);
        self.participants[key]
            .wishes
            .insert(track, Wish { barred, encoding: track, ..Wish::default() });
        self.unsettled.push(key);
        if barred {
            self.tell_audience(key, track, false);
        }
    }

    /// Whether the track's publisher lets this participant subscribe.
    fn admitted(&self, key: usize, track: usize) -> bool {
        let published = &self.tracks[track];
        let info = &self.participants[key].info;
        let publisher = &self.participants[published.participant];
        publisher.audience.admits(&info.id, &info.identity, &published.info.id)
    }

    fn tell_audience(&mut self, key: usize, track: usize, allowed: bool) {
        let published = &self.tracks[track];
        let publisher = self.participants[published.participant].info.id.clone();
        let track = published.info.id.clone();
        self.tell(key, Event::SubscriptionAllowed { publisher, track, allowed });
    }

    /// A publisher changes who may subscribe: subscriptions stop or begin accordingly.
    pub(crate) fn set_audience(&mut self, now: Instant, key: usize, audience: Audience) {
        let found = &mut self.participants[key];
        found.audience = audience;
        let room = found.room;
        let tracks: Vec<usize> = found.by_mid.values().copied().collect();
        for subscriber in self.rooms[room].participants.clone() {
            for track in &tracks {
                let Some(wish) = self.participants[subscriber].wishes.get(track) else {
                    continue;
                };
                let barred = !self.admitted(subscriber, *track);
                if wish.barred == barred {
                    continue;
                }
                if barred {
                    self.stop_forward(now, subscriber, *track);
                }
                if let Some(wish) = self.participants[subscriber].wishes.get_mut(track) {
                    wish.barred = barred;
                }
                self.tell_audience(subscriber, *track, !barred);
                self.unsettled.push(subscriber);
            }
        }
    }

    /// Ends a subscription and frees its section.
    pub(crate) fn forget_wish(&mut self, now: Instant, key: usize, track: usize) {
        self.stop_forward(now, key, track);
        self.participants[key].wishes.remove(&track);
    }

    /// Sends no more of a track and frees its section; the wish stays.
    fn stop_forward(&mut self, now: Instant, key: usize, track: usize) {
        let found = &mut self.participants[key];
        let Some(wish) = found.wishes.get_mut(&track) else {
            return;
        };
        let mid = wish.mid.take();
        let encoding = std::mem::replace(&mut wish.encoding, track);
        // An offer of ours may be under way for it.
        found.offered.retain(|(_, offered)| *offered != track);
        self.unsettled.push(key);
        let Some(mid) = mid else { return };
        let ended = self.tracks.get_mut(encoding).and_then(|published| {
            let at = published.forwards.iter().position(|forward| forward.participant == key)?;
            Some(published.forwards.remove(at))
        });
        let found = &mut self.participants[key];
        found.answer_stale = true;
        let Some(peer) = found.subscriber else { return };
        match found.mode {
            TransportMode::Single => {
                if let Some(slot) = self.peers.get_mut(peer) {
                    slot.peer.release_section(now, mid);
                    self.after(now, peer);
                }
            }
            TransportMode::Dual => found.stopping.push(mid),
            TransportMode::Once => {
                if let Some(numbers) = ended.and_then(Forward::into_numbers) {
                    found.kept_numbers.insert(mid, numbers);
                }
                if let Some(slot) = self.peers.get_mut(peer) {
                    slot.peer.free_section(mid);
                }
            }
        }
    }

    pub(crate) fn track_settings(
        &mut self,
        now: Instant,
        key: usize,
        ids: &[TrackId],
        settings: TrackSettings,
    ) {
        for id in ids {
            let Some(track) = self.track_keys.get(id).copied() else {
                continue;
            };
            if let Some(wish) = self.participants[key].wishes.get_mut(&track) {
                wish.settings = settings;
                self.divide_soon(key);
                self.tell_wanted_layers(now, track, false);
            }
        }
    }

    /// Tracks that are sent to a participant, by section.
    pub(crate) fn sent_tracks(&self, key: usize) -> Vec<(String, TrackId)> {
        let wishes = &self.participants[key].wishes;
        wishes
            .iter()
            .filter_map(|(track, wish)| {
                Some((wish.mid?.to_string(), self.tracks.get(*track)?.info.id.clone()))
            })
            .collect()
    }

    /// Wanted, announced tracks that have no section and should have one.
    fn waiting(&self, now: Instant, key: usize) -> Vec<usize> {
        let waiting: Vec<usize> = self.participants[key]
            .wishes
            .iter()
            .filter(|(_, wish)| wish.mid.is_none() && !wish.barred)
            .map(|(track, _)| *track)
            .filter(|track| self.tracks.get(*track).is_some_and(|t| t.announced))
            .collect();
        self.worth_sections(now, key, waiting)
    }

    /// Puts waiting tracks on free sections: during an answer where that must say so, else at once.
    pub(crate) fn fill_sections(&mut self, now: Instant, key: usize) {
        let Some(peer) = self.participants[key].subscriber else {
            return;
        };
        for track in self.waiting(now, key) {
            let kind = self.tracks[track].info.kind;
            if let Some(mid) = self.peers[peer].peer.take_section(kind) {
                self.start_forward(now, key, track, mid);
            }
        }
    }

    pub(crate) fn start_forward(&mut self, now: Instant, key: usize, track: usize, mid: Mid) {
        let found = &self.participants[key];
        let Some(peer) = found.subscriber else { return };
        let wanted = found.wishes.get(&track).is_some_and(|wish| !wish.barred);
        if !wanted || !self.tracks.contains(track) {
            // Unwanted since it was offered: stop it with the next offer.
            self.participants[key].stopping.push(mid);
            return;
        }
        let (encoding, decodes) = self.encoding_for(peer, mid, track);
        let found = &mut self.participants[key];
        let numbers = found.kept_numbers.remove(&mid);
        let Some(wish) = found.wishes.get_mut(&track) else { return };
        (wish.mid, wish.encoding) = (Some(mid), encoding);
        let wanted = self.tracks[encoding].layers.choose(&wish.settings);
        let mut forward = Forward::new(peer, key, mid, wanted).continuing(numbers);
        forward.set_paused(wish.settings.disabled);
        let connected = self.peers.get(peer).is_some_and(|slot| slot.peer.is_connected());
        forward.connected = connected;
        self.tracks[encoding].forwards.push(forward);
        let published = &mut self.tracks[track];
        let first = !std::mem::replace(&mut published.had_subscriber, true);
        let (publisher, id) = (published.participant, published.info.id.clone());
        self.tell_wanted_layers(now, track, false);
        if !decodes {
            self.tell(key, Event::CodecUnsupported { track: id.clone() });
        }
        if first {
            self.tell(publisher, Event::TrackSubscribed { track: id });
        }
        if connected {
            self.ask_keyframe(now, encoding, wanted);
        }
        self.divide_soon(key);
    }

    /// What is sent to a connection that has just come up starts with keyframes.
    pub(crate) fn start_sending(&mut self, now: Instant, key: usize) {
        let wishes = self.participants[key].wishes.values();
        let tracks: Vec<usize> = wishes.map(|wish| wish.encoding).collect();
        for track in tracks {
            let Some(published) = self.tracks.get_mut(track) else { continue };
            let forward = published.forwards.iter_mut().find(|f| f.participant == key);
            let Some(forward) = forward else { continue };
            forward.connected = self.peers.get(forward.peer).is_some_and(|s| s.peer.is_connected());
            if forward.needs_keyframe() {
                let wanted = forward.wanted();
                self.ask_keyframe(now, track, wanted);
            }
        }
    }

    /// Brings a client's sections in line with its wishes.
    pub(crate) fn reconcile(&mut self, now: Instant, key: usize) {
        let Some(found) = self.participants.get(key) else {
            return;
        };
        if !found.attached || found.subscriber.is_none() {
            return;
        }
        match found.mode {
            TransportMode::Single => self.ask_for_sections(now, key),
            TransportMode::Dual => self.offer_sections(now, key),
            TransportMode::Once => self.fill_sections(now, key),
        }
    }

    fn ask_for_sections(&mut self, now: Instant, key: usize) {
        let waiting = self.waiting(now, key);
        let found = &self.participants[key];
        // Before the first answer there is nothing to add sections to: the client's own first
        // offer is on its way.
        if found.info.state != ParticipantState::Active {
            return;
        }
        let asked = found.asked_at.is_some_and(|at| now.saturating_duration_since(at) < ASK_AGAIN);
        if asked || (waiting.is_empty() && !found.answer_stale) {
            return;
        }
        let Some(peer) = found.subscriber else { return };
        let missing = |kind: MediaKind| {
            let wanted =
                waiting.iter().filter(|track| self.tracks[**track].info.kind == kind).count();
            wanted.saturating_sub(self.peers[peer].peer.free_sections(kind)) as u32
        };
        let wanted = Event::SectionsWanted {
            audios: missing(MediaKind::Audio),
            videos: missing(MediaKind::Video),
        };
        self.participants[key].asked_at = Some(now);
        self.tell(key, wanted);
    }

    fn offer_sections(&mut self, now: Instant, key: usize) {
        let waiting = self.waiting(now, key);
        let found = &mut self.participants[key];
        let Some(peer) = found.subscriber else { return };
        if self.peers[peer].peer.is_offering() {
            return;
        }
        let channels = !std::mem::replace(&mut found.channels_offered, true);
        let stop = std::mem::take(&mut found.stopping);
        if !channels && stop.is_empty() && waiting.is_empty() {
            return;
        }
        let add: Vec<_> = waiting
            .iter()
            .map(|track| {
                let published = &self.tracks[*track];
                let publisher = &self.participants[published.participant].info.id;
                let id = &published.info.id;
                (published.info.kind, stream_id(Some(publisher.as_str()), id), id.to_string())
            })
            .collect();
        let offered = self.peers[peer].peer.offer(now, channels, &stop, &add);
        self.after(now, peer);
        let Some((sdp, mids)) = offered else { return };
        let tracks = mids.iter().zip(&waiting);
        let named = tracks
            .clone()
            .map(|(mid, track)| (mid.to_string(), self.tracks[*track].info.id.clone()))
            .collect();
        self.participants[key].offered = tracks.map(|(mid, track)| (*mid, *track)).collect();
        self.tell(key, Event::Offer { sdp, tracks: named });
    }

    /// Has it decided anew which layers the subscribers of a track should get.
    pub(crate) fn choose_layers(&mut self, track: usize) {
        let forwards = &self.tracks[track].forwards;
        let subscribers: Vec<usize> = forwards.iter().map(|forward| forward.participant).collect();
        for subscriber in subscribers {
            self.divide_soon(subscriber);
        }
    }

    /// Asks a track's publisher for a keyframe, if that is not too soon.
    pub(crate) fn ask_keyframe(&mut self, now: Instant, track: usize, layer: usize) {
        let published = &mut self.tracks[track];
        // Audio has none, and a backup none before it comes.
        let none = published.info.kind == MediaKind::Audio || !published.announced;
        if none || !published.layers.may_ask_keyframe(layer, now) {
            return;
        }
        let rid = published.layers.rid(layer);
        let mid = published.mid;
        let publisher = &self.participants[published.participant];
        if let Some(shard) = publisher.far {
            let wanted = Wanted {
                room: self.rooms[published.room].info.name.clone(),
                track: published.info.id.clone(),
                backup: published.backup_of.is_some(),
                subscribed: true,
            };
            self.relay(shard, Word::Keyframe { wanted, layer });
            return;
        }
        let Some(peer) = publisher.publisher else {
            return;
        };
        if let Some(slot) = self.peers.get_mut(peer) {
            slot.peer.request_keyframe(now, mid, rid);
            self.counters.keyframes_requested += 1;
            self.after(now, peer);
        }
    }

    /// A subscriber's decoder is stuck.
    pub(crate) fn keyframe_wanted(&mut self, now: Instant, peer: usize, mid: Mid) {
        let Some(key) = self.peers.get(peer).map(|slot| slot.participant) else {
            return;
        };
        let wishes = &self.participants[key].wishes;
        let Some(track) = wishes.values().find(|w| w.mid == Some(mid)).map(|w| w.encoding) else {
            return;
        };
        let forward = self.tracks[track].forwards.iter().find(|f| f.participant == key);
        if let Some(layer) = forward.map(|f| f.current.unwrap_or_else(|| f.wanted())) {
            self.ask_keyframe(now, track, layer);
        }
    }

    /// Tells a track's publisher which layers are wanted, if that is news (or `again`).
    pub(crate) fn tell_wanted_layers(&mut self, now: Instant, track: usize, again: bool) {
        let published = &self.tracks[track];
        if self.far(published.participant).is_some() {
            if published.backup_of.is_none() {
                self.tell_far_wants(now, track);
            }
            return;
        }
        let told_with_the_first = published.backup_of.is_some();
        if published.info.kind == MediaKind::Audio || !published.announced || told_with_the_first {
            return;
        }
        let encodings = [Some(track), published.backup];
        let mut news = again;
        for encoding in encodings.into_iter().flatten() {
            let wanted = self.wanted_layer(track, encoding);
            news |= self.tracks[encoding].demand.is_news(now, wanted);
        }
        if !news {
            return;
        }
        let codecs = encodings.into_iter().flatten().map(|encoding| {
            let Published { info, wanted_codec, layers, demand, .. } = &self.tracks[encoding];
            let codec = info.codec.or(*wanted_codec);
            WantedCodec { codec, layers: layers.len(), best: demand.told() }
        });
        let codecs = codecs.collect();
        let Published { info, participant, .. } = &self.tracks[track];
        let (publisher, track) = (*participant, info.id.clone());
        self.tell(publisher, Event::LayersWanted { track, codecs });
    }

    /// The best layer of one encoding of a track that anybody wants.
    fn wanted_layer(&self, track: usize, encoding: usize) -> Option<usize> {
        let Published { taps, forwards, relays, layers, .. } = &self.tracks[encoding];
        let top = layers.top();
        let wanted = match taps.is_empty() {
            // What is recorded is recorded in full.
            false => Some(top),
            true => forwards
                .iter()
                .filter_map(|forward| {
                    let settings =
                        self.participants[forward.participant].wishes.get(&track)?.settings;
                    (!settings.disabled).then(|| layers.wanted(&settings))
                })
                .chain(relays.iter().map(|relay| relay.best.min(top)))
                .max(),
        };
        // Layers within one stream cannot be switched off one by one.
        let whole = layers.sends_all_or_none();
        wanted.map(|layer| if whole { top } else { layer })
    }

    pub(crate) fn look_after_layers(&mut self, now: Instant) {
        let tracks: Vec<usize> = self.tracks.iter().map(|(track, _)| track).collect();
        for track in tracks {
            if self.tracks[track].layers.check_silence(now) {
                self.choose_layers(track);
            }
            let starved = self.starved_layers(track).into_iter();
            for layer in starved.chain(self.tracks[track].keyframes_due()) {
                self.ask_keyframe(now, track, layer);
            }
            self.tell_wanted_layers(now, track, false);
        }
        let rooms: Vec<usize> = self.rooms.iter().map(|(room, _)| room).collect();
        for room in rooms {
            if self.rooms[room].is_spread() {
                self.tell_data_wants(room);
            }
        }
        // Offers that were asked for and never came.
        let keys: Vec<usize> = self
            .participants
            .iter()
            .filter(|(_, p)| p.asked_at.is_some())
            .map(|(key, _)| key)
            .collect();
        self.unsettled.extend(keys);
    }
}
