//! Which of a room's tracks a WHEP player gets on the few sections that it has.
//!
//! A shared screen before a camera; who speaks before who does not; then who came first. Somebody
//! in front stays there until another one speaks while they are silent: a picture that changes at
//! every "mhm" is worse than one that is late. Sound follows whoever speaks, whether or not they are
//! seen; what is muted comes last. The box does not mix: with one audio section one person is heard.

use roombox_control::conference::{
    Identity, MediaKind, ParticipantId, ParticipantInfo, SpeakerLevel, TrackId, TrackInfo,
    TrackSource,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What a player knows of its room.
#[derive(Debug, Default)]
pub(super) struct Scene {
    /// Only this one is to be seen and heard.
    only: Option<Identity>,
    people: BTreeMap<ParticipantId, ParticipantInfo>,
    /// Who speaks, and how loud.
    speaking: BTreeMap<ParticipantId, f32>,
    /// In front, by kind of media.
    seen: Option<ParticipantId>,
    heard: Option<ParticipantId>,
}

impl Scene {
    /// Of everybody, or of one person only.
    pub(super) fn of(only: Option<Identity>) -> Self {
        Self { only, ..Self::default() }
    }

    /// Takes what has changed of people.
    pub(super) fn changed(&mut self, infos: Vec<ParticipantInfo>) {
        use roombox_control::conference::ParticipantState::Disconnected;
        for info in infos {
            if info.state == Disconnected {
                self.people.remove(&info.id);
                self.speaking.remove(&info.id);
            } else {
                self.people.insert(info.id.clone(), info);
            }
        }
    }

    /// Takes who began or stopped speaking.
    pub(super) fn spoke(&mut self, levels: Vec<SpeakerLevel>) {
        for level in levels {
            match level.active {
                true => drop(self.speaking.insert(level.participant, level.level)),
                false => drop(self.speaking.remove(&level.participant)),
            }
        }
    }

    /// The tracks for so many sections.
    pub(super) fn choose(&mut self, audios: usize, videos: usize) -> BTreeSet<TrackId> {
        self.heard = self.in_front(self.heard.as_ref(), MediaKind::Audio);
        self.seen = self.in_front(self.seen.as_ref(), MediaKind::Video);
        let heard = self.best(MediaKind::Audio, self.heard.as_ref(), audios);
        let seen = self.best(MediaKind::Video, self.seen.as_ref(), videos);
        heard.into_iter().chain(seen).collect()
    }

    /// Who is in front from now on: the present one while it speaks or nobody else does.
    fn in_front(&self, now: Option<&ParticipantId>, kind: MediaKind) -> Option<ParticipantId> {
        let able = |id: &ParticipantId| {
            let found = self.people.get(id).filter(|info| self.may_be_shown(info));
            let lively = |track: &TrackInfo| {
                track.kind == kind && !track.muted && track.source != TrackSource::ScreenShare
            };
            found.is_some_and(|info| info.tracks.iter().any(lively))
        };
        let now = now.filter(|id| able(id));
        if let Some(id) = now.filter(|id| self.speaking.contains_key(*id)) {
            return Some(id.clone());
        }
        let speakers = self.speaking.iter().filter(|(id, _)| able(id));
        let loudest = speakers.max_by(|a, b| a.1.total_cmp(b.1)).map(|(id, _)| id);
        loudest.or(now).cloned()
    }

    fn may_be_shown(&self, info: &ParticipantInfo) -> bool {
        self.only.as_ref().is_none_or(|only| only == &info.identity)
    }

    fn best(&self, kind: MediaKind, front: Option<&ParticipantId>, most: usize) -> Vec<TrackId> {
        let people = self.people.values().filter(|info| self.may_be_shown(info));
        // Encrypted between people: no player has their key.
        let usable = |track: &&TrackInfo| track.kind == kind && !track.encrypted;
        let mut all: Vec<_> = people
            .flat_map(|info| info.tracks.iter().filter(usable).map(move |track| (info, track)))
            .collect();
        all.sort_by_key(|(info, track)| {
            let shared = track.source == TrackSource::ScreenShare;
            let front = front == Some(&info.id);
            (track.muted, Reverse(shared), Reverse(front), info.joined_unix_ms, &info.id, &track.id)
        });
        all.into_iter().take(most).map(|(_, track)| track.id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roombox_control::conference::{ParticipantState, Permissions, Standing};

    fn track(id: &str, kind: MediaKind, source: TrackSource, muted: bool) -> TrackInfo {
        TrackInfo {
            id: id.into(),
            name: String::new(),
            kind,
            source,
            muted,
            width: 0,
            height: 0,
            encrypted: false,
            layers: Vec::new(),
            codec: None,
            red: false,
            mid: String::new(),
            note: [].into(),
        }
    }

    fn person(name: &str, joined: u64, tracks: Vec<TrackInfo>) -> ParticipantInfo {
        ParticipantInfo {
            id: name.into(),
            identity: format!("{name}@here").into(),
            name: name.to_owned(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            state: ParticipantState::Active,
            permissions: Permissions::everything(),
            standing: Standing::Member,
            joined_unix_ms: joined,
            version: 1,
            tracks,
            data_tracks: Vec::new(),
            note: [].into(),
        }
    }

    /// Somebody with a camera and a microphone.
    fn seen_and_heard(name: &str, joined: u64) -> ParticipantInfo {
        let camera = track(&format!("{name}/v"), MediaKind::Video, TrackSource::Camera, false);
        let voice = track(&format!("{name}/a"), MediaKind::Audio, TrackSource::Microphone, false);
        person(name, joined, vec![camera, voice])
    }

    fn speaks(scene: &mut Scene, name: &str, level: f32) {
        let active = level > 0.0;
        scene.spoke(vec![SpeakerLevel { participant: name.into(), level, active }]);
    }

    fn chosen(scene: &mut Scene, audios: usize, videos: usize) -> Vec<String> {
        scene.choose(audios, videos).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_empty_room_has_nothing_to_show() {
        assert!(Scene::default().choose(1, 1).is_empty());
        let mut scene = Scene::default();
        scene.changed(vec![person("quiet", 1, Vec::new())]);
        assert!(scene.choose(1, 1).is_empty());
    }

    #[test]
    fn the_picture_follows_who_speaks_and_stays_in_silence() {
        let mut scene = Scene::default();
        scene.changed(vec![seen_and_heard("bob", 2), seen_and_heard("ada", 1)]);
        assert_eq!(chosen(&mut scene, 1, 1), ["ada/a", "ada/v"], "who came first");
        speaks(&mut scene, "bob", 0.4);
        assert_eq!(chosen(&mut scene, 1, 1), ["bob/a", "bob/v"]);
        speaks(&mut scene, "ada", 0.9);
        assert_eq!(chosen(&mut scene, 1, 1), ["bob/a", "bob/v"], "nobody is cut off");
        speaks(&mut scene, "bob", 0.0);
        assert_eq!(chosen(&mut scene, 1, 1), ["ada/a", "ada/v"]);
        speaks(&mut scene, "ada", 0.0);
        assert_eq!(chosen(&mut scene, 1, 1), ["ada/a", "ada/v"], "silence moves nothing");
        let left =
            ParticipantInfo { state: ParticipantState::Disconnected, ..seen_and_heard("ada", 1) };
        scene.changed(vec![left]);
        assert_eq!(chosen(&mut scene, 1, 1), ["bob/a", "bob/v"]);
    }

    #[test]
    fn a_shared_screen_is_seen_while_anybody_is_heard() {
        let mut scene = Scene::default();
        let screen = track("bob/s", MediaKind::Video, TrackSource::ScreenShare, false);
        let mut bob = seen_and_heard("bob", 2);
        bob.tracks.push(screen);
        scene.changed(vec![seen_and_heard("ada", 1), bob]);
        speaks(&mut scene, "ada", 0.5);
        assert_eq!(chosen(&mut scene, 1, 1), ["ada/a", "bob/s"]);
        assert_eq!(chosen(&mut scene, 1, 2), ["ada/a", "ada/v", "bob/s"], "and then who speaks");
        assert_eq!(chosen(&mut scene, 0, 9), ["ada/v", "bob/s", "bob/v"]);
    }

    #[test]
    fn what_is_muted_gives_way() {
        let mut scene = Scene::default();
        let mut ada = seen_and_heard("ada", 1);
        ada.tracks.iter_mut().for_each(|track| track.muted = true);
        scene.changed(vec![ada, seen_and_heard("bob", 2)]);
        assert_eq!(chosen(&mut scene, 1, 1), ["bob/a", "bob/v"]);
        assert_eq!(chosen(&mut scene, 2, 2).len(), 4, "but is not left out where there is room");
    }

    #[test]
    fn one_person_can_be_asked_for() {
        let only = Some(Identity::from("bob@here"));
        let mut scene = Scene::of(only);
        scene.changed(vec![seen_and_heard("ada", 1), seen_and_heard("bob", 2)]);
        speaks(&mut scene, "ada", 0.5);
        assert_eq!(chosen(&mut scene, 2, 2), ["bob/a", "bob/v"]);
    }

    #[test]
    fn what_is_encrypted_between_people_is_not_chosen() {
        let mut scene = Scene::default();
        let mut ada = seen_and_heard("ada", 1);
        ada.tracks.iter_mut().for_each(|track| track.encrypted = true);
        scene.changed(vec![ada]);
        assert!(scene.choose(1, 1).is_empty());
    }
}
