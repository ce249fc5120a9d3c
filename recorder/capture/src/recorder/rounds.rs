//! Making durable: rounds of syncing on a thread of their own, so that a slow disk makes nobody
//! wait but itself.
//!
//! The writer leaves what is to be done; rounds of one recording that were not begun melt into
//! one. A round's order is what makes a power cut harmless: contents, then names, then manifest.

use super::{RecorderEvent, Tell};
use crate::folder::write_manifest;
use crate::manifest::Manifest;
use crate::recording::Round;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Default)]
struct Due {
    rounds: BTreeMap<String, Round>,
    /// Recordings that end with their next round, and what is told then.
    endings: Vec<(String, Manifest)>,
    closing: bool,
}

/// What is to be made durable.
#[derive(Default)]
pub(super) struct Rounds {
    due: Mutex<Due>,
    /// Somebody waits for an ending, or there is nothing to come.
    hurry: Condvar,
    longest_us: AtomicU64,
}

impl Rounds {
    fn due(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what a recording has to make durable.
    pub fn add(&self, recording: &str, round: Round) {
        let mut due = self.due();
        match due.rounds.get_mut(recording) {
            Some(known) => known.merge(round),
            None => {
                due.rounds.insert(recording.to_owned(), round);
            }
        }
    }

    /// What the disk refused comes again, before what came since.
    fn put_back(&self, recording: String, mut again: Round) {
        let mut due = self.due();
        if let Some(later) = due.rounds.remove(&recording) {
            again.merge(later);
        }
        due.rounds.insert(recording, again);
    }

    /// The recording is over: told when its last round has been made.
    pub fn end(&self, recording: &str, round: Option<Round>, manifest: Manifest) {
        if let Some(round) = round {
            self.add(recording, round);
        }
        self.due().endings.push((recording.to_owned(), manifest));
        self.hurry.notify_one();
    }

    /// Nothing is added any more.
    pub fn close(&self) {
        self.due().closing = true;
        self.hurry.notify_one();
    }

    /// The longest round so far.
    pub fn longest(&self) -> Duration {
        Duration::from_micros(self.longest_us.load(Ordering::Relaxed))
    }

    /// Makes rounds until closed.
    pub fn run(&self, every: Duration, tell: &Tell) {
        loop {
            let idle = |due: &mut Due| due.endings.is_empty() && !due.closing;
            let waited = self.hurry.wait_timeout_while(self.due(), every, idle);
            let (mut due, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let rounds = std::mem::take(&mut due.rounds);
            let endings = std::mem::take(&mut due.endings);
            let closing = due.closing;
            drop(due);
            let begun = Instant::now();
            for (recording, round) in rounds {
                let again = make(&recording, round);
                // Nobody comes back for it when all is closed: once more, and the next start then.
                let again = again.and_then(|again| match closing {
                    true => make(&recording, again),
                    false => Some(again),
                });
                if let Some(again) = again.filter(|_| !closing) {
                    self.put_back(recording, again);
                }
            }
            let took = begun.elapsed().as_micros() as u64;
            self.longest_us.fetch_max(took, Ordering::Relaxed);
            for (recording, manifest) in endings {
                tell(RecorderEvent::Ended { recording, manifest: Box::new(manifest) });
            }
            if closing {
                return;
            }
        }
    }
}

/// Makes one round; what the disk does not keep is said, and recording goes on. The answer is what can be
/// tried again: names and the manifest. Contents that were refused are lost to whoever syncs them again,
/// for Linux forgets that they were never written (fsync(2)); their part ends, and is not called whole.
pub(crate) fn make(recording: &str, mut round: Round) -> Option<Round> {
    let again = round.again;
    let refused = |what: &str, error: &dyn std::error::Error| match again {
        // It has been said.
        true => tracing::debug!(recording, what, %error, "the disk does not keep it yet"),
        false => {
            tracing::error!(recording, what, %error, "the disk does not keep what was written");
        }
    };
    for file in std::mem::take(&mut round.files) {
        if let Err(error) = file.sync() {
            tracing::error!(recording, what = "contents", %error,
                "the disk does not keep what was written");
        }
    }
    if let Some(folder) = &round.names {
        match round.storage.sync_folder(folder) {
            Ok(()) => round.names = None,
            Err(error) => refused("names", &error),
        }
    }
    if let Some((folder, manifest)) = &mut round.manifest {
        for (index, kept) in &round.sealed {
            if let Some(part) = manifest.parts.get_mut(*index).filter(|_| !kept.holds()) {
                (part.end_us, part.bytes) = (None, None);
            }
        }
        match write_manifest(&*round.storage, folder, manifest) {
            Ok(()) => round.manifest = None,
            Err(error) => {
                refused("manifest", &error);
                if !folder.is_dir() {
                    // Nobody will ever read it.
                    round.manifest = None;
                }
            }
        }
    }
    round.again = true;
    (round.names.is_some() || round.manifest.is_some()).then_some(round)
}
