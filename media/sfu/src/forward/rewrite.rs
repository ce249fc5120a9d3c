//! Numbers of forwarded packets: one continuous stream out of several sources.
//!
//! A [`Rewriter`] belongs to one outgoing SSRC and lives exactly as long, over a change of track too
//! where the SSRC stays. Sequence numbers, RTP timestamps, VP8 picture ids and TL0 indexes go on over
//! a change of layer or publisher.

use super::gaps::Gaps;
use super::vp8::{PictureIdWidth, Vp8Indexes};
use std::time::{Duration, Instant};

/// First sequence number of a new stream: below 2^15 so that receivers guess a rollover counter
/// of 0 (RFC 3711 §3.3.1), and not 0 so that a packet reordered before it has a number.
const FIRST_SEQUENCE: u64 = 1000;

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
    /// Of the source's sequence numbers.
    gaps: Gaps,
    pictures: Pictures,
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
            gaps: Gaps::default(),
            pictures: Pictures::default(),
            last_seq: FIRST_SEQUENCE - 1,
            last_time: 0,
            last_at: None,
            last_picture: (0, 0),
        }
    }

    /// Whether anything of a source was sent.
    pub(crate) fn has_source(&self) -> bool {
        self.base.is_some()
    }

    /// The next numbers, for a packet that is of no source.
    pub(crate) fn before(&mut self, now: Instant) -> OutgoingNumbers {
        self.last_seq += 1;
        self.last_time = self.time_at(now).unwrap_or(0);
        self.last_at = Some(now);
        let (seq, time) = (self.last_seq, self.last_time);
        OutgoingNumbers { seq, time, picture_id_offset: 0, tl0_offset: 0 }
    }

    /// The time of a packet at `now`, by the last one; `None`: there was none.
    fn time_at(&self, now: Instant) -> Option<u32> {
        let elapsed = now.saturating_duration_since(self.last_at?).min(Duration::from_secs(3600));
        let ticks = (elapsed.as_micros() as u64 * u64::from(self.clock_rate)) / 1_000_000;
        Some(self.last_time.wrapping_add((ticks as u32).max(1)))
    }

    /// Continues the stream with another source, whose first packet has these numbers.
    pub(crate) fn switch(
        &mut self,
        now: Instant,
        source_seq: u64,
        source_time: u64,
        picture: Vp8Indexes,
    ) {
        let out_time = self.time_at(now).unwrap_or(source_time as u32);
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
        self.gaps.restart(source_seq);
        self.pictures = Pictures::default();
    }

    /// Whether no packet after this one was given a number.
    pub(crate) fn is_newest(&self, source_seq: u64) -> bool {
        source_seq >= self.next_source()
    }

    /// The source number that would be given the next number.
    fn next_source(&self) -> u64 {
        self.base.as_ref().map_or(0, |base| {
            base.source_seq + (self.last_seq + 1).saturating_sub(base.out_seq) + self.gaps.count()
        })
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
        if !self.gaps.has_place(source_seq) {
            return None;
        }
        let gaps = self.gaps.before(source_seq);
        let seq = (base.out_seq + (source_seq - base.source_seq)).checked_sub(gaps)?;
        let time = base.out_time.wrapping_add(source_time.wrapping_sub(base.source_time) as u32);
        let left_out = self.pictures.before(picture);
        let picture_id_offset = base.picture.picture_id.wrapping_sub(left_out) & 0x7fff;
        let tl0_offset = base.picture.tl0;
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

    /// Says that a packet of the present source is left out on purpose (padding, a layer that is not
    /// followed): later packets move up, so that the receiver sees no loss.
    pub(crate) fn leave_out(&mut self, source_seq: u64) {
        // A late one sits among numbers that were already given away: its hole stays.
        if self.base.is_some() && self.is_newest(source_seq) {
            self.gaps.leave_out(source_seq);
        }
    }

    /// Says that no packet of this VP8 picture is forwarded: the ids of later ones move up.
    pub(crate) fn leave_out_picture(&mut self, picture: Vp8Indexes) {
        self.pictures.leave_out(picture);
    }
}

/// The VP8 picture ids of one source.
///
/// Receivers that know nothing but the payload descriptor wait for the pictures of ids that are
/// missing.
#[derive(Debug, Default)]
struct Pictures {
    /// Of ids that count on where the wire's begin anew.
    gaps: Gaps,
    newest: Option<u64>,
}

impl Pictures {
    /// How many were left out before this one. Later ones are compared with it.
    fn before(&mut self, picture: Vp8Indexes) -> u16 {
        let Some(id) = self.unwrap(picture) else { return 0 };
        self.newest = self.newest.max(Some(id));
        self.gaps.before(id) as u16
    }

    fn leave_out(&mut self, picture: Vp8Indexes) {
        if let Some(id) = self.unwrap(picture)
            && self.newest.is_some_and(|newest| id > newest)
        {
            self.gaps.leave_out(id);
        }
    }

    fn unwrap(&self, picture: Vp8Indexes) -> Option<u64> {
        let (id, width) = picture.picture_id?;
        let all = match width {
            PictureIdWidth::Seven => 1 << 7,
            PictureIdWidth::Fifteen => 1 << 15,
        };
        // Far from the beginning, so that there is room for older ones.
        let near = self.newest.unwrap_or(all + u64::from(id));
        let ahead = (u64::from(id) + all - near % all) % all;
        Some(if ahead < all / 2 { near + ahead } else { (near + ahead).saturating_sub(all) })
    }
}

fn plain(picture: Vp8Indexes) -> (u16, u8) {
    (picture.picture_id.map_or(0, |(id, _)| id), picture.tl0.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::vp8::PictureIdWidth;
    use super::*;

    const NONE: Vp8Indexes =
        Vp8Indexes { begins: false, picture_id: None, tl0: None, temporal: None };

    fn picture(id: u16, tl0: u8) -> Vp8Indexes {
        Vp8Indexes { picture_id: Some((id, PictureIdWidth::Fifteen)), tl0: Some(tl0), ..NONE }
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
        r.leave_out(12);
        assert_eq!(seq(&mut r, 13), Some(2));
        assert_eq!(seq(&mut r, 11), Some(1));
        assert_eq!(seq(&mut r, 14), Some(3));
        // Padding that comes after its successors leaves its hole.
        r.leave_out(13);
        assert_eq!(seq(&mut r, 15), Some(4));
    }

    #[test]
    fn pictures_that_are_left_out_leave_no_hole_in_the_ids() {
        let now = Instant::now();
        for (width, last) in [(PictureIdWidth::Seven, 0x7f), (PictureIdWidth::Fifteen, 0x7fff)] {
            let id = |n: u16| Vp8Indexes {
                picture_id: Some((n.wrapping_add(last - 1) & last, width)),
                ..NONE
            };
            let mut r = Rewriter::new(90_000);
            r.switch(now, 0, 0, id(0));
            let sent = |r: &mut Rewriter, n: u16| {
                let out = r.map(now, u64::from(n), 0, id(n)).unwrap();
                let (source, _) = id(n).picture_id.unwrap();
                (out.seq - FIRST_SEQUENCE, width.wrap(source.wrapping_add(out.picture_id_offset)))
            };
            let first = sent(&mut r, 0).1;
            for n in 1..3000u16 {
                match n % 3 {
                    0 => assert_eq!(
                        sent(&mut r, n),
                        (u64::from(n / 3), width.wrap(first.wrapping_add(n / 3)))
                    ),
                    _ => {
                        r.leave_out(n.into());
                        r.leave_out_picture(id(n));
                        r.leave_out_picture(id(n));
                    }
                }
            }
            let late = sent(&mut r, 2994);
            assert_eq!(late, (998, width.wrap(first.wrapping_add(998))), "sent again");
        }
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
                        r.leave_out(source);
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
