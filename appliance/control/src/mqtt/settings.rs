//! Where the broker is, whom the box trusts there, and what it may order.

use crate::host;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A broker takes 65,535 bytes; a person does not.
const LONGEST_USER: usize = 256;
const LONGEST_PASSWORD: usize = 1024;
const LONGEST_PREFIX: usize = 64;
/// A few certificates.
const LONGEST_AUTHORITY: usize = 64 * 1024;

/// Settings that will not do. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    #[error("the broker's host is a name or an address, like homeassistant.local, without mqtt://")]
    Host,
    #[error("the broker's port is 8883 with TLS or 1883 without on most brokers, and never 0")]
    Port,
    #[error("the broker's user has {LONGEST_USER} characters at most and no control characters")]
    User,
    #[error("the broker's password has {LONGEST_PASSWORD} characters at most, and needs a user")]
    Password,
    #[error(
        "the broker, its user, or how it is trusted changed: type the password once more, so that \
         it goes nowhere unmeant"
    )]
    PasswordAgain,
    #[error(
        "the discovery prefix has letters, digits, - and _, levels between slashes, and \
         {LONGEST_PREFIX} characters at most: homeassistant, unless you changed it there"
    )]
    Prefix,
    #[error("the broker's certificate cannot be checked so: {0}")]
    Trust(String),
    #[error(
        "MQTT may not control this box: allow it in the settings under Integrations, and only if \
         everybody who may write to the broker's topics of this box may record and restart it"
    )]
    NoControl,
}

impl MqttError {
    /// Stable name of the error, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Host => "mqtt_host",
            Self::Port => "mqtt_port",
            Self::User => "mqtt_user",
            Self::Password => "mqtt_password",
            Self::PasswordAgain => "mqtt_password_again",
            Self::Prefix => "mqtt_prefix",
            Self::Trust(_) => "mqtt_trust",
            Self::NoControl => "mqtt_no_control",
        }
    }

    /// The field of the request that is wrong.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self {
            Self::Host => Some("settings.host"),
            Self::Port => Some("settings.port"),
            Self::User => Some("settings.user"),
            Self::Password | Self::PasswordAgain => Some("password"),
            Self::Prefix => Some("settings.discovery_prefix"),
            Self::Trust(_) => Some("settings.tls"),
            Self::NoControl => None,
        }
    }
}

/// Whether the way to the broker is encrypted, and whom the box takes for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MqttTls {
    /// Everybody on the way reads along, the password too.
    Off,
    /// Whom the system's authorities have certified.
    #[default]
    System,
    /// Whom these authorities have certified.
    Authority {
        /// Certificates, PEM.
        pem: String,
    },
    /// The one with this certificate, whatever name and dates it has.
    Pinned {
        /// SHA-256 of the certificate, hexadecimal; colons make no difference.
        fingerprint: String,
    },
}

/// The box at a broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MqttSettings {
    pub enabled: bool,
    pub host: String,
    #[serde(default = "usual_port")]
    #[schema(required)]
    pub port: u16,
    #[serde(default)]
    #[schema(required)]
    pub tls: MqttTls,
    /// Empty: the broker asks for none.
    #[serde(default)]
    #[schema(required)]
    pub user: String,
    /// What Home Assistant's discovery topics begin with.
    #[serde(default = "usual_prefix")]
    #[schema(required)]
    pub discovery_prefix: String,
    /// Whoever may write to the box's topics may record, mute and restart.
    #[serde(default)]
    #[schema(required)]
    pub control: bool,
}

fn usual_port() -> u16 {
    8883
}

fn usual_prefix() -> String {
    "homeassistant".to_owned()
}

impl Default for MqttSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            host: String::new(),
            port: usual_port(),
            tls: MqttTls::default(),
            user: String::new(),
            discovery_prefix: usual_prefix(),
            control: false,
        }
    }
}

impl MqttSettings {
    fn tidied(mut self) -> Self {
        self.host = host::tidied(&self.host);
        self.discovery_prefix = self.discovery_prefix.trim().trim_matches('/').to_owned();
        if let MqttTls::Pinned { fingerprint } = &mut self.tls {
            *fingerprint = fingerprint.trim().replace(':', "").to_lowercase();
        }
        self
    }

    fn check(&self) -> Result<(), MqttError> {
        if !host::is_good(&self.host) || (self.enabled && self.host.is_empty()) {
            return Err(MqttError::Host);
        }
        if self.port == 0 {
            return Err(MqttError::Port);
        }
        if self.user.chars().count() > LONGEST_USER || self.user.chars().any(char::is_control) {
            return Err(MqttError::User);
        }
        let level = |level: &str| {
            let good = |sign: char| sign.is_ascii_alphanumeric() || "-_".contains(sign);
            !level.is_empty() && level.chars().all(good)
        };
        if self.discovery_prefix.len() > LONGEST_PREFIX
            || !self.discovery_prefix.split('/').all(level)
        {
            return Err(MqttError::Prefix);
        }
        if matches!(&self.tls, MqttTls::Authority { pem } if pem.len() > LONGEST_AUTHORITY) {
            return Err(MqttError::Trust("these are too many certificates".to_owned()));
        }
        Ok(())
    }

    /// To whom the password goes.
    fn broker(&self) -> (&str, u16, &str, &MqttTls) {
        (&self.host, self.port, &self.user, &self.tls)
    }
}

/// Settings with the password, as they are kept.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MqttRow {
    pub settings: MqttSettings,
    /// Empty: none.
    pub password: String,
}

impl std::fmt::Debug for MqttRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MqttRow").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// New settings.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MqttPut {
    pub settings: MqttSettings,
    /// Absent: stays as it is; empty: none from now on. It is never shown.
    #[serde(default)]
    #[schema(nullable = false)]
    pub password: Option<String>,
}

impl std::fmt::Debug for MqttPut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MqttPut").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl MqttPut {
    /// What is kept from now on.
    pub(super) fn over(self, kept: &MqttRow) -> Result<MqttRow, MqttError> {
        let settings = self.settings.tidied();
        settings.check()?;
        let password = match self.password {
            Some(password) => password,
            None if kept.password.is_empty() => String::new(),
            None if settings.broker() == kept.settings.broker() => kept.password.clone(),
            None => return Err(MqttError::PasswordAgain),
        };
        if password.chars().count() > LONGEST_PASSWORD
            || (settings.user.is_empty() && !password.is_empty())
        {
            return Err(MqttError::Password);
        }
        Ok(MqttRow { settings, password })
    }
}
