//! Errors as HTTP: the only place where what the box refuses becomes a status.

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use roombox_control::ControlError;
use roombox_control::backup::BackupError;
use roombox_control::fleet::FleetError;
use roombox_control::meeting_tools::ToolsError;
use roombox_control::mqtt::MqttError;
use roombox_control::network::NetworkError;
use roombox_control::network::gear::GearError;
use roombox_control::oidc::OidcError;
use roombox_control::rooms::EntryError;
use roombox_control::timekeeping::TimeError;
use roombox_control::updates::UpdateError;
use roombox_control::updates::updater::UpdaterError;
use serde::Serialize;
use std::error::Error as _;
use utoipa::ToSchema;

/// The body of every refusal.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ErrorBody {
    /// Stable name of the error.
    pub code: String,
    /// What happened and what to do, in English.
    pub message: String,
    /// The field of the request that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub field: Option<String>,
}

/// A refusal on its way out.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    retry_after_s: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let body = ErrorBody { code: code.to_owned(), message: message.into(), field: None };
        Self { status, body, retry_after_s: None }
    }

    /// Why a body was not read, of which its route takes `most` bytes.
    pub(crate) fn unread(rejection: &BytesRejection, most: usize) -> Self {
        let status = rejection.status();
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            let message = format!("the body is too large: this request takes {} KiB", most / 1024);
            Self::new(status, "too_large", message)
        } else {
            Self::new(status, "malformed_request", rejection.body_text())
        }
    }

    /// When asking again may help.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    pub(crate) fn of_field(mut self, field: String) -> Self {
        self.body.field = Some(field);
        self
    }
}

fn status(error: &ControlError) -> StatusCode {
    use ControlError as E;
    match error {
        E::Unauthenticated
        | E::WrongPassword
        | E::WrongSignIn
        | E::FactorNeeded
        | E::WrongFactor
        | E::UnknownWhipKey
        | E::SharePassword => StatusCode::UNAUTHORIZED,
        E::ShareGone | E::PersonInviteGone => StatusCode::GONE,
        E::WrongCode { .. }
        | E::InviteInvalid
        | E::OwnKey
        | E::NotPermitted { .. }
        | E::NarrowToken
        | E::ShareNotDownloaded
        | E::KeyOnlyPublishes
        | E::KeyOnlyWatches => StatusCode::FORBIDDEN,
        E::NotFound(_) => StatusCode::NOT_FOUND,
        E::AlreadyClaimed
        | E::NotClaimed
        | E::NameTaken
        | E::KeyNameTaken
        | E::TemplateNameTaken
        | E::TooManyTemplates { .. }
        | E::TemplateMoved
        | E::PersonNameTaken
        | E::LastOwner
        | E::RoleElsewhere
        | E::NoPassword
        | E::NoFactorBegun
        | E::TooManyPeople { .. }
        | E::TooManyInvites { .. }
        | E::TooManyTokens { .. }
        | E::TooManyKeys { .. }
        | E::RoomNotKept
        | E::RoomInUse
        | E::NoMeeting
        | E::RoomFull { .. }
        | E::AlreadyRecording
        | E::NotRecording
        | E::StillRecording
        | E::NoFilm { .. }
        | E::SoundsDiffer
        | E::BeingMerged
        | E::Merged
        | E::EgressEnded
        | E::TooManyOrders { .. }
        | E::TooManyOutputs { .. }
        | E::TooManyBroadcasts { .. }
        | E::ResetWhileRecording { .. }
        | E::NothingToCopy
        | E::OnlyTranscodes
        | E::TooManyShares { .. }
        | E::RoomTaken { .. }
        | E::TooManyFeeds { .. }
        | E::NotScheduled
        | E::RoomForgotten
        | E::TooManyTargets { .. }
        | E::TooManyWebhooks { .. }
        | E::SettingsMoved
        | E::JobState { .. } => StatusCode::CONFLICT,
        E::WeakPassword { .. }
        | E::LongPassword { .. }
        | E::InvalidName
        | E::WrongPersonName
        | E::InviteExpiry { .. }
        | E::InvalidToken { .. }
        | E::WrongBoxName
        | E::InvalidJob { .. }
        | E::InvalidRange { .. }
        | E::InvalidMerge { .. }
        | E::InvalidSearch { .. }
        | E::NoSuchStream(_)
        | E::InvalidOutput { .. }
        | E::InvalidShare { .. }
        | E::InvalidEvent { .. }
        | E::InvalidFeed { .. }
        | E::InvalidTarget { .. }
        | E::InvalidWebhook { .. }
        | E::NothingToMake
        | E::OutOfRange { .. }
        | E::CodecTwice
        | E::TooManyRooms { .. }
        | E::InvalidSettingsText { .. }
        | E::InvalidSetting { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        E::ClaimLocked => StatusCode::LOCKED,
        E::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
        E::DiskBelowReserve { .. } | E::NoRoomToMerge { .. } => StatusCode::INSUFFICIENT_STORAGE,
        E::Entry(error) => of_entry(error),
        E::Backup(error) => of_backup(error),
        E::Update(error) => of_update(error),
        E::Fleet(error) => of_fleet(error),
        E::Mqtt(MqttError::NoControl) => StatusCode::FORBIDDEN,
        E::Mail(_) | E::Mqtt(_) | E::Syslog(_) => StatusCode::UNPROCESSABLE_ENTITY,
        E::Network(error) => of_network(error),
        E::Time(error) => of_time(error),
        E::Tools(error) => of_tools(error),
        E::Oidc(error) => of_oidc(error),
        E::Certificate(error) if error.is_of_state() => StatusCode::CONFLICT,
        E::Certificate(_) => StatusCode::UNPROCESSABLE_ENTITY,
        E::Busy(_) | E::Draining => StatusCode::SERVICE_UNAVAILABLE,
        E::NoReset => StatusCode::NOT_IMPLEMENTED,
        E::Store(_) | E::Recorder(_) | E::Files(_) | E::Secrets(_) | E::Randomness | E::Hash => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

fn of_entry(error: &EntryError) -> StatusCode {
    use EntryError as E;
    match error {
        E::PinNeeded | E::PinWrong | E::NoGuests => StatusCode::FORBIDDEN,
        E::PinWait { .. } => StatusCode::TOO_MANY_REQUESTS,
        E::PinForm { .. } | E::LinkExpiry { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        E::TooManyLinks { .. } => StatusCode::CONFLICT,
    }
}

fn of_oidc(error: &OidcError) -> StatusCode {
    use OidcError as E;
    match error {
        E::Off | E::Elsewhere { .. } | E::State | E::NameTaken(_) | E::Taken => {
            StatusCode::CONFLICT
        }
        E::Unreachable(_) | E::Certificate(_) | E::Answer(_) | E::Refused(_) | E::Token(_) => {
            StatusCode::BAD_GATEWAY
        }
        E::NoGroup | E::Domain | E::Disabled | E::Removed => StatusCode::FORBIDDEN,
        // The others are about settings.
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn of_backup(error: &BackupError) -> StatusCode {
    use BackupError as E;
    match error {
        E::WeakPassphrase
        | E::WrongPassphrase
        | E::NoBackup(_)
        | E::Newer { .. }
        | E::Plan { .. }
        | E::Damaged(_) => StatusCode::UNPROCESSABLE_ENTITY,
        E::NoRoom { .. } => StatusCode::INSUFFICIENT_STORAGE,
        E::NoLength => StatusCode::LENGTH_REQUIRED,
        E::BrokenOff => StatusCode::BAD_REQUEST,
        E::Busy
        | E::Recording { .. }
        | E::Restarting
        | E::NothingBefore
        | E::Cancelled
        | E::NothingToCancel
        | E::NoPlan
        | E::NoTarget => StatusCode::CONFLICT,
        E::NoFile => StatusCode::NOT_FOUND,
        E::Disk(_) | E::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_fleet(error: &FleetError) -> StatusCode {
    use FleetError as E;
    match error {
        E::NoCode | E::Expired(_) | E::Address(_) | E::Addresses { .. } => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        E::GroupNull | E::WishTooLong | E::WaveName | E::WaveVersion | E::WaveUrl | E::WaveSize => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        E::Token | E::Signature | E::LoanOrder | E::LoanOwner => StatusCode::FORBIDDEN,
        E::Knocks { .. } => StatusCode::TOO_MANY_REQUESTS,
        E::LoanGone => StatusCode::GONE,
        E::LoanBusy | E::LoanOffset { .. } => StatusCode::CONFLICT,
        E::LoanFile(_) | E::LoanReceipt(_) => StatusCode::UNPROCESSABLE_ENTITY,
        E::LoanTooLong => StatusCode::PAYLOAD_TOO_LARGE,
        E::Unreachable(_) | E::Refused(_) | E::Answer => StatusCode::BAD_GATEWAY,
        E::NoServer => StatusCode::NOT_IMPLEMENTED,
        E::Key(_) => StatusCode::INTERNAL_SERVER_ERROR,
        E::NoHttps | E::AlreadyIn | E::NotIn | E::NotHub | E::NotMember | E::Itself => {
            StatusCode::CONFLICT
        }
        E::TooMany { .. } => StatusCode::CONFLICT,
        E::TooManyGroups { .. } | E::GroupNameTaken | E::NothingToDecide => StatusCode::CONFLICT,
        E::WaveGoesOn | E::WaveOver => StatusCode::CONFLICT,
    }
}

fn of_network(error: &NetworkError) -> StatusCode {
    use NetworkError as E;
    match error {
        E::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        E::NoInterface(_) => StatusCode::NOT_FOUND,
        E::NotChangeable(_)
        | E::NoVlan(_)
        | E::NoWifi(_)
        | E::OnTrial
        | E::NoTrial
        | E::NotYet
        | E::FromItself
        | E::OldAddress
        | E::Gear(GearError::Refused(_)) => StatusCode::CONFLICT,
        E::Gear(GearError::Absent(_) | GearError::Gone(_)) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn of_time(error: &TimeError) -> StatusCode {
    use TimeError as E;
    match error {
        E::Zone(_) | E::Server(_) | E::TooManyServers | E::Time => StatusCode::UNPROCESSABLE_ENTITY,
        E::SetByServers | E::Refused(_) => StatusCode::CONFLICT,
        E::Absent(_) | E::Gone(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn of_tools(error: &ToolsError) -> StatusCode {
    use ToolsError as E;
    match error {
        E::NotInMeeting | E::NotModerator | E::MayNotWrite | E::FilesOff => StatusCode::FORBIDDEN,
        E::Poll { .. } | E::Timer { .. } | E::FileName { .. } | E::FileType { .. } => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        E::TooManyPolls { .. } | E::PollOver | E::FilesFull | E::TooManyAtOnce { .. } => {
            StatusCode::CONFLICT
        }
        E::NoPoll => StatusCode::NOT_FOUND,
        E::FileGone => StatusCode::GONE,
        E::NoLength => StatusCode::LENGTH_REQUIRED,
        E::FileTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        E::NoRoom => StatusCode::INSUFFICIENT_STORAGE,
        E::BrokenOff => StatusCode::BAD_REQUEST,
        E::Keep(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_update(error: &UpdateError) -> StatusCode {
    use UpdateError as E;
    match error {
        E::NoLength => StatusCode::LENGTH_REQUIRED,
        E::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        E::NoSpace { .. } => StatusCode::INSUFFICIENT_STORAGE,
        E::BadUrl(_) => StatusCode::UNPROCESSABLE_ENTITY,
        E::NoBundle => StatusCode::NOT_FOUND,
        E::BrokenOff => StatusCode::BAD_REQUEST,
        E::Keep(_) => StatusCode::INTERNAL_SERVER_ERROR,
        E::Updater(UpdaterError::Absent | UpdaterError::Gone(_)) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::CONFLICT,
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        let status = status(&error);
        // The chain is for the log; who asked gets what helps.
        let cause = error.source().map(tracing::field::display);
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(%error, cause, "a request failed");
        } else if status.is_server_error() {
            tracing::warn!(%error, cause, "a request was turned away");
        }
        let retry_after_s = match &error {
            ControlError::TooManyAttempts { seconds }
            | ControlError::Entry(EntryError::PinWait { seconds })
            | ControlError::Fleet(FleetError::Knocks { seconds }) => Some(*seconds),
            _ => None,
        };
        let field = error.field().map(str::to_owned);
        let code = error.code().to_owned();
        Self { status, body: ErrorBody { code, message: error.to_string(), field }, retry_after_s }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
