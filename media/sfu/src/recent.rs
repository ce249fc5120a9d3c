//! Messages on data channels, and the reliable ones of the last seconds: for people whose channel is not
//! open yet, and for people whose connection broke. What was on its way to them is sent once it is open,
//! or again once they are back and have said what arrived.

use crate::command::{Recipients, TransportMode};
use crate::ids::{ParticipantId, RoomName};
use crate::peer::Channel;
use crate::sfu::Sfu;
use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// As long as a broken connection may come back.
const KEPT: Duration = Duration::from_secs(25);
/// Bytes that one room's messages may take; the oldest make room.
const MOST_BYTES: usize = 2 << 20;

/// A message as it goes out.
#[derive(Debug)]
pub(crate) struct Recent {
    pub at: Instant,
    pub sender: Option<ParticipantId>,
    /// Its number among the sender's reliable messages; 0: none.
    pub sequence: u32,
    pub to: Recipients,
    pub message: Vec<u8>,
}

impl Recent {
    fn is_old(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) > KEPT
    }

    /// Bytes that it takes, whom it is for included: many small ones are bounded too.
    fn size(&self) -> usize {
        self.message.len() + size_of::<Self>() + self.to.size()
    }
}

/// One room's.
#[derive(Debug, Default)]
pub(crate) struct RecentMessages {
    messages: VecDeque<Recent>,
    /// The room's own number of the oldest.
    oldest: u64,
    bytes: usize,
}

impl RecentMessages {
    /// The room's own number of the message that comes next.
    pub(crate) fn next(&self) -> u64 {
        self.oldest + self.messages.len() as u64
    }

    fn keep(&mut self, now: Instant, message: Recent) {
        self.bytes += message.size();
        self.messages.push_back(message);
        while let Some(oldest) = self.messages.front() {
            if !oldest.is_old(now) && self.bytes <= MOST_BYTES {
                break;
            }
            self.bytes -= oldest.size();
            self.oldest += 1;
            self.messages.pop_front();
        }
    }

    /// One by the room's own number, as long as it is kept.
    fn numbered(&self, now: Instant, number: u64) -> Option<&Recent> {
        let at = usize::try_from(number.checked_sub(self.oldest)?).ok()?;
        self.messages.get(at).filter(|message| !message.is_old(now))
    }

    /// What may not have arrived, oldest first, with the room's own numbers: `received` has the newest
    /// number by sender. Whoever is not in it sent nothing that arrived.
    fn since<'a>(
        &'a self,
        now: Instant,
        received: &'a [(ParticipantId, u32)],
    ) -> impl Iterator<Item = (u64, &'a Recent)> {
        (self.oldest..).zip(&self.messages).filter(move |(_, message)| {
            let newest =
                received.iter().find(|(sender, _)| Some(sender) == message.sender.as_ref());
            let newest = newest.map_or(0, |(_, newest)| *newest);
            !message.is_old(now) && message.sequence > newest
        })
    }
}

impl Sfu {
    /// Sends a message to those of a room whom it is meant for. A reliable one is kept.
    pub(crate) fn send_data(
        &mut self,
        now: Instant,
        room: &RoomName,
        channel: Channel,
        message: Recent,
    ) {
        let Some(key) = self.room_keys.get(room).copied() else {
            return;
        };
        let reliable = channel == Channel::Reliable;
        let (number, oldest) = (self.rooms[key].recent.next(), self.rooms[key].recent.oldest);
        for participant in self.rooms[key].participants.clone() {
            let found = &mut self.participants[participant];
            if !found.is_meant(message.sender.as_ref(), &message.to) {
                continue;
            }
            let open = found.subscriber.filter(|peer| {
                self.peers.get(*peer).is_some_and(|slot| slot.peer.has_open(channel))
            });
            if let Some(peer) = open {
                self.peers[peer].peer.send_data(now, channel, &message.message);
                self.after(now, peer);
            } else if reliable && found.far.is_none() && found.mode != TransportMode::Once {
                found.missed.push_back(number);
                while found.missed.front().is_some_and(|number| *number < oldest) {
                    found.missed.pop_front();
                }
            }
        }
        if reliable {
            self.rooms[key].recent.keep(now, message);
        }
    }

    /// Sends again what may not have arrived at somebody who is back.
    pub(crate) fn resend(&mut self, now: Instant, key: usize, received: &[(ParticipantId, u32)]) {
        let found = &self.participants[key];
        let recent = self.rooms[found.room].recent.since(now, received);
        let missed = recent.filter(|(number, recent)| {
            *number >= found.hears_from && found.is_meant(recent.sender.as_ref(), &recent.to)
        });
        let mut missed: BTreeSet<u64> = missed.map(|(number, _)| number).collect();
        // What has no number of its sender's, and waits all the same.
        missed.extend(&found.missed);
        self.participants[key].missed = missed.into_iter().collect();
        if let Some(peer) = self.participants[key].subscriber {
            self.send_missed(now, peer);
        }
    }

    /// Sends what could not be sent to somebody while the channel for it was not open. Does nothing if
    /// it is still not, or if `peer` is not the connection on which they receive.
    pub(crate) fn send_missed(&mut self, now: Instant, peer: usize) {
        let Some(slot) = self.peers.get_mut(peer) else {
            return;
        };
        let found = &mut self.participants[slot.participant];
        if found.subscriber != Some(peer) || !slot.peer.has_open(Channel::Reliable) {
            return;
        }
        let recent = &self.rooms[found.room].recent;
        for number in std::mem::take(&mut found.missed) {
            if let Some(missed) = recent.numbered(now, number) {
                slot.peer.send_data(now, Channel::Reliable, &missed.message);
            }
        }
        self.after(now, peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(recent: &mut RecentMessages, at: Instant, sender: &str, sequence: u32, size: usize) {
        let (sender, to) = (Some(sender.into()), Recipients::Everybody);
        recent.keep(at, Recent { at, sender, sequence, to, message: vec![0; size] });
    }

    fn since(recent: &RecentMessages, at: Instant, received: &[(&str, u32)]) -> Vec<(String, u32)> {
        let received: Vec<_> = received.iter().map(|(sender, n)| ((*sender).into(), *n)).collect();
        let missed = recent.since(at, &received);
        let name = |recent: &Recent| recent.sender.as_ref().map(ToString::to_string);
        missed.map(|(_, recent)| (name(recent).unwrap_or_default(), recent.sequence)).collect()
    }

    #[test]
    fn what_arrived_is_not_sent_again_and_what_did_not_is_in_order() {
        let (mut recent, now) = (RecentMessages::default(), Instant::now());
        for sequence in 1..=3 {
            keep(&mut recent, now, "PA_a", sequence, 10);
            keep(&mut recent, now, "PA_b", sequence, 10);
        }
        let missed = since(&recent, now, &[("PA_a", 2), ("PA_b", 3)]);
        assert_eq!(missed, [("PA_a".to_owned(), 3)]);
        assert_eq!(since(&recent, now, &[("PA_a", 3)]).len(), 3, "nothing of b's arrived");
        keep(&mut recent, now, "PA_c", 0, 10);
        assert_eq!(since(&recent, now, &[]).len(), 6, "nobody can say whether one without came");
    }

    #[test]
    fn messages_are_kept_as_long_as_a_connection_may_come_back_and_no_more_than_fit() {
        let (mut recent, now) = (RecentMessages::default(), Instant::now());
        keep(&mut recent, now, "PA_a", 1, 10);
        let late = now + KEPT + Duration::from_millis(1);
        assert_eq!(since(&recent, now + KEPT, &[]).len(), 1);
        assert_eq!(since(&recent, late, &[]).len(), 0);
        assert!(recent.numbered(now + KEPT, 0).is_some());
        assert!(recent.numbered(late, 0).is_none());
        for sequence in 2..1000 {
            keep(&mut recent, now, "PA_a", sequence, MOST_BYTES / 10 - size_of::<Recent>());
        }
        assert_eq!(since(&recent, now, &[]).len(), 10);
        assert!(recent.bytes <= MOST_BYTES, "{}", recent.bytes);
        keep(&mut recent, now + 2 * KEPT, "PA_a", 1000, 7);
        assert_eq!((recent.messages.len(), recent.bytes), (1, 7 + size_of::<Recent>()));
        let newest = recent.numbered(now + 2 * KEPT, 999).map(|message| message.sequence);
        assert_eq!((newest, recent.next()), (Some(1000), 1000));
        assert!(recent.numbered(now, 998).is_none() && recent.numbered(now, 1000).is_none());
    }

    #[test]
    fn a_flood_of_empty_messages_is_bounded_too() {
        let (mut recent, now) = (RecentMessages::default(), Instant::now());
        for sequence in 1..100_000 {
            keep(&mut recent, now, "PA_a", sequence, 0);
        }
        assert!(recent.messages.len() * size_of::<Recent>() <= MOST_BYTES);
    }
}
