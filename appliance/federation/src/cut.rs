//! Why there is no link, from what a member's nats-server writes in its log. Pure.
//!
//! Of all that went wrong the newest counts. Signs are those of nats-server 2.14; a line that is not
//! known is no reason.

use roombox_control::fleet::CutReason;

/// What is in a line that tells of an error, and what it means. The first that fits counts.
const SIGNS: &[(&str, CutReason)] = &[
    ("Leafnode Error 'Authorization Violation'", CutReason::PutOut),
    ("certificate has expired or is not yet valid", CutReason::Clock),
    ("tls: failed to verify certificate", CutReason::Stranger),
    // Something on the way, like a machine whose hub is off.
    ("TLS leafnode handshake error: ", CutReason::Refused),
    ("connect: connection refused", CutReason::Refused),
    ("connect: network is unreachable", CutReason::NoRoute),
    ("connect: no route to host", CutReason::NoRoute),
    (": i/o timeout", CutReason::Silent),
    (": lookup for host ", CutReason::NoName),
];

/// The end of a connection whose other side said nothing that TLS knows.
const NO_HANDSHAKE: &str = "Leafnode connection closed: TLS Handshake Failure";

/// Why there is no link, if the log says so. `log`: what was written since there was one last.
pub fn reason(log: &str) -> Option<CutReason> {
    log.lines().rev().find_map(|line| {
        if !line.contains(NO_HANDSHAKE) {
            return error(line);
        }
        // What was wrong stands before it, in a line of the same connection; else there was no answer.
        let same = |other: &&str| connection(other) == connection(line);
        let told = log.lines().rev().filter(same).find_map(error);
        Some(told.unwrap_or(CutReason::Silent))
    })
}

fn error(line: &str) -> Option<CutReason> {
    let (_, said) = line.split_once(" [ERR] ")?;
    SIGNS.iter().find(|(sign, _)| said.contains(sign)).map(|(_, why)| *why)
}

/// The connection of a line, like `lid:9`.
fn connection(line: &str) -> Option<&str> {
    line.split(' ').find(|word| word.starts_with("lid:"))
}

#[cfg(test)]
mod tests;
