//! What the box refuses, and why. The texts go to people; doors add statuses.

use crate::backup::BackupError;
use crate::certificates::CertificateError;
use crate::conference::Busy;
use crate::fleet::FleetError;
use crate::mail::MailError;
use crate::meeting_tools::ToolsError;
use crate::mqtt::MqttError;
use crate::network::NetworkError;
use crate::oidc::OidcError;
use crate::permissions::{Action, Role};
use crate::rooms::EntryError;
use crate::store::StoreError;
use crate::syslog::SyslogError;
use crate::timekeeping::TimeError;
use crate::updates::UpdateError;
use roombox_provision::{NAME_RULE, SettingError};

/// A request that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("log in first")]
    Unauthenticated,
    #[error("{role} may not {words}: {who}. Ask an owner of this box", role = article(*role),
        words = action.words(), who = action.who_may())]
    NotPermitted { role: Role, action: Action },
    #[error(
        "this is done on the account's own page, with the password, and not by a token that ends or may less"
    )]
    NarrowToken,
    #[error("the password has at most {most} characters")]
    LongPassword { most: usize },
    #[error("somebody of this name is on the box already: add a surname or a place")]
    PersonNameTaken,
    #[error("the password is right: send the code of the app, or a recovery code, as well")]
    FactorNeeded,
    #[error("this is not the code of now: look at the app again, or take a recovery code")]
    WrongFactor,
    #[error("no second factor was begun, or too long ago: begin anew")]
    NoFactorBegun,
    #[error(
        "this is the last owner of the box who has a password: make somebody else with a password an \
         owner first"
    )]
    LastOwner,
    #[error(
        "what this person may follows their groups at your organisation's sign-in: change their groups \
         there, or who comes in as what in the settings under People"
    )]
    RoleElsewhere,
    #[error(
        "this account has no password: it signs in by your organisation. An owner who has one can do this"
    )]
    NoPassword,
    #[error("this is not the name of the one to be removed: type it as the panel shows it")]
    WrongPersonName,
    #[error("{most} people may be on this box: remove somebody first")]
    TooManyPeople { most: usize },
    #[error("{most} invitations may be open: revoke some that nobody uses")]
    TooManyInvites { most: usize },
    #[error("an invitation is good for {least} to {most} seconds")]
    InviteExpiry { least: u64, most: u64 },
    #[error("this invitation is used, expired or revoked: ask an owner of the box for a new one")]
    PersonInviteGone,
    #[error("the token's {field} {why}")]
    InvalidToken { field: &'static str, why: &'static str },
    #[error("a person may have {most} tokens: revoke some that nobody uses")]
    TooManyTokens { most: usize },
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("the claim code is wrong: {left} tries are left. It is printed where the box starts")]
    WrongCode { left: u32 },
    #[error("too many wrong claim codes: restart the box to get a new one")]
    ClaimLocked,
    #[error("this box has an owner already: log in instead")]
    AlreadyClaimed,
    #[error("this box has no owner yet: claim it first")]
    NotClaimed,
    #[error("the password needs at least {least} characters")]
    WeakPassword { least: usize },
    #[error("the password is wrong")]
    WrongPassword,
    #[error("the name or the password is wrong")]
    WrongSignIn,
    #[error("too many wrong passwords: try again in {seconds} s")]
    TooManyAttempts { seconds: u64 },
    #[error("a name {NAME_RULE}")]
    InvalidName,
    #[error("a room with this name exists already")]
    NameTaken,
    #[error("this room has a key of this name already: choose another name")]
    KeyNameTaken,
    #[error("a room may have {most} keys: revoke some that nobody uses")]
    TooManyKeys { most: usize },
    #[error(
        "this room is forgotten when its meeting ends: make a room of this name first, then its keys"
    )]
    RoomNotKept,
    #[error(
        "no key has this token: make one on the room's page in the panel, and send it as Bearer"
    )]
    UnknownWhipKey,
    #[error("this key may only send (WHIP): make one for watching on the room's page in the panel")]
    KeyOnlyPublishes,
    #[error("this key may only watch (WHEP): make one for sending on the room's page in the panel")]
    KeyOnlyWatches,
    #[error("people are in this room: end the meeting first")]
    RoomInUse,
    #[error("this room is full: {most} people may be in it")]
    RoomFull { most: u32 },
    #[error("nobody is in this room: join it first, then record")]
    NoMeeting,
    #[error("this room is being recorded already")]
    AlreadyRecording,
    #[error("this room is not being recorded")]
    NotRecording,
    #[error("this recording is still running: stop it first")]
    StillRecording,
    #[error("this film has ended already")]
    EgressEnded,
    #[error("{most} films are being made of this room already: stop one first")]
    TooManyOrders { most: usize },
    #[error("nothing of this order is sent to {0}")]
    NoSuchStream(String),
    #[error("the output's {field} {why}")]
    InvalidOutput { field: &'static str, why: &'static str },
    #[error("a room may have {most} live outputs: stop one first")]
    TooManyOutputs { most: usize },
    #[error(
        "this box can stream {most} at a time, rooms and layouts counted, and does: stop one first, or \
         take the layout that the room is streamed in already"
    )]
    TooManyBroadcasts { most: usize },
    #[error("nothing is to be made: ask for the film, the sound, or both")]
    NothingToMake,
    #[error(
        "a part begins and ends within the recording, which has {duration_ms} ms, and is 1000 ms long \
         at least"
    )]
    InvalidRange { duration_ms: u64 },
    #[error("the recordings to be merged {why}")]
    InvalidMerge { why: &'static str },
    #[error("of {title:?} there is no film: have one made first")]
    NoFilm { title: String },
    #[error(
        "the sound of these films is of different kinds and cannot be put together: have films of these \
         recordings made anew first"
    )]
    SoundsDiffer,
    #[error(
        "the merged film needs {needed} bytes and {free} are free: delete recordings that you do not need"
    )]
    NoRoomToMerge { needed: u64, free: u64 },
    #[error(
        "a film is being made of this recording and others: wait until it is there, or cancel its job first"
    )]
    BeingMerged,
    #[error(
        "this recording was made of others and has no tracks, so no other film can be made of it: have one made of \
         those, if the box still has them, and merge again"
    )]
    Merged,
    #[error(
        "the disk is too full to record: {free} bytes are free, {reserve} must stay free. \
             Delete recordings that you do not need, or lower the reserve in the settings"
    )]
    DiskBelowReserve { free: u64, reserve: u64 },
    #[error("this invitation is not valid any more: ask for a new link")]
    InviteInvalid,
    #[error("this cannot be done with a job that is {state}")]
    JobState { state: &'static str },
    #[error("the job's {field} {why}")]
    InvalidJob { field: &'static str, why: &'static str },
    #[error(
        "this box only makes films: record on another one, or change what it does in the settings \
         under Recordings"
    )]
    OnlyTranscodes,
    #[error("{field} is a number from {least} to {most}")]
    OutOfRange { field: &'static str, least: u32, most: u32 },
    #[error("the search's {field} {why}")]
    InvalidSearch { field: &'static str, why: &'static str },
    #[error("the share link's {field} {why}")]
    InvalidShare { field: &'static str, why: &'static str },
    #[error("a recording may have {most} share links: revoke some that nobody uses")]
    TooManyShares { most: usize },
    #[error("this link does not work any more, or never did: ask whoever sent it for a new one")]
    ShareGone,
    #[error("this link needs its password: send it to the session below the link first")]
    SharePassword,
    #[error("whoever made this link lets the film be watched and not be taken along")]
    ShareNotDownloaded,
    #[error("the event's {field} {why}")]
    InvalidEvent { field: &'static str, why: &'static str },
    #[error(
        "{title:?} is planned in this room at that time: choose another time, or cancel it first"
    )]
    RoomTaken { title: String, event: String },
    #[error("the calendar's {field} {why}")]
    InvalidFeed { field: &'static str, why: String },
    #[error("this box follows {most} calendars already: remove one that is not needed any more")]
    TooManyFeeds { most: usize },
    #[error("this recording was begun by hand: it goes on until somebody stops it")]
    NotScheduled,
    #[error("this room is forgotten when its meeting ends: make a room of this name first")]
    RoomForgotten,
    #[error("a codec is named twice: name each once, the best first")]
    CodecTwice,
    #[error("a template with this name exists already")]
    TemplateNameTaken,
    #[error("this box has {most} templates already: delete one that is not needed any more")]
    TooManyTemplates { most: usize },
    #[error("at most {most} rooms at a time: choose fewer")]
    TooManyRooms { most: usize },
    #[error(
        "the room or the template is another than when this was looked at: look again. Nothing was changed"
    )]
    TemplateMoved,
    #[error("the setting {field} {why}")]
    InvalidSetting { field: String, why: String },
    #[error("line {line}: {what}. Nothing was changed")]
    InvalidSettingsText { line: usize, what: String },
    #[error(
        "the settings are others than when this was looked at: look again. Nothing was changed"
    )]
    SettingsMoved,
    #[error("the webhook's {field} {why}")]
    InvalidWebhook { field: &'static str, why: &'static str },
    #[error("this box has {most} webhooks already: delete one that is not needed any more")]
    TooManyWebhooks { most: usize },
    #[error("the target's {field} {why}")]
    InvalidTarget { field: &'static str, why: &'static str },
    #[error("this box has {most} targets already: remove one that is not needed any more")]
    TooManyTargets { most: usize },
    #[error("there is nothing to copy yet: the recording runs, or no film of it was made")]
    NothingToCopy,
    #[error("this is not the box's name: type it as the panel shows it")]
    WrongBoxName,
    #[error("{recording} rooms are being recorded: stop them first, or force it and lose them")]
    ResetWhileRecording { recording: usize },
    #[error(
        "this box cannot reset itself: it does not run from its image, or without its folder below \
         /run. Stop it and erase its data folder"
    )]
    NoReset,
    #[error("this key belongs to the box itself")]
    OwnKey,
    #[error("the box is about to restart: it takes no new meetings and recordings")]
    Draining,
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Update(#[from] UpdateError),
    #[error(transparent)]
    Fleet(#[from] FleetError),
    #[error(transparent)]
    Mail(#[from] MailError),
    #[error(transparent)]
    Mqtt(#[from] MqttError),
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error(transparent)]
    Oidc(#[from] OidcError),
    #[error(transparent)]
    Syslog(#[from] SyslogError),
    #[error(transparent)]
    Time(#[from] TimeError),
    #[error(transparent)]
    Tools(#[from] ToolsError),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error("the box cannot keep its secrets: {0}. Look at its disk")]
    Secrets(#[source] std::io::Error),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error("the box cannot remember anything at the moment")]
    Store(#[from] StoreError),
    #[error("the recorder refused")]
    Recorder(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("files of this recording cannot be read or moved")]
    Files(#[source] std::io::Error),
    #[error("secrets cannot be made: the system gives no randomness")]
    Randomness,
    #[error("the password cannot be checked")]
    Hash,
}

impl ControlError {
    /// Stable name of the error, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::NotPermitted { .. } => "not_permitted",
            Self::NarrowToken => "narrow_token",
            Self::LongPassword { .. } => "long_password",
            Self::PersonNameTaken => "person_name_taken",
            Self::FactorNeeded => "factor_needed",
            Self::WrongFactor => "wrong_factor",
            Self::NoFactorBegun => "no_factor_begun",
            Self::LastOwner => "last_owner",
            Self::RoleElsewhere => "role_elsewhere",
            Self::NoPassword => "no_password",
            Self::WrongPersonName => "wrong_person_name",
            Self::TooManyPeople { .. } => "too_many_people",
            Self::TooManyInvites { .. } => "too_many_invites",
            Self::InviteExpiry { .. } => "invite_expiry",
            Self::PersonInviteGone => "person_invite_gone",
            Self::InvalidToken { .. } => "invalid_token",
            Self::TooManyTokens { .. } => "too_many_tokens",
            Self::NotFound(_) => "not_found",
            Self::WrongCode { .. } => "wrong_code",
            Self::ClaimLocked => "claim_locked",
            Self::AlreadyClaimed => "already_claimed",
            Self::NotClaimed => "not_claimed",
            Self::WeakPassword { .. } => "weak_password",
            Self::WrongPassword => "wrong_password",
            Self::WrongSignIn => "wrong_sign_in",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::InvalidName => "invalid_name",
            Self::NameTaken => "name_taken",
            Self::KeyNameTaken => "key_name_taken",
            Self::TooManyKeys { .. } => "too_many_keys",
            Self::RoomNotKept => "room_not_kept",
            Self::UnknownWhipKey => "unknown_whip_key",
            Self::KeyOnlyPublishes => "key_only_publishes",
            Self::KeyOnlyWatches => "key_only_watches",
            Self::RoomInUse => "room_in_use",
            Self::RoomFull { .. } => "room_full",
            Self::NoMeeting => "no_meeting",
            Self::AlreadyRecording => "already_recording",
            Self::NotRecording => "not_recording",
            Self::StillRecording => "still_recording",
            Self::EgressEnded => "egress_ended",
            Self::TooManyOrders { .. } => "too_many_orders",
            Self::NoSuchStream(_) => "no_such_stream",
            Self::InvalidOutput { .. } => "invalid_output",
            Self::TooManyOutputs { .. } => "too_many_outputs",
            Self::TooManyBroadcasts { .. } => "too_many_broadcasts",
            Self::NothingToMake => "nothing_to_make",
            Self::InvalidRange { .. } => "invalid_range",
            Self::InvalidMerge { .. } => "invalid_merge",
            Self::NoFilm { .. } => "no_film",
            Self::SoundsDiffer => "sounds_differ",
            Self::NoRoomToMerge { .. } => "no_room_to_merge",
            Self::BeingMerged => "being_merged",
            Self::Merged => "merged",
            Self::DiskBelowReserve { .. } => "disk_below_reserve",
            Self::InviteInvalid => "invite_invalid",
            Self::JobState { .. } => "job_state",
            Self::InvalidJob { .. } => "invalid_job",
            Self::OnlyTranscodes => "only_transcodes",
            Self::OutOfRange { .. } => "out_of_range",
            Self::InvalidSearch { .. } => "invalid_search",
            Self::InvalidShare { .. } => "invalid_share",
            Self::InvalidEvent { .. } => "invalid_event",
            Self::RoomTaken { .. } => "room_taken",
            Self::InvalidFeed { .. } => "invalid_feed",
            Self::TooManyFeeds { .. } => "too_many_feeds",
            Self::NotScheduled => "not_scheduled",
            Self::RoomForgotten => "room_forgotten",
            Self::CodecTwice => "codec_twice",
            Self::TemplateNameTaken => "template_name_taken",
            Self::TooManyTemplates { .. } => "too_many_templates",
            Self::TooManyRooms { .. } => "too_many_rooms",
            Self::TemplateMoved => "template_changed",
            Self::TooManyShares { .. } => "too_many_shares",
            Self::ShareGone => "share_gone",
            Self::SharePassword => "share_password",
            Self::ShareNotDownloaded => "share_not_downloaded",
            Self::InvalidSetting { .. } => "invalid_setting",
            Self::InvalidSettingsText { .. } => "invalid_settings_text",
            Self::SettingsMoved => "settings_changed",
            Self::InvalidWebhook { .. } => "invalid_webhook",
            Self::TooManyWebhooks { .. } => "too_many_webhooks",
            Self::InvalidTarget { .. } => "invalid_target",
            Self::TooManyTargets { .. } => "too_many_targets",
            Self::NothingToCopy => "nothing_to_copy",
            Self::WrongBoxName => "wrong_box_name",
            Self::ResetWhileRecording { .. } => "reset_while_recording",
            Self::NoReset => "no_reset",
            Self::OwnKey => "own_key",
            Self::Draining => "draining",
            Self::Entry(error) => error.code(),
            Self::Backup(error) => error.code(),
            Self::Update(error) => error.code(),
            Self::Fleet(error) => error.code(),
            Self::Mail(error) => error.code(),
            Self::Mqtt(error) => error.code(),
            Self::Network(error) => error.code(),
            Self::Oidc(error) => error.code(),
            Self::Syslog(error) => error.code(),
            Self::Time(error) => error.code(),
            Self::Tools(error) => error.code(),
            Self::Certificate(error) => error.code(),
            Self::Secrets(_) => "secrets_failed",
            Self::Busy(_) => "busy",
            Self::Store(_) => "store_failed",
            Self::Recorder(_) => "recorder_failed",
            Self::Files(_) => "files_failed",
            Self::Randomness | Self::Hash => "internal",
        }
    }

    /// The field of the request that is wrong.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::WrongCode { .. } | Self::FactorNeeded | Self::WrongFactor => Some("code"),
            Self::WeakPassword { .. } | Self::LongPassword { .. } | Self::WrongPassword => {
                Some("password")
            }
            Self::InvalidName { .. }
            | Self::NameTaken
            | Self::KeyNameTaken
            | Self::TemplateNameTaken
            | Self::PersonNameTaken
            | Self::WrongPersonName
            | Self::WrongBoxName => Some("name"),
            Self::InviteExpiry { .. } => Some("expires_in_s"),
            Self::CodecTwice => Some("video_codecs"),
            Self::TooManyRooms { .. } => Some("rooms"),
            Self::NothingToMake => Some("outputs"),
            Self::InvalidRange { .. } => Some("range"),
            Self::InvalidMerge { .. } | Self::NoFilm { .. } | Self::SoundsDiffer => {
                Some("recordings")
            }
            Self::InvalidSetting { field, .. } => Some(field),
            Self::OutOfRange { field, .. }
            | Self::InvalidJob { field, .. }
            | Self::InvalidSearch { field, .. }
            | Self::InvalidShare { field, .. }
            | Self::InvalidEvent { field, .. }
            | Self::InvalidFeed { field, .. }
            | Self::InvalidOutput { field, .. }
            | Self::InvalidToken { field, .. }
            | Self::InvalidWebhook { field, .. } => Some(field),
            Self::Entry(error) => error.field(),
            Self::Backup(error) => error.field(),
            Self::Update(error) => error.field(),
            Self::Fleet(error) => error.field(),
            Self::Mail(error) => error.field(),
            Self::Mqtt(error) => error.field(),
            Self::Network(error) => error.field(),
            Self::Oidc(error) => error.field(),
            Self::Syslog(error) => error.field(),
            Self::Time(error) => error.field(),
            Self::Tools(error) => error.field(),
            Self::Certificate(error) => error.field(),
            _ => None,
        }
    }
}

/// A role with its article.
fn article(role: Role) -> &'static str {
    match role {
        Role::Owner => "an owner",
        Role::Operator => "an operator",
        Role::Moderator => "a moderator",
        Role::Viewer => "a viewer",
    }
}

impl From<SettingError> for ControlError {
    fn from(SettingError { field, why }: SettingError) -> Self {
        Self::InvalidSetting { field, why }
    }
}

/// A name that people chose: trimmed, not empty, not endless, seen as it is.
///
/// # Errors
/// It is none.
pub fn checked_name(name: &str) -> Result<String, ControlError> {
    roombox_provision::checked_name(name).ok_or(ControlError::InvalidName)
}
