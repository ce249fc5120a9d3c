//! A participant's state inside its shard.

use crate::allocate::{Allocator, Doubt};
use crate::blobs::Blobs;
use crate::command::{
    Audience, NewBackup, NewParticipant, NewTrack, Recipients, TrackSettings, TransportMode,
};
use crate::data_tracks::DataSubscriptions;
use crate::forward::Rewriter;
use crate::ids::{ParticipantId, TrackId};
use crate::peer::Mid;
use crate::quality::Quality;
use crate::relay::DataRelay;
use crate::simulate::Pretence;
use crate::view::{ParticipantInfo, ParticipantState, Permissions, Standing};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
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
    /// The shard that it lives on, if that is another one.
    pub far: Option<usize>,
    /// It waits elsewhere and was let in: its place is taken.
    pub has_place: bool,
    /// What other shards said last that they want of its data tracks.
    pub data_relays: HashMap<TrackId, Vec<DataRelay>>,
    /// Of somebody far: data tracks of which its shard was told that they are wanted here.
    pub data_wanted: HashSet<TrackId>,
    pub auto_subscribe: bool,
    pub auto_subscribe_data: bool,
    /// See [`NewParticipant::hears_by_packets`].
    pub hears_by_packets: bool,
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
    /// The first message since it came, by the room's own number.
    pub hears_from: u64,
    /// Reliable messages that wait until the channel is open, by the room's own number.
    pub missed: VecDeque<u64>,
    /// The data channels of our side are offered.
    pub channels_offered: bool,
    /// It closed its only connection and cannot come back on it.
    pub hung_up: bool,
    /// Numbers of the streams on its free sections, for the next track on them
    /// ([`TransportMode::Once`]: the stream that the answer named goes on).
    pub kept_numbers: HashMap<Mid, Rewriter>,
}

impl Participant {
    /// Somebody who has just come, as this. `far`: where it lives, if not here.
    pub(crate) fn new(
        now: Instant,
        room: usize,
        new: NewParticipant,
        standing: Standing,
        far: Option<usize>,
    ) -> Self {
        let waits = standing.waits();
        let permissions = if waits { Permissions::nothing() } else { new.permissions.clone() };
        let info = ParticipantInfo {
            id: new.id,
            identity: new.identity,
            name: new.name,
            metadata: new.metadata,
            attributes: new.attributes,
            state: ParticipantState::Joined,
            permissions,
            standing,
            joined_unix_ms: new.joined_unix_ms,
            version: 1,
            tracks: Vec::new(),
            data_tracks: Vec::new(),
            note: new.note,
        };
        Self {
            info,
            granted: new.permissions,
            room,
            far,
            has_place: false,
            data_relays: HashMap::new(),
            data_wanted: HashSet::new(),
            // Its wishes are known where it lives.
            auto_subscribe: new.auto_subscribe && far.is_none(),
            auto_subscribe_data: new.auto_subscribe_data && far.is_none(),
            hears_by_packets: new.hears_by_packets,
            audience: Audience::Everybody,
            mode: new.mode,
            publisher: None,
            subscriber: None,
            pending: Vec::new(),
            backups: Vec::new(),
            by_mid: BTreeMap::new(),
            wishes: BTreeMap::new(),
            allocator: Allocator::default(),
            doubt: Doubt::default(),
            quality: Quality::Excellent,
            score: 0.0,
            knows: false,
            spoke_at: None,
            data: DataSubscriptions::default(),
            blobs: Blobs::default(),
            pretence: Pretence::default(),
            attached: true,
            lost_since: None,
            joined_at: now,
            answer_stale: false,
            asked_at: None,
            offered: Vec::new(),
            stopping: Vec::new(),
            last_sequence: 0,
            hears_from: 0,
            missed: VecDeque::new(),
            channels_offered: false,
            hung_up: false,
            kept_numbers: HashMap::new(),
        }
    }

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
