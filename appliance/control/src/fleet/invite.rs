//! The code with which a box joins: where the hub is, how it is known, and a right to come once.

use super::FleetError;
use crate::clock::UnixMs;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// What codes begin with, so that people know one when they see it.
const PREFIX: &str = "rbf1.";
/// The longest code that is looked at.
const LONGEST: usize = 4096;

/// An invitation. Names are short: it must fit a QR code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// Addresses of the hub's HTTPS, `host:port`, in the order in which they are tried.
    #[serde(rename = "h")]
    pub hubs: Vec<String>,
    /// SHA-256 of the hub's certificate authority, in hex without colons.
    #[serde(rename = "f")]
    pub fingerprint: String,
    #[serde(rename = "t")]
    pub token: String,
    #[serde(rename = "e")]
    pub expires_ms: u64,
}

impl Invite {
    pub fn code(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(text))
    }

    /// Reads a code as people paste it, with whatever blanks.
    ///
    /// # Errors
    /// It is none, or too old.
    pub fn read(code: &str, now: UnixMs) -> Result<Self, FleetError> {
        let code: String = code.chars().filter(|sign| !sign.is_whitespace()).collect();
        let code = code.strip_prefix(PREFIX).filter(|code| code.len() <= LONGEST);
        let text = code.and_then(|code| BASE64_URL_SAFE_NO_PAD.decode(code).ok());
        let invite = text.and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        let invite = invite.filter(|invite| !invite.hubs.is_empty()).ok_or(FleetError::NoCode)?;
        match invite.expires_ms < now.0 {
            true => Err(FleetError::Expired(UnixMs(invite.expires_ms).minute())),
            false => Ok(invite),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_paste_it_and_anything_else_is_refused() {
        let hubs = vec!["192.168.1.9:443".to_owned()];
        let invite = Invite { hubs, fingerprint: "ab".into(), token: "T".into(), expires_ms: 50 };
        let code = invite.code();
        let (front, back) = code.split_at(20);
        assert_eq!(Invite::read(&format!(" {front}\n{back} "), UnixMs(50)).unwrap(), invite);
        assert!(matches!(Invite::read(&code, UnixMs(51)), Err(FleetError::Expired(_))));
        let long = format!("{PREFIX}{}", "A".repeat(LONGEST + 1));
        for wrong in ["", "rbf1.", &code[..code.len() - 3], &code[5..], "rbf1.!!", &long] {
            let read = Invite::read(wrong, UnixMs(1));
            assert!(matches!(read, Err(FleetError::NoCode)), "{wrong}: {read:?}");
        }
    }
}
