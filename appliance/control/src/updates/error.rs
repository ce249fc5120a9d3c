//! What the updates refuse, and why. The texts go to people.

use super::updater::UpdaterError;

/// An update, or a step of one, that was not done.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    #[error("an update is under way already: wait until it has ended, or cancel it")]
    Busy,
    #[error("this cannot be done now: {0}")]
    NotNow(&'static str),
    #[error(
        "the bundle is made for {bundle}, and this box is a {board}: take the one for this board"
    )]
    OtherBoard { bundle: String, board: String },
    #[error("version {version} is older than {floor}, the oldest that may be installed here")]
    TooOld { version: String, floor: String },
    #[error("the bundle calls its version {version:?}: nobody can say whether that is newer")]
    Unreadable { version: String },
    #[error(
        "the version that runs has not passed its health check yet: wait until it has, or restart"
    )]
    Unconfirmed,
    #[error(
        "there is not enough room for the bundle: {needed} bytes must be free, {free} are. \
             Delete recordings that you do not need"
    )]
    NoSpace { free: u64, needed: u64 },
    #[error("a bundle has at most {most} bytes")]
    TooLarge { most: u64 },
    #[error("say how long the bundle is (Content-Length), so that its room can be looked after")]
    NoLength,
    #[error("{0} is no address of a bundle: it begins with https://")]
    BadUrl(String),
    #[error("there is no such bundle any more: look at the list again")]
    NoBundle,
    #[error("the other side is empty: install something there first")]
    OtherEmpty,
    #[error("no channel is set: put its address into the settings")]
    NoChannel,
    #[error("the channel offers {}, and not version {version}", offered.as_deref().unwrap_or("nothing newer"))]
    NotOffered { version: String, offered: Option<String> },
    #[error("the upload broke off")]
    BrokenOff,
    #[error("the bundle cannot be kept on the disk: {0}")]
    Keep(std::io::Error),
    #[error(transparent)]
    Updater(#[from] UpdaterError),
}

impl UpdateError {
    /// Stable name of the error, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Busy => "update_busy",
            Self::NotOffered { .. } => "update_not_offered",
            Self::NotNow(_) => "update_not_now",
            Self::OtherBoard { .. } => "update_other_board",
            Self::TooOld { .. } => "update_too_old",
            Self::Unreadable { .. } => "update_unreadable",
            Self::Unconfirmed => "update_unconfirmed",
            Self::NoSpace { .. } => "update_no_space",
            Self::TooLarge { .. } => "update_too_large",
            Self::NoLength => "update_no_length",
            Self::BadUrl(_) => "update_bad_url",
            Self::NoBundle => "update_no_bundle",
            Self::OtherEmpty => "update_other_empty",
            Self::NoChannel => "update_no_channel",
            Self::BrokenOff => "update_broken_off",
            Self::Keep(_) => "update_keep_failed",
            Self::Updater(UpdaterError::Absent) => "update_no_updater",
            Self::Updater(UpdaterError::Gone(_)) => "update_updater_gone",
            Self::Updater(UpdaterError::Refused(_)) => "update_refused",
        }
    }

    /// The field of the request that is wrong.
    pub fn field(&self) -> Option<&'static str> {
        matches!(self, Self::BadUrl(_)).then_some("url")
    }
}
