//! A planned backup is called off: the one that is being made or is on its way. The next one comes at its turn.

use super::{Safekeeping, SafekeepingView};
use crate::backup::BackupError;
use crate::clock::UnixMs;
use crate::error::ControlError;

impl Safekeeping {
    /// Ends what is being made or carried, and has none of it made up for. What targets have got of it they clear
    /// away, as they do with everything that broke off; whole ones stay.
    ///
    /// # Errors
    /// There is no plan, nothing is being made, waits for another attempt or is on its way, or the store refuses.
    pub async fn call_off(&self) -> Result<SafekeepingView, ControlError> {
        let turn = self.saving.lock().await;
        let rows = self.parts.store.backup_copy_list(self.box_id()).await?;
        let waiting = rows.iter().any(|row| row.delivered_ms.is_none());
        let (mut row, making) = {
            let state = self.state();
            // One that could not be made is tried again: that is called off, too.
            (state.row.clone(), state.making || state.asked() || state.error.is_some())
        };
        if row.plan.is_none() {
            return Err(BackupError::NoPlan.into());
        }
        if !making && !waiting {
            return Err(BackupError::NothingToCancel.into());
        }
        if making {
            // Its turn was this one, and its number is spent.
            (row.seq, row.made_at) = (row.seq + 1, Some(UnixMs::now()));
        }
        row.called_off = Some(row.seq);
        self.stop_all(|_| true);
        let (box_id, store) = (self.box_id(), &self.parts.store);
        store.backup_plan_put(box_id, row.clone(), Vec::new(), Vec::new()).await?;
        tracing::info!(number = row.seq, "a planned backup is called off");
        let up = self.moment().up;
        {
            let mut state = self.state();
            state.row = row;
            (state.met, state.error) = (state.wishes, None);
            // What is made meanwhile is of no use.
            state.ended += 1;
            if making {
                state.diary.made(up);
            }
        }
        self.parts.backups.cancel_kept();
        drop(turn);
        self.clear_up().await?;
        self.wake.notify_one();
        self.view().await
    }
}
