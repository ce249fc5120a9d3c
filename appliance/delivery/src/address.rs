//! Addresses of the web, taken apart.

use hyper::Uri;

/// An address taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub https: bool,
    pub host: String,
    pub port: u16,
    /// With the query.
    pub path: String,
}

impl Address {
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        // Names and passwords in addresses end in logs.
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let host = authority.host().to_owned();
        let port = match authority.as_str().strip_prefix(&host)?.strip_prefix(':') {
            None | Some("") => {
                if https {
                    443
                } else {
                    80
                }
            }
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        could_be(&host).then_some(Self { https, host, port, path })
    }

    /// Where `location` leads from here (RFC 9110 §10.2.2; of relative ones only absolute paths).
    pub fn follow(&self, location: &str) -> Option<Self> {
        match location.starts_with('/') && !location.starts_with("//") {
            true => Some(Self { path: location.to_owned(), ..self.clone() }),
            false => Self::parse(location),
        }
    }

    pub fn authority(&self) -> String {
        match self.port == if self.https { 443 } else { 80 } {
            true => self.host.clone(),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    pub fn text(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority(), self.path)
    }
}

/// Whether a server can have this name at all (RFC 1035 §2.3.4).
fn could_be(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name.len() <= 253 && name.split('.').all(|label| (1..=63).contains(&label.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_server_can_have_is_no_address() {
        let long = "a".repeat(64);
        for text in ["http://h:0/", "http://h:99999/", "http://h:x/", "http://.h/", "http://a..b/"]
        {
            assert_eq!(Address::parse(text).map(|at| at.text()), None, "{text}");
        }
        assert!(Address::parse(&format!("http://{long}.example/")).is_none());
        for text in
            ["http://h:/", "http://h", "https://[::1]:8443/x", "http://[fe80::1]/", "http://h./"]
        {
            assert!(Address::parse(text).is_some(), "{text}");
        }
    }

    #[test]
    fn a_redirect_leads_where_it_says_and_never_out_of_https() {
        let at = Address::parse("https://box.example:8443/a?b").unwrap();
        assert_eq!(at.text(), "https://box.example:8443/a?b");
        assert_eq!(at.follow("/c").unwrap().text(), "https://box.example:8443/c");
        assert_eq!(at.follow("https://other/d").unwrap().text(), "https://other/d");
        assert!(at.https && !at.follow("http://other/").unwrap().https);
        assert_eq!(at.follow("//other/d"), None);
        let v6 = Address::parse("http://[::1]:80/").unwrap();
        assert_eq!((v6.host.as_str(), v6.authority().as_str()), ("[::1]", "[::1]"));
    }
}
