//! Where lines go, how they are kept from others, and which.

use crate::host;
use crate::logs::LogLevel;
use crate::mqtt::MqttTls;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A few certificates.
const LONGEST_AUTHORITY: usize = 64 * 1024;

/// Settings that will not do. The texts go to the owner.
#[derive(Debug, thiserror::Error)]
pub enum SyslogError {
    #[error("the syslog server's host is a name or an address, like logs.example.org")]
    Host,
    #[error("the syslog server's port is 514, or 6514 with TLS, on most servers, and never 0")]
    Port,
    #[error("the syslog server's certificate cannot be checked so: {0}")]
    Trust(String),
}

impl SyslogError {
    /// Stable name of the error, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Host => "syslog_host",
            Self::Port => "syslog_port",
            Self::Trust(_) => "syslog_trust",
        }
    }

    /// The field of the request that is wrong.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self {
            Self::Host => Some("host"),
            Self::Port => Some("port"),
            Self::Trust(_) => Some("trust"),
        }
    }
}

/// What carries the lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyslogBy {
    /// One datagram each (RFC 5426): nobody learns whether it arrived.
    Udp,
    /// One after the other, each with its length before it (RFC 6587 §3.4.1).
    Tcp,
    /// The same, encrypted (RFC 5425).
    #[default]
    Tls,
}

/// Lines of the log and the audit log for a server elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyslogSettings {
    pub enabled: bool,
    pub host: String,
    #[serde(default = "usual_port")]
    #[schema(required)]
    pub port: u16,
    #[serde(default)]
    #[schema(required)]
    pub by: SyslogBy,
    /// Whom the box takes for the server, with TLS.
    #[serde(default)]
    #[schema(required)]
    pub trust: MqttTls,
    /// Rows of the audit log go, too.
    #[serde(default = "yes")]
    #[schema(required)]
    pub audit: bool,
    /// Lines of the log go that matter so much, or more; `null`: none.
    #[serde(default = "usual_level")]
    #[schema(required)]
    pub level: Option<LogLevel>,
}

fn usual_port() -> u16 {
    6514
}

fn yes() -> bool {
    true
}

fn usual_level() -> Option<LogLevel> {
    Some(LogLevel::Info)
}

impl Default for SyslogSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            host: String::new(),
            port: usual_port(),
            by: SyslogBy::default(),
            trust: MqttTls::default(),
            audit: true,
            level: usual_level(),
        }
    }
}

impl SyslogSettings {
    pub(super) fn checked(mut self) -> Result<Self, SyslogError> {
        self.host = host::tidied(&self.host);
        if let MqttTls::Pinned { fingerprint } = &mut self.trust {
            *fingerprint = fingerprint.trim().replace(':', "").to_lowercase();
        }
        if !host::is_good(&self.host) || (self.enabled && self.host.is_empty()) {
            return Err(SyslogError::Host);
        }
        if self.port == 0 {
            return Err(SyslogError::Port);
        }
        match &self.trust {
            MqttTls::Authority { pem } if pem.len() > LONGEST_AUTHORITY => {
                Err(SyslogError::Trust("these are too many certificates".to_owned()))
            }
            MqttTls::Off if self.by == SyslogBy::Tls => Err(SyslogError::Trust(
                "TLS without trust protects from nobody: take TCP".to_owned(),
            )),
            _ => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_work_are_refused_with_their_field() {
        let good = || SyslogSettings {
            enabled: true,
            host: " Logs.LAN ".to_owned(),
            ..SyslogSettings::default()
        };
        assert_eq!(good().checked().unwrap().host, "logs.lan");
        type Change = fn(&mut SyslogSettings);
        let wrong: [(&str, Change); 5] = [
            ("host", |s| s.host = String::new()),
            ("host", |s| s.host = "tcp://logs.lan".to_owned()),
            ("port", |s| s.port = 0),
            ("trust", |s| s.trust = MqttTls::Off),
            ("trust", |s| s.trust = MqttTls::Authority { pem: "a".repeat(70_000) }),
        ];
        for (field, change) in wrong {
            let mut settings = good();
            change(&mut settings);
            let refused = settings.checked().unwrap_err();
            assert_eq!(refused.field(), Some(field), "{refused}");
        }
        let usual: SyslogSettings =
            serde_json::from_str(r#"{"enabled": true, "host": "logs.lan"}"#).unwrap();
        assert_eq!((usual.by, usual.port, usual.audit), (SyslogBy::Tls, 6514, true));
    }
}
