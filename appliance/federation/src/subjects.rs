//! Names of everything that goes through NATS. Nobody else writes one.

use std::fmt;

/// What a hub keeps until it has written it down.
pub const STREAM: &str = "FLEET_EV";
/// What the stream takes.
pub const ALL_EVENTS: &str = "fleet.*.ev.>";
/// Heartbeats of all boxes.
pub const ALL_HEARTBEATS: &str = "fleet.*.hb";
/// JetStream's domain at a hub.
pub const HUB_DOMAIN: &str = "hub";
/// What replies to a hub begin with: no box may say anything there.
pub const HUB_INBOX: &str = "_INBOX_hub";

const PREFIX: &str = "box-";

/// A box in a fleet: `box-` and its public key as NATS writes it, in small letters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BoxId(String);

impl BoxId {
    /// The id that follows from a public key.
    pub fn of_key(key: &str) -> Self {
        Self(format!("{PREFIX}{}", key.to_ascii_lowercase()))
    }

    /// Takes an id that somebody else wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let key = text.strip_prefix(PREFIX)?;
        let base32 = |sign: u8| sign.is_ascii_lowercase() || (b'2'..=b'7').contains(&sign);
        (key.len() == 56 && key.bytes().all(base32)).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The public key that it follows from, as NATS writes it.
    pub fn key(&self) -> String {
        self.0.strip_prefix(PREFIX).unwrap_or_default().to_ascii_uppercase()
    }
}

impl fmt::Display for BoxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject<'a> {
    /// Something happened on a box; the kind is `noun.verb`.
    Event { of: &'a BoxId, kind: &'a str },
    /// A box is alive.
    Heartbeat { of: &'a BoxId },
    /// The hub wants something of a box.
    Command { to: &'a BoxId, verb: Verb },
}

/// What a hub can want of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Send events again.
    Resend,
    /// Know that another box has this one's key.
    Cloned,
    /// Do a job of another box.
    Work,
    /// Know where the hub is from now on.
    Moved,
    /// Have these settings.
    Wish,
    /// Install a version.
    Update,
    /// Know that its clock and the hub's differ.
    Clock,
}

impl Verb {
    const ALL: [Self; 7] = [
        Self::Resend,
        Self::Cloned,
        Self::Work,
        Self::Moved,
        Self::Wish,
        Self::Update,
        Self::Clock,
    ];

    fn text(self) -> &'static str {
        match self {
            Self::Resend => "resend",
            Self::Cloned => "cloned",
            Self::Work => "work",
            Self::Moved => "moved",
            Self::Wish => "wish",
            Self::Update => "update",
            Self::Clock => "clock",
        }
    }

    /// The verb of a command's subject.
    pub fn of(subject: &str) -> Option<Self> {
        let verb = subject.rsplit('.').next()?;
        Self::ALL.into_iter().find(|known| known.text() == verb)
    }
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event { of, kind } => write!(f, "fleet.{of}.ev.{kind}"),
            Self::Heartbeat { of } => write!(f, "fleet.{of}.hb"),
            Self::Command { to, verb } => write!(f, "cmd.{to}.{}", verb.text()),
        }
    }
}

/// All commands for a box.
pub fn commands(to: &BoxId) -> String {
    format!("cmd.{to}.>")
}

/// What replies to a box begin with.
pub fn inbox(of: &BoxId) -> String {
    format!("_INBOX_{of}")
}

/// Who sent something, and the kind of an event: the server has checked the box, not the rest.
pub fn sender(subject: &str) -> Option<(BoxId, &str)> {
    let (of, rest) = subject.strip_prefix("fleet.")?.split_once('.')?;
    let kind = match rest {
        "hb" => "",
        event => event.strip_prefix("ev.")?,
    };
    Some((BoxId::parse(of)?, kind))
}

/// What a box may publish at its hub: each class by itself, never all that begins with `fleet`.
pub fn may_publish(of: &BoxId) -> Vec<String> {
    let own = ["fleet.{}.ev.>", "fleet.{}.hb", "fleet.{}.st.>"];
    own.iter().map(|pattern| pattern.replace("{}", of.as_str())).collect()
}

/// What a box may hear of its hub.
pub fn may_hear(of: &BoxId) -> Vec<String> {
    vec![commands(of), "cmd.all.>".to_owned(), format!("{}.>", inbox(of))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> String {
        format!("U{}", "A2".repeat(27) + "A")
    }

    #[test]
    fn a_subject_says_who_sent_it_and_one_of_nobody_says_nothing() {
        let of = BoxId::of_key(&key());
        assert_eq!(BoxId::parse(of.as_str()), Some(of.clone()));
        let event = Subject::Event { of: &of, kind: "room.created" }.to_string();
        assert_eq!(sender(&event), Some((of.clone(), "room.created")));
        let heartbeat = Subject::Heartbeat { of: &of }.to_string();
        assert_eq!(sender(&heartbeat), Some((of.clone(), "")));
        for wrong in ["", "fleet", "fleet.x.hb", "fleet.*.ev.a", &format!("fleet.{of}.x.a")] {
            assert_eq!(sender(wrong), None, "{wrong}");
        }
        let command = Subject::Command { to: &of, verb: Verb::Resend }.to_string();
        assert_eq!(Verb::of(&command), Some(Verb::Resend));
        assert_eq!(Verb::of("cmd.all.shell"), None);
    }

    #[test]
    fn a_box_may_speak_for_nobody_else() {
        let of = BoxId::of_key(&key());
        for allowed in may_publish(&of).iter().chain(&may_hear(&of)) {
            assert!(!allowed.starts_with("fleet.*") && !allowed.starts_with('>'), "{allowed}");
            let own = !allowed.starts_with("fleet.") || allowed.contains(of.as_str());
            assert!(own, "{allowed}");
            assert!(!allowed.starts_with(HUB_INBOX), "{allowed}");
        }
    }
}
