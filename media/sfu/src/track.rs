//! Nouns of published media.

use serde::{Deserialize, Serialize};

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
    Unknown,
    Camera,
    Microphone,
    ScreenShare,
    ScreenShareAudio,
}

/// Codec of an RTP stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    Opus,
    Vp8,
    Vp9,
    Av1,
    H264,
}

impl Codec {
    pub fn kind(self) -> MediaKind {
        match self {
            Self::Opus => MediaKind::Audio,
            _ => MediaKind::Video,
        }
    }
}

/// Codecs in which pictures may be published in a room, the best first. None named: every codec that the box
/// speaks, in the order in which clients offer them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VideoCodecs([Option<Codec>; VideoCodecs::ALL.len()]);

impl VideoCodecs {
    /// All that the box speaks, in the order in which it names them.
    pub const ALL: [Codec; 4] = [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1];

    /// Sound, and what was named before, is left out.
    pub fn only(wanted: impl IntoIterator<Item = Codec>) -> Self {
        let mut named = Self::default();
        for codec in wanted.into_iter().filter(|codec| codec.kind() == MediaKind::Video) {
            if let Some(free) =
                named.0.iter_mut().take_while(|known| **known != Some(codec)).find(|k| k.is_none())
            {
                *free = Some(codec);
            }
        }
        named
    }

    /// Whether somebody chose.
    pub fn are_chosen(self) -> bool {
        self.0[0].is_some()
    }

    /// Those that are named, the best first.
    pub fn named(self) -> impl Iterator<Item = Codec> {
        self.0.into_iter().flatten()
    }

    /// All that may be published, the best first.
    pub fn all(self) -> impl Iterator<Item = Codec> {
        let any = !self.are_chosen();
        self.named().chain(Self::ALL.into_iter().filter(move |_| any))
    }

    /// Whether a track may come in this codec; of sound every one may.
    pub fn allow(self, codec: Codec) -> bool {
        codec.kind() == MediaKind::Audio
            || !self.are_chosen()
            || self.named().any(|known| known == codec)
    }

    /// The codec in which somebody publishes a picture who asks for this one: that one where it is allowed, else
    /// the best that is.
    pub fn in_place_of(self, wanted: Option<Codec>) -> Option<Codec> {
        wanted.filter(|codec| self.allow(*codec)).or(self.0[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_of_a_room_keep_their_order_and_name_none_twice() {
        let any = VideoCodecs::default();
        assert!(!any.are_chosen() && any.allow(Codec::Av1));
        assert_eq!(any.in_place_of(Some(Codec::Vp9)), Some(Codec::Vp9));
        assert_eq!(any.in_place_of(None), None);
        assert!(any.all().eq(VideoCodecs::ALL));
        let some = VideoCodecs::only([Codec::H264, Codec::Opus, Codec::H264, Codec::Vp8]);
        assert!(some.all().eq([Codec::H264, Codec::Vp8]));
        assert_eq!(some.in_place_of(Some(Codec::Vp8)), Some(Codec::Vp8), "allowed is allowed");
        assert_eq!(some.in_place_of(Some(Codec::Av1)), Some(Codec::H264));
        assert_eq!(some.in_place_of(None), Some(Codec::H264));
        assert!(!some.allow(Codec::Vp9) && some.allow(Codec::Opus));
        assert!(VideoCodecs::only(VideoCodecs::ALL).named().eq(VideoCodecs::ALL));
        assert!(!VideoCodecs::only([Codec::Opus]).are_chosen());
    }
}
