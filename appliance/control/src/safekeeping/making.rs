//! The making of one, and what becomes of the turn that it was for.

use super::{BUSY_PAUSE, PAUSE, Safekeeping, TICK};
use crate::backup::BackupError;
use crate::error::ControlError;
use std::time::Duration;

/// What was wanted when the making of one began.
#[derive(Clone, Copy)]
pub(super) struct Begun {
    /// Since the program's start.
    up: Duration,
    wishes: u64,
    ended: u64,
}

impl Safekeeping {
    pub(super) async fn make_one(&self, up: Duration) {
        let begun = self.begin_one(up);
        let made = self.made().await;
        self.note_one(begun, made);
    }

    pub(super) fn begin_one(&self, up: Duration) -> Begun {
        let mut state = self.state();
        state.making = true;
        Begun { up, wishes: state.wishes, ended: state.ended }
    }

    /// What has become of it; `Ok(false)`: it is of no use.
    pub(super) fn note_one(&self, begun: Begun, made: Result<bool, ControlError>) {
        let Begun { up, wishes, ended } = begun;
        let mut state = self.state();
        state.making = false;
        match made {
            // Who asked meanwhile wants what is newer. Calling off meets every wish, also later ones.
            Ok(true) => {
                (state.met, state.error) = (state.met.max(wishes), None);
                state.diary.made(up);
            }
            Ok(false) => self.wake.notify_one(),
            // Whoever calls it off has its file taken away, maybe while it is read.
            Err(_) if state.ended != ended => self.wake.notify_one(),
            Err(ControlError::Backup(BackupError::Cancelled)) => self.wake.notify_one(),
            // It is somebody else's turn: whoever asked goes on waiting.
            Err(ControlError::Backup(BackupError::Busy | BackupError::Restarting)) => {
                let pause = if state.asked() { TICK } else { BUSY_PAUSE };
                state.diary.failed(up, pause);
            }
            // Whoever asked still wants one.
            Err(error) => {
                tracing::error!(%error, "no planned backup could be made");
                state.error = Some(error.to_string());
                state.diary.failed(up, PAUSE);
            }
        }
    }
}
