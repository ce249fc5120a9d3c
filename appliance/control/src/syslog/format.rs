//! Messages as RFC 5424 writes them. Pure.

use crate::audit::AuditEntry;
use crate::logs::{LogLevel, LogLine};
use std::fmt::Write as _;

/// "log audit" (RFC 5424 §6.2.1).
const AUDIT: u8 = 13;
/// "system daemons".
const DAEMON: u8 = 3;
/// RFC 5612's number for examples: a vendor without one of its own says so.
const ENTERPRISE: &str = "32473";
/// Of a structured value; the text has what is longer.
const LONGEST_VALUE: usize = 1024;

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// The box's name.
    pub name: String,
    pub id: String,
    pub process: u32,
}

/// A name as headers may have it (§6.2.4): what is no printable ASCII becomes a dash.
fn header(text: &str, most: usize) -> String {
    let plain = text.chars().map(|sign| if sign.is_ascii_graphic() { sign } else { '-' });
    let plain: String = plain.take(most).collect();
    if plain.is_empty() { "-".to_owned() } else { plain }
}

/// A parameter of structured data (§6.3.3).
fn parameter(into: &mut String, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    let good = |sign: &char| sign.is_ascii_graphic() && !"=]\" ".contains(*sign);
    let name: String = name.chars().filter(good).take(32).collect();
    if name.is_empty() {
        return;
    }
    into.extend([" ", &*name, "=\""]);
    for sign in value.chars().take(LONGEST_VALUE) {
        if matches!(sign, '"' | '\\' | ']') {
            into.push('\\');
        }
        // One message is one line, also for receivers that count no octets.
        into.push(if sign.is_control() { ' ' } else { sign });
    }
    into.push('"');
}

struct Head<'a> {
    facility: u8,
    severity: u8,
    at: String,
    kind: &'a str,
}

fn message(speaker: &Speaker, head: &Head<'_>, data: &str, text: &str) -> String {
    let Head { facility, severity, at, kind } = head;
    let priority = facility * 8 + severity;
    let (host, process) = (header(&speaker.name, 255), speaker.process);
    let mut origin = String::new();
    parameter(&mut origin, "software", "roomboxd");
    parameter(&mut origin, "swVersion", env!("CARGO_PKG_VERSION"));
    let text = text.replace(char::is_control, " ");
    format!(
        "<{priority}>1 {at} {host} roombox {process} {kind} [origin{origin}][{kind}@{ENTERPRISE}{data}] {text}"
    )
}

/// A line of the log.
pub fn of_line(speaker: &Speaker, line: &LogLine) -> String {
    let severity = match line.level {
        LogLevel::Error => 3,
        LogLevel::Warn => 4,
        LogLevel::Info => 6,
        LogLevel::Debug => 7,
    };
    let mut data = String::new();
    parameter(&mut data, "box", &speaker.id);
    parameter(&mut data, "module", &line.target);
    let mut text = line.text.clone();
    for (name, value) in &line.fields {
        parameter(&mut data, name, value);
        // Writing into a text cannot fail.
        write!(text, " {name}={value}").unwrap_or_default();
    }
    let head = Head { facility: DAEMON, severity, at: line.at.rfc3339(), kind: "log" };
    message(speaker, &head, &data, &text)
}

/// Lines that were lost on the way to the server.
pub fn of_missed(speaker: &Speaker, at: String, missed: u64) -> String {
    let mut data = String::new();
    parameter(&mut data, "box", &speaker.id);
    parameter(&mut data, "missed", &missed.to_string());
    let text = format!("{missed} lines of the log were not sent: the server was away or too slow");
    message(speaker, &Head { facility: DAEMON, severity: 4, at, kind: "log" }, &data, &text)
}

/// A row of the audit log, with its hash: who has both can follow the chain.
pub fn of_audit(speaker: &Speaker, entry: &AuditEntry, hash: &str) -> String {
    let what = &entry.what;
    let mut data = String::new();
    for (name, value) in [
        ("box", &*speaker.id),
        ("seq", &*entry.seq.to_string()),
        ("action", &*what.action),
        ("result", &*what.result),
        ("person", &*what.person),
        ("name", &*what.name),
        ("token", &*what.token),
        ("from", &*what.from),
        ("subject", &*what.subject),
        ("detail", &*what.detail),
        ("hash", hash),
    ] {
        parameter(&mut data, name, value);
    }
    if what.skipped > 0 {
        parameter(&mut data, "skipped", &what.skipped.to_string());
    }
    let who = if what.name.is_empty() { "nobody" } else { &what.name };
    let text = format!("{who}: {} {} {}", what.action, what.subject, what.result);
    // Notice, or warning.
    let severity = if what.result == "ok" { 5 } else { 4 };
    let head = Head { facility: AUDIT, severity, at: entry.at.rfc3339(), kind: "audit" };
    message(speaker, &head, &data, &text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Noted;
    use crate::clock::UnixMs;

    fn speaker() -> Speaker {
        Speaker { name: "Große Halle".to_owned(), id: "box_1".to_owned(), process: 7 }
    }

    #[test]
    fn a_line_is_a_message_of_rfc_5424() {
        let line = LogLine {
            at: UnixMs(1_764_072_345_678),
            level: LogLevel::Warn,
            target: "roombox_control::webhooks".to_owned(),
            text: "not taken".to_owned(),
            fields: vec![("web hook=]\"", "a\"b\\c]d\ne".to_owned()), ("empty", String::new())],
        };
        let expected = concat!(
            "<28>1 2025-11-25T12:05:45.678Z Gro-e-Halle roombox 7 log ",
            "[origin software=\"roomboxd\" swVersion=\"0.1.0\"]",
            "[log@32473 box=\"box_1\" module=\"roombox_control::webhooks\" ",
            "webhook=\"a\\\"b\\\\c\\]d e\"] not taken web hook=]\"=a\"b\\c]d e empty="
        );
        assert_eq!(of_line(&speaker(), &line), expected);
    }

    #[test]
    fn a_row_of_the_audit_log_says_who_did_what_and_how_it_ended() {
        let what = Noted {
            person: "usr_1".to_owned(),
            name: "Ada \"]\n<0>1 forged".to_owned(),
            token: String::new(),
            from: "192.0.2.1".to_owned(),
            action: "room_delete".to_owned(),
            subject: "rm_1".to_owned(),
            detail: String::new(),
            result: "not_permitted".to_owned(),
            skipped: 2,
        };
        let entry = AuditEntry { seq: 9, at: UnixMs(1001), what };
        let text = of_audit(&speaker(), &entry, "ab12");
        assert!(
            text.starts_with("<108>1 1970-01-01T00:00:01.001Z Gro-e-Halle roombox 7 audit [origin")
        );
        for part in [
            "[audit@32473 box=\"box_1\" seq=\"9\"",
            "action=\"room_delete\"",
            "result=\"not_permitted\"",
            "name=\"Ada \\\"\\] <0>1 forged\"",
            "skipped=\"2\"",
            "hash=\"ab12\"",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains('\n') && !text.contains("token="), "{text}");
    }

    #[test]
    fn a_host_without_a_printable_name_has_a_dash() {
        assert_eq!(header("", 9), "-");
        assert_eq!(header(&"é".repeat(300), 255), "-".repeat(255));
    }
}
