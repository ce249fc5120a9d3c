//! The data channels of a connection: their names, how they deliver, how much they hold.

use str0m::channel::{ChannelConfig, Reliability};

/// LiveKit data messages may be 64 KiB and more (streams are chunked by the clients at 15 kB).
pub(super) const MAX_MESSAGE: u32 = 256 * 1024;

/// Bytes a slow subscriber may leave unsent on a data channel before messages to it are dropped.
pub(super) const MAX_BACKLOG: usize = 8 * 1024 * 1024;

/// The data channels that LiveKit clients open by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// `_reliable`: ordered.
    Reliable,
    /// `_lossy`: unordered, never sent twice.
    Lossy,
    /// `_data_track`: unordered, never sent twice.
    DataTrack,
}

impl Channel {
    fn label(self) -> &'static str {
        match self {
            Self::Reliable => "_reliable",
            Self::Lossy => "_lossy",
            Self::DataTrack => "_data_track",
        }
    }

    pub(super) fn from_label(label: &str) -> Option<Self> {
        [Self::Reliable, Self::Lossy, Self::DataTrack].into_iter().find(|c| c.label() == label)
    }
}

/// Settings of a channel that the server opens (the two-connection protocol).
pub(super) fn config(channel: Channel) -> ChannelConfig {
    ChannelConfig {
        label: channel.label().to_owned(),
        ordered: channel == Channel::Reliable,
        reliability: match channel {
            Channel::Reliable => Reliability::Reliable,
            _ => Reliability::MaxRetransmits { retransmits: 0 },
        },
        ..ChannelConfig::default()
    }
}
