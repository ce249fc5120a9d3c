//! What transfers left at targets that will not go on: it is taken away, as well as that goes.

use super::carrier::{Carrier, Rest};
use super::rules::{GIVE_UP_MS, LONGEST_PAUSE_MS, pause_ms};
use super::{TargetRow, Targets};
use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::store::Leftover;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// An hour is the longest pause: after so many attempts a target was away for about two weeks.
const MOST_ATTEMPTS: u32 = (GIVE_UP_MS / LONGEST_PAUSE_MS) as u32;
/// With a target that is forgotten its password goes too: it is not tried for long.
const LAST_ATTEMPTS: u32 = 3;

fn rest(target: &TargetRow, left: &Leftover) -> Rest {
    Rest {
        place: target.place.clone(),
        secrets: target.secrets.clone(),
        name: left.name.clone(),
        resume: left.resume.clone(),
    }
}

impl Targets {
    /// Takes one thing away that was left at a target, if there is one; nothing is sent there meanwhile.
    pub(super) async fn clear_next(
        self: &Arc<Self>,
        target: &TargetRow,
    ) -> Result<bool, ControlError> {
        let now = UnixMs::now().0;
        let far = now + 2 * LONGEST_PAUSE_MS;
        let Some(left) = self.store.leftover_next(target.id.clone(), now, far).await? else {
            return Ok(false);
        };
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.clearing.insert(target.id.clone());
        desk.cleared.insert(target.id.clone());
        let (targets, carrier) = (self.clone(), self.carrier.clone());
        let rest = rest(target, &left);
        tokio::spawn(async move {
            // A task of its own: whatever becomes of it, the target is free again.
            let cleared = tokio::spawn(async move { carrier.clear(rest).await }).await;
            let cleared = cleared.unwrap_or_else(|error| Err(error.to_string()));
            let target = left.target.clone();
            if let Err(error) = targets.cleared(left, cleared).await {
                tracing::error!(%error, %target, "what was taken away is kept as if it were there");
            }
            let mut desk = targets.desk.lock().unwrap_or_else(PoisonError::into_inner);
            desk.clearing.remove(&target);
            drop(desk);
            targets.wake.notify_one();
        });
        Ok(true)
    }

    async fn cleared(
        &self,
        left: Leftover,
        cleared: Result<(), String>,
    ) -> Result<(), ControlError> {
        let Err(error) = cleared else { return Ok(self.store.leftover_forget(left).await?) };
        tracing::warn!(
            target = left.target,
            name = left.name,
            error,
            "what is left of a copy cannot be taken away"
        );
        // Most likely it is the target's fault: nobody waits for each of the others in vain.
        let now = UnixMs::now().0;
        let times = (now, now + 2 * LONGEST_PAUSE_MS);
        Ok(self.store.leftover_put_off(left.target, times, pause_ms, MOST_ATTEMPTS).await?)
    }

    /// Takes away what is left where nothing goes any more: the target is forgotten or elsewhere by now.
    pub(super) fn clear_away(&self, old: TargetRow, left: Vec<Leftover>) {
        if !left.is_empty() {
            tokio::spawn(clear_away(self.carrier.clone(), old, left));
        }
    }
}

async fn clear_away(carrier: Arc<dyn Carrier>, old: TargetRow, left: Vec<Leftover>) {
    for one in left {
        for attempt in 1.. {
            let Err(error) = carrier.clear(rest(&old, &one)).await else { break };
            if attempt == LAST_ATTEMPTS {
                tracing::warn!(target = old.id, error, "what was begun there stays there");
                return;
            }
            tokio::time::sleep(Duration::from_millis(pause_ms(attempt))).await;
        }
    }
}
