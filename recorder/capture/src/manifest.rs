//! The manifest: the list of a recording's parts.
//!
//! `manifest.json` is written once when a recording starts and rewritten atomically (temporary
//! file, fsync, rename, fsync of the folder) when a part is opened or sealed, on stop and on
//! repair. A manifest without `ended` belongs to a recording that was cut short: see
//! [`crate::recovery`].

use crate::depacketise::Configuration;
use serde::{Deserialize, Serialize};

/// Version of the manifest's schema. Readers refuse a higher one.
pub const MANIFEST_VERSION: u32 = 1;

/// Everything a reader needs to find and place the media of one recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Schema version, [`MANIFEST_VERSION`].
    pub version: u32,
    /// Id of the recording, `rec_` and a ULID. Also the folder's name.
    pub recording: String,
    /// Name of the room that is recorded.
    pub room: String,
    /// Wall clock at the recording's start, milliseconds since the Unix epoch.
    pub started_unix_ms: u64,
    /// Kernel boot id when the recording was last started or continued.
    pub boot_id: String,
    /// Set when the recording has ended; `None` while it runs or after a crash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// Every part of every track file, in order of opening.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// Every track that was ever recorded.
    #[serde(default)]
    pub tracks: Vec<RecordedTrack>,
    /// Packets that were not written because the disk was slower than the meeting. While it runs:
    /// as of the newest manifest.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
    /// Somebody paused the recording: it stays so over a crash.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

impl Manifest {
    /// Of a recording that begins at this wall clock, in this boot of the kernel.
    pub fn new(recording: &str, room: &str, started_unix_ms: u64, boot_id: String) -> Self {
        Self {
            version: MANIFEST_VERSION,
            recording: recording.to_owned(),
            room: room.to_owned(),
            started_unix_ms,
            boot_id,
            ended: None,
            parts: Vec::new(),
            tracks: Vec::new(),
            dropped: 0,
            paused: false,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How and when a recording ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Why it ended.
    pub reason: EndReason,
    /// Microseconds since the recording's start.
    pub at_us: u64,
}

/// Why a recording ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Somebody pressed stop.
    Stopped,
    /// The room ended or everybody left.
    RoomEnded,
    /// It ran for orders of programs and for live outputs, and the last of them is over.
    OrderEnded,
    /// Free space fell below the reserve.
    DiskLow,
    /// The box lost power or the daemon died, and the room did not come back in time.
    Interrupted,
    /// The daemon was asked to stop.
    Shutdown,
    /// It was cut short, and its manifest cannot be read. No manifest says so.
    Unreadable,
}

/// One track of one participant as the recording saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedTrack {
    /// Track id (`TR_…`).
    pub track: String,
    /// Publishing participant's id (`PA_…`).
    pub participant: String,
    /// Publishing participant's identity: equal over reconnects.
    pub identity: String,
    /// Name shown on the tile.
    pub name: String,
    /// Audio or video.
    pub kind: MediaKind,
    /// Where it comes from.
    pub source: TrackSource,
}

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    Audio,
    Video,
}

/// Where a track comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackSource {
    Camera,
    Microphone,
    ScreenShare,
    ScreenShareAudio,
    Unknown,
}

/// Which quality of a track a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedLayer {
    /// Audio: a track has one quality.
    Audio,
    /// The best video layer that the publisher sends.
    Top,
    /// The video layer nearest to 360 lines, when the publisher sends one below the top.
    Low,
    /// A screen share.
    Screen,
}

impl RecordedLayer {
    /// The layer's part of a file name: `a0`, `top`, `low`, `screen`.
    pub fn file_stem(self) -> &'static str {
        match self {
            Self::Audio => "a0",
            Self::Top => "top",
            Self::Low => "low",
            Self::Screen => "screen",
        }
    }
}

/// Codec of a part. One part holds exactly one codec and one configuration of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    Opus,
    Vp8,
    Vp9,
    Av1,
    H264,
}

impl Codec {
    /// Matroska codec id (matroska.org, Codec Mappings).
    pub fn matroska_id(self) -> &'static str {
        match self {
            Self::Opus => "A_OPUS",
            Self::Vp8 => "V_VP8",
            Self::Vp9 => "V_VP9",
            Self::Av1 => "V_AV1",
            Self::H264 => "V_MPEG4/ISO/AVC",
        }
    }
}

/// A piece of a track file between two breaks: one Matroska file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Path relative to the recording's folder, `tracks/<track>.<layer>.<n>.mkv`.
    pub file: String,
    /// Track id (`TR_…`).
    pub track: String,
    pub layer: RecordedLayer,
    pub codec: Codec,
    /// Number of the part within its track and layer, from 0.
    pub number: u32,
    /// Time of the part's first frame, microseconds since the recording's start. Frame times in
    /// the file are relative to this.
    pub start_us: u64,
    /// Time after the part's last frame; `None` until it is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_us: Option<u64>,
    /// Bytes of the sealed file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Picture size in pixels; 0 for audio.
    pub width: u32,
    pub height: u32,
    /// What the part's head says to decoders: `avcC` for H.264, `av1C` for AV1, empty for others. In
    /// JSON as hexadecimal digits. With it a torn head can be written anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "hexadecimal")]
    pub codec_private: Vec<u8>,
}

impl Part {
    /// The part number `number` of a track's layer, open until it is sealed. `file` is its name in
    /// the folder of the tracks.
    pub fn open(
        file: &str,
        (track, layer, number): (&str, RecordedLayer, u32),
        codec: Codec,
        configuration: &Configuration,
        start_us: u64,
    ) -> Self {
        Self {
            file: format!("tracks/{file}"),
            track: track.to_owned(),
            layer,
            codec,
            number,
            start_us,
            end_us: None,
            bytes: None,
            width: configuration.width,
            height: configuration.height,
            codec_private: configuration.codec_private.clone(),
        }
    }
}

/// Bytes as a string of two digits each.
mod hexadecimal {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::fmt::Write;

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            write!(text, "{byte:02x}").map_err(serde::ser::Error::custom)?;
        }
        to.serialize_str(&text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let pair = |pair: &[u8]| {
            let digits = str::from_utf8(pair).ok().filter(|_| pair.len() == 2)?;
            u8::from_str_radix(digits, 16).ok()
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
        bytes.ok_or_else(|| D::Error::custom("not hexadecimal"))
    }
}
