//! What can be wrong with a box: names, weight, words. Pure.

use crate::clock::UnixMs;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// How much something matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It will hurt, or hurts a little: look at it in the next days.
    #[default]
    Attention,
    /// Something does not work: look at it now.
    Broken,
}

/// What is wrong.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    DiskNearlyFull,
    DiskFull,
    ClockUnset,
    ClockJumped,
    CertificateEnding,
    CertificateEnded,
    CertificateNotRenewed,
    TargetFailing,
    TargetGivenUp,
    RecordingDamaged,
    FilmsParked,
    EncoderOff,
    MediaOverloaded,
    TooWarm,
    FleetFailed,
    FleetCut,
    FleetCloned,
    FleetClocks,
    FleetRefused,
    WebhooksFailing,
    MqttAway,
    MailFailing,
    SyslogAway,
    UpdateSetback,
    AuditBroken,
    BackupFailed,
    BackupOld,
    DatabaseReplaced,
    DatabaseLost,
    KeysRenewed,
    RestoreGivenUp,
}

/// All of them, in the order in which people read them.
pub const KINDS: [AlarmKind; 31] = [
    AlarmKind::DatabaseLost,
    AlarmKind::DatabaseReplaced,
    AlarmKind::KeysRenewed,
    AlarmKind::RestoreGivenUp,
    AlarmKind::DiskFull,
    AlarmKind::DiskNearlyFull,
    AlarmKind::BackupOld,
    AlarmKind::BackupFailed,
    AlarmKind::RecordingDamaged,
    AlarmKind::FilmsParked,
    AlarmKind::TargetGivenUp,
    AlarmKind::TargetFailing,
    AlarmKind::EncoderOff,
    AlarmKind::MediaOverloaded,
    AlarmKind::TooWarm,
    AlarmKind::ClockUnset,
    AlarmKind::ClockJumped,
    AlarmKind::CertificateEnded,
    AlarmKind::CertificateEnding,
    AlarmKind::CertificateNotRenewed,
    AlarmKind::UpdateSetback,
    AlarmKind::AuditBroken,
    AlarmKind::FleetCloned,
    AlarmKind::FleetFailed,
    AlarmKind::FleetCut,
    AlarmKind::FleetClocks,
    AlarmKind::FleetRefused,
    AlarmKind::WebhooksFailing,
    AlarmKind::MqttAway,
    AlarmKind::MailFailing,
    AlarmKind::SyslogAway,
];

/// The numbers and names of an alarm; what does not apply is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Figures {
    /// What it is about, as people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// In the words of whoever refused, in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub bytes: Option<u64>,
    /// What `bytes` is measured by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub of_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub celsius: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub at: Option<UnixMs>,
}

impl AlarmKind {
    /// Stable name, as in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::DiskNearlyFull => "disk_nearly_full",
            Self::DiskFull => "disk_full",
            Self::ClockUnset => "clock_unset",
            Self::ClockJumped => "clock_jumped",
            Self::CertificateEnding => "certificate_ending",
            Self::CertificateEnded => "certificate_ended",
            Self::CertificateNotRenewed => "certificate_not_renewed",
            Self::TargetFailing => "target_failing",
            Self::TargetGivenUp => "target_given_up",
            Self::RecordingDamaged => "recording_damaged",
            Self::FilmsParked => "films_parked",
            Self::EncoderOff => "encoder_off",
            Self::MediaOverloaded => "media_overloaded",
            Self::TooWarm => "too_warm",
            Self::FleetFailed => "fleet_failed",
            Self::FleetCut => "fleet_cut",
            Self::FleetCloned => "fleet_cloned",
            Self::FleetClocks => "fleet_clocks",
            Self::FleetRefused => "fleet_refused",
            Self::WebhooksFailing => "webhooks_failing",
            Self::MqttAway => "mqtt_away",
            Self::MailFailing => "mail_failing",
            Self::SyslogAway => "syslog_away",
            Self::UpdateSetback => "update_setback",
            Self::AuditBroken => "audit_broken",
            Self::BackupFailed => "backup_failed",
            Self::BackupOld => "backup_old",
            Self::DatabaseReplaced => "database_replaced",
            Self::DatabaseLost => "database_lost",
            Self::KeysRenewed => "keys_renewed",
            Self::RestoreGivenUp => "restore_given_up",
        }
    }

    pub fn severity(self) -> Severity {
        match self {
            Self::DiskFull
            | Self::CertificateEnded
            | Self::TargetGivenUp
            | Self::RecordingDamaged
            | Self::MediaOverloaded
            | Self::FleetFailed
            | Self::FleetCloned
            | Self::UpdateSetback
            | Self::AuditBroken
            | Self::BackupOld
            | Self::DatabaseReplaced
            | Self::DatabaseLost
            | Self::KeysRenewed
            | Self::RestoreGivenUp => Severity::Broken,
            Self::DiskNearlyFull
            | Self::ClockUnset
            | Self::ClockJumped
            | Self::CertificateEnding
            | Self::CertificateNotRenewed
            | Self::TargetFailing
            | Self::FilmsParked
            | Self::EncoderOff
            | Self::TooWarm
            | Self::FleetCut
            | Self::FleetClocks
            | Self::FleetRefused
            | Self::WebhooksFailing
            | Self::MqttAway
            | Self::MailFailing
            | Self::SyslogAway
            | Self::BackupFailed => Severity::Attention,
        }
    }

    /// It must be so for so long before anybody is told: what mends itself is no alarm.
    pub(super) fn raised_after(self) -> Duration {
        Duration::from_secs(match self {
            // A clock is set in the first minute of a start.
            Self::MediaOverloaded | Self::TooWarm | Self::WebhooksFailing | Self::FleetClocks => 20,
            Self::TargetFailing | Self::SyslogAway | Self::BackupFailed => 60,
            // After a restart of the hub events may arrive only 40 s later.
            Self::FleetCut | Self::MqttAway => 120,
            _ => 0,
        })
    }

    /// It must be gone for so long before it counts as gone.
    pub(super) fn cleared_after(self) -> Duration {
        Duration::from_secs(match self {
            Self::MediaOverloaded | Self::TooWarm | Self::FleetCut | Self::MqttAway => 60,
            kind if kind.ends_when_seen() => 0,
            _ => 10,
        })
    }

    /// It says what has happened, not what is so: it is over once somebody has seen it.
    pub fn ends_when_seen(self) -> bool {
        matches!(
            self,
            Self::DatabaseReplaced | Self::DatabaseLost | Self::KeysRenewed | Self::RestoreGivenUp
        )
    }

    /// The page of the panel on which it is mended, below `/panel`.
    pub fn page(self) -> &'static str {
        match self {
            Self::DiskNearlyFull | Self::DiskFull => "/recordings/storage",
            Self::RecordingDamaged | Self::MediaOverloaded | Self::TooWarm => "/status",
            Self::FilmsParked => "/recordings",
            Self::CertificateEnding
            | Self::CertificateEnded
            | Self::CertificateNotRenewed
            | Self::KeysRenewed => "/settings/certificates",
            Self::BackupFailed | Self::BackupOld | Self::RestoreGivenUp => "/settings/backup",
            Self::DatabaseReplaced | Self::DatabaseLost => "/settings/people",
            Self::FleetFailed
            | Self::FleetCut
            | Self::FleetCloned
            | Self::FleetClocks
            | Self::FleetRefused => "/settings/fleet",
            Self::UpdateSetback => "/settings/updates",
            Self::AuditBroken => "/settings/audit",
            Self::ClockUnset
            | Self::ClockJumped
            | Self::TargetFailing
            | Self::TargetGivenUp
            | Self::EncoderOff
            | Self::WebhooksFailing
            | Self::MqttAway
            | Self::MailFailing
            | Self::SyslogAway => "/settings",
        }
    }
}
