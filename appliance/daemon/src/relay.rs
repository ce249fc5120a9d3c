//! Credentials for an external TURN server: they expire, and the server checks them by a secret that it
//! shares with the box (draft-uberti-behave-turn-rest-00 §2.2; coturn's `use-auth-secret`).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roombox_control::conference::Relay;
use roombox_control::settings::TurnSettings;
use std::time::Duration;

/// Longer than any meeting; who reconnects gets new ones.
const GOOD_FOR: Duration = Duration::from_secs(12 * 3600);

/// What a participant needs for the relay; `None` without one. `now` is the time since the epoch.
pub fn relay(settings: &TurnSettings, participant: &str, now: Duration) -> Option<Relay> {
    if settings.urls.is_empty() {
        return None;
    }
    let username = format!("{}:{participant}", (now + GOOD_FOR).as_secs());
    let secret = settings.secret.reveal().as_bytes();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let credential = STANDARD.encode(hmac::sign(&key, username.as_bytes()));
    Some(Relay { urls: settings.urls.clone(), username, credential, only: settings.relay_only })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_those_that_the_server_computes_and_the_secret_is_in_none() {
        let text = "[turn]\nurls = [\"turn:t:1\"]\nsecret = \"north\"\nrelay_only = true\n";
        let settings = roombox_provision::parse(text).unwrap().settings.turn;
        let relay = relay(&settings, "PA_1", Duration::from_secs(1_700_000_000)).unwrap();
        // printf %s 1700043200:PA_1 | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(relay.username, "1700043200:PA_1");
        assert_eq!(relay.credential, "WdEFPUOx1K15NT4WMPwY2Xl/cDw=");
        assert!(relay.only && relay.urls == ["turn:t:1"]);
        assert!(!format!("{relay:?}").contains(&relay.credential));
    }

    #[test]
    fn without_a_server_there_is_nothing() {
        assert_eq!(relay(&TurnSettings::default(), "PA_1", Duration::ZERO), None);
    }
}
