//! What a layer takes of a connection, measured.

use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(1);
/// Bytes of a packet besides its payload: IPv4 20, UDP 8, RTP 12, extensions about 12, GCM tag 16.
/// The estimate counts them as well: of speech they are half.
const OVERHEAD: u64 = 68;

/// Bitrate of a stream: the newest second, or the decaying memory of a busier one. Encoders give
/// more at each change of the picture, and a still one says little of the next minute.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RateMeter {
    begun: Option<Instant>,
    bytes: u64,
    measured: Option<u64>,
}

impl RateMeter {
    /// Counts a packet with so many bytes of payload.
    pub(crate) fn count(&mut self, now: Instant, payload: usize) {
        self.close(now);
        self.begun.get_or_insert(now);
        self.bytes += payload as u64 + OVERHEAD;
    }

    /// Bits per second; `None` before the first second is over.
    pub(crate) fn bps(mut self, now: Instant) -> Option<u64> {
        self.close(now);
        self.measured
    }

    fn close(&mut self, now: Instant) {
        let Some(begun) = self.begun else { return };
        let elapsed = now.saturating_duration_since(begun).as_secs();
        if elapsed == 0 {
            return;
        }
        self.begun = Some(begun + WINDOW * elapsed.min(u64::from(u32::MAX)) as u32);
        let newest = std::mem::take(&mut self.bytes) * 8;
        // A minute of silence forgets everything.
        for bits in std::iter::once(newest).chain((1..elapsed.min(60)).map(|_| 0)) {
            let before = self.measured.unwrap_or(bits);
            self.measured = Some(bits.max(before - before / 4));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `bps` for so many seconds in packets of 1000 bytes, all told.
    fn feed(meter: &mut RateMeter, from: Instant, seconds: u64, bps: u64) -> Instant {
        let packets = bps / 8000;
        for n in 0..packets * seconds {
            let at = from + Duration::from_micros(n * 1_000_000 / packets);
            meter.count(at, 1000 - OVERHEAD as usize);
        }
        from + Duration::from_secs(seconds)
    }

    #[test]
    fn a_rate_is_known_after_a_second_and_counts_what_surrounds_the_payload() {
        let start = Instant::now();
        let mut meter = RateMeter::default();
        feed(&mut meter, start, 2, 800_000);
        assert_eq!(meter.bps(start + Duration::from_millis(1999)), Some(800_000));
        let mut meter = RateMeter::default();
        meter.count(start, 10);
        assert_eq!(meter.bps(start + Duration::from_millis(999)), None);
    }

    #[test]
    fn more_counts_at_once_and_less_little_by_little() {
        let start = Instant::now();
        let mut meter = RateMeter::default();
        let at = feed(&mut meter, start, 3, 400_000);
        let at = feed(&mut meter, at, 1, 1_600_000);
        assert_eq!(meter.bps(at), Some(1_600_000));
        let at = feed(&mut meter, at, 1, 400_000);
        assert_eq!(meter.bps(at), Some(1_200_000));
        let at = feed(&mut meter, at, 6, 400_000);
        assert_eq!(meter.bps(at), Some(400_000));
    }

    #[test]
    fn silence_fades() {
        let start = Instant::now();
        let mut meter = RateMeter::default();
        let at = feed(&mut meter, start, 2, 800_000);
        let later = |seconds| meter.bps(at + Duration::from_secs(seconds)).unwrap_or(0);
        assert_eq!((later(0), later(1)), (800_000, 600_000));
        assert!(later(20) < 4_000, "{}", later(20));
        assert!(later(1 << 40) < 4_000);
    }
}
