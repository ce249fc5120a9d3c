//! From "I want to publish" to a track that others see, and back.

use crate::command::{LeaveReason, NewTrack, TransportMode};
use crate::event::{Event, MOST_TRACKS, Notice, TrackRefusal};
use crate::forward::Forward;
use crate::ids::{RoomName, TrackId};
use crate::peer::{Mid, SectionAnswer, offers_transport_cc};
use crate::published::Published;
use crate::sfu::Sfu;
use crate::tap::{TapEvent, TapTrack};
use crate::track::{Codec, MediaKind};
use crate::view::{DoorNote, TrackInfo};
use std::time::Instant;

/// Name of the stream in which a client that offers once receives everything: what is heard and what
/// is seen belong together for it, whoever they are of.
const ONLY_STREAM: &str = "roombox";

/// What became of an offered section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offered {
    /// It is a track's, or nobody's business.
    Taken,
    /// Nothing is sent on it: the room takes none of its codecs.
    Refused,
}

impl Sfu {
    pub(crate) fn add_track(&mut self, key: usize, mut new: NewTrack) {
        let found = &mut self.participants[key];
        if !found.info.permissions.may_publish(new.source) {
            let why = TrackRefusal::NotAllowed;
            self.tell(key, Event::TrackRefused { cid: new.cid, why });
            return;
        }
        let known = found.pending.iter().position(|pending| pending.cid == new.cid);
        if let Some(known) = known {
            found.pending.remove(known);
        }
        if found.pending.len() + found.by_mid.len() >= MOST_TRACKS {
            self.tell(key, Event::TrackRefused { cid: new.cid, why: TrackRefusal::TooMany });
            return;
        }
        if new.kind == MediaKind::Video {
            let codecs = self.rooms[found.room].info.video_codecs;
            new.codec = codecs.in_place_of(new.codec);
            new.backup =
                new.backup.filter(|backup| codecs.allow(*backup) && new.codec != Some(*backup));
        }
        let track = pending_info(&new);
        let cid = new.cid.clone();
        found.pending.push(new);
        self.tell(key, Event::TrackAccepted { cid, track });
    }

    /// A client's offer: it may publish, unpublish and open receiving sections all at once.
    pub(crate) fn client_offer(&mut self, now: Instant, key: usize, id: u32, sdp: &str) {
        let Some(peer) = self.participants[key].publisher else {
            return;
        };
        let draft = match self.peers[peer].peer.accept_offer(now, sdp) {
            Ok(draft) => draft,
            Err(error) => {
                tracing::info!(participant = %self.participants[key].info.id, %error,
                    "refused an offer");
                self.after(now, peer);
                let reason = error.to_string();
                self.tell(key, Event::OfferRefused { id, reason });
                return;
            }
        };
        self.learn_ufrag(peer);
        // Others may still add a section that does.
        if self.participants[key].mode == TransportMode::Once && !offers_transport_cc(sdp) {
            self.peers[peer].peer.leave_unpaced(now);
        }
        let mut refused = Vec::new();
        for section in &draft.offered {
            let mid = Mid::from(section.mid.as_str());
            let agreed = draft.agreed_codecs(&section.mid);
            if self.offered_section(now, key, mid, section, &agreed) == Offered::Refused {
                refused.push(mid);
            }
        }
        let gone: Vec<usize> = self.participants[key]
            .by_mid
            .iter()
            .filter(|(mid, _)| {
                let sends = |s: &&_| {
                    let s: &crate::peer::OfferedSection = s;
                    s.sends && Mid::from(s.mid.as_str()) == **mid
                };
                draft.offered.iter().find(sends).is_none()
            })
            .map(|(_, track)| *track)
            .collect();
        for track in gone {
            self.unpublish(now, track, false);
        }
        let single = self.participants[key].subscriber == Some(peer);
        if single {
            self.fill_sections(now, key);
        }
        let tracks = self.sent_tracks(key);
        let participant = &self.participants[key];
        let once = participant.mode == TransportMode::Once;
        let slot = &self.peers[peer];
        let sdp = draft.finish(|mid_text| {
            let mid = Mid::from(mid_text);
            if let Some(section) = slot.peer.send_section(mid) {
                if once {
                    return Some(SectionAnswer::Sends {
                        stream: ONLY_STREAM.to_owned(),
                        track: mid_text.to_owned(),
                    });
                }
                let sent = tracks.iter().find(|(sent, _)| sent == mid_text);
                return Some(match sent.filter(|_| section.used) {
                    Some((_, track)) => {
                        let publisher = self.track_keys.get(track).map(|t| {
                            self.participants[self.tracks[*t].participant].info.id.clone()
                        });
                        SectionAnswer::Sends {
                            stream: stream_id(publisher.as_ref().map(|p| p.as_str()), track),
                            track: track.to_string(),
                        }
                    }
                    None => SectionAnswer::Unused,
                });
            }
            let Some(track) = participant.by_mid.get(&mid) else {
                return refused.contains(&mid).then_some(SectionAnswer::Unused);
            };
            let track = &self.tracks[*track];
            let (first, codecs) = (track.wanted_codec, track.codecs);
            Some(SectionAnswer::Receives { first, codecs, no_red: track.no_red })
        });
        self.peers[peer].peer.sections_rested();
        let found = &mut self.participants[key];
        found.answer_stale = false;
        found.asked_at = None;
        self.tell(key, Event::Answer { id, sdp, tracks });
        self.after(now, peer);
        self.unsettled.push(key);
    }

    /// Ties a sending section to the track that was announced for it. Both sides speak the `agreed` codecs on it.
    fn offered_section(
        &mut self,
        now: Instant,
        key: usize,
        mid: Mid,
        section: &crate::peer::OfferedSection,
        agreed: &[Codec],
    ) -> Offered {
        if !section.sends || self.offered_backup(now, key, mid, section.msid_track.as_deref()) {
            return Offered::Taken;
        }
        let found = &mut self.participants[key];
        let by_cid = found
            .pending
            .iter()
            .position(|pending| section.msid_track.as_deref() == Some(pending.cid.as_str()));
        let known = found.by_mid.contains_key(&mid);
        // Firefox names the track by another id than it announced: the only pending one it is.
        let of_kind = |p: &NewTrack| p.kind == section.kind;
        let only = || {
            let mut all = found.pending.iter().enumerate().filter(|(_, p)| of_kind(p));
            let first = all.next();
            first.filter(|_| !known).map(|(n, _)| n)
        };
        let Some(index) = by_cid.or_else(only) else {
            return Offered::Taken;
        };
        let mut new = found.pending.remove(index);
        let room = found.room;
        let codecs = self.rooms[room].info.video_codecs;
        if new.kind == MediaKind::Video && codecs.are_chosen() {
            if !agreed.iter().any(|codec| codecs.allow(*codec)) {
                self.tell(key, Event::TrackRefused { cid: new.cid, why: TrackRefusal::NoCodec });
                // It was accepted when nobody knew what would be offered.
                self.tell(key, Event::TrackUnpublished { track: new.id });
                return Offered::Refused;
            }
            new.codec = codecs.in_place_of(new.codec);
            new.backup = new.backup.filter(|backup| codecs.allow(*backup));
        }
        let found = &mut self.participants[key];
        if let Some(old) = found.by_mid.get(&mid).copied() {
            self.unpublish(now, old, false);
        }
        let mut info = pending_info(&new);
        info.mid = section.mid.clone();
        let id = new.id;
        let mut published = Published::new(info, new.codec, new.no_red, key, room, mid);
        published.codecs = codecs;
        let track = self.tracks.insert(published);
        self.track_keys.insert(id, track);
        self.participants[key].by_mid.insert(mid, track);
        if let Some(codec) = new.backup {
            self.prepare_backup(track, codec);
        }
        Offered::Taken
    }

    /// First media of a track: now others learn of it.
    pub(crate) fn announce_track(&mut self, now: Instant, track: usize) {
        let published = &mut self.tracks[track];
        published.announced = true;
        if published.backup_of.is_some() {
            return;
        }
        let (key, info) = (published.participant, published.info.clone());
        let found = &mut self.participants[key];
        found.info.tracks.push(info);
        found.changed();
        self.announce(key, true);
        self.show_track(now, track);
    }

    /// Brings an announced track to those of its room who want everything, and to taps.
    pub(crate) fn show_track(&mut self, now: Instant, track: usize) {
        let published = &self.tracks[track];
        let (key, room, info) = (published.participant, published.room, published.info.clone());
        let participant = self.participants[key].info.clone();
        let visible = self.participants[key].is_visible();
        if visible {
            for other in self.rooms[room].participants.clone() {
                if other != key && self.participants[other].auto_subscribe {
                    self.wish(other, track);
                }
            }
        }
        for tap in self.rooms[room].taps.clone() {
            self.tracks[track].open_tap(tap);
        }
        if visible {
            let event = TapEvent::Published(tap_track(&participant, &info));
            self.tap_all(now, room, &event);
        }
        let room = self.rooms[room].info.clone();
        self.notice(Notice::TrackPublished { room, participant, track: info });
    }

    /// Takes a track down. `forced`: by the box, so its publisher must be told.
    pub(crate) fn unpublish(&mut self, now: Instant, track: usize, forced: bool) {
        // A backup may have gone with its track.
        let Some(published) = self.tracks.get(track) else { return };
        if published.backup_of.is_some() {
            self.rest_backup(track);
            return;
        }
        let (key, room) = (published.participant, published.room);
        let (info, mid, announced) = (published.info.clone(), published.mid, published.announced);
        let subscribers: Vec<usize> =
            self.rooms[room].participants.iter().copied().filter(|p| *p != key).collect();
        for subscriber in subscribers {
            self.forget_wish(now, subscriber, track);
        }
        self.forget_backup(track);
        let silenced = self.tracks.remove(track).loudness.is_heard();
        self.track_keys.remove(&info.id);
        if silenced {
            self.tell_silence(room, key);
        }
        let found = &mut self.participants[key];
        found.by_mid.remove(&mid);
        if announced {
            found.info.tracks.retain(|known| known.id != info.id);
            found.changed();
            let participant = found.info.clone();
            self.announce(key, true);
            self.tap_all(now, room, &TapEvent::Unpublished { track: info.id.clone() });
            let room = self.rooms[room].info.clone();
            self.notice(Notice::TrackUnpublished { room, participant, track: info.clone() });
        }
        if forced {
            self.tell(key, Event::TrackUnpublished { track: info.id });
        }
    }

    pub(crate) fn set_muted(&mut self, now: Instant, key: usize, id: &TrackId, muted: bool) {
        let found = &mut self.participants[key];
        if let Some(pending) = found.pending.iter_mut().find(|pending| &pending.id == id) {
            pending.muted = muted;
            return;
        }
        let Some(track) = self.track_keys.get(id).copied() else {
            return;
        };
        let published = &mut self.tracks[track];
        if published.participant != key || published.info.muted == muted {
            return;
        }
        published.info.muted = muted;
        let room = published.room;
        if !muted && self.participants[key].mode == TransportMode::Once {
            self.go_on_anew(now, track);
        }
        let found = &mut self.participants[key];
        if let Some(known) = found.info.tracks.iter_mut().find(|known| &known.id == id) {
            known.muted = muted;
            found.changed();
            self.announce(key, true);
            self.tap_all(now, room, &TapEvent::Muted { track: id.clone(), muted });
        }
    }

    /// Takes a new description of one's own track and tells others.
    pub(crate) fn redescribe(
        &mut self,
        key: usize,
        id: &TrackId,
        size: Option<(u32, u32)>,
        note: Option<DoorNote>,
    ) {
        let Some(track) = self.track_keys.get(id).copied() else {
            return;
        };
        let found = &mut self.participants[key];
        let published = &mut self.tracks[track];
        if published.participant != key {
            return;
        }
        let described = found.info.tracks.iter_mut().find(|known| &known.id == id);
        for info in described.into_iter().chain([&mut published.info]) {
            if let Some((width, height)) = size {
                (info.width, info.height) = (width, height);
            }
            if let Some(note) = &note {
                info.note = note.clone();
            }
        }
        found.changed();
        self.announce(key, true);
    }

    /// What the box held back begins at a keyframe again.
    fn go_on_anew(&mut self, now: Instant, track: usize) {
        let published = &mut self.tracks[track];
        published.forwards.iter_mut().for_each(Forward::start_anew);
        published.relay_anew();
        for layer in 0..self.tracks[track].layers.len() {
            self.ask_keyframe(now, track, layer);
        }
    }

    pub(crate) fn mute_track(&mut self, now: Instant, room: &RoomName, id: TrackId, muted: bool) {
        let Some(track) = self.track_keys.get(&id).copied() else {
            return;
        };
        let published = &self.tracks[track];
        if &self.rooms[published.room].info.name != room {
            return;
        }
        let key = published.participant;
        self.set_muted(now, key, &id, muted);
        self.tell(key, Event::Muted { track: id, muted });
    }

    /// Takes down what is not allowed any more.
    pub(crate) fn apply_permissions(&mut self, now: Instant, key: usize) {
        let found = &self.participants[key];
        let permissions = found.info.permissions.clone();
        let forbidden: Vec<usize> = found
            .by_mid
            .values()
            .copied()
            .filter(|track| !permissions.may_publish(self.tracks[*track].info.source))
            .collect();
        for track in forbidden {
            self.unpublish(now, track, true);
        }
        self.apply_data_permissions(key);
        if permissions.can_subscribe {
            if self.participants[key].auto_subscribe {
                self.subscribe_to_all(key);
            }
        } else {
            let wishes: Vec<usize> = self.participants[key].wishes.keys().copied().collect();
            for track in wishes {
                self.forget_wish(now, key, track);
            }
        }
        self.unsettled.push(key);
    }

    /// Answers to our offers (two-connection protocol).
    pub(crate) fn client_answer(&mut self, now: Instant, key: usize, sdp: &str) {
        let Some(peer) = self.participants[key].subscriber else {
            return;
        };
        let offered = std::mem::take(&mut self.participants[key].offered);
        let sections: Vec<_> = offered
            .iter()
            .filter_map(|(mid, track)| Some((*mid, self.tracks.get(*track)?.info.kind)))
            .collect();
        if let Err(error) = self.peers[peer].peer.accept_answer(now, sdp, &sections) {
            tracing::info!(participant = %self.participants[key].info.id, %error,
                "refused an answer");
            self.leave(now, key, LeaveReason::JoinFailed);
            return;
        }
        self.learn_ufrag(peer);
        self.after(now, peer);
        for (mid, track) in offered {
            self.start_forward(now, key, track, mid);
        }
        self.unsettled.push(key);
    }
}

/// LiveKit's clients find a track's publisher and sid in the stream id.
pub(crate) fn stream_id(participant: Option<&str>, track: &TrackId) -> String {
    format!("{}|{track}", participant.unwrap_or_default())
}

fn pending_info(new: &NewTrack) -> TrackInfo {
    TrackInfo {
        id: new.id.clone(),
        name: new.name.clone(),
        kind: new.kind,
        source: new.source,
        muted: new.muted,
        width: new.width,
        height: new.height,
        encrypted: new.encrypted,
        layers: new.layers.clone(),
        codec: new.codec,
        red: false,
        mid: String::new(),
        note: new.note.clone(),
    }
}

pub(crate) fn tap_track(participant: &crate::view::ParticipantInfo, info: &TrackInfo) -> TapTrack {
    TapTrack {
        track: info.id.clone(),
        participant: participant.id.clone(),
        identity: participant.identity.clone(),
        name: participant.name.clone(),
        kind: info.kind,
        source: info.source,
        muted: info.muted,
        encrypted: info.encrypted,
    }
}
