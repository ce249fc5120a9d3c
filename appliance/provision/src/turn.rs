//! A relay for clients that no port of the box is open to: somebody else's TURN server.

use crate::secret::{HIDDEN, Secret};
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

/// One server has an address a transport; more servers than a few are a slip.
const MOST_URLS: usize = 8;
const LONGEST_URL: usize = 200;

/// Which TURN server clients may go through. The box has none of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct TurnSettings {
    /// Its addresses, like `turn:turn.example.org:3478?transport=udp` (RFC 7065); empty: none.
    #[cfg_attr(feature = "schema", schema(required))]
    pub urls: Vec<String>,
    /// What it shares with the box (coturn: `static-auth-secret`). It is shown to nobody again:
    /// `(hidden)` stands for one that is set, and leaves it as it is.
    #[cfg_attr(feature = "schema", schema(value_type = String, required))]
    pub secret: Secret,
    /// Clients go through it even where a port of the box is open to them.
    #[cfg_attr(feature = "schema", schema(required))]
    pub relay_only: bool,
}

impl TurnSettings {
    /// # Errors
    /// The name of a setting that will not do, and why.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.urls.len() > MOST_URLS {
            return Err(("urls", "are at most 8"));
        }
        let fits = |url: &String| {
            let host = url.strip_prefix("turn:").or(url.strip_prefix("turns:")).unwrap_or_default();
            let host = host.split('?').next().unwrap_or_default();
            let printable = url.bytes().all(|byte| byte.is_ascii_graphic());
            !host.is_empty() && !host.starts_with('/') && printable && url.len() <= LONGEST_URL
        };
        if !self.urls.iter().all(fits) {
            return Err(("urls", "are like turn:turn.example.org:3478?transport=udp"));
        }
        if self.secret.reveal() == HIDDEN {
            return Err(("secret", "is not shown: write it anew"));
        }
        if !self.urls.is_empty() && self.secret.reveal().is_empty() {
            return Err(("secret", "is missing: the server's static-auth-secret"));
        }
        if self.relay_only && self.urls.is_empty() {
            return Err(("relay_only", "needs urls: nobody could come in"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_what_belongs_together_are_checked() {
        let with = |urls: &[&str], secret: &str, relay_only| TurnSettings {
            urls: urls.iter().copied().map(str::to_owned).collect(),
            secret: serde_json::from_value(serde_json::json!(secret)).unwrap(),
            relay_only,
        };
        let url = "turn:turn.example.org:3478?transport=udp";
        for (settings, wrong) in [
            (with(&[], "", false), None),
            (with(&[], "kept for later", false), None),
            (with(&[url, "turns:[fd00::1]:5349?transport=tcp"], "s", true), None),
            (with(&[url], "", false), Some("secret")),
            (with(&[url], "(hidden)", false), Some("secret")),
            (with(&[], "s", true), Some("relay_only")),
            (with(&["stun:stun.example.org"], "s", false), Some("urls")),
            (with(&["turn:"], "s", false), Some("urls")),
            (with(&["turn:?transport=udp"], "s", false), Some("urls")),
            (with(&["turn://turn.example.org"], "s", false), Some("urls")),
            (with(&["turn:a b"], "s", false), Some("urls")),
            (with(&[url; 9], "s", false), Some("urls")),
        ] {
            assert_eq!(settings.check().err().map(|(name, _)| name), wrong, "{settings:?}");
        }
        let shown = serde_json::to_string(&with(&[url], "canary", false)).unwrap();
        assert!(!shown.contains("canary") && shown.contains("(hidden)"), "{shown}");
        assert!(
            serde_json::to_string(&TurnSettings::default()).unwrap().contains(r#""secret":"""#)
        );
    }
}
