//! Whether a worker's hardware comes to life: a driver that hangs while it is opened says nothing, and the
//! worker neither.

use roombox_control::encoders::{Fault, FaultKind};
use roombox_control::jobs::{JobSpec, Progress};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// One look.
const LOOK: Duration = Duration::from_secs(1);
/// So many looks without a word while it is opened: less than a lease.
const PATIENCE: u32 = if cfg!(test) { 2 } else { 20 };

/// What was heard of a worker so far.
#[derive(Debug, Default)]
pub(super) struct Start {
    words: AtomicU64,
    /// It has said that it opens its hardware, and not that it makes a film.
    opens: AtomicBool,
}

impl Start {
    /// It says how far it is: with no length as long as it only begins.
    pub fn hear(&self, spec: &JobSpec, progress: &Progress) {
        self.words.fetch_add(1, Ordering::Relaxed);
        let opens = progress.total_us == 0
            && spec.video.element.as_ref().is_some_and(|element| *element == progress.encoder);
        self.opens.store(opens, Ordering::Relaxed);
    }

    /// Ends if its hardware does not come to life. A worker that meetings have stopped blames nobody.
    pub async fn hangs(&self, spec: &JobSpec, slowly: &AtomicBool) -> Fault {
        let (mut still, mut seen) = (0, 0);
        while still < PATIENCE {
            tokio::time::sleep(LOOK).await;
            let words = self.words.load(Ordering::Relaxed);
            let waits = self.opens.load(Ordering::Relaxed)
                && !slowly.load(Ordering::Acquire)
                && std::mem::replace(&mut seen, words) == words;
            still = if waits { still + 1 } else { 0 };
        }
        let why = format!("it could not be opened within {PATIENCE} s");
        let encoder = spec.video.element.clone().unwrap_or_default();
        Fault { encoder, fault: FaultKind::Stalled, why }
    }
}
