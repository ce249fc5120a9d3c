//! The one thing of STUN that must be known before a datagram's peer is: whose it is.

/// The local half of a STUN message's user name (RFC 8445 §7.2.2): it names the connection that a
/// check is for. `None` for anything else.
pub fn stun_local_ufrag(datagram: &[u8]) -> Option<&str> {
    // STUN's first two bits are 0 and its cookie follows the length (RFC 8489 §5).
    let is_stun = datagram.first().is_some_and(|first| first & 0xc0 == 0)
        && datagram.get(4..8) == Some(&[0x21, 0x12, 0xa4, 0x42]);
    if !is_stun {
        return None;
    }
    stun_user_name(datagram).and_then(|name| name.split_once(':')).map(|(local, _)| local)
}

/// The USERNAME attribute (RFC 8489 §14.3) of a STUN message.
fn stun_user_name(message: &[u8]) -> Option<&str> {
    const HEADER: usize = 20;
    const USERNAME: u16 = 0x0006;
    let mut rest = message.get(HEADER..)?;
    loop {
        let kind = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
        let length = usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]));
        let value = rest.get(4..4 + length)?;
        if kind == USERNAME {
            return std::str::from_utf8(value).ok();
        }
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
}
