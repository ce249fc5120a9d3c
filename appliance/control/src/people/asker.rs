//! Who asks for something, and who is told when that changes.

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::permissions::{Action, Role};
use crate::store::Person;
use tokio::sync::watch;

/// By what somebody is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// A session of this id.
    Session(String),
    /// An API token of this id.
    Token(String),
}

/// Somebody who is signed in, or for whom an API token speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    pub person: Person,
    /// What they may: the person's role, or less by a token that may less.
    pub role: Role,
    pub by: By,
    /// When session or token ends by itself.
    pub until: Option<UnixMs>,
}

impl Asker {
    pub fn may(&self, action: Action) -> bool {
        self.role.may(action)
    }

    /// # Errors
    /// Their role may not, or a token that may less than its person, or ends, meddles with accounts, keys or the
    /// fleet: it could make itself one that may more, or stays.
    pub fn ask(&self, action: Action) -> Result<(), ControlError> {
        self.role.ask(action)?;
        let ends = matches!(self.by, By::Token(_)) && self.until.is_some();
        let narrow = ends || self.role < self.person.role;
        let lasting = [Action::KeepAccount, Action::RunPeople, Action::RunKeys, Action::RunFleet];
        match lasting.contains(&action) && narrow {
            true => Err(ControlError::NarrowToken),
            false => Ok(()),
        }
    }

    /// The session that is used, if one is.
    pub fn session(&self) -> Option<&str> {
        match &self.by {
            By::Session(id) => Some(id),
            By::Token(_) => None,
        }
    }
}

/// Tells connections that stay open that somebody may less, more, or nothing any more: each looks
/// again whom it serves. Bounded: only that something changed is kept, not what.
#[derive(Debug, Clone)]
pub struct Standing(watch::Sender<()>);

impl Default for Standing {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Standing {
    pub(crate) fn changed(&self) {
        self.0.send_replace(());
    }

    pub fn follow(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}
