//! The support bundle: what helps somebody elsewhere understand this box, in one archive, without secrets.
//!
//! What goes in is chosen, field by field where others type texts: no names of people, rooms and recordings, no
//! addresses but of servers, nothing that opens anything. A test plants secrets everywhere and searches the
//! bundle for them.

mod pack;

use crate::clock::UnixMs;
use crate::error::ControlError;
use crate::health::{Gatherer, Health, host_of};
use crate::identity::BoxIdentity;
use crate::jobs::Jobs;
use crate::logs::LogBook;
use crate::settings::SettingsDesk;
use crate::store::StoreError;
use pack::Pack;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use tokio::sync::mpsc;
use utoipa::ToSchema;

/// Jobs that are told of.
const JOBS: usize = 200;

/// A file of the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct SupportPart {
    /// Of the file.
    pub name: &'static str,
    /// What is in it, in English.
    pub what: &'static str,
}

/// Everything that is in it, in this order.
pub const PARTS: [SupportPart; 17] = [
    part(
        "versions.json",
        "the box's id and name, its version, the kernel, the schema of its database",
    ),
    part("health.json", "alarms that stand and that were, with who takes care"),
    part(
        "status.json",
        "processor, memory, disk and media threads, now and in the last ten minutes",
    ),
    part("machine.txt", "what the kernel says of memory, load and processors"),
    part(
        "settings.json",
        "all settings; secrets are left out, and of the update channel all but the server",
    ),
    part("database.json", "tables with their number of rows, recordings and jobs by state"),
    part("jobs.json", "the newest 200 films: state, attempts, errors, without titles"),
    part("encoders.json", "encoders, how their trials went, and their failures"),
    part(
        "targets.json",
        "targets of copies: kind and how copying goes, without addresses and keys",
    ),
    part("webhooks.json", "receivers of webhooks: server, and how sending goes"),
    part("mqtt.json", "the way to the MQTT broker, without the password"),
    part("mail.json", "the way to the mail server, without addresses of people and the password"),
    part("syslog.json", "the way to the syslog server"),
    part("certificates.json", "certificates that are served, and how renewing goes"),
    part("updates.json", "versions on both sides, what was installed and why it did not stay"),
    part("federation.json", "what the box is in its fleet, and the way to the hub"),
    part("log.txt", "the newest lines of the daemon's log"),
];

const fn part(name: &'static str, what: &'static str) -> SupportPart {
    SupportPart { name, what }
}

/// What a bundle has, before somebody takes one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SupportView {
    pub parts: Vec<SupportPart>,
    /// No bundle is larger, unpacked.
    pub most_bytes: u64,
}

/// Who is asked.
pub struct Support {
    pub asked: Arc<Gatherer>,
    pub identity: Arc<BoxIdentity>,
    pub book: Arc<LogBook>,
    pub health: Arc<Health>,
    pub settings: Arc<SettingsDesk>,
    pub jobs: Arc<Jobs>,
}

/// Only these fields of an object.
fn only(value: Value, fields: &[&str]) -> Value {
    match value {
        Value::Object(all) => {
            all.into_iter().filter(|(name, _)| fields.contains(&name.as_str())).collect()
        }
        other => other,
    }
}

fn plain<T: Serialize>(value: T) -> Result<Value, ControlError> {
    Ok(serde_json::to_value(value).map_err(StoreError::from)?)
}

fn each<T: Serialize>(values: Vec<T>, fields: &[&str]) -> Result<Vec<Value>, ControlError> {
    values.into_iter().map(|value| Ok(only(plain(value)?, fields))).collect()
}

/// What the system says in a file; many sandboxes hide some.
fn told(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| format!("{path}: {error}\n"))
}

impl Support {
    pub fn view(&self) -> SupportView {
        let most_bytes = (PARTS.len() + 1) as u64 * pack::MOST_OF_PART as u64;
        SupportView { parts: PARTS.to_vec(), most_bytes }
    }

    /// Name of a bundle of now, without ending.
    pub fn name(&self) -> String {
        let time = UnixMs::now().minute().replace([':', '-'], "").replace(' ', "-");
        format!("roombox-support-{time}")
    }

    fn readme(&self, missing: &[String]) -> String {
        let (name, id) = (self.identity.name(), self.identity.id().to_owned());
        let mut text = format!("Support bundle of {name} ({id}), {}.\n\n", UnixMs::now().rfc3339());
        text += "It has no passwords, keys and tokens, no names of people, rooms and recordings except in\n";
        text += "alarms (who takes care), and nothing of what was said or recorded.\n\n";
        for SupportPart { name, what } in PARTS {
            // Writing into a text cannot fail.
            writeln!(text, "{name:<20}{what}").unwrap_or_default();
        }
        for line in missing {
            writeln!(text, "\nNot there: {line}").unwrap_or_default();
        }
        text
    }

    /// Writes a bundle, piece by piece, for as long as somebody takes the pieces. What cannot be found out is
    /// said in its readme, and the rest comes all the same.
    pub async fn write(&self, to: mpsc::Sender<Result<Vec<u8>, ControlError>>) {
        let mut pack = Pack::new(self.name(), UnixMs::now().0 / 1000);
        let mut missing = Vec::new();
        for SupportPart { name, .. } in PARTS {
            let text = match self.text(name).await {
                Ok(text) => text,
                Err(error) => {
                    missing.push(format!("{name}: {error}"));
                    continue;
                }
            };
            let piece = pack.add(name, &text).map_err(ControlError::Files);
            let failed = piece.is_err();
            if to.send(piece).await.is_err() || failed {
                return;
            }
        }
        let end = pack.add("README.txt", &self.readme(&missing)).and_then(|mut bytes| {
            bytes.extend(pack.end()?);
            Ok(bytes)
        });
        // Whoever fetched it has gone.
        to.send(end.map_err(ControlError::Files)).await.unwrap_or_default();
    }

    async fn text(&self, name: &str) -> Result<String, ControlError> {
        let value = match name {
            "log.txt" => {
                let read = self.book.read(0, usize::MAX);
                let mut text = format!("{} older lines are not kept.\n", read.missed);
                for line in read.lines {
                    text += &line.plain();
                    text.push('\n');
                }
                return Ok(text);
            }
            "machine.txt" => {
                let files = ["/proc/version", "/proc/loadavg", "/proc/meminfo", "/proc/cpuinfo"];
                return Ok(files.map(told).join("\n"));
            }
            "versions.json" => json!({
                "box": self.identity.info(true, false),
                "kernel": told("/proc/sys/kernel/osrelease").trim(),
                "architecture": std::env::consts::ARCH,
                "schema_known": crate::store::schema_known(),
            }),
            "health.json" => plain(self.health.view().await?)?,
            "status.json" => plain(self.asked.status.report())?,
            "settings.json" => {
                let mut settings = (*self.settings.get()).clone();
                // An address may have a name and a password in it.
                settings.updates.channel = host_of(&settings.updates.channel).to_owned();
                plain(settings)?
            }
            "database.json" => plain(self.asked.store.database_facts().await?)?,
            "jobs.json" => {
                let mut jobs = self.jobs.list().await?;
                jobs.truncate(JOBS);
                let fields = [
                    "id",
                    "recording_id",
                    "layout",
                    "state",
                    "attempts",
                    "created_at",
                    "error",
                    "waits",
                    "made_on",
                    "encoder",
                ];
                each(jobs, &fields)?.into()
            }
            "encoders.json" => plain(self.asked.encoders.list())?,
            "targets.json" => {
                let all = self.asked.targets.list().await?.into_iter().map(|target| {
                    let kind = plain(&target.place).map(|place| place["kind"].clone())?;
                    let mut one =
                        only(plain(target)?, &["id", "enabled", "since", "tally", "has_secrets"]);
                    one["kind"] = kind;
                    Ok(one)
                });
                all.collect::<Result<Vec<Value>, ControlError>>()?.into()
            }
            "webhooks.json" => {
                let all = self.asked.webhooks.list().await.into_iter().map(|webhook| {
                    let server = host_of(&webhook.url).to_owned();
                    let fields = [
                        "id",
                        "enabled",
                        "created_at",
                        "waiting",
                        "failing",
                        "last_delivered_at",
                        "last_failed_at",
                        "last_error",
                        "delivered",
                        "failed",
                        "given_up",
                        "dropped",
                    ];
                    let mut one = only(plain(webhook)?, &fields);
                    one["server"] = server.into();
                    Ok(one)
                });
                all.collect::<Result<Vec<Value>, ControlError>>()?.into()
            }
            "mqtt.json" => {
                let view = self.asked.mqtt.view();
                let settings =
                    only(plain(&view.settings)?, &["enabled", "host", "port", "control"]);
                json!({ "settings": settings, "has_password": view.has_password, "link": view.link,
                    "orders": view.orders })
            }
            "mail.json" => {
                let view = self.asked.mail.view();
                let fields = ["enabled", "host", "port", "tls", "least"];
                let settings = only(plain(&view.settings)?, &fields);
                json!({ "settings": settings, "receivers": view.settings.to.len(),
                    "has_password": view.has_password, "outcome": view.outcome })
            }
            "syslog.json" => {
                let view = self.asked.syslog.view();
                let fields = ["enabled", "host", "port", "by", "audit", "level"];
                json!({ "settings": only(plain(&view.settings)?, &fields), "outcome": view.outcome })
            }
            "certificates.json" => {
                let certificates = plain(self.asked.certificates.view(UnixMs::now()))?;
                let acme = only(
                    plain(self.asked.acme.view())?,
                    &["wanted", "running", "failure", "next_at"],
                );
                json!({ "certificates": certificates, "acme": acme })
            }
            "updates.json" => {
                let updates = self.asked.updates.view().await;
                json!({ "updates": updates, "audit_log": self.asked.audit.state().await? })
            }
            _ => {
                let fleet = plain(self.asked.fleet.view().await?)?;
                only(fleet, &["possible", "role", "id", "hub", "link", "waiting", "heard"])
            }
        };
        Ok(serde_json::to_string_pretty(&value).map_err(StoreError::from)?)
    }
}
