//! What a fleet refuses. The texts go to the owner.

/// Why a box's place in a fleet did not change.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    #[error("this box has no nats-server: start roomboxd with --nats-server and name one")]
    NoServer,
    #[error("other boxes come to a hub by HTTPS, and this box serves none: start it with --https")]
    NoHttps,
    #[error("the box's key cannot be used: {0}")]
    Key(String),
    #[error("this box is in a fleet already: leave it first")]
    AlreadyIn,
    #[error("this box is in no fleet: join one with a code, or make this box a hub")]
    NotIn,
    #[error("only a hub does this: ask at the fleet's hub")]
    NotHub,
    #[error("a hub looks for no other one: say where it is found itself")]
    NotMember,
    #[error("a hub cannot put itself out: it gives the fleet up by leaving")]
    Itself,
    #[error("an address is a host with a port, like box.lan:7422: {0:?} is none")]
    Address(String),
    #[error("a hub has one address at least, and {most} at most")]
    Addresses { most: usize },
    #[error("this is no code of a fleet: copy the whole of it from the hub's Fleet page")]
    NoCode,
    #[error("this code was good until {0}: make a new one on the hub's Fleet page")]
    Expired(String),
    #[error("the hub does not answer: {0}. Is it on, and in the same network?")]
    Unreachable(String),
    #[error("the hub refused: {0}")]
    Refused(String),
    #[error("what the hub answered cannot be read: bring both boxes to the same version")]
    Answer,
    #[error(
        "this code was used by another box, or is too old, or was never one: make a new one on the \
         hub's Fleet page"
    )]
    Token,
    #[error("too many asked from there without a right to: ask again in {seconds} s")]
    Knocks { seconds: u64 },
    #[error("the box that asks does not have the key that it names")]
    Signature,
    #[error("a fleet has {most} boxes at most")]
    TooMany { most: usize },
    #[error(
        "the box that asks has no order of this fleet's hub for this box and this day: are all clocks right?"
    )]
    LoanOrder,
    #[error("this job is not to be had any more: it is done, or somebody else does it")]
    LoanGone,
    #[error("another piece of this job's files still comes: wait a moment")]
    LoanBusy,
    #[error("{has} bytes of this file are here: go on there")]
    LoanOffset { has: u64 },
    #[error("{0} is not what was promised: send it again")]
    LoanFile(String),
    #[error("this receipt will not do: {0}")]
    LoanReceipt(String),
    #[error("this file is longer than a film of this recording can be")]
    LoanTooLong,
    #[error("the owner of this box keeps its recordings from the fleet")]
    LoanOwner,
    #[error("a fleet has {most} groups at most")]
    TooManyGroups { most: usize },
    #[error("another group has this name: choose one that tells them apart")]
    GroupNameTaken,
    #[error(
        "a group wants a value for each setting that it names: leave out what it does not want"
    )]
    GroupNull,
    #[error("this is more than a box can be told at once: shorten the texts among the settings")]
    WishTooLong,
    #[error("this is not the group's name: type it as the panel shows it")]
    WaveName,
    #[error("another wave goes on: end it first")]
    WaveGoesOn,
    #[error("this wave is over: begin another one")]
    WaveOver,
    #[error("a version is numbers with points between, like 0.4 or 2026.11.2")]
    WaveVersion,
    #[error("a bundle's address begins with https://, and has 500 characters at most")]
    WaveUrl,
    #[error(
        "a wave wants a group with boxes in it, one box a turn at least, a week between turns at most, and to halt \
         after one box at least"
    )]
    WaveSize,
    #[error(
        "there is nothing to decide here any more: box and fleet agree by now, or somebody has changed \
         something since. Look again"
    )]
    NothingToDecide,
}

impl FleetError {
    /// Stable name of the error, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoServer => "fleet_no_server",
            Self::NoHttps => "fleet_no_https",
            Self::Key(_) => "fleet_key",
            Self::AlreadyIn => "fleet_already_in",
            Self::NotIn => "fleet_not_in",
            Self::NotHub => "fleet_not_hub",
            Self::NotMember => "fleet_not_member",
            Self::Itself => "fleet_itself",
            Self::Address(_) => "fleet_address",
            Self::Addresses { .. } => "fleet_addresses",
            Self::NoCode => "fleet_no_code",
            Self::Expired(_) => "fleet_code_expired",
            Self::Unreachable(_) => "fleet_unreachable",
            Self::Refused(_) => "fleet_refused",
            Self::Answer => "fleet_answer",
            Self::Token => "fleet_token",
            Self::Knocks { .. } => "fleet_knocks",
            Self::Signature => "fleet_signature",
            Self::TooMany { .. } => "fleet_full",
            Self::LoanOrder => "loan_order",
            Self::LoanGone => "loan_gone",
            Self::LoanBusy => "loan_busy",
            Self::LoanOffset { .. } => "loan_offset",
            Self::LoanFile(_) => "loan_file",
            Self::LoanReceipt(_) => "loan_receipt",
            Self::LoanTooLong => "loan_too_long",
            Self::LoanOwner => "loan_owner",
            Self::TooManyGroups { .. } => "fleet_groups_full",
            Self::GroupNameTaken => "fleet_group_taken",
            Self::GroupNull => "fleet_group_null",
            Self::WishTooLong => "fleet_wish_long",
            Self::NothingToDecide => "fleet_nothing_to_decide",
            Self::WaveName => "fleet_wave_name",
            Self::WaveGoesOn => "fleet_wave_goes_on",
            Self::WaveOver => "fleet_wave_over",
            Self::WaveVersion => "fleet_wave_version",
            Self::WaveUrl => "fleet_wave_url",
            Self::WaveSize => "fleet_wave_size",
        }
    }

    /// The field of the request that is wrong.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self {
            Self::NoCode | Self::Expired(_) => Some("code"),
            Self::Address(_) => Some("leaf_address"),
            Self::Addresses { .. } => Some("addresses"),
            Self::GroupNameTaken => Some("name"),
            Self::WaveName => Some("confirm"),
            Self::WaveVersion => Some("version"),
            Self::WaveUrl => Some("url"),
            Self::WaveSize => Some("at_once"),
            Self::GroupNull | Self::WishTooLong => Some("settings"),
            _ => None,
        }
    }
}
