//! Where mails go out, to whom, and which alarms are worth one.

use crate::health::Severity;
use crate::host;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const LONGEST_TEXT: usize = 256;
const LONGEST_PASSWORD: usize = 1024;
/// Longest address (RFC 5321 §4.5.3.1).
const LONGEST_ADDRESS: usize = 254;
const MOST_ADDRESSES: usize = 20;
/// A few certificates.
const LONGEST_AUTHORITY: usize = 64 * 1024;

/// Settings that will not do. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("the mail server's host is a name or an address, like mail.example.org")]
    Host,
    #[error(
        "the mail server's port is 587 with STARTTLS, 465 with TLS on most servers, and never 0"
    )]
    Port,
    #[error(
        "the mail server's user has {LONGEST_TEXT} characters at most and no control characters"
    )]
    User,
    #[error(
        "the mail server's password has {LONGEST_PASSWORD} characters at most, and needs a user"
    )]
    Password,
    #[error(
        "the mail server, its user, or how it is trusted changed: type the password once more, so that \
         it goes nowhere unmeant"
    )]
    PasswordAgain,
    #[error("the sender is a mail address, like box@example.org")]
    From,
    #[error("name 1 to {MOST_ADDRESSES} receivers, each a mail address like ada@example.org")]
    To,
    #[error("the mail server's certificate cannot be checked so: {0}")]
    Trust(String),
    #[error("name a mail server, a sender and a receiver first")]
    Unset,
}

impl MailError {
    /// Stable name of the error, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Host => "mail_host",
            Self::Port => "mail_port",
            Self::User => "mail_user",
            Self::Password => "mail_password",
            Self::PasswordAgain => "mail_password_again",
            Self::From => "mail_from",
            Self::To => "mail_to",
            Self::Trust(_) => "mail_trust",
            Self::Unset => "mail_unset",
        }
    }

    /// The field of the request that is wrong.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self {
            Self::Host => Some("settings.host"),
            Self::Port => Some("settings.port"),
            Self::User => Some("settings.user"),
            Self::Password | Self::PasswordAgain => Some("password"),
            Self::From => Some("settings.from"),
            Self::To => Some("settings.to"),
            Self::Trust(_) => Some("settings.authority"),
            Self::Unset => None,
        }
    }
}

/// Whether the way to the server is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// The connection begins plain and is encrypted before anything is said, or nothing is said.
    #[default]
    Starttls,
    /// From the first byte.
    Tls,
    /// Everybody on the way reads along, the password too.
    Off,
}

/// Mails about alarms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    pub enabled: bool,
    pub host: String,
    #[serde(default = "usual_port")]
    #[schema(required)]
    pub port: u16,
    #[serde(default)]
    #[schema(required)]
    pub tls: MailTls,
    /// Certificates of the server's own authority, PEM; empty: the system's authorities count.
    #[serde(default)]
    #[schema(required)]
    pub authority: String,
    /// Empty: the server asks for none.
    #[serde(default)]
    #[schema(required)]
    pub user: String,
    pub from: String,
    pub to: Vec<String>,
    /// Alarms that matter less are not worth a mail.
    #[serde(default)]
    #[schema(required)]
    pub least: Severity,
}

fn usual_port() -> u16 {
    587
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            host: String::new(),
            port: usual_port(),
            tls: MailTls::default(),
            authority: String::new(),
            user: String::new(),
            from: String::new(),
            to: Vec::new(),
            least: Severity::default(),
        }
    }
}

/// A bare address: words with dots between them, an @, and the name of a host (RFC 5321 §4.1.2). What else
/// an address may be in RFC 5322 nobody has for a box.
fn is_address(text: &str) -> bool {
    let odd =
        |sign: char| sign.is_whitespace() || sign.is_control() || "<>,;:\"()[]\\".contains(sign);
    let label = |one: &str| !one.is_empty() && !one.starts_with('-') && !one.ends_with('-');
    let parts: Vec<&str> = text.split('@').collect();
    text.len() <= LONGEST_ADDRESS
        && !text.contains(odd)
        && matches!(parts[..], [who, host]
            if !who.split('.').any(str::is_empty) && host.split('.').all(label))
}

impl MailSettings {
    /// A server's words without the addresses that it repeats: whose they are is nobody's business who reads logs.
    pub fn hush(&self, words: &str) -> String {
        let own = self.to.iter().map(|to| (to.as_str(), "a receiver"));
        let own = own.chain([(self.from.as_str(), "the sender"), (self.user.as_str(), "the user")]);
        let mut said = words.to_owned();
        for (address, instead) in own.filter(|(address, _)| !address.is_empty()) {
            let (lower, wanted) = (said.to_ascii_lowercase(), address.to_ascii_lowercase());
            let mut kept = String::with_capacity(said.len());
            let mut from = 0;
            for (at, _) in lower.match_indices(&wanted) {
                kept.push_str(&said[from..at]);
                kept.push_str(instead);
                from = at + wanted.len();
            }
            kept.push_str(&said[from..]);
            said = kept;
        }
        said
    }

    fn tidied(mut self) -> Self {
        self.host = host::tidied(&self.host);
        self.from = self.from.trim().to_owned();
        let to = self.to.into_iter().map(|one| one.trim().to_owned());
        self.to = to.filter(|one| !one.is_empty()).collect();
        self.authority = self.authority.trim().to_owned();
        self
    }

    fn check(&self) -> Result<(), MailError> {
        if !host::is_good(&self.host) || (self.enabled && self.host.is_empty()) {
            return Err(MailError::Host);
        }
        if self.port == 0 {
            return Err(MailError::Port);
        }
        if self.user.chars().count() > LONGEST_TEXT || self.user.chars().any(char::is_control) {
            return Err(MailError::User);
        }
        if (self.enabled || !self.from.is_empty()) && !is_address(&self.from) {
            return Err(MailError::From);
        }
        if (self.enabled && self.to.is_empty())
            || self.to.len() > MOST_ADDRESSES
            || !self.to.iter().all(|one| is_address(one))
        {
            return Err(MailError::To);
        }
        if self.authority.len() > LONGEST_AUTHORITY {
            return Err(MailError::Trust("these are too many certificates".to_owned()));
        }
        Ok(())
    }

    /// To whom the password goes.
    fn server(&self) -> (&str, u16, &str, MailTls, &str) {
        (&self.host, self.port, &self.user, self.tls, &self.authority)
    }

    /// Whether a mail could be sent at all.
    pub(super) fn is_complete(&self) -> bool {
        !self.host.is_empty() && !self.from.is_empty() && !self.to.is_empty()
    }
}

/// Settings with the password, as they are kept.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailRow {
    pub settings: MailSettings,
    /// Empty: none.
    pub password: String,
}

impl std::fmt::Debug for MailRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailRow").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// New settings.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailPut {
    pub settings: MailSettings,
    /// Absent: stays as it is; empty: none from now on. It is never shown.
    #[serde(default)]
    #[schema(nullable = false)]
    pub password: Option<String>,
}

impl std::fmt::Debug for MailPut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailPut").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl MailPut {
    /// What is kept from now on.
    pub(super) fn over(self, kept: &MailRow) -> Result<MailRow, MailError> {
        let settings = self.settings.tidied();
        settings.check()?;
        let password = match self.password {
            Some(password) => password,
            None if kept.password.is_empty() => String::new(),
            None if settings.server() == kept.settings.server() => kept.password.clone(),
            None => return Err(MailError::PasswordAgain),
        };
        if password.chars().count() > LONGEST_PASSWORD
            || (settings.user.is_empty() && !password.is_empty())
        {
            return Err(MailError::Password);
        }
        Ok(MailRow { settings, password })
    }
}
