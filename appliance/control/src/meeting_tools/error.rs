//! What the tools of a meeting refuse.

use std::io;

/// Why a poll, a timer or a file is not as somebody wanted it.
#[derive(Debug, thiserror::Error)]
pub enum ToolsError {
    #[error("this is for people who are in the meeting: join it, then try again")]
    NotInMeeting,
    #[error("whoever moderates this meeting does that: ask one of them")]
    NotModerator,
    #[error("whoever moderates this meeting took your right to write")]
    MayNotWrite,
    #[error("the poll's {field} {why}")]
    Poll { field: &'static str, why: &'static str },
    #[error("a meeting may have {most} polls: remove some first")]
    TooManyPolls { most: usize },
    #[error("this poll is not there any more")]
    NoPoll,
    #[error("this poll has ended: nobody can answer it any more")]
    PollOver,
    #[error("a timer runs for {least} to {most} seconds, and its title is one short line")]
    Timer { least: u32, most: u32 },
    #[error("files are not handed out on this box: its owner has switched that off")]
    FilesOff,
    #[error("a file's name has 1 to {most} characters, without such as turn writing round")]
    FileName { most: usize },
    #[error("files of this type are not handed out here. These are: {types}")]
    FileType { types: String },
    #[error("say how long the file is (Content-Length)")]
    NoLength,
    #[error("a file may have {most} bytes here: this one is larger")]
    FileTooLarge { most: u64 },
    #[error("this meeting has handed out as much as it may: its files go when it ends")]
    FilesFull,
    #[error("{most} files of one person are on their way at most: wait until one has arrived")]
    TooManyAtOnce { most: usize },
    #[error("the disk is too full for it: recordings come first")]
    NoRoom,
    #[error("the file broke off on its way: send it again")]
    BrokenOff,
    #[error("this file is not there any more: files go when their meeting ends")]
    FileGone,
    #[error("the meeting's files cannot be kept: {0}")]
    Keep(#[from] io::Error),
}

impl ToolsError {
    /// Stable name of the error, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotInMeeting => "not_in_meeting",
            Self::NotModerator => "not_moderator",
            Self::MayNotWrite => "may_not_write",
            Self::Poll { .. } => "invalid_poll",
            Self::TooManyPolls { .. } => "too_many_polls",
            Self::NoPoll => "no_poll",
            Self::PollOver => "poll_over",
            Self::Timer { .. } => "invalid_timer",
            Self::FilesOff => "files_off",
            Self::FileName { .. } => "file_name",
            Self::FileType { .. } => "file_type",
            Self::NoLength => "no_length",
            Self::FileTooLarge { .. } => "file_too_large",
            Self::FilesFull => "files_full",
            Self::TooManyAtOnce { .. } => "too_many_at_once",
            Self::NoRoom => "no_room",
            Self::BrokenOff => "broken_off",
            Self::FileGone => "file_gone",
            Self::Keep(_) => "files_unusable",
        }
    }

    /// The field of the request that is wrong.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Poll { field, .. } => Some(field),
            Self::Timer { .. } => Some("seconds"),
            Self::FileName { .. } | Self::FileType { .. } => Some("name"),
            _ => None,
        }
    }
}
