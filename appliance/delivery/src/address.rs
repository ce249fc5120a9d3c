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
        let port = authority.port_u16().unwrap_or(if https { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        (!host.is_empty()).then_some(Self { https, host, port, path })
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

#[cfg(test)]
mod tests {
    use super::*;

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
