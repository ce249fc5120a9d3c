//! What a hub wants of a box, signed: a subject alone proves nobody, since a server's own replies go wherever
//! a member says.

use crate::Identity;
use crate::subjects::BoxId;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use roombox_control::clock::UnixMs;
use serde::{Deserialize, Serialize};

/// The longest command, bytes: what is wanted of a box's settings, in quotes.
const LONGEST: usize = 32 * 1024;

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    /// When, in milliseconds by the hub's clock: it only ever rises.
    at: u64,
    /// JSON, or nothing.
    body: String,
    /// Of subject, time and body, by the hub's key; base64.
    signature: String,
}

fn signed(subject: &str, at: u64, body: &str) -> Vec<u8> {
    format!("{subject}\n{at}\n{body}").into_bytes()
}

/// A command as it is sent; `None`: the key cannot sign.
pub fn write(hub: &Identity, subject: &str, at: u64, body: String) -> Option<Vec<u8>> {
    let signature = BASE64_STANDARD.encode(hub.sign(&signed(subject, at, &body))?);
    serde_json::to_vec(&Order { at, body, signature }).ok()
}

/// The date of the next command for a box. Boxes take only what is newer than the last: two in a millisecond are two,
/// and a hub whose clock has gone back goes on behind what the box says it has `taken`, and `before`, what it was
/// sent. A box that says nonsense spoils that for nobody else.
pub fn date(now: UnixMs, taken: u64, before: u64) -> u64 {
    now.0.max(taken.saturating_add(1)).max(before.saturating_add(1))
}

/// What a command says, if it is the hub's and newer than `newest`, which it is from then on: whoever
/// heard an old one cannot say it again.
pub fn read(hub: &BoxId, subject: &str, payload: &[u8], newest: &mut u64) -> Option<Vec<u8>> {
    if payload.len() > LONGEST {
        return None;
    }
    let Order { at, body, signature } = serde_json::from_slice(payload).ok()?;
    let signature = BASE64_STANDARD.decode(signature).ok()?;
    let signer = Identity::signer(&hub.key(), &signed(subject, at, &body), &signature)?;
    if signer != *hub || at <= *newest {
        return None;
    }
    *newest = at;
    Some(body.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hub_commands_and_each_command_once() {
        let [hub, other] = [7, 8].map(|seed| Identity::of_seed([seed; 32]).unwrap());
        let body = || "{}".to_owned();
        let order = write(&hub, "cmd.a.resend", 5, body()).unwrap();
        let mut newest = 0;
        assert_eq!(read(hub.id(), "cmd.a.resend", &order, &mut newest), Some(b"{}".to_vec()));
        assert_eq!(read(hub.id(), "cmd.a.resend", &order, &mut newest), None, "again");
        let later = write(&hub, "cmd.a.resend", 6, body()).unwrap();
        assert_eq!(read(hub.id(), "cmd.b.resend", &later, &mut newest), None, "for another");
        assert_eq!(read(hub.id(), "cmd.a.cloned", &later, &mut newest), None, "another verb");
        let forged = write(&other, "cmd.a.resend", 7, body()).unwrap();
        assert_eq!(read(hub.id(), "cmd.a.resend", &forged, &mut newest), None, "another key");
        for bad in [&b""[..], b"{}", b"[]", b"\xff", br#"{"stream":"FLEET_EV","seq":1}"#] {
            assert_eq!(read(hub.id(), "cmd.a.resend", bad, &mut newest), None);
        }
        assert_eq!(newest, 5);
        assert!(read(hub.id(), "cmd.a.resend", &later, &mut newest).is_some());
    }

    #[test]
    fn a_hub_whose_clock_has_gone_back_commands_on() {
        let hub = Identity::of_seed([7; 32]).unwrap();
        let (mut newest, mut taken, mut before) = (0, 0, 0);
        // Ahead by a day, back again, and started anew without knowing what it has sent.
        for (now, knows) in
            [(86_400_000, true), (5, true), (6, true), (7, false), (86_500_000, true)]
        {
            let at = date(UnixMs(now), taken, if knows { before } else { 0 });
            let order = write(&hub, "cmd.a.wish", at, "{}".to_owned()).unwrap();
            assert!(read(hub.id(), "cmd.a.wish", &order, &mut newest).is_some(), "{now}");
            (taken, before) = (newest, at);
        }
        assert_eq!(newest, 86_500_000, "it is the clock's again");
        assert_eq!(date(UnixMs(5), u64::MAX, u64::MAX), u64::MAX);
    }
}
