//! Reliable messages of the last seconds, for people whose connection broke: what was on its way to
//! them is sent again once they are back and have said what arrived.

use crate::command::Recipients;
use crate::ids::ParticipantId;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// As long as a broken connection may come back.
const KEPT: Duration = Duration::from_secs(25);
/// Bytes that one room's messages may take; the oldest make room.
const MOST_BYTES: usize = 2 << 20;

/// A message as it went out.
#[derive(Debug)]
pub(crate) struct Recent {
    at: Instant,
    pub sender: ParticipantId,
    /// Its number among the sender's reliable messages.
    pub sequence: u32,
    pub to: Recipients,
    pub message: Vec<u8>,
}

/// One room's.
#[derive(Debug, Default)]
pub(crate) struct RecentMessages {
    messages: VecDeque<Recent>,
    bytes: usize,
}

impl RecentMessages {
    pub(crate) fn keep(
        &mut self,
        now: Instant,
        sender: &ParticipantId,
        sequence: u32,
        to: &Recipients,
        message: &[u8],
    ) {
        self.bytes += message.len();
        let message = message.to_vec();
        let (sender, to) = (sender.clone(), to.clone());
        self.messages.push_back(Recent { at: now, sender, sequence, to, message });
        while let Some(oldest) = self.messages.front() {
            let old = now.saturating_duration_since(oldest.at) > KEPT;
            if !old && self.bytes <= MOST_BYTES {
                break;
            }
            self.bytes -= oldest.message.len();
            self.messages.pop_front();
        }
    }

    /// What may not have arrived, oldest first: `received` has the newest number by sender. Whoever
    /// is not in it sent nothing that arrived.
    pub(crate) fn since<'a>(
        &'a self,
        now: Instant,
        received: &'a [(ParticipantId, u32)],
    ) -> impl Iterator<Item = &'a Recent> {
        self.messages.iter().filter(move |message| {
            let newest = received.iter().find(|(sender, _)| *sender == message.sender);
            now.saturating_duration_since(message.at) <= KEPT
                && newest.is_none_or(|(_, newest)| message.sequence > *newest)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(recent: &mut RecentMessages, at: Instant, sender: &str, sequence: u32, size: usize) {
        recent.keep(at, &sender.into(), sequence, &Recipients::Everybody, &vec![0; size]);
    }

    fn since(recent: &RecentMessages, at: Instant, received: &[(&str, u32)]) -> Vec<(String, u32)> {
        let received: Vec<_> = received.iter().map(|(sender, n)| ((*sender).into(), *n)).collect();
        let missed = recent.since(at, &received);
        missed.map(|message| (message.sender.to_string(), message.sequence)).collect()
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
    }

    #[test]
    fn messages_are_kept_as_long_as_a_connection_may_come_back_and_no_more_than_fit() {
        let (mut recent, now) = (RecentMessages::default(), Instant::now());
        keep(&mut recent, now, "PA_a", 1, 10);
        assert_eq!(since(&recent, now + KEPT, &[]).len(), 1);
        assert_eq!(since(&recent, now + KEPT + Duration::from_millis(1), &[]).len(), 0);
        for sequence in 2..1000 {
            keep(&mut recent, now, "PA_a", sequence, MOST_BYTES / 10);
        }
        assert_eq!(since(&recent, now, &[]).len(), 10);
        assert!(recent.bytes <= MOST_BYTES, "{}", recent.bytes);
        keep(&mut recent, now + 2 * KEPT, "PA_a", 1000, 7);
        assert_eq!((recent.messages.len(), recent.bytes), (1, 7));
    }
}
