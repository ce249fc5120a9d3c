//! The file itself: its sections, its checks, and what may be shown of it.

use crate::names::{NAME_RULE, checked_name};
use crate::proxy::ProxySettings;
use crate::recorder::RecorderSettings;
use crate::secret::{HIDDEN, PASSWORD_LEAST, PasswordHash, Secret};
use crate::security::SecuritySettings;
use crate::settings::{MeetingSettings, RecordingSettings, Settings, section, with_suggestion};
use crate::turn::TurnSettings;
use crate::updates::UpdateSettings;
use crate::{SCHEMA, SettingError};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::fmt;
use toml::de::DeTable;

/// Nobody writes more by hand; a longer file is none of ours.
pub(crate) const LONGEST: usize = 64 * 1024;

/// What is wrong with a file. It never shows a value, because that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ProvisionError {
    /// From 1.
    pub line: usize,
    pub what: String,
}

/// A `roombox.toml` in which everything will do.
#[derive(Clone, PartialEq)]
pub struct Provisioning {
    /// `[box]`
    pub the_box: Option<BoxSection>,
    /// `[owner]`
    pub owner: Option<Owner>,
    /// `[recording]`, `[recorder]`, `[meeting]`, `[updates]`, `[turn]`; what the file leaves out is at its
    /// default. To change only what it names, take [`Provisioning::settings_patch`].
    pub settings: Settings,
    /// `[install]`
    pub install: Option<Install>,
    entries: Vec<Entry>,
    patch: Value,
}

/// `[box]`: who the box is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoxSection {
    pub name: String,
    /// Of pages, for people whose browser asks for none that the box speaks.
    pub language: Option<Language>,
}

/// A language of the box's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    En,
    De,
}

impl Language {
    /// ISO 639-1.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// The language of a code, if the box speaks it.
    pub fn of_code(code: &str) -> Option<Self> {
        [Self::En, Self::De].into_iter().find(|language| language.code() == code)
    }
}

/// `[owner]`: who owns the box; it counts as claimed from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    Password { name: String, password: Secret },
    Hash { name: String, hash: PasswordHash },
}

impl Owner {
    pub fn name(&self) -> &str {
        match self {
            Self::Password { name, .. } | Self::Hash { name, .. } => name,
        }
    }
}

/// `[install]`: read by the installer on a stick, not by a box that runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Install {
    /// Serial number of the disk that may be overwritten, or its name below `/dev/disk/by-id`.
    pub disk: String,
}

/// One key of a file as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Section and name with a dot between.
    pub key: String,
    /// From 1.
    pub line: usize,
    /// As TOML; `(hidden)` for a secret.
    pub value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnerSection {
    name: String,
    password: Option<Secret>,
    password_hash: Option<Secret>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sections {
    schema: Option<u32>,
    #[serde(rename = "box", deserialize_with = "present")]
    the_box: Option<BoxSection>,
    #[serde(deserialize_with = "present")]
    owner: Option<OwnerSection>,
    #[serde(deserialize_with = "section")]
    recording: RecordingSettings,
    #[serde(deserialize_with = "section")]
    recorder: RecorderSettings,
    #[serde(deserialize_with = "section")]
    meeting: MeetingSettings,
    #[serde(deserialize_with = "section")]
    updates: UpdateSettings,
    #[serde(deserialize_with = "section")]
    turn: TurnSettings,
    #[serde(deserialize_with = "section")]
    security: SecuritySettings,
    #[serde(deserialize_with = "section")]
    proxy: ProxySettings,
    #[serde(deserialize_with = "present")]
    install: Option<Install>,
}

/// Sections that are settings.
const SECTIONS: [&str; 7] =
    ["recording", "recorder", "meeting", "updates", "turn", "security", "proxy"];

fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    section(from).map(Some)
}

/// Reads a `roombox.toml` whole.
///
/// # Errors
/// The first thing that will not do, with its line: not TOML, an unknown key (with the nearest known
/// one), another schema, or a value out of its bounds.
pub fn parse(text: &str) -> Result<Provisioning, ProvisionError> {
    // Editors on Windows begin with it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > LONGEST {
        let what = format!("a roombox.toml has at most {} KiB", LONGEST / 1024);
        return Err(ProvisionError { line: 1, what });
    }
    let broken = |error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        ProvisionError { line: line_at(text, at), what: with_suggestion(&shown(error.message())) }
    };
    let sections: Sections = toml::from_str(text).map_err(broken)?;
    let places = DeTable::parse(text).map_err(broken)?.into_inner();
    let values: toml::Table = toml::from_str(text).map_err(broken)?;
    let wrong = |key: &str, why: &str| {
        let what = format!("{key} {why}");
        Err(ProvisionError { line: line_of(&places, text, key), what })
    };
    if sections.schema.is_some_and(|schema| schema != SCHEMA) {
        return wrong("schema", &format!("is {SCHEMA} for this box: it knows no other"));
    }
    let mut the_box = sections.the_box;
    if let Some(section) = &mut the_box {
        match checked_name(&section.name) {
            Some(name) => section.name = name,
            None => return wrong("box.name", NAME_RULE),
        }
    }
    let owner = match sections.owner {
        None => None,
        Some(owner) => {
            let Some(name) = checked_name(&owner.name) else {
                return wrong("owner.name", NAME_RULE);
            };
            Some(match (owner.password, owner.password_hash) {
                (Some(password), None) => {
                    if password.reveal().chars().count() < PASSWORD_LEAST {
                        let why = format!("needs at least {PASSWORD_LEAST} characters");
                        return wrong("owner.password", &why);
                    }
                    Owner::Password { name, password }
                }
                (None, Some(hash)) => match PasswordHash::new(hash) {
                    Ok(hash) => Owner::Hash { name, hash },
                    Err(why) => return wrong("owner.password_hash", why),
                },
                (Some(_), Some(_)) => return wrong("owner.password_hash", "or password, not both"),
                (None, None) => return wrong("owner", "needs a password or a password_hash"),
            })
        }
    };
    if let Some(install) = &sections.install
        && checked_name(&install.disk).as_ref() != Some(&install.disk)
    {
        return wrong("install.disk", "is a serial number or a name below /dev/disk/by-id");
    }
    let Sections { recording, recorder, meeting, updates, turn, security, proxy, .. } = sections;
    let settings = Settings { recording, recorder, meeting, updates, turn, security, proxy };
    if let Err(SettingError { field, why }) = settings.check() {
        return wrong(&field, &why);
    }
    let mut entries = Vec::new();
    let mut patch = serde_json::Map::new();
    for (section, value) in &values {
        let Some(section_values) = value.as_table() else { continue };
        if SECTIONS.contains(&section.as_str()) {
            let json = serde_json::to_value(section_values).unwrap_or_default();
            patch.insert(section.clone(), json);
        }
        for (name, value) in section_values {
            let key = format!("{section}.{name}");
            let line = line_of(&places, text, &key);
            let hidden = match section.as_str() {
                "owner" => name.starts_with("password"),
                "turn" => name == "secret",
                "proxy" => name == "password",
                _ => false,
            };
            let value = if hidden { HIDDEN.to_owned() } else { value.to_string() };
            entries.push(Entry { key, line, value });
        }
    }
    entries.sort_by_key(|entry| entry.line);
    let patch = Value::Object(patch);
    Ok(Provisioning { the_box, owner, settings, install: sections.install, entries, patch })
}

/// The patch holds secrets in clear.
impl fmt::Debug for Provisioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { the_box, owner, settings, install, entries, patch: _ } = self;
        let mut shown = f.debug_struct("Provisioning");
        shown.field("the_box", the_box).field("owner", owner).field("settings", settings);
        shown.field("install", install).field("entries", entries).finish_non_exhaustive()
    }
}

impl Provisioning {
    /// Every key that the file names, in its order, without secrets: for logs, pages and receipts.
    pub fn redacted(&self) -> &[Entry] {
        &self.entries
    }

    /// The settings that the file names, as a merge patch (RFC 7396); an empty object if none.
    pub fn settings_patch(&self) -> Value {
        self.patch.clone()
    }
}

/// serde says what stood where something else was expected; that may be a secret in a wrong place.
pub(crate) fn shown(message: &str) -> String {
    if let Some((_, known)) =
        message.rsplit_once("`, expected ").filter(|_| message.starts_with("unknown variant `"))
    {
        return format!("expected {known}");
    }
    let found = message.strip_prefix("invalid type: ").or(message.strip_prefix("invalid value: "));
    let Some((found, expected)) = found.and_then(|found| found.rsplit_once(", expected ")) else {
        return message.to_owned();
    };
    let kind = found.split(['`', '"']).next().unwrap_or_default().trim();
    format!("expected {expected}, not {kind}")
}

fn line_at(text: &str, at: usize) -> usize {
    text.get(..at).map_or(1, |before| before.matches('\n').count() + 1)
}

/// The line of a key, or of its section where the key is not there.
fn line_of(places: &DeTable<'_>, text: &str, key: &str) -> usize {
    let (section, name) = key.split_once('.').map_or((key, None), |(s, name)| (s, Some(name)));
    let Some((at, value)) = places.iter().find(|(known, _)| known.get_ref() == section) else {
        return 1;
    };
    let inner = name
        .and_then(|name| value.get_ref().as_table()?.keys().find(|known| known.get_ref() == name));
    line_at(text, inner.unwrap_or(at).span().start)
}

#[cfg(test)]
mod tests;
