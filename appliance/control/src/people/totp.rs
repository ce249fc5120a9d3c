//! Codes that change every 30 s (TOTP, RFC 6238 with HMAC-SHA-1 and six digits, as all apps have them).
//!
//! Pure: time is an argument.

use crate::percent::escaped;
use aws_lc_rs::hmac;

/// Bytes of a secret: as long as the hash (RFC 4226 §4 R6).
pub(super) const SECRET: usize = 20;
const STEP_S: u64 = 30;
/// Steps before and after that count too: clocks differ, and typing takes time.
const SLACK: u64 = 1;
const DIGITS: usize = 6;

/// The code of a step (RFC 4226 §5.3).
fn code(secret: &[u8], step: u64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag.last().copied().unwrap_or(0) & 0xf);
    let four = tag.get(at..at + 4).and_then(|four| four.try_into().ok()).unwrap_or([0; 4]);
    (u32::from_be_bytes(four) & 0x7fff_ffff) % 10_u32.pow(DIGITS as u32)
}

/// The step that a typed code belongs to; `None`: to none that counts now. Steps up to `used` do not
/// count any more (RFC 6238 §5.2).
pub(super) fn step_of(secret: &[u8], typed: &str, unix_s: u64, used: u64) -> Option<u64> {
    let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    if typed.len() != DIGITS || !typed.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let typed: u32 = typed.parse().ok()?;
    let now = unix_s / STEP_S;
    let steps = now.saturating_sub(SLACK)..=now + SLACK;
    steps.filter(|step| *step > used).find(|step| code(secret, *step) == typed)
}

/// The code of a time, as an app computes it from what was shown.
#[cfg(test)]
pub(super) fn code_of(shown: &str, unix_s: u64) -> String {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut secret, mut held, mut bits) = (Vec::new(), 0u32, 0);
    for letter in shown.chars() {
        held = held << 5 | u32::try_from(letters.find(letter).unwrap()).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            secret.push((held >> bits) as u8);
        }
    }
    format!("{:06}", code(&secret, unix_s / STEP_S))
}

/// A secret as apps take it (RFC 4648 §6, without padding).
pub(super) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut text, mut held, mut bits) = (String::new(), 0u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(held >> bits) as usize & 31]));
        }
    }
    if bits > 0 {
        text.push(char::from(LETTERS[(held << (5 - bits)) as usize & 31]));
    }
    text
}

/// The address that apps read from a QR code (Key URI format). Names are of the box and the person.
pub(super) fn address(secret: &[u8], box_name: &str, person: &str) -> String {
    let (issuer, account) = (escaped(box_name), escaped(person));
    format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", base32(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, SHA-1; the last six of its eight digits.
    const RFC: &[u8; SECRET] = b"12345678901234567890";
    const VECTORS: [(u64, u32); 6] = [
        (59, 287_082),
        (1_111_111_109, 81_804),
        (1_111_111_111, 50_471),
        (1_234_567_890, 5_924),
        (2_000_000_000, 279_037),
        (20_000_000_000, 353_130),
    ];

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (unix_s, digits) in VECTORS {
            assert_eq!(code(RFC, unix_s / STEP_S), digits, "{unix_s}");
            let typed = format!("{digits:06}");
            assert_eq!(step_of(RFC, &typed, unix_s, 0), Some(unix_s / STEP_S));
            let spaced = format!(" {} {} ", &typed[..3], &typed[3..]);
            assert_eq!(step_of(RFC, &spaced, unix_s, 0), Some(unix_s / STEP_S));
        }
    }

    #[test]
    fn a_code_counts_one_step_early_or_late_and_never_twice() {
        let (at, step) = (2_000_000_000_u64, 2_000_000_000 / STEP_S);
        let typed = "279037";
        for (shift, counts) in [(-60_i64, false), (-30, true), (0, true), (30, true), (60, false)] {
            let now = at.checked_add_signed(shift).unwrap();
            assert_eq!(step_of(RFC, typed, now, 0).is_some(), counts, "{shift}");
        }
        assert_eq!(step_of(RFC, typed, at, step - 1), Some(step));
        assert_eq!(step_of(RFC, typed, at, step), None);
    }

    #[test]
    fn what_is_no_code_is_none() {
        for typed in ["", "27903", "2790370", "279O37", "+79037", "279037\u{0661}", "-79037"] {
            assert_eq!(step_of(RFC, typed, 2_000_000_000, 0), None, "{typed}");
        }
    }

    #[test]
    fn secrets_are_written_as_the_rfc_writes_them() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        let address = address(b"foobar", "Hall 3", "Zoë & Co");
        assert_eq!(
            address,
            "otpauth://totp/Hall%203:Zo%C3%AB%20%26%20Co?secret=MZXW6YTBOI&issuer=Hall%203"
        );
    }
}
