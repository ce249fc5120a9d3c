//! Redundant audio (RFC 2198), as far as forwarding needs it.

/// The primary encoding of a RED payload: its last block. `None` for a malformed payload.
pub(crate) fn primary(payload: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    let mut redundant = 0;
    loop {
        let header = *payload.get(at)?;
        if header & 0x80 == 0 {
            return payload.get(at + 1 + redundant..);
        }
        let block = payload.get(at..at + 4)?;
        redundant += usize::from(u16::from_be_bytes([block[2], block[3]]) & 0x03ff);
        at += 4;
    }
}

/// Entry for the fuzzer: any bytes as a RED payload.
pub fn fuzz_red(payload: &[u8]) {
    let primary = primary(payload).unwrap_or_default();
    assert!(payload.ends_with(primary));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_block_is_the_primary() {
        // One redundant block of 2 bytes, then the primary.
        let red = [0x80 | 111, 0, 0, 2, 111, 1, 2, 9, 9, 9];
        assert_eq!(primary(&red), Some(&[9u8, 9, 9][..]));
        assert_eq!(primary(&[111, 5, 6]), Some(&[5u8, 6][..]));
    }

    #[test]
    fn truncated_payloads_are_refused() {
        assert_eq!(primary(&[]), None);
        assert_eq!(primary(&[0x80 | 111, 0, 0]), None);
        assert_eq!(primary(&[0x80 | 111, 3, 0xff, 0xff, 111, 1]), None);
    }
}
