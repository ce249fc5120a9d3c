//! The proxy through which the box reaches the web, where its network lets nothing else out.

use crate::secret::{HIDDEN, Secret};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
#[cfg(feature = "schema")]
use utoipa::ToSchema;

const LONGEST: usize = 200;
const MOST_EXCEPTIONS: usize = 100;
/// A few certificates.
const LONGEST_AUTHORITY: usize = 64 * 1024;
/// Where proxies listen if nobody says otherwise (RFC 9110 §4.2.1 has no port of their own for them).
const USUAL_PORT: u16 = 3128;

/// An HTTP proxy for what the box sends out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ProxySettings {
    /// Its address, like `http://proxy.example.org:3128`; empty: the box goes by no proxy. With `https://`
    /// the way to the proxy is encrypted.
    #[cfg_attr(feature = "schema", schema(required))]
    pub url: String,
    /// Empty: the proxy asks for none.
    #[cfg_attr(feature = "schema", schema(required))]
    pub user: String,
    /// It is shown to nobody again: `(hidden)` stands for one that is set, and leaves it as it is.
    #[cfg_attr(feature = "schema", schema(value_type = String, required))]
    pub password: Secret,
    /// Certificates of an authority of the proxy's own, PEM: for one that opens what is encrypted, or whose
    /// own certificate it issued. The system's authorities count beside it.
    #[cfg_attr(feature = "schema", schema(required))]
    pub authority: String,
    /// What is reached without the proxy: names with everything below them, addresses, and networks
    /// like `10.1.0.0/16`.
    #[cfg_attr(feature = "schema", schema(required))]
    pub exceptions: Vec<String>,
    /// Names without a dot, names of local networks and private addresses are reached without it too.
    #[cfg_attr(feature = "schema", schema(required))]
    pub local_direct: bool,
    /// The proxy alone looks names up: for networks in which the box cannot. Then it is the proxy that must
    /// keep webhooks out of the house's own network.
    #[cfg_attr(feature = "schema", schema(required))]
    pub looks_up: bool,
}

impl Default for ProxySettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            user: String::new(),
            password: Secret::default(),
            authority: String::new(),
            exceptions: Vec::new(),
            local_direct: true,
            looks_up: false,
        }
    }
}

/// Where a proxy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyPlace {
    /// TLS from the first byte.
    pub encrypted: bool,
    /// An IPv6 address has no brackets here.
    pub host: String,
    pub port: u16,
}

/// What is reached without a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyException {
    /// In small letters; with everything below it.
    Name(String),
    /// An address and how many of its bits count.
    Network(IpAddr, u8),
}

impl ProxyException {
    fn read(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        if let Ok(address) = address.trim_matches(['[', ']']).parse::<IpAddr>() {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
            return (bits <= most).then_some(Self::Network(address, bits));
        }
        let name = text.strip_prefix("*.").or(text.strip_prefix('.')).unwrap_or(text);
        let name = name.trim_end_matches('.').to_lowercase();
        // What has the look of an address and is none was meant as one.
        let mistyped = name.bytes().all(|byte| byte.is_ascii_digit() || b".:".contains(&byte));
        let label = |label: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            !label.is_empty() && label.len() <= 63 && label.bytes().all(fits)
        };
        let is_name = !mistyped && name.len() <= LONGEST && name.split('.').all(label);
        is_name.then_some(Self::Name(name))
    }
}

impl ProxySettings {
    /// Where the proxy is; `None`: there is none, or the address is none.
    pub fn place(&self) -> Option<ProxyPlace> {
        let (encrypted, rest) = match self.url.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, self.url.strip_prefix("http://")?),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
        };
        let port = match port {
            "" if encrypted => 443,
            "" => USUAL_PORT,
            port => port.strip_prefix(':')?.parse().ok().filter(|port| *port != 0)?,
        };
        let v6 = rest.starts_with('[');
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let good = match v6 {
            true => host.parse::<std::net::Ipv6Addr>().is_ok(),
            false => !host.is_empty() && host.len() <= LONGEST && host.bytes().all(fits),
        };
        good.then(|| ProxyPlace { encrypted, host: host.to_owned(), port })
    }

    /// What is reached without it; what cannot be read is none.
    pub fn excepted(&self) -> Vec<ProxyException> {
        self.exceptions.iter().filter_map(|text| ProxyException::read(text)).collect()
    }

    /// To whom the password goes.
    fn server(&self) -> (&str, &str) {
        (&self.url, &self.user)
    }

    /// Whether a password that was kept goes to the one it was typed for.
    ///
    /// # Errors
    /// The name of the setting that is missing, and why.
    pub fn password_stays(&self, before: &Self) -> Result<(), (&'static str, &'static str)> {
        let kept = before.password.reveal();
        let same = kept.is_empty() || self.password.reveal() != kept;
        match same || self.url.is_empty() || self.server() == before.server() {
            true => Ok(()),
            false => Err((
                "password",
                "is missing: the proxy or its user is another one, so type it once more",
            )),
        }
    }

    /// # Errors
    /// The name of a setting that will not do, and why.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.url.contains('@') {
            return Err(("url", "has no user and no password: they have settings of their own"));
        }
        if !self.url.is_empty() && self.place().is_none() {
            return Err(("url", "is an address like http://proxy.example.org:3128"));
        }
        let printable = |text: &str| text.len() <= LONGEST && !text.chars().any(char::is_control);
        // RFC 7617 §2: the name ends at the first colon.
        if !printable(&self.user) || self.user.contains(':') {
            return Err(("user", "has at most 200 characters and no colon"));
        }
        if self.password.reveal() == HIDDEN {
            return Err(("password", "is not shown: write it anew"));
        }
        if !printable(self.password.reveal()) {
            return Err(("password", "has at most 200 characters, and no control characters"));
        }
        if self.user.is_empty() && !self.password.reveal().is_empty() {
            return Err(("user", "is missing: a password has one"));
        }
        let pem = self.authority.trim();
        if pem.len() > LONGEST_AUTHORITY {
            return Err(("authority", "are too many certificates"));
        }
        if !pem.is_empty() && !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(("authority", "is text that begins with -----BEGIN CERTIFICATE-----"));
        }
        if self.exceptions.len() > MOST_EXCEPTIONS {
            return Err(("exceptions", "are at most 100"));
        }
        if self.excepted().len() != self.exceptions.len() {
            return Err((
                "exceptions",
                "are names like example.org, addresses, or networks like 10.1.0.0/16",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> ProxySettings {
        ProxySettings { url: url.to_owned(), ..ProxySettings::default() }
    }

    fn secret(text: &str) -> Secret {
        serde_json::from_value(text.into()).unwrap()
    }

    #[test]
    fn the_address_of_a_proxy_names_a_place() {
        for (url, place) in [
            ("http://proxy.example.org:8080", Some((false, "proxy.example.org", 8080))),
            ("http://proxy", Some((false, "proxy", 3128))),
            ("http://10.0.0.1:3128/", Some((false, "10.0.0.1", 3128))),
            ("https://proxy.example.org", Some((true, "proxy.example.org", 443))),
            ("http://[fd00::1]:3128", Some((false, "fd00::1", 3128))),
            ("http://[fd00::x]:3128", None),
            ("http://", None),
            ("http://:3128", None),
            ("http://proxy:0", None),
            ("http://proxy:99999", None),
            ("http://proxy/path", None),
            ("http://ada:pw@proxy", None),
            ("socks5://proxy", None),
            ("proxy:3128", None),
        ] {
            let found = at(url).place().map(|at| (at.encrypted, at.host, at.port));
            let place = place.map(|(encrypted, host, port)| (encrypted, host.to_owned(), port));
            assert_eq!(found, place, "{url}");
            assert_eq!(
                at(url).check().err().map(|(name, _)| name),
                place.map_or(Some("url"), |_| None)
            );
        }
    }

    #[test]
    fn exceptions_are_names_addresses_and_networks() {
        let name = |name: &str| Some(ProxyException::Name(name.to_owned()));
        let net = |net: &str, bits| Some(ProxyException::Network(net.parse().unwrap(), bits));
        for (text, exception) in [
            ("Example.org", name("example.org")),
            (".example.org", name("example.org")),
            ("*.example.org.", name("example.org")),
            ("nas", name("nas")),
            ("10.1.0.0/16", net("10.1.0.0", 16)),
            ("10.1.2.3", net("10.1.2.3", 32)),
            ("fd00::/8", net("fd00::", 8)),
            ("[fd00::1]", net("fd00::1", 128)),
            ("10.1.0.0/33", None),
            ("10.1.0/16", None),
            ("10.1.0", None),
            ("a b", None),
            ("", None),
            ("*", None),
            ("https://example.org", None),
        ] {
            assert_eq!(ProxyException::read(text), exception, "{text}");
            let settings = ProxySettings { exceptions: vec![text.to_owned()], ..at("http://p") };
            assert_eq!(settings.check().is_ok(), exception.is_some(), "{text}");
        }
    }

    #[test]
    fn a_password_is_for_one_proxy_and_shown_to_nobody() {
        let with = |url: &str, user: &str, password: &str| ProxySettings {
            user: user.to_owned(),
            password: secret(password),
            ..at(url)
        };
        let kept = with("http://a", "box", "canary");
        assert!(kept.check().is_ok());
        for (next, fine) in [
            (with("http://a", "box", "canary"), true),
            (with("http://b", "box", "canary"), false),
            (with("http://a", "ada", "canary"), false),
            (with("http://b", "box", "another"), true),
            (with("", "box", "canary"), true),
        ] {
            assert_eq!(next.password_stays(&kept).is_ok(), fine, "{next:?}");
        }
        let shown = format!("{kept:?} {}", serde_json::to_string(&kept).unwrap());
        assert!(!shown.contains("canary") && shown.contains(HIDDEN), "{shown}");
        for (wrong, field) in [
            (with("http://a", "", "pw"), "user"),
            (with("http://a", "a:b", "pw"), "user"),
            (with("http://a", "a", "(hidden)"), "password"),
            (with("http://a", "a", "p\nw"), "password"),
            (ProxySettings { authority: "x".to_owned(), ..at("http://a") }, "authority"),
        ] {
            assert_eq!(wrong.check().unwrap_err().0, field, "{wrong:?}");
        }
    }
}
