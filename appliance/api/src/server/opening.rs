//! What a connection begins with, looked at without taking it: TLS, or a media client's check.
//!
//! A TLS record of a handshake begins with 0x16 (RFC 8446 §5.1). A framed connectivity check begins
//! with its length (RFC 4571 §2), then a binding request's type and, after another length, STUN's
//! cookie (RFC 8489 §5); no check is long enough to begin with 0x16.

use std::io;
use std::time::Duration;
use tokio::net::TcpStream;

/// STUN's cookie stands here in a framed message.
const COOKIE_AT: usize = 6;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// So many bytes tell everything.
const ENOUGH: usize = COOKIE_AT + COOKIE.len();
/// Length, type and length of a check: STUN's header has 20 bytes, and no check fills a datagram.
const LEAST: u16 = 20;
const MOST: u16 = 1500;
/// A connection that has begun and says no more is looked at again after this.
const PAUSE: Duration = Duration::from_millis(20);

/// Whom a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// The door: TLS, or what it will refuse.
    Door,
    /// The media plane.
    Check,
}

/// What the first bytes come to; `None`: there are too few to tell.
fn judge(bytes: &[u8]) -> Option<Opening> {
    let begins = |at: usize, expected: &[u8]| {
        bytes.iter().skip(at).zip(expected).all(|(byte, expected)| byte == expected)
    };
    let length_fits = match bytes {
        [high, low, ..] => (LEAST..=MOST).contains(&u16::from_be_bytes([*high, *low])),
        [high] => *high <= MOST.to_be_bytes()[0],
        [] => true,
    };
    match length_fits && begins(2, &[0, 1]) && begins(COOKIE_AT, &COOKIE) {
        false => Some(Opening::Door),
        true => (bytes.len() >= ENOUGH).then_some(Opening::Check),
    }
}

/// Waits until the beginning tells whom the connection is for.
///
/// # Errors
/// The connection broke, or ended before it had begun.
pub(super) async fn hear(stream: &TcpStream) -> io::Result<Opening> {
    let (mut bytes, mut before) = ([0; ENOUGH], 0);
    loop {
        let count = stream.peek(&mut bytes).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(opening) = judge(&bytes[..count]) {
            return Ok(opening);
        }
        // What is there already does not wake anybody again.
        if count == before {
            tokio::time::sleep(PAUSE).await;
        }
        before = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_and_checks_are_told_apart_as_soon_as_they_can_be() {
        let check = [0, 100, 0, 1, 0, 80, 0x21, 0x12, 0xa4, 0x42, 7, 7];
        for length in 0..ENOUGH {
            assert_eq!(judge(&check[..length]), None, "{length} bytes");
        }
        assert_eq!(judge(&check), Some(Opening::Check));
        assert_eq!(judge(&check[..ENOUGH]), Some(Opening::Check));
        let differs = |at: usize, byte: u8| {
            let mut other = check;
            other[at] = byte;
            other
        };
        let doors: [&[u8]; 8] = [
            &[0x16],
            &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3],
            b"GET / HTTP/1.1",
            &[0, 19],
            // A binding answer, another cookie, and a frame that is too long.
            &differs(3, 2),
            &differs(2, 1),
            &differs(9, 0x43),
            &differs(0, 6),
        ];
        for bytes in doors {
            assert_eq!(judge(bytes), Some(Opening::Door), "{bytes:?}");
        }
    }
}
