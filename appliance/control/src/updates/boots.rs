//! What became of each start of the box, from the journal that root units write
//! (`/data/boots.jsonl`), and why the box went back to another version.
//!
//! ```text
//! started ─┬─ good      the health check passed
//!          ├─ failed    it did not, and says why
//!          └─ (nothing) it never came that far
//! ```
//! Lines are read in their order: a box without a battery has no right time when it writes them.

use crate::clock::UnixMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One line of the journal.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default)]
    at: u64,
    boot_id: String,
    #[serde(default)]
    slot: String,
    #[serde(default)]
    version: String,
    outcome: String,
    #[serde(default)]
    reason: Option<String>,
}

/// How a start ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Neither good nor failed: it never reached its health check, or is on its way there.
    Unfinished,
    Good,
    /// With the checks that failed.
    Failed(String),
}

/// One start of the box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// Of the kernel: another one at each start.
    pub id: String,
    pub at: UnixMs,
    /// `A` or `B`.
    pub slot: String,
    pub version: String,
    pub outcome: Outcome,
    /// What of the boot state was mended in it.
    pub healed: Vec<String>,
}

/// All starts that the journal knows, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Boots(Vec<Boot>);

/// Why a version did not stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Its health check failed.
    Health,
    /// It started and never reached its health check.
    NoHealthCheck,
    /// Not even its start was noted: the boot loader or the kernel gave up.
    NeverStarted,
    /// Nobody noted the starts.
    Unknown,
}

/// Starts of one side that did not last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fall {
    pub slot: String,
    pub version: String,
    pub tries: u32,
    pub why: Why,
    /// The checks that failed at the last try that came so far.
    pub detail: Option<String>,
}

impl Boots {
    /// Reads a journal. A torn last line, or one that makes no sense, is passed over: a power cut
    /// must not cost the rest.
    pub fn parse(text: &str) -> Self {
        let mut boots: Vec<Boot> = Vec::new();
        for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
            if boots.last().is_none_or(|boot| boot.id != line.boot_id) {
                boots.push(Boot {
                    id: line.boot_id,
                    at: UnixMs(line.at),
                    slot: line.slot,
                    version: line.version,
                    outcome: Outcome::Unfinished,
                    healed: Vec::new(),
                });
            }
            let Some(boot) = boots.last_mut() else { continue };
            match line.outcome.as_str() {
                "good" => boot.outcome = Outcome::Good,
                "failed" => boot.outcome = Outcome::Failed(line.reason.unwrap_or_default()),
                "healed" => boot.healed.extend(line.reason),
                _ => {}
            }
        }
        Self(boots)
    }

    pub fn find(&self, id: &str) -> Option<&Boot> {
        self.0.iter().rev().find(|boot| boot.id == id)
    }

    /// The version that last ran from this side.
    pub fn version_of(&self, slot: &str) -> Option<&str> {
        let of_slot = |boot: &&Boot| boot.slot == slot && !boot.version.is_empty();
        self.0.iter().rev().find(of_slot).map(|boot| boot.version.as_str())
    }

    /// Starts after the one called `id`; all, if the journal does not reach back to it.
    pub fn after(&self, id: &str) -> &[Boot] {
        let at = self.0.iter().rposition(|boot| boot.id == id);
        &self.0[at.map_or(0, |at| at + 1)..]
    }

    /// The fall that ended in the start called `id`: starts of the other side directly before it
    /// that did not last.
    pub fn fall_before(&self, id: &str) -> Option<Fall> {
        let at = self.0.iter().rposition(|boot| boot.id == id)?;
        let slot = &self.0[at].slot;
        let lost = |boot: &&Boot| boot.slot != *slot && boot.outcome != Outcome::Good;
        let lost: Vec<&Boot> = self.0[..at].iter().rev().take_while(lost).collect();
        fall(&lost)
    }
}

/// What starts that did not last (newest first) have in common.
pub fn fall(lost: &[&Boot]) -> Option<Fall> {
    let newest = lost.first()?;
    let failed = lost.iter().find_map(|boot| match &boot.outcome {
        Outcome::Failed(reason) => Some(reason.clone()),
        _ => None,
    });
    Some(Fall {
        slot: newest.slot.clone(),
        version: newest.version.clone(),
        tries: u32::try_from(lost.len()).unwrap_or(u32::MAX),
        why: if failed.is_some() { Why::Health } else { Why::NoHealthCheck },
        detail: failed.filter(|reason| !reason.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines from `boot slot version outcome reason`.
    fn journal(lines: &[&str]) -> Boots {
        let line = |line: &&str| {
            let mut words = line.splitn(5, ' ');
            let mut word = || words.next().unwrap_or_default().to_owned();
            let (boot, slot, version, outcome, reason) = (word(), word(), word(), word(), word());
            serde_json::json!({"at": 1, "boot_id": boot, "slot": slot, "version": version,
                "try": 1, "outcome": outcome, "reason": reason})
            .to_string()
        };
        Boots::parse(&lines.iter().map(line).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn a_fall_names_its_tries_and_the_check_that_failed() {
        // Journal, the start that runs; tries, why, detail.
        let health = Some(("0.3", 3, Why::Health, Some("no room could be recorded")));
        for (name, lines, running, fell) in [
            (
                "three failed health checks",
                &[
                    "a A 0.2 started",
                    "a A 0.2 good",
                    "b B 0.3 started",
                    "b B 0.3 failed x",
                    "c B 0.3 started",
                    "c B 0.3 failed x",
                    "d B 0.3 started",
                    "d B 0.3 failed no room could be recorded",
                    "e A 0.2 started",
                    "e A 0.2 good",
                ][..],
                "e",
                health,
            ),
            (
                "the last try hung",
                &[
                    "a A 0.2 good",
                    "b B 0.3 started",
                    "b B 0.3 failed x",
                    "c B 0.3 started",
                    "c B 0.3 failed no room could be recorded",
                    "d B 0.3 started",
                    "e A 0.2 started",
                ],
                "e",
                health,
            ),
            (
                "it never reached its health check",
                &["a A 0.2 good", "b B 0.3 started", "c A 0.2 started"],
                "c",
                Some(("0.3", 1, Why::NoHealthCheck, None)),
            ),
            ("the other side was good", &["a B 0.3 good", "b A 0.2 good"], "b", None),
            ("the same side again", &["a A 0.2 started", "b A 0.2 good"], "b", None),
            ("the first start of all", &["a A 0.2 started"], "a", None),
            ("a start that is not there", &["a B 0.3 started", "b A 0.2 good"], "z", None),
        ] {
            let found = journal(lines).fall_before(running);
            let told = found
                .as_ref()
                .map(|fall| (fall.version.as_str(), fall.tries, fall.why, fall.detail.as_deref()));
            assert_eq!(told, fell, "{name}");
        }
    }

    #[test]
    fn a_torn_line_costs_itself_alone() {
        let good = r#"{"at":5,"boot_id":"a","slot":"A","version":"0.2","try":1,"outcome":"good"}"#;
        let healed = r#"{"boot_id":"a","slot":"A","outcome":"healed","reason":"grubenv"}"#;
        let boots = Boots::parse(&format!("{{\"at\":1,\"bo\n{good}\n{healed}\n{{\"at\":7,"));
        let boot = boots.find("a").unwrap();
        assert_eq!((boot.at, boot.outcome.clone()), (UnixMs(5), Outcome::Good));
        assert_eq!(boot.healed, ["grubenv"]);
        assert_eq!(boots.after("a"), []);
        assert_eq!(boots.version_of("A"), Some("0.2"));
        assert_eq!(boots.version_of("B"), None);
    }
}
