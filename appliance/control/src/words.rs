//! Words of other crates in the API's document: the recorder, the jobs and the sfu know no API, and
//! their enums are described here by the names that serde gives them.

use crate::conference::{MediaKind as Kind, ParticipantState as Presence, TrackSource as Source};
use roombox_capture::manifest::{Codec, EndReason as Ending, RecordedLayer};
use roombox_capture::timeline::GapReason as Missing;
use roombox_jobs::JobState as State;
use roombox_jobs::encoders::FaultKind as Fault;
use roombox_jobs::spec::{
    FileKind as Made, Output as Wanted, Pauses as OfPauses, SoundContainer as Sounds,
};
pub use roombox_provision::words::{Encoder, Layout, RecorderMode};
use roombox_provision::{Language, words};

words! {
    "A language of the box's pages."
    PageLanguage = Language { En, De }
    "Where a job stands."
    JobState = State { Queued, Running, Finished, Parked, Cancelled }
    "What a job makes: the film with what players show beside it, the sound alone, what each person sent, as it is or with pictures in MP4, or the film for HLS players."
    Output = Wanted { Film, Sound, Tracks, TracksMp4, Hls }
    "What an encoder did instead of encoding."
    EncoderFault = Fault { Start, Error, Stalled, Slow, Garbage, Crashed }
    "What a file that was made is."
    FileKind = Made { Mp4, Thumbnail, Sound, Chapters, Captions, Track, Sprite, SpriteMap, Index, Playlist, Segments }
    "What a film makes of the recording's pauses: nothing, or a picture that says so, and silence."
    Pauses = OfPauses { Cut, Slate }
    "What a file of sound alone is."
    SoundContainer = Sounds { M4a, Ogg, Flac }
    "Why media is missing: never arrived, the disk was slower, nothing was sent, the disk refused."
    GapReason = Missing { Loss, Overflow, Silence, Disk }
    "Why a recording ended."
    EndReason = Ending { Stopped, RoomEnded, OrderEnded, DiskLow, Interrupted, Shutdown, Unreadable }
    "Sound or pictures."
    MediaKind = Kind { Audio, Video }
    "Where a track comes from."
    TrackSource = Source { Unknown, Camera, Microphone, ScreenShare, ScreenShareAudio }
    "How a track is coded."
    TrackCodec = Codec { Opus, Vp8, Vp9, Av1, H264 }
    "Which quality of a track was recorded."
    TrackLayer = RecordedLayer { Audio, Top, Low, Screen }
    "How far somebody has come into a meeting."
    ParticipantState = Presence { Joined, Active, Disconnected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conference;
    use roombox_capture::manifest;
    use serde::Serialize;
    use utoipa::PartialSchema as _;

    #[test]
    fn a_word_is_spelt_as_serde_spells_it() {
        let document = serde_json::to_value(EndReason::schema()).unwrap();
        let words = [
            "stopped",
            "room_ended",
            "order_ended",
            "disk_low",
            "interrupted",
            "shutdown",
            "unreadable",
        ];
        assert_eq!(document["enum"], serde_json::json!(words));
    }

    /// A meeting and a recording say it with two enums, and the document with one.
    #[test]
    fn meetings_and_recordings_use_the_same_words() {
        fn same(a: impl Serialize, b: impl Serialize) {
            assert_eq!(serde_json::to_value(a).unwrap(), serde_json::to_value(b).unwrap());
        }
        use {conference as c, manifest as m};
        same(
            [c::MediaKind::Audio, c::MediaKind::Video],
            [m::MediaKind::Audio, m::MediaKind::Video],
        );
        same(
            [
                c::TrackSource::Unknown,
                c::TrackSource::Camera,
                c::TrackSource::Microphone,
                c::TrackSource::ScreenShare,
                c::TrackSource::ScreenShareAudio,
            ],
            [
                m::TrackSource::Unknown,
                m::TrackSource::Camera,
                m::TrackSource::Microphone,
                m::TrackSource::ScreenShare,
                m::TrackSource::ScreenShareAudio,
            ],
        );
        same(
            [c::Codec::Opus, c::Codec::Vp8, c::Codec::Vp9, c::Codec::Av1, c::Codec::H264],
            [m::Codec::Opus, m::Codec::Vp8, m::Codec::Vp9, m::Codec::Av1, m::Codec::H264],
        );
    }
}
