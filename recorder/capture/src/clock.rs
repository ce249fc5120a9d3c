//! From RTP timestamps to the recording's time.
//!
//! A sender's reports tie its RTP clocks to its wall clock; arrivals tie its wall clock to ours.
//! The difference `arrival − NTP` is the clocks' offset plus the network's delay, so its lower
//! envelope over a while is the offset plus the least delay: common to all streams of a sender,
//! and so lips stay in sync. Before the first report, and after a jump, arrivals alone must do.
//!
//! A sender that is short of CPU ties its sound to a moment that is up to 230 ms late in one report of
//! some fifty (libwebrtc), and leaves out sound for good at other times: which of the last reports is
//! right is seen by when packets came, and one that is right is kept while it is.

use std::collections::VecDeque;

/// The envelope looks back this far.
const WINDOW_US: u64 = 30_000_000;
/// Clocks of real machines drift less than this; what moves faster is the network.
const MAX_SLOPE_PPM: i64 = 200;
/// Reports that are compared: what is older is drift.
const REPORTS: usize = 3;
/// Packets that tell by when they came: the least late one of a second.
const LATELY_US: u64 = 1_000_000;
/// Another report is believed if it fits by so much better: less than lips can be out of step.
const BETTER_US: i64 = 30_000;
/// A stream whose time differs from its arrivals by more...
pub(crate) const JUMP_US: i64 = 500_000;
/// ...for longer than this has jumped (a stall, a reset).
const JUMP_PATIENCE_US: u64 = 1_000_000;

/// Ties one sender's wall clock to ours. Shared by all its streams.
#[derive(Debug, Default)]
pub struct SenderClock {
    /// (arrival, arrival − NTP), the minimum first: a monotonic queue.
    samples: VecDeque<(u64, i64)>,
    offset: Option<(u64, i64)>,
    /// By how much the newest report came later than the offset says: what waits on the way.
    queue: i64,
}

impl SenderClock {
    /// Takes a report's NTP time and when it arrived, both in microseconds.
    pub fn report(&mut self, arrived_us: u64, ntp_us: u64) {
        let offset = (arrived_us as i64).wrapping_sub(ntp_us as i64);
        while self.samples.back().is_some_and(|(_, later)| *later >= offset) {
            self.samples.pop_back();
        }
        self.samples.push_back((arrived_us, offset));
        while self.samples.front().is_some_and(|(at, _)| at + WINDOW_US < arrived_us) {
            self.samples.pop_front();
        }
        let Some((_, least)) = self.samples.front().copied() else { return };
        self.offset = Some(match self.offset {
            // The first seconds only improve: less delay is better known.
            None => (arrived_us, least),
            Some((_, known)) if least < known => (arrived_us, least),
            Some((since, known)) => {
                let elapsed = arrived_us.saturating_sub(since) as i64;
                let step = elapsed * MAX_SLOPE_PPM / 1_000_000;
                (arrived_us, known + (least - known).min(step))
            }
        });
        self.queue = self.offset.map_or(0, |(_, known)| (offset - known).max(0));
    }

    /// Forgets everything: the sender's wall clock was set.
    fn reset(&mut self) {
        *self = Self::default();
    }

    /// Our time of a moment of the sender's wall clock.
    fn ours(&self, ntp_us: i64) -> Option<i64> {
        self.offset.map(|(_, offset)| ntp_us + offset)
    }
}

/// Places one stream's timestamps.
#[derive(Debug)]
pub struct StreamClock {
    rate: i64,
    /// RTP timestamp and our time of the same moment, by arrival.
    by_arrival: Option<(u64, i64)>,
    /// RTP timestamp and the sender's wall clock of the same moment, by the report that is believed.
    by_report: Option<(u64, i64)>,
    /// The last reports.
    reports: VecDeque<(u64, i64)>,
    /// (arrival, by how much it was later than the stream's first), the minimum first.
    lateness: VecDeque<(u64, i64)>,
    judged_us: u64,
    jumped_since: Option<u64>,
}

impl StreamClock {
    pub fn new(clock_rate: u32) -> Self {
        Self {
            rate: i64::from(clock_rate.max(1)),
            by_arrival: None,
            by_report: None,
            reports: VecDeque::with_capacity(REPORTS + 1),
            lateness: VecDeque::new(),
            judged_us: 0,
            jumped_since: None,
        }
    }

    fn elapsed(&self, from: u64, to: u64) -> i64 {
        let ticks = to.wrapping_sub(from) as i64;
        (i128::from(ticks) * 1_000_000 / i128::from(self.rate)) as i64
    }

    /// Takes a report: RTP timestamp (low 32 bits) and NTP time of the same moment; `near` is an
    /// extended timestamp close to it.
    pub fn report(&mut self, near: u64, rtp: u32, ntp_us: u64) {
        let difference = (rtp.wrapping_sub(near as u32)) as i32;
        let extended = near.wrapping_add_signed(i64::from(difference));
        self.reports.push_back((extended, ntp_us as i64));
        if self.reports.len() > REPORTS {
            self.reports.pop_front();
        }
        if !self.by_report.is_some_and(|believed| self.reports.contains(&believed)) {
            self.by_report = self.reports.back().copied();
        }
        // It is compared with the next packet.
        self.judged_us = 0;
    }

    /// Believes the report that fits the packets which came lately, if it fits better than the one
    /// that is believed.
    fn judge(&mut self, sender: &SenderClock, rtp: u64, arrived_us: u64) {
        let Some((first_rtp, first_us)) = self.by_arrival else { return };
        let since = self.elapsed(first_rtp, rtp);
        let late = (arrived_us as i64 - first_us) - since;
        while self.lateness.back().is_some_and(|(_, later)| *later >= late) {
            self.lateness.pop_back();
        }
        self.lateness.push_back((arrived_us, late));
        while self.lateness.front().is_some_and(|(at, _)| at + LATELY_US < arrived_us) {
            self.lateness.pop_front();
        }
        if arrived_us < self.judged_us + LATELY_US || self.reports.len() < 2 {
            return;
        }
        self.judged_us = arrived_us;
        let Some((_, least)) = self.lateness.front() else { return };
        // What delays all of the sender's packets alike says nothing against a report.
        let by_arrivals = first_us + since + least - sender.queue;
        let off = |(at, ntp): (u64, i64)| {
            let placed = sender.ours(ntp + self.elapsed(at, rtp))?;
            Some((placed - by_arrivals).abs())
        };
        let best = self.reports.iter().filter_map(|one| Some((off(*one)?, *one))).min();
        let believed = self.by_report.and_then(off);
        if let (Some((best, report)), Some(believed)) = (best, believed)
            && best + BETTER_US < believed
        {
            self.by_report = Some(report);
        }
    }

    /// Our time of a frame, in microseconds.
    pub fn time(&mut self, sender: &mut SenderClock, rtp: u64, arrived_us: u64) -> i64 {
        let arrived = arrived_us as i64;
        let by_arrival = *self.by_arrival.get_or_insert((rtp, arrived));
        self.judge(sender, rtp, arrived_us);
        let reported =
            self.by_report.and_then(|(at, ntp)| sender.ours(ntp + self.elapsed(at, rtp)));
        let time = reported.unwrap_or_else(|| by_arrival.1 + self.elapsed(by_arrival.0, rtp));
        if (time - arrived).abs() <= JUMP_US {
            self.jumped_since = None;
            return time;
        }
        let since = *self.jumped_since.get_or_insert(arrived_us);
        if arrived_us.saturating_sub(since) <= JUMP_PATIENCE_US {
            return time;
        }
        // Begin anew from here; the next reports are believed again.
        self.jumped_since = None;
        if self.by_report.is_some() {
            sender.reset();
        }
        self.by_report = None;
        self.reports.clear();
        self.lateness.clear();
        self.by_arrival = Some((rtp, arrived));
        arrived
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// xorshift: the same delays each time.
    fn random(state: &mut u64, below: u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state % below
    }

    #[test]
    fn lips_stay_in_sync_for_three_hours_with_drifting_clocks() {
        for ppm in [-100i64, 100] {
            let mut seed = 42;
            let mut sender = SenderClock::default();
            let (mut audio, mut video) = (StreamClock::new(48_000), StreamClock::new(90_000));
            let mut worst = 0;
            let ours = |theirs: i64| theirs + theirs * ppm / 1_000_000;
            for second in 0..3 * 3600i64 {
                let theirs = second * 1_000_000;
                let ntp = (theirs + 5_000_000_000) as u64;
                let (a_rtp, v_rtp) = (7_000 + second as u64 * 48_000, 1 + second as u64 * 90_000);
                // Video is delayed more and more unevenly than audio.
                let a_at = (ours(theirs) + 20_000 + random(&mut seed, 10_000) as i64) as u64;
                let v_at = (ours(theirs) + 20_000 + random(&mut seed, 90_000) as i64) as u64;
                let a = audio.time(&mut sender, a_rtp, a_at);
                let v = video.time(&mut sender, v_rtp, v_at);
                if second > 10 {
                    worst = worst.max((a - v).abs());
                }
                if second % 5 == 0 {
                    sender.report(a_at, ntp);
                    audio.report(a_rtp, a_rtp as u32, ntp);
                    sender.report(v_at, ntp);
                    video.report(v_rtp, v_rtp as u32, ntp);
                }
            }
            assert!(worst <= 40_000, "skew {worst} µs at {ppm} ppm");
        }
    }

    #[test]
    fn a_reset_timestamp_is_followed_within_a_second() {
        let mut sender = SenderClock::default();
        let mut clock = StreamClock::new(90_000);
        for n in 0..100u64 {
            clock.time(&mut sender, n * 3_000, n * 33_333);
        }
        let mut last = 0;
        for n in 100..200u64 {
            last = clock.time(&mut sender, 500_000_000 + n * 3_000, n * 33_333);
        }
        assert!((last - 199 * 33_333).abs() < 100_000);
    }

    #[test]
    fn a_sender_that_sets_its_wall_clock_is_followed() {
        for step in [-3_600_000_000i64, 3_600_000_000] {
            let (mut sender, mut clock) = (SenderClock::default(), StreamClock::new(90_000));
            let mut last = 0;
            for n in 0..60u64 {
                let at = 10_000_000_000 + n * 1_000_000;
                last = clock.time(&mut sender, n * 90_000, at) - at as i64;
                let set = if n >= 20 { step } else { 0 };
                let ntp = at.wrapping_add_signed(set + 7);
                sender.report(at, ntp);
                clock.report(n * 90_000, (n * 90_000) as u32, ntp);
            }
            assert!(last.abs() < 100_000, "{last} µs off after a step of {step}");
        }
    }

    #[test]
    fn a_report_near_the_wrap_is_extended_to_the_right_side() {
        let mut clock = StreamClock::new(90_000);
        let near = (1u64 << 32) + 10;
        clock.report(near, u32::MAX - 9, 1_000_000);
        assert_eq!(clock.by_report, Some(((1 << 32) - 10, 1_000_000)));
    }

    /// By how many milliseconds sound is placed beside when it was heard, packet by packet over a minute.
    /// `late(second)`: by how much that second's report says it was later. `left_out(second)`: how much of
    /// the sound the sender has left out by then.
    fn placed(late: impl Fn(u64) -> u64, left_out: impl Fn(u64) -> u64) -> Vec<i64> {
        let (mut sender, mut clock) = (SenderClock::default(), StreamClock::new(48_000));
        let (mut seed, mut placed) = (42, Vec::new());
        for n in 0..3000u64 {
            let (rtp, second) = (n * 960, n / 50);
            let heard = n * 20_000 + left_out(second);
            let at = heard + 20_000 + random(&mut seed, 30_000);
            placed.push((clock.time(&mut sender, rtp, at) - heard as i64) / 1000);
            if n % 250 == 0 {
                let ntp = 9_000_000_000 + heard;
                sender.report(at, ntp);
                clock.report(rtp, rtp as u32, ntp + late(second));
            }
        }
        placed
    }

    #[test]
    fn one_late_report_does_not_move_the_sound() {
        let placed = placed(|second| if second == 20 { 230_000 } else { 0 }, |_| 0);
        assert!(placed.iter().all(|ms| (0..=52).contains(ms)), "{placed:?}");
    }

    #[test]
    fn a_first_report_that_is_late_is_left_for_the_second() {
        let placed = placed(|second| if second == 0 { 230_000 } else { 0 }, |_| 0);
        assert!(placed[310..].iter().all(|ms| (0..=52).contains(ms)), "{placed:?}");
    }

    #[test]
    fn sound_that_a_sender_left_out_is_followed_with_the_first_report_that_tells() {
        let placed = placed(|_| 0, |second| if second > 21 { 300_000 } else { 0 });
        assert!(placed[1260..].iter().all(|ms| (0..=52).contains(ms)), "{placed:?}");
    }
}
