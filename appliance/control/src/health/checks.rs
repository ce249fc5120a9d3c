//! From what was observed to what is wrong. Pure.

use super::kinds::{AlarmKind, Figures};
use super::notices::Standing;
use crate::certificates::CertificateState;
use crate::clock::UnixMs;
use crate::retention::Doubt;
use crate::status::{Disk, ShardSample};
use std::collections::BTreeMap;

/// A thread that is busy for so much of its core,
const BUSY_PERCENT: f64 = 92.0;
/// or that keeps everybody waiting for so long, has too much to do.
const LONG_TURN_US: u64 = 250_000;
/// Processors slow themselves down from about here on; they are cool enough again below the second.
const WARM: f64 = 85.0;
const COOL: f64 = 78.0;

/// What goes to somebody and how that is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlet {
    pub id: String,
    pub name: String,
    pub error: Option<String>,
    /// Files that are not tried any more.
    pub given_up: u64,
}

/// What was observed; what is not known is as if it were well.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Of these nothing is known yet.
    pub unknown: Vec<AlarmKind>,
    pub disk: Disk,
    pub temperature_c: Option<f64>,
    pub shards: Vec<ShardSample>,
    /// Packets that recordings lost in the last minutes.
    pub drops: u64,
    pub clock: Option<Doubt>,
    /// The certificate that others issued, and its end.
    pub certificate: Option<(CertificateState, UnixMs)>,
    /// Why the last order of one failed.
    pub renewal: Option<String>,
    pub films_parked: u64,
    pub targets: Vec<Outlet>,
    pub webhooks: Vec<Outlet>,
    /// Encoders that are off.
    pub encoders: Vec<Outlet>,
    pub fleet_failed: Option<String>,
    pub fleet_cut: Option<String>,
    pub fleet_cloned: bool,
    /// By how much the clocks of this box and its fleet differ.
    pub fleet_clocks_s: Option<u64>,
    /// What this hub did not take in the last minutes, and from which box most, if it is one's.
    pub fleet_refused: u64,
    pub fleet_refused_of: Option<String>,
    pub mqtt: Option<String>,
    pub mail: Option<String>,
    pub syslog: Option<String>,
    pub setback: Option<String>,
    pub audit: Option<String>,
    /// Planned backups that are not made (without id) or do not arrive.
    pub backups_failed: Vec<Outlet>,
    /// Targets without a new backup for too long, and when the newest there was made.
    pub backups_old: Vec<(Outlet, Option<UnixMs>)>,
    /// What nobody has seen yet.
    pub notices: Standing,
}

/// Something that is wrong at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub kind: AlarmKind,
    /// Which one of several it is about; empty: there is only one.
    pub subject: String,
    pub figures: Figures,
}

impl Condition {
    /// The same for as long as the same is wrong.
    pub fn key(&self) -> String {
        match self.subject.as_str() {
            "" => self.kind.name().to_owned(),
            subject => format!("{}:{subject}", self.kind.name()),
        }
    }
}

/// Everything that is wrong. `is_open` says by [`Condition::key`] which alarms stand: what has a limit must
/// get better than it by a margin before it counts as gone.
pub fn conditions(facts: &Facts, is_open: &dyn Fn(&str) -> bool) -> Vec<Condition> {
    let mut found = BTreeMap::new();
    let mut add = |kind: AlarmKind, subject: &str, figures: Figures| {
        let condition = Condition { kind, subject: subject.to_owned(), figures };
        found.insert(condition.key(), condition);
    };
    let open = |kind: AlarmKind| is_open(kind.name());
    let said = |error: &str| Figures { error: Some(error.to_owned()), ..Figures::default() };

    let Disk { total_bytes, free_bytes, reserve_bytes, .. } = facts.disk;
    let disk =
        Figures { bytes: Some(free_bytes), of_bytes: Some(reserve_bytes), ..Figures::default() };
    // Nobody has looked at a disk of no size.
    if total_bytes > 0 {
        let tenth = reserve_bytes / 10;
        let full = reserve_bytes + if open(AlarmKind::DiskFull) { tenth } else { 0 };
        let near = reserve_bytes * 2 + if open(AlarmKind::DiskNearlyFull) { tenth * 5 } else { 0 };
        if free_bytes < full {
            add(AlarmKind::DiskFull, "", disk);
        } else if free_bytes < near {
            add(AlarmKind::DiskNearlyFull, "", disk);
        }
    }
    if let Some(celsius) = facts.temperature_c
        && celsius >= if open(AlarmKind::TooWarm) { COOL } else { WARM }
    {
        let figures = Figures { celsius: Some(celsius), ..Figures::default() };
        add(AlarmKind::TooWarm, "", figures);
    }
    for shard in &facts.shards {
        if shard.cpu_percent >= BUSY_PERCENT || shard.longest_turn_us >= LONG_TURN_US {
            let name = Some(format!("UDP port {}", shard.port));
            let figures = Figures { name, ..Figures::default() };
            add(AlarmKind::MediaOverloaded, &shard.port.to_string(), figures);
        }
    }
    for (kind, count) in
        [(AlarmKind::RecordingDamaged, facts.drops), (AlarmKind::FilmsParked, facts.films_parked)]
    {
        if count > 0 {
            add(kind, "", Figures { count: Some(count), ..Figures::default() });
        }
    }
    match facts.clock {
        Some(Doubt::Unset) => add(AlarmKind::ClockUnset, "", Figures::default()),
        Some(Doubt::Jumped) => add(AlarmKind::ClockJumped, "", Figures::default()),
        None => {}
    }
    let until = |at| Figures { at: Some(at), ..Figures::default() };
    match facts.certificate {
        Some((CertificateState::Ending, at)) => add(AlarmKind::CertificateEnding, "", until(at)),
        Some((CertificateState::Ended, at)) => add(AlarmKind::CertificateEnded, "", until(at)),
        Some((CertificateState::Good, _)) | None => {}
    }
    for target in &facts.targets {
        let figures = Figures {
            name: Some(target.name.clone()),
            error: target.error.clone(),
            count: (target.given_up > 0).then_some(target.given_up),
            ..Figures::default()
        };
        match (target.given_up, &target.error) {
            (1.., _) => add(AlarmKind::TargetGivenUp, &target.id, figures),
            (0, Some(_)) => add(AlarmKind::TargetFailing, &target.id, figures),
            (0, None) => {}
        }
    }
    for (kind, outlets) in
        [(AlarmKind::WebhooksFailing, &facts.webhooks), (AlarmKind::EncoderOff, &facts.encoders)]
    {
        for outlet in outlets {
            let (name, error) = (Some(outlet.name.clone()), outlet.error.clone());
            add(kind, &outlet.id, Figures { name, error, ..Figures::default() });
        }
    }
    if facts.fleet_cloned {
        add(AlarmKind::FleetCloned, "", Figures::default());
    }
    if let Some(seconds) = facts.fleet_clocks_s {
        let figures = Figures { seconds: Some(seconds), ..Figures::default() };
        add(AlarmKind::FleetClocks, "", figures);
    }
    if facts.fleet_refused > 0 {
        let (count, name) = (Some(facts.fleet_refused), facts.fleet_refused_of.clone());
        add(AlarmKind::FleetRefused, "", Figures { count, name, ..Figures::default() });
    }
    for (kind, error) in [
        (AlarmKind::CertificateNotRenewed, &facts.renewal),
        (AlarmKind::FleetFailed, &facts.fleet_failed),
        (AlarmKind::FleetCut, &facts.fleet_cut),
        (AlarmKind::MqttAway, &facts.mqtt),
        (AlarmKind::MailFailing, &facts.mail),
        (AlarmKind::SyslogAway, &facts.syslog),
        (AlarmKind::UpdateSetback, &facts.setback),
        (AlarmKind::AuditBroken, &facts.audit),
    ] {
        if let Some(error) = error {
            add(kind, "", said(error));
        }
    }
    for outlet in &facts.backups_failed {
        let (name, error) = (Some(outlet.name.clone()), outlet.error.clone());
        add(AlarmKind::BackupFailed, &outlet.id, Figures { name, error, ..Figures::default() });
    }
    for (outlet, at) in &facts.backups_old {
        let figures = Figures { name: Some(outlet.name.clone()), at: *at, ..Figures::default() };
        add(AlarmKind::BackupOld, &outlet.id, figures);
    }
    if let Some(note) = &facts.notices.mended {
        let (kind, at) = match note.as_of {
            Some(at) => (AlarmKind::DatabaseReplaced, at),
            None => (AlarmKind::DatabaseLost, note.at),
        };
        add(kind, "", Figures { at: Some(at), ..said(&note.why) });
    }
    if let Some(keys) = &facts.notices.keys {
        let names = Vec::from_iter(keys.files.iter().map(String::as_str)).join(", ");
        let (name, at) = (Some(names), Some(keys.at));
        add(AlarmKind::KeysRenewed, "", Figures { name, at, ..Figures::default() });
    }
    if let Some(restore) = &facts.notices.restore {
        let (name, at) = (Some(restore.note.box_name.clone()), Some(restore.note.made_at));
        add(AlarmKind::RestoreGivenUp, "", Figures { name, at, ..said(&restore.why) });
    }
    found.into_values().collect()
}
