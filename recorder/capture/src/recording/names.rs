//! The SFU's nouns in the words of a recording.

use crate::manifest::{Codec, MediaKind, RecordedLayer, TrackSource};
use roombox_sfu::tap::TapLayer;
use roombox_sfu::track as sfu;

/// Track ids come from a door: only harmless characters may reach the disk.
pub(super) fn file_name(track: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name: String = track.chars().filter(|c| harmless(*c)).take(64).collect();
    if name.is_empty() { "track".to_owned() } else { name }
}

/// Microseconds since 1900 as a 64-bit NTP timestamp (RFC 5905 §6).
pub(super) fn ntp_64(us: u64) -> u64 {
    let (seconds, rest) = (us / 1_000_000, us % 1_000_000);
    (seconds << 32) | ((rest << 32) / 1_000_000)
}

pub(super) fn layer_of(layer: TapLayer) -> RecordedLayer {
    match layer {
        TapLayer::Audio => RecordedLayer::Audio,
        TapLayer::Top => RecordedLayer::Top,
        TapLayer::Low => RecordedLayer::Low,
        TapLayer::Screen => RecordedLayer::Screen,
    }
}

pub(super) fn codec_of(codec: sfu::Codec) -> Codec {
    match codec {
        sfu::Codec::Opus => Codec::Opus,
        sfu::Codec::Vp8 => Codec::Vp8,
        sfu::Codec::Vp9 => Codec::Vp9,
        sfu::Codec::Av1 => Codec::Av1,
        sfu::Codec::H264 => Codec::H264,
    }
}

pub(super) fn kind_of(kind: sfu::MediaKind) -> MediaKind {
    match kind {
        sfu::MediaKind::Audio => MediaKind::Audio,
        sfu::MediaKind::Video => MediaKind::Video,
    }
}

pub(super) fn source_of(source: sfu::TrackSource) -> TrackSource {
    match source {
        sfu::TrackSource::Camera => TrackSource::Camera,
        sfu::TrackSource::Microphone => TrackSource::Microphone,
        sfu::TrackSource::ScreenShare => TrackSource::ScreenShare,
        sfu::TrackSource::ScreenShareAudio => TrackSource::ScreenShareAudio,
        sfu::TrackSource::Unknown => TrackSource::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_track_id_leaves_its_folder() {
        assert_eq!(file_name("../../etc/passwd"), "etcpasswd");
        assert_eq!(file_name("TR_abc-1"), "TR_abc-1");
        assert_eq!(file_name("/"), "track");
    }

    #[test]
    fn ntp_fractions_are_of_two_to_the_32() {
        assert_eq!(ntp_64(1_500_000), (1 << 32) | (1 << 31));
    }
}
