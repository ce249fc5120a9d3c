//! Datagrams on a TCP connection: each follows its length in two bytes (RFC 4571 §2).
//!
//! Pure: bytes come in as they come, whole datagrams go out.

/// Longest datagram that is taken: WebRTC's are below 1500 bytes. What claims to be longer is none.
pub(crate) const LONGEST: usize = 2048;
const HEAD: usize = 2;

/// The connection says something else than framed datagrams, or has lost its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes holds no datagram of WebRTC")]
pub(crate) struct FrameTooLong(usize);

/// The beginning of a frame whose end has not come yet: never more than one frame.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    begun: Vec<u8>,
}

impl Frames {
    /// Takes what has come, and shows each datagram that is whole. Empty ones say nothing and are
    /// left out (RFC 4571 §2).
    ///
    /// # Errors
    /// A frame is longer than any datagram: nothing that follows makes sense.
    pub(crate) fn take(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), FrameTooLong> {
        loop {
            let missing = missing(&self.begun)?;
            if missing == 0 {
                if self.begun.len() > HEAD {
                    each(&self.begun[HEAD..]);
                }
                self.begun.clear();
            } else if bytes.is_empty() {
                return Ok(());
            } else {
                let (now, later) = bytes.split_at(missing.min(bytes.len()));
                self.begun.extend_from_slice(now);
                bytes = later;
            }
        }
    }
}

/// Bytes until the head, or then the frame, is whole.
fn missing(begun: &[u8]) -> Result<usize, FrameTooLong> {
    let [high, low, datagram @ ..] = begun else {
        return Ok(HEAD - begun.len());
    };
    match usize::from(u16::from_be_bytes([*high, *low])) {
        length @ 0..=LONGEST => Ok(length - datagram.len()),
        length => Err(FrameTooLong(length)),
    }
}

/// The first datagram of what a connection has said so far, once it is whole.
///
/// # Errors
/// It is longer than any datagram.
pub(crate) fn first(said: &[u8]) -> Result<Option<&[u8]>, FrameTooLong> {
    let Some((head, rest)) = said.split_first_chunk::<HEAD>() else {
        return Ok(None);
    };
    match usize::from(u16::from_be_bytes(*head)) {
        length @ 0..=LONGEST => Ok(rest.get(..length)),
        length => Err(FrameTooLong(length)),
    }
}

/// Appends a datagram as a frame. False if it is longer than a frame may be.
pub(crate) fn put(datagram: &[u8], to: &mut Vec<u8>) -> bool {
    let Ok(length) = u16::try_from(datagram.len()) else {
        return false;
    };
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(datagram);
    true
}

/// Entry for the fuzzer: however a stream is cut, the same datagrams come out, and no more is kept
/// than a frame.
pub fn fuzz_framing(bytes: &[u8]) {
    let (cut, stream) = bytes.split_first().map_or((1, bytes), |(cut, rest)| (*cut, rest));
    let collect = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut frames, mut seen) = (Frames::default(), Vec::new());
        for piece in pieces {
            let taken = frames.take(piece, |frame| seen.push(frame.to_vec()));
            assert!(frames.begun.len() < HEAD + LONGEST, "more is kept than a frame");
            if taken.is_err() {
                return (seen, taken);
            }
        }
        (seen, Ok(()))
    };
    let whole = collect(&mut std::iter::once(stream));
    assert_eq!(whole, collect(&mut stream.chunks(usize::from(cut).max(1))));
    let (seen, outcome) = whole;
    assert!(seen.iter().all(|frame| (1..=LONGEST).contains(&frame.len())));
    // What came out makes the same stream again, but for what is empty or not whole.
    let mut again = Vec::new();
    assert!(seen.iter().all(|frame| put(frame, &mut again)));
    assert!(again.len() <= stream.len());
    if let Ok(Some(datagram)) = first(stream) {
        assert!(datagram.is_empty() || seen.first().is_some_and(|seen| seen == datagram));
    } else {
        assert!(seen.is_empty() && first(stream).err() == outcome.err());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Chance(u64);

    impl Chance {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) as usize % bound
        }
    }

    #[test]
    fn datagrams_come_out_as_they_went_in_however_the_stream_is_cut() {
        for seed in 0..500 {
            let mut chance = Chance(seed);
            let (mut sent, mut stream) = (Vec::new(), Vec::new());
            for n in 0..chance.below(20) as u8 {
                let length = [0, 1, 2, 20, 1200, LONGEST][chance.below(6)];
                let datagram = vec![n; length];
                assert!(put(&datagram, &mut stream));
                if length > 0 {
                    sent.push(datagram);
                }
            }
            let (mut frames, mut got, mut rest) = (Frames::default(), Vec::new(), &stream[..]);
            while !rest.is_empty() {
                let bound = [1, 3, 100, 5000][chance.below(4)];
                let (piece, later) = rest.split_at((1 + chance.below(bound)).min(rest.len()));
                frames.take(piece, |frame| got.push(frame.to_vec())).unwrap();
                rest = later;
            }
            assert_eq!(got, sent, "seed {seed}");
            assert!(frames.begun.is_empty(), "seed {seed}");
        }
    }

    #[test]
    fn a_stream_that_is_none_of_ours_is_refused_at_once_and_nothing_of_it_is_kept() {
        for stranger in [&b"GET / HTTP/1.1\r\n"[..], &[0x16, 3, 1, 2, 0], &[0xff; 70_000]] {
            let mut frames = Frames::default();
            let refused = frames.take(stranger, |_| panic!("no datagram is in it"));
            assert!(refused.is_err() && frames.begun.len() <= HEAD);
            assert!(first(stranger).is_err());
        }
        // What came before it was whole stays good.
        let mut stream = Vec::new();
        assert!(put(b"good", &mut stream));
        stream.extend([0xff, 0xff, 1]);
        let mut seen = 0;
        assert!(Frames::default().take(&stream, |_| seen += 1).is_err());
        assert_eq!(seen, 1);
    }

    #[test]
    fn the_first_datagram_is_found_when_it_is_whole() {
        let mut stream = Vec::new();
        assert!(put(b"first", &mut stream) && put(b"second", &mut stream));
        for length in 0..7 {
            assert_eq!(first(&stream[..length]), Ok(None));
        }
        assert_eq!(first(&stream), Ok(Some(&b"first"[..])));
        assert!(!put(&[0; 65_536], &mut stream));
    }
}
