//! The relay that a client may use, as its answer names it (RFC 9725 §4.6).

use axum::http::HeaderValue;
use roombox_control::conference::Relay;

/// A `Link` header for each address; none without a relay. What does not fit into a header is left
/// out.
pub(super) fn of(relay: Option<&Relay>) -> Vec<HeaderValue> {
    let Some(relay) = relay else {
        return Vec::new();
    };
    let link = |url: &String| {
        let Relay { username, credential, .. } = relay;
        format!(
            "<{url}>; rel=\"ice-server\"; username=\"{}\"; credential=\"{}\"; \
             credential-type=\"password\"",
            quoted(username),
            quoted(credential)
        )
    };
    relay.urls.iter().filter_map(|url| link(url).parse().ok()).collect()
}

/// As a quoted string has it (RFC 9110 §5.6.4).
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_of_the_relay_is_a_link_with_its_credential() {
        let url = |way: &str| format!("turn:relay.example:3478?transport={way}");
        let relay = Relay {
            urls: vec![url("udp"), url("tcp"), "turn:\n".to_owned()],
            username: "1764200000:PA_1".to_owned(),
            credential: "a\"b\\c=".to_owned(),
            only: false,
        };
        let [udp, tcp] = &of(Some(&relay))[..] else { panic!("two links") };
        assert_eq!(
            udp,
            "<turn:relay.example:3478?transport=udp>; rel=\"ice-server\"; \
             username=\"1764200000:PA_1\"; credential=\"a\\\"b\\\\c=\"; credential-type=\"password\""
        );
        assert!(tcp.to_str().is_ok_and(|link| link.contains("transport=tcp")));
        assert!(of(None).is_empty());
    }
}
