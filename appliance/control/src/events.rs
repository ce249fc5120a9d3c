//! What happened on the box, for everybody who follows it.
//!
//! One envelope for all listeners. Numbers grow by one per event and never repeat, not even over
//! restarts; a listener that lost the connection asks for what came after the last number it saw,
//! as long as the ring remembers. Volatile events have no number and are never repeated.

use crate::clock::UnixMs;
use serde::Serialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;
use ulid::Ulid;
use utoipa::ToSchema;

/// Events that are kept for listeners that come back.
const RING: usize = 4096;
/// Events that may wait for one listener; one that is further behind is told to begin anew.
const QUEUE: usize = 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Envelope {
    /// `evt_` and a ULID.
    pub id: String,
    pub at: UnixMs,
    /// `noun.verb` in the past tense.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Id of what it happened to.
    pub subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    pub data: Value,
}

struct Ring {
    next: u64,
    events: VecDeque<Arc<Envelope>>,
}

/// What a new listener gets first.
#[derive(Debug)]
pub enum Missed {
    /// Everything since, oldest first.
    Events(Vec<Arc<Envelope>>),
    /// The ring does not reach back that far: fetch everything anew.
    Reset,
}

/// The box's events.
pub struct Events {
    ring: Mutex<Ring>,
    live: broadcast::Sender<Arc<Envelope>>,
}

impl Default for Events {
    fn default() -> Self {
        // A million numbers a second of uptime: they grow over restarts without being kept, and
        // stay exact in JavaScript.
        let next = UnixMs::now().0 / 1000 * 1_000_000;
        let ring = Mutex::new(Ring { next, events: VecDeque::new() });
        Self { ring, live: broadcast::channel(QUEUE).0 }
    }
}

impl Events {
    /// Something happened.
    pub fn publish(&self, kind: &'static str, subject: &str, data: impl Serialize) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let event = Arc::new(envelope(kind, subject, data, Some(ring.next)));
        ring.next += 1;
        if ring.events.len() == RING {
            ring.events.pop_front();
        }
        ring.events.push_back(event.clone());
        // Under the lock, so that nobody sees events out of order. No listener is no error.
        self.live.send(event).map_or_else(drop, drop);
    }

    /// Something is so at the moment; whoever misses it misses nothing.
    pub fn mention(&self, kind: &'static str, subject: &str, data: impl Serialize) {
        if self.live.receiver_count() > 0 {
            let event = Arc::new(envelope(kind, subject, data, None));
            self.live.send(event).map_or_else(drop, drop);
        }
    }

    /// Begins listening: the newest number, what was missed since `after`, and what comes.
    pub fn listen(&self, after: Option<u64>) -> (u64, Missed, broadcast::Receiver<Arc<Envelope>>) {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = ring.next - 1;
        let first = ring.events.front().and_then(|event| event.seq).unwrap_or(ring.next);
        let missed = match after {
            None => Missed::Events(Vec::new()),
            Some(after) if after + 1 < first || after > newest => Missed::Reset,
            Some(after) => {
                let later = |event: &&Arc<Envelope>| event.seq.is_some_and(|seq| seq > after);
                Missed::Events(ring.events.iter().filter(later).cloned().collect())
            }
        };
        (newest, missed, self.live.subscribe())
    }
}

fn envelope(kind: &'static str, subject: &str, data: impl Serialize, seq: Option<u64>) -> Envelope {
    let data = serde_json::to_value(data).unwrap_or_else(|error| {
        tracing::error!(%error, kind, "an event's data cannot be written");
        Value::Null
    });
    let id = format!("evt_{}", Ulid::new());
    Envelope { id, at: UnixMs::now(), kind, subject: subject.to_owned(), seq, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_gets_what_it_missed_and_nothing_twice() {
        let events = Events::default();
        let (start, _, _live) = events.listen(None);
        events.publish("room.opened", "rm_1", ());
        events.publish("room.ended", "rm_1", ());
        let (newest, missed, mut live) = events.listen(Some(start + 1));
        assert_eq!(newest, start + 2);
        let Missed::Events(missed) = missed else { panic!("reset") };
        assert_eq!(missed.iter().map(|event| event.kind).collect::<Vec<_>>(), ["room.ended"]);
        events.publish("room.opened", "rm_2", ());
        assert_eq!(live.try_recv().unwrap().seq, Some(start + 3));
    }

    #[test]
    fn a_number_of_another_life_means_begin_anew() {
        let events = Events::default();
        let (start, _, _live) = events.listen(None);
        for _ in 0..RING + 10 {
            events.publish("room.opened", "rm_1", ());
        }
        assert!(matches!(events.listen(Some(start)).1, Missed::Reset));
        assert!(matches!(events.listen(Some(start + 1_000_000)).1, Missed::Reset));
    }

    #[test]
    fn volatile_events_are_not_remembered() {
        let events = Events::default();
        let (start, _, mut live) = events.listen(None);
        events.mention("status.sampled", "box", 1);
        assert_eq!(live.try_recv().unwrap().seq, None);
        assert!(
            matches!(events.listen(Some(start)).1, Missed::Events(missed) if missed.is_empty())
        );
    }
}
