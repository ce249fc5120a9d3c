//! Settings as a text: written out, looked at before they are taken over, and taken over.

use super::{Settings, SettingsDesk};
use crate::error::ControlError;
use crate::hex::hex;
use roombox_provision::{TextError, Upstream, Verdict, export, read_text, read_upstream};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use utoipa::ToSchema;

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextKind {
    /// Settings of a box, as TOML.
    Settings,
    /// The `config.yaml` of a plugnmeet-server or plugnmeet-recorder.
    Plugnmeet,
}

/// Something in a text that will not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TextProblem {
    /// From 1.
    pub line: usize,
    /// Empty: it is not about one.
    pub key: String,
    /// In English.
    pub what: String,
}

/// A setting that becomes another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SettingChange {
    /// Section and name with a dot between.
    pub key: String,
    /// From 1.
    pub line: usize,
    /// As TOML; `(hidden)` for a secret.
    pub from: String,
    pub to: String,
}

/// What becomes of a key of somebody else's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForeignVerdict {
    /// It is a setting of this box.
    Taken,
    /// It has no meaning for a box.
    NotNeeded,
    /// A box has this too, elsewhere than in its settings.
    ByHand,
    Unknown,
}

/// A key of somebody else's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ForeignKey {
    pub key: String,
    /// From 1.
    pub line: usize,
    pub verdict: ForeignVerdict,
    /// Stable name of the reason; empty: it is taken, or unknown.
    pub code: String,
    /// The setting that it becomes, why it is not needed, or what to do by hand, in English.
    pub why: String,
}

/// What a text would change. Nothing is changed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SettingsPreview {
    pub kind: TextKind,
    /// Of which settings it says so: to be sent with the text when it is taken over.
    pub of: String,
    pub changes: Vec<SettingChange>,
    /// Of somebody else's file: each key.
    pub keys: Vec<ForeignKey>,
    /// With one of these nothing can be taken over.
    pub problems: Vec<TextProblem>,
}

/// Which of the two a text is: the first line that says something tells.
fn kind(text: &str) -> TextKind {
    let says = |line: &&str| !line.is_empty() && !line.starts_with('#') && *line != "---";
    let first = text.trim_start_matches('\u{feff}').lines().map(str::trim).find(says);
    let name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '"' | '\'' | '.');
    let rest = first.unwrap_or_default().trim_start_matches(name);
    match rest.starts_with(':') {
        true => TextKind::Plugnmeet,
        false => TextKind::Settings,
    }
}

fn read(text: &str, now: &Settings) -> Upstream {
    match kind(text) {
        TextKind::Settings => Upstream { keys: Vec::new(), text: read_text(text, now) },
        TextKind::Plugnmeet => read_upstream(text, now),
    }
}

/// Tells settings apart; secrets do not count.
fn mark(settings: &Settings) -> String {
    let text = serde_json::to_vec(settings).unwrap_or_default();
    hex(&Sha256::digest(text)[..16])
}

impl SettingsDesk {
    /// All settings with their explanations, as TOML, without secrets.
    pub fn export(&self) -> String {
        export(&self.get())
    }

    /// What a text would change, and what in it will not do. Changes nothing.
    pub fn preview(&self, text: &str) -> SettingsPreview {
        let now = self.get();
        let Upstream { keys, text: read } = read(text, &now);
        let change = |change: roombox_provision::Change| SettingChange {
            key: change.key,
            line: change.line,
            from: change.from,
            to: change.to,
        };
        let key = |key: roombox_provision::UpstreamKey| ForeignKey {
            verdict: match key.verdict {
                Verdict::Taken => ForeignVerdict::Taken,
                Verdict::NotNeeded => ForeignVerdict::NotNeeded,
                Verdict::ByHand => ForeignVerdict::ByHand,
                Verdict::Unknown => ForeignVerdict::Unknown,
            },
            key: key.key,
            line: key.line,
            code: key.code.to_owned(),
            why: key.why,
        };
        let problem = |TextError { line, key, what }| TextProblem { line, key, what };
        SettingsPreview {
            kind: kind(text),
            of: mark(&now),
            changes: read.changes.into_iter().map(change).collect(),
            keys: keys.into_iter().map(key).collect(),
            problems: read.errors.into_iter().map(problem).collect(),
        }
    }

    /// Takes a text over, all of it or nothing: the settings then, and the names of those that it changed. `of`: what
    /// its preview said.
    ///
    /// # Errors
    /// Something in it will not do, the settings are others than when it was looked at, or the store refuses.
    pub async fn import(
        &self,
        text: &str,
        of: &str,
    ) -> Result<(Arc<Settings>, Vec<String>), ControlError> {
        let _turn = self.turn().await;
        let now = self.get();
        if mark(&now) != of {
            return Err(ControlError::SettingsMoved);
        }
        let read = read(text, &now).text;
        let changed = read.changes.iter().map(|change| change.key.clone()).collect();
        match read.taken() {
            Ok(settings) => Ok((self.put(settings).await?, changed)),
            Err(errors) => {
                let more = errors.len().saturating_sub(1);
                let first = errors.into_iter().next();
                let (line, mut what) =
                    first.map_or((1, String::new()), |TextError { line, key, what }| {
                        (line, format!("{key} {what}").trim().to_owned())
                    });
                if more > 0 {
                    what.push_str(&format!(" (and {more} more lines)"));
                }
                Err(ControlError::InvalidSettingsText { line, what })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    async fn desk(folder: &tempfile::TempDir) -> SettingsDesk {
        let store = Arc::new(Store::open(&folder.path().join("box.db")).unwrap());
        SettingsDesk::load(store, Arc::default()).await.unwrap()
    }

    #[tokio::test]
    async fn a_text_is_taken_over_as_it_was_looked_at_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(&folder).await;
        let text = desk.export().replace("keep_days = 0", "keep_days = 30");
        let seen = desk.preview(&text);
        assert_eq!(
            (seen.kind, seen.changes.len(), seen.problems.len()),
            (TextKind::Settings, 1, 0)
        );
        assert_eq!(
            (seen.changes[0].key.as_str(), seen.changes[0].to.as_str()),
            ("recording.keep_days", "30")
        );
        // Somebody changes something else meanwhile.
        desk.patch(serde_json::json!({"meeting": {"max_participants": 5}})).await.unwrap();
        let moved = desk.import(&text, &seen.of).await.unwrap_err();
        assert_eq!(moved.code(), "settings_changed");
        let seen = desk.preview(&text);
        assert_eq!(seen.changes.len(), 2, "it would take that back");
        let (_, changed) = desk.import(&text, &seen.of).await.unwrap();
        assert_eq!(changed, ["recording.keep_days", "meeting.max_participants"]);
        assert_eq!((desk.get().recording.keep_days, desk.get().meeting.max_participants), (30, 0));

        let wrong = "[recording]\nkeep_days = 1\nlayouts = 1\n[meeting]\nempty_timeout_s = 0\n";
        let seen = desk.preview(wrong);
        assert_eq!((seen.problems.len(), seen.changes.len()), (2, 1));
        let refused = desk.import(wrong, &seen.of).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_settings_text");
        assert!(
            refused.to_string().starts_with("line 3: recording.layouts is unknown"),
            "{refused}"
        );
        assert!(refused.to_string().contains("and 1 more lines"), "{refused}");
        assert_eq!(desk.get().recording.keep_days, 30);
    }

    #[tokio::test]
    async fn a_servers_file_is_known_by_its_first_words() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(&folder).await;
        let text = "# of a server\n---\nroom_default_settings:\n  max_participants: 12\nclient:\n  port: 8080\n";
        let seen = desk.preview(text);
        assert_eq!((seen.kind, seen.keys.len()), (TextKind::Plugnmeet, 2));
        desk.import(text, &seen.of).await.unwrap();
        assert_eq!(desk.get().meeting.max_participants, 12);
        assert_eq!(kind("\u{feff}schema = 1\n"), TextKind::Settings);
        assert_eq!(kind("[turn]\n"), TextKind::Settings);
        assert_eq!(kind(""), TextKind::Settings);
    }
}
