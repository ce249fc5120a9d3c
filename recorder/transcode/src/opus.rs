//! Opus packets without gaps. Where nothing was sent there are packets of silence: most programs count
//! samples and do not look at times.

/// Samples a second, whatever the packets hold (RFC 7845 §4).
pub const RATE: u64 = 48_000;
/// 20 ms in which nothing is heard: CELT, full band, mono, the shortest that decoders take.
pub const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];
/// So far the samples may be from their times before it is mended: a packet more or less is heard,
/// and clocks that drift are this far apart after some minutes.
const SLACK: u64 = 1_200;

/// What is to be done with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is next.
    Here,
    /// Silence comes first, one packet of it.
    Later,
    /// Something else was there, or it is no packet.
    Taken,
}

/// How far a stream of packets is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Steady {
    samples: u64,
}

impl Steady {
    /// When the next packet begins.
    pub fn next_us(self) -> u64 {
        (u128::from(self.samples) * 1_000_000 / u128::from(RATE)) as u64
    }

    /// Where a packet belongs that was said to begin at this time.
    pub fn place(self, at_us: u64, packet: &[u8]) -> Place {
        let at = (u128::from(at_us) * u128::from(RATE) / 1_000_000) as u64;
        if at + SLACK < self.samples || samples_of(packet) == 0 {
            Place::Taken
        } else if at >= self.samples + SLACK {
            Place::Later
        } else {
            Place::Here
        }
    }

    /// A packet was put down.
    pub fn add(&mut self, packet: &[u8]) {
        self.samples += samples_of(packet);
    }
}

/// Whether a packet holds two channels (RFC 6716 §3.1).
pub fn is_stereo(packet: &[u8]) -> bool {
    packet.first().is_some_and(|toc| toc & 4 != 0)
}

/// How many samples a packet holds (RFC 6716 §3.1); 0: it is none, or longer than may be.
pub fn samples_of(packet: &[u8]) -> u64 {
    let Some(toc) = packet.first() else { return 0 };
    let kind = toc >> 3;
    let frame = match kind {
        0..=11 => [480, 960, 1920, 2880][usize::from(kind & 3)],
        12..=15 => [480, 960][usize::from(kind & 1)],
        _ => [120, 240, 480, 960][usize::from(kind & 3)],
    };
    let frames = match (toc & 3, packet.get(1)) {
        (0, _) => 1,
        (1 | 2, _) => 2,
        (_, Some(count)) => u64::from(count & 0x3f),
        (_, None) => 0,
    };
    let samples = frame * frames;
    if samples > 5_760 { 0 } else { samples }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Where packets of 20 ms come to lie, by number.
    fn laid(times: &[u64]) -> (Vec<u64>, Steady) {
        let (mut steady, mut places) = (Steady::default(), Vec::new());
        for at in times {
            let voice = [0xfc, 1];
            while steady.place(*at, &voice) == Place::Later {
                steady.add(&SILENCE);
            }
            if steady.place(*at, &voice) == Place::Here {
                places.push(steady.samples / samples_of(&SILENCE));
                steady.add(&voice);
            }
        }
        (places, steady)
    }

    #[test]
    fn gaps_are_silent_and_what_comes_twice_is_left_out() {
        let (places, steady) =
            laid(&[40_000, 60_500, 79_800, 500_000, 500_000, 520_000, 400_000, 540_000]);
        // The second of the doubled ones still finds a place within the slack; then it is mended.
        assert_eq!(places, [1, 2, 3, 24, 25, 26, 27]);
        assert_eq!(steady.next_us(), 560_000);
        assert_eq!(steady.place(u64::MAX / 50_000, &[]), Place::Taken);
    }

    #[test]
    fn lengths_of_packets_are_those_of_the_rfc() {
        for (packet, samples) in [
            (&[0x00u8][..], 480),
            (&[0x18], 2880),
            (&[0x78], 960),
            (&[0xf8], 960),
            (&[0xf9], 1920),
            (&[0x83, 0x04], 480),
            (&[0x1b, 0x3f], 0),
            (&[0xfb], 0),
            (&[], 0),
        ] {
            assert_eq!(samples_of(packet), samples, "{packet:?}");
        }
    }

    proptest! {
        #[test]
        fn samples_stay_with_their_times(waits in prop::collection::vec(0..200_000u64, 1..200)) {
            // Nothing is sent faster than it is heard, but for jitter.
            let mut at = 0;
            let times = waits.iter().map(|wait| {
                at += (*wait).max(19_000);
                at
            });
            let times: Vec<u64> = times.collect();
            for end in 1..=times.len() {
                let (places, steady) = laid(&times[..end]);
                let wanted = times[end - 1] + 20_000;
                prop_assert!(steady.next_us().abs_diff(wanted) <= 25_000, "{steady:?}, {wanted}");
                prop_assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert!(places.len() * 10 >= end * 9);
            }
        }
    }
}
