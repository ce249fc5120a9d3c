//! From a command to what carries it out.

use crate::command::Command;
use crate::event::Output;
use crate::ids::ParticipantId;
use crate::recent::Recent;
use crate::sfu::Sfu;
use std::time::Instant;

impl Sfu {
    pub(crate) fn obey(&mut self, now: Instant, command: Command) {
        let Some(command) = self.pass_on(now, command) else { return };
        match command {
            Command::OpenRoom { room, options } => {
                self.open_room(now, &room, options);
            }
            Command::EndRoom { room } => self.end_room(now, &room),
            Command::SetRoomMetadata { room, metadata } => {
                self.change_room(&room, |info| info.metadata = metadata);
            }
            Command::SetMaxParticipants { room, most } => {
                self.change_room(&room, |info| info.max_participants = most);
            }
            Command::SetVideoCodecs { room, codecs } => {
                self.change_room(&room, |info| info.video_codecs = codecs);
            }
            Command::SetLobby { room, on } => self.set_lobby(now, &room, on),
            Command::LetIn { participant } => {
                self.with(&participant, |sfu, key| sfu.let_in(now, key, None));
            }
            Command::SetRecording { room, recording } => {
                self.set_recording(&room, recording);
            }
            Command::Join { room, options, participant } => {
                self.join(now, &room, options, *participant);
            }
            Command::Detach { participant } => self.with(&participant, |sfu, key| {
                let found = &mut sfu.participants[key];
                found.attached = false;
                found.lost_since.get_or_insert(now);
            }),
            Command::Resume { room, participant, identity } => {
                self.resume(now, &room, &participant, &identity);
            }
            Command::Leave { participant, reason } => {
                self.with(&participant, |sfu, key| sfu.leave(now, key, reason));
            }
            Command::Move { participant, to, options } => {
                // Whoever is gone by now leaves a room behind that ends by itself.
                let here = self.participant_keys.get(&participant).map(|key| {
                    let room = self.participants[*key].room;
                    self.is_home(room)
                });
                // A guest's shard has got a copy of it.
                if here != Some(false) {
                    self.open_room(now, &to, options);
                }
                self.with(&participant, |sfu, key| {
                    sfu.move_to(now, key, &to);
                });
            }
            Command::Offer { participant, id, sdp } => {
                self.with(&participant, |sfu, key| sfu.client_offer(now, key, id, &sdp));
            }
            Command::Answer { participant, sdp } => {
                self.with(&participant, |sfu, key| sfu.client_answer(now, key, &sdp));
            }
            Command::AddTrack { participant, track } => {
                self.with(&participant, |sfu, key| sfu.add_track(key, *track));
            }
            Command::AddBackup { participant, backup } => {
                self.with(&participant, |sfu, key| sfu.add_backup(key, *backup));
            }
            Command::SetMuted { participant, track, muted } => {
                self.with(&participant, |sfu, key| sfu.set_muted(now, key, &track, muted));
            }
            Command::Redescribe { participant, track, size, note } => {
                self.with(&participant, |sfu, key| sfu.redescribe(key, &track, size, note));
            }
            Command::MuteTrack { room, track, muted } => {
                self.mute_track(now, &room, track, muted);
            }
            Command::Subscribe { participant, tracks, on } => {
                self.with(&participant, |sfu, key| sfu.subscribe(now, key, &tracks, on));
            }
            Command::SetAudience { participant, audience } => {
                self.with(&participant, |sfu, key| sfu.set_audience(now, key, audience));
            }
            Command::TrackSettings { participant, tracks, settings } => {
                self.with(&participant, |sfu, key| {
                    sfu.track_settings(now, key, &tracks, settings);
                });
            }
            Command::Change { participant, change } => {
                self.with(&participant, |sfu, key| sfu.change_participant(now, key, *change));
            }
            Command::SendData { room, sender, channel, message, to, sequence } => {
                if let Some(key) = sender.as_ref().and_then(|id| self.participant_keys.get(id)) {
                    let newest = &mut self.participants[*key].last_sequence;
                    *newest = sequence.max(*newest);
                }
                let message = Recent { at: now, sender, sequence, to, message };
                self.send_data(now, &room, channel, message);
            }
            Command::PublishDataTrack { participant, track } => {
                self.with(&participant, |sfu, key| sfu.publish_data_track(key, *track));
            }
            Command::UnpublishDataTrack { participant, handle } => {
                self.with(&participant, |sfu, key| sfu.unpublish_data_track(key, handle));
            }
            Command::SubscribeData { participant, tracks } => {
                self.with(&participant, |sfu, key| sfu.subscribe_data(key, &tracks));
            }
            Command::StoreBlob { participant, request, blob } => {
                self.with(&participant, |sfu, key| sfu.store_blob(key, request, *blob));
            }
            Command::FetchBlob { participant, request, owner, key: of } => {
                self.with(&participant, |sfu, key| sfu.fetch_blob(key, request, &owner, &of));
            }
            Command::Resend { participant, received } => {
                self.with(&participant, |sfu, key| sfu.resend(now, key, &received));
            }
            Command::Simulate { participant, simulated } => {
                self.with(&participant, |sfu, key| sfu.simulate(now, key, simulated));
            }
            Command::OpenTap { room, tap } => self.open_tap(now, &room, tap),
            Command::CloseTap { room, tap } => self.close_tap(&room, tap),
            Command::TapKeyframe { room: _, tap, track, layer } => {
                let Some(key) = self.track_keys.get(&track).copied() else {
                    return;
                };
                if let Some(layer) = self.tracks[key].tapped_layer(tap, layer) {
                    self.ask_keyframe(now, key, layer);
                }
            }
            Command::List { query } => {
                let here = self.rooms.iter().filter(|(key, _)| self.is_home(*key));
                let rooms = here.map(|(_, room)| self.view(room)).collect();
                self.outputs.push_back(Output::Listing { query, rooms });
            }
        }
    }

    fn with(&mut self, id: &ParticipantId, act: impl FnOnce(&mut Self, usize)) {
        if let Some(key) = self.participant_keys.get(id).copied() {
            act(self, key);
        }
    }
}
