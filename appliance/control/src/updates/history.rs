//! What has been installed on this box, and what became of it.

use super::boots::{Boot, Boots, Fall, Outcome, Why, fall};
use crate::clock::UnixMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The other side was written; the next start tries it.
    Installed,
    /// The owner chose the other side for the next start.
    Switched,
    /// Nothing was installed.
    Failed,
    /// The new version passed its health check.
    Confirmed,
    /// It did not: the box went back.
    RolledBack,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PastUpdate {
    pub id: String,
    pub at: UnixMs,
    pub what: What,
    /// The version that it is about; `null`: nobody knows it.
    #[schema(required)]
    pub version: Option<String>,
    /// The version that ran, or runs again.
    pub from_version: String,
    /// Why the box went back.
    #[schema(required)]
    pub why: Option<Why>,
    /// The checks that failed, or why nothing was installed.
    #[schema(required)]
    pub detail: Option<String>,
    /// How often the version was tried.
    #[schema(required)]
    pub tries: Option<u32>,
    /// The start in which it happened.
    #[serde(skip)]
    pub boot_id: String,
    /// The side that it is about.
    #[serde(skip)]
    pub slot: String,
}

/// The start that runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running<'a> {
    pub boot_id: &'a str,
    pub slot: &'a str,
    /// Passed its health check.
    pub confirmed: bool,
}

/// What became of a version that was to start next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has not been tried yet, or is on its way.
    Open,
    Confirmed,
    Fell(Fall),
}

impl PastUpdate {
    /// Why it did not stay, in English, as far as it is known.
    pub(crate) fn said(&self) -> Option<String> {
        let why = self.why.map(|why| match why {
            Why::Health => "its health check failed",
            Why::NoHealthCheck => "it started and never reached its health check",
            Why::NeverStarted => "it never started",
            Why::Unknown => "nobody noted why",
        });
        match (why, &self.detail) {
            (Some(why), Some(detail)) => Some(format!("{why}: {detail}")),
            (None, Some(detail)) => Some(detail.clone()),
            (why, None) => why.map(str::to_owned),
        }
    }

    /// What became of this, if it is something that was to start next.
    pub(super) fn fate(&self, boots: &Boots, running: Running<'_>) -> Fate {
        if self.boot_id == running.boot_id {
            return Fate::Open;
        }
        if self.slot == running.slot {
            return if running.confirmed { Fate::Confirmed } else { Fate::Open };
        }
        let tries: Vec<&Boot> =
            boots.after(&self.boot_id).iter().filter(|boot| boot.slot == self.slot).rev().collect();
        // It was good once; whoever is at the box chose the other side later.
        if tries.iter().any(|boot| boot.outcome == Outcome::Good) {
            return Fate::Confirmed;
        }
        let version = self.version.clone().unwrap_or_default();
        Fate::Fell(match fall(&tries) {
            Some(fall) => Fall { version, ..fall },
            None => Fall {
                slot: self.slot.clone(),
                version,
                tries: 0,
                why: match boots.find(running.boot_id) {
                    Some(_) => Why::NeverStarted,
                    None => Why::Unknown,
                },
                detail: None,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_installed_is_confirmed_or_has_fallen_and_why() {
        let installed = PastUpdate {
            id: "upd_1".to_owned(),
            at: UnixMs(1),
            what: What::Installed,
            version: Some("0.3".to_owned()),
            from_version: "0.2".to_owned(),
            why: None,
            detail: None,
            tries: None,
            boot_id: "a".to_owned(),
            slot: "B".to_owned(),
        };
        let fell = |tries, why, detail: Option<&str>| {
            let (slot, version) = ("B".to_owned(), "0.3".to_owned());
            let detail = detail.map(str::to_owned);
            Fate::Fell(Fall { slot, version, tries, why, detail })
        };
        // Starts as `boot slot outcome`, the start and side that run, whether it is good.
        for (name, starts, boot_id, slot, confirmed, fate) in [
            ("not restarted", &["a A good"][..], "a", "A", true, Fate::Open),
            ("being tried", &["a A good", "b B started"], "b", "B", false, Fate::Open),
            ("good", &["a A good", "b B good"], "b", "B", true, Fate::Confirmed),
            ("good, no journal", &[], "b", "B", true, Fate::Confirmed),
            (
                "good, then back by hand",
                &["a A good", "b B good", "c A good"],
                "c",
                "A",
                true,
                Fate::Confirmed,
            ),
            (
                "its check failed",
                &["a A good", "b B started", "c B failed", "d A started"],
                "d",
                "A",
                false,
                fell(2, Why::Health, Some("why")),
            ),
            (
                "never checked",
                &["a A good", "b B started", "c A good"],
                "c",
                "A",
                true,
                fell(1, Why::NoHealthCheck, None),
            ),
            (
                "never started",
                &["z B failed", "a A good", "c A good"],
                "c",
                "A",
                true,
                fell(0, Why::NeverStarted, None),
            ),
            ("no journal", &[], "c", "A", true, fell(0, Why::Unknown, None)),
        ] {
            let line = |line: &&str| {
                let words: Vec<&str> = line.split(' ').collect();
                serde_json::json!({"boot_id": words[0], "slot": words[1], "version": "x",
                    "outcome": words[2], "reason": "why"})
                .to_string()
            };
            let boots = Boots::parse(&starts.iter().map(line).collect::<Vec<_>>().join("\n"));
            let running = Running { boot_id, slot, confirmed };
            assert_eq!(installed.fate(&boots, running), fate, "{name}");
        }
    }
}
