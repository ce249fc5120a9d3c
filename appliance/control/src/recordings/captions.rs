//! Captions on their way into a recording.

use super::Recordings;
use roombox_capture::captions::Transcribed;

impl Recordings {
    /// Somebody in a room sent a piece of a transcription: the room's recording hears it, if there is
    /// one. A paused one hears it, too, so that it knows what it must not keep.
    pub fn transcribed(&self, room_name: &str, said: Transcribed) {
        let recording = self
            .running()
            .get(room_name)
            .filter(|now| now.begun && now.ending.is_none())
            .map(|now| now.recording.clone());
        if let Some(recording) = recording {
            self.recorder.transcribed(&recording, said);
        }
    }
}
