//! The audit log: who did what on this box, and who was refused.
//!
//! ```text
//! a request that changes something, or is refused ── noted right after its answer is known
//!        refused: so many at once, then one a minute; the next row says how many were left out
//! kept: 400 days, 100,000 rows; what is cut at the old end leaves its last hash as the anchor
//! ```
//! Rows are chained ([`chain`]) and never changed. What ends with a power cut between a change and its row is not in
//! the log: the row cannot be in the transactions of all services.

pub mod chain;

pub use chain::{AuditEntry, Noted};

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::pages::checked;
use crate::store::{AuditSearch, Store};
use chain::{Broken, Follower, Line};
use serde::Serialize;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// Rows are kept for so long, by the box's clock,
const KEPT_MS: u64 = 400 * 24 * 3600 * 1000;
/// and not more than so many: about 40 MB.
const MOST: u64 = 100_000;
/// Refusals that are written down at once, and one more in each of these: whoever sends many must not
/// push out what happened.
const REFUSALS: u32 = 120;
const REFUSAL_EACH: Duration = Duration::from_secs(60);
/// Rows that are read in one go.
const PAGE: u32 = 500;
/// After so many new rows the old end is cut, whatever the time: somebody may write many.
const CUT_EACH: u32 = 1000;
/// How often the whole chain is followed, and old rows are cut.
const LOOK_EVERY: Duration = Duration::from_secs(6 * 3600);

/// How the log is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditState {
    /// Number of the last row that is not kept any more.
    pub anchor: u64,
    /// Number of the newest row; 0: there is none.
    pub newest: u64,
    /// Where somebody has changed the log; `null`: nowhere.
    #[schema(required)]
    pub broken: Option<String>,
}

/// What of the log is asked for.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    pub person: Option<String>,
    pub action: Option<String>,
    /// Only what was refused, or only what was not.
    pub refused: Option<bool>,
    pub from: Option<UnixMs>,
    pub to: Option<UnixMs>,
    /// Only rows before this number.
    pub before: Option<u64>,
    pub limit: u32,
}

/// How many refusals may still be written down. Pure: time is an argument.
#[derive(Debug, Default)]
struct Refusals {
    /// When those so far are forgiven.
    forgiven: Option<Instant>,
    skipped: u64,
}

impl Refusals {
    fn is_room(&mut self, now: Instant) -> bool {
        let forgiven = self.forgiven.map_or(now, |at| at.max(now)) + REFUSAL_EACH;
        if forgiven.saturating_duration_since(now) > REFUSAL_EACH * REFUSALS {
            self.skipped += 1;
            return false;
        }
        self.forgiven = Some(forgiven);
        true
    }
}

/// The box's audit log.
pub struct Audit {
    store: Arc<Store>,
    refusals: Mutex<Refusals>,
    broken: Mutex<Option<Broken>>,
    /// Rows since the start.
    written: AtomicU32,
}

impl Audit {
    pub fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            refusals: Mutex::default(),
            broken: Mutex::default(),
            written: AtomicU32::new(0),
        }
    }

    /// Writes something down. What the store refuses is in the log of the system alone.
    pub async fn note(&self, mut what: Noted) {
        {
            let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            if what.result != "ok" && !refusals.is_room(Instant::now()) {
                return;
            }
            what.skipped = std::mem::take(&mut refusals.skipped);
        }
        let action = what.action.clone();
        if let Err(error) = self.store.audit_append(what, UnixMs::now().0).await {
            tracing::error!(%error, action, "this is missing in the audit log");
        }
        let written = self.written.fetch_add(1, Ordering::Relaxed);
        if written % CUT_EACH == CUT_EACH - 1
            && let Err(error) = self.store.audit_cut(0, MOST).await
        {
            tracing::error!(%error, "the old end of the audit log cannot be cut");
        }
    }

    /// Rows that are asked for, the newest first, and the number to go on before.
    ///
    /// # Errors
    /// The limit will not do, or the store refuses.
    pub async fn list(
        &self,
        asked: AuditQuery,
    ) -> Result<(Vec<AuditEntry>, Option<u64>), ControlError> {
        checked(asked.limit)?;
        let limit = asked.limit;
        let search = AuditSearch {
            person: asked.person,
            action: asked.action,
            refused: asked.refused,
            from_ms: asked.from.map(|at| at.0),
            to_ms: asked.to.map(|at| at.0),
            before: asked.before,
            limit,
        };
        let rows = self.store.audit_list(search).await?;
        let more = rows.len() == limit as usize;
        let next = rows.last().map(|row| row.seq).filter(|_| more);
        Ok((rows, next))
    }

    /// The next lines of an export, and the row after which to go on; begins with `None`. No lines: that
    /// was all.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn export(&self, after: Option<u64>) -> Result<(String, u64), ControlError> {
        let (anchor, rows) = self.store.audit_rows(after, PAGE).await?;
        let mut text = String::new();
        let mut line = |line: &Line| -> Result<(), ControlError> {
            text += &serde_json::to_string(line).map_err(crate::store::StoreError::from)?;
            text.push('\n');
            Ok(())
        };
        let mut last = after.unwrap_or(anchor.0);
        if after.is_none() {
            line(&Line::Anchor { seq: anchor.0, hash: anchor.1 })?;
        }
        for (seq, entry, hash) in rows {
            line(&Line::Row { entry, hash })?;
            last = seq;
        }
        Ok((text, last))
    }

    /// How the log is, as far as it was looked at last.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn state(&self) -> Result<AuditState, ControlError> {
        let (anchor, newest) = self.store.audit_ends().await?;
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(AuditState { anchor, newest, broken: broken.map(|broken| broken.to_string()) })
    }

    /// Whether the chain was whole when it was followed last.
    pub fn is_whole(&self) -> bool {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Follows the whole chain.
    ///
    /// # Errors
    /// The store refuses; a broken chain is no error, but said by [`Audit::state`].
    pub async fn look(&self) -> Result<(), ControlError> {
        let found = self.follow().await?;
        if let Some(broken) = &found {
            tracing::error!(%broken, "somebody has changed the audit log");
        }
        *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }

    async fn follow(&self) -> Result<Option<Broken>, ControlError> {
        let (anchor, mut rows) = self.store.audit_rows(None, PAGE).await?;
        let mut follower = Follower::new(anchor.0, anchor.1);
        while let Some((last, ..)) = rows.last() {
            let last = *last;
            for (_, entry, hash) in &rows {
                if let Err(broken) = follower.follow(entry, hash) {
                    return Ok(Some(broken));
                }
            }
            rows = self.store.audit_rows(Some(last), PAGE).await?.1;
        }
        Ok(None)
    }

    /// Cuts what is too old, or too much, and looks at the rest, again and again.
    pub async fn run(self: Arc<Self>) {
        loop {
            let old = UnixMs::now().0.saturating_sub(KEPT_MS);
            let kept = async {
                self.store.audit_cut(old, MOST).await?;
                self.look().await
            };
            if let Err(error) = kept.await {
                tracing::warn!(%error, "the audit log was not looked at");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

#[cfg(test)]
mod tests;
