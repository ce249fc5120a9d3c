//! What a transcoding job is asked to make. `roombox-media transcode` reads a [`JobSpec`] as JSON.

use serde::{Deserialize, Serialize};

/// One piece of transcoding. Of one that a newer version wrote, what is known is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobSpec {
    /// Schema version, 1.
    pub v: u32,
    /// Job id, `job_` and a ULID.
    pub job: String,
    /// Recording id, `rec_` and a ULID.
    pub recording: String,
    /// Title of the file: room name and start.
    pub title: String,
    #[serde(default)]
    pub layout: Layout,
    #[serde(default)]
    pub video: VideoPreset,
    #[serde(default)]
    pub audio: AudioPreset,
    #[serde(default = "usual_outputs")]
    pub outputs: Vec<Output>,
    /// Which part of the recording; `None`: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// Of whom; empty: of everybody.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
    /// Other layouts from some moments on, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relayouts: Vec<Relayout>,
    /// What becomes of the time in which nothing was kept because somebody wanted it so.
    #[serde(default)]
    pub pauses: Pauses,
    /// The films of other recordings that become this one's; nothing is made of media of its own then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<Merge>,
}

/// Films of recordings, one after the other, as one film of a recording of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    /// Room of the recording that is made.
    pub room: String,
    /// When its first part began, milliseconds since the Unix epoch.
    pub started_unix_ms: u64,
    /// In order; two at least.
    pub parts: Vec<MergePart>,
}

/// One film that is merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergePart {
    /// The recording that it is of.
    pub recording: String,
    /// Its film, relative to that recording's folder.
    pub film: String,
    /// Length of that film in microseconds, as far as it was known then.
    pub duration_us: u64,
    /// What its chapter is called.
    pub title: String,
    /// SHA-256 of the film as it was made, as hexadecimal; empty: nobody knows it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sha256: String,
}

impl Merge {
    /// Length of all parts in microseconds.
    pub fn duration_us(&self) -> u64 {
        self.parts.iter().map(|part| part.duration_us).sum()
    }
}

/// What a film makes of a recording's pauses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pauses {
    /// They are left out.
    #[default]
    Cut,
    /// They are as long as they were: a picture that says so, and silence.
    Slate,
}

/// A part of a recording, microseconds since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    pub from_us: u64,
    /// `None`: to its end.
    pub to_us: Option<u64>,
}

/// Whose media a film is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Only {
    /// People, over all of their connections.
    pub identities: Vec<String>,
    /// Tracks (`TR_…`).
    pub tracks: Vec<String>,
}

impl Only {
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty() && self.tracks.is_empty()
    }

    /// True if a track of this person is wanted.
    pub fn wants(&self, track: &str, identity: &str) -> bool {
        self.is_empty()
            || self.identities.iter().any(|one| one == identity)
            || self.tracks.iter().any(|one| one == track)
    }
}

/// A layout from a moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relayout {
    /// Microseconds since the recording's start.
    pub from_us: u64,
    pub layout: LayoutName,
}

impl JobSpec {
    /// A job of schema version 1 with the usual presets and outputs.
    pub fn new(job: String, recording: String, title: String) -> Self {
        Self {
            v: 1,
            job,
            recording,
            title,
            layout: Layout::default(),
            video: VideoPreset::default(),
            audio: AudioPreset::default(),
            outputs: usual_outputs(),
            range: None,
            only: Only::default(),
            relayouts: Vec::new(),
            pauses: Pauses::default(),
            merge: None,
        }
    }

    /// The layout at a moment of the recording.
    pub fn layout_at(&self, recording_us: u64) -> LayoutName {
        let begun = self.relayouts.iter().rev().find(|change| change.from_us <= recording_us);
        begun.map_or(self.layout.name, |change| change.layout)
    }

    pub fn makes(&self, output: Output) -> bool {
        self.outputs.contains(&output)
    }

    /// True if something of it has a picture.
    pub fn has_picture(&self) -> bool {
        self.makes(Output::Film) || self.makes(Output::Hls)
    }
}

/// What a job makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The MP4 with picture, sound and chapters, its thumbnail, and what a player shows beside it:
    /// chapters, small pictures for seeking, the index.
    Film,
    /// The sound alone.
    Sound,
    /// What each person sent as files of their own, nothing of it coded anew.
    Tracks,
    /// The same, with pictures in MP4: H.264 and AV1 as they were sent, others coded anew as H.264, sound as
    /// AAC.
    TracksMp4,
    /// The film for HLS players: a playlist, and the one file whose byte ranges it names.
    Hls,
}

fn usual_outputs() -> Vec<Output> {
    vec![Output::Film]
}

/// Where the tiles go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Layout {
    pub name: LayoutName,
    /// Width and height of the picture in pixels; both even.
    pub canvas: (u32, u32),
    /// Frames per second.
    pub fps: u32,
    /// Name labels on the tiles.
    pub labels: bool,
    /// How long a speaker must hold before the layout follows, in milliseconds.
    pub hold_ms: u32,
}

impl Default for Layout {
    fn default() -> Self {
        Self { name: LayoutName::Auto, canvas: (1280, 720), fps: 30, labels: true, hold_ms: 2000 }
    }
}

/// Named layouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayoutName {
    /// Everybody and every shared screen in equal tiles.
    Grid,
    /// The active speaker large, the others small beside; a screen share takes the stage.
    Speaker,
    /// For lectures: the screen share with cameras beside it; the active speaker alone, full canvas,
    /// while nothing is shared.
    Screen,
    /// The active speaker alone, full canvas, or the screen share.
    Single,
    /// `single` when one person was seen, `grid` otherwise; a screen share takes the stage.
    Auto,
}

/// The video encoder and its effort.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VideoPreset {
    pub encoder: EncoderChoice,
    /// Bits per second at most.
    pub max_bps: u32,
    /// Seconds between keyframes.
    pub gop_s: u32,
    /// The hardware's encoder (GStreamer factory) that whoever starts the worker has chosen; never kept
    /// with a job. `None`: software, as `encoder` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
}

impl Default for VideoPreset {
    fn default() -> Self {
        Self { encoder: EncoderChoice::Auto, max_bps: 2_500_000, gop_s: 2, element: None }
    }
}

/// Which H.264 encoder to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncoderChoice {
    /// What the box has: hardware that has proved itself, else openh264; the source's own H.264 where
    /// no pixel has to change.
    Auto,
    Openh264,
    /// x264 (GPL), where its GStreamer plug-in is installed.
    X264,
}

/// The audio encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AudioPreset {
    /// Bits per second of AAC or Opus.
    pub bps: u32,
    /// The file that sound alone becomes.
    pub container: SoundContainer,
    /// 1 or 2.
    pub channels: u32,
    /// Everybody is brought to this loudness (ITU-R BS.1770, LUFS); `None`: as it was recorded.
    pub loudness_lufs: Option<f64>,
}

impl Default for AudioPreset {
    fn default() -> Self {
        let container = SoundContainer::M4a;
        Self { bps: 128_000, container, channels: 2, loudness_lufs: Some(-16.0) }
    }
}

/// What a file of sound alone is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SoundContainer {
    /// AAC in MP4.
    #[default]
    M4a,
    /// Opus.
    Ogg,
    /// Not a bit is lost.
    Flac,
}

/// What the worker says once a second, one JSON object a line on its standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub job: String,
    /// Media made so far, microseconds.
    pub done_us: u64,
    /// Media to make, microseconds.
    pub total_us: u64,
    /// Frames encoded per second of wall time.
    pub fps: f64,
    /// Seconds left; `None` while unknown.
    pub eta_s: Option<f64>,
    /// GStreamer factory in use, or `copy`.
    pub encoder: String,
    /// CPU seconds (user and system) spent so far.
    pub cpu_s: f64,
}

/// What whoever makes reels ahead says, one JSON object a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ahead {
    pub recording: String,
    /// Of the film, microseconds: what is made, and what could be made of what is recorded.
    pub made_us: u64,
    pub recorded_us: u64,
    /// CPU seconds (user and system) spent so far.
    pub cpu_s: f64,
}

/// The worker's last line on success.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub job: String,
    /// Files made, paths relative to the recording's folder. Empty: the recording has no media, there
    /// was nothing to film and another try finds nothing either.
    pub files: Vec<MadeFile>,
    pub duration_us: u64,
    pub encoder: String,
    pub cpu_s: f64,
}

/// One file that a job made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MadeFile {
    pub kind: FileKind,
    /// Path relative to the recording's folder, `derived/<job>/…`.
    pub path: String,
    pub bytes: u64,
    /// Lower-case hex.
    pub sha256: String,
}

/// What a made file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    Mp4,
    Thumbnail,
    /// M4A, Ogg or FLAC.
    Sound,
    /// WebVTT.
    Chapters,
    /// WebVTT.
    Captions,
    /// What one person sent: Matroska, WebM, MP4, or Ogg with Opus.
    Track,
    /// A sheet of small pictures, JPEG.
    Sprite,
    /// WebVTT: which moment is where on the sheet.
    SpriteMap,
    /// JSON: which moments of the recording the film shows, its chapters, its sheet.
    Index,
    /// M3U8 of the film's segments.
    Playlist,
    /// The film's segments, fragmented MP4.
    Segments,
}
