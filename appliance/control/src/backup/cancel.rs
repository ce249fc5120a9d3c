//! What is being done with a backup is cancelled: by whoever may begin it. Whatever it was, nothing of it stays.
//!
//! It is noticed between two pieces of a file, and before the next step; a passphrase that is being stretched and a
//! database that is being copied end first. Once something takes effect it is too late.

use super::{BackupError, BackupWork, Backups};
use std::io;
use std::sync::atomic::Ordering;

impl Backups {
    /// Has what is being done stop soon; the view says when it has. A backup that the box makes by itself is called
    /// off by [`crate::safekeeping`], which would else make it anew.
    ///
    /// # Errors
    /// Nothing is being done that can be cancelled, or it takes effect already.
    pub fn cancel(&self) -> Result<(), BackupError> {
        self.cancel_if(|work| work != BackupWork::Keeping)
    }

    /// Has a backup stop that the box makes by itself, if one is being made.
    pub(crate) fn cancel_kept(&self) {
        // Otherwise there is nothing to stop.
        let _ = self.cancel_if(|work| work == BackupWork::Keeping);
    }

    fn cancel_if(&self, may: impl Fn(BackupWork) -> bool) -> Result<(), BackupError> {
        let mut state = self.state();
        let work = state.work.filter(|work| may(*work) && !state.settled);
        let work = work.ok_or(BackupError::NothingToCancel)?;
        state.cancelled = Some(work);
        self.stop.store(true, Ordering::Relaxed);
        self.stopped.notify_waiters();
        tracing::info!(?work, "what was done with a backup is cancelled");
        Ok(())
    }

    /// Between two pieces of work.
    pub(super) fn go_on(&self) -> io::Result<()> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(io::Error::other("cancelled")),
            false => Ok(()),
        }
    }

    /// Comes back when what is being done is to stop.
    pub(super) async fn stopped(&self) {
        loop {
            let told = self.stopped.notified();
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            told.await;
        }
    }

    /// From here on it takes effect.
    pub(super) fn settle(&self) -> Result<(), BackupError> {
        let mut state = self.state();
        if state.cancelled.is_some() {
            return Err(BackupError::Cancelled);
        }
        state.settled = true;
        Ok(())
    }

    /// What came of it; whatever stopped something that was cancelled, that is why.
    pub(super) fn unless_cancelled<T>(
        &self,
        done: Result<T, BackupError>,
    ) -> Result<T, BackupError> {
        match done {
            Err(_) if self.state().cancelled.is_some() => Err(BackupError::Cancelled),
            done => done,
        }
    }
}
