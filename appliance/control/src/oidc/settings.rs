//! Which provider vouches for whom, and who comes in as what.

use super::OidcError;
use crate::permissions::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const LONGEST: usize = 512;
const LONGEST_NAME: usize = 60;
const MOST_GROUPS: usize = 200;
const MOST_DOMAINS: usize = 50;
/// A few certificates.
const LONGEST_AUTHORITY: usize = 64 * 1024;
/// What people copy along with an issuer (OpenID Connect Discovery 1.0 §4).
pub(super) const DISCOVERY: &str = "/.well-known/openid-configuration";
/// Where the provider sends people back to.
const CALLBACK: &str = "/api/v1/oidc/callback";

/// A group, and what it makes of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRole {
    /// As the provider writes it: a name, a path or an id.
    pub group: String,
    pub role: Role,
}

/// Sign-in by the house's own identity provider (OpenID Connect).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcSettings {
    pub enabled: bool,
    /// The provider's address, exactly as it calls itself.
    pub issuer: String,
    pub client_id: String,
    /// Where people open the panel: scheme, host and port. The provider sends them back there.
    pub address: String,
    /// With blanks between; `openid` is one of them.
    #[serde(default = "usual_scopes")]
    #[schema(required)]
    pub scopes: String,
    /// What stands on the button: "Sign in with …".
    pub name: String,
    /// Where a token lists the groups; dots lead inwards, like `realm_access.roles`.
    #[serde(default = "usual_claim")]
    #[schema(required)]
    pub groups_claim: String,
    /// Who is in several has the role that may most.
    #[serde(default)]
    #[schema(required)]
    pub roles: Vec<GroupRole>,
    /// Who is in none of these groups comes in as a viewer, and is not refused.
    #[serde(default)]
    #[schema(required)]
    pub admit_others: bool,
    /// Only people with a mail address at one of these; empty: wherever it is.
    #[serde(default)]
    #[schema(required)]
    pub domains: Vec<String>,
    /// Certificates of the authorities that may have certified the provider, PEM; empty: the system's.
    #[serde(default)]
    #[schema(required)]
    pub authority: String,
}

fn usual_scopes() -> String {
    "openid profile email".to_owned()
}

fn usual_claim() -> String {
    "groups".to_owned()
}

impl Default for OidcSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            issuer: String::new(),
            client_id: String::new(),
            address: String::new(),
            scopes: usual_scopes(),
            name: String::new(),
            groups_claim: usual_claim(),
            roles: Vec::new(),
            admit_others: false,
            domains: Vec::new(),
            authority: String::new(),
        }
    }
}

/// Whether what a text leads to is this machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let at = host.parse::<std::net::IpAddr>();
    host == "localhost" || at.is_ok_and(|at| at.is_loopback())
}

/// Scheme, host and port, and what follows, of an address of the web without name and password.
fn parts(address: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = address.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let good = |sign: char| sign.is_ascii_graphic() && !"\\@\"<>".contains(sign);
    let fits = matches!(scheme, "http" | "https") && !authority.is_empty();
    (fits && address.len() <= LONGEST && rest.chars().all(good))
        .then_some((scheme, authority, path))
}

/// Whether secrets may go to an address: encrypted, or not out of this machine.
pub(super) fn is_guarded(address: &str) -> bool {
    parts(address).is_some_and(|(scheme, authority, _)| scheme == "https" || is_loopback(authority))
}

impl OidcSettings {
    fn tidied(mut self) -> Self {
        let issuer = self.issuer.trim();
        self.issuer = issuer.strip_suffix(DISCOVERY).unwrap_or(issuer).to_owned();
        self.address = self.address.trim().trim_end_matches('/').to_lowercase();
        for text in [&mut self.client_id, &mut self.name, &mut self.groups_claim] {
            *text = text.trim().to_owned();
        }
        self.scopes = self.scopes.split_whitespace().collect::<Vec<_>>().join(" ");
        for row in &mut self.roles {
            row.group = row.group.trim().to_owned();
        }
        for domain in &mut self.domains {
            *domain = domain.trim().trim_start_matches('@').to_lowercase();
        }
        self.domains.retain(|domain| !domain.is_empty());
        self
    }

    fn check(&self) -> Result<(), OidcError> {
        let word = |text: &str, most: usize| {
            text.chars().count() <= most && !text.chars().any(char::is_control)
        };
        let needed = |text: &str| !self.enabled || !text.is_empty();
        let plain =
            |address: &str| parts(address).is_some_and(|(_, _, path)| !path.contains(['?', '#']));
        if !needed(&self.issuer)
            || !(self.issuer.is_empty() || is_guarded(&self.issuer) && plain(&self.issuer))
        {
            return Err(OidcError::Issuer);
        }
        if !needed(&self.client_id) || !word(&self.client_id, LONGEST) {
            return Err(OidcError::Client);
        }
        let origin = |(_, _, path): (&str, &str, &str)| path.is_empty();
        if !needed(&self.address)
            || !(self.address.is_empty() || parts(&self.address).is_some_and(origin))
        {
            return Err(OidcError::Address);
        }
        if !self.scopes.split(' ').any(|scope| scope == "openid") || !word(&self.scopes, LONGEST) {
            return Err(OidcError::Scopes);
        }
        if !needed(&self.name) || !word(&self.name, LONGEST_NAME) {
            return Err(OidcError::Name);
        }
        if self.groups_claim.is_empty() || !word(&self.groups_claim, LONGEST) {
            return Err(OidcError::Claim);
        }
        self.check_groups()?;
        let domain = |domain: &String| {
            let good = |sign: char| sign.is_alphanumeric() || ".-".contains(sign);
            domain.len() <= 253 && domain.contains('.') && domain.chars().all(good)
        };
        if self.domains.len() > MOST_DOMAINS || !self.domains.iter().all(domain) {
            return Err(OidcError::Domains);
        }
        if self.authority.len() > LONGEST_AUTHORITY {
            return Err(OidcError::Trust("these are too many certificates".to_owned()));
        }
        Ok(())
    }

    fn check_groups(&self) -> Result<(), OidcError> {
        let good = |row: &GroupRole| {
            let text = &row.group;
            !text.is_empty() && text.chars().count() <= LONGEST && !text.contains(char::is_control)
        };
        let twice =
            |at: usize| self.roles[..at].iter().any(|row| row.group == self.roles[at].group);
        if self.roles.len() > MOST_GROUPS
            || !self.roles.iter().all(good)
            || (0..self.roles.len()).any(twice)
        {
            return Err(OidcError::Groups);
        }
        if self.enabled && self.roles.is_empty() && !self.admit_others {
            return Err(OidcError::Nobody);
        }
        Ok(())
    }

    /// To whom the secret goes.
    fn provider(&self) -> (&str, &str, &str) {
        (&self.issuer, &self.client_id, &self.authority)
    }

    /// Where the provider sends people back to; empty: the panel's address is not known yet.
    pub(super) fn redirect_uri(&self) -> String {
        match self.address.is_empty() {
            true => String::new(),
            false => format!("{}{CALLBACK}", self.address),
        }
    }

    /// Whether somebody who asks this host is where the provider would send them back to.
    pub(super) fn is_at(&self, host: &str) -> bool {
        let Some((scheme, authority, _)) = parts(&self.address) else { return false };
        let usual = if scheme == "https" { ":443" } else { ":80" };
        let bare = |text: &str| text.strip_suffix(usual).unwrap_or(text).to_lowercase();
        bare(authority) == bare(host)
    }

    /// What groups make of somebody; `None`: they are refused.
    pub(super) fn role(&self, groups: &[String]) -> Option<Role> {
        let mapped = self.roles.iter().filter(|row| groups.contains(&row.group));
        let others = self.admit_others.then_some(Role::Viewer);
        mapped.map(|row| row.role).max().or(others)
    }

    /// Whether somebody with this mail address may come in at all.
    pub(super) fn is_domain(&self, mail: Option<&str>) -> bool {
        let domain = mail.and_then(|mail| mail.rsplit_once('@')).map(|(_, domain)| domain);
        let domain = domain.map(str::to_lowercase);
        self.domains.is_empty() || domain.is_some_and(|domain| self.domains.contains(&domain))
    }
}

/// Settings with the client's secret, as they are kept.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OidcRow {
    pub settings: OidcSettings,
    /// Empty: none; PKCE alone proves that it is the box.
    pub secret: String,
}

impl std::fmt::Debug for OidcRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcRow").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// New settings.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcPut {
    pub settings: OidcSettings,
    /// Absent: stays as it is; empty: none from now on. It is never shown.
    #[serde(default)]
    #[schema(nullable = false)]
    pub secret: Option<String>,
}

impl std::fmt::Debug for OidcPut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcPut").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl OidcPut {
    /// What is kept from now on.
    pub(super) fn over(self, kept: &OidcRow) -> Result<OidcRow, OidcError> {
        let settings = self.settings.tidied();
        settings.check()?;
        let secret = match self.secret {
            Some(secret) => secret.trim().to_owned(),
            None if kept.secret.is_empty() => String::new(),
            None if settings.provider() == kept.settings.provider() => kept.secret.clone(),
            None => return Err(OidcError::SecretAgain),
        };
        if secret.chars().count() > LONGEST || secret.contains(char::is_control) {
            return Err(OidcError::Secret);
        }
        Ok(OidcRow { settings, secret })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> OidcSettings {
        OidcSettings {
            enabled: true,
            issuer: "https://id.example/realms/house".to_owned(),
            client_id: "roombox".to_owned(),
            address: "https://box.example".to_owned(),
            name: "House".to_owned(),
            roles: vec![
                GroupRole { group: "staff".to_owned(), role: Role::Moderator },
                GroupRole { group: "it".to_owned(), role: Role::Owner },
            ],
            ..OidcSettings::default()
        }
    }

    fn put(change: impl FnOnce(&mut OidcSettings)) -> Result<OidcRow, OidcError> {
        let mut settings = good();
        change(&mut settings);
        OidcPut { settings, secret: None }.over(&OidcRow::default())
    }

    #[test]
    fn settings_that_lead_nowhere_or_leak_a_secret_are_refused_by_their_field() {
        type Change = fn(&mut OidcSettings);
        let cases: [(Change, &str); 14] = [
            (|s| s.issuer = String::new(), "oidc_issuer"),
            (|s| s.issuer = "http://id.example".to_owned(), "oidc_issuer"),
            (|s| s.issuer = "https://ada:pw@id.example".to_owned(), "oidc_issuer"),
            (|s| s.issuer = "https://id.example/?tenant=1".to_owned(), "oidc_issuer"),
            (|s| s.issuer = "http://127.0.0.1.example".to_owned(), "oidc_issuer"),
            (|s| s.client_id = " ".to_owned(), "oidc_client"),
            (|s| s.address = "https://box.example/panel".to_owned(), "oidc_address"),
            (|s| s.address = "box.example".to_owned(), "oidc_address"),
            (|s| s.scopes = "profile".to_owned(), "oidc_scopes"),
            (|s| s.name = "x".repeat(61), "oidc_name"),
            (|s| s.groups_claim = String::new(), "oidc_claim"),
            (|s| s.roles[1].group = "staff".to_owned(), "oidc_groups"),
            (|s| s.roles.clear(), "oidc_nobody"),
            (|s| s.domains = vec!["example".to_owned()], "oidc_domains"),
        ];
        for (change, code) in cases {
            assert_eq!(put(change).unwrap_err().code(), code);
        }
        assert!(put(|s| s.issuer = "http://[::1]:4000".to_owned()).is_ok());
        let pasted = put(|s| s.issuer.push_str(DISCOVERY)).unwrap();
        assert_eq!(pasted.settings.issuer, good().issuer);
        let off = OidcPut { settings: OidcSettings::default(), secret: None };
        assert!(off.over(&OidcRow::default()).is_ok(), "an empty form can be kept");
    }

    #[test]
    fn the_secret_goes_to_no_other_provider_unmeant() {
        let kept = OidcRow { settings: good(), secret: "s3cret".to_owned() };
        let mut settings = good();
        settings.name = "Home".to_owned();
        let same = OidcPut { settings: settings.clone(), secret: None }.over(&kept).unwrap();
        assert_eq!(same.secret, "s3cret");
        settings.issuer = "https://evil.example".to_owned();
        let moved = OidcPut { settings: settings.clone(), secret: None }.over(&kept);
        assert_eq!(moved.unwrap_err().code(), "oidc_secret_again");
        let none = OidcPut { settings, secret: Some(String::new()) }.over(&kept).unwrap();
        assert_eq!(none.secret, "");
    }

    #[test]
    fn who_is_in_several_groups_has_the_most_of_them_and_who_is_in_none_is_refused() {
        let groups =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut settings = good();
        for (names, role) in [
            (&["staff", "it"][..], Some(Role::Owner)),
            (&["other", "staff"], Some(Role::Moderator)),
            (&["Staff"], None),
            (&[], None),
        ] {
            assert_eq!(settings.role(&groups(names)), role, "{names:?}");
        }
        settings.admit_others = true;
        assert_eq!(settings.role(&[]), Some(Role::Viewer));
        assert!(settings.is_domain(None));
        settings.domains = vec!["example.org".to_owned()];
        for (mail, fits) in [
            (Some("ada@Example.org"), true),
            (Some("ada@example.org.evil.test"), false),
            (Some("example.org"), false),
            (None, false),
        ] {
            assert_eq!(settings.is_domain(mail), fits, "{mail:?}");
        }
    }

    #[test]
    fn the_panels_own_address_is_known_whatever_its_port_is_written() {
        let mut settings = good();
        assert_eq!(settings.redirect_uri(), "https://box.example/api/v1/oidc/callback");
        for (host, same) in [("box.example", true), ("BOX.example:443", true), ("box.local", false)]
        {
            assert_eq!(settings.is_at(host), same, "{host}");
        }
        settings.address = "http://127.0.0.1:7880".to_owned();
        assert!(settings.is_at("127.0.0.1:7880") && !settings.is_at("127.0.0.1"));
    }
}
