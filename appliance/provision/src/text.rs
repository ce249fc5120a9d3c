//! Settings as a text for people: written out for review, and read back as a change of what there is.
//!
//! The text is the sample of `docs/roombox.toml` with the box's own values, so that every setting has its
//! explanation. It has no secrets: what it leaves out stays as it is.

use crate::SCHEMA;
use crate::file::{LONGEST, shown};
use crate::secret::HIDDEN;
use crate::settings::{SettingError, Settings};
use serde_json::Value;
use std::collections::BTreeMap;
use toml::de::DeTable;

const SAMPLE: &str = include_str!("../../../docs/roombox.toml");

/// Of more errors only their number is said.
const MOST_ERRORS: usize = 100;

/// Values of these sections are right or wrong together.
const TOGETHER: [&str; 3] = ["turn", "updates", "proxy"];

/// Names below `settings` that are secrets.
const SECRET: [(&str, &str); 2] = [("turn", "secret"), ("proxy", "password")];

/// Sections of a `roombox.toml` that are no settings.
const OTHERS: [(&str, &str); 3] = [
    ("box", "is changed in the settings, under its own name"),
    ("owner", "is not changed by settings: people are on the page of people"),
    ("install", "is for the installer on a stick alone"),
];

/// What will not do in a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextError {
    /// From 1.
    pub line: usize,
    /// Section and name with a dot between; empty: it is not about one.
    pub key: String,
    /// Without values: they may be secrets.
    pub what: String,
}

/// A setting that becomes another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Section and name with a dot between.
    pub key: String,
    /// From 1.
    pub line: usize,
    /// As TOML; `(hidden)` for a secret.
    pub from: String,
    pub to: String,
}

/// What a text makes of settings.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingsText {
    /// As they are with the changes.
    settings: Settings,
    /// What becomes another, in the order of the text.
    pub changes: Vec<Change>,
    /// What will not do, in the order of the text. With one of these nothing is taken over.
    pub errors: Vec<TextError>,
}

impl SettingsText {
    /// What the box has afterwards.
    ///
    /// # Errors
    /// Everything in the text that will not do.
    pub fn taken(self) -> Result<Settings, Vec<TextError>> {
        match self.errors.is_empty() {
            true => Ok(self.settings),
            false => Err(self.errors),
        }
    }

    /// A text of which nothing can be read.
    pub(crate) fn unread(now: &Settings, error: TextError) -> Self {
        Self { settings: now.clone(), changes: Vec::new(), errors: vec![error] }
    }
}

/// All settings, each with its explanation, without secrets.
pub fn export(settings: &Settings) -> String {
    let all = serde_json::to_value(settings).unwrap_or_default();
    let mut text = String::from(
        "# The settings of this box. What is left out of this file stays as it is when it is imported. It has no\n\
         # secrets, and nothing that has a list or page of its own (people, rooms, keys, targets, webhooks, network,\n\
         # certificates): those are in a backup.\n\n\
         # Version of this file's schema; may be left out.\n",
    );
    text.push_str(&format!("schema = {SCHEMA}\n"));
    let begins = SAMPLE.find("\n[recording]").unwrap_or(0);
    let mut section = String::new();
    for line in SAMPLE.get(begins..).unwrap_or_default().lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        }
        match line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            Some((name, _)) if is_secret(&section, name) => {
                let is = match all[&section][name] == HIDDEN {
                    true => "is set and not shown: left out, it stays",
                    false => "is not set",
                };
                text.push_str(&format!("# The {name} {is}. To change it: {name} = \"…\"\n"));
            }
            Some((name, _)) => {
                text.push_str(&format!("{name} = {}\n", as_toml(&all[&section][name])));
            }
            None => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

fn is_secret(section: &str, name: &str) -> bool {
    SECRET.contains(&(section, name))
}

fn as_toml(value: &Value) -> String {
    match toml::Value::try_from(value) {
        Ok(value) => value.to_string(),
        Err(_) => String::new(),
    }
}

/// Values by section and name, with the lines on which they stand.
pub(crate) type Wanted = BTreeMap<(String, String), (usize, Value)>;

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// From 1.
    fn at(&self, at: usize) -> usize {
        self.0.partition_point(|end| *end < at) + 1
    }
}

/// Reads a text of settings as a change of `now`.
pub fn read(text: &str, now: &Settings) -> SettingsText {
    // Editors on Windows begin with it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let unread =
        |line, what| SettingsText::unread(now, TextError { line, key: String::new(), what });
    if text.len() > LONGEST {
        return unread(1, format!("a file of settings has at most {} KiB", LONGEST / 1024));
    }
    let lines = Lines::of(text);
    let broken = |error: &toml::de::Error| {
        let line = lines.at(error.span().map_or(0, |span| span.start));
        unread(line, format!("is no TOML: {}", shown(error.message())))
    };
    let places = match DeTable::parse(text) {
        Ok(places) => places.into_inner(),
        Err(error) => return broken(&error),
    };
    let values: toml::Table = match toml::from_str(text) {
        Ok(values) => values,
        Err(error) => return broken(&error),
    };
    let known = names(now);
    let (mut wanted, mut errors) = (Wanted::new(), Vec::new());
    for (section, value) in &places {
        let (name, line) = (section.get_ref().as_ref(), lines.at(section.span().start));
        let mut wrong = |what: String| {
            errors.push(TextError { line, key: cut(name), what });
        };
        if name == "schema" {
            if values[name].as_integer() != Some(i64::from(SCHEMA)) {
                wrong(format!("is {SCHEMA} for this box: it knows no other"));
            }
            continue;
        }
        if let Some((_, what)) = OTHERS.iter().find(|(other, _)| *other == name) {
            wrong((*what).to_owned());
            continue;
        }
        let Some(fields) = known.get(name) else {
            wrong(unknown(name, known.keys().map(String::as_str)));
            continue;
        };
        let Some(table) = value.get_ref().as_table() else {
            wrong("is a section of settings by their names".to_owned());
            continue;
        };
        for key in table.keys() {
            let (field, line) = (key.get_ref().as_ref(), lines.at(key.span().start));
            if !fields.iter().any(|known| known == field) {
                let what = unknown(field, fields.iter().map(String::as_str));
                errors.push(TextError { line, key: cut(&format!("{name}.{field}")), what });
                continue;
            }
            let value = serde_json::to_value(&values[name][field]).unwrap_or_default();
            if is_secret(name, field) && value == HIDDEN {
                continue;
            }
            wanted.insert((name.to_owned(), field.to_owned()), (line, value));
        }
    }
    apply(wanted, now, errors)
}

/// A name that somebody wrote, if it is short; else its beginning.
fn cut(name: &str) -> String {
    const LONGEST_KEY: usize = 100;
    match name.char_indices().nth(LONGEST_KEY) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

/// What the settings become of what is wanted, with what will not do beside `errors`.
pub(crate) fn apply(wanted: Wanted, now: &Settings, mut errors: Vec<TextError>) -> SettingsText {
    let before = now.kept().unwrap_or_default();
    let (mut settings, mut after) = (now.clone(), before.clone());
    for ((section, name), (line, value)) in &wanted {
        let mut with = after.clone();
        with[section][name] = value.clone();
        match serde_json::from_value::<Settings>(with.clone()) {
            Ok(read) => (settings, after) = (read, with),
            Err(error) => {
                let what = format!("will not do: {}", shown(&error.to_string()));
                errors.push(TextError { line: *line, key: format!("{section}.{name}"), what });
            }
        }
    }
    let typed = wanted.contains_key(&("proxy".to_owned(), "password".to_owned()));
    if let (false, Err((name, what))) = (typed, settings.proxy.password_stays(&now.proxy)) {
        let line = |key: &(String, String)| wanted.get(key).map(|(line, _)| *line);
        let at = ["url", "user"].map(|name| line(&("proxy".to_owned(), name.to_owned())));
        let line = at.into_iter().flatten().next().unwrap_or(1);
        let (key, what) = (format!("proxy.{name}"), what.to_owned());
        errors.push(TextError { line, key, what });
    }
    // Each that will not do is said, and left as it was, so that the next one is found.
    while let Err(SettingError { field, why }) = settings.check() {
        let (section, name) = field.split_once('.').unwrap_or((&field, ""));
        let of_it = |key: &&(String, String)| key.0 == section;
        let exact = wanted.get(&(section.to_owned(), name.to_owned()));
        let near = wanted.keys().find(of_it).and_then(|key| wanted.get(key));
        let line = exact.or(near).map_or(1, |(line, _)| *line);
        errors.push(TextError { line, key: field.clone(), what: why });
        let undone = after[section] != before[section];
        if exact.is_some() && !TOGETHER.contains(&section) {
            after[section][name] = before[section][name].clone();
        } else {
            after[section] = before[section].clone();
        }
        match serde_json::from_value(after.clone()) {
            Ok(read) if undone => settings = read,
            _ => break,
        }
    }
    let mut changes: Vec<Change> = Vec::new();
    for ((section, name), (line, _)) in &wanted {
        let (from, to) = (&before[section][name], &after[section][name]);
        if from != to {
            let text = |value: &Value| match is_secret(section, name) && *value != "" {
                true => HIDDEN.to_owned(),
                false => as_toml(value),
            };
            let key = format!("{section}.{name}");
            changes.push(Change { key, line: *line, from: text(from), to: text(to) });
        }
    }
    changes.sort_by_key(|change| change.line);
    errors.sort();
    if let Some(more @ 1..) = errors.len().checked_sub(MOST_ERRORS) {
        errors.truncate(MOST_ERRORS);
        let line = errors.last().map_or(1, |error| error.line);
        let what = format!("and {more} more below this line");
        errors.push(TextError { line, key: String::new(), what });
    }
    SettingsText { settings, changes, errors }
}

/// Names of all settings by their sections.
fn names(settings: &Settings) -> BTreeMap<String, Vec<String>> {
    let all = serde_json::to_value(settings).unwrap_or_default();
    let sections = all.as_object().into_iter().flatten();
    let names = |value: &Value| {
        value.as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default()
    };
    sections.map(|(section, value)| (section.clone(), names(value))).collect()
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known.map(|known| (strsim::osa_distance(name, known), known)).min();
    match near.filter(|(distance, _)| *distance <= 3) {
        Some((_, known)) => format!("is unknown: did you mean {known}?"),
        None => "is unknown: take the line out".to_owned(),
    }
}

#[cfg(test)]
mod tests;
