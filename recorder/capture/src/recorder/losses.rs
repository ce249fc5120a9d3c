//! What found the queue full: counted, and told to the writer before whatever follows it.

use roombox_sfu::ids::TrackId;
use roombox_sfu::tap::{TapEvent, TapItem, TapLayer};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Comings and goings that may wait for a place. A track whose beginning is lost would not be
/// recorded at all, so they are the last to be dropped.
const LATE: usize = 1024;

/// Packets that a stream lost.
pub(super) type Lost = BTreeMap<(TrackId, TapLayer), u64>;

/// What the writer has not heard of.
#[derive(Debug, Default)]
pub(super) struct Untold {
    pub lost: Lost,
    pub late: VecDeque<TapItem>,
}

/// The losses of one recording. The media threads fill it and never wait for it.
#[derive(Debug, Default)]
pub(super) struct Losses {
    untold: Mutex<Untold>,
    /// There is something untold.
    any: AtomicBool,
    /// Dropped for good.
    pub total: Arc<AtomicU64>,
}

impl Losses {
    pub fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Notes an item that found no place; true if it is lost, false if it comes later: before the
    /// next item, or when the writer has caught up.
    pub fn note(&self, item: TapItem) -> bool {
        {
            // The writer holds this for as long as it takes to move two pointers.
            let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
            self.any.store(true, Ordering::Relaxed);
            match &item.event {
                TapEvent::Packet(packet) => {
                    let stream = (packet.track.clone(), packet.layer);
                    *untold.lost.entry(stream).or_default() += 1;
                }
                // The next one says it all again.
                TapEvent::Speakers(_) => {}
                _ if untold.late.len() < LATE => {
                    untold.late.push_back(item);
                    return false;
                }
                _ => {}
            }
        }
        self.total.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Hands everything untold to `tell`, which takes from it what it can; true if that was all.
    pub fn tell(&self, tell: impl FnOnce(&mut Untold)) -> bool {
        let Ok(mut untold) = self.untold.try_lock() else { return false };
        tell(&mut untold);
        let all = untold.lost.is_empty() && untold.late.is_empty();
        self.any.store(!all, Ordering::Relaxed);
        all
    }

    /// Takes everything untold, for a recording that ends or a writer that has caught up.
    pub fn take(&self) -> Untold {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        self.any.store(false, Ordering::Relaxed);
        std::mem::take(&mut untold)
    }
}
