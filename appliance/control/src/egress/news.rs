//! Who waits for orders hears where they stand: each thing once, and what was not told before a restart
//! after it.

use super::{Egress, EgressState, EgressView};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::events::{Envelope, Events, Happening};
use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use tokio::sync::broadcast::error::RecvError;

/// Orders of which is remembered what was told.
const MOST_TOLD: usize = 1000;

impl Egress {
    /// Its upload ended, or failed again: those who wait for it hear where it stands now.
    pub(crate) async fn look_again(&self, id: &str) -> Result<(), ControlError> {
        match self.get(id).await {
            Ok(view) => self.tell(&view, false),
            Err(ControlError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Tells receivers of orders that go on or end, until nobody can tell of them any more. What was
    /// not told before a restart is told now.
    pub async fn follow(self: Arc<Self>, events: Arc<Events>) {
        let (_, _, mut live) = events.listen(None);
        self.catch_up().await;
        loop {
            let heard = match live.recv().await {
                Ok(event) => self.heard(&event).await,
                Err(RecvError::Lagged(_)) => {
                    self.catch_up().await;
                    Ok(())
                }
                Err(RecvError::Closed) => return,
            };
            if let Err(error) = heard {
                tracing::error!(%error, "it could not be told where a film stands");
            }
        }
    }

    async fn heard(&self, event: &Envelope) -> Result<(), ControlError> {
        match &event.what {
            Happening::RecordingCaptured(recording) => {
                for row in self.store.egress_list_of(recording.id.clone()).await? {
                    self.tell(&self.view(row).await?, false);
                }
            }
            Happening::JobFinished(job)
            | Happening::JobParked(job)
            | Happening::JobCancelled(job) => {
                let id = job.id.replacen("job_", "EG_", 1);
                if let Some(row) = self.store.egress_get(id).await? {
                    self.tell(&self.view(row).await?, false);
                }
            }
            Happening::OutputChanged(output) => self.streamed(output.egress.as_deref()).await?,
            Happening::OutputEnded { egress, .. } => self.streamed(egress.as_deref()).await?,
            _ => {}
        }
        Ok(())
    }

    /// Something that an order sends goes differently.
    async fn streamed(&self, order: Option<&str>) -> Result<(), ControlError> {
        let Some(id) = order else { return Ok(()) };
        // Of one that begins it was not told yet, and will be.
        let Some(EgressState::Active) = self.told().get(id).copied() else { return Ok(()) };
        let now = UnixMs::now().0;
        let view = self.changed(id, move |row| row.updated_ms = row.updated_ms.max(now)).await?;
        self.tell(&view, view.state == EgressState::Active);
        Ok(())
    }

    async fn catch_up(&self) {
        let untold = match self.store.egress_list_untold().await {
            Ok(untold) => untold,
            Err(error) => {
                tracing::error!(%error, "it could not be told where films stand");
                return;
            }
        };
        for row in untold {
            match self.view(row).await {
                Ok(view) => self.tell(&view, false),
                Err(error) => tracing::warn!(%error, "it could not be told where a film stands"),
            }
        }
    }

    fn told(&self) -> MutexGuard<'_, BTreeMap<String, EgressState>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells where it stands, unless that was told; `anew`: something else of it changed.
    pub(super) fn tell(&self, view: &EgressView, anew: bool) {
        let mut told = self.told();
        let before = told.insert(view.row.id.clone(), view.state);
        if told.len() > MOST_TOLD {
            told.pop_first();
        }
        drop(told);
        if !anew && before == Some(view.state) {
            return;
        }
        if self.news.try_send(view.clone()).is_err() {
            tracing::warn!("receivers of webhooks are told later where a film stands");
        }
    }

    /// Receivers of webhooks will hear of it, whatever happens to the box.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn noted(&self, view: &EgressView) -> Result<(), ControlError> {
        Ok(self.store.egress_told(view.row.id.clone(), view.state).await?)
    }
}
