//! The fleet as the panel shows it.

use super::{OrderPulse, TwinPulse};
use crate::clock::UnixMs;
use serde::Serialize;
use utoipa::ToSchema;

/// What the box is in its fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FleetRole {
    /// Other boxes tell it what happens.
    Hub,
    /// It tells its hub what happens.
    Member,
}

/// How the box's way to its fleet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// In no fleet.
    #[default]
    Off,
    /// The server starts, or is started again.
    Starting,
    /// The server runs, and the hub is not reached.
    Cut,
    /// What happens arrives.
    Up,
    /// The server cannot be started: see the error.
    Failed,
}

/// Why the hub is not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CutReason {
    /// The hub does not know this box: it was put out, or the hub was reset.
    PutOut,
    /// By this box's clock the hub's certificate is not valid yet, or not any more.
    Clock,
    /// Something else answers where the hub was.
    Stranger,
    /// Nothing takes connections there.
    Refused,
    NoRoute,
    /// The hub's name leads to no address.
    NoName,
    /// Nothing is answered, or nothing that a hub would say.
    Silent,
}

impl CutReason {
    /// What is wrong and what to do, in English.
    pub fn text(self) -> &'static str {
        match self {
            Self::PutOut => {
                "the hub does not know this box any more: it was put out there, or the hub was reset. \
                 Leave the fleet, and join again with a new code"
            }
            Self::Clock => {
                "by this box's clock the hub's certificate is not valid yet, or not any more: set the \
                 clocks of both boxes right"
            }
            Self::Stranger => {
                "what answers at the hub's address is not the hub that this box has joined: has \
                 another machine its address now? A hub that was set up anew is joined again, after \
                 leaving"
            }
            Self::Refused => {
                "the hub's machine takes no connection: is Roombox running there, and does a firewall \
                 let its TCP port through?"
            }
            Self::NoRoute => {
                "no way leads to the hub's network: are this box's cable and gateway in order?"
            }
            Self::NoName => {
                "the hub's name leads to no address: is its name right, and does this network's DNS \
                 know it?"
            }
            Self::Silent => {
                "nothing answers as a hub would: is the hub on, and does every firewall on the way let \
                 its TCP port through?"
            }
        }
    }
}

/// Clocks of a fleet that differ by minutes or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
pub struct ClockGap {
    /// How far this box's clock is ahead, milliseconds; behind: negative. At a member: of the hub's. At a hub: of
    /// those of its boxes that differ, in the middle.
    pub ahead_ms: i64,
    /// Boxes whose clocks differ from the hub's,
    pub differ: u64,
    /// and all that it hears.
    pub of: u64,
    /// Most boxes differ from the hub, and in the same direction.
    pub hub_is_odd: bool,
}

/// The box's way to its fleet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct LinkView {
    pub state: LinkState,
    /// What is wrong and what to do, in English.
    #[schema(required)]
    pub error: Option<String>,
    /// Why the hub is not reached, as far as it is known; while the link is cut.
    #[schema(required)]
    pub cut: Option<CutReason>,
    /// Under which of its hub's addresses a member's link goes; while there is one.
    #[schema(required)]
    pub address: Option<String>,
    /// How often nats-server was started again since the box started.
    pub restarts: u64,
    /// Why it was last.
    #[schema(required)]
    pub restarted_because: Option<String>,
    /// Another box has this one's key: its card was copied.
    pub cloned: bool,
    /// At a member: its hub says that the clocks of the two differ.
    #[schema(required)]
    pub clock: Option<ClockGap>,
}

/// The fleet's hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HubView {
    pub id: String,
    pub name: String,
    /// `host:port`, in the order in which they are tried.
    pub addresses: Vec<String>,
}

/// How a box of the hub is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BoxState {
    /// Not heard since the hub started.
    Unheard,
    Here,
    /// Three heartbeats are missing.
    Stale,
    /// Two boxes are alive under one key.
    Cloned,
}

/// What a box says of itself in each heartbeat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, serde::Deserialize, ToSchema)]
#[serde(default)]
pub struct BoxPulse {
    /// Another one in each run of the daemon.
    #[schema(required)]
    pub nonce: String,
    #[schema(required)]
    pub name: String,
    #[schema(required)]
    pub version: String,
    /// Recordings that run.
    #[schema(required)]
    pub recordings: u64,
    /// Alarms that stand.
    #[schema(required)]
    pub alarms: u64,
    #[schema(required)]
    pub free_bytes: u64,
    #[schema(required)]
    pub total_bytes: u64,
    /// What it has not told the hub yet.
    #[schema(required)]
    pub waiting: u64,
    /// Names the run of numbers of what it tells.
    #[serde(default)]
    #[schema(required)]
    pub epoch: String,
    /// The last of them that was sent.
    #[serde(default)]
    #[schema(required)]
    pub last: u64,
    /// What it knows of where its hub is: the mark of what that hub said last.
    #[schema(required)]
    pub hub: String,
    /// Jobs that others may do for it, the most urgent first.
    #[schema(required)]
    pub offers: Vec<BoxOffer>,
    /// Where it is found by HTTPS, `host:port`, in order.
    #[schema(required)]
    pub at: Vec<String>,
    /// SHA-256 of the authority that certifies it, hex.
    #[schema(required)]
    pub fingerprint: String,
    /// It would do a job for others now: what a minute of a recording takes it, milliseconds.
    #[schema(required)]
    pub minute_ms: Option<u64>,
    /// Whose job it does: that box's name.
    #[schema(required)]
    pub helps: Option<String>,
    /// What it has heard of the fleet's settings, and what its owner refuses; absent: an older version.
    #[schema(required)]
    pub twin: Option<TwinPulse>,
    /// The update that a wave wants of it.
    #[schema(required)]
    pub order: Option<OrderPulse>,
    /// By its own clock; absent: an older version.
    #[schema(required)]
    pub clock: Option<UnixMs>,
    /// The date of the newest command of the hub that it took, milliseconds since 1970 by the hub's clock of then.
    #[schema(required)]
    pub commanded: u64,
}

/// A job that a box offers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(default)]
pub struct BoxOffer {
    #[schema(required)]
    pub job: String,
    /// The attempt that it would be.
    #[schema(required)]
    pub number: u32,
    /// How much of a recording it is made of, milliseconds.
    #[schema(required)]
    pub media_ms: u64,
}

/// What the hub knows of a box at the moment.
#[derive(Debug, Clone, PartialEq)]
pub struct RosterEntry {
    pub id: String,
    pub state: BoxState,
    pub heard_at: UnixMs,
    pub pulse: BoxPulse,
    /// As in [`FleetBox`].
    pub refused: u64,
}

/// A box of the hub.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FleetBox {
    pub id: String,
    pub name: String,
    pub state: BoxState,
    pub joined_at: UnixMs,
    #[schema(required)]
    pub heard_at: Option<UnixMs>,
    /// Of its last heartbeat.
    #[schema(required)]
    pub pulse: Option<BoxPulse>,
    /// How much of what it said the hub has not taken, or not kept, since the hub started: see [`HeardView`].
    pub refused: u64,
}

/// What a hub has heard since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct HeardView {
    pub events: u64,
    /// Came again and changed nothing.
    pub again: u64,
    /// Could not be read, or were too large: left out.
    pub malformed: u64,
    /// Of a newer version than this one reads: left out.
    pub newer: u64,
    /// Named another box than the one that sent them: counted for the sender.
    pub spoofed: u64,
    /// Of boxes that are not in this fleet: left out.
    pub strangers: u64,
    /// Numbers that were asked for again and again, and never came.
    pub lost: u64,
    /// Older events of a box that went for newer ones of it, since it tells too much.
    pub forgotten: u64,
    /// Recordings that are not listed, since their box has too many.
    pub unlisted: u64,
    /// Heartbeats that came too often: left out.
    pub hurried: u64,
    /// Who asked for a place or a job too often without a right to, and was not looked at.
    pub knocks: u64,
    /// This hub's clock differs from those of most of its boxes.
    #[schema(required)]
    pub clock: Option<ClockGap>,
}

impl HeardView {
    /// How much of it should not have been said. What a newer version says is not among it.
    pub fn refused(&self) -> u64 {
        let Self { malformed, spoofed, forgotten, unlisted, hurried, knocks, .. } = self;
        malformed + spoofed + forgotten + unlisted + hurried + knocks
    }
}

/// The fleet.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FleetView {
    /// Whether the box could be in one: it has a nats-server.
    pub possible: bool,
    /// Absent: in no fleet.
    #[schema(required)]
    pub role: Option<FleetRole>,
    /// The box's id in the fleet.
    #[schema(required)]
    pub id: Option<String>,
    #[schema(required)]
    pub hub: Option<HubView>,
    pub link: LinkView,
    /// Events that the hub has not got yet.
    pub waiting: u64,
    /// At a hub.
    pub boxes: Vec<FleetBox>,
    pub heard: HeardView,
}

/// A new invitation; its code is shown only now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NewInvite {
    pub code: String,
    pub expires_at: UnixMs,
}
