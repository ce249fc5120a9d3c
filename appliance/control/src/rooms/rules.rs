//! What is to hold in a room: who comes in, what guests may, and what becomes of its recordings.
//!
//! Pure. Guests are those who come by the invite link: the rules for them are in the token that the box
//! signs for the meeting page, so that the media plane holds any client to them. Whoever signs with a key
//! of their own has decided that themselves.

use crate::conference::{Codec, VideoCodecs};
use crate::error::ControlError;
use crate::words;
use roombox_jobs::spec::LayoutName;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// As many people as a room may be kept to.
pub const MOST_PEOPLE: u32 = 10_000;
/// As long as recordings may be kept by a rule, in days.
pub const MOST_DAYS: u32 = 36_500;

/// Who may come in by the invite link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuestEntry {
    /// Who has the link.
    #[default]
    Anyone,
    /// Who has the link and the room's PIN.
    WithPin,
    /// Nobody: only people with an account on the box.
    Nobody,
}

/// A codec in which pictures are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VideoCodec {
    H264,
    Vp8,
    Vp9,
    Av1,
}

impl From<VideoCodec> for Codec {
    fn from(codec: VideoCodec) -> Self {
        match codec {
            VideoCodec::H264 => Self::H264,
            VideoCodec::Vp8 => Self::Vp8,
            VideoCodec::Vp9 => Self::Vp9,
            VideoCodec::Av1 => Self::Av1,
        }
    }
}

/// The rules of a room. Those for guests apply to who comes from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct RoomRules {
    pub guests: GuestEntry,
    /// People in the room at a time; 0: as the box's settings say.
    pub max_people: u32,
    /// Guests may share their screen.
    pub guests_share: bool,
    /// Guests may switch their camera on.
    pub guests_camera: bool,
    /// Guests may send data: what they write in the chat, and all else that clients send beside media.
    pub guests_chat: bool,
    /// Guests come in with the microphone off, and switch it on themselves.
    pub guests_muted: bool,
    /// Days after which recordings of this room are deleted, in place of the days of the box's settings;
    /// 0: as those say.
    pub keep_days: u32,
    /// How films of this room look; `null`: as the box's settings say.
    #[schema(value_type = Option<words::Layout>, required)]
    pub layout: Option<LayoutName>,
    /// The codecs in which people and programs may publish pictures, screens as well, the best first: who would
    /// send another one sends the first. Empty: any. For who comes or publishes from now on; sound is always Opus.
    pub video_codecs: Vec<VideoCodec>,
}

impl Default for RoomRules {
    fn default() -> Self {
        Self {
            guests: GuestEntry::Anyone,
            max_people: 0,
            guests_share: true,
            guests_camera: true,
            guests_chat: true,
            guests_muted: false,
            keep_days: 0,
            layout: None,
            video_codecs: Vec::new(),
        }
    }
}

/// What is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesPatch {
    #[schema(nullable = false)]
    pub guests: Option<GuestEntry>,
    #[schema(nullable = false)]
    pub max_people: Option<u32>,
    #[schema(nullable = false)]
    pub guests_share: Option<bool>,
    #[schema(nullable = false)]
    pub guests_camera: Option<bool>,
    #[schema(nullable = false)]
    pub guests_chat: Option<bool>,
    #[schema(nullable = false)]
    pub guests_muted: Option<bool>,
    #[schema(nullable = false)]
    pub keep_days: Option<u32>,
    /// `null`: as the box's settings say.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<words::Layout>)]
    pub layout: Option<Option<LayoutName>>,
    /// Each at most once.
    #[schema(nullable = false)]
    pub video_codecs: Option<Vec<VideoCodec>>,
}

fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<LayoutName>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl RoomRules {
    /// In which the media plane takes pictures.
    pub fn codecs(&self) -> VideoCodecs {
        VideoCodecs::only(self.video_codecs.iter().copied().map(Codec::from))
    }

    /// # Errors
    /// A number is too large.
    pub fn patched(&self, patch: RulesPatch) -> Result<Self, ControlError> {
        let RulesPatch {
            guests,
            max_people,
            guests_share,
            guests_camera,
            guests_chat,
            guests_muted,
            keep_days,
            layout,
            video_codecs,
        } = patch;
        let rules = Self {
            guests: guests.unwrap_or(self.guests),
            max_people: max_people.unwrap_or(self.max_people),
            guests_share: guests_share.unwrap_or(self.guests_share),
            guests_camera: guests_camera.unwrap_or(self.guests_camera),
            guests_chat: guests_chat.unwrap_or(self.guests_chat),
            guests_muted: guests_muted.unwrap_or(self.guests_muted),
            keep_days: keep_days.unwrap_or(self.keep_days),
            layout: layout.unwrap_or(self.layout),
            video_codecs: video_codecs.unwrap_or_else(|| self.video_codecs.clone()),
        };
        let twice = |(n, codec): (usize, &VideoCodec)| rules.video_codecs[..n].contains(codec);
        if rules.video_codecs.iter().enumerate().any(twice) {
            return Err(ControlError::CodecTwice);
        }
        let limits = [
            ("max_people", rules.max_people, MOST_PEOPLE),
            ("keep_days", rules.keep_days, MOST_DAYS),
        ];
        for (field, value, most) in limits {
            if value > most {
                return Err(ControlError::OutOfRange { field, least: 0, most });
            }
        }
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_an_older_version_wrote_are_those_of_an_open_room() {
        let rules: RoomRules = serde_json::from_str("{}").unwrap();
        assert_eq!(rules, RoomRules::default());
        assert!(rules.guests_share && rules.guests_camera && rules.guests_chat);
        let newer = r#"{"guests":"with_pin","guests_dance":false}"#;
        let rules: RoomRules = serde_json::from_str(newer).unwrap();
        assert_eq!(rules.guests, GuestEntry::WithPin);
    }

    #[test]
    fn a_patch_changes_what_it_names_and_null_takes_the_layout_back() {
        let patch = |text: &str| serde_json::from_str::<RulesPatch>(text).unwrap();
        let all = r#"{"guests":"nobody","max_people":3,"guests_share":false,"guests_camera":false,
            "guests_chat":false,"guests_muted":true,"keep_days":7,"layout":"grid",
            "video_codecs":["h264","vp8"]}"#;
        let rules = RoomRules::default().patched(patch(all)).unwrap();
        assert_eq!(rules.layout, Some(LayoutName::Grid));
        assert_eq!((rules.guests, rules.max_people, rules.keep_days), (GuestEntry::Nobody, 3, 7));
        assert!(!rules.guests_share && !rules.guests_camera && !rules.guests_chat);
        assert!(rules.guests_muted);
        assert!(rules.codecs().all().eq([Codec::H264, Codec::Vp8]));
        assert_eq!(rules.patched(patch("{}")).unwrap(), rules, "what is absent stays");
        let back = rules.patched(patch(r#"{"layout":null}"#)).unwrap();
        assert_eq!(back, RoomRules { layout: None, ..rules.clone() });
        for (text, wrong) in
            [(r#"{"max_people":10001}"#, "max_people"), (r#"{"keep_days":36501}"#, "keep_days")]
        {
            let refused = rules.patched(patch(text)).unwrap_err();
            assert_eq!((refused.code(), refused.field()), ("out_of_range", Some(wrong)));
        }
        let twice = rules.patched(patch(r#"{"video_codecs":["vp8","av1","vp8"]}"#)).unwrap_err();
        assert_eq!((twice.code(), twice.field()), ("codec_twice", Some("video_codecs")));
        let any = rules.patched(patch(r#"{"video_codecs":[]}"#)).unwrap();
        assert!(!any.codecs().are_chosen());
        assert!(serde_json::from_str::<RulesPatch>(r#"{"guest":"nobody"}"#).is_err());
    }
}
