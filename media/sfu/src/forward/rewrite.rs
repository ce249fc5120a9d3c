//! Numbers of forwarded packets: one continuous stream out of several sources.
//!
//! A [`Rewriter`] belongs to one outgoing SSRC and lives exactly as long, over a change of track too
//! where the SSRC stays. Sequence numbers, RTP timestamps, VP8 picture ids and TL0 indexes go on over
//! a change of layer or publisher.

use super::vp8::Vp8Indexes;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// First sequence number of a new stream: below 2^15 so that receivers guess a rollover counter
/// of 0 (RFC 3711 §3.3.1), and not 0 so that a packet reordered before it has a number.
const FIRST_SEQUENCE: u64 = 1000;

/// Source packets that were dropped on purpose and whose numbers later packets take over.
/// A retransmission older than this many drops loses its place, and is dropped.
const DROPS_REMEMBERED: usize = 256;

/// Where a source's numbers land in the outgoing stream.
#[derive(Debug, Clone)]
struct Base {
    source_seq: u64,
    out_seq: u64,
    source_time: u64,
    out_time: u32,
    picture: PictureBase,
}

#[derive(Debug, Clone, Copy, Default)]
struct PictureBase {
    /// Added to the source's 15-bit picture id.
    picture_id: u16,
    /// Added to the source's TL0 index.
    tl0: u8,
}

/// The numbers of one outgoing packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutgoingNumbers {
    pub seq: u64,
    pub time: u32,
    /// To be added (mod 2^15) to the source's VP8 picture id.
    pub picture_id_offset: u16,
    /// To be added (mod 2^8) to the source's VP8 TL0 index.
    pub tl0_offset: u8,
}

/// Continues one outgoing stream over changing sources.
#[derive(Debug)]
pub(crate) struct Rewriter {
    clock_rate: u32,
    base: Option<Base>,
    dropped: VecDeque<u64>,
    /// Drops that have left `dropped`.
    dropped_before: u64,
    /// Source numbers below this one have lost their place.
    oldest_source: u64,
    last_seq: u64,
    last_time: u32,
    last_at: Option<Instant>,
    /// Newest picture id and TL0 index that were given away.
    last_picture: (u16, u8),
}

impl Rewriter {
    pub(crate) fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            base: None,
            dropped: VecDeque::new(),
            dropped_before: 0,
            oldest_source: 0,
            last_seq: FIRST_SEQUENCE - 1,
            last_time: 0,
            last_at: None,
            last_picture: (0, 0),
        }
    }

    /// Continues the stream with another source, whose first packet has these numbers.
    pub(crate) fn switch(
        &mut self,
        now: Instant,
        source_seq: u64,
        source_time: u64,
        picture: Vp8Indexes,
    ) {
        let out_time = match self.last_at {
            None => source_time as u32,
            Some(last_at) => {
                let elapsed = now.saturating_duration_since(last_at).min(Duration::from_secs(3600));
                let ticks = (elapsed.as_micros() as u64 * u64::from(self.clock_rate)) / 1_000_000;
                self.last_time.wrapping_add((ticks as u32).max(1))
            }
        };
        let first = self.last_at.is_none();
        let (source_id, source_tl0) = plain(picture);
        self.base = Some(Base {
            source_seq,
            out_seq: self.last_seq + 1,
            source_time,
            out_time,
            picture: if first {
                PictureBase::default()
            } else {
                PictureBase {
                    picture_id: self.last_picture.0.wrapping_add(1).wrapping_sub(source_id)
                        & 0x7fff,
                    tl0: self.last_picture.1.wrapping_add(1).wrapping_sub(source_tl0),
                }
            },
        });
        self.dropped.clear();
        self.dropped_before = 0;
        self.oldest_source = source_seq;
    }

    /// Numbers for a packet of the present source; `None` if it is older than the source's first.
    pub(crate) fn map(
        &mut self,
        at: Instant,
        source_seq: u64,
        source_time: u64,
        picture: Vp8Indexes,
    ) -> Option<OutgoingNumbers> {
        let base = self.base.as_ref()?;
        if source_seq < self.oldest_source {
            return None;
        }
        let gaps = self.dropped_before
            + self.dropped.iter().filter(|&&dropped| dropped < source_seq).count() as u64;
        let seq = (base.out_seq + (source_seq - base.source_seq)).checked_sub(gaps)?;
        let time = base.out_time.wrapping_add(source_time.wrapping_sub(base.source_time) as u32);
        let (picture_id_offset, tl0_offset) = (base.picture.picture_id, base.picture.tl0);
        if seq > self.last_seq {
            self.last_seq = seq;
            self.last_time = time;
            self.last_at = Some(at);
            let (source_id, source_tl0) = plain(picture);
            self.last_picture = (
                source_id.wrapping_add(picture_id_offset) & 0x7fff,
                source_tl0.wrapping_add(tl0_offset),
            );
        }
        Some(OutgoingNumbers { seq, time, picture_id_offset, tl0_offset })
    }

    /// Says that a packet of the present source is dropped on purpose (padding): later packets
    /// move up, so that the receiver sees no loss.
    pub(crate) fn drop_one(&mut self, source_seq: u64) {
        let Some(base) = &self.base else { return };
        if source_seq < self.oldest_source || self.dropped.contains(&source_seq) {
            return;
        }
        // A late padding packet sits among numbers that were already given away: its hole stays.
        let newest = base.source_seq
            + (self.last_seq + 1).saturating_sub(base.out_seq)
            + self.dropped_before
            + self.dropped.len() as u64;
        if source_seq < newest {
            return;
        }
        self.dropped.push_back(source_seq);
        if self.dropped.len() > DROPS_REMEMBERED
            && let Some(oldest) = self.dropped.pop_front()
        {
            self.dropped_before += 1;
            self.oldest_source = oldest + 1;
        }
    }
}

fn plain(picture: Vp8Indexes) -> (u16, u8) {
    (picture.picture_id.map_or(0, |(id, _)| id), picture.tl0.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::vp8::PictureIdWidth;
    use super::*;

    const NONE: Vp8Indexes = Vp8Indexes { picture_id: None, tl0: None };

    fn picture(id: u16, tl0: u8) -> Vp8Indexes {
        Vp8Indexes { picture_id: Some((id, PictureIdWidth::Fifteen)), tl0: Some(tl0) }
    }

    #[test]
    fn a_switch_continues_numbers_and_time() {
        let start = Instant::now();
        let mut r = Rewriter::new(90_000);
        r.switch(start, 60_000, 5_000, picture(10, 3));
        let first = r.map(start, 60_000, 5_000, picture(10, 3)).unwrap();
        assert_eq!(first.seq, FIRST_SEQUENCE);
        assert_eq!(first.time, 5_000);
        r.map(start, 60_001, 5_000, picture(10, 3)).unwrap();

        let later = start + Duration::from_millis(100);
        r.switch(later, 7, 900, picture(0x7fff, 255));
        let next = r.map(later, 7, 900, picture(0x7fff, 255)).unwrap();
        assert_eq!(next.seq, FIRST_SEQUENCE + 2);
        assert_eq!(next.time, 5_000 + 9_000);
        assert_eq!(0x7fffu16.wrapping_add(next.picture_id_offset) & 0x7fff, 11);
        assert_eq!(255u8.wrapping_add(next.tl0_offset), 4);
    }

    #[test]
    fn packets_older_than_the_switch_are_dropped() {
        let now = Instant::now();
        let mut r = Rewriter::new(90_000);
        assert_eq!(r.map(now, 5, 0, NONE), None);
        r.switch(now, 100, 0, NONE);
        assert_eq!(r.map(now, 99, 0, NONE), None);
        assert!(r.map(now, 100, 0, NONE).is_some());
    }

    #[test]
    fn dropped_padding_leaves_no_hole_and_reordered_packets_keep_their_place() {
        let now = Instant::now();
        let mut r = Rewriter::new(90_000);
        r.switch(now, 10, 0, NONE);
        let seq = |r: &mut Rewriter, n| r.map(now, n, 0, NONE).map(|o| o.seq - FIRST_SEQUENCE);
        assert_eq!(seq(&mut r, 10), Some(0));
        // 11 is late; 12 is padding.
        r.drop_one(12);
        assert_eq!(seq(&mut r, 13), Some(2));
        assert_eq!(seq(&mut r, 11), Some(1));
        assert_eq!(seq(&mut r, 14), Some(3));
        // Padding that comes after its successors leaves its hole.
        r.drop_one(13);
        assert_eq!(seq(&mut r, 15), Some(4));
    }

    #[test]
    fn numbers_never_repeat_over_many_random_steps() {
        let mut state = 0x9e37_79b9_u64;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let now = Instant::now();
        let mut r = Rewriter::new(90_000);
        let mut seen = std::collections::HashSet::new();
        let (mut source, mut given) = (0, std::collections::HashSet::new());
        r.switch(now, source, 0, NONE);
        for _ in 0..20_000 {
            match random(20) {
                0 => {
                    source = random(60_000);
                    given.clear();
                    r.switch(now, source, 0, NONE);
                }
                1..4 => {
                    if given.insert(source) {
                        r.drop_one(source);
                    }
                    source += 1;
                }
                _ => {
                    let n = source.saturating_sub(random(3));
                    if given.insert(n)
                        && let Some(out) = r.map(now, n, 0, NONE)
                    {
                        assert!(seen.insert(out.seq), "number {} given twice", out.seq);
                    }
                    source += 1;
                }
            }
        }
    }
}
