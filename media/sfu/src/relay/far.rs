//! Participants who live on other shards: copies of what others may know of them, and what follows here
//! when they change.

use super::{Copied, CopiedBackup, CopiedTrack, Word};
use crate::command::NewParticipant;
use crate::event::Notice;
use crate::ids::{ParticipantId, RoomName, TrackId};
use crate::layers::Layers;
use crate::peer::Mid;
use crate::published::Published;
use crate::quality::Quality;
use crate::sfu::Sfu;
use crate::tap::TapEvent;
use crate::track::MediaKind;
use crate::view::{ParticipantState, SpeakerLevel, TrackInfo};
use std::time::Instant;

impl Sfu {
    /// What other shards are to know of a participant.
    pub(crate) fn copy_of(&self, key: usize) -> Copied {
        let found = &self.participants[key];
        let track = |info: &TrackInfo| {
            let published = self.track_keys.get(&info.id).map(|track| &self.tracks[*track]);
            let backup = published.and_then(|published| self.tracks.get(published.backup?));
            CopiedTrack {
                level: published.map_or(0.0, |published| published.loudness.told()),
                backup: backup.and_then(|backup| {
                    let layers = backup.layers.announced();
                    Some(CopiedBackup { codec: backup.wanted_codec?, layers })
                }),
            }
        };
        Copied {
            shard: found.far.unwrap_or(self.shard),
            room: self.rooms[found.room].info.name.clone(),
            info: found.info.clone(),
            mode: found.mode,
            audience: found.audience.clone(),
            quality: found.quality,
            score: found.score,
            tracks: found.info.tracks.iter().map(track).collect(),
        }
    }

    /// Somebody far is there, or changed.
    pub(crate) fn copied(&mut self, now: Instant, copied: Copied) {
        let Some(room) = self.room_keys.get(&copied.room).copied() else { return };
        match self.participant_keys.get(&copied.info.id).copied() {
            // The home had it leave, or move: that is on its way there.
            None if self.is_home(room) => {}
            None => self.appear(now, room, copied),
            Some(key) => {
                let found = &self.participants[key];
                if found.room == room && found.far == Some(copied.shard) {
                    self.far_changed(now, key, copied);
                }
            }
        }
    }

    /// Somebody far whom this shard, a guest's, has not heard of.
    fn appear(&mut self, now: Instant, room: usize, copied: Copied) {
        let Copied { shard, info, mode, audience, quality, score, .. } = copied.clone();
        let new = NewParticipant {
            id: info.id.clone(),
            identity: info.identity.clone(),
            name: info.name.clone(),
            metadata: info.metadata.clone(),
            attributes: info.attributes.clone(),
            permissions: info.permissions.clone(),
            standing: info.standing,
            known_as: None,
            joined_unix_ms: info.joined_unix_ms,
            auto_subscribe: false,
            auto_subscribe_data: false,
            hears_by_packets: false,
            mode,
            note: info.note.clone(),
        };
        let key = self.insert_participant(now, room, new, info.standing, Some(shard));
        let found = &mut self.participants[key];
        (found.audience, found.quality, found.score) = (audience, quality, score);
        self.far_changed(now, key, copied);
    }

    fn far_changed(&mut self, now: Instant, key: usize, copied: Copied) {
        let Copied { info, tracks, .. } = copied;
        let found = &mut self.participants[key];
        let old = std::mem::replace(&mut found.info, info.clone());
        found.has_place &= found.waits();
        let room = found.room;
        let (gone, stayed): (Vec<&TrackInfo>, Vec<&TrackInfo>) =
            old.tracks.iter().partition(|known| info.tracks.iter().all(|t| t.id != known.id));
        for track in &gone {
            self.far_track_gone(now, &track.id);
        }
        let data_gone = old
            .data_tracks
            .iter()
            .filter(|known| info.data_tracks.iter().all(|track| track.id != known.id));
        for track in data_gone {
            self.forget_data_track(key, &track.id);
        }
        let mut new = Vec::new();
        for (track, more) in info.tracks.iter().zip(&tracks) {
            match stayed.iter().find(|known| known.id == track.id) {
                Some(known) => self.far_track_changed(now, known, track),
                None => new.push(self.insert_far_track(key, track, more)),
            }
            self.copy_backup(now, track, more);
        }
        self.announce(key, false);
        let waited = old.standing.waits();
        let waits = info.standing.waits();
        if waited && !waits {
            self.settle_in(room, key);
        }
        if old.permissions != info.permissions || old.standing != info.standing {
            self.count(room);
            self.show_recording(room);
            self.tell_who_waits(room);
        }
        let was_active = old.state == ParticipantState::Active;
        let is_active = info.state == ParticipantState::Active;
        if is_active && (!was_active || (waited && !waits)) {
            self.arrived(now, key);
        }
        for track in new {
            self.show_track(now, track);
            self.tell_wanted_layers(now, track, false);
        }
        let old_data = |id: &TrackId| old.data_tracks.iter().any(|track| &track.id == id);
        let data = info.data_tracks.iter().map(|track| track.id.clone());
        let data: Vec<TrackId> = data.filter(|id| !old_data(id)).collect();
        if !data.is_empty() {
            self.show_data_tracks(key, &data);
        }
        let room_info = self.rooms[room].info.clone();
        for track in gone {
            let (room, participant) = (room_info.clone(), info.clone());
            self.notice(Notice::TrackUnpublished { room, participant, track: track.clone() });
        }
    }

    fn insert_far_track(&mut self, key: usize, info: &TrackInfo, more: &CopiedTrack) -> usize {
        let (room, mid) = (self.participants[key].room, Mid::from(info.mid.as_str()));
        let mut published = Published::new(info.clone(), None, false, key, room, mid);
        published.announced = true;
        published.loudness.tell(more.level);
        let track = self.tracks.insert(published);
        self.track_keys.insert(info.id.clone(), track);
        self.participants[key].by_mid.insert(mid, track);
        track
    }

    fn far_track_changed(&mut self, now: Instant, old: &TrackInfo, new: &TrackInfo) {
        let Some(key) = self.track_keys.get(&new.id).copied() else { return };
        let published = &mut self.tracks[key];
        published.info = new.clone();
        let room = published.room;
        if old.muted != new.muted {
            let muted = TapEvent::Muted { track: new.id.clone(), muted: new.muted };
            self.tap_all(now, room, &muted);
        }
    }

    fn far_track_gone(&mut self, now: Instant, id: &TrackId) {
        let Some(track) = self.track_keys.get(id).copied() else { return };
        let published = &self.tracks[track];
        let (key, room, mid) = (published.participant, published.room, published.mid);
        for subscriber in self.rooms[room].participants.clone() {
            if subscriber != key {
                self.forget_wish(now, subscriber, track);
            }
        }
        self.forget_backup(track);
        let silenced = self.tracks.remove(track).loudness.is_heard();
        self.track_keys.remove(id);
        self.participants[key].by_mid.remove(&mid);
        if silenced {
            self.tell_silence(room, key);
        }
        self.tap_all(now, room, &TapEvent::Unpublished { track: id.clone() });
    }

    /// A far track's second encoding is as its shard says.
    fn copy_backup(&mut self, now: Instant, info: &TrackInfo, more: &CopiedTrack) {
        let Some(track) = self.track_keys.get(&info.id).copied() else { return };
        let Some(copied) = &more.backup else { return };
        if self.tracks[track].backup.is_none() {
            self.prepare_backup(track, copied.codec);
        }
        let Some(backup) = self.tracks[track].backup else { return };
        let published = &mut self.tracks[backup];
        if published.layers.announced() != copied.layers {
            published.announced = false;
            published.layers = Layers::new(MediaKind::Video, &copied.layers);
            self.choose_layers(backup);
            self.tell_wanted_layers(now, track, false);
        }
    }

    /// Somebody far is louder or quieter.
    pub(crate) fn far_levels(
        &mut self,
        now: Instant,
        from: usize,
        name: &RoomName,
        tracks: Vec<(TrackId, f32)>,
        told: Vec<SpeakerLevel>,
    ) {
        let Some(room) = self.room_keys.get(name).copied() else { return };
        for (id, level) in &tracks {
            let Some(track) = self.track_keys.get(id).copied() else { continue };
            let published = &mut self.tracks[track];
            let speaker = published.participant;
            if self.participants[speaker].far.is_some() {
                published.loudness.tell(*level);
                if *level > 0.0 {
                    self.participants[speaker].spoke_at = Some(now);
                }
            }
        }
        if !told.is_empty() {
            self.tap_speakers(now, room);
            for listener in self.inside(room) {
                self.tell(listener, crate::event::Event::Speakers(told.clone()));
            }
        }
        let word =
            || Word::Levels { room: name.clone(), tracks: tracks.clone(), told: told.clone() };
        self.spread(room, Some(from), word);
    }

    /// Shows taps who speaks, as of what everybody was told last.
    fn tap_speakers(&mut self, now: Instant, room: usize) {
        let mut speaking: Vec<(f32, ParticipantId)> = Vec::new();
        for (_, track) in self.tracks.iter().filter(|(_, track)| track.room == room) {
            let speaker = &self.participants[track.participant];
            if track.loudness.is_heard() && speaker.is_visible() {
                speaking.push((track.loudness.told(), speaker.info.id.clone()));
            }
        }
        speaking.sort_by(|a, b| b.0.total_cmp(&a.0));
        let names = speaking.into_iter().map(|(_, id)| id).collect();
        self.tap_all(now, room, &TapEvent::Speakers(names));
    }

    /// Somebody's connection was judged where it lives.
    pub(crate) fn far_judged(
        &mut self,
        from: usize,
        name: &RoomName,
        participant: &ParticipantId,
        quality: Quality,
        score: f32,
    ) {
        let key = self.participant_keys.get(participant).copied();
        let Some(key) = key.filter(|key| self.far(*key).is_some()) else { return };
        let found = &mut self.participants[key];
        let news = std::mem::replace(&mut found.quality, quality) != quality;
        found.score = score;
        let room = found.room;
        if &self.rooms[room].info.name != name {
            return;
        }
        for listener in self.rooms[room].participants.clone() {
            // Who was told of nobody yet is told of all at once.
            if news && self.participants[listener].knows {
                self.tell_quality(listener, &[key]);
            }
        }
        self.spread(room, Some(from), || Word::Judged {
            room: name.clone(),
            participant: participant.clone(),
            quality,
            score,
        });
    }
}
