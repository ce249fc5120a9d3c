//! From one shard to another: what [`roombox_sfu::Relayed`] says, in order, a batch a turn.
//!
//! Packets have so many places under way; without one they are dropped at once, pictures before sound,
//! and counted. Words, requests and doors are never dropped one by one: what the other shard cannot
//! take now waits here, and if that becomes too much the shards lose each other ([`Carried::Lost`]).
//! Nobody waits.

use crate::plane::{EventSink, Inbox};
use crate::shard::Message;
use roombox_sfu::ids::ParticipantId;
use roombox_sfu::{Command, Relayed, RelayedMedia};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Packets that may be under way from one shard to another: 50 ms of what a core can send.
const PLACES: usize = 4096;
/// What else may wait for a shard that takes nothing: by then it has been stuck for seconds.
const MOST_WORDS: usize = 16_384;

/// One thing on its way.
pub(crate) enum Carried {
    Relayed(Relayed),
    Command(Box<Command>),
    /// Where a participant's events go from now on.
    Door(ParticipantId, Box<dyn EventSink>),
    /// Things before it are lost: begin anew.
    Lost,
}

/// A turn's worth.
pub(crate) struct Batch {
    pub from: usize,
    pub items: Vec<Carried>,
    packets: Packets,
}

/// Packets of a batch. Their places are free again when they were taken, or thrown away.
struct Packets {
    count: usize,
    under_way: Arc<AtomicUsize>,
}

impl Drop for Packets {
    fn drop(&mut self) {
        self.under_way.fetch_sub(self.count, Ordering::AcqRel);
    }
}

impl Batch {
    /// How much work it is.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// What is in it; the packets' places are free from then on.
    pub(crate) fn open(self) -> (usize, Vec<Carried>) {
        drop(self.packets);
        (self.from, self.items)
    }
}

/// Why something was not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// No place for this packet.
    Full(RelayedMedia),
    /// The other shard takes nothing: it is told that they lost each other.
    Lost,
}

/// The way to one other shard.
pub(crate) struct Link {
    from: usize,
    to: Inbox,
    items: Vec<Carried>,
    packets: usize,
    under_way: Arc<AtomicUsize>,
}

impl Link {
    pub(crate) fn new(from: usize, to: Inbox) -> Self {
        Self { from, to, items: Vec::new(), packets: 0, under_way: Arc::default() }
    }

    /// Takes what the `Sfu` says.
    ///
    /// # Errors
    /// There is no place for it.
    pub(crate) fn relay(&mut self, what: Relayed) -> Result<(), Refused> {
        if let Some(media) = what.media() {
            if !media.fits(self.under_way.load(Ordering::Acquire), PLACES) {
                return Err(Refused::Full(media));
            }
            self.under_way.fetch_add(1, Ordering::AcqRel);
            self.packets += 1;
        }
        self.carry(Carried::Relayed(what))
    }

    /// Takes what must not be lost.
    ///
    /// # Errors
    /// Too much waits: all of it is given up.
    pub(crate) fn carry(&mut self, item: Carried) -> Result<(), Refused> {
        self.items.push(item);
        if self.items.len() - self.packets <= MOST_WORDS {
            return Ok(());
        }
        self.under_way.fetch_sub(self.packets, Ordering::AcqRel);
        self.packets = 0;
        self.items.clear();
        self.items.push(Carried::Lost);
        Err(Refused::Lost)
    }

    /// Sends what has come together. What the other shard cannot take stays for the next time.
    pub(crate) fn flush(&mut self) {
        if self.items.is_empty() {
            return;
        }
        let count = std::mem::take(&mut self.packets);
        let packets = Packets { count, under_way: self.under_way.clone() };
        let items = std::mem::take(&mut self.items);
        let batch = Batch { from: self.from, items, packets };
        if let Err(Message::Linked(batch)) = self.to.offer(Message::Linked(Box::new(batch))) {
            let Batch { items, mut packets, .. } = *batch;
            // Their places stay taken.
            self.packets = std::mem::take(&mut packets.count);
            self.items = items;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::Waker;
    use std::sync::mpsc::{Receiver, sync_channel};

    fn link(inbox: usize) -> (Link, Receiver<Message>) {
        let (sender, receiver) = sync_channel(inbox);
        let waker = Arc::new(Waker::new().expect("an eventfd"));
        (Link::new(0, Inbox::new(sender, waker)), receiver)
    }

    fn word() -> Carried {
        Carried::Command(Box::new(Command::List { query: 0 }))
    }

    fn taken(receiver: &Receiver<Message>) -> Option<(usize, bool)> {
        let Ok(Message::Linked(batch)) = receiver.try_recv() else { return None };
        let (_, items) = batch.open();
        Some((items.len(), matches!(items.first(), Some(Carried::Lost))))
    }

    #[test]
    fn a_turn_is_one_batch_and_nothing_of_it_is_lost_while_the_other_is_busy() {
        let (mut link, receiver) = link(1);
        for _ in 0..3 {
            link.carry(word()).expect("there is room");
        }
        link.flush();
        link.carry(word()).expect("there is room");
        link.flush();
        link.carry(word()).expect("there is room");
        link.flush();
        assert_eq!(taken(&receiver), Some((3, false)));
        link.flush();
        assert_eq!(taken(&receiver), Some((2, false)));
        link.flush();
        assert_eq!(taken(&receiver), None);
    }

    #[test]
    fn who_takes_nothing_for_too_long_is_given_up_once_and_told_so() {
        let (mut link, receiver) = link(0);
        for _ in 0..MOST_WORDS {
            link.carry(word()).expect("there is room");
            link.flush();
        }
        assert!(matches!(link.carry(word()), Err(Refused::Lost)));
        assert_eq!(link.items.len(), 1);
        drop(receiver);
    }
}
