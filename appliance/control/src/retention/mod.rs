//! How long recordings stay: as long as the owner wants, and never shorter.
//!
//! Nothing is deleted unless the owner has said so, nothing that somebody holds, nothing of which
//! something is being made, and nothing because of its age or of newer ones while the clock is in doubt.
//! Each deletion is remembered with its reason.

mod freed;
mod rules;
mod watch;

pub(crate) use rules::Candidate;
pub use rules::Why;
pub use watch::{Doubt, Moment};

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::recordings::{Recordings, RoomRecorder};
use crate::settings::SettingsDesk;
use crate::store::Store;
use freed::Freed;
use rules::{Policy, due, upcoming, upcoming_of_oldest};
use serde::Serialize;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use utoipa::ToSchema;
use watch::{ClockWatch, Doubted};

/// Room is made before the recorder's reserve is reached: recordings end there.
const AHEAD: u64 = 2;
/// So many of the oldest are looked at first for what goes next.
const FEW: u32 = 256;
/// Under which it is kept when the clock was believed last, and how often.
const BELIEVED: &str = "clock_believed";
const NOTED_EVERY_MS: u64 = 3600 * 1000;
/// Under which it is kept how far a clock that jumped is, and how often.
const DOUBTED: &str = "clock_doubted";
const DOUBTED_EVERY_MS: u64 = 10 * 60 * 1000;
const NOTHING_GOES: Policy =
    Policy { keep_days: 0, keep_newest: 0, keep_newest_of_room: 0, overwrite_oldest: false };

/// A recording that the box deleted by itself.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Deletion {
    pub recording: String,
    pub title: String,
    pub at: UnixMs,
    pub bytes: u64,
    pub reason: Why,
}

/// A recording that the box will delete by itself.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Upcoming {
    pub recording: String,
    pub title: String,
    /// Bytes of its tracks and films.
    pub bytes: u64,
    pub reason: Why,
    /// When its day is; `null`: when there are newer ones, or when the disk fills.
    #[schema(required)]
    pub at: Option<UnixMs>,
}

/// What will be deleted, and by which rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    pub next: Vec<Upcoming>,
    pub keep_days: u32,
    pub keep_newest: u32,
    pub keep_newest_of_room: u32,
    pub overwrite_oldest: bool,
}

/// What the box deletes by itself.
pub struct Retention {
    store: Arc<Store>,
    recordings: Arc<Recordings>,
    recorder: Arc<dyn RoomRecorder>,
    settings: Arc<SettingsDesk>,
    clock: Mutex<(ClockWatch, Option<Doubt>)>,
    /// The fewest days that a room says, as last looked; 0: none does.
    room_days: AtomicU32,
    freed: Mutex<Freed>,
    /// When the clock was believed before this start is known.
    clock_is_known: AtomicBool,
    /// When it was believed, as kept last.
    noted_ms: AtomicU64,
    /// How far a clock that jumped is, as kept last.
    doubted: Mutex<Option<Doubted>>,
}

impl Retention {
    pub fn new(
        store: Arc<Store>,
        recordings: Arc<Recordings>,
        recorder: Arc<dyn RoomRecorder>,
        settings: Arc<SettingsDesk>,
    ) -> Self {
        let (clock, freed, room_days) = Default::default();
        let (clock_is_known, noted_ms, doubted) = Default::default();
        Self {
            store,
            recordings,
            recorder,
            settings,
            clock,
            room_days,
            freed,
            clock_is_known,
            noted_ms,
            doubted,
        }
    }

    /// Why nothing is deleted because of its age, or because there are newer ones, although the owner
    /// wants it.
    pub fn doubt(&self) -> Option<Doubt> {
        let doubt = self.clock.lock().unwrap_or_else(PoisonError::into_inner).1;
        let policy = self.policy();
        let own_days = self.room_days.load(Ordering::Relaxed);
        doubt.filter(|_| policy.keep_days > 0 || own_days > 0 || policy.counts())
    }

    /// The wall clock can be believed, whatever the owner wants to be deleted by it.
    pub fn clock_is_believed(&self) -> bool {
        let clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        clock.0.has_looked() && clock.1.is_none()
    }

    /// Deletes what is due. To be called every few seconds. One that cannot be deleted is tried again with the
    /// next call, and holds no other up.
    ///
    /// # Errors
    /// The store or the disk cannot be asked.
    pub async fn tick(&self, now: Moment) -> Result<(), ControlError> {
        if !self.clock_is_known.load(Ordering::Relaxed) {
            let before = self.store.report_get::<u64>(BELIEVED).await?;
            let doubted = self.store.report_get::<Option<Doubted>>(DOUBTED).await?;
            let doubted = doubted.and_then(|(doubted, _)| doubted);
            *self.doubted.lock().unwrap_or_else(PoisonError::into_inner) = doubted;
            let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
            clock.0.believed_before(before.map_or(0, |(ms, _)| ms));
            clock.0.doubted_before(doubted);
            self.clock_is_known.store(true, Ordering::Relaxed);
        }
        let believed = {
            let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
            let believed = clock.0.look(now);
            let doubt = believed.err();
            if let Some(doubt) = doubt.filter(|_| clock.1 != doubt) {
                tracing::warn!(
                    ?doubt,
                    "the clock is in doubt: nothing is deleted because of its age"
                );
            }
            clock.1 = doubt;
            believed.ok()
        };
        self.store.clock_is_set(now.set);
        if let Some(now_ms) = believed {
            self.store.recording_date(now_ms).await?;
            let noted = self.noted_ms.load(Ordering::Relaxed);
            if now_ms.abs_diff(noted) >= NOTED_EVERY_MS {
                self.store.forget_ahead(now_ms).await?;
                self.store.report_put(BELIEVED, now_ms, None).await?;
                self.noted_ms.store(now_ms, Ordering::Relaxed);
            }
        }
        self.note_doubt(believed.is_some()).await?;
        let policy = self.policy();
        let own_days = self.store.room_shortest_days().await?;
        self.room_days.store(own_days, Ordering::Relaxed);
        if policy == NOTHING_GOES && own_days == 0 {
            return Ok(());
        }
        let (free, reserve) = self.recorder.space().map_err(ControlError::Files)?;
        let short_by = (reserve * AHEAD).saturating_sub(free);
        let short_by = self.freed().still_short(now.boot, short_by);
        // Every few seconds: of those that are young nobody asks while there is room.
        let ended_by = match policy.overwrite_oldest && short_by > 0 {
            true => None,
            // So many stay that a list of all is short.
            false if believed.is_some() && policy.counts() => None,
            false => match believed.and_then(|now| policy.ended_by(now, own_days)) {
                None => return Ok(()),
                ended_by => ended_by,
            },
        };
        let candidates = self.store.recording_list_settled(ended_by, None).await?;
        for (id, why) in due(&candidates, policy, believed, short_by) {
            let bytes = candidates.iter().find(|one| one.id == id).map_or(0, |one| one.bytes);
            match self.delete(&id, bytes, why).await {
                Ok(true) => self.freed().add(now.boot, bytes),
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(recording = id, %error, "a recording that is due cannot be deleted");
                }
            }
        }
        Ok(())
    }

    /// Keeps how far a clock that jumped is, so that the next start counts on.
    async fn note_doubt(&self, believed: bool) -> Result<(), ControlError> {
        let now = self.clock.lock().unwrap_or_else(PoisonError::into_inner).0.doubted();
        let kept = *self.doubted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = match (kept, now) {
            (Some(_), None) => believed,
            (None, now) => now.is_some(),
            (Some(kept), Some(now)) => {
                // Less than was kept: it has jumped again.
                now.calm_ms < kept.calm_ms || now.calm_ms - kept.calm_ms >= DOUBTED_EVERY_MS
            }
        };
        if is_due {
            self.store.report_put(DOUBTED, now, None).await?;
            *self.doubted.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
        Ok(())
    }

    fn freed(&self) -> MutexGuard<'_, Freed> {
        self.freed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn policy(&self) -> Policy {
        let recording = &self.settings.get().recording;
        Policy {
            keep_days: recording.keep_days,
            keep_newest: recording.keep_newest,
            keep_newest_of_room: recording.keep_newest_of_room,
            overwrite_oldest: recording.overwrite_oldest,
        }
    }

    /// What is deleted next, `most` of it.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn upcoming(&self, most: usize) -> Result<Outlook, ControlError> {
        let policy = self.policy();
        let Policy { keep_days, keep_newest, keep_newest_of_room, overwrite_oldest } = policy;
        let outlook =
            |next| Outlook { next, keep_days, keep_newest, keep_newest_of_room, overwrite_oldest };
        let own_days = self.store.room_shortest_days().await?;
        if policy == NOTHING_GOES && own_days == 0 {
            return Ok(outlook(Vec::new()));
        }
        // Few of all that a box has recorded in years go next.
        let mut oldest = FEW;
        let due: Vec<(Candidate, Why, Option<u64>)> = loop {
            let known = self.store.recording_list_settled(None, Some(oldest)).await?;
            let told = match known.len() < oldest as usize {
                true => Some(upcoming(&known, policy, most)),
                false => upcoming_of_oldest(&known, policy, own_days, most),
            };
            if let Some(told) = told {
                break told.into_iter().map(|(one, why, at)| (one.clone(), why, at)).collect();
            }
            oldest = oldest.saturating_mul(16);
        };
        let ids = due.iter().map(|(one, ..)| one.id.clone()).collect();
        let mut titles = self.store.recording_titles(ids).await?;
        let next = due.into_iter().map(|(one, why, at)| Upcoming {
            title: titles.remove(&one.id).unwrap_or_default(),
            bytes: one.bytes,
            recording: one.id,
            reason: why,
            at: at.map(UnixMs),
        });
        Ok(outlook(next.collect()))
    }

    /// Whether it went: somebody may have been faster, or want it kept.
    pub(crate) async fn delete(
        &self,
        id: &str,
        bytes: u64,
        why: Why,
    ) -> Result<bool, ControlError> {
        let turn = self.recordings.keeping().await;
        let recording = match self.recordings.get(id).await {
            Ok(recording) => recording,
            Err(ControlError::NotFound(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        // Somebody wants it kept or copied, since the list was read.
        let owed = why != Why::Space && self.store.copy_owed(id.to_owned()).await?;
        if recording.held || owed || self.recordings.is_being_merged(id).await? {
            return Ok(false);
        }
        // Before it is gone: a deletion without a reason would be worse than a reason without one.
        self.store
            .deletion_insert(Deletion {
                recording: id.to_owned(),
                title: recording.title,
                at: UnixMs::now(),
                bytes,
                reason: why,
            })
            .await?;
        tracing::info!(recording = %id, bytes, reason = why.name(), "a recording is deleted");
        self.recordings.delete_in(id, turn).await?;
        Ok(true)
    }

    /// What was deleted, newest first.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn deletions(&self) -> Result<Vec<Deletion>, ControlError> {
        Ok(self.store.deletion_list().await?)
    }
}
