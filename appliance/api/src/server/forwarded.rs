//! Proxies that the owner trusts say for whom they ask (`X-Forwarded-For`, `X-Forwarded-Proto`).
//!
//! Everybody else's word is nothing: whoever could choose the address that is noted down and counted
//! would guess passwords from a new one each time, in somebody else's name.

use axum::http::HeaderMap;
use roombox_control::settings::SettingsDesk;
use std::net::IpAddr;
use std::sync::Arc;

const FOR: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";

/// Whose word is taken. Changes apply to the next request.
#[derive(Clone)]
pub struct Forwarders(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl Forwarders {
    /// Those in the settings.
    pub fn of(settings: Arc<SettingsDesk>) -> Self {
        Self(Arc::new(move |address| {
            settings.get().security.trusted_proxies.iter().any(|net| net.contains(address))
        }))
    }

    #[cfg(test)]
    pub(super) fn only(trusted: &'static [&'static str]) -> Self {
        Self(Arc::new(move |address| trusted.contains(&address.to_string().as_str())))
    }

    pub(super) fn trusts(&self, peer: IpAddr) -> bool {
        (self.0)(peer)
    }

    /// Who asks, and whether they did so over TLS, where `peer` hands the request on.
    ///
    /// Each proxy appends whom it heard, so the list is read from its end, as far as it is told by
    /// those who are trusted; what a client wrote into it before stays unread.
    pub(super) fn origin(&self, peer: IpAddr, tls: bool, headers: &HeaderMap) -> (IpAddr, bool) {
        if !self.trusts(peer) {
            return (peer, tls);
        }
        let mut from = peer;
        for hop in listed(headers, FOR).rev() {
            if !self.trusts(from) {
                break;
            }
            // What is no address ends it: then the last proxy that is known is all that is known.
            let Some(address) = address(hop) else { break };
            from = address;
        }
        let said = listed(headers, PROTO).next_back();
        (from, said.map_or(tls, |scheme| scheme.eq_ignore_ascii_case("https")))
    }
}

/// The elements of a list, which may have been sent in several lines.
fn listed<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> impl DoubleEndedIterator<Item = &'a str> {
    // A line that is no text is one element that nobody understands.
    let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or("?"));
    let elements: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    elements.into_iter()
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`: proxies write all of them.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = match hop.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None if hop.matches(':').count() == 1 => hop.split(':').next()?,
        None => hop,
    };
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.2";

    fn origin(peer: &str, headers: &[(&'static str, &'static str)]) -> (String, bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let trusted = Forwarders::only(&[PROXY, "10.0.0.3", "2001:db8::2"]);
        let (from, tls) = trusted.origin(peer.parse().unwrap(), false, &map);
        (from.to_string(), tls)
    }

    #[test]
    fn only_trusted_proxies_say_for_whom_they_ask() {
        for (peer, told, from) in [
            (PROXY, &["192.0.2.1"][..], "192.0.2.1"),
            // Nobody else's word counts.
            ("192.0.2.9", &["192.0.2.1"], "192.0.2.9"),
            ("192.0.2.9", &[PROXY], "192.0.2.9"),
            // What the client had written itself stands before what the proxy saw.
            (PROXY, &["198.51.100.7, 192.0.2.1"], "192.0.2.1"),
            (PROXY, &["198.51.100.7", "192.0.2.1"], "192.0.2.1"),
            // Through two proxies; and a third of which nobody knows.
            (PROXY, &["192.0.2.1, 10.0.0.3"], "192.0.2.1"),
            (PROXY, &["192.0.2.1, 10.0.0.9"], "10.0.0.9"),
            (PROXY, &["192.0.2.1, 10.0.0.9, 10.0.0.3"], "10.0.0.9"),
            // All of them are proxies: the first.
            (PROXY, &["10.0.0.3"], "10.0.0.3"),
            // Nonsense is nobody.
            (PROXY, &["192.0.2.1, unknown"], PROXY),
            (PROXY, &[""], PROXY),
            (PROXY, &["192.0.2.1, , 10.0.0.3"], "10.0.0.3"),
            (PROXY, &[], PROXY),
            // As others write it.
            (PROXY, &["192.0.2.1:4711"], "192.0.2.1"),
            (PROXY, &["[2001:db8::7]:443"], "2001:db8::7"),
            (PROXY, &["[2001:db8::7]"], "2001:db8::7"),
            ("2001:db8::2", &["::ffff:192.0.2.1"], "192.0.2.1"),
        ] {
            let headers: Vec<_> = told.iter().map(|told| (FOR, *told)).collect();
            assert_eq!(origin(peer, &headers).0, from, "{peer} {told:?}");
        }
    }

    #[test]
    fn a_trusted_proxy_says_whether_it_was_asked_over_tls() {
        assert!(origin(PROXY, &[(PROTO, "https")]).1);
        assert!(origin(PROXY, &[(PROTO, "http, HTTPS")]).1);
        assert!(!origin(PROXY, &[(PROTO, "https, http")]).1);
        assert!(!origin("192.0.2.9", &[(PROTO, "https")]).1);
    }
}
