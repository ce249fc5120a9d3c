//! Whom to tell of a weakness of the box, and whose word is taken about who asks.

use crate::trusted::ProxyNet;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

const LONGEST: usize = 200;
const MOST_PROXIES: usize = 50;
const MOST_FRAMES: usize = 50;

/// How the box is protected, and what people learn who found a weakness.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SecuritySettings {
    /// A mail address, or a page that begins with `https://`: everybody can read it at
    /// `/.well-known/security.txt` (RFC 9116); empty: there is no such file.
    #[cfg_attr(feature = "schema", schema(required))]
    pub contact: String,
    /// Addresses and networks (CIDR) of proxies that hand requests on and say for whom, by
    /// `X-Forwarded-For` and `X-Forwarded-Proto`; nobody else is believed.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>, required))]
    pub trusted_proxies: Vec<ProxyNet>,
    /// Origins like `https://lms.example.org` whose pages may show meetings and shared films in a
    /// frame; none: nobody's.
    #[cfg_attr(feature = "schema", schema(required))]
    pub framed_by: Vec<String>,
}

impl SecuritySettings {
    /// # Errors
    /// The name of a setting that will not do, and why.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.trusted_proxies.len() > MOST_PROXIES {
            return Err(("trusted_proxies", "are at most 50 addresses and networks"));
        }
        if self.framed_by.len() > MOST_FRAMES
            || !self.framed_by.iter().all(|origin| is_origin(origin))
        {
            return Err(("framed_by", "are origins like https://lms.example.org, at most 50"));
        }
        match self.contact.is_empty() || self.contact_uri().is_some() {
            true => Ok(()),
            false => {
                Err(("contact", "is a mail address, or a page like https://example.org/security"))
            }
        }
    }

    /// The contact as the file has it (RFC 9116 §2.5.3: a URI).
    pub fn contact_uri(&self) -> Option<String> {
        let contact = self.contact.as_str();
        // A space or a line's end would begin something else.
        let printable = contact.bytes().all(|byte| byte.is_ascii_graphic());
        if contact.is_empty() || contact.len() > LONGEST || !printable {
            return None;
        }
        if let Some(page) = contact.strip_prefix("https://") {
            let host = page.split(['/', '?', '#']).next().unwrap_or_default();
            return (!host.is_empty()).then(|| contact.to_owned());
        }
        let (local, domain) = contact.split_once('@')?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte);
        let fits = |part: &str| {
            let joined = !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
            !part.is_empty() && part.bytes().all(plain) && joined
        };
        (fits(local) && fits(domain)).then(|| format!("mailto:{contact}"))
    }
}

/// Scheme, host and perhaps a port: what a policy of a page's content names (CSP 3 §2.3.1), so that nothing
/// else can be smuggled into it. Plain HTTP is for houses without certificates.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some((host, port)) = rest.map(|rest| rest.split_once(':').unwrap_or((rest, "443"))) else {
        return false;
    };
    let host = host.strip_prefix("*.").unwrap_or(host);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let whole = !host.is_empty() && !host.starts_with(['.', '-']) && !host.contains("..");
    text.len() <= LONGEST && whole && host.bytes().all(plain) && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_frame_is_told_by_origins_and_nothing_else_gets_into_the_policy() {
        for (origin, fits) in [
            ("https://lms.example.org", true),
            ("https://*.example.org", true),
            ("http://moodle:8080", true),
            ("https://lms.example.org/", false),
            ("https://lms.example.org; script-src *", false),
            ("https://lms.example.org https://evil.example", false),
            ("https://*", false),
            ("https://", false),
            ("https://a..b", false),
            ("https://lms.example.org:port", false),
            ("lms.example.org", false),
            ("'self'", false),
            ("*", false),
        ] {
            let settings =
                SecuritySettings { framed_by: vec![origin.to_owned()], ..Default::default() };
            assert_eq!(settings.check().is_ok(), fits, "{origin}");
        }
    }

    #[test]
    fn a_contact_is_a_mail_address_or_a_page_and_one_line() {
        for (contact, uri) in [
            ("security@example.org", Some("mailto:security@example.org")),
            ("it+boxes@haus.example", Some("mailto:it+boxes@haus.example")),
            ("https://example.org/security", Some("https://example.org/security")),
            ("https://", None),
            ("https:///security", None),
            ("http://example.org", None),
            ("tel:+49", None),
            ("security", None),
            ("@example.org", None),
            ("a@b@c", None),
            ("a..b@example.org", None),
            ("a@example.org\nContact: mailto:evil@example.org", None),
            ("https://example.org/ x", None),
            ("mäil@example.org", None),
        ] {
            let settings =
                SecuritySettings { contact: contact.to_owned(), ..SecuritySettings::default() };
            assert_eq!(settings.contact_uri().as_deref(), uri, "{contact}");
            assert_eq!(settings.check().is_ok(), uri.is_some(), "{contact}");
        }
        let long = format!("https://example.org/{}", "x".repeat(LONGEST));
        assert!(SecuritySettings { contact: long, ..SecuritySettings::default() }.check().is_err());
        assert!(SecuritySettings::default().check().is_ok());
    }
}
