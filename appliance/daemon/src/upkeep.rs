//! What goes on for as long as the box runs: recordings end, old ones go, the disk is watched, and memory
//! that nobody uses is given back.

use crate::clock;
use crate::recorder::{BoxRecorder, RecorderNews};
use roombox_control::clock::Ticks;
use roombox_control::recordings::Recordings;
use roombox_control::retention::Retention;
use roombox_control::status::Status;
use roombox_control::storage::Storage;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Interrupted recordings are looked at this often.
const TICK: Duration = Duration::from_secs(1);
/// What is due is deleted this often.
const RETENTION_TICK: Duration = Duration::from_secs(5);
/// What is free of the heap is given back this often.
const TRIMMED: Duration = Duration::from_secs(30);

/// Recordings end, and what was refused is tried again, for as long as the recorder runs.
pub async fn follow_recorder(
    recordings: Arc<Recordings>,
    recorder: Arc<BoxRecorder>,
    mut news: mpsc::Receiver<RecorderNews>,
) {
    let mut ticks = Ticks::every(TICK);
    loop {
        let outcome = tokio::select! {
            one = news.recv() => match one {
                Some(RecorderNews::Ended(manifest)) => recordings.ended(*manifest).await,
                Some(RecorderNews::DiskWarning { free, reserve }) => {
                    recordings.disk_warned(free, reserve);
                    Ok(())
                }
                None => return,
            },
            _ = ticks.tick() => {
                recorder.tick();
                recordings.tick(Instant::now()).await;
                Ok(())
            }
        };
        if let Err(error) = outcome {
            tracing::error!(%error, "a recording's end could not be kept: it is tried again");
        }
    }
}

/// Finds out who was in recordings of older versions.
pub async fn learn_people(recordings: Arc<Recordings>) {
    if let Err(error) = recordings.learn_people().await {
        tracing::warn!(%error, "who was in older recordings is not known yet: the next start tries");
    }
}

/// Deletes what the owner wants deleted and watches the disk, for as long as the box runs.
pub async fn keep_house(retention: Arc<Retention>, storage: Arc<Storage>, dev: bool) {
    let mut ticks = Ticks::every(RETENTION_TICK);
    loop {
        ticks.tick().await;
        // In development nobody says that the clock was set; a developer's is.
        let set = dev || clock::is_set();
        let now = clock::moment(set, 0);
        storage.look(now.boot);
        if let Err(error) = retention.tick(now).await {
            tracing::error!(%error, "recordings that are due cannot be deleted");
        }
    }
}

/// Gives back what is free of the heap while nobody meets: the API's description at the start and each password
/// that is checked (19 MB by Argon2) would stay with the box for good.
pub async fn stay_small(status: Arc<Status>) {
    loop {
        tokio::time::sleep(TRIMMED).await;
        if status.now().participants == 0
            && let Err(error) = tokio::task::spawn_blocking(trim).await
        {
            tracing::warn!(%error, "memory that is free cannot be given back");
        }
    }
}

/// glibc keeps what is free below something that is not.
#[cfg(target_env = "gnu")]
fn trim() {
    // SAFETY: it takes no pointer, and the allocator's own locks guard what it looks at.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators do so by themselves.
#[cfg(not(target_env = "gnu"))]
fn trim() {}
