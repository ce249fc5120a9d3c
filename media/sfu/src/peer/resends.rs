//! Bounds what a receiver can have sent again.
//!
//! A NACK of 130 bytes asks for 527 packets, the same ones as often as it likes, and str0m obeys:
//! it looks at the share of retransmissions only each 50 ms, and answers all that comes between.
//! NACKs are encrypted, so what they cost is seen only in what comes out: on other SSRCs than the
//! streams' own, where padding goes as well.

use std::time::{Duration, Instant};

/// Packets that may be sent again within [`WINDOW`]: a second of three cameras whole, 10,000 packets
/// a second. After that str0m's own bound of 15 % has long taken hold.
const RESENDS: u32 = 512;
const WINDOW: Duration = Duration::from_millis(50);

/// Counts one connection's retransmissions.
#[derive(Debug, Default)]
pub(super) struct ResendBudget {
    begun: Option<Instant>,
    spent: u32,
}

impl ResendBudget {
    /// Counts one. False once too many were sent.
    pub(super) fn spend(&mut self, now: Instant) -> bool {
        if self.begun.is_none_or(|begun| now.saturating_duration_since(begun) >= WINDOW) {
            self.begun = Some(now);
            self.spent = 0;
        }
        self.spent += 1;
        self.spent <= RESENDS
    }
}

/// The SSRC of a datagram that is RTP and not RTCP (RFC 5761 §4).
pub(super) fn rtp_ssrc(datagram: &[u8]) -> Option<u32> {
    match datagram {
        [128..=191, second, _, _, _, _, _, _, a, b, c, d, ..]
            if !(64..96).contains(&(second & 0x7f)) =>
        {
            Some(u32::from_be_bytes([*a, *b, *c, *d]))
        }
        _ => None,
    }
}
