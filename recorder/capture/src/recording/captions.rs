//! Captions in a recording's timeline: who it was that somebody transcribed.

use super::Recording;
use crate::captions::{Said, Transcribed};
use crate::timeline::TimelineEvent;
use roombox_sfu::ids::ParticipantId;

impl Recording {
    /// Takes a piece of a transcription.
    pub(crate) fn transcribed(&mut self, t: u64, said: Transcribed) {
        let kept = !self.ledger.manifest.paused;
        let said = self.captions.hear(t, said, kept);
        self.log_said(t, said);
    }

    /// Nobody adds anything to what this participant has begun.
    pub(super) fn silenced(&mut self, t: u64, participant: &ParticipantId) {
        let said = self.captions.left(participant.as_str());
        self.log_said(t, said);
    }

    pub(super) fn settle_captions(&mut self, t: u64) {
        let said = self.captions.settled(t);
        self.log_said(t, said);
    }

    /// What comes from now on is not of this recording.
    pub(super) fn cut_captions(&mut self, t: u64) {
        let said = self.captions.cut();
        self.log_said(t, said);
    }

    fn log_said(&mut self, t: u64, all: impl IntoIterator<Item = Said>) {
        for Said { from, to, sender, track, person, text } in all {
            let known = self.ledger.manifest.tracks.iter().rev();
            // Only people of this recording: a name that nobody has would be anybody's.
            let of_track = |id: &String| known.clone().find(|one| one.track == *id);
            let of_person = |id: &String| known.clone().find(|one| one.identity == *id);
            let found = track.as_ref().and_then(of_track);
            let found = found.or_else(|| person.as_ref().and_then(of_person));
            let identity = found.map_or_else(|| sender.clone(), |one| one.identity.clone());
            let by = (identity != sender && !sender.is_empty()).then_some(sender);
            let track = track.filter(|id| found.is_some_and(|one| one.track == *id));
            self.log(t, TimelineEvent::Caption { from, to, identity, track, by, text });
        }
    }
}
