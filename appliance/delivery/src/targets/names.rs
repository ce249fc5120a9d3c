//! Names below a target's folder: what they may be, and how they stand in an address.

use super::SendError;
use std::fmt::Write as _;

/// What an unfinished file is called after its name. Not `.part`: Nextcloud and ownCloud keep that ending for
/// themselves and refuse it.
pub(super) const PART: &str = ".unfinished";

/// The parts of a name, none of which leads elsewhere.
pub(super) fn parts(name: &str) -> Result<Vec<&str>, SendError> {
    let parts: Vec<_> = name.split('/').collect();
    let leads_elsewhere = |part: &&str| {
        matches!(*part, "" | "." | "..") || part.contains(|c: char| c.is_control() || c == '\\')
    };
    match parts.iter().any(leads_elsewhere) {
        true => Err(SendError::Address(format!("{name:?} is no name for a file"))),
        false => Ok(parts),
    }
}

/// The folders above a name, from the top: `a/b/c` has `a` and `a/b`.
pub(super) fn folders(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at])
}

/// A name as a path of an address: all but the unreserved characters and `/` are percent-encoded
/// (RFC 3986 §2).
pub fn encoded(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => path.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => path.push(char::from(byte)),
            // Into a String: cannot fail.
            byte => _ = write!(path, "%{byte:02X}"),
        }
    }
    path
}

/// 32 bytes as 64 digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Into a String: cannot fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

/// 64 digits as 32 bytes; `None`: they are none.
pub fn unhex(text: &str) -> Option<[u8; 32]> {
    // Digits alone: a number may have a sign.
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_in_an_address_whatever_it_holds() {
        assert_eq!(encoded("Büro 1/a#b%c?.mkv"), "B%C3%BCro%201/a%23b%25c%3F.mkv");
        assert_eq!(encoded("a-b_c~d.mp4"), "a-b_c~d.mp4");
    }

    #[test]
    fn no_name_leads_elsewhere() {
        assert_eq!(parts("a/b.mkv").unwrap(), ["a", "b.mkv"]);
        for name in ["", "/a", "a/", "a//b", "../a", "a/./b", "a\\b", "a\0b", "a\nb"] {
            assert!(parts(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn folders_are_made_from_the_top() {
        assert_eq!(folders("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(folders("c").count(), 0);
    }

    #[test]
    fn a_digest_is_written_in_hexadecimal() {
        assert_eq!(hex(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }

    #[test]
    fn a_sum_is_read_as_it_is_written() {
        let sum = std::array::from_fn(|at| at as u8 * 7);
        assert_eq!(unhex(&hex(&sum)), Some(sum));
        assert_eq!(unhex(&"0".repeat(63)), None);
        assert_eq!(unhex(&"ü".repeat(32)), None);
        assert_eq!(unhex(&"g".repeat(64)), None);
    }
}
