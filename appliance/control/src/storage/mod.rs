//! The disk: what fills it, when it will be full, and what goes next.

mod forecast;

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::recordings::{Recordings, RoomRecorder};
use crate::retention::{Doubt, Retention, Upcoming};
use crate::store::{Largest, Store};
use forecast::{DAY_MS, Growth, full_in_s, week_rate};
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use utoipa::ToSchema;

const MINUTE_MS: u64 = 60_000;
/// The largest recordings, and the next to go, that are named.
const NAMED: u32 = 10;

/// What fills the disk, and when it will be full.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StorageReport {
    pub total_bytes: u64,
    pub free_bytes: u64,
    /// Recording ends when no more than this is free.
    pub reserve_bytes: u64,
    /// Tracks of recordings, as they came.
    pub tracks_bytes: u64,
    /// Films and what lies beside them.
    pub films_bytes: u64,
    /// What running recordings write now.
    pub now: Forecast,
    /// What came in the last seven days, on average.
    pub week: Forecast,
    /// The largest recordings with their films, largest first.
    pub largest: Vec<Largest>,
    /// What the box will delete by itself, next first.
    pub next: Vec<Upcoming>,
    /// Days after which it deletes; 0: none.
    pub keep_days: u32,
    /// So many of the newest stay, in all and of each room; 0: all.
    pub keep_newest: u32,
    pub keep_newest_of_room: u32,
    /// The oldest go when the disk fills.
    pub overwrite_oldest: bool,
    /// Why nothing goes because of its age now, although it should.
    #[schema(required)]
    pub clock_doubt: Option<Doubt>,
}

/// A rate, and what it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Forecast {
    pub bytes_per_s: f64,
    /// The reserve is reached in so many seconds; `null`: not within ten years.
    #[schema(required)]
    pub full_in_s: Option<u64>,
}

/// The disk of recordings.
pub struct Storage {
    store: Arc<Store>,
    recordings: Arc<Recordings>,
    recorder: Arc<dyn RoomRecorder>,
    retention: Arc<Retention>,
    growth: Mutex<Growth>,
}

impl Storage {
    pub fn new(
        store: Arc<Store>,
        recordings: Arc<Recordings>,
        recorder: Arc<dyn RoomRecorder>,
        retention: Arc<Retention>,
    ) -> Self {
        Self { store, recordings, recorder, retention, growth: Mutex::default() }
    }

    /// Looks at how much running recordings have written, at this time since the start. To be called
    /// every few seconds.
    pub fn look(&self, now: Duration) {
        let running = self.recordings.running_bytes();
        self.growth.lock().unwrap_or_else(PoisonError::into_inner).look(now, running);
    }

    /// How the disk stands, of which so much is there in all.
    ///
    /// # Errors
    /// The file system does not tell, or the store refuses.
    pub async fn report(&self, total_bytes: u64) -> Result<StorageReport, ControlError> {
        let (free_bytes, reserve_bytes) = self.recorder.space().map_err(ControlError::Files)?;
        let now_ms = UnixMs::now().0;
        // By the minute, so that one who asks again is answered from memory.
        let week_ago_ms = now_ms.saturating_sub(7 * DAY_MS) / MINUTE_MS * MINUTE_MS;
        let stored = self.store.storage(week_ago_ms, NAMED).await?;
        let running: u64 = self.recordings.running_bytes().iter().map(|(_, bytes)| bytes).sum();
        let room = free_bytes.saturating_sub(reserve_bytes);
        let forecast =
            |bytes_per_s| Forecast { bytes_per_s, full_in_s: full_in_s(room, bytes_per_s) };
        let rate = self.growth.lock().unwrap_or_else(PoisonError::into_inner).rate();
        let outlook = self.retention.upcoming(NAMED as usize).await?;
        Ok(StorageReport {
            total_bytes,
            free_bytes,
            reserve_bytes,
            tracks_bytes: stored.tracks_bytes + running,
            films_bytes: stored.films_bytes,
            now: forecast(rate.unwrap_or(0.0)),
            week: forecast(week_rate(stored.recent_bytes, stored.first_ms, now_ms)),
            largest: stored.largest,
            next: outlook.next,
            keep_days: outlook.keep_days,
            keep_newest: outlook.keep_newest,
            keep_newest_of_room: outlook.keep_newest_of_room,
            overwrite_oldest: outlook.overwrite_oldest,
            clock_doubt: self.retention.doubt(),
        })
    }
}
