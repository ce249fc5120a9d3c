//! How much more than its payloads a connection sends.
//!
//! str0m estimates bits of payload: headers and tags count for nothing (its issue 581). Of speech
//! they are half, and of the small packets that it pads with, too: so the same link seems to carry
//! 190 kb/s of pictures or 110 kb/s of padding. What is given to str0m and taken from it is
//! translated by what went out of late.

use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(1);
/// IPv4 and UDP headers.
const DATAGRAM: usize = 28;
/// The tag of AES-GCM (RFC 7714).
const TAG: usize = 16;
/// Until the first second is over: packets of video.
const USUAL: f64 = 1.1;

/// Counts one connection's RTP.
#[derive(Debug)]
pub(super) struct Overhead {
    begun: Option<Instant>,
    wire: usize,
    payload: usize,
    ratio: f64,
}

impl Default for Overhead {
    fn default() -> Self {
        Self { begun: None, wire: 0, payload: 0, ratio: USUAL }
    }
}

impl Overhead {
    /// Counts a datagram that is RTP.
    pub(super) fn count(&mut self, now: Instant, datagram: &[u8]) {
        let Some(header) = header_length(datagram) else { return };
        self.wire += datagram.len() + DATAGRAM;
        self.payload += datagram.len().saturating_sub(header + TAG);
        let begun = *self.begun.get_or_insert(now);
        if now.saturating_duration_since(begun) < WINDOW || self.payload == 0 {
            return;
        }
        // Slowly: when pictures take the place of padding, the estimate needs some seconds to follow.
        self.ratio += (self.wire as f64 / self.payload as f64 - self.ratio) / 4.0;
        (self.begun, self.wire, self.payload) = (Some(now), 0, 0);
    }

    /// Bits on the wire for so many of payload.
    pub(super) fn wire(&self, payload: u64) -> u64 {
        (payload as f64 * self.ratio) as u64
    }

    /// Bits of payload in so many on the wire.
    pub(super) fn payload(&self, wire: u64) -> u64 {
        (wire as f64 / self.ratio) as u64
    }
}

/// RFC 3550 §5.1 and §5.3.1.
fn header_length(datagram: &[u8]) -> Option<usize> {
    let first = *datagram.first()?;
    let fixed = 12 + 4 * usize::from(first & 0x0f);
    if first & 0x10 == 0 {
        return Some(fixed);
    }
    let words = u16::from_be_bytes([*datagram.get(fixed + 2)?, *datagram.get(fixed + 3)?]);
    Some(fixed + 4 + 4 * usize::from(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An RTP packet with a header of 20 bytes, extension and all.
    fn rtp(payload: usize) -> Vec<u8> {
        let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0, 0, 0, 0];
        packet.resize(20 + payload + TAG, 0);
        packet
    }

    #[test]
    fn what_surrounds_the_payload_is_counted_over_some_seconds() {
        let start = Instant::now();
        let mut overhead = Overhead::default();
        for n in 0..1500 {
            overhead.count(start + Duration::from_millis(20) * n, &rtp(64));
        }
        // 64 bytes of payload travel in 128.
        assert!((1950..=2000).contains(&overhead.wire(1000)), "{}", overhead.wire(1000));
        assert!((500..=513).contains(&overhead.payload(1000)));
        for n in 1500..1550 {
            overhead.count(start + Duration::from_millis(20) * n, &rtp(1216));
        }
        assert!(overhead.wire(1000) > 1700, "one second does not change it much");
    }

    #[test]
    fn stumps_count_for_nothing() {
        let start = Instant::now();
        let mut overhead = Overhead::default();
        for n in 0..10 {
            for packet in [&[][..], &[0x90], &rtp(0)[..14], &[0x8f, 96]] {
                overhead.count(start + Duration::from_secs(n), packet);
            }
        }
        assert_eq!(overhead.wire(1000), 1100);
    }
}
