//! Whom to tell of a weakness of the box.

use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use utoipa::ToSchema;

const LONGEST: usize = 200;

/// What people learn who found a weakness.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SecuritySettings {
    /// A mail address, or a page that begins with `https://`: everybody can read it at
    /// `/.well-known/security.txt` (RFC 9116); empty: there is no such file.
    #[cfg_attr(feature = "schema", schema(required))]
    pub contact: String,
}

impl SecuritySettings {
    /// # Errors
    /// The name of a setting that will not do, and why.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
            let settings = SecuritySettings { contact: contact.to_owned() };
            assert_eq!(settings.contact_uri().as_deref(), uri, "{contact}");
            assert_eq!(settings.check().is_ok(), uri.is_some(), "{contact}");
        }
        let long = format!("https://example.org/{}", "x".repeat(LONGEST));
        assert!(SecuritySettings { contact: long }.check().is_err());
        assert!(SecuritySettings::default().check().is_ok());
    }
}
