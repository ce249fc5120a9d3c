//! Why a file could not be carried. Every text goes to the owner and says what to do.

use super::pace::IDLE;
use crate::reach::ReachError;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

/// Why a file is not where it should be. The texts go to the owner; none holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// What the owner typed cannot be used: an address, a region, a key, a name.
    #[error("{0}")]
    Address(String),
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// It was reached, and then the connection broke or made no sense.
    #[error("the connection to {host} broke: {why}. It will be tried again")]
    Broken { host: String, why: String },
    #[error("{host} refuses the name and password or key: enter them anew")]
    Credentials { host: String },
    /// Only of SFTP. The owner compares the fingerprint with the server's.
    #[error(
        "the key of {host} is not known yet ({fingerprint}): check the target and confirm the key"
    )]
    HostKeyUnknown { host: String, fingerprint: String },
    /// Only of SFTP.
    #[error(
        "{host} shows another key ({fingerprint}) than before ({known}): nothing was sent. Confirm \
         the new key only if you know that the server was set up anew"
    )]
    HostKeyChanged { host: String, fingerprint: String, known: String },
    #[error("{0} does not exist: create it, or correct its name")]
    Missing(String),
    #[error("{place} cannot be written: {why}. Give this user the right to write there")]
    NotWritable { place: String, why: String },
    #[error(
        "the key may not read {0}, and what is not read back is not proved to be there: give it the \
         right to read too (s3:GetObject)"
    )]
    NotReadable(String),
    #[error("{0} is full: make room there")]
    Full(String),
    /// FAT32 ends at 4 GiB, and servers have limits of their own.
    #[error("{0} does not take files this large: use another file system, or raise its limit")]
    TooLarge(String),
    #[error("nothing is mounted at {0}: plug the disk in, or mount the share")]
    NotMounted(PathBuf),
    #[error("{0} says it took the file, but what it gives back is different: look at its disk")]
    Differs(String),
    /// The box's own file.
    #[error("the box's own file {path} cannot be read: {source}")]
    Local { path: PathBuf, source: io::Error },
    /// It is not, or no longer, the file that was to be sent: nothing got its name.
    #[error("the box's own file {0} is not as it was when it was finished: it is not delivered")]
    Changed(PathBuf),
    /// Only of folders: a share whose server is gone.
    #[error(
        "the folder {} does not answer: look at its disk, or at the server that it is mounted from",
        place.display()
    )]
    Unanswered { place: PathBuf, since: SystemTime },
    #[error("{0} has not moved a byte for {seconds} s: it will be tried again", seconds = IDLE.as_secs())]
    Still(String),
    /// Everything else that a target says.
    #[error("{host} refuses: {why}")]
    Answer { host: String, why: String },
}

impl SendError {
    /// Of a connection of any kind that ended: whether it was silent, or broken.
    pub(super) fn broken(host: &str, error: &(dyn Error + 'static)) -> Self {
        let mut why = error.to_string();
        let mut next = Some(error);
        while let Some(error) = next {
            let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
            if error.downcast_ref::<io::Error>().is_some_and(timed_out) {
                return Self::Still(host.to_owned());
            }
            why = error.to_string();
            next = error.source();
        }
        Self::Broken { host: host.to_owned(), why }
    }

    /// Since when nothing answers, if that is known.
    pub fn since(&self) -> Option<SystemTime> {
        match self {
            Self::Unanswered { since, .. } => Some(*since),
            _ => None,
        }
    }

    pub(super) fn answer(host: &str, why: impl ToString) -> Self {
        Self::Answer { host: host.to_owned(), why: why.to_string() }
    }
}
