//! A participant's state inside its shard.

use crate::allocate::{Allocator, Doubt};
use crate::blobs::Blobs;
use crate::command::{Audience, NewBackup, NewTrack, Recipients, TrackSettings, TransportMode};
use crate::data_tracks::DataSubscriptions;
use crate::forward::Rewriter;
use crate::ids::ParticipantId;
use crate::peer::Mid;
use crate::quality::Quality;
use crate::simulate::Pretence;
use crate::view::{ParticipantInfo, Permissions};
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

/// What a participant wants of a track, and where it is sent.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    pub settings: TrackSettings,
    /// The client asked for this very track.
    pub by_id: bool,
    /// The publisher's audience does not include this subscriber.
    pub barred: bool,
    /// Slab key of the encoding that it gets: the track's first, or its backup.
    pub encoding: usize,
    /// Section that carries the track.
    pub mid: Option<Mid>,
    /// Its client was told that there is no bandwidth for it.
    pub paused: bool,
}

pub(crate) struct Participant {
    pub info: ParticipantInfo,
    /// What its token lets it do: while it waits, it may do nothing.
    pub granted: Permissions,
    /// Slab key.
    pub room: usize,
    pub auto_subscribe: bool,
    pub auto_subscribe_data: bool,
    /// Who may subscribe to its tracks.
    pub audience: Audience,
    pub mode: TransportMode,
    /// Slab keys of its connections. In [`TransportMode::Single`] both are the same.
    pub publisher: Option<usize>,
    pub subscriber: Option<usize>,
    /// Announced by `AddTrack`, not yet seen in an offer.
    pub pending: Vec<NewTrack>,
    /// Second encodings, announced and not yet seen in an offer.
    pub backups: Vec<NewBackup>,
    /// Published tracks and backups by section.
    pub by_mid: BTreeMap<Mid, usize>,
    /// Wanted tracks by slab key.
    pub wishes: BTreeMap<usize, Wish>,
    pub allocator: Allocator,
    pub doubt: Doubt,
    pub data: DataSubscriptions,
    /// What it left for others.
    pub blobs: Blobs,
    /// What it has simulated.
    pub pretence: Pretence,
    /// How its connection was judged last, and the score of that.
    pub quality: Quality,
    pub score: f32,
    /// It has been told of everybody's.
    pub knows: bool,
    /// When it was last heard to speak.
    pub spoke_at: Option<Instant>,
    /// The door has a signalling connection to the client.
    pub attached: bool,
    /// Since when media or signalling are missing.
    pub lost_since: Option<Instant>,
    pub joined_at: Instant,
    /// The last answer no longer says what is sent where.
    pub answer_stale: bool,
    /// When the client was asked for another offer that has not come yet.
    pub asked_at: Option<Instant>,
    /// Sections that our pending offer adds: mid, track.
    pub offered: Vec<(Mid, usize)>,
    /// Sections that our next offer stops.
    pub stopping: Vec<Mid>,
    /// Number of the newest reliable message that it sent.
    pub last_sequence: u32,
    /// The data channels of our side are offered.
    pub channels_offered: bool,
    /// It closed its only connection and cannot come back on it.
    pub hung_up: bool,
    /// Numbers of the streams on its free sections, for the next track on them
    /// ([`TransportMode::Once`]: the stream that the answer named goes on).
    pub kept_numbers: HashMap<Mid, Rewriter>,
}

impl Participant {
    pub(crate) fn changed(&mut self) {
        self.info.version += 1;
    }

    /// Whether a message goes to this participant. Nobody gets their own, and who waits gets none.
    pub(crate) fn is_meant(&self, sender: Option<&ParticipantId>, to: &Recipients) -> bool {
        let Self { info, .. } = self;
        let chosen = match to {
            Recipients::Everybody => true,
            Recipients::Only { participants, identities } => {
                participants.contains(&info.id) || identities.contains(&info.identity)
            }
        };
        chosen && !self.waits() && sender != Some(&info.id)
    }

    /// It only watches, and cannot be told when there is nothing to see any more: a meeting is over
    /// without it.
    fn is_audience(&self) -> bool {
        self.mode == TransportMode::Once && !self.info.permissions.can_publish
    }

    /// The meeting goes on because of it.
    pub(crate) fn keeps_open(&self) -> bool {
        !self.is_audience() && !self.waits()
    }

    pub(crate) fn is_visible(&self) -> bool {
        !self.info.permissions.hidden
    }
}
