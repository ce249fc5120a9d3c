//! The `config.yaml` of a plugnmeet-server or plugnmeet-recorder, as far as it means something to a box. Most of it
//! sets up servers that a box replaces or has within itself: the answer says so for each key.
//!
//! Of YAML it reads what such files are made of: keys by their indentation, and plain or quoted values. Values of
//! other kinds are passed over; no value is shown, for many are secrets.

use crate::settings::Settings;
use crate::text::{SettingsText, TextError, Wanted, apply};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// As JSON it must fit a request, which has at most 256 KiB.
const LONGEST: usize = 128 * 1024;
/// Keys of a file; a sample has fewer than a hundred and fifty.
const MOST_KEYS: usize = 2_000;

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is a setting of this box.
    Taken,
    /// It has no meaning for a box.
    NotNeeded,
    /// A box has this too, elsewhere than in its settings.
    ByHand,
    Unknown,
}

/// A key of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamKey {
    /// With dots between.
    pub key: String,
    /// From 1.
    pub line: usize,
    pub verdict: Verdict,
    /// Stable name of the reason; empty: it is taken, or unknown.
    pub code: &'static str,
    /// The setting that it becomes, why it is not needed, or what to do by hand, in English.
    pub why: String,
}

/// What a file makes of settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Upstream {
    /// Each key below which nothing stands.
    pub keys: Vec<UpstreamKey>,
    pub text: SettingsText,
}

/// Keys that are settings of a box, and which.
const TAKEN: [(&str, &str, &str); 2] = [
    ("room_default_settings.max_participants", "meeting", "max_participants"),
    ("recorder.mode", "recorder", "mode"),
];

/// Keys, or what they begin with, that are no settings of a box, and why. The longest that fits counts.
const OTHERS: [(&str, &str); 32] = [
    ("client", "serves"),
    ("client.api_key", "their_key"),
    ("client.secret", "their_key"),
    ("client.token_validity", "their_key"),
    ("client.webhook_conf", "webhooks"),
    ("client.prometheus", "metrics"),
    ("room_default_settings", "their_rooms"),
    ("log_settings", "logs"),
    ("livekit_info", "livekit"),
    ("livekit_sip_info", "sip"),
    ("turn_server", "turn"),
    ("redis_info", "database"),
    ("database_info", "database"),
    ("mysql_info", "database"),
    ("nats_info", "nats"),
    ("upload_file_settings", "their_files"),
    ("recorder_info", "their_files"),
    ("recorder_info.recording_files_path", "recordings"),
    ("shared_notepad", "their_tools"),
    ("azure_cognitive_services_speech", "their_tools"),
    ("insights", "their_tools"),
    ("analytics_settings", "their_files"),
    ("artifacts_settings", "their_files"),
    ("recorder", "recorder"),
    ("recorder.copy_to_path", "recordings"),
    ("recorder.temporary_dir", "recorder"),
    ("ffmpeg_settings", "recorder"),
    ("chrome_settings", "recorder"),
    ("hooks", "hooks"),
    ("plugNmeet_info", "their_key"),
    ("bbb_info", "serves"),
    ("etherpad_info", "their_tools"),
];

/// Whether a reason leaves something to do, and the reason.
fn why(code: &str) -> (Verdict, &'static str) {
    use Verdict::{ByHand, NotNeeded};
    match code {
        "off" => (NotNeeded, "it is off or empty in the file"),
        "serves" => (NotNeeded, "this box serves its own pages, at ports of its own"),
        "their_key" => {
            (NotNeeded, "it is for plugnmeet-server and who asks it; this box has keys of its own")
        }
        "webhooks" => (ByHand, "add the receiver in the settings, under Webhooks"),
        "hooks" => (
            ByHand,
            "this box runs no scripts: add a webhook, or a target that recordings are copied to",
        ),
        "metrics" => (NotNeeded, "this box has /metrics always"),
        "their_rooms" => (NotNeeded, "plugnmeet-server itself looks after it"),
        "logs" => {
            (NotNeeded, "this box logs to its system, and to a syslog server named in the settings")
        }
        "livekit" => (
            ByHand,
            "this box is that server: make a LiveKit key in the settings, and write it and this box's address into \
             plugnmeet-server's file",
        ),
        "turn" => (ByHand, "name a TURN server of your own in the settings, under Relay"),
        "sip" => (NotNeeded, "this box does not speak SIP"),
        "database" => (NotNeeded, "this box has its database within itself"),
        "nats" => (NotNeeded, "this box needs no NATS, and runs its own while it is in a fleet"),
        "their_files" => (NotNeeded, "plugnmeet-server keeps these files"),
        "recordings" => (
            ByHand,
            "recordings lie on this box: add the folder or share as a target in the settings",
        ),
        "their_tools" => {
            (NotNeeded, "it is for tools of plugnmeet-server that this box does not have")
        }
        _ => (NotNeeded, "this box records without a browser and looks after its load by itself"),
    }
}

/// Reads a file as a change of `now`.
pub fn read_upstream(text: &str, now: &Settings) -> Upstream {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let unread = |error| Upstream { keys: Vec::new(), text: SettingsText::unread(now, error) };
    let lines = match lines(text) {
        Ok(lines) => lines,
        Err(error) => return unread(error),
    };
    let (mut wanted, mut errors) = (Wanted::new(), Vec::new());
    let mut keys: Vec<UpstreamKey> = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for Line { key, line, value, leaf, .. } in &lines {
        let mut wrong = |what| errors.push(TextError { line: *line, key: key.clone(), what });
        if let Some(before) = seen.insert(key, *line) {
            wrong(format!("stands there twice, in line {before} too: take one out"));
        }
        if *leaf && is_above_taken(key) && *value != Value::Null {
            wrong("is read only with its keys below it, each on a line of its own".to_owned());
        }
        let taken = TAKEN.iter().find(|(taken, ..)| taken == key);
        if let Some((_, section, name)) = taken.filter(|_| *leaf) {
            wanted.insert(((*section).to_owned(), (*name).to_owned()), (*line, value.clone()));
        }
    }
    for Line { key, line, value, leaf } in lines {
        let (verdict, code, why) = judged(&key, &value);
        // Of what is above others the others speak.
        if leaf {
            keys.push(UpstreamKey { key, line, verdict, code, why });
        }
    }
    if !keys.iter().any(|key| key.verdict != Verdict::Unknown) {
        let what =
            "this is neither a file of settings of a box nor the config.yaml of a plugnmeet-server";
        return unread(TextError { line: 1, key: String::new(), what: what.to_owned() });
    }
    Upstream { keys, text: apply(wanted, now, errors) }
}

fn judged(key: &str, value: &Value) -> (Verdict, &'static str, String) {
    if let Some((_, section, name)) = TAKEN.iter().find(|(taken, ..)| *taken == key) {
        return (Verdict::Taken, "", format!("{section}.{name}"));
    }
    let fits = |(prefix, _): &&(&str, &'static str)| {
        key == *prefix || key.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'))
    };
    let Some((_, code)) = OTHERS.iter().filter(fits).max_by_key(|(prefix, _)| prefix.len()) else {
        return (Verdict::Unknown, "", String::new());
    };
    let says_nothing = matches!(value, Value::Null | Value::Bool(false)) || *value == "";
    let code = match why(code).0 {
        // Nothing is to be done by hand for what is off.
        Verdict::ByHand if says_nothing => "off",
        _ => *code,
    };
    let (verdict, why) = why(code);
    (verdict, code, why.to_owned())
}

/// Something below this key is a setting of a box.
fn is_above_taken(key: &str) -> bool {
    let below = |known: &str| known.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
    TAKEN.iter().any(|(taken, ..)| below(taken))
}

struct Line {
    key: String,
    /// From 1.
    line: usize,
    /// A list, a table on one line and a text over many are an empty table; no value is nothing.
    value: Value,
    /// Nothing stands below it.
    leaf: bool,
}

/// The keys of a file.
fn lines(text: &str) -> Result<Vec<Line>, TextError> {
    let wrong =
        |line, what: &str| Err(TextError { line, key: String::new(), what: what.to_owned() });
    if text.len() > LONGEST {
        return wrong(1, "a config.yaml has at most 128 KiB");
    }
    let mut found: Vec<Line> = Vec::new();
    // Keys above, with their indentations; and from which indentation on lines belong to a value.
    let (mut above, mut value_from) = (Vec::<(usize, String)>::new(), None::<usize>);
    for (number, line) in (1..).zip(text.lines()) {
        let rest = line.trim_start_matches(' ');
        let indent = line.len() - rest.len();
        if rest.trim().is_empty() || rest.starts_with('#') || rest == "---" || rest == "..." {
            continue;
        }
        if value_from.is_some_and(|from| indent >= from) {
            continue;
        }
        value_from = None;
        if rest.starts_with('\t') {
            return wrong(number, "is indented with a tab: YAML takes spaces alone");
        }
        if rest == "-" || rest.starts_with("- ") {
            // A list is a value of the key above it, and so is what is indented more.
            value_from = Some(indent + 1);
            if let Some(last) = found.last_mut() {
                last.value = other_kind();
            }
            continue;
        }
        let Some((name, value)) = key_and_value(rest) else {
            return wrong(number, "is no key with a value: name: value");
        };
        while above.last().is_some_and(|(at, _)| *at >= indent) {
            above.pop();
        }
        if above.is_empty() && indent > 0 {
            return wrong(number, "is indented, and nothing stands above it");
        }
        if let Some(parent) = found.last_mut().filter(|_| !above.is_empty()) {
            parent.leaf &= above.last().is_none_or(|_| !is_child(&parent.key, &above));
        }
        above.push((indent, name.to_owned()));
        let key = above.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(".");
        if found.len() >= MOST_KEYS || key.len() > 500 {
            return wrong(number, "has too many keys to be a config.yaml");
        }
        let value = value.trim();
        if !value.is_empty() && !value.starts_with('#') {
            value_from = Some(indent + 1);
        }
        found.push(Line { key, line: number, value: scalar(value), leaf: true });
    }
    Ok(found)
}

/// Whether what comes next stands below this key: its path is that of the keys above.
fn is_child(key: &str, above: &[(usize, String)]) -> bool {
    above.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(".") == key
}

/// `name: value`, the name plain or in quotes.
fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let (name, value) = match line.chars().next()? {
        quote @ ('"' | '\'') => {
            let (name, rest) = line.get(1..)?.split_once(quote)?;
            (name, rest.trim_start().strip_prefix(':')?)
        }
        _ => line.split_once(':')?,
    };
    let plain =
        !name.is_empty() && name.trim() == name && !name.contains(['{', '[', '#', '&', '*', '!']);
    // A colon within a word is none: http://…
    let ends = value.is_empty() || value.starts_with([' ', '\t', '\r']);
    (plain && ends).then_some((name, value))
}

/// Stands for a value that is neither a text nor a number, nor true or false.
fn other_kind() -> Value {
    Value::Object(Map::new())
}

/// A plain or quoted value.
fn scalar(value: &str) -> Value {
    if let Some(quote) = value.chars().next().filter(|first| matches!(first, '"' | '\'')) {
        let inner = value.get(1..).and_then(|rest| rest.split_once(quote));
        return inner.map_or_else(other_kind, |(inner, _)| inner.into());
    }
    let plain = value.split(" #").next().unwrap_or_default().trim();
    match plain {
        "" | "~" | "null" => Value::Null,
        "true" => true.into(),
        "false" => false.into(),
        plain if plain.starts_with('#') => Value::Null,
        plain if plain.starts_with(['|', '>', '&', '*', '!', '[', '{']) => other_kind(),
        plain => plain.parse::<i64>().map_or_else(|_| plain.into(), Value::from),
    }
}

#[cfg(test)]
mod tests;
