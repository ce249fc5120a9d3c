//! A track in a second codec, for subscribers who cannot decode the first: one publication, two
//! encodings. Publishers start the second only once somebody wants it, and send it on a section of its
//! own.
//!
//! ```text
//!   add_track (VP9, and VP8 if need be) ─► a track, and a backup that nobody sends yet
//!   a subscriber without VP9 ─► its forward goes to the backup: LayersWanted names VP8, too
//!   add_track again (VP8, of that track) + offer ─► the backup has a section; packets go out
//! ```
//! A backup has forwards, layers and a demand of its own, and nothing else: tracks are announced,
//! muted, recorded and wished for by their first encoding.

use crate::command::NewBackup;
use crate::dynacast::Demand;
use crate::event::{Event, MOST_TRACKS, TrackRefusal};
use crate::layers::Layers;
use crate::peer::Mid;
use crate::published::Published;
use crate::sfu::Sfu;
use crate::track::Codec;
use std::time::Instant;

impl Sfu {
    /// Makes room for a track's second encoding.
    pub(crate) fn prepare_backup(&mut self, track: usize, codec: Codec) {
        let first = &self.tracks[track];
        let (key, room, mid, mut info) =
            (first.participant, first.room, first.mid, first.info.clone());
        info.layers.clear();
        info.codec = None;
        let mut backup = Published::new(info, Some(codec), first.no_red, key, room, mid);
        backup.backup_of = Some(track);
        backup.codecs = first.codecs;
        backup.demand = Demand::unsent();
        let backup = self.tracks.insert(backup);
        self.tracks[track].backup = Some(backup);
    }

    /// A publisher is about to send one of its tracks in the second codec.
    pub(crate) fn add_backup(&mut self, key: usize, new: NewBackup) {
        let found = &self.participants[key];
        let track = self.track_keys.get(&new.track).copied();
        let own = track.filter(|track| self.tracks[*track].participant == key);
        let prepared = own.and_then(|track| self.tracks[track].backup);
        let expected =
            prepared.is_some_and(|backup| self.tracks[backup].wanted_codec == Some(new.codec));
        let full = found.pending.len() + found.by_mid.len() >= MOST_TRACKS;
        let (Some(track), false) = (own.filter(|_| expected), full) else {
            let why = if expected { TrackRefusal::TooMany } else { TrackRefusal::Unknown };
            self.tell(key, Event::TrackRefused { cid: new.cid, why });
            return;
        };
        let (id, note, cid) = (new.track.clone(), new.note.clone(), new.cid.clone());
        let backups = &mut self.participants[key].backups;
        backups.retain(|pending| pending.track != id);
        backups.push(new);
        self.redescribe(key, &id, None, Some(note));
        let track = self.tracks[track].info.clone();
        self.tell(key, Event::TrackAccepted { cid, track });
    }

    /// The second encoding has a section, if this is the one that was announced for it.
    pub(crate) fn offered_backup(
        &mut self,
        now: Instant,
        key: usize,
        mid: Mid,
        msid_track: Option<&str>,
    ) -> bool {
        let found = &mut self.participants[key];
        let known = found.backups.iter().position(|new| msid_track == Some(new.cid.as_str()));
        let Some(new) = known.map(|known| found.backups.remove(known)) else {
            return false;
        };
        let track = self.track_keys.get(&new.track).copied();
        let Some(backup) = track.and_then(|track| self.tracks[track].backup) else {
            return false;
        };
        if let Some(old) = self.participants[key].by_mid.get(&mid).copied() {
            self.unpublish(now, old, false);
        }
        self.rest_backup(backup);
        let published = &mut self.tracks[backup];
        published.mid = mid;
        published.layers = Layers::new(published.info.kind, &new.layers);
        self.participants[key].by_mid.insert(mid, backup);
        self.choose_layers(backup);
        self.spread_copy(key);
        true
    }

    /// The second encoding is sent no more; whoever gets it waits for it.
    pub(crate) fn rest_backup(&mut self, backup: usize) {
        let published = &self.tracks[backup];
        let (key, mid) = (published.participant, published.mid);
        let by_mid = &mut self.participants[key].by_mid;
        if by_mid.get(&mid) == Some(&backup) {
            by_mid.remove(&mid);
        }
        let published = &mut self.tracks[backup];
        published.announced = false;
        published.layers = Layers::new(published.info.kind, &[]);
    }

    /// A track is going, and its backup with it.
    pub(crate) fn forget_backup(&mut self, track: usize) {
        let published = &self.tracks[track];
        let (key, id) = (published.participant, published.info.id.clone());
        self.participants[key].backups.retain(|pending| pending.track != id);
        if let Some(backup) = self.tracks[track].backup.take() {
            self.rest_backup(backup);
            self.tracks.remove(backup);
        }
    }

    /// The encoding of a track that a subscriber gets on this section, and whether it can decode it.
    pub(crate) fn encoding_for(&self, peer: usize, mid: Mid, track: usize) -> (usize, bool) {
        let decodes = |codec: Option<Codec>| {
            let slot = self.peers.get(peer);
            let agreed = |codec| slot.and_then(|slot| slot.peer.payload_type(mid, codec, false));
            codec.is_none_or(|codec| agreed(codec).is_some())
        };
        let published = &self.tracks[track];
        if decodes(published.info.codec) {
            return (track, true);
        }
        let backup = published.backup.filter(|b| decodes(self.tracks[*b].wanted_codec));
        backup.map_or((track, false), |backup| (backup, true))
    }
}
