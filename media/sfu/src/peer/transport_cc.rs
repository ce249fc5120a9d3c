//! Keeps transport-wide sequence numbers away from str0m that would break it.
//!
//! str0m extends each number (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2) around the
//! highest that it has seen. While that one is below 2^15, a number more than 2^15 above it is taken
//! for one *before zero* and becomes about 2^64; the next report then lists all numbers between,
//! one item for 8192, until memory ends. Two packets of anybody who may publish would do. And every
//! number is kept until a report has room for it, so that packets which come faster than reports
//! can tell of them are never forgotten.
//!
//! The numbers stand in clear (RFC 3711 §3.1), but here they are not authenticated yet: whoever
//! forges packets must not pass the guard. So nothing is concluded from what passed except how low
//! str0m's highest number can be. Somebody who can forge the peer's address may make it drop packets
//! until its numbers wrap; who can do that can as well cut the line.

use std::time::{Duration, Instant};

/// `a=extmap` URI of the transport-wide sequence number.
const URI: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// Half the numbers' circle: less far ahead is ahead.
const HALF: u32 = 1 << 15;

/// Bytes that a packet takes up in reports: one if it follows on the packet before, with a chunk of
/// two for many; else a gap, a run of one and a large delta.
const IN_SEQUENCE: u32 = 1;
const OUT_OF_SEQUENCE: u32 = 6;

/// Time in which reports tell a byte. str0m writes some 1080 bytes each 50 ms, of which half may
/// repeat what was reported before. 9000 packets a second without a gap, or 6000 with a tenth
/// missing, are far more than a sender of 4K video needs.
const BYTE: Duration = Duration::from_micros(111);

/// How far reports may be behind: what a stalled network lets out at once.
const ARREARS: Duration = Duration::from_secs(4);

/// Judges the RTP packets of one connection before str0m sees them.
#[derive(Debug)]
pub(super) struct TransportCcGuard {
    /// Header extension that str0m reads the number from.
    id: Option<u8>,
    /// Lowest number that passed, authenticated or not.
    lowest: Option<u32>,
    /// Highest number that str0m is known to have taken.
    highest: u32,
    last: u16,
    /// When reports will have told of all that passed.
    told: Option<Instant>,
    refused: u64,
}

impl TransportCcGuard {
    pub(super) fn new(id: Option<u8>) -> Self {
        Self { id, lowest: None, highest: 0, last: 0, told: None, refused: 0 }
    }

    /// Another description was applied: the number is in this extension now.
    pub(super) fn follow(&mut self, id: Option<u8>) {
        self.id = id;
    }

    /// A packet with this number came through decryption.
    pub(super) fn authenticated(&mut self, number: u16) {
        self.highest = self.highest.max(u32::from(number));
    }

    /// False for an RTP packet that must be dropped.
    pub(super) fn admits(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let Some(number) = self.id.and_then(|id| transport_cc(datagram, id)) else {
            return true;
        };
        let admitted = self.is_after_zero(number) && self.is_reportable(now, number);
        if !admitted {
            self.refused += 1;
            if self.refused == 1 {
                tracing::warn!(number, "a peer's transport-wide numbers make no sense");
            }
        }
        admitted
    }

    /// str0m's highest number only grows. From 2^15 on nothing is before zero; until then, all that
    /// is at most 2^15 above it is not. If it has none yet, it takes any number as it is.
    fn is_after_zero(&mut self, number: u16) -> bool {
        if self.highest >= HALF {
            return true;
        }
        let number = u32::from(number);
        let lowest = self.lowest.unwrap_or(number);
        if number > HALF + lowest.max(self.highest) {
            return false;
        }
        self.lowest = Some(lowest.min(number));
        true
    }

    fn is_reportable(&mut self, now: Instant, number: u16) -> bool {
        let follows = number == self.last.wrapping_add(1);
        let bytes = if follows { IN_SEQUENCE } else { OUT_OF_SEQUENCE };
        let told = self.told.map_or(now, |told| told.max(now)) + BYTE * bytes;
        if told > now + ARREARS {
            return false;
        }
        self.told = Some(told);
        self.last = number;
        true
    }
}

/// The number in an RTP packet, read as str0m reads it: the last element with this id that has two
/// bytes or more (RFC 8285 §4.2 and §4.3, RFC 3550 §5.1).
fn transport_cc(datagram: &[u8], id: u8) -> Option<u16> {
    let [first, second, ..] = datagram else {
        return None;
    };
    // Version 2 with an extension, and no RTCP (RFC 5761 §4).
    if first & 0b1101_0000 != 0b1001_0000 || (64..96).contains(&(second & 0x7f)) {
        return None;
    }
    let at = 12 + 4 * usize::from(first & 0b1111);
    let head = datagram.get(at..at + 4)?;
    let profile = u16::from_be_bytes([head[0], head[1]]);
    let one_byte = match profile {
        0xbede => true,
        _ if profile & 0xfff0 == 0x1000 => false,
        _ => return None,
    };
    let length = 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
    let mut rest = datagram.get(at + 4..at + 4 + length)?;
    let mut found = None;
    while let Some((&byte, after)) = rest.split_first() {
        if byte == 0 {
            rest = after;
            continue;
        }
        let (element, length, after) = match one_byte {
            true if byte >> 4 == 15 => break,
            true => (byte >> 4, usize::from(byte & 15) + 1, after),
            false => match after.split_first() {
                Some((&length, after)) => (byte, usize::from(length), after),
                None => break,
            },
        };
        let Some((value, after)) = after.split_at_checked(length) else {
            break;
        };
        if element == id
            && let [high, low, ..] = value
        {
            found = Some(u16::from_be_bytes([*high, *low]));
        }
        rest = after;
    }
    found
}

/// Whether whoever wrote a description can tell which transport-wide numbers arrive when.
pub(crate) fn offers_transport_cc(sdp: &str) -> bool {
    sdp.contains(URI)
}

/// Id of the transport-wide number in a description's last section.
pub(super) fn transport_cc_id(sdp: &str) -> Option<u8> {
    sdp.lines().rev().take_while(|line| !line.starts_with("m=")).find_map(|line| {
        let (id, uri) = line.strip_prefix("a=extmap:")?.split_once(' ')?;
        (uri == URI).then_some(())?;
        id.split('/').next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: u8 = 3;
    const MILLISECOND: Duration = Duration::from_millis(1);

    fn rtp(number: u16) -> Vec<u8> {
        let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 1];
        packet.push(ID << 4 | 1);
        packet.extend(number.to_be_bytes());
        packet.extend([0, 7, 7, 7]);
        packet
    }

    /// What str0m would make of it: all numbers authenticated, one packet a millisecond.
    struct Link {
        guard: TransportCcGuard,
        now: Instant,
        highest: Option<i64>,
        before_zero: bool,
    }

    impl Link {
        fn new() -> Self {
            let guard = TransportCcGuard::new(Some(ID));
            Self { guard, now: Instant::now(), highest: None, before_zero: false }
        }

        fn send(&mut self, number: u16, authentic: bool) -> bool {
            self.now += MILLISECOND;
            if !self.guard.admits(self.now, &rtp(number)) {
                return false;
            }
            if authentic {
                let (number, half) = (i64::from(number), i64::from(HALF));
                let highest = self.highest.unwrap_or(number);
                let round = highest & !0xffff;
                let extended = match highest & 0xffff {
                    low if low < half && number > half + low => round - 0x1_0000 + number,
                    low if low > half + number => round + 0x1_0000 + number,
                    _ => round + number,
                };
                self.before_zero |= extended < 0;
                self.highest = Some(highest.max(extended));
                self.guard.authenticated(number as u16);
            }
            true
        }
    }

    #[test]
    fn no_number_is_before_zero_whatever_is_sent() {
        // The second of each is not authentic, as anybody can have it.
        let attacks: [&[(u16, bool)]; 5] = [
            &[(0, true), (65535, true)],
            &[(40_000, false), (0, true), (65535, true)],
            &[(0, true), (32_768, false), (65535, true)],
            &[(65535, false), (65535, false), (5, true), (40_000, true)],
            &[(10, true), (32_778, false), (9, true), (60_000, true), (32_779, true)],
        ];
        for attack in attacks {
            let mut link = Link::new();
            for (number, authentic) in attack {
                link.send(*number, *authentic);
            }
            assert!(!link.before_zero, "{attack:?}");
            assert!(link.guard.refused > 0, "{attack:?}");
        }
        let mut state = 1u64;
        let mut link = Link::new();
        for n in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            link.send((state >> 33) as u16, state >> 63 == 0);
            assert!(!link.before_zero, "packet {n}");
            if n % 50 == 0 {
                link = Link::new();
            }
        }
    }

    #[test]
    fn an_honest_sender_loses_nothing() {
        for start in [0u32, 1, 30_000, 32_767, 32_768, 50_000, 65_530] {
            let mut link = Link::new();
            let mut state = u64::from(start) + 1;
            for n in start..start + 200_000 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // A tenth is lost, another overtaken by up to 40, the first packet is neither.
                let late = if n > start + 50 && (state >> 40) % 10 == 0 {
                    (state >> 50) as u32 % 40
                } else {
                    0
                };
                if (state >> 33) % 10 != 0 || n == start {
                    assert!(link.send((n - late) as u16, true), "start {start}, packet {n}");
                }
            }
            assert!(!link.before_zero && link.guard.refused == 0);
        }
    }

    #[test]
    fn packets_that_no_report_can_keep_up_with_are_dropped() {
        let (mut guard, start) = (TransportCcGuard::new(Some(ID)), Instant::now());
        let mut passed = 0;
        // 20,000 a second for half a minute, each far from the last.
        for n in 0..600_000u32 {
            let now = start + Duration::from_micros(50) * n;
            passed += u32::from(guard.admits(now, &rtp(n.wrapping_mul(30_000) as u16)));
        }
        assert!((30_000..60_000).contains(&passed), "{passed}");
        // Half a minute later all is told: the same sender, behaving, is heard.
        let later = start + Duration::from_secs(60);
        assert!((0..9000).all(|n| guard.admits(later + BYTE * n, &rtp(n as u16))));
    }

    #[test]
    fn the_number_is_read_as_str0m_reads_it() {
        let head = [0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
        let cases: [(&[u8], Option<u16>); 9] = [
            (&[0xbe, 0xde, 0, 1, 0x31, 1, 2, 0], Some(0x102)),
            (&[0xbe, 0xde, 0, 1, 0x32, 1, 2, 9], Some(0x102)),
            (&[0xbe, 0xde, 0, 2, 0x31, 1, 2, 0, 0x31, 3, 4, 0], Some(0x304)),
            (&[0xbe, 0xde, 0, 2, 0x31, 1, 2, 0x30, 9, 0, 0, 0], Some(0x102)),
            (&[0xbe, 0xde, 0, 2, 0xf0, 0x31, 1, 2, 0x31, 1, 2, 0], None),
            (&[0x10, 0x05, 0, 1, 3, 2, 1, 2], Some(0x102)),
            (&[0x10, 0x05, 0, 1, 4, 2, 1, 2], None),
            (&[0xbe, 0xde, 0, 1, 0x33, 1, 2, 0], None),
            (&[0xbe, 0xde, 0, 2, 0x31, 1, 2, 0], None),
        ];
        for (extension, number) in cases {
            let packet = [&head[..], extension].concat();
            assert_eq!(transport_cc(&packet, 3), number, "{extension:?}");
        }
        assert_eq!(transport_cc(&[&[0x90, 200][..], &rtp(1)[2..]].concat(), 3), None);
        for length in 0..20 {
            transport_cc(&rtp(1)[..length], 3);
        }
    }

    #[test]
    fn the_last_section_says_where_the_number_is() {
        let line = |id: &str| format!("a=extmap:{id} {URI}\r\n");
        let sdp = format!(
            "v=0\r\nm=audio 9\r\n{}m=video 9\r\na=mid:1\r\n{}",
            line("5"),
            line("9/sendrecv")
        );
        assert_eq!(transport_cc_id(&sdp), Some(9));
        assert_eq!(transport_cc_id(&format!("m=audio 9\r\n{}m=video 9\r\n", line("5"))), None);
    }
}
